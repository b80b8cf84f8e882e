//! One build: the targets that are needed, each from its base up.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

use super::content::Reader;
use super::copy::context_fs;
use super::document::ImageDocument;
use super::images::Images;
use super::instruction::Step;
use super::listing::Listing;
use super::needs_daemon::{self, Obstacle, check_daemonless};
use super::owner::owner;
use super::pack::{Pack, PackSource};
use super::root_fs::RootFs;
use super::state::State;
use super::trouble::Trouble;
use super::variables::platform_args;
use crate::builder::{BuildError, BuildRequest};
use crate::event::{ImageEvents, Level};
use crate::image::dockerfile::{Base, BuildArgs, Graph, Instruction, Kind, Origin, Word};
use crate::image::{Digest, Dockerfile, Platform};
use crate::oci::{BlobStore, Compression, Layer, StoredImage, canonical_json, digest_of};

/// All that building an image takes.
pub(super) struct Assembly<'a> {
    pub(super) request: &'a BuildRequest,
    pub(super) store: &'a BlobStore,
    pub(super) compression: Compression,
    pub(super) images: Images<'a>,
    pub(super) events: &'a ImageEvents,
    pub(super) cancel: &'a CancellationToken,
    pub(super) reader: Reader<'a>,
    pub(super) graph: &'a Graph<'a>,
    /// The time of everything that is made, in seconds since 1970.
    pub(super) time: u64,
    /// The build context.
    context: Option<RootFs>,
    /// The targets that are finished; `None` while one is built.
    targets: HashMap<usize, Option<State>>,
    /// Images that files are copied from.
    sources: HashMap<String, RootFs>,
    /// Downloaded archives that are read when their layer is made.
    kept: Vec<NamedTempFile>,
    /// How many steps make layers, and how many of them are done.
    steps: (usize, usize),
}

/// What a build needs to know beside the request.
pub(super) struct Settings<'a> {
    pub(super) store: &'a BlobStore,
    pub(super) compression: Compression,
    pub(super) images: Images<'a>,
    pub(super) time: u64,
}

/// Builds the image of `request`.
pub(super) fn assemble(
    request: &BuildRequest,
    settings: &Settings<'_>,
    events: &ImageEvents,
    cancel: &CancellationToken,
) -> Result<StoredImage, Box<BuildError>> {
    let dockerfile = &request.dockerfile;
    let target = request.target.as_deref();
    let platform = match &request.platform {
        None => Platform::of_this_machine(),
        Some(text) => Platform::parse(text).ok_or_else(|| BuildError::Platform { text: text.clone() })?,
    };
    check_daemonless(request, &|_| None)?;
    let index = dockerfile.target_index(target).map_err(BuildError::from)?;
    let mut args = platform_args(&request.build_args, &platform, &Platform::of_this_machine());
    let stage = dockerfile.targets()[index].name().unwrap_or("default");
    args.entry("TARGETSTAGE".to_owned()).or_insert_with(|| stage.to_owned());
    let graph = Graph::new(dockerfile, &args).map_err(BuildError::from)?;
    let needed = graph.needed(index, &|_| Vec::new());
    let makes_layer = |kind: &&Kind| matches!(kind, Kind::Copy(_) | Kind::Workdir(_));
    let steps = (0..=index).filter(|index| needed[*index]);
    let steps = steps.map(|index| graph.kinds(index, &[]).filter(makes_layer).count()).sum();
    let mut assembly = Assembly {
        request,
        store: settings.store,
        compression: settings.compression,
        images: settings.images.clone(),
        events,
        cancel,
        reader: Reader::new(&request.sent, cancel),
        graph: &graph,
        time: settings.time,
        context: None,
        targets: HashMap::new(),
        sources: HashMap::new(),
        kept: Vec::new(),
        steps: (steps, 0),
    };
    let state = assembly.target(index, &platform)?;
    let mut document = ImageDocument { created: Some(assembly.created()), ..state.document };
    document.config.labels.extend(request.labels.clone());
    let (config, annotations) = (canonical_json(&document), Default::default());
    let image = StoredImage::assemble(settings.store, config, &state.layers, annotations);
    Ok(image.map_err(BuildError::from)?)
}

