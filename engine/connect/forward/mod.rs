//! Forwarded ports: local ports whose connections go to the container that is current.

mod error;
mod listen;
mod owner;
mod serve;

pub use error::ForwardError;
pub use listen::{ForwardSpec, ListeningPort};
