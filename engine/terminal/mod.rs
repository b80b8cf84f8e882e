//! The terminal of windlass, or its pipes, connected to a container.

mod detach_keys;
mod encoded_stdin;
mod interact;
mod keyboard;
mod raw_mode;

pub(crate) use encoded_stdin::{PROBE, encoded_stdin_command};
pub(crate) use interact::{Interaction, InteractionEnd, StdinForm, interact, terminal_size};
pub(crate) use keyboard::{Keyboard, has_input, is_terminal};
