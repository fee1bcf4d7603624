//! How the program is called.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use muster_domain::task::{ImportSource, Status};
use muster_domain::user::Role;
use muster_domain::values::{Email, Name, TimeZone};
use muster_domain::{ImportId, TeamId};
use muster_handlers::import::{Archived, DateOrder, Field, Options};

use crate::api_args::ApiArgs;
use crate::mail::MailArgs;
use crate::store::Stage;
use crate::tls::TlsArgs;

/// Task management for field teams: every change to a task is an event that stays.
#[derive(Debug, Parser)]
#[command(name = "muster", version, propagate_version = true, max_term_width = 100)]
pub struct Muster {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How log lines look; they go to the standard error. Which are written, `MUSTER_LOG`
    /// says, such as `info,muster_cli=debug`.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// As text on a terminal, as JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// One JSON object on each line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole system in this process: the HTTP API, the store and the read models.
    ///
    /// The first start makes the store and the first administrator, and prints their sign-in once. Ctrl-C (or SIGTERM)
    /// ends it cleanly; a second Ctrl-C ends it at once.
    Serve(Box<ServeArgs>),
    /// Fill an empty store with a believable field team: 30 people, 4 teams, 2,000 tasks with a month of history.
    ///
    /// Works on a data directory that nobody uses and on one that a server has open. A run that was cut off goes on
    /// when it is started again.
    Demo(DemoArgs),
    /// Show each read model's generation, rows, parked aggregates and lag, and how much the event store holds.
    Status(StatusArgs),
    /// Show everything that happened to one task, user or team, with the hashes.
    History(HistoryArgs),
    /// Follow every hash chain and every digest, and name what was tampered with: in the store, or offline in an export.
    ///
    /// Finds events that were changed, removed, inserted or moved, histories that were cut, removed or written anew, and
    /// digests that were removed or forged. Exits with 1 when anything is wrong.
    Verify(VerifyArgs),
    /// Write a proof that an event is in its history, which is verified with nothing but the public key.
    Prove(ProveArgs),
    /// The signed digests over the heads of all histories. The server takes one every hour.
    #[command(subcommand)]
    Digest(DigestCommand),
    /// Compare every history with its row in each read model, and bring up the rows that are behind.
    Reconcile(ReconcileArgs),
    /// Fill a new generation of a read model from the log, verify it, and switch to it, while the server runs.
    Rebuild(RebuildArgs),
    /// List what the read models could not take in, and why. Exits with 1 when there is anything.
    Parked(ParkedArgs),
    /// Bring what is parked up to its history, which is always safe: after the defect that parked it was mended.
    ///
    /// On AWS, the messages about what was repaired leave the dead-letter queue. Exits with 1 when anything stays parked.
    Redrive(RedriveArgs),
    /// Open accounts.
    #[command(subcommand)]
    User(UserCommand),
    /// The keys that sign access tokens, and the server secret, of a data directory.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Write every history with its hashes, and the digests over their heads, in one file for `muster verify --export`.
    Export(ExportArgs),
    /// Fill an empty store with the export of another one: the same commits, ids, times and hashes.
    ///
    /// The export is verified before anything is written. Run again after it was cut off, the import goes on. Passwords, sessions
    /// and API tokens are in no export: people get a new password by letter, and `muster user create` opens an account for an
    /// administrator who can sign in at once.
    Import(ImportArgs),
    /// Print the OpenAPI document.
    #[command(hide = true)]
    Openapi,
}

/// Where the store is.
#[derive(Clone, Debug, Args)]
pub struct DataArgs {
    /// The data directory. If a server has it open, the command works through the server's socket in it.
    #[arg(long, env = "MUSTER_DATA", value_name = "DIR", default_value = "./data")]
    pub data: PathBuf,
}

/// Which store an operator's command works on: a data directory, or the tables of a stage on AWS.
#[derive(Clone, Debug, Args)]
pub struct StoreArgs {
    /// A data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Work on the tables of this stage on AWS, such as `dev` or `prod`, instead of a data directory.
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<Stage>,
    /// The AWS profile [default: as every AWS tool finds it].
    #[arg(long, value_name = "NAME", requires = "stage")]
    pub profile: Option<String>,
    /// The AWS region [default: as every AWS tool finds it].
    #[arg(long, value_name = "REGION", requires = "stage")]
    pub region: Option<String>,
}

/// The first administrator.
#[derive(Clone, Debug, Default, Args)]
pub struct AdminArgs {
    /// The first administrator's e-mail address [default: admin@muster.example]. Read on the first start only. Their
    /// password is in `MUSTER_ADMIN_PASSWORD`, or else is made up.
    #[arg(long, env = "MUSTER_ADMIN_EMAIL", value_name = "EMAIL")]
    pub admin_email: Option<Email>,
    /// Ask for the first administrator's password on the terminal.
    #[arg(long)]
    pub admin_password_prompt: bool,
}

