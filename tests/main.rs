mod conformance;
mod registry;
