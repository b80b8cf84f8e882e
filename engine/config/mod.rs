//! Reads `devspace.yaml` into a [`Project`].

mod model;

pub use model::*;
