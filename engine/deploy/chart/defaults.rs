//! The values of a chart itself.

use std::path::Path;

use serde_json::{Map, Value};

use super::{ChartError, ChartMetadata, ChartRequest, archive, values_file};

/// The content of `values.yaml` of the chart at `path`, a directory or an archive; empty if it has none.
///
/// # Errors
/// [`ChartError::ChartNotFound`] if the path is not a chart, or [`ChartError::ValuesFile`] if the file is invalid.
pub fn chart_defaults(path: &Path, request: &ChartRequest) -> Result<Map<String, Value>, ChartError> {
    if path.is_file() {
        let bytes = archive::file(path, "values.yaml")?;
        let name = format!("{}/values.yaml", request.chart);
        return bytes.map_or(Ok(Map::new()), |bytes| values_file::parse(&name, &crate::text::decode(&bytes)));
    }
    ChartMetadata::check(path, request)?;
    let file = path.join("values.yaml");
    if !file.exists() {
        return Ok(Map::new());
    }
    values_file::read(&file, &format!("{}/values.yaml", request.chart))
}
