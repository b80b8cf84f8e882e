//! Hooks of `devspace.yaml`: commands around the steps of a run (`hooks` in DevSpace).

mod in_container;

use std::sync::Arc;
use std::time::Duration;

use miette::Diagnostic as _;

use crate::config::Hook;
use crate::error::{Cancelled, StageError};
use crate::event::{Event, Level};
use crate::lock::lock;
use crate::process::{CommandLine, ExecRequest, Pipe, ProcessError, Purpose, Tail, is_for_this_system};
use crate::rollout::Deployment;
use crate::run::{Image, PullSecretHooks, Run, fill};

/// The timeout of a hook, unless it runs in the background.
const LIMIT: Duration = Duration::from_secs(3600);

/// An event that can trigger hooks.
pub struct HookEvent<'a> {
    /// The event without the name of its subject: `before:build`.
    pub event: &'a str,
    /// The subject of the event.
    pub subject: HookSubject<'a>,
    /// The error, for `error:` events.
    pub error: Option<String>,
}

/// The subject of an event that can trigger hooks.
pub enum HookSubject<'a> {
    /// The whole run.
    Run,
    /// An image.
    Image {
        /// The image.
        image: &'a Image,
        /// Its tags if they are chosen; otherwise its configured tags, with their `#`.
        tags: Option<Vec<String>>,
    },
    /// A deployment.
    Deployment(&'a Deployment),
    /// A synced directory or a forwarded port, with its name in `devspace.yaml`.
    Connection(Option<&'a str>),
}

/// A hook failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("hook `{hook}` for `{event}` failed: {reason}")]
#[diagnostic(code(hook::failed))]
struct HookError {
    hook: String,
    event: String,
    reason: String,
    #[help]
    help: String,
}

impl HookEvent<'_> {
    /// The full name of the event: `before:build:api`.
    fn name(&self) -> String {
        match &self.subject {
            HookSubject::Run | HookSubject::Connection(None) => self.event.to_owned(),
            HookSubject::Connection(Some(name)) => format!("{}:{name}", self.event),
            HookSubject::Image { image, .. } => format!("{}:{}", self.event, image.name()),
            HookSubject::Deployment(deployment) => format!("{}:{}", self.event, deployment.name()),
        }
    }

    /// Whether the event triggers `hook`; `*` matches all images, deployments or connections. Without a name, the event of
    /// a connection is that of all connections.
    fn is_heard_by(&self, hook: &Hook) -> bool {
        let (name, any) = (self.name(), format!("{}:*", self.event));
        hook.events.iter().any(|event| match self.subject {
            HookSubject::Run => *event == name,
            HookSubject::Image { .. } | HookSubject::Deployment(_) => *event == name || *event == any,
            HookSubject::Connection(_) => *event == name || *event == any || event == self.event,
        })
    }

    /// The environment variables of the hook (`DEVSPACE_HOOK_*`, as in DevSpace).
    fn environment(&self) -> Vec<(String, String)> {
        let mut variables = vec![("DEVSPACE_HOOK_EVENT".to_owned(), self.name())];
        if let HookSubject::Image { image, tags } = &self.subject {
            let templates = || image.templates().unwrap_or_default().iter();
            let tags = tags.clone();
            let tags = tags.unwrap_or_else(|| templates().map(|tag| tag.as_str().to_owned()).collect());
            variables.extend([
                ("DEVSPACE_HOOK_IMAGE_CONFIG_NAME".to_owned(), image.name().to_owned()),
                ("DEVSPACE_HOOK_IMAGE_NAME".to_owned(), image.config().repository.to_string()),
                ("DEVSPACE_HOOK_IMAGE_TAGS".to_owned(), tags.join(" ")),
            ]);
            let json = image.config().json.as_ref();
            variables.extend(json.map(|json| ("DEVSPACE_HOOK_IMAGE_CONFIG".to_owned(), json.to_string())));
        }
        if let HookSubject::Deployment(deployment) = &self.subject {
            variables.push(("DEVSPACE_HOOK_DEPLOY_NAME".to_owned(), deployment.name().to_owned()));
            let json = deployment.config().json.as_ref();
            variables.extend(json.map(|json| ("DEVSPACE_HOOK_DEPLOY_CONFIG".to_owned(), json.to_string())));
        }
        variables.extend(self.error.clone().map(|error| ("DEVSPACE_HOOK_ERROR".to_owned(), error)));
        variables
    }
}

/// Runs the hooks that `occasion` triggers, one by one, in the order of the file.
///
/// # Errors
/// `hook::failed` for the first that fails; later ones do not run. For an `error:` event, failures of hooks are only
/// reported.
pub fn run(run: &Arc<Run>, occasion: &HookEvent<'_>) -> Result<(), StageError> {
    for hook in run.project.hooks.iter().filter(|hook| occasion.is_heard_by(hook)) {
        if run.session.cancellation().is_cancelled() {
            return Err(Cancelled.into());
        }
        if is_for_this_system(hook.os.as_deref()) {
            let ended = match &hook.container {
                Some(container) => in_container::run(run, hook, container, occasion),
                None => run_one(run, hook, occasion),
            };
            match ended {
                Err(error) if occasion.error.is_some() => run.session.notice(Level::Warning, error.message()),
                ended => ended?,
            }
        }
    }
    Ok(())
}

