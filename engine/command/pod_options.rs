//! The options for build pods.

use std::time::Duration;

use clap::Args;

use crate::builder::kaniko::PodSettings;

/// Options about build pods. Few users need them: examples/cluster/README.md lists them, not the help.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct PodOptions {
    /// Build in the cluster with this kaniko image
    #[arg(long, env = "WINDLASS_KANIKO_IMAGE", hide = true, value_name = "IMAGE")]
    pub kaniko_image: Option<String>,

    /// Image that receives the build context; it must contain `tar` [default: from the configuration]
    #[arg(long, env = "WINDLASS_KANIKO_INIT_IMAGE", hide = true, value_name = "IMAGE")]
    pub kaniko_init_image: Option<String>,

    /// Timeout in seconds for the start of a build pod, and for a stalled context upload [default: 1200]
    #[arg(long, env = "WINDLASS_KANIKO_START_LIMIT", hide = true, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub kaniko_start_limit: Option<u32>,

    /// Timeout in seconds for scheduling a build pod, unless a new node is announced [default: 15]
    #[arg(long, env = "WINDLASS_KANIKO_NODE_LIMIT", hide = true, value_name = "SECONDS")]
    pub kaniko_node_limit: Option<u32>,

    /// Maximum lifetime of a build pod in seconds [default: 21600]
    #[arg(long, env = "WINDLASS_KANIKO_LIMIT", hide = true, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub kaniko_limit: Option<u32>,
}

impl PodOptions {
    /// The settings for build pods.
    pub fn settings(&self) -> PodSettings {
        let seconds = |seconds: Option<u32>, default: Duration| {
            seconds.map_or(default, |seconds| Duration::from_secs(seconds.into()))
        };
        let default = PodSettings::default();
        PodSettings {
            image: self.kaniko_image.clone().filter(|image| !image.is_empty()),
            init_image: self.kaniko_init_image.clone().filter(|image| !image.is_empty()),
            start_limit: seconds(self.kaniko_start_limit, default.start_limit),
            node_limit: seconds(self.kaniko_node_limit, default.node_limit),
            limit: seconds(self.kaniko_limit, default.limit),
        }
    }
}
