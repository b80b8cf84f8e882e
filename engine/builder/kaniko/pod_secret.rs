//! The secret of a build pod: values that the pod needs, but that must not appear in its specification.

use std::collections::{BTreeMap, HashSet};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde_json::{Value, json};

use crate::secret::Secret as Hidden;

/// The key of the Docker configuration.
pub(super) const DOCKER_CONFIG: &str = ".dockerconfigjson";

/// The prefix of the variables of a container whose values are in the secret, and that its arguments refer to.
const VARIABLE: &str = "WINDLASS_SECRET_";

/// The secret of one pod, which has the same name as the pod.
pub(super) struct PodSecret<'a> {
    name: String,
    /// The values that belong in this secret, wherever the configuration has them.
    texts: &'a HashSet<String>,
    entries: BTreeMap<String, Hidden>,
    /// How many of the entries are such values.
    count: usize,
}

impl<'a> PodSecret<'a> {
    /// The secret of the pod `name`, with its Docker configuration.
    pub(super) fn new(name: &str, docker_config: Option<Hidden>, texts: &'a HashSet<String>) -> Self {
        let entries = docker_config.into_iter().map(|config| (DOCKER_CONFIG.to_owned(), config)).collect();
        Self { name: name.to_owned(), texts, entries, count: 0 }
    }

    /// Its name, if it has a Docker configuration.
    pub(super) fn with_docker_config(&self) -> Option<&str> {
        self.entries.contains_key(DOCKER_CONFIG).then_some(self.name.as_str())
    }

    /// A variable of a container.
    pub(super) fn variable(&mut self, name: &str, value: &str) -> Value {
        if !self.texts.contains(value) {
            return json!({ "name": name, "value": value });
        }
        let number = self.keep(value);
        self.reference(name, number)
    }

    /// `text` for an argument of a container with [`PodSecret::variables`]: Kubernetes replaces `$(NAME)` with the
    /// value of the variable.
    pub(super) fn argument(&mut self, text: &str) -> Option<String> {
        self.texts.contains(text).then(|| format!("$({VARIABLE}{})", self.keep(text)))
    }

    /// The variables that arguments refer to.
    pub(super) fn variables(&self) -> Vec<Value> {
        (0..self.count).map(|number| self.reference(&format!("{VARIABLE}{number}"), number)).collect()
    }

    /// The secret, which is owned by `pod`; `None` if it is empty.
    pub(super) fn into_secret(self, pod: &Pod) -> Option<Secret> {
        let type_ = match self.with_docker_config() {
            _ if self.entries.is_empty() => return None,
            Some(_) => "kubernetes.io/dockerconfigjson",
            None => "Opaque",
        };
        let owner = OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            name: self.name.clone(),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            ..OwnerReference::default()
        };
        let data = self.entries.iter().map(|(key, value)| {
            let value = ByteString(value.expose().as_bytes().to_vec());
            (key.clone(), value)
        });
        Some(Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                labels: pod.metadata.labels.clone(),
                owner_references: Some(vec![owner]),
                ..ObjectMeta::default()
            },
            type_: Some(type_.to_owned()),
            data: Some(data.collect()),
            ..Secret::default()
        })
    }

    /// Adds `text`, once for equal values; returns its number.
    fn keep(&mut self, text: &str) -> usize {
        let known = (0..self.count)
            .find(|number| self.entries.get(&key(*number)).is_some_and(|known| known.expose() == text));
        known.unwrap_or_else(|| {
            self.entries.insert(key(self.count), Hidden::new(text));
            self.count += 1;
            self.count - 1
        })
    }

    /// The variable `name` whose value is the entry with this `number`.
    fn reference(&self, name: &str, number: usize) -> Value {
        json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": self.name, "key": key(number) } } })
    }
}

/// The key of a value in the secret.
fn key(number: usize) -> String {
    format!("text-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> HashSet<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn secret_has_the_values_that_the_pod_refers_to() {
        let texts = texts(&["hunter2"]);
        let mut secret = PodSecret::new("p", None, &texts);
        assert_eq!(secret.argument("plain"), None);
        assert_eq!(secret.argument("hunter2").as_deref(), Some("$(WINDLASS_SECRET_0)"));
        assert_eq!(secret.variable("A", "plain"), json!({ "name": "A", "value": "plain" }));
        let reference = |name: &str| json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": "p", "key": "text-0" } } });
        assert_eq!(secret.variable("TOKEN", "hunter2"), reference("TOKEN"));
        assert_eq!(secret.variables(), [reference("WINDLASS_SECRET_0")]);
        let secret = secret.into_secret(&Pod::default()).expect("a secret");
        assert_eq!(secret.type_.as_deref(), Some("Opaque"));
        let data = secret.data.expect("data");
        assert_eq!(
            data.iter().map(|(key, value)| (key.as_str(), &*value.0)).collect::<Vec<_>>(),
            [("text-0", &b"hunter2"[..])]
        );
    }

    #[test]
    fn pod_without_secrets_needs_none() {
        let texts = texts(&["hunter2"]);
        assert!(PodSecret::new("p", None, &texts).into_secret(&Pod::default()).is_none());
        let secret = PodSecret::new("p", Some(Hidden::new("{}")), &texts).into_secret(&Pod::default());
        assert_eq!(secret.and_then(|secret| secret.type_).as_deref(), Some("kubernetes.io/dockerconfigjson"));
    }
}
