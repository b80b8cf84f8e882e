//! Ensures that a namespace exists.

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use super::{ClusterAccess, ClusterError};

impl ClusterAccess {
    /// Creates `namespace` if it does not exist, and returns whether it was created; `doing` describes the operation in
    /// errors. Without the permission to read it, the namespace is assumed to exist.
    ///
    /// # Errors
    /// [`ClusterError`]; [`ClusterError::NoNamespace`] without the permission to create it.
    pub async fn ensure_namespace(&self, namespace: &str, doing: &str) -> Result<bool, ClusterError> {
        let (context, client) = self.connect().await?;
        let api: Api<Namespace> = Api::all(client.clone());
        match self.call(doing, api.get_opt(namespace)).await {
            Ok(Some(_)) | Err(ClusterError::Forbidden { .. }) => return Ok(false),
            Ok(None) => {}
            Err(error) => return Err(error),
        }
        let metadata = ObjectMeta { name: Some(namespace.to_owned()), ..ObjectMeta::default() };
        let object = Namespace { metadata, ..Namespace::default() };
        let params = PostParams { field_manager: Some(super::MANAGER.to_owned()), ..PostParams::default() };
        match self.call(doing, api.create(&params, &object)).await {
            Ok(_) => Ok(true),
            // It was created in the meantime.
            Err(ClusterError::Conflict { .. }) => Ok(false),
            Err(ClusterError::Forbidden { .. }) => Err(ClusterError::NoNamespace {
                doing: doing.to_owned(),
                namespace: namespace.to_owned(),
                context: context.name.clone(),
            }),
            Err(error) => Err(error),
        }
    }
}
