//! The function `target` chooses one of several containers for a dev session.

use std::sync::Arc;

use rhai::{Dynamic, Map};

use super::connection_scripts::ScriptsInForce;
use crate::config::ContainerSelection;
use crate::connect::{Choose, ContainerPhase, MatchingContainer};
use crate::event::Level;
use crate::lock::lock;

/// Calls the function `target` of `scripts` for several containers that match `selection`. Without scripts, or after an
/// error of theirs, which is reported, it is the first one.
pub(super) fn target_chooser(scripts: &ScriptsInForce, selection: &ContainerSelection) -> Choose {
    let (scripts, selection) = (Arc::clone(scripts), selection.clone());
    Arc::new(move |candidates: &[MatchingContainer]| {
        let Some(execution) = lock(&scripts).clone() else { return 0 };
        let all: Vec<Dynamic> = candidates.iter().map(|candidate| described(candidate).into()).collect();
        let arguments = vec![Dynamic::from(selection.clone()), all.into()];
        let session = &execution.run.session;
        let problem = match execution.call_function("target", arguments) {
            Ok(chosen) => match place_of(&chosen, candidates) {
                Some(place) => return place,
                None => {
                    format!("`target` returned no container of its list for {selection}: using the first one")
                }
            },
            Err(_) if session.cancel.is_cancelled() => return 0,
            Err(error) => format!("using the first container, because `target` failed: {error}"),
        };
        session.notice_once(Level::Warning, problem);
        0
    })
}

/// A container as scripts see it.
fn described(candidate: &MatchingContainer) -> Map {
    let labels = candidate.pod.metadata.labels.iter().flatten();
    let labels: Map = labels.map(|(name, value)| (name.as_str().into(), value.clone().into())).collect();
    let node = candidate.pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
    Map::from_iter([
        ("pod".into(), candidate.pod_name().to_owned().into()),
        ("container".into(), candidate.container.clone().into()),
        ("image".into(), candidate.image.clone().into()),
        ("node".into(), node.into()),
        ("labels".into(), labels.into()),
        ("is_ready".into(), (candidate.phase == ContainerPhase::Ready).into()),
    ])
}

/// The place of the container that a script returned.
fn place_of(chosen: &Dynamic, candidates: &[MatchingContainer]) -> Option<usize> {
    let chosen = chosen.as_map_ref().ok()?;
    let text = |name: &str| chosen.get(name).and_then(|value| value.clone().into_string().ok());
    let (pod, container) = (text("pod")?, text("container")?);
    candidates.iter().position(|other| other.pod_name() == pod && other.container == container)
}
