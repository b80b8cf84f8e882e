//! What an image is for where nobody asked for a platform.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::image::Digest;

/// The builder that chose an image's platform, as nobody asked for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltFor {
    /// The platform: `linux/amd64`.
    pub platform: String,
    /// The builder: where it is, seen from which kind of machine. The same socket is another daemon elsewhere.
    pub builder: String,
}

impl BuiltFor {
    /// The platform of the builder at `address`, seen from this machine.
    pub fn new(platform: String, address: impl Display) -> Self {
        Self { platform, builder: Self::builder_at(address) }
    }

    /// The builder at `address`, seen from this machine.
    pub fn builder_at(address: impl Display) -> String {
        // An address may have a password in it.
        Digest::of(format!("{address} from {}", std::env::consts::ARCH)).hex()
    }
}
