//! Inputs with random damage: windlass handles each quickly and never panics.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use super::settings::{number, seed};
use crate::harness::Project;

/// The inputs that windlass reads.
#[derive(Debug, Clone, Copy)]
enum Input {
    Config,
    DockerConfig,
    Dockerfile,
    Environment,
    Ignore,
    Script,
    State,
}

const INPUTS: [Input; 7] = [
    Input::Config,
    Input::DockerConfig,
    Input::Dockerfile,
    Input::Environment,
    Input::Ignore,
    Input::Script,
    Input::State,
];

/// Strings that are difficult for parsers.
const WORDS: &[&str] = &[
    "\0",
    "\u{feff}",
    "${",
    "}",
    "\"",
    "'",
    "\\",
    "\t",
    "\r\n",
    "\n",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "- ",
    ": ",
    "#",
    "%",
    "99999999999999999999",
    "-1",
    "1e999",
    "ü",
    "\u{202e}",
    "$(",
    "[[[[[[[[",
    "{{{{{{{{",
    "null",
    "<<EOF\n",
    "--from=",
    "**/",
    "[^",
    "../",
    "# escape=`\n",
    "fn f() { f() }",
];

/// A project that was built once.
struct Bench {
    project: Project,
    /// Files of each kind that may replace the project's own before they are damaged.
    configs: Vec<Vec<u8>>,
    dockerfiles: Vec<Vec<u8>>,
    scripts: Vec<Vec<u8>>,
    state: Vec<PathBuf>,
}

impl Bench {
    fn new() -> Self {
        let project = Project::new()
            .limit(Duration::from_secs(90))
            // No server is reachable, so a damaged name has no effect.
            .env("HTTP_PROXY", "http://127.0.0.1:9")
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .file(
                "devspace.yaml",
                "version: v1beta9\nvars:\n- name: WHO\n  source: env\n  default: me\nimages:\n  one:\n    image: acme/one\n    tags: \
                 ['${WHO}']\n  two:\n    image: acme/two\n    dockerfile: two.Dockerfile\n    entrypoint: [sh]\n",
            )
            .file("Dockerfile", "# syntax=docker/dockerfile:1\nARG A=1\nFROM scratch AS one\nCOPY . /x/\nENV B=${A:-2}\nLABEL a=\"b c\"\n")
            .file("two.Dockerfile", "FROM acme/one\nCOPY --chown=1:2 a.txt \\\n  b/ /two/\nWORKDIR /w\nCMD [\"x\"]\n")
            .file(".dockerignore", "# rules\n*.log\n!keep.log\n**/node_modules\n/b/[a-c]?.txt\n")
            .file(".env", "WHO=you\nexport A='b'\nC=\"d ${WHO}\"\n# nothing\n")
            .file("windlass.rhai", "//! What this project does otherwise.\n\n/// Tags.\nfn tags(image) { [`t-${image.name}`] }\nfn prepare(image, dockerfile) { dockerfile.with_instructions([\"LABEL x=y\"]) }\n")
            .file("a.txt", "a")
            .file("b/c.txt", "c")
            .docker_config(r#"{"auths": {"r.example": {"auth": "YTpi"}}, "credHelpers": {"x.example": "none"}, "proxies": {"default": {"httpProxy": "http://p:1"}}}"#);
        project.run(["build", "--builder", "oci", "--skip-push"]).success();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let all = files(root.join("tests/corpus")).into_iter().chain(files(root.join("examples")));
        let all: Vec<_> = all.chain(files(root.join("tests/fuzz/seeds"))).collect();
        let of = |fits: &dyn Fn(&str) -> bool| {
            let fitting = all.iter().filter(|path| fits(&path.display().to_string()));
            fitting.map(|path| fs::read(path).expect("a file")).collect::<Vec<_>>()
        };
        let state = files(project.path(".windlass")).into_iter().filter(|path| !path.ends_with(".gitignore"));
        Self {
            configs: of(&|path| path.ends_with(".yaml") || path.contains("config_load")),
            dockerfiles: of(&|path| path.ends_with("Dockerfile") || path.contains("dockerfile_rewrite")),
            scripts: of(&|path| path.ends_with(".rhai")),
            state: state.collect(),
            project,
        }
    }

    /// Damages one input, runs windlass on it, and restores it; returns the error.
    fn check(&self, seed: u64) -> Option<String> {
        let mut rng = Rng::with_seed(seed);
        let input = INPUTS[rng.usize(..INPUTS.len())];
        let (path, others): (_, &[Vec<u8>]) = match input {
            Input::Config => (self.project.path("devspace.yaml"), self.configs.as_slice()),
            Input::DockerConfig => (self.project.docker_config_path(), &[]),
            Input::Dockerfile => (self.project.path("Dockerfile"), self.dockerfiles.as_slice()),
            Input::Environment => (self.project.path(".env"), &[]),
            Input::Ignore => (self.project.path(".dockerignore"), &[]),
            Input::Script => (self.project.path("windlass.rhai"), self.scripts.as_slice()),
            Input::State => (rng.choice(&self.state).expect("a build leaves state").clone(), &[]),
        };
        let original = fs::read(&path).unwrap_or_default();
        let start = if rng.bool() { rng.choice(others).unwrap_or(&original) } else { &original };
        let damaged = damage(&mut rng, start.clone());
        fs::write(&path, &damaged).expect("a file can be written");
        let arguments: &[&str] = match (input, rng.u8(..4)) {
            (Input::Config | Input::Script, 0) => &["check", "--no-exec"],
            (Input::Config, 1) => &["print", "--no-exec"],
            (Input::Config | Input::Script, _) => &["plan", "--no-exec"],
            (Input::State, 0) => &["why", "one"],
            (_, 1) => &["plan"],
            _ => &["build", "--builder", "oci", "--skip-push"],
        };
        let output = self.project.run(arguments);
        fs::write(&path, &original).expect("a file can be written");
        let is_answer = matches!(output.code(), Some(0..=3)) && !output.stderr.contains("panicked");
        // The records of earlier builds only save work.
        let is_right = is_answer && (!matches!(input, Input::State) || output.code() == Some(0));
        (!is_right).then(|| {
            format!(
                "WINDLASS_TEST_SEED={seed}: {input:?}\n{}\n{output}",
                String::from_utf8_lossy(&damaged[..damaged.len().min(3000)])
            )
        })
    }
}

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(files(entry.path())) } else { found.push(entry.path()) }
    }
    found.sort();
    found
}

