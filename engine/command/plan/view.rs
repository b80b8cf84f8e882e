//! A plan as text and as JSON.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use indicatif::HumanBytes;
use jiff::Timestamp;
use serde::Serialize;

use crate::command::base_line::{base_line, short_digest};
use crate::command::dry_run::{DryRun, Part, PlannedImage};
use crate::config::BuilderKind;
use crate::event::{Decision, Outcome};
use crate::host::planning::{Effect, EffectKind};
use crate::plan::{KnownBase, Plan};
use crate::plural::counted;
use crate::process::Purpose;

/// The effects that a run would have. The fields are an interface for programs: new ones may be added, but none
/// renamed.
#[derive(Serialize)]
pub(super) struct PlanView {
    version: u32,
    /// The function that would be called: `build`, or a pipeline of the project.
    pipeline: String,
    profiles: Vec<String>,
    /// The effects before the first image of each project.
    before: Vec<Effect>,
    images: Vec<ImageView>,
    /// The effects after the images of each project.
    after: Vec<Effect>,
    /// The sections of the text.
    #[serde(skip)]
    sections: Vec<Section>,
}

/// The effects of one project.
struct Section {
    /// The dependency; `None` for the project itself.
    project: Option<String>,
    /// The effects before its dependencies.
    first: Vec<Effect>,
    before: Vec<Effect>,
    /// The indices of its images.
    images: Range<usize>,
    after: Vec<Effect>,
}

/// The plan for one image.
#[derive(Serialize)]
struct ImageView {
    /// Its name; `auth.api` for an image of a dependency.
    name: String,
    repository: String,
    /// `build`, `skip`, `publish` (tag or push again), `finish` (the remaining steps after a failed run), `fail`, or
    /// `cancel` if a base image or the pipeline failed.
    decision: &'static str,
    reason: String,
    /// 0 for an image without base images in the project, otherwise one more than the highest level of these.
    level: usize,
    /// Its base images in the project.
    from: Vec<String>,
    /// Its base images outside of the project that have no digest in the Dockerfile.
    bases: Vec<BaseView>,
    /// `docker`, `kaniko`, `buildkit`, `oci` or `custom`, if it would be built.
    builder: Option<BuilderKind>,
    key: Option<String>,
    /// References; `#` is a random character that the build chooses.
    tags: Vec<String>,
    /// The references that would be pushed.
    push: Vec<String>,
    /// The build context that would be sent to the builder.
    context: Option<ContextView>,
    notes: Vec<String>,
    /// Its effects, in order.
    effects: Vec<Effect>,
}

/// A base image outside of the project.
#[derive(Serialize)]
struct BaseView {
    reference: String,
    /// The digest that the last build was built on, otherwise the last known one.
    digest: Option<String>,
    /// When this digest was found, RFC 3339.
    asked: Option<String>,
    /// The digest that the build would use, if it is another one.
    now: Option<String>,
    #[serde(skip)]
    line: String,
}

impl BaseView {
    fn new(base: &KnownBase, now: Timestamp) -> Self {
        let reference = base.reference.to_string();
        match base.digest.as_ref().map(|digest| digest.of(&reference)) {
            Some(known) => {
                let moved = base.now.as_deref().map(|now| format!(" -> {}", short_digest(now)));
                let line = format!("{}{}", base_line(&known, now), moved.unwrap_or_default());
                let (digest, asked) = (Some(known.digest), known.asked);
                Self { reference, digest, asked, now: base.now.clone(), line }
            }
            None => Self { line: reference.clone(), reference, digest: None, asked: None, now: None },
        }
    }
}

#[derive(Serialize)]
struct ContextView {
    files: usize,
    bytes: u64,
}

