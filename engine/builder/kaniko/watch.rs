//! Waiting for a build pod.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use tokio::time::{Instant, timeout_at};

use super::error::KanikoError;
use super::pod_state::{BuildPodState, pod_state};
use super::settings::PodSettings;
use crate::cluster::{ClusterAccess, ClusterError};
use crate::event::{ImageEvents, Level};

/// The event reasons with which autoscalers announce a node for a pod.
const PROMISES: [&str; 3] = ["TriggeredScaleUp", "Nominated", "NominatedNode"];

/// A build pod that is watched.
pub(super) struct Watch<'a> {
    access: &'a ClusterAccess,
    events: &'a ImageEvents,
    settings: &'a PodSettings,
    /// Namespace and name.
    place: (&'a str, &'a str),
    changes: Pin<Box<dyn Stream<Item = Result<Option<Pod>, ClusterError>> + Send + 'a>>,
    /// The last observed state.
    sight: BuildPodState,
    /// Whether the pod was observed: the first query may precede its creation.
    was_there: bool,
}

impl<'a> Watch<'a> {
    /// Watches the pod at `place`, its namespace and name.
    pub(super) async fn new(
        access: &'a ClusterAccess,
        events: &'a ImageEvents,
        settings: &'a PodSettings,
        place: (&'a str, &'a str),
    ) -> Result<Self, KanikoError> {
        let changes = Box::pin(access.watch_pod(place.0, place.1).await?);
        Ok(Self {
            access,
            events,
            settings,
            place,
            changes,
            sight: BuildPodState::Waiting(None),
            was_there: false,
        })
    }

    /// Waits until the pod can receive the build context.
    pub(super) async fn until_receiving(&mut self) -> Result<(), KanikoError> {
        self.until_started(|sight| matches!(sight, BuildPodState::Receiving)).await
    }

    /// Waits until kaniko runs, or has exited.
    pub(super) async fn until_building(&mut self) -> Result<(), KanikoError> {
        self.until_started(|sight| {
            matches!(sight, BuildPodState::Building | BuildPodState::PipelineRun { .. })
        })
        .await
    }

    /// Waits until kaniko has exited; returns its exit code and its termination message.
    pub(super) async fn until_ended(&mut self) -> Result<(i32, String), KanikoError> {
        loop {
            if let BuildPodState::PipelineRun { exit_code, message } = &self.sight {
                return Ok((*exit_code, message.clone()));
            }
            self.next().await?;
        }
    }

    /// Waits until the pod stops receiving the context; an error if that was before the end of the context.
    pub(super) async fn until_received(&mut self) -> Result<(), KanikoError> {
        loop {
            match &self.sight {
                BuildPodState::Receiving => self.next().await?,
                BuildPodState::NotReceived { exit_code } => {
                    return Err(KanikoError::Upload {
                        image: self.events.image().to_owned(),
                        reason: format!("`tar` failed with exit code {exit_code}"),
                        output: None,
                    });
                }
                _ => return Ok(()),
            }
        }
    }

    /// Waits for a change that `is_wanted`, within the limits for starting.
    async fn until_started(&mut self, is_wanted: impl Fn(&BuildPodState) -> bool) -> Result<(), KanikoError> {
        let end = Instant::now() + self.settings.start_limit;
        // The deadline for the pod to be scheduled, once the scheduler has reported it as unschedulable.
        let mut node_end = None;
        let mut told = None;
        loop {
            let limit = match &self.sight {
                sight if is_wanted(sight) => return Ok(()),
                BuildPodState::Unschedulable(reason) => {
                    if told.as_ref() != Some(reason) {
                        let message = format!("build pod is unschedulable for now: {reason}");
                        self.events.notice(Level::Info, message);
                        told = Some(reason.clone());
                    }
                    *node_end.get_or_insert_with(|| end.min(Instant::now() + self.settings.node_limit))
                }
                BuildPodState::Waiting(Some(reason)) => {
                    if told.as_ref() != Some(reason) {
                        self.events.step(format!("starting the build pod: {reason}"));
                        told = Some(reason.clone());
                    }
                    end
                }
                BuildPodState::Waiting(None) | BuildPodState::Receiving => end,
                _ => return self.until_received().await,
            };
            match timeout_at(limit, self.next()).await {
                Ok(next) => next?,
                Err(_) if limit < end && self.is_node_promised().await => node_end = Some(end),
                Err(_) => return Err(self.not_started().await),
            }
        }
    }

    /// Waits for the next change.
    async fn next(&mut self) -> Result<(), KanikoError> {
        let image = self.events.image();
        match self.changes.next().await {
            Some(Ok(Some(pod))) => {
                self.was_there = true;
                match pod_state(image, &pod) {
                    BuildPodState::Failed(error) => Err(*error),
                    sight => {
                        self.sight = sight;
                        Ok(())
                    }
                }
            }
            Some(Ok(None)) if !self.was_there => Ok(()),
            Some(Ok(None)) | None => {
                Err(KanikoError::Deleted { image: image.to_owned(), pod: self.place.1.to_owned() })
            }
            Some(Err(error)) => Err(error.into()),
        }
    }

    /// Whether an autoscaler is about to add a node for the pod.
    async fn is_node_promised(&mut self) -> bool {
        let events = self.access.pod_events(self.place.0, self.place.1).await.unwrap_or_default();
        events.iter().filter_map(|event| event.reason.as_deref()).any(|reason| PROMISES.contains(&reason))
    }

    /// The error for a pod that did not start before the timeout.
    async fn not_started(&mut self) -> KanikoError {
        let image = self.events.image().to_owned();
        let reason = match &self.sight {
            BuildPodState::Unschedulable(reason) => {
                return KanikoError::Unschedulable { image, reason: reason.clone() };
            }
            BuildPodState::Waiting(reason) => reason.clone(),
            _ => None,
        };
        // Some causes, such as a secret that cannot be mounted, are only reported in events.
        let events = self.access.pod_events(self.place.0, self.place.1).await.unwrap_or_default();
        let warnings = events.iter().filter(|event| event.type_.as_deref() == Some("Warning"));
        let warning = warnings.filter_map(|event| event.message.clone()).next_back();
        let seconds = self.settings.start_limit.as_secs();
        KanikoError::Start { image, seconds, waits_for: warning.or(reason) }
    }
}
