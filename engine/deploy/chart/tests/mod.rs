//! Tests with real and fake helm.

mod dependencies;
mod errors;
mod fake;
mod fake_helm;
mod interrupt;
mod real;
mod render;
mod repository;
mod values;
