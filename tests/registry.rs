//! The registry client against a real registry with accounts.

use std::path::Path;
use std::sync::Arc;

use windlass::image::{ImageReference, Repository};
use windlass::registry::{CredentialStore, RegistryClient, RegistryErrorKind};
use windlass::secret::Secret;

use crate::harness::{PASSWORD, Registry, USER};

fn client(docker_config: &Path) -> RegistryClient {
    RegistryClient::new(Arc::new(CredentialStore::at(docker_config)))
}

#[tokio::test]
async fn login_permits_pushing() {
    let Some(registry) = Registry::with_login() else { return };
    let folder = tempfile::tempdir().expect("a temporary directory can be created");
    let docker_config = folder.path().join("docker");
    let repository: Repository = format!("{}/acme/app", registry.address()).parse().expect("a repository");

    let stranger =
        client(&docker_config).check_push(&repository).await.expect_err("a push without a login is rejected");
    assert_eq!(stranger.problem, RegistryErrorKind::CredentialsMissing);

    let login = client(&docker_config);
    let refused = login.log_in(&registry.address(), USER.to_owned(), Secret::new("wrong")).await;
    assert!(matches!(
        refused.map_err(|error| error.problem),
        Err(RegistryErrorKind::CredentialsRefused { .. })
    ));
    assert!(!docker_config.exists(), "nothing is stored");
    login
        .log_in(&registry.address(), USER.to_owned(), Secret::new(PASSWORD))
        .await
        .expect("the right password");

    let client = client(&docker_config);
    client.check_push(&repository).await.expect("a logged-in user can push");
    let reference: ImageReference = format!("{repository}:none").parse().expect("a reference");
    assert_eq!(client.manifest_digest(&reference).await, Ok(None));
    let error = client.image_config(&reference, None).await.expect_err("no image");
    assert!(matches!(error.problem, RegistryErrorKind::NotFound { .. }), "{error}");
}
