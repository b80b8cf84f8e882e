//! A build in a pod, from start to end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use tokio_util::sync::CancellationToken;

use super::KanikoBuild;
use super::arguments::pushes;
use super::credentials::docker_config;
use super::ending::with_ending;
use super::error::KanikoError;
use super::gzip::gzip;
use super::logs::Log;
use super::name::pod_name;
use super::orphaned_pods::remove_orphaned_pods;
use super::pod::{COMPRESSED, INIT_CONTAINER, PLAIN, pod};
use super::pod_lock::{LockedPod, PodLock};
use super::pod_secret::PodSecret;
use super::prerequisites::check_prerequisites;
use super::transcript::Transcript;
use super::upload::{UploadError, upload};
use super::watch::Watch;
use crate::builder::archive::Archive;
use crate::builder::{BuildError, BuiltImage};
use crate::cluster::{ClusterAccess, ClusterContext, ClusterError};
use crate::event::{ImageEvents, Level};
use crate::image::Digest;
use crate::process::last_lines;
use crate::registry::CredentialStore;

/// The timeout for reading the rest of a log after kaniko has exited.
const LOG_LIMIT: Duration = Duration::from_secs(10);

/// How many lines of the output of `tar` are printed.
const LINES: u32 = 20;

/// How long a pod that stopped reading the context may take to report the reason.
const REASON_LIMIT: Duration = Duration::from_secs(5);

/// Builds images in pods.
#[derive(Clone)]
pub struct Kaniko {
    /// The cluster.
    pub access: ClusterAccess,
    /// The credentials of Docker.
    pub credentials: Arc<CredentialStore>,
}

impl Kaniko {
    /// Builds an image in a pod, which pushes it under all its references. The pod is always removed, even if
    /// `cancel` stops the build.
    ///
    /// # Errors
    /// [`KanikoError`].
    pub async fn build(
        &self,
        build: &KanikoBuild,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, KanikoError> {
        let prepared = cancel.run_until_cancelled(self.prepare(build, events)).await;
        let prepared = prepared.unwrap_or(Err(BuildError::Cancelled.into()))?;
        let Prepared { archive, place: (namespace, name), pod, secret, mark } = prepared;

        let created = self.access.create_pod(&namespace, &pod).await;
        let result = match &created {
            Ok(pod) => {
                let drive = async {
                    if let Some(secret) = secret.into_secret(pod) {
                        self.access.create_secret(&namespace, &secret).await?;
                    }
                    self.drive(build, &archive, (&namespace, &name), events).await
                };
                cancel.run_until_cancelled(drive).await.unwrap_or(Err(BuildError::Cancelled.into()))
            }
            Err(error) => Err(not_created(build, &namespace, error)),
        };
        // A pod that the cluster rejected does not exist; one whose creation was not confirmed may.
        let may_exist = match &created {
            Ok(_) => true,
            Err(error) => matches!(error, ClusterError::Unreachable { .. }),
        };
        let uid = created.ok().and_then(|pod| pod.metadata.uid);
        let deleted = match may_exist {
            true => self.access.delete_pod(&namespace, &name, uid).await,
            false => Ok(()),
        };
        match deleted {
            Ok(()) => mark.into_iter().for_each(PodLock::remove),
            // Its lock file stays, so that the next run retries.
            Err(error) if result.is_ok() => events.notice(Level::Warning, error.to_string()),
            Err(error) => events.notice(Level::Debug, error.to_string()),
        }
        result
    }

    /// Everything that can be done, and can fail, before the pod exists.
    async fn prepare<'b>(
        &self,
        build: &'b KanikoBuild,
        events: &ImageEvents,
    ) -> Result<Prepared<'b>, KanikoError> {
        let KanikoBuild { request, config, .. } = build;
        let context = self.access.context()?.ok_or(ClusterError::NoCluster)?;
        let namespace = config.namespace.clone().unwrap_or_else(|| context.namespace.clone());
        events.step(format!("building with kaniko in the namespace {namespace} of {}", context.name));
        let place = (context.server.as_str(), namespace.as_str());
        remove_orphaned_pods(&self.access, place, &build.marks, request, events).await?;
        check_prerequisites(&self.access, &namespace, build).await?;