impl PlanView {
    pub(super) fn new(dry_run: &DryRun) -> Self {
        let parts = dry_run.parts();
        let mut images = Vec::new();
        let mut sections: Vec<Section> = Vec::new();
        let begun =
            |part: &Part| dry_run.images_of(part).filter_map(|image| dry_run.before(&part.full(image))).min();
        let first_of_all = parts.iter().filter(|part| part.name().is_some()).filter_map(begun).min();
        for part in &parts {
            let start = images.len();
            images.extend(images_of(dry_run, part));
            // The plan of a deploy lists the deployments itself.
            let is_listed = |effect: &Effect| {
                ["deploy", "dev"].contains(&&*dry_run.pipeline)
                    && matches!(effect.kind, EffectKind::Deploy { .. })
            };
            let is_own = |effect: &Effect| {
                effect.project.as_deref() == part.name() && effect.image.is_none() && !is_listed(effect)
            };
            let own = dry_run.effects.iter().enumerate().filter(|(_, effect)| is_own(effect));
            let begun = begun(part).unwrap_or(dry_run.effects.len());
            let mut section = Section {
                project: part.name().map(ToOwned::to_owned),
                first: Vec::new(),
                before: Vec::new(),
                images: start..images.len(),
                after: Vec::new(),
            };
            let first = first_of_all.filter(|_| part.name().is_none()).unwrap_or(0);
            for (place, effect) in own {
                let list = match place {
                    place if place < first => &mut section.first,
                    place if place < begun => &mut section.before,
                    _ => &mut section.after,
                };
                list.push(effect.clone());
            }
            sections.push(section);
        }
        let all = |list: fn(&Section) -> &Vec<Effect>| sections.iter().flat_map(list).cloned();
        Self {
            version: 1,
            pipeline: dry_run.pipeline.clone(),
            profiles: dry_run.execution.run.project.profiles.clone(),
            before: all(|section| &section.first).chain(all(|section| &section.before)).collect(),
            after: all(|section| &section.after).collect(),
            images,
            sections,
        }
    }

    /// Whether an image would be built, tagged or pushed.
    pub(super) fn has_work(&self) -> bool {
        self.images.iter().any(|image| image.decision != "skip")
    }

    /// The plan for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for section in &self.sections {
            list(&mut text, "before the dependencies", &section.first);
        }
        let width = self.images.iter().map(|image| image.name.chars().count()).max().unwrap_or(0);
        for section in &self.sections {
            let of = section.project.as_ref().map(|project| format!(" of {project}")).unwrap_or_default();
            let images = self.images.get(section.images.clone()).unwrap_or_default();
            let before = match images {
                [] => format!("steps{of}"),
                _ => format!("before the images{of}"),
            };
            list(&mut text, &before, &section.before);
            images.iter().for_each(|image| image.write(&mut text, width));
            list(&mut text, &format!("after the images{of}"), &section.after);
        }
        let count = |decision: &str| self.images.iter().filter(|image| image.decision == decision).count();
        let counts = [
            ("build", "to build"),
            ("publish", "to publish"),
            ("finish", "to finish"),
            ("skip", "unchanged"),
            ("fail", "failing"),
            ("cancel", "cancelled"),
        ];
        let counts = counts.map(|(decision, words)| (count(decision), words));
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let summary: Vec<_> = counts.map(|(count, words)| format!("{count} {words}")).collect();
        let summary = if summary.is_empty() { "no images".to_owned() } else { summary.join(", ") };
        let _ = writeln!(text, "{summary}");
        if self.images.iter().any(|image| image.has_random_tag()) {
            text.push_str("`#` in a tag is a random character that the build chooses\n");
        }
        text
    }
}

/// The images of one project, base images first.
fn images_of(dry_run: &DryRun, part: &Part) -> Vec<ImageView> {
    let mut levels: HashMap<&str, usize> = HashMap::new();
    let mut images = Vec::new();
    for name in dry_run.images_of(part) {
        let level =
            part.run().needs(name).filter_map(|need| levels.get(need)).max().map_or(0, |level| level + 1);
        levels.insert(name, level);
        let full = part.full(name);
        let told = dry_run.images.get(&full).cloned().unwrap_or_default();
        let effects = dry_run.effects.iter().filter(|effect| effect.image.as_ref() == Some(&full));
        let bases = dry_run.plans.get(&full).map(Plan::outside_bases).unwrap_or_default();
        let bases = bases.iter().map(|base| BaseView::new(base, dry_run.now())).collect();
        images.push(ImageView::new(part, name, level, told, (effects.cloned().collect(), bases)));
    }
    images
}

/// Whether the text shows `effect`: tags in the daemon and git queries contain no new information.
fn is_of_interest(effect: &Effect) -> bool {
    !matches!(effect.kind, EffectKind::Tag { .. } | EffectKind::Exec { purpose: Purpose::Git })
}

