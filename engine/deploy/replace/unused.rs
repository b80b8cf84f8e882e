//! Images that no deployment uses.

use std::fmt;

use super::known::KnownImages;
use super::report::ReplaceReport;
use crate::image::ImageReference;

/// How many near misses are worth reading.
const NEAR_MISSES: usize = 3;

/// How similar a near miss is at least, from 0 to 1.
const LEAST_SIMILARITY: f64 = 0.5;

/// An image that was built, but that no deployment uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedImage {
    /// Its name.
    pub image: String,
    /// Its repository.
    pub repository: String,
    /// The references that the user may mean, nearest first, with their places.
    pub near_misses: Vec<(String, String)>,
}

impl fmt::Display for UnusedImage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no deployment uses the image `{}` (`{}`)", self.image, self.repository)?;
        for (index, (reference, place)) in self.near_misses.iter().enumerate() {
            let separator = if index == 0 { "; similar:" } else { "," };
            write!(formatter, "{separator} `{reference}` in `{place}`")?;
        }
        Ok(())
    }
}

/// The images among those called `built` that no deployment uses, by the reports of all deployments.
pub fn unused_images<'a>(
    images: &KnownImages,
    built: impl IntoIterator<Item = &'a str>,
    reports: &[&ReplaceReport],
) -> Vec<UnusedImage> {
    let is_unused = |name: &&str| !reports.iter().any(|report| report.used.contains(*name));
    let unused = |name: &str| {
        let repository = images.get(name)?.repository.to_string();
        let near_misses = near_misses(name, &repository, reports);
        Some(UnusedImage { image: name.to_owned(), repository, near_misses })
    };
    built.into_iter().filter(is_unused).filter_map(unused).collect()
}

fn near_misses(name: &str, repository: &str, reports: &[&ReplaceReport]) -> Vec<(String, String)> {
    // Most likely, the user means the same reference in a field that is not replaced.
    let left_alone = reports.iter().flat_map(|report| &report.left_alone);
    let same = left_alone.filter(|left| left.image.split(", ").any(|image| image == name));
    let mut near: Vec<_> = same.map(|left| (1.0, left.value.as_str(), left.place.as_str())).collect();
    let others = reports.iter().flat_map(|report| &report.others);
    near.extend(others.filter_map(|(reference, place)| {
        let parsed: ImageReference = reference.parse().ok()?;
        let similarity = strsim::normalized_levenshtein(repository, &parsed.repository.to_string());
        (similarity >= LEAST_SIMILARITY).then_some((similarity, reference.as_str(), place.as_str()))
    }));
    near.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
    near.dedup_by_key(|(_, reference, place)| (*reference, *place));
    near.truncate(NEAR_MISSES);
    near.into_iter().map(|(_, reference, place)| (reference.to_owned(), place.to_owned())).collect()
}
