//! `${runtime...}` in commands of `devspace.yaml`: the references of images from their last builds.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::command::cli::GlobalOptions;
use crate::command::exit_status::Failure;
use crate::command::load::{load_dependencies, load_project};
use crate::command::pipeline_run::{host_options, new_runtime};
use crate::config::CommandConfig;
use crate::dependency::{ProjectSelection, Request, Tree};
use crate::event::Events;
use crate::host::Host;
use crate::run::{RunOptions, Session, fill, has_runtime_variables};
use crate::script::{Pipeline, ScriptFile, Setup};

/// Replaces the runtime variables in `command`. Reads the whole project only if there are any, and its dependencies
/// only if a variable refers to them. Builds nothing.
///
/// # Errors
/// If the configuration is invalid, a variable is unknown, or its image was never built.
pub fn filled(command: &CommandConfig, global: &GlobalOptions) -> Result<CommandConfig, Failure> {
    let mut filled = command.clone();
    let mut texts: Vec<&mut String> = std::iter::once(&mut filled.command)
        .chain(filled.args.iter_mut().flatten())
        .chain(&mut filled.after)
        .filter(|text| has_runtime_variables(text))
        .collect();
    if texts.is_empty() {
        return Ok(filled);
    }
    let loaded = load_project(global)?;
    let tree = match texts.iter().any(|text| text.contains("${runtime.dependencies.")) {
        true => load_dependencies(global, &loaded)?,
        false => Tree::default(),
    };
    let selection =
        ProjectSelection::new(&tree, &loaded.project, &Request::default()).map_err(Failure::wrong_use)?;
    let runtime = new_runtime()?;
    let events = Events::new(|_| ());
    let options = RunOptions { environment: loaded.environment, ..RunOptions::default() };
    let host = Host::live(&events, &host_options(&loaded.project, &tree, &options));
    let host = host.planning(&Arc::default());
    let session = Session::new(host, &events, CancellationToken::new(), runtime.handle().clone());
    let pipeline = Pipeline::compile(ScriptFile::defaults().collect(), &loaded.project.root);
    let pipeline = pipeline.map_err(Failure::wrong_use)?;
    let setup = Setup {
        project: loaded.project,
        pipeline: Arc::new(pipeline),
        options,
        session,
        tree,
        selection,
        no_warn: true,
    };
    let execution = setup.start().map_err(Failure::wrong_use)?;
    for text in &mut texts {
        **text = fill(&execution.run, text).map_err(Failure::failed)?;
    }
    Ok(filled)
}
