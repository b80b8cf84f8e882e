//! A world in memory: nothing of it is real, everything that is done in it is remembered, and a test says beforehand how
//! it answers. Pipelines run in it in milliseconds, without daemon, network, or a file that is really written.

mod call;
mod clock;
mod cluster;
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

use super::Host;
use crate::builder::BuildRequest;
use crate::cluster::{ClusterContext, Node};
use crate::config::BuilderKind;
use crate::image::dockerfile::BaseConfig;
use crate::image::{Digest, ImageReference, Repository};
use crate::run::lock;

pub use call::{Call, CallKind};
pub use docker::MadeImage;
pub use exec::ProgramRule;
pub use git::GitFacts;
pub use http::{HttpRule, SentRequest};
pub use scripted::Scripted;

/// A world in memory. Cheap to clone: all clones are one world.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<State>>);

/// What a world holds, how it answers, and what was done in it.
pub struct State {
    /// What was done, in order.
    pub calls: Vec<Call>,
    /// Whether the daemon answers.
    pub is_daemon_there: bool,
    /// What the daemon has: image IDs.
    pub images: HashMap<ImageReference, String>,
    /// What windlass's own store has: digests of manifests.
    pub stored: HashMap<ImageReference, Digest>,
    /// What registries have: digests.
    pub pushed: HashMap<ImageReference, String>,
    /// What images pass on to those built from them, by reference and by ID.
    pub configs: HashMap<String, BaseConfig>,
    /// The repositories that hold what was built here alone; of any other, every image is there.
    pub own: HashSet<Repository>,
    /// What was built, in order.
    pub made: Vec<MadeImage>,
    /// The images whose builds fail, with the reasons.
    pub broken: HashMap<String, String>,
    /// References whose pushes are refused when they start like this, with the reasons.
    pub refused: Vec<(String, String)>,
    /// How programs answer; the last one that fits counts.
    pub programs: Vec<ProgramRule>,
    /// What git knows; `None`: there is no repository.
    pub git: Option<GitFacts>,
    /// How web servers answer; the last one that fits counts.
    pub servers: Vec<HttpRule>,
    /// What was sent to them.
    pub requests: Vec<SentRequest>,
    /// Files that differ from the disk: their content, or `None` when they are gone.
    pub files: BTreeMap<PathBuf, Option<Bytes>>,
    /// The variables of the environment.
    pub variables: HashMap<String, String>,
    /// The cluster, and its nodes; `None`: none is configured.
    pub cluster: Option<(ClusterContext, Vec<Node>)>,
    /// What pods print, by their name or label selector.
    pub pod_logs: HashMap<String, String>,
    /// The registries that docker has no credentials for.
    pub logged_out: HashSet<String>,
    /// The time.
    pub now: Timestamp,
    /// The random characters, over and over.
    pub random: Vec<char>,
    /// How many of them were taken.
    pub taken: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            calls: Vec::new(),
            is_daemon_there: true,
            images: HashMap::new(),
            stored: HashMap::new(),
            pushed: HashMap::new(),
            configs: HashMap::new(),
            own: HashSet::new(),
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
            pod_logs: HashMap::new(),
            logged_out: HashSet::new(),
            now: clock::start(),
            random: vec!['x'],
            taken: 0,
        }
    }
}

impl Memory {
    /// The world as stages see it.
    pub fn host(&self) -> Host {
        let this = || Arc::new(self.clone());
        Host {
            clock: this(),
            cluster: this(),
            docker: this(),
            environment: this(),
            exec: this(),
            files: this(),
            http: this(),
            oci: this(),
            random: this(),
            registry: this(),
            writes: crate::host::Writes::default(),
        }
    }

    /// What it holds. Not to be kept while a pipeline runs.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    /// Makes `repositories` hold what is built here alone.
    pub fn owns(&self, repositories: impl Iterator<Item = Repository>) {
        self.state().own.extend(repositories);
    }

    fn did(&self, kind: CallKind, text: impl ToString) {
        self.state().calls.push(Call { kind, text: text.to_string() });
    }
}

impl State {
    /// Whether the image called `name`, or with this ID, could only have been built here.
    fn is_own(&self, name: &str) -> bool {
        let reference = name.parse::<ImageReference>();
        name.starts_with("sha256:")
            || reference.is_ok_and(|reference| self.own.contains(&reference.repository))
    }

    /// Makes the image that `request` describes as `builder` does; gives its ID.
    fn make(&mut self, request: &BuildRequest, builder: BuilderKind) -> String {
        let made = MadeImage::new(request, builder);
        let inputs = format!("{} {:?} {:?}", made.dockerfile, made.target, made.build_args);
        // What is built again is another image: nobody can tell what its steps find by then.
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
        self.made.push(made);
        id
    }

    /// Gives the image called `to` what `from` passes on.
    fn pass_on(&mut self, from: &str, to: String) {
        let config = self.configs.get(from).cloned().unwrap_or_default();
        self.configs.insert(to, config);
    }
}

/// The digest that the image `id` has in every registry.
fn digest_of(id: &str) -> String {
    Digest::of(format!("manifest of {id}")).to_string()
}
