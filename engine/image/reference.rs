//! Image references: registry, repository, tag, digest.

use std::fmt;
use std::str::FromStr;

use super::Tag;

/// The domain of references without a registry.
const DOCKER_HUB: &str = "docker.io";

/// The maximum length of a repository path, in bytes (distribution reference, `RepositoryNameTotalLengthMax`).
const LONGEST_PATH: usize = 255;

/// A registry and a repository in it, without tag or digest: `ghcr.io/acme/api`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    domain: String,
    path: String,
}

impl Repository {
    /// The registry's host and port, `docker.io` for Docker Hub; empty if the first component looks like a
    /// host but is not valid as one (`a_b.io/app`), as in Docker.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The path within the registry, with `library/` for official images.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same path in the registry `domain`: a mirror.
    #[must_use]
    pub fn at(&self, domain: impl Into<String>) -> Self {
        Self { domain: domain.into(), path: self.path.clone() }
    }

    /// Whether the registry is Docker Hub.
    pub fn is_docker_hub(&self) -> bool {
        self.domain == DOCKER_HUB
    }

    /// The reference with `tag`.
    pub fn with_tag(&self, tag: Tag) -> ImageReference {
        ImageReference { repository: self.clone(), tag: Some(tag), digest: None }
    }

    /// The reference of the image with this digest (`sha256:...`).
    pub fn with_digest(&self, digest: String) -> ImageReference {
        ImageReference { repository: self.clone(), tag: None, digest: Some(digest) }
    }
}

/// The familiar (short) form: `docker.io/library/nginx` prints as `nginx`.
impl fmt::Display for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.domain.is_empty() {
            return formatter.write_str(&self.path);
        }
        if !self.is_docker_hub() {
            return write!(formatter, "{}/{}", self.domain, self.path);
        }
        let official = self.path.strip_prefix("library/").filter(|name| !name.contains('/'));
        formatter.write_str(official.unwrap_or(&self.path))
    }
}

/// An image reference: a repository plus a tag, a digest, both or neither.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageReference {
    /// The repository.
    pub repository: Repository,
    /// The tag, if written.
    pub tag: Option<Tag>,
    /// The digest as written (`sha256:...`, `sha512:...`), if written.
    pub digest: Option<String>,
}

impl ImageReference {
    /// This reference as it names an image: without a tag and a digest, `latest` is meant.
    #[must_use]
    pub fn or_latest(self) -> Self {
        match (&self.tag, &self.digest) {
            (None, None) => Self { tag: "latest".parse().ok(), ..self },
            _ => self,
        }
    }

    /// The complete form, in which Docker Hub is written out: `docker.io/library/nginx:1.27`.
    pub fn full(&self) -> String {
        let familiar = self.repository.to_string();
        let written = self.to_string();
        let rest = written.strip_prefix(&familiar).unwrap_or_default();
        if self.repository.domain().is_empty() {
            return written;
        }
        format!("{}/{}{rest}", self.repository.domain(), self.repository.path())
    }
}

/// The familiar form, with the tag and the digest as written: `nginx:1.27`.
impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

/// A string that is not a valid image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("`{text}` is not a valid image reference: {reason}")]
#[diagnostic(code(image::reference))]
pub struct ReferenceError {
    /// The rejected string.
    pub text: String,
    /// The reason.
    pub reason: String,
}

/// Follows Docker's grammar and normalization: a first component with `.`, `:` or an upper-case letter, or
/// `localhost`, is a registry; everything else is on Docker Hub.
impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        parse(text).map_err(|reason| ReferenceError { text: text.to_owned(), reason })
    }
}

/// Rejects a tag or digest.
impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let error = |reason: String| ReferenceError { text: text.to_owned(), reason };
        let reference: ImageReference = text.parse()?;
        match (reference.tag, reference.digest) {
            (Some(tag), _) => Err(error(format!("it must be a repository without the tag `{tag}`"))),
            (_, Some(_)) => Err(error("it must be a repository without a digest".into())),
            (None, None) => Ok(reference.repository),
        }
    }
}

