//! A planned image: its inputs, its cache key, and the decision about it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use super::bases::{Bases, identify, parents, with_disabled_bases};
use super::built::Built;
use super::decide::moved_outside;
use super::difference::{Difference, differences};
use super::docker_build::{DockerfileRecipe, keep_context, select};
use super::error::PlanError;
use super::named_contexts::{argument_words, unknown_reading, widened};
use super::outside::{locked_digests, outside_bases};
use super::reason::why_build;
use super::share::{NEVER_BUILT, Share};
use super::{DecisionInputs, Reuse, Source, UsedBase, Verdict, decide};
use crate::builder::arguments::{self, Taker};
use crate::builder::{BuiltImage, CustomRequest, custom_words, on_change_files};
use crate::config::{BuilderKind, RebuildStrategy};
use crate::error::{ErrorKind, StageError};
use crate::event::{Decision, Event, Level};
use crate::image::context::{Change, ContextDigest, Forest};
use crate::image::{CacheKey, Context, Digest, ImageReference, Inputs, Selection, Tag, TagTemplate};
use crate::lock::lock;
use crate::run::{Claim, Finished, Image, ImageDockerfile, ShareMode, fill_custom, named_images};
use crate::state::{BaseIdentity, BuiltFor, Progress, Record, RecordedInputs};

/// A planned image. Planning reads files and may query a daemon or registry, but changes nothing.
#[derive(Clone)]
pub struct Plan {
    pub(super) image: Image,
    pub(super) templates: Vec<TagTemplate>,
    /// Its inputs, except the files.
    pub(super) outline: Arc<Inputs>,
    /// Its base images that belong to projects, by name.
    pub(super) bases: Arc<[(String, Finished)]>,
    /// Its inputs with the files, once they are read: a first build reads them while it sends them.
    pub(super) identity: Arc<OnceLock<Identity>>,
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    /// How it is shared with other machines; `None` if it is not.
    pub(super) share: Option<Arc<Share>>,
    /// Whether its registry may be asked about builds of other machines.
    pub(super) asks_registry: bool,
    pub(super) recipe: Recipe,
    /// The directory scan that found its files.
    pub(super) seen: Weak<Forest>,
    /// The lock for building it, held until the plan is dropped.
    pub(super) _claim: Claim,
    /// The decision that was reported last.
    pub(super) told: Arc<Mutex<Option<Decision>>>,
}

/// The source of a build.
#[derive(Clone)]
pub(super) enum Recipe {
    /// A Dockerfile and a context.
    Dockerfile(Arc<DockerfileRecipe>),
    /// A custom command and the files that it depends on.
    Custom(Selection),
}

impl Recipe {
    /// The files that it is built from.
    pub(super) fn files(&self) -> &Selection {
        match self {
            Self::Dockerfile(recipe) => &recipe.selection,
            Self::Custom(files) => files,
        }
    }
}

/// All inputs of an image.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) inputs: Inputs,
    pub(super) key: CacheKey,
    pub(super) files: ContextDigest,
}

/// The maximum number of builds while files keep changing.
const ATTEMPTS: u32 = 3;

/// The decision about a reused image.
fn reuse_decision(reuse: &Reuse) -> Decision {
    match (reuse.unfinished, &reuse.left) {
        (Some(_), _) => Decision::Finish,
        (None, Some(_)) => Decision::Publish,
        (None, None) => Decision::Skip,
    }
}

impl Plan {
    /// Plans an image with a Dockerfile.
    ///
    /// # Errors
    /// If a file of the build context cannot be read, or a required query to a daemon or registry fails.
    pub fn of_dockerfile(
        image: &Image,
        dockerfile: &ImageDockerfile,
        context: &Context,
    ) -> Result<Self, StageError> {
        Self::undecided_of_dockerfile(image, dockerfile, context)?.decided(None)
    }

    /// The cache key of an image with a Dockerfile. Ignores earlier builds.
    ///
    /// # Errors
    /// If a file of the build context cannot be read.
    pub fn key_of_dockerfile(
        image: &Image,
        dockerfile: &ImageDockerfile,
        context: &Context,
    ) -> Result<CacheKey, StageError> {
        Self::undecided_of_dockerfile(image, dockerfile, context)?.key()
    }

