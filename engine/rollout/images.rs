//! Replaces the references of images in values and objects.

use serde_json::Value;

use super::Deployment;
use super::known_images::known_images;
use crate::deploy::chart::chart_defaults;
use crate::deploy::replace::{
    ReplaceOptions, ReplaceReport, merge_values, replace_in_objects, replace_in_values,
};
use crate::error::StageError;
use crate::event::Level;

/// Inserts the references of the last builds into `content`: the values of a chart, a map, or a list of objects.
///
/// # Errors
/// `deploy::...` if an image was never built, or a placeholder cannot be resolved.
pub fn replace_images(
    deployment: &Deployment,
    content: Value,
    options: &ReplaceOptions,
) -> Result<Value, StageError> {
    let images = known_images(deployment.run());
    let updates = deployment.config().update_image_tags && options.update_tags;
    let options = ReplaceOptions { update_tags: updates, ..options.clone() };
    let (content, report) = match content {
        Value::Array(mut objects) => {
            let report = replace_in_objects(&mut objects, &images, &options)?;
            (Value::Array(objects), report)
        }
        mut values => {
            let request = super::chart::request(deployment)?;
            let defaults = request.local_chart().map(|chart| chart_defaults(&chart, &request)).transpose()?;
            let defaults = defaults.map(Value::Object);
            let replaced = replace_in_values(&values, defaults.as_ref(), &images, &options)?;
            merge_values(&mut values, &Value::Object(replaced.changes));
            (values, replaced.report)
        }
    };
    report_tags(deployment, &report);
    deployment.loaded().report.merge(report);
    Ok(content)
}

/// Reports results that the user might not expect.
fn report_tags(deployment: &Deployment, report: &ReplaceReport) {
    for hint in &report.hints {
        let level = if hint.is_warning() { Level::Warning } else { Level::Info };
        deployment.run().session.notice(level, format!("{}: {hint}", deployment.name()));
    }
}
