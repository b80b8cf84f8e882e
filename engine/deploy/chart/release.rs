//! Releases as helm stores them in the cluster.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::ChartError;

/// The maximum size of an encoded release: that of a Secret with room for large storage back ends.
const LARGEST_ENCODED: usize = 8 << 20;
/// The maximum size of a decoded release.
const LARGEST: u64 = 64 << 20;

/// A release with its objects.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// The release's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The revision.
    pub revision: u64,
    /// The status: `deployed`, `failed`, `superseded`, `uninstalled`, `pending-upgrade`, ...
    pub status: String,
    /// The description of the last operation: `Upgrade complete`, or the reason of a failure.
    pub description: String,
    /// When the last operation began, in RFC 3339.
    pub last_deployed: String,
    /// The chart's name.
    pub chart: String,
    /// The chart's version.
    pub chart_version: String,
    /// The application's version; empty if the chart has none.
    pub app_version: String,
    /// The values of the user, without those of the chart.
    pub values: Map<String, Value>,
    /// The objects as YAML documents, without hooks.
    pub manifest: String,
    /// The hooks.
    pub hooks: Vec<ReleaseHook>,
    /// The notes; empty if the chart has none.
    pub notes: String,
}

/// A hook of a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReleaseHook {
    /// The object's name.
    #[serde(default)]
    pub name: String,
    /// Its kind: `Job`.
    #[serde(default)]
    pub kind: String,
    /// The template that it comes from.
    #[serde(default)]
    pub path: String,
    /// The object as a YAML document.
    #[serde(default)]
    pub manifest: String,
    /// The events that run it: `pre-upgrade`.
    #[serde(default, deserialize_with = "or_default")]
    pub events: Vec<String>,
    /// Its last run.
    #[serde(default, deserialize_with = "or_default")]
    pub last_run: HookRun,
}

/// The last run of a hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct HookRun {
    /// When it began, in RFC 3339; empty if it never ran.
    #[serde(default)]
    pub started_at: String,
    /// When it ended.
    #[serde(default)]
    pub completed_at: String,
    /// `Succeeded`, `Failed`, `Running`, or empty.
    #[serde(default)]
    pub phase: String,
}

/// The parts of the stored JSON that are used.
#[derive(Deserialize)]
struct Stored {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default, rename = "version")]
    revision: u64,
    #[serde(default, deserialize_with = "or_default")]
    info: Info,
    #[serde(default, deserialize_with = "or_default")]
    chart: Chart,
    #[serde(default, deserialize_with = "or_default")]
    config: Map<String, Value>,
    #[serde(default)]
    manifest: String,
    #[serde(default, deserialize_with = "or_default")]
    hooks: Vec<ReleaseHook>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    status: String,
    description: String,
    last_deployed: String,
    notes: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Chart {
    #[serde(deserialize_with = "or_default")]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
    version: String,
    #[serde(rename = "appVersion")]
    app_version: String,
}

/// Null as the default: Go writes it for an empty list or map.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Release {
    /// Decodes the key `release` of the Secret or ConfigMap `name`: base64 of compressed JSON. The base64 that Secrets
    /// have in addition may be decoded already or not.
    ///
    /// # Errors
    /// [`ChartError::ReleaseUnreadable`] if it is damaged or too large.
    pub fn decode(name: &str, data: &[u8]) -> Result<Self, ChartError> {
        let error = |reason: String| ChartError::ReleaseUnreadable { name: name.to_owned(), reason };
        if data.len() > LARGEST_ENCODED {
            return Err(error(format!("it is larger than {} MiB", LARGEST_ENCODED >> 20)));
        }
        let base64 = |data: &[u8]| STANDARD.decode(data.trim_ascii());
        let mut bytes = base64(data).map_err(|_| error("it is not base64".to_owned()))?;
        // `H4sI` is the base64 of the beginning of compressed data.
        if bytes.starts_with(b"H4sI") {
            bytes = base64(&bytes).map_err(|_| error("it is not base64".to_owned()))?;
        }
        let json = if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut json = Vec::new();
            let decoder = GzDecoder::new(&bytes[..]);
            let read = decoder.take(LARGEST + 1).read_to_end(&mut json);
            read.map_err(|reason| error(format!("it is not compressed correctly: {reason}")))?;
            json
        } else {
            // Releases of the first versions of helm are not compressed.
            bytes
        };
        if json.len() as u64 > LARGEST {
            return Err(error(format!("it is larger than {} MiB", LARGEST >> 20)));
        }
        Self::parse(&json).map_err(|reason| error(format!("invalid JSON: {reason}")))
    }

    /// Parses the JSON of a release, which `helm upgrade --output json` prints as well.
    pub(super) fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let stored: Stored = serde_json::from_slice(json)?;
        Ok(Self {
            name: stored.name,
            namespace: stored.namespace,
            revision: stored.revision,
            status: stored.info.status,
            description: stored.info.description,
            last_deployed: stored.info.last_deployed,
            chart: stored.chart.metadata.name,
            chart_version: stored.chart.metadata.version,
            app_version: stored.chart.metadata.app_version,
            values: stored.config,
            manifest: stored.manifest,
            hooks: stored.hooks,
            notes: stored.info.notes,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn encode(json: &[u8]) -> String {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(json).unwrap();
        STANDARD.encode(encoder.finish().unwrap())
    }

    const JSON: &[u8] = br#"{
        "name": "web", "namespace": "dev", "version": 7,
        "info": { "status": "failed", "description": "boom", "last_deployed": "2026-01-02T03:04:05.6Z" },
        "chart": { "metadata": { "name": "shop", "version": "1.2.3" }, "templates": [] },
        "config": null,
        "manifest": "---\nkind: ConfigMap\n",
        "hooks": [{ "name": "migrate", "kind": "Job", "events": ["pre-upgrade"], "last_run": { "phase": "Failed" } }]
    }"#;

    #[test]
    fn secrets_are_decoded() {
        let once = encode(JSON);
        let twice = STANDARD.encode(&once);
        let release = Release::decode("s", once.as_bytes()).unwrap();
        assert_eq!(Release::decode("s", twice.as_bytes()).unwrap(), release);
        let words = (
            release.name.as_str(),
            release.revision,
            release.status.as_str(),
            release.chart_version.as_str(),
        );
        assert_eq!(words, ("web", 7, "failed", "1.2.3"));
        assert!(release.values.is_empty());
    }

    #[test]
    fn damaged_secrets_are_errors() {
        let check = |data: &[u8], reason: &str| {
            let error = Release::decode("sh.helm.release.v1.web.v1", data).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        };
        check(b"%%%", "it is not base64");
        check(STANDARD.encode(b"{").as_bytes(), "invalid JSON");
        check(encode(b"[]").as_bytes(), "invalid JSON");
        let cut = &encode(JSON)[..40];
        check(cut.as_bytes(), "it is not compressed correctly");
        check(encode(&vec![b' '; (LARGEST + 1) as usize]).as_bytes(), "it is larger than 64 MiB");
        check(&vec![b'A'; LARGEST_ENCODED + 1], "it is larger than 8 MiB");
    }
}
