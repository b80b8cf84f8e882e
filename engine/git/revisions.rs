//! Two states of a repository, checked out one after another in a directory of windlass.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::source::folder_name;
use super::{GitUnavailable, TreeCopy};
use crate::lock::lock;
use crate::own_file;
use crate::process::{Pipe, Process, ProcessError, block_on};

/// The timeout of a git command: a first checkout writes all files.
const LIMIT: Duration = Duration::from_secs(600);

/// How long windlass waits for another process that compares revisions of the same repository.
const PATIENCE: Duration = Duration::from_secs(300);

/// The time between two attempts to acquire the lock.
const PAUSE: Duration = Duration::from_millis(50);

/// The file with the commit that is checked out, unless a process is at work.
const CHECKED_OUT: &str = "commit";

/// Configuration and hooks of the repository must not run programs, and its index is never written.
const SETTINGS: [&str; 8] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.splitIndex=false",
    "core.sparseCheckout=false",
    "core.quotePath=false",
    "advice.addEmbeddedRepo=false",
    "gc.auto=0",
    "submodule.recurse=false",
];

/// Variables that redirect git to another repository; git sets them when it runs hooks.
const FOREIGN: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX"];

/// Why revisions of a repository cannot be compared.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RevisionError {
    /// The project is not in a repository.
    #[error("cannot compare with `{reference}`: {} is not in a git repository", folder.display())]
    #[diagnostic(code(since::no_repository), help("omit `--since`"))]
    NoRepository {
        /// The revision to compare with.
        reference: String,
        /// The directory of the project.
        folder: PathBuf,
    },

    /// The revision does not exist.
    #[error("cannot compare with `{reference}`: unknown revision")]
    #[diagnostic(
        code(since::unknown_revision),
        help("pass a branch, a tag or a commit of this repository, such as `origin/main` or `HEAD~1`")
    )]
    Unknown {
        /// The revision.
        reference: String,
    },

    /// Git failed, or the directory of windlass cannot be used.
    #[error("cannot compare with `{reference}`: {reason}")]
    #[diagnostic(code(since::git))]
    Failed {
        /// The revision to compare with.
        reference: String,
        /// The reason.
        reason: String,
    },

    /// The user interrupted it.
    #[error("cannot compare with `{reference}`: interrupted")]
    #[diagnostic(code(since::interrupted))]
    Interrupted {
        /// The revision to compare with.
        reference: String,
    },
}

/// The commit that changes are counted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeBase {
    /// The newest common commit of the revision and `HEAD`.
    Commit(String),
    /// There is none, for this reason.
    None(&'static str),
}

/// A repository whose revisions are checked out in a directory of windlass. The repository itself is only read.
#[derive(Debug)]
pub struct Revisions {
    reference: String,
    repository: PathBuf,
    git_directory: PathBuf,
    index: PathBuf,
    is_shallow: bool,
    folder: PathBuf,
    /// New objects, and the alternative directory with those of the repository.
    objects: TempDir,
    known_objects: PathBuf,
    /// The checkouts of this process.
    checked_out: Mutex<Option<String>>,
    _lock: File,
}

