//! The connections of a dev session.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::forward_report::ForwardReport;
use super::port_hooks::{PortHooks, follow_restarts};
use super::{FolderFlags, FolderJob, FolderSettings, Wanted, refused_folder};
use crate::cluster::ClusterAccess;
use crate::config::{ContainerSelection, Dev, Folder, Foreground, Forward, Logs, Page};
use crate::connect::{
    Choose, ForwardError, ForwardSpec, ListeningPort, LogItem, LogOptions, LogQueue, Notices, TargetSelector,
    TargetWatch, log_queue, open_in_browser, show_logs, wait_for_page,
};
use crate::error::{StageError, in_one_line};
use crate::event::{Event, Events, Level, SyncChange};
use crate::rollout::{project_images, target_selector};
use crate::run::Run;
use crate::sync::{FolderOptions, SyncScript, check_downloads};

/// Creates the hooks for the sync of a directory.
pub type FolderHooks = Box<dyn Fn(&Folder) -> Arc<dyn SyncScript>>;

/// Creates the hooks of a forwarded port.
pub type HooksOfPort = Box<dyn Fn(&Forward) -> Arc<dyn PortHooks>>;

/// Creates the hooks of connections.
pub struct ConnectionHooks {
    /// Those for the sync of a directory.
    pub folder: FolderHooks,
    /// Those of a forwarded port.
    pub port: HooksOfPort,
}

/// How long the connections may take to end.
const CLOSING: Duration = Duration::from_secs(10);

/// Creates the choice among several containers that a selection matches.
pub type Chooser = Box<dyn Fn(&ContainerSelection) -> Choose>;

/// The connections of a dev session. They outlive pods and passes; dropping it ends them.
pub struct Connections {
    access: ClusterAccess,
    notices: Notices,
    events: Events,
    cancel: CancellationToken,
    runtime: Handle,
    /// Local ports that are open, but not served yet.
    reserved: Vec<(Forward, ListeningPort)>,
    ports: Vec<Kept<Forward, TargetWatch>>,
    folders: Vec<Kept<Folder, SyncTarget>>,
    logs: Option<Kept<Logs, ()>>,
    opened: HashSet<String>,
    /// Synced directories that do not exist on this machine and were reported.
    missing: HashSet<PathBuf>,
    /// The reported reasons why entries of the section `dev` are not connected.
    problems: HashMap<String, String>,
    /// The ports that cannot be opened and whose hooks ran, with the reasons.
    failed_ports: HashMap<String, String>,
    /// Whether other sessions that sync the same directory of a container are ended.
    pub steals: bool,
    hooks: ConnectionHooks,
    chooser: Chooser,
    paused: watch::Receiver<bool>,
    _stop: DropGuard,
}

/// A connection, which ends when it is dropped.
struct Kept<T, Target> {
    wanted: T,
    target: Target,
    task: JoinHandle<()>,
    _stop: DropGuard,
}

/// The container of a synced directory, and the directory's settings.
struct SyncTarget {
    watch: TargetWatch,
    options: FolderOptions,
}

impl Connections {
    /// No connections yet, to the cluster of `run`, which report to `events`. Directories are not synced while it is
    /// `paused`.
    pub fn new(
        run: &Run,
        events: &Events,
        hooks: ConnectionHooks,
        chooser: Chooser,
        paused: watch::Receiver<bool>,
    ) -> Self {
        let session = &run.session;
        let access = ClusterAccess::new(run.options.cluster_of(&run.project));
        access.keep_trying();
        let cancel = CancellationToken::new();
        Self {
            access,
            notices: Notices::new(events),
            events: events.clone(),
            runtime: session.runtime().clone(),
            reserved: Vec::new(),
            ports: Vec::new(),
            folders: Vec::new(),
            logs: None,
            opened: HashSet::new(),
            missing: HashSet::new(),
            problems: HashMap::new(),
            failed_ports: HashMap::new(),
            steals: false,
            hooks,
            chooser,
            paused,
            _stop: cancel.clone().drop_guard(),
            cancel,
        }
    }

    /// Opens the local ports of `dev`, so that a port in use is reported before the first build.
    ///
    /// # Errors
    /// [`ForwardError`] if no port can be opened.
    pub fn reserve(&mut self, ports: &[Forward]) -> Result<(), StageError> {
        let failed = self.listen(ports).len();
        if failed > 0 && failed == ports.len() {
            return Err(ForwardError::None { count: u32::try_from(failed).unwrap_or(u32::MAX) }.into());
        }
        Ok(())
    }

