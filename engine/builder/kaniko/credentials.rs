//! The credentials in a build pod: those of Docker for the registries that the build uses.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use serde_json::{Map, Value, json};

use super::error::KanikoError;
use crate::builder::BuildRequest;
use crate::image::ImageReference;
use crate::registry::CredentialStore;
use crate::secret::Secret as Hidden;

/// The Docker configuration with the credentials in `store` for the registries of the image and its base images;
/// `None` without credentials.
pub(super) async fn docker_config(
    request: &BuildRequest,
    store: &CredentialStore,
) -> Result<Option<Hidden>, KanikoError> {
    let mut entries = Map::new();
    for domain in registries(request) {
        if let Some(credentials) = store.get(&domain).await?.to_docker(&domain) {
            entries.insert(credentials.serveraddress.clone().unwrap_or(domain), entry(credentials));
        }
    }
    Ok((!entries.is_empty()).then(|| Hidden::new(json!({ "auths": entries }).to_string())))
}

/// The domains of the registries that a build uses.
fn registries(request: &BuildRequest) -> BTreeSet<String> {
    let bases = request.dockerfile.bases(request.target.as_deref(), &request.build_args).unwrap_or_default();
    let bases = bases.iter().filter_map(|base| base.reference.parse::<ImageReference>().ok());
    let all = request.references.iter().cloned().chain(bases);
    all.map(|reference| reference.repository.domain().to_owned()).collect()
}

/// An entry of `auths` in the format of the docker CLI.
fn entry(credentials: DockerCredentials) -> Value {
    let mut entry = Map::new();
    if let Some(username) = credentials.username {
        let password = credentials.password.unwrap_or_default();
        entry.insert("auth".to_owned(), STANDARD.encode(format!("{username}:{password}")).into());
    }
    let tokens = [("identitytoken", credentials.identitytoken), ("registrytoken", credentials.registrytoken)];
    for (key, token) in tokens {
        entry.extend(token.map(|token| (key.to_owned(), token.into())));
    }
    entry.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::kaniko::pod::tests::request;
    use crate::registry::Credential;

    #[test]
    fn entries_are_those_of_the_docker_cli() {
        let entry = |credential: Credential| entry(credential.to_docker("r.io").expect("credentials"));
        let basic = Credential::Basic { username: "ann".into(), password: Hidden::new("pw") };
        assert_eq!(entry(basic), json!({ "auth": "YW5uOnB3" }));
        let token = Credential::IdentityToken { username: "<token>".into(), token: Hidden::new("t") };
        assert_eq!(entry(token), json!({ "auth": STANDARD.encode("<token>:"), "identitytoken": "t" }));
        assert_eq!(entry(Credential::RegistryToken(Hidden::new("r"))), json!({ "registrytoken": "r" }));
    }

    #[test]
    fn bases_are_queried_as_well() {
        let mut request = request();
        let text = "FROM r.io/base AS b\nFROM scratch\nCOPY --from=b /a /\n";
        request.dockerfile =
            std::sync::Arc::new(crate::image::Dockerfile::parse("D", text).expect("a Dockerfile"));
        assert_eq!(registries(&request).into_iter().collect::<Vec<_>>(), ["docker.io", "r.io"]);
    }
}
