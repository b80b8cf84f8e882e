//! Describes which input makes a build necessary.

use crate::plural::{counted, noun};

use super::difference::{Difference, Input, Sign};

/// Why an image differs from its latest build, as a phrase: `src/main.go changed`.
pub fn why_build(differences: &[Difference]) -> String {
    let mut reasons: Vec<String> = Vec::new();
    let names =
        |input| differences.iter().filter(move |found| found.input == input).map(|found| &*found.name);
    let args: Vec<_> = names(Input::BuildArg).map(|name| format!("`{name}`")).collect();
    let files: Vec<_> = names(Input::File).collect();
    for Difference { change, input, name } in differences {
        let reason = match (input, change) {
            (Input::Command, _) => "the custom command changed".to_owned(),
            (Input::Dockerfile, _) => "the Dockerfile changed".to_owned(),
            (Input::Target, _) => "the build target changed".to_owned(),
            (Input::Network, _) => "the network changed".to_owned(),
            (Input::Platform, _) => "the platform changed".to_owned(),
            (Input::Arguments, _) => "the Docker arguments changed".to_owned(),
            (Input::BuildArg, _) => {
                let noun = noun(args.len(), "build argument");
                format!("{noun} {} changed", args.join(", "))
            }
            (Input::Parent, Sign::Added) => format!("now built from `{name}`"),
            (Input::Parent, Sign::Removed) => format!("no longer built from `{name}`"),
            (Input::Parent, Sign::Changed) => format!("its base `{name}` changed"),
            (Input::LockedBase, Sign::Added) => format!("base {name} is locked now"),
            (Input::LockedBase, Sign::Removed) => format!("base {name} is no longer locked"),
            (Input::LockedBase, Sign::Changed) => format!("base {name} changed in windlass.lock"),
            (Input::Context, Sign::Added) => "context now included".to_owned(),
            (Input::Context, Sign::Removed) => "context no longer included".to_owned(),
            (Input::Context, Sign::Changed) => "the context changed".to_owned(),
            (Input::File, _) => files_changed(&files),
            (Input::Encoding, _) => "built by an earlier windlass with different cache keys".to_owned(),
        };
        // Several arguments, or files, are one reason.
        if reasons.last() != Some(&reason) {
            reasons.push(reason);
        }
    }
    if reasons.is_empty() { "its inputs changed".to_owned() } else { reasons.join(", ") }
}

/// `a changed`, `a and b changed`, `a, b and 7 more files changed`.
fn files_changed(files: &[&str]) -> String {
    match files {
        [] => "no file changed".to_owned(),
        [one] => format!("{one} changed"),
        [one, two] => format!("{one} and {two} changed"),
        [one, two, rest @ ..] => {
            format!("{one}, {two} and {} changed", counted(rest.len(), "more file"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::image::context::{Change, ChangeKind};
    use crate::image::{Digest, Inputs};
    use crate::plan::difference::differences;
    use crate::state::sample::{inputs, record};

    #[track_caller]
    fn check(edit: impl FnOnce(&mut Inputs), expected: &str) {
        let (before, mut now) = (record(&inputs()), inputs());
        edit(&mut now);
        let file = Change { path: "src/main.go".into(), kind: ChangeKind::Changed };
        assert_eq!(why_build(&differences(&before.inputs, &now, || Some(vec![file]))), expected);
    }

    #[test]
    fn every_changed_input_is_named() {
        let other = || Digest::of("other");
        check(|_| {}, "its inputs changed");
        check(|now| now.command = vec!["make".into()], "the custom command changed");
        check(|now| now.dockerfile = Some(other()), "the Dockerfile changed");
        check(|now| now.target = Some("dev".into()), "the build target changed");
        check(|now| now.network = Some("host".into()), "the network changed");
        check(|now| now.arguments = vec!["--squash".into()], "the Docker arguments changed");
        check(|now| now.build_args = BTreeMap::new(), "build argument `A` changed");
        check(
            |now| now.build_args = BTreeMap::from([("A".into(), "2".into()), ("B".into(), "1".into())]),
            "build arguments `A`, `B` changed",
        );
        check(|now| now.context = Some(other()), "src/main.go changed");
        check(|now| now.context = None, "context no longer included");
        check(|now| now.parents = BTreeMap::from([("base".into(), inputs().key())]), "now built from `base`");
        check(
            |now| (now.dockerfile, now.context) = (Some(other()), Some(other())),
            "the Dockerfile changed, src/main.go changed",
        );
    }

    #[test]
    fn a_changed_lock_is_a_reason() {
        let with = |bases: &[(&str, &str)]| {
            let bases = bases.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned()));
            Inputs { bases: bases.collect(), ..inputs() }
        };
        let check = |before: &[(&str, &str)], now: &[(&str, &str)], expected: &str| {
            assert_eq!(why_build(&differences(&record(&with(before)).inputs, &with(now), || None)), expected);
        };
        check(&[("a:1", "d1")], &[("a:1", "d2")], "base a:1 changed in windlass.lock");
        check(&[], &[("a:1", "d1")], "base a:1 is locked now");
        check(&[("a:1", "d1"), ("b:1", "d")], &[("b:1", "d")], "base a:1 is no longer locked");
    }

    #[test]
    fn a_changed_base_is_named() {
        let with = |base: &str| {
            let key = Inputs { target: Some(base.to_owned()), ..inputs() }.key();
            Inputs { parents: BTreeMap::from([("base".to_owned(), key)]), ..inputs() }
        };
        let found = differences(&record(&with("1")).inputs, &with("2"), || None);
        assert_eq!(why_build(&found), "its base `base` changed");
    }

    #[test]
    fn keys_of_another_kind_are_not_compared() {
        let mut before = record(&inputs());
        before.inputs.encoding = 1;
        let now = Inputs { context: Some(Digest::of("x")), ..inputs() };
        let found = differences(&before.inputs, &now, || panic!("file lists of other versions are not used"));
        assert_eq!(why_build(&found), "built by an earlier windlass with different cache keys");
    }

    #[test]
    fn a_context_whose_list_is_lost_just_changed() {
        let now = Inputs { context: Some(Digest::of("x")), ..inputs() };
        assert_eq!(why_build(&differences(&record(&inputs()).inputs, &now, || None)), "the context changed");
    }

    #[test]
    fn changed_files_are_named_then_counted() {
        let files = ["f0", "f1", "f2", "f3"];
        assert_eq!(files_changed(&files[..1]), "f0 changed");
        assert_eq!(files_changed(&files[..2]), "f0 and f1 changed");
        assert_eq!(files_changed(&files[..3]), "f0, f1 and 1 more file changed");
        assert_eq!(files_changed(&files), "f0, f1 and 2 more files changed");
    }
}
