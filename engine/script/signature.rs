//! Pipelines of a project: their command-line parameters, from their doc comments.
//!
//! ```text
//! /// Builds everything and gives it a version.
//! ///
//! /// @param version string The version: `1.4.0`.
//! /// @param channel "stable"|"beta" = "stable" The release channel.
//! /// @param dry_run bool Only print the actions.
//! fn release(project, version, channel, dry_run) { ... }
//! ```

use std::sync::Arc;

use miette::{NamedSource, SourceSpan};
use serde::Serialize;
use serde_json::Value;

use super::{Function, Pipeline};
use crate::suggestion::nearest;

/// The name of the parameter that makes a function a pipeline.
const PROJECT: &str = "project";

/// The parameters of a pipeline, and its documentation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signature {
    /// The function's name.
    pub name: String,
    /// Its documentation without the lines about parameters.
    pub documentation: String,
    /// Its parameters after `project`.
    pub parameters: Vec<Parameter>,
}

/// One parameter of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parameter {
    /// Its name in the script.
    pub name: String,
    /// Its kind of values.
    #[serde(flatten)]
    pub kind: ParameterKind,
    /// The default value; `None` if a value is required.
    pub default: Option<Value>,
    /// Its description.
    pub documentation: String,
}

/// The values that a parameter takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ParameterKind {
    /// Any string.
    String,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// `true` or `false`.
    Bool,
    /// Any number of strings.
    List,
    /// One of these strings.
    Choice {
        /// The strings.
        values: Vec<String>,
    },
}

/// The types by the names they have in doc comments.
const KINDS: [(&str, ParameterKind); 5] = [
    ("string", ParameterKind::String),
    ("int", ParameterKind::Int),
    ("float", ParameterKind::Float),
    ("bool", ParameterKind::Bool),
    ("list", ParameterKind::List),
];

/// A `@param` line is invalid.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("cannot read the parameters of `{function}`: {reason}")]
#[diagnostic(code(script::param))]
pub struct SignatureError {
    function: String,
    reason: String,
    #[help]
    help: String,
    #[source_code]
    source_code: Arc<NamedSource<String>>,
    #[label("this line")]
    span: Option<SourceSpan>,
}

/// The error of a line, and the hint.
type Fault = (String, String);

impl Pipeline {
    /// The functions that `windlass run` offers, by name: public, not built in, and with `project` as the first
    /// parameter. If several have one name, it is the one with the most parameters.
    pub fn own_pipelines(&self) -> Vec<&Function> {
        let mut own: Vec<_> = self.functions().filter(|function| is_own_pipeline(function)).collect();
        own.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| b.parameters.len().cmp(&a.parameters.len())));
        own.dedup_by(|next, first| next.name == first.name);
        own
    }

    /// The pipeline named `name`, if the project has one.
    pub fn own_pipeline(&self, name: &str) -> Option<&Function> {
        self.own_pipelines().into_iter().find(|function| function.name == name)
    }
}

/// Whether `windlass run` offers `function`.
pub(super) fn is_own_pipeline(function: &Function) -> bool {
    let takes_project = function.parameters.first().is_some_and(|first| first == PROJECT);
    // A project may have had a pipeline `render` or `dev` before windlass had one: `windlass run render` still calls
    // it.
    let is_own = !function.is_default()
        || (!function.file.is_built_in() && function.default_pipeline().is_some_and(|name| name != "build"));
    function.is_public && takes_project && is_own
}

impl Signature {
    /// The parameters of `function`. A parameter that its doc comment does not mention is a required string.
    ///
    /// # Errors
    /// `script::param` for a `@param` line with an invalid form, an unknown type or an unknown parameter.
    pub fn of(function: &Function) -> Result<Self, SignatureError> {
        let (documentation, lines) = split(&function.documentation);
        let names = function.parameters.get(1..).unwrap_or_default();
        let mut described = Vec::new();
        for line in &lines {
            let parameter = read(line, names).map_err(|fault| wrong(function, line, fault))?;
            described.push(parameter);
        }
        let parameter = |name: &String| {
            let found = described.iter().find(|parameter| parameter.name == *name).cloned();
            found.unwrap_or_else(|| Parameter {
                name: name.clone(),
                kind: ParameterKind::String,
                default: None,
                documentation: String::new(),
            })
        };
        let parameters = names.iter().map(parameter).collect();
        Ok(Self { name: function.name.clone(), documentation, parameters })
    }

