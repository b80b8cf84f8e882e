//! Hides the values of Secrets.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use crate::cluster::group_of;

/// Replaces a value.
const MASK: &str = "***";

/// The keys of a Secret that have values.
const KEYS: [&str; 2] = ["data", "stringData"];

/// The annotation of `kubectl apply` that repeats the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// `object` with `***` instead of the values, if it is a Secret.
pub fn masked(object: &Json) -> Cow<'_, Json> {
    if !is_secret(object) {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    hide(&mut object, |_, _, _| MASK);
    Cow::Owned(object)
}

/// Two states of an object, masked like [`masked`], but values that differ still differ.
pub(super) fn mask_both(before: &mut Json, after: &mut Json) {
    if !is_secret(before) && !is_secret(after) {
        return;
    }
    let (old, new) = (before.clone(), after.clone());
    let mark = |other: &Json, place: &[&str], key: &str, value: &Json, changed: &'static str| {
        let other =
            place.iter().try_fold(other, |node, step| node.get(step)).and_then(|parent| parent.get(key));
        if other.is_none_or(|other| other == value) { MASK } else { changed }
    };
    hide(before, |place, key, value| mark(&new, place, key, value, "*** (before)"));
    hide(after, |place, key, value| mark(&old, place, key, value, "*** (after)"));
}

fn is_secret(object: &Json) -> bool {
    let text = |key: &str| object.get(key).and_then(Json::as_str).unwrap_or_default();
    text("kind") == "Secret" && group_of(text("apiVersion")).is_empty()
}

/// Replaces every value with the result of `mask` for its parent keys, its key, and the value.
fn hide<'m>(object: &mut Json, mask: impl Fn(&[&str], &str, &Json) -> &'m str) {
    let each = |parent: Option<&mut Json>, place: &[&str], only: Option<&str>| match parent {
        Some(Json::Object(values)) => hide_values(values, place, only, &mask),
        Some(Json::Null) | None => {}
        // Not valid, but it may be a value.
        Some(other) if only.is_none() => *other = MASK.into(),
        Some(_) => {}
    };
    for key in KEYS {
        each(object.get_mut(key), &[key], None);
    }
    each(object.pointer_mut("/metadata/annotations"), &["metadata", "annotations"], Some(LAST_APPLIED));
}

fn hide_values<'m>(
    values: &mut Map<String, Json>,
    place: &[&str],
    only: Option<&str>,
    mask: &impl Fn(&[&str], &str, &Json) -> &'m str,
) {
    for (key, value) in values.iter_mut().filter(|(key, _)| only.is_none_or(|only| only == key.as_str())) {
        *value = mask(place, key, value).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret(data: &Json) -> Json {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": {
            "a": "b", LAST_APPLIED: "{\"data\": 1}",
        }}, "data": data})
    }

    #[test]
    fn only_secrets_are_masked() {
        let expected = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": {
            "a": "b", LAST_APPLIED: "***",
        }}, "data": {"k": "***"}});
        assert_eq!(*masked(&secret(&json!({"k": "dg=="}))), expected);
        assert_eq!(masked(&secret(&json!("value")))["data"], "***");
        let other = json!({"apiVersion": "acme.io/v1", "kind": "Secret", "data": {"k": "v"}});
        assert_eq!(*masked(&other), other);
        assert_eq!(*masked(&json!("text")), json!("text"));
    }

    #[test]
    fn changed_values_still_differ() {
        let mut before = secret(&json!({"same": "1", "changed": "1", "removed": "1"}));
        let mut after = secret(&json!({"same": "1", "changed": "2", "added": "1"}));
        mask_both(&mut before, &mut after);
        assert_eq!(before["data"], json!({"same": "***", "changed": "*** (before)", "removed": "***"}));
        assert_eq!(after["data"], json!({"same": "***", "changed": "*** (after)", "added": "***"}));
    }
}
