//! The files of the build context that a Dockerfile can read.

use std::cell::RefCell;
use std::collections::HashMap;

use super::graph::{Base, Graph};
use super::parse::{self, is_docker_frontend};
use super::scope::Scope;
use super::{BuildArgs, Dockerfile, DockerfileError, InstructionKind};

/// The part of a build context that the instructions of a build target can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextSources {
    /// Everything: a source is the root of the context, or is unknown.
    Whole {
        /// Why it cannot be narrowed, as a phrase; `None` if an instruction explicitly reads everything.
        why: Option<String>,
    },
    /// Only these sources and everything below them, sorted, without duplicates. Empty: nothing.
    Sources(Vec<ContextSource>),
}

/// A source of an instruction in the build context.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContextSource {
    /// A cleaned path relative to the context's root, with `/`; may contain the wildcards of Go's `filepath.Match`.
    /// Empty: the root.
    pub path: String,
    /// `--exclude`: patterns of files below the path that the instruction does not read. Empty: it reads everything.
    pub exclude: Vec<String>,
}

impl From<&str> for ContextSource {
    fn from(path: &str) -> Self {
        Self { path: path.to_owned(), exclude: Vec::new() }
    }
}

/// The settings of a base image that the build stages based on it inherit, and the image that has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BaseConfig {
    /// `OnBuild`: instructions that run right after the FROM.
    pub onbuild: Vec<String>,
    /// `Env`: `NAME=value`; sources may depend on it.
    pub env: Vec<String>,
    /// The digest of the image in its registry, if it is known. It is not a setting: no build stage inherits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl BaseConfig {
    /// Whether build stages inherit the same settings from both.
    pub fn has_settings_of(&self, other: &Self) -> bool {
        self.onbuild == other.onbuild && self.env == other.env
    }
}

impl Dockerfile {
    /// The files of the build context that building `target` can read in the build stages it needs. `config` returns
    /// the configuration of a base image by its reference, `None` if it is unknown.
    ///
    /// A build stage inherits the ARGs of the one it is based on in BuildKit, but not in the classic builder:
    /// if the results differ, both are combined.
    ///
    /// # Errors
    /// [`DockerfileError`] if the target does not exist, or a word cannot be expanded.
    pub fn reach(
        &self,
        target: Option<&str>,
        args: &BuildArgs,
        config: &dyn Fn(&str) -> Option<BaseConfig>,
    ) -> Result<ContextSources, DockerfileError> {
        let once = Once::new(config);
        let reach = self.reach_of(target, args, &once, Order::Needed { args_inherited: true })?;
        Ok(match self.reach_of(target, args, &once, Order::Needed { args_inherited: false }) {
            Ok(classic) => reach.and(classic),
            // Only BuildKit can build it.
            Err(_) => reach,
        })
    }

    /// As [`Dockerfile::reach`], but all build stages of the file up to `target` are built, needed or not
    /// (the classic builder).
    ///
    /// # Errors
    /// As [`Dockerfile::reach`].
    pub fn reach_in_file_order(
        &self,
        target: Option<&str>,
        args: &BuildArgs,
        config: &dyn Fn(&str) -> Option<BaseConfig>,
    ) -> Result<ContextSources, DockerfileError> {
        self.reach_of(target, args, &Once::new(config), Order::File)
    }

    fn reach_of(
        &self,
        target: Option<&str>,
        args: &BuildArgs,
        config: &Once<'_>,
        order: Order,
    ) -> Result<ContextSources, DockerfileError> {
        let target = self.target_index(target)?;
        if let Some(syntax) = self.syntax().filter(|syntax| !is_docker_frontend(syntax)) {
            return Ok(whole(format!("the frontend `{syntax}` may read any file")));
        }
        let graph = Graph::new(self, args)?;
        let configs = Configs::new(&graph, config);
        let mut needed = graph.needed(target, &|index| configs.triggers(index));
        if order == Order::File {
            needed[..=target].fill(true);
        }
        let mut scopes: Vec<Scope<'_>> = Vec::with_capacity(needed.len());
        let mut reach = Sources::default();
        for (index, needed) in needed.iter().enumerate() {
            let mut scope = Scope::new(args, self.escape());
            if !needed {
                scopes.push(scope);
                continue;
            }
            match &graph.bases[index] {
                Base::Scratch => {}
                Base::Target(base) => {
                    scope = scopes[*base].clone();
                    // The classic builder passes on ENV, but not ARG.
                    if order != (Order::Needed { args_inherited: true }) {
                        scope.remove_args();
                    }
                }
                Base::Unknown(why) => return Ok(whole(format!("a base image is unknown: {why}"))),
                Base::Image(reference) => match config.of(reference) {
                    Some(config) => scope.set_base_env(&config.env),
                    None => {
                        return Ok(whole(format!("the ONBUILD and ENV of `{reference}` are unknown")));
                    }
                },
            }
            let triggers = configs.triggers(index);
            let step = &self.targets()[index];
            let own = graph.kinds(index, &triggers).count() - step.instructions().len();
            for (position, kind) in graph.kinds(index, &triggers).enumerate() {
                let instruction = match position.checked_sub(own) {
                    Some(position) => &step.instructions()[position],
                    None => step.start(),
                };
                let result = scope.apply(kind, &graph.global).and_then(|()| reach.add(kind, &scope));
                match result {
                    Ok(None) => {}
                    Ok(Some(why)) => {
                        return Ok(whole(format!(
                            "line {}, {}: {why}",
                            instruction.lines.0, instruction.name
                        )));
                    }
                    Err(reason) => return Err(self.mistake(instruction.head(), reason)),
                }
            }
            scopes.push(scope);
        }
        Ok(reach.finish())
    }
}

