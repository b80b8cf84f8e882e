//! The documentation of the functions for tests.

use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::documented;
use crate::testing::{RunTests, TestVerdict, find};

const CONFIG: &str = "\
version: v1beta9
images:
  api: { image: acme/api }
  web: { image: acme/web }
deployments:
- name: api
  kubectl: { manifests: [kube.yaml] }
- name: web
  helm: { chart: { name: ./chart }, values: { image: acme/web, replicas: 2 } }
";

const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: api }
spec: { template: { spec: { containers: [{ name: api, image: acme/api }] } } }
---
apiVersion: v1
kind: Service
metadata: { name: api }
spec: { ports: [{ port: 80 }] }
";

/// Runs the tests in `text`, in a project with two images and two deployments, and returns the error of each.
fn run(text: &str) -> Vec<(String, Option<String>)> {
    let folder = TempDir::with_prefix("windlass-").expect("a directory can be created");
    std::fs::create_dir(folder.path().join("chart")).expect("a directory can be created");
    let files = [
        ("devspace.yaml", CONFIG),
        ("Dockerfile", "FROM scratch\n"),
        ("kube.yaml", MANIFEST),
        ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n"),
        ("a_test.rhai", text),
    ];
    for (path, text) in files {
        std::fs::write(folder.path().join(path), text).expect("a file can be written");
    }
    let files = find(folder.path(), None).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a thread can be started");
    let tests = RunTests {
        files,
        filters: Vec::new(),
        profiles: Vec::new(),
        vars: Vec::new(),
        no_exec: false,
        limit: Duration::from_secs(60),
        jobs: 1,
        update: true,
    };
    let outcome = tests.run(runtime.handle(), &CancellationToken::new());
    let wrong = |verdict: &TestVerdict| match verdict {
        TestVerdict::Passed => None,
        TestVerdict::Failed { error, .. } => Some(error.to_string()),
        TestVerdict::TimedOut | TestVerdict::Cancelled => Some("it did not end".to_owned()),
    };
    outcome.tests.iter().map(|test| (test.test.clone(), wrong(&test.verdict))).collect()
}

#[test]
fn everything_tests_can_call_has_an_example_that_passes() {
    let functions = documented();
    assert!(functions.len() > 20, "{functions:#?}");
    for function in functions {
        let examples = function.examples();
        assert!(!examples.is_empty(), "`{}` has no example", function.call);
        for example in examples {
            let is_called = example.contains(&format!("{}(", function.path()));
            assert!(is_called, "the example of `{}` does not call it:\n{example}", function.call);
            for (test, wrong) in run(&example) {
                assert_eq!(wrong, None, "{test}, the example of `{}`:\n{example}", function.call);
            }
        }
    }
}

#[test]
fn assertions_that_do_not_hold_fail_their_test() {
    let check = |body: &str, expected: &str| {
        let wrong = run(&format!("fn test_it() {{ {body} }}")).remove(0).1;
        let wrong = wrong.unwrap_or_else(|| panic!("`{body}` passes"));
        assert!(wrong.contains(expected), "`{body}`: {wrong}");
    };
    check("assert(false)", "assertion failed");
    check("assert(1 > 2, \"no\")", "no");
    check("assert_eq(1, 2)", "expected: 2\n  actual: 1");
    check("assert_eq(#{ a: [1] }, #{ a: [\"1\"] })", "expected: #{ a: [\"1\"] }\n  actual: #{ a: [1] }");
    check("assert_eq((), 0)", "actual: ()");
    check("assert_contains([\"a\"], \"b\")", "no: \"b\"");
    check("assert_throws(|| 1, \"x\")", "expected an error with `x`, found the value 1");
    check("assert_throws(|| throw \"y\", \"x\")", "expected: x\n  actual: y");
    check("fail(\"why\")", "why");
    check("calls(\"pusch\")", "unknown kind of call `pusch`");
    check("asert_eq(1, 1)", "unknown function `asert_eq (number, number)`");
    check("host.ready(\"Pod/x\", #{ fail: \"y\" })", "unknown option `fail` of `host.ready`");
    check("host.apply(\"web\", #{ fails: \"y\" })", "invalid object `web`");
    check("host.cluster(#{ objects: [1] })", "`objects` of `host.cluster` must be a list of maps");
    check("host.cluster(#{ objects: [#{ kind: \"Pod\" }] })", "document 1 has no `apiVersion`");
    check("project(#{ deployments: [\"wbe\"] })", "unknown deployment `wbe`");
    check("project().deployment(\"wbe\")", "unknown deployment `wbe`");
}

#[test]
fn functions_of_the_pipeline_belong_to_the_project_of_their_arguments() {
    let text = "fn test_it() {
        let one = project(#{ script: \"fn tags(image) { [`one`] } fn greet(name) { `one ${name}` }\" });
        let two = project(#{ script: \"fn tags(image) { [`two`] }\" });
        assert_eq(tags(one.image(\"api\")), [\"one\"]);
        assert_eq(tags(two.image(\"web\")), [\"two\"]);
        build(one);
        assert_eq(calls(\"push\"), [\"acme/api:one\", \"acme/web:one\"]);
    }";
    assert_eq!(run(text), [("test_it".to_owned(), None)]);
}

#[test]
fn second_build_of_a_test_skips_the_images_of_the_first_one() {
    let text = "fn test_it() {
        build(project());
        let again = project();
        build(again);
        assert_eq(calls(\"build\"), [\"api\", \"web\"]);
        assert_eq(outcomes(again).api.outcome, \"skipped\");
    }";
    assert_eq!(run(text), [("test_it".to_owned(), None)]);
}

#[test]
fn errors_of_a_pipeline_can_be_expected_by_code() {
    let text = "fn test_it() {
        host.docker(#{ reachable: false });
        assert_throws(|| plan(project().image(\"api\")).build_with(\"docker\"), \"docker::unreachable\");
        assert_throws(|| project(#{ profile: \"nope\" }), \"nope\");
    }";
    assert_eq!(run(text), [("test_it".to_owned(), None)]);
}

#[test]
fn images_are_built_pushed_and_reused_without_a_daemon() {
    let text = "fn test_it() {
        host.docker(#{ reachable: false });
        build(project());
        assert_eq(calls(\"build\"), [\"api\", \"web\"]);
        assert_eq(calls(\"push\").len, 2);
        let again = project();
        build(again);
        assert_eq(outcomes(again).api.outcome, \"skipped\");
    }
    fn test_unpushed() {
        host.docker(#{ reachable: false });
        build(project(#{ skip_push: true }));
        host.docker(#{ reachable: true });
        let again = project(#{ skip_push: true });
        build(again);
        assert_eq(outcomes(again).api.outcome, \"skipped\");
        assert_eq(calls(\"load\").len, 2);
    }";
    let passed = |name: &str| (name.to_owned(), None);
    assert_eq!(run(text), [passed("test_it"), passed("test_unpushed")]);
}
