//! Requests for objects of any kind, as JSON.

use std::time::{Duration, SystemTime};

use hyper::{Method, Request};
use kube::client::Body;
use kube::core::Status;
use serde_json::Value;

use super::super::ClusterError;

/// The content type of server-side apply. JSON is YAML.
const APPLY: &str = "application/apply-patch+yaml";

/// The content types of other bodies.
const JSON: &str = "application/json";
const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// The format of a list without the content of its objects.
const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;q=0.9";

/// The limits of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The timeout, including retries.
    pub timeout: Duration,
    /// Whether a missing response ends all requests of the run.
    pub is_final: bool,
}

/// For requests that read.
pub(super) const READ: Limits = Limits { timeout: Duration::from_secs(10), is_final: true };

/// For a page of a list.
pub(super) const LIST: Limits = Limits { timeout: Duration::from_secs(30), is_final: true };

/// For requests that write: the API server itself cancels them after 60 seconds, and webhooks may need half of it.
pub(super) const WRITE: Limits = Limits { timeout: Duration::from_secs(60), is_final: true };

/// For requests that are repeated, and that must also be sent after others failed.
pub(super) const REPEATED: Limits = Limits { timeout: Duration::from_secs(8), is_final: false };

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    method: Method,
    path: String,
    content_type: Option<&'static str>,
    accept: &'static str,
    body: Vec<u8>,
    pub limits: Limits,
    pub is_text: bool,
}

/// A response with an object.
#[derive(Debug)]
pub(super) struct Response {
    /// Whether the request created the object.
    pub is_created: bool,
    /// The time of the API server.
    pub date: Option<SystemTime>,
    /// The object.
    pub body: Value,
}

/// How a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The API server rejected it.
    Status(Box<Status>),
    /// The API server was not reached.
    Cluster(ClusterError),
}

impl Call {
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            content_type: None,
            accept: JSON,
            body: Vec::new(),
            limits: READ,
            is_text: false,
        }
    }

    /// Reads plain text, which becomes a JSON string.
    pub fn text(path: impl Into<String>) -> Self {
        Self { accept: "*/*", is_text: true, ..Self::get(path) }
    }

    /// Reads a list of metadata.
    pub fn metadata_list(path: impl Into<String>) -> Self {
        Self { accept: METADATA_LIST, ..Self::get(path) }
    }

    pub fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::write(Method::POST, path, JSON, body)
    }

    pub fn put(path: impl Into<String>, body: &Value) -> Self {
        Self::write(Method::PUT, path, JSON, body)
    }

    pub fn delete(path: impl Into<String>, body: &Value) -> Self {
        Self::write(Method::DELETE, path, JSON, body)
    }

    /// Applies `body` with server-side apply.
    pub fn apply(path: impl Into<String>, body: &Value) -> Self {
        Self::write(Method::PATCH, path, APPLY, body)
    }

    pub fn json_patch(path: impl Into<String>, body: &Value) -> Self {
        Self::write(Method::PATCH, path, JSON_PATCH, body)
    }

    pub fn merge_patch(path: impl Into<String>, body: &Value) -> Self {
        Self::write(Method::PATCH, path, MERGE_PATCH, body)
    }

    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    fn write(method: Method, path: impl Into<String>, content_type: &'static str, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { method, content_type: Some(content_type), body, limits: WRITE, ..Self::get(path) }
    }

    /// The HTTP request.
    pub fn request(&self) -> Result<Request<Body>, Failure> {
        let mut request =
            Request::builder().method(self.method.clone()).uri(&self.path).header("accept", self.accept);
        if let Some(content_type) = self.content_type {
            request = request.header("content-type", content_type);
        }
        let request = request.body(Body::from(self.body.clone()));
        request.map_err(|error| Failure::Status(Status::failure(&error.to_string(), "BadRequest").boxed()))
    }
}

/// A path with a query.
pub(super) fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::for_suffix(format!("{path}?"), path.len() + 1);
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    query.finish()
}
