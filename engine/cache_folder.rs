//! Where windlass keeps what may be deleted at any time.

use std::path::PathBuf;

/// The user's cache of windlass: `windlass` in `$XDG_CACHE_HOME`, else in `~/.cache`. `variable` looks into the
/// environment.
pub fn cache_folder(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let home = || variable("HOME").map(PathBuf::from).or_else(std::env::home_dir).unwrap_or_default();
    cache.unwrap_or_else(|| home().join(".cache")).join("windlass")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_xdg_folder_counts_when_it_is_absolute() {
        let check = |xdg: Option<&str>, expected: &str| {
            let variable = |name: &str| match name {
                "XDG_CACHE_HOME" => xdg.map(str::to_owned),
                _ => Some("/home/ann".to_owned()),
            };
            assert_eq!(cache_folder(variable), PathBuf::from(expected), "{xdg:?}");
        };
        check(Some("/var/cache/ann"), "/var/cache/ann/windlass");
        check(Some("relative"), "/home/ann/.cache/windlass");
        check(None, "/home/ann/.cache/windlass");
    }
}
