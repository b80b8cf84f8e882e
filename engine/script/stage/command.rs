//! Commands as scripts run them.

use rhai::plugin::*;

/// Stages that run commands.
#[export_module]
pub mod command {
    use rhai::{Array, Dynamic, Map};

    use super::CommandResult;
    use crate::process::CommandLine;
    use crate::script::RhaiResultOf;

    /// Runs a program: a list of its name and its arguments, which no shell reads. Its output shows while it runs,
    /// and is given back.
    ///
    /// # Errors
    /// `stage::exec::failed` when it ends with an exit code other than 0; `process::...` when it cannot be run or
    /// takes longer than an hour.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) {
    ///     let version = exec(["sh", "-c", "echo 1.4"]).stdout;
    ///     print(`building version ${version}`);
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn exec(context: NativeCallContext, command: Dynamic) -> RhaiResultOf<CommandResult> {
        super::run(&context, "exec", super::program(&command)?, Map::new())
    }

    /// Runs a program with options, a map of:
    ///
    /// - `env`: a map of more environment variables; their values may be secrets,
    /// - `dir`: the folder to run in, relative to the project; the project's own when absent,
    /// - `input`: the text it reads, perhaps a secret; nothing when absent,
    /// - `timeout`: the seconds it may take; 3600 when absent,
    /// - `check`: whether an exit code other than 0 is an error; `true` when absent,
    /// - `quiet`: whether its output is not shown; `false` when absent,
    /// - `pure`: whether it changes nothing, so that `windlass plan` may run it; `false` when absent.
    ///
    /// # Errors
    /// As without options; `script::unknown_option` for a misspelt one.
    ///
    /// # Example
    /// ```rhai
    /// fn before_image(image) {
    ///     let result = exec(["sh", "-c", "exit $CODE"], #{ env: #{ CODE: 3 }, check: false, timeout: 60 });
    ///     print(`the check ended with ${result.code}`);
    /// }
    /// ```
    #[rhai_fn(name = "exec", return_raw)]
    pub fn exec_with(
        context: NativeCallContext,
        command: Dynamic,
        options: Map,
    ) -> RhaiResultOf<CommandResult> {
        super::run(&context, "exec", super::program(&command)?, options)
    }

    /// Runs a line in the shell (`sh -c`, on Windows `cmd /C`). What it holds of unknown origin belongs into the
    /// option `env`, or into an argument of `exec`, where no shell reads it.
    ///
    /// # Errors
    /// As `exec`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { print(sh("ls | wc -l").stdout); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn sh(context: NativeCallContext, line: &str) -> RhaiResultOf<CommandResult> {
        super::run(&context, "sh", CommandLine::Shell(line.to_owned()), Map::new())
    }

    /// Runs a line in the shell, with the options of `exec`.
    ///
    /// # Errors
    /// As `exec`.
    ///
    /// # Example
    /// ```rhai
    /// fn after_image(image, result) {
    ///     sh("echo built $TAGS", #{ env: #{ TAGS: result.tags.reduce(|all, tag| `${all} ${tag}`, "") } });
    /// }
    /// ```
    #[rhai_fn(name = "sh", return_raw)]
    pub fn sh_with(context: NativeCallContext, line: &str, options: Map) -> RhaiResultOf<CommandResult> {
        super::run(&context, "sh", CommandLine::Shell(line.to_owned()), options)
    }

    /// The exit code.
    #[rhai_fn(get = "code", pure)]
    pub fn code(result: &mut CommandResult) -> i64 {
        result.code.into()
    }

    /// Whether the exit code is 0.
    #[rhai_fn(get = "is_ok", pure)]
    pub fn is_ok(result: &mut CommandResult) -> bool {
        result.code == 0
    }

    /// What it printed to its standard output, without line feeds at the end.
    #[rhai_fn(get = "stdout", pure)]
    pub fn stdout(result: &mut CommandResult) -> String {
        result.stdout.clone()
    }

    /// What it printed to its standard error, without line feeds at the end.
    #[rhai_fn(get = "stderr", pure)]
    pub fn stderr(result: &mut CommandResult) -> String {
        result.stderr.clone()
    }

    /// The lines of its standard output.
    #[rhai_fn(get = "lines", pure)]
    pub fn lines(result: &mut CommandResult) -> Array {
        result.stdout.lines().map(|line| line.to_owned().into()).collect()
    }

    /// Its standard output, for string interpolation and `print`.
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(result: &mut CommandResult) -> String {
        result.stdout.clone()
    }
}

use std::sync::Arc;
use std::time::Duration;

use rhai::{Array, Dynamic, Map};

use super::argument::texts;
use super::current;
use super::option::Options;
use crate::event::Event;
use crate::host::{ExecRequest, ProjectPath, Purpose};
use crate::process::{CommandLine, Pipe, ProcessError, Tail};
use crate::run::{Run, RunError, Scope, lock};
use crate::script::{RhaiResultOf, StageError};
use crate::secret::Secret;

/// How long a command may take when the script does not say.
const LIMIT: Duration = Duration::from_secs(3600);

/// The most that is kept of a command's output, in bytes.
const LONGEST: usize = 64 << 20;

