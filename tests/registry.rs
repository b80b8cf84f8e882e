//! The registry client against a real registry with accounts.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use windlass::image::{ImageReference, Repository};
use windlass::registry::{CredentialStore, Problem, RegistryClient};
use windlass::secret::Secret;

/// `htpasswd -nbB ann pw`.
const ACCOUNTS: &str = "ann:$2y$05$nj1NmP.BuJSO8q2V.auglOoMmx0vgMTvffw5sd1RHfW.A3vGfKF0O\n";

/// A running `docker-registry`, stopped when dropped.
struct Registry {
    process: Child,
    domain: String,
    folder: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// Starts a registry with the account `ann`; none where the program is not installed.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("folder");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("port").port();
        std::fs::write(folder.path().join("accounts"), ACCOUNTS).expect("accounts");
        let root = folder.path().display();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {root}/data}}}}\n\
             http: {{addr: '127.0.0.1:{port}'}}\nauth: {{htpasswd: {{realm: test, path: {root}/accounts}}}}\n"
        );
        let config_path = folder.path().join("registry.yml");
        std::fs::write(&config_path, config).expect("config");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config_path).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(process) = command.spawn() else {
            let _ = writeln!(std::io::stderr(), "docker-registry is not installed: nothing is tested");
            return None;
        };
        let registry = Self { process, domain: format!("127.0.0.1:{port}"), folder };
        let end = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(&registry.domain).is_err() {
            assert!(Instant::now() < end, "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(registry)
    }

    fn client(&self) -> RegistryClient {
        RegistryClient::new(Arc::new(CredentialStore::at(self.docker_config())))
    }

    fn docker_config(&self) -> std::path::PathBuf {
        self.folder.path().join("docker")
    }

    fn repository(&self) -> Repository {
        format!("{}/acme/app", self.domain).parse().expect("repository")
    }

    async fn log_in(&self, client: &RegistryClient, password: &str) -> Result<(), Problem> {
        let login = client.log_in(&self.domain, "ann".to_owned(), Secret::new(password));
        login.await.map(drop).map_err(|error| error.problem)
    }
}

#[tokio::test]
async fn registry_login_gives_the_right_to_push() {
    let Some(registry) = Registry::start() else { return };
    let repository = registry.repository();

    let stranger = registry.client().check_push(&repository).await.expect_err("nobody may push");
    assert_eq!(stranger.problem, Problem::CredentialsMissing);

    let client = registry.client();
    assert!(matches!(registry.log_in(&client, "wrong").await, Err(Problem::CredentialsRefused { .. })));
    assert!(!registry.docker_config().exists(), "nothing is stored");
    registry.log_in(&client, "pw").await.expect("login");

    let client = registry.client();
    client.check_push(&repository).await.expect("ann may push");
    let reference: ImageReference = format!("{repository}:none").parse().expect("reference");
    assert_eq!(client.manifest_digest(&reference).await, Ok(None));
    let error = client.image_config(&reference, None).await.expect_err("no image");
    assert!(matches!(error.problem, Problem::NotFound { .. }), "{error}");
}
