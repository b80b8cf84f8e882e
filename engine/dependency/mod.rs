//! Dependencies of a project (`dependencies` in DevSpace).
//!
//! [`Tree`] finds and loads them, each once even if several projects need it. [`ProjectSelection`] selects those that
//! are built. A project's pipeline builds its dependencies first, so leaves are built first, and independent projects
//! are built in parallel under one job limit.

mod claims;
mod error;
mod jobs;
mod selection;
mod tree;

pub use claims::Claims;
pub use error::DependencyError;
pub use jobs::{JobPermit, Jobs, has_place, share_place};
pub use selection::{NodeSelection, ProjectSelection, Request, refers_to};
pub use tree::{Fetch, FetchEvent, ProjectNode, Tree};