        let gives = build.gives_credentials && config.pull_secret.is_none() && !config.skip_pull_secret_mount;
        let credentials = if gives { docker_config(request, &self.credentials).await? } else { None };
        let archive = Archive::new(request).map_err(BuildError::from)?;
        let name = pod_name(config.generate_name.as_deref(), &request.image);
        let mut secret = PodSecret::new(&name, credentials, &build.secret_texts);
        let own = secret.with_docker_config().map(str::to_owned);
        let given = config.pull_secret.clone().filter(|_| !config.skip_pull_secret_mount);
        let pod = pod(build, &name, &archive.dockerfile, given.or(own).as_deref(), &mut secret)?;
        let marked =
            LockedPod { server: context.server.clone(), namespace: namespace.clone(), name: name.clone() };
        let mark = PodLock::new(&build.marks, &marked).inspect_err(|error| {
            let folder = build.marks.display();
            let message =
                format!("a build pod may stay if windlass is killed: cannot write to {folder}: {error}");
            events.notice(Level::Debug, message);
        });
        Ok(Prepared { archive, place: (namespace, name), pod, secret, mark: mark.ok() })
    }

    /// Runs the build in the pod at `place`.
    async fn drive(
        &self,
        build: &KanikoBuild,
        archive: &Archive,
        place: (&str, &str),
        events: &ImageEvents,
    ) -> Result<BuiltImage, KanikoError> {
        let mut watch = Watch::new(&self.access, events, &build.settings, place).await?;
        events.step("starting the build pod");
        watch.until_receiving().await?;
        self.send_context(build, archive, place, events, &mut watch).await?;
        events.step("starting kaniko");
        watch.until_building().await?;

        let mut transcript = Transcript::new(&build.request.dockerfile, events);
        let mut take = |line: &str| transcript.line(line);
        let mut log = Log::new(&self.access, place);
        let (exit_code, left) = tokio::select! {
            ended = watch.until_ended() => ended?,
            Err(error) = log.follow(&mut take) => return Err(error.into()),
        };
        // The end of the log may arrive after the status that kaniko has exited.
        if let Ok(Err(error)) = tokio::time::timeout(LOG_LIMIT, log.rest(&mut take)).await {
            events.notice(Level::Debug, error.to_string());
        }
        match exit_code {
            0 if !pushes(&build.config) => Ok(BuiltImage::default()),
            0 => {
                let digest = left.split_whitespace().find_map(|word| word.parse::<Digest>().ok());
                Ok(BuiltImage::in_registry(digest.map(|digest| digest.to_string())))
            }
            code => Err(transcript.failure(&build.request, code)),
        }
    }

    /// Sends the build context, and waits until all of it is received.
    async fn send_context(
        &self,
        build: &KanikoBuild,
        archive: &Archive,
        (namespace, name): (&str, &str),
        events: &ImageEvents,
        watch: &mut Watch<'_>,
    ) -> Result<(), KanikoError> {
        events.step("sending context");
        let connection = self.access.attach(namespace, name, INIT_CONTAINER).await?;
        let (size, sender) = (archive.size, events.clone());
        let told = move |sent: u64| sender.progress("sending context", sent.min(size), Some(size));
        let body = self.packed(with_ending(archive.stream(told)))?;
        let sent = tokio::select! {
            sent = upload(connection, body, build.settings.start_limit) => sent,
            // `tar` succeeds only after the end of the archive.
            received = watch.until_received() => {
                return match received {
                    Ok(()) => Ok(()),
                    Err(error) => Err(self.with_output(error, (namespace, name)).await),
                };
            }
        };
        let Err(error) = sent else { return Ok(()) };
        if let Some(failure) = archive.failure() {
            return Err(failure.into());
        }
        // The status of the pod is the best source for why the context was not received.
        match tokio::time::timeout(REASON_LIMIT, watch.until_received()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(reason)) => Err(self.with_output(reason, (namespace, name)).await),
            Err(_) => {
                let UploadError { reason, output } = error;
                Err(KanikoError::Upload { image: build.request.image.clone(), reason, output })
            }
        }
    }

    /// The archive to send, after the line with its form: compressed, unless the cluster is local. For a local
    /// cluster, compression and decompression would take longer than sending it.
    fn packed(
        &self,
        archive: impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, KanikoError> {
        let is_near = self.access.context()?.is_some_and(ClusterContext::is_near);
        let form = |form: &str| stream::once(std::future::ready(Ok(Bytes::from(format!("{form}\n")))));
        Ok(match is_near {
            true => form(PLAIN).chain(archive).boxed(),
            false => form(COMPRESSED).chain(gzip(archive)).boxed(),
        })
    }

    /// `error`, with the output of the container that receives the context, if the error is about that container.
    async fn with_output(&self, error: KanikoError, (namespace, name): (&str, &str)) -> KanikoError {
        let KanikoError::Upload { image, reason, output: None } = error else { return error };
        let log = self.access.pod_log_text(namespace, name, Some(INIT_CONTAINER), LINES);
        let log = log.await.unwrap_or_default();
        let lines: Vec<_> = log.lines().map(str::to_owned).collect();
        KanikoError::Upload { image, reason, output: last_lines(&lines) }
    }
}

/// A build that is ready to create its pod.
struct Prepared<'b> {
    archive: Archive,
    /// Namespace and name of the pod.
    place: (String, String),
    pod: Pod,
    /// The secret of the pod.
    secret: PodSecret<'b>,
    mark: Option<PodLock>,
}

/// The error for a pod that the cluster does not create.
fn not_created(build: &KanikoBuild, namespace: &str, error: &ClusterError) -> KanikoError {
    let (image, namespace) = (build.request.image.clone(), namespace.to_owned());
    match error {
        ClusterError::Refused { reason, .. } if reason.contains("exceeded quota") => {
            KanikoError::Quota { image, namespace, reason: reason.clone() }
        }
        ClusterError::Refused { reason, .. } if reason.contains("must specify") => {
            KanikoError::NoLimits { image, namespace, reason: reason.clone() }
        }
        error => error.clone().into(),
    }
}
