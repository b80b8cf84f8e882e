//! Results of images.

use std::sync::Mutex;
use std::time::Instant;

use indexmap::IndexMap;

use crate::event::{Event, Events, ImageResult, Outcome};
use crate::lock::lock;

/// The results of the images of a run.
#[derive(Default)]
pub struct Results {
    images: Mutex<IndexMap<String, Entry>>,
}

struct Entry {
    result: ImageResult,
    started: Instant,
    is_finished: bool,
}

impl Results {
    /// Records the start of the work on an image.
    pub fn start(&self, image: &str, repository: &str) {
        let result = ImageResult {
            image: image.to_owned(),
            repository: repository.to_owned(),
            outcome: Outcome::Cancelled,
            reason: "not started".to_owned(),
            key: None,
            tags: Vec::new(),
            image_id: None,
            digest: None,
            pushed: false,
            platforms: Vec::new(),
            share: None,
            bases: Vec::new(),
            seconds: 0.0,
        };
        let entry = Entry { result, started: Instant::now(), is_finished: false };
        lock(&self.images).entry(image.to_owned()).or_insert(entry);
    }

    /// Records the start of the work on an image, possibly repeated.
    pub fn start_again(&self, image: &str, repository: &str) {
        lock(&self.images).retain(|name, entry| name != image || !entry.is_finished);
        self.start(image, repository);
    }

    /// Records that the work on an image ended without success; its error is reported elsewhere.
    pub fn break_off(&self, image: &str, outcome: Outcome, reason: &str) {
        self.update(image, |result| {
            result.outcome = outcome;
            result.reason = reason.to_owned();
        });
    }

    /// Changes the result of an unfinished image.
    pub fn update(&self, image: &str, change: impl FnOnce(&mut ImageResult)) {
        if let Some(entry) = lock(&self.images).get_mut(image) {
            change(&mut entry.result);
        }
    }

    /// Marks an image as finished; reported once.
    pub fn finish(&self, events: &Events, image: &str) {
        let finished = {
            let mut images = lock(&self.images);
            let Some(entry) = images.get_mut(image).filter(|entry| !entry.is_finished) else { return };
            entry.is_finished = true;
            entry.result.seconds = entry.started.elapsed().as_secs_f64();
            entry.result.clone()
        };
        events.emit(Event::ImageFinished(finished));
    }

    /// Marks an image as cancelled before its start.
    pub fn cancel(&self, events: &Events, image: &str, repository: &str, reason: &str) {
        self.start(image, repository);
        self.update(image, |result| {
            result.outcome = Outcome::Cancelled;
            result.reason = reason.to_owned();
        });
        self.finish(events, image);
    }

    /// The current results of all started images, in order of their start.
    pub fn all(&self) -> Vec<ImageResult> {
        lock(&self.images).values().map(|entry| entry.result.clone()).collect()
    }

    /// Reports the end of all images that were started outside of `parallel`.
    pub fn finish_all(&self, events: &Events) {
        let open: Vec<_> = {
            let images = lock(&self.images);
            images.iter().filter(|(_, entry)| !entry.is_finished).map(|(name, _)| name.clone()).collect()
        };
        for image in open {
            self.finish(events, &image);
        }
    }
}
