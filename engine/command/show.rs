//! `windlass show`: the functions of a pipeline, and where each is defined.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde::Serialize;

use super::completions;
use super::exit_status::{ExitStatus, Failure};
use super::load::load_project;
use super::pipeline_options::scripts;
use super::stdout::{print, print_json};
use crate::command::cli::GlobalOptions;
use crate::config::Project;
use crate::graph::Graph;
use crate::script::{Function, Pipeline, ScriptFile};

/// The options of `windlass show`.
#[derive(Debug, Args)]
#[command(after_help = "\
The first line lists the scripts of the pipeline: a later script overrides functions of
earlier ones. The other lines show each function, the location of its definition, and
the definitions that it replaces. After the empty line, the functions that are not in the
default pipeline follow.

Examples:
  windlass show build                     show every function and its location
  windlass show build -p dev --image api  show those for `api` in the profile `dev`
  windlass show deploy                    show those of `deploy`, `render` and `purge`
  windlass show dev                       show those of `dev`
  windlass show build --default > windlass.rhai   write a copy to edit; it plans the same")]
pub struct ShowArgs {
    /// The pipeline
    #[arg(value_name = "PIPELINE", value_parser = ["build", "deploy", "dev"])]
    pub pipeline: String,

    /// Show only the functions that process this image
    #[arg(long, value_name = "IMAGE", add = ArgValueCandidates::new(completions::images))]
    pub image: Option<String>,

    /// Print the source of the default pipeline
    #[arg(long, conflicts_with_all = ["image", "scripts", "json"])]
    pub default: bool,

    /// Apply this script of overrides last (repeatable)
    #[arg(long = "script", value_name = "FILE")]
    pub scripts: Vec<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The output, also as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    pipeline: &'a str,
    files: Vec<&'a str>,
    functions: Vec<ShownFunction<'a>>,
}

#[derive(Serialize)]
struct ShownFunction<'a> {
    name: &'a str,
    parameters: &'a [String],
    /// The first paragraph of its documentation.
    summary: &'a str,
    file: &'a str,
    line: usize,
    /// The definitions that it replaces, the last one first.
    replaces: Vec<ShownPlace<'a>>,
    /// Whether the default pipeline defines it.
    default: bool,
    /// The images that its source names, if it is not in the default pipeline.
    images: Vec<&'a str>,
}

#[derive(Serialize)]
struct ShownPlace<'a> {
    file: &'a str,
    line: usize,
}

/// Prints the functions of a pipeline.
///
/// # Errors
/// If the configuration, a script or the command line is invalid.
pub fn show(global: &GlobalOptions, args: &ShowArgs) -> Result<ExitStatus, Failure> {
    if args.default {
        let file = ScriptFile::default_of(&args.pipeline);
        return print(file.as_ref().map_or("", |file| &file.text));
    }
    let project = load_project(global)?.project;
    if let Some(name) = &args.image
        && !project.images.contains_key(name)
    {
        let graph = Graph::new(&project, |_| Vec::new()).map_err(Failure::wrong_use)?;
        return Err(Failure::wrong_use(graph.unknown(name)));
    }
    let files = scripts(&project, &args.scripts)?;
    let pipeline = Pipeline::compile(files, &project.root);
    let pipeline = pipeline.map_err(Failure::wrong_use)?;
    let functions = pipeline.ordered_functions();
    let works_on_image =
        |function: &Function| function.parameters.first().is_some_and(|first| first == "image");
    let shows = |file: &ScriptFile| {
        !file.is_built_in() || ScriptFile::default_of(&args.pipeline).is_some_and(|own| own.name == file.name)
    };
    let shown = Shown {
        pipeline: &args.pipeline,
        files: pipeline.files().iter().filter(|file| shows(file)).map(|file| &*file.name).collect(),
        functions: functions
            .into_iter()
            .filter(|function| args.image.is_none() || works_on_image(function))
            .filter(|function| function.default_pipeline().is_none_or(|pipeline| pipeline == args.pipeline))
            .map(|function| ShownFunction::new(function, &project))
            .collect(),
    };
    if args.json { print_json(&shown) } else { print(&shown.text(args.image.as_deref())) }
}

impl<'a> ShownFunction<'a> {
    fn new(function: &'a Function, project: &'a Project) -> Self {
        let is_named = |name: &&str| !function.file.is_built_in() && names(function.text(), name);
        let place = |before: &'a Function| ShownPlace { file: &before.file.name, line: before.line() };
        Self {
            name: &function.name,
            parameters: &function.parameters,
            summary: function.documentation.split("\n\n").next().unwrap_or_default(),
            file: &function.file.name,
            line: function.line(),
            replaces: function.replaced.iter().map(place).collect(),
            default: function.is_default(),
            images: project.images.keys().map(String::as_str).filter(is_named).collect(),
        }
    }

    /// The definitions that it replaces and the images that it names, as text.
    fn notes(&self, image: Option<&str>) -> String {
        let mut notes = Vec::new();
        if !self.replaces.is_empty() {
            let places = self.replaces.iter().map(|place| format!("{}:{}", place.file, place.line));
            notes.push(format!("replaces {}", places.collect::<Vec<_>>().join(", ")));
        }
        if !self.images.is_empty() && !image.is_some_and(|image| self.images.contains(&image)) {
            notes.push(format!("names {}", self.images.join(", ")));
        }
        notes.join("; ")
    }
}

/// Whether `text` contains `image` as a literal.
fn names(text: &str, image: &str) -> bool {
    ['"', '`'].iter().any(|quote| text.contains(&format!("{quote}{image}{quote}")))
}

impl Shown<'_> {
    fn text(&self, image: Option<&str>) -> String {
        let rows = self.functions.iter().map(|function| {
            let signature = format!("{}({})", function.name, function.parameters.join(", "));
            (signature, format!("{}:{}", function.file, function.line), function)
        });
        let rows: Vec<_> = rows.collect();
        let signatures = rows.iter().map(|(signature, ..)| signature.chars().count()).max().unwrap_or(0);
        let places = rows.iter().map(|(_, place, _)| place.chars().count()).max().unwrap_or(0);
        let mut text = format!("{}\n\n", self.files.join(" < "));
        let mut is_default = true;
        for (signature, place, function) in &rows {
            if is_default && !function.default {
                text.push('\n');
                is_default = false;
            }
            let notes = function.notes(image);
            let line = format!("{signature:signatures$}  {place:places$}  {notes}");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }
}
