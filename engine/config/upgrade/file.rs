//! Upgrades a file to the newest version that can express it.

use std::path::PathBuf;

use miette::Diagnostic as _;

use super::edit::{add, empty, has, plain, rename, text};
use super::{dev, patches, upgrade};
use crate::config::load::{LoadOptions, find, text_of};
use crate::config::node::{Entry, Mapping, Span, Value, YamlNode};
use crate::config::parse::parse;
use crate::config::problem::{Diagnostics, UnknownKey};
use crate::config::reader::Reader;
use crate::config::rewrite::{comments, rewrite};
use crate::config::schema::check::{Stage, check};
use crate::config::variable::{Part, is_predefined, parts};
use crate::config::{ConfigDiagnostic, ConfigError, Origin, Version, profile, shorthand, version};

/// A file and its upgraded content.
#[derive(Debug)]
pub struct UpgradedFile {
    /// The file. Absolute.
    pub file: PathBuf,
    /// The file, as displayed.
    pub shown: String,
    /// Its version.
    pub from: Version,
    /// The version of `text`.
    pub to: Version,
    /// Its content in version `to`.
    pub text: String,
    /// Why `to` is not the newest version: all known obstacles; empty if it is.
    pub held_back: Vec<UpgradeBlocker>,
    /// The warnings about lost values.
    pub warnings: Vec<ConfigDiagnostic>,
}

/// A reason why a version cannot express a file.
#[derive(Debug, Clone)]
pub struct UpgradeBlocker {
    /// The reason, as a phrase.
    pub reason: String,
    /// Its location; `None` if the reason concerns several places.
    pub place: Option<Origin>,
    /// The manual steps.
    pub help: Option<String>,
}

impl UpgradeBlocker {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), place: None, help: None }
    }

    fn at(self, origin: Origin) -> Self {
        Self { place: Some(origin), ..self }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl From<&ConfigDiagnostic> for UpgradeBlocker {
    fn from(problem: &ConfigDiagnostic) -> Self {
        let place = Some(problem.origin.clone());
        let steps = problem.unknown_key().and_then(by_hand).map(str::to_owned);
        let help = steps.or_else(|| problem.help().map(|help| help.to_string()));
        let reason = match problem.unknown_key() {
            Some(UnknownKey { key, place, is_known: false, .. }) => format!("it has no `{key}` in {place}"),
            _ => problem.message.clone(),
        };
        Self { reason, place, help }
    }
}

/// The location and the reason.
impl std::fmt::Display for UpgradeBlocker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(place) = &self.place {
            write!(formatter, "{place}: ")?;
        }
        formatter.write_str(&self.reason)
    }
}

/// The manual steps for a key that the newest version lacks; `None` if only the help of its report applies.
fn by_hand(unknown: &UnknownKey) -> Option<&'static str> {
    Some(match (unknown.section, unknown.key.as_str()) {
        ("image", "disabled") => {
            "remove the image, or select the others in `windlass.rhai` (`fn build(project)`), then upgrade again"
        }
        ("dependency", "disabled") => {
            "remove the dependency, or move it to a profile that adds it, then upgrade again"
        }
        ("dependency", "skipBuild") => {
            "remove `skipBuild` and build with `--skip-dependency NAME` instead, then upgrade again"
        }
        ("kaniko", "options") => {
            "keep one of the tools, because both share `target`, `network` and `buildArgs` there, then upgrade again"
        }
        ("helm", "v2" | "tillerNamespace") => {
            "migrate the release to Helm 3 (`helm 2to3 convert NAME`), remove this key, then upgrade again"
        }
        ("deployment", _) => {
            "write it as an option in `upgradeArgs` (Helm) or `applyArgs` (kubectl), then upgrade again"
        }
        _ => return None,
    })
}

