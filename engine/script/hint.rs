//! Suggestions for unknown names.

use super::trace::ScriptLocation;
use super::{Pipeline, reference, resolver, stage};
use crate::plural::counted;
use crate::suggestion::nearest;

/// The hint for the unknown function `name`; `on` is the type of its first argument, if known.
pub fn function(pipeline: &Pipeline, name: &str, on: Option<&str>) -> String {
    if on.is_some_and(|on| stage::properties_of(on).iter().any(|known| known == name)) {
        return format!("it is a property: write `.{name}`, without `()`");
    }
    let library = reference::library();
    if let Some(found) = library.iter().find(|function| function.name() == name) {
        return of_module(found);
    }
    if let Some(hint) = name_elsewhere(name, on == Some("Project")) {
        return hint.to_owned();
    }
    let mut stages = stage::names();
    if pipeline.is_test() {
        let callable = pipeline.others();
        let counts: Vec<_> =
            callable.iter().filter(|(known, _)| known == name).map(|(_, count)| count).collect();
        if let [count] = counts.as_slice() {
            return format!("`{name}` takes {}", counted(**count, "argument"));
        }
        stages.extend(callable.iter().map(|(known, _)| known.clone()));
        stages.extend(reference::functions().iter().map(|function| function.name().to_owned()));
    }
    let own = pipeline.ordered_functions();
    let names = own.iter().map(|function| function.name.as_str());
    let known = names.chain(stages.iter().map(String::as_str));
    if let Some(known) = nearest(name, known.filter(|known| *known != name)) {
        return format!("did you mean `{known}`?");
    }
    let near = nearest(name, library.iter().map(|function| function.name()));
    if let Some(found) = near.and_then(|near| library.iter().find(|function| function.name() == near)) {
        return of_module(found);
    }
    let more = if pipeline.is_test() { ", or `windlass doc test` for tests" } else { "" };
    format!("run `windlass doc` to list what scripts can call{more}")
}

/// The hint for a function that has this name in other languages, or that the value does not have.
pub fn name_elsewhere(name: &str, is_on_project: bool) -> Option<&'static str> {
    match name {
        "run" if is_on_project => Some("call the pipeline as a function: `release(project, \"1.4.0\")`"),
        "run" | "shell" | "system" | "cmd" | "bash" | "spawn" | "popen" | "subprocess" | "os" => {
            Some("run commands with `exec([\"make\", \"all\"])` or `sh(\"make all\")`")
        }
        "print" | "println" | "log" | "echo" | "puts" => Some("write `print(text)`, with one string"),
        "format" | "sprintf" | "concat" => Some("write a string in backticks: `v-${image.name}`"),
        "length" | "size" | "count" => Some("write `len()`"),
        "str" | "string" | "toString" | "String" => Some("write `to_string()`"),
        "int" | "parseInt" | "Number" => Some("write `parse_int(text)`"),
        "append" => Some("write `list + [item]`, or `list.push(item)`"),
        "exists" => Some("write `file_exists(path)`"),
        "exit" | "panic" | "error" | "die" => Some("write `fail(\"...\")` to stop with a message"),
        "read_json" | "load_json" => Some("write `parse_json(read_file(path))`"),
        "read_yaml" | "load_yaml" => Some("write `parse_yaml(read_file(path))`"),
        "getenv" | "environ" => Some("write `env(\"NAME\")`"),
        _ => None,
    }
}

/// How a function of the standard library is called.
fn of_module(function: &reference::Documented) -> String {
    let path = function.owner().unwrap_or_default();
    let alias = path.rsplit('/').next().unwrap_or_default();
    let (_, call) = function.call.rsplit_once("::").unwrap_or_default();
    format!(
        "it is in {path}: begin the file with `import \"{path}\" as {alias};` and write `{alias}::{call}`"
    )
}

