//! What scripts can call, in the form that the language server of Rhai reads.

use rhai::Engine;

use super::{reference, stage};

/// A definition file (`.d.rhai`) with Rhai's own functions, the stages, and the functions of the default pipeline.
pub fn text() -> String {
    let mut engine = Engine::new();
    stage::register(&mut engine);
    let mut text = engine.definitions().single_file();
    for function in reference::functions() {
        for line in function.text.lines() {
            text += format!("/// {line}").trim_end();
            text.push('\n');
        }
        let (name, parameters) = function.call.split_once('(').unwrap_or((&function.call, ""));
        let parameters = parameters.trim_end_matches(')').split(", ").filter(|name| !name.is_empty());
        let parameters: Vec<_> = parameters.map(|name| format!("{name}: {}", kind(name))).collect();
        text += &format!("fn {name}({}) -> ?;\n\n", parameters.join(", "));
    }
    text
}

/// The type of a parameter of the default pipeline: each is named for it.
fn kind(parameter: &str) -> &str {
    match parameter {
        "project" => "Project",
        "image" => "Image",
        "dockerfile" => "Dockerfile",
        "plan" => "Plan",
        "built" | "result" => "Built",
        "results" => "Array",
        "error" => "StageError",
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
