//! Commands as scripts run them.

use rhai::plugin::*;

/// Stages that run commands.
#[export_module]
pub mod command {
    use rhai::{Array, Dynamic, Map};

    use super::CommandResult;
    use crate::process::CommandLine;
    use crate::script::RhaiResultOf;

    /// Runs `command`, a list of its name and its arguments, without a shell. Shows its output while it runs, and
    /// returns it.
    ///
    /// # Errors
    /// `stage::exec::failed` if its exit code is not 0; `process::...` if it cannot be run or takes longer than 1 hour.
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

    /// Runs a command with options, a map of:
    ///
    /// - `env`: a map of additional environment variables, whose values may be secrets,
    /// - `dir`: the working directory, relative to the project directory; default: the project directory,
    /// - `input`: the standard input, a string or a secret; default: empty,
    /// - `timeout`: the timeout in seconds; default: 3600,
    /// - `check`: whether an exit code other than 0 is an error; default: `true`,
    /// - `quiet`: whether to hide its output; default: `false`,
    /// - `pure`: whether it changes nothing, so that `windlass plan` can run it; default: `false`.
    ///
    /// # Errors
    /// Those of `exec(command)`; `script::unknown_option` for an unknown option.
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

    /// Runs a line in the shell (`sh -c`, on Windows `cmd /C`). Pass untrusted values in the option `env`, or as an
    /// argument of `exec`, which uses no shell.
    ///
    /// # Errors
    /// Those of `exec`.
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
    /// Those of `exec`.
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

    /// Runs `command`, a list of its name and its arguments, in a container, without a shell. `pod` is the name of a
    /// pod or a label selector, such as `app=api`: of several pods, the newest that is ready. Waits up to 2 minutes
    /// until its container runs. Shows the output while the command runs, and returns it. Equals `kubectl exec POD --
    /// COMMAND`.
    ///
    /// # Errors
    /// `stage::exec::failed` if its exit code is not 0; `connect::no_pod` if no pod matches; `exec::program_not_found`
    /// if the image does not have the command, `exec::forbidden`, `exec::lost`; `cluster::none` without a cluster.
    ///
    /// # Example
    /// ```rhai
    /// fn after_deploy(project, results) {
    ///     if project.waits { exec_in("app=api", ["./manage", "migrate"]); }
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn exec_in(context: NativeCallContext, pod: &str, command: Dynamic) -> RhaiResultOf<CommandResult> {
        super::run_in(&context, pod, &command, Map::new())
    }

    /// Runs a command in a container with options, a map of:
    ///
    /// - `container`: the container; default: the first of the pod,
    /// - `namespace`: the namespace; default: that of the run,
    /// - `timeout`: the timeout in seconds; default: 3600,
    /// - `check`: whether an exit code other than 0 is an error; default: `true`,
    /// - `quiet`: whether to hide its output; default: `false`.
    ///
    /// # Errors
    /// Those of `exec_in(pod, command)`; `script::unknown_option` for an unknown option.
    ///
    /// # Example
    /// ```rhai
    /// fn after_deploy(project, results) {
    ///     let check = exec_in("app=api", ["test", "-e", "/data/seeded"], #{ container: "api", check: false });
    ///     if !check.is_ok { exec_in("app=api", ["./seed"], #{ container: "api" }); }
    /// }
    /// ```
    #[rhai_fn(name = "exec_in", return_raw)]
    pub fn exec_in_with(
        context: NativeCallContext,
        pod: &str,
        command: Dynamic,
        options: Map,
    ) -> RhaiResultOf<CommandResult> {
        super::run_in(&context, pod, &command, options)
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

    /// Its standard output, without trailing line feeds.
    #[rhai_fn(get = "stdout", pure)]
    pub fn stdout(result: &mut CommandResult) -> String {
        result.stdout.clone()
    }

    /// Its standard error, without trailing line feeds.
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
use tokio_util::sync::CancellationToken;

use super::argument::texts;
use super::current;
use super::option::Options;
use crate::connect::{ContainerTask, ContainerWork, TargetLimits, TargetSelector};
use crate::error::{Cancelled, StageError};
use crate::event::{Event, Events};
use crate::host::ProjectPath;
use crate::lock::lock;
use crate::process::{CommandLine, ExecRequest, Pipe, ProcessError, Purpose, Tail};
use crate::run::Run;
use crate::scope::Scope;
use crate::script::RhaiResultOf;
use crate::secret::Secret;

/// The default timeout of a command.
const LIMIT: Duration = Duration::from_secs(3600);

/// The maximum output of a command, in bytes.
const LONGEST: usize = 64 << 20;

/// The result of a command.
#[derive(Debug, Clone)]
pub struct CommandResult {
    code: i32,
    stdout: String,
    stderr: String,
}

/// A command of a script failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum CommandError {
    #[error("no command to run: the list is empty")]
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

    #[error("a secret cannot be an argument of `{program}`: all local users could read it")]
    #[diagnostic(
        code(script::secret_argument),
        help("pass it as environment variable, `env: #{{ TOKEN: token }}`, or as `input`")
    )]
    SecretArgument { program: String },

    #[error("`{command}` printed more than {LONGEST} bytes")]
    #[diagnostic(code(stage::exec::too_long), help("send its output to a file"))]
    TooLong { command: String },
}

