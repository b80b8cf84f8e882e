//! A plan as text and as JSON.

use std::collections::HashMap;
use std::fmt::Write as _;

use indicatif::HumanBytes;
use serde::Serialize;

use crate::command::dry_run::{DryRun, Told};
use crate::event::{Decision, Outcome};
use crate::host::Purpose;
use crate::host::planning::{Effect, EffectKind};
use crate::run::Run;

/// What a build would do. The fields are an interface for programs: they may be added to, never renamed.
#[derive(Serialize)]
pub(super) struct PlanView {
    version: u32,
    profiles: Vec<String>,
    /// What would be done before the first image.
    before: Vec<Effect>,
    images: Vec<ImageView>,
    /// What would be done after the images.
    after: Vec<Effect>,
}

/// What would happen to one image.
#[derive(Serialize)]
struct ImageView {
    name: String,
    repository: String,
    /// `build`, `skip`, `publish` (tagged or pushed anew), `fail`, or `cancel` after a base or the pipeline failed.
    decision: &'static str,
    reason: String,
    /// 0 for one that is built from no other image of the project, else one more than the highest of those.
    level: usize,
    /// The images of the project it is built from.
    from: Vec<String>,
    /// `docker` or `custom`, when it is built.
    builder: Option<&'static str>,
    key: Option<String>,
    /// References; `#` is a random character that the build chooses.
    tags: Vec<String>,
    /// The references that would be pushed.
    push: Vec<String>,
    /// What would travel to the builder.
    context: Option<ContextView>,
    notes: Vec<String>,
    /// What would be done for it, in order.
    effects: Vec<Effect>,
}

#[derive(Serialize)]
struct ContextView {
    files: usize,
    bytes: u64,
}

impl PlanView {
    pub(super) fn new(dry_run: &DryRun) -> Self {
        let run = &*dry_run.run;
        let first = dry_run.effects.iter().position(|effect| effect.image.is_some());
        let first = first.unwrap_or(dry_run.effects.len());
        let of_run = |effects: &[Effect]| {
            effects.iter().filter(|effect| effect.image.is_none()).cloned().collect::<Vec<_>>()
        };
        let (before, after) = dry_run.effects.split_at(first);
        // Without any image nobody can say where the images are; their end is after everything else.
        let (before, after) = (of_run(before), of_run(after));
        let mut levels: HashMap<&str, usize> = HashMap::new();
        let mut images = Vec::new();
        for name in run.selected() {
            let level =
                run.needs(name).filter_map(|need| levels.get(need)).max().map_or(0, |level| level + 1);
            levels.insert(name, level);
            let told = dry_run.images.get(name).cloned().unwrap_or_default();
            let effects = dry_run.effects.iter().filter(|effect| effect.image.as_ref() == Some(name));
            images.push(ImageView::new(
                run,
                name,
                level,
                (told, dry_run.broke_off()),
                effects.cloned().collect(),
            ));
        }
        Self { version: 1, profiles: run.project.profiles.clone(), before, images, after }
    }

    /// The plan for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        list(&mut text, "before the images", &self.before);
        let width = self.images.iter().map(|image| image.name.chars().count()).max().unwrap_or(0);
        for image in &self.images {
            image.write(&mut text, width);
        }
        list(&mut text, "after the images", &self.after);
        let count = |decision: &str| self.images.iter().filter(|image| image.decision == decision).count();
        let counts = [
            ("build", "to build"),
            ("publish", "to publish"),
            ("skip", "unchanged"),
            ("fail", "failing"),
            ("cancel", "left out"),
        ];
        let counts = counts.map(|(decision, words)| (count(decision), words));
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let summary: Vec<_> = counts.map(|(count, words)| format!("{count} {words}")).collect();
        if summary.is_empty() {
            text.push_str("no images\n");
        } else {
            let _ = writeln!(text, "{}", summary.join(", "));
        }
        if self.images.iter().any(|image| image.has_random_tag()) {
            text.push_str("`#` in a tag is a random character that the build chooses\n");
        }
        text
    }
}

/// Adds effects under a title.
fn list(text: &mut String, title: &str, effects: &[Effect]) {
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
    let done = effect.done.then_some(" (asked)");
    format!("{}{}{}", effect.what, event.unwrap_or_default(), done.unwrap_or_default())
}

impl ImageView {
    fn new(
        run: &Run,
        name: &str,
        level: usize,
        (told, broke_off): (Told, bool),
        effects: Vec<Effect>,
    ) -> Self {
        let Told { decision, notes, result } = told;
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
            (None, None) if broke_off => ("cancel", "the pipeline broke off before it".to_owned()),
            (None, None) => ("skip", "the pipeline does nothing with it".to_owned()),
        };
        let tags = result.iter().flat_map(|result| &result.tags);
        let builder = effects.iter().find_map(|effect| match effect.kind {
            EffectKind::Build { .. } => Some("docker"),
            EffectKind::Exec { purpose: Purpose::CustomBuild } => Some("custom"),
            _ => None,
        });
        let context = effects.iter().find_map(|effect| match effect.kind {
            EffectKind::Build { files, bytes, .. } => Some(ContextView { files, bytes }),
            _ => None,
        });
        Self {
            name: name.to_owned(),
            decision,
            reason,
            level,
            from: run.needs(name).map(ToOwned::to_owned).collect(),
            builder,
            key: result.as_ref().and_then(|result| result.key.clone()),
            tags: tags.map(|tag| format!("{repository}:{tag}")).collect(),
            push: effects.iter().filter_map(|effect| effect.pushed().map(ToOwned::to_owned)).collect(),
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
        if self.decision == "skip" && self.effects.is_empty() {
            return;
        }
        if !self.from.is_empty() {
            line("from", &self.from.join(", "));
        }
        if let Some(builder) = self.builder {
            line("builder", builder);
        }
        if let Some(ContextView { files, bytes }) = self.context {
            let noun = if files == 1 { "file" } else { "files" };
            line("context", &format!("{files} {noun}, {}", HumanBytes(bytes)));
        }
        if let Some(key) = &self.key {
            line("key", key);
        }
        self.tags.iter().for_each(|tag| line("tag", tag));
        self.push.iter().for_each(|reference| line("push", reference));
        let is_shown = |effect: &&Effect| {
            !matches!(effect.kind, EffectKind::Build { .. } | EffectKind::Tag { .. })
                && effect.pushed().is_none()
        };
        self.effects.iter().filter(is_shown).for_each(|effect| line("run", &phrase(effect)));
        self.notes.iter().for_each(|note| line("note", note));
    }
}
