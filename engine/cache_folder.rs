//! The directory for files that can be deleted at any time.

use std::path::{Path, PathBuf};

/// The user's cache directory for windlass: `windlass` in `$XDG_CACHE_HOME`, otherwise in `~/.cache`. Without a home
/// directory it is `.windlass/cache` in the working directory, which no build context includes. `variable` reads an
/// environment variable.
pub fn cache_folder(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    let here = || std::env::current_dir().unwrap_or_default();
    folder(variable, std::env::home_dir, here)
}

fn folder(
    variable: impl Fn(&str) -> Option<String>,
    user: impl FnOnce() -> Option<PathBuf>,
    here: impl FnOnce() -> PathBuf,
) -> PathBuf {
    let absolute = |path: &PathBuf| path.is_absolute();
    let named = |name: &str| variable(name).map(PathBuf::from).filter(absolute);
    let home = || named("HOME").or_else(|| user().filter(absolute));
    match named("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache"))) {
        Some(cache) => cache.join("windlass"),
        None => here().join(".windlass").join("cache"),
    }
}

/// `path` with symbolic links resolved in the part that exists.
pub fn without_links(path: &Path) -> PathBuf {
    let there = |above: &Path| {
        let rest = path.strip_prefix(above).ok()?;
        Some(above.canonicalize().ok()?.join(rest))
    };
    path.ancestors().find_map(there).unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_absolute_path_counts() {
        let check = |xdg: Option<&str>, home: Option<&str>, user: Option<&str>, expected: &str| {
            let variable = |name: &str| match name {
                "XDG_CACHE_HOME" => xdg.map(str::to_owned),
                _ => home.map(str::to_owned),
            };
            let found = folder(variable, || user.map(PathBuf::from), || "/work".into());
            assert_eq!(found, PathBuf::from(expected), "{xdg:?} {home:?} {user:?}");
        };
        let (home, user) = (Some("/home/ann"), Some("/users/ann"));
        check(Some("/var/cache/ann"), home, user, "/var/cache/ann/windlass");
        check(Some("relative"), home, user, "/home/ann/.cache/windlass");
        check(None, home, user, "/home/ann/.cache/windlass");
        check(None, Some(""), user, "/users/ann/.cache/windlass");
        check(Some(""), Some("relative"), None, "/work/.windlass/cache");
        check(None, None, Some(""), "/work/.windlass/cache");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_while_the_path_exists() {
        let folder = tempfile::tempdir().expect("a directory");
        let root = folder.path().canonicalize().expect("there");
        std::fs::create_dir(root.join("real")).expect("made");
        std::os::unix::fs::symlink("real", root.join("link")).expect("linked");
        assert_eq!(without_links(&root.join("link/a/b")), root.join("real/a/b"));
    }
}
