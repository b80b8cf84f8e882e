//! The state of a build stage.

use super::document::ImageDocument;
use super::root_fs::RootFs;
use super::variables::Variables;
use crate::image::Platform;
use crate::oci::Layer;

/// A partially built build stage: its image so far. Cheap to clone, except for its configuration.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Its file system, once it was needed.
    pub(super) root_fs: Option<RootFs>,
    /// Its configuration.
    pub(super) document: ImageDocument,
    /// Its layers, lowest first.
    pub(super) layers: Vec<Layer>,
    /// The image that the lowest layers are from, which might not be in the store yet.
    pub(super) base: Option<String>,
    /// The variables that words are expanded with.
    pub(super) variables: Variables,
    /// Whether this build stage itself, not one that it is based on, has a CMD.
    pub(super) has_command: bool,
    /// Whether it is `scratch` and still has no files.
    pub(super) is_blank: bool,
    /// Its platform.
    pub(super) platform: Platform,
}

impl State {
    /// `FROM scratch`.
    pub(super) fn scratch(platform: Platform) -> Self {
        let document =
            ImageDocument::scratch(&platform.os, &platform.architecture, platform.variant.as_deref());
        Self {
            root_fs: Some(RootFs::default()),
            document,
            layers: Vec::new(),
            base: None,
            variables: Variables::default(),
            has_command: false,
            is_blank: true,
            platform,
        }
    }
}
