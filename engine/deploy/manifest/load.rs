//! Loads the manifests of a deployment.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;

use super::check::check_object;
use super::files::files;
use super::node::{Fault, Span};
use super::origin::without_credentials;
use super::problem::{ManifestProblem, Source};
use super::{ManifestDocument, ManifestError, ManifestOrigin, parse};
use crate::{input_file, text};

/// The maximum size in MiB of all manifests of a deployment.
const MAX_TOTAL: usize = 64;

/// Reads the content of a URL; the error is a phrase.
pub type FetchUrl<'a> = &'a (dyn Fn(&str) -> BoxFuture<'a, Result<Vec<u8>, String>> + Send + Sync);

/// The manifests of a deployment without kustomize.
#[derive(Debug, Clone, Copy)]
pub struct ManifestSources<'a> {
    /// `manifests`: files, directories, patterns and URLs.
    pub manifests: &'a [String],
    /// `inlineManifest`.
    pub inline: Option<&'a str>,
    /// The project directory, to which paths are relative.
    pub directory: &'a Path,
}

/// Loads all objects of `sources`: in the order of `manifests`, files of a directory or pattern sorted by path, then
/// `inlineManifest`. A file or URL that is listed twice is loaded once.
///
/// # Errors
/// [`ManifestError`] if a manifest is missing, unreadable or too large, or if any of them is invalid or has an object
/// without `apiVersion`, `kind` or `metadata.name`.
pub async fn load(
    sources: ManifestSources<'_>,
    fetch: FetchUrl<'_>,
) -> Result<Vec<ManifestDocument>, ManifestError> {
    let mut loading = Loading::default();
    for entry in sources.manifests {
        if is_url(entry) {
            loading.url(entry, fetch).await?;
        } else {
            for path in files(entry, sources.directory)? {
                loading.file(&path, sources.directory)?;
            }
        }
    }
    if let Some(text) = sources.inline {
        loading.add(text.as_bytes(), ManifestOrigin::Inline)?;
    }
    loading.finish()
}

/// The objects of `text` if they are complete; see [`load`].
///
/// # Errors
/// [`ManifestError::Invalid`].
pub fn load_text(text: &str, origin: ManifestOrigin) -> Result<Vec<ManifestDocument>, ManifestError> {
    let mut loading = Loading::default();
    loading.add(text.as_bytes(), origin)?;
    loading.finish()
}

/// Whether `entry` is loaded from a web server.
pub(super) fn is_url(entry: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| entry.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

#[derive(Default)]
struct Loading {
    documents: Vec<ManifestDocument>,
    problems: Vec<ManifestProblem>,
    size: usize,
    files: HashSet<PathBuf>,
    urls: HashSet<String>,
}

impl Loading {
    async fn url(&mut self, url: &str, fetch: FetchUrl<'_>) -> Result<(), ManifestError> {
        if !self.urls.insert(url.to_owned()) {
            return Ok(());
        }
        let failed = |reason| ManifestError::Fetch { url: without_credentials(url), reason };
        let bytes = fetch(url).await.map_err(failed)?;
        self.add(&bytes, ManifestOrigin::Url(url.to_owned()))
    }

    fn file(&mut self, path: &Path, directory: &Path) -> Result<(), ManifestError> {
        let identity = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if !self.files.insert(identity) {
            return Ok(());
        }
        let origin = ManifestOrigin::file(path, directory);
        let bytes = input_file::read(path)
            .map_err(|source| ManifestError::Unreadable { path: origin.to_string(), source })?;
        self.add(&bytes, origin)
    }

    fn add(&mut self, bytes: &[u8], origin: ManifestOrigin) -> Result<(), ManifestError> {
        self.size += bytes.len();
        if self.size > MAX_TOTAL << 20 {
            return Err(ManifestError::TooLarge { what: "their total size".to_owned(), limit: MAX_TOTAL });
        }
        match text::decode_strictly(bytes) {
            Ok(text) => match parse(&text, origin) {
                Ok(documents) => self.documents.extend(documents),
                Err(problem) => self.problems.push(*problem),
            },
            Err(at) => self.problems.push(not_text(bytes, at, origin)),
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<ManifestDocument>, ManifestError> {
        ManifestError::check(
            self.problems.into_iter().chain(self.documents.iter().filter_map(check_object)),
        )?;
        Ok(self.documents)
    }
}

/// The problem that the bytes of a manifest are not text from byte `at` on.
fn not_text(bytes: &[u8], at: usize, origin: ManifestOrigin) -> ManifestProblem {
    let before = String::from_utf8_lossy(bytes.get(..at).unwrap_or(bytes)).into_owned();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let span = Span {
        start: before.len(),
        end: before.len(),
        line: before.matches('\n').count() + 1,
        column: before[start..].chars().count() + 1,
    };
    let source = Source::new(origin, &before);
    source.problem(*Fault::new(span, "this is not UTF-8 text", "the first invalid byte"))
}

#[cfg(test)]
mod tests;