/// Adds effects under a title.
fn list(text: &mut String, title: &str, effects: &[Effect]) {
    let effects: Vec<_> = effects.iter().filter(|effect| is_of_interest(effect)).collect();
    if effects.is_empty() {
        return;
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{title}:");
    for effect in effects {
        let _ = writeln!(text, "  {}", phrase(effect));
    }
}

/// An effect in words: `sh make docs (hook before:build)`.
fn phrase(effect: &Effect) -> String {
    let event = effect.event.as_ref().map(|event| format!(" (hook {event})"));
    let done = effect.done.then_some(" (executed)");
    format!("{}{}{}", effect.what, event.unwrap_or_default(), done.unwrap_or_default())
}

impl ImageView {
    fn new(
        part: &Part,
        name: &str,
        level: usize,
        told: PlannedImage,
        (effects, bases): (Vec<Effect>, Vec<BaseView>),
    ) -> Self {
        let PlannedImage { decision, notes, result } = told;
        let run = part.run();
        let repository = run.project.images.get(name).map(|image| image.repository.to_string());
        let repository = repository.unwrap_or_default();
        let failed =
            result.as_ref().filter(|result| matches!(result.outcome, Outcome::Failed | Outcome::Cancelled));
        let (decision, reason) = match (failed, decision) {
            (Some(result), _) if result.outcome == Outcome::Failed => ("fail", result.reason.clone()),
            (Some(result), _) => ("cancel", result.reason.clone()),
            (None, Some((Decision::Build, reason))) => ("build", reason),
            (None, Some((Decision::Skip, reason))) => ("skip", reason),
            (None, Some((Decision::Publish, reason))) => ("publish", reason),
            (None, Some((Decision::Finish, reason))) => ("finish", reason),
            (None, None) if part.broke_off => ("cancel", "the pipeline stopped before it".to_owned()),
            (None, None) => ("skip", "not used by the pipeline".to_owned()),
        };
        let tags = result.iter().flat_map(|result| &result.tags);
        let builder = effects.iter().find_map(|effect| match effect.kind {
            EffectKind::Build { builder, .. } | EffectKind::BuildInCluster { builder, .. } => Some(builder),
            EffectKind::Exec { purpose: Purpose::CustomBuild } => Some(BuilderKind::Custom),
            _ => None,
        });
        let context = effects.iter().find_map(|effect| match effect.kind {
            EffectKind::Build { files, bytes, .. } | EffectKind::BuildInCluster { files, bytes, .. } => {
                Some(ContextView { files, bytes })
            }
            _ => None,
        });
        Self {
            name: part.full(name),
            bases,
            decision,
            reason,
            level,
            from: part.bases(name),
            builder,
            key: result.as_ref().and_then(|result| result.key.clone()),
            tags: tags.map(|tag| format!("{repository}:{tag}")).collect(),
            push: effects.iter().flat_map(Effect::pushed).cloned().collect(),
            context,
            notes,
            effects,
            repository,
        }
    }

    fn has_random_tag(&self) -> bool {
        self.tags.iter().any(|tag| tag.contains('#'))
    }

    fn write(&self, text: &mut String, width: usize) {
        let _ = writeln!(text, "{:width$} | {}: {}", self.name, self.decision, self.reason);
        let mut line = |title: &str, value: &str| {
            let _ = writeln!(text, "  {title:8} {value}");
        };
        let bases = self.bases.iter().filter(|base| base.digest.is_some());
        bases.for_each(|base| line("base", &base.line));
        if self.decision == "skip" && self.effects.is_empty() {
            return;
        }
        if !self.from.is_empty() {
            line("from", &self.from.join(", "));
        }
        if let Some(builder) = self.builder {
            line("builder", builder.as_str());
        }
        if let Some(ContextView { files, bytes }) = self.context {
            line("context", &format!("{}, {}", counted(files, "file"), HumanBytes(bytes)));
        }
        if let Some(key) = &self.key {
            line("key", key);
        }
        self.tags.iter().for_each(|tag| line("tag", tag));
        self.push.iter().for_each(|reference| line("push", reference));
        let is_shown = |effect: &&Effect| {
            is_of_interest(effect)
                && !matches!(effect.kind, EffectKind::Build { .. })
                && (effect.pushed().is_empty() || matches!(effect.kind, EffectKind::BuildInCluster { .. }))
        };
        self.effects.iter().filter(is_shown).for_each(|effect| line("run", &phrase(effect)));
        self.notes.iter().for_each(|note| line("note", note));
    }
}
