//! The docker builder: a Docker daemon, found as the docker CLI finds it.

mod buildkit;
mod endpoint;
mod transport;

pub use buildkit::{BuildKit, CredentialLookup};
pub use endpoint::{Endpoint, TlsFiles};
pub use transport::TransportError;
