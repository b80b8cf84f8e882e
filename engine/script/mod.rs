//! The script engine: pipelines written in Rhai, overridden by merging, run over a project.

mod affected;
mod brackets;
mod cause;
mod check;
pub mod definitions;
mod dependency_builds;
mod engine;
mod error;
mod execution;
mod file;
mod hint;
mod layer;
mod library;
mod new_override;
mod pipeline;
pub mod reference;
mod reloads;
mod resolver;
mod setup;
mod signature;
pub mod stage;
mod syntax_help;
#[cfg(test)]
mod tests;
mod trace;
mod unused_override;

pub use affected::{affected, bases};
pub(crate) use check::signatures;
pub use check::{Mistake, syntax_error};
pub use engine::new_engine;
pub use error::ScriptError;
pub use execution::Execution;
pub use file::{Insertion, ScriptFile};
pub use pipeline::{Function, Pipeline};
pub use reloads::Reload;
pub use setup::Setup;
pub use signature::{Parameter, ParameterKind, Signature};

/// The result of a function that a script calls: its value, or an error that the script can catch.
pub type RhaiResultOf<T> = Result<T, Box<rhai::EvalAltResult>>;
