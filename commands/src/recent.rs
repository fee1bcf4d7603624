//! The commands that a history remembers, so that a repeat is recognised without another read or write.

use std::collections::VecDeque;

use muster_domain::{CommandId, Commit, Fingerprint};
use serde::{Deserialize, Serialize};

/// How many commands are remembered. A repeat that comes after so many others is a new command.
pub const REMEMBERED_COMMANDS: usize = 64;

/// A command that took effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentCommand {
    /// Its id.
    pub command_id: CommandId,
    /// What it asked for.
    pub fingerprint: Fingerprint,
    /// The version of the first event that it caused.
    pub first: u64,
    /// The version of the last.
    pub last: u64,
}

/// The last [`REMEMBERED_COMMANDS`] commands of one aggregate, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecentCommands(VecDeque<RecentCommand>);

impl RecentCommands {
    /// The command of this id, if it is remembered.
    pub fn find(&self, command_id: CommandId) -> Option<&RecentCommand> {
        self.0.iter().rev().find(|command| command.command_id == command_id)
    }

    /// Remembers the command of this commit, and forgets the oldest when there are too many.
    pub(crate) fn remember(&mut self, commit: &Commit) {
        self.0.push_back(RecentCommand::of(commit));
        while self.0.len() > REMEMBERED_COMMANDS {
            self.0.pop_front();
        }
    }

    /// How many bytes they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|command| size_of::<RecentCommand>() + command.fingerprint.as_str().len()).sum()
    }
}

impl RecentCommand {
    /// The command that this commit is of.
    pub(crate) fn of(commit: &Commit) -> Self {
        Self {
            command_id: commit.command_id,
            fingerprint: commit.fingerprint.clone(),
            first: commit.version,
            last: commit.last_version(),
        }
    }
}
