//! Hooks of `devspace.yaml`: commands around the steps of a run (spec config §8, §13.5).

use std::time::Duration;

use crate::config::Hook;
use crate::event::{Event, Level};
use crate::process::{Process, ProcessError};
use crate::run::{Image, Run};
use crate::script::StageError;

/// How long a hook may take.
const LIMIT: Duration = Duration::from_secs(3600);

/// Something that hooks may listen to.
pub struct Occasion<'a> {
    /// The event without the image's name: `before:build`.
    pub event: &'a str,
    /// The image it is about; `None` for the whole run.
    pub image: Option<&'a Image>,
    /// What went wrong, for `error:` events.
    pub error: Option<&'a str>,
}

/// A hook failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum HookError {
    #[error("the hook `{command}` for `{event}` failed: {reason}")]
    #[diagnostic(code(hook::failed), help("it is defined at {origin}"))]
    Failed { command: String, event: String, reason: String, origin: String },
}

impl Occasion<'_> {
    /// The full name of the event: `before:build:api`.
    fn name(&self) -> String {
        match self.image {
            Some(image) => format!("{}:{}", self.event, image.name()),
            None => self.event.to_owned(),
        }
    }

    /// Whether `hook` listens to it; `*` listens to every image.
    fn is_heard_by(&self, hook: &Hook) -> bool {
        let (name, any) = (self.name(), format!("{}:*", self.event));
        hook.events.iter().any(|event| *event == name || (self.image.is_some() && *event == any))
    }

    /// What the hook finds in its environment (spec config §13.5).
    fn environment(&self) -> Vec<(String, String)> {
        let mut variables = vec![("DEVSPACE_HOOK_EVENT".to_owned(), self.name())];
        if let Some(image) = self.image {
            let tags: Vec<_> = image.templates().unwrap_or_default().iter().map(|tag| tag.as_str()).collect();
            variables.extend([
                ("DEVSPACE_HOOK_IMAGE_CONFIG_NAME".to_owned(), image.name().to_owned()),
                ("DEVSPACE_HOOK_IMAGE_NAME".to_owned(), image.config().repository.to_string()),
                ("DEVSPACE_HOOK_IMAGE_TAGS".to_owned(), tags.join(" ")),
            ]);
        }
        variables.extend(self.error.map(|error| ("DEVSPACE_HOOK_ERROR".to_owned(), error.to_owned())));
        variables
    }
}

/// Runs the hooks that listen to `occasion`, one after another, in the order of the file.
///
/// # Errors
/// `hook::failed` for the first that fails; those after it do not run.
pub fn run(run: &Run, occasion: &Occasion<'_>) -> Result<(), StageError> {
    for hook in run.project.hooks.iter().filter(|hook| occasion.is_heard_by(hook)) {
        if hook.in_container {
            let message =
                format!("the hook at {} runs in a container, which belongs to `deploy`", hook.origin);
            run.notice(Level::Info, message);
        } else if crate::process::is_for_this_system(hook.os.as_deref()) {
            run_one(run, hook, occasion)?;
        }
    }
    Ok(())
}

fn run_one(run: &Run, hook: &Hook, occasion: &Occasion<'_>) -> Result<(), StageError> {
    let image = occasion.image.map(|image| image.name().to_owned());
    let process = Process::configured(&hook.command, hook.args.as_deref());
    let process = process.directory(&run.project.root).limit(LIMIT);
    let environment = run.options.environment.iter().cloned().chain(occasion.environment());
    let process = environment.fold(process, |process, (name, value)| process.env(name, value));
    run.events.emit(Event::StepStarted { image: image.clone(), step: format!("hook {}", hook.command) });
    let events = run.events.clone();
    let silent = hook.silent;
    let output = move |_, line: &str| {
        if !silent {
            events.emit(Event::Output { image: image.clone(), line: line.to_owned() });
        }
    };
    if hook.background {
        run.spawn_background(process, output);
        return Ok(());
    }
    let ended = run.wait(process.run(&run.cancel, output))?;
    let failed = |reason: String| HookError::Failed {
        command: hook.command.clone(),
        event: occasion.name(),
        reason,
        origin: hook.origin.to_string(),
    };
    match ended {
        Ok(0) => Ok(()),
        Ok(code) => Err(failed(format!("exit code {code}")).into()),
        Err(ProcessError::Cancelled { .. }) => Err(crate::run::RunError::Cancelled.into()),
        Err(error) => Err(failed(error.to_string()).into()),
    }
}
