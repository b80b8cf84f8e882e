//! Builds a planned image from its Dockerfile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::Plan;
use super::bases::{Bases, Parent, daemon_bases, look_up};
use super::built::Built;
use super::docker_args;
use super::error::PlanError;
use super::named_contexts::widened;
use super::outside::OutsideBase;
use super::plan::Identity;
use crate::builder::arguments::{self, LayerCache, Taker};
use crate::builder::docker::BuildxBuild;
use crate::builder::kaniko::{self, KanikoBuild};
use crate::builder::oci::needs_daemon;
use crate::builder::{BuildError, BuildMethod, BuildRequest};
use crate::config::{BuilderKind, BuildxConfig, KanikoConfig};
use crate::error::StageError;
use crate::event::{ImageEvents, Level};
use crate::image::context::{
    Changed, Content, ContextDigest, ContextError, Entry, EntryKind, SentFiles, shown,
};
use crate::image::dockerfile::{BaseConfig, ContextSources};
use crate::image::{Context, Selection};
use crate::run::{AddedFile, Finished, Image, ImageDockerfile, Run, RunError};

/// A Dockerfile with all inputs of its build.
#[derive(Clone)]
pub(super) struct DockerfileRecipe {
    pub(super) dockerfile: ImageDockerfile,
    pub(super) context: Context,
    pub(super) reach: ContextSources,
    pub(super) selection: Selection,
    pub(super) parents: Vec<Parent>,
    /// The other images that the build uses.
    pub(super) outside: Vec<OutsideBase>,
    /// Base images whose configuration was requested.
    pub(super) bases: Vec<String>,
    /// Those of them with unknown configuration.
    pub(super) unknown_bases: Vec<String>,
}

impl DockerfileRecipe {
    /// Whether the configuration of a base image differs from the recorded one: its tag may have moved.
    fn bases_moved(&self, run: &Run) -> bool {
        let remembered = self
            .bases
            .iter()
            // An image with a digest never changes.
            .filter(|base| {
                !base.contains('@') && !self.unknown_bases.contains(base) && !run.memory.bases.is_fresh(base)
            });
        // All of them are queried now, so that none is queried again.
        let moved = remembered.filter(|base| {
            let before = run.memory.bases.get(base);
            let has_settings =
                |found: &BaseConfig| before.is_some_and(|before| before.has_settings_of(found));
            look_up(run, base).is_some_and(|found| !has_settings(&found))
        });
        moved.count() > 0
    }
}

