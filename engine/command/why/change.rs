//! The changes since the last build.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use crate::command::age::ago;
use crate::command::base_line::base_line;
use crate::command::dry_run::DryRun;
use crate::command::exit_status::Failure;
use crate::event::{Decision, OutsideImage};
use crate::plan::{Difference, ForeignBuild, Input, Plan, Sign};
use crate::script::ScriptError;
use crate::state::{InstructionChange, Record, RecordedInputs};

/// The changes of one image. The fields are an interface for programs: new ones may be added, but none renamed.
#[derive(Serialize)]
pub(super) struct Explained {
    image: String,
    /// `build`, `skip`, `publish` or `finish`.
    decision: &'static str,
    reason: String,
    #[serde(flatten)]
    changes: Changes,
    /// The inputs that the cache key does not cover.
    not_covered: Vec<String>,
    last_build: Option<LastBuild>,
    /// The build on another machine that is reused, or that an image that was never built here is compared with.
    foreign_build: Option<Foreign>,
}

/// A build of another machine, from its document in the registry.
#[derive(Serialize)]
struct Foreign {
    /// The reference by which it was found.
    reference: String,
    digest: String,
    /// The time, RFC 3339.
    at: Option<String>,
    /// The URL of the CI job.
    run: Option<String>,
    commit: Option<String>,
    /// Whether files differed from the commit.
    dirty: bool,
    builder: String,
    /// Whether the changes are those since this build.
    compared: bool,
}

/// The inputs that changed since a build.
#[derive(Default, Serialize)]
pub(in crate::command) struct Changes {
    changes: Vec<Difference>,
    /// The number of files of a build on another machine that are not here, and whose names are unknown.
    missing_files: usize,
    /// The changed instructions of the Dockerfile, if known.
    instructions: Vec<Instruction>,
}

/// An added or removed instruction of the Dockerfile.
#[derive(Serialize)]
struct Instruction {
    change: Sign,
    /// Its line in the current Dockerfile; for a removed instruction, in the old one.
    line: usize,
    /// Its first line; only the beginning if it was removed or sets a value.
    text: String,
}

/// The record of the last build.
#[derive(Serialize)]
struct LastBuild {
    /// The time, RFC 3339.
    at: Option<String>,
    key: String,
    repository: String,
    tags: Vec<String>,
    pushed: Vec<Pushed>,
    image_id: Option<String>,
    /// The images outside of the project that it was built on, as far as their digests are known.
    bases: Vec<OutsideImage>,
}

#[derive(Serialize)]
struct Pushed {
    reference: String,
    digest: Option<String>,
}

/// The changes of each selected image that was planned.
///
/// # Errors
/// If an input file cannot be read.
pub(super) fn explain(dry_run: &DryRun, is_asked: &dyn Fn(&str) -> bool) -> Result<Vec<Explained>, Failure> {
    let plans = dry_run.plans.iter().filter(|(name, _)| is_asked(name));
    plans.map(|(name, plan)| Explained::new(dry_run, name, plan)).collect()
}

impl Explained {
    fn new(dry_run: &DryRun, name: &str, plan: &Plan) -> Result<Self, Failure> {
        let told = dry_run.images.get(name).and_then(|told| told.decision.clone());
        let (decision, reason) = told.unwrap_or((Decision::Skip, plan.reason().to_owned()));
        let unreadable = |error| Failure::failed(ScriptError::from(error));
        let compared = plan.compared();
        let foreign = plan.foreign_build().map_err(unreadable)?;
        let changes = match (&compared, &foreign) {
            (Some(record), _) => Changes {
                changes: plan.differences_from(record).map_err(unreadable)?,
                missing_files: 0,
                instructions: instructions(plan, &record.inputs),
            },
            (None, Some(build)) => Changes::since(plan, build)?,
            (None, None) => Changes::default(),
        };
        Ok(Self {
            image: name.to_owned(),
            decision: match decision {
                Decision::Build => "build",
                Decision::Skip => "skip",
                Decision::Publish => "publish",
                Decision::Finish => "finish",
            },
            reason,
            changes,
            not_covered: plan.uncovered(),
            last_build: compared.as_ref().map(LastBuild::new),
            foreign_build: foreign.map(|build| Foreign::new(build, compared.is_none())),
        })
    }
}

impl Changes {
    /// The inputs that changed since `build`.
    ///
    /// # Errors
    /// If an input file cannot be read.
    pub(in crate::command) fn since(plan: &Plan, build: &ForeignBuild) -> Result<Self, Failure> {
        let unreadable = |error| Failure::failed(ScriptError::from(error));
        let found = plan.differences_from_foreign(build).map_err(unreadable)?;
        let inputs = plan.foreign_inputs(build).map_err(unreadable)?;
        Ok(Self {
            changes: found.differences,
            missing_files: found.missing_files,
            instructions: instructions(plan, &inputs),
        })
    }

