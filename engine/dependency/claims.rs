//! Records which project created which image reference.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::image::{CacheKey, ImageReference};
use crate::lock::lock;

/// The references of the images of all projects of a command: different images must not share one.
#[derive(Debug, Default)]
pub struct Claims(Mutex<HashMap<ImageReference, (String, CacheKey)>>);

impl Claims {
    /// Records `reference` for the image `name`. Returns the name of another image with the same reference and
    /// different inputs.
    pub fn claim(&self, reference: &ImageReference, name: &str, key: CacheKey) -> Option<String> {
        let mut claims = lock(&self.0);
        let (other, known) = claims.entry(reference.clone()).or_insert_with(|| (name.to_owned(), key));
        (*other != name && *known != key).then(|| other.clone())
    }
}
