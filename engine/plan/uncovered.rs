//! The inputs of an image that its cache key does not cover.

use super::plan::{Plan, Recipe};
use crate::image::ImageReference;

impl Plan {
    /// The inputs of the image that may change without a rebuild, each as a phrase.
    pub fn uncovered(&self) -> Vec<String> {
        let Recipe::Dockerfile(recipe) = &self.recipe else {
            return vec!["everything that its command reads, except the files of `onChange`".to_owned()];
        };
        let (dockerfile, target) = (&recipe.dockerfile.inner, recipe.dockerfile.target.as_deref());
        let bases = dockerfile.bases(target, &recipe.dockerfile.args).unwrap_or_default();
        let is_project =
            |reference: &str| recipe.parents.iter().any(|parent| parent.base.reference == reference);
        let has_digest = |reference: &str| {
            reference.parse::<ImageReference>().is_ok_and(|reference| reference.digest.is_some())
        };
        let mut references: Vec<_> = bases.into_iter().map(|base| base.reference).collect();
        let is_locked = |reference: &str| {
            recipe.outside.iter().any(|outside| outside.is_locked && outside.base.reference == reference)
        };
        references
            .retain(|reference| !is_project(reference) && !has_digest(reference) && !is_locked(reference));
        references.dedup();
        let moving =
            references.iter().map(|reference| format!("the digest of {reference}, whose tag may move"));
        let addresses = dockerfile.addresses(target, &recipe.dockerfile.args).unwrap_or_default();
        let behind =
            addresses.iter().map(|(address, line)| format!("the content of {address} (ADD at line {line})"));
        moving.chain(behind).collect()
    }
}
