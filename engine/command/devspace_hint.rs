//! Arguments of DevSpace that windlass does not support, with a hint for each.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::exit_status::Failure;

/// An option or command of DevSpace that windlass does not support.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("unsupported DevSpace {what} `{word}`")]
#[diagnostic(code(cli::devspace))]
struct UnsupportedDevSpaceArg {
    what: &'static str,
    word: String,
    #[help]
    help: &'static str,
}

const NO_CLUSTER: &str = "windlass builds and pushes images, and creates only pull secrets in a cluster: \
                          `windlass render` prints the objects to apply, with the new tags";
const ANSWERS: &str = "answers are saved in `.windlass/vars.json`, never in the cluster: pass `--var NAME=VALUE`, or \
                       export the variable";
const CONTEXT: &str = "windlass does not change the kubeconfig: use `--kube-context NAME` and `-n NAMESPACE` for one \
                       run, or `kubectl config use-context NAME` for all";
const DEPENDENCIES: &str =
    "omit it: every run checks dependencies, builds them if they changed, and shows their output";

/// Options, and the hint for each.
const OPTIONS: [(&str, &str); 19] = [
    ("--allow-cyclic", "set `ignoreDependencies: true` in one of the dependencies of the cycle"),
    ("--force-dependencies", DEPENDENCIES),
    ("--inactivity-timeout", "omit it: it only affects `dev`"),
    ("--kubeconfig", "set the variable: `KUBECONFIG=FILE windlass ...`"),
    (
        "--no-colors",
        "set the variable: `NO_COLOR=1 windlass ...`; output is never colored without a terminal",
    ),
    ("--override-name", "override the variable: `--var DEVSPACE_NAME=NAME`"),
    ("--pipeline", "use `windlass run NAME`; pipelines are functions in windlass.rhai"),
    ("--profile-parent", "name the parent first: `-p PARENT -p NAME`"),
    ("--profile-refresh", "run `windlass update dependencies` to fetch dependencies from git"),
    ("--restore-vars", ANSWERS),
    ("--save-vars", ANSWERS),
    (
        "--sequential-dependencies",
        "use `--build-sequential` to build one image at a time, including those of dependencies",
    ),
    (
        "--skip-build",
        "omit it: `windlass build` only builds and pushes; `windlass plan` shows what it would do",
    ),
    ("--skip-pipeline", "name the images to build, or `--dependency NAME`"),
    ("--switch-context", CONTEXT),
    ("--use-include", "omit it"),
    ("--vars-secret", ANSWERS),
    ("--verbose-dependencies", DEPENDENCIES),
    ("-s", CONTEXT),
];

/// Commands, and the hint for each.
const COMMANDS: [(&str, &str); 32] = [
    ("add", "edit devspace.yaml; `windlass editor schema` prints a schema for your editor"),
    ("analyze", NO_CLUSTER),
    ("attach", NO_CLUSTER),
    ("cleanup", "use `docker image ls REPOSITORY` to list images and `docker image rm` to remove them"),
    ("deploy", NO_CLUSTER),
    ("dev", NO_CLUSTER),
    ("enter", NO_CLUSTER),
    ("list available-components", "see charts.devspace.sh for components"),
    ("list clusters", "use `kubectl config get-clusters`"),
    ("list configs", "use `windlass list profiles` to list profiles"),
    ("list contexts", "use `kubectl config get-contexts`, and `--kube-context NAME` to select one for a run"),
    ("list namespaces", "use `kubectl get namespaces`, and `-n NAME` to select one for a run"),
    ("list plugins", "windlass has no plugins: write functions in windlass.rhai instead"),
    ("list ports", "use `windlass print` to show the section `dev`"),
    ("list selectors", "use `windlass print` to show the section `dev`"),
    ("list sync", "use `windlass print` to show the section `dev`"),
    ("logs", NO_CLUSTER),
    ("open", NO_CLUSTER),
    ("purge", NO_CLUSTER),
    ("remove", "edit devspace.yaml; `windlass reset vars` deletes saved answers"),
    ("reset dependencies", "run `windlass update dependencies` to fetch them again"),
    ("reset pods", NO_CLUSTER),
    ("restart", NO_CLUSTER),
    ("run-pipeline", "use `windlass run NAME`; pipelines are functions in windlass.rhai"),
    ("status", "use `windlass plan` to show what a build would do, or `windlass why` to show what changed"),
    ("sync", NO_CLUSTER),
    ("ui", NO_CLUSTER),
    ("update config", "use `windlass upgrade` to convert devspace.yaml to the newest version"),
    ("update plugins", "windlass has no plugins: write functions in windlass.rhai instead"),
    ("use", "select profiles for each run with `-p NAME`, and contexts with `--kube-context NAME`"),
    ("version", "use `windlass --version`"),
    ("workflow", NO_CLUSTER),
];

/// The failure to report instead of `error` if `words`, the command line, contains an argument of DevSpace.
pub fn habit(error: &clap::Error, words: &[OsString]) -> Option<Failure> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let found = match error.kind() {
        ErrorKind::UnknownArgument => {
            let word = text(ContextKind::InvalidArg)?;
            let name = word.split('=').next().unwrap_or(word);
            find(&OPTIONS, name).map(|help| UnsupportedDevSpaceArg {
                what: "option",
                word: name.to_owned(),
                help,
            })
        }
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand)?;
            let place = words.iter().position(|other| other == word)?;
            let before = words.get(place.checked_sub(1)?).and_then(|word| word.to_str()).unwrap_or_default();
            let two = format!("{before} {word}");
            let name =
                if ["list", "reset", "set", "update"].contains(&before) { two } else { word.to_owned() };
            find(&COMMANDS, &name).map(|help| UnsupportedDevSpaceArg { what: "command", word: name, help })
        }
        _ => None,
    };
    found.map(Failure::wrong_use)
}

fn find(table: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| *name == word).map(|(_, help)| *help)
}

/// The set variables with which DevSpace reads options for every run: windlass does not read them.
pub fn ignored_flags() -> impl Iterator<Item = String> {
    let names = std::env::vars_os().filter(|(_, value)| !value.is_empty());
    let names = names.filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name == "DEVSPACE_FLAGS" || is_of_a_command(name))
}

fn is_of_a_command(name: &str) -> bool {
    let command = name.strip_prefix("DEVSPACE_").and_then(|name| name.strip_suffix("_FLAGS"));
    command.is_some_and(|command| ["BUILD", "RUN", "PRINT"].contains(&command))
}