/// Reads the file of `options` and converts it to the newest version that can express it. Writes nothing.
///
/// Returns the new text only if it reads as the same configuration, with each single profile and with none, and if no
/// comment is lost.
///
/// # Errors
/// Those of [`load`](fn@crate::config::load) for unreadable or invalid files, and `config::upgrade` if no newer version can
/// express the file.
pub fn upgrade_file(options: &LoadOptions) -> Result<UpgradedFile, ConfigError> {
    let (file, shown) = find(options)?;
    let source = text_of(&file)?;
    let mut problems = Diagnostics::new(&shown, source.as_str().into());
    let parsed = parse(&source, &mut problems).and_then(|root| {
        let mut reader = Reader { problems: &mut problems };
        let version = version::read(&root, reader.mapping(&root, "the file")?, &mut reader)?;
        Some((root, version))
    });
    if let Some((root, version)) = &parsed
        && let Value::Mapping(mut document) = root.value.clone()
    {
        check(&mut document, *version, Stage::Raw, &mut problems);
    }
    let is_wrong = !problems.is_empty();
    let (Some((root, from)), false) = (parsed, is_wrong) else {
        let (problems, omitted, _) = problems.finish();
        return Err(ConfigError::Invalid { file: shown, problems, omitted });
    };
    let folder = file.parent().and_then(|folder| folder.file_name()).unwrap_or_default().to_string_lossy();
    let old = Old { source: &source, root: &root, version: from, name: &folder, shown: &shown };
    let mut held_back = Vec::new();
    for to in [Version::NEWEST, Version::V1beta11].into_iter().filter(|to| *to > from) {
        match old.upgraded(to) {
            Ok((text, warnings)) => {
                return Ok(UpgradedFile { file, shown, from, to, text, held_back, warnings });
            }
            // Report only the obstacles to the newest version.
            Err(obstacles) if held_back.is_empty() => held_back = obstacles,
            Err(_) => {}
        }
    }
    match held_back.first() {
        Some(obstacle) if from < Version::V1beta11 => Err(ConfigError::Upgrade {
            file: shown,
            reason: obstacle.to_string(),
            help: obstacle
                .help
                .clone()
                .unwrap_or_else(|| "keep the file: windlass supports its version".to_owned()),
        }),
        _ => Ok(UpgradedFile { file, shown, from, to: from, text: source, held_back, warnings: Vec::new() }),
    }
}

/// A valid file.
struct Old<'a> {
    source: &'a str,
    root: &'a YamlNode,
    version: Version,
    /// The name of the project, if the file has none.
    name: &'a str,
    shown: &'a str,
}

