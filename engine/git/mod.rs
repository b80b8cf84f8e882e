//! Git repositories that contain other projects: each is cloned once per user, with the `git` command.

mod checkout;
mod command;
mod error;
mod revisions;
mod source;
#[cfg(test)]
mod tests;
mod tree_copy;
mod unavailable;

pub use checkout::{Checkout, Checkouts, Freshness};
pub use error::GitError;
pub use revisions::{MergeBase, RevisionError, Revisions};
pub use source::{GitReference, GitSource};
pub use tree_copy::TreeCopy;
pub use unavailable::GitUnavailable;
