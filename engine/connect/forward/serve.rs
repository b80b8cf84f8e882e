//! Passes the connections of a local port on to the container that is current.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::ListeningPort;
use crate::cluster::{ClusterAccess, ClusterError, PortEnd};
use crate::connect::{Notices, SelectedContainer, TargetWatch};
use crate::error::in_one_line;
use crate::event::Level;

/// How long a connection waits for a container.
const LIMIT: Duration = Duration::from_secs(5);

/// The pause before another attempt, or after a failed accept.
const PAUSE: Duration = Duration::from_millis(250);

impl ListeningPort {
    /// Passes each connection on to the container that is current in `target`, until `cancel`; then all are closed.
    /// Failures of connections are reported once a minute.
    pub async fn serve(
        self,
        access: ClusterAccess,
        target: TargetWatch,
        notices: Notices,
        cancel: CancellationToken,
    ) {
        let connections =
            Connections { local: self.address(), port: self.spec.remote_port, access, target, notices };
        // Dropping the set closes the connections.
        let mut open = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                Some(_) = open.join_next() => continue,
                accepted = accept(&self.listeners) => accepted,
            };
            match accepted {
                Ok(stream) => {
                    let connections = connections.clone();
                    open.spawn(async move { connections.carry(stream).await });
                }
                // Too many open files: those of closed connections become free.
                Err(error) => {
                    let local = &connections.local;
                    connections
                        .notices
                        .report(Level::Warning, format!("cannot accept a connection on {local}: {error}"));
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// The next connection of one of `listeners`.
async fn accept(listeners: &[TcpListener]) -> std::io::Result<TcpStream> {
    let mut accepts: FuturesUnordered<_> = listeners.iter().map(TcpListener::accept).collect();
    match accepts.next().await {
        Some(accepted) => accepted.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

#[derive(Clone)]
struct Connections {
    /// The local address.
    local: String,
    /// The port in the container.
    port: u16,
    access: ClusterAccess,
    target: TargetWatch,
    notices: Notices,
}

impl Connections {
    /// Carries one connection to its end.
    async fn carry(&self, stream: TcpStream) {
        // Interactive protocols must not wait for more data.
        let _ = stream.set_nodelay(true);
        let end = Instant::now() + LIMIT;
        let (local, port) = (&self.local, self.port);
        let mut last = None;
        while Instant::now() < end {
            let Some(target) = self.target.wait(end.saturating_duration_since(Instant::now())).await else {
                break;
            };
            let SelectedContainer { namespace, pod, .. } = &target;
            match self.access.connect_port(namespace, pod, port).await {
                Ok(connection) => return self.report_end(&target, connection.carry(stream).await),
                Err(error @ (ClusterError::Forbidden { .. } | ClusterError::NoCluster)) => {
                    return self.notices.report(Level::Warning, in_one_line(&error));
                }
                Err(error) => {
                    if matches!(error, ClusterError::Unauthorized { .. }) {
                        self.access.log_in_again().await;
                    }
                    // The pod may have been replaced just now.
                    last = Some(error);
                    sleep(PAUSE).await;
                }
            }
        }
        let reason = match last {
            Some(error) => error.to_string(),
            None => "no container runs".to_owned(),
        };
        self.notices.report(Level::Warning, format!("{local}: closed a connection: {reason}"));
    }

    /// Reports why the pod did not accept a connection, or why it broke.
    fn report_end(&self, target: &SelectedContainer, end: PortEnd) {
        let (local, port, pod) = (&self.local, self.port, &target.pod);
        match end {
            PortEnd::Closed => {}
            PortEnd::Refused(reason) if reason.contains("refused") => self.notices.report(
                Level::Warning,
                format!(
                    "{local}: nothing listens on port {port} in the pod `{pod}` (yet): closed a connection"
                ),
            ),
            PortEnd::Refused(reason) => self.notices.report(
                Level::Warning,
                format!("{local}: cannot connect to port {port} of the pod `{pod}`: {reason}"),
            ),
            // The pod was deleted, or the cluster is unreachable: the next connection finds the next pod.
            PortEnd::Lost(reason) => self
                .notices
                .report(Level::Info, format!("{local}: lost a connection to the pod `{pod}`: {reason}")),
        }
    }
}
