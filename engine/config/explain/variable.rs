//! The variables of a file: their values, sources and uses.

use serde::Serialize;

use crate::config::Origin;
use crate::config::node::Span;
use crate::config::problem::Diagnostics;
use crate::config::variable::{Provenance, Resolver, Use};

/// A variable that the file defines or uses.
#[derive(Debug, Clone, Serialize)]
pub struct VariableStatus {
    /// Its name.
    pub name: String,
    /// Its value, `***` for a password; `None` if it has no value.
    pub value: Option<String>,
    /// The source of the value; `None` if it has no value.
    pub source: Option<Provenance>,
    /// Whether it is or contains a password.
    pub password: bool,
    /// The location of its definition; `None` if it is only used.
    pub definition: Option<Origin>,
    /// The locations of its uses.
    pub uses: Vec<Origin>,
    /// Why its value is not available, such as a failed command.
    pub problem: Option<String>,
}

/// The variables that the file defines, in file order, then others that it uses. With `with_unused`, unused variables
/// are resolved as well, which may run commands.
pub(crate) fn list_variables(
    resolver: &mut Resolver<'_>,
    with_unused: bool,
    problems: &Diagnostics,
) -> (Vec<VariableStatus>, Vec<Use>) {
    let mut found = Vec::new();
    let names = resolver.names();
    for name in &names {
        let span = resolver.definitions.get(name).map(|definition| definition.span);
        let mut told = problems.silent();
        let value = match with_unused {
            true => resolver.peek(name, span.unwrap_or_default(), &mut told),
            false => resolver.known(name),
        };
        let password = resolver.is_password(name) || value.as_ref().is_some_and(|value| value.is_password);
        found.push(VariableStatus {
            name: name.clone(),
            source: value.as_ref().map(|value| value.provenance),
            value: value.map(|value| if password { "***".to_owned() } else { value.text }),
            password,
            definition: span.map(|span| problems.origin(span)),
            uses: Vec::new(),
            problem: told.finish().0.into_iter().next().map(|problem| problem.message),
        });
    }
    // The resolution of unused variables may have followed further references.
    let uses = resolver.uses.take().unwrap_or_default();
    for status in &mut found {
        let spans = uses.iter().filter(|used| used.name == status.name).map(|used| used.span);
        status.uses = places(spans, problems);
    }
    (found, uses)
}

/// The locations of `spans`, without duplicates, in file order.
fn places(spans: impl Iterator<Item = Span>, problems: &Diagnostics) -> Vec<Origin> {
    let mut spans: Vec<Span> = spans.collect();
    spans.sort_by_key(|span| (span.line, span.column));
    spans.dedup_by_key(|span| (span.line, span.column));
    spans.into_iter().map(|span| problems.origin(span)).collect()
}
