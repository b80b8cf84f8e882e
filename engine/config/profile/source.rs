//! Parents from other projects: `parents: [{profile: base, source: {path: ../shared}}]`.

use std::path::{Path, PathBuf};

use super::{Profile, Profiles, read};
use crate::config::locate::FILE;
use crate::config::node::{Mapping, Span, Value, YamlNode};
use crate::config::problem::{Diagnostics, Report, shown};
use crate::config::reader::Reader;
use crate::config::schema::check::{Stage, check_key};
use crate::config::version::{self, Version};
use crate::git::{Checkouts, GitSource};

/// Loads the profiles of other projects.
pub(crate) struct Sources<'a> {
    /// The version of the file, which the other files must have.
    pub version: Version,
    /// The base of displayed paths.
    pub base: &'a Path,
    /// Reads a file.
    pub read: &'a dyn Fn(&Path) -> std::io::Result<String>,
    /// The user's checkouts of git repositories.
    pub checkouts: &'a Checkouts,
}

impl Sources<'_> {
    /// Adds the profiles of other projects that are parents of the profiles `names` to `profiles`, those of the project
    /// in `folder`. Their names are `NAME of FILE`, and their spans refer to that file.
    pub(crate) fn resolve(
        &self,
        profiles: &mut Profiles,
        names: &[String],
        folder: &Path,
        problems: &mut Diagnostics,
    ) {
        self.resolve_in(profiles, names, folder, &mut Vec::new(), problems);
    }

    fn resolve_in(
        &self,
        profiles: &mut Profiles,
        names: &[String],
        folder: &Path,
        chain: &mut Vec<String>,
        problems: &mut Diagnostics,
    ) {
        let mut wanted = names.to_vec();
        let mut index = 0;
        while let Some(name) = wanted.get(index).cloned() {
            index += 1;
            let Some(profile) = profiles.get(&name) else { continue };
            let mut found = Vec::new();
            for (position, parent) in profile.parents.iter().enumerate() {
                match &parent.source {
                    None if !wanted.contains(&parent.name) => wanted.push(parent.name.clone()),
                    None => {}
                    Some(source) => found.push((position, parent.name.clone(), parent.span, source.clone())),
                }
            }
            // Backward, so that the positions before a removed one stay valid.
            for (position, parent, span, source) in found.into_iter().rev() {
                let key = self.file(&source, folder, span, problems).and_then(|file| {
                    let key = format!("{parent} of {}", shown(&file, self.base));
                    let is_there = profiles.contains_key(&key)
                        || self.load(profiles, &parent, &file, span, chain, problems).is_some();
                    is_there.then_some(key)
                });
                let Some(profile) = profiles.get_mut(&name) else { continue };
                match (key, profile.parents.get_mut(position)) {
                    (Some(key), Some(parent)) => (parent.name, parent.source) = (key, None),
                    // Its problem was reported.
                    _ => drop(profile.parents.remove(position)),
                }
            }
        }
    }

    /// Adds the profile `name` of `file`, which is referenced at `place`, with its own parents to `profiles`. Reports a
    /// failure.
    fn load(
        &self,
        profiles: &mut Profiles,
        name: &str,
        file: &Path,
        place: Span,
        chain: &mut Vec<String>,
        problems: &mut Diagnostics,
    ) -> Option<()> {
        let shown = shown(file, self.base);
        let mut refuse = |message: String, help: &str| {
            problems.add(place, Report::new("config::profile", message, "this profile").help(help));
            None
        };
        let key = format!("{name} of {shown}");
        if let Some(start) = chain.iter().position(|link| *link == key) {
            let path = chain[start..].iter().chain([&key]).map(String::as_str).collect::<Vec<_>>();
            return refuse(
                format!("profile parent cycle: `{}`", path.join("` -> `")),
                "remove one of these parents",
            );
        }
        let text = match (self.read)(file) {
            Ok(text) => text,
            Err(error) => {
                return refuse(
                    format!("cannot read `{shown}` with the profile `{name}`: {error}"),
                    "use a path relative to the file that contains it",
                );
            }
        };
        let mut own = Diagnostics::new(&shown, text.as_str().into());
        let section = self.section(&text, &mut own);
        let number = problems.absorb(own);
        let mut section = section?;
        section.for_each_span(&mut |span| span.file = number);
        let mut foreign = read(&section, &mut Reader { problems: &mut problems.silent() });
        if !foreign.contains_key(name) {
            let report = Report::new(
                "config::profile",
                format!("unknown profile `{name}` in `{shown}`"),
                "unknown profile",
            )
            .suggest(name, foreign.keys().map(String::as_str));
            problems.add(place, report);
            return None;
        }
        let folder = file.parent().unwrap_or(Path::new(""));
        chain.push(key);
        self.resolve_in(&mut foreign, &[name.to_owned()], folder, chain, problems);
        chain.pop();
        adopt(profiles, foreign, name, &shown);
        Some(())
    }

    /// The section `profiles` of a file, checked.
    fn section(&self, text: &str, own: &mut Diagnostics) -> Option<YamlNode> {
        let wanted = self.version;
        let message =
            |version| format!("a profile of version {version} cannot change a file of version {wanted}");
        let mut document = version::read_document(text, wanted, "config::profile", message, own)?;
        let Some(mut section) = document.shift_remove("profiles") else {
            return Some(YamlNode { value: Value::Sequence(Vec::new()), ..YamlNode::empty() });
        };
        check_key(&mut section, "profiles", wanted, Stage::Raw, own);
        // Read once to report its problems with their locations in this file.
        drop(read(&section.node, &mut Reader { problems: own }));
        Some(section.node)
    }

    /// The file that `source` names.
    fn file(
        &self,
        source: &Mapping,
        folder: &Path,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<PathBuf> {
        let of = "the `source` of a parent";
        let mut reader = Reader { problems };
        let name = reader.text(source, "configName", of).unwrap_or_else(|| FILE.to_owned());
        if let Some(path) = reader.text(source, "path", of) {
            return Some(normal(&folder.join(path).join(name)));
        }
        let mut text = |key: &str| reader.text(source, key, of);
        let Some(url) = text("git") else {
            let report =
                Report::new("config::missing", format!("{of} has no `path` and no `git`"), "this parent");
            problems.add(place, report.help("add `path`, the directory of the other project"));
            return None;
        };
        let mut git = GitSource::new(url, text("branch"), text("tag"), text("revision"));
        let below = text("subPath").unwrap_or_default();
        git.clone_args = reader.texts(source, "cloneArgs", of).unwrap_or_default();
        git.disable_shallow = reader.boolean(source, "disableShallow", of).unwrap_or(false);
        match self.checkouts.check_out_blocking(&git, false) {
            Ok(checkout) => Some(checkout.folder.join(below).join(name)),
            Err(error) => {
                let report = Report::new("config::profile", error.to_string(), "this profile's repository");
                problems.add(place, report.help("check the URL, and that `git clone` can reach it"));
                None
            }
        }
    }
}

/// Moves the profile `name` and its parents from the project displayed as `file` to `profiles`.
fn adopt(profiles: &mut Profiles, mut foreign: Profiles, name: &str, file: &str) {
    let mut wanted = vec![name.to_owned()];
    while let Some(name) = wanted.pop() {
        let Some(mut profile) = foreign.shift_remove(&name) else { continue };
        if profile.is_foreign {
            wanted.extend(profile.parents().map(str::to_owned));
            profiles.entry(name).or_insert(profile);
            continue;
        }
        for parent in &mut profile.parents {
            wanted.push(parent.name.clone());
            if foreign.get(&parent.name).is_none_or(|parent| !parent.is_foreign) {
                parent.name = format!("{} of {file}", parent.name);
            }
        }
        profiles.entry(format!("{name} of {file}")).or_insert(Profile { is_foreign: true, ..profile });
    }
}

/// `path` with `.` and `..` resolved, for messages and to compare files.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    path.components().fold(PathBuf::new(), |mut normal, component| {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            component => normal.push(component),
        }
        normal
    })
}
