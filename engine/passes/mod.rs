//! One pass after another: a first one, then one for each change of the watched files.
//!
//! [`Passes`] watches and collects; the caller's thread asks it for the [next](Passes::next) thing to do, and runs the
//! passes. What a pass runs is up to the caller.

mod guard;
#[expect(clippy::module_inception, reason = "the file is named for its type")]
mod passes;
mod questions;
mod reaches;

pub use guard::{Guard, Written};
pub use passes::{Asked, End, Key, Next, Passes, Running};
pub use questions::Questions;
pub use reaches::Reaches;