    /// Opens the connections of `wanted` that are missing, and ends those that `wanted` no longer has. The containers
    /// are those of the last builds of `run`.
    ///
    /// # Errors
    /// If an image that is named does not exist.
    pub fn update(&mut self, run: &Arc<Run>, wanted: &Wanted) -> Result<(), StageError> {
        self.forward(run, &wanted.ports)?;
        self.sync(run, &wanted.folders)?;
        match &wanted.foreground {
            Some(Foreground::Logs(logs)) => self.show_logs(run, logs)?,
            _ => self.logs = None,
        }
        for page in &wanted.pages {
            self.open(page);
        }
        Ok(())
    }

    /// From now on, the containers are those of the last builds of `run`.
    ///
    /// # Errors
    /// If an image that is named does not exist.
    pub fn select(&mut self, run: &Arc<Run>) -> Result<(), StageError> {
        for kept in &self.ports {
            kept.target.select(target_selector(run, &kept.wanted.selection)?);
        }
        for kept in &self.folders {
            kept.target.watch.select(target_selector(run, &kept.wanted.selection)?);
        }
        Ok(())
    }

    /// The cluster.
    pub fn access(&self) -> &ClusterAccess {
        &self.access
    }

    fn forward(&mut self, run: &Arc<Run>, wanted: &[Forward]) -> Result<(), StageError> {
        self.ports.retain(|kept| wanted.contains(&kept.wanted) && !kept.task.is_finished());
        let is_open = |forward: &Forward| self.ports.iter().any(|kept| kept.wanted == *forward);
        let new: Vec<_> = wanted.iter().filter(|forward| !is_open(forward)).cloned().collect();
        let missing: Vec<_> = new
            .iter()
            .filter(|forward| !self.reserved.iter().any(|(known, _)| known == *forward))
            .cloned()
            .collect();
        for (forward, problem) in self.listen(&missing) {
            if self.failed_ports.insert(forward.to_string(), problem.clone()).as_ref() != Some(&problem) {
                let hooks = (self.hooks.port)(&forward);
                // Only the start can be refused.
                self.runtime
                    .spawn(async move { drop(hooks.on_event("error:portForwarding", Some(problem)).await) });
            }
        }
        for (forward, port) in std::mem::take(&mut self.reserved) {
            if !new.contains(&forward) {
                continue;
            }
            let watch = self.watch(run, &forward.selection)?;
            let cancel = self.cancel.child_token();
            let report = ForwardReport {
                address: port.address(),
                to: format!("port {} of {}", port.remote_port(), forward.selection),
                events: self.events.clone(),
            };
            let shown = watch.clone();
            let serve = port.serve(self.access.clone(), watch.clone(), self.notices.clone(), cancel.clone());
            let hooks = (self.hooks.port)(&forward);
            let (notices, name) = (self.notices.clone(), forward.to_string());
            let task = self.runtime.spawn(async move {
                let event = match hooks.on_event("start:portForwarding", None).await {
                    Ok(()) => {
                        tokio::select! {
                            () = serve => {}
                            () = report.follow(&shown) => {}
                            () = follow_restarts(&shown, &*hooks) => {}
                        }
                        hooks.on_event("stop:portForwarding", None).await
                    }
                    Err(error) => {
                        let reason = error.in_one_line();
                        notices.report(Level::Warning, format!("{name}: {reason}"));
                        hooks.on_event("error:portForwarding", Some(reason)).await
                    }
                };
                // Only the start can be refused.
                drop(event);
            });
            self.ports.push(Kept { wanted: forward, target: watch, task, _stop: cancel.drop_guard() });
        }
        self.select(run)
    }

    /// Opens local ports; returns those that cannot be opened with the reasons, which it reports.
    fn listen(&mut self, ports: &[Forward]) -> Vec<(Forward, String)> {
        let mut failed = Vec::new();
        for forward in ports {
            match self.runtime.block_on(ListeningPort::open(ForwardSpec::from(forward))) {
                Ok(port) => {
                    self.problems.remove(&forward.to_string());
                    self.failed_ports.remove(&forward.to_string());
                    self.reserved.push((forward.clone(), port));
                }
                Err(error) => {
                    let problem = in_one_line(&error);
                    self.report_problem(forward.to_string(), problem.clone());
                    failed.push((forward.clone(), problem));
                }
            }
        }
        failed
    }

