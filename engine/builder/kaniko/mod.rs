//! The kaniko builder: a pod in the cluster builds the image and pushes it (spec image-building §9).
//!
//! The pod's first container takes the build context from its standard input, the second is kaniko. windlass creates
//! the pod, sends the context, tells what kaniko prints, and removes the pod whatever happens.

mod arguments;
mod build;
mod credentials;
mod ending;
mod error;
mod fit;
mod gzip;
mod judge;
mod leftovers;
mod logs;
mod mark;
mod name;
mod pod;
mod pod_secret;
mod prerequisites;
mod settings;
mod transcript;
mod upload;
mod watch;

use std::collections::HashSet;
use std::path::PathBuf;

use crate::builder::{BuildMethod, BuildRequest};
use crate::config::KanikoConfig;

pub use build::Kaniko;
pub use error::KanikoError;
pub use fit::{Fit, fit};
pub use settings::PodSettings;

/// An image to build in a pod.
#[derive(Clone)]
pub struct KanikoBuild {
    /// What to build.
    pub request: BuildRequest,
    /// `build.kaniko` of the image.
    pub config: KanikoConfig,
    /// What the user says about build pods.
    pub settings: PodSettings,
    /// Whether the pod gets docker's credentials: not with `createPullSecret: false`.
    pub gives_credentials: bool,
    /// Values of build arguments and of the configuration that the specification of a pod may not show.
    pub secret_texts: HashSet<String>,
    /// The folder that remembers which pods this machine has made.
    pub marks: PathBuf,
}

impl KanikoBuild {
    /// How it builds: kaniko runs every build target of the file up to the wanted one, and the context is sent as a
    /// whole.
    pub const METHOD: BuildMethod = BuildMethod { runs_every_target: true, reads_files: true };
}