impl Plan {
    /// Builds the image with all its tags and records it; with Docker, unless `builder` is another one for Dockerfiles.
    pub(super) fn build_dockerfile(
        &self,
        recipe: &DockerfileRecipe,
        builder: BuilderKind,
    ) -> Result<Built, StageError> {
        let run = self.image.run();
        let events = self.image.events();
        let options = self.image.config().docker.clone().unwrap_or_default();
        #[expect(clippy::result_large_err, reason = "created once, and ends the build")]
        let check = |taker| arguments::check(self.image.name(), &options.args, taker);
        if matches!(builder, BuilderKind::Docker | BuilderKind::BuildKit) {
            self.check_program()?;
        }
        match builder {
            BuilderKind::Kaniko => self.check_kaniko(&recipe.dockerfile)?,
            BuilderKind::Oci => {
                check(Taker::Oci)?;
                self.check_daemonless(recipe)?;
            }
            BuilderKind::BuildKit => check(Taker::Cluster)?,
            _ if options.use_build_kit == Some(false) => check(Taker::Classic)?,
            _ => check(Taker::BuildKit)?,
        }
        let moved = recipe.bases_moved(run);
        let (reach, selection) = match moved {
            true => self.reach_again(recipe)?,
            false => (recipe.reach.clone(), recipe.selection.clone()),
        };
        report_context(&events, &reach, &selection);
        // A pod may have other credentials.
        if builder != BuilderKind::Kaniko && self.image.pushes() {
            run.session.wait(run.session.host.registry.check_push(&self.image.config().repository))??;
        }
        let tags = self.tags_of_build(builder)?;
        let target = recipe.dockerfile.target.as_deref();
        let pinned =
            recipe.outside.iter().filter_map(|outside| Some((outside.base.clone(), outside.pinned()?)));
        let replacements: Vec<_> = recipe
            .parents
            .iter()
            .map(|parent| (parent.base.clone(), self.base_name(parent, builder)))
            .chain(pinned)
            .collect();
        let (named, target_name) =
            recipe.dockerfile.inner.with_bases(&replacements)?.with_target_name(target)?;
        let mut request = BuildRequest {
            references: tags.iter().map(|tag| self.reference(tag)).collect(),
            target: target_name,
            network: self.image.config().options.network.clone(),
            build_args: recipe.dockerfile.own_args(),
            secret_args: self.secret_args(&recipe.dockerfile),
            proxies: (*recipe.dockerfile.proxies).clone(),
            labels: self.image.config().options.labels.clone(),
            platform: self.image.platform(),
            cache: LayerCache::of_api(&options.args).unwrap_or_default(),
            sent: Arc::new(SentFiles::new(run.index(recipe.context.root()))),
            inherited: self.inherited(recipe),
            ..BuildRequest::new(self.image.name(), named, selection, run.project.root.clone())
        };
        let method = match builder {
            BuilderKind::Kaniko => KanikoBuild::METHOD,
            BuilderKind::BuildKit | BuilderKind::Oci => {
                BuildMethod { reads_files: true, ..BuildMethod::default() }
            }
            _ => run.session.wait(run.session.host.docker.method(&options, &request))??,
        };
        if !method.reads_files {
            let root = recipe.context.root();
            let events = events.clone();
            let progress = move |done, total| events.progress("reading the context", done, Some(total));
            run.hash(&request.context, root, progress).map_err(|error| changed(error, root))?;
            if let Some(path) = request.context.changed() {
                let (path, reason) = (path.to_owned(), Changed::Meanwhile);
                return Err(BuildError::Changed { path, reason }.into());
            }
        }
        let sent = Arc::clone(&request.sent);
        if method.runs_every_target {
            let bases = Bases::new(run, &recipe.parents, &recipe.outside);
            let config = |base: &str| bases.config(base);
            let reach =
                recipe.dockerfile.inner.reach_in_file_order(target, &recipe.dockerfile.args, &config)?;
            let reach = widened(&self.image, &recipe.dockerfile.inner, reach);
            request.context = Arc::new(select(&self.image, &recipe.context, &reach, &recipe.dockerfile)?);
        }
        let cancel = run.session.cancellation();
        let built = match builder {
            BuilderKind::Kaniko => run.session.wait_for_end(run.session.host.cluster.build(
                &self.kaniko_build(request),
                &events,
                &cancel,
            )),
            BuilderKind::BuildKit => {
                let build = BuildxBuild {
                    request,
                    args: options.args.clone(),
                    config: options.buildx.unwrap_or_default(),
                    pushes: self.image.pushes(),
                };
                run.session.wait_for_end(run.session.host.cluster.build_with_buildx(&build, &events, &cancel))
            }
            BuilderKind::Oci => {
                let compression = docker_args::compression(&options.args);
                run.session.wait_for_end(run.session.host.oci.build(request, compression, &events, &cancel))
            }
            _ => {
                run.session.wait(run.session.host.oci.remove(&request.references))??;
                run.session.wait_for_end(run.session.host.docker.build(request, &options, &events, &cancel))
            }
        };
        // If the tag of a base image has moved, the build may need files that were not sent: query it again next time.
        let built = built.inspect_err(|_| {
            recipe.bases.iter().for_each(|base| run.memory.bases.remove(base));
        })?;
        let identity = match built.is_planned {
            true => self.identity()?.clone(),
            false => self.identity_of_built(recipe, moved, &sent)?,
        };
        // The recorded configuration of the image that had these tags before does not apply to this one.
        tags.iter().for_each(|tag| run.memory.bases.remove(&self.reference(tag).to_string()));
        let daemon_bases = match builder {
            BuilderKind::Docker if !built.is_planned => daemon_bases(run, recipe)?,
            _ => BTreeMap::new(),
        };
        self.record(&identity, tags, built, daemon_bases, builder)
    }

    /// The build arguments with secret values: they contain a secret, or come only from the environment.
    pub(super) fn secret_args(&self, dockerfile: &ImageDockerfile) -> BTreeSet<String> {
        let (secrets, configured) = (&self.image.run().session.secrets, &self.image.config().options);
        let is_secret = |(name, value): &(&String, &String)| {
            // The URL of a proxy may contain a password.
            let is_login = dockerfile.proxies.contains_key(*name) && value.contains('@');
            let is_inherited =
                configured.build_args.get(*name) == Some(&None) || configured.inherited_args.contains(*name);
            secrets.hides(value) || is_login || is_inherited
        };
        dockerfile.args.iter().filter(is_secret).map(|(name, _)| name.clone()).collect()
    }

