//! Credentials for a registry.

use bollard::auth::DockerCredentials;

use crate::secret::Secret;

use super::host;

/// The user name that marks a credential helper's secret as an identity token.
pub(super) const TOKEN_USER: &str = "<token>";

/// The credentials for one registry in the credential store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Credential {
    /// No credentials.
    #[default]
    Anonymous,
    /// User name and password.
    Basic {
        /// User name; never empty.
        username: String,
        /// Password, or an access token instead.
        password: Secret,
    },
    /// A long-lived token, exchanged for short-lived ones at the registry's token server.
    IdentityToken {
        /// User name, `<token>` if unknown.
        username: String,
        /// The token.
        token: Secret,
    },
    /// A token that is sent to the registry unchanged.
    RegistryToken(Secret),
}

impl Credential {
    /// Whether it sends no credentials.
    pub fn is_anonymous(&self) -> bool {
        *self == Self::Anonymous
    }

    /// User name and password in the form for BuildKit, with an empty name for an identity token; `None` if there are
    /// no credentials.
    pub fn into_login(self) -> Option<(String, Secret)> {
        match self {
            Self::Anonymous | Self::RegistryToken(_) => None,
            Self::Basic { username, password } => Some((username, password)),
            Self::IdentityToken { token, .. } => Some((String::new(), token)),
        }
    }

    /// The credentials for `domain` in the form for the Docker API; `None` without credentials (BuildKit rejects blank
    /// credentials and treats absent ones as anonymous).
    pub fn to_docker(&self, domain: &str) -> Option<DockerCredentials> {
        let serveraddress = Some(host::store_key(domain).to_owned());
        let blank = DockerCredentials { serveraddress, ..Default::default() };
        match self {
            Self::Anonymous => None,
            Self::Basic { username, password } => Some(DockerCredentials {
                username: Some(username.clone()),
                password: Some(password.expose().to_owned()),
                ..blank
            }),
            Self::IdentityToken { username, token } => Some(DockerCredentials {
                username: Some(username.clone()),
                identitytoken: Some(token.expose().to_owned()),
                ..blank
            }),
            Self::RegistryToken(token) => {
                Some(DockerCredentials { registrytoken: Some(token.expose().to_owned()), ..blank })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_gets_the_store_key_as_address_and_no_blanks() {
        assert!(Credential::Anonymous.to_docker("ghcr.io").is_none());
        let credential = Credential::Basic { username: "ann".into(), password: Secret::new("pw") };
        let docker = credential.to_docker("docker.io").expect("credentials");
        assert_eq!(docker.serveraddress.as_deref(), Some("https://index.docker.io/v1/"));
        assert_eq!((docker.username.as_deref(), docker.password.as_deref()), (Some("ann"), Some("pw")));
        assert_eq!(docker.identitytoken, None);
    }

    #[test]
    fn identity_tokens_travel_in_their_own_field() {
        let credential = Credential::IdentityToken { username: "<token>".into(), token: Secret::new("t") };
        let docker = credential.to_docker("acme.azurecr.io").expect("credentials");
        assert_eq!((docker.identitytoken.as_deref(), docker.password), (Some("t"), None));
    }
}
