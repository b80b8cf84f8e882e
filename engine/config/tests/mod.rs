//! Tests of [`load`]: a file and options in, a project or problems out.

mod dependencies;
mod deployments;
mod dev;
mod diagnostics;
mod hooks;
mod images;
mod profiles;
mod robust;
mod upgrade;
mod variables;
mod versions;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::{Ask, AskError, ConfigError, LoadOptions, Loaded, Question, load};

/// A directory with a `devspace.yaml`, and the options of one run.
pub(super) struct Fixture {
    pub folder: tempfile::TempDir,
    pub options: LoadOptions,
}

impl Fixture {
    /// A project with the file `version: v1beta9` and `text`.
    pub(super) fn new(text: &str) -> Self {
        Self::raw(format!("version: v1beta9\n{text}").as_bytes())
    }

    /// A project with the file `bytes`.
    pub(super) fn raw(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("directory");
        std::fs::write(folder.path().join("devspace.yaml"), bytes).expect("file");
        let environment = ["PATH", "SystemRoot"]
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
        let options = LoadOptions {
            directory: folder.path().to_owned(),
            environment: Some(environment.collect()),
            ..LoadOptions::default()
        };
        Self { folder, options }
    }

    pub(super) fn profiles(mut self, profiles: &[&str]) -> Self {
        self.options.profiles = profiles.iter().map(|&profile| profile.to_owned()).collect();
        self
    }

    pub(super) fn var(mut self, text: &str) -> Self {
        self.options.vars.push(text.to_owned());
        self
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.options.environment.get_or_insert_default().insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        std::fs::write(path, text).expect("file");
        self
    }

    pub(super) fn ask(mut self, answers: &Arc<Answers>) -> Self {
        self.options.ask = Some(answers.clone());
        self
    }

    pub(super) fn load(&self) -> Result<Loaded, ConfigError> {
        load(&self.options)
    }

    /// The loaded project, which must have no problems.
    #[track_caller]
    pub(super) fn loaded(&self) -> Loaded {
        self.load().unwrap_or_else(|error| panic!("{error}: {:#?}", lines(&error)))
    }

    /// The problems, each as `line:column: message`.
    #[track_caller]
    pub(super) fn problems(&self) -> Vec<String> {
        lines(&self.load().expect_err("the file is wrong"))
    }
}

fn lines(error: &ConfigError) -> Vec<String> {
    match error {
        ConfigError::Invalid { problems, .. } => problems
            .iter()
            .map(|problem| problem.to_string().trim_start_matches("devspace.yaml:").to_owned())
            .collect(),
        other => vec![other.to_string()],
    }
}

/// Answers prompts from a table, and records them.
#[derive(Default)]
pub(super) struct Answers {
    pub given: HashMap<String, String>,
    pub asked: Mutex<Vec<Question>>,
}

impl Answers {
    pub(super) fn new(given: &[(&str, &str)]) -> Arc<Self> {
        let given = given.iter().map(|(name, answer)| ((*name).to_owned(), (*answer).to_owned())).collect();
        Arc::new(Self { given, asked: Mutex::default() })
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.asked.lock().expect("lock").iter().map(|question| question.name.clone()).collect()
    }
}

impl Ask for Answers {
    fn ask(&self, question: &Question) -> Result<String, AskError> {
        self.asked.lock().expect("lock").push(question.clone());
        self.given.get(&question.name).cloned().ok_or(AskError::Cancelled)
    }
}
