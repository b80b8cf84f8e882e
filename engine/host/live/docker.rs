//! A real Docker daemon.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use super::base_failure::base_failure;
use crate::builder::arguments::LayerCache;
use crate::builder::docker::{
    BuildKit, Classic, Daemon, DiscoveredEndpoint, DockerCli, PushError, proxies, wants_build_kit,
};
use crate::builder::{BuildError, BuildMethod, BuildRequest, Builder, BuiltImage};
use crate::config::{BuilderKind, DockerConfig};
use crate::error::{Cancelled, StageError};
use crate::event::{Event, Events, ImageEvents, Level};
use crate::host::{Docker, Machine};
use crate::image::ImageReference;
use crate::image::dockerfile::BaseConfig;
use crate::registry::{Action, Credential, CredentialStore, RegistryError, own_platform};
use crate::state::BuiltFor;

/// A real Docker daemon.
pub(super) struct LiveDocker {
    pub(super) daemon: Daemon,
    pub(super) credentials: Arc<CredentialStore>,
    pub(super) events: Events,
}

/// How the builder `docker` builds an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The Docker CLI, for features that only it supports.
    DockerCli,
    /// BuildKit inside the daemon.
    BuildKit,
    /// The daemon's classic builder.
    Classic,
}

impl LiveDocker {
    /// BuildKit if the daemon has it and supports the request, unless `useBuildKit`, `DOCKER_BUILDKIT` or, without
    /// either, the daemon's configuration selects another builder.
    async fn mode(&self, options: &DockerConfig, request: &BuildRequest) -> Result<Mode, StageError> {
        // The daemon's API accepts only one platform.
        let has_several = request.platform.as_deref().is_some_and(|platform| platform.contains(','));
        let fits_api = LayerCache::of_api(&options.args).is_some();
        if options.use_cli || !fits_api || options.buildx.is_some() || has_several {
            return Ok(Mode::DockerCli);
        }
        let network = request.network.as_deref().unwrap_or("default");
        let facts = self.daemon.facts().await?;
        let fits = facts.has_buildkit && ["default", "none", "host"].contains(&network);
        let wanted = options.use_build_kit.or_else(wants_build_kit).unwrap_or(!facts.prefers_classic);
        Ok(if fits && wanted { Mode::BuildKit } else { Mode::Classic })
    }

    async fn builder(&self, mode: Mode, options: &DockerConfig) -> Result<Box<dyn Builder>, BuildError> {
        let credentials = Arc::clone(&self.credentials);
        let events = self.events.clone();
        let lookup = move |domain: String| {
            let (credentials, events) = (Arc::clone(&credentials), events.clone());
            async move { credential(&credentials, &events, &domain).await }
        };
        let command = options.buildx.as_ref().map(|buildx| buildx.command.clone()).unwrap_or_default();
        let mut command = command.into_iter();
        Ok(match mode {
            Mode::DockerCli => Box::new(DockerCli {
                daemon: self.daemon.clone(),
                program: command.next().unwrap_or_else(|| "docker".to_owned()),
                words: command.collect(),
                use_build_kit: options.use_build_kit,
                args: options.args.clone(),
            }),
            Mode::Classic => Box::new(Classic {
                daemon: self.daemon.clone(),
                credentials: Arc::new(move |domain| {
                    let found = lookup(domain.clone());
                    Box::pin(async move { found.await.to_docker(&domain) })
                }),
            }),
            Mode::BuildKit => Box::new(BuildKit {
                endpoint: self.daemon.found()?.endpoint.clone(),
                api_version: self.daemon.facts().await?.api_version(),
                credentials: Arc::new(move |domain| {
                    let found = lookup(domain);
                    Box::pin(async move { found.await.into_login() })
                }),
            }),
        })
    }
}

/// The result of `future`, unless the run is cancelled first.
async fn until_cancelled<T>(
    cancel: &CancellationToken,
    future: impl Future<Output = T>,
) -> Result<T, StageError> {
    cancel.run_until_cancelled(future).await.ok_or_else(|| Cancelled.into())
}

