//! Docker's credential store.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bollard::auth::DockerCredentials;
use indexmap::IndexSet;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::credential_helper::CredentialHelper;
use super::docker_config::{DockerConfig, encode, parse, read_text};
use super::{Credential, CredentialError, host};
use crate::event::{Events, Level};

/// Docker's credential store: `config.json` in `$DOCKER_CONFIG`, otherwise in `~/.docker`, and its credential helpers.
/// The Docker CLI is not needed.
///
/// It is read on first use and only once: a helper runs once per registry, regardless of the number of images.
pub struct CredentialStore {
    path: Option<PathBuf>,
    /// The directory of the helpers; empty for the PATH.
    helpers: PathBuf,
    config: OnceLock<Result<DockerConfig, CredentialError>>,
    known: Mutex<HashMap<String, Known>>,
    events: Events,
}

/// The cached result for one registry, including failures.
type Known = Arc<OnceCell<Result<Credential, CredentialError>>>;

/// Where credentials were stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// In `config.json`, unencrypted.
    File(PathBuf),
    /// With the credential helper of this name (`docker-credential-NAME`).
    Helper(String),
}

impl CredentialStore {
    /// The store of this user.
    pub fn from_env() -> Self {
        let folder = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let folder = folder.or_else(|| std::env::home_dir().map(|home| home.join(".docker")));
        Self::new(folder, PathBuf::new())
    }

