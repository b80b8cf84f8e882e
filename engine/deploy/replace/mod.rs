//! Tag replacement: inserts the references of a run's images into Kubernetes manifests and Helm values.
//!
//! Without I/O: the caller finds out which reference each image has ([`KnownImages`]), and writes the result. Each
//! function changes only strings that refer to a known image, in fields that are known to hold images, and resolves
//! the placeholders `image(NAME)`, `tag(NAME)` and `${runtime.images.NAME}`. Its [`ReplaceReport`] contains the changes,
//! and the references that were not replaced, with the reasons.
//!
//! Applied to its own result, it changes nothing. The only exception: a value that is exactly `image(NAME)` and is not
//! under an image key stays the repository without a tag, because the user joins it with `tag(NAME)` somewhere else.

mod depth;
mod difference;
mod error;
mod hint;
mod image_path;
mod known;
mod known_image;
mod left_alone;
mod merge;
mod objects;
mod options;
mod pairs;
mod place;
mod placeholders;
mod position;
mod pull_policy;
mod references;
mod replacer;
mod report;
#[cfg(test)]
mod tests;
mod unused;
mod value_pairs;
mod values;
mod written;

pub use image_path::ImagePath;
pub use known::KnownImages;
pub use known_image::{KnownImage, KnownReference};
pub use merge::merge_values;
pub use objects::replace_in_objects;
pub use options::ReplaceOptions;
pub use placeholders::fill_runtime_variables;
pub use references::image_references;
pub use report::ReplaceReport;
pub use unused::{UnusedImage, unused_images};
pub use values::replace_in_values;
