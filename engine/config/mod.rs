//! Reads `devspace.yaml` into a [`Project`].

mod error;
mod model;
mod node;
mod parse;
mod problem;
mod profile;
mod reader;

pub use error::ConfigError;
pub use model::*;
pub use problem::Problem;
