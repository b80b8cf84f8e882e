//! The arguments that `devspace.yaml` passes to a build command (`docker.args`, `kaniko.args`), parsed. Some arguments of
//! Docker have [keys](DOCKER_KEYS).
//!
//! Inputs of every builder (the build target, build arguments, the Dockerfile, labels, network and platform) are moved
//! to the other options of the image, where all builders and the cache key find them. The remaining arguments are
//! passed on unchanged by the builders that support them, and rejected by the others.

mod flag;
mod input;
mod keys;
mod parse;

use serde::{Serialize, Serializer};

use super::Origin;

pub use flag::{Flag, Role};
pub use keys::{DOCKER_KEYS, DockerKey};

/// The arguments of a build command.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BuilderArgs(Vec<BuilderArg>);

/// An argument: a flag with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct BuilderArg {
    /// The flag, if it is known.
    pub flag: Option<&'static Flag>,
    /// Its name in messages: `--label`.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
    /// The key that it comes from; `None` if it comes from `args`.
    pub key: Option<&'static str>,
    /// Its location, unless a script sets it.
    pub origin: Option<Origin>,
    /// Why it is invalid for all commands.
    pub fault: Option<&'static str>,
}

impl BuilderArgs {
    /// Parses `words`, each with its location, as arguments of `docker build`.
    pub fn of_docker(words: Vec<(String, Option<Origin>)>) -> Self {
        Self(parse::parse(words, flag::DOCKER, true))
    }

    /// Parses `words`, each with its location, as arguments of kaniko.
    pub fn of_kaniko(words: Vec<(String, Option<Origin>)>) -> Self {
        Self(parse::parse(words, flag::KANIKO, false))
    }

    /// Whether no arguments are set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All arguments, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &BuilderArg> {
        self.0.iter()
    }

    /// The values of the flag `name`.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |arg: &&BuilderArg| arg.flag.is_some_and(|flag| flag.name == name);
        self.0.iter().filter(named).filter_map(|arg| arg.value.as_deref())
    }

    /// Whether the boolean flag `name` is set.
    pub fn has(&self, name: &str) -> bool {
        let named = |arg: &&BuilderArg| arg.flag.is_some_and(|flag| flag.name == name);
        self.0.iter().rev().find(named).is_some_and(BuilderArg::is_set)
    }

    /// The arguments as passed to the command.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(BuilderArg::word)
    }

    /// The arguments that affect the image. For a secret or an SSH agent, only the ID does.
    pub fn key_words(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(BuilderArg::key_word)
    }
}

impl BuilderArg {
    /// Its role; `None` if it is unknown.
    pub fn role(&self) -> Option<Role> {
        self.flag.map(|flag| flag.role)
    }

    /// Whether it is a boolean flag that is set.
    pub fn is_set(&self) -> bool {
        !matches!(self.value.as_deref(), Some("0" | "f" | "F" | "false" | "FALSE" | "False"))
    }

    /// Its location, in parentheses; empty if a script sets it.
    pub fn place(&self) -> String {
        self.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default()
    }

    /// The argument as passed to the command.
    pub fn word(&self) -> String {
        match &self.value {
            Some(value) if self.name.is_empty() => value.clone(),
            Some(value) => format!("{}={value}", self.name),
            None => self.name.clone(),
        }
    }

    /// The part of it that affects the image.
    pub fn key_word(&self) -> Option<String> {
        match self.role() {
            // It is also in the options of the image.
            Some(Role::Input) if self.key.is_some() => None,
            Some(Role::Aside | Role::Report | Role::Builder) => None,
            // The output format affects only the compression of the layers.
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
