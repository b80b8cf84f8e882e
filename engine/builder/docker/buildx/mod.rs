//! BuildKit in the cluster, through `docker buildx` (`buildKit.inCluster`).

mod arguments;
mod instance;
mod pod_failure;
mod prepare;
mod unstarted;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::cli::copy_report;
use super::staging::Staging;
use super::transcript::Transcript;
use super::{Daemon, Endpoint, lead_to};
use crate::builder::arguments::{Taker, check};
use crate::builder::{BuildError, BuildRequest, BuiltImage};
use crate::cluster::ClusterAccess;
use crate::config::{BuilderArgs, BuildxConfig, InClusterConfig};
use crate::event::ImageEvents;
use crate::process::{Process, ProcessError};

use arguments::arguments;
use instance::Settings;
pub use prepare::ReadyBuilders;
use unstarted::{Unstarted, until_connected};

/// The timeout of buildx commands that only read or write its records.
const ASK_LIMIT: Duration = Duration::from_secs(60);

/// An image to build with BuildKit in the cluster.
#[derive(Debug, Clone)]
pub struct BuildxBuild {
    /// The image to build.
    pub request: BuildRequest,
    /// `buildKit` of the image.
    pub config: BuildxConfig,
    /// `args`: more arguments of `docker buildx build`.
    pub args: BuilderArgs,
    /// Whether the image is pushed, rather than loaded into the daemon.
    pub pushes: bool,
}

impl BuildxBuild {
    /// `inCluster` of the image.
    pub fn in_cluster(&self) -> InClusterConfig {
        self.config.in_cluster.clone().unwrap_or_default()
    }
}

/// Builds with `docker buildx` in the cluster.
#[derive(Clone)]
pub struct Buildx {
    /// The cluster, which is queried for why a builder does not start.
    pub access: ClusterAccess,
    /// The daemon that images are loaded into if they are not pushed.
    pub daemon: Daemon,
    /// The namespace of the run, for builders that name none.
    pub namespace: String,
    /// The directory in which buildx records its builders.
    pub folder: PathBuf,
    /// `KUBECONFIG` for buildx, with absolute paths, because buildx records them with the builder.
    pub kubeconfig: Option<String>,
    /// The running builders.
    pub ready: Arc<ReadyBuilders>,
}

/// The metadata of an image that buildx built (buildx reference, `--metadata-file`).
#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(rename = "containerimage.digest")]
    digest: Option<String>,
    #[serde(rename = "containerimage.config.digest")]
    id: Option<String>,
}

impl Buildx {
    /// Builds an image with a builder in the cluster, and pushes it or loads it into the daemon. Creates the builder
    /// if it is missing or its configuration is different.
    ///
    /// # Errors
    /// [`BuildError`]; [`BuildError::NoBuildx`] if the command is not installed.
    pub async fn build(
        &self,
        build: &BuildxBuild,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, BuildError> {
        let BuildxBuild { request, config, .. } = build;
        check(&request.image, &build.args, Taker::Cluster)?;
        let failed = |source: ProcessError| BuildError::process(&request.image, source);
        let in_cluster = build.in_cluster();
        let settings = Settings::new(&in_cluster, &self.namespace, self.kubeconfig.as_deref());
        self.check_program(build, cancel).await?;
        events.step(format!("building with BuildKit in the namespace {} of the cluster", settings.namespace));
        let loads = !build.pushes && !in_cluster.no_load;
        if loads {
            // An unreachable daemon must be reported before the build, not after it.
            self.daemon.facts().await?;
        }
        self.prepare(build, &settings, events, cancel).await?;

        let staging = Staging::new(&request.directory).map_err(|source| BuildError::NoStaging {
            image: request.image.clone(),
            reason: source.to_string(),
        })?;
        events.step("copying the context");
        let staged = staging.fill(request).await?;
        let metadata_file = staging.path("metadata.json");
        let words = arguments(build, &settings.name, loads, &staged, &metadata_file.to_string_lossy());
        let endpoint = if loads { Some(&self.daemon.found()?.endpoint) } else { None };
        let attempt = async || {
            let (mut transcript, mut unstarted) = (Transcript::default(), Unstarted::default());
            let code = self.build_process(build, &words, endpoint).run(cancel, |_, line| {
                unstarted.line(line);
                transcript.line(line, events);
            });
            let code = code.await.map_err(failed)?;
            Ok::<_, BuildError>((code, unstarted, transcript))
        };
        let (code, transcript) = until_connected(events, attempt).await?;
        if code != 0 {
            return Err(transcript.command_failure(request, &config.command.join(" "), code));
        }
        if let Some(path) = build.args.values("metadata-file").last() {
            copy_report(&metadata_file, &request.directory.join(path), "--metadata-file", request)?;
        }
        let metadata = std::fs::read(&metadata_file).unwrap_or_default();
        let metadata: Metadata = serde_json::from_slice(&metadata).unwrap_or_default();
        Ok(match (build.pushes, loads) {
            (true, _) => BuiltImage::in_registry(metadata.digest),
            (false, true) => {
                BuiltImage { image_id: metadata.id.or(metadata.digest), ..BuiltImage::default() }
            }
            (false, false) => BuiltImage::default(),
        })
    }

    /// The command that builds, with the arguments `words`. The daemon at `endpoint` loads the image.
    fn build_process(&self, build: &BuildxBuild, words: &[String], endpoint: Option<&Endpoint>) -> Process {
        let process = self.process(&build.config).args(words).directory(&build.request.directory);
        let mut process = process.env("BUILDKIT_PROGRESS", "plain");
        for (name, value) in super::cli::variables(&build.request) {
            process = process.env(name, value);
        }
        match endpoint {
            Some(endpoint) => lead_to(process, endpoint),
            None => process,
        }
    }

    /// Checks that the command is installed.
    async fn check_program(&self, build: &BuildxBuild, cancel: &CancellationToken) -> Result<(), BuildError> {
        let missing = || BuildError::NoBuildx {
            image: build.request.image.clone(),
            command: build.config.command.join(" "),
        };
        let asked = self.process(&build.config).arg("version").limit(ASK_LIMIT).run(cancel, |_, _| ());
        match asked.await {
            Ok(0) => Ok(()),
            Ok(_) | Err(ProcessError::NotFound { .. }) => Err(missing()),
            Err(error) => Err(BuildError::process(&build.request.image, error)),
        }
    }

    /// The command, with its first words.
    fn process(&self, config: &BuildxConfig) -> Process {
        let (program, words) = config
            .command
            .split_first()
            .map_or(("docker", &[][..]), |(program, words)| (program.as_str(), words));
        let process = Process::new(program).args(words);
        match &self.kubeconfig {
            Some(kubeconfig) => process.env("KUBECONFIG", kubeconfig),
            None => process,
        }
    }
}
