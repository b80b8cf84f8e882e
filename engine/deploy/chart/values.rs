//! Values, merged like helm does.

use std::fmt;

use serde_json::{Map, Value};

use super::arguments::is_url;
use super::{ChartError, ChartRequest, chart_defaults, values_file};
use crate::deploy::replace::merge_values;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValuesOrigin {
    /// `values.yaml` of the chart.
    Chart,
    /// A values file, as configured.
    File(String),
    /// The inline values.
    Inline,
    /// The values that tag replacement changed.
    Replaced,
}

impl fmt::Display for ValuesOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chart => formatter.write_str("`values.yaml` of the chart"),
            Self::File(file) => write!(formatter, "`{file}`"),
            Self::Inline => formatter.write_str("the inline values"),
            Self::Replaced => formatter.write_str("the replaced tags"),
        }
    }
}

/// All values of a release, from the lowest precedence to the highest. Values files that are URLs are not read.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueLayers(Vec<(ValuesOrigin, Map<String, Value>)>);

impl ValueLayers {
    /// Reads the values of `request`: those of a chart on this machine, the values files, and the inline values.
    ///
    /// # Errors
    /// [`ChartError::ValuesFile`], or the errors of [`chart_defaults`].
    pub fn read(request: &ChartRequest) -> Result<Self, ChartError> {
        let mut layers = Vec::new();
        if let Some(chart) = request.local_chart() {
            layers.push((ValuesOrigin::Chart, chart_defaults(&chart, request)?));
        }
        for file in request.values_files.iter().filter(|file| !is_url(file)) {
            let values = values_file::read(&request.directory.join(file), file)?;
            layers.push((ValuesOrigin::File(file.clone()), values));
        }
        let own = [(ValuesOrigin::Inline, &request.values), (ValuesOrigin::Replaced, &request.replaced)];
        for (origin, values) in own {
            if let Value::Object(values) = values {
                layers.push((origin, values.clone()));
            }
        }
        Ok(Self(layers))
    }

    /// The values of the user, without those of the chart. A null stays: it deletes a value of the chart.
    pub fn user_values(&self) -> Map<String, Value> {
        let layers = self.0.iter().filter(|(origin, _)| *origin != ValuesOrigin::Chart);
        let mut values = Value::Object(Map::new());
        layers.for_each(|(_, upper)| merge_values(&mut values, &Value::Object(upper.clone())));
        match values {
            Value::Object(values) => values,
            _ => Map::new(),
        }
    }

    /// The layer with the highest precedence that has a value at `path`.
    pub fn origin(&self, path: &[String]) -> Option<&ValuesOrigin> {
        self.0.iter().rev().find(|(_, values)| at_path(values, path).is_some()).map(|(origin, _)| origin)
    }
}

/// The value at `path`, with indexes of lists as numbers.
fn at_path<'a>(values: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(values.get(first)?, |value, part| match value {
        Value::Object(entries) => entries.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn maps_merge_and_other_values_replace() {
        let check = |mut values, upper, expected| {
            merge_values(&mut values, &upper);
            assert_eq!(values, expected);
        };
        check(
            json!({"a": {"x": 1, "y": 2}, "l": [1, 2]}),
            json!({"a": {"y": 3}, "l": [3]}),
            json!({"a": {"x": 1, "y": 3}, "l": [3]}),
        );
        check(json!({"a": {"x": 1}}), json!({"a": null}), json!({"a": null}));
        check(json!({"a": null}), json!({"a": {"x": 1}}), json!({"a": {"x": 1}}));
    }
}
