//! The error for a name that nothing has.

use std::ffi::OsString;

use crate::config::Project;
use crate::script::Pipeline;
use crate::suggestion::nearest;

/// Nothing that is meant has this name.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("there is no {what} `{name}`")]
#[diagnostic(code(run::unknown))]
pub struct UnknownName {
    what: &'static str,
    name: String,
    #[help]
    help: String,
}

impl UnknownName {
    /// The error for `name`, which neither `project` nor its scripts have; `arguments` is what followed it.
    pub fn new(name: &str, project: &Project, pipelines: &Pipeline, arguments: &[OsString]) -> Self {
        let own = pipelines.own_pipelines();
        let pipelines = own.iter().map(|function| function.name.as_str());
        let commands = project.commands.values().filter(|command| !command.internal);
        let known: Vec<_> = pipelines.chain(commands.map(|command| command.name.as_str())).collect();
        let help = help(name, &known, arguments);
        Self { what: "pipeline or command", name: name.to_owned(), help }
    }

    /// The error for `name`, which is to be planned and is neither an image of `project` nor a pipeline.
    pub fn to_plan(name: &str, project: &Project, pipelines: &Pipeline) -> Self {
        let own = pipelines.own_pipelines();
        let images = project.images.keys().map(String::as_str);
        let known: Vec<_> = images.chain(own.iter().map(|function| function.name.as_str())).collect();
        let help = match (project.commands.get(name), nearest(name, known.iter().copied())) {
            (_, _) if name == "build" => {
                "write `windlass plan`: without a name it plans the build".to_owned()
            }
            (Some(_), _) => "a command of devspace.yaml cannot be planned: `windlass run` runs it".to_owned(),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("there are `{}`", known.join("`, `")),
        };
        Self { what: "image or pipeline", name: name.to_owned(), help }
    }
}

fn help(name: &str, known: &[&str], arguments: &[OsString]) -> String {
    if ["build", "list", "plan"].contains(&name) {
        return format!("write `windlass {name}`: `run` is for pipelines and commands of your own");
    }
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    // Which scripts count is decided before the arguments of a pipeline can be understood.
    let is_profile = |word: &OsString| {
        word.to_str().is_some_and(|word| word.starts_with("-p") || word.starts_with("--profile"))
    };
    if arguments.iter().any(is_profile) {
        return format!(
            "if it belongs to a profile, name the profile first: `windlass run -p PROFILE {name}`"
        );
    }
    match known {
        [] => "a pipeline is a function of windlass.rhai whose first parameter is `project`".to_owned(),
        known => format!("there are `{}`", known.join("`, `")),
    }
}
