//! The functions that scripts can override and call, from their doc comments.

use rhai::Engine;
use serde::Deserialize;

use super::engine::new_parser;
use super::file::DEFAULTS;
use super::library::MODULES;
use super::stage;
use crate::config::Version;
use crate::config::schema::{self, KeyPath, Shape};

/// One override for each function of the default pipeline.
const OVERRIDES: &str = include_str!("../../scripts/examples.rhai");

/// The kind of a documented item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocKind {
    /// A function of the default pipeline, which a project can override.
    Function,
    /// A stage: called by its name, or on a value.
    Stage,
    /// A property of a value.
    Property,
    /// A key of devspace.yaml.
    Key,
    /// A function that only tests can call.
    Test,
    /// A function of a module of the standard library.
    Library,
}

/// A documented function, property or key: its call and its documentation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Documented {
    /// How it is called: `tags(image)`, `plan.build_with(builder)`, `image.name`.
    pub call: String,
    /// Its kind.
    pub kind: DocKind,
    /// Its type, if that is always the same: `Image`, `list`.
    pub returns: Option<String>,
    /// Its documentation, in Markdown.
    pub text: String,
}

impl Documented {
    /// The first sentence or line of the documentation.
    pub fn summary(&self) -> String {
        let paragraph = self.text.split("\n\n").next().unwrap_or_default();
        paragraph.split('\n').collect::<Vec<_>>().join(" ")
    }

    /// How it is called, without arguments: `plan.build_with`.
    pub fn path(&self) -> &str {
        self.call.split('(').next().unwrap_or_default()
    }

    /// Its name: `build_with`.
    pub fn name(&self) -> &str {
        self.path().rsplit(['.', ':']).next().unwrap_or_default()
    }

    /// The value or module it belongs to: `plan`, `std/tags`.
    pub fn owner(&self) -> Option<&str> {
        let path = self.path();
        let (owner, _) = path.rsplit_once("::").or_else(|| path.rsplit_once('.'))?;
        Some(owner.trim_end_matches(".*").trim_end_matches("[]"))
    }

    /// The Rhai code of its examples.
    pub fn examples(&self) -> Vec<String> {
        let blocks = self.text.split("```rhai\n").skip(1);
        blocks.filter_map(|block| Some(block.split_once("```")?.0.to_owned())).collect()
    }
}

/// All documented items: functions, then stages and properties, then the standard library, then keys of devspace.yaml.
pub fn all() -> Vec<Documented> {
    [functions(), stages(), library(), keys()].concat()
}

/// The keys of devspace.yaml in all versions.
pub fn keys() -> Vec<Documented> {
    schema::key_paths().into_iter().map(key).collect()
}

fn key(found: KeyPath) -> Documented {
    let KeyPath { path, key, since } = found;
    let versions = match (since, key.until) {
        (Version::V1alpha1, Version::NEWEST) => "In every version.".to_owned(),
        (since, Version::NEWEST) => format!("Since {}.", since.as_str()),
        (since, until) if since == until => format!("In {} only.", until.as_str()),
        (since, until) => format!("From {} to {}.", since.as_str(), until.as_str()),
    };
    let when = if key.until == Version::NEWEST { "Before" } else { "Now" };
    let instead = key.instead.map(|instead| format!(" {when} {instead}.")).unwrap_or_default();
    Documented {
        call: path,
        kind: DocKind::Key,
        returns: type_of_key(key.shape).map(ToOwned::to_owned),
        text: format!("{}\n\n{versions}{instead}", key.doc),
    }
}

fn type_of_key(shape: Shape) -> Option<&'static str> {
    match shape {
        Shape::Text => Some("text"),
        Shape::Boolean => Some("true or false"),
        Shape::Number => Some("number"),
        Shape::List(_) => Some("list"),
        Shape::Map(_) | Shape::Fields(_) => Some("map"),
        Shape::TextOr(_) => Some("text or map"),
        Shape::Choice(_) | Shape::Any | Shape::File => None,
    }
}

