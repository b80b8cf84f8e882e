//! The registry that belongs to a git remote.

use std::path::Path;

/// The image repository that the host of the remote `origin` provides: `ghcr.io/acme/shop` for a project on
/// github.com, `registry.gitlab.com/acme/shop` for one on gitlab.com.
pub fn registry(folder: &Path) -> Option<String> {
    let configuration =
        folder.ancestors().find_map(|above| crate::input_file::read_text(&above.join(".git/config")).ok())?;
    let (host, path) = host_and_path(origin(&configuration)?)?;
    let path = path.trim_end_matches('/').trim_end_matches(".git").trim_matches('/').to_lowercase();
    match host {
        "github.com" => Some(format!("ghcr.io/{path}")),
        "gitlab.com" => Some(format!("registry.gitlab.com/{path}")),
        _ => None,
    }
}

/// The URL of the remote `origin` in a git configuration.
fn origin(configuration: &str) -> Option<&str> {
    let (_, section) = configuration.split_once("[remote \"origin\"]")?;
    let lines = section.lines().skip(1).take_while(|line| !line.trim_start().starts_with('['));
    lines
        .filter_map(|line| line.trim().strip_prefix("url"))
        .find_map(|rest| Some(rest.trim().strip_prefix('=')?.trim()))
}

/// The host and the path of `https://github.com/acme/shop.git` or `git@github.com:acme/shop.git`.
fn host_and_path(address: &str) -> Option<(&str, &str)> {
    let (authority, path) = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?,
        None => address.split_once(':')?,
    };
    let host = authority.rsplit('@').next()?.split(':').next()?;
    Some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_have_registries() {
        let check = |address: &str, expected: Option<&str>| {
            let folder = tempfile::tempdir().expect("folder");
            std::fs::create_dir_all(folder.path().join(".git")).expect("folder");
            let configuration =
                format!("[core]\n\tbare = false\n[remote \"origin\"]\n\turl = {address}\n\tfetch = x\n");
            std::fs::write(folder.path().join(".git/config"), configuration).expect("file");
            assert_eq!(registry(folder.path()).as_deref(), expected, "{address}");
        };
        check("https://github.com/Acme/Shop.git", Some("ghcr.io/acme/shop"));
        check("git@github.com:acme/shop.git", Some("ghcr.io/acme/shop"));
        check("ssh://git@gitlab.com:22/group/sub/shop", Some("registry.gitlab.com/group/sub/shop"));
        check("https://token@example.com/acme/shop", None);
        check("../elsewhere", None);
    }
}
