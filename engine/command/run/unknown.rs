//! The error for an unknown name.

use std::ffi::OsString;

use crate::config::Project;
use crate::script::Pipeline;
use crate::suggestion::nearest;

/// Unknown name of a pipeline, command or image.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("unknown {what} `{name}`")]
#[diagnostic(code(run::unknown))]
pub struct UnknownName {
    what: &'static str,
    name: String,
    #[help]
    help: String,
}

impl UnknownName {
    /// The error for `name`, which is not defined in `project` or its scripts; `arguments` follow it.
    pub fn new(name: &str, project: &Project, pipelines: &Pipeline, arguments: &[OsString]) -> Self {
        let own = pipelines.own_pipelines();
        let pipelines = own.iter().map(|function| function.name.as_str());
        let commands = project.commands.values().filter(|command| !command.internal);
        let known: Vec<_> = pipelines.chain(commands.map(|command| command.name.as_str())).collect();
        let help = help(name, &known, arguments);
        Self { what: "pipeline or command", name: name.to_owned(), help }
    }

    /// The error for a `name` to plan that is not an image of `project` or a pipeline.
    pub fn to_plan(name: &str, project: &Project, pipelines: &Pipeline) -> Self {
        let own = pipelines.own_pipelines();
        let images = project.images.keys().map(String::as_str);
        let known: Vec<_> = images.chain(own.iter().map(|function| function.name.as_str())).collect();
        let help = match (project.commands.get(name), nearest(name, known.iter().copied())) {
            (_, _) if name == "build" => "run `windlass plan` without a name to plan the build".to_owned(),
            (Some(_), _) => {
                "run it with `windlass run`: a command of devspace.yaml cannot be planned".to_owned()
            }
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("choose one of `{}`", known.join("`, `")),
        };
        Self { what: "image or pipeline", name: name.to_owned(), help }
    }
}

fn help(name: &str, known: &[&str], arguments: &[OsString]) -> String {
    if ["build", "list", "plan"].contains(&name) {
        return format!("run `windlass {name}`: `run` is only for pipelines and commands of the project");
    }
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    // The scripts must be selected before the arguments of a pipeline can be parsed.
    let is_profile = |word: &OsString| {
        word.to_str().is_some_and(|word| word.starts_with("-p") || word.starts_with("--profile"))
    };
    if arguments.iter().any(is_profile) {
        return format!("if a profile defines it, pass the profile first: `windlass run -p PROFILE {name}`");
    }
    match known {
        [] => "write a pipeline: a function in windlass.rhai whose first parameter is `project`".to_owned(),
        known => format!("choose one of `{}`", known.join("`, `")),
    }
}