impl Revisions {
    /// The repository of the directory `project`, for a comparison with `reference`. The checkout is in `cache`, the
    /// user's cache directory. Waits for another process that compares revisions of it.
    ///
    /// # Errors
    /// [`RevisionError`].
    pub fn open(project: &Path, reference: &str, cache: &Path) -> Result<Self, RevisionError> {
        let failed = |reason: String| RevisionError::Failed { reference: reference.to_owned(), reason };
        let no_space = |error: io::Error| failed(format!("cannot write to {}: {error}", cache.display()));
        let arguments = [
            "rev-parse",
            "--show-toplevel",
            "--absolute-git-dir",
            "--git-path",
            "index",
            "--git-path",
            "objects",
            "--is-shallow-repository",
        ];
        let answer = git(reference, project, &arguments, &[])?;
        if answer.code != 0 {
            return Err(match GitUnavailable::of(&answer.errors) {
                GitUnavailable::NoRepository => RevisionError::NoRepository {
                    reference: reference.to_owned(),
                    folder: project.to_owned(),
                },
                _ => failed(answer.reason()),
            });
        }
        let lines: Vec<_> = answer.output.lines().collect();
        let [repository, git_directory, index, known_objects, is_shallow] = lines[..] else {
            return Err(failed("this is a repository without files, or git is too old".to_owned()));
        };
        let repository = PathBuf::from(repository);
        let repository = repository.canonicalize().unwrap_or(repository);
        let name = repository.file_name().map_or("root".into(), |name| name.to_string_lossy());
        let name = folder_name(&name, repository.to_string_lossy().into_owned());
        let folder = cache.join("since").join(name);
        own_file::create_private_folder(&folder).map_err(no_space)?;
        let folder = folder.canonicalize().map_err(no_space)?;
        own_file::create_folder(&folder.join("files")).map_err(no_space)?;
        let lock_file = own_file::create(&folder.join("lock")).map_err(no_space)?;
        acquire(&lock_file).map_err(|error| failed(error.to_string()))?;
        let objects = tempfile::Builder::new().prefix("objects-").tempdir_in(&folder).map_err(no_space)?;
        Ok(Self {
            reference: reference.to_owned(),
            git_directory: git_directory.into(),
            index: project.join(index),
            known_objects: project.join(known_objects),
            is_shallow: is_shallow == "true",
            repository,
            folder,
            objects,
            checked_out: Mutex::default(),
            _lock: lock_file,
        })
    }

    /// The copy of the files.
    pub fn copy(&self) -> TreeCopy {
        TreeCopy::new(self.folder.join("files"), &self.repository)
    }

    /// The newest common commit of the revision and `HEAD`.
    ///
    /// # Errors
    /// [`RevisionError`], also for an unknown revision, unless the history is incomplete.
    pub fn merge_base(&self) -> Result<MergeBase, RevisionError> {
        // A name that starts with `-` is not an option.
        let arguments = ["merge-base", "--end-of-options", &self.reference, "HEAD"];
        let answer = git(&self.reference, &self.repository, &arguments, &[])?;
        match answer.code {
            0 => Ok(MergeBase::Commit(answer.output.trim().to_owned())),
            _ if self.is_shallow => Ok(MergeBase::None("history too short")),
            1 => Ok(MergeBase::None("no common commit")),
            _ => Err(RevisionError::Unknown { reference: self.reference.clone() }),
        }
    }

    /// The tree of the present files: tracked ones and new ones, but no ignored ones.
    ///
    /// # Errors
    /// [`RevisionError`].
    pub fn present_tree(&self) -> Result<String, RevisionError> {
        let index = self.objects.path().join("index");
        // The index knows the times of the files: unchanged ones are not read.
        if copy_index(&self.index, &index).is_err() {
            self.succeed(&index, &["read-tree", "HEAD"])?;
        }
        // The cache may be inside of the repository.
        let own = self.folder.parent().and_then(|own| own.strip_prefix(&self.repository).ok());
        let excluded = own.map(|own| format!(":(top,exclude,literal){}", own.display()));
        let pathspecs = excluded.iter().flat_map(|excluded| ["--", ":/", excluded]);
        let arguments: Vec<_> = ["add", "--all"].into_iter().chain(pathspecs).collect();
        self.succeed(&index, &arguments)?;
        Ok(self.succeed(&index, &["write-tree"])?.trim().to_owned())
    }

    /// The submodules whose commits differ between two trees: their files are not checked out.
    ///
    /// # Errors
    /// [`RevisionError`].
    pub fn changed_submodules(&self, old: &str, new: &str) -> Result<Vec<String>, RevisionError> {
        let index = self.objects.path().join("index");
        let listed = self.succeed(&index, &["diff-tree", "-r", "--ignore-submodules=none", old, new])?;
        let is_submodule = |line: &&str| {
            let mut modes = line.trim_start_matches(':').split(' ');
            modes.next() == Some("160000") || modes.next() == Some("160000")
        };
        let path = |line: &str| line.split_once('\t').map(|(_, path)| path.to_owned());
        Ok(listed.lines().filter(is_submodule).filter_map(path).collect())
    }