/// The functions of the standard library, in the order of the files.
pub fn library() -> Vec<Documented> {
    MODULES.iter().flat_map(|(file, text)| functions_of(file.trim_end_matches(".rhai"), text)).collect()
}

/// Each module of the standard library: its path, and the first sentence of its doc comment.
pub fn modules() -> Vec<(String, String)> {
    let about = |(file, text): &(&str, &str)| {
        let lines = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let paragraph = lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        (file.trim_end_matches(".rhai").to_owned(), first_sentence(&paragraph))
    };
    MODULES.iter().map(about).collect()
}

fn first_sentence(text: &str) -> String {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches([':', '.']).to_owned() + "."
}

/// The public functions of the module `path`, in the order of its `text`.
fn functions_of(path: &str, text: &str) -> Vec<Documented> {
    let Ok(ast) = new_parser().compile(text) else { return Vec::new() };
    let public = |function: &rhai::ScriptFnMetadata<'_>| {
        function.access == rhai::FnAccess::Public && !super::pipeline::is_closure(function.name)
    };
    let mut functions: Vec<_> = ast
        .iter_functions()
        .filter(public)
        .map(|function| {
            let signature = format!("{}({})", function.name, function.params.join(", "));
            let place = text.find(&format!("\nfn {signature}"));
            let call = format!("{path}::{signature}");
            let text = text_of(function.comments.iter().copied());
            (place, Documented { call, kind: DocKind::Library, returns: None, text })
        })
        .collect();
    functions.sort();
    functions.into_iter().map(|(_, function)| function).collect()
}

/// The functions of the default pipelines that can be overridden, in the order of the files.
pub fn functions() -> Vec<Documented> {
    DEFAULTS.iter().flat_map(|(_, text)| default_functions(text)).collect()
}

/// The functions of the default pipeline `script`, in the order of the file.
fn default_functions(script: &str) -> Vec<Documented> {
    let Ok(ast) = new_parser().compile(script) else { return Vec::new() };
    let mut functions: Vec<_> = ast
        .iter_functions()
        .filter(|function| !super::pipeline::is_closure(function.name))
        .map(|function| {
            let call = format!("{}({})", function.name, function.params.join(", "));
            let text = text_of(function.comments.iter().copied());
            let default = definition(script, &call).unwrap_or_default();
            let default =
                default.lines().filter(|line| !line.starts_with("///")).collect::<Vec<_>>().join("\n");
            let example = definition(OVERRIDES, &call).unwrap_or_default();
            let text =
                format!("{text}\n\n# Default\n```rhai\n{default}\n```\n\n# Example\n```rhai\n{example}\n```");
            Documented { call, kind: DocKind::Function, returns: None, text }
        })
        .collect();
    let place = |function: &Documented| script.find(&format!("\nfn {}", function.call));
    functions.sort_by_key(place);
    functions
}

/// The function with the signature `call` in `script`, with its comment. No built-in function contains a blank line.
fn definition<'a>(script: &'a str, call: &str) -> Option<&'a str> {
    let head = format!("fn {call} ");
    let mut paragraphs = script.split("\n\n");
    let found = paragraphs.find(|paragraph| paragraph.lines().any(|line| line.starts_with(&head)))?;
    Some(found.trim_end())
}

/// The stages and the properties of their values, sorted by name.
pub fn stages() -> Vec<Documented> {
    let mut engine = Engine::new_raw();
    stage::register(&mut engine);
    of_engine(&engine)
}

/// The documented functions of `engine`, sorted by name.
pub(crate) fn of_engine(engine: &Engine) -> Vec<Documented> {
    let json = engine.gen_fn_metadata_to_json(false).unwrap_or_default();
    let Ok(metadata) = serde_json::from_str::<Metadata>(&json) else { return Vec::new() };
    let mut stages: Vec<_> = metadata.functions.into_iter().filter_map(Stage::documented).collect();
    stages.sort();
    stages.dedup();
    stages
}

