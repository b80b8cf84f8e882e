//! The container that an entry of `dev` refers to.

use indexmap::IndexMap;
use serde::Serialize;

use crate::config::Origin;

/// The keys that select a container. Without any, the only running pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerSelection {
    /// The entry, for messages.
    #[serde(skip)]
    pub origin: Origin,
    /// The image of the container: a name in `images`. Its repository and the tag of its last build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The image of the container, as its pod names it: `nginx` or `nginx:1.25`. Never set together with `image`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_selector: Option<String>,
    /// `labelSelector`: labels of the pod, all of which it must have.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// `containerName`, in v2beta1 `container`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// `namespace`; if absent, that of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl ContainerSelection {
    /// Whether it selects the same container as `other`, regardless of their locations in the file.
    pub fn means_same(&self, other: &Self) -> bool {
        Self { origin: other.origin.clone(), ..self.clone() } == *other
    }

    /// The selection of the image `name`.
    pub fn of_image(name: &str, origin: Origin) -> Self {
        Self { image: Some(name.to_owned()), ..Self::any(origin) }
    }

    /// The selection of the only pod.
    pub fn any(origin: Origin) -> Self {
        Self {
            origin,
            image: None,
            image_selector: None,
            labels: IndexMap::new(),
            container: None,
            namespace: None,
        }
    }

    /// Whether it selects no pod: then the only one counts.
    pub fn is_any(&self) -> bool {
        self.image.is_none() && self.image_selector.is_none() && self.labels.is_empty()
    }
}

/// "image `api`", "labels `app=web`, container `main`", or "the only pod".
impl std::fmt::Display for ContainerSelection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        let image = self.image.as_ref().or(self.image_selector.as_ref());
        parts.extend(image.map(|image| format!("image `{image}`")));
        if !self.labels.is_empty() {
            let labels: Vec<_> = self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            parts.push(format!("labels `{}`", labels.join(",")));
        }
        if parts.is_empty() {
            parts.push("the only pod".to_owned());
        }
        parts.extend(self.container.as_ref().map(|container| format!("container `{container}`")));
        parts.extend(self.namespace.as_ref().map(|namespace| format!("namespace `{namespace}`")));
        formatter.write_str(&parts.join(", "))
    }
}
