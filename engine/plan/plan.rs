//! A planned image: what would be built, its key, and what happens to it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::built::Built;
use super::{CacheKey, Inputs, Reuse, Situation, Source, Verdict, decide, why_build};
use crate::builder::{BuildRequest, CustomRequest, build_custom, custom_words, on_change_files};
use crate::event::{Decision, Event, ImageEvents, Level};
use crate::image::context::ContextDigest;
use crate::image::dockerfile::{BaseConfig, BaseImage, Reach};
use crate::image::{Context, Digest, ImageReference, Selection, Tag, TagTemplate};
use crate::run::{Finished, Image, Run, lock};
use crate::script::StageError;
use crate::script::stage::Dockerfile;
use crate::state::{Record, RecordedInputs};

/// A planned image. Making one reads files and perhaps asks a daemon or registry, but changes nothing.
#[derive(Clone)]
pub struct Plan {
    image: Image,
    templates: Vec<TagTemplate>,
    inputs: Arc<Inputs>,
    key: CacheKey,
    verdict: Verdict,
    reason: String,
    recipe: Recipe,
    /// The decision that was told last.
    told: Arc<Mutex<Option<Decision>>>,
}

/// What to build from.
#[derive(Clone)]
enum Recipe {
    /// A Dockerfile and a context.
    Dockerfile(Arc<DockerfileRecipe>),
    /// A custom command, and the files it depends on.
    Custom(ContextDigest),
}

struct DockerfileRecipe {
    dockerfile: Dockerfile,
    context: Context,
    reach: Reach,
    selection: Selection,
    digest: ContextDigest,
    parents: Vec<Parent>,
    /// Bases that were asked for what they pass on.
    bases: Vec<String>,
    /// Those of them of which nobody could tell.
    unknown_bases: Vec<String>,
}

/// The names of the builders that [`Plan::build`] knows.
const BUILDERS: [&str; 2] = ["docker", "custom"];

/// What is decided on an image that is reused, given what is left to do with it.
fn reuse_decision(left: Option<&str>) -> Decision {
    if left.is_some() { Decision::Publish } else { Decision::Skip }
}

impl DockerfileRecipe {
    /// Whether a base whose facts were only remembered passes on something else by now: its tag may have moved.
    fn bases_moved(&self, run: &Run) -> bool {
        let remembered =
            self.bases.iter().filter(|base| !self.unknown_bases.contains(base) && !run.bases.is_fresh(base));
        // Every one is asked, so that none is asked again.
        let moved = remembered.filter(|base| {
            let before = run.bases.get(base);
            look_up(run, base).is_some_and(|found| Some(found) != before)
        });
        moved.count() > 0
    }
}

/// What can go wrong around a plan.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
enum PlanError {
    #[error("`{image}` is built from `{parent}`, which is not built yet")]
    #[diagnostic(
        code(stage::plan::parent_missing),
        help(
            "only a script says so: let the Dockerfile on disk name `{parent}` as well, then it is built first"
        )
    )]
    ParentMissing { image: String, parent: String },

    #[error("there is no earlier build of `{image}` to reuse")]
    #[diagnostic(code(stage::reuse::nothing), help("build it: `plan.build_with(builder(image))`"))]
    NothingToReuse { image: String },

    #[error("there is no builder `{name}`")]
    #[diagnostic(code(builder::unknown))]
    UnknownBuilder {
        name: String,
        #[help]
        help: String,
    },

    #[error("`{image}` cannot be built with `{builder}`")]
    #[diagnostic(
        code(builder::unfit),
        help("`custom` needs `build.custom` in devspace.yaml, `docker` a Dockerfile")
    )]
    UnfitBuilder { image: String, builder: String },
}