impl Old<'_> {
    /// The text in version `to`, or the obstacles.
    fn upgraded(&self, to: Version) -> Result<(String, Vec<ConfigDiagnostic>), Vec<UpgradeBlocker>> {
        let mut problems = Diagnostics::new(self.shown, self.source.into());
        let Value::Mapping(mut document) = self.root.value.clone() else {
            return Err(vec![UpgradeBlocker::new("it is not a map")]);
        };
        let is_newest = to >= Version::V2beta1;
        let undefined = if is_newest { self.undefined_variables() } else { Vec::new() };
        self.profiles(&mut document, to);
        upgrade(&mut document, self.version, to, &mut problems);
        if let Some(entry) = document.get_mut("version") {
            entry.node = plain(entry.node.span, to.as_str());
        }
        if is_newest {
            self.add_name(&mut document);
            self.define(&undefined, &mut document);
        }
        let mut obstacles = if is_newest { self.dev_obstacles() } else { Vec::new() };
        let (errors, _, warnings) = problems.finish();
        obstacles.extend(errors.iter().map(UpgradeBlocker::from));
        obstacles.extend(self.unknown(&document, to));
        if !obstacles.is_empty() {
            return Err(obstacles);
        }
        let text = rewrite(self.source, self.root, &document);
        self.verify(&text, to, &undefined).map_err(|obstacle| vec![obstacle])?;
        Ok((text, warnings))
    }

    /// The obstacles to the conversion of `dev` to pods.
    fn dev_obstacles(&self) -> Vec<UpgradeBlocker> {
        let mut problems = Diagnostics::new(self.shown, self.source.into());
        let Value::Mapping(mut document) = self.root.value.clone() else { return Vec::new() };
        upgrade(&mut document, self.version, Version::V1beta11, &mut problems);
        let dev = super::edit::map(&mut document, "dev").map(|dev| dev::obstacles(dev)).unwrap_or_default();
        dev.into_iter()
            .map(|found| UpgradeBlocker::new(found.reason).at(problems.origin(found.span)).help(found.help))
            .collect()
    }

    /// The keys of `document`, which was upgraded to version `to`, that `to` does not have.
    fn unknown(&self, document: &Mapping, to: Version) -> Vec<UpgradeBlocker> {
        let known = complaints(self.root, self.version, self.shown);
        let mut document = document.clone();
        if to >= Version::V2beta1 && !self.dev_obstacles().is_empty() {
            // Its obstacles were reported.
            document.shift_remove("dev");
        }
        let root = YamlNode { value: Value::Mapping(document), ..self.root.clone() };
        let complaints = complaints(&root, to, self.shown);
        let is_new =
            |complaint: &&ConfigDiagnostic| !known.iter().any(|known| known.message == complaint.message);
        complaints.iter().filter(is_new).map(UpgradeBlocker::from).collect()
    }

    /// The used variables that are not in `vars` and not predefined: the newest version requires a definition.
    fn undefined_variables(&self) -> Vec<String> {
        let mut names = Vec::new();
        references(self.root, &mut names);
        let defined = self.root.get("vars").and_then(YamlNode::as_sequence).unwrap_or_default();
        let is_defined = |name: &String| {
            let named = |node: &YamlNode| {
                node.get("name").and_then(YamlNode::as_scalar).is_some_and(|own| own.text == *name)
            };
            defined.iter().any(named) || is_predefined(name)
        };
        names.retain(|name| !is_defined(name));
        names.sort();
        names.dedup();
        names
    }

    /// Defines `names` as variables that prompt if they have no other value, as undefined variables did.
    fn define(&self, names: &[String], document: &mut Mapping) {
        if names.is_empty() {
            return;
        }
        let span = document.get("version").map_or(Span::default(), |entry| entry.key);
        let vars =
            document.entry("vars".to_owned()).or_insert_with(|| Entry { key: span, node: empty(span) });
        let Value::Mapping(vars) = &mut vars.node.value else { return };
        for name in names {
            let mut definition = Mapping::new();
            add(&mut definition, "alwaysResolve", span, "false");
            let node = YamlNode { span, value: Value::Mapping(definition) };
            vars.insert(name.clone(), Entry { key: span, node });
        }
    }

    /// Upgrades the sections and patches of profiles. `verify` checks whether patches still have the same effect.
    fn profiles(&self, document: &mut Mapping, to: Version) {
        let mut unused = Diagnostics::new(self.shown, self.source.into());
        for profile in super::edit::items(document, "profiles") {
            // The newest version has only `merge`. `verify` checks whether it has the same effect.
            if to >= Version::V2beta1 && !has(profile, "merge") {
                rename(profile, "strategicMerge", "merge");
            }
            if to >= Version::V2beta1 {
                patches::rewrite(profile, self.root, self.version);
            }
            for key in ["replace", "merge", "strategicMerge"] {
                if let Some(sections) = super::edit::map(profile, key) {
                    upgrade(sections, self.version, to, &mut unused);
                }
            }
        }
    }

    fn add_name(&self, document: &mut Mapping) {
        let place = document.get_index_of("version").map_or(0, |version| version + 1);
        let span = document.get("version").map_or(Span::default(), |entry| entry.key);
        if !document.contains_key("name") {
            let name = Entry { key: span, node: text(span, self.name) };
            document.shift_insert(place.min(document.len()), "name".to_owned(), name);
        }
    }

    /// Checks that `text` is the same configuration, with all comments. It additionally defines the variables `more`.
    fn verify(&self, text: &str, to: Version, more: &[String]) -> Result<(), UpgradeBlocker> {
        let mut problems = Diagnostics::new(self.shown, text.into());
        let Some(root) = parse(text, &mut problems).filter(|_| problems.is_empty()) else {
            return Err(UpgradeBlocker::new(
                "it has anchors and aliases where the newer version has different keys",
            )
            .help("replace the aliases (`*NAME`) with their values, then upgrade again"));
        };
        let profiles = self.root.get("profiles").and_then(YamlNode::as_sequence).unwrap_or_default();
        let names = profiles
            .iter()
            .filter_map(|profile| Some((profile, profile.get("name")?.as_scalar()?.text.as_str())));
        for profile in std::iter::once(None).chain(names.map(Some)) {
            let name = profile.map(|(_, name)| name);
            let before = self.meaning(self.root, self.version, name, &[])?;
            let after = self.meaning(&root, to, name, more)?;
            if before != after {
                return Err(match profile {
                    Some((node, name)) => self.other_profile(node, name, to),
                    None => UpgradeBlocker::new(format!("{to} cannot express it")),
                });
            }
        }
        let kept = comments(text, &root);
        match comments(self.source, self.root).iter().find(|comment| !kept.contains(comment)) {
            Some(comment) => Err(UpgradeBlocker::new(format!("the comment `{comment}` would be lost"))
                .help("move it to a separate line above a key that remains, then upgrade again")),
            None => Ok(()),
        }
    }

    /// The reason why the profile `name` with the value `node` cannot be kept.
    fn other_profile(&self, node: &YamlNode, name: &str, to: Version) -> UpgradeBlocker {
        let origin = |span| Diagnostics::new(self.shown, "".into()).origin(span);
        let entry = |key: &str| node.as_mapping().and_then(|profile| profile.get(key)).map(|entry| entry.key);
        let (span, reason, help) = if let Some(span) = entry("strategicMerge") {
            let reason =
                format!("`strategicMerge` of profile `{name}` merges lists, but {to} has only `merge`");
            (span, reason, "write whole lists below `merge`, or use `patches`, then upgrade again")
        } else {
            let reason = format!("profile `{name}` would have a different effect in {to}");
            let help = "rewrite its patches for the new keys (compare with `windlass print -p NAME`), then upgrade again";
            (entry("patches").unwrap_or(node.span), reason, help)
        };
        UpgradeBlocker::new(reason).at(origin(span)).help(help)
    }

    /// The content of a document with a profile applied, in the newest form; without variables filled in and without
    /// the definitions of `without`. The names of the images come first, because their order matters.
    fn meaning(
        &self,
        root: &YamlNode,
        version: Version,
        profile: Option<&str>,
        without: &[String],
    ) -> Result<(Vec<String>, serde_json::Value), UpgradeBlocker> {
        let mut problems = Diagnostics::new(self.shown, "".into());
        let mut root = root.clone();
        shorthand::expand(&mut root, version);
        if let Value::Mapping(document) = &mut root.value {
            let section = document.shift_remove("profiles");
            let mut reader = Reader { problems: &mut problems };
            let mut profiles = match section.filter(|entry| !entry.node.is_null()) {
                Some(entry) => profile::read(&entry.node, &mut reader),
                None => Default::default(),
            };
            let asked: Vec<String> = profile.into_iter().map(str::to_owned).collect();
            for name in profile::order(&profiles, Span::default(), &[], &asked, &mut reader) {
                if let Some(profile) = profiles.get_mut(&name) {
                    profile.apply(&name, &mut root, version, &mut Vec::new(), &mut reader);
                }
            }
        }
        let Value::Mapping(mut document) = root.value else {
            return Err(UpgradeBlocker::new("it is not a map"));
        };
        check(&mut document, version, Stage::Raw, &mut problems);
        upgrade(&mut document, version, Version::NEWEST, &mut problems);
        if let Some(problem) = problems.finish().0.first() {
            let mut obstacle = UpgradeBlocker::from(problem);
            if let Some(profile) = profile {
                obstacle.reason.push_str(&format!(", with profile `{profile}`"));
            }
            // The location is valid only if the old file was read.
            return Err(if version == self.version {
                obstacle
            } else {
                UpgradeBlocker { place: None, ..obstacle }
            });
        }
        document.retain(|key, _| !["version", "name"].contains(&key.as_str()));
        if let Some(vars) = super::edit::map(&mut document, "vars") {
            vars.retain(|name, _| !without.contains(name));
        }
        document.retain(|key, entry| key != "vars" || !is_empty(&entry.node));
        let images = document.get("images").and_then(|entry| entry.node.as_mapping());
        let names = images.map(|images| images.keys().cloned().collect()).unwrap_or_default();
        Ok((names, YamlNode { value: Value::Mapping(document), ..YamlNode::empty() }.to_json()))
    }
}

/// Collects the names of the variables that the strings below `node` refer to.
fn references(node: &YamlNode, names: &mut Vec<String>) {
    match &node.value {
        Value::Scalar(scalar) => {
            names.extend(parts(&scalar.text).into_iter().flatten().filter_map(|part| match part {
                Part::Reference { name, .. } => Some(name.to_owned()),
                _ => None,
            }))
        }
        Value::Sequence(nodes) => nodes.iter().for_each(|node| references(node, names)),
        Value::Mapping(mapping) => mapping.values().for_each(|entry| references(&entry.node, names)),
    }
}

fn is_empty(node: &YamlNode) -> bool {
    node.as_mapping().is_some_and(Mapping::is_empty)
}

/// The errors and warnings of the whole file, including profiles and `dev`.
fn complaints(root: &YamlNode, version: Version, shown: &str) -> Vec<ConfigDiagnostic> {
    let mut problems = Diagnostics::new(shown, "".into());
    if let Value::Mapping(mut document) = root.value.clone() {
        check(&mut document, version, Stage::Raw, &mut problems);
    }
    let (errors, _, warnings) = problems.finish();
    errors.into_iter().chain(warnings).collect()
}
