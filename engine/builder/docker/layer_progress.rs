//! The progress of layers that are transferred in parallel, as one number.

use std::collections::HashMap;

use bollard::models::ProgressDetail;

use crate::event::ImageEvents;

/// Sums up the progress of the layers of a push or pull.
pub(super) struct LayerProgress {
    step: String,
    layers: HashMap<String, Layer>,
    told: Layer,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Layer {
    done: u64,
    total: u64,
}

impl LayerProgress {
    pub(super) fn new(step: String) -> Self {
        Self { step, layers: HashMap::new(), told: Layer::default() }
    }

    /// Handles one line of the daemon; reports the sum if it changed.
    pub(super) fn report(
        &mut self,
        id: String,
        status: &str,
        detail: Option<&ProgressDetail>,
        events: &ImageEvents,
    ) {
        let bytes = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
        let layer = self.layers.entry(id).or_default();
        match (status, detail) {
            ("Pushed" | "Download complete" | "Pull complete", _) => layer.done = layer.total,
            ("Pushing" | "Downloading", Some(detail)) => {
                layer.total = bytes(detail.total).max(layer.total);
                // The daemon may report more bytes than the total.
                layer.done = bytes(detail.current).min(layer.total);
            }
            _ => return,
        }
        let sum = self.layers.values().fold(Layer::default(), |sum, layer| Layer {
            done: sum.done + layer.done,
            total: sum.total + layer.total,
        });
        if sum != self.told && sum.total > 0 {
            events.progress(&self.step, sum.done, Some(sum.total));
            self.told = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::event::{Event, Events};

    #[test]
    fn layers_add_up() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = told.clone();
        let events = Events::new(move |event| {
            if let Event::StepProgress { done, total, .. } = event {
                sink.lock().unwrap().push((done, total));
            }
        });
        let events = events.of_image("api");
        let mut progress = LayerProgress::new("push".into());
        for (id, status, current, total) in [
            ("a", "Preparing", None, None),
            ("a", "Pushing", Some(5), Some(10)),
            ("b", "Pushing", Some(25), Some(20)),
            ("a", "Pushed", None, None),
            ("c", "Layer already exists", None, None),
        ] {
            progress.report(id.into(), status, Some(&ProgressDetail { current, total }), &events);
        }
        assert_eq!(*told.lock().unwrap(), [(5, Some(10)), (25, Some(30)), (30, Some(30))]);
    }
}