impl Assembly<'_> {
    /// The time of everything that is made, as configurations have it.
    pub(super) fn created(&self) -> String {
        let seconds = i64::try_from(self.time).unwrap_or_default();
        Timestamp::from_second(seconds).unwrap_or_default().to_string()
    }

    pub(super) fn dockerfile(&self) -> &Dockerfile {
        &self.request.dockerfile
    }

    /// The build target `index`, finished.
    fn target(&mut self, index: usize, platform: &Platform) -> Result<State, Box<BuildError>> {
        let start = self.dockerfile().targets()[index].start().clone();
        match self.targets.get(&index) {
            Some(Some(state)) => return Ok(state.clone()),
            Some(None) => {
                let reason = "it needs what needs it: build targets copy from each other in a circle";
                return Err(self.at(&start, reason.to_owned().into()));
            }
            None => drop(self.targets.insert(index, None)),
        }
        let begun = self.begin(index, platform);
        let (mut state, triggers) = begun.map_err(|trouble| self.at(&start, trouble))?;
        for trigger in &triggers {
            let request = self.request;
            let in_trigger = |trouble| at_trigger(request, &start, trigger, trouble);
            let dockerfile = Dockerfile::parse("ONBUILD", format!("FROM scratch\n{trigger}\n"));
            let dockerfile = dockerfile.map_err(|error| in_trigger(error.to_string().into()))?;
            for instruction in dockerfile.targets().iter().flat_map(|target| target.instructions()) {
                let step = Step { kind: instruction.kind(), text: instruction.text() };
                self.step(&mut state, &step).map_err(in_trigger)?;
            }
        }
        let instructions = self.dockerfile().targets()[index].instructions().to_vec();
        for instruction in &instructions {
            let step = Step { kind: instruction.kind(), text: instruction.text() };
            self.step(&mut state, &step).map_err(|trouble| self.at(instruction, trouble))?;
        }
        self.targets.insert(index, Some(state.clone()));
        Ok(state)
    }

    fn step(&mut self, state: &mut State, step: &Step<'_>) -> Result<(), Trouble> {
        if self.cancel.is_cancelled() {
            return Err(Trouble::Cancelled);
        }
        if let Some(reason) = needs_daemon::reason(step.kind) {
            return Err(Trouble::NeedsDaemon(reason));
        }
        self.carry_out(state, step)
    }

    /// What a target begins with, and the triggers of its base.
    fn begin(&mut self, index: usize, platform: &Platform) -> Result<(State, Vec<String>), Trouble> {
        let whole = platform;
        let platform = match &self.dockerfile().targets()[index].from().platform {
            None => platform.clone(),
            Some(word) => {
                let text = self.graph.global.expand(word)?.text;
                let unknown = || format!("`{text}` is no platform such as linux/arm64");
                Platform::parse(&text).ok_or_else(unknown)?
            }
        };
        let mut state = match self.graph.bases[index].clone() {
            // It runs on anything, so `--platform` is nothing to it.
            Base::Scratch => State::scratch(whole.clone()),
            Base::Target(base) => State { has_command: false, ..self.target(base, &platform)? },
            Base::Image(reference) => self.image(&reference, platform)?,
            Base::Unknown(why) => return Err(format!("what it is based on is not known: {why}").into()),
        };
        let config = &mut state.document.config;
        config.need_path();
        for pair in &config.env {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            state.variables.set(name, value);
        }
        let triggers = std::mem::take(&mut config.on_build);
        Ok((state, triggers))
    }

    /// The image `reference` as the base of a target.
    fn image(&mut self, reference: &str, platform: Platform) -> Result<State, Trouble> {
        let image = self.images.get(reference, &platform)?;
        let document = serde_json::from_slice(image.config());
        let document: ImageDocument = document
            .map_err(|error| format!("the configuration of `{reference}` is not one of an image: {error}"))?;
        Ok(State {
            root_fs: None,
            document,
            layers: image.layers().to_vec(),
            base: Some(reference.to_owned()),
            is_blank: false,
            platform,
            ..State::scratch(Platform::of_this_machine())
        })
    }

    /// The file system of a target, which is found out when it is first asked for.
    pub(super) fn know_root_fs<'s>(&mut self, state: &'s mut State) -> Result<&'s mut RootFs, Trouble> {
        if state.root_fs.is_none() {
            let base = state.base.clone().unwrap_or_default();
            state.root_fs = Some(self.root_fs_of(&base, &state.platform, &state.layers)?);
        }
        Ok(state.root_fs.get_or_insert_default())
    }

    /// The file system that `layers` of the image `reference` make.
    fn root_fs_of(
        &mut self,
        reference: &str,
        platform: &Platform,
        layers: &[Layer],
    ) -> Result<RootFs, Trouble> {
        let mut root_fs = RootFs::default();
        for layer in layers {
            if self.cancel.is_cancelled() {
                return Err(Trouble::Cancelled);
            }
            let digest = digest_of(&layer.descriptor, &layer.diff_id)?;
            let pack = Arc::new(Pack::new(PackSource::Blob(self.store.clone(), digest)));
            let kept = self.listing(&digest)?;
            if !self.store.has(&digest, layer.descriptor.size())? {
                self.images.fetch(reference, platform)?;
            }
            let listing = match kept {
                Some(listing) => listing,
                None => {
                    self.events.step(format!("reading what is in {reference}"));
                    let listing = pack.open().and_then(Listing::of_tar);
                    let listing = listing.map_err(|error| {
                        format!("a layer of `{reference}` cannot be read ({digest}): {error}")
                    })?;
                    self.store.keep_listing(&digest, &listing.to_bytes())?;
                    listing
                }
            };
            if listing.tar() != layer.diff_id {
                let (found, named) = (listing.tar(), layer.diff_id);
                let reason = format!(
                    "a layer of `{reference}` ({digest}) is not what the image says: its content has the digest \
                     {found}, and the image's configuration names {named}"
                );
                return Err(reason.into());
            }
            listing.apply(&mut root_fs, &pack, true, |_| ())?;
        }
        Ok(root_fs)
    }

    /// What is known to be in the archive `digest`.
    pub(super) fn listing(&self, digest: &Digest) -> Result<Option<Listing>, Trouble> {
        Ok(self.store.listing(digest).and_then(|bytes| Listing::from_bytes(&bytes)))
    }

    /// The file system that COPY takes files from.
    pub(super) fn source(&mut self, from: Option<&Word>, platform: &Platform) -> Result<RootFs, Trouble> {
        let Some(from) = from else {
            let selection = &self.request.context;
            return Ok(self.context.get_or_insert_with(|| context_fs(selection)).clone());
        };
        match self.graph.origin(from) {
            Origin::Targets(targets) => {
                // Of several with one name the latest is meant.
                let Some(index) = targets.last().copied() else { return Ok(RootFs::default()) };
                let mut state = self.target(index, platform)?;
                let known = state.root_fs.is_some();
                let root_fs = self.know_root_fs(&mut state)?.clone();
                if !known {
                    self.targets.insert(index, Some(state));
                }
                Ok(root_fs)
            }
            Origin::Image => {
                if let Some(root_fs) = self.sources.get(&from.text) {
                    return Ok(root_fs.clone());
                }
                let mut state = self.image(&from.text, platform.clone())?;
                let root_fs = self.know_root_fs(&mut state)?.clone();
                self.sources.insert(from.text.clone(), root_fs.clone());
                Ok(root_fs)
            }
            Origin::Nothing => {
                let from = &from.text;
                Err(format!("`--from={from}` names neither a build target nor an image").into())
            }
        }
    }

    /// Who `text` names in an image of `root_fs`; a name it does not have is told.
    pub(super) fn owner(
        &mut self,
        root_fs: &RootFs,
        is_blank: bool,
        text: &str,
    ) -> Result<(u64, u64), Trouble> {
        let owner = owner(root_fs, is_blank, text, &mut self.reader)?;
        for (kind, name) in owner.unknown {
            let message =
                format!("the image has no {kind} `{name}`: the files belong to root, as with Docker");
            self.events.notice(Level::Warning, message);
        }
        Ok(owner.numbers)
    }

    /// Keeps a file until the end of the build.
    pub(super) fn keep(&mut self, file: NamedTempFile) {
        self.kept.push(file);
    }

    /// The number of the step that begins, as `2/5`.
    pub(super) fn next_step(&mut self) -> String {
        self.steps.1 += 1;
        format!("{}/{}", self.steps.1, self.steps.0.max(self.steps.1))
    }

    fn at(&self, instruction: &Instruction, trouble: Trouble) -> Box<BuildError> {
        let obstacle = |reason| Obstacle {
            instruction: instruction.text().lines().next().unwrap_or_default().to_owned(),
            line: instruction.lines().0,
            span: self.dockerfile().label(instruction),
            reason,
        };
        error_of(self.request, trouble, obstacle)
    }
}

