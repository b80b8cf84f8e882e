//! Dependencies of a project (`dependencies` in DevSpace).
//!
//! [`Tree`] finds and loads them, each once even if several projects need it. [`attach`] creates a run for each, and
//! [`Dependency::build`] calls its pipeline: a project's pipeline builds its dependencies first, so leaves are built
//! first, and independent projects are built in parallel under one job limit.

mod attach;
mod base;
mod build;
mod claims;
mod error;
mod jobs;
mod runtime_variable;
mod selection;
mod tree;

pub use attach::{Dependency, RunLinks, attach};
pub use base::{ForeignBase, disabled_base, foreign_base};
pub use build::build_all;
pub use claims::Claims;
pub use error::DependencyError;
pub use jobs::{JobPermit, Jobs, has_place, share_place};
pub use runtime_variable::{
    RuntimeVariableError, fill, fill_custom, has_runtime_variables, named_images, reference,
};
pub use selection::{NodeSelection, Request, Selection, refers_to};
pub use tree::{Fetch, FetchEvent, ProjectNode, Tree};
