//! How long loading a configuration takes: a typical file, and one of 10,000 lines.

use std::fmt::Write as _;
use std::time::Instant;

use ::windlass::config::{LoadOptions, load};

use super::measure::Cost;
use super::options::Options;
use super::table::Table;

/// The number of lines of one image below.
const LINES: usize = 10;

/// Adds a row for each file.
pub fn loading(options: &Options, table: &mut Table) {
    for (case, images) in [("a usual file, 44 lines", 4), ("a file of 10,004 lines", 1000)] {
        let folder = tempfile::tempdir().expect("a directory can be created");
        std::fs::write(folder.path().join("devspace.yaml"), file(images)).expect("it can be written");
        let load_options = LoadOptions { directory: folder.path().to_owned(), ..LoadOptions::default() };
        let costs: Vec<Cost> = (0..options.rounds * 5)
            .map(|_| {
                let start = Instant::now();
                let loaded = load(&load_options).expect("the file is valid");
                assert_eq!(loaded.project.images.len(), images);
                Cost { wall: start.elapsed(), ..Cost::default() }
            })
            .collect();
        table.add(&format!("loading {case}"), "`config::load`", &costs, &[]);
    }
}

/// A file with this many images.
fn file(images: usize) -> String {
    let mut text =
        "version: v1beta9\nvars:\n- {name: REGISTRY, default: registry.example.com}\nimages:\n".to_owned();
    for image in 0..images {
        write!(
            text,
            "  image-{image}:
    image: ${{REGISTRY}}/team/image-{image}
    # Where it is made.
    dockerfile: services/{image}/Dockerfile
    context: services/{image}
    build:
      docker:
        options:
          buildArgs:
            NUMBER: {image}
"
        )
        .expect("writing to a string cannot fail");
    }
    assert_eq!(text.lines().count(), images * LINES + 4);
    text
}
