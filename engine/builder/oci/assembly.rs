//! One build: the required build stages, each from its base image up.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

use super::content::Reader;
use super::copy::context_fs;
use super::document::ImageDocument;
use super::images::Images;
use super::instruction::InstructionExecution;
use super::instruction_error::InstructionError;
use super::listing::Listing;
use super::needs_daemon::{self, UnsupportedFeature, check_daemonless};
use super::owner::owner;
use super::pack::{Pack, PackSource};
use super::root_fs::RootFs;
use super::state::State;
use super::variables::platform_args;
use crate::builder::{BuildError, BuildRequest};
use crate::event::{ImageEvents, Level};
use crate::image::dockerfile::{Base, BuildArgs, Graph, Instruction, InstructionKind, Origin, Word};
use crate::image::{Digest, Dockerfile, Platform};
use crate::oci::{BlobStore, Compression, Layer, StoredImage, canonical_json, digest_of};

/// The state of the build of one image.
pub(super) struct Assembly<'a> {
    pub(super) request: &'a BuildRequest,
    pub(super) store: &'a BlobStore,
    pub(super) compression: Compression,
    pub(super) images: Images<'a>,
    pub(super) events: &'a ImageEvents,
    pub(super) cancel: &'a CancellationToken,
    pub(super) reader: Reader<'a>,
    pub(super) graph: &'a Graph<'a>,
    /// The time of everything that is created, in seconds since 1970.
    pub(super) time: u64,
    /// The build context.
    context: Option<RootFs>,
    /// The finished build stages; `None` while one is being built.
    targets: HashMap<usize, Option<State>>,
    /// File systems of images that files are copied from.
    sources: HashMap<String, RootFs>,
    /// Downloaded archives, which are read when their layer is created.
    kept: Vec<NamedTempFile>,
    /// The number of steps that create layers, and how many of them are done.
    steps: (usize, usize),
}

