//! Why a script stopped.

use std::fmt;

use rhai::EvalAltResult;

use super::layer::{self, without_numbers};
use super::pipeline::is_closure;
use super::trace::ScriptLocation;
use super::{Pipeline, hint, resolver, stage};
use crate::error::StageError;
use crate::suggestion::nearest;

/// The error codes of stages that only an invalid script can cause, in addition to all `script::...`.
const WRONG_SCRIPT: [&str; 5] = [
    "builder::unfit",
    "builder::unknown",
    "image::tag",
    "stage::plan::parent_missing",
    "stage::reuse::nothing",
];

/// Why a script stopped.
#[derive(Debug)]
pub enum Cause {
    /// A stage failed.
    Stage(StageError),
    /// The script itself has an error, or threw a value.
    Script {
        /// The message.
        message: String,
        /// The code, from the thrown value or from windlass.
        code: String,
        /// The hint.
        help: Option<String>,
        /// Whether the script threw it on purpose.
        is_thrown: bool,
    },
}

impl Cause {
    /// The cause at the bottom of `error`, which happened at `place`.
    pub(super) fn of(pipeline: &Pipeline, error: EvalAltResult, place: Option<&ScriptLocation>) -> Self {
        match error {
            EvalAltResult::ErrorRuntime(value, _) => {
                if let Some(stage) = value.read_lock::<StageError>() {
                    return Self::Stage(stage.clone());
                }
                Self::thrown(&value)
            }
            EvalAltResult::ErrorFunctionNotFound(signature, _) => {
                Self::unknown_function(pipeline, &without_numbers(&signature))
            }
            EvalAltResult::ErrorVariableNotFound(name, _) => {
                let name = without_numbers(&name);
                let help = hint::variable(pipeline, &name, place);
                Self::wrong(format!("unknown variable `{name}`"), "script::unknown_variable", Some(help))
            }
            EvalAltResult::ErrorParsing(error, _) => {
                Self::wrong(lower_first(&error.to_string()), "script::syntax", None)
            }
            EvalAltResult::ErrorDotExpr(text, _) if unknown_property(&text).is_some() => {
                let (name, owner) = unknown_property(&text).unwrap_or_default();
                let message = format!("unknown property `{name}` of {}", kind(owner));
                Self::wrong(message, "script::unknown_property", hint::property(name, owner))
            }
            EvalAltResult::ErrorDotExpr(text, _) if fixed_property(&text).is_some() => {
                let (name, owner) = fixed_property(&text).unwrap_or_default();
                let message = format!("the property `{name}` of {} cannot be set", kind(owner));
                Self::wrong(message, "script::fixed_property", Some(hint::setter(name)))
            }
            EvalAltResult::ErrorPropertyNotFound(name, _) => {
                let help =
                    format!("check first: `if \"{name}\" in map {{ ... }}`; `map.keys()` lists the keys");
                Self::wrong(format!("the map has no key `{name}`"), "script::no_entry", Some(help))
            }
            EvalAltResult::ErrorModuleNotFound(name, _) if layer::alias(&name).is_some_and(is_name) => {
                let name = without_numbers(&name);
                let path = resolver::path_for(&name);
                Self::wrong(
                    format!("nothing is imported as `{name}`"),
                    "script::not_imported",
                    Some(format!("begin the file with `import \"{path}\" as {name};`")),
                )
            }
            EvalAltResult::ErrorModuleNotFound(path, _) => Self::wrong(
                format!("cannot find the module `{path}`"),
                "script::module_not_found",
                Some(hint::module(&path)),
            ),
            EvalAltResult::ErrorMismatchOutputType(wanted, found, _)
            | EvalAltResult::ErrorMismatchDataType(wanted, found, _) => {
                let message = match (kind(&wanted), kind(&found)) {
                    (wanted, "") => format!("expected {wanted}"),
                    ("", found) => format!("did not expect {found}"),
                    (wanted, found) => format!("expected {wanted}, found {found}"),
                };
                let help = match (kind(&wanted), kind(&found)) {
                    ("a number", "a string") => {
                        "index a list with a number: `list[0]`; get an image by name: `project.image(\"api\")`"
                    }
                    ("true or false", "nothing (`()`)") => "check that it exists: `value != ()`",
                    ("true or false", _) => "compare it with a value: `==`, `!=`, `>`",
                    (_, "nothing (`()`)") => "a function returns its last expression, unless a `;` ends it",
                    _ => "",
                };
                let help = (!help.is_empty()).then(|| help.to_owned());
                Self::wrong(message, "script::wrong_type", help)
            }
            EvalAltResult::ErrorFor(_) => Self::wrong(
                "`for` needs a list, a range or a string".to_owned(),
                "script::wrong_type",
                Some("a function returns its last expression, unless a `;` ends it".to_owned()),
            ),
            EvalAltResult::ErrorArrayBounds(length, index, _) => {
                let message = match length {
                    0 => format!("list index {index} is out of range: the list is empty"),
                    1 => format!("list index {index} is out of range: the only item is `[0]`"),
                    length => format!(
                        "list index {index} is out of range: the list has {length} items, the first is `[0]`"
                    ),
                };
                let help = "check `list.len()` or `list.is_empty()` first";
                Self::wrong(message, "script::no_item", Some(help.to_owned()))
            }
            EvalAltResult::ErrorStackOverflow(_) => Self::wrong(
                "function calls are nested too deeply".to_owned(),
                "script::too_deep",
                Some(
                    "to call a replaced function, use `import \"scripts/build\" as base;` and `base::`"
                        .to_owned(),
                ),
            ),
            mut error => {
                error.clear_position();
                Self::wrong(lower_first(&error.to_string()), "script::failed", None)
            }
        }
    }