impl Plan {
    /// Plans an image that a Dockerfile describes.
    ///
    /// # Errors
    /// When a file of the context cannot be read, or a daemon or registry has to be asked and cannot.
    pub fn of_dockerfile(
        image: &Image,
        dockerfile: &Dockerfile,
        context: &Context,
    ) -> Result<Self, StageError> {
        let run = image.run();
        let parents = parents(image, dockerfile)?;
        let bases = Bases::new(run, &parents);
        let target = dockerfile.target.as_deref();
        let reach = dockerfile.inner.reach(target, &dockerfile.args, &|base| bases.config(base))?;
        let (asked, unknown_bases) = (bases.asked.into_inner(), bases.unknown.into_inner());
        let selection = select(image, context, &reach, dockerfile)?;
        let digest = selection.digest(&run.index(context.root()))?;
        let counts = image.config().rebuild_strategy != crate::config::RebuildStrategy::IgnoreContextChanges;
        let inputs = Inputs {
            command: Vec::new(),
            dockerfile: Some(Digest::of(dockerfile.inner.text())),
            target: dockerfile.target.as_deref().map(ToOwned::to_owned),
            network: image.config().options.network.clone(),
            arguments: image.config().docker.as_ref().map(|docker| docker.args.clone()).unwrap_or_default(),
            build_args: dockerfile.args.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            context: counts.then(|| digest.digest()),
            parents: parents.iter().map(|parent| (parent.name.clone(), parent.finished.key)).collect(),
        };
        let changed_files = |before: Digest| {
            let before = ContextDigest::from_bytes(&run.store.context(&before)?)?;
            Some(digest.changes_since(&before).into_iter().map(|change| change.path.to_string()).collect())
        };
        let (verdict, reason) = judge(image, &inputs, changed_files, None)?;
        Ok(Self {
            templates: templates(image),
            key: inputs.key(),
            inputs: Arc::new(inputs),
            verdict,
            reason,
            recipe: Recipe::Dockerfile(Arc::new(DockerfileRecipe {
                dockerfile: dockerfile.clone(),
                context: context.clone(),
                reach,
                selection,
                digest,
                parents,
                bases: asked,
                unknown_bases,
            })),
            told: Arc::default(),
            image: image.clone(),
        })
    }

    /// Plans an image that a custom command builds: it runs when the command or a file of `onChange` changed,
    /// and always when there is no `onChange` (spec image-building §5.6, §10).
    ///
    /// # Errors
    /// When a file of `onChange` cannot be read, or the image has no custom command.
    pub fn of_custom(image: &Image) -> Result<Self, StageError> {
        let Some(config) = &image.config().custom else {
            let (image, builder) = (image.name().to_owned(), "custom".to_owned());
            return Err(PlanError::UnfitBuilder { image, builder }.into());
        };
        let run = image.run();
        let files = on_change_files(&run.project.root, &config.on_change)?;
        let files = Selection::of_files(&run.project.root, &files)?;
        let digest = files.digest(&run.index(&run.project.root))?;
        let inputs = Inputs {
            command: custom_words(config),
            dockerfile: None,
            target: None,
            network: None,
            arguments: Vec::new(),
            build_args: BTreeMap::new(),
            context: Some(digest.digest()),
            parents: BTreeMap::new(),
        };
        let changed_files = |before: Digest| {
            let before = ContextDigest::from_bytes(&run.store.context(&before)?)?;
            Some(digest.changes_since(&before).into_iter().map(|change| change.path.to_string()).collect())
        };
        let always = config.on_change.is_empty().then_some("a custom command without `onChange` always runs");
        let (verdict, reason) = judge(image, &inputs, changed_files, always)?;
        Ok(Self {
            templates: templates(image),
            key: inputs.key(),
            inputs: Arc::new(inputs),
            verdict,
            reason,
            recipe: Recipe::Custom(digest),
            told: Arc::default(),
            image: image.clone(),
        })
    }

    /// Whether the image has to be built.
    pub fn needs_build(&self) -> bool {
        matches!(self.verdict, Verdict::Build { .. })
    }

    /// Why, as a phrase.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The tags of the image when it is not built; none before a build has chosen them.
    pub fn tags(&self) -> Option<&[Tag]> {
        match &self.verdict {
            Verdict::Reuse(reuse) => Some(&reuse.tags),
            Verdict::Build { .. } => None,
        }
    }

