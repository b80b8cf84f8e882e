//! The modules of the engine import each other only downward, from a higher floor to a lower one.
//!
//! Every path that begins with `crate` or `super` counts, in a `use` or in an expression, except in code that is
//! compiled only for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The floors of the engine, highest first. A module imports from floors below its own; within a floor, from modules
/// that do not import it back.
const FLOORS: [&[&str]; 9] = [
    &["command"],
    &["report", "testing"],
    &["script"],
    &["dev", "run", "passes", "plan", "rollout", "hook", "dependency", "graph"],
    &["host"],
    &["builder", "deploy", "sync", "connect", "terminal", "watch"],
    &["config", "registry", "oci", "cluster", "state"],
    &["image", "git"],
    &[
        "cache_folder",
        "connection_reason",
        "delays",
        "error",
        "event",
        "held_file",
        "input_file",
        "lock",
        "own_file",
        "plural",
        "poll",
        "process",
        "scope",
        "secret",
        "secrets",
        "suggestion",
        "text",
    ],
];

/// The imports of every top module, with a file that has each.
type Imports = BTreeMap<(String, String), PathBuf>;

#[test]
fn modules_import_downwards() {
    let imports = imports(Path::new("engine"));
    let floor = |module: &str| {
        FLOORS
            .iter()
            .position(|floor| floor.contains(&module))
            .unwrap_or_else(|| panic!("`{module}` is on no floor"))
    };
    let edges: BTreeSet<_> = imports.keys().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let goes_up = |&(from, to): &(&str, &str)| {
        floor(from) > floor(to)
            || (floor(from) == floor(to) && reaches(&edges, to, from, &|module| floor(module)))
    };
    let shown = |&(from, to): &(&str, &str)| {
        let file = imports.get(&(from.to_owned(), to.to_owned())).map(|path| path.display().to_string());
        format!("{from} -> {to} ({})", file.unwrap_or_default())
    };
    let wrong: Vec<_> = edges.iter().filter(|edge| goes_up(edge)).map(shown).collect();
    assert!(wrong.is_empty(), "these imports go up or in a circle:\n{}", wrong.join("\n"));
}

/// Whether `from` imports `to`, directly or through others, on one floor.
fn reaches(edges: &BTreeSet<(&str, &str)>, from: &str, to: &str, floor: &dyn Fn(&str) -> usize) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut left = vec![from];
    while let Some(module) = left.pop() {
        for &(_, next) in edges.iter().filter(|(one, other)| *one == module && floor(one) == floor(other)) {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                left.push(next);
            }
        }
    }
    false
}

/// The imports between the top modules of the crate in `folder`.
fn imports(folder: &Path) -> Imports {
    let files = rust_files(folder).into_iter().map(|file| {
        let module = module_of(file.strip_prefix(folder).expect("a file of the directory"));
        let text = fs::read_to_string(&file).expect("readable");
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        (file, module, tokens.into_iter().collect::<Vec<_>>())
    });
    let files: Vec<_> = files.collect();
    let for_tests: Vec<_> = files.iter().flat_map(|(_, module, tokens)| test_files(tokens, module)).collect();
    let mut imports = Imports::new();
    for (file, module, tokens) in &files {
        let Some(top) = module.first() else { continue };
        if for_tests.iter().any(|prefix| module.starts_with(prefix)) {
            continue;
        }
        for to in paths(tokens, module) {
            if to != *top {
                imports.entry((top.clone(), to)).or_insert_with(|| file.clone());
            }
        }
    }
    imports
}

/// The modules in separate files that `#[cfg(test)] mod name;` declares.
fn test_files(tokens: &[TokenTree], module: &[String]) -> Vec<Vec<String>> {
    let declared =
        (0..tokens.len()).filter(|start| is_test_attribute(&tokens[*start..])).filter_map(|start| {
            let rest = &tokens[start + 2..end_of_item(tokens, start + 2)];
            let place = rest.iter().position(|token| is_word(Some(token), "mod"))?;
            // A module with a body is in this file.
            matches!(rest, [.., TokenTree::Punct(_)]).then(|| rest[place + 1].to_string())
        });
    declared.map(|name| module.iter().cloned().chain([name]).collect()).collect()
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path());
    let mut files = Vec::new();
    for path in entries {
        match path.extension() {
            None if path.is_dir() => files.extend(rust_files(&path)),
            Some(extension) if extension == "rs" => files.push(path),
            _ => {}
        }
    }
    files
}

