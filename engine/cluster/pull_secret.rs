//! Pull secrets, with which a cluster pulls from private registries (`createPullSecret` and `pullSecrets` in DevSpace).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::plural::noun;
use crate::registry::{Credential, domain_of};
use crate::secret::Secret;

/// The email address in pull secrets, which registries no longer use.
const EMAIL: &str = "noreply@devspace.cloud";

/// The user name that Azure's registry requires with an identity token (Azure documentation, `az acr login`).
const AZURE_USER: &str = "00000000-0000-0000-0000-000000000000";

/// The user name that marks an identity token without a user.
const TOKEN_USER: &str = "<token>";

/// The maximum length of a name that is also a valid label.
const NAME_LIMIT: usize = 63;

/// A pull secret to create. Displays as `create the pull secret devspace-auth-ghcr-io for ghcr.io, used by the service
/// account default`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSecret {
    /// Its name.
    pub name: String,
    /// Its namespace; `None`: that of the run.
    pub namespace: Option<String>,
    /// Its registries.
    pub logins: Vec<RegistryLogin>,
    /// The service accounts that use it.
    pub service_accounts: Vec<String>,
}

/// A registry and the credentials for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryLogin {
    /// The registry's domain: `ghcr.io`, `docker.io`.
    pub registry: String,
    /// The user name, if configured.
    pub username: Option<String>,
    /// The password, if configured; otherwise Docker's credential store is queried.
    pub password: Option<Secret>,
    /// An email address, if configured.
    pub email: Option<String>,
}

/// The result of a [`PullSecret`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullSecretResult {
    /// The namespace.
    pub namespace: String,
    /// The context.
    pub context: String,
    /// The registries with credentials, each with the user name for pulls. If empty, nothing was written.
    pub users: Vec<(String, String)>,
    /// The registries without credentials that a cluster can use.
    pub missing: Vec<String>,
}

impl PullSecret {
    /// The name of the secret for `registry`: `devspace-auth-docker` for Docker Hub, otherwise `devspace-auth-` and the
    /// registry with `-` for invalid characters.
    pub fn name_for(registry: &str) -> String {
        let registry = domain_of(registry);
        if registry == "docker.io" {
            return "devspace-auth-docker".to_owned();
        }
        let fit = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
        let name: String = registry.to_ascii_lowercase().chars().map(fit).collect();
        let name = format!("devspace-auth-{name}");
        name.chars().take(NAME_LIMIT).collect::<String>().trim_end_matches('-').to_owned()
    }

    /// The secret for one registry, with Docker's credentials, used by the service account `default`.
    pub fn of_registry(registry: &str) -> Self {
        let registry = domain_of(registry).to_owned();
        Self {
            name: Self::name_for(&registry),
            namespace: None,
            logins: vec![RegistryLogin { registry, username: None, password: None, email: None }],
            service_accounts: vec!["default".to_owned()],
        }
    }

    /// Whether its name is a generated one.
    pub fn has_own_name(&self) -> bool {
        self.name.starts_with("devspace-auth-") || self.name == "devspace-pull-secrets"
    }
}

impl RegistryLogin {
    /// User name and password for a cluster: those configured, otherwise those of `stored`, or `None`.
    pub(super) fn login(&self, stored: Option<&Credential>) -> Option<(String, Secret)> {
        if let (Some(username), Some(password)) = (&self.username, &self.password) {
            return Some((username.clone(), password.clone()));
        }
        let (username, password) = match stored? {
            Credential::Basic { username, password } => (username.clone(), password.clone()),
            Credential::IdentityToken { username, token } => {
                let is_named = !username.is_empty() && username != TOKEN_USER;
                let username = if is_named { username.clone() } else { AZURE_USER.to_owned() };
                (username, token.clone())
            }
            // Kubernetes has no field for such a token.
            Credential::Anonymous | Credential::RegistryToken(_) => return None,
        };
        let username = self.username.clone().unwrap_or(username);
        Some((username, self.password.clone().unwrap_or(password)))
    }

    /// Whether Docker's credential store must be queried.
    pub(super) fn is_incomplete(&self) -> bool {
        self.username.is_none() || self.password.is_none()
    }
}

