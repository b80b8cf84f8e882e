mod conformance;
mod registry;
//! The integration tests: one binary, one file a topic.
mod harness;
mod harness_itself;
