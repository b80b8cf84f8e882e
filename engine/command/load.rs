//! Loading of the project, for every command that needs it.

use std::io::IsTerminal;
use std::sync::Arc;

use super::devspace_hint::ignored_flags;
use super::exit_status::Failure;
use super::stdout::print;
use crate::command::cli::GlobalOptions;
use crate::config::{
    self, Ask, ConfigDiagnostic, ConfigError, Explain, Explanation, LoadOptions, Loaded, TerminalAsk,
};
use crate::dependency::{DependencyError, Fetch, FetchEvent, Tree};
use crate::event::{Event, Events, Level};
use crate::git::GitError;
use crate::report::json_line;

/// Loads the project that the command line selects. In a terminal, prompts for variables without a value.
///
/// # Errors
/// If the configuration is invalid, or the user cancels a prompt.
pub(super) fn load_project(global: &GlobalOptions) -> Result<Loaded, Failure> {
    for name in ignored_flags() {
        warn(&format!("ignoring `{name}`: windlass does not read it, pass its options to windlass"), global);
    }
    config::load(&load_options(global)).map_err(failure)
}

/// Like [`load_project`], but returns `None` without a `devspace.yaml` if `is_optional` is set.
///
/// # Errors
/// Those of [`load_project`].
pub(super) fn load_if_any(global: &GlobalOptions, is_optional: bool) -> Result<Option<Loaded>, Failure> {
    match config::load(&load_options(global)) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(ConfigError::NotFound { .. }) if is_optional && global.config.is_none() => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

/// Loads the project to list its contents. Does not prompt; values that depend on a variable without a value may be
/// missing.
///
/// # Errors
/// If the configuration is invalid.
pub(super) fn load_outline(global: &GlobalOptions) -> Result<Loaded, Failure> {
    let options = LoadOptions { explain: Explain::Outline, ask: None, ..load_options(global) };
    config::load(&options).map_err(failure)
}

/// Loads the whole project like [`load_project`], without prompts.
///
/// # Errors
/// If the configuration is invalid, or a variable has no value.
pub(super) fn load_without_prompt(global: &GlobalOptions) -> Result<Loaded, ConfigError> {
    config::load(&LoadOptions { ask: None, ..load_options(global) })
}

/// Loads the project to run `name`: if it is a command of `devspace.yaml`, only the commands are read.
///
/// # Errors
/// Those of [`load_project`].
pub(super) fn load_to_run(global: &GlobalOptions, name: &str) -> Result<Loaded, Failure> {
    let options = LoadOptions { command: Some(name.to_owned()), ..load_options(global) };
    config::load(&options).map_err(failure)
}

/// Loads the explanation of the project, and the warnings. A survey does not prompt.
///
/// # Errors
/// Those of [`load_project`].
pub(super) fn load_explained(
    global: &GlobalOptions,
    explain: Explain,
) -> Result<(Explanation, Vec<ConfigDiagnostic>), Failure> {
    let mut options = LoadOptions { explain, ..load_options(global) };
    if explain == Explain::ProjectCheck {
        options.ask = None;
    }
    let loaded = config::load(&options).map_err(failure)?;
    Ok((loaded.explanation.unwrap_or_default(), loaded.warnings))
}

/// Loads the dependencies of `root`, which [`load_project`] loaded.
///
/// # Errors
/// If one of them is missing, or its configuration is invalid.
pub(super) fn load_dependencies(global: &GlobalOptions, root: &Loaded) -> Result<Tree, Failure> {
    fetch_dependencies(global, root, Fetch::Missing, &mut |_| ())
}

/// Loads the dependencies of `root`; `fetch` controls fetching from git, `tell` receives the events of repositories.
///
/// # Errors
/// Those of [`load_dependencies`].
pub(super) fn fetch_dependencies(
    global: &GlobalOptions,
    root: &Loaded,
    fetch: Fetch,
    report: &mut dyn FnMut(FetchEvent<'_>),
) -> Result<Tree, Failure> {
    let mut report_all = |news: FetchEvent<'_>| {
        if let (FetchEvent::Cloning(source), false) = (&news, global.silent) {
            eprintln!("cloning {source}");
        }
        report(news);
    };
    Tree::load(root, &load_options(global), fetch, &mut report_all).map_err(|error| match error {
        DependencyError::Config(error) => failure(error),
        DependencyError::Git(GitError::Cancelled { .. }) => Failure::interrupted(error),
        DependencyError::Git(_) => Failure::failed(error),
        error => Failure::wrong_use(error),
    })
}

/// The load options from the command line.
pub(super) fn load_options(global: &GlobalOptions) -> LoadOptions {
    // Prompts are drawn on standard error.
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
        copy: global.copy.clone(),
        checks_vars: true,
        ask: is_interactive.then(|| Arc::new(TerminalAsk) as Arc<dyn Ask>),
        ..LoadOptions::default()
    }
}

/// The failure of a command whose project cannot be loaded.
pub(super) fn failure(error: ConfigError) -> Failure {
    match error {
        ConfigError::Cancelled { .. } | ConfigError::Interrupted { .. } => Failure::interrupted(error),
        error => Failure::wrong_use(error),
    }
}

/// Prints warnings of the configuration to standard error, for commands without a report.
pub(super) fn report(warnings: &[ConfigDiagnostic], global: &GlobalOptions) {
    for warning in warnings {
        warn(&warning.in_one_line(), global);
    }
}

/// An event sink that prints each event as a JSON line to standard output, for commands without a report.
pub(super) fn json_lines(global: &GlobalOptions) -> Events {
    let shows_debug = global.debug;
    Events::new(move |event| {
        if shows_debug || !matches!(event, Event::Notice { level: Level::Debug, .. }) {
            // A closed pipe is not a failure of the command.
            let _ = print(&json_line(&event));
        }
    })
}

/// An event sink that prints notices to standard error, for commands without a report.
pub(super) fn notices(global: &GlobalOptions) -> Events {
    let global = global.clone();
    Events::new(move |event| match event {
        Event::Notice { level: Level::Warning, message, .. } => warn(&message, &global),
        Event::Notice { level: Level::Info, message, .. } if !global.silent => eprintln!("{message}"),
        _ => {}
    })
}

/// Prints a warning to standard error, for commands without a report.
pub(super) fn warn(message: &str, global: &GlobalOptions) {
    if !global.no_warn && !global.silent {
        let text = format!("warning: {message}");
        eprintln!("{}", console::style(text).for_stderr().yellow());
    }
}
