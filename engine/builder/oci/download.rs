//! Downloads for ADD.

use std::io::Write as _;
use std::time::Duration;

use reqwest::{Client, Url};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

use super::instruction_error::InstructionError;
use crate::event::ImageEvents;
use crate::image::Digest;

/// How long a server may take to respond, or to make progress.
const PATIENCE: Duration = Duration::from_secs(60);
/// The name of a file whose URL has none, the same as in BuildKit.
const NAMELESS: &str = "__unnamed__";

/// A downloaded file.
pub(super) struct Downloaded {
    pub(super) name: String,
    pub(super) file: NamedTempFile,
    pub(super) size: u64,
    pub(super) digest: Digest,
}

/// Downloads the URL `address` into a temporary file.
pub(super) async fn download(
    address: &str,
    events: &ImageEvents,
    cancel: &CancellationToken,
) -> Result<Downloaded, InstructionError> {
    let url = Url::parse(address).map_err(|error| format!("invalid URL `{address}`: {error}"))?;
    match cancel.run_until_cancelled(fetch(&url, events)).await {
        Some(downloaded) => downloaded,
        None => Err(InstructionError::Cancelled),
    }
}

async fn fetch(url: &Url, events: &ImageEvents) -> Result<Downloaded, InstructionError> {
    // Fails only if the process already has a provider, which also works.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let agent = concat!("windlass/", env!("CARGO_PKG_VERSION"));
    let client = Client::builder().user_agent(agent).connect_timeout(PATIENCE).read_timeout(PATIENCE).build();
    let failed = |error: reqwest::Error| InstructionError::from(reason(&error));
    let response = client.map_err(failed)?.get(url.clone()).send().await.map_err(failed)?;
    let mut response = response.error_for_status().map_err(|error| match error.status() {
        Some(status) => InstructionError::from(format!("the server returned {status}")),
        None => failed(error),
    })?;
    let name = name(url.path());
    let step = format!("downloading {name}");
    let total = response.content_length();
    let (mut file, mut hasher, mut size) = (NamedTempFile::new()?, Sha256::new(), 0);
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        hasher.update(&chunk);
        file.write_all(&chunk)?;
        size += chunk.len() as u64;
        events.progress(&step, size, total);
    }
    file.flush()?;
    Ok(Downloaded { name, file, size, digest: Digest::from_bytes(hasher.finalize().into()) })
}

/// The last name in `path`, with percent-encoding such as `%20` decoded.
fn name(path: &str) -> String {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|code| first == b'%' && code.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            None => {
                decoded.push(first);
                rest = after;
            }
        }
    }
    let decoded = String::from_utf8_lossy(&decoded);
    let name = decoded.rsplit('/').find(|name| !name.is_empty()).unwrap_or(NAMELESS);
    if name == "." { NAMELESS.to_owned() } else { name.to_owned() }
}

/// The message of the innermost cause: the outer ones only repeat the URL, which may be secret.
fn reason(error: &reqwest::Error) -> String {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "the connection was lost".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_address() {
        for (path, expected) in [
            ("/a/b.tar", "b.tar"),
            ("/dir/", "dir"),
            ("/", NAMELESS),
            ("", NAMELESS),
            ("/a%20b/c%2Fd%zz", "d%zz"),
        ] {
            assert_eq!(name(path), expected, "{path}");
        }
    }
}
