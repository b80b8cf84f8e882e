//! The docker builder: a Docker daemon, found as the docker CLI finds it.

mod endpoint;

pub use endpoint::{Endpoint, TlsFiles};
