//! Which store a command works on.

use std::path::PathBuf;

use clap::Args;

use crate::store::Stage;

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
