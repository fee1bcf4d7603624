//! Muster's secret at an issuer.

use std::path::PathBuf;
use std::{fmt, fs, io};

use zeroize::Zeroizing;

use super::settings::SecretPlace;
use crate::private_file::refuse_exposed;

/// Proves to an issuer that Muster is Muster.
#[derive(Clone)]
pub(super) struct ClientSecret(Zeroizing<String>);

/// Why a secret is not where it is said to be.
#[derive(Debug, thiserror::Error)]
pub enum ClientSecretError {
    /// There is no such variable, or nothing in it.
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not there, or others than its owner may read it.
    #[error(transparent)]
    Unfit(#[from] crate::secrets::SecretsError),
    /// The file is empty.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
}

impl ClientSecret {
    /// The secret from its place, without white space around it.
    pub(super) fn read(place: &SecretPlace) -> Result<Self, ClientSecretError> {
        match place {
            SecretPlace::Env(name) => {
                let secret = Zeroizing::new(std::env::var(name).unwrap_or_default());
                Self::of(&secret).ok_or_else(|| ClientSecretError::NotSet(name.clone()))
            }
            SecretPlace::File(path) => {
                let unreadable = |source| ClientSecretError::File { path: path.clone(), source };
                refuse_exposed(path)?;
                let secret = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
                Self::of(&secret).ok_or_else(|| ClientSecretError::Empty(path.clone()))
            }
        }
    }

    fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// To be sent to the issuer, and nowhere else.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_read_from_a_file_of_its_owners_and_shown_nowhere() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, "open sesame\n").unwrap();
        let place = SecretPlace::File(path.clone());

        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(ClientSecret::read(&place), Err(ClientSecretError::Unfit(_))));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let secret = ClientSecret::read(&place).unwrap();
        assert_eq!(secret.expose(), "open sesame");
        assert_eq!(format!("{secret:?}"), "ClientSecret(..)");

        fs::write(&path, " \n").unwrap();
        assert!(matches!(ClientSecret::read(&place), Err(ClientSecretError::Empty(_))));
        let missing = SecretPlace::File(directory.path().join("none"));
        assert!(ClientSecret::read(&missing).is_err());
        let unset = SecretPlace::Env("MUSTER_OIDC_SECRET_THAT_NOBODY_SETS".to_owned());
        assert!(matches!(ClientSecret::read(&unset), Err(ClientSecretError::NotSet(_))));
    }
}