    pub(super) fn undecided_of_dockerfile(
        image: &Image,
        dockerfile: &ImageDockerfile,
        context: &Context,
    ) -> Result<Self, StageError> {
        let run = image.run();
        let dockerfile = &with_disabled_bases(image, dockerfile)?;
        let parents = parents(image, dockerfile)?;
        let outside = outside_bases(image, dockerfile, &parents)?;
        let bases = Bases::new(run, &parents, &outside);
        let target = dockerfile.target.as_deref();
        let reach = dockerfile.inner.reach(target, &dockerfile.args, &|base| bases.config(base))?;
        let used = match unknown_reading(image, &dockerfile.inner) {
            Some(_) => (*dockerfile.args).clone(),
            None => dockerfile.inner.used_args(target, &dockerfile.args, &|base| bases.config(base))?,
        };
        let reach = widened(image, &dockerfile.inner, reach);
        let (asked, unknown_bases) = bases.into_asked();
        let recipe = DockerfileRecipe {
            selection: select(image, context, &reach, dockerfile)?,
            dockerfile: dockerfile.clone(),
            context: context.clone(),
            reach,
            bases: asked,
            unknown_bases,
            parents,
            outside,
        };
        let parents = recipe.parents.iter();
        let bases = locked_digests(&recipe.outside);
        let outline = Inputs {
            bases,
            command: Vec::new(),
            dockerfile: Some(Digest::of(dockerfile.inner.text())),
            target: dockerfile.target.as_deref().map(ToOwned::to_owned),
            network: image.config().options.network.clone(),
            platform: image.platform(),
            arguments: argument_words(image)?,
            build_args: used.into_iter().collect(),
            context: None,
            parents: parents.map(|parent| (parent.name.clone(), parent.finished.key)).collect(),
        };
        let bases = recipe.parents.iter().map(|parent| (parent.name.clone(), parent.finished.clone()));
        let bases = bases.collect();
        let seen = recipe.context.forest().clone();
        Ok(Self::undecided(image, outline, bases, Recipe::Dockerfile(Arc::new(recipe)), seen))
    }

    /// Plans an image with a custom command: it runs if the command or a file of `onChange` changed, and always without
    /// `onChange`, as in DevSpace.
    ///
    /// # Errors
    /// If a file of `onChange` cannot be read, or the image has no custom command.
    pub fn of_custom(image: &Image) -> Result<Self, StageError> {
        let Some(config) = &image.config().custom else {
            let (image, builder) = (image.name().to_owned(), BuilderKind::Custom);
            return Err(PlanError::UnfitBuilder { image, builder }.into());
        };
        let seen = Arc::downgrade(&image.run().forest());
        let files = custom_files(image)?;
        let outline = Inputs {
            command: custom_words(&fill_custom(image.run(), config, image.name(), None)?),
            ..Inputs::default()
        };
        let always = config.on_change.is_empty().then_some("a custom command without `onChange` always runs");
        let bases = named_images(image.run(), config, image.name());
        let bases = bases.into_iter().map(|named| (named.name, named.finished)).collect();
        Self::undecided(image, outline, bases, Recipe::Custom(files), seen).decided(always)
    }

    fn undecided(
        image: &Image,
        outline: Inputs,
        bases: Arc<[(String, Finished)]>,
        recipe: Recipe,
        seen: Weak<Forest>,
    ) -> Self {
        Self {
            image: image.clone(),
            templates: templates(image),
            outline: Arc::new(outline),
            bases,
            identity: Arc::default(),
            verdict: Verdict::Build { reason: None, is_forced: false },
            reason: String::new(),
            share: None,
            asks_registry: false,
            recipe,
            seen,
            _claim: None,
            told: Arc::default(),
        }
    }

    /// This plan with a decision; `always` is a reason to build regardless of the inputs.
    fn decided(self, always: Option<&str>) -> Result<Self, StageError> {
        let always = self.always().or(always);
        let (verdict, reason) = self.verdict(always)?;
        let plan = Self { verdict, reason, ..self };
        if plan.needs_build() { plan.claimed(always) } else { Ok(plan) }
    }

