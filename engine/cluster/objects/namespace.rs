//! Namespaces of a deployment.

use serde_json::{Value, json};

use super::super::{ClusterAccess, MANAGER};
use super::request::{Call, Failure, with_query};
use super::resource::segment;
use super::status::user;
use super::{ApplyError, ObjectKey};

impl ClusterAccess {
    /// Creates `namespace` if it does not exist, and returns whether it was created. Without the permission to read it,
    /// it is assumed to exist.
    ///
    /// # Errors
    /// [`ApplyError::NamespaceForbidden`] without the permission to create it, [`ApplyError::NamespaceTerminating`] if
    /// it is being deleted.
    pub async fn create_namespace(&self, namespace: &str) -> Result<bool, ApplyError> {
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
        let key = ObjectKey::new(&object)?;
        let doing = format!("create the namespace `{namespace}`");
        match self.send(Call::get(path(namespace))).await {
            Ok(found) if found.body["status"]["phase"] == "Terminating" => {
                let (namespace, remaining) = (namespace.to_owned(), remaining(&found.body));
                return Err(ApplyError::NamespaceTerminating { doing, namespace, remaining });
            }
            Ok(_) => return Ok(false),
            Err(Failure::Status(status)) if status.code == 403 => return Ok(false),
            Err(Failure::Status(status)) if status.code == 404 => {}
            Err(failure) => return Err(self.problem(failure, &doing, Some(&key))),
        }
        let path = with_query("/api/v1/namespaces", &[("fieldManager", MANAGER)]);
        match self.send(Call::post(path, &object)).await {
            Ok(_) => Ok(true),
            // It was created in the meantime.
            Err(Failure::Status(status)) if status.code == 409 => Ok(false),
            Err(Failure::Status(status))
                if status.code == 403 && status.message.contains(" cannot create ") =>
            {
                let user = user(&status.message);
                Err(ApplyError::NamespaceForbidden { namespace: namespace.to_owned(), user })
            }
            Err(failure) => Err(self.problem(failure, &doing, Some(&key))),
        }
    }

    /// The remaining contents of a namespace that is being deleted, after a colon; empty if unknown.
    pub(super) async fn remaining_in(&self, namespace: &str) -> String {
        let found = self.send(Call::get(path(namespace))).await;
        found.map(|found| remaining(&found.body)).unwrap_or_default()
    }
}

fn path(namespace: &str) -> String {
    format!("/api/v1/namespaces/{}", segment(namespace))
}

/// The reasons why `namespace` is not deleted yet: its conditions, otherwise its finalizers.
fn remaining(namespace: &Value) -> String {
    let conditions = namespace["status"]["conditions"].as_array().into_iter().flatten();
    let failing = conditions.filter(|condition| condition["status"] == "True");
    let messages: Vec<_> = failing.filter_map(|condition| condition["message"].as_str()).collect();
    if !messages.is_empty() {
        return format!(": {}", messages.join("; "));
    }
    let finalizers = namespace["metadata"]["finalizers"].as_array().into_iter().flatten();
    let finalizers: Vec<_> = finalizers.filter_map(Value::as_str).collect();
    match finalizers.is_empty() {
        true => String::new(),
        false => format!(": its finalizers {} remain", finalizers.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_name_the_remaining_content() {
        let namespace = json!({ "status": { "conditions": [
            { "type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "All resources discovered" },
            { "type": "NamespaceFinalizersRemaining", "status": "True",
              "message": "Some content in the namespace has finalizers remaining: acme.io/a in 1 resource instances" },
        ] } });
        let expected =
            ": Some content in the namespace has finalizers remaining: acme.io/a in 1 resource instances";
        assert_eq!(remaining(&namespace), expected);
        assert_eq!(remaining(&json!({})), "");
    }
}
