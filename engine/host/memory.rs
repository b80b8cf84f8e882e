//! An in-memory host: it has no real effects, records all calls, and returns the responses that a test configures.
//! Pipelines run on it in milliseconds, without daemon, network or written files.

mod call;
mod clock;
mod cluster;
mod deployer;
mod docker;
mod environment;
mod exec;
mod files;
mod git;
mod http;
mod oci;
mod registry;
mod scripted;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::custom::CommandBuilder;
use super::{CountedExec, Host, Writes};
use crate::builder::BuildRequest;
use crate::cluster::{ClusterContext, ClusterNode};
use crate::config::BuilderKind;
use crate::image::dockerfile::BaseConfig;
use crate::image::{Digest, ImageReference, Repository};
use crate::lock::lock;
use crate::state::ImageStore;

pub use call::{Call, CallKind};
pub use cluster::test_cluster;
pub use docker::MadeImage;
pub use exec::ProgramRule;
pub use git::GitFacts;
pub use http::{HttpRule, SentRequest};
pub use scripted::Scripted;

/// The platform of builds that request none.
const PLATFORM: &str = "linux/amd64";

/// An in-memory host. Cheap to clone: all clones share one state.
#[derive(Clone, Default)]
pub struct MemoryHost(Arc<Mutex<MemoryState>>);

/// The state of an in-memory host: its content, its configured responses, and the recorded calls.
pub struct MemoryState {
    /// The recorded calls, in order.
    pub calls: Vec<Call>,
    /// Whether the daemon responds.
    pub is_daemon_there: bool,
    /// The images in the daemon, with their IDs.
    pub images: HashMap<ImageReference, String>,
    /// The images in the image store, with their manifest digests.
    pub stored: HashMap<ImageReference, Digest>,
    /// The images in registries, with their digests.
    pub pushed: HashMap<ImageReference, String>,
    /// The configurations that builds inherit from images: in the daemon and the image store by reference and by ID, in
    /// registries by repository and digest.
    pub configs: HashMap<String, BaseConfig>,
    /// The repositories that contain only images that were built here; any other repository has every image.
    pub own: HashSet<Repository>,
    /// Images that other machines push while the next one is built.
    pub arriving: HashMap<ImageReference, String>,
    /// Distinguishes the results of equal builds on several machines.
    pub machine: String,
    /// The requested platforms of images, by digest.
    pub platforms: HashMap<String, String>,
    /// The built images, in order.
    pub made: Vec<MadeImage>,
    /// The images whose builds fail, with the reasons.
    pub broken: HashMap<String, String>,
    /// Prefixes of references whose pushes are refused, with the reasons.
    pub refused: Vec<(String, String)>,
    /// The configured results of commands; the last match is used.
    pub programs: Vec<ProgramRule>,
    /// The facts for git; `None` outside a repository.
    pub git: Option<GitFacts>,
    /// The configured responses of web servers; the last match is used.
    pub servers: Vec<HttpRule>,
    /// The requests that were sent to them.
    pub requests: Vec<SentRequest>,
    /// Files that differ from the disk: their content, or `None` if removed.
    pub files: BTreeMap<PathBuf, Option<Bytes>>,
    /// The variables of the environment.
    pub variables: HashMap<String, String>,
    /// The cluster, and its nodes; `None`: none is configured.
    pub cluster: Option<(ClusterContext, Vec<ClusterNode>)>,
    /// The objects in the cluster.
    pub objects: Vec<Value>,
    /// The revisions of releases, by namespace and name.
    pub releases: HashMap<(String, String), u64>,
    /// The objects and charts that the cluster does not accept, such as `Deployment/web`, with the reasons.
    pub unapplied: HashMap<String, String>,
    /// The objects that do not become ready, with the reasons.
    pub unready: HashMap<String, String>,
    /// The logs of pods, by their name or label selector.
    pub pod_logs: HashMap<String, String>,
    /// The registries without credentials.
    pub logged_out: HashSet<String>,
    /// The time.
    pub now: Timestamp,
    /// The random characters, used in rotation.
    pub random: Vec<char>,
    /// The number of used random characters.
    pub taken: usize,
}

impl Default for MemoryState {
    fn default() -> Self {
        Self {
            calls: Vec::new(),
            is_daemon_there: true,
            images: HashMap::new(),
            stored: HashMap::new(),
            pushed: HashMap::new(),
            configs: HashMap::new(),
            own: HashSet::new(),
            arriving: HashMap::new(),
            machine: String::new(),
            platforms: HashMap::new(),
            made: Vec::new(),
            broken: HashMap::new(),
            refused: Vec::new(),
            programs: Vec::new(),
            git: Some(GitFacts::default()),
            servers: Vec::new(),
            requests: Vec::new(),
            files: BTreeMap::new(),
            variables: HashMap::new(),
            cluster: None,
            objects: Vec::new(),
            releases: HashMap::new(),
            unapplied: HashMap::new(),
            unready: HashMap::new(),
            pod_logs: HashMap::new(),
            logged_out: HashSet::new(),
            now: clock::start(),
            random: vec!['x'],
            taken: 0,
        }
    }
}