    /// This plan, decided again if another run built the image in the meantime. An image that is built regardless does
    /// not wait.
    fn claimed(self, always: Option<&str>) -> Result<Self, StageError> {
        let (run, name) = (self.image.run(), self.image.name());
        let claim = run.claim(name, always.is_none())?;
        if !run.reread_records(name) {
            return Ok(Self { _claim: claim, ..self });
        }
        // Its hooks may have written files that were read before.
        run.session.host.writes.wrote();
        let plan = self.with_files_of_now()?;
        let (verdict, reason) = plan.verdict(always)?;
        Ok(Self { verdict, reason, _claim: claim, ..plan })
    }

    /// Why the image is built regardless of its inputs.
    fn always(&self) -> Option<&'static str> {
        let options = &self.image.run().options;
        let forced = options.force_build || options.force.contains(self.image.name());
        let strategy = self.image.config().rebuild_strategy == RebuildStrategy::Always;
        forced.then_some("forced").or_else(|| strategy.then_some("`rebuildStrategy` is `always`"))
    }

    /// Whether the image must be built.
    pub fn needs_build(&self) -> bool {
        matches!(self.verdict, Verdict::Build { .. })
    }

    /// The reason, as a phrase.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The tags of the image if it is not built; `None` before a build has chosen them.
    pub fn tags(&self) -> Option<&[Tag]> {
        match &self.verdict {
            Verdict::Reuse(reuse) => Some(&reuse.tags),
            Verdict::Build { .. } => None,
        }
    }

    /// The first tag without random characters that a build gets now.
    pub fn first_tag(&self) -> Option<Tag> {
        self.templates.iter().find_map(TagTemplate::fixed)
    }

    /// The image.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The Dockerfile of the build; `None` for a custom command.
    pub fn dockerfile(&self) -> Option<&crate::image::Dockerfile> {
        match &self.recipe {
            Recipe::Dockerfile(recipe) => Some(&recipe.dockerfile.inner),
            Recipe::Custom(_) => None,
        }
    }

    /// The earlier build to compare with: the reused one, otherwise the latest.
    pub fn compared(&self) -> Option<Record> {
        match &self.verdict {
            Verdict::Reuse(reuse) => Some(reuse.record.clone()),
            Verdict::Build { .. } => self.image.run().records(self.image.name()).first().cloned(),
        }
    }

    /// The inputs that changed since `record` was built.
    ///
    /// # Errors
    /// If a file of the build context cannot be read.
    pub fn differences_from(&self, record: &Record) -> Result<Vec<Difference>, StageError> {
        let Identity { inputs, files, .. } = self.identity()?;
        Ok(differences(&record.inputs, inputs, || self.changed_files(&record.inputs.context?, files)))
    }

    /// The files that differ between `now` and the build context with the digest `before`; `None` if its file list is
    /// no longer saved.
    fn changed_files(&self, before: &Digest, now: &ContextDigest) -> Option<Vec<Change>> {
        self.files().changes_since_kept(before, now).or_else(|| {
            let before = ContextDigest::from_bytes(&self.image.run().memory.store.context(before)?)?;
            Some(now.changes_since(&before))
        })
    }

    /// Why its inputs differ from those of `earlier`, a plan of the same image, and which do; `None` if they are equal.
    ///
    /// # Errors
    /// If a file of one of the build contexts cannot be read.
    pub fn changes_since(&self, earlier: &Self) -> Result<Option<(String, Vec<Difference>)>, StageError> {
        let (before, now) = (earlier.identity()?, self.identity()?);
        if before.key == now.key {
            return Ok(None);
        }
        let inputs = RecordedInputs::new(&before.inputs);
        let found = differences(&inputs, &now.inputs, || Some(now.files.changes_since(&before.files)));
        Ok(Some((why_build(&found), found)))
    }

    /// Why the image is built even if its inputs are unchanged; `None` if it is not.
    pub fn always_built(&self) -> Option<&str> {
        match &self.verdict {
            Verdict::Build { reason: Some(reason), is_forced: true } => Some(reason),
            _ => None,
        }
    }

    /// The cache key.
    ///
    /// # Errors
    /// If a file of the build context cannot be read.
    pub fn key(&self) -> Result<CacheKey, StageError> {
        Ok(self.identity()?.key)
    }

    /// All inputs of the image. The files are read on the first call.
    pub(super) fn identity(&self) -> Result<&Identity, StageError> {
        if let Some(identity) = self.identity.get() {
            return Ok(identity);
        }
        let root: &Path = match &self.recipe {
            Recipe::Dockerfile(recipe) => recipe.context.root(),
            Recipe::Custom(_) => &self.image.run().project.root,
        };
        let events = self.image.events();
        let hashed = move |done, total| events.progress("reading the context", done, Some(total));
        let digest = self.image.run().hash(self.files(), root, hashed)?;
        Ok(self.identity.get_or_init(|| self.identify(digest)))
    }

    /// Its files.
    pub(super) fn files(&self) -> &Selection {
        self.recipe.files()
    }

    /// All inputs of the image, with `files` as its build context.
    pub(super) fn identify(&self, files: ContextDigest) -> Identity {
        let ignores = self.image.config().rebuild_strategy == RebuildStrategy::IgnoreContextChanges;
        let counts = matches!(self.recipe, Recipe::Custom(_)) || !ignores;
        let inputs = Inputs { context: counts.then(|| files.digest()), ..Inputs::clone(&self.outline) };
        Identity { key: inputs.key(), inputs, files }
    }

    /// Reports whether the image is built, before a hook or a builder reports anything else about it.
    pub fn decide(&self, needs_build: bool) {
        match &self.verdict {
            _ if needs_build => self.report(Decision::Build),
            Verdict::Reuse(reuse) => self.report(reuse_decision(reuse)),
            // `reuse` checks whether an earlier build exists.
            Verdict::Build { .. } => {}
        }
    }

    /// The verdict on the image and the reason, as a phrase.
    fn verdict(&self, always: Option<&str>) -> Result<(Verdict, String), StageError> {
        let image = &self.image;
        let run = image.run();
        let records = run.records(image.name());
        let bases: Vec<_> = self
            .bases
            .iter()
            .map(|(name, finished)| UsedBase {
                name: name.clone(),
                identity: finished.identity.clone(),
                is_new: finished.is_new,
            })
            .collect();
        let identify = |name: &str| {
            let base = self.bases.iter().find(|(base, _)| base == name);
            base.map(|(_, finished)| identify(run, finished)).unwrap_or_default()
        };
        // Those of a lock file are inputs.
        let outside = self.pinned_digests(false);
        let mut verdict = decide(&DecisionInputs {
            key: &|| self.key(),
            repository: &image.config().repository,
            templates: &self.templates,
            records: &records,
            bases: &bases,
            outside: &outside,
            identify: &identify,
            always,
            check: run.scripts().check,
            pushes: image.is_published(),
            uses_shared: image.pushes()
                || run.requested_share_mode()?.is_some_and(|mode| mode != ShareMode::Off),
            check_registry: run.options.check_registry,
            in_daemon: &|references| match run.in_daemon(references) {
                Err(error) if error.kind() == ErrorKind::DaemonUnreachable => Ok(None),
                found => found.map(Some),
            },
            in_store: &|digest, references| {
                let store = &run.session.host.oci;
                match run.session.wait(store.has(digest))?? {
                    true => Ok(Some(run.session.wait(store.names_of(digest, references))??)),
                    false => Ok(None),
                }
            },
            has_id: &|id| Ok(run.session.wait(run.session.host.docker.base_config(id))??.is_some()),
            in_registry: &|reference| {
                run.session.wait(run.session.host.registry.digest(reference)).map_err(StageError::from)?
            },
            own_platform: &|built_for| self.own_platform(built_for),
            random: &|| run.session.host.random.character(),
        })?;
        if let Verdict::Reuse(reuse) = &mut verdict {
            // Unknown bases are known from now on.
            reuse.record.outside_bases.extend(outside.clone());
        }
        let reason = match &verdict {
            Verdict::Build { reason: Some(reason), .. } => reason.clone(),
            Verdict::Build { reason: None, .. } => match records.first() {
                None => NEVER_BUILT.to_owned(),
                Some(latest) => {
                    let moved = moved_outside(latest, &outside, false);
                    let why = why_build(&self.differences_from(latest)?);
                    moved.map(|moved| format!("{moved}, {why}")).unwrap_or(why)
                }
            },
            Verdict::Reuse(reuse) => match reuse.rest() {
                Some(rest) => format!("unchanged, {rest}"),
                None => "unchanged".to_owned(),
            },
        };
        Ok((verdict, reason))
    }

    /// The platform of a build now, if it may differ from that of `built_for`: none is requested, and another builder
    /// would choose it.
    fn own_platform(&self, built_for: &BuiltFor) -> Result<Option<String>, StageError> {
        let config = self.image.config();
        if self.outline.platform.is_some() || config.is_kaniko() || config.is_build_kit_in_cluster() {
            return Ok(None);
        }
        let run = self.image.run();
        Ok(run.session.wait(run.session.host.docker.own_platform(&built_for.builder))?)
    }

    /// Builds the image with `chosen`, or with the builder that takes precedence over it, from the current files. If a
    /// file changes while it is sent, the result is discarded and the image is built again from the new files.
    ///
    /// # Errors
    /// If it cannot be built, its registry would refuse it, or its files keep changing.
    pub fn build(&self, chosen: BuilderKind) -> Result<Built, StageError> {
        let mut attempt = 1;
        loop {
            match self.with_files_of_now()?.build_once(chosen) {
                Err(error) if error.kind() == ErrorKind::FileChanged && attempt < ATTEMPTS => {
                    self.image.events().notice(Level::Info, format!("building again: {}", error.message()));
                    self.image.run().session.host.writes.wrote();
                    attempt += 1;
                }
                ended => return ended,
            }
        }
    }

    fn build_once(&self, chosen: BuilderKind) -> Result<Built, StageError> {
        let config = self.image.config();
        match (self.image.run().options.builder_over(chosen), &self.recipe) {
            (BuilderKind::Disabled, _) => Ok(Built::disabled(&self.image)),
            (BuilderKind::Custom, Recipe::Custom(_)) => {
                self.report(Decision::Build);
                self.build_with_command()
            }
            (builder, Recipe::Dockerfile(recipe))
                if builder != BuilderKind::Custom
                    && (builder != BuilderKind::BuildKit || config.is_build_kit_in_cluster()) =>
            {
                self.report(Decision::Build);
                self.build_dockerfile(recipe, builder)
            }
            (builder, _) => Err(self.unfit(builder).into()),
        }
    }

    /// The error for a builder that cannot build the image.
    fn unfit(&self, builder: BuilderKind) -> PlanError {
        PlanError::UnfitBuilder { image: self.image.name().to_owned(), builder }
    }

    /// Reuses the earlier build and adds the new tags.
    ///
    /// # Errors
    /// If no earlier build exists, or the daemon cannot tag it.
    pub fn reuse(&self) -> Result<Built, StageError> {
        let run = self.image.run();
        let reuse = match &self.verdict {
            Verdict::Reuse(reuse) => Reuse::clone(reuse),
            Verdict::Build { .. } => self.latest()?,
        };
        self.report(reuse_decision(&reuse));
        let Reuse { mut record, tags, untagged, source, .. } = reuse;
        for tag in &untagged {
            match &source {
                Source::Daemon(id) => {
                    run.session.wait(run.session.host.docker.tag(id, &self.reference(tag)))??
                }
                Source::Store(digest) => {
                    run.session.wait(run.session.host.oci.tag(digest, &self.reference(tag)))??
                }
                Source::Registry(_) | Source::Shared(_) | Source::Elsewhere => {}
            }
        }
        let records = run.records(self.image.name());
        record.lost_tags = match &source {
            // They have just been put back.
            Source::Daemon(_) | Source::Store(_) => false,
            Source::Registry(_) | Source::Shared(_) | Source::Elsewhere => {
                record.lost_tags || record.tags.iter().any(|tag| record.is_taken(tag, &records))
            }
        };
        record.tags = tags;
        record.templates.clone_from(&self.templates);
        if !records.contains(&record) {
            run.record(self.image.name(), &record);
        }
        Ok(Built::reused(self, record, source))
    }

    /// The latest build, for a pipeline that reuses it despite changed inputs.
    fn latest(&self) -> Result<Reuse, StageError> {
        let repository = self.image.config().repository.to_string();
        let records = self.image.run().records(self.image.name());
        let latest = records.iter().find(|record| record.repository == repository);
        let source = latest.and_then(|record| match (record.pushed.keys().next(), &record.image_id) {
            _ if record.custom => Some(Source::Elsewhere),
            (None, None) if record.foreign_digest().is_some() => {
                record.foreign_digest().map(|digest| Source::Shared(digest.to_owned()))
            }
            (Some(tag), _) => Some(Source::Registry(tag.clone())),
            (None, Some(id)) => Some(Source::Daemon(id.clone())),
            (None, None) => record.stored.map(Source::Store),
        });
        match (latest, source) {
            (Some(record), Some(source)) => Ok(Reuse {
                record: record.clone(),
                tags: record.tags.clone(),
                untagged: Vec::new(),
                source,
                unfinished: Reuse::unfinished(record, self.image.run().scripts().check.as_ref()),
                left: None,
            }),
            _ => Err(PlanError::NothingToReuse { image: self.image.name().to_owned() }.into()),
        }
    }

    /// Reports `decision` once.
    fn report(&self, decision: Decision) {
        if lock(&self.told).replace(decision) == Some(decision) {
            return;
        }
        let follows = self.needs_build() == (decision == Decision::Build);
        let reason = if follows { &self.reason } else { "requested by the pipeline" };
        let image = self.image.name();
        let key = self.identity.get().map(|identity| identity.key.to_string());
        self.image.run().progress.results.update(image, |result| result.reason = reason.to_owned());
        self.image.run().session.events.emit(Event::ImageDecided {
            image: image.to_owned(),
            decision,
            reason: reason.to_owned(),
            key,
        });
    }

    pub(super) fn reference(&self, tag: &Tag) -> ImageReference {
        self.image.config().repository.with_tag(tag.clone())
    }

    pub(super) fn new_tags(&self) -> Vec<Tag> {
        let random = &self.image.run().session.host.random;
        self.templates.iter().map(|template| template.fill(|| random.character())).collect()
    }

    fn build_with_command(&self) -> Result<Built, StageError> {
        let run = self.image.run();
        let identity = self.identity()?;
        let tags = self.tags_of_build(BuilderKind::Custom)?;
        let config = self.image.config();
        let Some(command) = &config.custom else {
            return Err(self.unfit(BuilderKind::Custom).into());
        };
        let references: Vec<_> = tags.iter().map(|tag| self.reference(tag)).collect();
        let request = CustomRequest {
            image: self.image.name().to_owned(),
            config: fill_custom(run, command, self.image.name(), references.first())?,
            references,
            latest: self.latest_reference(),
            context: self.image.context_folder(),
            dockerfile: self.image.dockerfile_path(),
            directory: run.project.root.clone(),
            skip_push: run.options.skip_push,
            namespace: run.project.namespace.clone(),
            kube_context: run.project.kube_context.clone(),
            environment: run.options.environment.clone(),
        };
        if let Some(docker) = &config.docker {
            arguments::check(self.image.name(), &docker.args, Taker::Custom)?;
        }
        let events = self.image.events();
        let built = run.session.wait_for_end(run.session.host.custom.build(
            &request,
            &*run.session.host.exec,
            &events,
            &run.session.cancellation(),
        ))?;
        let identity = self.identity_of_run(identity)?;
        self.record(&identity, tags, built, BTreeMap::new(), BuilderKind::Custom)
    }

    /// A reference of its latest build.
    fn latest_reference(&self) -> Option<ImageReference> {
        let records = self.image.run().records(self.image.name());
        records.first()?.references(&self.image.config().repository).pop()
    }

    pub(super) fn record(
        &self,
        identity: &Identity,
        tags: Vec<Tag>,
        built: BuiltImage,
        daemon_bases: BTreeMap<String, String>,
        builder: BuilderKind,
    ) -> Result<Built, StageError> {
        let custom = builder == BuilderKind::Custom;
        keep_context(self.image.run(), &identity.files);
        let inputs = RecordedInputs::new(&identity.inputs);
        let inputs = match self.dockerfile() {
            Some(dockerfile) => inputs.with_dockerfile(dockerfile),
            None => inputs,
        };
        let outside_bases = self.outside_digests(builder, &built);
        let BuiltImage {
            image_id,
            stored,
            is_pushed,
            digest,
            built_for,
            daemon_bases: taken,
            is_planned,
            ..
        } = built;
        if !is_pushed
            && !custom
            && !is_planned
            && let Some((record, digest)) = self.built_meanwhile(identity, &tags, built_for.as_ref())?
        {
            self.image.run().record(self.image.name(), &record);
            return Ok(Built::reused(self, record, Source::Shared(digest)));
        }
        let events = self.image.events();
        let mut pushed = BTreeMap::new();
        for tag in tags.iter().filter(|_| is_pushed) {
            events.pushed(self.reference(tag).to_string(), digest.clone());
            pushed.insert(tag.clone(), digest.clone());
        }
        if custom && !is_planned {
            pushed.extend(self.pushed_by_command(&tags)?);
        }
        let source = match (&image_id, stored, pushed.keys().next()) {
            (Some(id), ..) => Source::Daemon(id.clone()),
            (None, Some(digest), _) => Source::Store(digest),
            (None, None, Some(tag)) => Source::Registry(tag.clone()),
            (None, None, None) => Source::Elsewhere,
        };
        let record = Record {
            key: identity.key,
            build: Record::new_build(),
            progress: Progress::Built,
            verified: Vec::new(),
            repository: self.image.config().repository.to_string(),
            templates: self.templates.clone(),
            tags,
            image_id,
            stored,
            pushed,
            shared: None,
            is_foreign: false,
            earlier: BTreeMap::new(),
            custom,
            push_skipped: custom && self.image.run().options.skip_push,
            lost_tags: false,
            built_at: Some(self.image.run().session.host.clock.now().as_second()),
            bases: if is_planned { BTreeMap::new() } else { self.used_bases() },
            daemon_bases: daemon_bases.into_iter().chain(taken).collect(),
            outside_bases,
            built_for: built_for.filter(|_| identity.inputs.platform.is_none()),
            inputs,
        };
        self.image.run().record(self.image.name(), &record);
        Ok(Built::new(self, record, source, is_planned))
    }
}

