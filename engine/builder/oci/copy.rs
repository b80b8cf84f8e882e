//! COPY: files from one file system to another, as BuildKit does it (Dockerfile reference, "COPY").

use std::sync::Arc;

use super::change::Changes;
use super::instruction_error::InstructionError;
use super::mode::Mode;
use super::node::{ContentLocation, FileContent, Folder, FsNode, Meta, Name};
use super::root_fs::{DEEPEST, Path, RootFs, names, shown, too_deep};
use crate::image::Selection;
use crate::image::context::{Content, Entry, EntryKind, Exclusion, Glob, bytes_of, has_wildcards, text_of};

/// How files are copied.
#[derive(Debug, Default)]
pub(super) struct Transfer {
    /// The new owner; if not set, the files keep their owner.
    pub(super) owner: Option<(u64, u64)>,
    /// The new permission bits.
    pub(super) mode: Option<Mode>,
    /// The new time; files of an image keep theirs.
    pub(super) time: Option<u64>,
    /// The time of parent directories that are created.
    pub(super) now: u64,
    /// The files that are not copied.
    pub(super) exclude: Exclusion,
}

/// Where files are copied to.
#[derive(Debug)]
pub(super) struct Destination {
    path: Path,
    /// Whether it is a directory, even if it does not exist: it was written with a trailing `/` or `/.`.
    pub(super) is_folder: bool,
}

/// A file system that is being changed.
pub(super) struct Site<'a> {
    pub(super) root_fs: &'a mut RootFs,
    pub(super) changes: &'a mut Changes,
}

impl Destination {
    /// The destination `text`, relative to the directory `working`.
    pub(super) fn new(text: &str, working: &str) -> Self {
        let is_folder = text.is_empty() || text == "." || text.ends_with('/') || text.ends_with("/.");
        Self { path: absolute(text, working), is_folder }
    }

    /// Creates the parent directory of a destination; returns the path with symlinks resolved.
    fn prepare(&self, site: &mut Site<'_>, new_folder: &Meta) -> Result<Path, String> {
        let above = self.path.len().saturating_sub(1);
        let folder = if self.is_folder { &self.path[..] } else { &self.path[..above] };
        let folder = site.root_fs.resolve(folder)?;
        site.make_folders(&folder, new_folder)?;
        site.root_fs.resolve(&self.path)
    }

    /// Creates the directory at the destination, with or without a trailing `/`.
    pub(super) fn make(&self, site: &mut Site<'_>, new_folder: &Meta) -> Result<Path, String> {
        let path = site.root_fs.resolve(&self.path)?;
        site.make_folders(&path, new_folder)?;
        Ok(path)
    }
}

/// The names of `text`, which is relative to the directory `working` unless it begins with `/`.
pub(super) fn absolute(text: &str, working: &str) -> Path {
    match text.starts_with('/') {
        true => names(text.as_bytes()),
        false => names(format!("{working}/{text}").as_bytes()),
    }
}

impl Site<'_> {
    pub(super) fn make_folders(&mut self, path: &[Name], new_folder: &Meta) -> Result<(), String> {
        let changes = &mut *self.changes;
        self.root_fs.make_folders(path, new_folder, |made| changes.mark(made))
    }

    fn put(&mut self, path: &[Name], node: FsNode) {
        self.root_fs.put(path, node);
        self.changes.mark(path);
    }
}

impl Transfer {
    /// Copies the matches of `pattern` in `source` to `destination`: files into or over it, directories by their
    /// entries. A pattern with wildcards may match nothing, but the part before the first wildcard must exist, as in
    /// BuildKit.
    pub(super) fn copy(
        &self,
        source: &RootFs,
        pattern: &str,
        destination: &Destination,
        site: &mut Site<'_>,
    ) -> Result<(), InstructionError> {
        for path in matches(source, pattern)? {
            self.copy_path(source, &path, pattern, destination, site)?;
        }
        Ok(())
    }

