//! The Docker CLI, for `useCli` and for `args` that only the CLI supports.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::cache_race::with_repeats;
use super::staging::Staging;
use super::transcript::Transcript;
use super::{Daemon, Endpoint, wants_build_kit};
use crate::builder::archive::Archive;
use crate::builder::arguments::{Taker, check, docker_words, refusal};
use crate::builder::{BuildError, BuildRequest, Builder, BuiltImage};
use crate::config::{BuilderArgs, Role};
use crate::event::ImageEvents;
use crate::process::{Process, ProcessError};

/// How long the CLI may take to report whether it has buildx.
const ASK_LIMIT: Duration = Duration::from_secs(20);

/// Builds with `docker build`.
///
/// Both builders receive exactly the selected context. The classic builder gets an archive on standard input, in
/// which an ignore rule hides our Dockerfile. BuildKit ignores rules inside an archive, so the CLI gets a directory
/// with a copy of the selection, and the Dockerfile next to it. It is a copy because hard links would change the
/// ctime of the project's files, and because matching ignore rules that name each file takes quadratic time.
#[derive(Clone)]
pub struct DockerCli {
    /// The daemon; the CLI uses the same one.
    pub daemon: Daemon,
    /// The executable, usually `docker`.
    pub program: String,
    /// The words before `build`, such as `buildx`. With them, `--load` is added, which loads the image into the daemon.
    pub words: Vec<String>,
    /// `useBuildKit`. If absent, BuildKit is used if `DOCKER_BUILDKIT` enables it or, if that is not set, if the CLI
    /// has buildx. Never used with a daemon without BuildKit.
    pub use_build_kit: Option<bool>,
    /// `args`: more arguments.
    pub args: BuilderArgs,
}

