//! Connections to running containers: the selection of a container, its log, and its ports.
//!
//! [`TargetSelector`] describes a container, [`SelectedContainer::resolve`] waits for one, and [`TargetWatch`] always has
//! the current one, also when pods are replaced.

mod candidate;
mod clock_jump;
mod container_task;
mod diagnosis;
mod forward;
mod image_match;
mod log;
mod matching;
mod nearest;
mod notices;
mod page;
mod selector;
mod target;
mod target_error;
mod target_watch;

pub use candidate::{Choose, ContainerPhase, MatchingContainer, all_containers, candidates};
pub use container_task::{ContainerTask, ContainerWork};
pub use forward::{ForwardError, ForwardSpec, ListeningPort};
pub use image_match::ImageMatch;
pub use log::{LogItem, LogLine, LogOptions, LogQueue, log_queue, show_logs};
pub use notices::Notices;
pub use page::{open_in_browser, wait_for_page};
pub use selector::TargetSelector;
pub use target::{SelectedContainer, TargetLimits};
pub use target_error::TargetError;
pub use target_watch::{TargetState, TargetWatch};