fn parse(text: &str) -> Result<ImageReference, String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err("64 hex digits are an image ID, not a reference".into());
    }
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(check_digest(digest)?.to_owned())),
        None => (text, None),
    };
    let (domain, rest) = split_domain(name);
    let (path, tag) = match rest.split_once(':') {
        Some((path, tag)) => {
            (path, Some(tag.parse::<Tag>().map_err(|error| format!("invalid tag: {}", error.reason))?))
        }
        None => (rest, None),
    };
    if let Err(reason) = check_domain(domain) {
        // Docker reads `a_b.io/app` as a path without a registry.
        let whole = format!("{domain}/{path}");
        check_path(&whole).map_err(|_| reason)?;
        return Ok(ImageReference {
            repository: Repository { domain: String::new(), path: whole },
            tag,
            digest,
        });
    }
    let path = match domain == DOCKER_HUB && !path.contains('/') {
        true => format!("library/{path}"),
        false => path.to_owned(),
    };
    check_path(&path)?;
    Ok(ImageReference { repository: Repository { domain: domain.to_owned(), path }, tag, digest })
}

fn split_domain(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some(("index.docker.io", rest)) => (DOCKER_HUB, rest),
        Some((domain, rest))
            if domain == "localhost"
                || domain.contains(['.', ':'])
                || domain.chars().any(char::is_uppercase) =>
        {
            (domain, rest)
        }
        _ => (DOCKER_HUB, name),
    }
}

fn check_domain(domain: &str) -> Result<(), String> {
    let error = || format!("`{domain}` is not a host name");
    let (host, port) = match domain.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or_else(error)?;
            if address.is_empty() || !address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':') {
                return Err(error());
            }
            (None, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(error)?) })
        }
        None => match domain.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(domain), None),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.is_some_and(|host| !host.split('.').all(label)) {
        return Err(error());
    }
    match port {
        Some(port) if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(format!("`{port}` is not a port"))
        }
        _ => Ok(()),
    }
}

fn check_path(path: &str) -> Result<(), String> {
    if path.chars().any(char::is_uppercase) {
        return Err("a repository must be lower case".into());
    }
    if path.len() > LONGEST_PATH {
        return Err(format!("its path has {} characters, at most {LONGEST_PATH} are allowed", path.len()));
    }
    match path.split('/').find(|component| !is_path_component(component)) {
        Some("") => Err("a component of its path is empty".into()),
        Some(component) => Err(format!("invalid path component `{component}`")),
        None => Ok(()),
    }
}

/// Sequences of lower-case letters and digits, separated by `.`, `_`, `__` or any number of `-`.
fn is_path_component(component: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    component.starts_with(alphanumeric)
        && component.ends_with(alphanumeric)
        && component.split(alphanumeric).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
        })
}

fn check_digest(digest: &str) -> Result<&str, String> {
    let error = |reason: &str| Err(format!("invalid digest `{digest}`: {reason}"));
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return error("no `:` after the algorithm");
    };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return error("the algorithm must be sha256, sha384 or sha512"),
    };
    if hex.len() != length || !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return error(&format!("it must have {length} lower-case hex digits"));
    }
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let actual = text.parse::<ImageReference>().map(|reference| reference.to_string());
        match expected {
            Ok(expected) => assert_eq!(actual.as_deref(), Ok(expected)),
            Err(reason) => assert!(actual.unwrap_err().to_string().contains(reason)),
        }
    }

    #[test]
    fn references_print_in_their_familiar_form() {
        check("docker.io/library/nginx:1.27", Ok("nginx:1.27"));
        check("index.docker.io/acme/api", Ok("acme/api"));
        check("[::1]:5000/x", Ok("[::1]:5000/x"));
        check("X/y", Ok("X/y"));
        check("myreg:5000", Ok("myreg:5000"));
    }

    #[test]
    fn references_that_docker_refuses_say_why() {
        check("", Err("empty"));
        check("acme/API", Err("lower case"));
        check("acme//api", Err("empty"));
        check("api:", Err("invalid tag: it is empty"));
        check("api@sha256:abc", Err("64 lower-case hex digits"));
        check("-x.io/api", Err("not a host name"));
    }

    #[test]
    fn repository_refuses_a_tag() {
        let error = "ghcr.io/acme/api:1".parse::<Repository>().unwrap_err();
        assert!(error.to_string().contains("tag `1`"), "{error}");
        let repository: Repository = "myreg:5000/api".parse().unwrap();
        assert_eq!((repository.domain(), repository.path()), ("myreg:5000", "api"));
    }
}
