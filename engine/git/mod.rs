//! Folders of git repositories that other projects lie in: cloned once for each user, with the `git` program.

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