impl MemoryHost {
    /// The host for stages.
    pub fn host(&self) -> Host {
        let this = || Arc::new(self.clone());
        let writes = Writes::default();
        Host {
            clock: this(),
            cluster: this(),
            custom: Arc::new(CommandBuilder),
            deployer: this(),
            docker: this(),
            environment: this(),
            exec: Arc::new(CountedExec { inner: this(), writes: writes.clone() }),
            files: this(),
            http: this(),
            oci: this(),
            random: this(),
            registry: this(),
            writes,
            records: ImageStore::new,
        }
    }

    /// The state. Do not hold the guard while a pipeline runs.
    pub fn state(&self) -> MutexGuard<'_, MemoryState> {
        lock(&self.0)
    }

    /// Restricts `repositories` to images that are built here.
    pub fn owns(&self, repositories: impl Iterator<Item = Repository>) {
        self.state().own.extend(repositories);
    }

    fn did(&self, kind: CallKind, text: impl ToString) {
        self.state().calls.push(Call { kind, text: text.to_string() });
    }
}

impl MemoryState {
    /// Whether the image with the reference or ID `name` can only have been built here.
    fn is_own(&self, name: &str) -> bool {
        let reference = name.parse::<ImageReference>();
        name.starts_with("sha256:")
            || reference.is_ok_and(|reference| self.own.contains(&reference.repository))
    }

    /// Creates the image of `request` as `builder` does; returns its ID.
    fn make(&mut self, request: &BuildRequest, builder: BuilderKind) -> String {
        self.pushed.extend(std::mem::take(&mut self.arriving));
        let mut made = MadeImage::new(request, builder);
        made.bases = self.bases_of(&made.dockerfile, builder);
        let inputs = format!("{}{} {:?} {:?}", self.machine, made.dockerfile, made.target, made.build_args);
        // A repeated build is a different image, because the results of its steps may differ.
        let again = self.made.iter().filter(|earlier| earlier.image == made.image).count();
        let inputs = if again == 0 { inputs } else { format!("{inputs} {again}") };
        let id = Digest::of(format!("{} {inputs} {:?}", made.image, made.references)).to_string();
        let known = |base: &str| Some(self.configs.get(base).cloned().unwrap_or_default());
        let config = request.dockerfile.passes_on(request.target.as_deref(), &request.build_args, &known);
        let config = config.unwrap_or_default();
        for reference in &request.references {
            self.configs.insert(reference.to_string(), config.clone());
            if builder == BuilderKind::Docker {
                self.images.insert(reference.clone(), id.clone());
            }
        }
        self.configs.insert(id.clone(), config);
        // The image store names an image by its manifest.
        made.digest = match builder {
            BuilderKind::Oci => digest_of(&Digest::of(&id).to_string()),
            _ => digest_of(&id),
        };
        if let Some(platform) = &request.platform {
            self.platforms.insert(made.digest.clone(), platform.clone());
        }
        self.made.push(made);
        id
    }

    /// The digests of the images that `builder` builds `dockerfile` from: its own, otherwise those in registries.
    fn bases_of(&self, dockerfile: &str, builder: BuilderKind) -> Vec<String> {
        let names = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")?.split(' ').next());
        let references = names.filter_map(|name| name.parse::<ImageReference>().ok());
        let digest = |reference: ImageReference| {
            let own = match builder {
                BuilderKind::Docker => self.images.get(&reference).map(|id| digest_of(id)),
                BuilderKind::Oci => self.stored.get(&reference).map(|digest| digest_of(&digest.to_string())),
                _ => None,
            };
            reference.digest.clone().or(own).or_else(|| self.pushed.get(&reference).cloned())
        };
        references.filter_map(digest).collect()
    }

    /// Records the push of `reference`. The registry keeps the image under its digest, also if the tag moves later.
    fn push(&mut self, reference: ImageReference, digest: &str) {
        let config = self.configs.get(&reference.to_string()).cloned().unwrap_or_default();
        let by_digest = reference.repository.with_digest(digest.to_owned());
        self.configs.entry(by_digest.to_string()).or_insert(config);
        self.pushed.insert(reference, digest.to_owned());
    }

    /// Copies the inherited configuration of `from` to `to`.
    fn pass_on(&mut self, from: &str, to: String) {
        let config = self.configs.get(from).cloned().unwrap_or_default();
        self.configs.insert(to, config);
    }
}

/// The digest of the image with this ID, or this digest in the image store, in all registries.
#[cfg(test)]
pub fn registry_digest(id: &str) -> String {
    digest_of(id)
}

/// The digest of the image `id` in all registries.
fn digest_of(id: &str) -> String {
    Digest::of(format!("manifest of {id}")).to_string()
}