    /// Reports why `entry` is not connected, unless that was its last problem: every pass tries again. Returns whether it
    /// is another problem.
    fn report_problem(&mut self, entry: String, problem: String) -> bool {
        let is_new = self.problems.get(&entry) != Some(&problem);
        if is_new {
            self.notices.report(Level::Warning, problem.clone());
            self.problems.insert(entry, problem);
        }
        is_new
    }

    /// Reports why `folder` is not synced, and runs its hooks, unless that was its last problem.
    fn report_unsynced(&mut self, folder: &Folder, problem: String) {
        let reason = format!("{}: {problem}", folder.origin);
        if self.report_problem(folder.origin.to_string(), reason) {
            let hooks = (self.hooks.folder)(folder);
            // Only the start can be refused.
            self.runtime.spawn(async move { drop(hooks.on_event("error:sync", Some(problem)).await) });
        }
    }

    /// Ends all connections, and waits for the hooks at their ends.
    pub fn close(mut self) {
        self.cancel.cancel();
        let ports = self.ports.drain(..).map(|kept| kept.task);
        let ended = futures_util::future::join_all(ports.chain(self.folders.drain(..).map(|kept| kept.task)));
        // The process ends after a failure too.
        let _ = self.runtime.block_on(async { tokio::time::timeout(CLOSING, ended).await });
    }

    /// Reports `message`.
    pub fn report(&self, message: &str) {
        self.events.notice(Level::Info, message);
    }

    /// Cancelled at the end of all connections.
    pub fn cancellation(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Watches the container of `selection` from now on.
    ///
    /// # Errors
    /// If an image that is named does not exist.
    pub fn watch(&self, run: &Arc<Run>, selection: &ContainerSelection) -> Result<TargetWatch, StageError> {
        let ports = self.ports.iter().map(|kept| (&kept.wanted.selection, &kept.target));
        let folders = self.folders.iter().map(|kept| (&kept.wanted.selection, &kept.target.watch));
        if let Some((_, watch)) = ports.chain(folders).find(|(known, _)| known.means_same(selection)) {
            return Ok(watch.clone());
        }
        let selector = target_selector(run, selection)?;
        let choose = Some((self.chooser)(selection));
        let _inside = self.runtime.enter();
        Ok(TargetWatch::start(&self.access, selector, choose, &self.notices, &self.cancel))
    }

    /// The synced directories of `wanted` that do not exist on this machine; each is reported once.
    pub fn report_missing<'w>(&mut self, root: &Path, wanted: &'w [Folder]) -> Vec<&'w Folder> {
        let mut missing = Vec::new();
        for folder in wanted.iter().filter(|folder| !folder.is_file) {
            let local = root.join(&folder.local);
            if local.exists() {
                self.missing.remove(&local);
                continue;
            }
            missing.push(folder);
            if self.missing.insert(local) {
                let shown = folder.local.display();
                let message = format!(
                    "{}: the directory `{shown}` does not exist: create it, or correct the path",
                    folder.origin
                );
                self.notices.report(Level::Warning, message);
            }
        }
        missing
    }

    /// Keeps `wanted` equal, and no other directories.
    fn sync(&mut self, run: &Arc<Run>, wanted: &[Folder]) -> Result<(), StageError> {
        self.folders.retain(|kept| wanted.contains(&kept.wanted) && !kept.task.is_finished());
        let mut jobs = Vec::new();
        for folder in wanted {
            if let Some(refused) = refused_folder(&run.project.root, wanted, folder) {
                self.report_unsynced(folder, refused.to_string());
                continue;
            }
            if self.folders.iter().any(|kept| kept.wanted == *folder) {
                continue;
            }
            if !self.report_missing(&run.project.root, std::slice::from_ref(folder)).is_empty() {
                continue;
            }
            let watch = self.watch(run, &folder.selection)?;
            let cancel = self.cancel.child_token();
            let hooks = (self.hooks.folder)(folder);
            let job = FolderJob::new(FolderSettings {
                access: &self.access,
                root: &run.project.root,
                local: run.project.root.join(&folder.local),
                container: folder.container.clone(),
                selector: target_selector(run, &folder.selection)?,
                watch: Some(watch.clone()),
                hooks: Arc::clone(&hooks),
                folder: Some(folder),
                flags: FolderFlags { steals: self.steals, ..FolderFlags::default() },
                events: &self.notices.as_events(),
                cancel: &cancel,
            });
            match job {
                Ok(job) => {
                    self.problems.remove(&folder.origin.to_string());
                    jobs.push((folder.clone(), watch, cancel, hooks, job));
                }
                // The other directories are synced.
                Err(error) => {
                    self.report_unsynced(folder, format!("skipped this sync entry: {}", error.in_one_line()));
                }
            }
        }
        let kept = self.folders.iter().map(|kept| &kept.target.options);
        let all: Vec<_> = jobs.iter().map(|(.., job)| job.options()).chain(kept).collect();
        check_downloads(&all)?;
        for (wanted, watch, cancel, hooks, job) in jobs {
            let target = SyncTarget { watch, options: job.options().clone() };
            let (notices, paused) = (self.notices.clone(), self.paused.clone());
            let (name, events) = (target.options.name.clone(), self.events.clone());
            let task = self.runtime.spawn(async move {
                let ended = match hooks.on_event("start:sync", None).await {
                    Ok(()) => job.run(Some(paused)).await,
                    Err(error) => Err(error),
                };
                let told = match ended {
                    Ok(()) => hooks.on_event("stop:sync", None).await,
                    Err(error) => {
                        let reason = error.in_one_line();
                        notices.report(Level::Warning, format!("{name}: {reason}"));
                        hooks.on_event("error:sync", Some(reason)).await
                    }
                };
                // Only the start can be refused.
                drop(told);
                events.emit(Event::Sync { folder: name, change: SyncChange::Ended });
            });
            self.folders.push(Kept { wanted, target, task, _stop: cancel.drop_guard() });
        }
        Ok(())
    }

    fn show_logs(&mut self, run: &Arc<Run>, logs: &Logs) -> Result<(), StageError> {
        if self.logs.as_ref().is_some_and(|kept| kept.wanted == *logs && !kept.task.is_finished()) {
            return Ok(());
        }
        let selectors = log_selectors(run, &run.project.dev, logs)?;
        let options = LogOptions { lines: logs.show_last, follow: true, is_patient: true };
        let (access, notices, events) = (self.access.clone(), self.notices.clone(), self.events.clone());
        let cancel = self.cancel.child_token();
        let ended = cancel.clone();
        let task = self.runtime.spawn(async move {
            let (sender, queue) = log_queue();
            let shown = show_logs(&access, &selectors, options, &notices, sender);
            let printed = print(queue, &events);
            tokio::select! {
                () = ended.cancelled() => {}
                (shown, ()) = async { tokio::join!(shown, printed) } => {
                    if let Err(error) = shown {
                        notices.report(Level::Warning, error.in_one_line());
                    }
                }
            }
        });
        self.logs = Some(Kept { wanted: logs.clone(), target: (), task, _stop: cancel.drop_guard() });
        Ok(())
    }

    /// Opens a page once it responds, once in a session.
    fn open(&mut self, page: &Page) {
        if self.opened.insert(page.url.clone()) {
            self.open_again(page);
        }
    }

    /// Opens a page as soon as it responds.
    pub fn open_again(&self, page: &Page) {
        let (url, notices, cancel) = (page.url.clone(), self.notices.clone(), self.cancel.clone());
        self.runtime.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = open_page(&url, &notices) => {}
            }
        });
    }
}

