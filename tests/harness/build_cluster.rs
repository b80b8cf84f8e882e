//! A cluster that builds images.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::missing::leave_out_always;
use super::pod_run::libraries;
use super::root_archive::RootArchive;
use super::run_name::run_name;
use super::{Cluster, Daemon, Project, Registry, SecondAddress, TestRepository, busybox};

/// A namespace in a cluster with a node, a registry that its pods can reach, and an image that replaces kaniko's: it
/// accepts kaniko's arguments, and builds and pushes with buildah.
pub struct BuildCluster {
    /// The namespace.
    pub cluster: Cluster,
    /// The daemon that runs the node's containers.
    pub daemon: Daemon,
    /// The registry.
    pub registry: Registry,
    address: SecondAddress,
}

/// The busybox applets in the replacement image.
const APPLETS: [&str; 10] = ["sh", "cat", "head", "printf", "sed", "sleep", "tail", "tar", "tee", "true"];

impl BuildCluster {
    /// `None`, with a notice, if any part of it is missing.
    pub fn acquire() -> Option<Self> {
        Self::with(Registry::start()?)
    }

    /// Like [`BuildCluster::acquire`], with this registry.
    pub fn with(registry: Registry) -> Option<Self> {
        let daemon = Daemon::acquire()?;
        let cluster = Cluster::with_node()?;
        if let Err(missing) = make_executor(&daemon) {
            leave_out_always(&missing);
            return None;
        }
        let address = SecondAddress::before(&daemon, &registry)?;
        Some(Self { cluster, daemon, registry, address })
    }

    /// The registry's part of a repository, for pods.
    pub fn address(&self) -> String {
        self.address.address()
    }

    /// A repository for `role` in the registry.
    pub fn repository(&self, role: &str) -> TestRepository {
        self.daemon.repository(&self.address(), role)
    }

    /// The image that replaces kaniko's.
    pub fn executor() -> String {
        format!("{}/executor:1", run_name())
    }

    /// A kubeconfig that reaches the cluster at an address that is not loopback.
    pub fn far_kubeconfig(&self) -> String {
        let mut kubeconfig: serde_json::Value =
            serde_json::from_str(&self.cluster.kubeconfig("test")).expect("it is JSON");
        let server = self.cluster.server();
        let (host, port) = server.trim_start_matches("https://").rsplit_once(':').expect("host and port");
        let far = SecondAddress::before_server(&self.daemon, &format!("{host}:{port}")).expect("a bridge");
        let cluster = &mut kubeconfig["clusters"][0]["cluster"];
        cluster["server"] = format!("https://{}", far.address()).into();
        cluster["tls-server-name"] = host.into();
        kubeconfig.to_string()
    }

    /// A project that finds this cluster, and no daemon. Images built in it can use the static busybox.
    pub fn project(&self) -> Project {
        let project = Project::new()
            .file("kubeconfig", self.cluster.kubeconfig("test"))
            .executable("busybox", busybox().expect("the replacement image contains it as well"));
        let kubeconfig = project.path("kubeconfig");
        project
            .env("KUBECONFIG", kubeconfig)
            .env("WINDLASS_KANIKO_IMAGE", Self::executor())
            .env("WINDLASS_KANIKO_INIT_IMAGE", Self::executor())
            .env("WINDLASS_KANIKO_START_LIMIT", "60")
            .env("WINDLASS_KANIKO_NODE_LIMIT", "1")
    }
}

/// Creates the image that replaces kaniko's from this machine's buildah, once per process.
fn make_executor(daemon: &Daemon) -> Result<(), String> {
    static MADE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut made = MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if made.contains(daemon.host()) {
        return Ok(());
    }
    let buildah = PathBuf::from("/usr/bin/buildah");
    if !buildah.exists() {
        return Err("no buildah (Debian: buildah)".to_owned());
    }
    let archive = executor_archive(&buildah).map_err(|error| error.to_string())?;
    daemon.import(&BuildCluster::executor(), &[r#"ENTRYPOINT ["/kaniko/executor"]"#], &archive)?;
    made.insert(daemon.host().to_owned());
    Ok(())
}

/// The root file system of the replacement image: buildah with its libraries, busybox, a script.
fn executor_archive(buildah: &Path) -> std::io::Result<Vec<u8>> {
    let busybox = busybox().ok_or_else(|| std::io::Error::other("no busybox (Debian: busybox-static)"))?;
    let mut archive = RootArchive::with_busybox(&busybox, &APPLETS)?;
    archive.file("kaniko/executor", 0o755, include_bytes!("executor.sh"))?;
    archive.file("usr/bin/buildah", 0o755, &fs::read(buildah)?)?;
    let policy = br#"{"default":[{"type":"insecureAcceptAnything"}]}"#;
    archive.file("etc/containers/policy.json", 0o644, policy)?;
    archive.file("etc/containers/registries.conf", 0o644, b"unqualified-search-registries = []\n")?;
    archive.file("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\n")?;
    archive.file("etc/group", 0o644, b"root:x:0:\n")?;
    for library in libraries(buildah) {
        archive.file(&library, 0o755, &fs::read(&library)?)?;
    }
    for folder in ["tmp/", "var/tmp/", "root/"] {
        archive.folder(folder)?;
    }
    archive.finish()
}
