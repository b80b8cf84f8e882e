//! v1beta3 to v1beta4: a component becomes a Helm deployment with the component chart.

use super::edit::{as_map, entry, items, plain};
use crate::config::node::{Mapping, Value, YamlNode};

pub(super) fn upgrade(document: &mut Mapping) {
    for deployment in items(document, "deployments") {
        let Some((position, _, mut component)) = deployment.shift_remove_full("component") else { continue };
        let (at, span) = (component.key, component.node.span);
        let Some(values) = as_map(&mut component.node) else {
            // Its type was reported: do not report a missing `helm` as well.
            deployment.shift_insert(position, "helm".to_owned(), component);
            continue;
        };
        let options = values.shift_remove("options");
        let mut helm = Mapping::from([
            ("componentChart".to_owned(), entry(at, plain(at, "true"))),
            ("values".to_owned(), component),
        ]);
        if let Some(Value::Mapping(options)) = options.map(|options| options.node.value) {
            helm.extend(options);
        }
        let helm = entry(at, YamlNode { span, value: Value::Mapping(helm) });
        deployment.shift_insert(position, "helm".to_owned(), helm);
    }
}
