//! Tests that take long, driven by chance: `tests/long/run` runs them with a seed of its own choice, and short parts
//! with fixed seeds run among all others.

mod beside_cleanup;
mod edit;
mod mutated_inputs;
mod oracle;
mod random_project;
mod settings;
mod sketch;
