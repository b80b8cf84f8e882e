//! Saying which input makes a build necessary.

use super::Inputs;
use crate::state::Record;

/// Why an image with `inputs` is not the one of its latest build, as a phrase: `src/main.go changed`.
///
/// `changed_files` names the files of the context that differ, when the context does.
pub fn why_build(
    latest: Option<&Record>,
    inputs: &Inputs,
    changed_files: impl FnOnce() -> Option<Vec<String>>,
) -> String {
    let Some(latest) = latest else { return "never built here".to_owned() };
    let before = &latest.inputs;
    let mut reasons = Vec::new();
    if !before.has_command_of(inputs) {
        reasons.push("the custom command changed".to_owned());
    }
    if before.dockerfile != inputs.dockerfile {
        reasons.push("the Dockerfile changed".to_owned());
    }
    if before.target != inputs.target {
        reasons.push("the build target changed".to_owned());
    }
    if before.network != inputs.network {
        reasons.push("the network changed".to_owned());
    }
    if !before.has_arguments_of(inputs) {
        reasons.push("the docker arguments changed".to_owned());
    }
    let args: Vec<_> = before.changed_build_args(inputs).map(|name| format!("`{name}`")).collect();
    if !args.is_empty() {
        let noun = if args.len() == 1 { "build argument" } else { "build arguments" };
        reasons.push(format!("{noun} {} changed", args.join(", ")));
    }
    for (name, key) in &inputs.parents {
        if before.parents.get(name) != Some(key) {
            reasons.push(format!("its base `{name}` changed"));
        }
    }
    if before.context != inputs.context {
        reasons.push(match changed_files() {
            Some(files) if !files.is_empty() => files_changed(&files),
            _ => "the context changed".to_owned(),
        });
    }
    if reasons.is_empty() { "its inputs changed".to_owned() } else { reasons.join(", ") }
}

/// `a changed`, `a and b changed`, `a, b and 7 more files changed`.
fn files_changed(files: &[String]) -> String {
    match files {
        [] => "no file changed".to_owned(),
        [one] => format!("{one} changed"),
        [one, two] => format!("{one} and {two} changed"),
        [one, two, rest @ ..] => {
            let files = if rest.len() == 1 { "file" } else { "files" };
            format!("{one}, {two} and {} more {files} changed", rest.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::files_changed;

    #[test]
    fn changed_files_are_named_then_counted() {
        let files = |count: usize| (0..count).map(|n| format!("f{n}")).collect::<Vec<_>>();
        assert_eq!(files_changed(&files(1)), "f0 changed");
        assert_eq!(files_changed(&files(2)), "f0 and f1 changed");
        assert_eq!(files_changed(&files(3)), "f0, f1 and 1 more file changed");
        assert_eq!(files_changed(&files(9)), "f0, f1 and 7 more files changed");
    }
}