    /// The name by which `builder` builds on `parent`: its digest in the registry, if its tag may name another image where
    /// the builder looks.
    fn base_name(&self, parent: &Parent, builder: BuilderKind) -> String {
        let run = self.image.run();
        let Finished { base, identity, is_new, .. } = &parent.finished;
        let pushed = || {
            let identity = identity.as_ref()?;
            let digest = base.repository.with_digest(identity.digest.clone()?);
            let own = match builder {
                BuilderKind::Docker => identity.image_id.as_ref(),
                BuilderKind::Oci => return identity.stored.is_none().then_some(digest),
                // Other machines may have moved its tags.
                _ => return Some(digest),
            };
            // An image that the daemon does not have is pulled; other machines may have moved its tags.
            let Some(id) = own else { return Some(digest) };
            if *is_new {
                return None;
            }
            // Without a response, the build fails anyway.
            let named = run.in_daemon(std::slice::from_ref(base)).ok()?.remove(base);
            (named.as_ref() != Some(id)).then_some(digest)
        };
        pushed().unwrap_or_else(|| base.clone()).to_string()
    }

    /// The build request for a pod.
    fn kaniko_build(&self, request: BuildRequest) -> KanikoBuild {
        let (run, config) = (self.image.run(), self.image.config());
        // As the fallback for Docker, kaniko caches layers, as in DevSpace.
        let stand_in = || KanikoConfig { cache: true, ..KanikoConfig::default() };
        let kaniko = config.kaniko.clone().unwrap_or_else(stand_in);
        let of_args = request.given_args().into_iter().filter(|(name, _)| request.secret_args.contains(name));
        let of_kaniko =
            kaniko.env.values().chain(kaniko.init_env.values()).cloned().chain(kaniko.args.words());
        let of_kaniko = of_kaniko.filter(|text| run.session.secrets.hides(text));
        let secret_texts = of_args.map(|(_, value)| value).chain(of_kaniko).collect();
        KanikoBuild {
            request,
            config: kaniko,
            secret_texts,
            settings: run.options.pods.clone(),
            gives_credentials: config.create_pull_secret != Some(false),
            marks: run.memory.store.folder().join("pods"),
        }
    }

    /// Checks that the command of `buildKit.command`, if any, may run, and that `args` push only if the run does.
    fn check_program(&self) -> Result<(), StageError> {
        let Some(docker) = &self.image.config().docker else { return Ok(()) };
        if let Some(argument) =
            docker_args::pushing(&docker.args).filter(|_| self.image.run().options.skip_push)
        {
            let image = self.image.name().to_owned();
            return Err(PlanError::Pushes { image, argument }.into());
        }
        let own = docker.buildx.as_ref().filter(|buildx| buildx.command != BuildxConfig::default().command);
        let Some(buildx) = own else { return Ok(()) };
        let allowed = self.image.run().session.host.exec.allow(&buildx.command.join(" "));
        Ok(allowed.map_err(|error| BuildError::process(self.image.name(), error))?)
    }

    /// Checks that the Dockerfile and the triggers of its base images need no daemon.
    fn check_daemonless(&self, recipe: &DockerfileRecipe) -> Result<(), StageError> {
        let ImageDockerfile { inner, target, args, .. } = &recipe.dockerfile;
        // A base image that nothing knew of is not looked up again.
        let bases =
            Bases::new(self.image.run(), &recipe.parents, &recipe.outside).without(&recipe.unknown_bases);
        match needs_daemon(inner, target.as_deref(), args, &|base: &str| bases.config(base))? {
            Some(obstacle) => Err(obstacle.into_error(self.image.name(), inner, None).into()),
            None => Ok(()),
        }
    }

    /// Makes sure that kaniko supports the image's options, and reports ignored ones.
    fn check_kaniko(&self, dockerfile: &ImageDockerfile) -> Result<(), StageError> {
        let image = &self.image;
        let check_support = kaniko::check_support(image.config(), image.run().options.skip_push)?;
        for option in check_support.unused {
            let message = format!("kaniko ignores the Docker option `{option}`");
            image.events().notice(Level::Info, message);
        }
        for line in kaniko::ignored_mounts(&dockerfile.inner, dockerfile.target.as_deref()) {
            let place = format!("{}:{line}", dockerfile.inner.name());
            let message = format!("kaniko ignores `--mount` ({place}): the command runs without those files");
            image.events().notice(Level::Warning, message);
        }
        Ok(())
    }

    /// The known settings that other builds will inherit from the image.
    fn inherited(&self, recipe: &DockerfileRecipe) -> Option<BaseConfig> {
        let ImageDockerfile { inner, target, args, .. } = &recipe.dockerfile;
        // A base image that nothing knew of is not looked up again.
        let bases =
            Bases::new(self.image.run(), &recipe.parents, &recipe.outside).without(&recipe.unknown_bases);
        inner.passes_on(target.as_deref(), args, &|base| bases.config(base))
    }