    /// The first sentence or line of the documentation.
    pub fn summary(&self) -> String {
        let paragraph = self.documentation.split("\n\n").next().unwrap_or_default();
        paragraph.split('\n').collect::<Vec<_>>().join(" ")
    }
}

/// The prose of a doc comment, and its `@param` lines, each with the lines that continue it.
fn split(documentation: &str) -> (String, Vec<String>) {
    let mut text = Vec::new();
    let mut parameters: Vec<String> = Vec::new();
    let mut is_parameter = false;
    for line in documentation.lines() {
        if let Some(rest) = line.strip_prefix("@param") {
            parameters.push(rest.trim().to_owned());
            is_parameter = true;
        } else if line.is_empty() {
            is_parameter = false;
            text.push(line);
        } else if let Some(last) = parameters.last_mut().filter(|_| is_parameter) {
            *last = format!("{last} {line}");
        } else {
            text.push(line);
        }
    }
    let text = text.join("\n").trim().to_owned();
    // Removed lines leave no double blank line.
    (text.replace("\n\n\n", "\n\n"), parameters)
}

/// Reads `NAME TYPE [= DEFAULT] TEXT`.
fn read(line: &str, names: &[String]) -> Result<Parameter, Fault> {
    let (name, rest) = word(line);
    if !names.iter().any(|known| known == name) {
        let known = names.iter().map(String::as_str);
        let help = match (nearest(name, known), names.is_empty()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, true) => "the function takes only `project`".to_owned(),
            (None, false) => format!("its parameters are `{}`", names.join("`, `")),
        };
        return Err((format!("unknown parameter `{name}`"), help));
    }
    let (kind, rest) = word(rest);
    let kind = read_kind(kind)?;
    let (default, documentation) = match rest.strip_prefix('=') {
        Some(rest) => read_default(rest.trim_start(), &kind)?,
        None => (None, rest),
    };
    // A flag is off by default.
    let default = default.or_else(|| (kind == ParameterKind::Bool).then_some(Value::Bool(false)));
    Ok(Parameter { name: name.to_owned(), kind, default, documentation: documentation.trim().to_owned() })
}

fn read_kind(text: &str) -> Result<ParameterKind, Fault> {
    if let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == text) {
        return Ok(kind.clone());
    }
    if text.starts_with('"') {
        let value = |value: &str| Some(value.strip_prefix('"')?.strip_suffix('"')?.to_owned());
        let values: Option<Vec<_>> = text.split('|').map(value).collect();
        return match values {
            Some(values) => Ok(ParameterKind::Choice { values }),
            None => Err((
                format!("invalid choices `{text}`"),
                "write them without spaces: `\"stable\"|\"beta\"`".to_owned(),
            )),
        };
    }
    let form = "write `@param NAME TYPE TEXT`, where TYPE is string, int, float, bool, list, or choices such as \
                `\"stable\"|\"beta\"`";
    if text.is_empty() {
        return Err(("a parameter has no type".to_owned(), form.to_owned()));
    }
    let names = KINDS.iter().map(|(name, _)| *name);
    let help = nearest(text, names).map(|near| format!("did you mean `{near}`?"));
    Err((format!("unknown type `{text}`"), help.unwrap_or_else(|| form.to_owned())))
}

/// The value at the start of `text`, and the rest.
fn read_default<'a>(text: &'a str, kind: &ParameterKind) -> Result<(Option<Value>, &'a str), Fault> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let (value, end) = match values.next() {
        Some(Ok(value)) => (value, values.byte_offset()),
        _ => (Value::Null, 0),
    };
    if kind.accepts(&value) {
        return Ok((Some(value), text.get(end..).unwrap_or_default()));
    }
    let shown = word(text).0;
    Err((format!("the default `{shown}` is not {}", kind.noun()), format!("write {}", kind.example())))
}

impl ParameterKind {
    /// The name of such a value in messages.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Int => "a whole number",
            Self::Float => "a number",
            Self::Bool => "true or false",
            Self::List => "a list of strings",
            Self::Choice { .. } => "one of the choices",
        }
    }

    fn example(&self) -> String {
        match self {
            Self::String => "it in quotes: `= \"text\"`".to_owned(),
            Self::Int => "`= 8080`".to_owned(),
            Self::Float => "`= 0.5`".to_owned(),
            Self::Bool => "`= true`".to_owned(),
            Self::List => "`= [\"a\", \"b\"]`".to_owned(),
            Self::Choice { values } => format!("`= {:?}`", values.first().map_or("", String::as_str)),
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Int => value.is_i64(),
            Self::Float => value.is_number(),
            Self::Bool => value.is_boolean(),
            Self::List => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            Self::Choice { values } => value.as_str().is_some_and(|text| values.iter().any(|v| v == text)),
        }
    }
}