    /// Copies the node at `path` in `source`, which `pattern` matched.
    pub(super) fn copy_path(
        &self,
        source: &RootFs,
        path: &[Name],
        pattern: &str,
        destination: &Destination,
        site: &mut Site<'_>,
    ) -> Result<(), InstructionError> {
        let resolved = source.resolve(path)?;
        let node = source.get(&resolved);
        if node.is_none() && !resolved.is_empty() {
            return Err(InstructionError::Mistake(format!("`{pattern}` does not exist"), None));
        }
        let target = destination.prepare(site, &self.new_folder())?;
        match node {
            None => self.copy_content(&source.root, &target, site),
            Some(FsNode::Folder(folder)) => self.copy_content(folder, &target, site),
            // The file gets the requested name, not that of the symlink's target.
            Some(node) => self.copy_file(node, path.last().or(resolved.last()), &target, site),
        }
    }

    /// Copies the file `node`, called `name`, to or into `target`.
    pub(super) fn copy_file(
        &self,
        node: &FsNode,
        name: Option<&Name>,
        target: &[Name],
        site: &mut Site<'_>,
    ) -> Result<(), InstructionError> {
        let is_folder = target.is_empty() || matches!(site.root_fs.get(target), Some(FsNode::Folder(_)));
        let mut target = target.to_vec();
        target.extend(name.filter(|_| is_folder).cloned());
        let above = target.len().saturating_sub(1);
        site.make_folders(&target[..above], &self.new_folder())?;
        self.copy_node(node, &target, &mut Inside::default(), site)
    }

    /// Copies `node` to the new file `destination`.
    pub(super) fn copy_new(
        &self,
        node: &FsNode,
        name: &str,
        destination: &Destination,
        site: &mut Site<'_>,
    ) -> Result<(), InstructionError> {
        let target = destination.prepare(site, &self.new_folder())?;
        self.copy_file(node, Some(&name.as_bytes().into()), &target, site)
    }

    fn copy_content(
        &self,
        folder: &Folder,
        target: &[Name],
        site: &mut Site<'_>,
    ) -> Result<(), InstructionError> {
        site.make_folders(target, &self.new_folder())?;
        self.copy_children(folder, target, &mut Inside::default(), site)
    }

    fn copy_children(
        &self,
        folder: &Folder,
        target: &[Name],
        inside: &mut Inside,
        site: &mut Site<'_>,
    ) -> Result<(), InstructionError> {
        let length = inside.path.len();
        for (name, node) in &*folder.children {
            if length > 0 {
                inside.path.push('/');
            }
            inside.path.push_str(&text_of(name));
            let mut below = target.to_vec();
            below.push(name.clone());
            self.copy_node(node, &below, inside, site)?;
            inside.path.truncate(length);
        }
        Ok(())
    }

    fn copy_node(
        &self,
        node: &FsNode,
        target: &[Name],
        inside: &mut Inside,
        site: &mut Site<'_>,
    ) -> Result<(), InstructionError> {
        if target.len() > DEEPEST {
            return Err(too_deep().into());
        }
        if self.exclude.excludes(&inside.path) {
            // An entry of an excluded directory may be included, and then the directory is copied too.
            if let FsNode::Folder(folder) = node
                && self.exclude.has_exceptions()
            {
                let count = inside.waiting.len();
                inside.waiting.push((folder.meta.clone(), target.to_vec()));
                self.copy_children(folder, target, inside, site)?;
                inside.waiting.truncate(count);
            }
            return Ok(());
        }
        for (meta, folder) in &std::mem::take(&mut inside.waiting) {
            match site.root_fs.get(folder) {
                // It gets only the permissions, as in BuildKit.
                Some(FsNode::Folder(there)) => {
                    let meta = Meta { mode: meta.mode, ..there.meta.clone() };
                    let there = FsNode::Folder(Folder { meta, children: Arc::clone(&there.children) });
                    site.put(folder, there);
                }
                _ => {
                    let waiting = FsNode::Folder(Folder { meta: meta.clone(), ..Folder::default() });
                    self.copy_node(&waiting, folder, &mut Inside::default(), site)?;
                }
            }
        }
        let there = site.root_fs.get(target);
        let mut copied = match (node, there) {
            (FsNode::Folder(folder), None | Some(FsNode::Folder(_))) => {
                let children = match there {
                    Some(FsNode::Folder(there)) => Arc::clone(&there.children),
                    _ => Arc::default(),
                };
                FsNode::Folder(Folder { meta: folder.meta.clone(), children })
            }
            (FsNode::Folder(_), Some(_)) => {
                let path = shown(target);
                return Err(InstructionError::with_help(
                    format!("`{path}` is not a directory in the image, and a directory cannot replace it"),
                    "copy to another path, or copy the entries of the directory to the target of the symlink",
                ));
            }
            (_, Some(FsNode::Folder(_))) => {
                let folder = shown(target);
                return Err(InstructionError::with_help(
                    format!("`{folder}` is a directory in the image, and a file cannot replace it"),
                    "copy to another path",
                ));
            }
            (node, _) => node.clone(),
        };
        self.adjust(&mut copied);
        site.put(target, copied);
        match node {
            FsNode::Folder(folder) => self.copy_children(folder, target, inside, site),
            _ => Ok(()),
        }
    }

