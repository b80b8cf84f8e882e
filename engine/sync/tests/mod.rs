//! Directories that are kept equal with a container in memory.

mod container;
#[cfg(unix)]
mod end_to_end;
mod reconcile;
mod scenarios;
#[cfg(unix)]
mod watched;
