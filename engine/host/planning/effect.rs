//! What a run would do.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::builder::BuildRequest;
use crate::host::Purpose;
use crate::image::ImageReference;
use crate::run::Scope;

/// Something a run would do.
#[derive(Debug, Clone, Serialize)]
pub struct Effect {
    /// The dependency that would do it; `None` for the project the user called for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The image it is done for, `auth.api` for one of a dependency; `None` when it concerns the whole run.
    #[serde(skip)]
    pub image: Option<String>,
    /// What it is, as one line: `push ghcr.io/acme/api:1.4`, `sh make docs`.
    pub what: String,
    /// Which hook wants it, and when: `before:build:api`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Whether it was done for the plan already, for it only finds something out.
    pub done: bool,
    /// What it is, for programs.
    #[serde(flatten)]
    pub kind: EffectKind,
}

/// What an effect is, for programs.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EffectKind {
    /// A builder on this machine builds an image.
    Build {
        /// Which one: `docker`, `oci`.
        builder: &'static str,
        /// The names it gets.
        references: Vec<String>,
        /// Files that travel to the builder.
        files: usize,
        /// Bytes of these files.
        bytes: u64,
    },
    /// Kaniko or BuildKit builds an image in the cluster, and pushes it.
    BuildInCluster {
        /// `kaniko` or `buildkit`.
        builder: &'static str,
        /// The names it gets, in its registry.
        references: Vec<String>,
        /// Files that travel to the pod.
        files: usize,
        /// Bytes of these files.
        bytes: u64,
        /// Where its pod runs.
        namespace: String,
    },
    /// An image gets another name in the daemon.
    Tag {
        /// The name.
        reference: String,
    },
    /// An image goes to its registry.
    Push {
        /// Its name there.
        reference: String,
    },
    /// An image in a registry gets another name there.
    Copy {
        /// The name.
        reference: String,
    },
    /// Images are loaded into the nodes of a local cluster.
    Load {
        /// Their names.
        references: Vec<String>,
    },
    /// A pull secret is created in the cluster.
    PullSecret {
        /// Its name.
        name: String,
    },
    /// A program runs.
    Exec {
        /// Why.
        purpose: Purpose,
    },
    /// A file of the project changes.
    Edit,
    /// A web server is told or asked something.
    Http,
}

impl Effect {
    /// An effect that is left to the run.
    pub(super) fn new(image: Option<&str>, what: impl ToString, kind: EffectKind) -> Self {
        let image = image.map(ToOwned::to_owned);
        Self { project: None, image, what: what.to_string(), event: None, done: false, kind }
    }

    /// `builder`, on this machine, builds what is asked for.
    pub(super) fn build(builder: &'static str, request: &BuildRequest) -> Self {
        let kind = EffectKind::Build {
            builder,
            references: texts(&request.references),
            files: request.context.files(),
            bytes: request.context.size(),
        };
        Self::new(Some(&request.image), format!("build {}", request.image), kind)
    }

    /// The names under which it makes an image available in a registry.
    pub fn pushed(&self) -> &[String] {
        match &self.kind {
            EffectKind::Push { reference } | EffectKind::Copy { reference } => {
                std::slice::from_ref(reference)
            }
            EffectKind::BuildInCluster { references, .. } => references,
            _ => &[],
        }
    }
}

/// What a run would do, in the order in which it would. Shared between threads.
#[derive(Debug, Default)]
pub struct Effects(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    list: Vec<Effect>,
    /// How many effects there were when each image was decided on.
    begun: HashMap<String, usize>,
}

impl Effects {
    /// Notes `effect`, of the project whose pipeline this thread runs; it belongs to the image at hand if it does not
    /// name one.
    pub fn push(&self, effect: Effect) {
        let Scope { project, image, .. } = Scope::current();
        let image = effect.image.or(image).map(|image| match &project {
            Some(project) => format!("{project}.{image}"),
            None => image,
        });
        self.state().list.push(Effect { project, image, ..effect });
    }

    /// Work on `image` begins.
    pub fn begin(&self, image: &str) {
        let mut state = self.state();
        let count = state.list.len();
        state.begun.entry(image.to_owned()).or_insert(count);
    }

    /// How many effects there were before work on `image` began; `None` when it never did.
    pub fn before(&self, image: &str) -> Option<usize> {
        self.state().begun.get(image).copied()
    }

    /// Whether `reference` is the name of an image that is only planned: nobody needs to be asked about it.
    pub(super) fn plans(&self, reference: &str) -> bool {
        self.state().list.iter().any(|effect| match &effect.kind {
            EffectKind::Build { references, .. } | EffectKind::BuildInCluster { references, .. } => {
                references.iter().any(|planned| planned == reference)
            }
            _ => false,
        })
    }

    /// Everything noted so far.
    pub fn list(&self) -> Vec<Effect> {
        self.state().list.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The references as texts.
pub(super) fn texts(references: &[ImageReference]) -> Vec<String> {
    references.iter().map(ToString::to_string).collect()
}
