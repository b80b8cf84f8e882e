//! What the environment says of docker's builders: one meaning, whoever builds.

/// Whether `DOCKER_BUILDKIT` asks for BuildKit, read as the docker CLI reads it; `None` where it says nothing. What the
/// CLI refuses counts as nothing, for it is said when the CLI runs.
pub fn wants_build_kit() -> Option<bool> {
    parse(&std::env::var("DOCKER_BUILDKIT").unwrap_or_default())
}

/// A truth value as Go reads it.
fn parse(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_values_are_those_of_go() {
        assert_eq!(
            ["1", "true", "0", "F", "", "yes"].map(parse),
            [Some(true), Some(true), Some(false), Some(false), None, None]
        );
    }
}
