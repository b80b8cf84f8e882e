//! The size that the store of images may have.

use super::amount::size;
use crate::event::{Events, Level};
use crate::oci::BlobStore;

/// The variable that says how large the store may be.
const LIMIT: &str = "WINDLASS_CACHE_SIZE";

/// How large it may be where nothing is said, in bytes.
const DEFAULT: u64 = 20 << 30;

/// Removes what was used longest ago when the store is too large. A run goes on without: what is wrong is only told.
pub(super) fn keep_store_small(events: &Events) {
    let limit = match std::env::var(LIMIT).ok().filter(|text| !text.is_empty()) {
        None => DEFAULT,
        Some(text) => match size(&text) {
            Ok(limit) => limit,
            Err(expected) => {
                events.notice(Level::Warning, format!("{LIMIT} is `{text}`, and {expected}"));
                DEFAULT
            }
        },
    };
    let store = BlobStore::of_user(|name| std::env::var(name).ok());
    let message = match store.trim(limit) {
        Ok(None) => return,
        Ok(Some(cleaned)) => {
            let bytes = indicatif::HumanBytes(cleaned.bytes);
            format!("removed {bytes} from {}: there was more than {LIMIT}", store.folder().display())
        }
        Err(error) => error.to_string(),
    };
    events.notice(Level::Debug, message);
}
