//! `windlass logout`: removes the credentials for a registry.

use std::io::Write;

use crate::registry::{CredentialError, CredentialStore, domain_of};

/// The options of `windlass logout`.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(after_help = "\
Examples:
  windlass logout             log out of Docker Hub
  windlass logout ghcr.io     log out of another registry")]
pub struct LogoutOptions {
    /// Host and port of the registry [default: Docker Hub]
    pub registry: Option<String>,
}

/// Removes the credentials that `options` select, and writes the result to `output`.
///
/// # Errors
/// [`CredentialError`] if the credential helper fails or the file cannot be changed.
pub async fn logout(
    options: &LogoutOptions,
    store: &CredentialStore,
    output: &mut dyn Write,
) -> Result<(), CredentialError> {
    let domain = domain_of(options.registry.as_deref().unwrap_or("docker.io"));
    let found = store.erase(domain).await?;
    // The logout has succeeded, even if the message cannot be written.
    let _ = if found {
        writeln!(output, "logged out of {domain}")
    } else {
        writeln!(output, "no credentials for {domain}")
    };
    Ok(())
}
