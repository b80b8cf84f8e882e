//! A build target on its way.

use super::document::ImageDocument;
use super::root_fs::RootFs;
use super::variables::Variables;
use crate::image::Platform;
use crate::oci::Layer;

/// A build target on its way: what its image is so far. Cheap to clone, but for its configuration.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Its file system, once somebody wanted to know it.
    pub(super) root_fs: Option<RootFs>,
    /// Its configuration.
    pub(super) document: ImageDocument,
    /// Its layers, lowest first.
    pub(super) layers: Vec<Layer>,
    /// The image that the lowest of them come from, which may not be here yet.
    pub(super) base: Option<String>,
    /// The variables that words are expanded with.
    pub(super) variables: Variables,
    /// Whether this target, not one it is based on, has a CMD.
    pub(super) has_command: bool,
    /// Whether it is `scratch` and nothing made a file system of it yet.
    pub(super) is_blank: bool,
    /// What it runs on.
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
