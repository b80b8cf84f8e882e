//! Waits until deployments run.

use std::time::Duration;

use super::Deployed;
use crate::deploy::wait::{NotReady, WaitLimits, WaitProgress, WaitTarget};
use crate::error::StageError;
use crate::event::Event;
use crate::run::Run;

/// Waits until the objects of `deployed` are ready, at most for `timeout`, and reports how far they are. Returns the
/// deployments that do not become ready, with the reasons.
///
/// # Errors
/// `cluster::...`, `run::cancelled`.
pub fn wait_until_ready(
    run: &Run,
    deployed: &[Deployed],
    timeout: Duration,
) -> Result<Vec<NotReady>, StageError> {
    let session = &run.session;
    let open: Vec<_> = deployed.iter().filter(|deployed| deployed.may_be_unready()).collect();
    let targets = open.iter().map(|deployed| {
        Ok(WaitTarget {
            deployment: deployed.deployment().name().to_owned(),
            objects: deployed.objects()?,
            unpushed: unpushed(deployed.deployment().run()),
            hint: deployed.rollback_hint(),
        })
    });
    let targets = targets.collect::<Result<Vec<_>, StageError>>()?;
    let events = session.events.clone();
    let mut on_progress = |progress: &WaitProgress| {
        let waiting = progress.waiting.iter().map(ToString::to_string).collect();
        events.emit(Event::DeploymentProgress { deployment: progress.deployment.clone(), waiting });
    };
    let limits = WaitLimits { timeout, is_patient: false };
    let cancel = session.cancellation();
    let waited = session.host.deployer.wait_until_ready(&targets, limits, &mut on_progress, &cancel);
    let failed = session.wait_for_end(waited)?;
    for deployed in open {
        let name = deployed.deployment().name();
        if !failed.iter().any(|failure| failure.deployment == name) {
            deployed.became_ready();
        }
    }
    Ok(failed)
}

/// The references of the project's images that were built but not pushed.
fn unpushed(run: &Run) -> Vec<String> {
    let mut references = Vec::new();
    for config in run.project.images.values() {
        for record in run.records(&config.name).iter() {
            let local = record.tags.iter().filter(|tag| !record.pushed.contains_key(*tag));
            references.extend(local.map(|tag| format!("{}:{tag}", record.repository)));
        }
    }
    references
}
