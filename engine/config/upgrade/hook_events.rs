//! Converts the older form of a hook's events: `when.before.images: all` becomes `before:build`.

use super::edit::text;
use crate::config::node::{Mapping, YamlNode, field};

/// The keys of `when.before`, `when.after` and `when.onError`, with their names in events. The older form does not
/// distinguish whether dependencies are built or deployed.
const PHASES: [(&str, &[&str]); 6] = [
    ("images", &["build"]),
    ("deployments", &["deploy"]),
    ("purgeDeployments", &["purge"]),
    ("dependencies", &["buildDependencies", "deployDependencies"]),
    ("pullSecrets", &["createPullSecrets"]),
    ("initialSync", &["initialSync"]),
];

/// The steps whose error events are per item: `all` means `*`.
const SINGLE: [&str; 3] = ["build", "deploy", "purge"];

/// The events of `when`, each with the location of its name.
pub(super) fn events(when: &Mapping) -> Vec<YamlNode> {
    let mut events = Vec::new();
    for (key, moment) in [("before", "before"), ("after", "after"), ("onError", "error")] {
        let Some(moments) = field(when, key).and_then(YamlNode::as_mapping) else { continue };
        for (phase, phase_events) in PHASES {
            let Some(node) = field(moments, phase) else { continue };
            let names = node.as_scalar().map_or("", |scalar| scalar.text.as_str());
            for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                let event = |event: &&str| {
                    let of_each = *event == "initialSync" || (moment == "error" && SINGLE.contains(event));
                    match name {
                        "all" if of_each => format!("{moment}:{event}:*"),
                        "all" => format!("{moment}:{event}"),
                        name => format!("{moment}:{event}:{name}"),
                    }
                };
                events.extend(phase_events.iter().map(event).map(|event| text(node.span, &event)));
            }
        }
    }
    events
}
