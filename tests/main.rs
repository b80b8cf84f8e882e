//! The integration tests: one binary, one file a topic.

mod conformance;
mod harness;
mod harness_itself;
mod registry;
mod conformance_ignore;
//! The integration tests: one binary, a module per feature.
mod builder_buildkit;
mod builder_docker;
