//! The options that select a container.

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::completions;
use crate::connect::{ImageMatch, TargetSelector};
use crate::image::ReferenceError;

/// The options that select a container. They have the names of DevSpace.
#[derive(Debug, Clone, Default, Args)]
pub struct SelectorArgs {
    /// Container of the pod
    #[arg(short, long, value_name = "NAME")]
    pub container: Option<String>,

    /// Name of the pod
    #[arg(long, value_name = "NAME")]
    pub pod: Option<String>,

    /// Image of the project that the container runs
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completions::images))]
    pub image: Option<String>,

    /// Image that the container runs, as its pod names it
    #[arg(long, value_name = "REFERENCE", conflicts_with = "image")]
    pub image_selector: Option<String>,

    /// Labels of the pod, such as `app=api`
    #[arg(short, long, value_name = "LABELS")]
    pub label_selector: Option<String>,

    /// Choose the container from a list
    #[arg(long)]
    pub pick: bool,
}

impl SelectorArgs {
    /// Whether an option selects a pod.
    pub fn names_a_pod(&self) -> bool {
        self.pod.is_some()
            || self.image.is_some()
            || self.image_selector.is_some()
            || self.label_selector.is_some()
    }

    /// The selector that the options describe; `image` is the image of `--image`.
    ///
    /// # Errors
    /// If the reference of `--image-selector` is invalid.
    pub fn selector(&self, image: Option<ImageMatch>) -> Result<TargetSelector, ReferenceError> {
        let by_reference = self.image_selector.as_deref().map(ImageMatch::of_reference).transpose()?;
        Ok(TargetSelector {
            namespace: None,
            pod: self.pod.clone(),
            labels: self.label_selector.clone(),
            images: image.into_iter().chain(by_reference).collect(),
            container: self.container.clone(),
            is_default: false,
        })
    }
}