/// The content of a secret with `logins`: a Docker `config.json`.
pub(super) fn docker_config(logins: &[(&RegistryLogin, String, Secret)]) -> Secret {
    let entry = |(login, username, password): &(&RegistryLogin, String, Secret)| {
        let auth = STANDARD.encode(format!("{username}:{}", password.expose()));
        let email = login.email.as_deref().unwrap_or(EMAIL);
        (key_of(&login.registry).to_owned(), json!({ "auth": auth, "email": email }))
    };
    let auths: Map<String, Value> = logins.iter().map(entry).collect();
    Secret::new(json!({ "auths": auths }).to_string())
}

/// The key of `registry` in a Docker `config.json`.
fn key_of(registry: &str) -> &str {
    if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry }
}

impl fmt::Display for PullSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registries: Vec<_> = self.logins.iter().map(|login| login.registry.as_str()).collect();
        let accounts = self.service_accounts.join(", ");
        let accounts_noun = noun(self.service_accounts.len(), "account");
        write!(formatter, "create the pull secret {} for {}", self.name, registries.join(", "))?;
        if let Some(namespace) = &self.namespace {
            write!(formatter, " in the namespace {namespace}")?;
        }
        if self.service_accounts.is_empty() {
            return Ok(());
        }
        write!(formatter, ", used by the service {accounts_noun} {accounts}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(username: Option<&str>, password: Option<&str>) -> RegistryLogin {
        RegistryLogin {
            registry: "r.io".to_owned(),
            username: username.map(str::to_owned),
            password: password.map(Secret::new),
            email: None,
        }
    }

    #[test]
    fn names_are_those_of_devspace_and_fit_for_kubernetes() {
        let check = |registry: &str, expected: &str| assert_eq!(PullSecret::name_for(registry), expected);
        check("docker.io", "devspace-auth-docker");
        check("https://index.docker.io/v1/", "devspace-auth-docker");
        check("gcr.io", "devspace-auth-gcr-io");
        check("Localhost:5000", "devspace-auth-localhost-5000");
        check(&format!("{}.io", "a".repeat(48)), &format!("devspace-auth-{}", "a".repeat(48)));
    }

    #[test]
    fn configured_credentials_take_precedence_over_the_store() {
        let stored = Credential::Basic { username: "ann".into(), password: Secret::new("pw") };
        let found = |login: RegistryLogin, stored: Option<&Credential>| {
            login.login(stored).map(|(user, password)| format!("{user}:{}", password.expose()))
        };
        assert_eq!(found(login(None, None), Some(&stored)).as_deref(), Some("ann:pw"));
        assert_eq!(found(login(Some("bob"), Some("x")), None).as_deref(), Some("bob:x"));
        assert_eq!(found(login(None, Some("x")), Some(&stored)).as_deref(), Some("ann:x"));
        assert_eq!(found(login(None, None), Some(&Credential::Anonymous)), None);
        assert_eq!(found(login(None, None), Some(&Credential::RegistryToken(Secret::new("t")))), None);
        assert_eq!(found(login(None, None), None), None);
    }

    #[test]
    fn identity_tokens_become_passwords() {
        let token =
            |username: &str| Credential::IdentityToken { username: username.into(), token: Secret::new("t") };
        let user = |username: &str| login(None, None).login(Some(&token(username))).expect("a login").0;
        assert_eq!(user("<token>"), AZURE_USER);
        assert_eq!(user("ann"), "ann");
    }

    #[test]
    fn the_content_is_a_docker_configuration() {
        let hub = RegistryLogin { registry: "docker.io".into(), ..login(None, None) };
        let quoted = RegistryLogin { email: Some("a\"b".into()), ..login(None, None) };
        let logins =
            [(&hub, "ann".to_owned(), Secret::new("pw")), (&quoted, "b".to_owned(), Secret::new("\"x"))];
        assert_eq!(
            docker_config(&logins).expose(),
            r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YW5uOnB3","email":"noreply@devspace.cloud"},"r.io":{"auth":"Yjoieg==","email":"a\"b"}}}"#
                .replace("Yjoieg==", &STANDARD.encode("b:\"x"))
        );
    }
}
