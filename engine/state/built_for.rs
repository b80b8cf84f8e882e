//! The platform of an image that was built without a requested platform.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::image::Digest;

/// The builder that chose an image's platform because none was requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltFor {
    /// The platform: `linux/amd64`.
    pub platform: String,
    /// The builder: its address, combined with the architecture of this machine. The same socket path is another daemon
    /// on another machine.
    pub builder: String,
}

impl BuiltFor {
    /// The platform of the builder at `address`, an address for this machine.
    pub fn new(platform: String, address: impl Display) -> Self {
        Self { platform, builder: Self::builder_at(address) }
    }

    /// The builder at `address`, an address for this machine.
    pub fn builder_at(address: impl Display) -> String {
        // The address is hashed because it may contain a password.
        Digest::of(format!("{address} from {}", std::env::consts::ARCH)).hex()
    }
}
