//! Whether kubectl applies the objects of a deployment.

use super::Deployment;
use crate::config::DeploymentKind;
use crate::deploy::objects::Kubectl;
use crate::error::StageError;
use crate::event::Level;

/// The arguments of `kubectl apply` that change nothing for windlass: it applies like that, or waits and checks by
/// itself.
const OWN: [&str; 6] =
    ["--server-side", "--force-conflicts", "--validate", "--wait", "--timeout", "--overwrite"];

/// The kubectl command for the objects of `deployment`, if devspace.yaml configures one, or arguments for it that
/// windlass does not support; `None`: windlass applies them.
///
/// # Errors
/// `exec::forbidden` with `--no-exec`.
pub(super) fn kubectl(deployment: &Deployment) -> Result<Option<Kubectl>, StageError> {
    let DeploymentKind::Kubectl(config) = &deployment.config().kind else { return Ok(None) };
    let run = deployment.run();
    let flag = |argument: &str| argument.split('=').next().unwrap_or_default().to_owned();
    if config.apply_args.iter().any(|argument| flag(argument) == "--force") {
        let message = format!(
            "{}: ignoring `--force` of `applyArgs`: nothing is deleted before an apply; use `--recreate KIND/NAME`",
            deployment.name()
        );
        run.session.notice_once(Level::Warning, message);
    }
    let is_foreign = |argument: &&String| {
        let flag = flag(argument);
        flag != "--force" && !OWN.contains(&flag.as_str())
    };
    let arguments: Vec<_> = config.apply_args.iter().filter(is_foreign).cloned().collect();
    if config.path.is_none() && arguments.is_empty() {
        return Ok(None);
    }
    let program = config.path.clone().unwrap_or_else(|| "kubectl".to_owned());
    run.session.host.exec.allow(&program)?;
    Ok(Some(Kubectl { program, arguments, directory: run.project.root.clone() }))
}
