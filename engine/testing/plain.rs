//! Values of scripts as plain data, for comparing, showing and storing them.

use std::fmt::Write as _;

use rhai::{Array, Dynamic, FnPtr, Map};
use serde_json::{Value, json};

use crate::deploy::manifest::masked;
use crate::error::StageError;
use crate::plan::{Built, Plan};
use crate::rollout::{Deployed, Deployment, Rollout};
use crate::run::Image;
use crate::run::ImageDockerfile as Dockerfile;
use crate::script::stage::ScriptProject;

/// `value` as plain data. Plans and images contain no cache keys and no absolute paths, so that the data is the same on
/// every machine.
pub fn plain(value: &Dynamic) -> Value {
    if let Some(list) = value.read_lock::<Array>() {
        return list.iter().map(plain).collect();
    }
    if let Some(map) = value.read_lock::<Map>() {
        return map.iter().map(|(key, value)| (key.to_string(), plain(value))).collect();
    }
    if let Some(plan) = value.read_lock::<Plan>() {
        return of_plan(&plan);
    }
    if let Some(image) = value.read_lock::<Image>() {
        return of_image(&image);
    }
    if let Some(built) = value.read_lock::<Built>() {
        let references: Vec<_> = built.references().iter().map(ToString::to_string).collect();
        return json!({ "image": built.image().name(), "references": references, "is_new": built.is_new() });
    }
    if let Some(deployment) = value.read_lock::<Deployment>() {
        return of_deployment(&deployment);
    }
    if let Some(rollout) = value.read_lock::<Rollout>() {
        return of_rollout(&rollout);
    }
    if let Some(deployed) = value.read_lock::<Deployed>() {
        let name = deployed.deployment().name();
        return json!({ "deployment": name, "is_changed": deployed.is_changed(), "revision": deployed.revision() });
    }
    if let Some(dockerfile) = value.read_lock::<Dockerfile>() {
        return json!(dockerfile.inner.text());
    }
    if let Some(project) = value.read_lock::<ScriptProject>() {
        let images =
            project.0.run.selected().iter().filter_map(|name| project.0.run.project.images.get(name));
        let images: Vec<_> = images.map(|config| of_image(&Image::new(&project.0.run, config))).collect();
        return json!({ "profiles": project.0.run.project.profiles, "images": images });
    }
    if let Some(error) = value.read_lock::<StageError>() {
        return of_error(&error);
    }
    if value.is::<FnPtr>() {
        return json!("a function");
    }
    // Numbers, strings, booleans and `()`; any other value is shown as it prints.
    rhai::serde::from_dynamic(value).unwrap_or_else(|_| json!(value.to_string()))
}

fn of_error(error: &StageError) -> Value {
    json!({ "code": error.code(), "message": error.message() })
}

fn of_deployment(deployment: &Deployment) -> Value {
    json!({ "deployment": deployment.name(), "namespace": deployment.namespace().unwrap_or_default() })
}

/// The values of Secrets are `***`.
fn of_rollout(rollout: &Rollout) -> Value {
    let mut value = of_deployment(rollout.deployment());
    value["objects"] = match rollout.objects() {
        Ok(objects) => objects.iter().map(|object| masked(object).into_owned()).collect(),
        Err(error) => of_error(&error),
    };
    value
}

fn of_plan(plan: &Plan) -> Value {
    let mut value = of_image(plan.image());
    if let Value::Object(fields) = &mut value {
        fields.insert("decision".to_owned(), json!(if plan.needs_build() { "build" } else { "skip" }));
        fields.insert("reason".to_owned(), json!(plan.reason()));
        if let Some(text) = plan.dockerfile().map(crate::image::Dockerfile::text) {
            fields.insert("dockerfile".to_owned(), json!(text));
        }
    }
    value
}

fn of_image(image: &Image) -> Value {
    let config = image.config();
    let configured = || config.tags.iter().map(|tag| tag.text.clone()).collect();
    let tags: Vec<String> = match image.templates() {
        Some(templates) => templates.iter().map(|tag| tag.as_str().to_owned()).collect(),
        None => configured(),
    };
    let all = json!({
        "image": config.name,
        "repository": config.repository.to_string(),
        "tags": tags,
        "entrypoint": config.entrypoint,
        "cmd": config.cmd,
        "target": config.options.target,
        "build_args": config.options.build_args,
        "pushes": image.pushes(),
    });
    // Values that are not set are omitted.
    let is_set = |value: &Value| !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty());
    all.as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| is_set(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The maximum length of a value on one line.
const LINE: usize = 80;

/// `value` on one line.
fn line(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(line).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(key, value)| format!("{key}: {}", line(value))).collect();
            format!("#{{ {} }}", fields.join(", "))
        }
        Value::Null => "()".to_owned(),
        other => other.to_string(),
    }
}

/// `value` on one line if it is short, otherwise on several, like YAML.
pub fn shown(value: &Value) -> String {
    let line = line(value);
    let is_block = value.as_str().is_some_and(|text| text.contains('\n'));
    if line.len() <= LINE && !is_block {
        return line;
    }
    let mut text = String::new();
    block(&mut text, value, 0);
    text.trim_end().to_owned()
}

/// Writes `value` over several lines, which are indented by `depth` steps.
fn block(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let _ = write!(text, "{indent}{key}:");
                inner(text, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(text, "{indent}-");
                inner(text, item, depth);
            }
        }
        Value::String(long) if long.contains('\n') => {
            for line in long.lines() {
                let _ = writeln!(text, "{}", format!("{indent}{line}").trim_end());
            }
        }
        other => {
            let _ = writeln!(text, "{indent}{}", line(other));
        }
    }
}

/// Writes `value` after a key or a dash.
fn inner(text: &mut String, value: &Value, depth: usize) {
    let line = line(value);
    let is_block = value.as_str().is_some_and(|text| text.contains('\n'));
    let is_map = value.as_object().is_some_and(|map| !map.is_empty());
    if !is_block && !is_map && line.len() <= LINE {
        let _ = writeln!(text, " {line}");
    } else {
        text.push('\n');
        block(text, value, depth + 1);
    }
}
