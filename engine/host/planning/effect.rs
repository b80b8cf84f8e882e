//! Effects that a run would have.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::builder::BuildRequest;
use crate::config::BuilderKind;
use crate::image::ImageReference;
use crate::image::dockerfile::BaseConfig;
use crate::process::Purpose;
use crate::scope::Scope;

/// An effect that a run would have.
#[derive(Debug, Clone, Serialize)]
pub struct Effect {
    /// The dependency with the effect; `None` for the user's project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The image of the effect, `auth.api` for one of a dependency; `None` for the whole run.
    #[serde(skip)]
    pub image: Option<String>,
    /// Its description in one line: `push ghcr.io/acme/api:1.4`, `sh make docs`.
    pub what: String,
    /// The event of the hook with the effect: `before:build:api`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Whether it was already executed for the plan, because it has no side effects.
    pub done: bool,
    /// The kind of effect, for machine-readable output.
    #[serde(flatten)]
    pub kind: EffectKind,
}

/// The kind of an effect, for machine-readable output.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EffectKind {
    /// A builder on this machine builds an image.
    Build {
        /// The builder.
        builder: BuilderKind,
        /// The references of the image.
        references: Vec<String>,
        /// The number of files sent to the builder.
        files: usize,
        /// The size of these files, in bytes.
        bytes: u64,
    },
    /// Kaniko or BuildKit builds an image in the cluster, and pushes it.
    BuildInCluster {
        /// `kaniko` or `buildkit`.
        builder: BuilderKind,
        /// The references of the image in its registry.
        references: Vec<String>,
        /// The number of files sent to the pod.
        files: usize,
        /// The size of these files, in bytes.
        bytes: u64,
        /// The namespace of its pod.
        namespace: String,
    },
    /// An image gets a tag in the daemon.
    Tag {
        /// The reference.
        reference: String,
    },
    /// An image is pushed to its registry.
    Push {
        /// Its reference.
        reference: String,
    },
    /// An image in a registry is copied or tagged there.
    Copy {
        /// The reference.
        reference: String,
    },
    /// Images are loaded into the nodes of a local cluster.
    Load {
        /// Their references.
        references: Vec<String>,
    },
    /// A pull secret is created in the cluster.
    PullSecret {
        /// Its name.
        name: String,
    },
    /// A deployment is deployed.
    Deploy {
        /// Its name, or that of its release.
        deployment: String,
        /// Its namespace.
        namespace: String,
    },
    /// The objects of a deployment are deleted.
    Remove {
        /// Its name, or that of its release.
        deployment: String,
        /// Its namespace.
        namespace: String,
    },
    /// A script changes, restarts or deletes an object in the cluster.
    Object {
        /// The object: `ConfigMap/settings (namespace dev)`.
        object: String,
    },
    /// A command runs.
    Exec {
        /// Its purpose.
        purpose: Purpose,
    },
    /// A file of the project changes.
    Edit,
    /// A request is sent to a web server.
    Http,
}

impl Effect {
    /// An effect that only the run will have.
    pub(super) fn new(image: Option<&str>, what: impl ToString, kind: EffectKind) -> Self {
        let image = image.map(ToOwned::to_owned);
        Self { project: None, image, what: what.to_string(), event: None, done: false, kind }
    }

    /// `builder` builds `request` on this machine.
    fn build(builder: BuilderKind, request: &BuildRequest) -> Self {
        let kind = EffectKind::Build {
            builder,
            references: texts(&request.references),
            files: request.context.files(),
            bytes: request.context.size(),
        };
        Self::new(Some(&request.image), format!("build {}", request.image), kind)
    }

    /// The references that it pushes to a registry.
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

/// The effects of a run, in order. Shared between threads.
#[derive(Debug, Default)]
pub struct Effects(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    list: Vec<Effect>,
    /// The number of effects before the decision about each image.
    begun: HashMap<String, usize>,
    /// The planned images, by reference.
    planned: HashMap<String, PlannedImage>,
}

/// An image that only a run will build.
#[derive(Debug, Clone)]
pub(super) enum PlannedImage {
    /// The settings that builds will inherit from it, if they are known.
    Inherited(Option<BaseConfig>),
    /// Builds most likely inherit the same from it as from this reference.
    Like(String),
}

impl Effects {
    /// Records `effect` for the project whose pipeline this thread runs; without an image, it belongs to the current
    /// one.
    pub fn push(&self, effect: Effect) {
        let Scope { project, image, .. } = Scope::current();
        let image = effect.image.or(image).map(|image| match &project {
            Some(project) => format!("{project}.{image}"),
            None => image,
        });
        self.state().list.push(Effect { project, image, ..effect });
    }

    /// Marks the start of the work on `image`.
    pub fn begin(&self, image: &str) {
        let mut state = self.state();
        let count = state.list.len();
        state.begun.entry(image.to_owned()).or_insert(count);
    }

    /// The number of effects before the work on `image` began; `None` if it has not begun.
    pub fn before(&self, image: &str) -> Option<usize> {
        self.state().begun.get(image).copied()
    }

    /// Records that `builder` will build `request` on this machine.
    pub(super) fn build(&self, builder: BuilderKind, request: &BuildRequest) {
        self.push(Effect::build(builder, request));
        self.plan(&request.references, &PlannedImage::Inherited(request.inherited.clone()));
    }

    /// Records that `image` will have `references`.
    pub(super) fn plan(&self, references: &[ImageReference], image: &PlannedImage) {
        let planned = references.iter().map(|reference| (reference.to_string(), image.clone()));
        self.state().planned.extend(planned);
    }

    /// The planned image that `reference` refers to.
    pub(super) fn planned(&self, reference: &str) -> Option<PlannedImage> {
        self.state().planned.get(reference).cloned()
    }

    /// All recorded effects.
    pub fn list(&self) -> Vec<Effect> {
        self.state().list.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The references as strings.
pub(super) fn texts(references: &[ImageReference]) -> Vec<String> {
    references.iter().map(ToString::to_string).collect()
}
