//! Registries: credentials, the right to push, what is there.