/// Opens a page as soon as its server responds. Without a desktop, its address is reported.
async fn open_page(url: &str, notices: &Notices) {
    match wait_for_page(url).await {
        Ok(_) if open_in_browser(url) => notices.report(Level::Info, format!("opened {url}")),
        Ok(_) => notices.report(Level::Info, format!("{url} responds")),
        Err(error) => notices.report(Level::Warning, in_one_line(&error)),
    }
}

/// The containers of `logs`: those that it names, otherwise those of the images of the project and of all other entries
/// of `dev`.
fn log_selectors(run: &Arc<Run>, dev: &Dev, logs: &Logs) -> Result<Vec<TargetSelector>, StageError> {
    let mut selectors = dev
        .log_selections(logs)
        .iter()
        .map(|selection| target_selector(run, selection))
        .collect::<Result<Vec<_>, _>>()?;
    if logs.selections.is_empty() {
        let images = project_images(run);
        if !images.is_empty() || selectors.is_empty() {
            selectors.push(TargetSelector { images, ..TargetSelector::default() });
        }
    }
    Ok(selectors)
}

/// Reports the lines and events of logs, until their end.
async fn print(mut queue: LogQueue, events: &Events) {
    while let Some(item) = queue.next().await {
        if let LogItem::Line(line) = &item {
            events.emit(line.event());
        }
        if let Some(message) = item.notice() {
            events.notice(Level::Info, message);
        }
    }
}
