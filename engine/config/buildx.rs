//! `buildKit.command` and `buildKit.inCluster`: BuildKit through `docker buildx`.

/// What only `docker buildx` can do of `buildKit` (spec config §13.1, image-building §8.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildxConfig {
    /// `command`: the program and its first words.
    pub command: Vec<String>,
    /// `inCluster`, when given.
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
    /// `name` of the builder; `devspace-` and the namespace when absent.
    pub name: Option<String>,
    /// `namespace` of its pods; the run's when absent.
    pub namespace: Option<String>,
    /// `rootless`.
    pub rootless: bool,
    /// `image` of its pods.
    pub image: Option<String>,
    /// `nodeSelector`: where its pods may run, `disk=ssd,zone=a`.
    pub node_selector: Option<String>,
    /// `noCreate`: the builder is there, and not made.
    pub no_create: bool,
    /// `noRecreate`: one that is made otherwise is kept.
    pub no_recreate: bool,
    /// `noLoad`: an image that is not pushed is not loaded into the daemon either.
    pub no_load: bool,
    /// `createArgs`: more arguments for making it.
    pub create_args: Vec<String>,
}
