//! Projects that a project depends on (spec config §9, image-building §14).
//!
//! [`Tree`] finds and loads them, each once however many ways lead to it. [`attach`] gives each a run of its own, and
//! [`Dependency::build`] calls its pipeline: a project's pipeline builds what that project needs first, so leaves come
//! first, and what is independent runs side by side under the one job limit of the command.

mod attach;
mod base;
mod build;
mod claims;
mod error;
mod jobs;
mod runtime_variable;
mod selection;
mod tree;

pub use attach::{Dependency, Kin, attach};
pub use base::{ForeignBase, disabled_base, foreign_base};
pub use build::build_all;
pub use claims::Claims;
pub use error::DependencyError;
pub use jobs::{Jobs, Place, has_place, share_place};
pub use runtime_variable::{
    RuntimeVariableError, fill, fill_custom, has_runtime_variables, named_images, reference,
};
pub use selection::{NodeSelection, Request, Selection, refers_to};
pub use tree::{Fetch, News, Node, Tree};
