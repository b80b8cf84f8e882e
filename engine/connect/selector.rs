//! The selection of a container.

use std::fmt;

use super::ImageMatch;
use crate::cluster::PodQuery;

/// The selection of a container. All conditions that are set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetSelector {
    /// The namespace; default: that of the run.
    pub namespace: Option<String>,
    /// The name of the pod.
    pub pod: Option<String>,
    /// A label selector: `app=api,tier!=cache`.
    pub labels: Option<String>,
    /// The images, of which the container runs one; without images, any.
    pub images: Vec<ImageMatch>,
    /// The container.
    pub container: Option<String>,
    /// Whether no container was named: then several pods are an error.
    pub is_default: bool,
}

impl TargetSelector {
    /// Whether it must select at most one pod.
    pub(super) fn is_only(&self) -> bool {
        self.is_default || (self.pod.is_none() && self.labels.is_none() && self.images.is_empty())
    }

    /// The query for the API server.
    pub(super) fn query(&self) -> PodQuery {
        PodQuery { name: self.pod.clone(), labels: self.labels.clone().unwrap_or_default() }
    }
}

/// The condition for a pod, which continues `no pod`: `` with the labels `app=api` ``.
impl fmt::Display for TargetSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(pod) = &self.pod {
            parts.push(format!("called `{pod}`"));
        }
        if let Some(labels) = &self.labels {
            parts.push(format!("with the labels `{labels}`"));
        }
        if !self.images.is_empty() {
            let images: Vec<_> = self.images.iter().map(|image| format!("`{}`", image.name)).collect();
            let noun = crate::plural::noun(images.len().min(2) as u8, "image");
            parts.push(format!("with the {noun} {}", images.join(", ")));
        }
        if let Some(container) = &self.container {
            parts.push(format!("with a container `{container}`"));
        }
        formatter.write_str(&parts.join(" and "))
    }
}