/// The settings of a build in addition to the request.
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
    let makes_layer =
        |kind: &&InstructionKind| matches!(kind, InstructionKind::Copy(_) | InstructionKind::Workdir(_));
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
    /// The time of everything that is created, in the format of image configurations.
    pub(super) fn created(&self) -> String {
        let seconds = i64::try_from(self.time).unwrap_or_default();
        Timestamp::from_second(seconds).unwrap_or_default().to_string()
    }

    pub(super) fn dockerfile(&self) -> &Dockerfile {
        &self.request.dockerfile
    }

    /// The finished build stage `index`.
    fn target(&mut self, index: usize, platform: &Platform) -> Result<State, Box<BuildError>> {
        let start = self.dockerfile().targets()[index].start().clone();
        match self.targets.get(&index) {
            Some(Some(state)) => return Ok(state.clone()),
            Some(None) => {
                let reason = "build stages copy from each other in a cycle";
                return Err(self.at(&start, reason.to_owned().into()));
            }
            None => drop(self.targets.insert(index, None)),
        }
        let begun = self.begin(index, platform);
        let (mut state, triggers) = begun.map_err(|trouble| self.at(&start, trouble))?;
        for trigger in &triggers {
            let request = self.request;
            let in_trigger = |trouble| at_trigger(request, &start, trigger, trouble);
            let dockerfile = Dockerfile::of_trigger(trigger);
            let dockerfile = dockerfile.map_err(|error| in_trigger(error.to_string().into()))?;
            for instruction in dockerfile.targets().iter().flat_map(|target| target.instructions()) {
                let step = InstructionExecution { kind: instruction.kind(), text: instruction.text() };
                self.step(&mut state, &step).map_err(in_trigger)?;
            }
        }
        let instructions = self.dockerfile().targets()[index].instructions().to_vec();
        for instruction in &instructions {
            let step = InstructionExecution { kind: instruction.kind(), text: instruction.text() };
            self.step(&mut state, &step).map_err(|trouble| self.at(instruction, trouble))?;
        }
        self.targets.insert(index, Some(state.clone()));
        Ok(state)
    }

    fn step(&mut self, state: &mut State, step: &InstructionExecution<'_>) -> Result<(), InstructionError> {
        if self.cancel.is_cancelled() {
            return Err(InstructionError::Cancelled);
        }
        if let Some(reason) = needs_daemon::reason(step.kind) {
            return Err(InstructionError::NeedsDaemon(reason));
        }
        self.carry_out(state, step)
    }

    /// The initial state of a build stage, and the triggers of its base image.
    fn begin(&mut self, index: usize, platform: &Platform) -> Result<(State, Vec<String>), InstructionError> {
        let whole = platform;
        let platform = match &self.dockerfile().targets()[index].from().platform {
            None => platform.clone(),
            Some(word) => {
                let text = self.graph.global.expand(word)?.text;
                let unknown = || format!("invalid platform `{text}` (try linux/arm64)");
                Platform::parse(&text).ok_or_else(unknown)?
            }
        };
        let mut state = match self.graph.bases[index].clone() {
            // `scratch` has no platform, so `--platform` does not apply.
            Base::Scratch => State::scratch(whole.clone()),
            Base::Target(base) => State { has_command: false, ..self.target(base, &platform)? },
            Base::Image(reference) => self.image(&reference, platform)?,
            Base::Unknown(why) => return Err(format!("the base image is unknown: {why}").into()),
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

    /// The image `reference` as the base image of a build stage.
    fn image(&mut self, reference: &str, platform: Platform) -> Result<State, InstructionError> {
        let image = self.images.get(reference, &platform)?;
        let document = serde_json::from_slice(image.config());
        let document: ImageDocument =
            document.map_err(|error| format!("`{reference}` has no valid image configuration: {error}"))?;
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

    /// The file system of a build stage, which is computed on first use.
    pub(super) fn know_root_fs<'s>(
        &mut self,
        state: &'s mut State,
    ) -> Result<&'s mut RootFs, InstructionError> {
        if state.root_fs.is_none() {
            let base = state.base.clone().unwrap_or_default();
            state.root_fs = Some(self.root_fs_of(&base, &state.platform, &state.layers)?);
        }
        Ok(state.root_fs.get_or_insert_default())
    }

    /// The file system from `layers` of the image `reference`.
    fn root_fs_of(
        &mut self,
        reference: &str,
        platform: &Platform,
        layers: &[Layer],
    ) -> Result<RootFs, InstructionError> {
        let mut root_fs = RootFs::default();
        for layer in layers {
            if self.cancel.is_cancelled() {
                return Err(InstructionError::Cancelled);
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
                    self.events.step(format!("reading the files of {reference}"));
                    let listing = pack.open().and_then(Listing::of_tar);
                    let listing = listing
                        .map_err(|error| format!("cannot read layer {digest} of `{reference}`: {error}"))?;
                    self.store.keep_listing(&digest, &listing.to_bytes())?;
                    listing
                }
            };
            if listing.tar() != layer.diff_id {
                let (found, named) = (listing.tar(), layer.diff_id);
                let reason = format!(
                    "digest mismatch in layer {digest} of `{reference}`: its content has the digest {found}, but the \
                     image configuration has {named}"
                );
                return Err(reason.into());
            }
            listing.apply(&mut root_fs, &pack, true, |_| ())?;
        }
        Ok(root_fs)
    }

    /// The recorded listing of the archive `digest`.
    pub(super) fn listing(&self, digest: &Digest) -> Result<Option<Listing>, InstructionError> {
        Ok(self.store.listing(digest).and_then(|bytes| Listing::from_bytes(&bytes)))
    }

    /// The file system that COPY reads files from.
    pub(super) fn source(
        &mut self,
        from: Option<&Word>,
        platform: &Platform,
    ) -> Result<RootFs, InstructionError> {
        let Some(from) = from else {
            let selection = &self.request.context;
            return Ok(self.context.get_or_insert_with(|| context_fs(selection)).clone());
        };
        match self.graph.origin(from) {
            Origin::Targets(targets) => {
                // The last one of several build stages with the same name is used.
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
                Err(format!("invalid `--from={from}`: not a build stage or an image").into())
            }
        }
    }

    /// The owner that `text` names in an image with `root_fs`; an unknown name is reported.
    pub(super) fn owner(
        &mut self,
        root_fs: &RootFs,
        is_blank: bool,
        text: &str,
    ) -> Result<(u64, u64), InstructionError> {
        let owner = owner(root_fs, is_blank, text, &mut self.reader)?;
        for (kind, name) in owner.unknown {
            let message =
                format!("the files belong to root, as with Docker: the image has no {kind} `{name}`");
            self.events.notice(Level::Warning, message);
        }
        Ok(owner.numbers)
    }

    /// Keeps a file until the end of the build.
    pub(super) fn keep(&mut self, file: NamedTempFile) {
        self.kept.push(file);
    }

    /// The number of the next step, as `2/5`.
    pub(super) fn next_step(&mut self) -> String {
        self.steps.1 += 1;
        format!("{}/{}", self.steps.1, self.steps.0.max(self.steps.1))
    }

    fn at(&self, instruction: &Instruction, trouble: InstructionError) -> Box<BuildError> {
        let obstacle = |reason| UnsupportedFeature {
            instruction: instruction.text().lines().next().unwrap_or_default().to_owned(),
            line: instruction.lines().0,
            span: self.dockerfile().label(instruction),
            reason,
        };
        error_of(self.request, trouble, obstacle)
    }
}

/// The error for `trouble` in the ONBUILD `trigger` of the base image in `start`.
fn at_trigger(
    request: &BuildRequest,
    start: &Instruction,
    trigger: &str,
    trouble: InstructionError,
) -> Box<BuildError> {
    let obstacle =
        |reason: String| UnsupportedFeature::of_trigger(&request.dockerfile, start, trigger, &reason);
    error_of(request, trouble, obstacle)
}

fn error_of(
    request: &BuildRequest,
    trouble: InstructionError,
    obstacle: impl FnOnce(String) -> UnsupportedFeature,
) -> Box<BuildError> {
    match trouble {
        InstructionError::Cancelled => Box::new(BuildError::Cancelled),
        InstructionError::Error(error) => error,
        InstructionError::Store(error) => Box::new(error.into()),
        InstructionError::NeedsDaemon(reason) => {
            Box::new(obstacle(reason).into_error(&request.image, &request.dockerfile, None))
        }
        InstructionError::Mistake(reason, help) => {
            let UnsupportedFeature { instruction, span, reason, .. } = obstacle(reason);
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
