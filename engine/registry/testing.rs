//! A test registry: an HTTP server in this process with responses from a closure.

use std::sync::{Arc, Mutex};

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
    match reply(&call) {
        Reply::Drop => Err(std::io::Error::other("dropped on purpose")),
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