/// The command and its arguments in `command`.
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
        run.session.step(format!("running {}", first_line(&request.command.to_string())));
    }
    let result = capture(&run, &request, is_quiet);
    // The command may have changed the git repository.
    lock(&run.memory.git_answers).clear();
    let (result, tail) = result?;
    if is_checked && result.code != 0 {
        let (command, code) = (first_line(&request.command.to_string()), result.code);
        return Err(StageError::from(CommandError::Failed { command, code, output: tail.into_help() }).into());
    }
    Ok(result)
}

/// Runs `command` in a container of the pod or the pods `pods`.
fn run_in(
    context: &NativeCallContext<'_>,
    pods: &str,
    command: &Dynamic,
    options: Map,
) -> RhaiResultOf<CommandResult> {
    let run = current::run(context)?;
    let known = ["check", "container", "namespace", "quiet", "timeout"];
    let options = Options::new("exec_in", options, &known)?;
    let CommandLine::Program(words) = program(command)? else {
        return Err(StageError::from(CommandError::Empty).into());
    };
    let is_selector = pods.contains('=');
    let task = ContainerTask {
        purpose: Purpose::Script,
        selector: TargetSelector {
            namespace: options.text("namespace")?,
            pod: (!is_selector).then(|| pods.to_owned()),
            labels: is_selector.then(|| pods.to_owned()),
            container: options.text("container")?,
            ..TargetSelector::default()
        },
        limits: TargetLimits::default(),
        work: ContainerWork::Run(words),
        timeout: options.seconds("timeout")?.unwrap_or(LIMIT),
    };
    let (is_checked, is_quiet) = (options.truth("check", true)?, options.truth("quiet", false)?);
    if !is_quiet {
        run.session.step(format!("running {}", first_line(&task.to_string())));
    }
    let stop = run.session.cancellation().child_token();
    let mut output = Captured::new(&run, Scope::current().image, is_quiet, stop.clone());
    let mut on_line = |pipe: Pipe, line: &str| output.take(pipe, line);
    let session = &run.session;
    let work = session.host.cluster.in_container(&task, &session.events, &mut on_line, &stop);
    let ended = session.wait_for_end(work);
    let (result, tail) = output.result(ended, &task.to_string())?;
    if is_checked && result.code != 0 {
        let (command, code) = (first_line(&task.to_string()), result.code);
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

/// Runs `request` to its end and returns its output.
fn capture(run: &Run, request: &ExecRequest, is_quiet: bool) -> Result<(CommandResult, Tail), StageError> {
    let stop = run.session.cancellation().child_token();
    let mut output = Captured::new(run, request.image.clone(), is_quiet, stop.clone());
    let mut on_line = |pipe: Pipe, line: &str| output.take(pipe, line);
    let ended = run.session.wait_for_end(run.session.host.exec.run(request, &mut on_line, &stop));
    let ended = ended.map_err(|error| match error {
        ProcessError::Cancelled { .. } => StageError::from(Cancelled),
        error => error.into(),
    });
    output.result(ended, &request.command.to_string())
}

/// The output of a command so far.
struct Captured {
    stdout: String,
    stderr: String,
    tail: Tail,
    is_too_long: bool,
    /// Cancels the command.
    stop: CancellationToken,
    /// Receives the lines; `None` if they are hidden.
    events: Option<Events>,
    image: Option<String>,
}

impl Captured {
    fn new(run: &Run, image: Option<String>, is_quiet: bool, stop: CancellationToken) -> Self {
        Self {
            stdout: String::new(),
            stderr: String::new(),
            tail: Tail::default(),
            is_too_long: false,
            stop,
            events: (!is_quiet).then(|| run.session.events.clone()),
            image,
        }
    }

    fn take(&mut self, pipe: Pipe, line: &str) {
        let kept = if pipe == Pipe::Stdout { &mut self.stdout } else { &mut self.stderr };
        if kept.len() + line.len() > LONGEST {
            self.is_too_long = true;
            self.stop.cancel();
            return;
        }
        kept.push_str(line);
        kept.push('\n');
        // Text that a progress bar overwrote is not shown.
        let line = line.rsplit('\r').next().unwrap_or(line);
        self.tail.push(line);
        if let Some(events) = &self.events {
            events.emit(Event::Output { image: self.image.clone(), line: line.to_owned() });
        }
    }

    /// The result of `command`, which ended so.
    fn result(
        self,
        ended: Result<i32, StageError>,
        command: &str,
    ) -> Result<(CommandResult, Tail), StageError> {
        if self.is_too_long {
            return Err(CommandError::TooLong { command: first_line(command) }.into());
        }
        let trimmed = |text: String| text.trim_end_matches('\n').to_owned();
        let (stdout, stderr) = (trimmed(self.stdout), trimmed(self.stderr));
        Ok((CommandResult { code: ended?, stdout, stderr }, self.tail))
    }
}

/// The first line of `text`, with `...` for the others.
fn first_line(text: &str) -> String {
    match text.trim().split_once('\n') {
        Some((first, _)) => format!("{} ...", first.trim_end()),
        None => text.trim().to_owned(),
    }
}