    /// The cache key.
    pub fn key(&self) -> CacheKey {
        self.key
    }

    /// Tells whether the image is built, before a hook or a builder tells anything else of it.
    pub fn decide(&self, needs_build: bool) {
        match &self.verdict {
            _ if needs_build => self.tell(Decision::Build),
            Verdict::Reuse(reuse) => self.tell(reuse_decision(reuse.left.as_deref())),
            // Whether there is anything to reuse, `reuse` finds out.
            Verdict::Build { .. } => {}
        }
    }

    /// Builds the image.
    ///
    /// # Errors
    /// When it cannot be built, or its registry would refuse it.
    pub fn build(&self, builder: &str) -> Result<Built, StageError> {
        match (builder, &self.recipe) {
            ("disabled", _) => Ok(Built::disabled(&self.image)),
            ("docker", Recipe::Dockerfile(recipe)) => {
                self.tell(Decision::Build);
                self.build_with_docker(recipe)
            }
            ("custom", Recipe::Custom(files)) => {
                self.tell(Decision::Build);
                self.build_with_command(files)
            }
            ("docker" | "custom", _) => Err(PlanError::UnfitBuilder {
                image: self.image.name().to_owned(),
                builder: builder.to_owned(),
            }
            .into()),
            ("kaniko", _) => Err(self.image.kaniko_missing()),
            _ => {
                let help = match crate::suggestion::nearest(builder, BUILDERS) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("the builders are `{}`", BUILDERS.join("`, `")),
                };
                Err(PlanError::UnknownBuilder { name: builder.to_owned(), help }.into())
            }
        }
    }

    /// Uses the earlier build, giving it the tags that are new.
    ///
    /// # Errors
    /// When there is none, or the daemon cannot tag it.
    pub fn reuse(&self) -> Result<Built, StageError> {
        let run = self.image.run();
        let Reuse { mut record, tags, untagged, source, left } = match &self.verdict {
            Verdict::Reuse(reuse) => Reuse::clone(reuse),
            Verdict::Build { .. } => self.latest()?,
        };
        self.tell(reuse_decision(left.as_deref()));
        if let Source::Daemon(id) = &source {
            for tag in &untagged {
                run.wait(run.host.docker.tag(id, &self.reference(tag)))??;
            }
        }
        if record.tags != tags || record.templates != self.templates {
            record.tags = tags;
            record.templates.clone_from(&self.templates);
            run.remember(self.image.name(), &record);
        }
        Ok(Built::reused(&self.image, record, source))
    }

    /// The latest build, for a pipeline that reuses it although its inputs changed.
    fn latest(&self) -> Result<Reuse, StageError> {
        let repository = self.image.config().repository.to_string();
        let records = self.image.run().records(self.image.name());
        let latest = records.iter().find(|record| record.repository == repository);
        let source = latest.and_then(|record| match (record.pushed.keys().next(), &record.image_id) {
            _ if record.custom => Some(Source::Elsewhere),
            (Some(tag), _) => Some(Source::Registry(tag.clone())),
            (None, Some(id)) => Some(Source::Daemon(id.clone())),
            (None, None) => None,
        });
        match (latest, source) {
            (Some(record), Some(source)) => Ok(Reuse {
                record: record.clone(),
                tags: record.tags.clone(),
                untagged: Vec::new(),
                source,
                left: None,
            }),
            _ => Err(PlanError::NothingToReuse { image: self.image.name().to_owned() }.into()),
        }
    }

    /// Tells `decision` once.
    fn tell(&self, decision: Decision) {
        if lock(&self.told).replace(decision) == Some(decision) {
            return;
        }
        let follows = self.needs_build() == (decision == Decision::Build);
        let reason = if follows { &self.reason } else { "the pipeline asked for it" };
        let image = self.image.name();
        let key = self.key.to_string();
        self.image.run().results.update(image, |result| {
            result.reason = reason.to_owned();
            result.key = Some(key.clone());
        });
        self.image.run().events.emit(Event::ImageDecided {
            image: image.to_owned(),
            decision,
            reason: reason.to_owned(),
            key: Some(key),
        });
    }

    fn reference(&self, tag: &Tag) -> ImageReference {
        self.image.config().repository.with_tag(tag.clone())
    }

    fn new_tags(&self) -> Vec<Tag> {
        let random = &self.image.run().host.random;
        self.templates.iter().map(|template| template.fill(|| random())).collect()
    }

    fn build_with_docker(&self, recipe: &DockerfileRecipe) -> Result<Built, StageError> {
        let run = self.image.run();
        let events = self.image.events();
        let moved = recipe.bases_moved(run);
        let (reach, selection) = match moved {
            true => self.reach_again(recipe)?,
            false => (recipe.reach.clone(), recipe.selection.clone()),
        };
        tell_context(&events, &reach, &selection);
        if self.image.pushes() {
            run.wait(run.host.registry.check_push(&self.image.config().repository))??;
        }
        let options = self.image.config().docker.clone().unwrap_or_default();
        let tags = self.new_tags();
        let target = recipe.dockerfile.target.as_deref();
        let replacements: Vec<_> = recipe
            .parents
            .iter()
            .map(|parent| (parent.base.clone(), parent.finished.reference.to_string()))
            .collect();
        let (named, target_name) =
            recipe.dockerfile.inner.with_bases(&replacements)?.with_target_name(target)?;
        let mut request = BuildRequest {
            image: self.image.name().to_owned(),
            references: tags.iter().map(|tag| self.reference(tag)).collect(),
            dockerfile: Arc::new(named),
            context: Arc::new(selection),
            target: target_name,
            network: self.image.config().options.network.clone(),
            build_args: (*recipe.dockerfile.args).clone(),
            platform: None,
            directory: run.project.root.clone(),
        };
        if run.wait(run.host.docker.builds_every_target(&options, &request))?? {
            let bases = Bases::new(run, &recipe.parents);
            let config = |base: &str| bases.config(base);
            let reach =
                recipe.dockerfile.inner.reach_in_file_order(target, &recipe.dockerfile.args, &config)?;
            request.context = Arc::new(select(&self.image, &recipe.context, &reach, &recipe.dockerfile)?);
        }
        let built = run.wait_for_end(run.host.docker.build(request, &options, &events, &run.cancel));
        // A base that moved since it was looked at may need files that did not travel: look again next time.
        let built = built.inspect_err(|_| {
            recipe.bases.iter().for_each(|base| run.bases.forget(base));
        })?;
        let (inputs, digest) = self.refined_inputs(recipe, moved)?;
        keep_context(run, &digest);
        // What is known of the image that had these names before does not hold for this one.
        tags.iter().for_each(|tag| run.bases.forget(&self.reference(tag).to_string()));
        self.remember(&inputs, tags, built.image_id, false)
    }

    /// The inputs as the next run will see them: once the base images are there, what they pass on is no longer
    /// unknown, and less of the context may count.
    fn refined_inputs(
        &self,
        recipe: &DockerfileRecipe,
        moved: bool,
    ) -> Result<(Inputs, ContextDigest), StageError> {
        let run = self.image.run();
        let found = recipe.unknown_bases.iter().filter(|base| look_up(run, base).is_some()).count();
        let mut inputs = Inputs::clone(&self.inputs);
        if found == 0 && !moved {
            return Ok((inputs, recipe.digest.clone()));
        }
        let (_, selection) = self.reach_again(recipe)?;
        let digest = selection.digest(&run.index(recipe.context.root()))?;
        inputs.context = inputs.context.map(|_| digest.digest());
        Ok((inputs, digest))
    }

    /// What a build reads of the context, with what is known of its bases by now.
    fn reach_again(&self, recipe: &DockerfileRecipe) -> Result<(Reach, Selection), StageError> {
        let Dockerfile { inner, target, args, .. } = &recipe.dockerfile;
        let bases = Bases::new(self.image.run(), &recipe.parents);
        let reach = inner.reach(target.as_deref(), args, &|base| bases.config(base))?;
        let selection = select(&self.image, &recipe.context, &reach, &recipe.dockerfile)?;
        Ok((reach, selection))
    }

    fn build_with_command(&self, files: &ContextDigest) -> Result<Built, StageError> {
        let run = self.image.run();
        let tags = self.new_tags();
        let config = self.image.config();
        let Some(command) = &config.custom else {
            let (image, builder) = (self.image.name().to_owned(), "custom".to_owned());
            return Err(PlanError::UnfitBuilder { image, builder }.into());
        };
        let request = CustomRequest {
            image: self.image.name().to_owned(),
            references: tags.iter().map(|tag| self.reference(tag)).collect(),
            config: command.clone(),
            context: self.image.context_folder(),
            dockerfile: self.image.dockerfile_path(),
            directory: run.project.root.clone(),
            skip_push: run.options.skip_push,
            namespace: run.project.namespace.clone(),
            kube_context: run.project.kube_context.clone(),
            environment: run.options.environment.clone(),
        };
        let events = self.image.events();
        run.wait_for_end(build_custom(&request, &events, &run.cancel))?;
        keep_context(run, files);
        self.remember(&self.inputs, tags, None, true)
    }

    fn remember(
        &self,
        inputs: &Inputs,
        tags: Vec<Tag>,
        image_id: Option<String>,
        custom: bool,
    ) -> Result<Built, StageError> {
        let record = Record {
            key: inputs.key(),
            repository: self.image.config().repository.to_string(),
            templates: self.templates.clone(),
            tags,
            image_id: image_id.clone(),
            pushed: BTreeMap::new(),
            custom,
            push_skipped: custom && self.image.run().options.skip_push,
            inputs: RecordedInputs::new(inputs),
        };
        self.image.run().remember(self.image.name(), &record);
        let source = match image_id {
            Some(id) => Source::Daemon(id),
            None => Source::Elsewhere,
        };
        Ok(Built::new(&self.image, record, source))
    }
}

