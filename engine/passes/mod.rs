//! One pass after another: a first one, then one for each change of the watched files.
//!
//! [`Passes`] watches and collects; the caller's thread requests the [next](Passes::next) step, and runs the passes.
//! The caller decides about the content of a pass.

mod guard;
#[expect(clippy::module_inception, reason = "the file is named for its type")]
mod passes;
mod questions;
mod reaches;

pub use guard::{Guard, WrittenFile};
pub use passes::{Asked, End, Key, Next, Passes, Running};
pub use questions::Questions;
pub use reaches::Reaches;