    /// Checks the commit `commit` out in the copy: only the files that differ from those there are written.
    ///
    /// # Errors
    /// [`RevisionError`].
    pub fn check_out_commit(&self, commit: &str) -> Result<(), RevisionError> {
        self.check_out(commit)?;
        // The next run knows this state, and does not look at every file.
        let _ = std::fs::write(self.folder.join(CHECKED_OUT), commit);
        Ok(())
    }

    /// Like [`Revisions::check_out_commit`], for a tree that the repository does not have.
    ///
    /// # Errors
    /// [`RevisionError`].
    pub fn check_out(&self, tree: &str) -> Result<(), RevisionError> {
        let known = std::fs::read_to_string(self.folder.join(CHECKED_OUT)).ok();
        let known = lock(&self.checked_out).replace(tree.to_owned()).or(known);
        // A process that is killed leaves an unknown state behind.
        let _ = std::fs::remove_file(self.folder.join(CHECKED_OUT));
        let files = format!("--work-tree={}", self.folder.join("files").display());
        let git_directory = format!("--git-dir={}", self.git_directory.display());
        let index = self.folder.join("index");
        // Left behind by a process that was killed; this process holds the lock of windlass.
        let _ = std::fs::remove_file(self.folder.join("index.lock"));
        let folder = self.folder.join("files");
        let differences =
            known.as_deref().map(|known| [&*git_directory, &files, "read-tree", "-m", "-u", known, tree]);
        if differences.is_some_and(|arguments| self.succeed_in(&folder, &index, &arguments).is_ok()) {
            return Ok(());
        }
        let all = [&git_directory, &files, "read-tree", "--reset", "-u", tree];
        self.succeed_in(&folder, &index, &all).map(drop)
    }

    fn succeed(&self, index: &Path, arguments: &[&str]) -> Result<String, RevisionError> {
        self.succeed_in(&self.repository, index, arguments)
    }

    fn succeed_in(&self, folder: &Path, index: &Path, arguments: &[&str]) -> Result<String, RevisionError> {
        let variables = [
            ("GIT_INDEX_FILE", index),
            ("GIT_OBJECT_DIRECTORY", self.objects.path()),
            ("GIT_ALTERNATE_OBJECT_DIRECTORIES", &self.known_objects),
        ];
        let answer = git(&self.reference, folder, arguments, &variables)?;
        match answer.code {
            0 => Ok(answer.output),
            _ => Err(RevisionError::Failed { reference: self.reference.clone(), reason: answer.reason() }),
        }
    }
}

/// Copies an index with its modification time. Git reads a file whose time is not older than the index, because it may have
/// changed since in the same second (git, `Documentation/technical/racy-git.txt`).
fn copy_index(from: &Path, to: &Path) -> io::Result<()> {
    let modified = std::fs::metadata(from)?.modified()?;
    std::fs::copy(from, to)?;
    File::options().write(true).open(to)?.set_modified(modified)
}

/// The result of git.
struct Answer {
    code: i32,
    output: String,
    errors: String,
}

impl Answer {
    /// Its own message.
    fn reason(&self) -> String {
        match GitUnavailable::of(&self.errors) {
            GitUnavailable::NoRepository => "not a git repository".to_owned(),
            GitUnavailable::NoCommit => "the repository has no commit yet".to_owned(),
            GitUnavailable::Other { reason, .. } => reason,
        }
    }
}

