//! Lists of texts that scripts pass to stages.

use rhai::{Array, Dynamic};

use crate::script::StageError;
use crate::script::cause::kind;

/// The list in `value`, or `None` for `()`.
///
/// # Errors
/// `script::wrong_type`, naming `argument`, for anything else than a list of strings.
pub fn optional_texts(value: &Dynamic, argument: &'static str) -> Result<Option<Vec<String>>, StageError> {
    if value.is_unit() { Ok(None) } else { texts(value, argument).map(Some) }
}

/// The list in `value`.
///
/// # Errors
/// `script::wrong_type`, naming `argument`, for anything else than a list of strings.
pub fn texts(value: &Dynamic, argument: &'static str) -> Result<Vec<String>, StageError> {
    let Some(list) = value.read_lock::<Array>() else {
        let example = if value.is_string() { format!("\"{value}\"") } else { "\"...\"".to_owned() };
        return Err(WrongType::List {
            argument,
            found: type_name(value),
            help: format!("write [{example}]"),
        }
        .into());
    };
    let text = |item: &Dynamic| {
        item.clone().into_string().map_err(|_| WrongType::Item { argument, found: type_name(item) })
    };
    Ok(list.iter().map(text).collect::<Result<_, _>>()?)
}

fn type_name(value: &Dynamic) -> String {
    kind(value.type_name()).to_owned()
}

/// A script passed something else than a list of strings.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
enum WrongType {
    #[error("`{argument}` has to be a list of strings, found {found}")]
    #[diagnostic(code(script::wrong_type))]
    List {
        argument: &'static str,
        found: String,
        #[help]
        help: String,
    },
    #[error("`{argument}` has to be a list of strings, found {found} in it")]
    #[diagnostic(code(script::wrong_type), help("convert it with `to_string()`"))]
    Item { argument: &'static str, found: String },
}