/// The hint for the unknown property `name` of a value of the type `owner`.
pub fn property(name: &str, owner: &str) -> Option<String> {
    let properties = stage::properties_of(owner);
    if let Some(known) = nearest(name, properties.iter().map(String::as_str)) {
        return Some(format!("did you mean `{known}`?"));
    }
    if owner == "()" {
        return Some("a function returns its last expression, unless a `;` ends it".to_owned());
    }
    if matches!(name, "length" | "size" | "count") {
        return Some("write `len()`".to_owned());
    }
    let owners = stage::owners_of(name);
    if !owners.is_empty() {
        return Some(format!("`{name}` is a property of {}: check the value before it", owners.join(", ")));
    }
    stage::is_function(name).then(|| format!("it is a function: call it, `.{name}()`"))
}

/// The hint for setting the property `name`.
pub fn setter(name: &str) -> String {
    let copier = format!("with_{name}");
    if stage::names().contains(&copier) {
        return format!("values are immutable: `{copier}(...)` returns a changed copy");
    }
    "values are immutable: `with_...` functions return changed copies; `windlass doc image` lists them"
        .to_owned()
}

/// The hint for the unknown variable `name` at `place`.
pub fn variable(pipeline: &Pipeline, name: &str, place: Option<&ScriptLocation>) -> String {
    if pipeline.named(name).next().is_some() {
        return format!("`{name}` is a function: call it, `{name}(...)`");
    }
    match name {
        "None" | "nil" | "undefined" => return "write `()` for nothing".to_owned(),
        "True" | "False" => return format!("write `{}`", name.to_lowercase()),
        _ => {}
    }
    for file in pipeline.files().iter().filter(|file| !file.is_built_in()) {
        for line in file.text.lines() {
            if line.strip_prefix("const ").is_some_and(|rest| declares(rest, name)) {
                return format!("write `global::{name}` for a constant of the file");
            }
            if line.strip_prefix("let ").is_some_and(|rest| declares(rest, name)) {
                return format!(
                    "functions cannot use variables of their file: write `const {name} = ...;` there, and \
                     `global::{name}` here"
                );
            }
        }
    }
    let (before, _) = place.map(ScriptLocation::around).unwrap_or_default();
    if is_taken_for_index(before) {
        return "put a `;` before the `[`: without it, `[` indexes the value before it".to_owned();
    }
    let of_function = place.map(|place| pipeline.named(place.function())).into_iter().flatten();
    let parameters: Vec<_> = of_function.flat_map(|function| function.parameters.clone()).collect();
    let declared = before.rsplit("fn ").next().unwrap_or_default().split("let ").skip(1);
    let declared = declared.filter_map(|rest| rest.split([' ', '=', ';']).next());
    let known = parameters.iter().map(String::as_str).chain(declared).chain(["git", "project", "image"]);
    match nearest(name, known.filter(|known| *known != name && known.chars().count() > 2)) {
        Some(known) if name.chars().count() > 2 => {
            format!("did you mean `{known}`? Write strings in quotes: \"{name}\"")
        }
        _ => format!("write strings in quotes: \"{name}\""),
    }
}

/// Whether `text`, after `let` or `const`, declares `name`.
fn declares(text: &str, name: &str) -> bool {
    text.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// Whether the list that begins at the end of `before` is parsed as an index because nothing ends the line before it.
fn is_taken_for_index(before: &str) -> bool {
    let Some(before) = before.trim_end().strip_suffix('[') else { return false };
    let value = before.trim_end();
    let is_value = value.ends_with(|char: char| char.is_alphanumeric() || "\"`)]_".contains(char));
    value.len() < before.len() && is_value && !value.ends_with("return") && !value.ends_with(" in")
}

/// The hint for the unknown module `path`.
pub fn module(path: &str) -> String {
    let known = resolver::paths();
    match nearest(path, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `import \"{near}\"`?"),
        None if path.starts_with("std/") || path.starts_with("scripts/") => {
            format!("the built-in modules are {}", known.join(", "))
        }
        None => "modules are inside the project: `import \"lib/x\" as x` reads lib/x.rhai, `./x` the file \
                 next to this one"
            .to_owned(),
    }
}
