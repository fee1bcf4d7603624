//! `muster user`: accounts, from the command line.

use muster_domain::user::RegisterUser;
use muster_domain::{Clock as _, UserId};
use muster_handlers::clock::SystemClock;
use serde::Serialize;

use super::import::refuse_unfinished;
use super::json;
use crate::args::UserCreateArgs;
use crate::report::{Failure, line};
use crate::setup::{SignIn, open_account, say_for_how_long};
use crate::store::Store;

#[derive(Serialize)]
struct Opened {
    id: UserId,
    #[serde(flatten)]
    sign_in: SignIn,
}

/// Opens an account, and shows the sign-in once.
pub async fn create(args: UserCreateArgs) -> Result<(), Failure> {
    let system = Store::named(&args.store).await?.system().await?;
    refuse_unfinished(&system).await?;
    let account = RegisterUser::new(args.name, args.email, args.role, SystemClock.now());
    let (id, sign_in) = open_account(&system, account, args.password_prompt).await?;
    if args.json {
        return json(&Opened { id, sign_in });
    }
    line(format_args!("The account of the {} {id} is open. This is shown once:", args.role))?;
    line(format_args!("  e-mail    {}", sign_in.email))?;
    line(format_args!("  password  {}", sign_in.password.as_deref().unwrap_or("(the one you gave)")))?;
    say_for_how_long(&sign_in)
}