/// `content` with up to four kinds of damage.
fn damage(rng: &mut Rng, mut content: Vec<u8>) -> Vec<u8> {
    for _ in 0..rng.usize(1..5) {
        let place = rng.usize(..=content.len());
        let end = (place + rng.usize(..40)).min(content.len());
        match rng.u8(..9) {
            0 if place < content.len() => content[place] = rng.u8(..),
            1 => drop(content.drain(place..end)),
            2 => {
                let part = content[place..end].repeat(rng.usize(1..60));
                drop(content.splice(place..place, part));
            }
            3 => content.truncate(place),
            4 => {
                let mut lines: Vec<_> = content.split_inclusive(|byte| *byte == b'\n').collect();
                rng.shuffle(&mut lines);
                let shuffled = lines.concat();
                content = shuffled;
            }
            5 => {
                let word = WORDS[rng.usize(..WORDS.len())].repeat(rng.usize(1..400));
                drop(content.splice(place..place, word.bytes()));
            }
            _ => {
                let word = WORDS[rng.usize(..WORDS.len())];
                drop(content.splice(place..place, word.bytes()));
            }
        }
    }
    content
}

/// Checks `count` inputs, and returns the errors.
fn check_all(seed: u64, count: u64) -> Vec<String> {
    let next = AtomicU64::new(0);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let bench = Bench::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    if number > 0 && number.is_multiple_of(500) {
                        println!("{number} of {count} damaged inputs");
                    }
                    let check = || bench.check(seed + number);
                    // A run that exceeds its time limit is a panic of the harness.
                    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check))
                        .unwrap_or_else(|_| Some(format!("WINDLASS_TEST_SEED={}: no end", seed + number)));
                    if let Some(found) = found {
                        println!("{found}");
                        wrong.lock().unwrap_or_else(PoisonError::into_inner).push(found);
                    }
                }
            });
        }
    });
    wrong.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn damaged_inputs_are_handled() {
    let wrong = check_all(1, 60);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
#[ignore = "slow: run tests/long/run"]
fn many_damaged_inputs() {
    let wrong = check_all(seed("many_damaged_inputs"), number("WINDLASS_TEST_ROUNDS", 4000));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}
