//! `windlass list images`.

use serde::Serialize;

use super::{Row, show};
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::load;
use crate::config::{ImageConfig, Origin};

/// The additional help text.
pub(super) const HELP: &str = "\
Fields of --json:
  name         the key in `images`
  image        registry and repository, without tag
  tags         as configured, `#` is a random character; empty: one random tag
  builder      disabled, custom, buildkit, docker or kaniko: the preferred builder
  dockerfile   relative to the project directory
  context      relative to the project directory
  target       build target, or null for the last one
  origin       file and line of the key in devspace.yaml";

/// One image.
#[derive(Serialize)]
struct Image<'a> {
    name: &'a str,
    image: String,
    tags: Vec<&'a str>,
    builder: &'static str,
    dockerfile: String,
    context: String,
    target: Option<&'a str>,
    origin: &'a Origin,
}

impl Row for Image<'_> {
    const COLUMNS: &'static [&'static str] = &["name", "image", "tags", "builder", "dockerfile", "context"];

    fn cells(&self) -> Vec<String> {
        let (dockerfile, context) = match self.builder {
            "custom" | "disabled" => (String::new(), String::new()),
            _ => (self.dockerfile.clone(), self.context.clone()),
        };
        let tags = if self.tags.is_empty() { "(random)".to_owned() } else { self.tags.join(", ") };
        vec![self.name.to_owned(), self.image.clone(), tags, self.builder.to_owned(), dockerfile, context]
    }
}

/// Lists the images in file order.
pub(super) fn list(global: &GlobalOptions, json: bool) -> Result<ExitStatus, Failure> {
    let loaded = match load::load_outline(global)? {
        loaded if loaded.left_out.is_empty() => loaded,
        // Prompts for missing variables, or reports them.
        _ => load::load_project(global)?,
    };
    load::report(&loaded.warnings, global);
    let rows: Vec<Image<'_>> = loaded.project.images.values().map(row).collect();
    show(&rows, json, "the project has no images")
}

fn row(image: &ImageConfig) -> Image<'_> {
    Image {
        name: &image.name,
        image: image.repository.to_string(),
        tags: image.tags.iter().map(|tag| tag.text.as_str()).collect(),
        builder: image.builder().as_str(),
        dockerfile: image.dockerfile.display().to_string(),
        context: image.context.display().to_string(),
        target: image.options.target.as_deref(),
        origin: &image.origin,
    }
}
