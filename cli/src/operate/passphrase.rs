//! The passphrase under which keys are sealed: from a file, the environment or the terminal.

use std::env;
use std::fs;
use std::io::{IsTerminal as _, stdin};

use crate::args::PassphraseArgs;
use crate::report::{Failure, failed, file};

/// The environment variable that holds it.
const VARIABLE: &str = "MUSTER_PASSPHRASE";
/// What is shorter is guessed, however long each guess takes.
const SHORTEST: usize = 12;

/// Whether there is a passphrase already, or one is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To seal with: asked for twice, and not too short.
    New,
    /// To open with.
    Known,
}

/// The passphrase.
pub(crate) fn passphrase(args: &PassphraseArgs, purpose: Purpose) -> Result<String, Failure> {
    let text = if let Some(path) = &args.passphrase_file {
        let text = fs::read_to_string(path).map_err(file(path))?;
        text.lines().next().unwrap_or_default().to_owned()
    } else if let Some(text) = env::var_os(VARIABLE) {
        let not_text = |_| Failure::Refused(format!("{VARIABLE} cannot be used: it is not UTF-8"));
        text.into_string().map_err(not_text)?
    } else {
        ask(purpose)?
    };
    if purpose == Purpose::New && text.chars().count() < SHORTEST {
        return Err(Failure::Refused(format!("a passphrase has at least {SHORTEST} characters")));
    }
    Ok(text)
}

fn ask(purpose: Purpose) -> Result<String, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::Refused(format!(
            "asking for a passphrase needs a terminal; without one, give it in {VARIABLE} or by --passphrase-file"
        )));
    }
    let ask = |prompt: &str| rpassword::prompt_password(prompt).map_err(failed("asking for the passphrase"));
    let text = ask("Passphrase of the keys: ")?;
    if purpose == Purpose::New && text != ask("The same again: ")? {
        return Err(Failure::Refused("the two passphrases are not the same".to_owned()));
    }
    Ok(text)
}
