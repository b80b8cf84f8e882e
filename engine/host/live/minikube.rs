//! minikube's Docker daemon, in which its nodes run their containers (`preferMinikube` in DevSpace).

use std::collections::HashMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::builder::docker::Daemon;
use crate::cluster::{ClusterAccess, LocalCluster};
use crate::event::{Event, Events, Level};
use crate::process::{Pipe, Process, interrupted};

/// The timeout of `minikube docker-env`.
const LIMIT: Duration = Duration::from_secs(20);

/// The variable of a shell after `eval $(minikube docker-env)`.
const ACTIVE: &str = "MINIKUBE_ACTIVE_DOCKERD";

/// minikube's daemon if the cluster is a minikube cluster, otherwise the one of the environment. Nothing is read or run
/// before its first use.
pub(super) fn preferred_daemon(access: ClusterAccess, events: Events) -> Daemon {
    Daemon::with_environment(move || {
        let Ok(Some(context)) = access.context() else { return HashMap::new() };
        let Some(LocalCluster::Minikube(profile)) = LocalCluster::of(context) else { return HashMap::new() };
        if std::env::var(ACTIVE).is_ok_and(|active| active == profile) {
            return HashMap::new();
        }
        docker_env(&profile).unwrap_or_else(|reason| {
            let message = format!("cannot build in minikube: `minikube docker-env` failed: {reason}");
            events.emit(Event::Notice { image: None, level: Level::Warning, message });
            HashMap::new()
        })
    })
}

/// The variables for the daemon of `profile`. Blocks until minikube ends.
fn docker_env(profile: &str) -> Result<HashMap<String, String>, String> {
    // The daemon is detected inside an async runtime, where a second runtime cannot be entered.
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(ask(profile))
        });
        asking.join().unwrap_or_else(|_| Err("it panicked".to_owned()))
    })
}

async fn ask(profile: &str) -> Result<HashMap<String, String>, String> {
    let cancel = CancellationToken::new();
    let (mut variables, mut last) = (HashMap::new(), String::new());
    let process = Process::new("minikube").args(["docker-env", "--shell", "none", "--profile", profile]);
    let process = process.limit(LIMIT);
    let running = process.run(&cancel, |pipe, line| match (pipe, line.split_once('=')) {
        (Pipe::Stdout, Some((name, value))) => {
            variables.insert(name.trim().to_owned(), value.trim().to_owned());
        }
        _ if !line.trim().is_empty() => last = line.trim().to_owned(),
        _ => {}
    });
    let ended = tokio::select! {
        ended = running => ended,
        () = interrupted() => return Err("it was interrupted".to_owned()),
    };
    match ended {
        Ok(0) if variables.contains_key("DOCKER_HOST") => Ok(variables),
        Ok(0) => Err("it printed no daemon".to_owned()),
        Ok(code) => Err(format!("exit code {code}: {last}")),
        Err(error) => Err(error.to_string()),
    }
}
