//! Inputs and builds for unit tests.

use std::collections::BTreeMap;

use super::{Progress, Record, RecordedInputs};
use crate::image::{Digest, Inputs};

/// The inputs of an image with one build argument.
pub fn inputs() -> Inputs {
    Inputs {
        dockerfile: Some(Digest::of("FROM scratch")),
        build_args: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
        context: Some(Digest::of("")),
        ..Inputs::default()
    }
}

/// A build from `inputs`.
pub fn record(inputs: &Inputs) -> Record {
    Record {
        key: inputs.key(),
        build: "sample".to_owned(),
        progress: Progress::Settled,
        verified: Vec::new(),
        repository: "acme/api".to_owned(),
        templates: Vec::new(),
        tags: Vec::new(),
        image_id: None,
        stored: None,
        pushed: BTreeMap::new(),
        shared: None,
        is_foreign: false,
        earlier: BTreeMap::new(),
        custom: false,
        push_skipped: false,
        lost_tags: false,
        built_at: None,
        bases: BTreeMap::new(),
        daemon_bases: BTreeMap::new(),
        outside_bases: BTreeMap::new(),
        built_for: None,
        inputs: RecordedInputs::new(inputs),
    }
}
