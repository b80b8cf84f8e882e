//! Tests on a real API server: that of `KUBECONFIG`, if `USE_EXISTING_CLUSTER` is `true`.

mod apply;
mod discovery;
mod failures;
mod lock;
mod ownership;
mod watch;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{ClusterAccess, Kubeconfig};
use super::request::Call;
use super::{ApplyError, ObjectKey, Propagation};

/// The timeout for actions of the cluster's controllers.
const LIMIT: Duration = Duration::from_secs(30);

/// A namespace of one test. Dropping it deletes it, and the cluster-scoped objects of the test.
struct TestCluster {
    access: ClusterAccess,
    namespace: String,
    /// Paths to delete.
    paths: Vec<String>,
}

impl TestCluster {
    /// A new namespace; `None`, with a notice, without a cluster for tests.
    async fn new() -> Option<Self> {
        let cluster = Self::without_namespace()?;
        assert!(cluster.access.create_namespace(&cluster.namespace).await.expect("it can be created"));
        Some(cluster)
    }

    /// Like [`TestCluster::new`], but the namespace does not exist yet.
    fn without_namespace() -> Option<Self> {
        let is_allowed = std::env::var("USE_EXISTING_CLUSTER").is_ok_and(|value| value == "true");
        let Some(path) = std::env::var("KUBECONFIG").ok().filter(|_| is_allowed) else {
            skip("no cluster for tests: set KUBECONFIG and USE_EXISTING_CLUSTER=true");
            return None;
        };
        let namespace = format!("windlass-unit-{:08x}", fastrand::u32(..));
        let paths = vec![format!("/api/v1/namespaces/{namespace}")];
        Some(Self { access: access_of(&path, &namespace), namespace, paths })
    }

    /// The cluster with the credentials of a user without permissions; `None`, with a notice, if none is known.
    fn unprivileged(&self) -> Option<ClusterAccess> {
        let path = std::env::var("KUBECONFIG_UNPRIVILEGED").ok();
        if path.is_none() {
            skip("no user without permissions: set KUBECONFIG_UNPRIVILEGED");
        }
        Some(access_of(&path?, &self.namespace))
    }

    /// An object of the namespace.
    fn object(&self, api_version: &str, kind: &str, name: &str, content: &Value) -> Value {
        let mut object = json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": { "name": name, "namespace": self.namespace },
        });
        for (key, value) in content.as_object().expect("a map") {
            object[key] = value.clone();
        }
        object
    }

    fn deployment(&self, replicas: u32) -> Value {
        let container = json!({ "name": "web", "image": "web:1", "ports": [{ "containerPort": 80 }] });
        let labels = json!({ "app": "web" });
        let template = json!({ "metadata": { "labels": labels }, "spec": { "containers": [container] } });
        let spec =
            json!({ "replicas": replicas, "selector": { "matchLabels": labels }, "template": template });
        self.object("apps/v1", "Deployment", "web", &json!({ "spec": spec }))
    }

    fn config_map(&self, name: &str) -> Value {
        self.object("v1", "ConfigMap", name, &json!({ "data": { "a": "1" } }))
    }

    /// The live object.
    async fn live(&self, object: &Value) -> Option<Value> {
        let key = ObjectKey::new(object).expect("complete");
        self.access.get_object(&key).await.expect("the cluster responds")
    }

    /// Applies an object as windlass.
    async fn apply(&self, object: &Value) -> Value {
        let live = self.live(object).await;
        self.access.apply_object(object, live.as_ref()).await.expect("it is applied").object
    }

    /// Applies an object as another field manager.
    async fn apply_as(&self, manager: &str, object: &Value) {
        let (resource, key) =
            self.access.resolve_key(&ObjectKey::new(object).expect("complete")).await.expect("known");
        let path = resource.object_path(key.namespace.as_deref(), &key.name);
        let call = Call::apply(format!("{path}?fieldManager={manager}&force=true"), object);
        self.access.send(call).await.expect("it is applied");
    }

    /// The error of an apply.
    async fn error(&self, object: &Value) -> ApplyError {
        let live = self.live(object).await;
        self.access.apply_object(object, live.as_ref()).await.expect_err("an error")
    }

    /// The error of an apply, with the namespace as `NS`.
    async fn message(&self, object: &Value) -> String {
        self.shown(&self.error(object).await)
    }

    fn shown(&self, error: &ApplyError) -> String {
        error.to_string().replace(&self.namespace, "NS")
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        // The runtime of the test ends with it.
        let (access, paths) =
            (self.access.context().ok().flatten().cloned(), std::mem::take(&mut self.paths));
        let path = std::env::var("KUBECONFIG").unwrap_or_default();
        let Some(context) = access else { return };
        let cleanup = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            let access = access_of(&path, &context.namespace);
            for path in paths {
                let options = json!({ "kind": "DeleteOptions", "apiVersion": "v1" });
                let _ = runtime.block_on(access.send(Call::delete(path, &options)));
            }
        });
        let _ = cleanup.join();
    }
}

fn access_of(path: &str, namespace: &str) -> ClusterAccess {
    let kubeconfig = Kubeconfig::find(&|name| (name == "KUBECONFIG").then(|| path.to_owned()));
    let kubeconfig = kubeconfig.expect("a kubeconfig").expect("a kubeconfig");
    ClusterAccess::of_kubeconfig(kubeconfig, namespace).expect("a context")
}

/// A cluster at a URL, without credentials.
pub(super) fn access_to(server: &str, namespace: &str) -> ClusterAccess {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        "clusters": [{ "name": "c", "cluster": { "server": server } }],
        "users": [{ "name": "u", "user": {} }],
    });
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), kubeconfig.to_string()).expect("a file");
    access_of(&file.path().display().to_string(), namespace)
}

/// Counts a skipped test for `tests/run`.
fn skip(reason: &str) {
    let thread = std::thread::current();
    let line = format!("skipped {}: {reason}\n", thread.name().unwrap_or("a test"));
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("WINDLASS_TEST_LEFT_OUT").map(PathBuf::from) {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
