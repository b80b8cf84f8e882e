//! Reads objects: one list for each kind and namespace.

use std::collections::HashMap;

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value};

use super::super::ClusterAccess;
use super::request::{Call, Failure, LIST, with_query};
use super::{ApplyError, ObjectKey, ResourceType};

/// The number of objects in a page.
const PAGE: &str = "250";

/// The maximum number of objects in a list. Only those of the caller are kept.
const LIMIT: usize = 50_000;

/// The number of lists that are read in parallel.
const LISTS: usize = 4;

/// A list of the objects of one kind.
#[derive(Debug, Clone)]
pub(super) struct ListQuery<'a> {
    pub resource: &'a ResourceType,
    /// The namespace; `None`: all of them.
    pub namespace: Option<&'a str>,
    /// A label selector; empty: all objects.
    pub labels: &'a str,
    /// Whether the objects have only metadata, without `managedFields`.
    pub is_metadata: bool,
}

impl ClusterAccess {
    /// The live objects with the identities `keys`, in their order; `None` for those that do not exist, and for those
    /// whose kind the cluster does not serve (yet). Sends one list for each kind and namespace.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn list_objects(&self, keys: &[ObjectKey]) -> Result<Vec<Option<Value>>, ApplyError> {
        let mut groups: HashMap<(ResourceType, Option<String>), HashMap<String, Vec<usize>>> = HashMap::new();
        for (index, key) in keys.iter().enumerate() {
            match self.resolve_key(key).await {
                Ok((resource, key)) => {
                    let names = groups.entry((resource, key.namespace)).or_default();
                    names.entry(key.name).or_default().push(index);
                }
                Err(ApplyError::UnknownKind { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let mut lists = Vec::with_capacity(groups.len());
        for ((resource, namespace), names) in &groups {
            let list = async move {
                let found = self.objects_of(resource, namespace.as_deref(), names).await?;
                Ok::<_, ApplyError>(found.into_iter().map(move |object| (names, object)))
            };
            lists.push(list.boxed());
        }
        let lists: Vec<_> = futures_util::stream::iter(lists).buffer_unordered(LISTS).try_collect().await?;
        let mut objects = vec![None; keys.len()];
        for (names, object) in lists.into_iter().flatten() {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let Some((last, others)) = names.get(name).and_then(|indexes| indexes.split_last()) else {
                continue;
            };
            for index in others {
                objects[*index] = Some(object.clone());
            }
            objects[*last] = Some(object);
        }
        Ok(objects)
    }

    /// The live object `key`; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ApplyError`]; [`ApplyError::UnknownKind`] if the cluster does not serve its kind.
    pub async fn get_object(&self, key: &ObjectKey) -> Result<Option<Value>, ApplyError> {
        let (resource, key) = self.resolve_key(key).await?;
        self.read(&resource, &key).await
    }

    /// The objects of a kind with all of `labels`, a label selector (empty: all objects), in `namespace` (`None`: in all).
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn objects_with_labels(
        &self,
        resource: &ResourceType,
        namespace: Option<&str>,
        labels: &str,
    ) -> Result<Vec<Value>, ApplyError> {
        self.list(&ListQuery { resource, namespace, labels, is_metadata: false }, |_| true).await
    }

    /// The names of the objects of a kind in `namespace`.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn object_names(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
    ) -> Result<Vec<String>, ApplyError> {
        let resource = &self.resource_type(api_version, kind).await?;
        let query = ListQuery { resource, namespace: Some(namespace), labels: "", is_metadata: true };
        let found = self.list(&query, |_| true).await?;
        Ok(found.iter().filter_map(|object| object["metadata"]["name"].as_str()).map(str::to_owned).collect())
    }

    /// Like [`ClusterAccess::get_object`], for a resolved identity.
    pub(super) async fn read(
        &self,
        resource: &ResourceType,
        key: &ObjectKey,
    ) -> Result<Option<Value>, ApplyError> {
        let path = resource.object_path(key.namespace.as_deref(), &key.name);
        match self.send(Call::get(path)).await {
            Ok(response) => Ok(Some(typed(response.body, resource))),
            Err(Failure::Status(status)) if status.code == 404 => Ok(None),
            Err(failure) => Err(self.problem(failure, &format!("read {key}"), Some(key))),
        }
    }

    /// The objects `names` of a kind: one is read, several are listed, unless only reading is permitted.
    async fn objects_of(
        &self,
        resource: &ResourceType,
        namespace: Option<&str>,
        names: &HashMap<String, Vec<usize>>,
    ) -> Result<Vec<Value>, ApplyError> {
        if names.len() > 1 {
            let query = ListQuery { resource, namespace, labels: "", is_metadata: false };
            let is_wanted = |object: &Value| {
                object["metadata"]["name"].as_str().is_some_and(|name| names.contains_key(name))
            };
            match self.list(&query, is_wanted).await {
                Err(ApplyError::Forbidden { .. }) => {}
                found => return found,
            }
        }
        let mut objects = Vec::with_capacity(names.len());
        for name in names.keys() {
            let key = ObjectKey {
                api_version: resource.api_version.clone(),
                kind: resource.kind.clone(),
                namespace: namespace.map(str::to_owned),
                name: name.clone(),
            };
            objects.extend(self.read(resource, &key).await?);
        }
        Ok(objects)
    }

    /// The objects of a list that are wanted, in pages.
    pub(super) async fn list(
        &self,
        query: &ListQuery<'_>,
        mut is_wanted: impl FnMut(&Value) -> bool,
    ) -> Result<Vec<Value>, ApplyError> {
        let ListQuery { resource, namespace, labels, is_metadata } = query;
        let path = resource.path(*namespace);
        let doing = match namespace {
            Some(namespace) => format!("list the {} (namespace {namespace})", resource.plural),
            None => format!("list the {}", resource.plural),
        };
        let (mut objects, mut count, mut next) = (Vec::new(), 0, String::new());
        let mut restarts = 1;
        loop {
            let page = with_query(&path, &[("limit", PAGE), ("labelSelector", labels), ("continue", &next)]);
            let call = if *is_metadata { Call::metadata_list(page) } else { Call::get(page) };
            let mut page = match self.send(call.with_limits(LIST)).await {
                Ok(response) => response.body,
                // The snapshot of the list has expired.
                Err(Failure::Status(status)) if status.code == 410 && restarts > 0 => {
                    (objects, count, next) = (Vec::new(), 0, String::new());
                    restarts -= 1;
                    continue;
                }
                Err(failure) => return Err(self.problem(failure, &doing, None)),
            };
            let items = match page["items"].take() {
                Value::Array(items) => items,
                _ => Vec::new(),
            };
            count += items.len();
            if count > LIMIT {
                return Err(ApplyError::TooMany { doing, limit: LIMIT });
            }
            let items = items.into_iter().filter(|item| is_wanted(item));
            let items = items.map(|item| if *is_metadata { without_managed_fields(item) } else { item });
            objects.extend(items.map(|item| typed(item, resource)));
            match page["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() => next = token.to_owned(),
                _ => return Ok(objects),
            }
        }
    }

    /// The error for a failed request; `doing` describes the operation, which concerns the object `key`.
    pub(super) fn problem(&self, failure: Failure, doing: &str, key: Option<&ObjectKey>) -> ApplyError {
        match (failure, self.context()) {
            (Failure::Status(status), Ok(Some(context))) => {
                super::status::apply_error(*status, doing, key, context)
            }
            (Failure::Status(status), _) => {
                ApplyError::Refused { doing: doing.to_owned(), reason: status.message }
            }
            (Failure::Cluster(error), _) => error.into(),
        }
    }
}

/// `object` with its type, which the items of lists lack.
pub(super) fn typed(object: Value, resource: &ResourceType) -> Value {
    let Value::Object(fields) = object else { return object };
    let mut typed = Map::with_capacity(fields.len() + 2);
    typed.insert("apiVersion".to_owned(), resource.api_version.clone().into());
    typed.insert("kind".to_owned(), resource.kind.clone().into());
    typed.extend(fields.into_iter().filter(|(name, _)| name != "apiVersion" && name != "kind"));
    Value::Object(typed)
}

/// `object` without `managedFields`, which can be the larger part of it.
pub fn without_managed_fields(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("managedFields");
    }
    object
}
