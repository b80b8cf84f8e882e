//! Whether a chart must be deployed.

use std::sync::Arc;

use serde_json::Value;

use super::rollout::{DeployVerdict, FORCED, Found};
use super::{Deployment, chart};
use crate::config::DeploymentKind;
use crate::deploy::chart::{ChartIdentity, ChartRequest, ReleaseList, ValueLayers, deployment_key};
use crate::deploy::objects::UNQUERIED;
use crate::error::{ErrorKind, StageError};
use crate::image::Digest;
use crate::state::{ReleasePlace, ReleaseRecord};

/// A chart compared with its release in the cluster.
pub struct ChartState {
    /// The request for helm.
    pub(super) request: ChartRequest,
    /// The record of the deployment, with the revision that it had before.
    pub(super) record: ReleaseRecord,
    /// The address of the API server.
    pub(super) server: String,
    /// The revision that a rollback leads to.
    pub(super) last_deployed: Option<u64>,
    /// Whether the objects became ready when it was deployed last.
    pub(super) was_ready: bool,
    /// Why a plan did without the cluster; `None` if it was queried.
    pub(super) unqueried: Option<StageError>,
}

/// Whether `request` must be deployed: the recorded key and revision, and the state of the release in the cluster
/// decide.
pub(super) fn verdict(deployment: &Deployment, request: &ChartRequest) -> Result<DeployVerdict, StageError> {
    let run = deployment.run();
    let session = &run.session;
    let deployer = &session.host.deployer;
    let cancel = session.cancellation();
    let (server, mut unqueried) = match session.host.cluster.needed_context() {
        Ok(context) => (context.server, None),
        Err(error) if session.does_without(&error) => (String::new(), Some(error)),
        Err(error) => return Err(error),
    };
    let identity = session.wait_for_end(deployer.identify_chart(request, &cancel))?;
    let layers = ValueLayers::read(request)?;
    let mut record = ReleaseRecord {
        key: deployment_key(request, &identity, &layers).to_string(),
        chart: digest_of(&identity),
        values: Digest::of(Value::Object(layers.user_values()).to_string()).to_string(),
        revision: 0,
        is_ready: false,
    };
    let place = ReleasePlace { server: &server, namespace: &request.namespace, release: &request.release };
    let recorded = run.memory.releases.read(place);
    if let DeploymentKind::Helm(helm) = &deployment.config().kind
        && recorded.as_ref().is_none_or(|recorded| recorded.key != record.key)
    {
        chart::expect_helm(deployment, helm)?;
    }
    let releases = match session.wait(deployer.releases(request))? {
        Err(error) if error.kind() == ErrorKind::Forbidden => None,
        Err(error) if session.does_without(&error) => {
            unqueried = Some(error);
            None
        }
        releases => Some(releases?),
    };
    let change = match &unqueried {
        Some(_) => Some(UNQUERIED.to_owned()),
        None => change(&record, recorded.as_ref(), releases.as_ref()),
    };
    record.revision = releases.as_ref().and_then(ReleaseList::newest).map_or(0, |(revision, _)| revision);
    let state = ChartState {
        request: request.clone(),
        record,
        server,
        last_deployed: releases.as_ref().and_then(ReleaseList::last_deployed),
        was_ready: recorded.is_some_and(|recorded| recorded.is_ready),
        unqueried,
    };
    let (needs_deploy, reason) = match change {
        Some(reason) => (true, reason),
        None if run.options.deploy.force => (true, FORCED.to_owned()),
        None => (false, format!("unchanged (revision {})", state.record.revision)),
    };
    Ok(DeployVerdict { needs_deploy, reason, found: Found::Chart(Arc::new(state)) })
}

/// Why the release is out of date, as a phrase; `None` if it is up to date.
fn change(
    wanted: &ReleaseRecord,
    recorded: Option<&ReleaseRecord>,
    releases: Option<&ReleaseList>,
) -> Option<String> {
    let Some(releases) = releases else { return Some("its releases cannot be read".to_owned()) };
    let Some((newest, stored)) = releases.newest() else { return Some("not deployed yet".to_owned()) };
    if stored.status() != "deployed" {
        return Some(format!("revision {newest} is {}", stored.status()));
    }
    let Some(recorded) = recorded else { return Some("never deployed from here".to_owned()) };
    if recorded.revision != newest {
        return Some(format!("revision {newest} was not deployed from here"));
    }
    let changes =
        [(recorded.chart != wanted.chart, "the chart"), (recorded.values != wanted.values, "its values")];
    let changed: Vec<_> = changes.into_iter().filter(|(differs, _)| *differs).map(|(_, what)| what).collect();
    match changed.as_slice() {
        [] if recorded.key == wanted.key => None,
        [] => Some("its options changed".to_owned()),
        changed => Some(format!("{} changed", changed.join(" and "))),
    }
}

fn digest_of(identity: &ChartIdentity) -> String {
    Digest::of(format!("{identity:?}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::chart::StoredRelease;

    fn releases(revision: u64, status: &str) -> ReleaseList {
        let labels =
            [("owner", "helm"), ("name", "web"), ("status", status), ("version", &revision.to_string())]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let stored = StoredRelease { object: "o".to_owned(), labels: labels.into(), data: Vec::new() };
        ReleaseList::new("web", [stored])
    }

    fn record(key: &str, values: &str, revision: u64) -> ReleaseRecord {
        let text = str::to_owned;
        ReleaseRecord { key: text(key), chart: text("c"), values: text(values), revision, is_ready: true }
    }

    #[test]
    fn release_is_kept_only_if_everything_is_known_to_be_equal() {
        let wanted = record("k", "v", 0);
        let check = |recorded: Option<ReleaseRecord>, releases: Option<ReleaseList>, expected: &str| {
            let found = change(&wanted, recorded.as_ref(), releases.as_ref());
            assert_eq!(found.unwrap_or_default(), expected);
        };
        let deployed = || Some(releases(7, "deployed"));
        check(Some(record("k", "v", 7)), deployed(), "");
        check(Some(record("k", "v", 7)), None, "its releases cannot be read");
        check(Some(record("k", "v", 7)), Some(ReleaseList::default()), "not deployed yet");
        check(Some(record("k", "v", 7)), Some(releases(7, "failed")), "revision 7 is failed");
        check(Some(record("k", "v", 6)), deployed(), "revision 7 was not deployed from here");
        check(None, deployed(), "never deployed from here");
        check(Some(record("l", "w", 7)), deployed(), "its values changed");
        check(Some(record("l", "v", 7)), deployed(), "its options changed");
    }
}
