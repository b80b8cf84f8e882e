//! Writes pull secrets.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::pull_secret::docker_config;
use super::{ClusterAccess, ClusterError, MANAGER, PullSecret, PullSecretResult};
use crate::poll::poll;
use crate::registry::{CredentialError, CredentialStore};
use crate::secret::Secret;

/// The timeout for the controllers to create the service account of a new namespace.
const ACCOUNT_LIMIT: Duration = Duration::from_secs(10);

/// The delay before the account is read again.
const ACCOUNT_PAUSE: Duration = Duration::from_millis(200);

impl ClusterAccess {
    /// Writes `secret` into the namespace and adds it to its service accounts; writes nothing without credentials for
    /// at least one of its registries. Idempotent.
    ///
    /// The secret is applied with server-side apply and the field manager of windlass. A secret with a user-chosen name
    /// that another field manager wrote is not changed. Other entries of the accounts are kept, even if they are
    /// written at the same time.
    ///
    /// # Errors
    /// [`ClusterError`]; [`ClusterError::NoCluster`] if none is configured.
    pub async fn create_pull_secret(
        &self,
        secret: &PullSecret,
        store: &CredentialStore,
    ) -> Result<PullSecretResult, PullSecretError> {
        let context = self.context()?.ok_or(ClusterError::NoCluster)?;
        let mut result = PullSecretResult {
            namespace: secret.namespace.clone().unwrap_or_else(|| context.namespace.clone()),
            context: context.name.clone(),
            ..PullSecretResult::default()
        };
        let mut logins = Vec::with_capacity(secret.logins.len());
        for login in &secret.logins {
            let stored = if login.is_incomplete() { Some(store.get(&login.registry).await?) } else { None };
            match login.login(stored.as_ref()) {
                Some((username, password)) => {
                    result.users.push((login.registry.clone(), username.clone()));
                    logins.push((login, username, password));
                }
                None => result.missing.push(login.registry.clone()),
            }
        }
        if !logins.is_empty() {
            let namespace = &result.namespace;
            self.apply_secret(secret, namespace, &docker_config(&logins)).await?;
            for account in &secret.service_accounts {
                self.add_to_account(&secret.name, namespace, account).await?;
            }
        }
        Ok(result)
    }

    async fn apply_secret(
        &self,
        secret: &PullSecret,
        namespace: &str,
        content: &Secret,
    ) -> Result<(), ClusterError> {
        let (_, client) = self.connect().await?;
        let name = &secret.name;
        let body = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": name, "labels": { "app.kubernetes.io/managed-by": MANAGER } },
            "type": "kubernetes.io/dockerconfigjson",
            "data": { ".dockerconfigjson": STANDARD.encode(content.expose()) },
        });
        // Generated names belong to DevSpace or windlass: secrets of earlier runs and of DevSpace are replaced.
        let params = PatchParams { force: secret.has_own_name(), ..PatchParams::apply(MANAGER) };
        let api: Api<v1::Secret> = Api::namespaced(client.clone(), namespace);
        let doing = format!("create the pull secret `{name}` in the namespace `{namespace}`");
        self.call(&doing, api.patch(name, &params, &Patch::Apply(&body))).await?;
        Ok(())
    }

    /// Adds the secret `name` to the pull secrets of `account`. A patch replaces the whole list, so the list is read
    /// first, and written only if the account has not changed since.
    async fn add_to_account(&self, name: &str, namespace: &str, account: &str) -> Result<(), ClusterError> {
        let (_, client) = self.connect().await?;
        let api: Api<v1::ServiceAccount> = Api::namespaced(client.clone(), namespace);
        let doing = format!(
            "add the pull secret `{name}` to the service account `{account}` in the namespace `{namespace}`"
        );
        // The account of a new namespace might not exist yet, and a changed account must be read again.
        let is_final = |answer: &Result<(), ClusterError>| {
            !matches!(answer, Err(ClusterError::NoServiceAccount { .. } | ClusterError::Conflict { .. }))
        };
        let attempt = || self.try_to_add(&api, name, account, &doing);
        match poll(ACCOUNT_PAUSE, ACCOUNT_LIMIT, attempt, is_final).await {
            // With permanent changes to the account, another secret name does not help.
            Err(ClusterError::Conflict { doing, reason }) => Err(ClusterError::Refused { doing, reason }),
            answer => answer,
        }
    }

    async fn try_to_add(
        &self,
        api: &Api<v1::ServiceAccount>,
        name: &str,
        account: &str,
        doing: &str,
    ) -> Result<(), ClusterError> {
        let found = self.call(doing, api.get(account)).await?;
        let mut secrets = found.image_pull_secrets.unwrap_or_default();
        if secrets.iter().any(|secret| secret.name == name) {
            return Ok(());
        }
        secrets.push(v1::LocalObjectReference { name: name.to_owned() });
        let version = found.metadata.resource_version;
        let patch = json!({ "metadata": { "resourceVersion": version }, "imagePullSecrets": secrets });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        self.call(doing, api.patch(account, &params, &Patch::Merge(&patch))).await?;
        Ok(())
    }
}

/// Why a pull secret could not be created.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum PullSecretError {
    /// The cluster failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cluster(#[from] ClusterError),

    /// The credentials are unavailable.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Credential(#[from] CredentialError),
}
