//! Secrets, ConfigMaps and volumes that a pod uses.

use serde_json::Value;

use super::{Deployed, cause};
use crate::deploy::ready::container::{Container, containers};
use crate::deploy::ready::fields::{list, text};
use crate::deploy::ready::{MissingReference, Permanence, Problem, ProblemKind};

/// Why the configuration of `container` is invalid.
pub(super) fn of_container(
    deployed: &Deployed<'_>,
    pod: &Value,
    container: &Container<'_>,
) -> Option<Problem> {
    let (reason, message) = container.waiting()?;
    if reason != "CreateContainerConfigError" {
        return None;
    }
    let kind = match missing(deployed, pod, message) {
        Some(missing) => ProblemKind::MissingReference(missing),
        None => ProblemKind::ContainerStart { message: without_pod(&cause(message)) },
    };
    Some(deployed.container_problem(pod, container, kind, Permanence::Repeated))
}

/// Why a volume of `pod` cannot be mounted.
pub(super) fn of_volumes(deployed: &Deployed<'_>, pod: &Value) -> Option<Problem> {
    let has_started = containers(pod).iter().any(|container| {
        container.is_running() || container.ended().is_some() || container.ended_before().is_some()
    });
    if has_started || text(pod, "/status/phase") != "Pending" {
        return None;
    }
    let events = deployed.view.events(pod);
    let failures =
        || events.iter().rev().filter(|event| matches!(event.reason(), "FailedMount" | "FailedAttachVolume"));
    // One of them names the cause; others only report that they have waited.
    let named = failures().find_map(|event| missing(deployed, pod, event.message()));
    let kind = match named {
        Some(missing) => ProblemKind::MissingReference(missing),
        None => {
            let event = failures().find(|event| !event.message().contains("timed out waiting"));
            let event = event.or_else(|| failures().next())?;
            ProblemKind::Mount { message: cause(event.message()) }
        }
    };
    let permanence = match &kind {
        ProblemKind::MissingReference(_) => Permanence::Repeated,
        // A volume may still be attached to the node of an old pod.
        _ => Permanence::Temporary,
    };
    Some(deployed.pod_problem(pod, kind, permanence))
}

/// The missing object, or key, that `message` of a node reports.
fn missing(deployed: &Deployed<'_>, pod: &Value, message: &str) -> Option<MissingReference> {
    let namespace = text(pod, "/metadata/namespace");
    let of = |kind: &'static str, name: &str, key: Option<&str>| {
        let near = match key {
            Some(key) => near_key(deployed, kind, namespace, name, key),
            None => deployed.view.nearest(kind, namespace, name),
        };
        let (name, key) = (name.to_owned(), key.map(str::to_owned));
        Some(MissingReference { kind, namespace: namespace.to_owned(), name, key, near })
    };
    // couldn't find key PASSWORD in Secret dev/db
    if let Some((key, rest)) = between(message, "couldn't find key ", " in ") {
        let (kind, path) = rest.split_once(' ')?;
        let path = path.split_whitespace().next()?;
        let name = path.rsplit('/').next()?;
        return of(kind_named(kind)?, name, Some(key));
    }
    // MountVolume.SetUp failed for volume "cfg" : references non-existent secret key: tls.key
    for (mark, kind) in [("non-existent secret key: ", "Secret"), ("non-existent config key: ", "ConfigMap")]
    {
        if let Some((_, key)) = message.split_once(mark) {
            let (volume, _) = between(message, "for volume \"", "\"")?;
            return of(kind, volume_source(pod, volume, kind)?, Some(key.trim()));
        }
    }
    // secret "db" not found
    for kind in ["secret", "configmap", "persistentvolumeclaim"] {
        if let Some((name, rest)) = between(message, &format!("{kind} \""), "\"")
            && rest.trim_start().starts_with("not found")
        {
            return of(kind_named(kind)?, name, None);
        }
    }
    None
}

/// The missing claim that `message` of the scheduler reports.
pub(super) fn missing_claim(deployed: &Deployed<'_>, pod: &Value, message: &str) -> Option<MissingReference> {
    missing(deployed, pod, message).filter(|missing| missing.kind == "PersistentVolumeClaim")
}

fn kind_named(name: &str) -> Option<&'static str> {
    match name.to_lowercase().as_str() {
        "secret" => Some("Secret"),
        "configmap" => Some("ConfigMap"),
        "persistentvolumeclaim" => Some("PersistentVolumeClaim"),
        _ => None,
    }
}

/// The key of an existing object that is nearest to `key`.
fn near_key(deployed: &Deployed<'_>, kind: &str, namespace: &str, name: &str, key: &str) -> Option<String> {
    let object = deployed.view.object(kind, namespace, name)?;
    let keys = ["/data", "/binaryData"]
        .iter()
        .filter_map(|field| object.pointer(field)?.as_object())
        .flat_map(|data| data.keys().map(String::as_str));
    crate::suggestion::nearest(key, keys).map(str::to_owned)
}

/// The Secret or ConfigMap of the volume called `volume`.
fn volume_source<'p>(pod: &'p Value, volume: &str, kind: &str) -> Option<&'p str> {
    let volume = list(pod, "/spec/volumes").iter().find(|found| text(found, "/name") == volume)?;
    let (field, name) = if kind == "Secret" { ("secret", "secretName") } else { ("configMap", "name") };
    let projected = || {
        let sources = list(volume, "/projected/sources").iter();
        sources.filter_map(|source| source.pointer(&format!("/{field}/name"))).next()
    };
    volume.pointer(&format!("/{field}/{name}")).or_else(projected)?.as_str()
}

/// The text between `start` and `end`, and the text after `end`.
fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<(&'t str, &'t str)> {
    text.split_once(start)?.1.split_once(end)
}

/// `message` without the pod and the container, which the problem names itself.
fn without_pod(message: &str) -> String {
    message.split_once(" (pod: ").map_or(message, |(message, _)| message).to_owned()
}
