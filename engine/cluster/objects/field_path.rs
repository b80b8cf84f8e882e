//! Finds a field that the cluster names in an object.

use serde_json::Value;

/// A field of an object, up to the last part that the object has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedField {
    /// The keys and indexes of the parts that exist: `spec`, `containers`, `0`.
    pub path: Vec<String>,
    /// The first part that does not exist; `None` if the whole field exists.
    pub missing: Option<String>,
}

/// Finds `field`, written as `spec.template.spec.containers[0].image`, `.spec.containers[name="web"].image`, or
/// `metadata.annotations[acme.io/team]`, in `object`.
pub fn locate(field: &str, object: &Value) -> LocatedField {
    let mut located = LocatedField { path: Vec::new(), missing: None };
    let (mut rest, mut value) = (field, object);
    loop {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if rest.is_empty() {
            return located;
        }
        let (found, remaining) = step(rest, value);
        rest = remaining;
        match found {
            Ok((key, child)) => {
                located.path.push(key);
                value = child;
            }
            Err(missing) => {
                located.missing = Some(missing);
                return located;
            }
        }
    }
}

/// The next part of `rest` in `value`, and the rest after it.
fn step<'a, 'b>(rest: &'a str, value: &'b Value) -> (Result<(String, &'b Value), String>, &'a str) {
    if let Some(inside) = rest.strip_prefix('[') {
        let end = bracket_end(inside);
        let (part, remaining) = (&inside[..end], inside.get(end + 1..).unwrap_or_default());
        return (selected(part, value).ok_or_else(|| part.trim_matches('"').to_owned()), remaining);
    }
    let ends = |key: &str| {
        rest.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    // Keys can contain dots: the longest one that fits.
    let fields = value.as_object().into_iter().flatten();
    let longest = fields.filter(|(key, _)| ends(key)).max_by_key(|(key, _)| key.len());
    match longest {
        Some((key, child)) => (Ok((key.clone(), child)), &rest[key.len()..]),
        None => {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            (Err(rest[..end].to_owned()), &rest[end..])
        }
    }
}

/// The end of the part in brackets; quoted brackets do not count.
fn bracket_end(text: &str) -> usize {
    let mut is_quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => is_quoted = !is_quoted,
            ']' if !is_quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// The element that the part in brackets selects: an index, a key, `name="web"`, or `="value"`.
fn selected<'a>(part: &str, value: &'a Value) -> Option<(String, &'a Value)> {
    match value {
        Value::Object(fields) => {
            let key = part.trim_matches('"');
            fields.get(key).map(|child| (key.to_owned(), child))
        }
        Value::Array(items) => {
            let index = match part.parse() {
                Ok(index) => index,
                Err(_) => items.iter().position(|item| is_selected(part, item))?,
            };
            items.get(index).map(|child| (index.to_string(), child))
        }
        _ => None,
    }
}

/// Whether `containerPort=80,protocol="TCP"` selects `item`. A missing key is a default.
fn is_selected(part: &str, item: &Value) -> bool {
    part.split(',').all(|pair| {
        let Some((key, wanted)) = pair.split_once('=') else { return false };
        let wanted: Value = serde_json::from_str(wanted).unwrap_or_else(|_| wanted.into());
        match key {
            "" => *item == wanted,
            key => item.get(key).is_none_or(|value| *value == wanted),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found() {
        let object = json!({
            "metadata": { "annotations": { "acme.io/team": "a", "b": "c" } },
            "spec": {
                "containers": [{ "name": "a" }, { "name": "web", "image": "i", "ports": [{ "containerPort": 80 }] }],
                "args": ["x", "y"],
            },
        });
        let check = |field: &str, path: &[&str], missing: Option<&str>| {
            let path = path.iter().map(ToString::to_string).collect();
            let expected = LocatedField { path, missing: missing.map(str::to_owned) };
            assert_eq!(locate(field, &object), expected, "{field}");
        };
        check("spec.containers[1].image", &["spec", "containers", "1", "image"], None);
        check(".spec.containers[name=\"web\"].image", &["spec", "containers", "1", "image"], None);
        check(
            ".spec.containers[name=\"web\"].ports[containerPort=80,protocol=\"TCP\"].prt",
            &["spec", "containers", "1", "ports", "0"],
            Some("prt"),
        );
        check(".spec.args[=\"y\"]", &["spec", "args", "1"], None);
        check("metadata.annotations.acme.io/team", &["metadata", "annotations", "acme.io/team"], None);
        check("metadata.annotations[acme.io/team]", &["metadata", "annotations", "acme.io/team"], None);
        check("spec.selector.matchLabels", &["spec"], Some("selector"));
        check("spec.containers[7].image", &["spec", "containers"], Some("7"));
        check("", &[], None);
    }
}
