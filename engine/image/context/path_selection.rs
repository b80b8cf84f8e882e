//! The paths of a tree that a Dockerfile's sources refer to, with symlinks followed.

use std::collections::{BTreeMap, HashSet};

use super::glob::{Glob, has_wildcards};
use super::ignore::Rules;
use super::tree::{DirEntry, Directory, NodeKind, Tree};
use super::{ContextError, Exclusion};
use crate::image::dockerfile::ContextSource;

/// How many symlinks one source may pass through, as in containerd's path resolution.
const MAX_LINKS: usize = 255;

/// The part of a directory that is needed: all of it, or the named children.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PathSelection {
    pub(super) whole: bool,
    /// Whether the directory itself is needed, even if none of its children are.
    pub(super) is_selected: bool,
    pub(super) children: BTreeMap<Box<str>, PathSelection>,
}

impl PathSelection {
    /// Everything.
    pub(super) fn whole() -> Self {
        Self { whole: true, is_selected: true, ..Self::default() }
    }

    /// The paths that `sources` refer to. As in BuildKit, every symlink along a source and at its end is included, and
    /// so is its target inside the context. A source that does not exist adds nothing: the builder reports it.
    pub(super) fn of_sources(
        tree: &Tree,
        rules: &Rules,
        sources: &[ContextSource],
    ) -> Result<Self, ContextError> {
        let mut marks = Self::default();
        let mut seen = HashSet::new();
        for source in sources {
            let exclude = Exclusion::parse(&source.exclude).ok().filter(|_| !source.exclude.is_empty());
            let mut steps = vec![PendingPath { folder: String::new(), rest: source.path.clone(), links: 0 }];
            while let Some(step) = steps.pop() {
                if seen.insert((step.folder.clone(), step.rest.clone(), &source.exclude)) {
                    step.take(tree, rules, exclude.as_ref(), &mut marks, &mut steps)?;
                }
            }
        }
        Ok(marks)
    }

    fn at(&mut self, path: &str) -> &mut Self {
        let names = path.split('/').filter(|name| !name.is_empty());
        names.fold(self, |marks, name| marks.children.entry(name.into()).or_default())
    }

    fn insert(&mut self, path: &str) {
        let marks = self.at(path);
        (marks.whole, marks.is_selected) = (true, true);
    }

    /// Inserts the directory at `top`, without the files below it that `exclude` excludes.
    fn insert_except(
        &mut self,
        tree: &Tree,
        rules: &Rules,
        top: &str,
        exclude: &Exclusion,
    ) -> Result<(), ContextError> {
        let Some(directory) = directory_at(tree, top)? else { return Ok(()) };
        self.at(top).is_selected = true;
        let mut left = vec![directory];
        while let Some(directory) = left.pop() {
            for node in tree.list(directory)? {
                let last = rules.last_match_of(&node.path);
                if rules.excludes(last) && !rules.may_include_below(last, &node.path) {
                    continue;
                }
                let is_excluded = exclude.excludes(node.path[top.len()..].trim_start_matches('/'));
                match &node.kind {
                    NodeKind::Directory(below) if !is_excluded || exclude.has_exceptions() => {
                        self.at(&node.path).is_selected |= !is_excluded;
                        left.push(below);
                    }
                    NodeKind::Directory(_) => {}
                    _ if is_excluded => {}
                    _ => self.insert(&node.path),
                }
            }
        }
        Ok(())
    }
}

/// A pending path: from a directory (a path without symlinks) along `rest`.
struct PendingPath {
    folder: String,
    rest: String,
    links: usize,
}

impl PendingPath {
    fn take(
        self,
        tree: &Tree,
        rules: &Rules,
        exclude: Option<&Exclusion>,
        marks: &mut PathSelection,
        steps: &mut Vec<Self>,
    ) -> Result<(), ContextError> {
        let rest = self.rest.trim_start_matches('/');
        if rest.is_empty() {
            // Behind a symlink, it is unclear which directory the patterns are relative to, so everything counts.
            match exclude.filter(|_| self.links == 0) {
                Some(exclude) => marks.insert_except(tree, rules, &self.folder, exclude)?,
                None => marks.insert(&self.folder),
            }
            return Ok(());
        }
        let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
        match name {
            "." => {
                steps.push(Self { rest: rest.to_owned(), ..self });
                return Ok(());
            }
            ".." => {
                let folder = self.folder.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
                steps.push(Self { folder, rest: rest.to_owned(), links: self.links });
                return Ok(());
            }
            _ => {}
        }
        let Some(directory) = directory_at(tree, &self.folder)? else { return Ok(()) };
        let nodes = tree.list(directory)?;
        let glob = has_wildcards(name).then(|| Glob::parse(name)).flatten();
        for node in match &glob {
            Some(_) => nodes,
            None => named(nodes, name),
        } {
            // The sources of mounts are literal, those of COPY are patterns: a name may be meant as either.
            if glob.as_ref().is_some_and(|glob| !glob.matches(node.name())) && node.name() != name {
                continue;
            }
            let last = rules.last_match_of(&node.path);
            if rules.excludes(last) && !rules.may_include_below(last, &node.path) {
                continue;
            }
            match node.kind {
                NodeKind::Symlink if self.links < MAX_LINKS => {
                    marks.insert(&node.path);
                    let target = tree.link_target(&node.path)?;
                    let folder = if target.starts_with('/') { "" } else { &self.folder };
                    let rest = format!("{target}/{rest}");
                    steps.push(Self { folder: folder.to_owned(), rest, links: self.links + 1 });
                }
                NodeKind::Directory(_) => {
                    let folder = node.path.to_string();
                    steps.push(Self { folder, rest: rest.to_owned(), links: self.links });
                }
                _ if rest.trim_matches('/').is_empty() => marks.insert(&node.path),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The directory at `path`, all components of which were found before.
fn directory_at<'tree>(tree: &'tree Tree, path: &str) -> Result<Option<&'tree Directory>, ContextError> {
    let mut directory = tree.top();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        match named(tree.list(directory)?, name) {
            [DirEntry { kind: NodeKind::Directory(below), .. }] => directory = below,
            _ => return Ok(None),
        }
    }
    Ok(Some(directory))
}

/// The node called `name`, as a slice with one or no element.
pub(super) fn named<'tree>(nodes: &'tree [DirEntry], name: &str) -> &'tree [DirEntry] {
    match nodes.binary_search_by(|node| node.name().cmp(name)) {
        Ok(index) => &nodes[index..=index],
        Err(_) => &[],
    }
}
