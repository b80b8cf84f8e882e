//! Everything that scripts can call, in the format of the Rhai language server.

use rhai::Engine;

use super::reference::Documented;
use super::{reference, stage};

/// A definition file (`.d.rhai`) with Rhai's own functions, the stages, the functions of the default pipeline, and the
/// modules of the standard library under their usual import names.
pub fn text() -> String {
    let mut engine = Engine::new();
    stage::register(&mut engine);
    let mut text = engine.definitions().single_file();
    for function in reference::functions() {
        define(&mut text, &function, "");
    }
    let library = reference::library();
    for (path, about) in reference::modules() {
        let name = path.rsplit('/').next().unwrap_or_default();
        text += &format!("/// {about} `import \"{path}\" as {name};`\nmodule {name} {{\n");
        let functions = library.iter().filter(|function| function.owner() == Some(&path));
        functions.for_each(|function| define(&mut text, function, "    "));
        text += "}\n\n";
    }
    text
}

/// Adds the definition of `function`, each line after `indent`.
fn define(text: &mut String, function: &Documented, indent: &str) {
    for line in function.text.lines() {
        *text += format!("{indent}/// {line}").trim_end();
        text.push('\n');
    }
    let (path, parameters) = function.call.split_once('(').unwrap_or((&function.call, ""));
    let name = path.rsplit("::").next().unwrap_or(path);
    let names = parameters.trim_end_matches(')').split(", ").filter(|name| !name.is_empty());
    let is_deployment = parameters.starts_with("deployment");
    let typed = |name: &str| match name {
        "result" if is_deployment => format!("{name}: Deployed"),
        _ => format!("{name}: {}", kind(name)),
    };
    let parameters: Vec<_> = names.map(typed).collect();
    *text += &format!("{indent}fn {name}({}) -> ?;\n\n", parameters.join(", "));
}

/// The type of a parameter of the default pipeline, which its name determines.
fn kind(parameter: &str) -> &str {
    match parameter {
        "project" => "Project",
        "image" => "Image",
        "dockerfile" => "Dockerfile",
        "plan" => "Plan",
        "built" | "result" => "Built",
        "results" => "Array",
        "error" => "StageError",
        "deployment" => "Deployment",
        "rollout" => "Rollout",
        "folder" => "Folder",
        "batch" => "SyncedBatch",
        "change" => "ImageChange",
        "port" => "Forward",
        "path" | "event" => "String",
        "selection" => "Selection",
        "candidates" | "paths" => "Array",
        // A map or a list; a string or `()`.
        "content" | "reason" => "Dynamic",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_have_stages_and_functions_with_their_types() {
        let text = text();
        for line in [
            "module static;",
            "fn load_context(image: Image) -> Context;",
            "fn get name(image: Image) -> String;",
            "fn publish(image: Image, built: Built) -> ?;",
            "fn after_build(project: Project, results: Array) -> ?;",
            "module tags {",
            "    fn git_describe() -> ?;",
            "    fn content(plan: Plan) -> ?;",
        ] {
            assert!(text.lines().any(|found| found == line), "no line `{line}`");
        }
        assert!(!text.contains("RhaiResultOf") && !text.contains("EvalAltResult"));
    }

    #[test]
    fn every_parameter_of_the_pipeline_has_a_type() {
        for function in reference::functions() {
            let (_, parameters) = function.call.split_once('(').expect("a function is called");
            for parameter in parameters.trim_end_matches(')').split(", ").filter(|name| !name.is_empty()) {
                assert_ne!(kind(parameter), "?", "`{}` has a parameter of no known type", function.call);
            }
        }
    }
}
