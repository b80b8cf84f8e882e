//! Problems with the fields of an object.

use std::fmt;

/// The number of problems in a message.
const SHOWN: usize = 5;

/// A problem with a field of an object. Displays as `spec.replicas: must be greater than or equal to 0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field in the notation of the cluster: `spec.template.spec.containers[0].image`; empty for the whole object.
    pub field: String,
    /// The problem.
    pub message: String,
}

/// A field and its owner. Displays as ``` `hpa` owns `spec.replicas` ```.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedField {
    /// The field manager.
    pub manager: String,
    /// The field.
    pub field: String,
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => formatter.write_str(&self.message),
            field => write!(formatter, "{field}: {}", self.message),
        }
    }
}

impl fmt::Display for OwnedField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` owns `{}`", self.manager, self.field)
    }
}

/// The first problems, and the number of the others.
pub(super) fn joined(problems: &[impl fmt::Display]) -> String {
    let mut texts: Vec<_> = problems.iter().take(SHOWN).map(ToString::to_string).collect();
    if problems.len() > SHOWN {
        texts.push(format!("and {} more", problems.len() - SHOWN));
    }
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_shortened() {
        let problem =
            |field: &str| FieldProblem { field: field.to_owned(), message: "unknown field".to_owned() };
        assert_eq!(joined(&[problem("a"), problem("")]), "a: unknown field; unknown field");
        let many: Vec<_> = (0..7).map(|_| problem("")).collect();
        assert!(joined(&many).ends_with("unknown field; and 2 more"));
    }
}