    /// The metadata of a parent directory that is created.
    fn new_folder(&self) -> Meta {
        let meta = Meta::new_folder(self.owner.unwrap_or_default(), self.now);
        Meta { mode: self.mode.as_ref().map_or(meta.mode, Mode::of_new_folder), ..meta }
    }

    fn adjust(&self, node: &mut FsNode) {
        let (is_link, is_folder) = (matches!(node, FsNode::Symlink(..)), matches!(node, FsNode::Folder(_)));
        let meta = node.meta_mut();
        if let Some((user, group)) = self.owner {
            (meta.user, meta.group) = (user, group);
        }
        if let Some(mode) = self.mode.as_ref().filter(|_| !is_link) {
            meta.mode = mode.apply(meta.mode, is_folder);
        }
        meta.modified = self.time.unwrap_or(meta.modified);
    }
}

/// The position of a copy below the copied node.
#[derive(Default)]
struct Inside {
    path: String,
    /// The directories above it, which are copied only if one of their entries is.
    waiting: Vec<(Meta, Path)>,
}

/// The paths in `source` that `pattern` matches, sorted; without wildcards, the path itself, even if it does not exist.
///
/// # Errors
/// A malformed pattern, or one whose part before the first wildcard does not exist, as a phrase.
pub(super) fn matches(source: &RootFs, pattern: &str) -> Result<Vec<Path>, String> {
    let cleaned = names(pattern.as_bytes());
    let text = |name: &Name| text_of(name).into_owned();
    let Some(first) = cleaned.iter().position(|name| has_wildcards(&text(name))) else {
        return Ok(vec![cleaned]);
    };
    let (fixed, rest) = cleaned.split_at(first);
    let globs: Option<Vec<Glob>> = rest.iter().map(|name| Glob::parse(&text(name))).collect();
    let Some(globs) = globs else {
        return Err(format!(
            "invalid pattern `{pattern}`: it has an unclosed bracket or an incomplete escape"
        ));
    };
    let fixed = source.resolve(fixed)?;
    if !fixed.is_empty() && source.get(&fixed).is_none() {
        return Err(format!("`{pattern}` does not exist"));
    }
    let mut found = Vec::new();
    if let Some(folder) = source.folder(&fixed) {
        find(folder, &globs, &mut fixed.clone(), &mut found);
    }
    Ok(found)
}

fn find(folder: &Folder, globs: &[Glob], path: &mut Path, found: &mut Vec<Path>) {
    let Some((glob, rest)) = globs.split_first() else { return };
    for (name, node) in &*folder.children {
        if !glob.matches(&text_of(name)) {
            continue;
        }
        path.push(name.clone());
        match node {
            _ if rest.is_empty() => found.push(path.clone()),
            FsNode::Folder(below) => find(below, rest, path, found),
            _ => {}
        }
        path.pop();
    }
}

