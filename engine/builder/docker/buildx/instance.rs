//! Builders of buildx: finding one, and creating it as configured.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::config::InClusterConfig;
use crate::poll::poll;

/// A builder as recorded by buildx.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Instance {
    driver: String,
    #[serde(default)]
    nodes: Vec<BuildxNode>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BuildxNode {
    #[serde(default)]
    name: String,
    /// Its endpoint: `kubernetes:///NAME?deployment=...&kubeconfig=PATH`.
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    driver_opts: Option<BTreeMap<String, String>>,
}

impl Instance {
    /// The builder `name` in the directory of buildx; `None` if it does not exist or its file cannot be parsed.
    pub(super) fn read(folder: &Path, name: &str) -> Option<Self> {
        serde_json::from_slice(&crate::input_file::read(&folder.join("instances").join(name)).ok()?).ok()
    }

    /// The Deployment of its pods.
    pub(super) fn deployment(&self) -> Option<String> {
        // An underscore is valid in names of buildx, but not in those of Kubernetes.
        Some(self.nodes.first()?.name.replace('_', "-"))
    }

    /// The namespace of its pods, if it names one.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.nodes.first()?.driver_opts.as_ref()?.get("namespace").map(String::as_str)
    }

    /// The `KUBECONFIG` from the creation of the builder, which buildx keeps using; `None` if none is recorded.
    fn kubeconfig(&self) -> Option<String> {
        let endpoint = Url::parse(&self.nodes.first()?.endpoint).ok()?;
        let found = endpoint.query_pairs().find(|(key, _)| key == "kubeconfig");
        found.map(|(_, value)| value.into_owned())
    }
}

/// The desired configuration of a builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// Its name.
    pub(super) name: String,
    /// Where its pods run.
    pub(super) namespace: String,
    rootless: bool,
    image: Option<String>,
    node_selector: Option<String>,
    /// `KUBECONFIG` for buildx.
    kubeconfig: Option<String>,
}

/// One invocation of buildx.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BuildxCommand {
    /// A description of its action.
    pub(super) what: String,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// Whether it stops the pods of a builder.
    pub(super) stops: bool,
}

impl Settings {
    /// The settings in `config`; `namespace` and `kubeconfig` are those of the run.
    pub(super) fn new(config: &InClusterConfig, namespace: &str, kubeconfig: Option<&str>) -> Self {
        let namespace = config.namespace.clone().unwrap_or_else(|| namespace.to_owned());
        Self {
            // Buildx stores all names in lower case.
            name: config
                .name
                .as_ref()
                .map_or_else(|| format!("devspace-{namespace}"), |name| name.to_lowercase()),
            kubeconfig: kubeconfig.map(str::to_owned),
            rootless: config.rootless,
            image: config.image.clone(),
            node_selector: config.node_selector.clone(),
            namespace,
        }
    }

    /// The invocations that turn the builder `found` into the desired one; empty if it already matches.
    pub(super) fn steps(
        &self,
        found: Option<&Instance>,
        no_recreate: bool,
        create_args: &[String],
    ) -> Vec<BuildxCommand> {
        let create = || {
            let mut arguments: Vec<String> = ["create", "--driver", "kubernetes"].map(String::from).into();
            for (key, value) in self.options() {
                arguments.extend(["--driver-opt".to_owned(), option(key, &value)]);
            }
            arguments.extend(["--name".to_owned(), self.name.clone()]);
            arguments.extend_from_slice(create_args);
            BuildxCommand { what: format!("creating the builder {}", self.name), arguments, stops: false }
        };
        match found {
            None => vec![create()],
            Some(_) if no_recreate => Vec::new(),
            // The pods of a builder in another cluster must not be stopped by this run.
            Some(found) if self.leads_elsewhere(found) => {
                let what =
                    format!("removing the builder {} of another kubeconfig, but not its pods", self.name);
                let arguments = ["rm", "--keep-daemon", &self.name].map(str::to_owned).into();
                vec![BuildxCommand { what, arguments, stops: false }, create()]
            }
            Some(found) if self.fits(found) => Vec::new(),
            Some(_) => {
                let what = format!("removing the builder {}: its configuration is different", self.name);
                let arguments = vec!["rm".to_owned(), self.name.clone()];
                vec![BuildxCommand { what, arguments, stops: true }, create()]
            }
        }
    }

    fn leads_elsewhere(&self, found: &Instance) -> bool {
        let known = found.kubeconfig();
        known.is_some_and(|known| known != self.kubeconfig.as_deref().unwrap_or_default())
    }

    fn fits(&self, found: &Instance) -> bool {
        let [node] = found.nodes.as_slice() else { return false };
        let known = node.driver_opts.clone().unwrap_or_default();
        let same = |key: &str| {
            let wanted = self.options().into_iter().find(|(own, _)| *own == key).map(|(_, value)| value);
            let has = known.get(key).filter(|has| !has.is_empty() && *has != "false");
            wanted.as_ref() == has
        };
        found.driver == "kubernetes"
            && ["namespace", "rootless", "image", "nodeselector"].into_iter().all(same)
    }

    /// The driver options that are not left at their defaults.
    fn options(&self) -> Vec<(&'static str, String)> {
        let namespace = Some(("namespace", self.namespace.clone()));
        let rootless = self.rootless.then(|| ("rootless", "true".to_owned()));
        let image = self.image.clone().map(|image| ("image", image));
        let selector = self.node_selector.clone().map(|selector| ("nodeselector", selector));
        [namespace, rootless, image, selector].into_iter().flatten().collect()
    }
}

