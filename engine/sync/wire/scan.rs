//! Listing the directory.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::channel::{Answer, Request};
use super::stat_line::{self, StatLine};
use super::{CHUNK, Wire, target};
use crate::image::Digest;
use crate::sync::base::BaseTree;
use crate::sync::{Kind, Pruned, RelativePath, RemoteError, Scan, SyncEntry, Tier};

/// The directories in the root of a container's file system that are never scanned.
const VIRTUAL: [&str; 3] = ["./proc", "./sys", "./dev"];

/// How long the digest of one file may take.
const DIGEST_LIMIT: Duration = Duration::from_secs(300);

impl Wire {
    pub(super) async fn scan_directory(
        &self,
        pruned: &[Pruned],
        known: &BaseTree,
    ) -> Result<Scan, RemoteError> {
        if self.facts.tier > Tier::Full {
            return Err(RemoteError::MissingTool {
                tool: "find` or `stat".to_owned(),
                needed_for: "changes in the container are not detected".to_owned(),
                help: "install `findutils` and `coreutils`, or `busybox`, in the image".to_owned(),
            });
        }
        let lane = self.reader().await?;
        let request = Request::new("scan", "list the directory", arguments(pruned, &self.facts.root));
        let answer = match lane.ask(request).await {
            Ok(answer) => answer,
            // A missing root is a result, not a failure.
            Err(RemoteError::Root { .. }) => {
                return Ok(Scan { root: None, entries: BTreeMap::new(), unusable: Vec::new(), gap: None });
            }
            Err(error) => return Err(error),
        };
        let mut scan = read(&answer, known);
        drop(answer);
        self.read_links(&mut scan).await?;
        Ok(scan)
    }

    /// Reads the targets of the links that are new since the last scan.
    async fn read_links(&self, scan: &mut Scan) -> Result<(), RemoteError> {
        let lane = self.reader().await?;
        let mut known = self.links.lock().await;
        let mut found = HashMap::new();
        let mut unknown = Vec::new();
        for (path, entry) in &scan.entries {
            if !matches!(entry.kind, Kind::Link(_)) {
                continue;
            }
            match known.remove(path).filter(|link| (link.0, link.1) == (entry.inode, entry.mtime)) {
                Some(link) => drop(found.insert(path.clone(), link)),
                None => unknown.push((path.clone(), entry.inode, entry.mtime)),
            }
        }
        for chunk in unknown.chunks(CHUNK) {
            let paths = chunk.iter().map(|(path, ..)| target(path)).collect();
            let answer = lane.ask(Request::new("links", "read links", paths)).await?;
            for line in answer.lines.iter() {
                let link = std::str::from_utf8(line).ok().and_then(|line| line.split_once(' '));
                let link = link.and_then(|(index, target)| Some((index.parse::<usize>().ok()?, target)));
                if let Some((path, inode, mtime)) = link.and_then(|(index, _)| chunk.get(index)) {
                    let target = link.map(|(_, target)| target.into()).unwrap_or_default();
                    found.insert(path.clone(), (*inode, *mtime, target));
                }
            }
        }
        let mut unreadable = Vec::new();
        for (path, entry) in &mut scan.entries {
            if let Kind::Link(target) = &mut entry.kind {
                match found.get(path) {
                    Some(link) => target.clone_from(&link.2),
                    None => unreadable.push(path.clone()),
                }
            }
        }
        for path in unreadable {
            scan.entries.remove(&path);
            scan.gap.get_or_insert_with(|| format!("the target of the link `{path}` cannot be read"));
        }
        *known = found;
        Ok(())
    }

    /// The current entries at `paths`.
    pub(super) async fn stat(
        &self,
        paths: &[&RelativePath],
    ) -> Result<HashMap<RelativePath, SyncEntry>, RemoteError> {
        let mut found = HashMap::new();
        for chunk in paths.chunks(CHUNK) {
            let paths = chunk.iter().map(|path| target(path)).collect();
            let answer = self.main.ask(Request::new("stat", "look at files", paths)).await?;
            for line in answer.lines.iter() {
                if let Some(StatLine::Entry(name, entry)) = stat_line::parse(line)
                    && let Some(path) = relative(name)
                {
                    found.insert(path, entry);
                }
            }
        }
        Ok(found)
    }

    pub(super) async fn digests_of(
        &self,
        paths: &[RelativePath],
    ) -> Result<Vec<(RelativePath, Digest)>, RemoteError> {
        if self.facts.missing.iter().any(|tool| tool == "sha256sum") {
            return Err(RemoteError::MissingTool {
                tool: "sha256sum".to_owned(),
                needed_for: "files cannot be compared by content".to_owned(),
                help: "install `coreutils` or `busybox` in the image".to_owned(),
            });
        }
        let lane = self.reader().await?;
        let mut digests = Vec::with_capacity(paths.len());
        for chunk in paths.chunks(CHUNK) {
            let paths = chunk.iter().map(target).collect();
            let request = Request::new("sum", "compare files", paths).limit(DIGEST_LIMIT);
            digests.extend(lane.ask(request).await?.texts().filter_map(|line| digest(&line)));
        }
        Ok(digests)
    }
}

