//! The kinds of passes: their calls of the pipeline, and the steps before and after.

use std::path::PathBuf;
use std::sync::Arc;

use super::exit_status::Failure;
use super::pipeline_run::PipelineCall;
use crate::cluster::ClusterOptions;
use crate::config::Loaded;
use crate::event::Events;
use crate::passes::{Asked, Key, Passes};
use crate::plan::ChangeImpact;
use crate::script::{Execution, ScriptError};
use crate::watch::{ChangedFile, WatchRoot};

/// Why a pass runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is the first one.
    Start,
    /// The configuration or a script changed.
    Settings,
    /// The user asked for it.
    Asked(Asked),
    /// Inputs of these images changed; none if only deployments are affected.
    Images(Vec<String>),
}

/// The builds that a change requires.
#[derive(Debug, Default)]
pub(super) struct Wish {
    /// The images to build.
    pub(super) images: Vec<String>,
    /// Whether a pass is needed even without images.
    pub(super) is_needed: bool,
}

/// An image that a change affects.
#[derive(Debug, Clone)]
pub(super) struct Affected {
    /// Its full name.
    pub(super) image: String,
    /// How it is affected.
    pub(super) impact: ChangeImpact,
    /// The files that affect it; empty if its base image or its configuration does.
    pub(super) causes: Vec<ChangedFile>,
    /// The commands of the Dockerfile that use one of the files, which is copied by name for them, with the file.
    pub(super) runs: Vec<(PathBuf, String)>,
}

/// A kind of pass: its call of the pipeline, and the steps before and after it.
pub(super) trait PassKind {
    /// The pipeline call of a pass.
    fn call(&self, cause: &Cause) -> PipelineCall;

    /// Checks and changes a configuration that was just read.
    ///
    /// # Errors
    /// If the configuration is invalid; the last valid one stays in force.
    fn prepare(&self, _loaded: &mut Loaded) -> Result<(), Failure> {
        Ok(())
    }

    /// Selects the cluster for all passes. If it is `None`, each pass reads the configuration and the kubeconfig again.
    fn cluster(&self) -> Option<ClusterOptions> {
        None
    }

    /// Files to watch besides the configuration, the scripts and the inputs of images.
    fn roots(&self, _whole: &Execution) -> Vec<WatchRoot> {
        Vec::new()
    }

    /// The builds that a change of `files` requires, which affects `images`.
    ///
    /// # Errors
    /// Those of scripts.
    fn wish(
        &mut self,
        _scripts: &Arc<Execution>,
        images: Vec<Affected>,
        _files: &[ChangedFile],
    ) -> Result<Wish, Arc<ScriptError>> {
        Ok(Wish { images: images.into_iter().map(|affected| affected.image).collect(), is_needed: false })
    }

    /// Who wrote a file that changed between passes, and how to leave it out, each as a phrase; `None` if that was the
    /// user, or a command.
    fn writer_of(&self, _file: &ChangedFile) -> Option<(String, Option<String>)> {
        None
    }

    /// Runs before the first pass. Work that lasts longer than a pass reports to `events`.
    ///
    /// # Errors
    /// Failures after which no pass can succeed.
    fn begin(
        &mut self,
        _execution: &Arc<Execution>,
        _passes: &Passes,
        _events: &Events,
    ) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether another process uses the terminal from now on: then windlass reads no keys and prints nothing.
    fn takes_terminal(&self) -> bool {
        false
    }

    /// Whether it calls functions of the scripts between passes, and at the end.
    fn calls_scripts(&self) -> bool {
        false
    }

    /// Runs after a pass that succeeded. `scripts` runs the functions that are called from now on, if this kind of pass
    /// [calls](PassKind::calls_scripts) any.
    ///
    /// # Errors
    /// Failures that prevent the next step.
    fn passed(
        &mut self,
        _execution: &Arc<Execution>,
        _scripts: &Arc<Execution>,
        _cause: &Cause,
    ) -> Result<(), Failure> {
        Ok(())
    }

    /// Opens the pages again.
    fn open(&self) {}

    /// Additional keys with their effects; [`Passes`] receives them.
    fn keys(&self) -> &'static [(char, Key, &'static str)] {
        &[]
    }

    /// After a pass that failed.
    fn failed(&mut self, _execution: &Arc<Execution>, _error: &ScriptError) {}

    /// Whether it is over after the first pass.
    fn is_over(&self) -> bool {
        false
    }

    /// At the end, with the last configuration.
    fn end(&mut self, _execution: &Arc<Execution>) {}
}
