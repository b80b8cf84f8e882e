//! A registry that misbehaves on request.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::{Registry, wait_for};

type AnyError = Box<dyn std::error::Error + Send + Sync>;
type Body = BoxBody<Bytes, AnyError>;

/// A fault that replaces the registry's response to a request.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// This status, without a body.
    Status(u16),
    /// This status, with the time of the next attempt: in this many seconds, or as a date.
    Busy {
        /// The status.
        status: u16,
        /// How many seconds from now.
        seconds: u32,
        /// Whether the time is a date.
        as_date: bool,
    },
    /// The connection closes without a response.
    Drop,
    /// The request reaches the registry this much later.
    Delay(Duration),
    /// The request waits until [`FaultProxy::release`].
    Hold,
    /// The connection closes after this many bytes of the response body.
    Cut(usize),
    /// The connection closes after this many bytes of the request body have reached the registry.
    CutRequest(usize),
    /// The first byte of the response body is changed.
    Corrupt,
}

/// An HTTP proxy in front of a [`Registry`] that injects faults. Dropping it closes every connection.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    script: Mutex<Script>,
    released: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Script {
    rules: Vec<Rule>,
    seen: Vec<(String, String)>,
}

#[derive(Debug)]
struct Rule {
    method: String,
    prefix: String,
    left: usize,
    fault: Fault,
}

impl FaultProxy {
    /// A proxy that passes everything on to `registry` until a fault is set.
    pub fn before(registry: &Registry) -> Self {
        Self::before_address(registry.address())
    }

    /// A proxy that passes everything on to the HTTP server at `address` until a fault is set.
    pub fn before_address(address: String) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be created");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a loopback port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let shared = Arc::new(Shared {
            upstream: address,
            script: Mutex::default(),
            released: watch::Sender::new(false),
        });
        runtime.spawn(serve(listener, Arc::clone(&shared)));
        Self { port, shared, runtime: Some(runtime) }
    }

    /// Applies `fault` to the first `times` requests with `method` (`""`: any) and a path that starts with `prefix`. Of
    /// several matching rules, the first with requests left applies.
    pub fn fault(&self, times: usize, method: &str, prefix: &str, fault: Fault) -> &Self {
        let rule = Rule { method: method.to_owned(), prefix: prefix.to_owned(), left: times, fault };
        self.shared.script().rules.push(rule);
        self
    }

    /// Releases every request that is held now or later.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// `127.0.0.1:PORT`: the registry's part of a repository.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How many requests with `method` (`""`: any) and a path that starts with `prefix` have arrived so far.
    pub fn count(&self, method: &str, prefix: &str) -> usize {
        let script = self.shared.script();
        script.seen.iter().filter(|(seen, path)| fits(method, prefix, seen, path)).count()
    }

    /// Waits until a request with `method` and a path that starts with `prefix` has arrived.
    #[track_caller]
    pub fn wait_for_request(&self, method: &str, prefix: &str) {
        wait_for(&format!("a request {method} {prefix}"), Duration::from_secs(60), || {
            (self.count(method, prefix) > 0).then_some(())
        });
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request and returns its fault.
    fn note(&self, method: &str, path: &str) -> Option<Fault> {
        let mut script = self.script();
        script.seen.push((method.to_owned(), path.to_owned()));
        let mut rules = script.rules.iter_mut();
        let rule = rules.find(|rule| rule.left > 0 && fits(&rule.method, &rule.prefix, method, path))?;
        rule.left -= 1;
        Some(rule.fault)
    }
}

fn fits(method: &str, prefix: &str, seen: &str, path: &str) -> bool {
    (method.is_empty() || method == seen) && path.starts_with(prefix)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &shared));
            // An error here is a dropped connection, on either side: the tests expect it.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, shared: &Shared) -> Result<Response<Body>, AnyError> {
    let fault = shared.note(request.method().as_str(), request.uri().path());
    match fault {
        Some(Fault::Status(code)) => {
            // Without these messages, a daemon cannot distinguish this from other rejections.
            let words = match code {
                404 => {
                    r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}"#
                }
                _ => "",
            };
            let mut response = Response::new(full(Bytes::from_static(words.as_bytes())));
            *response.status_mut() = StatusCode::from_u16(code)?;
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            return Ok(response);
        }
        Some(Fault::Busy { status, seconds, as_date }) => {
            let date = SystemTime::now() + Duration::from_secs(seconds.into());
            let after = if as_date { httpdate::fmt_http_date(date) } else { seconds.to_string() };
            let mut response = Response::new(full(Bytes::new()));
            *response.status_mut() = StatusCode::from_u16(status)?;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::try_from(after)?);
            return Ok(response);
        }
        Some(Fault::Drop) => return Err("dropped as requested".into()),
        Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
        Some(Fault::Hold) => {
            shared.released.subscribe().wait_for(|released| *released).await?;
        }
        _ => (),
    }
    let request = match fault {
        Some(Fault::CutRequest(length)) => {
            let (head, body) = request.into_parts();
            Request::from_parts(head, cut(body.collect().await?.to_bytes(), length))
        }
        _ => request.map(|body| body.map_err(AnyError::from).boxed()),
    };
    let stream = TcpStream::connect(&shared.upstream).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let (head, body) = response.into_parts();
    let body = match fault {
        Some(Fault::Cut(length)) => cut(body.collect().await?.to_bytes(), length),
        Some(Fault::Corrupt) => {
            let mut content = body.collect().await?.to_bytes().to_vec();
            content.iter_mut().take(1).for_each(|byte| *byte ^= 1);
            full(content.into())
        }
        _ => body.map_err(AnyError::from).boxed(),
    };
    Ok(Response::from_parts(head, body))
}

fn full(content: Bytes) -> Body {
    Full::new(content).map_err(infallible).boxed()
}

/// The first `length` bytes of `content`, followed by the end of the connection.
fn cut(content: Bytes, length: usize) -> Body {
    let first = content.slice(..length.min(content.len()));
    let pieces = futures_util::stream::iter([Ok(Frame::data(first)), Err("cut as told".into())]);
    BodyExt::boxed(StreamBody::new(pieces))
}

fn infallible(never: Infallible) -> AnyError {
    match never {}
}
