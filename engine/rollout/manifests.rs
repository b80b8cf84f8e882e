//! The objects of manifests.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::{Deployment, Rollout};
use crate::config::{DeploymentKind, KubectlConfig};
use crate::deploy::manifest::{
    KustomizeOptions, ManifestDocument, ManifestSources, ObjectId, ObjectPatch, ObjectSelector,
    apply_patches, check_complete, check_duplicates, fill_in, kustomize, load, sort_for_apply,
};
use crate::deploy::replace::fill_runtime_variables;
use crate::error::StageError;
use crate::host::{HttpMethod, HttpRequest};
use crate::run::Run;

/// The command that renders kustomizations if kustomize is not installed.
const KUBECTL: &str = "kubectl";
/// The timeout for a manifest of a web server.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

/// A stage for manifests was called for a chart.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("`{name}` has no manifests: it has `helm`")]
#[diagnostic(code(deploy::no_manifests), help("call it only if `!deployment.is_helm`"))]
struct NoManifests {
    name: String,
}

/// The objects of `deployment`: of its files, directories, URLs, kustomizations or inline manifest, with its patches
/// and namespaces.
///
/// # Errors
/// `deploy::...` if a manifest is missing or invalid, or kustomize fails.
pub fn load_manifests(deployment: &Deployment) -> Result<Vec<Value>, StageError> {
    let DeploymentKind::Kubectl(kubectl) = &deployment.config().kind else {
        return Err(NoManifests { name: deployment.name().to_owned() }.into());
    };
    let mut documents = read(deployment, kubectl)?;
    apply_patches(&mut documents, &patches(kubectl))?;
    complete(deployment, &mut documents)?;
    let objects = documents.iter().map(|document| document.value.clone()).collect();
    deployment.loaded().documents = documents;
    Ok(objects)
}

/// The objects for the cluster: complete, each once, in the order in which they are applied.
///
/// # Errors
/// `deploy::...` if one of them is incomplete or occurs twice.
pub fn plan_manifests(deployment: &Deployment, objects: Vec<Value>) -> Result<Rollout, StageError> {
    let mut documents = located(deployment, objects);
    check_complete(&documents)?;
    complete(deployment, &mut documents)?;
    sort_for_apply(&mut documents);
    Ok(Rollout::of_manifests(deployment, documents))
}

fn read(deployment: &Deployment, kubectl: &KubectlConfig) -> Result<Vec<ManifestDocument>, StageError> {
    let run = deployment.run();
    let session = &run.session;
    let manifests: Vec<_> = kubectl.manifests.iter().map(|manifest| manifest.text.clone()).collect();
    if !kubectl.kustomize {
        let images = super::known_images::known_images(run);
        let fill = |text: &str| fill_runtime_variables(text, "inlineManifest", &images);
        let inline = kubectl.inline_manifest.as_ref().map(|inline| fill(&inline.text)).transpose()?;
        let inline = inline.map(|(text, report)| {
            deployment.loaded().report.merge(report);
            text
        });
        let sources = ManifestSources {
            manifests: &manifests,
            inline: inline.as_deref(),
            directory: &run.project.root,
        };
        let fetch = |url: &str| fetch(run, url.to_owned());
        return Ok(session.wait(load(sources, &fetch))??);
    }
    let options = KustomizeOptions {
        program: kubectl.kustomize_path.as_deref(),
        kubectl: kubectl.path.as_deref().unwrap_or(KUBECTL),
        arguments: &kubectl.kustomize_args,
        directory: &run.project.root,
    };
    let (exec, cancel) = (&*session.host.exec, session.cancellation());
    let mut documents = Vec::new();
    for target in &manifests {
        documents.extend(session.wait_for_end(kustomize(target, options, exec, &cancel))?);
    }
    Ok(documents)
}

fn fetch(run: &Run, url: String) -> BoxFuture<'_, Result<Vec<u8>, String>> {
    async move {
        let url = url.parse().map_err(|error: url::ParseError| error.to_string())?;
        let request = HttpRequest {
            method: HttpMethod::Get,
            url,
            is_secret_url: false,
            headers: Vec::new(),
            body: Bytes::new(),
            limit: FETCH_LIMIT,
        };
        let response = run.session.host.http.send(&request, &run.session.cancellation()).await;
        match response {
            Ok(response) if (200..300).contains(&response.status) => Ok(response.body.into_bytes()),
            Ok(response) => Err(format!("HTTP status {}", response.status)),
            Err(error) => Err(error.to_string()),
        }
    }
    .boxed()
}

fn patches(kubectl: &KubectlConfig) -> Vec<ObjectPatch> {
    use crate::config::PatchOperation::{Add, Remove, Replace};
    let patch = |patch: &crate::config::ManifestPatch| {
        let (operation, value) = match &patch.operation {
            Add(value) => ("add", Some(value.clone())),
            Remove => ("remove", None),
            Replace(value) => ("replace", Some(value.clone())),
        };
        let target = ObjectSelector {
            name: Some(patch.target.name.clone()),
            kind: patch.target.kind.clone(),
            api_version: patch.target.api_version.clone(),
        };
        ObjectPatch { target, operation: operation.to_owned(), path: patch.path.clone(), value }
    };
    kubectl.patches.iter().map(patch).collect()
}

/// Adds namespaces and protocols, and checks that each object occurs once.
fn complete(deployment: &Deployment, documents: &mut [ManifestDocument]) -> Result<(), StageError> {
    fill_in(documents, &deployment.namespace()?, &|_, _| None);
    Ok(check_duplicates(documents)?)
}

/// `objects`, each with the location of the loaded object with its identity.
fn located(deployment: &Deployment, objects: Vec<Value>) -> Vec<ManifestDocument> {
    let loaded = deployment.loaded();
    let mut places: HashMap<ObjectId, &ManifestDocument> = HashMap::with_capacity(loaded.documents.len());
    for document in &loaded.documents {
        if let Some(id) = document.id() {
            places.entry(id).or_insert(document);
        }
    }
    let located = |object: Value| match ObjectId::of(&object).and_then(|id| places.get(&id)) {
        Some(document) => document.with_value(in_order_of(&document.value, object)),
        None => ManifestDocument::new(object),
    };
    objects.into_iter().map(located).collect()
}

/// `value` with the keys of its maps in the order of `like`: maps of scripts are sorted.
fn in_order_of(like: &Value, value: Value) -> Value {
    match (like, value) {
        (Value::Object(like), Value::Object(mut map)) => {
            let known: Vec<_> =
                like.iter().filter_map(|(key, like)| Some((key, like, map.remove(key)?))).collect();
            let known = known.into_iter().map(|(key, like, value)| (key.clone(), in_order_of(like, value)));
            known.chain(map).collect::<Map<_, _>>().into()
        }
        (Value::Array(like), Value::Array(items)) => {
            let null = Value::Null;
            let like = like.iter().chain(std::iter::repeat(&null));
            items.into_iter().zip(like).map(|(item, like)| in_order_of(like, item)).collect()
        }
        (_, value) => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_keep_the_order_of_the_manifest() {
        let like = json!({"kind": "A", "spec": {"b": 1, "a": [{"name": "x", "image": "y"}]}, "gone": 1});
        let value =
            json!({"added": 1, "kind": "A", "spec": {"a": [{"image": "z", "name": "x"}, {"n": 1}], "b": 1}});
        let expected = r#"{"kind":"A","spec":{"b":1,"a":[{"name":"x","image":"z"},{"n":1}]},"added":1}"#;
        assert_eq!(in_order_of(&like, value).to_string(), expected);
    }
}
