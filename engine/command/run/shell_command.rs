//! Commands of `devspace.yaml` ("Commands" in the DevSpace docs).

use std::ffi::OsString;
use std::path::Path;

use crate::command::exit_status::{ExitStatus, Failure, NoThreads};
use crate::config::{CommandConfig, Origin};
use crate::process::run_in_foreground;

/// A command and a pipeline have the same name.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("ambiguous name `{name}`: command at {command}, pipeline at {pipeline}")]
#[diagnostic(code(run::ambiguous), help("rename one of them"))]
pub struct Ambiguous {
    /// The name.
    pub name: String,
    /// The location of the command.
    pub command: Origin,
    /// The location of the pipeline.
    pub pipeline: String,
}

/// A command is empty.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("command `{name}` is empty")]
#[diagnostic(code(run::empty), help("set its key `command` at {origin}"))]
struct Empty {
    name: String,
    origin: Origin,
}

/// The functions of the shell that DevSpace embeds, which the system shell does not have ("Pipelines" in the DevSpace
/// docs).
const FUNCTIONS: [&str; 17] = [
    "build_images",
    "create_deployments",
    "ensure_pull_secrets",
    "exec_container",
    "get_config_value",
    "get_image",
    "is_dependency",
    "purge_deployments",
    "run_default_pipeline",
    "run_dependencies",
    "run_dependency_pipelines",
    "run_pipelines",
    "run_watch",
    "select_pod",
    "start_dev",
    "stop_dev",
    "wait_pod",
];

/// Warnings about functions in `command` that only the shell of DevSpace has.
pub fn functions_of_devspace(command: &CommandConfig) -> Vec<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let mut words = command.command.split(|c| !is_word(c));
    let Some(function) = words.find(|word| FUNCTIONS.contains(word)) else { return Vec::new() };
    let help = match function {
        "get_image" => "use `${runtime.images.NAME}`, or append `.tag` or `.image` to it",
        "build_images" => "use `windlass build NAME`",
        "run_pipelines" | "run_default_pipeline" => {
            "write a function in `windlass.rhai` and call it with `windlass run`"
        }
        _ => "use commands of the system instead",
    };
    let origin = &command.origin;
    vec![format!(
        "{origin}: `{function}` is a function of the DevSpace shell, not of the system shell; {help}"
    )]
}

/// Runs `command` in the project directory with the terminal of windlass; its exit code becomes that of windlass.
///
/// # Errors
/// If it cannot be started.
pub fn run(
    command: &CommandConfig,
    arguments: &[OsString],
    root: &Path,
    environment: &[(String, String)],
) -> Result<ExitStatus, Failure> {
    if command.command.trim().is_empty() {
        let (name, origin) = (command.name.clone(), command.origin.clone());
        return Err(Failure::wrong_use(Empty { name, origin }));
    }
    let arguments: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let words = match &command.args {
        Some(args) => {
            let appended = if command.append_args { &arguments[..] } else { &[] };
            [std::slice::from_ref(&command.command), args, appended].concat()
        }
        None => shell(&command.command, &command.name, &arguments, command.append_args),
    };
    let secrets = command.secrets.iter().map(|(name, secret)| (name.clone(), secret.expose().to_owned()));
    let environment: Vec<_> = environment.iter().cloned().chain(secrets).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(NoThreads { reason: error.to_string() }))?;
    let ended = runtime.block_on(run_in_foreground(&words, root, &environment));
    if let Some(after) = &command.after {
        // The exit code of the command takes precedence.
        let words = shell(after, &command.name, &arguments, false);
        let _ = runtime.block_on(run_in_foreground(&words, root, &environment));
    }
    let code = ended.map_err(Failure::failed)?;
    Ok(ExitStatus::of_program(code))
}

/// The arguments that run `line` in the system shell. There, the arguments are `$1`, `$2` and so on; if `appended`,
/// they also follow the line.
fn shell(line: &str, name: &str, arguments: &[String], appended: bool) -> Vec<String> {
    let line = line.trim_end();
    if cfg!(windows) {
        let words = if appended { arguments } else { &[] };
        let quoted = words.iter().map(|word| format!(" \"{}\"", word.replace('"', "\\\"")));
        return vec!["cmd".to_owned(), "/C".to_owned(), format!("{line}{}", quoted.collect::<String>())];
    }
    let line = if appended && !arguments.is_empty() { format!("{line} \"$@\"") } else { line.to_owned() };
    [&["sh".to_owned(), "-c".to_owned(), line, name.to_owned()], arguments].concat()
}