    /// The store in the directory `folder`, which contains `config.json`.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self::new(Some(folder.into()), PathBuf::new())
    }

    fn new(folder: Option<PathBuf>, helpers: PathBuf) -> Self {
        let path = folder.map(|folder| folder.join("config.json"));
        Self { path, helpers, config: OnceLock::new(), known: Mutex::default(), events: Events::none() }
    }

    /// Reports to `events` which helpers failed.
    #[must_use]
    pub fn reporting(self, events: Events) -> Self {
        Self { events, ..self }
    }

    /// The credential for the registry `domain` (as in [`crate::image::Repository::domain`], or any other name of
    /// Docker Hub).
    ///
    /// Queries the helper for this registry if it is configured, otherwise the default helper. Without helpers, the
    /// credential comes from the file; also, with a warning, if the helper is missing or fails. If a helper has no
    /// credential, the file is not used.
    ///
    /// # Errors
    /// [`CredentialError`] if both the helper and the file fail. A missing credential is not an error.
    pub async fn get(&self, domain: &str) -> Result<Credential, CredentialError> {
        // BuildKit requests `registry-1.docker.io`.
        let domain = host::domain_of(domain);
        let cell = Arc::clone(self.known().entry(domain.to_owned()).or_default());
        cell.get_or_init(|| self.look_up(domain)).await.clone()
    }

    /// The domains of all registries with credentials in the store, each once.
    ///
    /// # Errors
    /// [`CredentialError`] if the file cannot be read or the default helper cannot list.
    pub async fn domains(&self) -> Result<IndexSet<String>, CredentialError> {
        let config = self.config()?;
        let mut domains: IndexSet<String> = config.helper_domains().map(str::to_owned).collect();
        match config.default_helper() {
            Some(name) => {
                match CredentialHelper::new(&self.helpers, name).list().await {
                    Ok(keys) => domains.extend(keys.iter().map(|key| host::domain_of(key).to_owned())),
                    // The entries in the file suffice; other registries are queried by name.
                    Err(error) if config.auth_domains().next().is_none() => return Err(error),
                    Err(_) => domains.extend(config.auth_domains().map(str::to_owned)),
                }
            }
            None => domains.extend(config.auth_domains().map(str::to_owned)),
        }
        Ok(domains)
    }

    /// The credentials for `domains` in the form for builds: by registry, Docker Hub under all its names, without
    /// registries that have no credentials.
    ///
    /// A registry whose credentials cannot be read is omitted too; the reason is in the second value.
    pub async fn for_build<'a>(
        &self,
        domains: impl IntoIterator<Item = &'a str>,
    ) -> (HashMap<String, DockerCredentials>, Vec<CredentialError>) {
        let asked = domains.into_iter().map(|domain| async move { (domain, self.get(domain).await) });
        let (mut credentials, mut errors) = (HashMap::new(), Vec::new());
        for (domain, answer) in futures_util::future::join_all(asked).await {
            match answer {
                Ok(credential) => {
                    if let Some(credential) = credential.to_docker(domain) {
                        let keys = host::spellings(domain).map(|key| (key.to_owned(), credential.clone()));
                        credentials.extend(keys);
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        (credentials, errors)
    }

    /// Stores `credential` for `domain`: with the configured helper, otherwise in the file.
    ///
    /// # Errors
    /// [`CredentialError`] if the helper fails or the file cannot be read or written.
    pub async fn store(&self, domain: &str, credential: &Credential) -> Result<Stored, CredentialError> {
        let key = host::store_key(domain);
        let helper = self.config()?.helper(domain);
        let entry = match (helper, credential) {
            (Some(name), credential) => {
                CredentialHelper::new(&self.helpers, name).store(key, credential).await?;
                // An empty entry shows Docker's tools that the helper has this registry.
                json!({})
            }
            (None, Credential::Basic { username, password }) => json!({ "auth": encode(username, password) }),
            (None, Credential::IdentityToken { username, token }) => {
                json!({ "auth": encode(username, &crate::secret::Secret::new("")), "identitytoken": token.expose() })
            }
            (None, Credential::RegistryToken(token)) => json!({ "registrytoken": token.expose() }),
            (None, Credential::Anonymous) => json!({}),
        };
        let path = self.edit(|auths| {
            auths.insert(key.to_owned(), entry);
            true
        })?;
        self.known().remove(domain);
        Ok(helper.map_or(Stored::File(path), |name| Stored::Helper(name.to_owned())))
    }

    /// Removes the credentials for `domain` and returns whether they existed.
    ///
    /// # Errors
    /// [`CredentialError`] if the helper fails or the file cannot be read or written.
    pub async fn erase(&self, domain: &str) -> Result<bool, CredentialError> {
        let mut found = false;
        if let Some(name) = self.config()?.helper(domain) {
            found |= CredentialHelper::new(&self.helpers, name).erase(host::store_key(domain)).await?;
        }
        self.edit(|auths| {
            let before = auths.len();
            auths.retain(|key, _| host::domain_of(key) != domain);
            found |= auths.len() != before;
            auths.len() != before
        })?;
        self.known().remove(domain);
        Ok(found)
    }

    async fn look_up(&self, domain: &str) -> Result<Credential, CredentialError> {
        let config = self.config()?;
        let Some(name) = config.helper(domain) else { return config.credential(domain) };
        let asked = CredentialHelper::new(&self.helpers, name).get(host::store_key(domain)).await;
        let Err(error) = asked else { return asked };
        match config.credential(domain) {
            Ok(inline) if !inline.is_anonymous() => {
                let message =
                    format!("using the credentials for `{domain}` in Docker's config.json: {error}");
                self.events.notice(Level::Warning, message);
                Ok(inline)
            }
            _ => Err(error),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn config(&self) -> Result<&DockerConfig, CredentialError> {
        // No home directory is the same as a missing file.
        let read = || self.path.as_deref().map_or_else(|| Ok(DockerConfig::default()), DockerConfig::read);
        self.config.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    /// Changes `auths` in the current file, and writes the file if `change` returns `true`.
    fn edit(&self, change: impl FnOnce(&mut Map<String, Value>) -> bool) -> Result<PathBuf, CredentialError> {
        // For a symlink, the target is changed.
        let path = self.path.as_deref().ok_or(CredentialError::NoHome)?;
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let text = read_text(&path)?;
        let mut file: Map<String, Value> =
            if text.trim_ascii().is_empty() { Map::new() } else { parse(&path, &text)? };
        let auths = file.entry("auths").or_insert_with(|| json!({}));
        if auths.is_null() {
            *auths = json!({});
        }
        // Other types were rejected when the file was read.
        if auths.as_object_mut().is_some_and(change) {
            write(&path, &file).map_err(|error| CredentialError::Unwritable {
                path: path.display().to_string(),
                reason: error.to_string(),
            })?;
        }
        Ok(path)
    }
}

/// Writes `file` as Docker does, indented by tabs and readable only by this user. The replacement is atomic.
fn write(path: &Path, file: &Map<String, Value>) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    create_private(folder)?;
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    let mut serializer = serde_json::Serializer::with_formatter(
        &mut draft,
        serde_json::ser::PrettyFormatter::with_indent(b"\t"),
    );
    serde::Serialize::serialize(file, &mut serializer)?;
    draft.flush()?;
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    Ok(())
}

fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::credential_helper::tests::write_helper;
    use super::*;
    use crate::secret::Secret;

    fn basic() -> Credential {
        Credential::Basic { username: "ann".into(), password: Secret::new("pw") }
    }

    /// A directory with this `config.json`, and its store, which looks up helpers there.
    fn store(config: &str) -> (tempfile::TempDir, CredentialStore) {
        let folder = tempfile::tempdir().expect("directory");
        std::fs::write(folder.path().join("config.json"), config).expect("config");
        let store = again(&folder);
        (folder, store)
    }

    fn again(folder: &tempfile::TempDir) -> CredentialStore {
        CredentialStore::new(Some(folder.path().to_owned()), folder.path().to_owned())
    }

    #[tokio::test]
    async fn a_helper_is_queried_once_per_registry() {
        let (folder, store) = store(r#"{"credsStore": "test", "auths": {"r.io": {"auth": "YW5uOmE="}}}"#);
        let log = folder.path().join("log");
        let script = format!(
            r#"read key; echo "$key" >> {}; echo '{{"Username":"ann","Secret":"pw"}}'"#,
            log.display()
        );
        write_helper(folder.path(), &script);
        let (first, second) = tokio::join!(store.get("r.io"), store.get("r.io"));
        assert_eq!((first, second), (Ok(basic()), Ok(basic())));
        assert_eq!(store.get("docker.io").await, Ok(basic()));
        assert_eq!(store.get("registry-1.docker.io").await, Ok(basic()));
        let asked = std::fs::read_to_string(log).expect("log");
        assert_eq!(asked, "r.io\nhttps://index.docker.io/v1/\n");
    }

    #[tokio::test]
    async fn a_helper_without_credentials_means_anonymous() {
        let (folder, store) =
            store(r#"{"credHelpers": {"r.io": "test"}, "auths": {"r.io": {"auth": "YW5uOmE="}}}"#);
        write_helper(folder.path(), "echo credentials not found in native keychain; exit 1");
        assert_eq!(store.get("r.io").await, Ok(Credential::Anonymous));
    }

    #[tokio::test]
    async fn a_helper_that_fails_keeps_the_content_of_the_file() {
        let told = Arc::new(Mutex::new(Vec::new()));
        for (config, script) in [
            (r#"{"credsStore": "gone", "auths": {"r.io": {"auth": "YW5uOnB3"}, "q.io": {}}}"#, "true"),
            (r#"{"credHelpers": {"r.io": "gone"}, "auths": {"r.io": {"auth": "YW5uOnB3"}}}"#, "true"),
            (r#"{"credsStore": "test", "auths": {"r.io": {"auth": "YW5uOnB3"}}}"#, "echo locked; exit 1"),
            (r#"{"credsStore": "test", "auths": {"r.io": {"auth": "YW5uOnB3"}}}"#, "echo no JSON"),
        ] {
            let (folder, store) = store(config);
            write_helper(folder.path(), script);
            let log = Arc::clone(&told);
            let store = store.reporting(Events::new(move |event| log.lock().expect("log").push(event)));
            assert_eq!(store.get("r.io").await, Ok(basic()), "{config}");
            assert_eq!(store.get("r.io").await, Ok(basic()), "{config}");
            assert_eq!(std::mem::take(&mut *told.lock().expect("log")).len(), 1, "told once: {config}");
            assert!(store.domains().await.expect("domains").contains("r.io"), "{config}");
        }
        let (_folder, store) = store(r#"{"credsStore": "gone", "auths": {"r.io": {}}}"#);
        assert!(
            matches!(store.get("r.io").await, Err(CredentialError::HelperMissing { .. })),
            "nothing is left"
        );
        let (_folder, store) = super::tests::store(r#"{"credsStore": "gone"}"#);
        assert!(store.domains().await.is_err());
    }

    #[tokio::test]
    async fn all_registries_are_known_once() {
        let (folder, store) =
            store(r#"{"credsStore": "test", "credHelpers": {"gcr.io": "gcr"}, "auths": {"old.io": {}}}"#);
        write_helper(
            folder.path(),
            r#"echo '{"https://index.docker.io/v1/":"a","https://index.docker.io/v1/access-token":"a","https://r.io":"b"}'"#,
        );
        let domains = store.domains().await.expect("domains");
        assert_eq!(domains.iter().collect::<Vec<_>>(), ["gcr.io", "docker.io", "r.io"]);
    }

    #[tokio::test]
    async fn a_build_gets_hub_under_all_names_and_no_blanks() {
        let (_folder, store) = store(
            r#"{"auths": {"docker.io": {"auth": "YW5uOnB3"}, "empty.io": {}, "bad.io": {"auth": "!"}}}"#,
        );
        let domains = store.domains().await.expect("domains");
        let (credentials, errors) = store.for_build(domains.iter().map(String::as_str)).await;
        let mut keys: Vec<_> = credentials.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            ["docker.io", "https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io"]
        );
        assert!(
            matches!(errors.as_slice(), [CredentialError::BadEntry { registry, .. }] if registry == "bad.io")
        );
    }

    #[tokio::test]
    async fn storing_keeps_the_rest_of_the_file_in_order() {
        let (folder, store) =
            store(r#"{"zeta": 1, "auths": {"r.io": {"auth": "x"}, "q.io": {}}, "alpha": ["b"]}"#);
        let path = folder.path().join("config.json");
        assert_eq!(
            store.store("docker.io", &basic()).await,
            Ok(Stored::File(path.canonicalize().expect("path")))
        );
        let text = std::fs::read_to_string(&path).expect("config");
        let expected = "{\n\t\"zeta\": 1,\n\t\"auths\": {\n\t\t\"r.io\": {\n\t\t\t\"auth\": \"x\"\n\t\t},\n\t\t\"q.io\": {},\n\t\t\"https://index.docker.io/v1/\": {\n\t\t\t\"auth\": \"YW5uOnB3\"\n\t\t}\n\t},\n\t\"alpha\": [\n\t\t\"b\"\n\t]\n}";
        assert_eq!(text, expected);
        assert_eq!(std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
        assert_eq!(again(&folder).get("docker.io").await, Ok(basic()));
        assert_eq!(store.erase("docker.io").await, Ok(true));
        assert_eq!(store.erase("docker.io").await, Ok(false));
        assert_eq!(again(&folder).get("docker.io").await, Ok(Credential::Anonymous));
    }

    #[tokio::test]
    async fn storing_with_a_helper_leaves_no_secret_in_the_file() {
        let (folder, store) = store(r#"{"credsStore": "test"}"#);
        let log = folder.path().join("log");
        write_helper(folder.path(), &format!("echo $1 >> {0}; cat >> {0}", log.display()));
        assert_eq!(store.store("r.io", &basic()).await, Ok(Stored::Helper("test".into())));
        assert_eq!(
            std::fs::read_to_string(&log).expect("log"),
            "store\n{\"ServerURL\":\"r.io\",\"Username\":\"ann\",\"Secret\":\"pw\"}"
        );
        let text = std::fs::read_to_string(folder.path().join("config.json")).expect("config");
        assert_eq!(text, "{\n\t\"credsStore\": \"test\",\n\t\"auths\": {\n\t\t\"r.io\": {}\n\t}\n}");
    }

    #[tokio::test]
    async fn identity_tokens_survive_the_file() {
        let folder = tempfile::tempdir().expect("directory");
        let inner = folder.path().join("new");
        let token = Credential::IdentityToken { username: "ann".into(), token: Secret::new("t") };
        CredentialStore::at(&inner).store("r.io", &token).await.expect("stored");
        assert_eq!(CredentialStore::at(&inner).get("r.io").await, Ok(token));
    }
}
