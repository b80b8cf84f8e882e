//! The stored revisions of a release.

use std::collections::BTreeMap;

use super::{ChartError, Release};

/// A Secret or ConfigMap in which helm stores one revision of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredRelease {
    /// The object's name: `sh.helm.release.v1.web.v7`.
    pub object: String,
    /// The object's labels.
    pub labels: BTreeMap<String, String>,
    /// The value of its key `release`.
    pub data: Vec<u8>,
}

/// The revisions of one release, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleaseList(Vec<(u64, StoredRelease)>);

impl StoredRelease {
    /// The label selector of the revisions of the release `name`.
    pub fn selector(name: &str) -> String {
        format!("owner=helm,name={name}")
    }

    fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The status of the label: `deployed`, `pending-upgrade`, ...
    pub fn status(&self) -> &str {
        self.label("status")
    }

    fn revision(&self) -> Option<u64> {
        let label = self.label("version");
        let from_name = || self.object.rsplit(".v").next();
        label.parse().ok().or_else(|| from_name()?.parse().ok())
    }
}

impl ReleaseList {
    /// The revisions of the release `name` among the objects of a namespace.
    pub fn new(name: &str, objects: impl IntoIterator<Item = StoredRelease>) -> Self {
        let own = objects
            .into_iter()
            .filter(|object| object.label("owner") == "helm" && object.label("name") == name);
        let mut own: Vec<_> = own.filter_map(|object| Some((object.revision()?, object))).collect();
        own.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
        Self(own)
    }

    /// The newest revision and its object; `None` if the release does not exist.
    pub fn newest(&self) -> Option<(u64, &StoredRelease)> {
        self.0.first().map(|(revision, object)| (*revision, object))
    }

    /// The newest revision, decoded.
    ///
    /// # Errors
    /// [`ChartError::ReleaseUnreadable`].
    pub fn decode_newest(&self) -> Result<Option<Release>, ChartError> {
        self.newest().map(|(_, object)| Release::decode(&object.object, &object.data)).transpose()
    }

    /// The newest revision that was deployed successfully, to which a rollback leads.
    pub fn last_deployed(&self) -> Option<u64> {
        let deployed = |status| self.0.iter().find(|(_, object)| object.status() == status);
        deployed("deployed").or_else(|| deployed("superseded")).map(|(revision, _)| *revision)
    }

    /// The error for a release whose newest revision is pending: an operation runs, or was killed. `namespace` is for
    /// the hint.
    pub fn pending(&self, namespace: &str) -> Option<ChartError> {
        let (_, object) = self.newest().filter(|(_, object)| is_pending(object.status()))?;
        // The labels are enough for the message if the release itself is damaged.
        let release = Release::decode(&object.object, &object.data).ok();
        let since = release.map(|release| release.last_deployed).filter(|time| !time.is_empty());
        let since = since.map(|time| seconds(&time)).map(|time| format!(" since {time}")).unwrap_or_default();
        let since = format!("{}{since}", object.status());
        Some(ChartError::pending(object.label("name"), namespace, Some(since), self.last_deployed()))
    }
}

/// Whether helm refuses another operation in this status.
fn is_pending(status: &str) -> bool {
    status.starts_with("pending-")
}

/// A time in RFC 3339 without fractions of seconds, in UTC; as it is if it is invalid.
fn seconds(time: &str) -> String {
    let parsed: Result<jiff::Timestamp, _> = time.parse();
    parsed.map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn object(name: &str, revision: u64, status: &str) -> StoredRelease {
        let version = revision.to_string();
        let labels = [("owner", "helm"), ("name", name), ("version", &version), ("status", status)];
        let info = format!(r#"{{"status":"{status}","last_deployed":"2026-01-02T03:04:05.678+01:00"}}"#);
        let json = format!(r#"{{"name":"{name}","version":{revision},"info":{info}}}"#);
        StoredRelease {
            object: format!("sh.helm.release.v1.{name}.v{revision}"),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            data: STANDARD.encode(json).into_bytes(),
        }
    }

    #[test]
    fn newest_revision_is_found() {
        let objects =
            [object("web", 9, "superseded"), object("web", 10, "deployed"), object("api", 11, "deployed")];
        let list = ReleaseList::new("web", objects);
        assert_eq!(list.newest().unwrap().0, 10);
        assert_eq!(list.decode_newest().unwrap().unwrap().revision, 10);
        assert!(list.pending("dev").is_none());
        assert_eq!(ReleaseList::new("none", []).newest(), None);
    }

    #[test]
    fn pending_release_is_reported_with_a_way_out() {
        let list =
            ReleaseList::new("web", [object("web", 6, "deployed"), object("web", 7, "pending-upgrade")]);
        let error = list.pending("dev").unwrap();
        assert_eq!(
            error.to_string(),
            "cannot deploy release `web`: another operation is in progress (pending-upgrade since \
             2026-01-02T02:04:05Z)"
        );
        let help = miette::Diagnostic::help(&error).unwrap().to_string();
        assert_eq!(help, "wait for it; if it was killed, run `helm rollback web 6 -n dev`");
        let first = ReleaseList::new("web", [object("web", 1, "pending-install")]).pending("dev").unwrap();
        let help = miette::Diagnostic::help(&first).unwrap().to_string();
        assert_eq!(help, "wait for it; if it was killed, run `helm uninstall web -n dev`");
    }
}
