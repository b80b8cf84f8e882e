//! `windlass list ports`.

use serde::Serialize;

use super::{Row, show};
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load;
use crate::config::{ContainerSelection, Forward, Origin};

/// The additional help text.
pub(super) const HELP: &str = "\
Lists the forwarded ports of `dev` in file order, without contacting a cluster. `windlass
plan dev` also shows what your scripts change.

Fields of --json:
  port         the local port
  remote_port  the port in the container
  address      the local address, or null for 127.0.0.1 and ::1
  selection    the container: image, imageSelector, labels, container, namespace
  origin       file and line of the port in devspace.yaml";

/// One forwarded port.
#[derive(Serialize)]
struct Port<'a> {
    port: u16,
    remote_port: u16,
    address: Option<&'a str>,
    selection: &'a ContainerSelection,
    origin: &'a Origin,
}

impl Row for Port<'_> {
    const COLUMNS: &'static [&'static str] = &["port", "remote port", "address", "container"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.port.to_string(),
            self.remote_port.to_string(),
            self.address.unwrap_or("localhost").to_owned(),
            self.selection.to_string(),
        ]
    }
}

/// Lists the forwarded ports in file order.
pub(super) fn list(global: &GlobalOptions, json: bool) -> Result<ExitStatus, Failure> {
    let loaded = load::load_outline(global)?;
    load::report(&loaded.warnings, global);
    let rows: Vec<_> = loaded.project.dev.ports.iter().map(row).collect();
    show(&rows, json, "the project forwards no ports")
}

fn row(forward: &Forward) -> Port<'_> {
    Port {
        port: forward.port,
        remote_port: forward.remote_port,
        address: forward.bind_address.as_deref(),
        selection: &forward.selection,
        origin: &forward.origin,
    }
}
