//! The nearest valid name, for "did you mean" hints.

/// The candidate nearest to `name`, if it is near enough for `name` to be a typing error.
///
/// Near means: equal except for case, or at most one edit for every three characters (two for names of at least four).
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let limit = match name.chars().count() {
        0..=3 => 1,
        count => (count / 3).max(2),
    };
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_typing_errors_are_near() {
        assert_eq!(nearest("dockefile", ["dockerfile", "context"]), Some("dockerfile"));
        assert_eq!(nearest("zebra", ["dockerfile", "context"]), None);
    }
}
