//! The summary of a run as Markdown.

use std::fmt::Write as _;

use crate::event::{DeploymentOutcome, ImageResult, Outcome};
use crate::report::run_result::RunResult;
use crate::report::text::elapsed;

/// The maximum size in bytes: GitHub refuses more than 1 MiB of all steps of a job.
const LIMIT: usize = 512 << 10;

/// The tables of images and deployments, failed ones first, and the last lines of the output of failed images, which
/// `tail` returns.
pub(super) fn markdown(result: &RunResult, tail: &dyn Fn(&str) -> Vec<String>) -> String {
    let mut images: Vec<_> = result.results().collect();
    images.sort_by_key(|image| image.outcome != Outcome::Failed);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "### windlass {}\n", cell(result.pipeline_name()));
    if images.is_empty() && result.deployments().is_empty() {
        text.push_str("Nothing to do.\n\n");
    }
    if !images.is_empty() {
        text.push_str("| image | decision | reason | digest | time |\n|---|---|---|---|--:|\n");
    }
    add_all(&mut text, &mut images.iter().map(|image| row(image)));
    if !result.deployments().is_empty() {
        text.push_str("\n| deployment | outcome | reason | time |\n|---|---|---|--:|\n");
        let mut deployments: Vec<_> = result.deployments().iter().collect();
        deployments.sort_by_key(|deployment| deployment.outcome != DeploymentOutcome::Failed);
        let mut rows = deployments.iter().map(|deployment| {
            let outcome = match deployment.outcome {
                DeploymentOutcome::Deployed => "deployed",
                DeploymentOutcome::Kept => "kept",
                DeploymentOutcome::Deleted => "deleted",
                DeploymentOutcome::Failed => "failed",
                DeploymentOutcome::Cancelled => "cancelled",
            };
            let (name, reason) = (cell(&deployment.deployment), cell(&deployment.reason));
            format!("| {name} | {outcome} | {reason} | {} |\n", elapsed(deployment.seconds))
        });
        add_all(&mut text, &mut rows);
    }
    let failed = images.iter().filter(|image| image.outcome == Outcome::Failed);
    let mut blocks = failed.filter_map(|image| {
        let lines = tail(&image.image);
        (!lines.is_empty()).then(|| block(&image.image, &lines))
    });
    add_all(&mut text, &mut blocks);
    text.push('\n');
    text
}

/// Adds `parts` while the limit allows it.
fn add_all(text: &mut String, parts: &mut dyn Iterator<Item = String>) {
    for part in parts {
        if text.len() + part.len() > LIMIT {
            return;
        }
        text.push_str(&part);
    }
}

/// The row of an image.
fn row(image: &ImageResult) -> String {
    let decision = match image.outcome {
        Outcome::Built => "built",
        Outcome::Skipped => "skipped",
        Outcome::Failed => "**failed**",
        Outcome::Cancelled => "cancelled",
    };
    let digest = image.digest.as_ref().map(|digest| format!("`{digest}`")).unwrap_or_default();
    let (name, reason) = (cell(&image.image), cell(&image.reason));
    format!("| {name} | {decision} | {reason} | {digest} | {} |\n", elapsed(image.seconds))
}

/// The last lines of the output of an image, behind a fence that is longer than any in them.
fn block(image: &str, lines: &[String]) -> String {
    let text = lines.join("\n");
    let longest = text.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!(
        "\n<details open><summary>{}</summary>\n\n{fence}text\n{text}\n{fence}\n\n</details>\n",
        cell(image)
    )
}

/// `text` as the content of a cell, without a meaning in Markdown or HTML.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for char in text.trim().chars() {
        match char {
            '\n' => cell.push_str("<br>"),
            '&' => cell.push_str("&amp;"),
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' | '@' => cell.extend(['\\', char]),
            char if char.is_control() => {}
            char => cell.push(char),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::report::samples::{at, result, started};

    #[test]
    fn failed_images_come_first_with_their_last_lines() {
        let mut run = RunResult::new(at(0));
        run.receive(&started(&["api", "web"]));
        let built = ImageResult {
            digest: Some("sha256:ab".to_owned()),
            ..result("api", Outcome::Built, "a|b\nc % <d>")
        };
        run.receive(&Event::ImageFinished(built));
        run.receive(&Event::ImageFinished(result("web", Outcome::Failed, "broken")));
        let text = markdown(&run, &|image| vec![format!("{image} ```"), "end".to_owned()]);
        assert_eq!(
            text,
            "\
### windlass build

| image | decision | reason | digest | time |
|---|---|---|---|--:|
| web | **failed** | broken |  | 3.2s |
| api | built | a\\|b<br>c % &lt;d&gt; | `sha256:ab` | 3.2s |

<details open><summary>web</summary>

````text
web ```
end
````

</details>

"
        );
    }

    #[test]
    fn size_is_limited() {
        let mut run = RunResult::new(at(0));
        let long = "x".repeat(10_000);
        (0..100).for_each(|_| run.receive(&Event::ImageFinished(result("api", Outcome::Built, &long))));
        let text = markdown(&run, &|_| Vec::new());
        assert!(text.len() > LIMIT - 20_000 && text.len() <= LIMIT + 1, "{}", text.len());
    }
}