#[async_trait]
impl Builder for DockerCli {
    async fn build(
        &self,
        request: BuildRequest,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, BuildError> {
        with_repeats(events, || self.run(request.clone(), events, cancel)).await
    }
}

impl DockerCli {
    async fn run(
        &self,
        request: BuildRequest,
        events: &ImageEvents,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, BuildError> {
        let failed = |source: ProcessError| self.failed(&request, source);
        let is_build_kit = self.is_build_kit(&request, cancel).await?;
        let taker = if is_build_kit { Taker::BuildKit } else { Taker::Classic };
        check(&request.image, &self.args, taker)?;
        let staging = Staging::new(&request.directory).map_err(|source| BuildError::NoStaging {
            image: request.image.clone(),
            reason: source.to_string(),
        })?;
        let id_file = staging.path("image-id");
        let mut process = Process::new(&self.program).args(&self.words);
        let mut archive = None;
        let mut words = arguments(&request, &id_file.to_string_lossy(), &self.args);
        // A builder other than the daemon's does not load the image into the daemon by itself.
        if !self.words.is_empty() || self.args.iter().any(|arg| arg.role() == Some(Role::Builder)) {
            words.push("--load".to_owned());
        }
        if let (true, Some(path)) = (is_build_kit, self.args.values("metadata-file").last()) {
            words.extend(["--metadata-file".to_owned(), path.to_owned()]);
        }
        if is_build_kit {
            events.step("copying the context");
            let staged = staging.fill(&request).await?;
            words.extend(["--file".to_owned(), staged.dockerfile, staged.context]);
        } else {
            let tar = Archive::new(&request)?;
            let (size, sender) = (tar.size, events.clone());
            let told = move |sent: u64| sender.progress("sending context", sent.min(size), Some(size));
            process = process.input_stream(tar.stream(told));
            words.extend(["--file".to_owned(), tar.dockerfile.clone(), "-".to_owned()]);
            archive = Some(tar);
        }
        process = process
            .args(words)
            .directory(&request.directory)
            .env("BUILDKIT_PROGRESS", "plain")
            .env("DOCKER_BUILDKIT", if is_build_kit { "1" } else { "0" });
        for (name, value) in variables(&request) {
            process = process.env(name, value);
        }
        process = lead_to(process, &self.daemon.found()?.endpoint);
        if self.words.is_empty() {
            // Build in the daemon that holds the image, and without labels that are not among its inputs.
            process = process.env("BUILDX_BUILDER", "default");
            process = process.env_remove("BUILDX_NO_DEFAULT_LOAD").env_remove("BUILDX_GIT_LABELS");
        }

        let mut transcript = Transcript::default();
        let code = process.run(cancel, |_, line| transcript.line(line, events)).await;
        if let Some(failure) = archive.and_then(|archive| archive.failure()) {
            return Err(failure);
        }
        match code.map_err(failed)? {
            0 => {
                if let Some(path) = self.args.values("iidfile").last() {
                    copy_report(&id_file, &request.directory.join(path), "--iidfile", &request)?;
                }
                let image_id = std::fs::read_to_string(&id_file).ok();
                let image_id = image_id.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
                Ok(BuiltImage { image_id, ..BuiltImage::default() })
            }
            code => Err(transcript.command_failure(&request, &self.program, code)),
        }
    }

    /// Whether to build with BuildKit.
    async fn is_build_kit(
        &self,
        request: &BuildRequest,
        cancel: &CancellationToken,
    ) -> Result<bool, BuildError> {
        // A command that the user configured decides where it builds.
        let may_have_it = !self.words.is_empty() || self.daemon.facts().await?.has_buildkit;
        if !may_have_it {
            return Ok(false);
        }
        if let Some(is_build_kit) = self.use_build_kit.or_else(wants_build_kit) {
            return Ok(is_build_kit);
        }
        if self.args.iter().any(|arg| refusal(arg, Taker::Classic).is_some()) {
            return Ok(true);
        }
        let asked = Process::new(&self.program).args(["buildx", "version"]).limit(ASK_LIMIT);
        Ok(asked.run(cancel, |_, _| ()).await.map_err(|source| self.failed(request, source))? == 0)
    }

    /// The error for a CLI that could not be run.
    fn failed(&self, request: &BuildRequest, source: ProcessError) -> BuildError {
        let is_missing = matches!(source, ProcessError::NotFound { .. });
        let mut error = BuildError::process(&request.image, source);
        if let (true, BuildError::Process { help, .. }) = (is_missing, &mut error) {
            let advice = "install the docker CLI, or remove `useCli` and `args` to let windlass connect to the \
                          daemon directly";
            *help = Some(advice.to_owned());
        }
        error
    }
}

/// The arguments of docker, except for the Dockerfile and the context. Build arguments are passed by name only: the
/// CLI reads their values from its environment, so that they do not appear in the process list.
fn arguments(request: &BuildRequest, id_file: &str, more: &BuilderArgs) -> Vec<String> {
    let mut arguments: Vec<String> = ["build", "--iidfile", id_file].map(String::from).into();
    arguments.extend(build_args(request));
    arguments.extend(labels(request));
    let mut option = |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
    if let Some(network) = &request.network {
        option("--network", network);
    }
    for reference in &request.references {
        option("--tag", &reference.to_string());
    }
    if let Some(target) = &request.target {
        option("--target", target);
    }
    if let Some(platform) = &request.platform {
        option("--platform", platform);
    }
    arguments.extend(docker_words(more, "docker"));
    arguments
}

/// The options for the build arguments: by name only, except for those that would change the behavior of the CLI.
pub(super) fn build_args(request: &BuildRequest) -> impl Iterator<Item = String> {
    request.build_args.iter().flat_map(|(name, value)| {
        let argument = if steers_cli(name) { format!("{name}={value}") } else { name.clone() };
        ["--build-arg".to_owned(), argument]
    })
}

/// The options for the labels.
pub(super) fn labels(request: &BuildRequest) -> impl Iterator<Item = String> {
    request.labels.iter().flat_map(|(name, value)| ["--label".to_owned(), format!("{name}={value}")])
}

/// Copies a file that docker wrote about the image to the path that `flag` of `args` sets.
#[expect(clippy::result_large_err, reason = "it is created once and ends the build")]
pub(super) fn copy_report(
    from: &Path,
    to: &Path,
    flag: &str,
    request: &BuildRequest,
) -> Result<(), BuildError> {
    std::fs::copy(from, to).map(|_| ()).map_err(|error| BuildError::Argument {
        image: request.image.clone(),
        argument: format!("`{flag}` of its `args`").into(),
        place: "".into(),
        reason: format!("cannot write `{}`: {error}", to.display()).into(),
        help: "choose a writable path",
    })
}

/// The variables from which the CLI reads the values of build arguments.
pub(super) fn variables(request: &BuildRequest) -> impl Iterator<Item = (&String, &String)> {
    request.build_args.iter().filter(|(name, _)| !steers_cli(name))
}

/// Whether a variable of this name would change the behavior of the CLI, so that a build argument of that name must
/// be passed with its value. None of these variables holds secrets.
fn steers_cli(name: &str) -> bool {
    let prefixes = ["DOCKER_", "BUILDKIT_", "BUILDX_", "SSH_", "LD_"];
    matches!(name, "PATH" | "HOME") || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// `process` with the variables that make the docker CLI use `endpoint`, whatever else is set.
pub fn lead_to(process: Process, endpoint: &Endpoint) -> Process {
    let process = ["DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY"]
        .into_iter()
        .fold(process, Process::env_remove)
        .env("DOCKER_HOST", endpoint.to_string());
    let Endpoint::Tls { files, .. } = endpoint else { return process };
    let folder = files.ca.as_ref().or(files.cert.as_ref()).and_then(|file| file.parent());
    let process = match folder {
        Some(folder) => process.env("DOCKER_CERT_PATH", folder),
        None => process,
    };
    process.env(if files.skip_verify { "DOCKER_TLS" } else { "DOCKER_TLS_VERIFY" }, "1")
}

#[cfg(test)]
mod tests {
    use super::super::TlsFiles;
    use super::*;

    #[test]
    fn arguments_stand_in_the_documented_order() {
        let request = BuildRequest {
            references: vec!["r.io/api:1".parse().unwrap(), "r.io/api:2".parse().unwrap()],
            target: Some("final".into()),
            network: Some("host".into()),
            build_args: [("TOKEN", "hunter2"), ("PATH", "/bin")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..BuildRequest::new(
                "api",
                crate::image::Dockerfile::parse("D", "FROM scratch\n").unwrap(),
                Default::default(),
                "/",
            )
        };
        let arguments =
            arguments(&request, "/id", &BuilderArgs::of_docker(vec![("--no-cache".to_owned(), None)]));
        assert_eq!(
            arguments.join(" "),
            "build --iidfile /id --build-arg TOKEN --build-arg PATH=/bin --network host --tag r.io/api:1 \
             --tag r.io/api:2 --target final --no-cache"
        );
    }

    #[test]
    fn the_cli_is_led_to_the_same_daemon() {
        let check = |endpoint: Endpoint, expected: &[(&str, Option<&str>)]| {
            let variables = lead_to(Process::new("docker"), &endpoint).variables();
            for (name, value) in expected {
                assert_eq!(variables.get(*name).map(Option::as_deref), Some(*value), "{name}");
            }
        };
        check(
            Endpoint::Unix("/d.sock".into()),
            &[("DOCKER_HOST", Some("unix:///d.sock")), ("DOCKER_CONTEXT", None), ("DOCKER_TLS_VERIFY", None)],
        );
        let files = TlsFiles { ca: Some("/certs/ca.pem".into()), ..TlsFiles::default() };
        check(
            Endpoint::Tls { host: "h".into(), port: 1, files },
            &[
                ("DOCKER_HOST", Some("tcp://h:1")),
                ("DOCKER_CERT_PATH", Some("/certs")),
                ("DOCKER_TLS_VERIFY", Some("1")),
            ],
        );
    }
}
