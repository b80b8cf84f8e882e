//! A cluster in which buildx builds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::apps::v1::Deployment;

use super::build_kit_relay::{build_kit, relay};
use super::missing::leave_out_always;
use super::private_daemon::DaemonProcess;
use super::root_archive::RootArchive;
use super::run_name::run_name;
use super::second_address::own_address;
use super::{Cluster, Daemon, Project, Registry, busybox};

/// A namespace in a cluster with a node, a registry, docker's buildx plugin, and an image that replaces BuildKit's.
///
/// Everything but that image is real: it relays the requests of buildx to the BuildKit in a Docker daemon on this
/// machine, which the tests share.
pub struct BuildxCluster {
    /// The namespace.
    pub cluster: Cluster,
    /// The daemon that runs the node's containers.
    pub daemon: Daemon,
    /// The registry.
    pub registry: Registry,
    buildx: Option<PathBuf>,
    _build_kit: Arc<DaemonProcess>,
}

/// The busybox applets in the replacement image.
const APPLETS: [&str; 3] = ["sh", "nc", "sleep"];

impl BuildxCluster {
    /// `None`, with a notice, if any part of it is missing.
    pub fn acquire() -> Option<Self> {
        Self::with(Registry::start()?)
    }

    /// Like [`BuildxCluster::acquire`], with this registry.
    pub fn with(registry: Registry) -> Option<Self> {
        let daemon = Daemon::acquire()?;
        let cluster = Cluster::with_node()?;
        let buildx = buildx()?;
        let build_kit = build_kit()?;
        let Some(ip) = own_address(&daemon) else {
            leave_out_always("the daemon has no bridge");
            return None;
        };
        if let Err(missing) = make_image(&daemon, relay(ip)) {
            leave_out_always(&missing);
            return None;
        }
        Some(Self { cluster, daemon, registry, buildx, _build_kit: build_kit })
    }

    /// The image that replaces BuildKit's.
    pub fn image() -> String {
        format!("{}/buildkit:1", run_name())
    }

    /// A project that finds this cluster and buildx, and no daemon. Images built in it can use the static busybox.
    pub fn project(&self) -> Project {
        let project = Project::new()
            .file("kubeconfig", self.cluster.kubeconfig("test"))
            .executable("busybox", busybox().expect("the replacement image contains it as well"));
        if let Some(buildx) = &self.buildx {
            let folder = project.docker_config_path().with_file_name("cli-plugins");
            std::fs::create_dir(&folder).expect("a directory can be created");
            std::os::unix::fs::symlink(buildx, folder.join("docker-buildx")).expect("a link can be created");
        }
        let kubeconfig = project.path("kubeconfig");
        project.env("KUBECONFIG", kubeconfig)
    }

    /// The Deployments in the namespace, as `NAME: IMAGE`.
    pub fn builders(&self) -> Vec<String> {
        let image = |builder: &Deployment| {
            let spec = builder.spec.as_ref()?.template.spec.as_ref()?;
            spec.containers.first()?.image.clone()
        };
        let builders = self.cluster.list::<Deployment>().into_iter();
        let shown = |builder: Deployment| {
            let image = image(&builder).unwrap_or_default();
            format!("{}: {image}", builder.metadata.name.unwrap_or_default())
        };
        builders.map(shown).collect()
    }
}

/// The plugin that `WINDLASS_TEST_BUILDX` names, or none if docker has its own. `None`, with a notice, if there is
/// neither.
#[expect(
    clippy::option_option,
    reason = "the inner option is a setting, the outer one is whether to continue"
)]
fn buildx() -> Option<Option<PathBuf>> {
    if let Some(path) = std::env::var_os("WINDLASS_TEST_BUILDX").filter(|path| !path.is_empty()) {
        return Some(Some(path.into()));
    }
    let told = Command::new("docker").args(["buildx", "version"]).output();
    if told.is_ok_and(|output| output.status.success()) {
        return Some(None);
    }
    leave_out_always(
        "no `docker buildx` (Debian: docker-buildx): set WINDLASS_TEST_BUILDX to the plugin's path",
    );
    None
}

/// Creates the image that replaces BuildKit's and relays to `address`, once per process.
fn make_image(daemon: &Daemon, address: SocketAddr) -> Result<(), String> {
    static IS_MADE: Mutex<bool> = Mutex::new(false);
    let mut is_made = IS_MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if *is_made {
        return Ok(());
    }
    let archive = archive().map_err(|error| error.to_string())?;
    let place = format!("ENV BUILDKIT=\"{} {}\" PATH=/bin", address.ip(), address.port());
    // The image runs nothing but a placeholder for the daemon.
    daemon.import(&BuildxCluster::image(), &[r#"ENTRYPOINT ["buildkitd"]"#, &place], &archive)?;
    *is_made = true;
    Ok(())
}

/// The root file system of the replacement image: busybox and two scripts.
fn archive() -> std::io::Result<Vec<u8>> {
    let busybox = busybox().ok_or_else(|| std::io::Error::other("no busybox (Debian: busybox-static)"))?;
    let mut archive = RootArchive::with_busybox(&busybox, &APPLETS)?;
    let holder = b"#!/bin/sh\ntrap exit TERM\necho \"buildkitd $*\"\nsleep 86400 &\nwait\n";
    archive.file("bin/buildkitd", 0o755, holder)?;
    archive.file("bin/buildctl", 0o755, include_bytes!("buildctl.sh"))?;
    archive.finish()
}
