//! The pages of this repository: their links and the paths they name exist.

use std::fs;
use std::path::{Path, PathBuf};

/// The pages, relative to the root of the repository.
fn pages() -> Vec<PathBuf> {
    let walk = ignore::Walk::new(env!("CARGO_MANIFEST_DIR")).filter_map(Result::ok);
    let pages =
        walk.map(ignore::DirEntry::into_path).filter(|path| path.extension().is_some_and(|is| is == "md"));
    pages.collect()
}

/// The parts of `text` that are between `start` and `end`.
fn between<'a>(text: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(move |rest| Some(rest.split_once(end)?.0))
}

/// The parts of a page that are not code blocks.
fn prose(page: &Path) -> String {
    let text = fs::read_to_string(page).expect("the page can be read");
    text.split("```").step_by(2).collect()
}

#[test]
fn links_lead_to_files() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = prose(&page);
        for link in between(&text, "](", ")").filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let path = link.split('#').next().unwrap_or_default();
            if !page.with_file_name("").join(path).exists() {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links to nothing:\n{}", broken.join("\n"));
}

#[test]
fn paths_of_the_engine_page_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = prose(&root.join("engine/README.md"));
    // Every second part is between backticks.
    let code = text.split('`').skip(1).step_by(2);
    let paths: Vec<_> = code.filter(|code| code.ends_with(".rs") || code.ends_with('/')).collect();
    assert!(paths.len() > 50, "the page names {} paths", paths.len());
    let parents =
        ["builder", "config", "connect", "deploy", "dev", "host", "image", "report", "script", "sync"];
    let above: Vec<_> = ["", "engine"]
        .map(PathBuf::from)
        .into_iter()
        .chain(parents.map(|name| Path::new("engine").join(name)))
        .collect();
    let is_there = |path: &&str| above.iter().any(|folder| root.join(folder).join(path).exists());
    let is_real = |path: &&str| !path.starts_with('.') && !path.contains('<');
    let missing: Vec<_> = paths.into_iter().filter(is_real).filter(|path| !is_there(path)).collect();
    assert!(missing.is_empty(), "the page names what does not exist: {missing:?}");
}
