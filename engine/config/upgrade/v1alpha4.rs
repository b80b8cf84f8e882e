//! v1alpha4 to v1beta1: forwarded ports get their current names.

use super::edit::{items, map, rename};
use crate::config::node::Mapping;

pub(super) fn upgrade(document: &mut Mapping) {
    let Some(dev) = map(document, "dev") else { return };
    for ports in items(dev, "ports") {
        rename(ports, "portMappings", "forward");
        items(ports, "forward").for_each(|port| rename(port, "localPort", "port"));
    }
}
