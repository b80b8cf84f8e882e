//! Finds and reads the kubeconfig as kubectl does.

use std::io;
use std::path::{Path, PathBuf};

use kube::config::{Cluster, Context, KubeconfigError};

use super::{ClusterContext, ClusterError};
use crate::suggestion::nearest;

/// The variable with the user's home directory.
const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// The kubeconfig: the merged files of `KUBECONFIG`, where the first that sets a value takes precedence, otherwise
/// `~/.kube/config`.
#[derive(Debug, Clone)]
pub struct Kubeconfig(kube::config::Kubeconfig);

impl Kubeconfig {
    /// Reads the files that the environment, looked up with `variable`, selects; `None` if none exists. As with
    /// kubectl, missing files are ignored.
    ///
    /// # Errors
    /// [`ClusterError::BadKubeconfig`] for a file that cannot be read or parsed.
    pub fn find(variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>, ClusterError> {
        let mut merged: Option<kube::config::Kubeconfig> = None;
        for path in paths(variable) {
            let bad = |error: &KubeconfigError| ClusterError::BadKubeconfig {
                path: path.clone(),
                reason: reason_of(error),
            };
            // Its relative paths start at its directory, and other commands may have another working directory.
            let absolute = std::path::absolute(&path).unwrap_or(path.clone());
            let read = |path: PathBuf| {
                crate::input_file::read(&path)
                    .map_err(|error| KubeconfigError::ReadConfig(error, path.clone()))?;
                kube::config::Kubeconfig::read_from(path)
            };
            let config = match read(absolute) {
                Ok(config) => config,
                Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::NotFound => {
                    continue;
                }
                Err(error) => return Err(bad(&error)),
            };
            merged = Some(match merged {
                None => config,
                Some(before) => before.merge(config).map_err(|error| bad(&error))?,
            });
        }
        Ok(merged.map(Self))
    }

    /// The name of the current context.
    pub fn current_context(&self) -> Option<&str> {
        self.0.current_context.as_deref().filter(|name| !name.is_empty())
    }

    /// The namespace of the context `name`, if it has one.
    pub fn namespace(&self, name: &str) -> Option<&str> {
        self.entry(name)?.namespace.as_deref().filter(|namespace| !namespace.is_empty())
    }

    /// The cluster of the context `wanted`, or of the current one; `None` without a current one.
    ///
    /// # Errors
    /// [`ClusterError::UnknownContext`] and [`ClusterError::BadContext`].
    pub fn context(
        &self,
        wanted: Option<&str>,
        namespace: Option<&str>,
    ) -> Result<Option<ClusterContext>, ClusterError> {
        let Some(name) = wanted.or(self.current_context()) else { return Ok(None) };
        let entry = self.entry(name).ok_or_else(|| self.unknown(name))?;
        let bad = |reason: String| ClusterError::BadContext { context: name.to_owned(), reason };
        let cluster = self.0.clusters.iter().find(|cluster| cluster.name == entry.cluster);
        let cluster = cluster
            .and_then(|named| named.cluster.as_ref())
            .ok_or_else(|| bad(format!("its cluster `{}` is not in the kubeconfig", entry.cluster)))?;
        let server = cluster.server.clone().filter(|server| !server.is_empty());
        Ok(Some(ClusterContext {
            name: name.to_owned(),
            cluster: entry.cluster.clone(),
            namespace: namespace.or(self.namespace(name)).unwrap_or("default").to_owned(),
            server: server.ok_or_else(|| bad(format!("its cluster `{}` has no `server`", entry.cluster)))?,
            provider: provider(cluster),
        }))
    }

    /// A kubeconfig with only the context `name`, which is the current one, and with its cluster and user.
    pub(super) fn only(&self, name: &str) -> Self {
        let mut only = self.0.clone();
        only.current_context = Some(name.to_owned());
        only.contexts.retain(|context| context.name == name);
        let entry = self.entry(name);
        let user = entry.and_then(|context| context.user.as_ref());
        only.clusters.retain(|cluster| entry.is_some_and(|context| context.cluster == cluster.name));
        only.auth_infos.retain(|info| user == Some(&info.name));
        Self(only)
    }

    /// The kubeconfig in the form of the kube library.
    pub(super) fn into_inner(self) -> kube::config::Kubeconfig {
        self.0
    }

    fn entry(&self, name: &str) -> Option<&Context> {
        self.0.contexts.iter().find(|context| context.name == name)?.context.as_ref()
    }

    fn unknown(&self, name: &str) -> ClusterError {
        let known = self.0.contexts.iter().map(|context| context.name.as_str());
        let help = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "run `kubectl config get-contexts` to list the contexts".to_owned(),
        };
        ClusterError::UnknownContext { name: name.to_owned(), help }
    }
}

/// The files to read, in order.
fn paths(variable: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let listed = listed(variable);
    if !listed.is_empty() {
        return listed;
    }
    let home = variable(HOME).filter(|home| !home.is_empty());
    home.map(|home| Path::new(&home).join(".kube").join("config")).into_iter().collect()
}

