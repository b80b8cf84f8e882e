//! The provenance of an image (in-toto Statement v1, SLSA Provenance v1).

use serde_json::{Map, Value, json};

use crate::image::Digest;
use crate::oci::canonical_json;
use crate::run::{Image, Run};
use crate::state::Record;

/// The media type of the statement.
pub(super) const PROVENANCE_TYPE: &str = "application/vnd.in-toto+json";

/// The build type, which defines the parameters.
const BUILD_TYPE: &str = "urn:windlass:image-build:1";

/// The source repository of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceCode {
    /// The repository in git, as a URI.
    pub address: Option<String>,
    /// The commit.
    pub commit: Option<String>,
}

/// The statement about the image with the manifest `subject`: its parameters, the files and scripts that determine it,
/// and its base images. It contains only hashes and names, no values of build arguments and no times, so that equal
/// builds have equal statements.
pub(super) fn statement(image: &Image, record: &Record, subject: &Digest, source: &SourceCode) -> Vec<u8> {
    let run = image.run();
    let repository = image.config().repository.to_string();
    let mut materials = Vec::new();
    if let Some(address) = &source.address {
        let mut material = Map::new();
        material.insert("uri".to_owned(), format!("git+{address}").into());
        if let Some(commit) = &source.commit {
            material.insert("digest".to_owned(), json!({ "gitCommit": commit }));
        }
        materials.push(Value::Object(material));
    }
    let files = [("dockerfile", record.inputs.dockerfile), ("context", record.inputs.context)];
    for (name, digest) in files {
        materials.extend(digest.map(|digest| json!({ "name": name, "digest": { "sha256": digest.hex() } })));
    }
    for (parent, key) in &record.inputs.parents {
        materials.push(json!({ "name": parent, "digest": { "windlassKey": key.to_string() } }));
    }
    canonical_json(&json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": repository, "digest": { "sha256": subject.hex() } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "image": image.name(),
                    "profiles": run.project.profiles,
                    "target": record.inputs.target,
                },
                "internalParameters": {
                    "key": record.key.to_string(),
                    "scripts": scripts(run),
                },
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": {
                    "id": "urn:windlass",
                    "version": { "windlass": env!("CARGO_PKG_VERSION") },
                },
            },
        },
    }))
}

/// The scripts of the pipeline, where later ones override functions of earlier ones.
fn scripts(run: &Run) -> Vec<Value> {
    let files = run.scripts().files.iter();
    files.map(|(name, digest)| json!({ "name": name, "digest": { "sha256": digest.hex() } })).collect()
}
