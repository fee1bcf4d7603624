//! Accounts that are opened from the command line: the first administrator, and those that an operator opens.

use std::env;
use std::io::{IsTerminal as _, stdin};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use muster_commands::{ExecuteError, ExpectedVersion};
use muster_domain::user::{RegisterUser, Role, User, UserCommand, UserError};
use muster_domain::values::{Email, Name};
use muster_domain::{Actor, Clock as _, CommandId, Fingerprint, Metadata, UserId};
use muster_handlers::clock::SystemClock;
use muster_identity::{CredentialsError, CredentialsStore, HashParameters, Password, PasswordHasher};
use uuid::Uuid;

use crate::args::AdminArgs;
use crate::pipeline::text;
use crate::report::{Failure, failed, line};
use crate::system::System;

/// The environment variable with the first administrator's password.
const PASSWORD: &str = "MUSTER_ADMIN_PASSWORD";
/// The environment variable with the password of an account that an operator opens.
const NEW_PASSWORD: &str = "MUSTER_PASSWORD";
/// Their address if none is given.
const EMAIL: &str = "admin@muster.example";
/// For how long a password is good that was made up here. Whoever gets it chooses another when they sign in.
const MADE_UP_IS_GOOD: TimeDelta = TimeDelta::days(7);
/// Where it is kept that their sign-in was shown.
const KEY: (&str, &str) = ("setup", "first-admin");