    /// Whether the script itself has an error, instead of the action that it tried.
    pub(super) fn is_wrong_script(&self) -> bool {
        match self {
            Self::Stage(stage) => {
                let code = stage.code();
                code.starts_with("script::") || WRONG_SCRIPT.contains(&code.as_str())
            }
            Self::Script { is_thrown, .. } => !is_thrown,
        }
    }

    fn wrong(message: String, code: &str, help: Option<String>) -> Self {
        Self::Script { message, code: code.to_owned(), help, is_thrown: false }
    }

    /// The error of `throw value`: a string, or a map with `message`, `code` and `help`.
    fn thrown(value: &rhai::Dynamic) -> Self {
        let text = |key: &str| value.read_lock::<rhai::Map>()?.get(key).map(ToString::to_string);
        let message = text("message").unwrap_or_else(|| match value {
            value if value.is_unit() => "the script stopped without a message".to_owned(),
            value => value.to_string(),
        });
        let code = text("code").unwrap_or_else(|| "script::thrown".to_owned());
        Self::Script { message, code, help: text("help"), is_thrown: true }
    }

    fn unknown_function(pipeline: &Pipeline, signature: &str) -> Self {
        let name = signature.split(['(', ' ']).next().unwrap_or_default();
        let (module, name) = name.rsplit_once("::").map_or(("", name), |(module, name)| (module, name));
        if !module.is_empty() {
            let known = nearest(name, pipeline.functions().map(|function| function.name.as_str()));
            let help = known.filter(|known| *known != name);
            let help = help.map(|known| format!("did you mean `{module}::{known}`?"));
            let message = format!("unknown function `{}`", plain_types(signature));
            return Self::wrong(message, "script::unknown_function", help);
        }
        if !name.starts_with(|char: char| char.is_alphabetic() || char == '_') {
            return Self::wrong_operands(signature);
        }
        if is_closure(name) {
            return Self::wrong_closure(pipeline, name, signature);
        }
        let mut others: Vec<_> = pipeline.named(name).map(|found| found.parameters.join(", ")).collect();
        others.sort();
        let help = match (others.as_slice(), stage::signature(name)) {
            ([], Some(known)) => {
                format!("call it as `{known}`; see `windlass doc {name}`")
            }
            ([], None) => hint::function(pipeline, name, first_type(signature)),
            (others, _) => format!("it is defined as `{name}({})`", others.join(&format!(")`, `{name}("))),
        };
        Self::wrong(
            format!("unknown function `{}`", plain_types(signature)),
            "script::unknown_function",
            Some(help),
        )
    }

