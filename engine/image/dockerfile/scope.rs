//! The variables that apply to an instruction (Dockerfile reference, "Environment replacement" and "ARG").

use std::cell::RefCell;
use std::collections::HashMap;

use super::word::{Expansion, Variable, expand};
use super::{BuildArgs, Instruction, InstructionKind};

/// Arguments that the builder sets; their values depend on its platform.
const PLATFORM_ARGS: [&str; 9] = [
    "BUILDARCH",
    "BUILDOS",
    "BUILDPLATFORM",
    "BUILDVARIANT",
    "TARGETARCH",
    "TARGETOS",
    "TARGETPLATFORM",
    "TARGETSTAGE",
    "TARGETVARIANT",
];

/// Arguments that may be passed without an ARG; builders differ in whether words can use them.
const PROXY_ARGS: [&str; 10] = [
    "ALL_PROXY",
    "FTP_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "ftp_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The variables of a build stage, or those before the first one.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    given: &'a BuildArgs,
    escape: char,
    /// An ENV overrides the ARGs before it; for an ARG after it, builders differ.
    env: HashMap<String, Variable>,
    args: HashMap<String, Variable>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(given: &'a BuildArgs, escape: char) -> Self {
        Self { given, escape, env: HashMap::new(), args: HashMap::new() }
    }

    /// The scope in which the words of FROM are expanded.
    pub(super) fn global(
        given: &'a BuildArgs,
        escape: char,
        args: &[Instruction],
    ) -> Result<Self, (usize, String)> {
        let mut scope = Self::new(given, escape);
        for name in PLATFORM_ARGS {
            scope.args.insert(name.to_owned(), platform(given, name));
        }
        for (index, instruction) in args.iter().enumerate() {
            let InstructionKind::Arg(pairs) = &instruction.kind else { continue };
            for (name, default) in pairs {
                let value = scope.arg(name, default.as_deref(), None).map_err(|reason| (index, reason))?;
                scope.args.insert(name.clone(), value);
            }
        }
        Ok(scope)
    }

    /// Sets the variables of a base image's configuration.
    pub(super) fn set_base_env(&mut self, env: &[String]) {
        for pair in env {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.env.insert(name.to_owned(), Variable::Value(value.to_owned()));
        }
    }

    /// The variables set by ENV, `NAME=value`, sorted; `None` if a value is unknown.
    pub(super) fn environment(&self) -> Option<Vec<String>> {
        let pair = |(name, value): (&String, &Variable)| match value {
            Variable::Value(value) => Some(Some(format!("{name}={value}"))),
            Variable::Unset => None,
            Variable::Unknown(_) => Some(None),
        };
        let mut pairs: Vec<String> = self.env.iter().filter_map(pair).collect::<Option<_>>()?;
        pairs.sort();
        Some(pairs)
    }

    /// Removes the variables set by ARG.
    pub(super) fn remove_args(&mut self) {
        self.args.clear();
    }

    /// Applies an ARG or ENV.
    ///
    /// # Errors
    /// A word that cannot be expanded, as a phrase.
    pub(super) fn apply(&mut self, kind: &InstructionKind, global: &Self) -> Result<(), String> {
        match kind {
            InstructionKind::Arg(pairs) => {
                for (name, default) in pairs {
                    let value = self.arg(name, default.as_deref(), Some(global))?;
                    if value != Variable::Unset && self.env.get(name).is_some_and(|env| *env != value) {
                        let why = format!(
                            "`{name}` is set by ENV and ARG, and builders differ in which one they use"
                        );
                        self.env.insert(name.clone(), Variable::Unknown(why));
                    }
                    match self.args.get(name) {
                        Some(_) if value == Variable::Unset => continue,
                        // Versions of Docker differ in which of two declarations they use.
                        Some(before @ Variable::Value(_)) if *before != value => {
                            let why = format!("`{name}` is declared twice, with different values");
                            self.args.insert(name.clone(), Variable::Unknown(why));
                        }
                        _ => {
                            self.args.insert(name.clone(), value);
                        }
                    }
                }
            }
            InstructionKind::Env(pairs) => {
                let values = pairs
                    .iter()
                    .map(|(name, value)| Ok((self.expand(name)?.text, variable(self.expand(value)?))))
                    .collect::<Result<Vec<_>, String>>()?;
                self.env.extend(values);
            }
            _ => {}
        }
        Ok(())
    }

    /// The value of the variable `name`, if it is known.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Variable::Value(value) => Some(value),
            Variable::Unset | Variable::Unknown(_) => None,
        }
    }

    /// Expands the variables of `word`.
    pub(crate) fn expand(&self, word: &str) -> Result<Expansion, String> {
        expand(word, self.escape, &|name| self.get(name))
    }

    /// The variables in `word`.
    pub(super) fn names(&self, word: &str) -> Vec<String> {
        let names = RefCell::new(Vec::new());
        let get = |name: &str| {
            names.borrow_mut().push(name.to_owned());
            self.get(name)
        };
        // A word that cannot be expanded is reported where its text is needed.
        let _ = expand(word, self.escape, &get);
        names.into_inner()
    }

    fn get(&self, name: &str) -> Variable {
        if let Some(value) = self.env.get(name).or_else(|| self.args.get(name)) {
            return value.clone();
        }
        if PROXY_ARGS.contains(&name) && self.given.contains_key(name) {
            return Variable::Unknown(format!("builders differ in whether `{name}` is visible here"));
        }
        Variable::Unset
    }

    fn arg(&self, name: &str, default: Option<&str>, global: Option<&Self>) -> Result<Variable, String> {
        if let Some(given) = self.given.get(name) {
            return Ok(Variable::Value(given.clone()));
        }
        if PLATFORM_ARGS.contains(&name) {
            return Ok(platform(self.given, name));
        }
        match (default, global.and_then(|global| global.args.get(name))) {
            (Some(default), _) => Ok(variable(self.expand(default)?)),
            (None, Some(value)) => Ok(value.clone()),
            (None, None) => Ok(Variable::Unset),
        }
    }
}

fn variable(expansion: Expansion) -> Variable {
    match expansion.unknown {
        Some(why) => Variable::Unknown(why),
        None => Variable::Value(expansion.text),
    }
}

fn platform(given: &BuildArgs, name: &str) -> Variable {
    match given.get(name) {
        Some(value) => Variable::Value(value.clone()),
        None => Variable::Unknown(format!("`{name}` is set by the builder")),
    }
}
