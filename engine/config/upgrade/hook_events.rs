//! The older form of a hook's events (spec config §13.5): `when.before.images: all` is `before:build`.

use super::edit::text;
use crate::config::node::{Mapping, Node, field};

/// The keys of `when.before` and its kin, with what they are called in events.
const PHASES: [(&str, &str); 6] = [
    ("images", "build"),
    ("deployments", "deploy"),
    ("purgeDeployments", "purge"),
    ("dependencies", "deployDependencies"),
    ("pullSecrets", "createPullSecrets"),
    ("initialSync", "initialSync"),
];

/// The events that `when` means, each where its name stands.
pub(super) fn events(when: &Mapping) -> Vec<Node> {
    let mut events = Vec::new();
    for (key, prefix) in [("before", "before"), ("after", "after"), ("onError", "error")] {
        let Some(moments) = field(when, key).and_then(Node::as_mapping) else { continue };
        for (phase, event) in PHASES {
            let Some(node) = field(moments, phase) else { continue };
            let names = node.as_scalar().map_or("", |scalar| scalar.text.as_str());
            events.extend(names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| {
                match name {
                    "all" => text(node.span, &format!("{prefix}:{event}")),
                    name => text(node.span, &format!("{prefix}:{event}:{name}")),
                }
            }));
        }
    }
    events
}
