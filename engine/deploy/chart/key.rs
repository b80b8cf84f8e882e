//! The deployment key: whether a release would change.

use serde_json::{Map, Value, json};

use super::arguments::is_url;
use super::{ChartRequest, ValueLayers};
use crate::image::Digest;

/// Flags of `helm upgrade` that do not change the objects of a release, and whether they have a value.
const WITHOUT_EFFECT: [(&str, bool); 18] = [
    ("--atomic", false),
    ("--burst-limit", true),
    ("--cleanup-on-fail", false),
    ("--debug", false),
    ("--description", true),
    ("--force", false),
    ("--force-replace", false),
    ("--history-max", true),
    ("--output", true),
    ("-o", true),
    ("--password", true),
    ("--qps", true),
    ("--rollback-on-failure", false),
    ("--timeout", true),
    ("--username", true),
    ("--wait", false),
    ("--wait-for-jobs", false),
    ("--insecure-skip-tls-verify", false),
];
/// Flags whose value is a file that changes the result.
const FILES: [&str; 4] = ["--values", "-f", "--set-file", "--post-renderer"];

/// The identity of a chart in the deployment key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartIdentity {
    /// The digest of a chart on this machine.
    Content(Digest),
    /// A chart of a repository or registry, which never changes a published version.
    Published {
        /// The repository's URL.
        repository: Option<String>,
        /// The chart's name or reference.
        name: String,
        /// The resolved version.
        version: String,
    },
}

/// The key of the deployment of `request`: equal keys mean that helm would deploy the same again.
///
/// Contains the chart, the merged values of the user with replaced tags, the arguments that change the result, the
/// release and the namespace. Times, absolute paths and credentials do not count. The order of keys in values and
/// comments do not matter. Values files that are URLs count with their URL.
pub fn deployment_key(request: &ChartRequest, chart: &ChartIdentity, values: &ValueLayers) -> Digest {
    let chart = match chart {
        ChartIdentity::Content(digest) => json!({ "content": digest.to_string() }),
        ChartIdentity::Published { repository, name, version } => {
            json!({ "repository": repository, "name": name, "version": version })
        }
    };
    let urls: Vec<_> = request.values_files.iter().filter(|file| is_url(file)).collect();
    let inputs = json!({
        "format": 1,
        "release": request.release,
        "namespace": request.namespace,
        "chart": chart,
        "values": values.user_values(),
        "values_urls": urls,
        "disable_hooks": request.disable_hooks,
        "arguments": arguments(request),
    });
    Digest::of(canonical(&inputs).to_string())
}

/// The arguments of `helm upgrade` that change the result, with the digests of the files that they name.
fn arguments(request: &ChartRequest) -> Vec<String> {
    let (mut kept, mut words) = (Vec::new(), request.upgrade_args.iter());
    while let Some(word) = words.next() {
        let (flag, attached) =
            word.split_once('=').map_or((word.as_str(), None), |(flag, value)| (flag, Some(value)));
        if let Some((_, has_value)) = WITHOUT_EFFECT.iter().find(|(name, _)| *name == flag) {
            if *has_value && attached.is_none() {
                words.next();
            }
            continue;
        }
        let value =
            if FILES.contains(&flag) { attached.or_else(|| words.next().map(String::as_str)) } else { None };
        match value {
            Some(value) => kept.extend([flag.to_owned(), file_argument(request, value)]),
            None => kept.push(word.clone()),
        }
    }
    kept
}

/// A file argument, `PATH` or `KEY=PATH`, with the digest of the file's content for the path; as it is if the file
/// cannot be read.
fn file_argument(request: &ChartRequest, value: &str) -> String {
    let (key, path) = value.split_once('=').map_or((None, value), |(key, path)| (Some(key), path));
    let Ok(content) = crate::input_file::read(&request.directory.join(path)) else { return value.to_owned() };
    let digest = Digest::of(content);
    key.map_or_else(|| digest.to_string(), |key| format!("{key}={digest}"))
}

/// `value` with the keys of all maps in order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> =
                entries.iter().map(|(key, value)| (key.clone(), canonical(value))).collect();
            entries.sort_by(|(first, _), (second, _)| first.cmp(second));
            Value::Object(entries.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::chart::ChartLocation;

    fn key(request: &ChartRequest) -> String {
        let chart = ChartIdentity::Published {
            repository: Some("https://c.io".into()),
            name: "web".into(),
            version: "1.2.3".into(),
        };
        deployment_key(request, &chart, &ValueLayers::read(request).unwrap()).hex()
    }

    fn request() -> ChartRequest {
        let source = ChartLocation::named("web", Some("https://c.io"), None, None, "/p".as_ref());
        let mut request = ChartRequest::new("web", "dev", "/p", source);
        request.values = json!({ "image": { "tag": "1", "repository": "acme/web" }, "on": null });
        request
    }

    #[test]
    fn key_is_stable() {
        assert_eq!(key(&request()), "c97bfee27e9907af56cdd1ba2c13dc27ef280d55193f723d5fa6d1f1fa4211fc");
    }

    #[test]
    fn files_of_arguments_count_with_their_content() {
        let first = tempfile::tempdir().unwrap();
        let second = tempfile::tempdir().unwrap();
        let key = |directory: &std::path::Path, content: &str| {
            std::fs::write(directory.join("v.yaml"), content).unwrap();
            let mut request = request();
            let path = directory.join("v.yaml").display().to_string();
            request.upgrade_args = vec!["--set-file".into(), format!("a={path}"), format!("--values={path}")];
            self::key(&request)
        };
        assert_eq!(key(first.path(), "a: 1"), key(second.path(), "a: 1"));
        assert_ne!(key(first.path(), "a: 1"), key(first.path(), "a: 2"));
    }

    #[test]
    fn key_changes_with_the_result_only() {
        let same = |change: fn(&mut ChartRequest)| {
            let mut request = request();
            change(&mut request);
            key(&request) == key(&self::request())
        };
        assert!(same(|request| request.directory = "/other".into()));
        assert!(same(|request| request.wait = true));
        assert!(same(|request| request.context = Some("kind".into())));
        assert!(same(|request| request.upgrade_args = ["--timeout", "5m", "--wait"].map(Into::into).into()));
        assert!(same(|request| request.values =
            json!({ "on": null, "image": { "repository": "acme/web", "tag": "1" } })));
        assert!(!same(|request| request.replaced = json!({ "image": { "tag": "2" } })));
        assert!(!same(|request| request.namespace = "prod".into()));
        assert!(!same(|request| request.upgrade_args = vec!["--set=a=b".into()]));
        assert!(!same(|request| request.disable_hooks = true));
        assert!(!same(|request| request.values_files = vec!["https://c.io/values.yaml".into()]));
    }
}
