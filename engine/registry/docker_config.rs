//! The credentials in Docker's `config.json`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};

use crate::secret::Secret;

use super::credential::TOKEN_USER;
use super::{Credential, CredentialError, host};

/// Standard base64 with optional padding: some tools omit it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The credential settings of `config.json`. Empty if the file is missing.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DockerConfig {
    #[serde(deserialize_with = "nullable")]
    auths: IndexMap<String, Entry>,
    #[serde(deserialize_with = "nullable")]
    cred_helpers: IndexMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    creds_store: String,
    #[serde(skip)]
    path: PathBuf,
}

/// One entry of `auths`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    #[serde(deserialize_with = "nullable")]
    auth: String,
    #[serde(deserialize_with = "nullable")]
    username: String,
    #[serde(deserialize_with = "nullable")]
    password: String,
    #[serde(deserialize_with = "nullable")]
    identitytoken: String,
    #[serde(deserialize_with = "nullable")]
    registrytoken: String,
}

/// Docker accepts `null` for every absent value.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl DockerConfig {
    /// Reads the file; a missing or empty one is an empty configuration.
    pub(super) fn read(path: &Path) -> Result<Self, CredentialError> {
        let text = read_text(path)?;
        let config = if text.trim_ascii().is_empty() { Self::default() } else { parse(path, &text)? };
        Ok(Self { path: path.to_owned(), ..config })
    }

    /// The name of the helper that stores the credentials for `domain`, if any.
    pub(super) fn helper(&self, domain: &str) -> Option<&str> {
        let own = find(&self.cred_helpers, domain).map(String::as_str);
        own.or(Some(self.creds_store.as_str())).filter(|name| !name.is_empty())
    }

    /// The name of the helper for registries without a specific helper.
    pub(super) fn default_helper(&self) -> Option<&str> {
        Some(self.creds_store.as_str()).filter(|name| !name.is_empty())
    }

    /// The domains with an entry in `auths`.
    pub(super) fn auth_domains(&self) -> impl Iterator<Item = &str> {
        self.auths.keys().map(|key| host::domain_of(key))
    }

    /// The domains with a specific helper.
    pub(super) fn helper_domains(&self) -> impl Iterator<Item = &str> {
        self.cred_helpers.keys().map(|key| host::domain_of(key))
    }

    /// The credential for `domain` in `auths`.
    pub(super) fn credential(&self, domain: &str) -> Result<Credential, CredentialError> {
        let Some(entry) = find(&self.auths, domain) else { return Ok(Credential::Anonymous) };
        let (username, password) = if entry.auth.is_empty() {
            (entry.username.clone(), entry.password.clone())
        } else {
            decode(&entry.auth).ok_or_else(|| CredentialError::BadEntry {
                path: self.path.display().to_string(),
                registry: domain.to_owned(),
            })?
        };
        Ok(if !entry.registrytoken.is_empty() {
            Credential::RegistryToken(Secret::new(&entry.registrytoken))
        } else if !entry.identitytoken.is_empty() {
            let username = if username.is_empty() { TOKEN_USER.to_owned() } else { username };
            Credential::IdentityToken { username, token: Secret::new(&entry.identitytoken) }
        } else if username.is_empty() || password.is_empty() {
            Credential::Anonymous
        } else {
            Credential::Basic { username, password: Secret::new(password) }
        })
    }
}

/// The value for `domain`: under the key that Docker writes, otherwise under any key for the same host.
fn find<'a, T>(map: &'a IndexMap<String, T>, domain: &str) -> Option<&'a T> {
    map.get(host::store_key(domain))
        .or_else(|| map.iter().find(|(key, _)| host::domain_of(key) == domain).map(|(_, value)| value))
}

/// `user:password` in base64; Docker pads passwords with NUL.
fn decode(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64.decode(auth.trim()).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    (!username.is_empty()).then(|| (username.to_owned(), password.trim_matches('\0').to_owned()))
}

/// Encodes a user name and a password as in `auths`.
pub(super) fn encode(username: &str, password: &Secret) -> String {
    BASE64.encode(format!("{username}:{}", password.expose()))
}

/// The bytes of the file at `path`; empty if the file does not exist.
pub(super) fn read_text(path: &Path) -> Result<Vec<u8>, CredentialError> {
    match crate::input_file::read(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            Err(CredentialError::Unreadable { path: path.display().to_string(), reason: error.to_string() })
        }
    }
}

