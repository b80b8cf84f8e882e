//! Windlass builds the container images of a `devspace.yaml` with a pipeline that is itself a Rhai script.
//!
//! The crate supplies the *stages* (load a Dockerfile, select a build context, plan, build, push);
//! `scripts/build.rhai` composes them, and a project can override any function of it. Data flows one way:
//! [`config`] reads a project, [`script`] runs the pipeline over it, stages act through [`builder`] and
//! [`registry`], report what happened as [`event`]s, and record finished images in [`state`].

#![warn(missing_docs)]

pub mod builder;
pub mod cache_folder;
pub mod cluster;
pub mod command;
pub mod config;
pub mod dependency;
pub mod error;
pub mod event;
#[cfg(test)]
mod fake_project;
pub mod git;
mod graph;
pub mod hook;
pub mod host;
pub mod image;
pub mod input_file;
pub(crate) mod lock;
pub mod oci;
pub mod own_file;
pub mod plan;
mod plural;
mod poll;
pub mod process;
pub mod registry;
pub mod report;
pub mod run;
pub mod scope;
pub mod script;
pub mod secret;
pub mod secrets;
pub mod state;
pub mod suggestion;
pub mod testing;
pub mod text;
