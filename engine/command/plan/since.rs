//! `windlass plan --since`: the images that changed since a revision.

use std::fmt::Write as _;

use serde::Serialize;

use super::PlanOptions;
use crate::command::cli::GlobalOptions;
use crate::command::exit_status::{ExitStatus, Failure};
use crate::command::since::{Affected, AffectedImage};
use crate::command::stdout::{print, print_json};

/// The affected images for programs: new fields may be added, but none renamed.
#[derive(Serialize)]
struct View<'a> {
    version: u32,
    /// The commit they were compared with; `null` without a common commit: all images are affected.
    base: Option<&'a str>,
    affected: &'a [AffectedImage],
    removed: &'a [String],
}

/// Prints the images of the project, or `images` of them, that changed since `reference`.
///
/// # Errors
/// Those of [`Affected::new`]. Images that cannot be planned are reported here.
pub(super) fn plan_since(
    global: &GlobalOptions,
    options: &PlanOptions,
    reference: &str,
    images: &[String],
) -> Result<ExitStatus, Failure> {
    let affected = Affected::new(global, &options.pipeline, reference, images)?;
    if options.json {
        print_json(&View {
            version: 1,
            base: affected.base.as_deref(),
            affected: &affected.images,
            removed: &affected.removed,
        })?;
    } else {
        print(&text(&affected))?;
    }
    Ok(match affected.end {
        ExitStatus::Done if options.exit_code && !affected.images.is_empty() => ExitStatus::FoundWork,
        end => end,
    })
}

/// The affected images for people.
fn text(affected: &Affected) -> String {
    let width = affected.images.iter().map(|image| image.image.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    // Writing to a string cannot fail.
    for AffectedImage { image, reason, .. } in &affected.images {
        let _ = writeln!(text, "{image:width$} | affected: {reason}");
    }
    if !affected.removed.is_empty() {
        let _ = writeln!(text, "removed: {}", affected.removed.join(", "));
    }
    let _ = writeln!(text, "{}", affected.summary());
    text
}
