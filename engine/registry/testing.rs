//! Test registries in this process: a server with responses from a closure, and one that keeps manifests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// One request that the server received.
#[derive(Debug, Clone)]
pub(super) struct Received {
    /// The number of requests before it.
    pub(super) number: usize,
    /// `GET /v2/?x=y`.
    pub(super) line: String,
    /// The `Authorization` header, empty if absent.
    pub(super) authorization: String,
    pub(super) body: String,
}

/// The server's reaction to a request.
pub(super) enum Reply {
    /// Closes the connection without a response.
    Drop,
    /// Never responds.
    Hang,
    /// Responds after a delay.
    Late(Duration, Box<Reply>),
    /// Responds with these bytes, one every 20 milliseconds.
    Drip(Bytes),
    /// Responds.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: Bytes },
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Bytes::new() }
    }

    pub(super) fn body(body: impl Into<Bytes>) -> Self {
        Self::Answer { status: 200, headers: Vec::new(), body: body.into() }
    }

    pub(super) fn with_status(mut self, code: u16) -> Self {
        if let Self::Answer { status, .. } = &mut self {
            *status = code;
        }
        self
    }

    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

/// The server, which stops with the runtime of its test.
pub(super) struct Server {
    domain: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    /// Starts a server that responds to each request with the result of `reply`.
    pub(super) async fn start(reply: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let domain = listener.local_addr().expect("address").to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (log, reply) = (Arc::clone(&received), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, reply) = (Arc::clone(&log), Arc::clone(&reply));
                let service =
                    service_fn(move |request| answer(request, Arc::clone(&log), Arc::clone(&reply)));
                tokio::spawn(async move {
                    let connection = hyper::server::conn::http1::Builder::new();
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { domain, received }
    }

    /// Its host and port.
    pub(super) fn domain(&self) -> &str {
        &self.domain
    }

    /// All requests so far.
    pub(super) fn calls(&self) -> Vec<Received> {
        self.received.lock().expect("log").clone()
    }

    /// The first line of all requests so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.line).collect()
    }
}

async fn answer(
    request: hyper::Request<hyper::body::Incoming>,
    log: Arc<Mutex<Vec<Received>>>,
    reply: Arc<impl Fn(&Received) -> Reply>,
) -> Result<hyper::Response<UnsyncBoxBody<Bytes, std::io::Error>>, std::io::Error> {
    let line = format!("{} {}", request.method(), request.uri());
    let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let authorization = authorization.unwrap_or_default().to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    let call = {
        let mut log = log.lock().expect("log");
        let call = Received { number: log.len(), line, authorization, body };
        log.push(call.clone());
        call
    };
    let mut reply = reply(&call);
    while let Reply::Late(delay, late) = reply {
        tokio::time::sleep(delay).await;
        reply = *late;
    }
    match reply {
        Reply::Late(..) | Reply::Drop => Err(std::io::Error::other("dropped on purpose")),
        Reply::Hang => std::future::pending().await,
        Reply::Drip(body) => {
            let drops = futures_util::stream::iter(body).then(async |byte| {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                Ok(Frame::data(Bytes::from(vec![byte])))
            });
            Ok(hyper::Response::new(StreamBody::new(drops.boxed()).boxed_unsync()))
        }
        Reply::Answer { status, headers, body } => {
            let response = headers
                .into_iter()
                .fold(hyper::Response::builder().status(status), |response, (name, value)| {
                    response.header(name, value)
                });
            let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
            Ok(response.body(body).expect("response"))
        }
    }
}

/// How a [`Registry`] differs from one that does everything.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Switches {
    /// A tag keeps its first image.
    pub(super) immutable: bool,
    /// Nothing may be pushed.
    pub(super) denies_push: bool,
    /// `HEAD` is not supported.
    pub(super) no_head: bool,
    /// Each request for a manifest takes this long.
    pub(super) delay: Option<Duration>,
    /// The status of the first requests for manifests.
    pub(super) status: Option<u16>,
    /// The `Retry-After` of these responses.
    pub(super) retry_after: Option<u64>,
    /// The number of these responses.
    pub(super) refusals: usize,
}

