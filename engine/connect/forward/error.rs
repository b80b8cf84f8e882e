//! Errors of forwarded ports.

use crate::plural::noun;

/// Why a port cannot be forwarded.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum ForwardError {
    /// The local address is unknown.
    #[error("cannot listen on `{address}` for `{key}`: {reason}")]
    #[diagnostic(
        code(forward::bad_address),
        help("use an address of this machine, such as `127.0.0.1` or `0.0.0.0`")
    )]
    BadAddress {
        /// The address.
        address: String,
        /// Where it comes from: `dev.ports[0]`, or an argument.
        key: String,
        /// The reason.
        reason: String,
    },

    /// The system does not permit the port.
    #[error("cannot listen on port {port}: permission denied")]
    #[diagnostic(code(forward::not_permitted), help("use a local port of at least 1024: change {key}"))]
    NotPermitted {
        /// The port.
        port: u16,
        /// The key to change.
        key: String,
    },

    /// The local port is in use.
    #[error("cannot listen on port {port}: it is in use{}", by(.owner))]
    #[diagnostic(code(forward::port_taken), help("end that process, or change {key}"))]
    PortTaken {
        /// The port.
        port: u16,
        /// The process that uses it, if it is known: `` `node` (process 4711)``.
        owner: Option<String>,
        /// The key to change.
        key: String,
    },

    /// No port can be forwarded.
    #[error("no port can be forwarded: {} {} failed", count, noun(*count, "port"))]
    #[diagnostic(code(forward::none), help("see the messages above"))]
    None {
        /// The number of ports.
        count: u32,
    },
}

fn by(owner: &Option<String>) -> String {
    owner.as_ref().map(|owner| format!(" by {owner}")).unwrap_or_default()
}
