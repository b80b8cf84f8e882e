//! The logs of all containers that selectors describe.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::follower::Follower;
use super::line::{LogItem, LogSender, LogSource};
use super::progress::Progress;
use crate::cluster::{ClusterAccess, ClusterError, PodsChange};
use crate::connect::matching::{matching, matching_init};
use crate::connect::target::{namespace, no_pod};
use crate::connect::{Notices, TargetError, TargetLimits, TargetSelector};
use crate::error::{StageError, in_one_line};
use crate::event::Level;

/// How long the cluster may take to respond to a command that does not follow.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// The interval between checks whether any pods exist.
const TICK: Duration = Duration::from_millis(500);

/// How logs are shown.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// The number of lines of each container before the start.
    pub lines: u64,
    /// Whether to wait for future lines and for pods that join.
    pub follow: bool,
    /// Whether to wait for the first pod as long as it takes, instead of 10 seconds.
    pub is_patient: bool,
}

/// Writes the logs of all containers that one of `selectors` describes to `sender`. With `follow`, it returns only
/// when all pods were named and have ended. Drop the future to end it.
///
/// # Errors
/// [`TargetError`] if no pod matches, or the cluster refuses.
pub async fn show_logs(
    access: &ClusterAccess,
    selectors: &[TargetSelector],
    options: LogOptions,
    notices: &Notices,
    sender: LogSender,
) -> Result<(), StageError> {
    let mut logs =
        Logs { access, selectors, options, notices, sender, known: HashMap::new(), tasks: JoinSet::new() };
    Ok(logs.run().await?)
}

/// The UID of a pod, and a container of it.
type Key = (String, String);

struct Logs<'a> {
    access: &'a ClusterAccess,
    selectors: &'a [TargetSelector],
    options: LogOptions,
    notices: &'a Notices,
    sender: LogSender,
    /// The containers with a follower, and the selector that found each.
    known: HashMap<Key, Known>,
    /// The followers; each returns whether its container had started.
    tasks: JoinSet<Result<bool, ClusterError>>,
}

struct Known {
    selector: usize,
    progress: watch::Sender<Progress>,
}

