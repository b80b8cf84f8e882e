//! The Kubernetes manifests of a deployment: loads, checks, patches, completes, sorts, compares and prints them.
//!
//! A manifest becomes a list of [`ManifestDocument`]s, each an object with its location. Nothing here contacts a
//! cluster.

mod check;
mod diff;
mod document;
mod error;
mod files;
mod fill;
mod glob;
mod json;
mod kustomize;
mod load;
mod mask;
mod node;
mod object_id;
mod order;
mod origin;
mod patch;
mod print;
mod problem;
mod quote;
mod read;
mod scalar;
mod scope;
mod summary;
mod tag;
mod yaml;

pub use check::{check_complete, check_duplicates};
pub use diff::{ObjectDiff, diff};
pub use document::ManifestDocument;
pub use error::ManifestError;
pub use fill::fill_in;
pub use kustomize::{KustomizeOptions, kustomize};
pub use load::{ManifestSources, load, load_text};
pub use mask::masked;
pub use object_id::ObjectId;
pub use order::{object_rank, sort_for_apply};
pub use origin::ManifestOrigin;
pub use patch::{ObjectPatch, ObjectSelector, apply_patches};
pub use print::print;
pub use problem::ManifestProblem;
pub use read::parse;
