//! The actions of a test.

use rhai::plugin::*;

/// Queries of tests about actions.
#[export_module]
pub mod call {
    use rhai::{Array, Dynamic};

    use super::super::bench;
    use crate::error::StageError;
    use crate::host::memory::CallKind;
    use crate::script::RhaiResultOf;

    /// The actions so far, in order, as strings: `build api`, `kaniko_build api`, `push acme/api:1.4`, `exec cosign
    /// sign acme/api:1.4`, `hook ./notify`, `write dist/digest.txt`, `http POST https://chat.example/hook`, `tag
    /// acme/api:latest`, `copy acme/api:1 to prod/api:1`, `remove old.txt`, `sleep 5`, `namespace shop`, `apply
    /// Deployment/web`, `delete Service/old`, `helm upgrade web`. The connections of `dev`: `forward_port
    /// localhost:8080 -> port 80 of image `api``, `sync_folder src <-> /app of image `api``, `open_page
    /// http://localhost:8080`, `show logs of the project`.
    ///
    /// # Example
    /// ```rhai
    /// fn test_nothing_happens_by_itself() {
    ///     project();
    ///     assert_eq(calls(), []);
    /// }
    /// ```
    #[rhai_fn(name = "calls", return_raw)]
    pub fn all_calls() -> RhaiResultOf<Array> {
        let bench = bench()?;
        let state = bench.memory.state();
        let told = state.calls.iter().filter(|call| call.kind != CallKind::Built);
        Ok(told.map(|call| call.to_string().into()).collect())
    }

    /// The actions of one kind so far, in order, without the kind: `calls("push")` gives `["acme/api:1.4"]`.
    ///
    /// # Errors
    /// `test::unknown_call`, with the most similar kind.
    ///
    /// # Example
    /// ```rhai
    /// fn test_every_image_is_pushed() {
    ///     build(project());
    ///     assert_eq(calls("push").len(), project().images.len());
    /// }
    /// ```
    #[rhai_fn(name = "calls", return_raw)]
    pub fn calls_of_kind(kind: &str) -> RhaiResultOf<Array> {
        let Some(kind) = CallKind::TOLD.into_iter().find(|known| known.as_str() == kind) else {
            return Err(StageError::from(super::UnknownCall::new(kind)).into());
        };
        let bench = bench()?;
        let state = bench.memory.state();
        let fitting = state.calls.iter().filter(|call| call.kind == kind);
        Ok(fitting.map(|call| call.text.clone().into()).collect())
    }

    /// The lines that scripts printed so far, a list of strings.
    ///
    /// # Example
    /// ```rhai
    /// fn test_printing() {
    ///     print("done");
    ///     assert_eq(printed(), ["done"]);
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn printed() -> RhaiResultOf<Array> {
        Ok(bench()?.printed().into_iter().map(Dynamic::from).collect())
    }
}

use crate::host::memory::CallKind;
use crate::suggestion::nearest;

/// The kind of call is unknown.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("unknown kind of call `{kind}`")]
#[diagnostic(code(test::unknown_call))]
struct UnknownCall {
    kind: String,
    #[help]
    help: String,
}

impl UnknownCall {
    fn new(kind: &str) -> Self {
        let known = CallKind::TOLD.map(CallKind::as_str);
        let help = match nearest(kind, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use one of `{}`", known.join("`, `")),
        };
        Self { kind: kind.to_owned(), help }
    }
}
