//! Patterns of `.helmignore`: those of Go's `filepath.Match`.

/// Whether `pattern` matches all of `name`. `*` and `?` do not match `/`; a malformed pattern matches nothing.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Where to continue if a character does not match: after the last `*`, with one more character for it.
    let (mut at, mut position) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&'*') {
            at += 1;
            retry = Some((at, position));
            continue;
        }
        let step = match (pattern.get(at), name.get(position)) {
            (None, None) => return true,
            (Some(_), Some(character)) => one(&pattern[at..], *character),
            _ => Some(None),
        };
        match (step, retry) {
            // A malformed pattern.
            (None, _) => return false,
            (Some(Some(length)), _) => {
                at += length;
                position += 1;
            }
            (Some(None), Some((after, start))) if name.get(start).is_some_and(|skipped| *skipped != '/') => {
                retry = Some((after, start + 1));
                (at, position) = (after, start + 1);
            }
            (Some(None), _) => return false,
        }
    }
}

/// Matches the first element of `pattern` with `character`; returns the element's length if it matches, and `None` for
/// a malformed pattern.
fn one(pattern: &[char], character: char) -> Option<Option<usize>> {
    match pattern {
        ['?', ..] => Some((character != '/').then_some(1)),
        ['\\', escaped, ..] => Some((*escaped == character).then_some(2)),
        ['\\'] => None,
        ['[', rest @ ..] => class(rest, character).map(|found| found.map(|length| length + 1)),
        [literal, ..] => Some((*literal == character).then_some(1)),
        [] => Some(None),
    }
}

/// Matches a class without its `[`.
fn class(pattern: &[char], character: char) -> Option<Option<usize>> {
    let is_negated = pattern.first() == Some(&'^');
    let mut at = usize::from(is_negated);
    let (mut is_match, mut count) = (false, 0);
    loop {
        if pattern.get(at) == Some(&']') && count > 0 {
            return Some((is_match != is_negated).then_some(at + 1));
        }
        let (low, next) = bound(pattern, at)?;
        at = next;
        let mut high = low;
        if pattern.get(at) == Some(&'-') {
            (high, at) = bound(pattern, at + 1)?;
        }
        is_match |= (low..=high).contains(&character);
        count += 1;
    }
}

/// A character of a class and the position after it.
fn bound(pattern: &[char], at: usize) -> Option<(char, usize)> {
    match pattern.get(at)? {
        '-' | ']' => None,
        '\\' => Some((*pattern.get(at + 1)?, at + 2)),
        literal => Some((*literal, at + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        let check = |pattern: &str, name: &str, expected| {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}")
        };
        check("abc", "abc", true);
        check("*", "abc", true);
        check("*c", "abc", true);
        check("a*", "ab/c", false);
        check("a*/b", "a/b", true);
        check("a*b*c*d*e*/f", "axbxcxdxe/f", true);
        check("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false);
        check("a*b?c*x", "abxbbxdbxebxczzy", false);
        check("ab[b-d]", "abc", true);
        check("ab[^b-d]", "abc", false);
        check("ab[^e-g]", "abc", true);
        check("a\\*b", "a*b", true);
        check("[a-ζ]*", "α", true);
        check("a?b", "a/b", false);
        check("[]a]", "]", false);
        check("[", "a", false);
        check("a[", "ab", false);
        check("*x", "xxx", true);
    }
}
