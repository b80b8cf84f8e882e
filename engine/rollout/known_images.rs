//! The images that deployments can refer to, with the references of their last builds.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::ImageConfig;
use crate::deploy::replace::{KnownImage, KnownImages, KnownReference};
use crate::image::{Digest, Tag, TagTemplate};
use crate::run::{PinnedImage, Run};
use crate::state::Record;

/// The images of `run`, and those of its dependencies by their names in this project: `auth.api`.
pub(super) fn known_images(run: &Arc<Run>) -> KnownImages {
    let mut images = Vec::new();
    add(run, None, run.options.deploy.images.as_deref(), &mut images);
    images.into_iter().collect()
}

fn add(
    run: &Arc<Run>,
    dependency: Option<&str>,
    pinned: Option<&BTreeMap<String, PinnedImage>>,
    images: &mut Vec<KnownImage>,
) {
    images.extend(run.project.images.values().map(|config| {
        let full_name = dependency.map(|dependency| format!("{dependency}.{}", config.name));
        let pinned = pinned.and_then(|images| images.get(full_name.as_ref().unwrap_or(&config.name)));
        let pinned =
            pinned.map(|image| KnownReference::Tagged { tag: image.tag.clone(), digest: Some(image.digest) });
        KnownImage {
            dependency: dependency.map(str::to_owned),
            name: config.name.clone(),
            repository: config.repository.clone(),
            tags: templates(config),
            reference: pinned.unwrap_or_else(|| reference(run, config)),
            is_local_only: false,
        }
    }));
    for (name, below) in &run.links().dependencies {
        let name = dependency.map_or_else(|| name.clone(), |above| format!("{above}.{name}"));
        add(below, Some(&name), pinned, images);
    }
}

fn templates(config: &ImageConfig) -> Vec<TagTemplate> {
    config.tags.iter().filter_map(|tag| tag.text.parse().ok()).collect()
}

/// The reference of the build in this run, otherwise of the last build; that of `tags` for a disabled image.
fn reference(run: &Run, config: &ImageConfig) -> KnownReference {
    if config.disabled {
        let fixed = templates(config).into_iter().next().and_then(|tag| tag.as_str().parse().ok());
        return match fixed {
            Some(tag) => KnownReference::Tagged { tag, digest: None },
            None => KnownReference::Unmanaged { reason: "it is disabled".to_owned() },
        };
    }
    let records = run.records(&config.name);
    match last_tag(run, config, &records) {
        Some(tag) => KnownReference::Tagged { digest: moved(config, &records, &tag), tag },
        None => KnownReference::NeverBuilt,
    }
}

/// The first tag of the build of an image in this run, otherwise of its last build, one of `records`.
pub(super) fn last_tag(run: &Run, config: &ImageConfig, records: &[Record]) -> Option<Tag> {
    let built = run.finished(&config.name).and_then(|finished| finished.reference.tag);
    let last = || of_repository(config, records).find(|record| record.is_finished())?.tags.first().cloned();
    built.or_else(last)
}

/// The `records` of builds in the repository that an image has now.
pub(super) fn of_repository<'a>(
    config: &ImageConfig,
    records: &'a [Record],
) -> impl Iterator<Item = &'a Record> {
    let repository = config.repository.to_string();
    records.iter().filter(move |record| record.repository == repository)
}

/// The digest of the image with `tag` in the registry, if an earlier build had pushed another image with it: then pods
/// would not restart for the tag alone.
fn moved(config: &ImageConfig, records: &[Record], tag: &Tag) -> Option<Digest> {
    let pushed = of_repository(config, records).find(|record| record.pushed.contains_key(tag))?;
    pushed.moved(tag)?.parse().ok()
}
