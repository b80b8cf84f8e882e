//! The same without windlass: `POST /build`, `POST /images/NAME/push` and nothing else.

use std::time::{Duration, Instant};

use bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion, PushImageOptionsBuilder};
use bollard::{API_DEFAULT_VERSION, Docker, body_try_stream};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;
use tokio_util::io::ReaderStream;

use super::measure::Cost;

/// The timeout for a silent daemon, in seconds.
const TIME_LIMIT: u64 = 600;
/// How much of an archive is sent at a time.
const CHUNK: usize = 256 << 10;
/// The tag of all images.
const TAG: &str = "bench";

/// A daemon, asked directly.
#[derive(Debug)]
pub struct BareApi {
    docker: Docker,
    runtime: Runtime,
}

impl BareApi {
    /// The daemon at `host`, a `unix://` URL.
    pub fn connect(host: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime can be created");
        let docker = runtime.block_on(async {
            let docker = Docker::connect_with_unix(host, TIME_LIMIT, API_DEFAULT_VERSION);
            docker.expect("the address is valid").negotiate_version().await.expect("the daemon responds")
        });
        Self { docker, runtime }
    }

    /// Builds an image from each of `contexts`, `parallel` at a time, and returns the duration.
    pub fn build_all(&self, contexts: &[NamedTempFile], build_kit: bool, parallel: usize) -> Cost {
        let start = Instant::now();
        self.runtime.block_on(async {
            let builds = contexts.iter().enumerate();
            let builds = builds.map(async |(number, context)| {
                self.build(&format!("bare-{number:02}"), context, build_kit).await;
            });
            stream::iter(builds).buffer_unordered(parallel).collect::<Vec<()>>().await;
        });
        Cost { wall: start.elapsed().max(Duration::from_micros(1)), ..Cost::default() }
    }

    /// Builds an image from `context` with BuildKit, pushes it to `repository`, and returns the duration of both.
    pub fn build_and_push(&self, repository: &str, context: &NamedTempFile) -> Cost {
        let start = Instant::now();
        self.runtime.block_on(async {
            self.build(repository, context, true).await;
            let options = PushImageOptionsBuilder::default().tag(TAG).build();
            let messages = self.docker.push_image(repository, Some(options), None);
            messages.try_for_each(async |_| Ok(())).await.expect("the bare push succeeds");
        });
        Cost { wall: start.elapsed(), ..Cost::default() }
    }

    async fn build(&self, repository: &str, context: &NamedTempFile, build_kit: bool) {
        let name = format!("{repository}:{TAG}");
        let mut options = BuildImageOptionsBuilder::default().t(&name).rm(true);
        if build_kit {
            let session = format!("{:032x}", fastrand::u128(..));
            options = options.version(BuilderVersion::BuilderBuildKit).session(&session);
        }
        let file = tokio::fs::File::open(context.path()).await.expect("the context can be read");
        let body = body_try_stream(ReaderStream::with_capacity(file, CHUNK));
        let messages = self.docker.build_image(options.build(), None, Some(body));
        messages.try_for_each(async |_| Ok(())).await.expect("the bare build succeeds");
    }
}
