//! Long randomized tests: `tests/long/run` runs them with a random seed, and short parts with fixed seeds run among all
//! other tests.

mod beside_cleanup;
mod both_sides;
mod edit;
mod many_objects;
mod mutated_inputs;
mod oracle;
mod random_project;
mod settings;
mod sketch;
