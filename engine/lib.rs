//! Windlass builds and deploys the container images of a `devspace.yaml` with a pipeline that is itself a Rhai script.
//!
//! The crate supplies the *stages* (load a Dockerfile, select a build context, plan, build, push, deploy, wait);
//! `scripts/build.rhai` and `scripts/deploy.rhai` compose them, and a project can override any function of them. Data
//! flows one way: [`config`] reads a project, [`script`] runs the pipeline over it, stages act through [`builder`] and
//! [`registry`], report their progress as [`event`]s, and record finished images in [`state`].
//!
//! Only items that the command and the tests use are public, so that the compiler finds dead code.

#![warn(missing_docs)]

pub mod builder;
mod cache_folder;
mod cluster;
pub mod command;
pub mod config;
mod connect;
mod connection_reason;
mod delays;
mod dependency;
mod deploy;
mod dev;
mod error;
pub mod event;
#[cfg(test)]
mod fake_project;
mod git;
mod graph;
mod held_file;
mod hook;
mod host;
pub mod image;
mod input_file;
mod lock;
pub mod oci;
mod own_file;
mod passes;
mod plan;
mod plural;
mod poll;
mod process;
pub mod registry;
mod report;
mod rollout;
mod run;
mod scope;
mod script;
pub mod secret;
mod secrets;
mod state;
mod suggestion;
#[expect(clippy::result_large_err, reason = "an error ends a path or a connection, and is not copied often")]
mod sync;
mod terminal;
mod testing;
mod text;
pub mod watch;
