//! A registry for one test.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use sha2::Digest as _;
use tempfile::TempDir;

use super::missing::leave_out;
use super::{TestRepository, wait_for};

/// The user of [`Registry::with_login`].
pub const USER: &str = "windlass";
/// The password of [`USER`].
pub const PASSWORD: &str = "sesame";
/// `USER:PASSWORD` as `htpasswd -B` writes it.
const HTPASSWD: &str = "windlass:$2y$05$W8CMkkdHjlxC3ivHfCeaV.QWyP5yDpTlJDaR2WrS0Nhy6EFgBSgSa\n";

/// A `docker-registry` on a free loopback port with its own storage. Dropping it stops it.
///
/// Its content is read from its storage, so that no test needs credentials or certificates to read it.
#[derive(Debug)]
pub struct Registry {
    process: Child,
    folder: TempDir,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    Login,
    ReadOnly,
    Tls,
}

impl Registry {
    /// An open registry. `None`, with a notice, if `docker-registry` is not installed.
    pub fn start() -> Option<Self> {
        Self::of_kind(Kind::Open)
    }

    /// A registry that requires [`USER`] and [`PASSWORD`].
    pub fn with_login() -> Option<Self> {
        Self::of_kind(Kind::Login)
    }

    /// A registry that rejects every push.
    pub fn read_only() -> Option<Self> {
        Self::of_kind(Kind::ReadOnly)
    }

    /// A registry behind TLS with a self-signed certificate. See [`Registry::certificate`].
    pub fn with_tls() -> Option<Self> {
        Self::of_kind(Kind::Tls)
    }

    /// `127.0.0.1:PORT`: the registry's part of a repository.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A Docker `config.json` with the credentials of [`Registry::with_login`].
    pub fn docker_config(&self) -> String {
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
        serde_json::json!({ "auths": { self.address(): { "auth": auth } } }).to_string()
    }

    /// The certificate of a registry behind TLS, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// The tags of `repository`, sorted; empty if it was never pushed to.
    pub fn tags(&self, repository: &TestRepository) -> Vec<String> {
        let tags = fs::read_dir(self.tag_folder(repository)).into_iter().flatten().flatten();
        let mut tags: Vec<String> =
            tags.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        tags.sort();
        tags
    }

    /// The manifest digest (`sha256:...`) of a tag; `None` if it does not exist.
    pub fn digest(&self, repository: &TestRepository, tag: &str) -> Option<String> {
        fs::read_to_string(self.tag_folder(repository).join(tag).join("current/link")).ok()
    }

    /// The manifest digest of a tag of the repository at `path`.
    pub fn digest_at(&self, path: &str, tag: &str) -> Option<String> {
        let tags = self.storage().join("repositories").join(path).join("_manifests/tags");
        fs::read_to_string(tags.join(tag).join("current/link")).ok()
    }

    /// The manifest of a tag.
    #[track_caller]
    pub fn manifest(&self, repository: &TestRepository, tag: &str) -> serde_json::Value {
        let digest = self.digest(repository, tag);
        let digest = digest.unwrap_or_else(|| panic!("`{repository}:{tag}` is not in the registry"));
        let hex = digest.trim_start_matches("sha256:");
        let path = self.storage().join("blobs/sha256").join(&hex[..2]).join(hex).join("data");
        serde_json::from_slice(&fs::read(path).expect("the manifest is stored")).expect("a manifest is JSON")
    }

    /// The configuration of the image of a tag.
    #[track_caller]
    pub fn configuration(&self, repository: &TestRepository, tag: &str) -> serde_json::Value {
        let digest = self.manifest(repository, tag)["config"]["digest"].as_str().map(ToOwned::to_owned);
        let content = digest.and_then(|digest| self.blob(&digest)).expect("the configuration is stored");
        serde_json::from_slice(&content).expect("a configuration is JSON")
    }

