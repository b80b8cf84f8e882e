//! Image references, Dockerfiles, build contexts and cache keys: values whose only side effect is
//! reading files.

pub mod context;
mod digest;
pub mod dockerfile;
mod platform;
mod reference;
mod tag;

pub use context::{Context, Selection};
pub use digest::{Digest, DigestError};
pub use dockerfile::Dockerfile;
pub use platform::{Platform, normal_platforms};
pub use reference::{ImageReference, ReferenceError, Repository};
pub use tag::{Tag, TagError, TagTemplate};
