//! `buildKit.command` and `buildKit.inCluster`: BuildKit through `docker buildx`.

/// The options of `buildKit` that only `docker buildx` supports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildxConfig {
    /// `command`: the executable and its first arguments.
    pub command: Vec<String>,
    /// `inCluster`, if given.
    pub in_cluster: Option<InClusterConfig>,
}

impl Default for BuildxConfig {
    fn default() -> Self {
        Self { command: ["docker", "buildx"].map(String::from).into(), in_cluster: None }
    }
}

/// `buildKit.inCluster`: a builder in the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InClusterConfig {
    /// `name` of the builder; if absent, `devspace-` and the namespace.
    pub name: Option<String>,
    /// `namespace` of its pods; if absent, that of the run.
    pub namespace: Option<String>,
    /// `rootless`.
    pub rootless: bool,
    /// `image` of its pods.
    pub image: Option<String>,
    /// `nodeSelector`: the labels of the nodes for its pods, such as `disk=ssd,zone=a`.
    pub node_selector: Option<String>,
    /// `noCreate`: do not create the builder, it must exist.
    pub no_create: bool,
    /// `noRecreate`: keep an existing builder with a different configuration.
    pub no_recreate: bool,
    /// `noLoad`: do not load an image that is not pushed into the daemon.
    pub no_load: bool,
    /// `createArgs`: additional arguments of `docker buildx create`.
    pub create_args: Vec<String>,
}
