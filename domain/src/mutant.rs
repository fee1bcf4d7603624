//! Planted defects, by which the simulation is tested: one that it does not notice is a hole in it.
//!
//! Each is one line of the code that it would break, behind [`planted`], which is the constant `false` unless the feature
//! `mutants` is on. Only the simulation's own package turns it on; `cargo xtask test` checks that.

/// A defect. `docs/verification.md` says how soon the simulation notices each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mutant {
    /// A projector takes in an event that its row already reflects.
    NoVersionGate = 1,
    /// A commit is put where another one stands.
    NoPutCondition,
    /// Of a history only the first page is read.
    FirstPageOnly,
    /// Entries that the bus refused count as accepted.
    FailedEntriesIgnored,
    /// A place that is taken by another commit counts as written.
    ConflictIsSuccess,
    /// A projector acknowledges messages whose row it could not write.
    AckBeforeWrite,
    /// The stream's checkpoint is saved before the projections have acknowledged.
    CheckpointBeforeAck,
    /// Histories are read without consistency, so that what was acknowledged may not be seen.
    StaleRead,
    /// A command that took effect is not known again.
    RepeatUnseen,
    /// A carried state of another schema is used.
    ForeignStateTrusted,
    /// A repair leaves out the last of the missing events.
    RepairStopsShort,
    /// A deleted aggregate's row forgets what it was, and its version.
    TombstoneDropped,
    /// A rebuild lets projectors write to the new table only once it is filled.
    RebuildLosesTraffic,
    /// What a batch call left undone is not asked for again.
    UnprocessedDropped,
    /// A row is written whatever stands there.
    NoRowCondition,
    /// A damaged carried state is used as far as it goes.
    DamagedStateTrusted,
    /// The last one on a roster may leave it.
    LastMayLeave,
    /// A roster is written whatever others made of it since it was read.
    NoRosterCondition,
    /// A refresh whose answer was lost gets no successor again.
    NoGrace,
    /// The refresh token before gets its successor again however late it comes.
    GraceWithoutEnd,
    /// A refresh token that was used long before is refused, and its session lives on.
    ReuseTolerated,
    /// A refresh token of any generation moves its session on.
    GenerationNotCompared,
    /// A refresh that others overtook counts as the use of a copy.
    LatecomerIsThief,
    /// A session that was ended is refreshed all the same.
    EndNotAsked,
    /// Personal data is written in the open.
    NotSealed,
    /// The key of a person who was erased stays where it is.
    KeyKept,
    /// Whoever takes an invitation makes an account of their own.
    InvitationMakesMore,
    /// Of a history store only the first page is under a digest.
    DigestOfFirstPage,
    /// A head counts as under a digest before the digest is written.
    HeadsBeforeDigest,
    /// A place in the feed is taken although another event stands there.
    FeedPlaceNotAsked,
    /// Events get their places in the feed after their row is moved.
    FeedPlacesAfterRow,
}

impl Mutant {
    /// Every one. `docs/verification.md` says after how many seeds the simulation was seen to notice it.
    pub const ALL: &'static [Self] = &[
        Self::NoVersionGate,
        Self::NoPutCondition,
        Self::FirstPageOnly,
        Self::FailedEntriesIgnored,
        Self::ConflictIsSuccess,
        Self::AckBeforeWrite,
        Self::CheckpointBeforeAck,
        Self::StaleRead,
        Self::RepeatUnseen,
        Self::ForeignStateTrusted,
        Self::RepairStopsShort,
        Self::TombstoneDropped,
        Self::RebuildLosesTraffic,
        Self::UnprocessedDropped,
        Self::NoRowCondition,
        Self::DamagedStateTrusted,
        Self::LastMayLeave,
        Self::NoGrace,
        Self::GraceWithoutEnd,
        Self::GenerationNotCompared,
        Self::NoRosterCondition,
        Self::ReuseTolerated,
        Self::EndNotAsked,
        Self::NotSealed,
        Self::KeyKept,
        Self::LatecomerIsThief,
        Self::InvitationMakesMore,
        Self::DigestOfFirstPage,
        Self::HeadsBeforeDigest,
        Self::FeedPlaceNotAsked,
        Self::FeedPlacesAfterRow,
    ];
}

#[cfg(feature = "mutants")]
mod switch {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Mutant;

    static PLANTED: AtomicU8 = AtomicU8::new(0);

    /// Whether this defect is in the program now.
    pub fn planted(mutant: Mutant) -> bool {
        PLANTED.load(Ordering::Relaxed) == mutant as u8
    }

    /// Puts a defect into this process, or takes it out.
    pub fn plant(mutant: Option<Mutant>) {
        PLANTED.store(mutant.map_or(0, |mutant| mutant as u8), Ordering::Relaxed);
    }
}

#[cfg(feature = "mutants")]
pub use switch::{plant, planted};

/// Whether this defect is in the program: never.
#[cfg(not(feature = "mutants"))]
pub const fn planted(_: Mutant) -> bool {
    false
}
