//! Charts, deployed by the `helm` command.
//!
//! [`Helm::find`] finds the command, and [`template()`] runs it for a [`ChartRequest`]. [`ValueLayers`] merges values like
//! helm does.

mod archive;
mod arguments;
mod call_files;
mod defaults;
mod dependency;
mod error;
mod failure;
mod failures;
mod helm;
mod locate;
mod metadata;
mod output;
mod pattern;
mod prepare;
mod rendered;
mod request;
mod run;
mod schema;
mod source;
mod template;
mod template_error;
#[cfg(all(test, unix))]
mod tests;
mod values;
mod values_file;
mod version;

pub use defaults::chart_defaults;
pub use dependency::build_dependencies;
pub use error::ChartError;
pub use helm::Helm;
use metadata::{ChartDependency, ChartMetadata};
pub use request::ChartRequest;
pub use run::HelmRun;
use schema::SchemaProblem;
pub use source::{ChartSource, Credentials};
pub use template::{RenderOptions, template};
pub use values::ValueLayers;
use values::ValuesOrigin;
use version::HelmVersion;