/// Runs git in `folder`. Blocks; Ctrl-C stops it.
fn git(
    reference: &str,
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &Path)],
) -> Result<Answer, RevisionError> {
    let failed = |reason: String| RevisionError::Failed { reference: reference.to_owned(), reason };
    let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
    let process = Process::new("git").args(settings.chain(arguments.iter().copied())).directory(folder);
    let process = FOREIGN.into_iter().fold(process, |process, name| process.env_remove(name));
    let process = variables.iter().fold(process, |process, (name, value)| process.env(name, value));
    let process = process
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .captured()
        .limit(LIMIT);
    let cancel = CancellationToken::new();
    let (mut output, mut errors) = (String::new(), String::new());
    let running = process.run(&cancel, |pipe, line| {
        let text = if pipe == Pipe::Stdout { &mut output } else { &mut errors };
        text.push_str(line);
        text.push('\n');
    });
    match block_on(&cancel, running).map_err(|error| failed(error.to_string()))? {
        Ok(code) => Ok(Answer { code, output, errors }),
        Err(ProcessError::Cancelled { .. }) => {
            Err(RevisionError::Interrupted { reference: reference.to_owned() })
        }
        Err(ProcessError::NotFound { .. }) => Err(failed("`git` is not installed".to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Acquires `lock`.
fn acquire(lock: &File) -> io::Result<()> {
    let started = Instant::now();
    while !own_file::try_lock(lock)? {
        if started.elapsed() > PATIENCE {
            return Err(io::Error::other("another windlass compares revisions of this repository"));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn run(folder: &Path, arguments: &[&str]) -> String {
        let who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"];
        let arguments: Vec<_> = who.iter().chain(arguments).copied().collect();
        let answer = git("x", folder, &arguments, &[]).expect("git runs");
        assert_eq!(answer.code, 0, "{arguments:?}: {}", answer.errors);
        answer.output
    }

    #[test]
    fn a_change_in_the_second_of_the_last_commit_is_found() {
        let folder = tempfile::tempdir().expect("a directory");
        let (source, cache) = (folder.path().join("source"), folder.path().join("cache"));
        std::fs::create_dir(&source).expect("made");
        let second = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let set_time = |path: &str| {
            let file = File::options().write(true).open(source.join(path)).expect("opened");
            file.set_modified(second).expect("set");
        };
        let write = |text: &str| {
            std::fs::write(source.join("file"), text).expect("written");
            set_time("file");
        };
        run(&source, &["init"]);
        run(&source, &["config", "core.trustctime", "false"]);
        write("1");
        run(&source, &["add", "."]);
        run(&source, &["commit", "-m", "1"]);
        set_time(".git/index");
        write("2");
        let revisions = Revisions::open(&source, "HEAD", &cache).expect("open");
        let tree = revisions.present_tree().expect("a tree");
        revisions.check_out(&tree).expect("checked out");
        let copy = revisions.copy().copy_of(&source).expect("a copy");
        assert_eq!(std::fs::read_to_string(copy.join("file")).expect("read"), "2");
    }

    #[test]
    fn both_states_are_checked_out_and_the_repository_stays() {
        let folder = tempfile::tempdir().expect("a directory");
        let (source, cache) = (folder.path().join("source"), folder.path().join("cache"));
        std::fs::create_dir(&source).expect("made");
        let write = |name: &str, text: &str| std::fs::write(source.join(name), text).expect("written");
        run(&source, &["init"]);
        write(".gitignore", "ignored\n");
        write("kept", "1");
        write("gone", "1");
        run(&source, &["add", "."]);
        run(&source, &["commit", "-m", "1"]);
        write("new", "2");
        write("ignored", "2");
        std::fs::remove_file(source.join("gone")).expect("removed");
        let before = std::fs::read(source.join(".git/index")).expect("an index");

        // The second time, the new objects of the first time no longer exist.
        for kept in ["2", "3"] {
            write("kept", kept);
            let revisions = Revisions::open(&source, "HEAD", &cache).expect("open");
            let copy = revisions.copy().copy_of(&source).expect("a copy");
            let files = || {
                let entries = std::fs::read_dir(&copy).expect("listed").flatten();
                let mut names: Vec<_> =
                    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
                names.sort();
                names.join(" ")
            };
            let read = || std::fs::read_to_string(copy.join("kept")).expect("read");
            let tree = revisions.present_tree().expect("a tree");
            revisions.check_out(&tree).expect("checked out");
            assert_eq!((&*files(), &*read()), (".gitignore kept new", kept));
            let Ok(MergeBase::Commit(commit)) = revisions.merge_base() else { panic!("no commit") };
            revisions.check_out_commit(&commit).expect("checked out");
            assert_eq!((&*files(), &*read()), (".gitignore gone kept", "1"));
        }
        assert_eq!(std::fs::read(source.join(".git/index")).expect("an index"), before);
        assert_eq!(run(&source, &["count-objects"]), run(&source, &["count-objects"]));
        let missing = Revisions::open(&source, "nothing", &cache).expect("open").merge_base();
        assert!(matches!(missing, Err(RevisionError::Unknown { .. })), "{missing:?}");
    }
}
