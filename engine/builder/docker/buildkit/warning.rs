//! Warnings of BuildKit about a Dockerfile that it can build (Docker docs, "Build checks").

use bollard_buildkit_proto::moby::buildkit::v1::VertexWarning;

use crate::image::Dockerfile;

/// The rule that only the last of several ENTRYPOINT or CMD instructions takes effect.
const ONLY_THE_LAST: &str = "MultipleInstructionsDisallowed:";

/// The message of `warning`, with its line in the file that the user wrote; `None` if it is not about that file, but
/// about lines that windlass added, or lines that these override.
pub(super) fn message(warning: &VertexWarning, dockerfile: &Dockerfile) -> Option<String> {
    let short = String::from_utf8_lossy(&warning.short);
    if short.starts_with(ONLY_THE_LAST) && dockerfile.has_added_lines() {
        return None;
    }
    let start = warning.ranges.first().and_then(|range| range.start.as_ref());
    let line = start.and_then(|start| usize::try_from(start.line).ok()).filter(|line| *line > 0);
    let place = match line {
        Some(line) => format!("{}:{}", dockerfile.name(), dockerfile.line_as_read(line)?),
        None => dockerfile.name().to_owned(),
    };
    // It ends with the line number in the file that was sent.
    let words = line.and_then(|line| short.strip_suffix(&format!(" (line {line})"))).unwrap_or(&short);
    let more = if warning.url.is_empty() { String::new() } else { format!(" ({})", warning.url) };
    Some(format!("{place}: {words}{more}"))
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::pb::{Position, Range};

    use super::*;

    #[test]
    fn a_warning_names_the_line_that_was_written() {
        let read = Dockerfile::parse("docker/Dockerfile", "FROM a AS one\nENTRYPOINT x\nFROM b as two\n");
        let read = read.expect("a Dockerfile");
        let edited = read.with_entrypoint(Some("one"), &[]).expect("it has this target");
        let check = |short: &str, line: i32, dockerfile: &Dockerfile, expected: Option<&str>| {
            let warning = VertexWarning {
                short: short.into(),
                url: "https://docs.example/rule".into(),
                ranges: vec![Range { start: Some(Position { line, character: 0 }), end: None }],
                ..VertexWarning::default()
            };
            assert_eq!(message(&warning, dockerfile).as_deref(), expected);
        };
        let casing = Some("docker/Dockerfile:3: FromAsCasing: as (https://docs.example/rule)");
        check("FromAsCasing: as (line 3)", 3, &read, casing);
        check("FromAsCasing: as (line 4)", 4, &edited, casing);
        check("ConsistentInstructionCasing: x (line 3)", 3, &edited, None);
        let twice = "MultipleInstructionsDisallowed: Multiple ENTRYPOINT instructions (line 2)";
        check(twice, 2, &edited, None);
        assert!(message(&VertexWarning { short: twice.into(), ..VertexWarning::default() }, &read).is_some());
    }
}
