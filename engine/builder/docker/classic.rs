//! The classic builder of a daemon: one request with the whole context.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::auth::DockerCredentials;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::BuildImageOptions;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::cache_race::with_repeats;
use super::daemon::reason_of;
use super::layer_progress::LayerProgress;
use super::transcript::Transcript;
use super::{Daemon, DaemonError, client};
use crate::builder::archive::Archive;
use crate::builder::{BuildError, BuildRequest, Builder, BuiltImage};
use crate::event::ImageEvents;
use crate::image::ImageReference;

/// How long a build may print nothing, including the time to send its context.
const SILENCE: Duration = Duration::from_secs(6 * 60 * 60);

/// Looks up the credentials for a registry, named as in [`crate::image::Repository::domain`]; `None` for anonymous
/// access.
pub type AuthLookup = Arc<dyn Fn(String) -> BoxFuture<'static, Option<DockerCredentials>> + Send + Sync>;

/// Builds with the classic builder of a Docker daemon. Equals `docker build` with `DOCKER_BUILDKIT=0`.
#[derive(Clone)]
pub struct Classic {
    /// The daemon.
    pub daemon: Daemon,
    /// Looks up the credentials for the registry of a base image.
    pub credentials: AuthLookup,
}

#[async_trait]
impl Builder for Classic {
    async fn build(
        &self,
        request: BuildRequest,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, BuildError> {
        // Dropping the build closes its connection, which makes the daemon stop and clean up.
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(BuildError::Cancelled),
            built = with_repeats(events, || self.run(request.clone(), events)) => built,
        }
    }
}

impl Classic {
    async fn run(&self, request: BuildRequest, events: &ImageEvents) -> Result<BuiltImage, BuildError> {
        let found = self.daemon.found()?;
        let connected = self.daemon.connect().await?;
        let archive = Archive::new(&request)?;

        let options = BuildImageOptions {
            dockerfile: archive.dockerfile.clone(),
            buildargs: Some(request.given_args().into_iter().collect()),
            labels: (!request.labels.is_empty()).then(|| request.labels.clone().into_iter().collect()),
            cachefrom: (!request.cache.from.is_empty()).then(|| request.cache.from.clone()),
            networkmode: request.network.clone(),
            platform: request.platform.clone().unwrap_or_default(),
            target: request.target.clone().unwrap_or_default(),
            rm: true,
            forcerm: true,
            ..Default::default()
        };
        // bollard's options take one tag.
        let tags: String = request.references.iter().map(|reference| format!("&t={reference}")).collect();
        let client =
            client::adjusted(connected, SILENCE, move |uri| Some(format!("{}{tags}", uri.path_and_query()?)));

        events.step("sending context");
        let (size, sender) = (archive.size, events.clone());
        let body = archive.stream(move |sent| sender.progress("sending context", sent.min(size), Some(size)));
        let credentials = self.credentials_for(&request).await;
        let mut lines = client.build_image(options, Some(credentials), Some(bollard::body_try_stream(body)));
        let mut transcript = Transcript::default();
        let mut pull = LayerProgress::new("pulling the base image".to_owned());
        let failure = loop {
            match tokio::time::timeout(SILENCE, lines.next()).await {
                Ok(Some(Ok(line))) => take(line, &mut transcript, &mut pull, events),
                Ok(Some(Err(error))) => break Some(error),
                Ok(None) => break None,
                Err(_) => break Some(bollard::errors::Error::RequestTimeoutError),
            }
        };
        transcript.finish(events);
        if let Some(failure) = archive.failure() {
            return Err(failure);
        }
        use bollard::errors::Error::{DockerResponseServerError, DockerStreamError};
        match (failure, transcript.image_id.take()) {
            (None, Some(image_id)) => Ok(BuiltImage::in_daemon(image_id)),
            (Some(error @ (DockerResponseServerError { .. } | DockerStreamError { .. })), _) => {
                Err(transcript.failure(&request, reason_of(&error)))
            }
            (error, _) => {
                let reason = error.map_or_else(|| "it closed the connection".to_owned(), |e| reason_of(&e));
                Err(DaemonError::lost(found, reason).into())
            }
        }
    }

    /// The credentials for the registries of the base images, keyed as the daemon looks them up.
    async fn credentials_for(&self, request: &BuildRequest) -> HashMap<String, DockerCredentials> {
        let bases = request.dockerfile.bases(request.target.as_deref(), &request.build_args);
        let mut credentials = HashMap::new();
        for base in bases.unwrap_or_default() {
            let Ok(reference) = base.reference.parse::<ImageReference>() else { continue };
            let domain = reference.repository.domain().to_owned();
            // The daemon looks up Docker Hub under its old address.
            let key =
                if domain == "docker.io" { "https://index.docker.io/v1/".into() } else { domain.clone() };
            if !credentials.contains_key(&key)
                && let Some(found) = (self.credentials)(domain).await
            {
                credentials.insert(key, found);
            }
        }
        credentials
    }
}

/// Handles one line of the daemon's response.
fn take(line: BuildInfo, transcript: &mut Transcript, pull: &mut LayerProgress, events: &ImageEvents) {
    if let Some(text) = line.stream {
        transcript.take(&text, events);
    }
    if let Some(BuildInfoAux::Default(image)) = line.aux {
        transcript.image_id = image.id;
    }
    if let (Some(id), Some(status)) = (line.id, line.status) {
        pull.report(id, &status, line.progress_detail.as_ref(), events);
    }
}
