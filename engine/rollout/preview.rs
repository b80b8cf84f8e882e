//! The changes that a deploy would make, object by object.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::Rollout;
use super::rollout::Found;
use crate::deploy::chart::ChartRequest;
use crate::deploy::manifest::{ManifestOrigin, ObjectId, diff, fill_in, load_text};
use crate::error::StageError;
use crate::event::{Level, ObjectChange};

/// A change that a deploy would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedChange {
    /// The object: `Deployment/web (namespace dev)`.
    pub object: String,
    /// The change; `None` if the cluster was not queried.
    pub change: Option<ObjectChange>,
    /// The parts that change, or why it is kept, as a phrase; empty for a new object.
    pub details: String,
    /// The difference as unified text, with the values of Secrets as `***`.
    pub diff: String,
}

impl Rollout {
    /// The changes that a deploy would make: of manifests by dry runs of the cluster, of a chart by comparing its
    /// release with the one that helm would create.
    ///
    /// # Errors
    /// As for [`Rollout::verdict`], and `deploy::...` if helm fails.
    pub fn changes(&self) -> Result<Vec<PlannedChange>, StageError> {
        let found = &self.verdict()?.found;
        if found.unqueried().is_some() {
            return self.rendered();
        }
        match found {
            Found::Manifests(comparison) => {
                let changed = comparison.changed().filter_map(|object| {
                    Some(PlannedChange {
                        object: name(&object.document.value),
                        change: Some(object.change()?),
                        details: object.details(),
                        diff: object.diff().text,
                    })
                });
                let deleted = comparison.pruning.deleted.iter().map(|object| PlannedChange {
                    object: name(object),
                    change: Some(ObjectChange::Deleted),
                    details: "no longer in the manifests".to_owned(),
                    diff: String::new(),
                });
                let kept = comparison.pruning.kept.iter().map(|(object, reason)| PlannedChange {
                    object: name(object),
                    change: Some(ObjectChange::Kept),
                    details: reason.clone(),
                    diff: String::new(),
                });
                Ok(changed.chain(deleted).chain(kept).collect())
            }
            Found::Chart(state) => self.changes_of_chart(&state.request),
        }
    }

    /// The objects as they are rendered, without the cluster.
    fn rendered(&self) -> Result<Vec<PlannedChange>, StageError> {
        let shown = |object: &Value| PlannedChange {
            object: name(object),
            change: None,
            details: String::new(),
            diff: diff(None, Some(object)).text,
        };
        Ok(self.objects()?.iter().map(shown).collect())
    }

    fn changes_of_chart(&self, request: &ChartRequest) -> Result<Vec<PlannedChange>, StageError> {
        let session = &self.deployment().run().session;
        let (deployer, cancel) = (&session.host.deployer, session.cancellation());
        let releases = session.wait(deployer.releases(request))??;
        let before = match releases.decode_newest()? {
            Some(release) => objects(&release.manifest, &request.namespace)?,
            None => BTreeMap::new(),
        };
        let preview = session.wait_for_end(deployer.preview_chart(request, &cancel));
        let after = match preview {
            Ok(Some(release)) => objects(&release.manifest, &request.namespace)?,
            // Helm before 3.13 cannot query the cluster for a preview, and before the deploy, the cluster does not
            // serve the kinds that the chart defines.
            preview => {
                let text = session.wait_for_end(deployer.render_chart(request, &cancel))?;
                if let Err(error) = preview {
                    let name = self.deployment().name();
                    let message = format!(
                        "{name}: the changes are those of `helm template`, which does not query the cluster: {}",
                        error.message()
                    );
                    session.notice(Level::Warning, message);
                }
                objects(&text, &request.namespace)?
            }
        };
        let deleted =
            before.iter().filter(|(id, _)| !after.contains_key(*id)).map(|(_, object)| PlannedChange {
                object: name(object),
                change: Some(ObjectChange::Deleted),
                details: "no longer in the chart".to_owned(),
                diff: String::new(),
            });
        let changed = after.iter().filter_map(|(id, object)| {
            let live = before.get(id);
            let difference = diff(live, Some(object));
            (!difference.text.is_empty()).then(|| PlannedChange {
                object: name(object),
                change: Some(if live.is_some() { ObjectChange::Changed } else { ObjectChange::Created }),
                details: difference.summary(),
                diff: difference.text,
            })
        });
        Ok(changed.chain(deleted).collect())
    }
}

/// The objects of `manifest` by identity.
pub(super) fn objects(manifest: &str, namespace: &str) -> Result<BTreeMap<String, Value>, StageError> {
    let mut documents = load_text(manifest, ManifestOrigin::Script)?;
    fill_in(&mut documents, namespace, &|_, _| None);
    let objects = documents.into_iter().map(|document| {
        let id = ObjectId::of(&document.value).map(|id| id.to_string()).unwrap_or_default();
        (id, document.value)
    });
    Ok(objects.collect())
}

/// `Deployment/web (namespace dev)`.
fn name(object: &Value) -> String {
    ObjectId::of(object).map(|id| id.to_string()).unwrap_or_default()
}