fn templates(image: &Image) -> Vec<TagTemplate> {
    image.templates().map_or_else(|| vec![TagTemplate::random()], <[_]>::to_vec)
}

/// The verdict on an image with `inputs`, and the reason as a phrase.
fn judge(
    image: &Image,
    inputs: &Inputs,
    changed_files: impl FnOnce(Digest) -> Option<Vec<String>>,
    always: Option<&str>,
) -> Result<(Verdict, String), StageError> {
    let run = image.run();
    let records = run.records(image.name());
    let forced = run.options.force_build || run.options.force.contains(image.name());
    let strategy = image.config().rebuild_strategy == crate::config::RebuildStrategy::Always;
    let always =
        forced.then_some("forced").or_else(|| strategy.then_some("`rebuildStrategy` is `always`")).or(always);
    let verdict = decide(&Situation {
        key: inputs.key(),
        repository: &image.config().repository,
        templates: &templates(image),
        records: &records,
        always,
        pushes: image.pushes() || (image.config().custom.is_some() && !run.options.skip_push),
        verify: run.options.verify,
        in_daemon: &|references| run.in_daemon(references),
        has_id: &|id| Ok(run.wait(run.host.docker.base_config(id))??.is_some()),
        in_registry: &|reference| run.wait(run.host.registry.digest(reference)).map_err(StageError::from)?,
        random: &|| (run.host.random)(),
    })?;
    let reason = match &verdict {
        Verdict::Build { reason: Some(reason) } => reason.clone(),
        Verdict::Build { reason: None } => {
            let latest = records.first();
            why_build(latest, inputs, || changed_files(latest?.inputs.context?))
        }
        Verdict::Reuse(reuse) => match &reuse.left {
            Some(left) => format!("unchanged, {left}"),
            None => "unchanged".to_owned(),
        },
    };
    Ok((verdict, reason))
}

