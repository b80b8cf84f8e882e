//! Executables of this machine in a pod.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{BuildCluster, Output, Project, wait_for};

/// The timeout of a pod.
const LIMIT: Duration = Duration::from_secs(120);

impl BuildCluster {
    /// Runs windlass in `project`, in a pod named `name` with the service account `account`: it finds the cluster only
    /// through the volumes and variables that every pod has. Both outputs are returned as `stderr`, because a pod has
    /// one log.
    ///
    /// The pod mounts the project, windlass and its libraries at their paths on this machine. It uses the machine's
    /// network, because the API server listens on loopback, and gets the server's address in the variables that every
    /// pod has.
    #[track_caller]
    pub fn run_in_pod(&self, name: &str, account: &str, project: &Project, arguments: &[&str]) -> Output {
        let command = project.command(env!("CARGO_BIN_EXE_windlass"), arguments);
        let folder = project.home().parent().expect("a project's directory").to_owned();
        let program = Path::new(command.get_program());
        let mut mounts: BTreeMap<_, _> = libraries(program).into_iter().map(|path| (path, "File")).collect();
        mounts.insert(program.display().to_string(), "File");
        mounts.insert(folder.display().to_string(), "Directory");
        let volumes = mounts.iter().enumerate().map(|(number, (path, kind))| {
            json!({ "name": format!("v{number}"), "hostPath": { "path": path, "type": kind } })
        });
        let volumes: Vec<_> = volumes.collect();
        let places = mounts.keys().enumerate();
        let places: Vec<_> =
            places.map(|(number, path)| json!({ "name": format!("v{number}"), "mountPath": path })).collect();
        let user = folder.metadata().expect("a directory has an owner").uid();
        self.cluster.create::<Pod>(json!({
            "metadata": { "name": name },
            "spec": {
                "serviceAccountName": account,
                "restartPolicy": "Never",
                "hostNetwork": true,
                "securityContext": { "runAsUser": user },
                "volumes": volumes,
                "containers": [{
                    "name": "windlass",
                    "image": Self::executor(),
                    "imagePullPolicy": "Never",
                    "command": words(&command),
                    "workingDir": command.get_current_dir(),
                    "env": self.environment(&command),
                    "volumeMounts": places,
                }],
            },
        }));
        let code = wait_for("windlass in a pod", LIMIT, || {
            let statuses = self.cluster.find::<Pod>(name)?.status?.container_statuses?;
            Some(statuses.first()?.state.as_ref()?.terminated.as_ref()?.exit_code)
        });
        let stderr = self.cluster.logs(name);
        self.cluster.delete::<Pod>(name);
        let status = ExitStatus::from_raw(code << 8);
        Output { command: words(&command).join(" "), status, stdout: String::new(), stderr }
    }

    /// The variables of `command`, and those that point a pod to the API server.
    fn environment(&self, command: &Command) -> Vec<Value> {
        let own = command.get_envs().map(|(name, value)| (name.to_string_lossy(), value.unwrap_or_default()));
        let mut variables: Vec<_> =
            own.map(|(name, value)| json!({ "name": name, "value": value.to_string_lossy() })).collect();
        let server = self.cluster.server();
        let (host, port) = server.trim_start_matches("https://").rsplit_once(':').expect("host and port");
        variables.push(json!({ "name": "KUBERNETES_SERVICE_HOST", "value": host }));
        variables.push(json!({ "name": "KUBERNETES_SERVICE_PORT", "value": port }));
        variables
    }
}

/// The executable of `command` and its arguments.
fn words(command: &Command) -> Vec<String> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The paths of the shared libraries that `program` needs.
pub(super) fn libraries(program: &Path) -> Vec<String> {
    let listed = Command::new("ldd").arg(program).output().expect("ldd can be run");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    listed.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned).collect()
}