/// What came of a command.
#[derive(Debug, Clone)]
pub struct CommandResult {
    code: i32,
    stdout: String,
    stderr: String,
}

/// A command of a script went wrong.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum CommandError {
    #[error("there is no program to run: the list is empty")]
    #[diagnostic(code(script::no_program), help("write exec([\"make\", \"all\"])"))]
    Empty,

    #[error("`{command}` failed with exit code {code}")]
    #[diagnostic(code(stage::exec::failed))]
    Failed {
        command: String,
        code: i32,
        #[help]
        output: Option<String>,
    },

    #[error("a secret cannot be an argument of `{program}`: everyone on this machine could read it")]
    #[diagnostic(
        code(script::secret_argument),
        help("pass it in the environment, `env: #{{ TOKEN: token }}`, or as `input`")
    )]
    SecretArgument { program: String },

    #[error("`{command}` printed more than {LONGEST} bytes")]
    #[diagnostic(code(stage::exec::too_long), help("send its output to a file"))]
    TooLong { command: String },
}

/// The program and its arguments in `command`.
fn program(command: &Dynamic) -> Result<CommandLine, StageError> {
    if let Some(list) = command.read_lock::<Array>() {
        if list.iter().any(|word| word.is::<Secret>()) {
            let program = list.first().map(ToString::to_string).unwrap_or_default();
            return Err(CommandError::SecretArgument { program }.into());
        }
        if list.is_empty() {
            return Err(CommandError::Empty.into());
        }
    }
    Ok(CommandLine::Program(texts(command, "command")?))
}

/// Runs `command` for a script.
fn run(
    context: &NativeCallContext<'_>,
    stage: &'static str,
    command: CommandLine,
    options: Map,
) -> RhaiResultOf<CommandResult> {
    let run = current::run(context)?;
    let known = ["check", "dir", "env", "input", "pure", "quiet", "timeout"];
    let options = Options::new(stage, options, &known)?;
    let request = request(&run, command, &options)?;
    let (is_checked, is_quiet) = (options.truth("check", true)?, options.truth("quiet", false)?);
    if !is_quiet {
        run.step(format!("running {}", first_line(&request.command.to_string())));
    }
    let result = capture(&run, &request, is_quiet);
    // Whatever it did may change what git says.
    lock(&run.git_answers).clear();
    let (result, tail) = result?;
    if is_checked && result.code != 0 {
        let (command, code) = (first_line(&request.command.to_string()), result.code);
        return Err(StageError::from(CommandError::Failed { command, code, output: tail.into_help() }).into());
    }
    Ok(result)
}

fn request(run: &Arc<Run>, command: CommandLine, options: &Options) -> Result<ExecRequest, StageError> {
    let root = &run.project.root;
    let directory = match options.text("dir")? {
        Some(path) => ProjectPath::new(root, &path)?.absolute().to_owned(),
        None => root.clone(),
    };
    let environment = run.options.environment.iter().cloned().chain(options.texts("env")?);
    let mut request = ExecRequest::new(Purpose::Script, command, directory).envs(environment);
    request.image = Scope::current().image;
    request.input = options.text("input")?.map(Into::into);
    request.limit = Some(options.seconds("timeout")?.unwrap_or(LIMIT));
    request.is_pure = options.truth("pure", false)?;
    request.is_captured = true;
    Ok(request)
}

/// Runs `request` to its end and keeps what it prints.
fn capture(run: &Run, request: &ExecRequest, is_quiet: bool) -> Result<(CommandResult, Tail), StageError> {
    let (mut stdout, mut stderr, mut tail) = (String::new(), String::new(), Tail::default());
    let stop = run.cancellation().child_token();
    let mut is_too_long = false;
    let mut on_line = |pipe: Pipe, line: &str| {
        let kept = if pipe == Pipe::Stdout { &mut stdout } else { &mut stderr };
        if kept.len() + line.len() > LONGEST {
            is_too_long = true;
            stop.cancel();
            return;
        }
        kept.push_str(line);
        kept.push('\n');
        // What a progress bar overwrote is of no interest to a reader.
        let line = line.rsplit('\r').next().unwrap_or(line);
        tail.push(line);
        if !is_quiet {
            run.events.emit(Event::Output { image: request.image.clone(), line: line.to_owned() });
        }
    };
    let ended = run.wait_for_end(run.host.exec.run(request, &mut on_line, &stop));
    if is_too_long {
        return Err(CommandError::TooLong { command: first_line(&request.command.to_string()) }.into());
    }
    let code = ended.map_err(|error| match error {
        ProcessError::Cancelled { .. } => StageError::from(RunError::Cancelled),
        error => error.into(),
    })?;
    let trimmed = |text: String| text.trim_end_matches('\n').to_owned();
    Ok((CommandResult { code, stdout: trimmed(stdout), stderr: trimmed(stderr) }, tail))
}

/// The first line of `text`, with `...` for the others.
fn first_line(text: &str) -> String {
    match text.trim().split_once('\n') {
        Some((first, _)) => format!("{} ...", first.trim_end()),
        None => text.trim().to_owned(),
    }
}
