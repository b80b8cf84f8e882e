//! Events of objects.

use jiff::Timestamp;
use serde_json::Value;

use super::fields::{text, time};

/// An event, of `v1` or `events.k8s.io/v1`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a>(&'a Value);

impl<'a> Event<'a> {
    pub(super) fn new(event: &'a Value) -> Self {
        Self(event)
    }

    /// Kind, namespace and name of the object.
    pub(super) fn object(&self) -> (&'a str, &'a str, &'a str) {
        (self.involved("/kind"), self.involved("/namespace"), self.involved("/name"))
    }

    /// The UID of the object; empty if unknown.
    pub(super) fn uid(&self) -> &'a str {
        self.involved("/uid")
    }

    pub(super) fn reason(&self) -> &'a str {
        text(self.0, "/reason")
    }

    pub(super) fn message(&self) -> &'a str {
        match text(self.0, "/message") {
            "" => text(self.0, "/note"),
            message => message,
        }
    }

    /// When it happened last.
    pub(super) fn last_time(&self) -> Option<Timestamp> {
        [
            "/series/lastObservedTime",
            "/lastTimestamp",
            "/deprecatedLastTimestamp",
            "/eventTime",
            "/firstTimestamp",
        ]
        .iter()
        .find_map(|pointer| time(self.0, pointer))
    }

    /// Whether it is about the container `name`, or about the whole pod.
    pub(super) fn is_about(&self, name: &str) -> bool {
        // Such as `spec.containers{web}`.
        let path = self.involved("/fieldPath");
        path.split_once('{').is_none_or(|(_, rest)| rest.strip_suffix('}') == Some(name))
    }

    fn involved(&self, pointer: &str) -> &'a str {
        ["/involvedObject", "/regarding"]
            .iter()
            .find_map(|field| self.0.pointer(field))
            .map_or("", |object| text(object, pointer))
    }
}