/// The build context as a file system. Everything in it belongs to the root user.
pub(super) fn context_fs(selection: &Selection) -> RootFs {
    let mut root_fs = RootFs::default();
    for entry in selection.entries() {
        let meta = Meta { mode: entry.mode, ..Meta::default() };
        let node = match &entry.kind {
            EntryKind::Directory => FsNode::Folder(Folder { meta, ..Folder::default() }),
            EntryKind::Symlink { target } => FsNode::Symlink(meta, (&*bytes_of(target)).into()),
            EntryKind::File { size, .. } => FsNode::File(meta, content_of(entry, *size)),
        };
        root_fs.put(&names(&bytes_of(&entry.path)), node);
    }
    root_fs
}

fn content_of(entry: &Entry, size: u64) -> Arc<FileContent> {
    match &entry.kind {
        EntryKind::File { content: Content::Memory(bytes), .. } => FileContent::in_memory(bytes.clone()),
        _ => FileContent::new(size, None, ContentLocation::Context(entry.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths in a file system with their owners and permissions, and the targets of symlinks.
    fn listed(root_fs: &RootFs) -> Vec<String> {
        fn list(folder: &Folder, path: &str, lines: &mut Vec<String>) {
            for (name, node) in &*folder.children {
                let path = format!("{path}/{}", String::from_utf8_lossy(name));
                let Meta { mode, user, group, .. } = node.meta();
                let rights = format!("{mode:o} {user}:{group}");
                match node {
                    FsNode::Folder(folder) => {
                        lines.push(format!("{path}/ {rights}"));
                        list(folder, &path, lines);
                    }
                    FsNode::Symlink(_, target) => {
                        lines.push(format!("{path} -> {}", String::from_utf8_lossy(target)));
                    }
                    _ => lines.push(format!("{path} {rights}")),
                }
            }
        }
        let mut lines = Vec::new();
        list(&root_fs.root, "", &mut lines);
        lines
    }

    fn context() -> RootFs {
        let link = |target: &str| EntryKind::Symlink { target: target.into() };
        let entry = |path: &str, kind, mode| Entry::new(path, kind, mode, std::time::SystemTime::UNIX_EPOCH);
        let file = || EntryKind::File { size: 1, content: Content::Memory("x".into()) };
        context_fs(&Selection::from_entries(vec![
            entry("a.txt", file(), 0o644),
            entry("b.txt", file(), 0o4755),
            entry("dir", EntryKind::Directory, 0o700),
            entry("dir/lib", EntryKind::Directory, 0o750),
            entry("dir/lib/c.txt", file(), 0o600),
            entry("dir/link", link("lib"), 0o777),
            entry("link.txt", link("dir/lib/c.txt"), 0o777),
        ]))
    }

    fn copied(
        transfer: &Transfer,
        pattern: &str,
        destination: &str,
        base: &[(&str, FsNode)],
    ) -> Result<RootFs, String> {
        let mut root_fs = RootFs::default();
        for (path, node) in base {
            root_fs.put(&names(path.as_bytes()), node.clone());
        }
        let mut changes = Changes::default();
        let mut site = Site { root_fs: &mut root_fs, changes: &mut changes };
        let destination = Destination::new(destination, "/work");
        match transfer.copy(&context(), pattern, &destination, &mut site) {
            Ok(()) => Ok(root_fs),
            Err(InstructionError::Mistake(reason, _)) => Err(reason),
            Err(trouble) => panic!("{trouble:?}"),
        }
    }

    #[track_caller]
    fn check(pattern: &str, destination: &str, expected: &[&str]) {
        let root_fs = copied(&Transfer::default(), pattern, destination, &[]).expect("copied");
        assert_eq!(listed(&root_fs), expected, "{pattern} {destination}");
    }

    #[test]
    fn files_and_directories_go_where_docker_puts_them() {
        check("a.txt", "/x", &["/x 644 0:0"]);
        check("a.txt", "x/", &["/work/ 755 0:0", "/work/x/ 755 0:0", "/work/x/a.txt 644 0:0"]);
        check("dir", "/d", &["/d/ 755 0:0", "/d/lib/ 750 0:0", "/d/lib/c.txt 600 0:0", "/d/link -> lib"]);
        check("link.txt", "/d/", &["/d/ 755 0:0", "/d/link.txt 600 0:0"]);
        check("dir/link", "/d", &["/d/ 755 0:0", "/d/c.txt 600 0:0"]);
        check("*.txt", "/", &["/a.txt 644 0:0", "/b.txt 4755 0:0", "/link.txt 600 0:0"]);
        check("d*/l?b", "/", &["/c.txt 600 0:0"]);
        check("*.md", "/new/", &[]);
        check("dir/*.md", "/new/", &[]);
        check("a.txt/*.md", "/new/", &[]);
    }

    #[test]
    fn links_of_the_image_are_followed_but_not_by_directories() {
        let link = || [("link", FsNode::Symlink(Meta::default(), b"/target"[..].into()))];
        let transfer = Transfer::default();
        let found = copied(&transfer, "a.txt", "/link/x", &link()).expect("copied");
        assert_eq!(
            listed(&found),
            ["/link -> /target", "/target/ 0 0:0", "/target/x 644 0:0"]
                .map(|line| line.replace("/ 0 ", "/ 755 "))
        );
        let found = copied(&transfer, "a.txt", "/link", &link()).expect("copied");
        assert_eq!(listed(&found), ["/link -> /target", "/target 644 0:0"]);
        let lib = [("d/lib", FsNode::Symlink(Meta::default(), b"/target"[..].into()))];
        let mut base = vec![("d", FsNode::Folder(Folder::default()))];
        base.extend(lib);
        let error = copied(&transfer, "dir", "/d", &base).expect_err("refused");
        assert!(error.contains("`/d/lib` is not a directory"), "{error}");
    }

    #[test]
    fn owners_and_rights_are_set_for_all_that_is_copied() {
        let transfer = Transfer { owner: Some((7, 8)), mode: Some(Mode::Bits(0o750)), ..Transfer::default() };
        let found = copied(&transfer, "dir", "/new/d", &[]).expect("copied");
        let expected =
            ["/new/ 750 7:8", "/new/d/ 750 7:8", "/new/d/lib/ 750 7:8", "/new/d/lib/c.txt 750 7:8"];
        assert_eq!(listed(&found)[..4], expected);
        let found = copied(&transfer, "b.txt", "/b", &[]).expect("copied");
        assert_eq!(listed(&found), ["/b 750 7:8"]);
    }

    #[test]
    fn excluded_files_are_not_copied() {
        let exclude = |patterns: &[&str]| Transfer {
            exclude: Exclusion::parse(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>())
                .expect("valid patterns"),
            ..Transfer::default()
        };
        let found = copied(&exclude(&["lib"]), "dir", "/d", &[]).expect("copied");
        assert_eq!(listed(&found), ["/d/ 755 0:0", "/d/link -> lib"]);
        let found = copied(&exclude(&["lib", "!lib/c.txt"]), "dir", "/d", &[]).expect("copied");
        assert_eq!(
            listed(&found),
            ["/d/ 755 0:0", "/d/lib/ 750 0:0", "/d/lib/c.txt 600 0:0", "/d/link -> lib"]
        );
        let found = copied(&exclude(&["!lib/c.txt", "lib"]), "dir", "/d", &[]).expect("copied");
        assert_eq!(listed(&found), ["/d/ 755 0:0", "/d/link -> lib"]);
        // A file that is requested by name is copied even if a pattern excludes it.
        let found = copied(&exclude(&["a.*"]), "a.txt", "/", &[]).expect("copied");
        assert_eq!(listed(&found), ["/a.txt 644 0:0"]);
    }

    #[test]
    fn missing_entries_are_reported() {
        for pattern in ["gone", "gone/*.txt", "dir/gone/*/c.txt"] {
            let error = copied(&Transfer::default(), pattern, "/", &[]).expect_err("refused");
            assert_eq!(error, format!("`{pattern}` does not exist"));
        }
    }
}
