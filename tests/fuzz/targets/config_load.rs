//! Any `devspace.yaml` of any version: loading and upgrading it never panics.

#![no_main]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use windlass::config::{LoadOptions, load, upgrade_file};

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    // In memory if possible: each input is a file.
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    TempDir::with_prefix_in("windlass-fuzz-", parent).expect("a temporary directory can be created")
});

fuzz_target!(|data: &[u8]| {
    // Variables can name commands to run, and imports can name repositories to clone. The fuzzer must not start any
    // command, so no input may name one, not even behind an escape or with a tag that decodes it.
    let text = String::from_utf8_lossy(data).to_lowercase();
    let words = ["command", "\\x", "\\u", "!!binary", "$(", "$!(", "$#(", "git"];
    // A `$` from a variable, before a parenthesis, would form an expression as well.
    let makes_expressions = text.contains("${") && text.contains('(');
    if makes_expressions || words.iter().any(|word| text.contains(word)) {
        return;
    }
    let file = FOLDER.path().join("devspace.yaml");
    std::fs::write(&file, data).expect("the file can be written");
    let options = |profiles: Vec<String>| LoadOptions {
        directory: FOLDER.path().to_owned(),
        config: Some(file.clone()),
        profiles,
        environment: Some(HashMap::from([("PATH".to_owned(), "/nonexistent".to_owned())])),
        ..LoadOptions::default()
    };
    let _ = load(&options(Vec::new()));
    let _ = load(&options(vec!["dev".to_owned()]));
    let _ = upgrade_file(&options(Vec::new()));
});
