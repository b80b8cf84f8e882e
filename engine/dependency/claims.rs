//! Which project of a command made which image reference.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::image::ImageReference;
use crate::plan::CacheKey;
use crate::run::lock;

/// The references that the images of all projects of a command have: two that differ must not share one.
#[derive(Debug, Default)]
pub struct Claims(Mutex<HashMap<ImageReference, (String, CacheKey)>>);

impl Claims {
    /// Claims `reference` for the image called `name`. Gives the name of another image that has it already and is made
    /// from other inputs.
    pub fn claim(&self, reference: &ImageReference, name: &str, key: CacheKey) -> Option<String> {
        let mut claims = lock(&self.0);
        let (other, known) = claims.entry(reference.clone()).or_insert_with(|| (name.to_owned(), key));
        (*other != name && *known != key).then(|| other.clone())
    }
}
