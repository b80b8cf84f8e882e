//! The images that the daemon has.

use std::collections::HashSet;

use super::Run;
use crate::error::StageError;
use crate::host::ImageIds;
use crate::image::ImageReference;
use crate::lock::lock;
use crate::state::Record;

impl Run {
    /// The image IDs of the `references` that the daemon has. The first query requests everything that this run may
    /// need; nothing is queried twice.
    ///
    /// # Errors
    /// If the daemon cannot be queried.
    pub fn in_daemon(&self, references: &[ImageReference]) -> Result<ImageIds, StageError> {
        let mut known = lock(&self.memory.in_daemon);
        if references.iter().any(|reference| !known.contains_key(reference)) {
            let remembered = if known.is_empty() { self.unpushed() } else { Vec::new() };
            let asked: HashSet<_> = references.iter().cloned().chain(remembered).collect();
            let asked: Vec<_> =
                asked.into_iter().filter(|reference| !known.contains_key(reference)).collect();
            let mut found = self.session.wait(self.session.host.docker.image_ids(&asked))??;
            known.extend(asked.into_iter().map(|reference| {
                let id = found.remove(&reference);
                (reference, id)
            }));
        }
        let found = references.iter().filter_map(|reference| {
            let id = known.get(reference)?.clone()?;
            Some((reference.clone(), id))
        });
        Ok(found.collect())
    }

    /// The references of earlier builds of the selected images that are not fully in a registry, and of their base
    /// images in the daemon.
    fn unpushed(&self) -> Vec<ImageReference> {
        let images = self.selected.iter().filter_map(|name| self.project.images.get(name));
        let references = images.flat_map(|image| {
            let (records, repository) = (self.records(&image.name), image.repository.to_string());
            let is_unpushed = |record: &&Record| {
                !record.custom && record.repository == repository && record.pushed.len() < record.tags.len()
            };
            let unpushed = records.iter().filter(is_unpushed);
            let asked = |record: &Record| {
                let bases = record.daemon_bases().map(|(base, _)| base);
                record.references(&image.repository).into_iter().chain(bases).collect::<Vec<_>>()
            };
            unpushed.flat_map(asked).collect::<Vec<_>>()
        });
        references.collect()
    }
}