impl Plan {
    /// The tags that a custom command has pushed, if the user requests registry queries.
    fn pushed_by_command(&self, tags: &[Tag]) -> Result<Vec<(Tag, Option<String>)>, StageError> {
        let run = self.image.run();
        let options = &run.options;
        let mut pushed = Vec::new();
        for tag in tags.iter().filter(|_| options.check_registry && !options.skip_push) {
            let digest = run.session.wait(run.session.host.registry.digest(&self.reference(tag)))??;
            pushed.extend(digest.map(|digest| (tag.clone(), Some(digest))));
        }
        Ok(pushed)
    }

    /// The identities of its base images as used by the build.
    pub(super) fn used_bases(&self) -> BTreeMap<String, BaseIdentity> {
        let run = self.image.run();
        self.bases.iter().map(|(name, finished)| (name.clone(), identify(run, finished))).collect()
    }
}

/// The files of `onChange`.
pub(super) fn custom_files(image: &Image) -> Result<Selection, StageError> {
    let run = image.run();
    if let Some(kept) = run.kept_files(image.name()) {
        // For many files, the index takes some milliseconds; it is needed after the selection.
        let run = Arc::clone(run);
        image.run().session.start(move || drop(run.index(&run.project.root)));
        if let Some(files) = kept.of_files() {
            return Ok(files);
        }
    }
    let on_change = image.config().custom.as_ref().map(|custom| custom.on_change.as_slice());
    let files = match run.options.ignores_files {
        true => Vec::new(),
        false => on_change_files(&run.project.root, on_change.unwrap_or_default(), &run.own_folder())?,
    };
    Ok(Selection::of_files(&run.project.root, &files)?)
}

fn templates(image: &Image) -> Vec<TagTemplate> {
    image.templates().map_or_else(|| vec![TagTemplate::random()], <[_]>::to_vec)
}
