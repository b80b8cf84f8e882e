//! Output for CI systems: folded output, annotations of lines, a summary and variables for later steps.

mod annotation;
mod files;
mod folds;
mod outputs;
mod summary;
mod system;

pub use annotation::{Annotation, write_code_quality};
pub use files::ReportFiles;
pub use system::CiSystem;

pub(super) use folds::Folds;
pub(super) use outputs::reference;
