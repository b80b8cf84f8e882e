//! Looking at a project in every profile.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use miette::{Diagnostic, NamedSource, SourceSpan};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::finding::Finding;
use crate::cli::GlobalOptions;
use crate::command::exit_status::Failure;
use crate::command::load::{load_explained, load_options};
use crate::command::pipeline_options::scripts;
use crate::command::pipeline_run::{Call, call_pipeline, new_runtime};
use crate::config::{self, ConfigError, Explain, LoadOptions, Loaded};
use crate::event::Events;
use crate::host::{Host, HostOptions};
use crate::run::{Run, RunOptions};
use crate::script::{Pipeline, ScriptError, syntax_error};
use crate::suggestion::nearest;

/// What was looked at, and what is wrong with it.
pub(super) struct Survey {
    pub(super) findings: Vec<Finding>,
    profiles: usize,
    images: usize,
}

/// Looks at the project without profiles beyond those asked for, and with each of its profiles.
///
/// # Errors
/// When the configuration is wrong whatever the profile.
pub(super) fn survey(global: &GlobalOptions) -> Result<Survey, Failure> {
    let (explanation, _) = load_explained(global, Explain::Survey)?;
    let profiles: Vec<_> = explanation.profiles.into_iter().map(|profile| profile.name).collect();
    let runtime = new_runtime()?;
    let mut survey = Survey { findings: Vec::new(), profiles: profiles.len(), images: 0 };
    let options = LoadOptions { ask: None, ..load_options(global) };
    for profile in std::iter::once(None).chain(profiles.iter().map(Some)) {
        let mut options = LoadOptions { profiles: options.profiles.clone(), ..options.clone() };
        options.profiles.extend(profile.cloned());
        survey.look(&options, profile.map(String::as_str), &profiles, &runtime);
    }
    runtime.shutdown_timeout(Duration::from_secs(2));
    Ok(survey)
}

impl Survey {
    /// `no problems in 3 images and 2 profiles`.
    pub(super) fn summary(&self) -> String {
        let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        let problems = match self.findings.len() {
            0 => "no problems".to_owned(),
            found => count(found, "problem"),
        };
        format!("{problems} in {} and {}", count(self.images, "image"), count(self.profiles, "profile"))
    }

    /// Notes a finding, unless it is known from another profile.
    fn note(&mut self, diagnostic: impl Diagnostic + Send + Sync + 'static, profile: Option<&str>) {
        self.note_shared(Arc::new(diagnostic), profile);
    }

    fn note_shared(&mut self, diagnostic: Arc<dyn Diagnostic + Send + Sync>, profile: Option<&str>) {
        let finding = Finding::new(diagnostic, profile);
        match self.findings.iter_mut().find(|known| known.is_same(&finding)) {
            // What is wrong without profiles is wrong with them.
            Some(known) if known.profiles.is_empty() => {}
            Some(known) => {
                let new = finding.profiles.into_iter().filter(|name| !known.profiles.contains(name));
                let new: Vec<_> = new.collect();
                known.profiles.extend(new);
            }
            None => self.findings.push(finding),
        }
    }

    /// Looks at the project as `options` load it.
    fn look(&mut self, options: &LoadOptions, profile: Option<&str>, profiles: &[String], runtime: &Runtime) {
        let loaded = match config::load(options) {
            Ok(loaded) => loaded,
            Err(ConfigError::Invalid { problems, .. }) => {
                return problems.into_iter().for_each(|problem| self.note(problem, profile));
            }
            Err(error) => return self.note(error, profile),
        };
        self.images = self.images.max(loaded.project.images.len());
        if profile.is_none() {
            for file in files_of_no_profile(&loaded.project.root, profiles) {
                self.note(file, None);
            }
        }
        let files = match scripts(&loaded.project, &[]) {
            Ok(files) => files,
            Err(failure) => return self.note_shared(failure.into_diagnostic(), profile),
        };
        let broken: Vec<_> = files.iter().filter_map(syntax_error).collect();
        if !broken.is_empty() {
            return broken.into_iter().for_each(|error| self.note(error, profile));
        }
        let pipeline = match Pipeline::compile(files, &loaded.project.root) {
            Ok(pipeline) => pipeline,
            Err(error) => return self.note(error, profile),
        };
        for mistake in pipeline.mistakes() {
            self.note(mistake, profile);
        }
        self.call(loaded, pipeline, profile, runtime);
    }

    /// Calls the pipeline for every image in a world without anything.
    fn call(&mut self, loaded: Loaded, pipeline: Pipeline, profile: Option<&str>, runtime: &Runtime) {
        let options = RunOptions {
            environment: loaded.environment,
            force_build: true,
            keep_going: true,
            dry_run: true,
            ignores_files: true,
            jobs: 1,
            ..RunOptions::default()
        };
        let events = Events::none();
        let host = Host::live(&events, &HostOptions::default()).offline().planning(&Arc::default());
        let cancel = CancellationToken::new();
        let run = match Run::new(loaded.project, options, host, events, cancel, runtime.handle().clone()) {
            Ok(run) => run,
            Err(error) => return self.note(error, profile),
        };
        let call = Call { pipeline: "build".to_owned(), arguments: Vec::new(), images: Vec::new() };
        let outcome = call_pipeline(&run, pipeline, call, true);
        drop(run.take_plans());
        let failures = run.results.failures().into_iter().map(|(_, error)| error);
        let is_summary =
            |error: &ScriptError| error.stage().is_some_and(|stage| stage.code() == "run::failed");
        let last = outcome.err().filter(|error| !is_summary(error));
        for error in failures.chain(last) {
            self.note_shared(error, profile);
        }
    }
}

/// A script of a profile that does not exist.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("`{file}` is never used: there is no profile `{profile}`")]
#[diagnostic(code(script::no_such_profile))]
struct NoSuchProfile {
    file: String,
    profile: String,
    #[help]
    help: String,
    #[source_code]
    text: NamedSource<String>,
    #[label]
    beginning: SourceSpan,
}

/// The scripts in `root` whose names are those of profiles that do not exist.
fn files_of_no_profile(root: &Path, profiles: &[String]) -> Vec<NoSuchProfile> {
    let names = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<_> = names
        .filter_map(|entry| {
            let file = entry.file_name().into_string().ok()?;
            let profile = file.strip_prefix("windlass.")?.strip_suffix(".rhai")?.to_owned();
            if profiles.contains(&profile) || profile.ends_with("_test") {
                return None;
            }
            let help = match nearest(&profile, profiles.iter().map(String::as_str)) {
                Some(near) => format!("did you mean the profile `{near}`? Then call it windlass.{near}.rhai"),
                None => "remove it, or give devspace.yaml a profile of this name".to_owned(),
            };
            let text = NamedSource::new(&file, std::fs::read_to_string(entry.path()).unwrap_or_default());
            Some(NoSuchProfile { file, profile, help, text, beginning: (0, 0).into() })
        })
        .collect();
    found.sort_by(|one, other| one.file.cmp(&other.file));
    found
}