/// Parses `text`, the JSON of the file at `path`. The error never quotes it because it contains secrets.
pub(super) fn parse<'a, T: Deserialize<'a>>(path: &Path, text: &'a [u8]) -> Result<T, CredentialError> {
    serde_json::from_slice(text).map_err(|error| CredentialError::Malformed {
        path: path.display().to_string(),
        line: error.line(),
        column: error.column().max(1),
        reason: match error.classify() {
            serde_json::error::Category::Data => "a value has the wrong type",
            serde_json::error::Category::Eof => "the file ends too early",
            _ => "invalid JSON",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DockerConfig, CredentialError> {
        let folder = tempfile::tempdir().expect("directory");
        let path = folder.path().join("config.json");
        std::fs::write(&path, text).expect("config");
        DockerConfig::read(&path)
    }

    fn basic(username: &str, password: &str) -> Credential {
        Credential::Basic { username: username.into(), password: Secret::new(password) }
    }

    fn check(auths: &str, domain: &str, expected: Credential) {
        let config = read(&format!(r#"{{"auths": {auths}}}"#)).expect("config");
        assert_eq!(config.credential(domain).expect("credential"), expected, "{auths} for {domain}");
    }

    #[test]
    fn auths_are_read_as_docker_writes_them() {
        let (ann, bob) = (basic("ann", "a:b"), basic("bob", "pw"));
        check(r#"{"ghcr.io": {"auth": "YW5uOmE6Yg=="}}"#, "ghcr.io", ann.clone());
        check(r#"{"ghcr.io": {"auth": "YW5uOmE6Yg"}}"#, "ghcr.io", ann.clone());
        check(r#"{"ghcr.io": {"username": "bob", "password": "pw"}}"#, "ghcr.io", bob.clone());
        check(r#"{"ghcr.io": {"username": "ann"}}"#, "ghcr.io", Credential::Anonymous);
        check(r#"{"ghcr.io": {}}"#, "ghcr.io", Credential::Anonymous);
        check(
            r#"{"ghcr.io": null}"#.replace("null", r#"{"auth": null}"#).as_str(),
            "ghcr.io",
            Credential::Anonymous,
        );
        check("null", "ghcr.io", Credential::Anonymous);
        let token = Credential::IdentityToken { username: "ann".into(), token: Secret::new("t") };
        check(r#"{"ghcr.io": {"auth": "YW5uOg==", "identitytoken": "t"}}"#, "ghcr.io", token);
        let token = Credential::RegistryToken(Secret::new("t"));
        check(r#"{"ghcr.io": {"registrytoken": "t"}}"#, "ghcr.io", token);
    }

    #[test]
    fn keys_match_whatever_their_spelling() {
        let ann = basic("ann", "a:b");
        for key in ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io"] {
            check(&format!(r#"{{"{key}": {{"auth": "YW5uOmE6Yg=="}}}}"#), "docker.io", ann.clone());
        }
        for key in ["https://r.io:5000/v2/", "http://r.io:5000", "r.io:5000/team"] {
            check(&format!(r#"{{"{key}": {{"auth": "YW5uOmE6Yg=="}}}}"#), "r.io:5000", ann.clone());
        }
        check(r#"{"r.io": {"auth": "YW5uOmE6Yg=="}}"#, "r.io:5000", Credential::Anonymous);
        let both =
            r#"{"https://r.io": {"username": "x", "password": "x"}, "r.io": {"auth": "YW5uOmE6Yg=="}}"#;
        check(both, "r.io", ann);
    }

    #[test]
    fn own_helper_comes_before_the_store() {
        let config = read(
            r#"{"credsStore": "all", "credHelpers": {"docker.io": "hub", "gcr.io": "gcr", "r.io": ""}}"#,
        );
        let config = config.expect("config");
        let check = |domain, expected| assert_eq!(config.helper(domain), expected, "{domain}");
        check("docker.io", Some("hub"));
        check("gcr.io", Some("gcr"));
        check("quay.io", Some("all"));
        check("r.io", None);
    }

    #[test]
    fn a_broken_file_is_reported_with_its_place_and_without_its_text() {
        let check = |text: &str, place: &str| {
            let error = read(text).err().expect("an error").to_string();
            assert!(error.contains(place) && !error.contains("hunter2"), "{error}");
        };
        check("{\n  \"auths\": \"hunter2\"\n}", "config.json:2:");
        check("{\n  hunter2\n}", "config.json:2:3`: invalid JSON");
        check("{", "the file ends too early");
    }

    #[test]
    fn a_broken_entry_names_its_registry_only() {
        for auth in ["hunter2!", "aHVudGVyMg==", "Omh1bnRlcjI="] {
            let config = read(&format!(r#"{{"auths": {{"r.io": {{"auth": "{auth}"}}}}}}"#)).expect("config");
            let error = config.credential("r.io").expect_err("bad entry").to_string();
            assert!(error.contains("`r.io`") && !error.contains(auth), "{error}");
            assert_eq!(config.credential("ghcr.io"), Ok(Credential::Anonymous));
        }
    }

    #[test]
    fn a_missing_or_empty_file_is_empty() {
        assert_eq!(read("  \n").expect("config").credential("r.io"), Ok(Credential::Anonymous));
        let config = DockerConfig::read(Path::new("no/such/file")).expect("config");
        assert_eq!(config.credential("r.io"), Ok(Credential::Anonymous));
    }
}
