//! The builder that the environment selects, with the same meaning for all of docker's builders.

/// Whether `DOCKER_BUILDKIT` enables BuildKit, parsed as by the docker CLI; `None` if it is not set. An invalid value
/// counts as not set, because the CLI reports it when it runs.
pub fn wants_build_kit() -> Option<bool> {
    parse(&std::env::var("DOCKER_BUILDKIT").unwrap_or_default())
}

/// Parses a boolean as Go does.
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
