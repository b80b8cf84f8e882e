use super::Fixture;
use crate::config::{DependencyConfig, DependencySource};
use crate::git::GitReference;

fn dependencies(text: &str) -> Vec<DependencyConfig> {
    Fixture::raw(text.as_bytes()).loaded().project.dependencies.into_values().collect()
}

#[test]
fn fields_of_dependencies_are_read() {
    let found = dependencies(
        "version: v1beta11
dependencies:
- {name: auth, source: {path: ../auth}, profile: p, profileParents: [q, r], profiles: [s]}
- {name: web, source: {path: libs, configName: web.yaml}, disableProfileActivation: true, namespace: n, dev: {sync: true}}
- {name: off, source: {path: x}, disabled: true}
- {name: db, source: {git: g, tag: 1.10, subPath: a/b, cloneArgs: [-q], disableShallow: true}, overwriteVars: true}
- {name: at, source: {git: g, revision: 0ab}, vars: [{name: X, value: 007}], skipBuild: true, ignoreDependencies: true}
",
    );
    let names: Vec<_> = found.iter().map(|dependency| dependency.name.as_str()).collect();
    assert_eq!(names, ["auth", "web", "db", "at"]);
    assert_eq!(found[0].profiles, ["q", "r", "p", "s"]);
    assert!(matches!(&found[0].source, DependencySource::Path(path) if path.ends_with("../auth")));
    let web = &found[1];
    assert_eq!((web.config_name.as_deref(), web.namespace.as_deref()), (Some("web.yaml"), Some("n")));
    assert!(web.disable_profile_activation && !web.overwrite_vars && !web.skip_build);
    let DependencySource::Git { source, sub_path } = &found[2].source else { panic!("{:?}", found[2]) };
    assert_eq!((source.url.as_str(), sub_path.as_deref()), ("g", Some("a/b")));
    assert_eq!(source.reference, GitReference::Tag("1.10".to_owned()));
    assert!(source.disable_shallow && source.clone_args == ["-q"] && found[2].overwrite_vars);
    let DependencySource::Git { source, .. } = &found[3].source else { panic!("{:?}", found[3]) };
    assert_eq!(source.reference, GitReference::Revision("0ab".to_owned()));
    assert_eq!(found[3].vars, [("X".to_owned(), "007".to_owned())]);
    assert!(found[3].skip_build && found[3].ignore_dependencies);
}

#[test]
fn newest_form_has_the_same_fields() {
    let found = dependencies(
        "version: v2beta1
name: x
dependencies:
  auth: {git: g, branch: b, tag: t, subPath: s, profiles: [p], vars: {X: y}, overwriteVars: true, pipeline: deploy}
  db: {path: db, ignoreDependencies: true, disablePull: true}
",
    );
    let DependencySource::Git { source, sub_path } = &found[0].source else { panic!("{:?}", found[0]) };
    assert_eq!(source.reference, GitReference::Branch("b".to_owned()));
    assert_eq!((sub_path.as_deref(), found[0].name.as_str()), (Some("s"), "auth"));
    assert_eq!(found[0].vars, [("X".to_owned(), "y".to_owned())]);
    assert!(found[0].overwrite_vars && found[1].ignore_dependencies);
}

#[test]
fn dependency_with_a_source_of_another_version_is_reported_once() {
    let check = |entry: &str, expected: &[&str]| {
        let text = format!("version: v1beta9\ndependencies:\n- {entry}\n");
        let problems = Fixture::raw(text.as_bytes()).problems();
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.contains(expected), "{problem}");
        }
    };
    check("{name: x, path: ../x}", &["`path` in dependency `x` needs v2beta1"]);
    check("{path: ../x}", &["`path` in a dependency needs v2beta1"]);
    check(
        "{name: x, git: g, branch: b}",
        &["`git` in dependency `x` needs", "`branch` in dependency `x` needs"],
    );
    check("{name: x, source: [../x]}", &["`source` of dependency `x` must be a map"]);
    check("{name: x, source: {path: [a]}}", &["`path` of dependency `x` must be a string"]);
    check("{name: x}", &["dependency `x` has no `path` and no `git`"]);
    check("{name: x, source: {}}", &["dependency `x` has no `path` and no `git`"]);
}
