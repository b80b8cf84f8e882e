//! Image references, Dockerfiles, build contexts and cache keys: values whose only side effect is
//! reading files.

pub mod context;
mod digest;
pub mod dockerfile;
mod inputs;
mod platform;
mod reference;
mod share_key;
mod stamp;
mod stat_index;
mod tag;

pub use context::{Context, Selection};
pub use digest::{Digest, DigestError};
pub use dockerfile::Dockerfile;
pub use inputs::{CacheKey, ENCODING, Inputs};
pub use platform::{Platform, normal_platforms};
pub use reference::{ImageReference, ReferenceError, Repository};
pub use share_key::ShareKey;
pub use stamp::Stamp;
pub(crate) use stamp::{file_clock, nanoseconds_of, system_time};
pub use stat_index::{IndexWarning, StatIndex};
pub use tag::{Tag, TagError, TagTemplate};