/// What of `context` a build with `reach` gets, with the files that windlass adds.
fn select(
    image: &Image,
    context: &Context,
    reach: &Reach,
    dockerfile: &Dockerfile,
) -> Result<Selection, StageError> {
    let events = image.events();
    let progress = |files: u64| events.progress("reading the context", files, None);
    let selection = context.select(reach, &progress)?;
    let added = dockerfile.files.iter();
    Ok(added
        .fold(selection, |selection, file| selection.with_file(file.path, file.mode, file.content.clone())))
}

/// Tells what is worth knowing about what is about to travel.
fn tell_context(events: &ImageEvents, reach: &Reach, selection: &Selection) {
    if let Reach::Whole { why: Some(why) } = reach {
        events.notice(Level::Info, format!("every file of the build context counts: {why}"));
    }
    if let Some(hint) = selection.hint() {
        events.notice(Level::Info, hint);
    }
    if let Some((first, more)) = selection.left_out().split_first() {
        let others = match more.len() {
            0 => String::new(),
            1 => " and one more".to_owned(),
            count => format!(" and {count} more"),
        };
        events.notice(
            Level::Info,
            format!("left out of the build context, as it is neither a file nor a folder: `{first}`{others}"),
        );
    }
}

/// An image of the project that another one is built from.
struct Parent {
    name: String,
    /// Where the Dockerfile names it.
    base: BaseImage,
    finished: Finished,
}

