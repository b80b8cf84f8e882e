//! The kaniko builder: a pod in the cluster builds the image and pushes it.
//!
//! The first container of the pod reads the build context from its standard input, the second is kaniko. windlass
//! creates the pod, sends the context, reports the output of kaniko, and always removes the pod.

mod arguments;
mod build;
mod credentials;
mod ending;
mod error;
mod gzip;
mod ignored_mounts;
mod logs;
mod name;
mod orphaned_pods;
mod pod;
mod pod_lock;
mod pod_secret;
mod pod_state;
mod prerequisites;
mod settings;
mod support;
mod transcript;
mod upload;
mod watch;

use std::collections::HashSet;
use std::path::PathBuf;

use crate::builder::{BuildMethod, BuildRequest};
use crate::config::KanikoConfig;

pub use build::Kaniko;
pub use error::KanikoError;
pub use ignored_mounts::ignored_mounts;
pub use settings::PodSettings;
pub use support::{Supported, check_support};

/// An image to build in a pod.
#[derive(Clone)]
pub struct KanikoBuild {
    /// The image to build.
    pub request: BuildRequest,
    /// `build.kaniko` of the image.
    pub config: KanikoConfig,
    /// The settings for build pods.
    pub settings: PodSettings,
    /// Whether the pod gets the credentials of Docker; disabled by `createPullSecret: false`.
    pub gives_credentials: bool,
    /// Values of build arguments and of the configuration that must not appear in the specification of a pod.
    pub secret_texts: HashSet<String>,
    /// The directory that records which pods this machine has created.
    pub marks: PathBuf,
}

impl KanikoBuild {
    /// How it builds: kaniko runs every build stage up to the build target, and the whole context is sent.
    pub const METHOD: BuildMethod = BuildMethod { runs_every_target: true, reads_files: true };
}
