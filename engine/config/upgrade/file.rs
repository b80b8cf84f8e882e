//! Brings a file to the newest version that can say what it says.

use std::path::PathBuf;

use super::edit::{plain, text};
use super::upgrade;
use crate::config::load::{LoadOptions, find, text_of};
use crate::config::node::{Entry, Mapping, Node, Span, Value};
use crate::config::parse::parse;
use crate::config::problem::Problems;
use crate::config::profile;
use crate::config::reader::Reader;
use crate::config::rewrite::{comments, rewrite};
use crate::config::schema::check::{Stage, check};
use crate::config::variable::{Part, is_predefined, parts};
use crate::config::{ConfigError, Problem, Version, shorthand, version};

/// A file and what it would be in a newer version.
#[derive(Debug)]
pub struct UpgradedFile {
    /// The file. Absolute.
    pub file: PathBuf,
    /// The file as it is shown to the user.
    pub shown: String,
    /// Its version.
    pub from: Version,
    /// The version of `text`.
    pub to: Version,
    /// What it says in version `to`.
    pub text: String,
    /// Why it is not the newest version, as a phrase.
    pub held_back: Option<String>,
    /// What the newer version has no words for.
    pub warnings: Vec<Problem>,
}

/// Reads the file that `options` name and says the same in the newest version that can. Nothing is written.
///
/// The text is only given out when it reads as the same configuration, with every profile on its own and without any,
/// and when no comment got lost.
///
/// # Errors
/// Those of [`load`](crate::config::load) for files that cannot be read or are wrong, and `config::upgrade` where no
/// newer version can say what the file says.
pub fn upgrade_file(options: &LoadOptions) -> Result<UpgradedFile, ConfigError> {
    let (file, shown) = find(options)?;
    let source = text_of(&file)?;
    let mut problems = Problems::new(&shown, source.as_str().into());
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
    let mut held_back = None;
    for to in [Version::NEWEST, Version::V1beta11].into_iter().filter(|to| *to > from) {
        match old.upgraded(to) {
            Ok((text, warnings)) => {
                return Ok(UpgradedFile { file, shown, from, to, text, held_back, warnings });
            }
            Err(reason) => held_back = held_back.or(Some(reason)),
        }
    }
    match held_back {
        Some(reason) if from < Version::V1beta11 => Err(ConfigError::Upgrade { file: shown, reason }),
        held_back => {
            Ok(UpgradedFile { file, shown, from, to: from, text: source, held_back, warnings: Vec::new() })
        }
    }
}

/// A file without mistakes.
struct Old<'a> {
    source: &'a str,
    root: &'a Node,
    version: Version,
    /// The project's name, where it has none.
    name: &'a str,
    shown: &'a str,
}

