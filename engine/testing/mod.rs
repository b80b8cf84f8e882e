//! Tests of pipelines, written in Rhai: each `fn test_...()` of a `*_test.rhai` file runs on its own [in-memory
//! host](crate::host::memory), in milliseconds.
//!
//! [`find`](fn@find) finds the tests, [`RunTests`] runs them in parallel and returns an [`TestOutcome`], and [`stage`] has the
//! functions that a test can call.

mod difference;
mod find;
mod overrides;
mod plain;
mod projects;
mod run;
mod snapshots;
pub mod stage;
mod test_context;

pub use find::{FindError, TestFile, find, find_each};
pub use overrides::Overrides;
pub use plain::plain;
pub use run::{RunTests, TestOutcome, TestVerdict, Tested};
