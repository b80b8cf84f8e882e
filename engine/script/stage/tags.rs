//! Checks tags before the build.

use rhai::plugin::*;

/// Stages about tags.
#[export_module]
pub mod tags {
    use std::collections::HashMap;

    use rhai::Array;

    use super::TagClash;
    use crate::error::StageError;
    use crate::run::Image;
    use crate::script::RhaiResultOf;

    /// Returns the images after checking that no two of them have the same reference. Tags with a random part cannot
    /// clash.
    ///
    /// # Errors
    /// `image::tag_clash`, naming both images.
    ///
    /// # Example
    /// ```rhai
    /// fn checked(project) { check_tags(project.images.map(|image| image.with_tags(["1.4"]))) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn check_tags(images: Array) -> RhaiResultOf<Array> {
        let mut claims: HashMap<String, Image> = HashMap::new();
        for value in &images {
            let Some(image) = value.read_lock::<Image>() else { continue };
            if image.config().disabled {
                continue;
            }
            for template in image.templates().unwrap_or_default() {
                let Some(tag) = template.fixed() else { continue };
                let reference = image.config().repository.with_tag(tag).to_string();
                if let Some(other) = claims.insert(reference.clone(), image.clone())
                    && other.name() != image.name()
                {
                    return Err(StageError::from(TagClash::new(reference, &other, &image)).into());
                }
            }
        }
        Ok(images)
    }
}

/// Two images have the same reference.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("the images `{first}` and `{second}` would both be `{reference}`")]
#[diagnostic(code(image::tag_clash), help("give one of them another tag or repository ({places})"))]
struct TagClash {
    reference: String,
    first: String,
    second: String,
    places: String,
}

impl TagClash {
    fn new(reference: String, first: &crate::run::Image, second: &crate::run::Image) -> Self {
        Self {
            reference,
            first: first.name().to_owned(),
            second: second.name().to_owned(),
            places: format!("{} and {}", first.config().origin, second.config().origin),
        }
    }
}
