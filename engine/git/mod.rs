//! Git repositories that contain other projects: each is cloned once per user, with the `git` command.

mod checkout;
mod command;
mod error;
mod source;
#[cfg(test)]
mod tests;
mod trouble;

pub use checkout::{Checkout, Checkouts, Freshness};
pub use error::GitError;
pub use source::{GitReference, GitSource};
pub use trouble::GitTrouble;
