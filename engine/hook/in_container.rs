//! Hooks that act on a container.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt as _;
use sha2::{Digest as _, Sha256};

use super::{HookEvent, HookSubject, LIMIT, failed};
use crate::config::{Hook, HookAction, HookContainer};
use crate::connect::{ContainerTask, ContainerWork, TargetLimits, TargetSelector};
use crate::error::{ErrorKind, StageError};
use crate::event::{Event, Level};
use crate::process::{CommandLine, Pipe, Purpose, Tail};
use crate::rollout::target_selector;
use crate::run::{Run, fill};

/// Runs the command unless it has run in this container; then leaves a mark there.
const ONCE: &str = r#"mark=$1; shift; [ -e "$mark" ] && exit 0; mkdir -p "${mark%/*}" || exit $?; "$@" || exit $?; : > "$mark""#;

/// Runs `hook`, which acts on `container`.
///
/// # Errors
/// `hook::failed`.
pub(super) fn run(
    run: &Arc<Run>,
    hook: &Hook,
    container: &HookContainer,
    occasion: &HookEvent<'_>,
) -> Result<(), StageError> {
    let event = occasion.event;
    if let HookAction::Copy(what) = container.action {
        let message =
            format!("skipping the hook at {}: windlass does not support `{what}` of hooks", hook.origin);
        run.session.notice(Level::Warning, message);
        return Ok(());
    }
    if event.ends_with(":build") || event.ends_with(":createPullSecrets") {
        let message = format!(
            "skipping the hook at {}: it acts on a container, and `{event}` happens before a deploy",
            hook.origin
        );
        run.session.notice(Level::Warning, message);
        return Ok(());
    }
    let task = task(run, hook, container)?;
    let image = match &occasion.subject {
        HookSubject::Image { image, .. } => Some(image.name().to_owned()),
        HookSubject::Run | HookSubject::Deployment(_) | HookSubject::Connection(_) => None,
    };
    let (events, silent) = (run.session.events.clone(), hook.silent);
    events.emit(Event::StepStarted { image: image.clone(), step: format!("hook {}", hook.shown()) });
    let report = move |line: &str| {
        if !silent {
            events.emit(Event::Output { image: image.clone(), line: line.to_owned() });
        }
    };
    if hook.background {
        in_background(run, task, hook.shown(), report);
        return Ok(());
    }
    let mut tail = Tail::default();
    let mut on_line = |_: Pipe, line: &str| {
        report(line);
        tail.push(line);
    };
    let session = &run.session;
    let cancel = session.cancellation();
    let work = session.host.cluster.in_container(&task, &session.events, &mut on_line, &cancel);
    let (reason, advice) = match session.wait_for_end(work) {
        Ok(0) => return Ok(()),
        Ok(code) => (format!("exit code {code}"), None),
        Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
        Err(error) => (error.message(), Some(error.help()).filter(|help| !help.is_empty())),
    };
    Err(failed(hook, occasion, reason, advice, tail))
}

/// Starts `task`; its failure is a warning.
fn in_background(
    run: &Arc<Run>,
    task: ContainerTask,
    name: &str,
    report: impl Fn(&str) + Send + Sync + 'static,
) {
    let (session, name) = (run.session.clone(), name.to_owned());
    let mut work = Box::pin(async move {
        let mut on_line = |_: Pipe, line: &str| report(line);
        let cluster = &session.host.cluster;
        let reason = match cluster.in_container(&task, &session.events, &mut on_line, &session.cancel).await {
            Ok(0) => return,
            Ok(code) => format!("exit code {code}"),
            Err(error) if error.kind() == ErrorKind::Cancelled => return,
            Err(error) => error.message(),
        };
        session.notice(Level::Warning, format!("the background hook `{name}` failed: {reason}"));
    });
    // A plan only records it and ends, so work that completes immediately is polled here.
    if run.session.runtime().block_on(async { (&mut work).now_or_never() }).is_none() {
        run.session.runtime().spawn(work);
    }
}

fn task(run: &Arc<Run>, hook: &Hook, container: &HookContainer) -> Result<ContainerTask, StageError> {
    let selector = target_selector(run, &container.selection)?;
    let selector = TargetSelector { pod: container.pod.clone(), ..selector };
    let wait = if container.waits { container.timeout } else { Duration::ZERO };
    let (work, timeout) = match container.action {
        HookAction::Command => (ContainerWork::Run(command(run, hook, container.once)?), LIMIT),
        HookAction::Logs { lines } => (ContainerWork::Logs(lines), LIMIT),
        HookAction::WaitRunning => (ContainerWork::WaitRunning, container.timeout),
        HookAction::WaitExit { code } => (ContainerWork::WaitExit(code), container.timeout),
        HookAction::Copy(_) => (ContainerWork::WaitRunning, Duration::ZERO),
    };
    let limits = TargetLimits { pod: wait, start: wait };
    Ok(ContainerTask { purpose: Purpose::Hook, selector, limits, work, timeout: timeout + wait })
}

/// A hook has a password that all processes in the container could read, and that the cluster's audit log would
/// contain.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("cannot run hook `{hook}` in a container: a password in it would appear in the process list there")]
#[diagnostic(
    code(hook::password_in_container),
    help("omit the password at {place}, and let the container read it from a Secret")
)]
struct PasswordInContainer {
    hook: String,
    place: String,
}

/// The words of the command.
fn command(run: &Arc<Run>, hook: &Hook, once: bool) -> Result<Vec<String>, StageError> {
    let args =
        hook.args.as_ref().map(|args| args.iter().map(|arg| fill(run, arg)).collect::<Result<Vec<_>, _>>());
    let args = args.transpose()?;
    if !hook.secrets.is_empty() {
        return Err(
            PasswordInContainer { hook: hook.shown().to_owned(), place: hook.origin.to_string() }.into()
        );
    }
    let mut words = match CommandLine::configured(&fill(run, &hook.command)?, args.as_deref()) {
        CommandLine::Program(words) => words,
        CommandLine::Shell(line) => ["sh", "-c", &line].map(str::to_owned).to_vec(),
    };
    if once {
        let hash = hex::encode(&Sha256::digest(words.join("\0"))[..8]);
        let script = ["sh", "-c", ONCE, "sh"].map(str::to_owned);
        words = script.into_iter().chain([format!("/tmp/.windlass-hook-{hash}")]).chain(words).collect();
    }
    Ok(words)
}
