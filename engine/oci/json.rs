//! JSON that is the same for the same content.

use serde::Serialize;

/// `document` as JSON without spaces, the keys of every object sorted: equal documents have equal digests.
///
/// # Panics
/// Never for the documents of images: they have text for keys.
pub fn canonical_json(document: &impl Serialize) -> Vec<u8> {
    let mut value = serde_json::to_value(document).expect("a document has text for keys");
    value.sort_all_objects();
    value.to_string().into_bytes()
}
