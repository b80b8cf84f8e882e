//! Registries: credentials, push permission, image lookup, and transfers to and from the image store.
//!
//! [`CredentialStore`] reads Docker's credential store; [`RegistryClient`] sends requests to registries, with one
//! operation per file. Nothing is read or contacted before it is needed.

mod challenge;
mod check_push;
mod client;
mod complete;
mod copy;
mod copy_blob;
mod credential;
mod credential_error;
mod credential_helper;
mod credential_store;
mod daemon_error;
mod daemon_settings;
mod docker_config;
mod document;
mod endpoint;
mod error;
mod fetch_blob;
mod host;
mod image_config;
mod inspect;
mod login;
mod manifest;
mod manifest_digest;
mod open_blob;
mod pull;
#[cfg(test)]
mod pull_tests;
mod push;
mod push_attachments;
mod push_blob;
mod retag;
mod retry;
mod retry_after;
mod share;
mod share_document;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod token;
mod transfer;
mod transport;
mod upload;

pub use client::RegistryClient;
pub use credential::Credential;
pub use credential_error::CredentialError;
pub use credential_store::{CredentialStore, Stored};
pub use daemon_error::{CONNECTION_LOST, said_by_daemon};
pub use error::{Action, RegistryError, RegistryErrorKind};
pub use host::domain_of;
pub use image_config::{ImageFacts, own_platform};
pub use inspect::ManifestFacts;
pub use share_document::ShareDocument;
