//! The tags of scalars, such as `!!str` and `!!binary`.

use base64::Engine as _;
use serde_json::Value as Json;

use super::node::{Fault, Span};
use super::scalar::resolve;

/// The prefix of the tags of YAML itself.
const NAMESPACE: &str = "tag:yaml.org,2002:";

/// The name of a tag of YAML itself: `int`, `binary`, `merge`.
pub(super) fn yaml_name(tag: &granit_parser::Tag) -> Option<&str> {
    let (handle, suffix) = tag.parts();
    let of_yaml = || match handle {
        NAMESPACE => Some(suffix),
        "" => suffix.strip_prefix(NAMESPACE),
        _ => None,
    };
    tag.core_suffix().or_else(of_yaml)
}

/// The value of the scalar `text`, which has no quotes if `is_plain`. `tag` is the name of its tag, `Some(None)` for one
/// that is not of YAML itself: such a scalar is a string.
pub(super) fn tagged(
    text: String,
    is_plain: bool,
    tag: Option<Option<&str>>,
    span: Span,
) -> Result<Json, Box<Fault>> {
    let has_type: fn(&Json) -> bool = match tag {
        None if is_plain => |_| true,
        Some(Some("int")) => |value| value.is_i64() || value.is_u64(),
        Some(Some("float")) => Json::is_number,
        Some(Some("bool")) => Json::is_boolean,
        Some(Some("null")) => Json::is_null,
        Some(Some("binary")) => return decoded(&text, span).map(Json::String),
        _ => return Ok(Json::String(text)),
    };
    let not_finite = || Fault::new(span, "Kubernetes has no infinite numbers", "not a finite number");
    let value = resolve(&text).ok_or_else(not_finite)?;
    if has_type(&value) {
        return Ok(value);
    }
    let tag = tag.flatten().unwrap_or_default();
    Err(Fault::new(span, "the value does not fit its tag", format!("not of the type `!!{tag}`")))
}

/// The string that `text` encodes in base64.
fn decoded(text: &str, span: Span) -> Result<String, Box<Fault>> {
    let packed: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(packed).ok();
    let decoded = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| Fault::new(span, "this is not base64-encoded UTF-8", "`!!binary`"))
}