impl Old<'_> {
    /// The text in version `to`, or why there is none.
    fn upgraded(&self, to: Version) -> Result<(String, Vec<Problem>), String> {
        let mut problems = Problems::new(self.shown, self.source.into());
        let Value::Mapping(mut document) = self.root.value.clone() else {
            return Err("it is no map".to_owned());
        };
        self.profiles(&mut document, to);
        upgrade(&mut document, self.version, to, &mut problems);
        if let Some(entry) = document.get_mut("version") {
            entry.node = plain(entry.node.span, to.as_str());
        }
        if to >= Version::V2beta1 {
            self.add_name(&mut document);
        }
        if to >= Version::V2beta1 && self.root.get("dev").is_some_and(|dev| !is_empty(dev)) {
            return Err("`dev` is another thing there, and windlass cannot convert it".to_owned());
        }
        if to >= Version::V2beta1
            && let Some(name) = self.undefined_variable()
        {
            return Err(format!("`${{{name}}}` has to stand in `vars` there; else it is no variable"));
        }
        let (errors, _, warnings) = problems.finish();
        if let Some(error) = errors.first() {
            return Err(error.message.clone());
        }
        let text = rewrite(self.source, self.root, &document);
        self.verify(&text, to)?;
        Ok((text, warnings))
    }

    /// A variable that is used but not in `vars`, nor DevSpace's own.
    fn undefined_variable(&self) -> Option<String> {
        let mut names = Vec::new();
        references(self.root, &mut names);
        let defined = self.root.get("vars").and_then(Node::as_sequence).unwrap_or_default();
        let is_defined = |name: &String| {
            let named =
                |node: &Node| node.get("name").and_then(Node::as_scalar).is_some_and(|own| own.text == *name);
            defined.iter().any(named) || is_predefined(name)
        };
        names.into_iter().find(|name| !is_defined(name))
    }

    /// Brings the sections in profiles up to date. Patches stay: whether they still fit is seen when they are applied.
    fn profiles(&self, document: &mut Mapping, to: Version) {
        let mut unused = Problems::new(self.shown, self.source.into());
        for profile in super::edit::items(document, "profiles") {
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

    /// Whether `text` is the same configuration, with every comment.
    fn verify(&self, text: &str, to: Version) -> Result<(), String> {
        let mut problems = Problems::new(self.shown, text.into());
        let Some(root) = parse(text, &mut problems).filter(|_| problems.is_empty()) else {
            return Err("anchors and aliases in it stand where the newer version has other keys".to_owned());
        };
        let known = complaints(self.root, self.version);
        if let Some(complaint) =
            complaints(&root, to).into_iter().find(|complaint| !known.contains(complaint))
        {
            return Err(unknown_there(&complaint));
        }
        let profiles = self.root.get("profiles").and_then(Node::as_sequence).unwrap_or_default();
        let names =
            profiles.iter().filter_map(|profile| Some(profile.get("name")?.as_scalar()?.text.as_str()));
        for profile in std::iter::once(None).chain(names.map(Some)) {
            let before = meaning(self.root, self.version, profile)?;
            let after = meaning(&root, to, profile)?;
            if before != after {
                return Err(match profile {
                    Some(profile) => format!("profile `{profile}` would change something else in {to}"),
                    None => format!("what it says cannot be said in {to}"),
                });
            }
        }
        let kept = comments(text, &root);
        match comments(self.source, self.root).iter().find(|comment| !kept.contains(comment)) {
            Some(comment) => Err(format!("the comment `{comment}` would get lost")),
            None => Ok(()),
        }
    }
}

/// The names of the variables that the texts below `node` refer to.
fn references(node: &Node, names: &mut Vec<String>) {
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

fn is_empty(node: &Node) -> bool {
    node.as_mapping().is_some_and(Mapping::is_empty)
}

/// What is said of the whole file, also of profiles and of what windlass only keeps.
fn complaints(root: &Node, version: Version) -> Vec<String> {
    let mut problems = Problems::new("", "".into());
    if let Value::Mapping(mut document) = root.value.clone() {
        check(&mut document, version, Stage::Raw, &mut problems);
    }
    let (errors, _, warnings) = problems.finish();
    errors.into_iter().chain(warnings).map(|problem| problem.message).collect()
}

/// `message` as a reason why a version does not fit.
fn unknown_there(message: &str) -> String {
    message.strip_prefix("unknown key").map_or_else(|| message.to_owned(), |key| format!("it has no{key}"))
}

/// What a document says with a profile applied, in the newest form; variables are not filled in. The names of the images
/// come first, since their order counts.
fn meaning(
    root: &Node,
    version: Version,
    profile: Option<&str>,
) -> Result<(Vec<String>, serde_json::Value), String> {
    let mut problems = Problems::new("", "".into());
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
    let Value::Mapping(mut document) = root.value else { return Err("it is no map".to_owned()) };
    check(&mut document, version, Stage::Raw, &mut problems);
    upgrade(&mut document, version, Version::NEWEST, &mut problems);
    if let Some(problem) = problems.finish().0.first() {
        let message = unknown_there(&problem.message);
        return Err(match profile {
            Some(profile) => format!("{message}, with profile `{profile}`"),
            None => message,
        });
    }
    document.retain(|key, _| !["version", "name"].contains(&key.as_str()));
    let images = document.get("images").and_then(|entry| entry.node.as_mapping());
    let names = images.map(|images| images.keys().cloned().collect()).unwrap_or_default();
    Ok((names, Node { value: Value::Mapping(document), ..Node::empty() }.to_json()))
}
