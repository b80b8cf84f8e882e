//! What every command that needs the project does first.

use std::io::IsTerminal;
use std::sync::Arc;

use super::exit_status::Failure;
use super::habit::ignored_flags;
use crate::cli::GlobalOptions;
use crate::config::{
    self, Ask, ConfigError, Explain, Explanation, LoadOptions, Loaded, Problem, TerminalAsk,
};
use crate::dependency::{DependencyError, Fetch, News, Tree};
use crate::event::{Event, Events, Level};
use crate::git::GitError;

/// Loads the project that the command line names. In a terminal the user is asked for variables without a value.
///
/// # Errors
/// When the configuration is wrong, or the user breaks off a question.
pub(super) fn load_project(global: &GlobalOptions) -> Result<Loaded, Failure> {
    for name in ignored_flags() {
        warn(&format!("`{name}` is set, which windlass does not read: pass its options to windlass"), global);
    }
    config::load(&load_options(global)).map_err(failure)
}

/// Loads the project for listing what is in it. Nobody is asked, and what depends on a variable without a value may be
/// missing.
///
/// # Errors
/// When the configuration is wrong.
pub(super) fn load_outline(global: &GlobalOptions) -> Result<Loaded, Failure> {
    let options = LoadOptions { explain: Explain::Outline, ask: None, ..load_options(global) };
    config::load(&options).map_err(failure)
}

/// Loads the project for running `name`: where that is a command of `devspace.yaml`, nothing but commands is read.
///
/// # Errors
/// As [`load_project`].
pub(super) fn load_to_run(global: &GlobalOptions, name: &str) -> Result<Loaded, Failure> {
    let options = LoadOptions { command: Some(name.to_owned()), ..load_options(global) };
    config::load(&options).map_err(failure)
}

/// Loads the project for what can be said about it, and the warnings. A survey asks nothing.
///
/// # Errors
/// As [`load_project`].
pub(super) fn load_explained(
    global: &GlobalOptions,
    explain: Explain,
) -> Result<(Explanation, Vec<Problem>), Failure> {
    let mut options = LoadOptions { explain, ..load_options(global) };
    if explain == Explain::Survey {
        options.ask = None;
    }
    let loaded = config::load(&options).map_err(failure)?;
    Ok((loaded.explanation.unwrap_or_default(), loaded.warnings))
}

/// Loads the projects that `root` depends on, as [`load_project`] loaded it.
///
/// # Errors
/// When one of them is not there, or its configuration is wrong.
pub(super) fn load_dependencies(global: &GlobalOptions, root: &Loaded) -> Result<Tree, Failure> {
    fetch_dependencies(global, root, Fetch::Missing, &mut |_| ())
}

/// Loads the projects that `root` depends on, those from git as `fetch` says; `tell` hears about repositories.
///
/// # Errors
/// As [`load_dependencies`].
pub(super) fn fetch_dependencies(
    global: &GlobalOptions,
    root: &Loaded,
    fetch: Fetch,
    tell: &mut dyn FnMut(News<'_>),
) -> Result<Tree, Failure> {
    let mut tell_all = |news: News<'_>| {
        if let (News::Cloning(source), false) = (&news, global.silent) {
            eprintln!("cloning {source}");
        }
        tell(news);
    };
    Tree::load(root, &load_options(global), fetch, &mut tell_all).map_err(|error| match error {
        DependencyError::Config(error) => failure(error),
        DependencyError::Git(GitError::Cancelled { .. }) => Failure::interrupted(error),
        DependencyError::Git(_) => Failure::failed(error),
        error => Failure::wrong_use(error),
    })
}

/// What the command line says about loading.
pub(super) fn load_options(global: &GlobalOptions) -> LoadOptions {
    // Questions are drawn on standard error.
    let is_interactive = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    LoadOptions {
        directory: std::env::current_dir().unwrap_or_else(|_| ".".into()),
        config: global.config.clone(),
        profiles: global.profiles.clone(),
        vars: global.vars.clone(),
        namespace: global.namespace.clone(),
        kube_context: global.kube_context.clone(),
        no_exec: global.no_exec,
        disable_profile_activation: global.disable_profile_activation,
        checks_vars: true,
        ask: is_interactive.then(|| Arc::new(TerminalAsk) as Arc<dyn Ask>),
        ..LoadOptions::default()
    }
}

/// How a command ends whose project cannot be loaded.
pub(super) fn failure(error: ConfigError) -> Failure {
    match error {
        ConfigError::Cancelled { .. } | ConfigError::Interrupted { .. } => Failure::interrupted(error),
        error => Failure::wrong_use(error),
    }
}

/// Tells warnings of the configuration on standard error, for commands without a report.
pub(super) fn tell(warnings: &[Problem], global: &GlobalOptions) {
    for warning in warnings {
        warn(&warning.in_one_line(), global);
    }
}

/// Events whose notices are told on standard error, for commands without a report.
pub(super) fn notices(global: &GlobalOptions) -> Events {
    let global = global.clone();
    Events::new(move |event| match event {
        Event::Notice { level: Level::Warning, message, .. } => warn(&message, &global),
        Event::Notice { level: Level::Info, message, .. } if !global.silent => eprintln!("{message}"),
        _ => {}
    })
}

/// Tells a warning on standard error, for commands without a report.
pub(super) fn warn(message: &str, global: &GlobalOptions) {
    if !global.no_warn && !global.silent {
        let text = format!("warning: {message}");
        eprintln!("{}", console::style(text).for_stderr().yellow());
    }
}
