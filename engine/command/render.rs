//! `windlass render`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::PipelineOptions;
use super::deploy_options::BuiltDeployments;
use super::exit_status::{ExitStatus, Failure};
use super::load::{load_project, warn};
use super::pipeline_run::{PipelineCall, run_pipeline_then};
use super::stdout::{print, print_json};
use crate::command::cli::GlobalOptions;
use crate::deploy::manifest;
use crate::rollout::{self, Rollout};
use crate::script::ScriptError;

/// The options of `windlass render`.
#[derive(Debug, Args)]
#[command(after_help = "\
The objects are printed as one YAML stream, in the order in which they can be applied.
Everything else is printed to standard error. No cluster is contacted.

Examples:
  windlass render                             build, then print the objects of all deployments
  windlass render --skip-build web            print those of `web`, with the last builds
  windlass render --skip-build | kubectl diff -f -    compare them with a cluster
  windlass render --output manifests          write a file per object")]
pub struct RenderArgs {
    /// The deployments.
    #[command(flatten)]
    pub selected: BuiltDeployments,

    /// Write a file per object into this directory
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,

    /// Print one JSON object of the kind `List`
    #[arg(long, conflicts_with = "output")]
    pub json: bool,

    /// The options of every pipeline.
    #[command(flatten)]
    pub options: PipelineOptions,
}

/// A file of `--output` cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write `{}`: {source}", path.display())]
#[diagnostic(code(render::output))]
struct Unwritten {
    path: PathBuf,
    source: std::io::Error,
}

/// Prints the objects of deployments.
///
/// # Errors
/// If the configuration, a script or the command line is invalid. Failures of images are reported here.
pub fn render(global: &GlobalOptions, args: &RenderArgs) -> Result<ExitStatus, Failure> {
    let names = args.selected.names();
    let loaded = load_project(global)?;
    rollout::selected(&loaded.project, &names).map_err(Failure::wrong_use)?;
    let is_complete = names.is_empty();
    let call = PipelineCall {
        pipeline: "render".to_owned(),
        deployments: names,
        skip_build: args.selected.skip_build,
        ..PipelineCall::build(Vec::new())
    };
    run_pipeline_then(global, &args.options, loaded, call, |execution| {
        let rollouts = execution.rollouts();
        if is_complete {
            for image in rollout::unused_images(&execution.run, &rollouts) {
                warn(&image.to_string(), global);
            }
        }
        let rendered = objects_of(&rollouts).map_err(Failure::failed)?;
        let objects = rendered.iter().flat_map(|(_, objects)| objects);
        match &args.output {
            Some(directory) => write(&rendered, directory).map_err(Failure::failed),
            None if args.json => {
                let items: Vec<_> = objects.collect();
                print_json(&json!({ "apiVersion": "v1", "kind": "List", "items": items }))
            }
            None => print(&manifest::print(objects)),
        }
    })
}

/// The objects of each rollout, with the name of its deployment.
fn objects_of(rollouts: &[Rollout]) -> Result<Vec<(String, Vec<Value>)>, ScriptError> {
    let objects = |rollout: &Rollout| {
        Ok((rollout.deployment().name().to_owned(), rollout.objects().map_err(ScriptError::of_stage_error)?))
    };
    rollouts.iter().map(objects).collect()
}

/// Writes each object to `DIRECTORY/DEPLOYMENT/KIND-NAME.yaml`.
fn write(rollouts: &[(String, Vec<Value>)], directory: &Path) -> Result<ExitStatus, Unwritten> {
    let mut written = HashSet::new();
    for (deployment, objects) in rollouts {
        let directory = directory.join(deployment);
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| Unwritten { path, source }
        };
        std::fs::create_dir_all(&directory).map_err(failed(&directory))?;
        for object in objects {
            let name = file_name(object);
            let mut path = directory.join(format!("{name}.yaml"));
            let mut number = 2;
            while !written.insert(path.clone()) {
                path = directory.join(format!("{name}-{number}.yaml"));
                number += 1;
            }
            let text = manifest::print([object]);
            std::fs::write(&path, text).map_err(failed(&path))?;
        }
    }
    Ok(ExitStatus::Done)
}

/// `deployment-web`: names of roles can have characters that file names cannot.
fn file_name(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let name = format!("{}-{}", text("/kind").to_lowercase(), text("/metadata/name"));
    let fits = |character: char| character.is_ascii_alphanumeric() || ['-', '.', '_'].contains(&character);
    name.chars().map(|character| if fits(character) { character } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_have_no_separators() {
        let object = json!({"kind": "ClusterRole", "metadata": {"name": "a:b/../c"}});
        assert_eq!(file_name(&object), "clusterrole-a-b-..-c");
    }
}
