//! The dependencies and base images of build stages.

use super::scope::Scope;
use super::{BuildArgs, Dockerfile, DockerfileError, InstructionKind, Word};

/// The base of a build stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Base {
    /// Nothing.
    Scratch,
    /// An earlier build stage.
    Target(usize),
    /// An image.
    Image(String),
    /// It depends on an unknown variable; the reason, as a phrase.
    Unknown(String),
}

/// A Dockerfile with build arguments, so that the bases are known.
pub(crate) struct Graph<'a> {
    pub(crate) dockerfile: &'a Dockerfile,
    pub(crate) global: Scope<'a>,
    pub(crate) bases: Vec<Base>,
}

/// The meaning of a `--from`.
pub(crate) enum Origin {
    /// Build stages; several if a name is used more than once.
    Targets(Vec<usize>),
    /// An image.
    Image,
    /// A number beyond the last build stage, or a word with a variable, which Docker rejects.
    Nothing,
}

impl<'a> Graph<'a> {
    pub(crate) fn new(dockerfile: &'a Dockerfile, args: &'a BuildArgs) -> Result<Self, DockerfileError> {
        let globals = dockerfile.global_args();
        let global = Scope::global(args, dockerfile.escape(), globals)
            .map_err(|(index, reason)| dockerfile.mistake(globals[index].head(), reason))?;
        let mut graph = Self { dockerfile, global, bases: Vec::new() };
        for index in 0..dockerfile.targets().len() {
            graph.bases.push(graph.base(index)?);
        }
        Ok(graph)
    }

    fn base(&self, index: usize) -> Result<Base, DockerfileError> {
        let targets = self.dockerfile.targets();
        let word = &targets[index].from().base;
        let mistake = |reason| self.dockerfile.mistake(word.span.clone(), reason);
        let expansion = self.global.expand(&word.text).map_err(mistake)?;
        if let Some(why) = expansion.unknown {
            return Ok(Base::Unknown(why));
        }
        let name = expansion.text;
        if name.is_empty() {
            return Err(mistake(format!("`{}` is empty with these build arguments", word.text)));
        }
        // Stage names are stored in lower case, but a base is compared as written: to Docker, `FROM One` is an image.
        Ok(match targets[..index].iter().rposition(|target| target.name() == Some(name.as_str())) {
            Some(target) => Base::Target(target),
            None if name == "scratch" => Base::Scratch,
            None => Base::Image(name),
        })
    }

    /// The meaning of the word of a `--from`.
    pub(crate) fn origin(&self, from: &Word) -> Origin {
        let targets = self.dockerfile.targets();
        if let Ok(index) = from.text.parse::<usize>() {
            return if index < targets.len() { Origin::Targets(vec![index]) } else { Origin::Nothing };
        }
        if from.text.contains('$') {
            return Origin::Nothing;
        }
        let lower = from.text.to_lowercase();
        let named = |index: &usize| targets[*index].name() == Some(lower.as_str());
        let found: Vec<usize> = (0..targets.len()).filter(named).collect();
        if found.is_empty() { Origin::Image } else { Origin::Targets(found) }
    }

    /// For each build stage, whether building `target` needs it. `triggers` returns the ONBUILD triggers of external
    /// images.
    pub(crate) fn needed(
        &self,
        target: usize,
        triggers: &dyn Fn(usize) -> Vec<InstructionKind>,
    ) -> Vec<bool> {
        let mut needed = vec![false; self.bases.len()];
        let mut open = vec![target];
        while let Some(index) = open.pop() {
            if std::mem::replace(&mut needed[index], true) {
                continue;
            }
            match &self.bases[index] {
                Base::Target(base) => open.push(*base),
                // It may refer to any earlier build stage.
                Base::Unknown(_) => open.extend(0..index),
                Base::Scratch | Base::Image(_) => {}
            }
            let outside = triggers(index);
            for word in self.kinds(index, &outside).flat_map(origins) {
                if let Origin::Targets(targets) = self.origin(word) {
                    open.extend(targets);
                }
            }
        }
        needed
    }

    /// The instructions that building stage `index` executes: the triggers of its base, then its own instructions.
    pub(crate) fn kinds<'k>(
        &'k self,
        index: usize,
        outside: &'k [InstructionKind],
    ) -> impl Iterator<Item = &'k InstructionKind> {
        let targets = self.dockerfile.targets();
        let inside = match self.bases[index] {
            Base::Target(base) => targets[base].instructions(),
            _ => &[],
        };
        let inside = inside.iter().filter_map(|instruction| match instruction.kind() {
            InstructionKind::Onbuild(trigger) => trigger.as_deref(),
            _ => None,
        });
        outside
            .iter()
            .chain(inside)
            .chain(targets[index].instructions().iter().map(|instruction| instruction.kind()))
    }
}

/// The words of `kind` that name an image or build stage to copy files from.
pub(super) fn origins(kind: &InstructionKind) -> Vec<&Word> {
    match kind {
        InstructionKind::Copy(copy) => copy.from.iter().collect(),
        InstructionKind::Run(run) => run.mounts.iter().filter_map(|mount| mount.from.as_ref()).collect(),
        _ => Vec::new(),
    }
}
