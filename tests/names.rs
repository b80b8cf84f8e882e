//! Every public type has a unique name, so that a name in an error, a search or a review means one thing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The public types below `folder`, each with its files. Those of tests do not count.
fn add_types(folder: &Path, types: &mut BTreeMap<String, Vec<PathBuf>>) {
    for entry in fs::read_dir(folder).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "tests") {
                add_types(&path, types);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            for line in text.lines() {
                let kinds = ["pub struct ", "pub enum ", "pub trait ", "pub type "];
                let Some(rest) = kinds.iter().find_map(|kind| line.strip_prefix(kind)) else { continue };
                let name = rest.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
                types.entry(name.to_owned()).or_default().push(path.clone());
            }
        }
    }
}

#[test]
fn no_two_public_types_share_a_name() {
    let mut types = BTreeMap::new();
    add_types(Path::new("engine"), &mut types);
    assert!(types.len() > 300, "{} types", types.len());
    types.retain(|_, files| files.len() > 1);
    assert!(types.is_empty(), "{types:#?}");
}
