//! The integration tests: one binary, one file a topic.

mod builder_buildkit;
mod builder_docker;
mod config;
mod conformance;
mod conformance_ignore;
mod first_contact;
mod custom_builder;
mod docker_builder;
mod harness;
mod harness_itself;
mod hooks;
mod registry;
mod skip;
mod state;
mod examples;
mod graph;
mod harness;
mod harness_itself;
mod overrides;
mod registry;
mod script_errors;
