//! The operating system, under its name in configuration files.

/// This system under Go's name: `linux`, `darwin`, `windows`.
pub fn system() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// Whether `os` (systems separated by commas; `None` for all) includes `system`.
pub fn fits(os: Option<&str>, system: &str) -> bool {
    os.is_none_or(|os| os.split(',').any(|os| os.trim().eq_ignore_ascii_case(system)))
}

/// Whether `os` (systems separated by commas; `None` for all) includes this system.
pub fn is_for_this_system(os: Option<&str>) -> bool {
    fits(os, system())
}