/// The images of the project that `dockerfile` builds from.
fn parents(image: &Image, dockerfile: &Dockerfile) -> Result<Vec<Parent>, StageError> {
    let run = image.run();
    let mut parents = Vec::new();
    for base in dockerfile.inner.bases(dockerfile.target.as_deref(), &dockerfile.args)? {
        let Some(parent) = crate::graph::project_image(&run.project, &base.reference) else { continue };
        if parent.name == image.name() || parent.disabled {
            continue;
        }
        let Some(finished) = run.finished(&parent.name) else {
            let (image, parent) = (image.name().to_owned(), parent.name.clone());
            return Err(PlanError::ParentMissing { image, parent }.into());
        };
        parents.push(Parent { name: parent.name.clone(), base, finished });
    }
    Ok(parents)
}

/// Answers what the bases of one image pass on to it.
struct Bases<'a> {
    run: &'a Run,
    parents: &'a [Parent],
    /// Those that were asked for.
    asked: RefCell<Vec<String>>,
    /// Those of which nobody could tell.
    unknown: RefCell<Vec<String>>,
}

impl<'a> Bases<'a> {
    fn new(run: &'a Run, parents: &'a [Parent]) -> Self {
        Self { run, parents, asked: RefCell::default(), unknown: RefCell::default() }
    }

    fn config(&self, base: &str) -> Option<BaseConfig> {
        let parent = self.parents.iter().find(|parent| parent.base.reference == base);
        let actual = parent.map_or_else(|| base.to_owned(), |parent| parent.finished.reference.to_string());
        let found = self.run.bases.get(&actual).or_else(|| look_up(self.run, &actual));
        if found.is_none() {
            self.unknown.borrow_mut().push(actual.clone());
        }
        self.asked.borrow_mut().push(actual);
        found
    }
}

/// Asks the daemon, then the registry, and remembers. Nobody who answers is no error: then the whole context
/// counts.
fn look_up(run: &Run, base: &str) -> Option<BaseConfig> {
    let local = run.wait(run.host.docker.base_config(base)).ok()?;
    let found = match local {
        Ok(Some(config)) => config,
        _ => {
            let reference: ImageReference = base.parse().ok()?;
            run.wait(run.host.registry.base_config(&reference)).ok()?.ok()?
        }
    };
    run.bases.learn(base, found.clone());
    Some(found)
}

fn keep_context(run: &Run, digest: &ContextDigest) {
    if let Err(error) = run.store.keep_context(&digest.digest(), || digest.to_bytes()) {
        run.notice(Level::Debug, format!("cannot keep the list of files of a context: {error}"));
    }
}