    /// The content of a blob or manifest; `None` if it does not exist.
    pub fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        let hex = digest.strip_prefix("sha256:")?;
        fs::read(self.storage().join("blobs/sha256").join(&hex[..2]).join(hex).join("data")).ok()
    }

    /// Stores a blob, as any program with the permission to push may; returns its digest.
    #[track_caller]
    pub fn put_blob(&self, repository: &TestRepository, content: &[u8]) -> String {
        let digest = format!("sha256:{}", hex::encode(sha2::Sha256::digest(content)));
        let begun = self.send("POST", &format!("/v2/{}/blobs/uploads/", repository.path()), "", b"");
        let header =
            begun.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| *name == "Location"));
        let upload = header.expect("a registry tells the location of an upload").1.trim();
        let sent =
            self.send("PUT", &format!("{upload}&digest={digest}"), "application/octet-stream", content);
        assert!(sent.starts_with("HTTP/1.1 201"), "{sent}");
        digest
    }

    /// Stores a manifest under a tag, or by its digest only; returns its digest.
    #[track_caller]
    pub fn put_manifest(
        &self,
        repository: &TestRepository,
        tag: Option<&str>,
        media_type: &str,
        manifest: &str,
    ) -> String {
        let digest = format!("sha256:{}", hex::encode(sha2::Sha256::digest(manifest)));
        let path = format!("/v2/{}/manifests/{}", repository.path(), tag.unwrap_or(&digest));
        let sent = self.send("PUT", &path, media_type, manifest.as_bytes());
        assert!(sent.starts_with("HTTP/1.1 201"), "{sent}");
        digest
    }

    /// The response to a request.
    fn send(&self, method: &str, path: &str, media_type: &str, content: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the registry listens");
        let length = content.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {media_type}\r\nContent-Length: \
             {length}\r\n\r\n",
            self.address()
        );
        stream.write_all(&[head.as_bytes(), content].concat()).expect("the registry reads");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("the registry responds");
        response
    }

    /// Removes a tag, as its owner may at any time.
    #[track_caller]
    pub fn remove_tag(&self, repository: &TestRepository, tag: &str) {
        fs::remove_dir_all(self.tag_folder(repository).join(tag)).expect("the tag exists");
    }

    /// The log of the registry.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn storage(&self) -> PathBuf {
        self.folder.path().join("storage/docker/registry/v2")
    }

    fn tag_folder(&self, repository: &TestRepository) -> PathBuf {
        self.storage().join("repositories").join(repository.path()).join("_manifests/tags")
    }

    fn of_kind(kind: Kind) -> Option<Self> {
        let folder = TempDir::with_prefix("windlass-registry-").expect("a directory can be created");
        match kind {
            Kind::Login => {
                fs::write(folder.path().join("htpasswd"), HTPASSWD).expect("a file can be written")
            }
            Kind::Tls => make_certificate(folder.path()),
            Kind::Open | Kind::ReadOnly => (),
        }
        // Another program may take the port between the search and its use: then try the next one.
        for _ in 0..5 {
            let port = free_port();
            fs::write(folder.path().join("config.yml"), configuration(folder.path(), port, kind))
                .expect("the configuration can be written");
            let log = fs::File::create(folder.path().join("log")).expect("a log file can be created");
            let started = Command::new("docker-registry")
                .arg("serve")
                .arg(folder.path().join("config.yml"))
                .env_clear()
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn();
            let mut process = match started {
                Ok(process) => process,
                Err(error) => {
                    leave_out(&format!("docker-registry cannot be started: {error}"));
                    return None;
                }
            };
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let up = wait_for("docker-registry to listen or end", Duration::from_secs(30), || {
                let ended = process.try_wait().expect("docker-registry can be waited for").is_some();
                if ended { Some(false) } else { listens(address).then_some(true) }
            });
            if up {
                return Some(Self { process, folder, port });
            }
        }
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        panic!("docker-registry exits immediately:\n{log}");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(folder: &Path, port: u16, kind: Kind) -> String {
    let folder = folder.display();
    let maintenance =
        if kind == Kind::ReadOnly { "\n  maintenance: {readonly: {enabled: true}}" } else { "" };
    let tls = match kind {
        Kind::Tls => format!("\n  tls: {{certificate: {folder}/cert.pem, key: {folder}/key.pem}}"),
        _ => String::new(),
    };
    let auth = match kind {
        Kind::Login => format!("\nauth:\n  htpasswd: {{realm: windlass, path: {folder}/htpasswd}}"),
        _ => String::new(),
    };
    // Relative URLs make the registry work behind a proxy that does not rewrite responses.
    format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {folder}/storage}}\
         {maintenance}\nhttp:\n  addr: 127.0.0.1:{port}\n  relativeurls: true{tls}{auth}\n"
    )
}

fn make_certificate(folder: &Path) {
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext"])
        .arg("subjectAltName=IP:127.0.0.1,DNS:localhost")
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .expect("openssl can be run");
    assert!(output.status.success(), "openssl failed: {}", String::from_utf8_lossy(&output.stderr));
}

/// Whether a program listens on the address.
fn listens(address: SocketAddr) -> bool {
    let stream = TcpStream::connect(address);
    // A connection to a free port can, in rare cases, connect to itself.
    stream.is_ok_and(|stream| stream.local_addr().is_ok_and(|own| own != address))
}

/// A loopback port on which nothing listens, and never the same twice in a process.
fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    wait_for("a free port", Duration::from_secs(10), || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port).then_some(port)
    })
}
