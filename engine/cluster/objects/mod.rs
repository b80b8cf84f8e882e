//! Objects of any kind in the cluster, as JSON: discover, list, apply, delete, watch, lock.
//!
//! Every function is a method of [`ClusterAccess`](super::ClusterAccess). Objects are applied with server-side apply and
//! the field manager of windlass. Errors are [`ApplyError`]s, which name the object and, if possible, the field. Every
//! request has a timeout, and dropping a future cancels it.

mod admission;
mod apply;
mod apply_set;
mod as_applied;
mod body;
mod delete;
mod discovery;
mod error;
mod established;
mod field_path;
mod field_problem;
mod field_set;
mod go_text;
mod immutable;
mod lease;
mod lease_state;
mod list;
mod lock_holder;
mod log_tail;
mod namespace;
mod object_key;
mod prune;
mod removed_apis;
mod request;
mod resource;
mod restart;
mod schema_problems;
mod send;
mod status;
mod takeover;
#[cfg(test)]
mod tests;
mod watch;
mod watch_state;

pub use apply::ApplyOutcome;
#[cfg(test)]
use apply::has_same_content;
#[cfg(test)]
use apply_set::PART_OF;
pub use apply_set::{ApplySet, owner_of};
pub use delete::Propagation;
pub(super) use discovery::ResourceCache;
pub use error::ApplyError;
pub use field_problem::{FieldProblem, OwnedField};
pub use lease::DeployLock;
pub(super) use lease_state::ServerClock;
pub use list::without_managed_fields;
pub use lock_holder::LockHolder;
pub use log_tail::LogTail;
pub use object_key::{ObjectKey, group_of, write_object};
pub use prune::{KEEP_POLICY, Pruning, has_keep_policy};
pub use resource::ResourceType;
pub(super) use watch::WatchDelays;
pub use watch::{WatchTarget, WatchedObject};