    /// The lines for people.
    pub(in crate::command) fn write(&self, text: &mut String) {
        for Difference { change, input, name } in &self.changes {
            let _ =
                writeln!(text, "{}", format!("  {} {:12} {name}", mark(*change), title(*input)).trim_end());
            if *input == Input::Dockerfile {
                for Instruction { change, line, text: shown } in &self.instructions {
                    let place = if *change == Sign::Removed { "was line" } else { "line" };
                    let _ = writeln!(text, "    {} {place} {line}: {shown}", mark(*change));
                }
            }
        }
        match self.missing_files {
            0 => {}
            1 => text.push_str("  - 1 file that is not here\n"),
            count => _ = writeln!(text, "  - {count} files that are not here"),
        }
    }
}

impl Foreign {
    fn new(build: ForeignBuild, compared: bool) -> Self {
        let (commit, dirty) = build.commit.unzip();
        Self {
            reference: build.reference.to_string(),
            digest: build.digest,
            at: build.built_at,
            run: build.run,
            commit,
            dirty: dirty.unwrap_or_default(),
            builder: build.builder,
            compared,
        }
    }

    /// The lines for people.
    fn write(&self, text: &mut String, now: Timestamp) {
        let by = self.run.as_deref().unwrap_or("another machine");
        let at = self.at.as_deref().and_then(|at| at.parse().ok()).map(|at| format!(", {}", ago(at, now)));
        let compared =
            if self.compared { format!("compared with {}, ", self.reference) } else { String::new() };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {compared}built by {by}{}", at.unwrap_or_default());
        if let Some(commit) = &self.commit {
            let dirty = if self.dirty { ", with uncommitted changes" } else { "" };
            let _ = writeln!(text, "    commit     {commit}{dirty}");
        }
        let _ = writeln!(text, "    digest     {}", self.digest);
    }
}

/// The instructions that changed since a build of `inputs`.
fn instructions(plan: &Plan, inputs: &RecordedInputs) -> Vec<Instruction> {
    let Some(dockerfile) = plan.dockerfile() else { return Vec::new() };
    let changes = inputs.instruction_changes(dockerfile).unwrap_or_default();
    let instruction = |change| match change {
        InstructionChange::Added { line, text } => {
            Instruction { change: Sign::Added, line, text: text.to_owned() }
        }
        InstructionChange::Removed(gone) => {
            Instruction { change: Sign::Removed, line: gone.line, text: gone.name.clone() }
        }
    };
    changes.into_iter().map(instruction).collect()
}

impl LastBuild {
    fn new(record: &Record) -> Self {
        let reference = |tag| format!("{}:{tag}", record.repository);
        let pushed = record.pushed.iter();
        Self {
            at: record.built_at.and_then(|at| Timestamp::from_second(at).ok()).map(|at| at.to_string()),
            key: record.key.to_string(),
            repository: record.repository.clone(),
            tags: record.tags.iter().map(ToString::to_string).collect(),
            pushed: pushed
                .map(|(tag, digest)| Pushed { reference: reference(tag), digest: digest.clone() })
                .collect(),
            image_id: record.image_id.clone(),
            bases: record.outside_images().collect(),
        }
    }
}

/// The explanation for people; `now` dates the last build.
pub(super) fn text(images: &[Explained], now: Timestamp) -> String {
    let mut text = String::new();
    for image in images {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} | {}: {}", image.image, image.decision, image.reason);
        if let Some(foreign) = &image.foreign_build {
            foreign.write(&mut text, now);
        }
        image.changes.write(&mut text);
        if let Some(last) = &image.last_build {
            last.write(&mut text, now);
        }
        for uncovered in &image.not_covered {
            let _ = writeln!(text, "  not covered  {uncovered}");
        }
    }
    text
}

fn mark(change: Sign) -> char {
    match change {
        Sign::Added => '+',
        Sign::Removed => '-',
        Sign::Changed => '~',
    }
}

fn title(input: Input) -> &'static str {
    match input {
        Input::Command => "command",
        Input::Dockerfile => "Dockerfile",
        Input::Target => "target",
        Input::Network => "network",
        Input::Platform => "platform",
        Input::Arguments => "docker args",
        Input::BuildArg => "build arg",
        Input::Parent | Input::LockedBase => "base",
        Input::Context => "context",
        Input::File => "file",
        Input::Encoding => "keys",
    }
}

impl LastBuild {
    fn write(&self, text: &mut String, now: Timestamp) {
        let at = match &self.at {
            Some(at) => {
                format!("{at}{}", at.parse().map(|at| format!(" ({})", ago(at, now))).unwrap_or_default())
            }
            None => "at an unknown time".to_owned(),
        };
        let _ = writeln!(text, "  last build   {at}");
        let _ = writeln!(text, "    key        {}", self.key);
        for tag in &self.tags {
            let _ = writeln!(text, "    tag        {}:{tag}", self.repository);
        }
        for base in &self.bases {
            let _ = writeln!(text, "    base       {}", base_line(base, now));
        }
        if self.pushed.is_empty() {
            let _ = writeln!(text, "    pushed     no");
        }
        for Pushed { reference, digest } in &self.pushed {
            let digest = digest.as_ref().map(|digest| format!(" as {digest}")).unwrap_or_default();
            let _ = writeln!(text, "    pushed     {reference}{digest}");
        }
    }
}
