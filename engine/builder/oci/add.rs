//! COPY and ADD: from arguments to files.

use std::sync::Arc;

use super::assembly::Assembly;
use super::change::Changes;
use super::content::unsendable;
use super::copy::{Destination, Site, Transfer};
use super::instruction::InstructionExecution;
use super::instruction_error::InstructionError;
use super::listing::Listing;
use super::mode::Mode;
use super::needs_daemon::is_repository;
use super::node::{ContentLocation, FileContent, Folder, FsNode, Meta};
use super::pack::{Pack, PackSource};
use super::root_fs::RootFs;
use super::state::State;
use crate::image::Digest;
use crate::image::context::{Changed, Content, EntryKind, Exclusion, shown};
use crate::image::dockerfile::CopyInstruction;

impl Assembly<'_> {
    pub(super) fn copy(
        &mut self,
        state: &mut State,
        copy: &CopyInstruction,
        step: &InstructionExecution<'_>,
    ) -> Result<(), InstructionError> {
        let escape = self.dockerfile().escape();
        let expand = |word: &str| state.variables.expand(word, escape);
        let sources = copy.sources.iter().map(|source| expand(source)).collect::<Result<Vec<_>, _>>()?;
        let written = expand(&copy.destination)?;
        let destination = Destination::new(&written, &state.document.config.working_dir);
        let chown = copy.chown.as_deref().map(expand).transpose()?.filter(|chown| !chown.is_empty());
        let chmod = copy.chmod.as_deref().map(expand).transpose()?.filter(|chmod| !chmod.is_empty());
        let mode = chmod.as_deref().map(Mode::parse).transpose()?;
        let exclude = Exclusion::parse(&copy.exclude)
            .map_err(|pattern| format!("invalid pattern `--exclude={pattern}`"))?;
        let documents = copy.documents.iter().map(|document| {
            let content = match document.expands {
                true => state.variables.expand_document(&document.content)?,
                false => document.content.clone(),
            };
            Ok((document.name.clone(), content))
        });
        let documents = documents.collect::<Result<Vec<_>, String>>()?;

        let checksum =
            copy.checksum.as_deref().map(expand).transpose()?.filter(|checksum| !checksum.is_empty());
        let checksum = checksum.map(|checksum| match &sources[..] {
            [source] if is_address(source) => checksum
                .parse::<Digest>()
                .map_err(|_| format!("`--checksum={checksum}` is not a sha256 digest")),
            _ => Err("`--checksum` requires exactly one source, which must be a URL".to_owned()),
        });
        let checksum = checksum.transpose()?;

        let number = self.next_step();
        let platform = state.platform.clone();
        let source = match copy.from.is_some() || !sources.is_empty() {
            true => self.source(copy.from.as_ref(), &platform)?,
            false => RootFs::default(),
        };
        let mut root_fs = self.know_root_fs(state)?.clone();
        // BuildKit ignores `--link` in combination with `--chmod`.
        let is_linked = copy.link && chmod.is_none();
        let is_blank = state.is_blank || is_linked;
        let owner = chown.as_deref().map(|chown| self.owner(&root_fs, is_blank, chown)).transpose()?;
        let mut changes = Changes::default();
        let time = copy.from.is_none().then_some(self.time);
        let transfer = Transfer { owner, mode, time, now: self.time, exclude };
        // With --link, the files do not depend on lower layers: symlinks of these layers are not followed.
        let mut below = is_linked.then(RootFs::default);
        let mut site = Site { root_fs: below.as_mut().unwrap_or(&mut root_fs), changes: &mut changes };
        for pattern in &sources {
            if copy.is_add && is_address(pattern) {
                let unpacks = copy.unpack == Some(true);
                self.add_address(pattern, unpacks, checksum, &transfer, &destination, &mut site)?;
            } else if copy.is_add && copy.unpack != Some(false) {
                self.add_local(&source, pattern, &transfer, &destination, &mut site)?;
            } else {
                let is_context = copy.from.is_none();
                let copied = transfer.copy(&source, pattern, &destination, &mut site);
                copied.map_err(|trouble| explain_missing(trouble, pattern, is_context))?;
            }
        }
        for (name, content) in documents {
            let meta = Meta { mode: 0o644, ..Meta::default() };
            let node = FsNode::File(meta, FileContent::in_memory(content));
            transfer.copy_new(&node, &name, &destination, &mut site)?;
        }
        if let Some(linked) = below {
            lay_over(&linked.root, &mut Vec::new(), &mut root_fs);
        }
        state.root_fs = Some(root_fs);
        state.is_blank = false;
        let noted = copy.documents.iter().map(|document| format!(" <<{}", document.name));
        let sources = sources.iter().map(|source| format!(" {source}")).chain(noted).collect::<String>();
        let name = if copy.is_add { "ADD" } else { "COPY" };
        let chown = chown.map(|chown| format!(" --chown={chown}")).unwrap_or_default();
        let chmod = chmod.map(|chmod| format!(" --chmod={chmod}")).unwrap_or_default();
        self.seal(state, &changes, &number, step, format!("{name}{chown}{chmod}{sources} {written}"))
    }

    /// ADD of files of the context; archives are unpacked.
    fn add_local(
        &mut self,
        source: &RootFs,
        pattern: &str,
        transfer: &Transfer,
        destination: &Destination,
        site: &mut Site<'_>,
    ) -> Result<(), InstructionError> {
        let paths = super::copy::matches(source, pattern).map_err(InstructionError::from);
        for path in paths.map_err(|trouble| explain_missing(trouble, pattern, true))? {
            let resolved = source.resolve(&path)?;
            if let Some(FsNode::File(_, content)) = source.get(&resolved)
                && let Some((listing, pack)) = self.archive(content)?
            {
                let new_folder = Meta::new_folder(transfer.owner.unwrap_or_default(), self.time);
                let target = destination.make(site, &new_folder)?;
                unpack(&listing, &pack, transfer.owner, &target, site)
                    .map_err(|reason| format!("cannot unpack `{pattern}`: {reason}"))?;
                continue;
            }
            let copied = transfer.copy_path(source, &path, pattern, destination, site);
            copied.map_err(|trouble| explain_missing(trouble, pattern, true))?;
        }
        Ok(())
    }

    /// The listing of the archive `content`; `None` if it is not an archive.
    fn archive(&mut self, content: &FileContent) -> Result<Option<(Listing, Arc<Pack>)>, InstructionError> {
        let ContentLocation::Context(entry) = &content.place else { return Ok(None) };
        let EntryKind::File { content: Content::Disk(_), .. } = &entry.kind else { return Ok(None) };
        let pack = Arc::new(Pack::new(PackSource::Context(entry.clone())));
        let known = self.reader.known(content);
        if let Some(digest) = known
            && let Some(listing) = self.listing(&digest)?
        {
            return Ok(Some((listing, pack)));
        }
        match pack.is_archive() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(unsendable(entry, &error)),
        }
        self.reader.read(content, &mut |_| Ok(()))?;
        let listing = pack.read_whole(|archive| Listing::of_tar(archive));
        let listing = listing.map_err(|error| match Changed::of(&error) {
            Some(_) => unsendable(entry, &error),
            None => format!("cannot unpack `{}`: {error}", shown(&entry.path)).into(),
        })?;
        if let Some(digest) = self.reader.known(content) {
            self.store.keep_listing(&digest, &listing.to_bytes())?;
        }
        Ok(Some((listing, pack)))
    }

    /// ADD of a URL.
    fn add_address(
        &mut self,
        address: &str,
        unpacks: bool,
        checksum: Option<Digest>,
        transfer: &Transfer,
        destination: &Destination,
        site: &mut Site<'_>,
    ) -> Result<(), InstructionError> {
        if is_repository(address) {
            return Err(InstructionError::NeedsDaemon("it adds a git repository".to_owned()));
        }
        let downloaded = self.images.download(address)?;
        if let Some(checksum) = checksum.filter(|checksum| *checksum != downloaded.digest) {
            let digest = downloaded.digest;
            return Err(format!("digest mismatch: the content has {digest}, not {checksum}").into());
        }
        let name = downloaded.name;
        if unpacks {
            let pack = Arc::new(Pack::new(PackSource::File(downloaded.file.path().to_owned())));
            if pack.is_archive()? {
                let listing = pack.open().and_then(Listing::of_tar)?;
                let new_folder = Meta::new_folder(transfer.owner.unwrap_or_default(), self.time);
                let target = destination.make(site, &new_folder)?;
                // The archive is read again when its layer is created.
                self.keep(downloaded.file);
                unpack(&listing, &pack, transfer.owner, &target, site)
                    .map_err(|reason| format!("cannot unpack the content: {reason}"))?;
                return Ok(());
            }
        }
        let size = downloaded.size;
        let content =
            FileContent::new(size, Some(downloaded.digest), ContentLocation::Downloaded(downloaded.file));
        let node = FsNode::File(Meta { mode: 0o600, ..Meta::default() }, content);
        transfer.copy_new(&node, &name, destination, site)
    }
}

