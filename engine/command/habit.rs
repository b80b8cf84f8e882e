//! What people type who know DevSpace, and what to type here.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::exit_status::Failure;

/// A word of DevSpace's command line that windlass does not have.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("windlass has no {what} `{word}`, which DevSpace has")]
#[diagnostic(code(cli::devspace))]
struct Habit {
    what: &'static str,
    word: String,
    #[help]
    help: &'static str,
}

const NO_CLUSTER: &str = "this version of windlass builds and pushes images, and does nothing in a cluster but pull \
                          secrets: `windlass build --result FILE` tells the references to deploy";
const ANSWERS: &str = "answers are kept in `.windlass/vars.json`, never in the cluster: pass `--var NAME=VALUE`, or \
                       export the variable";
const CONTEXT: &str = "windlass leaves the kubeconfig as it is: `--kube-context NAME` and `-n NAMESPACE` choose for one \
                       run, `kubectl config use-context NAME` for all";
const DEPENDENCIES: &str = "leave it out: dependencies are looked at in every run, built when they changed, and their output is shown";

/// Options, and what there is in their place.
const OPTIONS: [(&str, &str); 19] = [
    ("--allow-cyclic", "set `ignoreDependencies: true` in one of the dependencies of the circle"),
    ("--force-dependencies", DEPENDENCIES),
    ("--inactivity-timeout", "leave it out: it is about `dev`"),
    ("--kubeconfig", "set the variable: `KUBECONFIG=FILE windlass ...`"),
    ("--no-colors", "set the variable: `NO_COLOR=1 windlass ...`; where there is no terminal there are none"),
    ("--override-name", "`--var DEVSPACE_NAME=NAME` gives the variable another value"),
    ("--pipeline", "`windlass run NAME` calls a pipeline, which is a function of windlass.rhai"),
    ("--profile-parent", "name the parent first: `-p PARENT -p NAME`"),
    ("--profile-refresh", "`windlass update dependencies` fetches what comes from git"),
    ("--restore-vars", ANSWERS),
    ("--save-vars", ANSWERS),
    (
        "--sequential-dependencies",
        "`--build-sequential` builds one image after another, those of dependencies too",
    ),
    (
        "--skip-build",
        "leave it out: `windlass build` does nothing else; `windlass plan` shows what it would do",
    ),
    ("--skip-pipeline", "name the images to build, or `--dependency NAME`"),
    ("--switch-context", CONTEXT),
    ("--use-include", "leave it out"),
    ("--vars-secret", ANSWERS),
    ("--verbose-dependencies", DEPENDENCIES),
    ("-s", CONTEXT),
];

/// Commands, and what there is in their place.
const COMMANDS: [(&str, &str); 34] = [
    ("add", "write it into devspace.yaml; `windlass editor schema` helps the editor with it"),
    ("analyze", NO_CLUSTER),
    ("attach", NO_CLUSTER),
    (
        "cleanup",
        "`docker image ls REPOSITORY` shows the images of a repository, `docker image rm` removes them",
    ),
    ("deploy", NO_CLUSTER),
    ("dev", NO_CLUSTER),
    ("enter", NO_CLUSTER),
    ("list available-components", "components are a matter of charts.devspace.sh"),
    ("list clusters", "`kubectl config get-clusters` does"),
    ("list configs", "`windlass list profiles` shows the profiles"),
    ("list contexts", "`kubectl config get-contexts` does; `--kube-context NAME` chooses one for a run"),
    ("list deployments", "`windlass print` shows the section `deployments`"),
    ("list namespaces", "`kubectl get namespaces` does; `-n NAME` chooses one for a run"),
    ("list plugins", "windlass has no plugins: functions of windlass.rhai take their place"),
    ("list ports", "`windlass print` shows the section `dev`"),
    ("list selectors", "`windlass print` shows the section `dev`"),
    ("list sync", "`windlass print` shows the section `dev`"),
    ("logs", NO_CLUSTER),
    ("open", NO_CLUSTER),
    ("purge", NO_CLUSTER),
    ("remove", "take it out of devspace.yaml; `windlass reset vars` forgets answers"),
    ("render", "`windlass print` shows the configuration as a build uses it"),
    ("reset dependencies", "`windlass update dependencies` fetches them as they are now"),
    ("reset pods", NO_CLUSTER),
    ("restart", NO_CLUSTER),
    ("run-pipeline", "`windlass run NAME` calls a pipeline, which is a function of windlass.rhai"),
    ("status", "`windlass plan` shows what a build would do, `windlass why` what changed"),
    ("sync", NO_CLUSTER),
    ("ui", NO_CLUSTER),
    ("update config", "`windlass upgrade` brings devspace.yaml to the newest version"),
    ("update plugins", "windlass has no plugins: functions of windlass.rhai take their place"),
    (
        "use",
        "profiles are named in each run, as in `windlass build -p NAME`, contexts with `--kube-context NAME`",
    ),
    ("version", "`windlass --version` does"),
    ("workflow", NO_CLUSTER),
];

/// What to say in place of `error` when `words`, the command line, has a word of DevSpace's in it.
pub fn habit(error: &clap::Error, words: &[OsString]) -> Option<Failure> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let found = match error.kind() {
        ErrorKind::UnknownArgument => {
            let word = text(ContextKind::InvalidArg)?;
            let name = word.split('=').next().unwrap_or(word);
            find(&OPTIONS, name).map(|help| Habit { what: "option", word: name.to_owned(), help })
        }
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand)?;
            let place = words.iter().position(|other| other == word)?;
            let before = words.get(place.checked_sub(1)?).and_then(|word| word.to_str()).unwrap_or_default();
            let two = format!("{before} {word}");
            let name =
                if ["list", "reset", "set", "update"].contains(&before) { two } else { word.to_owned() };
            find(&COMMANDS, &name).map(|help| Habit { what: "command", word: name, help })
        }
        _ => None,
    };
    found.map(Failure::wrong_use)
}

fn find(table: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| *name == word).map(|(_, help)| *help)
}

/// The variables that give DevSpace options for every run, where they are set: windlass does not read them.
pub fn ignored_flags() -> impl Iterator<Item = String> {
    let names = std::env::vars_os().filter(|(_, value)| !value.is_empty());
    let names = names.filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name == "DEVSPACE_FLAGS" || is_of_a_command(name))
}

fn is_of_a_command(name: &str) -> bool {
    let command = name.strip_prefix("DEVSPACE_").and_then(|name| name.strip_suffix("_FLAGS"));
    command.is_some_and(|command| ["BUILD", "RUN", "PRINT"].contains(&command))
}
