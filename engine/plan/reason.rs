//! Saying which input makes a build necessary.

use super::Inputs;
use crate::state::Record;

/// Why an image with `inputs` is not the one of its latest build, as a phrase: `src/main.go changed`.
///
/// `changed_files` names the files of the context that differ, when the context does.
pub fn why_build(
    latest: &Record,
    inputs: &Inputs,
    changed_files: impl FnOnce() -> Option<Vec<String>>,
) -> String {
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
            reasons.push(match before.parents.contains_key(name) {
                true => format!("its base `{name}` changed"),
                false => format!("it is built from `{name}` now"),
            });
        }
    }
    match (before.context, inputs.context) {
        (before, now) if before == now => {}
        (None, _) => reasons.push("its context counts now".to_owned()),
        (_, None) => reasons.push("its context does not count any more".to_owned()),
        _ => reasons.push(match changed_files() {
            Some(files) if !files.is_empty() => files_changed(&files),
            _ => "the context changed".to_owned(),
        }),
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::image::Digest;
    use crate::state::RecordedInputs;

    fn inputs() -> Inputs {
        Inputs {
            command: Vec::new(),
            dockerfile: Some(Digest::of("FROM scratch")),
            target: None,
            network: None,
            arguments: Vec::new(),
            build_args: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
            context: Some(Digest::of("")),
            parents: BTreeMap::new(),
        }
    }

    fn record(inputs: &Inputs) -> Record {
        Record {
            key: inputs.key(),
            repository: "acme/api".to_owned(),
            templates: Vec::new(),
            tags: Vec::new(),
            image_id: None,
            pushed: BTreeMap::new(),
            custom: false,
            push_skipped: false,
            inputs: RecordedInputs::new(inputs),
        }
    }

    #[track_caller]
    fn check(edit: impl FnOnce(&mut Inputs), expected: &str) {
        let (before, mut now) = (record(&inputs()), inputs());
        edit(&mut now);
        let files = || Some(vec!["src/main.go".to_owned()]);
        assert_eq!(why_build(&before, &now, files), expected);
    }

    #[test]
    fn every_changed_input_is_named() {
        let other = || Digest::of("other");
        check(|_| {}, "its inputs changed");
        check(|now| now.command = vec!["make".into()], "the custom command changed");
        check(|now| now.dockerfile = Some(other()), "the Dockerfile changed");
        check(|now| now.target = Some("dev".into()), "the build target changed");
        check(|now| now.network = Some("host".into()), "the network changed");
        check(|now| now.arguments = vec!["--squash".into()], "the docker arguments changed");
        check(|now| now.build_args = BTreeMap::new(), "build argument `A` changed");
        check(
            |now| now.build_args = BTreeMap::from([("A".into(), "2".into()), ("B".into(), "1".into())]),
            "build arguments `A`, `B` changed",
        );
        check(|now| now.context = Some(other()), "src/main.go changed");
        check(|now| now.context = None, "its context does not count any more");
        check(
            |now| now.parents = BTreeMap::from([("base".into(), inputs().key())]),
            "it is built from `base` now",
        );
        check(
            |now| (now.dockerfile, now.context) = (Some(other()), Some(other())),
            "the Dockerfile changed, src/main.go changed",
        );
    }

    #[test]
    fn a_changed_base_is_named() {
        let with = |base: &str| {
            let key = Inputs { target: Some(base.to_owned()), ..inputs() }.key();
            Inputs { parents: BTreeMap::from([("base".to_owned(), key)]), ..inputs() }
        };
        assert_eq!(why_build(&record(&with("1")), &with("2"), || None), "its base `base` changed");
    }

    #[test]
    fn a_context_whose_list_is_lost_just_changed() {
        let now = Inputs { context: Some(Digest::of("x")), ..inputs() };
        assert_eq!(why_build(&record(&inputs()), &now, || None), "the context changed");
    }

    #[test]
    fn changed_files_are_named_then_counted() {
        let files = |count: usize| (0..count).map(|n| format!("f{n}")).collect::<Vec<_>>();
        assert_eq!(files_changed(&files(1)), "f0 changed");
        assert_eq!(files_changed(&files(2)), "f0 and f1 changed");
        assert_eq!(files_changed(&files(3)), "f0, f1 and 1 more file changed");
        assert_eq!(files_changed(&files(9)), "f0, f1 and 7 more files changed");
    }
}