/// Creates a pull secret with `create`. Before the first one of a run, runs the hooks for `before:createPullSecrets`;
/// if one of them fails, no secret is created.
///
/// # Errors
/// `hook::failed`, once per run, and the errors of `create`.
pub fn creating_pull_secrets(
    run: &Arc<Run>,
    create: impl FnOnce() -> Result<(), StageError>,
) -> Result<(), StageError> {
    if run.session.host.cluster.context()?.is_none() {
        return create();
    }
    {
        // Later callers wait for the hooks.
        let mut told = lock(&run.cluster.pull_secret_hooks);
        match *told {
            PullSecretHooks::Nothing => {
                *told = PullSecretHooks::Refused;
                self::run(run, &of_pull_secrets("before:createPullSecrets", None))?;
                *told = PullSecretHooks::Before { error: None };
            }
            PullSecretHooks::Before { .. } => {}
            PullSecretHooks::Refused => return Ok(()),
        }
    }
    create().inspect_err(|failure| {
        if let PullSecretHooks::Before { error } = &mut *lock(&run.cluster.pull_secret_hooks) {
            *error = Some(failure.message());
        }
    })
}

/// Runs the hooks for `after:createPullSecrets`, or for `error:createPullSecrets` if a secret failed; none if no secret
/// was needed.
///
/// # Errors
/// `hook::failed`.
pub fn created_pull_secrets(run: &Arc<Run>) -> Result<(), StageError> {
    match std::mem::take(&mut *lock(&run.cluster.pull_secret_hooks)) {
        PullSecretHooks::Before { error: None } => {
            self::run(run, &of_pull_secrets("after:createPullSecrets", None))
        }
        PullSecretHooks::Before { error } => {
            self::run(run, &of_pull_secrets("error:createPullSecrets", error))
        }
        PullSecretHooks::Nothing | PullSecretHooks::Refused => Ok(()),
    }
}

fn of_pull_secrets(event: &'static str, error: Option<String>) -> HookEvent<'static> {
    HookEvent { event, subject: HookSubject::Run, error }
}

fn run_one(run: &Run, hook: &Hook, occasion: &HookEvent<'_>) -> Result<(), StageError> {
    let image = match &occasion.subject {
        HookSubject::Image { image, .. } => Some(image.name().to_owned()),
        HookSubject::Run | HookSubject::Deployment(_) | HookSubject::Connection(_) => None,
    };
    let args =
        hook.args.as_ref().map(|args| args.iter().map(|arg| fill(run, arg)).collect::<Result<Vec<_>, _>>());
    let command = CommandLine::configured(&fill(run, &hook.command)?, args.transpose()?.as_deref());
    let secrets = hook.secrets.iter().map(|(name, secret)| (name.clone(), secret.expose().to_owned()));
    let environment = run.options.environment.iter().cloned().chain(occasion.environment()).chain(secrets);
    let mut request = ExecRequest::new(Purpose::Hook, command, &run.project.root).envs(environment);
    request.image.clone_from(&image);
    let (events, silent) = (run.session.events.clone(), hook.silent);
    events.emit(Event::StepStarted { image: image.clone(), step: format!("hook {}", hook.shown()) });
    let report = move |line: &str| {
        if !silent {
            events.emit(Event::Output { image: image.clone(), line: line.to_owned() });
        }
    };
    if hook.background {
        run.spawn_background(request, hook.shown(), move |_, line| report(line));
        return Ok(());
    }
    request.limit = Some(LIMIT);
    let mut tail = Tail::default();
    let mut on_line = |_: Pipe, line: &str| {
        report(line);
        tail.push(line);
    };
    let ended = run.session.wait_for_end(run.session.host.exec.run(
        &request,
        &mut on_line,
        &run.session.cancellation(),
    ));
    let mut advice = None;
    let reason = match ended {
        Ok(0) => return Ok(()),
        Ok(code) => format!("exit code {code}"),
        Err(ProcessError::Cancelled { .. }) => return Err(Cancelled.into()),
        Err(error) => {
            advice = error.help().map(|help| help.to_string());
            error.to_string()
        }
    };
    Err(failed(hook, occasion, reason, advice, tail))
}

/// The error of `hook`, with the end of its output.
fn failed(
    hook: &Hook,
    occasion: &HookEvent<'_>,
    reason: String,
    advice: Option<String>,
    tail: Tail,
) -> StageError {
    let place = format!("see its definition at {}", hook.origin);
    let help = advice.into_iter().chain([place]).chain(tail.into_help()).collect::<Vec<_>>().join("\n");
    let (hook, event) = (hook.shown().to_owned(), occasion.name());
    HookError { hook, event, reason, help }.into()
}