/// The credential for a registry; if it is unavailable, reports this and continues without it.
async fn credential(store: &CredentialStore, events: &Events, domain: &str) -> Credential {
    store.get(domain).await.unwrap_or_else(|error| {
        let message = format!("continuing without credentials for {domain}: {error}");
        events.emit(Event::Notice { image: None, level: Level::Warning, message });
        Credential::Anonymous
    })
}

#[async_trait]
impl Docker for LiveDocker {
    async fn reachable(&self) -> Result<(), StageError> {
        self.daemon.connect().await?;
        Ok(())
    }

    async fn machine(&self) -> Result<Machine, StageError> {
        let (name, kernel) = self.daemon.machine().await?;
        Ok(Machine { name, kernel })
    }

    async fn own_platform(&self, builder: &str) -> Option<String> {
        let at = |found: &DiscoveredEndpoint| BuiltFor::builder_at(&found.endpoint);
        let is_same = self.daemon.found().is_ok_and(|found| at(found) == builder);
        // Windlass itself builds only for this machine.
        if is_same || builder == BuiltFor::builder_at(BuilderKind::Oci) {
            return None;
        }
        match self.daemon.facts().await {
            Ok(facts) => Some(facts.platform()),
            Err(_) => Some(own_platform()),
        }
    }

    fn proxies(&self) -> IndexMap<String, String> {
        proxies(&self.daemon)
    }

    async fn image_ids(
        &self,
        references: &[ImageReference],
    ) -> Result<HashMap<ImageReference, String>, StageError> {
        Ok(self.daemon.images(references).await?)
    }

    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError> {
        let facts = self.daemon.inspect(reference).await?;
        Ok(facts.map(|facts| {
            let digest = facts.digest_in_registry(reference);
            BaseConfig { onbuild: facts.onbuild, env: facts.env, digest }
        }))
    }

    async fn method(
        &self,
        options: &DockerConfig,
        request: &BuildRequest,
    ) -> Result<BuildMethod, StageError> {
        let (runs_every_target, reads_files) = match self.mode(options, request).await? {
            Mode::Classic => (true, true),
            Mode::DockerCli => (options.use_build_kit != Some(true), true),
            // It requests only files that it does not have.
            Mode::BuildKit => (false, false),
        };
        Ok(BuildMethod { runs_every_target, reads_files })
    }

    async fn build(
        &self,
        request: BuildRequest,
        options: &DockerConfig,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, StageError> {
        let mode = until_cancelled(cancel, self.mode(options, &request)).await??;
        events.step(match mode {
            Mode::DockerCli => "building with the Docker CLI",
            Mode::BuildKit => "building with Docker (BuildKit)",
            Mode::Classic => "building with Docker",
        });
        let builder = self.builder(mode, options).await?;
        match builder.build(request.clone(), events, cancel).await {
            Ok(built) => {
                let (found, facts) = (self.daemon.found()?, self.daemon.facts().await?);
                let own = BuiltFor::new(facts.platform(), &found.endpoint);
                // A custom buildx builder may have another platform.
                let is_own = options.args.values("builder").next().is_none() && options.buildx.is_none();
                Ok(BuiltImage { built_for: is_own.then_some(own), ..built })
            }
            Err(error) => match base_failure(&error, &request, &self.credentials).await {
                Some(failure) => Err(failure.into()),
                None => Err(error.into()),
            },
        }
    }

    async fn tag(&self, id: &str, reference: &ImageReference) -> Result<(), StageError> {
        Ok(self.daemon.tag(id, reference).await?)
    }

    async fn push(
        &self,
        reference: &ImageReference,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, StageError> {
        let domain = reference.repository.domain();
        let credential = credential(&self.credentials, &self.events, domain);
        let credential = until_cancelled(cancel, credential).await?;
        match self.daemon.push(reference, credential.to_docker(domain), events, cancel).await {
            Ok(pushed) => Ok(pushed.digest.map(|digest| digest.to_string())),
            Err(PushError::Refused { reason, .. }) => {
                let known = self.credentials.get(domain).await;
                Err(RegistryError::from_daemon(Action::Push, reference, &known, &reason).into())
            }
            Err(PushError::Cancelled { .. }) => Err(Cancelled.into()),
            Err(error) => Err(error.into()),
        }
    }
}
