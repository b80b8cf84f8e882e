//! The source of a checkout.

use crate::image::Digest;

/// A repository and a point in its history.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GitSource {
    /// The URL to clone from: everything that `git clone` accepts.
    pub url: String,
    /// The point in its history.
    pub reference: GitReference,
    /// More arguments of `git clone` (`cloneArgs`).
    pub clone_args: Vec<String>,
    /// Clone the whole history (`disableShallow`).
    pub disable_shallow: bool,
}

/// A point in a repository's history.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GitReference {
    /// The default branch of the repository.
    Default,
    /// The head of a branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A commit.
    Revision(String),
}

impl GitSource {
    /// The source that the keys of a `devspace.yaml` name. As in DevSpace, `branch` has precedence over `tag`, and
    /// `tag` over `revision`.
    pub fn new(url: String, branch: Option<String>, tag: Option<String>, revision: Option<String>) -> Self {
        let reference = match (branch, tag, revision) {
            (Some(branch), _, _) => GitReference::Branch(branch),
            (None, Some(tag), _) => GitReference::Tag(tag),
            (None, None, Some(revision)) => GitReference::Revision(revision),
            (None, None, None) => GitReference::Default,
        };
        Self { url, reference, clone_args: Vec::new(), disable_shallow: false }
    }

    /// Whether only the requested commit is fetched. A revision can be found only in the full history.
    pub(super) fn is_shallow(&self) -> bool {
        !self.disable_shallow && !matches!(self.reference, GitReference::Revision(_))
    }

    /// The URL without password or token, for messages and names.
    pub fn shown_url(&self) -> String {
        without_credentials(&self.url)
    }

    /// The name of the repository's directory: a readable part and a hash of the URL.
    pub(super) fn repository_name(&self) -> String {
        let path = self.url.trim_end_matches('/').trim_end_matches(".git");
        let name = path.rsplit(['/', ':', '\\']).next().unwrap_or_default();
        folder_name(name, self.shown_url())
    }

    /// The name of the checkout's directory in that of its repository: the reference, and a hash of all settings.
    pub(super) fn checkout_name(&self) -> String {
        let name = match &self.reference {
            GitReference::Default => "HEAD",
            GitReference::Branch(name) | GitReference::Tag(name) | GitReference::Revision(name) => name,
        };
        let identity = format!("{:?}\0{:?}\0{}", self.reference, self.clone_args, self.disable_shallow);
        folder_name(name, identity)
    }
}

impl std::fmt::Display for GitSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.shown_url())?;
        match &self.reference {
            GitReference::Default => Ok(()),
            GitReference::Branch(name) | GitReference::Tag(name) | GitReference::Revision(name) => {
                write!(formatter, "@{name}")
            }
        }
    }
}

/// The letters, digits, `-` and `_` of `name`, and a hash of `identity`.
pub(super) fn folder_name(name: &str, identity: String) -> String {
    let is_plain = |char: &char| char.is_ascii_alphanumeric() || "-_".contains(*char);
    let name: String = name.chars().filter(is_plain).take(40).collect();
    format!("{name}-{}", &Digest::of(identity).hex()[..16])
}

/// `url` without the user name and password of its host. `git@host:path` contains no secret and is unchanged.
pub(super) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host_end = rest.find('/').unwrap_or(rest.len());
    match rest[..host_end].rfind('@') {
        Some(at) if scheme != "ssh" || rest[..at].contains(':') => format!("{scheme}://{}", &rest[at + 1..]),
        _ => url.to_owned(),
    }
}
