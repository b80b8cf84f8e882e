//! `windlass enter`.

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::exit_status::{ExitStatus, Failure};
use super::in_container::{ContainerOptions, in_container, no_connection};
use crate::cluster::{ClusterAccess, ContainerTarget, ExecError, ExecOptions};
use crate::command::cli::GlobalOptions;
use crate::terminal::{
    Interaction, InteractionEnd, Keyboard, PROBE, StdinForm, encoded_stdin_command, has_input, interact,
    is_terminal, terminal_size,
};

/// The shell of a container: bash, otherwise sh.
const SHELL: [&str; 3] = ["sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash; exec sh"];

/// Runs a command in another directory.
const IN_DIRECTORY: [&str; 4] = [
    "sh",
    "-c",
    "cd -- \"$1\" 2>/dev/null || { echo \"cannot change to \\`$1\\` in the container: create it in the image, or correct \
     \\`workDir\\` of the terminal\" >&2; exit 1; }; shift; exec \"$@\"",
    "windlass",
];

/// The options of `windlass enter`.
#[derive(Debug, Args)]
#[command(after_help = "\
Opens bash in the container, otherwise sh. Without a terminal, standard input is passed on
to the command and its output is not changed. Exits with the exit code of the command.

Examples:
  windlass enter                            open a shell in the container of `dev`
  windlass enter --image api                open a shell in a container of the image `api`
  windlass enter --pod web-0 -c app         open a shell in this container
  windlass enter -- ls -l /app              run one command
  windlass enter -- psql shop < dump.sql    run a command with the input of a file")]
pub struct EnterArgs {
    /// The container.
    #[command(flatten)]
    pub container: ContainerOptions,

    /// Command to run, with its arguments [default: a shell]
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// Runs a command in a container, with the terminal or the input and output of windlass.
///
/// # Errors
/// If the configuration is invalid, no container is found, or the connection breaks.
pub fn enter(global: &GlobalOptions, args: &EnterArgs) -> Result<ExitStatus, Failure> {
    in_container(global, &args.container, async |access, target, cancel| {
        let command = TerminalCommand { words: args.command.clone(), ..TerminalCommand::default() };
        let keyboard = &mut Keyboard::default();
        open_terminal(access, target, command, keyboard, cancel).await.map_err(no_connection)
    })
}

/// The command of a terminal.
#[derive(Clone, Default)]
pub(super) struct TerminalCommand {
    /// The command and its arguments; if empty, a shell.
    pub(super) words: Vec<String>,
    /// The directory in which it runs; `None` for the working directory of the container.
    pub(super) directory: Option<String>,
    /// Whether it has pipes instead of a terminal.
    pub(super) is_without_tty: bool,
}

/// Runs `command` in a container, with the terminal or the input and output of windlass. `keyboard` is its input.
///
/// # Errors
/// [`ExecError`]: it could not be started, or the connection broke.
pub(super) async fn open_terminal(
    access: &ClusterAccess,
    target: &ContainerTarget,
    command: TerminalCommand,
    keyboard: &mut Keyboard,
    cancel: &CancellationToken,
) -> Result<InteractionEnd, ExecError> {
    let TerminalCommand { words, directory, is_without_tty } = command;
    let needs_shell = words.is_empty() || directory.is_some();
    let mut command = if words.is_empty() { SHELL.map(str::to_owned).to_vec() } else { words };
    if let Some(directory) = directory {
        let inside = IN_DIRECTORY.map(str::to_owned).into_iter().chain([directory]);
        command = inside.chain(command).collect();
    }
    match run(access, target, command, is_terminal() && !is_without_tty, keyboard, cancel).await {
        Err(ExecError::ProgramNotFound { doing, target, .. }) if needs_shell => {
            Err(ExecError::ProgramNotFound { doing, target, program: "sh".to_owned() })
        }
        ended => ended,
    }
}

async fn run(
    access: &ClusterAccess,
    target: &ContainerTarget,
    command: Vec<String>,
    has_terminal: bool,
    keyboard: &mut Keyboard,
    cancel: &CancellationToken,
) -> Result<InteractionEnd, ExecError> {
    let mut options = ExecOptions { stdin: has_input(), terminal: None };
    let (mut command, mut form) = (command, StdinForm::Plain);
    if has_terminal {
        options.terminal = Some(terminal_size());
    } else if options.stdin && !closes_stdin(access, target).await? {
        command = encoded_stdin_command(&command);
        form = StdinForm::Encoded;
    }
    let stream = access.exec(target, &command, options).await?;
    interact(stream, Interaction { keyboard, form }, cancel).await
}

/// Whether a command can see the end of its stdin without a decoder in a shell. An image without a shell has no decoder.
async fn closes_stdin(access: &ClusterAccess, target: &ContainerTarget) -> Result<bool, ExecError> {
    let probe = access.exec(target, &PROBE.map(str::to_owned), ExecOptions::default()).await?;
    let closes_stdin = probe.closes_stdin;
    drop((probe.stdout, probe.stderr));
    match probe.end.wait().await {
        Ok(_) => Ok(closes_stdin),
        Err(ExecError::ProgramNotFound { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}
