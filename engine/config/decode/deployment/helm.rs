//! `helm` of a deployment.

use serde_json::{Map, Value as Json};

use super::upgrade_args::{UpgradeArgs, upgrade_args};
use super::{all_located, chart, check_name, warn_ignored};
use crate::config::node::{Mapping, YamlNode, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;
use crate::config::schema::HELM_DRIVERS;
use crate::config::{HelmConfig, HelmDriver, TillerConfig};

/// Reads `helm` of the deployment `name`, which messages call `of`.
pub(super) fn helm(
    name: &str,
    node: &YamlNode,
    deployment: &Mapping,
    of: &str,
    reader: &mut Reader<'_>,
) -> Option<HelmConfig> {
    let mapping = reader.mapping(node, &format!("`helm` of {of}"))?;
    let chart = chart::chart(mapping, deployment, of, reader);
    let values_files = all_located(mapping, "valuesFiles", of, reader);
    let UpgradeArgs { wait, timeout, atomic, force, cleanup_on_fail, disable_hooks, upgrade_args } =
        upgrade_args(mapping, of, reader);
    let reason = "`helm upgrade` fetches the chart";
    warn_ignored(mapping, "fetchArgs", of, reason, "remove it, or write `upgradeArgs`", reader);
    let mut args = |key: &str| reader.texts(mapping, key, of).unwrap_or_default();
    let (template_args, fetch_args, delete_args) =
        (args("templateArgs"), args("fetchArgs"), args("deleteArgs"));
    let mut flag = |key: &str| reader.boolean(mapping, key, of).unwrap_or(false);
    let display_output = flag("displayOutput");
    let disable_dependency_update = flag("disableDependencyUpdate");
    if flag("recreate") {
        warn_ignored(
            mapping,
            "recreate",
            of,
            "Helm deprecated `--recreate-pods`",
            "remove it, and restart pods with `kubectl rollout restart`",
            reader,
        );
    }
    Some(HelmConfig {
        release_name: release_name(name, mapping, of, reader),
        values: values(mapping, of, reader),
        values_files,
        wait,
        timeout,
        atomic,
        force,
        cleanup_on_fail,
        disable_hooks,
        driver: driver(mapping, of, reader),
        path: reader.text(mapping, "path", of).filter(|path| !path.is_empty()),
        upgrade_args,
        template_args,
        fetch_args,
        delete_args,
        display_output,
        disable_dependency_update,
        tiller: tiller(mapping, deployment, of, reader),
        chart: chart?,
    })
}

/// `releaseName`, by default the name of the deployment, which was checked.
fn release_name(name: &str, mapping: &Mapping, of: &str, reader: &mut Reader<'_>) -> String {
    let own = reader.text(mapping, "releaseName", of).filter(|name| !name.is_empty());
    let (Some(own), Some(node)) = (own, field(mapping, "releaseName")) else { return name.to_owned() };
    check_name(&own, node.span, &format!("`releaseName` of {of}"), reader);
    own
}

fn values(mapping: &Mapping, of: &str, reader: &mut Reader<'_>) -> Map<String, Json> {
    let Some(node) = field(mapping, "values") else { return Map::new() };
    match reader.mapping(node, &format!("`values` of {of}")).map(|_| node.to_json()) {
        Some(Json::Object(values)) => values,
        _ => Map::new(),
    }
}

fn driver(mapping: &Mapping, of: &str, reader: &mut Reader<'_>) -> Option<HelmDriver> {
    let node = field(mapping, "driver")?;
    match reader.text(mapping, "driver", of)?.as_str() {
        "" => None,
        "secret" | "secrets" => Some(HelmDriver::Secret),
        "configmap" | "configmaps" => Some(HelmDriver::ConfigMap),
        "memory" => Some(HelmDriver::Memory),
        other => {
            let shown = node.as_scalar().map_or(other, |scalar| scalar.shown());
            let message = format!("unknown `driver` `{shown}` of {of}");
            let report = Report::new("config::deployment", message, "unknown value");
            reader.problems.add(node.span, report.suggest(other, HELM_DRIVERS.iter().copied()));
            None
        }
    }
}

/// Helm 2, also the default before v1beta5. The default causes no warning, because such a file cannot change it.
fn tiller(
    mapping: &Mapping,
    deployment: &Mapping,
    of: &str,
    reader: &mut Reader<'_>,
) -> Option<TillerConfig> {
    const REASON: &str = "windlass uses Helm 3 or 4, which have no Tiller";
    const HELP: &str = "migrate its release with `helm 2to3 convert NAME`, and remove this key";
    let is_helm_2 = reader.boolean(mapping, "v2", of) == Some(true);
    // The key that an upgrade added has the location of its cause.
    let is_added = mapping.get("v2").map(|entry| entry.key) == deployment.get("helm").map(|entry| entry.key);
    if is_helm_2 && !is_added {
        warn_ignored(mapping, "v2", of, REASON, HELP, reader);
    }
    warn_ignored(mapping, "tillerNamespace", of, REASON, HELP, reader);
    let namespace = reader.text(mapping, "tillerNamespace", of).filter(|name| !name.is_empty());
    is_helm_2.then_some(TillerConfig { namespace })
}
