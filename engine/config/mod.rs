//! Reads `devspace.yaml` into a [`Project`].

mod error;
mod model;
mod node;
mod parse;
mod problem;

pub use error::ConfigError;
pub use model::*;
pub use problem::Problem;