/// Unpacks an archive at `target`, which is its root: no path in it can escape from there. Everything in it belongs
/// to `owner`, if set.
fn unpack(
    listing: &Listing,
    pack: &Arc<Pack>,
    owner: Option<(u64, u64)>,
    target: &[super::node::Name],
    site: &mut Site<'_>,
) -> Result<(), String> {
    let Some(folder) = site.root_fs.folder(target) else { return Ok(()) };
    let mut inside = RootFs { root: folder.clone() };
    let mut changes = Changes::default();
    let listing = match owner {
        Some(owner) => &listing.clone().with_owner(owner),
        None => listing,
    };
    listing.apply(&mut inside, pack, false, |path| changes.mark(path))?;
    site.root_fs.put(target, FsNode::Folder(inside.root));
    site.changes.mark_below(target, changes);
    Ok(())
}

/// Applies a layer that is independent of lower layers to `root_fs`. An existing directory gets the permissions and
/// the owner that it has in the layer, as everywhere in images.
fn lay_over(folder: &Folder, path: &mut Vec<super::node::Name>, root_fs: &mut RootFs) {
    for (name, node) in &*folder.children {
        path.push(name.clone());
        match (node, root_fs.get(path)) {
            (FsNode::Folder(below), Some(FsNode::Folder(there))) => {
                let children = Arc::clone(&there.children);
                root_fs.put(path, FsNode::Folder(Folder { meta: below.meta.clone(), children }));
                lay_over(below, path, root_fs);
            }
            _ => root_fs.put(path, node.clone()),
        }
        path.pop();
    }
}

/// Adds a hint to the error for a missing source.
fn explain_missing(trouble: InstructionError, pattern: &str, is_context: bool) -> InstructionError {
    match trouble {
        InstructionError::Mistake(reason, None) if reason.ends_with("does not exist") => {
            let (reason, help) = match is_context {
                true => (
                    format!("`{pattern}` is not in the build context"),
                    "check the spelling of the path, which is relative to the context directory, and whether .dockerignore \
                     excludes it",
                ),
                false => (
                    format!("`{pattern}` does not exist in that image"),
                    "write the path relative to the root of the image in `--from`",
                ),
            };
            InstructionError::with_help(reason, help)
        }
        trouble => trouble,
    }
}

/// Whether ADD downloads `source`.
fn is_address(source: &str) -> bool {
    let lower = source.to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://") || is_repository(source)
}
