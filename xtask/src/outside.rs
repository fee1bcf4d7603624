//! `cargo xtask outside`: people sign in with an issuer of OpenID Connect that others wrote, in a process of its own.

use cargo_metadata::Metadata;
use cargo_metadata::camino::Utf8PathBuf;

use crate::cargo;
use crate::failure::Failure;
use crate::suite::Suite;
use crate::tools::{install_node, make_dir};

/// Where the issuer is.
const DIRECTORY: &str = "tests/outside";

pub(crate) fn run() -> Result<(), Failure> {
    let workspace = cargo::workspace()?;
    let issuer = Issuer::set_up(&workspace)?;
    run_with(&workspace, &issuer)
}

/// The issuer, set up.
pub(crate) struct Issuer {
    package: Utf8PathBuf,
}

impl Issuer {
    /// Installs what is not there yet, or not in the version that the lock file names.
    pub(crate) fn set_up(workspace: &Metadata) -> Result<Self, Failure> {
        let (package, dir) = (workspace.workspace_root.join(DIRECTORY), workspace.target_directory.join("outside"));
        make_dir(&dir)?;
        install_node(&package, &dir.join("npm-cache"), "An issuer of OpenID Connect is")?;
        Ok(Self { package })
    }
}

/// Runs the tests that need it, which a plain `cargo test` lists as ignored.
pub(crate) fn run_with(workspace: &Metadata, issuer: &Issuer) -> Result<(), Failure> {
    let mut suite = Suite::new(workspace, "outside", "");
    suite.command().env("MUSTER_OUTSIDE_ISSUER", &issuer.package);
    suite.run()
}