    /// The identity of the sent files in the next run: once the base images are available, their configuration is
    /// known, and fewer files of the build context may be inputs.
    fn identity_of_built(
        &self,
        recipe: &DockerfileRecipe,
        moved: bool,
        sent: &SentFiles,
    ) -> Result<Identity, StageError> {
        let run = self.image.run();
        let found = recipe.unknown_bases.iter().filter(|base| look_up(run, base).is_some()).count();
        if found == 0 && !moved {
            return Ok(self.identify(recipe.selection.digest_as_sent(sent)?));
        }
        let again = Self::undecided_of_dockerfile(&self.image, &recipe.dockerfile, &recipe.context)?;
        let files = again.files().digest_as_sent(sent)?;
        Ok(again.identify(files))
    }

    /// The files of the build context that a build reads, with the current configuration of its base images.
    fn reach_again(&self, recipe: &DockerfileRecipe) -> Result<(ContextSources, Selection), StageError> {
        let ImageDockerfile { inner, target, args, .. } = &recipe.dockerfile;
        let bases = Bases::new(self.image.run(), &recipe.parents, &recipe.outside);
        let reach = inner.reach(target.as_deref(), args, &|base| bases.config(base))?;
        let reach = widened(&self.image, inner, reach);
        let selection = select(&self.image, &recipe.context, &reach, &recipe.dockerfile)?;
        Ok((reach, selection))
    }
}

/// The files of `context` for a build with `reach`, including the files that windlass adds.
pub(super) fn select(
    image: &Image,
    context: &Context,
    reach: &ContextSources,
    dockerfile: &ImageDockerfile,
) -> Result<Selection, StageError> {
    if image.run().options.ignores_files {
        return Ok(Selection::default());
    }
    let events = image.events();
    let (context, reach) = (context.clone(), reach.clone());
    // The index of a large context takes some milliseconds; it is needed after the walk.
    let (run, root) = (Arc::clone(image.run()), context.root().to_owned());
    image.run().session.start(move || drop(run.index(&root)));
    let kept = image.run().kept_files(image.name()).and_then(|kept| kept.of_context(&context, &reach));
    if let Some(kept) = kept.filter(|kept| has_added(kept, &dockerfile.files)) {
        return Ok(kept);
    }
    let selection = image.run().session.apart(move || {
        let progress = |files: u64| events.step(format!("reading the context: {files} files so far"));
        context.select(&reach, &progress)
    })??;
    let added = dockerfile.files.iter();
    Ok(added
        .fold(selection, |selection, file| selection.with_file(file.path, file.mode, file.content.clone())))
}

/// Whether `added` are the files that windlass added to `selection`.
fn has_added(selection: &Selection, added: &[AddedFile]) -> bool {
    let content = |entry: &Entry| match &entry.kind {
        EntryKind::File { content: Content::Memory(content), .. } => Some(content.clone()),
        _ => None,
    };
    let is_added = |file: &AddedFile| {
        let entry = selection.get(file.path).filter(|entry| entry.mode == file.mode);
        entry.and_then(content).is_some_and(|content| content == file.content)
    };
    selection.entries().iter().filter_map(content).count() == added.len() && added.iter().all(is_added)
}

/// The build error for `error`, which occurred while the files below `root` were hashed for a builder.
fn changed(error: RunError, root: &Path) -> StageError {
    if let RunError::Context(ContextError::Unreadable { path, reason }) = &error
        && let Some(reason) = Changed::of(reason)
    {
        let path = path.strip_prefix(root).unwrap_or(path).display().to_string();
        return BuildError::Changed { path, reason }.into();
    }
    error.into()
}

/// Reports notes about the files to send.
fn report_context(events: &ImageEvents, reach: &ContextSources, selection: &Selection) {
    if let ContextSources::Whole { why: Some(why) } = reach {
        events.notice(Level::Info, format!("every file of the build context is an input: {why}"));
    }
    if let Some(hint) = selection.hint() {
        events.notice(Level::Info, hint);
    }
    if let Some((first, more)) = selection.left_out().split_first() {
        let others = match more.len() {
            0 => String::new(),
            1 => " and 1 more".to_owned(),
            count => format!(" and {count} more"),
        };
        events.notice(
            Level::Info,
            format!(
                "excluded from the build context (not a file, directory or symlink): `{}`{others}",
                shown(first)
            ),
        );
    }
}

/// Saves the file list of `digest`, to report changed files later.
pub(super) fn keep_context(run: &Run, digest: &ContextDigest) {
    if let Err(error) = run.memory.store.keep_context(&digest.digest(), || digest.to_bytes()) {
        run.session.notice(Level::Debug, format!("cannot save the file list of a build context: {error}"));
    }
}
