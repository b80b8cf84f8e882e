//! Real daemons and registries.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::base_failure::base_failure;
use super::{Docker, Host, Registry};
use crate::builder::docker::{BuildKit, Classic, Cli, Daemon, PushError};
use crate::builder::{BuildError, BuildRequest, Builder, BuiltImage};
use crate::config::DockerConfig;
use crate::event::{Event, Events, ImageEvents, Level};
use crate::image::dockerfile::BaseConfig;
use crate::image::{ImageReference, Repository, Tag};
use crate::registry::{Action, Credential, CredentialStore, RegistryClient, RegistryError};
use crate::run::RunError;
use crate::script::StageError;

impl Host {
    /// The real world, as the environment describes it. Nothing is read or contacted yet.
    pub fn live(events: &Events) -> Self {
        let credentials = Arc::new(CredentialStore::from_env());
        let daemon = Daemon::from_environment();
        Self {
            docker: Arc::new(LiveDocker {
                daemon: daemon.clone(),
                credentials: Arc::clone(&credentials),
                events: events.clone(),
            }),
            registry: Arc::new(LiveRegistry {
                client: registry_client(credentials, daemon),
                events: events.clone(),
            }),
            random: Arc::new(fastrand::alphanumeric),
        }
    }
}

/// How long the daemon may take to tell which registries it trusts without TLS.
const SETTINGS_LIMIT: Duration = Duration::from_secs(3);

/// A client of real registries that trusts those `daemon` trusts. The daemon is asked when it matters; without
/// one, only registries on this machine may lack TLS.
pub fn registry_client(credentials: Arc<CredentialStore>, daemon: Daemon) -> RegistryClient {
    RegistryClient::new(credentials).with_insecure(move || {
        let daemon = daemon.clone();
        Box::pin(async move {
            let told = tokio::time::timeout(SETTINGS_LIMIT, daemon.insecure_registries()).await;
            told.ok().and_then(Result::ok).cloned().unwrap_or_default()
        })
    })
}

/// A real Docker daemon.
struct LiveDocker {
    daemon: Daemon,
    credentials: Arc<CredentialStore>,
    events: Events,
}

/// How the docker builder builds an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The docker CLI, for what only it can do.
    Cli,
    /// BuildKit inside the daemon.
    BuildKit,
    /// The daemon's classic builder.
    Classic,
}

impl LiveDocker {
    /// BuildKit where the daemon has it and can do what is asked, unless `useBuildKit: false`.
    async fn mode(&self, options: &DockerConfig, request: &BuildRequest) -> Result<Mode, StageError> {
        if options.use_cli || !options.args.is_empty() {
            return Ok(Mode::Cli);
        }
        let network = request.network.as_deref().unwrap_or("default");
        let fits = self.daemon.facts().await?.has_buildkit && ["default", "none", "host"].contains(&network);
        Ok(if fits && options.use_build_kit != Some(false) { Mode::BuildKit } else { Mode::Classic })
    }

    async fn builder(&self, mode: Mode, options: &DockerConfig) -> Result<Box<dyn Builder>, BuildError> {
        let credentials = Arc::clone(&self.credentials);
        let events = self.events.clone();
        let lookup = move |domain: String| {
            let (credentials, events) = (Arc::clone(&credentials), events.clone());
            async move { credential(&credentials, &events, &domain).await }
        };
        Ok(match mode {
            Mode::Cli => Box::new(Cli {
                daemon: self.daemon.clone(),
                program: "docker".to_owned(),
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

/// What `future` gives, unless the run is cancelled first.
async fn until_cancelled<T>(
    cancel: &CancellationToken,
    future: impl Future<Output = T>,
) -> Result<T, StageError> {
    cancel.run_until_cancelled(future).await.ok_or_else(|| RunError::Cancelled.into())
}

/// The credential for a registry; one that cannot be had is told and done without.
async fn credential(store: &CredentialStore, events: &Events, domain: &str) -> Credential {
    store.get(domain).await.unwrap_or_else(|error| {
        let message = format!("going on without credentials for {domain}: {error}");
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

    async fn image_ids(
        &self,
        references: &[ImageReference],
    ) -> Result<HashMap<ImageReference, String>, StageError> {
        Ok(self.daemon.images(references).await?)
    }

    async fn base_config(&self, reference: &str) -> Result<Option<BaseConfig>, StageError> {
        let facts = self.daemon.inspect(reference).await?;
        Ok(facts.map(|facts| BaseConfig { onbuild: facts.onbuild, env: facts.env }))
    }

    async fn builds_every_target(
        &self,
        options: &DockerConfig,
        request: &BuildRequest,
    ) -> Result<bool, StageError> {
        Ok(match self.mode(options, request).await? {
            Mode::Classic => true,
            Mode::Cli => options.use_build_kit != Some(true),
            Mode::BuildKit => false,
        })
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
            Mode::Cli => "building with the docker CLI",
            Mode::BuildKit => "building with docker (BuildKit)",
            Mode::Classic => "building with docker",
        });
        let builder = self.builder(mode, options).await?;
        match builder.build(request.clone(), events, cancel).await {
            Ok(built) => Ok(built),
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
            Err(PushError::Cancelled { .. }) => Err(RunError::Cancelled.into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Real registries.
struct LiveRegistry {
    client: RegistryClient,
    events: Events,
}

#[async_trait]
impl Registry for LiveRegistry {
    async fn check_push(&self, repository: &Repository) -> Result<(), StageError> {
        match self.client.check_push(repository).await {
            Ok(()) => Ok(()),
            // The daemon may reach a registry that we do not; its push will tell.
            Err(error) if !error.is_refusal() => {
                let message = format!("cannot check the right to push to {repository}: {error}");
                self.events.emit(Event::Notice { image: None, level: Level::Debug, message });
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn digest(&self, reference: &ImageReference) -> Result<Option<String>, StageError> {
        Ok(self.client.manifest_digest(reference).await?)
    }

    async fn base_config(&self, reference: &ImageReference) -> Result<BaseConfig, StageError> {
        let facts = self.client.image_config(reference, None).await?;
        Ok(BaseConfig { onbuild: facts.onbuild, env: facts.env })
    }

    async fn retag(&self, from: &ImageReference, tag: &Tag) -> Result<String, StageError> {
        let source = match (&from.digest, &from.tag) {
            (Some(digest), _) => digest.clone(),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => "latest".to_owned(),
        };
        Ok(self.client.retag(&from.repository, &source, tag).await?)
    }
}
