//! What windlass remembers between runs, in the project's `.windlass/` folder.

mod bases;
mod images;

pub use bases::BaseMemory;
pub use images::{ImageStore, Record, RecordedInputs};
