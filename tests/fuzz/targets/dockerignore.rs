//! Any ignore file: applying it never panics, and a comment changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass::image::context::excluded;

/// Paths that are always tested, in addition to those of the input.
const PATHS: [&str; 6] = ["a", "a/b", "a/b/c.log", "node_modules/x/y.js", ".git/HEAD", "é/ü"];

// The ignore file, and after a NUL the paths, one per line.
fuzz_target!(|text: &str| {
    let (rules, paths) = text.split_once('\0').unwrap_or((text, ""));
    let clean = |path: &&str| path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let mut paths: Vec<&str> = paths.split('\n').filter(clean).collect();
    paths.extend(PATHS);

    let Ok(left_out) = excluded(".dockerignore", rules.as_bytes(), &paths) else { return };
    assert!(
        left_out.iter().all(|path| paths.contains(path)),
        "only the given paths are excluded"
    );

    let commented = format!("{rules}\n# a comment\n\n");
    let again = excluded(".dockerignore", commented.as_bytes(), &paths).expect("a comment is not an error");
    assert_eq!(left_out, again, "a comment changes nothing");
});