/// The first word of `text`, and the rest.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// The error for a line of the doc comment of `function`.
fn wrong(function: &Function, line: &str, (reason, help): Fault) -> SignatureError {
    let file = &function.file;
    let definition = file.definition(&function.name).unwrap_or(file.text.len());
    // A continued line starts like its first line.
    let start = (1..=line.len()).rev().filter_map(|end| line.get(..end)).find_map(|start| {
        let offset = file.text.get(..definition)?.rfind(start)?;
        Some((offset, start.trim_end().len()))
    });
    SignatureError {
        function: function.name.clone(),
        reason,
        help,
        source_code: NamedSource::new(&*file.name, file.text.to_string()).with_language("Rust").into(),
        span: start.map(SourceSpan::from),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::ScriptFile;
    use super::*;

    fn pipeline(script: &str) -> Pipeline {
        let file = ScriptFile::built_in("windlass.rhai", script);
        let files = ScriptFile::defaults().chain([file.at(Some("windlass.rhai".into()))]).collect();
        Pipeline::compile(files, std::path::Path::new(".")).expect("the script is valid")
    }

    fn signature(script: &str) -> Result<Signature, SignatureError> {
        Signature::of(pipeline(script).own_pipelines().first().expect("there is a pipeline"))
    }

    #[test]
    fn doc_comment_types_the_parameters() {
        let signature = signature(
            "/// Builds everything.\n/// And more.\n///\n/// @param version string The version,\n/// such as 1.4.\n\
             /// @param channel \"stable\"|\"beta\" = \"stable\" Who gets it.\n/// @param dry bool\n\
             /// @param jobs int = 4\n///\n/// The end.\n\
             fn release(project, version, channel, dry, jobs, other) { }",
        )
        .unwrap();
        assert_eq!(signature.summary(), "Builds everything. And more.");
        assert_eq!(signature.documentation, "Builds everything.\nAnd more.\n\nThe end.");
        let parameters = serde_json::to_value(&signature.parameters).unwrap();
        assert_eq!(
            parameters,
            json!([
                {"name": "version", "type": "string", "default": null, "documentation": "The version, such as 1.4."},
                {"name": "channel", "type": "choice", "values": ["stable", "beta"], "default": "stable", "documentation": "Who gets it."},
                {"name": "dry", "type": "bool", "default": false, "documentation": ""},
                {"name": "jobs", "type": "int", "default": 4, "documentation": ""},
                {"name": "other", "type": "string", "default": null, "documentation": ""},
            ])
        );
    }

    #[test]
    fn wrong_lines_are_explained() {
        #[track_caller]
        fn check(line: &str, reason: &str, help: &str) {
            let error =
                signature(&format!("/// @param {line}\nfn release(project, version) {{ }}")).unwrap_err();
            assert_eq!(error.reason, reason, "{line}");
            assert_eq!(error.help, help, "{line}");
            let span = error.span.expect("the line is found");
            assert_eq!((span.offset(), span.len()), (11, line.len()), "{line}");
        }
        check("vesion string", "unknown parameter `vesion`", "did you mean `version`?");
        check("other string", "unknown parameter `other`", "its parameters are `version`");
        check("version strng", "unknown type `strng`", "did you mean `string`?");
        check("version int = \"a\"", "the default `\"a\"` is not a whole number", "write `= 8080`");
        check("version string = a", "the default `a` is not a string", "write it in quotes: `= \"text\"`");
        check(
            "version \"a\"|\"b\" = \"c\"",
            "the default `\"c\"` is not one of the choices",
            "write `= \"a\"`",
        );
        check("version bool = 1 so", "the default `1` is not true or false", "write `= true`");
    }

    #[test]
    fn helpers_and_overrides_are_not_pipelines() {
        let script = "fn tags(image) { [\"1\"] } fn build(project) { } private fn hidden(project) { } fn other(x) { }\n\
                      fn b(project) { } fn a(project, x) { } fn a(project) { }";
        let pipeline = pipeline(script);
        let own: Vec<_> =
            pipeline.own_pipelines().iter().map(|own| (own.name.as_str(), own.parameters.len())).collect();
        assert_eq!(own, [("a", 2), ("b", 1)]);
    }
}
