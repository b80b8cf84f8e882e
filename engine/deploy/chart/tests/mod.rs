//! Tests with real and fake helm.

mod dependencies;
mod errors;
mod real;
mod render;
mod repository;
mod values;