/// What somebody needs to sign in.
#[derive(serde::Serialize)]
pub struct SignIn {
    /// Their address.
    pub email: String,
    /// Their password, if it was made up here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Refuses what the first administrator cannot be made with, while there is no store yet that would be left behind.
pub(crate) fn check_first_admin(args: &AdminArgs, name: &Name) -> Result<(), Failure> {
    if args.admin_password_prompt {
        return refuse_no_terminal(PASSWORD);
    }
    choose_password(PASSWORD, false, &[name.as_str(), first_admin_email(args)?.as_str()]).map(|_| ())
}

fn first_admin_email(args: &AdminArgs) -> Result<Email, Failure> {
    args.admin_email.clone().map_or_else(|| EMAIL.parse().map_err(failed("naming the first administrator")), Ok)
}

/// Makes the first administrator, unless that was done before and shown. A start that was cut off in between is made up
/// for by the next one: the account has the same id, and a new password.
pub async fn first_admin(
    system: &System,
    args: &AdminArgs,
    name: Name,
    at: DateTime<Utc>,
) -> Result<Option<SignIn>, Failure> {
    const DOING: &str = "making the first administrator";
    let control = system.control();
    if control.get(KEY.0, KEY.1).await.map_err(failed(DOING))?.is_some() {
        return Ok(None);
    }
    let email = first_admin_email(args)?;
    let chosen = choose_password(PASSWORD, args.admin_password_prompt, &[name.as_str(), email.as_str()])?;
    let command_id = first_admin_command();
    let id = UserId(command_id.created_id());
    set_password(system, id, &chosen).await?;
    let shown = chosen.made_up;
    let known = system.events.load::<User>(id.0).await.map_err(failed(DOING))?;
    if let Some(user) = &known.state().state {
        return Ok(Some(SignIn { email: user.email.as_str().to_owned(), password: shown }));
    }
    let account = RegisterUser::new(name, email.clone(), Role::Admin, at);
    register(system, command_id, "setup", account).await.map_err(failed(DOING))?;
    Ok(Some(SignIn { email: email.as_str().to_owned(), password: shown }))
}

/// The command that makes the first administrator, the same in every store.
fn first_admin_command() -> CommandId {
    CommandId::from_key(&Actor::system("setup"), "first-admin")
}

/// The first administrator's id, the same in every store.
pub(crate) fn first_admin_id() -> UserId {
    UserId(first_admin_command().created_id())
}

/// Opens an account for somebody, who can sign in at once.
pub async fn open_account(system: &System, account: RegisterUser, prompt: bool) -> Result<(UserId, SignIn), Failure> {
    const DOING: &str = "opening the account";
    let chosen = choose_password(NEW_PASSWORD, prompt, &[account.name.as_str(), account.email.as_str()])?;
    let command_id = CommandId(Uuid::new_v4());
    let id = UserId(command_id.created_id());
    let email = account.email.as_str().to_owned();
    // The password first: whoever has an account can sign in.
    set_password(system, id, &chosen).await?;
    let registered = register(system, command_id, "operator", account).await;
    if let Err(ExecuteError::Reserved { .. }) = registered {
        let credentials = CredentialsStore::new(system.client.clone(), system.identity_tables().credentials);
        credentials.remove(id).await.map_err(failed(DOING))?;
        return Err(Failure::Refused(format!("somebody has an account with {email}")));
    }
    // After any other failure the account may be there, and its password stays.
    registered.map_err(failed(DOING))?;
    Ok((id, SignIn { email, password: chosen.made_up }))
}

/// Gives an account its password, whether it had one or not.
async fn set_password(system: &System, id: UserId, chosen: &Chosen) -> Result<(), Failure> {
    const DOING: &str = "setting the password";
    let hasher = PasswordHasher::new(HashParameters::default()).map_err(failed(DOING))?;
    let hash = hasher.hash(&chosen.password).await.map_err(failed(DOING))?;
    let credentials = CredentialsStore::new(system.client.clone(), system.identity_tables().credentials);
    if chosen.made_up.is_some() {
        // By the clock of today: the demo's administrator has an account since a month ago.
        let until = SystemClock.now() + MADE_UP_IS_GOOD;
        return credentials.hand_over(id, &hash, until).await.map_err(failed(DOING));
    }
    let stored = match credentials.create(id, &hash).await {
        Err(CredentialsError::Exists) => credentials.replace(id, &hash).await,
        other => other,
    };
    stored.map_err(failed(DOING))
}

/// Records the account, as a part of Muster.
async fn register(
    system: &System,
    command_id: CommandId,
    part: &str,
    account: RegisterUser,
) -> Result<(), ExecuteError<UserError>> {
    let metadata = Metadata {
        command_id,
        fingerprint: Fingerprint::of(part, &account.email),
        actor: Actor::system(part),
        at: account.at,
        correlation_id: part.to_owned(),
        causation_id: None,
    };
    let command = UserCommand::Register(account);
    let id = command_id.created_id();
    system.commands.execute::<User>(id, command, ExpectedVersion::New, &metadata).await.map(|_| ())
}

/// Shows the sign-in, and keeps that it was shown. It goes to the standard output and into no log.
pub async fn show(system: &System, sign_in: &SignIn) -> Result<(), Failure> {
    line("The first administrator can sign in. This is shown once:")?;
    line(format_args!("  e-mail    {}", sign_in.email))?;
    line(format_args!("  password  {}", sign_in.password.as_deref().unwrap_or("(the one you gave)")))?;
    say_for_how_long(sign_in)?;
    shown(system).await
}

/// Says of a password that was made up what its owner has to know.
pub fn say_for_how_long(sign_in: &SignIn) -> Result<(), Failure> {
    if sign_in.password.is_some() {
        line("It is good for a week, and they choose another when they sign in: PUT /api/v1/profile/password")?;
    }
    Ok(())
}

/// Keeps that the first administrator's sign-in was shown: no later start shows it.
pub async fn shown(system: &System) -> Result<(), Failure> {
    let at = SystemClock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let control = system.control();
    control.put(KEY.0, KEY.1, [("at", text(&at))]).await.map_err(failed("keeping that the sign-in was shown"))
}

/// A password, and its text if it was made up here.
struct Chosen {
    password: Password,
    made_up: Option<String>,
}

/// From the environment, the terminal, or made up. This is known of whoever is to have it.
fn choose_password(variable: &str, prompt: bool, known: &[&str]) -> Result<Chosen, Failure> {
    if prompt {
        return Ok(Chosen { password: ask_password(variable, known)?, made_up: None });
    }
    if let Some(password) = env::var_os(variable) {
        let refused = |reason: &dyn std::fmt::Display| Failure::Refused(format!("{variable} cannot be used: {reason}"));
        let password = password.into_string().map_err(|_| refused(&"it is not UTF-8"))?;
        let password = Password::parse(password).and_then(|password| password.about(known));
        return Ok(Chosen { password: password.map_err(|error| refused(&error))?, made_up: None });
    }
    let made_up = make_up_password();
    let password = Password::parse(made_up.clone()).map_err(failed("making up a password"))?;
    Ok(Chosen { password, made_up: Some(made_up) })
}

fn refuse_no_terminal(variable: &str) -> Result<(), Failure> {
    if stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::Refused(format!("asking for a password needs a terminal; without one, give it in {variable}")))
}

fn ask_password(variable: &str, known: &[&str]) -> Result<Password, Failure> {
    refuse_no_terminal(variable)?;
    let ask = |prompt: &str| rpassword::prompt_password(prompt).map_err(failed("asking for the password"));
    let password = ask("Password: ")?;
    if password != ask("The same again: ")? {
        return Err(Failure::Refused("the two passwords are not the same".to_owned()));
    }
    let password = Password::parse(password).and_then(|password| password.about(known));
    password.map_err(|error| Failure::Refused(error.to_string()))
}

/// Twenty characters that are easy to tell apart, of 32 each: 100 bits from the system's random numbers.
pub(crate) fn make_up_password() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let (first, second) = (Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes());
    // Bytes 6 and 8 of a UUID hold its version and variant: they are not all random.
    let random = first.iter().enumerate().chain(second.iter().enumerate()).filter(|(index, _)| ![6, 8].contains(index));
    let characters: String = random.take(20).map(|(_, byte)| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    let groups: Vec<&str> = (0..4).map(|group| &characters[group * 5..group * 5 + 5]).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_passwords_are_taken_and_differ() {
        let (one, other) = (make_up_password(), make_up_password());
        assert_eq!(one.len(), 23, "four groups of five");
        assert_ne!(one, other);
        Password::parse(one).expect("a password");
    }
}
