//! v1alpha3 to v1alpha4: charts and values of Helm get their current names.

use super::edit::{entry, items, map, rename};
use crate::config::node::{Mapping, Value, YamlNode};

pub(super) fn upgrade(document: &mut Mapping) {
    for deployment in items(document, "deployments") {
        let Some(helm) = map(deployment, "helm") else { continue };
        rename(helm, "overrides", "valuesFiles");
        rename(helm, "overrideValues", "values");
        rename(helm, "chartPath", "chart");
        if let Some(chart) = helm.get_mut("chart").filter(|chart| chart.node.as_scalar().is_some()) {
            let name = entry(chart.node.span, chart.node.clone());
            let value = Value::Mapping(Mapping::from([("name".to_owned(), name)]));
            chart.node = YamlNode { span: chart.node.span, value };
        }
    }
}