/// Of `muster serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// The address to listen on.
    #[arg(long, env = "MUSTER_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Whether HTTPS is spoken.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// The data directory; it is made when it is not there.
    #[arg(long, env = "MUSTER_DATA", value_name = "DIR", default_value = "./data")]
    pub data: PathBuf,
    /// The first administrator.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// How the API behaves.
    #[command(flatten)]
    pub api: ApiArgs,
    /// How letters are sent.
    #[command(flatten)]
    pub mail: MailArgs,
    /// First fill the store, which must have no tasks, with a believable field team.
    #[arg(long)]
    pub demo: bool,
}

/// Of `muster demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// The data directory; it is made when it is not there.
    #[command(flatten)]
    pub data: DataArgs,
    /// The first administrator, if the store is new.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// How many tasks to make.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub tasks: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster history`.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// The stream, such as `task#0190b2f4-…`, `user#…` or `team#…`; an id alone is a task's.
    #[arg(value_name = "STREAM", value_parser = super::operate::history::parse_stream)]
    pub stream: muster_domain::StreamId,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print each commit as one line of JSON, as `muster export` does.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Verify a file that `muster export` wrote, without a store (`-` for the standard input).
    #[arg(long, value_name = "FILE", requires = "key")]
    pub export: Option<PathBuf>,
    /// Verify a file that `muster prove` wrote, without a store.
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "export")]
    pub proof: Option<PathBuf>,
    /// The public key of digests in PEM, as `muster digest public-key` shows it and as you kept it. Several where it was
    /// changed.
    #[arg(long, value_name = "FILE")]
    pub key: Vec<PathBuf>,
    /// A digest that you kept, as `muster digest list` shows it: the export must have it. So an export that ends too early shows.
    #[arg(long, value_name = "FILE", requires = "export")]
    pub kept: Vec<PathBuf>,
    /// Every event must be under a digest, also where the export does not say so of itself: what was added or written anew after
    /// the last one is then found. For an export that took its digest.
    #[arg(long, requires = "export")]
    pub complete: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster reconcile`.
#[derive(Clone, Debug, Args)]
pub struct ReconcileArgs {
    /// Only this read model, such as `task-list`; all of them if left out.
    #[arg(value_name = "PROJECTION")]
    pub projection: Option<String>,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Only list what is wrong. Exits with 1 when there is anything.
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster rebuild`.
#[derive(Clone, Debug, Args)]
pub struct RebuildArgs {
    /// The read model, such as `task-list`.
    #[arg(value_name = "PROJECTION")]
    pub projection: String,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Go back to the generation before the active one, brought up to date first.
    #[arg(long)]
    pub back: bool,
    /// Give up the generation that is being built, when a rebuild was cut off and is not to go on.
    #[arg(long, conflicts_with = "back")]
    pub abandon: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster parked`.
#[derive(Clone, Debug, Args)]
pub struct ParkedArgs {
    /// Only of this read model, such as `task-list`; of all of them if left out.
    #[arg(value_name = "PROJECTION")]
    pub projection: Option<String>,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster redrive`.
#[derive(Clone, Debug, Args)]
pub struct RedriveArgs {
    /// Only of this read model, such as `task-list`; of all of them if left out.
    #[arg(value_name = "PROJECTION")]
    pub projection: Option<String>,
    /// Only this aggregate, such as `task#0190b2f4-…`; an id alone is a task's.
    #[arg(long, value_name = "STREAM", value_parser = super::operate::history::parse_stream)]
    pub stream: Option<muster_domain::StreamId>,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Only list what would be repaired.
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Open an account for somebody, and show the sign-in once. Somebody has to be the first administrator of a stage.
    Create(UserCreateArgs),
}

/// Of `muster user create`.
#[derive(Clone, Debug, Args)]
pub struct UserCreateArgs {
    /// The address with which they sign in.
    #[arg(long, value_name = "EMAIL")]
    pub email: Email,
    /// What they are called.
    #[arg(long, value_name = "NAME")]
    pub name: Name,
    /// What they may do: `admin`, `manager`, `member` or `auditor`.
    #[arg(long, value_name = "ROLE", default_value = "member", value_parser = parse_role)]
    pub role: Role,
    /// Ask for their password on the terminal. Otherwise it is in `MUSTER_PASSWORD`, or else is made up.
    #[arg(long)]
    pub password_prompt: bool,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What can be done with keys and secrets. A running server takes up within a second or two what is done with the keys that sign
/// access tokens. On AWS the keys are in KMS: the runbook, *Rotate keys*.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Show each key: which one signs, which is to, and until when tokens of the one before are good.
    List(KeysListArgs),
    /// Make a new key: published at once, it signs when whoever keeps the published keys has it, too.
    ///
    /// Tokens of the key before stay good until they have expired, a quarter of an hour later; then its file is removed.
    Rotate(KeysRotateArgs),
    /// Remove a key that does not sign: tokens of it are refused at once, and whoever has one refreshes.
    Retire(KeysRetireArgs),
    /// Make another server secret, when the old one is lost or somebody may have it. The server must be stopped.
    ///
    /// It ends every session; second factors, recovery codes, invitations and links in letters that there are become good for
    /// nothing. Passwords, API tokens and the history stay as they are.
    RenewServerSecret(DataArgs),
}

/// Of `muster keys list`.
#[derive(Clone, Debug, Args)]
pub struct KeysListArgs {
    /// The data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster keys rotate`.
#[derive(Clone, Debug, Args)]
pub struct KeysRotateArgs {
    /// The data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// For how long it is published before it signs.
    #[arg(long, value_name = "MINUTES", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=43_200))]
    pub publish_for: u32,
    /// It signs at once: when somebody may have the key that does. Who keeps the published keys refuses its tokens until
    /// they read them again.
    #[arg(long, conflicts_with = "publish_for")]
    pub now: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster keys retire`.
#[derive(Clone, Debug, Args)]
pub struct KeysRetireArgs {
    /// The key's name, as `muster keys list` shows it.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    pub kid: String,
    /// The data directory.
    #[command(flatten)]
    pub data: DataArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

pub(crate) fn parse_role(text: &str) -> Result<Role, String> {
    let role = Role::ALL.iter().find(|role| role.to_string() == text).copied();
    role.ok_or_else(|| {
        let names: Vec<_> = Role::ALL.iter().map(ToString::to_string).collect();
        format!("there are the roles {}", names.join(", "))
    })
}

/// Of `muster export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The file to write; it appears when it is complete. The standard output if left out.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Take no digest first. With one, the export holds what was there when it was taken, and all of it is under a digest. Events after the last digest then have nothing but their hash chain to speak for them. On AWS
    /// none is taken anyway: the function `digester` does it every hour.
    #[arg(long)]
    pub no_digest: bool,
    /// Also write the keys of personal data to this file, sealed under a passphrase. Without them nobody can read in an export
    /// who anybody is. Whoever erases a person later has to delete this file, too.
    #[arg(long, value_name = "FILE")]
    pub with_keys: Option<PathBuf>,
    /// The passphrase.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
}

/// The passphrase of a file of keys.
#[derive(Clone, Debug, Default, Args)]
pub struct PassphraseArgs {
    /// The file whose first line is the passphrase of the keys. Otherwise it is in `MUSTER_PASSPHRASE`, or else is asked for on
    /// the terminal.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Of `muster import`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(group = clap::ArgGroup::new("persons").required(true).args(["keys", "without_keys"]))]
pub struct ImportArgs {
    /// What else can be brought in.
    #[command(subcommand)]
    pub tasks: Option<ImportCommand>,
    /// The file that `muster export` wrote.
    #[arg(long, value_name = "FILE", required = true)]
    pub from_export: Option<PathBuf>,
    /// The file of keys that `muster export --with-keys` wrote with it.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Go without: everybody in the export is as if their personal data had been erased, for ever, and nobody has an account to
    /// sign in to.
    #[arg(long)]
    pub without_keys: bool,
    /// The passphrase of the keys.
    #[command(flatten)]
    pub passphrase: PassphraseArgs,
    /// The store; a data directory is made when it is not there.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Of `muster prove`.
#[derive(Clone, Debug, Args)]
pub struct ProveArgs {
    /// The event: its id, or its stream and version, such as `task#0190b2f4-…#3`.
    #[arg(value_name = "EVENT", value_parser = super::operate::prove::parse_wanted)]
    pub event: super::operate::prove::Wanted,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The file to write. The standard output if left out.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What can be done with digests.
#[derive(Debug, Subcommand)]
pub enum DigestCommand {
    /// Take one now, of a data directory. On AWS, call the function `digester`.
    Take(DigestTakeArgs),
    /// Show each digest as one line of JSON.
    List(DigestListArgs),
    /// Show the public key in PEM, to keep where nobody who works on the store can change it.
    PublicKey(DigestPublicKeyArgs),
}

/// Of `muster digest take`.
#[derive(Clone, Debug, Args)]
pub struct DigestTakeArgs {
    /// The data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// Of `muster digest list`.
#[derive(Clone, Debug, Args)]
pub struct DigestListArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Of `muster digest public-key`.
#[derive(Clone, Debug, Args)]
pub struct DigestPublicKeyArgs {
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// What can be brought into a store that is in use.
#[derive(Clone, Debug, Subcommand)]
pub enum ImportCommand {
    /// Bring in tasks from a table (CSV), a board of Trello, or a project or account of Todoist.
    ///
    /// The same file makes the same tasks: a run that was cut off goes on, and a second one makes nothing twice. What was known of the
    /// tasks there is kept as facts of the import; whoever has no account here is left out of them.
    Tasks(Box<ImportTasksArgs>),
}

/// Of `muster import tasks`.
#[derive(Clone, Debug, Args)]
pub struct ImportTasksArgs {
    /// The file; `-` for the standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What it is: `csv`, `trello` or `todoist` [default: found out].
    #[arg(long, value_name = "PROGRAM", value_parser = parse_source)]
    pub from: Option<ImportSource>,
    /// Only show what it would do.
    #[arg(long)]
    pub preview: bool,
    /// The team that the tasks go to.
    #[arg(long, value_name = "ID", value_parser = parse_team)]
    pub team: Option<TeamId>,
    /// Which column is which field, such as `title=Betreff`; the others are guessed.
    #[arg(long = "column", value_name = "FIELD=HEADER", value_parser = parse_column)]
    pub columns: Vec<(Field, String)>,
    /// What separates the values of a table [default: found out].
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<char>,
    /// Which of two numbers of a date is the day, where the file does not tell: `day_first` or `month_first`.
    #[arg(long, value_name = "ORDER", value_parser = parse_date_order)]
    pub date_order: Option<DateOrder>,
    /// The time zone of times without an offset, such as `Europe/Berlin`.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub time_zone: TimeZone,
    /// What a status or list of the file is here, such as `Waiting=todo`.
    #[arg(long = "status", value_name = "NAME=STATUS", value_parser = parse_status)]
    pub statuses: Vec<(String, Status)>,
    /// Who somebody of the file is here, such as `adal=ada@example.com`.
    #[arg(long = "person", value_name = "NAME=EMAIL", value_parser = parse_pair)]
    pub people: Vec<(String, String)>,
    /// Bring archived cards and items in as completed tasks, and do not leave them out.
    #[arg(long)]
    pub archived: bool,
    /// The import that this goes on with, for a file that was changed since; an id of your own makes the tasks of a file once more
    /// [default: it follows from the file].
    #[arg(long, value_name = "ID", value_parser = parse_import)]
    pub import_id: Option<ImportId>,
    /// Where the store is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl ImportTasksArgs {
    /// How the file is to be read.
    pub fn options(&self) -> Options {
        Options {
            source: self.from,
            columns: self.columns.iter().cloned().collect(),
            delimiter: self.delimiter,
            date_order: self.date_order,
            time_zone: self.time_zone.0,
            statuses: self.statuses.iter().cloned().collect(),
            archived: if self.archived { Archived::Complete } else { Archived::Skip },
            people: self.people.iter().cloned().collect(),
            team: self.team,
        }
    }
}

/// The one of these that is called so.
fn one_of<T: Copy + fmt::Display>(all: &[T], text: &str) -> Result<T, String> {
    all.iter().find(|one| one.to_string() == text).copied().ok_or_else(|| {
        let names: Vec<_> = all.iter().map(ToString::to_string).collect();
        format!("there are {}", names.join(", "))
    })
}

fn parse_source(text: &str) -> Result<ImportSource, String> {
    one_of(ImportSource::ALL, text)
}

fn parse_date_order(text: &str) -> Result<DateOrder, String> {
    match text {
        "day_first" => Ok(DateOrder::DayFirst),
        "month_first" => Ok(DateOrder::MonthFirst),
        _ => Err("there are day_first, month_first".to_owned()),
    }
}

fn parse_team(text: &str) -> Result<TeamId, String> {
    text.parse().map_err(|_| "a team's id is a UUID".to_owned())
}

fn parse_import(text: &str) -> Result<ImportId, String> {
    text.parse().map_err(|_| "an import's id is a UUID".to_owned())
}

/// Two texts with `=` between them; the second may hold one, too.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "write NAME=VALUE".to_owned())
}

fn parse_column(text: &str) -> Result<(Field, String), String> {
    let (field, header) = parse_pair(text)?;
    Ok((one_of(&Field::ALL, &field)?, header))
}

fn parse_status(text: &str) -> Result<(String, Status), String> {
    // A list's name may hold a `=`, a status none.
    let (name, status) = text.rsplit_once('=').ok_or("write NAME=STATUS")?;
    Ok((name.to_owned(), one_of(Status::ALL, status)?))
}
