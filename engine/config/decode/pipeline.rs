//! `pipelines` of v2beta1: DevSpace scripts, which windlass does not run.

use crate::config::node::{Mapping, field};
use crate::config::problem::Report;
use crate::config::reader::Reader;

/// The commands of a pipeline that do not change which images windlass builds.
const BUILDS_ALL: [&str; 4] = [
    "run_dependencies --all --pipeline build",
    "run_dependencies --all",
    "build_images --all",
    "run_default_pipeline build",
];

/// Warns if the pipeline `build` does not simply build all images.
pub(super) fn warn(document: &Mapping, reader: &mut Reader<'_>) {
    let Some(pipelines) = field(document, "pipelines").and_then(|node| node.as_mapping()) else { return };
    let Some(build) = pipelines.get("build") else { return };
    let Some(script) = build.node.get("run").and_then(|node| node.as_scalar()) else { return };
    let lines = script.text.lines().flat_map(|line| line.split(';')).map(str::trim);
    let mut commands = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    if commands.peek().is_some() && commands.all(|command| BUILDS_ALL.contains(&command)) {
        return;
    }
    let message = "the pipeline `build` is ignored: windlass does not run DevSpace scripts";
    let report = Report::new("config::pipeline", message, "windlass builds all images instead")
        .help("pass the images to build, or override functions of the default pipeline in windlass.rhai");
    reader.problems.warn(build.key, report);
}
