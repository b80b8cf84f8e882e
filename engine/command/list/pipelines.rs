//! `windlass list pipelines`.

use serde::Serialize;

use super::{Row, show};
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load;
use crate::command::pipeline_options::scripts;
use crate::script::{Pipeline, Signature};

/// The additional help text.
pub(super) const HELP: &str = "\
A pipeline is a public function whose first parameter is `project`; `windlass run` calls it.

Fields of --json:
  name            the function's name
  documentation   its doc comment without the lines about parameters
  parameters      name, type (string, int, float, bool, list, choice), values of a
                  choice, default (null: required), documentation
  file, line      where it is defined";

/// One pipeline.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    signature: Signature,
    file: &'a str,
    line: usize,
}

impl Row for Listed<'_> {
    const COLUMNS: &'static [&'static str] = &["name", "parameters", "description", "location"];

    fn cells(&self) -> Vec<String> {
        let parameters = self.signature.parameters.iter().map(|parameter| match &parameter.default {
            Some(_) => format!("[{}]", parameter.name),
            None => parameter.name.clone(),
        });
        let parameters = parameters.collect::<Vec<_>>().join(" ");
        let place = format!("{}:{}", self.file, self.line);
        vec![self.signature.name.clone(), parameters, self.signature.summary(), place]
    }
}

/// Lists the project's own pipelines by name.
pub(super) fn list(global: &GlobalOptions, json: bool) -> Result<ExitStatus, Failure> {
    let loaded = load::load_outline(global)?;
    load::report(&loaded.warnings, global);
    let files = scripts(&loaded.project, &[])?;
    let pipeline = Pipeline::compile(files, &loaded.project.root).map_err(Failure::wrong_use)?;
    let listed = pipeline.own_pipelines().into_iter().map(|function| {
        let signature = Signature::of(function).map_err(Failure::wrong_use)?;
        Ok(Listed { signature, file: &function.file.name, line: function.line() })
    });
    let nothing = "the project has no pipelines; `windlass build` runs the default one";
    show(&listed.collect::<Result<Vec<_>, Failure>>()?, json, nothing)
}