/// The arguments of `find` that skip `pruned` and the files of windlass.
fn arguments(pruned: &[Pruned], root: &str) -> Vec<String> {
    let mut words = vec!["(".to_owned(), "-name".to_owned(), ".windlass-*".to_owned()];
    let mut leave_out = |test: &str, pattern: String| {
        words.extend(["-o".to_owned(), test.to_owned(), pattern]);
    };
    for pruned in pruned {
        match pruned {
            Pruned::Name(name) => leave_out("-name", escaped(name)),
            Pruned::Path(path) => leave_out("-path", escaped(&target(path))),
        }
    }
    if root == "/" {
        VIRTUAL.iter().for_each(|path| leave_out("-path", (*path).to_owned()));
    }
    words.extend([")", "-prune", "-o"].map(str::to_owned));
    words
}

/// A pattern of `find` that matches only `text`.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// Reads the lines of a scan. Paths that are in `known` share its memory.
fn read(answer: &Answer, known: &BaseTree) -> Scan {
    let mut scan = Scan { root: None, entries: BTreeMap::new(), unusable: Vec::new(), gap: None };
    let mut entries = Vec::with_capacity(answer.lines.len());
    for line in answer.lines.iter() {
        if let Some(inode) = line.strip_prefix(b"n ") {
            let inode = String::from_utf8_lossy(inode);
            scan.unusable.push(format!("a name with a line feed (inode {inode})"));
            continue;
        }
        match stat_line::parse(line) {
            Some(StatLine::Entry(b".", entry)) => scan.root = Some(entry),
            Some(StatLine::Entry(name, entry)) => match relative_or_known(name, known) {
                Some(path) => entries.push((path, entry)),
                None => scan.unusable.push(String::from_utf8_lossy(name).into_owned()),
            },
            Some(StatLine::Other) => {}
            None => {
                let text = String::from_utf8_lossy(line);
                scan.gap.get_or_insert(text.strip_prefix("e 0/").unwrap_or(&text).to_owned());
            }
        }
    }
    // A map that is built in one step has no gaps.
    scan.entries = entries.into_iter().collect();
    if scan.root.is_none() {
        scan.gap.get_or_insert("the list has no root".to_owned());
    }
    scan
}

/// The path of a name such as `./src/a`.
pub(super) fn relative(name: &[u8]) -> Option<RelativePath> {
    RelativePath::new(std::str::from_utf8(name).ok()?.strip_prefix("./")?)
}

/// The same, sharing the memory of the path in `known`.
fn relative_or_known(name: &[u8], known: &BaseTree) -> Option<RelativePath> {
    RelativePath::new_or_known(std::str::from_utf8(name).ok()?.strip_prefix("./")?, known)
}

/// A line of `sha256sum`. One that begins with `\` has a name with escapes.
fn digest(line: &str) -> Option<(RelativePath, Digest)> {
    let (line, is_escaped) = line.strip_prefix('\\').map_or((line, false), |line| (line, true));
    let (hex, name) = line.split_once("  ")?;
    let name = if is_escaped { unescaped(name) } else { name.to_owned() };
    let bytes = hex::decode(hex).ok()?.try_into().ok()?;
    Some((relative(name.as_bytes())?, Digest::from_bytes(bytes)))
}

/// A name in which `\\` is a backslash, and `\r` a carriage return.
fn unescaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        text.push(match (c, if c == '\\' { chars.next() } else { None }) {
            (_, Some('r')) => '\r',
            (_, Some(escaped)) => escaped,
            (c, None) => c,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, entries: &[&str], unusable: usize, gap: Option<&str>) {
        let answer = Answer { lines: text.into(), status: 0 };
        let scan = read(&answer, &BaseTree::new());
        assert_eq!(scan.entries.keys().map(RelativePath::as_str).collect::<Vec<_>>(), entries, "{text}");
        assert_eq!((scan.unusable.len(), scan.gap.as_deref()), (unusable, gap), "{text}");
    }

    #[test]
    fn a_scan_proves_only_what_it_lists() {
        let line = |name: &str| format!("s 81a4 0 0 1 1 2026-11-30 01:02:03.000000000 +0000 {name}\n");
        let root = line(".");
        check(&format!("{root}{}", line("./a")), &["a"], 0, None);
        check(&line("./a"), &["a"], 0, Some("the list has no root"));
        check(&format!("{root}{}n 7\n", line("./a")), &["a"], 1, None);
        check(&format!("{root}{}e 0/find: ./x: denied", line("./a")), &["a"], 0, Some("find: ./x: denied"));
        check(&format!("garbage\n{root}"), &[], 0, Some("garbage"));
        check(&format!("{root}s 81a4 0 0"), &[], 0, Some("s 81a4 0 0"));
    }

    #[test]
    fn patterns_match_only_their_names() {
        let pruned = [Pruned::Name("a*[x]".to_owned()), Pruned::Path(RelativePath::new("b/c?").unwrap())];
        let words = arguments(&pruned, "/").join(" ");
        assert!(
            words.starts_with(r"( -name .windlass-* -o -name a\*\[x\] -o -path ./b/c\? -o -path ./proc"),
            "{words}"
        );
    }
}
