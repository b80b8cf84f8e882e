//! Containers of a pod, as its status reports them.

use serde_json::Value;

use super::fields::{flag, list, number, text};

/// A container of a pod, with its status.
#[derive(Debug, Clone, Copy)]
pub(super) struct Container<'a> {
    pub name: &'a str,
    pub image: &'a str,
    pub is_init: bool,
    status: &'a Value,
    spec: Option<&'a Value>,
}

/// How a container ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended<'a> {
    pub exit_code: i64,
    /// Such as `Error`, `OOMKilled`, `StartError`, `Completed`.
    pub reason: &'a str,
    pub message: &'a str,
}

/// The containers of `pod` that have a status, in the order in which they start.
pub(super) fn containers(pod: &Value) -> Vec<Container<'_>> {
    let read = |is_init: bool, statuses: &str, specs: &str| -> Vec<Container<'_>> {
        let container = |status| {
            let name = text(status, "/name");
            let spec = list(pod, specs).iter().find(|spec| text(spec, "/name") == name);
            // The status shows a resolved reference, which the user has not written.
            let image = spec.map_or("", |spec| text(spec, "/image"));
            let image = if image.is_empty() { text(status, "/image") } else { image };
            Container { name, image, is_init, status, spec }
        };
        list(pod, statuses).iter().map(container).collect()
    };
    let mut containers = read(true, "/status/initContainerStatuses", "/spec/initContainers");
    containers.extend(read(false, "/status/containerStatuses", "/spec/containers"));
    containers
}

impl<'a> Container<'a> {
    /// Why it waits: the reason and the message.
    pub(super) fn waiting(&self) -> Option<(&'a str, &'a str)> {
        let waiting = self.status.pointer("/state/waiting")?;
        Some((text(waiting, "/reason"), text(waiting, "/message")))
    }

    /// How it ended, if it should not have: a container of a pod that is always restarted must keep running.
    pub(super) fn failed(&self, pod: &Value) -> Option<Ended<'a>> {
        let must_run = !self.is_init && matches!(text(pod, "/spec/restartPolicy"), "Always" | "");
        self.ended().filter(|ended| must_run || ended.is_error())
    }

    pub(super) fn is_running(&self) -> bool {
        self.status.pointer("/state/running").is_some()
    }

    pub(super) fn is_ready(&self) -> bool {
        flag(self.status, "/ready").unwrap_or(false)
    }

    /// Whether it has passed its startup probe.
    pub(super) fn is_started(&self) -> bool {
        flag(self.status, "/started").unwrap_or(true)
    }

    /// How it ended, if it has not been restarted since.
    pub(super) fn ended(&self) -> Option<Ended<'a>> {
        self.status.pointer("/state/terminated").map(Ended::new)
    }

    /// How it ended before its last restart.
    pub(super) fn ended_before(&self) -> Option<Ended<'a>> {
        self.status.pointer("/lastState/terminated").map(Ended::new)
    }

    /// How often it has been started.
    pub(super) fn starts(&self) -> i64 {
        number(self.status, "/restartCount").unwrap_or(0).max(0).saturating_add(1)
    }

    /// The field of its specification at `pointer`.
    pub(super) fn spec(&self, pointer: &str) -> Option<&'a Value> {
        self.spec?.pointer(pointer)
    }
}

impl<'a> Ended<'a> {
    pub(super) fn is_error(&self) -> bool {
        self.exit_code != 0 || self.is_out_of_memory()
    }

    pub(super) fn is_out_of_memory(&self) -> bool {
        self.reason == "OOMKilled"
    }

    fn new(terminated: &'a Value) -> Self {
        Self {
            exit_code: number(terminated, "/exitCode").unwrap_or(0),
            reason: text(terminated, "/reason"),
            message: text(terminated, "/message").trim(),
        }
    }
}