#[derive(Deserialize)]
struct Metadata {
    functions: Vec<Stage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stage {
    name: String,
    #[serde(default)]
    params: Vec<Parameter>,
    #[serde(default)]
    return_type: String,
    #[serde(default)]
    doc_comments: Vec<String>,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
}

impl Stage {
    /// `None` for functions that Rhai calls implicitly.
    fn documented(self) -> Option<Documented> {
        let is_operator = !self.name.starts_with(|char: char| char.is_alphabetic());
        if is_operator || matches!(self.name.as_str(), "to_string" | "to_debug") {
            return None;
        }
        // A parameter that is only needed for its type begins with `_`.
        let name = |parameter: &'_ Parameter| parameter.name.trim_start_matches('_').to_owned();
        let names: Vec<_> = self.params.iter().map(name).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        // A function that takes its value by reference is called on it.
        let is_method = self.params.first().is_some_and(|first| first.kind.starts_with("&mut"));
        let (kind, call) = match (self.name.strip_prefix("get$"), names.split_first()) {
            (Some(property), Some((value, _))) => (DocKind::Property, format!("{value}.{property}")),
            (None, Some((value, rest))) if is_method => {
                (DocKind::Stage, format!("{value}.{}({})", self.name, rest.join(", ")))
            }
            (None, _) => (DocKind::Stage, format!("{}({})", self.name, names.join(", "))),
            (Some(_), None) => return None,
        };
        let text = text_of(self.doc_comments.iter().map(String::as_str));
        Some(Documented { call, kind, returns: type_in_words(&self.return_type), text })
    }
}

/// The name of a Rust type in scripts; `None` for one without information.
fn type_in_words(name: &str) -> Option<String> {
    let inner = name.strip_prefix("Result<").and_then(|rest| rest.strip_suffix(", Box<EvalAltResult>>"));
    let words = match inner.unwrap_or(name) {
        "" | "()" | "Dynamic" | "?" => return None,
        "Array" | "array" => "list",
        "Map" => "map",
        "String" | "ImmutableString" => "string",
        "i64" | "INT" => "number",
        other => other,
    };
    Some(words.to_owned())
}

/// Doc comments without their slashes.
pub(super) fn text_of<'a>(comments: impl Iterator<Item = &'a str>) -> String {
    let lines = comments.flat_map(str::lines).map(|line| {
        let line = line.trim_start().trim_start_matches('/');
        line.strip_prefix(' ').unwrap_or(line).trim_end()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::cluster::ClusterContext;
    use crate::fake_project::FakeProject;

    /// The block of a page between `<!-- NAME -->` and `<!-- end -->`.
    fn block(page: &str, name: &str) -> std::ops::Range<usize> {
        let head = format!("<!-- {name} -->\n");
        let start = page.find(&head).unwrap_or_else(|| panic!("no block `{name}`")) + head.len();
        start..start + page[start..].find("<!-- end -->").expect("the block ends")
    }

    fn check_block(page: &str, name: &str, title: &str, documented: &[Documented]) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let page = std::fs::read_to_string(&path).expect("the page can be read");
        let rows = documented.iter().map(|entry| format!("| `{}` | {} |\n", entry.call, entry.summary()));
        let table = format!("{title}|---|---|\n{}", rows.collect::<String>());
        let range = block(&page, name);
        if std::env::var_os("UPDATE_README").is_some() {
            let updated = [&page[..range.start], &table, &page[range.end..]].concat();
            std::fs::write(path, updated).expect("the page can be written");
            return;
        }
        assert_eq!(&page[range], table, "run the tests with UPDATE_README=1 to regenerate the table");
    }

    #[test]
    fn pages_list_overridable_functions_and_stages() {
        for (name, text) in DEFAULTS {
            check_block(
                "scripts/README.md",
                &format!("functions of {name}"),
                "| Function | What it does by default |\n",
                &default_functions(text),
            );
        }
        check_block("scripts/README.md", "stages", "| Stage | What it does |\n", &stages());
        check_block("stdlib/README.md", "standard library", "| Function | What it does |\n", &library());
    }

    #[test]
    fn everything_scripts_can_call_is_documented() {
        let all = [functions(), stages()].concat();
        assert!(all.len() > 40, "{all:#?}");
        for entry in all {
            assert!(!entry.text.trim().is_empty(), "`{}` has no documentation", entry.call);
        }
    }

    #[test]
    fn every_function_of_the_pipeline_has_an_example_that_runs() {
        for function in functions() {
            let examples = function.examples();
            let [default, example] = examples.as_slice() else { panic!("{function:#?}") };
            assert!(default.contains(&format!("fn {} ", function.call)), "{function:#?}");
            let is_there = example.contains(&format!("fn {} ", function.call));
            assert!(is_there, "scripts/examples.rhai has no override of `{}`", function.call);
            let config = format!("version: v1beta9\nimages:\n  api:\n    image: acme/api\n{DEPLOYMENTS}");
            let world = FakeProject::of_config(&config);
            write_deployments(&world);
            std::fs::create_dir_all(world.path("services/api")).expect("a directory can be created");
            for path in ["Dockerfile", "Dockerfile.dev"] {
                world.write(path, "FROM scratch AS debug\nFROM scratch\n");
            }
            let deploying = deploying(example, "");
            if !deploying.is_empty() {
                add_cluster(&world);
            }
            let ended = world.build(&format!("{example}{deploying}"));
            let failed = |error| panic!("the example of `{}`: {error}", function.call);
            drop(ended.result.unwrap_or_else(failed));
        }
    }

    /// A default function would hide it, or be hidden by it.
    #[test]
    fn no_default_function_has_the_name_of_a_built_in_one() {
        let mut engine = Engine::new();
        stage::register(&mut engine);
        let json = engine.gen_fn_metadata_to_json(true).expect("metadata");
        let metadata: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let built_in: HashSet<_> = metadata["functions"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|function| (function["name"].as_str().expect("a name"), function["numParams"].as_u64()))
            .collect();
        assert!(built_in.contains(&("values", Some(1))), "a map has `values()`");
        for function in functions() {
            let (name, parameters) = function.call.split_once('(').expect("a function is called");
            let count = parameters.trim_end_matches(')').split(", ").filter(|name| !name.is_empty()).count();
            let is_taken = built_in.contains(&(name, Some(count as u64)));
            assert!(!is_taken, "`{}` is a function of Rhai or a stage", function.call);
        }
    }

    #[test]
    fn every_module_is_documented() {
        let functions = library();
        for (path, about) in modules() {
            assert!(about.len() > 10, "{path} has no summary");
            let is_its = |function: &&Documented| function.owner() == Some(&path);
            assert!(functions.iter().filter(is_its).count() > 2, "{path} has no functions");
        }
    }

    #[test]
    fn every_stage_has_an_example_that_runs() {
        for stage in [stages(), library()].concat() {
            let examples = stage.examples();
            let is_property = stage.kind == DocKind::Property;
            assert!(is_property || !examples.is_empty(), "`{}` has no example", stage.call);
            for example in examples {
                assert!(example.contains(stage.name()), "the example of `{}` does not use it", stage.call);
                run_example(&stage.call, &example);
            }
        }
    }

    /// A deployment of each kind.
    const DEPLOYMENTS: &str = "deployments:\n- name: api\n  kubectl: {manifests: [kube.yaml]}\n- name: web\n  helm: {chart: {name: \
                               ./chart}, values: {replicas: 2}}\n";

    fn write_deployments(world: &FakeProject) {
        world.write("kube.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: api}\n");
        std::fs::create_dir_all(world.path("chart")).expect("a directory can be created");
        world.write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n");
    }

    fn add_cluster(world: &FakeProject) {
        let text = str::to_owned;
        let context = ClusterContext {
            name: text("dev"),
            cluster: text("dev"),
            namespace: text("shop"),
            server: text("https://127.0.0.1:6443"),
            provider: None,
        };
        world.set_cluster(context, Vec::new());
    }

    /// A pipeline that makes `calls`, and renders, deploys and purges the deployments of the project, if `example` is
    /// about deployments.
    fn deploying(example: &str, calls: &str) -> String {
        if !["deploy", "namespace", "wait", "purge"].iter().any(|word| example.contains(word)) {
            return String::new();
        }
        let render = match example.contains("fn render") {
            true => "render(project);",
            false => "for deployment in project.deployments { print_objects(plan_deployment(deployment)); }",
        };
        format!("\nfn build(project) {{ {calls} {render} deploy(project); purge(project); }}")
    }

    /// Builds with `example` as override; functions that no build calls are called with a value for the name of each
    /// parameter.
    fn run_example(call: &str, example: &str) {
        let custom =
            if example.contains("plan_custom") { "    build: {custom: {command: make}}\n" } else { "" };
        let image = "ghcr.io/shop/staging/api";
        let config = format!(
            "version: v1beta9\nimages:\n  api:\n    image: {image}\n    tags: ['1']\n{custom}{DEPLOYMENTS}"
        );
        let world = FakeProject::of_config(&config);
        world.set_variable("HOME", "/home/ada");
        write_deployments(&world);
        for reference in
            ["ghcr.io/shop/staging/api:1", "ghcr.io/shop/staging/api:1.4", "ghcr.io/acme/staging/api:1.4"]
        {
            world.push(reference);
        }
        for folder in ["services/api", "release"] {
            std::fs::create_dir_all(world.path(folder)).expect("a directory can be created");
        }
        for path in ["Dockerfile", "Dockerfile.dev", "release/Dockerfile"] {
            world.write(path, "FROM scratch AS test\nFROM scratch\nCMD [\"serve\"]\n");
        }
        let ast = new_parser().compile(example).expect("examples are valid");
        let known = functions();
        let own = ast.iter_functions().filter(|function| !super::super::pipeline::is_closure(function.name));
        let is_called = |name: &str| known.iter().any(|function| function.name() == name);
        let calls = own.filter(|function| !is_called(function.name)).map(|function| {
            let argument = |name: &&str| match *name {
                "project" => "project".to_owned(),
                "tag" => "\"1\"".to_owned(),
                "image" => "project.image(\"api\")".to_owned(),
                "plan" => "plan(tagged(project.image(\"api\")))".to_owned(),
                "deployment" => "project.deployments[0]".to_owned(),
                "folder" => "project.dev.folders[0]".to_owned(),
                "port" => "project.dev.ports[0]".to_owned(),
                "event" => "\"start:sync\"".to_owned(),
                "reason" => "()".to_owned(),
                "path" => "\"src/a\"".to_owned(),
                "paths" => "[\"src/a\"]".to_owned(),
                other => panic!("the example of `{call}` has a parameter `{other}`"),
            };
            let arguments = function.params.iter().map(argument).collect::<Vec<_>>().join(", ");
            format!("{}({arguments});", function.name)
        });
        let calls = calls.collect::<String>();
        let script = match deploying(example, &calls) {
            deploying if !deploying.is_empty() => {
                add_cluster(&world);
                format!("{example}{deploying}")
            }
            _ if calls.is_empty() => example.to_owned(),
            _ => format!("{example}\nfn build(project) {{ {calls} }}"),
        };
        let ended = world.build(&script);
        if let Err(error) = ended.result {
            let failures = ended.execution.failures();
            let failures: Vec<_> = failures.iter().map(|(_, error)| error.to_string()).collect();
            panic!("the example of `{call}`: {error} {failures:?}\n{script}");
        }
    }
}
