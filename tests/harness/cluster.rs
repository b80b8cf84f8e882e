//! The Kubernetes cluster of the tests.

use std::fmt::Debug;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, ResourceQuota, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::{DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::missing::leave_out_always;
use super::run_name::run_name;
use super::wait_for;

/// The label with a node's host name.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The timeout for actions of the cluster's controllers.
const LIMIT: Duration = Duration::from_secs(30);

/// A namespace of one test in the cluster of `KUBECONFIG`. Dropping it deletes the namespace.
pub struct Cluster {
    access: &'static Access,
    namespace: String,
}

/// The cluster, shared by all tests, with its own threads.
struct Access {
    runtime: Runtime,
    client: Client,
    kubeconfig: Kubeconfig,
}

impl Cluster {
    /// A namespace in the cluster of `KUBECONFIG`. `None`, with a notice, unless `USE_EXISTING_CLUSTER` permits the use
    /// of that cluster: tests must not run in a production cluster by accident.
    pub fn acquire() -> Option<Self> {
        let cluster = Self::without_namespace()?;
        cluster.create_namespace();
        wait_for("the service account of a namespace", LIMIT, || cluster.find::<ServiceAccount>("default"));
        Some(cluster)
    }

    /// Like [`Cluster::acquire`], in a cluster with a node that runs pods.
    pub fn with_node() -> Option<Self> {
        let cluster = Self::acquire()?;
        if cluster.real_node().is_none() {
            leave_out_always("the cluster for tests has no node");
            return None;
        }
        Some(cluster)
    }

    /// Like [`Cluster::acquire`], but the namespace does not exist yet.
    pub fn without_namespace() -> Option<Self> {
        static ACCESS: LazyLock<Option<Access>> = LazyLock::new(Access::from_environment);
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let Some(access) = ACCESS.as_ref() else {
            leave_out_always("no cluster for tests: set KUBECONFIG and USE_EXISTING_CLUSTER=true");
            return None;
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Some(Self { access, namespace: format!("{}-{number}", run_name()) })
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Creates the namespace.
    #[track_caller]
    pub fn create_namespace(&self) {
        let api: Api<Namespace> = Api::all(self.access.client.clone());
        self.apply(&api, &self.namespace, json!({ "apiVersion": "v1", "kind": "Namespace" }));
    }

    /// Deletes the namespace, without waiting for that.
    pub fn delete_namespace(&self) {
        let api: Api<Namespace> = Api::all(self.access.client.clone());
        self.block_on(api.delete(&self.namespace, &DeleteParams::background()))
            .expect("a namespace can be deleted");
    }

    /// The namespace as an object; `None` if it does not exist.
    pub fn namespace_object(&self) -> Option<Namespace> {
        let api: Api<Namespace> = Api::all(self.access.client.clone());
        self.block_on(api.get_opt(&self.namespace)).expect("the cluster responds")
    }

    /// Creates or changes an object outside of namespaces as another client. Dropping it deletes it.
    #[track_caller]
    pub fn apply_global<K>(&self, name: &str, body: Value) -> GlobalObject
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Serialize,
        K: Send + Sync + 'static,
    {
        let api: Api<K> = Api::all(self.access.client.clone());
        self.apply(&api, name, body);
        self.delete_global::<K>(name)
    }

    /// Deletes an object outside of namespaces when the result is dropped.
    pub fn delete_global<K>(&self, name: &str) -> GlobalObject
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + DeserializeOwned,
        K: Send + Sync + 'static,
    {
        let (access, name) = (self.access, name.to_owned());
        let api: Api<K> = Api::all(access.client.clone());
        GlobalObject(Box::new(move || {
            let _ = access.runtime.block_on(api.delete(&name, &DeleteParams::background()));
        }))
    }

    /// Changes an object of the namespace by a merge patch, as another client.
    #[track_caller]
    pub fn patch<K>(&self, name: &str, patch: &Value) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let patch = Patch::Merge(patch);
        self.block_on(self.api::<K>().patch(name, &PatchParams::default(), &patch))
            .expect("an object can be changed")
    }

    /// Changes the status of an object of the namespace by a merge patch, as its controller.
    #[track_caller]
    pub fn patch_status<K>(&self, name: &str, patch: &Value) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let patch = Patch::Merge(patch);
        self.block_on(self.api::<K>().patch_status(name, &PatchParams::default(), &patch))
            .expect("a status can be changed")
    }

    /// Applies an object of the namespace server-side, as the field manager `somebody`.
    #[track_caller]
    pub fn apply_object<K>(&self, name: &str, body: Value)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Serialize,
    {
        self.apply(&self.api::<K>(), name, body);
    }

    /// The URL of the API server.
    pub fn server(&self) -> String {
        self.entry("clusters", "cluster")["server"].as_str().expect("a server").to_owned()
    }

    /// The certificates of the API server's authority, as PEM.
    pub fn authority(&self) -> Vec<u8> {
        let entry = self.entry("clusters", "cluster");
        match entry["certificate-authority-data"].as_str() {
            Some(data) => STANDARD.decode(data).expect("base64"),
            None => {
                let file = entry["certificate-authority"].as_str().expect("an authority");
                std::fs::read(file).expect("the authority can be read")
            }
        }
    }

    /// The token of the kubeconfig's user.
    pub fn token(&self) -> String {
        self.entry("users", "user")["token"].as_str().expect("a token").to_owned()
    }

    /// A kubeconfig whose current context `name` selects the namespace; the cluster's entry has the same name.
    pub fn kubeconfig(&self, name: &str) -> String {
        self.kubeconfig_as(name, &json!({}))
    }

    /// Like [`Cluster::kubeconfig`], with `more` in the user's entry.
    pub fn kubeconfig_as(&self, name: &str, more: &Value) -> String {
        let (cluster, mut user) = (self.entry("clusters", "cluster"), self.entry("users", "user"));
        for (key, value) in more.as_object().expect("a map") {
            user[key] = value.clone();
        }
        let user = user.as_object().expect("a map").iter().filter(|(_, value)| !value.is_null());
        let user: serde_json::Map<_, _> = user.map(|(key, value)| (key.clone(), value.clone())).collect();
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{ "name": name, "context": { "cluster": name, "user": "user", "namespace": self.namespace } }],
            "clusters": [{ "name": name, "cluster": cluster }],
            "users": [{ "name": "user", "user": user }],
        })
        .to_string()
    }

    /// An object of the namespace; `None` if it does not exist.
    pub fn find<K>(&self, name: &str) -> Option<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        self.block_on(self.api::<K>().get_opt(name)).expect("the cluster responds")
    }

    /// An object outside of namespaces; `None` if it does not exist.
    pub fn find_global<K>(&self, name: &str) -> Option<K>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let api: Api<K> = Api::all(self.access.client.clone());
        self.block_on(api.get_opt(name)).expect("the cluster responds")
    }

    /// All objects of a kind in the namespace.
    pub fn list<K>(&self) -> Vec<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        self.block_on(self.api::<K>().list(&ListParams::default())).expect("the cluster responds").items
    }

    /// The names of the pods that are not being deleted.
    pub fn pods(&self) -> Vec<String> {
        let pods = self.list::<Pod>().into_iter();
        let pods = pods.filter(|pod| pod.metadata.deletion_timestamp.is_none());
        pods.filter_map(|pod| pod.metadata.name).collect()
    }

    /// Creates an object as another client, as soon as the cluster is ready for it: older clusters reject a pod before
    /// its service account has a token.
    #[track_caller]
    pub fn create<K>(&self, object: Value) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Serialize,
    {
        let object: K = serde_json::from_value(object).expect("an object");
        wait_for("the cluster to accept an object", LIMIT, || {
            match self.block_on(self.api().create(&PostParams::default(), &object)) {
                Err(kube::Error::Api(status)) if status.reason == "ServerTimeout" => None,
                created => Some(created.expect("an object can be created")),
            }
        })
    }

    /// Deletes an object as another client.
    #[track_caller]
    pub fn delete<K>(&self, name: &str)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let params = DeleteParams::default().grace_period(1);
        let _ = self.block_on(self.api::<K>().delete(name, &params)).expect("an object can be deleted");
    }

    /// The log of the pod `name`.
    #[track_caller]
    pub fn logs(&self, name: &str) -> String {
        self.block_on(self.api::<Pod>().logs(name, &LogParams::default())).expect("a pod has a log")
    }

    /// Permits the service account `account` to use each of these verbs on each of the resources, in the namespace.
    pub fn allow(&self, account: &str, rights: &[(&[&str], &[&str])]) {
        let rules = rights
            .iter()
            .map(|(verbs, resources)| json!({ "apiGroups": [""], "resources": resources, "verbs": verbs }));
        let rules: Vec<_> = rules.collect();
        self.create::<Role>(json!({ "metadata": { "name": account }, "rules": rules }));
        self.create::<RoleBinding>(json!({
            "metadata": { "name": account },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account },
            "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": self.namespace }],
        }));
    }

    /// A node that runs pods.
    fn real_node(&self) -> Option<Node> {
        let api: Api<Node> = Api::all(self.access.client.clone());
        let nodes = self.block_on(api.list(&ListParams::default())).expect("the cluster responds").items;
        nodes.into_iter().find(|node| {
            let conditions = node.status.iter().filter_map(|status| status.conditions.as_ref()).flatten();
            conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
        })
    }

    /// The node that runs pods, under another host name. Dropping it restores the name. `None` without a node.
    pub fn rename_node(&self, hostname: &str) -> Option<RenamedNode> {
        let node = self.real_node()?;
        let before = node.metadata.labels.unwrap_or_default().remove(HOSTNAME).unwrap_or_default();
        let node = RenamedNode { access: self.access, name: node.metadata.name.unwrap_or_default(), before };
        node.set_hostname(hostname);
        Some(node)
    }

    /// Sets a quota for the namespace: `{"pods": "0"}`.
    #[track_caller]
    pub fn limit(&self, hard: &Value) {
        let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "spec": { "hard": hard } });
        self.apply(&self.api::<ResourceQuota>(), "none", quota);
        wait_for("the quota", LIMIT, || self.find::<ResourceQuota>("none")?.status?.hard);
    }

    /// The docker configuration in the pull secret `name`; `None` if it does not exist.
    pub fn pull_secret(&self, name: &str) -> Option<Value> {
        let data = self.find::<Secret>(name)?.data?;
        serde_json::from_slice(&data.get(".dockerconfigjson")?.0).ok()
    }

    /// The names of the secrets with which `account` pulls.
    #[track_caller]
    pub fn pull_secrets_of(&self, account: &str) -> Vec<String> {
        let account = self.find::<ServiceAccount>(account).expect("the account exists");
        account.image_pull_secrets.unwrap_or_default().into_iter().map(|secret| secret.name).collect()
    }

    /// The number of pull secrets in the namespace.
    pub fn pull_secret_count(&self) -> usize {
        let params = ListParams::default().fields("type=kubernetes.io/dockerconfigjson");
        self.block_on(self.api::<Secret>().list(&params)).expect("the cluster responds").items.len()
    }

    /// Creates or changes a secret as another client.
    #[track_caller]
    pub fn apply_secret(&self, name: &str, body: Value) {
        self.apply(&self.api::<Secret>(), name, body);
    }

    /// Creates a service account that pulls with `secrets`.
    #[track_caller]
    pub fn create_account(&self, name: &str, secrets: &[&str]) {
        let secrets: Vec<_> = secrets.iter().map(|name| json!({ "name": name })).collect();
        let account = json!({ "metadata": { "name": name }, "imagePullSecrets": secrets });
        let account: ServiceAccount = serde_json::from_value(account).expect("an account");
        self.block_on(self.api().create(&PostParams::default(), &account))
            .expect("an account can be created");
    }

    /// Registers the only node of the cluster, with this description. Dropping it deletes it.
    #[track_caller]
    pub fn register_node(&self, name: &str, runtime: &str, kernel: &str) -> RegisteredNode {
        let api: Api<Node> = Api::all(self.access.client.clone());
        let node = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": { "name": name, "labels": { HOSTNAME: name } },
        });
        self.apply(&api, name, node.clone());
        let info = json!({
            "architecture": "amd64", "bootID": "b", "containerRuntimeVersion": runtime, "kernelVersion": kernel,
            "kubeProxyVersion": "v1", "kubeletVersion": "v1", "machineID": "m", "operatingSystem": "linux",
            "osImage": "o", "systemUUID": "s",
        });
        let status = Patch::Merge(json!({ "status": { "nodeInfo": info } }));
        self.block_on(api.patch_status(name, &PatchParams::default(), &status))
            .expect("a node can be described");
        RegisteredNode { access: self.access, name: name.to_owned() }
    }

    fn apply<K>(&self, api: &Api<K>, name: &str, mut body: Value)
    where
        K: Resource + Clone + Debug + DeserializeOwned + Serialize,
    {
        body["metadata"]["name"] = name.into();
        let params = PatchParams::apply("somebody").force();
        self.block_on(api.patch(name, &params, &Patch::Apply(&body))).expect("an object can be applied");
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.access.client.clone(), &self.namespace)
    }

    fn entry(&self, section: &str, key: &str) -> Value {
        let config = serde_json::to_value(&self.access.kubeconfig).expect("a kubeconfig is data");
        config[section][0][key].clone()
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.access.runtime.block_on(future)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let api: Api<Namespace> = Api::all(self.access.client.clone());
        let _ = self.block_on(api.delete(&self.namespace, &DeleteParams::background()));
    }
}

