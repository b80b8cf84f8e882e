//! Checks of the arguments that scripts pass to stages.

use rhai::{Array, Dynamic, FnPtr, ImmutableString};

use crate::error::StageError;
use crate::plan::Plan;
use crate::script::cause::kind;

/// The list in `value`, or `None` for `()`.
///
/// # Errors
/// `script::wrong_type`, naming `argument`, if it is not a list of strings.
pub fn optional_texts(value: &Dynamic, argument: &'static str) -> Result<Option<Vec<String>>, StageError> {
    if value.is_unit() { Ok(None) } else { texts(value, argument).map(Some) }
}

/// The list in `value`.
///
/// # Errors
/// `script::wrong_type`, naming `argument`, if it is not a list of strings.
pub fn texts(value: &Dynamic, argument: &'static str) -> Result<Vec<String>, StageError> {
    let Some(list) = value.read_lock::<Array>() else {
        return Err(WrongType::List { argument, found: type_name(value), help: fix(value, argument) }.into());
    };
    let text = |item: &Dynamic| {
        let help = match item.read_lock::<FnPtr>() {
            Some(function) => {
                let name = function.fn_name();
                format!("call the function: `{name}(...)`, or write a string in quotes: \"{name}\"")
            }
            None => "convert it with `to_string()`".to_owned(),
        };
        item.clone().into_string().map_err(|_| WrongType::Item { argument, found: type_name(item), help })
    };
    Ok(list.iter().map(text).collect::<Result<_, _>>()?)
}

/// The boolean in `value`.
///
/// # Errors
/// `script::wrong_type`, naming `argument`, if it is not `true` or `false`.
pub fn truth(value: &Dynamic, argument: &'static str) -> Result<bool, StageError> {
    let help = || match value.read_lock::<ImmutableString>() {
        Some(text) if matches!(text.as_str(), "true" | "false") => format!("write {}, without quotes", *text),
        _ => "return `true`, `false`, or a comparison".to_owned(),
    };
    let wrong = |_| WrongType::Truth { argument, found: type_name(value), help: help() };
    Ok(value.as_bool().map_err(wrong)?)
}

/// The plan in `value`.
///
/// # Errors
/// `script::wrong_type` if it is not a plan.
pub fn plan(value: Dynamic) -> Result<Plan, StageError> {
    let found = type_name(&value);
    Ok(value.try_cast::<Plan>().ok_or(WrongType::Plan { found })?)
}

/// The hint for `value`.
fn fix(value: &Dynamic, argument: &str) -> String {
    let Some(text) = value.read_lock::<ImmutableString>() else {
        return "return a list such as [\"...\"]".to_owned();
    };
    // For tags, a string with several words is one item. For commands, it is a whole command line.
    let words = if argument == "tags" { None } else { shell_words::split(&text).ok() };
    let words = words.filter(|words| !words.is_empty()).unwrap_or_else(|| vec![text.to_string()]);
    let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("write [{}]", words.join(", "))
}

fn type_name(value: &Dynamic) -> String {
    kind(value.type_name()).to_owned()
}

/// A script passed a value of the wrong type.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
enum WrongType {
    #[error("`{argument}` must be a list of strings, found {found}")]
    #[diagnostic(code(script::wrong_type))]
    List {
        argument: &'static str,
        found: String,
        #[help]
        help: String,
    },
    #[error("`{argument}` must be a list of strings, found {found} in it")]
    #[diagnostic(code(script::wrong_type))]
    Item {
        argument: &'static str,
        found: String,
        #[help]
        help: String,
    },

    #[error("`again` requires a function that returns a plan, found {found}")]
    #[diagnostic(
        code(script::wrong_type),
        help("return what `plan(image)` returns: `plan.again(|| plan(image))`")
    )]
    Plan { found: String },

    #[error("`{argument}` must be true or false, found {found}")]
    #[diagnostic(code(script::wrong_type))]
    Truth {
        argument: &'static str,
        found: String,
        #[help]
        help: String,
    },
}
