//! The difference of two strings.

use similar::{ChangeTag, TextDiff};

/// `expected` and `actual` one above the other, or, if they have several lines, the lines that differ with their
/// neighbors.
pub fn difference(expected: &str, actual: &str) -> String {
    if !expected.contains('\n') && !actual.contains('\n') {
        return format!("expected: {expected}\n  actual: {actual}");
    }
    let mut text = "- expected, + actual".to_owned();
    let diff = TextDiff::from_lines(expected, actual);
    for (number, group) in diff.grouped_ops(2).iter().enumerate() {
        if number > 0 {
            text += "\n  ...";
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let mark = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            text += format!("\n{mark} {}", change.value().trim_end_matches('\n')).trim_end();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_are_shown_whole_and_long_ones_with_the_difference() {
        assert_eq!(difference("1", "2"), "expected: 1\n  actual: 2");
        let long = |middle: &str| format!("a\nb\nc\n{middle}\ne\nf\ng\nh");
        assert_eq!(difference(&long("d"), &long("D")), "- expected, + actual\n  b\n  c\n- d\n+ D\n  e\n  f");
    }
}