/// The module of a file, relative to the crate: `a/b.rs` and `a/b/mod.rs` are `[a, b]`; `lib.rs` and `main.rs` are
/// none.
fn module_of(file: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        file.with_extension("").iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str())) {
        names.pop();
    }
    names
}

/// The top modules that paths in `tokens`, a part of `module`, lead to.
fn paths(tokens: &[TokenTree], module: &[String]) -> Vec<String> {
    let inside =
        |group: &Group, module: &[String]| paths(&group.stream().into_iter().collect::<Vec<_>>(), module);
    let mut found = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        if is_test_attribute(&tokens[index..]) {
            index = end_of_item(tokens, index + 2);
            continue;
        }
        match &tokens[index] {
            TokenTree::Ident(ident) if ident == "mod" => {
                // A module inside the file: `super` leads to the file's own.
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                    (tokens.get(index + 1), tokens.get(index + 2))
                {
                    let inner: Vec<_> = module.iter().cloned().chain([name.to_string()]).collect();
                    found.extend(inside(body, &inner));
                    index += 3;
                    continue;
                }
            }
            TokenTree::Ident(ident)
                if (ident == "crate" || ident == "super") && is_path(&tokens[index + 1..]) =>
            {
                let supers =
                    tokens[index..].chunks(3).take_while(|part| is_word(part.first(), "super")).count();
                let start = if ident == "crate" { Some(0) } else { module.len().checked_sub(supers) };
                let start = start.expect("`super` leads out of the crate");
                // `pub(in super::super)` ends here.
                let rest = tokens.get(index + 3 * supers.max(1)..).unwrap_or_default();
                if start == 0 {
                    found.extend(first_names(rest));
                }
                index += 3 * supers.max(1);
                continue;
            }
            TokenTree::Group(group) => found.extend(inside(group, module)),
            _ => {}
        }
        index += 1;
    }
    found
}

/// Whether `::` follows.
fn is_path(rest: &[TokenTree]) -> bool {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':');
    matches!(rest, [one, other, ..] if is_colon(one) && is_colon(other))
}

/// The names that continue a path: one name, or those of a list in braces.
fn first_names(rest: &[TokenTree]) -> Vec<String> {
    match rest.first() {
        Some(TokenTree::Ident(name)) => vec![name.to_string()],
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let list: Vec<_> = group.stream().into_iter().collect();
            let is_comma =
                |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
            list.split(is_comma).flat_map(first_names).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether `#[cfg(test)]` follows.
fn is_test_attribute(rest: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = rest else { return false };
    hash.as_char() == '#' && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// The end of the item that begins at `start`: behind its body, or behind its semicolon.
fn end_of_item(tokens: &[TokenTree], start: usize) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    };
    tokens[start..].iter().position(ends).map_or(tokens.len(), |length| start + length + 1)
}

#[test]
fn paths_are_found_wherever_they_stand() {
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let module = ["host".to_owned(), "live".to_owned()];
        let tokens: TokenStream = text.parse().expect("tokens");
        assert_eq!(paths(&tokens.into_iter().collect::<Vec<_>>(), &module), expected, "{text}");
    }
    check("use crate::config::Project;", &["config"]);
    check("use crate::{config::Project, image::{self, Tag}};", &["config", "image"]);
    check("fn f() { crate::run::lock(&x); vec![crate::git::y()] }", &["run", "git"]);
    check("use super::super::plan::Plan; use super::files;", &["plan"]);
    check("mod inner { use super::super::super::plan::Plan; }", &["plan"]);
    check("#[cfg(test)] mod tests { use crate::config; } use crate::git;", &["git"]);
    check("#[cfg(test)] use crate::config; struct S { pub(crate) a: u8 }", &[]);
    check("// crate::config\n/// crate::config\nconst A: &str = \"crate::config\";", &[]);
}
