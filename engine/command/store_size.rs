//! The size limit of the image store.

use super::amount::size;
use crate::event::{Events, Level};
use crate::oci::BlobStore;

/// The variable that sets the maximum size of the store.
const LIMIT: &str = "WINDLASS_CACHE_SIZE";

/// The default maximum size in bytes.
const DEFAULT: u64 = 20 << 30;

/// Removes the least recently used images if the store is too large. Errors are only reported and do not stop a run.
pub(super) fn keep_store_small(events: &Events) {
    let limit = match std::env::var(LIMIT).ok().filter(|text| !text.is_empty()) {
        None => DEFAULT,
        Some(text) => match size(&text) {
            Ok(limit) => limit,
            Err(expected) => {
                events.notice(Level::Warning, format!("invalid {LIMIT} `{text}`: {expected}"));
                DEFAULT
            }
        },
    };
    let store = BlobStore::of_user(|name| std::env::var(name).ok());
    let message = match store.trim(limit) {
        Ok(None) => return,
        Ok(Some(cleaned)) => {
            let bytes = indicatif::HumanBytes(cleaned.bytes);
            format!("removed {bytes} from {}: {LIMIT} exceeded", store.folder().display())
        }
        Err(error) => error.to_string(),
    };
    events.notice(Level::Debug, message);
}
