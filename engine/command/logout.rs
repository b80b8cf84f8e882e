//! `windlass logout`: forgets the credentials for a registry.

use std::io::Write;

use crate::registry::{CredentialError, CredentialStore, domain_of};

/// The options of `windlass logout`.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(after_help = "\
Examples:
  windlass logout             Docker Hub
  windlass logout ghcr.io     another registry")]
pub struct LogoutOptions {
    /// Host and port of the registry [default: Docker Hub]
    pub registry: Option<String>,
}

/// Forgets the credentials `options` name, and writes what happened to `output`.
///
/// # Errors
/// [`CredentialError`] when the credential helper or the file refuses.
pub async fn logout(
    options: &LogoutOptions,
    store: &CredentialStore,
    output: &mut dyn Write,
) -> Result<(), CredentialError> {
    let domain = domain_of(options.registry.as_deref().unwrap_or("docker.io"));
    let found = store.erase(domain).await?;
    // The logout has happened, whether anyone reads about it or not.
    let _ = if found {
        writeln!(output, "logged out of {domain}")
    } else {
        writeln!(output, "there were no credentials for {domain}")
    };
    Ok(())
}
