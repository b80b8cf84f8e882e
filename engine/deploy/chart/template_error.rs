//! Errors in templates.

use std::sync::LazyLock;

use miette::{NamedSource, SourceSpan};
use regex::{Captures, Regex};

use super::failure::one_line;
use super::failures::TemplateFailure;
use super::pattern::pattern;
use super::rendered::line_range;
use super::{ChartMetadata, ChartRequest};

/// How helm and Go begin errors in templates; helm 4 writes the last form.
static TEMPLATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)template:\ [^\s:]+:\d+:|execution\ error\ at\ \([^\s:]+:\d+:|parse\ error\ at\ \([^\s:]+:\d+\)
           |:\d+:\d+\n\s+executing\ ""#,
    )
});
/// A position in a template: `web/templates/_helpers.tpl:12:8`. Without the column in syntax errors.
static POSITION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"([^\s()"<>:]+/[^\s()"<>:]+\.\w+):(\d+)(?::(\d+))?"#));
static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| pattern(r" at <(.*?)>:\s"));
static VALUE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\.Values((?:\.\w+)+)"));
static NIL: LazyLock<Regex> = LazyLock::new(|| pattern(r"nil pointer evaluating \S+( \{\})?\.(\w+)"));

/// Reads the message of helm, if it is about a template.
///
/// Helm 3 writes all calls on one line, helm 4 on several; in both, the last position is the one that failed.
pub(super) fn parse(message: &str, request: &ChartRequest) -> Option<TemplateFailure> {
    // The message of an invalid object can contain `spec.template: ` as well.
    if !TEMPLATE.is_match(message) {
        return None;
    }
    let positions: Vec<Captures<'_>> = POSITION.captures_iter(message).collect();
    // A syntax error names the end of the file first, and then where the open action started.
    let (first, position) = (positions.first()?, positions.last()?);
    let (template, line) = (position[1].to_owned(), position[2].parse().ok()?);
    let column = position.get(3).and_then(|column| column.as_str().parse().ok());
    let is_syntax = message.contains("parse error at (");
    let end = if is_syntax { first } else { position }.get(0)?.end();
    let expression = EXPRESSION.captures_iter(message).last();
    let value = expression.as_ref().and_then(|expression| VALUE.captures(expression.get(1)?.as_str()));
    let value = value.map(|value| value[1].trim_start_matches('.').to_owned());
    let reason = match &expression {
        Some(expression) => &message[expression.get(0)?.end()..],
        None => message[end..].trim_start_matches(['(', ')', ':', ' ']),
    };
    let reason = one_line(reason);
    let text = source(&template, request);
    let expression = expression.as_ref().and_then(|expression| expression.get(1)).map(|text| text.as_str());
    let span = text.as_ref().and_then(|text| span(text, line, column, expression));
    Some(TemplateFailure {
        help: help(&reason, value.as_deref()),
        source_code: text.map(|text| NamedSource::new(&template, text)),
        span,
        template,
        line,
        reason,
        value,
    })
}

/// The text of a template of a chart on this machine; subcharts must be directories.
fn source(template: &str, request: &ChartRequest) -> Option<String> {
    let chart = request.local_chart()?;
    // The first component is the chart's name, not its directory.
    let (_, inner) = template.split_once('/')?;
    if inner.split('/').any(|part| part == "..") {
        return None;
    }
    crate::input_file::read_text(&chart.join(inner)).ok()
}

/// The position of `expression` in the line; otherwise from `column`, counted from 0 in bytes, to the end of its
/// action; otherwise the whole line.
fn span(text: &str, line: usize, column: Option<usize>, expression: Option<&str>) -> Option<SourceSpan> {
    let range = line_range(text, line)?;
    let content = &text[range.clone()];
    // Helm shortens long expressions.
    if let Some((at, expression)) = expression.and_then(|text| Some((content.find(text)?, text))) {
        return Some((range.start + at, expression.len()).into());
    }
    let start = column.map(|column| text[..range.start].rfind('\n').map_or(0, |at| at + 1) + column);
    let start = start.filter(|start| range.contains(start) && text.is_char_boundary(*start));
    let Some(start) = start else { return Some(range.into()) };
    let rest = &text[start..range.end];
    let end =
        rest.find("-}}").or_else(|| rest.find("}}")).map_or(rest.len(), |end| rest[..end].trim_end().len());
    Some((start, end.max(1)).into())
}

fn help(reason: &str, value: Option<&str>) -> Option<String> {
    let value = value?;
    let Some(nil) = NIL.captures(reason) else {
        return Some(format!("check `{value}` in the values"));
    };
    // `.Values.image.tag` with "evaluating interface {}.tag": `image` has no value.
    let parts: Vec<_> = value.split('.').collect();
    let end = parts.iter().position(|part| *part == &nil[2]).unwrap_or(parts.len());
    let missing = if end == 0 { value.to_owned() } else { parts[..end].join(".") };
    Some(format!("set `{missing}` in the values: it has no value"))
}

/// The name of the chart of `request`, with which helm prefixes templates.
pub(super) fn chart_name(request: &ChartRequest) -> String {
    let local = request.local_chart().and_then(|path| ChartMetadata::read(&path, request).ok());
    let last = || request.chart.to_string().rsplit('/').next().unwrap_or_default().to_owned();
    local.map_or_else(last, |metadata| metadata.name)
}