/// Manifests by repository and reference: a tag or a digest.
type Manifests = BTreeMap<(String, String), String>;

/// A registry with manifests only, which refuses on request.
pub(super) struct Registry {
    server: Server,
    manifests: Arc<Mutex<Manifests>>,
}

impl Registry {
    pub(super) async fn start(switches: Switches) -> Self {
        let manifests: Arc<Mutex<Manifests>> = Arc::default();
        let (kept, refused) = (Arc::clone(&manifests), Mutex::new(0));
        let server = Server::start(move |received| {
            let (method, path) = received.line.split_once(' ').expect("a method and a path");
            let Some((repository, name)) = path.trim_start_matches("/v2/").split_once("/manifests/") else {
                return Reply::status(200);
            };
            let mut refused = refused.lock().expect("count");
            if let Some(status) = switches.status.filter(|_| *refused < switches.refusals) {
                *refused += 1;
                let reply = Reply::status(status);
                let after = switches.retry_after.map(|seconds| seconds.to_string());
                return after.into_iter().fold(reply, |reply, after| reply.with_header("retry-after", after));
            }
            let mut kept = kept.lock().expect("manifests");
            let reply = answer_manifest(&mut kept, switches, (method, repository, name), &received.body);
            match switches.delay {
                Some(delay) => Reply::Late(delay, Box::new(reply)),
                None => reply,
            }
        });
        Self { server: server.await, manifests }
    }

    pub(super) fn domain(&self) -> &str {
        self.server.domain()
    }

    /// A client without credentials that waits only as long as the registry requests.
    pub(super) fn client(&self) -> super::RegistryClient {
        let credentials = super::CredentialStore::at("/none");
        super::RegistryClient::new(Arc::new(credentials)).with_pause(Duration::ZERO)
    }

    /// Stores a manifest under a tag; returns its digest.
    pub(super) fn put(&self, repository: &str, tag: &str, manifest: &str) -> String {
        put(&mut self.manifests.lock().expect("manifests"), repository, tag, manifest)
    }

    /// The digest of a tag.
    pub(super) fn tag(&self, repository: &str, tag: &str) -> Option<String> {
        let manifests = self.manifests.lock().expect("manifests");
        let manifest = manifests.get(&(repository.to_owned(), tag.to_owned()))?;
        Some(crate::image::Digest::of(manifest).to_string())
    }

    /// The first line of all requests so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.server.lines()
    }
}

fn put(manifests: &mut Manifests, repository: &str, name: &str, manifest: &str) -> String {
    let digest = crate::image::Digest::of(manifest).to_string();
    for name in [name, &digest] {
        manifests.insert((repository.to_owned(), name.to_owned()), manifest.to_owned());
    }
    digest
}

fn answer_manifest(
    manifests: &mut Manifests,
    switches: Switches,
    (method, repository, name): (&str, &str, &str),
    body: &str,
) -> Reply {
    let known = manifests.get(&(repository.to_owned(), name.to_owned())).cloned();
    match (method, known) {
        ("PUT", _) if switches.denies_push => Reply::status(403),
        ("PUT", Some(_)) if switches.immutable && !name.contains(':') => {
            let error = r#"{"errors": [{"code": "TAG_INVALID", "message": "The image tag already exists"}]}"#;
            Reply::body(error).with_status(400)
        }
        ("PUT", _) => {
            Reply::status(201).with_header("docker-content-digest", put(manifests, repository, name, body))
        }
        ("HEAD", _) if switches.no_head => Reply::status(405),
        (_, None) => Reply::status(404),
        (_, Some(manifest)) => {
            let digest = crate::image::Digest::of(&manifest).to_string();
            let content = if method == "HEAD" { Bytes::new() } else { Bytes::from(manifest) };
            Reply::body(content)
                .with_header("docker-content-digest", digest)
                .with_header("content-type", "application/vnd.oci.image.manifest.v1+json")
        }
    }
}
