//! A kind of objects that a cluster serves.

use std::fmt::Write as _;

use kube::core::discovery::ApiResource;

/// A kind of objects that a cluster serves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceType {
    /// The API group and version: `apps/v1`, `v1`.
    pub api_version: String,
    /// The kind: `Deployment`.
    pub kind: String,
    /// The name in URLs: `deployments`.
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub is_namespaced: bool,
}

impl ResourceType {
    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// Kind and group, as ApplySets write them: `Deployment.apps`, `Service`.
    pub fn group_kind(&self) -> String {
        match self.group() {
            "" => self.kind.clone(),
            group => format!("{}.{group}", self.kind),
        }
    }

    /// The path of all its objects, or of those in `namespace`.
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        let mut path = root(&self.api_version);
        if let Some(namespace) = namespace.filter(|_| self.is_namespaced) {
            let _ = write!(path, "/namespaces/{}", segment(namespace));
        }
        let _ = write!(path, "/{}", self.plural);
        path
    }

    /// The path of the object `name`.
    pub(super) fn object_path(&self, namespace: Option<&str>, name: &str) -> String {
        format!("{}/{}", self.path(namespace), segment(name))
    }

    /// The type in the representation of the kube library.
    pub(super) fn api_resource(&self) -> ApiResource {
        let version =
            self.api_version.rsplit_once('/').map_or(self.api_version.as_str(), |(_, version)| version);
        ApiResource {
            group: self.group().to_owned(),
            version: version.to_owned(),
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            plural: self.plural.clone(),
        }
    }
}

/// The path of an API group and version.
pub(super) fn root(api_version: &str) -> String {
    match api_version.split_once('/') {
        Some((group, version)) => format!("/apis/{}/{}", segment(group), segment(version)),
        None => format!("/api/{}", segment(api_version)),
    }
}

/// `text` as a part of a path: characters with a meaning in URLs are encoded.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_group_and_scope() {
        let resource = |api_version: &str, plural: &str, is_namespaced| ResourceType {
            api_version: api_version.to_owned(),
            kind: "K".to_owned(),
            plural: plural.to_owned(),
            is_namespaced,
        };
        let deployments = resource("apps/v1", "deployments", true);
        assert_eq!(
            deployments.object_path(Some("dev"), "web"),
            "/apis/apps/v1/namespaces/dev/deployments/web"
        );
        assert_eq!(deployments.path(None), "/apis/apps/v1/deployments");
        assert_eq!(deployments.group_kind(), "K.apps");
        let nodes = resource("v1", "nodes", false);
        assert_eq!(nodes.object_path(Some("dev"), "a?b:c"), "/api/v1/nodes/a%3Fb:c");
        assert_eq!(nodes.group_kind(), "K");
    }
}
