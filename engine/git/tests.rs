//! Tests against the real `git`, over `file://`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Checkouts, Freshness, GitError, GitReference, GitSource};

/// A repository with the commits `one` and `two`, the tag `v1` at the first, and the branch `next` with `three`.
struct Origin {
    folder: tempfile::TempDir,
}

impl Origin {
    fn new() -> Self {
        let origin = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(origin.path("repo.git")).unwrap();
        origin.git(&["init", "--quiet", "--initial-branch=main"]);
        origin.commit("one");
        origin.git(&["tag", "v1"]);
        origin.commit("two");
        origin.git(&["checkout", "--quiet", "-b", "next"]);
        origin.commit("three");
        origin.git(&["checkout", "--quiet", "main"]);
        origin
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(self.path("repo.git"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, word: &str) {
        std::fs::write(self.path("repo.git/word"), word).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", word]);
    }

    fn source(&self, reference: GitReference) -> GitSource {
        let url = format!("file://{}", self.path("repo.git").display());
        GitSource { reference, ..GitSource::new(url, None, None, None) }
    }

    fn checkouts(&self) -> Checkouts {
        Checkouts::new(self.path("cache"))
    }
}

fn word(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("word")).unwrap()
}

#[test]
fn every_reference_has_a_separate_directory() {
    let origin = Origin::new();
    let first = origin.git(&["rev-parse", "v1"]);
    let references = [
        (GitReference::Default, "two"),
        (GitReference::Branch("next".to_owned()), "three"),
        (GitReference::Tag("v1".to_owned()), "one"),
        (GitReference::Revision(first[..12].to_owned()), "one"),
    ];
    for (reference, expected) in references {
        let checkout =
            origin.checkouts().check_out_blocking(&origin.source(reference.clone()), false).unwrap();
        assert_eq!(
            (word(&checkout.folder).as_str(), checkout.freshness),
            (expected, Freshness::Cloned),
            "{reference:?}"
        );
    }
    let left: Vec<_> =
        std::fs::read_dir(origin.path("cache")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".part")), "{left:?}");
}

#[test]
fn clone_is_shallow_by_default() {
    let origin = Origin::new();
    let count = |source: &GitSource| {
        let checkout = origin.checkouts().check_out_blocking(source, false).unwrap();
        let output = Command::new("git")
            .args(["rev-list", "--count", "HEAD"])
            .current_dir(checkout.folder)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let source = origin.source(GitReference::Default);
    assert_eq!(count(&source), "1");
    assert_eq!(count(&GitSource { disable_shallow: true, ..source.clone() }), "2");
    assert_eq!(count(&GitSource { clone_args: vec!["--no-single-branch".to_owned()], ..source }), "1");
}

#[test]
fn origin_is_queried_again_only_on_demand() {
    let origin = Origin::new();
    let source = origin.source(GitReference::Branch("main".to_owned()));
    let check = |update| origin.checkouts().check_out_blocking(&source, update).unwrap();
    check(false);
    let from = origin.git(&["rev-parse", "HEAD"]);
    origin.commit("four");
    let known = check(false);
    assert_eq!((word(&known.folder).as_str(), known.freshness), ("two", Freshness::Known));
    std::fs::write(known.folder.join("word"), "changed by hand").unwrap();
    let updated = check(true);
    let to = origin.git(&["rev-parse", "HEAD"]);
    assert_eq!(
        (word(&updated.folder).as_str(), updated.freshness),
        ("four", Freshness::Updated { from, to })
    );
    // The history was rewritten.
    origin.git(&["reset", "--quiet", "--hard", "v1"]);
    assert_eq!(word(&check(true).folder), "one");
}

#[test]
fn two_at_a_time_clone_once() {
    let origin = Origin::new();
    let source = origin.source(GitReference::Default);
    let results: Vec<_> = std::thread::scope(|scope| {
        let check =
            || scope.spawn(|| origin.checkouts().check_out_blocking(&source, false).unwrap().freshness);
        let threads: Vec<_> = (0..4).map(|_| check()).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|freshness| **freshness == Freshness::Cloned).count(), 1, "{results:?}");
}

#[test]
fn failures_quote_git_and_leave_no_files() {
    #[track_caller]
    fn check(origin: &Origin, source: &GitSource, reason: &str, advice: &str) {
        let error = origin.checkouts().check_out_blocking(source, false).unwrap_err();
        let GitError::Failed { reason: found, help, .. } = &error else { panic!("{error}") };
        assert!(found.contains(reason), "{error}");
        assert!(help.starts_with(advice), "{help}");
        assert!(!origin.checkouts().folder_of(source).exists());
    }
    let origin = Origin::new();
    let branch = origin.source(GitReference::Branch("none".to_owned()));
    check(
        &origin,
        &branch,
        "remote branch none not found in upstream origin",
        "list the existing references",
    );
    let revision = origin.source(GitReference::Revision("0123abcd".to_owned()));
    check(&origin, &revision, "unknown commit `0123abcd`", "run `git ls-remote");
    let away = GitSource::new(format!("file://{}/none", origin.path("x").display()), None, None, None);
    check(&origin, &away, "does not appear to be a git repository", "run `git ls-remote");
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    // It accepts connections and sends nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = Origin::new();
    let url = format!("git://{}/repo.git", silent.local_addr().unwrap());
    let source = GitSource::new(url, None, None, None);
    let mut checkouts = origin.checkouts();
    checkouts.silence = std::time::Duration::from_millis(500);
    let error = checkouts.check_out_blocking(&source, false).unwrap_err();
    assert!(error.to_string().contains("no progress for"), "{error}");
    assert!(!checkouts.folder_of(&source).exists());
}

#[test]
fn url_is_shown_without_its_password() {
    #[track_caller]
    fn check(url: &str, shown: &str) {
        assert_eq!(GitSource::new(url.to_owned(), None, None, None).shown_url(), shown);
    }
    check("https://user:tok3n@example.com/a/b.git", "https://example.com/a/b.git");
    check("https://tok3n@example.com/a@b", "https://example.com/a@b");
    check("ssh://git@example.com/a", "ssh://git@example.com/a");
    check("git@example.com:a/b.git", "git@example.com:a/b.git");
    let source = GitSource::new("https://user:tok3n@example.com/b".to_owned(), None, None, None);
    let lines = ["fatal: unable to access 'https://user:tok3n@example.com/b/': no".to_owned()];
    assert!(!GitError::failed("clone", &source, &lines).to_string().contains("tok3n"));
}
