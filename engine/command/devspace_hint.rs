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

const ANSWERS: &str = "answers are saved in `.windlass/vars.json`, never in the cluster: pass `--var NAME=VALUE`, or \
                       export the variable";
const CONTEXT: &str = "windlass does not change the kubeconfig: use `--kube-context NAME` and `-n NAMESPACE` for one \
                       run, or `kubectl config use-context NAME` for all";
const DEPENDENCIES: &str =
    "omit it: every run checks dependencies, builds or deploys them if they changed, and shows their output";

/// Options, and the hint for each.
const OPTIONS: [(&str, &str); 24] = [
    ("--allow-cyclic", "set `ignoreDependencies: true` in one of the dependencies of the cycle"),
    ("--dependencies", "run `windlass purge` in the directory of the dependency"),
    ("--force-dependencies", DEPENDENCIES),
    ("--inactivity-timeout", "omit it: `windlass dev` does not end by itself"),
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
    ("--show-logs", "omit it: logs are printed to standard error, and objects to standard output"),
    (
        "--skip-build",
        "use it with `windlass deploy` or `windlass render`; `windlass plan` shows what a build would do",
    ),
    ("--skip-deploy", "use `windlass build`"),
    ("--skip-pipeline", "name the images to build, or `--dependency NAME`"),
    ("--switch-context", CONTEXT),
    ("--ui", "omit it: windlass has no web interface; use `windlass status` to show what runs"),
    ("--use-include", "omit it"),
    ("--vars-secret", ANSWERS),
    ("--verbose-dependencies", DEPENDENCIES),
    ("--verbose-sync", "omit it: the files of every upload and download are shown"),
    ("-s", CONTEXT),
];

/// Commands, and the hint for each.
const COMMANDS: [(&str, &str); 19] = [
    ("add", "edit devspace.yaml; `windlass editor schema` prints a schema for your editor"),
    ("list available-components", "see charts.devspace.sh for components"),
    ("list clusters", "use `kubectl config get-clusters`"),
    ("list configs", "use `windlass list profiles` to list profiles"),
    ("list contexts", "use `kubectl config get-contexts`, and `--kube-context NAME` to select one for a run"),
    ("list namespaces", "use `kubectl get namespaces`, and `-n NAME` to select one for a run"),
    ("list plugins", "windlass has no plugins: write functions in windlass.rhai instead"),
    ("list selectors", "use `windlass print` to show the section `dev`"),
    ("remove", "edit devspace.yaml; `windlass reset vars` deletes saved answers"),
    ("reset dependencies", "run `windlass update dependencies` to fetch them again"),
    (
        "reset pods",
        "omit it: windlass replaces no pods; use `kubectl rollout restart deployment/NAME` to restart them",
    ),
    ("restart", "use `kubectl rollout restart deployment/NAME`"),
    ("run-pipeline", "use `windlass run NAME`; pipelines are functions in windlass.rhai"),
    ("ui", "use `windlass status` to show what runs, and `windlass logs --follow` to show logs"),
    ("update config", "use `windlass upgrade` to convert devspace.yaml to the newest version"),
    ("update plugins", "windlass has no plugins: write functions in windlass.rhai instead"),
    ("use", "select profiles for each run with `-p NAME`, and contexts with `--kube-context NAME`"),
    ("version", "use `windlass --version`"),
    ("workflow", "use `windlass run NAME`; pipelines are functions in windlass.rhai"),
];

/// The failure to report instead of `error` if `words`, the command line, contains an argument of DevSpace.
pub fn devspace_hint(error: &clap::Error, words: &[OsString]) -> Option<Failure> {
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
    command.is_some_and(|command| {
        ["BUILD", "DEPLOY", "DEV", "PRINT", "PURGE", "RENDER", "RUN"].contains(&command)
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::command::cli::Cli;

    /// Whether the command line gets a hint.
    fn has_hint(line: &[&str]) -> bool {
        let words: Vec<OsString> = ["windlass"].iter().chain(line).map(OsString::from).collect();
        match Cli::try_parse_from(&words) {
            Err(error) => devspace_hint(&error, &words).is_some(),
            Ok(_) => false,
        }
    }

    /// The parts of `text` in backticks.
    fn quoted(text: &str) -> impl Iterator<Item = &str> {
        text.split('`').skip(1).step_by(2)
    }

    #[test]
    fn each_hint_is_shown_and_denies_no_command_of_windlass() {
        for (name, _) in COMMANDS {
            let line: Vec<_> = name.split(' ').collect();
            assert!(has_hint(&line), "`windlass {name}` exists: remove its hint");
        }
        for (name, _) in OPTIONS {
            assert!(has_hint(&["build", name]), "`windlass build` has `{name}`: remove its hint");
        }
    }

    #[test]
    fn hints_name_only_commands_that_exist() {
        let mut named = 0;
        for (name, help) in COMMANDS.iter().chain(&OPTIONS) {
            for line in quoted(help).filter_map(|quoted| quoted.strip_prefix("windlass ")) {
                let mut command = Cli::command();
                let words =
                    line.split(' ').take_while(|word| word.chars().all(|letter| letter.is_ascii_lowercase()));
                for word in words.filter(|word| !word.is_empty()) {
                    let next = command.find_subcommand(word).cloned();
                    command = next.unwrap_or_else(|| panic!("`{name}`: no command `windlass {line}`"));
                }
                named += 1;
            }
        }
        assert!(named > 10, "only {named} hints name a command");
    }
}