/// The error that `trouble` in the ONBUILD `trigger` of the base named by `start` is.
fn at_trigger(
    request: &BuildRequest,
    start: &Instruction,
    trigger: &str,
    trouble: Trouble,
) -> Box<BuildError> {
    let obstacle = |reason: String| Obstacle::of_trigger(&request.dockerfile, start, trigger, &reason);
    error_of(request, trouble, obstacle)
}

fn error_of(
    request: &BuildRequest,
    trouble: Trouble,
    obstacle: impl FnOnce(String) -> Obstacle,
) -> Box<BuildError> {
    match trouble {
        Trouble::Cancelled => Box::new(BuildError::Cancelled),
        Trouble::Error(error) => error,
        Trouble::Store(error) => Box::new(error.into()),
        Trouble::NeedsDaemon(reason) => {
            Box::new(obstacle(reason).into_error(&request.image, &request.dockerfile, None))
        }
        Trouble::Mistake(reason, help) => {
            let Obstacle { instruction, span, reason, .. } = obstacle(reason);
            Box::new(BuildError::StepFailed {
                step: instruction,
                exit_code: None,
                reason,
                output: help,
                dockerfile: miette::NamedSource::new(
                    request.dockerfile.name(),
                    request.dockerfile.text().to_owned(),
                ),
                instruction: Some(span.into()),
            })
        }
    }
}

/// The build arguments of a request.
pub(super) fn given<'r>(request: &'r BuildRequest, name: &str) -> Option<&'r String> {
    let args: &BuildArgs = &request.build_args;
    args.get(name)
}