impl ContextSources {
    /// Everything that is in either of the two.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Sources(mut sources), Self::Sources(others)) => {
                sources.extend(others);
                sources.sort_unstable();
                sources.dedup();
                Self::Sources(sources)
            }
            (whole @ Self::Whole { .. }, _) | (_, whole) => whole,
        }
    }
}

fn whole(why: String) -> ContextSources {
    ContextSources::Whole { why: Some(why) }
}

/// Which build stages are built, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Those that the build target needs.
    Needed {
        /// Whether a build stage inherits the ARGs of the one it is based on.
        args_inherited: bool,
    },
    /// All up to the build target, as in the classic builder.
    File,
}

/// The configurations of base images, each queried once.
pub(super) struct Once<'a> {
    ask: &'a dyn Fn(&str) -> Option<BaseConfig>,
    known: RefCell<HashMap<String, Option<BaseConfig>>>,
}

impl<'a> Once<'a> {
    pub(super) fn new(ask: &'a dyn Fn(&str) -> Option<BaseConfig>) -> Self {
        Self { ask, known: RefCell::default() }
    }

    fn of(&self, reference: &str) -> Option<BaseConfig> {
        if let Some(known) = self.known.borrow().get(reference) {
            return known.clone();
        }
        let config = (self.ask)(reference);
        self.known.borrow_mut().insert(reference.to_owned(), config.clone());
        config
    }
}

/// The settings that build stages inherit from the base images of a Dockerfile.
pub(super) struct Configs<'a> {
    graph: &'a Graph<'a>,
    config: &'a Once<'a>,
}

impl<'a> Configs<'a> {
    pub(super) fn new(graph: &'a Graph<'a>, config: &'a Once<'a>) -> Self {
        Self { graph, config }
    }

    /// The configuration of the image called `reference`.
    pub(super) fn of(&self, reference: &str) -> Option<BaseConfig> {
        self.config.of(reference)
    }

    /// The triggers of the base image of build stage `index`.
    pub(super) fn triggers(&self, index: usize) -> Vec<InstructionKind> {
        let Base::Image(reference) = &self.graph.bases[index] else { return Vec::new() };
        let onbuild = self.config.of(reference).unwrap_or_default().onbuild;
        onbuild
            .iter()
            .flat_map(|trigger| match parse::parse(&format!("FROM scratch\n{trigger}")) {
                Ok(parsed) => parsed
                    .targets
                    .into_iter()
                    .flat_map(|target| target.instructions)
                    .map(|instruction| instruction.kind)
                    .collect(),
                Err(mistake) => {
                    vec![InstructionKind::Foreign(format!(
                        "invalid trigger `{trigger}` of `{reference}`: {}",
                        mistake.reason
                    ))]
                }
            })
            .collect()
    }
}

/// The sources found so far.
#[derive(Default)]
struct Sources {
    found: Vec<ContextSource>,
    has_root: bool,
}

impl Sources {
    /// Adds the files that `kind` reads; returns the reason if they are unknown.
    fn add(&mut self, kind: &InstructionKind, scope: &Scope<'_>) -> Result<Option<String>, String> {
        match kind {
            InstructionKind::Copy(copy) if copy.from.is_none() => {
                for source in &copy.sources {
                    let expansion = scope.expand(source)?;
                    if expansion.unknown.is_some() {
                        return Ok(expansion.unknown);
                    }
                    if !(copy.is_add && is_address(&expansion.text)) {
                        // With `--parents`, the patterns are relative to another directory.
                        let exclude = if copy.parents { &[][..] } else { &copy.exclude };
                        self.push(&expansion.text, exclude);
                    }
                }
            }
            InstructionKind::Run(run) => {
                for mount in &run.mounts {
                    let mut is_bind = true;
                    let mut source = String::new();
                    let mut is_context = true;
                    for (key, value) in &mount.fields {
                        let expansion = scope.expand(value)?;
                        match key.as_str() {
                            "from" if !value.is_empty() => is_context = false,
                            "type" | "source" | "src" if expansion.unknown.is_some() => {
                                return Ok(expansion.unknown);
                            }
                            "type" => is_bind = expansion.text.eq_ignore_ascii_case("bind"),
                            "source" | "src" => source = expansion.text,
                            _ => {}
                        }
                    }
                    if is_bind && is_context {
                        self.push(&source, &[]);
                    }
                }
            }
            InstructionKind::Foreign(why) => return Ok(Some(why.clone())),
            _ => {}
        }
        Ok(None)
    }