impl Logs<'_> {
    async fn run(&mut self) -> Result<(), TargetError> {
        let mut namespaces = Vec::with_capacity(self.selectors.len());
        let mut watches = Vec::with_capacity(self.selectors.len());
        for (index, selector) in self.selectors.iter().enumerate() {
            let namespace = namespace(self.access, selector)?;
            let changes = self.watch(&namespace, selector).await?;
            watches.push(changes.map(move |change| (index, change)).boxed());
            namespaces.push(namespace);
        }
        let mut changes = stream::select_all(watches);
        let start = Instant::now();
        let (mut listed, mut trouble, mut told) = (vec![false; self.selectors.len()], String::new(), false);
        loop {
            let change = tokio::select! {
                Some(ended) = self.tasks.join_next() => {
                    self.ended(ended)?;
                    if self.is_over() {
                        return Ok(());
                    }
                    continue;
                }
                change = tokio::time::timeout(TICK, changes.next()) => change,
            };
            match change {
                Ok(Some((index, PodsChange::Pods(pods)))) => {
                    let is_first = !std::mem::replace(&mut listed[index], true);
                    self.take(index, &namespaces[index], &pods, is_first);
                    if !self.options.follow && listed.iter().all(|listed| *listed) && !self.known.is_empty() {
                        return self.finish().await;
                    }
                }
                Ok(Some((_, PodsChange::Interrupted(reason)))) => {
                    if self.options.follow && listed.contains(&true) {
                        let error = self.access.unreachable(&reason);
                        self.notices.report(Level::Warning, format!("{error}: trying again"));
                    }
                    trouble = reason;
                }
                Ok(Some((index, PodsChange::Failed(ClusterError::Unauthorized { .. })))) if listed[index] => {
                    self.access.log_in_again().await;
                    let again = self.watch(&namespaces[index], &self.selectors[index]).await?;
                    changes.push(again.map(move |change| (index, change)).boxed());
                }
                Ok(Some((_, PodsChange::Failed(error)))) => return Err(error.into()),
                Ok(None) | Err(_) => {}
            }
            if listed.contains(&false) && start.elapsed() >= CONNECT_LIMIT && !self.options.is_patient {
                return Err(self.access.unreachable(&trouble).into());
            }
            if self.known.is_empty() && start.elapsed() >= TargetLimits::default().pod && !told {
                let selector = self.selectors.first().cloned().unwrap_or_default();
                let namespace = namespaces.first().cloned().unwrap_or_default();
                let error = no_pod(self.access, &selector, namespace).await;
                if !self.options.is_patient {
                    return Err(error);
                }
                self.notices.report(Level::Warning, in_one_line(&error));
                told = true;
            }
        }
    }

    async fn watch(
        &self,
        namespace: &str,
        selector: &TargetSelector,
    ) -> Result<BoxStream<'static, PodsChange>, ClusterError> {
        self.access.watch_pods(namespace, &selector.query()).await
    }

    /// Takes the pods that the selector `index` finds.
    fn take(&mut self, index: usize, namespace: &str, pods: &[Arc<Pod>], is_first: bool) {
        let selector = &self.selectors[index];
        let uid = |pod: &Pod| pod.metadata.uid.clone().unwrap_or_default();
        for pod in pods {
            let (containers, init) = (matching(pod, selector), matching_init(pod, selector));
            let is_single = containers.len() == 1;
            let running = containers.iter().map(|container| (container.name, is_single));
            for (name, is_single) in init.iter().map(|container| (container.name, false)).chain(running) {
                let progress = Progress::new(pod, name);
                match self.known.get(&(uid(pod), name.to_owned())) {
                    Some(known) if known.selector == index => {
                        known.progress.send_if_modified(|current| {
                            let is_new = *current != progress;
                            *current = progress;
                            is_new
                        });
                    }
                    // Another selector finds it too.
                    Some(_) => {}
                    None => {
                        // Init containers of a pod that runs are over.
                        let is_old =
                            !is_single && progress.ended.as_ref().is_some_and(|ended| ended.code == 0);
                        if !(is_old && is_first) {
                            self.start(index, namespace, pod, name, progress, is_single, is_first);
                        }
                    }
                }
            }
        }
        let present: Vec<_> = pods.iter().map(|pod| uid(pod)).collect();
        for ((pod, _), known) in &self.known {
            if known.selector == index && !present.contains(pod) {
                known.progress.send_if_modified(|progress| !std::mem::replace(&mut progress.is_last, true));
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are what a follower knows")]
    fn start(
        &mut self,
        index: usize,
        namespace: &str,
        pod: &Pod,
        container: &str,
        progress: Progress,
        is_single: bool,
        is_first: bool,
    ) {
        let pod_name = pod.metadata.name.clone().unwrap_or_default();
        let source = Arc::new(LogSource {
            namespace: namespace.to_owned(),
            name: if is_single { pod_name.clone() } else { format!("{pod_name}/{container}") },
            pod: pod_name,
            container: container.to_owned(),
        });
        let (sender, receiver) = watch::channel(progress);
        let key = (pod.metadata.uid.clone().unwrap_or_default(), container.to_owned());
        self.known.insert(key, Known { selector: index, progress: sender });
        let follower = Follower {
            access: self.access.clone(),
            source: Arc::clone(&source),
            // A pod that joins is shown from its beginning.
            tail: is_first.then_some(self.options.lines),
            progress: receiver,
            sender: self.sender.clone(),
        };
        let (follow, sender) = (self.options.follow, self.sender.clone());
        self.tasks.spawn(async move {
            if !follow {
                return follower.show().await;
            }
            if !is_first {
                sender.send(LogItem::Joined(source)).await;
            }
            follower.run().await.map(|()| true)
        });
    }

    /// Waits for the end of all logs that are not followed.
    async fn finish(&mut self) -> Result<(), TargetError> {
        let mut has_log = false;
        while let Some(ended) = self.tasks.join_next().await {
            has_log |= self.ended(ended)?;
        }
        if !has_log {
            self.notices.report(Level::Warning, "no container has started: run `windlass status` to see why");
        }
        Ok(())
    }

    fn ended(
        &self,
        ended: Result<Result<bool, ClusterError>, tokio::task::JoinError>,
    ) -> Result<bool, ClusterError> {
        match ended {
            Ok(Err(error)) if !self.options.is_patient => Err(error),
            Ok(Err(error)) => {
                self.notices.report(Level::Warning, error.to_string());
                Ok(false)
            }
            Ok(Ok(has_log)) => Ok(has_log),
            Err(_) => Ok(false),
        }
    }

    /// Whether nothing can follow: all pods were named, and have ended.
    fn is_over(&self) -> bool {
        self.tasks.is_empty() && self.selectors.iter().all(|selector| selector.pod.is_some())
    }
}
