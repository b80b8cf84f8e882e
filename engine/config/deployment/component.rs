//! The component chart of DevSpace.

/// The chart that `componentChart: true` selects, and from v2beta1 on every `helm` without `chart`.
///
/// It writes `labels` of the values into the selectors of its Deployments and StatefulSets, which Kubernetes does not
/// allow to change later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComponentChart;

impl ComponentChart {
    /// Its name in [`Self::REPO`].
    pub const NAME: &'static str = "component-chart";
    /// Its repository.
    pub const REPO: &'static str = "https://charts.devspace.sh";
    /// The version without another setting. The versions of DevSpace 4 have no Ingress that Kubernetes 1.22 accepts.
    pub const VERSION: &'static str = "0.9.1";
    /// The environment variable with another version, or the path of a chart.
    pub const VARIABLE: &'static str = "WINDLASS_COMPONENT_CHART";
}
