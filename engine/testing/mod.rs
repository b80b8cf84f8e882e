//! Tests of pipelines, written in Rhai: each `fn test_...()` of a `*_test.rhai` file runs in a [world in
//! memory](crate::host::memory) of its own, in milliseconds.
//!
//! [`find`] finds the tests, [`run`](run::run_all) runs them, several at a time, and gives an [`Outcome`] for each; what
//! a test may call is in [`stage`].

mod bench;
mod difference;
mod find;
mod overrides;
mod plain;
mod projects;
mod run;
mod snapshots;
pub mod stage;

pub use find::{FindError, Found, find, find_each};
pub use overrides::Overrides;
pub use plain::plain;
pub use run::{Outcome, RunTests, Tested, Verdict};

/// The functions of pipelines that the test on this thread can call, with their numbers of parameters.
pub(crate) fn callable() -> Vec<(String, usize)> {
    let bench = bench::Bench::current();
    bench.map(|bench| bench.file.overrides.functions().cloned().collect()).unwrap_or_default()
}