/// An object outside of namespaces, which is deleted when this is dropped.
pub struct GlobalObject(Box<dyn Fn()>);

impl Drop for GlobalObject {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A node that a test registered.
pub struct RegisteredNode {
    access: &'static Access,
    name: String,
}

impl Drop for RegisteredNode {
    fn drop(&mut self) {
        let api: Api<Node> = Api::all(self.access.client.clone());
        let _ = self.access.runtime.block_on(api.delete(&self.name, &DeleteParams::background()));
    }
}

/// A node with another host name.
pub struct RenamedNode {
    access: &'static Access,
    name: String,
    before: String,
}

impl RenamedNode {
    fn set_hostname(&self, hostname: &str) {
        let api: Api<Node> = Api::all(self.access.client.clone());
        let patch = Patch::Merge(json!({ "metadata": { "labels": { HOSTNAME: hostname } } }));
        let patched = self.access.runtime.block_on(api.patch(&self.name, &PatchParams::default(), &patch));
        patched.expect("a node can be labelled");
    }
}

impl Drop for RenamedNode {
    fn drop(&mut self) {
        self.set_hostname(&self.before);
    }
}

impl Access {
    fn from_environment() -> Option<Self> {
        let is_allowed = std::env::var("USE_EXISTING_CLUSTER").is_ok_and(|value| value == "true");
        let path = std::env::var_os("KUBECONFIG").filter(|_| is_allowed)?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kubeconfig = Kubeconfig::read_from(path).expect("KUBECONFIG names one file");
        // Files that the kubeconfig refers to are embedded, so that it can be copied elsewhere.
        let kubeconfig = with_authority(kubeconfig);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a thread can be started");
        let client = runtime.block_on(async {
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &options).await;
            Client::try_from(config.expect("the kubeconfig leads to a cluster"))
        });
        Some(Self { client: client.expect("a client"), runtime, kubeconfig })
    }
}

fn with_authority(mut kubeconfig: Kubeconfig) -> Kubeconfig {
    let clusters = kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut());
    for cluster in clusters {
        if let Some(path) = cluster.certificate_authority.take() {
            let authority = std::fs::read(path).expect("the authority's certificate can be read");
            cluster.certificate_authority_data = Some(STANDARD.encode(authority));
        }
    }
    kubeconfig
}
