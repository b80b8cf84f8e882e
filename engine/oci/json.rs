//! Canonical JSON: equal content gives equal bytes.

use serde::Serialize;

/// `document` as JSON without spaces, the keys of every object sorted: equal documents have equal digests.
///
/// # Panics
/// Never for the documents of images: their keys are strings.
pub fn canonical_json(document: &impl Serialize) -> Vec<u8> {
    let mut value = serde_json::to_value(document).expect("the keys of a document are strings");
    value.sort_all_objects();
    value.to_string().into_bytes()
}