/// The files that `KUBECONFIG` lists.
pub(super) fn listed(variable: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let listed = variable("KUBECONFIG").unwrap_or_default();
    std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// The provider of the entry of `cluster`: minikube records it in an extension.
fn provider(cluster: &Cluster) -> Option<String> {
    let extensions = cluster.extensions.iter().flatten();
    extensions.filter_map(|named| named.extension.get("provider")?.as_str().map(str::to_owned)).next()
}

/// The error in a kubeconfig, without its content.
fn reason_of(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        KubeconfigError::Parse(error) => match error.location() {
            Some(place) => format!("invalid content at line {}, column {}", place.line(), place.column()),
            None => "not a valid kubeconfig".to_owned(),
        },
        KubeconfigError::KindMismatch | KubeconfigError::ApiVersionMismatch => error.to_string(),
        _ => "not a valid kubeconfig".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: \
                         {cluster: k, namespace: space}\nclusters:\n- name: k\n  cluster: {server: 'https://first'}\n";
    const SECOND: &str = "apiVersion: v1\nkind: Config\ncurrent-context: b\ncontexts:\n- name: b\n  context: \
                          {cluster: k}\n- name: broken\n  context: {cluster: gone}\n- name: bare\n  context: \
                          {cluster: empty}\nclusters:\n- name: k\n  cluster: {server: 'https://second'}\n- name: \
                          empty\n  cluster: {}\n";

    /// The result for files with these contents; without a second element, the second file is missing.
    fn find(texts: &[&str]) -> Result<Option<Kubeconfig>, ClusterError> {
        let folder = tempfile::tempdir().expect("a directory");
        let mut paths = vec![folder.path().join("missing")];
        for (number, text) in texts.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, text).expect("a file");
            paths.push(path);
        }
        let joined = std::env::join_paths(paths).expect("paths").into_string().expect("text");
        Kubeconfig::find(&|name| (name == "KUBECONFIG").then(|| joined.clone()))
    }

    #[test]
    fn one_context_is_selected_alone() {
        let text = "contexts:\n- name: a\n  context: {cluster: c, user: u}\n- name: b\n  context: {cluster: d, user: v}\n\
                    clusters:\n- name: c\n  cluster: {server: x}\n- name: d\n  cluster: {server: y}\n\
                    users:\n- name: u\n  user: {token: t}\n- name: v\n  user: {token: secret}\ncurrent-context: a\n";
        let whole = Kubeconfig(serde_yaml::from_str(text).expect("a kubeconfig"));
        let only = serde_json::to_value(whole.only("b").into_inner()).expect("JSON");
        assert_eq!(only["current-context"], "b");
        assert_eq!(only["clusters"], serde_json::json!([{ "name": "d", "cluster": { "server": "y" } }]));
        assert_eq!(only["users"], serde_json::json!([{ "name": "v", "user": { "token": "secret" } }]));
        assert_eq!(only["contexts"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn the_first_file_wins_and_missing_ones_are_passed_over() {
        let config = find(&[FIRST, SECOND]).expect("valid").expect("there");
        let context = config.context(None, None).expect("valid").expect("current");
        assert_eq!((context.name.as_str(), context.namespace.as_str()), ("a", "space"));
        assert_eq!(context.server, "https://first");
        let other = config.context(Some("b"), None).expect("valid").expect("there");
        assert_eq!((other.server.as_str(), other.namespace.as_str()), ("https://first", "default"));
        let elsewhere = config.context(Some("a"), Some("mine")).expect("valid").expect("there");
        assert_eq!(elsewhere.namespace, "mine");
        assert!(find(&[]).expect("valid").is_none());
    }

    #[test]
    fn home_has_the_file_without_the_variable() {
        let home = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(home.path().join(".kube")).expect("a directory");
        std::fs::write(home.path().join(".kube/config"), FIRST).expect("a file");
        let home = home.path().display().to_string();
        let found = Kubeconfig::find(&|name| (name == HOME).then(|| home.clone())).expect("valid");
        assert_eq!(found.expect("there").current_context(), Some("a"));
    }

    #[test]
    fn contexts_that_lead_nowhere_say_why() {
        let config = find(&[FIRST, SECOND]).expect("valid").expect("there");
        let failure = |name| config.context(Some(name), None).expect_err("wrong").to_string();
        assert_eq!(failure("bb"), "unknown context `bb`: not in the kubeconfig");
        assert!(
            failure("broken").ends_with("its cluster `gone` is not in the kubeconfig"),
            "{}",
            failure("broken")
        );
        assert!(failure("bare").ends_with("its cluster `empty` has no `server`"), "{}", failure("bare"));
    }

    #[test]
    fn the_content_of_a_broken_file_is_not_reported() {
        let error = find(&["users:\n- name: u\n  user: {token: hunter2\nx"]).expect_err("wrong").to_string();
        assert!(error.contains("line") && !error.contains("hunter2"), "{error}");
    }
}