    /// `signature` is that of a call of the closure `name`, which takes other arguments.
    fn wrong_closure(pipeline: &Pipeline, name: &str, signature: &str) -> Self {
        let (_, given) = signature.split_once(" (").unwrap_or((signature, ""));
        let given = plain_types(given.trim_end_matches(')'));
        let takes = pipeline.named(name).map(|closure| closure.parameters.join(", ")).next();
        let names: Vec<_> = given.split(", ").map(parameter_for).collect();
        let message = match (takes, given.as_str()) {
            (Some(takes), "") => format!("`|{takes}| ...` is called without arguments"),
            (Some(takes), given) => format!("`|{takes}| ...` is called with other arguments: {given}"),
            (None, given) => format!("an anonymous function is called with other arguments: {given}"),
        };
        let help = match given.as_str() {
            "" => "write `|| ...`".to_owned(),
            _ => format!("write `|{}| ...`", names.join(", ")),
        };
        Self::wrong(message, "script::wrong_arguments", Some(help))
    }

    /// `signature` is that of an operator: `! (string)`, `+ (Image, i64)`.
    fn wrong_operands(signature: &str) -> Self {
        let (operator, operands) = signature.split_once(" (").unwrap_or((signature, ""));
        let operands: Vec<_> = operands.trim_end_matches(')').split(", ").map(kind).collect();
        let message = match (operator, operands.as_slice()) {
            ("!", [one]) => format!("expected true or false, found {one}"),
            (operator, [one]) => format!("`{operator}` cannot be used with {one}"),
            (operator, operands) => format!("`{operator}` cannot be used with {}", operands.join(" and ")),
        };
        let help = match (operator, operands.as_slice()) {
            ("!", _) => Some("compare it with a value: `==`, `!=`, `>`"),
            (_, operands) if operands.contains(&"nothing (`()`)") => Some(
                "a function returns its last expression, unless a `;` ends it; `x ?? 1` is 1 if x is `()`",
            ),
            (_, operands) if operands.contains(&"a string") => {
                Some("join strings with `+`, or write a string in backticks: `v-${image.name}`")
            }
            _ => None,
        };
        Self::wrong(message, "script::wrong_type", help.map(ToOwned::to_owned))
    }
}

/// The type of the first argument in `signature`: `Project` of `run (Project, string)`.
fn first_type(signature: &str) -> Option<&str> {
    let (_, arguments) = signature.split_once('(')?;
    arguments.split([',', ')']).next().map(str::trim).filter(|first| !first.is_empty())
}

/// A parameter name for a value of the type `kind`.
fn parameter_for(kind: &str) -> String {
    match kind {
        "string" => "text".to_owned(),
        "array" => "list".to_owned(),
        "StageError" => "error".to_owned(),
        kind if kind.chars().all(char::is_alphabetic) => kind.to_lowercase(),
        _ => "value".to_owned(),
    }
}

/// The property and the type that Rhai's message `Unknown property 'x' - a getter is not registered for type 'T'`
/// names.
fn unknown_property(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.strip_prefix("Unknown property '")?.split_once('\'')?;
    let (_, owner) = rest.split_once("for type '")?;
    Some((name, owner.trim_end_matches('\'')))
}

/// The property and the type that Rhai's message `No writable property 'x' - a setter is not registered for type 'T' to
/// handle 'array'` names.
fn fixed_property(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.strip_prefix("No writable property '")?.split_once('\'')?;
    let (_, owner) = rest.split_once("for type '")?;
    Some((name, owner.split_once('\'')?.0))
}

/// Whether `text` is the name of a module rather than a path.
fn is_name(text: &str) -> bool {
    text.chars().all(|char| char.is_alphanumeric() || char == '_')
}

/// A signature with the type names of scripts.
fn plain_types(signature: &str) -> String {
    let signature = signature.replace("&str | ImmutableString | String", "string");
    signature.replace("i64", "number")
}

/// The name of a Rhai type in messages.
pub(super) fn kind(name: &str) -> &str {
    match name {
        "i64" | "f64" => "a number",
        "bool" => "true or false",
        "map" => "a map",
        "array" => "a list",
        "()" => "nothing (`()`)",
        "string" | "ImmutableString" | "&str | ImmutableString | String" => "a string",
        "Fn" => "a function",
        other => other,
    }
}

/// `text` as the middle of a sentence.
pub(super) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(stage) => stage.fmt(formatter),
            Self::Script { message, .. } => formatter.write_str(message),
        }
    }
}
