//! The names in a configuration file, for completion.

use std::path::{Path, PathBuf};

use super::locate::locate;
use super::node::{Value, YamlNode};
use super::parse::parse;
use super::problem::Diagnostics;
use crate::text;

/// The names that a configuration file defines. The file is read without variables, profiles and imports, which is
/// fast and does not run commands. An unreadable file has no names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// The project directory; `None` without a configuration file.
    pub root: Option<PathBuf>,
    /// The images.
    pub images: Vec<String>,
    /// The profiles.
    pub profiles: Vec<String>,
    /// The commands.
    pub commands: Vec<String>,
    /// The variables.
    pub vars: Vec<String>,
    /// The dependencies.
    pub dependencies: Vec<String>,
    /// The deployments.
    pub deployments: Vec<String>,
}

impl Outline {
    /// Reads `config`, or the first `devspace.yaml` from `directory` upward.
    pub fn read(directory: &Path, config: Option<PathBuf>) -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let file = locate(directory, config.as_deref(), home.as_deref());
        let Ok(file) = file else { return Self::default() };
        let Ok(bytes) = crate::input_file::read(&file) else { return Self::default() };
        Self { root: file.parent().map(Path::to_owned), ..Self::of(&text::decode(&bytes)) }
    }

    fn of(text: &str) -> Self {
        let mut problems = Diagnostics::new("devspace.yaml", text.into());
        let Some(root) = parse(text, &mut problems) else { return Self::default() };
        let names = |section: &str| root.get(section).map(names).unwrap_or_default();
        Self {
            root: None,
            images: names("images"),
            profiles: names("profiles"),
            commands: names("commands"),
            vars: names("vars"),
            dependencies: names("dependencies"),
            deployments: names("deployments"),
        }
    }
}

/// The names in a section: keys of a map, or the `name` of each item of a list.
fn names(section: &YamlNode) -> Vec<String> {
    match &section.value {
        Value::Mapping(entries) => entries.keys().cloned().collect(),
        Value::Sequence(items) => {
            let names = items.iter().filter_map(|item| item.get("name")?.as_scalar());
            names.map(|name| name.text.clone()).collect()
        }
        Value::Scalar(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_maps_and_lists() {
        let outline = Outline::of(
            "version: v1beta9\nimages:\n  api: {image: a}\n  web: {image: b}\nprofiles:\n- name: dev\n- name: ci\n\
             vars: [{name: A}, {nam: y}]\ncommands: nonsense\n",
        );
        assert_eq!(outline.images, ["api", "web"]);
        assert_eq!(outline.profiles, ["dev", "ci"]);
        assert_eq!(outline.vars, ["A"]);
        assert!(outline.commands.is_empty() && outline.dependencies.is_empty());
        assert_eq!(Outline::of("images: ["), Outline::default());
    }
}
