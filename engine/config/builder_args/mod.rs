//! The arguments that `devspace.yaml` hands on to a program that builds (`docker.args`, `kaniko.args`), read once.
//!
//! What is an input of every builder (the build target, build arguments, the Dockerfile, labels, network and platform)
//! is moved to where the other options of the image are: whatever builds it, and whoever asks what it reads, finds it
//! there. What is left is handed on as it is by those that understand it, and refused by the others.

mod flag;
mod input;
mod parse;

use serde::{Serialize, Serializer};

use super::Origin;

pub use flag::{Flag, Role};

/// The arguments for a program that builds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BuilderArgs(Vec<BuilderArg>);

/// One of them: a flag, with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct BuilderArg {
    /// What it is, where that is known.
    pub flag: Option<&'static Flag>,
    /// Its name, as messages show it: `--label`.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
    /// Where it stands, unless a script says it.
    pub origin: Option<Origin>,
    /// Why no program understands it.
    pub fault: Option<&'static str>,
}

impl BuilderArgs {
    /// The arguments of `docker build` that `words` are, each with its place.
    pub fn of_docker(words: Vec<(String, Option<Origin>)>) -> Self {
        Self(parse::parse(words, flag::DOCKER, true))
    }

    /// The arguments of kaniko that `words` are, each with its place.
    pub fn of_kaniko(words: Vec<(String, Option<Origin>)>) -> Self {
        Self(parse::parse(words, flag::KANIKO, false))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order in which they are given.
    pub fn iter(&self) -> impl Iterator<Item = &BuilderArg> {
        self.0.iter()
    }

    /// The values of the flag `name`.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |arg: &&BuilderArg| arg.flag.is_some_and(|flag| flag.name == name);
        self.0.iter().filter(named).filter_map(|arg| arg.value.as_deref())
    }

    /// Whether the switch `name` is set.
    pub fn has(&self, name: &str) -> bool {
        let named = |arg: &&BuilderArg| arg.flag.is_some_and(|flag| flag.name == name);
        self.0.iter().rev().find(named).is_some_and(BuilderArg::is_set)
    }

    /// As the program takes them.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(BuilderArg::word)
    }

    /// Those that decide what the image will be. Of a secret and an SSH agent only the id does.
    pub fn key_words(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(BuilderArg::key_word)
    }
}

impl BuilderArg {
    /// What it is for; `None` where that is not known.
    pub fn role(&self) -> Option<Role> {
        self.flag.map(|flag| flag.role)
    }

    /// Whether it is a switch that is on.
    pub fn is_set(&self) -> bool {
        !matches!(self.value.as_deref(), Some("0" | "f" | "F" | "false" | "FALSE" | "False"))
    }

    /// Where it stands, in parentheses; empty where a script says it.
    pub fn place(&self) -> String {
        self.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default()
    }

    /// As the program takes it.
    pub fn word(&self) -> String {
        match &self.value {
            Some(value) if self.name.is_empty() => value.clone(),
            Some(value) => format!("{}={value}", self.name),
            None => self.name.clone(),
        }
    }

    /// What of it decides what the image will be.
    pub fn key_word(&self) -> Option<String> {
        match self.role() {
            Some(Role::Aside | Role::Report | Role::Builder) => None,
            // The image is the same in any form, but for the compression of its layers.
            Some(Role::Output) => self.compression().map(|compression| format!("compression={compression}")),
            Some(Role::Source) => Some(format!("{}={}", self.name, self.source_id())),
            _ => Some(self.word()),
        }
    }

    /// The `compression` of an `--output`.
    pub fn compression(&self) -> Option<&str> {
        self.value.as_deref()?.split(',').filter_map(|part| part.strip_prefix("compression=")).next_back()
    }

    /// The id of a `--secret` or `--ssh`.
    fn source_id(&self) -> &str {
        let value = self.value.as_deref().unwrap_or_default();
        match self.name.as_str() {
            "--ssh" => value.split('=').next().unwrap_or_default(),
            _ => value.split(',').find_map(|part| part.trim().strip_prefix("id=")).unwrap_or_default(),
        }
    }

    /// The name and the source of a `--build-context`.
    pub fn named_context(&self) -> Option<(&str, &str)> {
        let is_context = self.flag.is_some_and(|flag| flag.name == "build-context");
        self.value.as_deref().filter(|_| is_context)?.split_once('=')
    }
}

impl Serialize for BuilderArgs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.words())
    }
}