    fn push(&mut self, source: &str, exclude: &[String]) {
        let (path, is_whole) = clean(source);
        // Below `**`, the matches of a pattern are unknown until the directories are read.
        let exclude = if is_whole { exclude.to_vec() } else { Vec::new() };
        match path.is_empty() && exclude.is_empty() {
            true => self.has_root = true,
            false => self.found.push(ContextSource { path, exclude }),
        }
    }

    fn finish(mut self) -> ContextSources {
        if self.has_root {
            return ContextSources::Whole { why: None };
        }
        self.found.sort_unstable();
        self.found.dedup();
        ContextSources::Sources(self.found)
    }
}

/// Whether ADD downloads `source` instead of reading it from the context.
pub(super) fn is_address(source: &str) -> bool {
    let scheme =
        |scheme: &&str| source.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if ["http://", "https://", "git://", "ssh://"].iter().any(scheme) {
        return true;
    }
    // `user@host:path`, the SCP-like syntax of git and ssh.
    let user_end = source.find('@').filter(|at| *at > 0);
    user_end.is_some_and(|at| {
        let plain = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        source[at + 1..]
            .split_once(':')
            .is_some_and(|(host, _)| plain(&source[..at]) && !host.is_empty() && plain(host))
    })
}

/// `path` relative to the context's root, lexically: without `.`, empty components and a leading `/`; `..` stays
/// inside the root. Ends before a `**`, which matches any number of directories; returns `true` without a `**`.
pub(super) fn clean(path: &str) -> (String, bool) {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let end = parts.iter().position(|part| part.contains("**")).unwrap_or(parts.len());
    (parts[..end].join("/"), end == parts.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(text: &str, target: Option<&str>, args: &[(&str, &str)]) -> ContextSources {
        let args = args.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let config = |reference: &str| match reference {
            "plain" => Some(BaseConfig::default()),
            "env" => Some(BaseConfig { env: vec!["DIR=from-base".into()], ..BaseConfig::default() }),
            "node:onbuild" => {
                Some(BaseConfig { onbuild: vec!["COPY package.json /app/".into()], ..BaseConfig::default() })
            }
            _ => None,
        };
        Dockerfile::parse("Dockerfile", text).unwrap().reach(target, &args, &config).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let expected = expected.iter().map(|source| (*source).into()).collect();
        assert_eq!(reach(text, None, &[]), ContextSources::Sources(expected), "{text}");
    }

    #[track_caller]
    fn check_whole(text: &str, expected: Option<&str>) {
        match (reach(text, None, &[]), expected) {
            (ContextSources::Whole { why: None }, None) => {}
            (ContextSources::Whole { why: Some(why) }, Some(expected)) => {
                assert!(why.contains(expected), "{why}")
            }
            (reach, _) => panic!("{reach:?} of {text}"),
        }
    }

    #[test]
    fn sources_are_cleaned_and_sorted() {
        check("FROM scratch\nCOPY ./b/ /a/../c ../../d *.txt b /x/", &["*.txt", "b", "c", "d"]);
        check("FROM scratch\nCOPY [\"a b\", \"/x\"]\nCOPY --parents x/./y/**/*.go /", &["a b", "x/y"]);
        check_whole("FROM scratch\nCOPY . /", None);
        check_whole("FROM scratch\nCOPY a/.. /", None);
    }

    #[test]
    fn exclusions_belong_to_their_source() {
        let check = |text: &str, expected: &[(&str, &[&str])]| {
            let source = |(path, exclude): &(&str, &[&str])| ContextSource {
                path: path.to_string(),
                exclude: exclude.iter().map(ToString::to_string).collect(),
            };
            let expected = expected.iter().map(source).collect();
            assert_eq!(reach(text, None, &[]), ContextSources::Sources(expected), "{text}");
        };
        check("FROM scratch\nCOPY --exclude=*.md --exclude=docs . /", &[("", &["*.md", "docs"])]);
        check("FROM scratch\nCOPY --exclude=x a b /\nCOPY b /", &[("a", &["x"]), ("b", &[]), ("b", &["x"])]);
        check("FROM scratch\nADD --exclude=x a/**/c /", &[("a", &[])]);
        check("FROM scratch\nCOPY --parents --exclude=x a /", &[("a", &[])]);
        check_whole("FROM scratch\nCOPY --exclude=x . /a\nCOPY . /b", None);
    }

    #[test]
    fn files_from_elsewhere_than_the_context_do_not_count() {
        check(
            "FROM plain AS a\nFROM scratch\nCOPY --from=a /x /y\nCOPY --from=plain x y\nCOPY --from=0 /x y",
            &[],
        );
        check(
            "FROM scratch\nADD https://x.io/a git@github.com:a/b.git https://x.io/a.git /x\nADD local /x",
            &["local"],
        );
        check("FROM scratch\nCOPY <<EOF /x\nCOPY . /\nEOF\nCOPY <<A b /x/\nA", &["b"]);
    }

    #[test]
    fn bind_mounts_read_the_context() {
        check(
            "FROM plain\nRUN --mount=type=bind,source=src,target=/src --mount=type=cache,target=/c make",
            &["src"],
        );
        check("FROM plain\nRUN --mount=src=$X/a,dst=/src make", &["a"]);
        check("FROM plain AS b\nFROM plain\nRUN --mount=from=b,target=/src make", &[]);
        check_whole("FROM plain\nRUN --mount=target=/src make", None);
    }

    #[test]
    fn variables_expand_in_their_scope() {
        check("ARG D=dir\nFROM scratch\nARG D\nENV E=$D/sub\nCOPY ${E}/${X:-x} /", &["dir/sub/x"]);
        check("ARG D=dir\nFROM scratch\nCOPY a$D /", &["a"]);
        check("FROM env\nARG DIR\nCOPY $DIR /", &["from-base"]);
        check("FROM scratch\nARG D=a\nENV D=b\nCOPY $D /", &["b"]);
        let given = reach("FROM scratch\nARG D=dir\nCOPY $D /", None, &[("D", "other")]);
        assert_eq!(given, ContextSources::Sources(vec!["other".into()]));
    }

    #[test]
    fn unknown_sources_reach_everything_with_a_reason() {
        check_whole(
            "FROM scratch\nARG TARGETARCH\nCOPY bin-$TARGETARCH /",
            Some("line 3, COPY: `TARGETARCH`"),
        );
        check_whole("FROM env\nARG DIR=dir\nCOPY $DIR /", Some("`DIR` is set by ENV and ARG"));
        check_whole("FROM unseen\nCOPY a /", Some("`unseen`"));
        check_whole("FROM base-$TARGETOS\nCOPY a /", Some("`TARGETOS` is set by the builder"));
        check_whole("# syntax=acme/frontend\nFROM scratch\nMAGIC", Some("`acme/frontend`"));
        check_whole("# syntax=docker/dockerfile:1-labs\nFROM scratch\nCOPY --new a b", Some("`--new`"));
        check_whole("FROM scratch\nARG A=1\nARG A=2\nCOPY $A /", Some("declared twice"));
    }

    #[test]
    fn onbuild_triggers_count_where_they_fire() {
        check("FROM node:onbuild\nCOPY a /", &["a", "package.json"]);
        check("FROM scratch AS a\nONBUILD COPY x /\nFROM a AS b\nFROM b", &["x"]);
        check("FROM scratch\nONBUILD COPY x /", &[]);
    }

    #[test]
    fn args_are_inherited_by_buildkit_only_so_both_readings_count() {
        let text = "FROM scratch AS a\nARG D=dir\nENV E=e\nFROM a\nCOPY $D/$E /";
        let dockerfile = Dockerfile::parse("Dockerfile", text).unwrap();
        let classic = dockerfile.reach_in_file_order(None, &BuildArgs::new(), &|_| None).unwrap();
        assert_eq!(classic, ContextSources::Sources(vec!["e".into()]));
        check(text, &["dir/e", "e"]);
    }

    #[test]
    fn only_needed_targets_count_unless_built_in_file_order() {
        let text = "FROM scratch AS a\nCOPY a /\nFROM scratch AS b\nCOPY b /\nFROM scratch AS c\nCOPY --from=A /a /\nFROM scratch\nCOPY d /";
        assert_eq!(reach(text, Some("C"), &[]), ContextSources::Sources(vec!["a".into()]));
        let dockerfile = Dockerfile::parse("Dockerfile", text).unwrap();
        let all = dockerfile.reach_in_file_order(Some("2"), &BuildArgs::new(), &|_| None).unwrap();
        assert_eq!(all, ContextSources::Sources(vec!["a".into(), "b".into()]));
    }
}
