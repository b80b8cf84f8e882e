//! Reports the destination of a forwarded port.

use crate::connect::TargetWatch;
use crate::event::{Event, Events, ForwardChange};

/// Reports the container of a forwarded port, from its opening to its end: when it is dropped.
pub struct ForwardReport {
    /// The local address: `localhost:8080`.
    pub address: String,
    /// Its destination: ``port 80 of image `web` ``.
    pub to: String,
    /// Receives the events.
    pub events: Events,
}

impl ForwardReport {
    /// Reports that the port is open, and then each container that `watch` finds; never ends.
    pub async fn follow(&self, watch: &TargetWatch) {
        self.emit(ForwardChange::Opened);
        let mut states = watch.subscribe();
        let mut known = None;
        loop {
            let target = states.borrow_and_update().target.clone();
            let container = target.map(|target| format!("{}/{}", target.pod, target.container));
            if container != known {
                self.emit(match &container {
                    Some(container) => ForwardChange::Connected { container: container.clone() },
                    None => ForwardChange::Waiting,
                });
                known = container;
            }
            if states.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn emit(&self, change: ForwardChange) {
        self.events.emit(Event::Forward { address: self.address.clone(), to: self.to.clone(), change });
    }
}

impl Drop for ForwardReport {
    fn drop(&mut self) {
        self.emit(ForwardChange::Closed);
    }
}
