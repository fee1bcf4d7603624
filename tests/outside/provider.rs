//! The issuer's process.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// The package with the issuer in it; `cargo xtask outside` sets it.
const PACKAGE: &str = "MUSTER_OUTSIDE_ISSUER";

/// The issuer. It ends with its standard input, so with this test program.
pub(crate) struct Provider {
    /// Its address.
    pub(crate) url: String,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Provider {
    /// Sends people back to these addresses.
    pub(crate) fn start(redirect_uris: &[&str]) -> Self {
        let package: PathBuf = std::env::var_os(PACKAGE).expect("cargo xtask outside says where the issuer is").into();
        let mut node = Command::new("node");
        node.arg(package.join("issuer.js")).args(redirect_uris).current_dir(&package);
        node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = node.spawn().expect("node to start");
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        let mut provider = Self { url: String::new(), child, input, output };
        provider.url = provider.said("issuer: ");
        provider
    }

    /// What it says from now on of a person: `sub`, and other claims.
    pub(crate) fn knows(&mut self, person: &Value) {
        writeln!(self.input, "{person}").unwrap();
        assert_eq!(self.said("knows: "), person["sub"].as_str().unwrap());
    }

    /// What follows this on the next line that begins with it.
    fn said(&mut self, prefix: &str) -> String {
        let mut lines = self.output.by_ref().map(Result::unwrap);
        lines.find_map(|line| line.strip_prefix(prefix).map(str::to_owned)).expect("the issuer lives")
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