/// An option in the format of buildx, which parses it as a line of comma-separated values.
fn option(key: &str, value: &str) -> String {
    if value.contains([',', '"']) {
        format!("\"{key}={}\"", value.replace('"', "\"\""))
    } else {
        format!("{key}={value}")
    }
}

/// The pause between two attempts to lock a builder.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Locks the builder `name` for all users of this machine, until the file is dropped.
pub(super) async fn lock(folder: PathBuf, name: String, limit: Duration) -> io::Result<File> {
    crate::own_file::create_folder(&folder)?;
    let file = crate::own_file::create(&folder.join(format!("windlass-{name}.lock")))?;
    let attempt = || std::future::ready(crate::own_file::try_lock(&file));
    if poll(LOCK_PAUSE, limit, attempt, |locked| !matches!(locked, Ok(false))).await? {
        return Ok(file);
    }
    let message = format!("another windlass process has been creating it for {} seconds", limit.as_secs());
    Err(io::Error::new(io::ErrorKind::TimedOut, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(driver: &str, options: &str) -> Instance {
        let text =
            format!("{{\"Name\":\"b\",\"Driver\":\"{driver}\",\"Nodes\":[{{\"DriverOpts\":{options}}}]}}");
        serde_json::from_str(&text).expect("an instance")
    }

    fn config() -> InClusterConfig {
        InClusterConfig {
            rootless: true,
            image: Some("moby/buildkit:rootless".into()),
            node_selector: Some("disk=ssd,zone=a".into()),
            ..InClusterConfig::default()
        }
    }

    #[test]
    fn a_builder_is_made_as_configured() {
        let steps = Settings::new(&config(), "dev", None).steps(None, false, &["--bootstrap".to_owned()]);
        let words: Vec<_> = steps.iter().map(|step| step.arguments.join(" ")).collect();
        assert_eq!(
            words,
            [
                "create --driver kubernetes --driver-opt namespace=dev --driver-opt rootless=true --driver-opt \
              image=moby/buildkit:rootless --driver-opt \"nodeselector=disk=ssd,zone=a\" --name devspace-dev --bootstrap"
            ]
        );
    }

    #[test]
    fn a_builder_is_kept_as_long_as_it_fits() {
        let plain = Settings::new(&InClusterConfig::default(), "dev", None);
        let count =
            |settings: &Settings, found: &Instance, keep: bool| settings.steps(Some(found), keep, &[]).len();
        let same = instance("kubernetes", r#"{"namespace":"dev","rootless":"false"}"#);
        assert_eq!(count(&plain, &same, false), 0);
        for other in [
            instance("docker-container", "{}"),
            instance("kubernetes", r#"{"namespace":"prod"}"#),
            instance("kubernetes", r#"{"namespace":"dev","rootless":"true"}"#),
            instance("kubernetes", "null"),
        ] {
            assert_eq!((count(&plain, &other, false), count(&plain, &other, true)), (2, 0), "{other:?}");
        }
        let full = r#"{"namespace":"dev","rootless":"true","image":"moby/buildkit:rootless","nodeselector":"disk=ssd,zone=a"}"#;
        assert_eq!(count(&Settings::new(&config(), "dev", None), &instance("kubernetes", full), false), 0);
        assert_eq!(count(&plain, &instance("kubernetes", full), false), 2);
    }

    #[test]
    fn a_builder_of_another_cluster_is_forgotten() {
        let text = r#"{"Driver":"kubernetes","Nodes":[{"Name":"my_b0","Endpoint":"kubernetes:///my_b?deployment=x&kubeconfig=%2Fa%2Fk","DriverOpts":{"namespace":"dev"}}]}"#;
        let found: Instance = serde_json::from_str(text).expect("an instance");
        assert_eq!((found.deployment().as_deref(), found.namespace()), (Some("my-b0"), Some("dev")));
        let check = |kubeconfig: Option<&str>, no_recreate: bool, expected: &str| {
            let settings = Settings::new(&InClusterConfig::default(), "dev", kubeconfig);
            let steps = settings.steps(Some(&found), no_recreate, &[]);
            let first = steps.first().map(|step| step.arguments.join(" ")).unwrap_or_default();
            assert_eq!(first, expected, "{kubeconfig:?}");
        };
        check(Some("/a/k"), false, "");
        check(Some("/b/k"), false, "rm --keep-daemon devspace-dev");
        check(None, false, "rm --keep-daemon devspace-dev");
        check(None, true, "");
    }

    #[test]
    fn names_are_in_lower_case_as_buildx_has_them() {
        let config = InClusterConfig { name: Some("Ours".to_owned()), ..InClusterConfig::default() };
        assert_eq!(Settings::new(&config, "dev", None).name, "ours");
    }

    #[tokio::test]
    async fn one_at_a_time() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = || folder.path().to_owned();
        let held = lock(path(), "b".into(), Duration::ZERO).await.expect("a lock");
        lock(path(), "b".into(), Duration::ZERO).await.expect_err("it is held");
        lock(path(), "c".into(), Duration::ZERO).await.expect("another one");
        drop(held);
        lock(path(), "b".into(), Duration::ZERO).await.expect("a lock");
    }
}
