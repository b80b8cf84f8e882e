//! The modules that come with windlass: `import "std/tags" as tags;`.

/// File names, as messages show them, and sources; sorted.
pub(super) const MODULES: [(&str, &str); 8] = [
    ("std/entrypoints.rhai", include_str!("../../stdlib/entrypoints.rhai")),
    ("std/hooks.rhai", include_str!("../../stdlib/hooks.rhai")),
    ("std/images.rhai", include_str!("../../stdlib/images.rhai")),
    ("std/labels.rhai", include_str!("../../stdlib/labels.rhai")),
    ("std/registry.rhai", include_str!("../../stdlib/registry.rhai")),
    ("std/sharing.rhai", include_str!("../../stdlib/sharing.rhai")),
    ("std/tags.rhai", include_str!("../../stdlib/tags.rhai")),
    ("std/testing.rhai", include_str!("../../stdlib/testing.rhai")),
];
