//! Tests of the section `deployments`. `tests/corpus` has the values of every version.

use std::time::Duration;

use miette::NarratableReportHandler;

use super::Fixture;
use crate::config::{ChartSource, DeploymentKind, Explain, HelmConfig, Project};

/// A file of the newest version with one deployment `web`.
fn newest(deployment: &str) -> Fixture {
    Fixture::raw(format!("version: v2beta1\nname: x\ndeployments:\n  web: {deployment}\n").as_bytes())
}

/// The project of a file of the newest version with one deployment `web`.
fn project(deployment: &str) -> Project {
    newest(deployment).loaded().project
}

fn helm(project: &Project) -> &HelmConfig {
    match &project.deployments["web"].kind {
        DeploymentKind::Helm(helm) => helm,
        DeploymentKind::Kubectl(_) => panic!("not a chart"),
    }
}

#[track_caller]
fn check_problems(deployment: &str, expected: &[&str]) {
    assert_eq!(newest(deployment).problems(), expected, "{deployment}");
}

#[track_caller]
fn check_warnings(fixture: &Fixture, expected: &[&str]) {
    let warnings: Vec<_> = fixture.loaded().warnings.iter().map(ToString::to_string).collect();
    let expected: Vec<_> = expected.iter().map(|warning| format!("devspace.yaml:{warning}")).collect();
    assert_eq!(warnings, expected);
}

#[test]
fn chart_source_follows_the_name() {
    let check = |chart: &str, expected: ChartSource| {
        let project = project(&format!("{{helm: {{chart: {chart}}}}}"));
        assert_eq!(helm(&project).chart.source, expected, "{chart}");
    };
    let repository = |name: &str, repo: Option<&str>| ChartSource::Repository {
        name: name.to_owned(),
        repo: repo.map(str::to_owned),
    };
    check("{name: chart}", ChartSource::Path("chart".into()));
    check("{name: ./a/b}", ChartSource::Path("./a/b".into()));
    check("{name: /a/b}", ChartSource::Path("/a/b".into()));
    check("{name: a/b/c}", ChartSource::Path("a/b/c".into()));
    check("{path: a/b}", ChartSource::Path("a/b".into()));
    check("{name: bitnami/nginx}", repository("bitnami/nginx", None));
    check("{name: nginx, repo: 'https://r.io'}", repository("nginx", Some("https://r.io")));
    check("{name: 'oci://r.io/nginx'}", ChartSource::Oci("oci://r.io/nginx".to_owned()));
    check("{name: 'https://r.io/nginx.tgz'}", ChartSource::Url("https://r.io/nginx.tgz".to_owned()));
    check("{name: component-chart, version: 0.8.4}", ChartSource::Component);
    check("", ChartSource::Component);
}

#[test]
fn numbers_are_seconds_in_every_version() {
    let timeout = |text: &str| {
        let project = Fixture::raw(text.as_bytes()).loaded().project;
        helm(&project).timeout
    };
    let old = |version: &str, value: &str| {
        timeout(&format!(
            "version: {version}\ndeployments: [{{name: web, helm: {{chart: {{name: c}}, timeout: {value}}}}}]\n"
        ))
    };
    let minute = Some(Duration::from_secs(60));
    assert_eq!(old("v1alpha4", "60"), minute);
    assert_eq!(old("v1beta9", "60"), minute);
    assert_eq!(old("v1beta11", "'60'"), minute);
    assert_eq!(old("v1beta11", "1m"), minute);
    assert_eq!(old("v1beta11", "0"), None);
    for args in ["[--timeout, 60]", "[--timeout, 1m]", "[--timeout=60s]", "[--timeout=5s, --timeout, 60s]"] {
        let project = project(&format!("{{helm: {{upgradeArgs: {args}}}}}"));
        assert_eq!((helm(&project).timeout, helm(&project).upgrade_args.len()), (minute, 0), "{args}");
    }
}

#[test]
fn upgrade_arguments_with_a_field_are_taken() {
    let project =
        project("{helm: {upgradeArgs: [--wait=false, --atomic, '--force=true', --wait=watcher, -v, 3]}}");
    let helm = helm(&project);
    assert_eq!((helm.wait, helm.atomic, helm.force), (false, true, true));
    assert_eq!(helm.upgrade_args, ["--wait=watcher", "-v", "3"]);
}

#[test]
fn deployments_keep_the_order_of_the_file() {
    let text = "deployments: [{name: z, kubectl: {manifests: [m]}}, {name: a, kubectl: {manifests: [m]}}]";
    let project = Fixture::new(text).loaded().project;
    assert_eq!(project.deployments.keys().collect::<Vec<_>>(), ["z", "a"]);
    assert!(project.deployments["z"].update_image_tags && !project.other.contains_key("deployments"));
}

#[test]
fn unknown_key_wrong_type_and_missing_value_are_located() {
    check_problems("{helm: {char: x}}", &["4:16: unknown key `char` in `helm` of deployment `web`"]);
    check_problems("{hlem: {chart: x}}", &["4:9: unknown key `hlem` in deployment `web`"]);
    check_problems("{helm: {chart: {nam: x}}}", &["4:24: unknown key `nam` in `chart` of deployment `web`"]);
    check_problems(
        "{kubectl: {manifest: [x]}}",
        &["4:19: unknown key `manifest` in `kubectl` of deployment `web`"],
    );
    check_problems("[]", &["4:8: deployment `web` must be a map, found a list"]);
    check_problems("{helm: c}", &["4:15: `helm` of deployment `web` must be a map, found `c`"]);
    check_problems(
        "{helm: {values: [a], valuesFiles: v.yaml, displayOutput: 'true'}}",
        &[
            "4:24: `values` of deployment `web` must be a map, found a list",
            "4:42: `valuesFiles` of deployment `web` must be a list, found `v.yaml`",
            "4:65: `displayOutput` of deployment `web` must be `true` or `false`, found `true`",
        ],
    );
    check_problems(
        "{kubectl: {manifests: kube}}",
        &["4:30: `manifests` of deployment `web` must be a list, found `kube`"],
    );
    check_problems("{namespace: n}", &["4:8: deployment `web` has no `helm` and no `kubectl`"]);
    check_problems("{helm: {chart: {}}}", &["4:23: `chart` of deployment `web` has no `name`"]);
    check_problems("{kubectl: {}}", &["4:18: `kubectl` of deployment `web` has no `manifests`"]);
    check_problems(
        "{helm: {upgradeArgs: [--timeout]}}",
        &["4:30: `--timeout` in `upgradeArgs` of deployment `web` has no value"],
    );
    let old = Fixture::new("deployments: [{helm: {chart: {name: c}}}, {name: d, helm: {values: {}}}]");
    assert_eq!(
        old.problems(),
        ["2:15: a deployment has no `name`", "2:53: `helm` of deployment `d` has no `chart`"]
    );
    let first = Fixture::raw(b"version: v1alpha1\ndevSpace: {deployments: [{name: d, helm: {chart: c}}]}\n");
    assert_eq!(first.problems(), ["2:43: `chart` in `helm` of deployment `d` needs v1alpha4"]);
}

#[test]
fn contradictions_are_errors() {
    check_problems(
        "{helm: {}, kubectl: {manifests: [m]}}",
        &["4:19: deployment `web` has both `helm` and `kubectl`"],
    );
    check_problems(
        "{kubectl: {manifests: [m], inlineManifest: 'kind: A'}}",
        &["4:35: deployment `web` has both `manifests` and `inlineManifest`"],
    );
    let both = "deployments: [{name: d, helm: {componentChart: true, chart: {name: c}}}]";
    assert_eq!(Fixture::new(both).problems(), ["2:32: deployment `d` has both `componentChart` and `chart`"]);
    check_problems(
        "{helm: {upgradeArgs: [--timeout, 5 min]}}",
        &["4:41: invalid timeout `5 min` of deployment `web`"],
    );
    let driver = "deployments: [{name: d, helm: {chart: {name: c}, driver: sql}}]";
    assert_eq!(Fixture::new(driver).problems(), ["2:58: unknown `driver` `sql` of deployment `d`"]);
    let twice = "deployments: [{name: d, kubectl: {manifests: [m]}}, {name: d, kubectl: {manifests: [m]}}]";
    assert_eq!(Fixture::new(twice).problems(), ["2:60: duplicate deployment `d`"]);
}

#[test]
fn names_must_be_valid_for_helm() {
    let check = |name: &str, reason: &str, help: &str| {
        let text = format!("deployments: [{{name: '{name}', kubectl: {{manifests: [m]}}}}]");
        let error = Fixture::new(&text).load().expect_err("the name is wrong");
        let mut shown = String::new();
        NarratableReportHandler::new().render_report(&mut shown, &error).expect("rendered");
        assert!(shown.contains(&format!("2:22: invalid name of deployment `{name}`: {reason}")), "{shown}");
        assert!(shown.contains(&format!("diagnostic help: {help}")), "{shown}");
    };
    let letters = "Helm accepts only lower-case letters, digits, `-` and `.`";
    check("My_App", letters, "use another name, such as `my-app`");
    check("-a", letters, "use another name, such as `a`");
    check("a..b", letters, "use another name, such as `a-b`");
    check(
        &"a".repeat(54),
        "it has 54 characters, and Helm accepts at most 53",
        "use another name, such as `aaa",
    );
    let valid = format!("deployments: [{{name: '{}', kubectl: {{manifests: [m]}}}}]", "a.b-1".repeat(10));
    Fixture::new(&valid).loaded();
    check_problems(
        "{helm: {releaseName: Web}}",
        &[
            "4:29: invalid `releaseName` of deployment `web`: Helm accepts only lower-case letters, digits, `-` and `.`, with a letter or digit at both ends",
        ],
    );
}

#[test]
fn tanka_has_a_hint() {
    let fixture = newest("{tanka: {path: env}}");
    assert_eq!(fixture.problems(), ["4:9: unknown key `tanka` in deployment `web`"]);
    let error = fixture.load().expect_err("unknown");
    let mut shown = String::new();
    NarratableReportHandler::new().render_report(&mut shown, &error).expect("rendered");
    assert!(shown.contains("help: no release of DevSpace deploys with Tanka"), "{shown}");
}

#[test]
fn keys_without_effect_are_warnings() {
    let old = |version: &str, helm: &str| {
        let text = format!(
            "version: {version}\ndeployments:\n- name: web\n  helm: {{chart: {{name: ./c}}, {helm}}}\n"
        );
        Fixture::raw(text.as_bytes())
    };
    let tiller = "of deployment `web` is ignored: windlass uses Helm 3 or 4, which have no Tiller";
    check_warnings(
        &old("v1beta9", "v2: true, tillerNamespace: t, recreate: true"),
        &[
            &format!("4:30: `v2` {tiller}"),
            &format!("4:40: `tillerNamespace` {tiller}"),
            "4:60: `recreate` of deployment `web` is ignored: Helm deprecated `--recreate-pods`",
        ],
    );
    check_warnings(&old("v1beta9", "v2: false, recreate: false"), &[]);
    // The versions for Helm 2 have no key to avoid it.
    let fixture = old("v1beta4", "wait: true");
    check_warnings(&fixture, &[]);
    assert!(helm(&fixture.loaded().project).tiller.is_some());
    check_warnings(
        &newest("{helm: {chart: {name: ./c, version: 1, branch: b}}}"),
        &[
            "4:35: `version` of `chart` of deployment `web` is ignored: the chart is a local path",
            "4:47: `branch` of `chart` of deployment `web` is ignored: it has no `git`",
        ],
    );
    check_warnings(
        &newest("{helm: {chart: {git: g, name: c}, upgradeArgs: [--recreate-pods]}}"),
        &[
            "4:32: `name` of `chart` of deployment `web` is ignored: the chart is in the git repository",
            "4:56: `--recreate-pods` in `upgradeArgs` of deployment `web` is ignored: Helm deprecated it",
        ],
    );
    check_warnings(
        &newest("{helm: {chart: {name: stable/redis}}}"),
        &["4:30: `name` of `chart` of deployment `web` is in the repository `stable`, which was shut down"],
    );
    check_warnings(
        &newest("{kubectl: {inlineManifest: 'kind: A', kustomizeArgs: [x]}}"),
        &["4:46: `kustomizeArgs` of deployment `web` is ignored: `kustomize` is not `true`"],
    );
    check_warnings(
        &newest("{kubectl: {manifests: [m], createArgs: [x]}}"),
        &[
            "4:35: `createArgs` of deployment `web` is ignored: windlass reads manifests itself, without `kubectl create`",
        ],
    );
    check_warnings(
        &old("v1beta11", "fetchArgs: [x]"),
        &["4:30: `fetchArgs` of deployment `web` is ignored: `helm upgrade` fetches the chart"],
    );
    let deleted =
        "version: v1beta9\ndeployments:\n- name: web\n  kubectl: {manifests: [m], deleteArgs: [x]}\n";
    check_warnings(
        &Fixture::raw(deleted.as_bytes()),
        &[
            "4:29: `deleteArgs` of deployment `web` is ignored: windlass deletes objects itself, without `kubectl delete`",
        ],
    );
    check_warnings(&newest(""), &["4:3: deployment `web` is ignored: it is empty"]);
}

#[test]
fn patches_are_checked() {
    check_problems(
        "{kubectl: {manifests: [m], patches: [{op: add, path: a}, {target: {kind: A}, op: move, path: b}]}}",
        &[
            "4:45: a patch of deployment `web` has no `target`",
            "4:74: `target` of a patch of deployment `web` has no `name`",
            "4:89: unknown operation `move` of a patch of deployment `web`",
        ],
    );
}

#[test]
fn password_is_masked_everywhere() {
    let text = "hooks: [{command: x, events: ['after:build']}]\ndeployments:\n- {name: d, helm: {recreate: true, chart: {name: c, repo: r, password: hunter2}}}\n";
    let loaded = Fixture::new(text).loaded();
    let passwords: Vec<_> =
        loaded.project.all_passwords().map(|password| password.expose().to_owned()).collect();
    assert_eq!(passwords, ["hunter2"]);
    let deployment = &loaded.project.deployments["d"];
    let json = serde_json::to_string(deployment).expect("JSON");
    let mut shown = format!("{deployment:?} {json} {}", deployment.json.as_ref().expect("there are hooks"));
    for warning in &loaded.warnings {
        NarratableReportHandler::new().render_report(&mut shown, warning).expect("rendered");
    }
    assert!(json.contains("\"password\":\"***\""), "{json}");
    assert!(shown.contains("recreate: true") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn outline_accepts_variables_without_value() {
    let text = "vars: [{name: X}]
deployments:
- name: '${X}'
  kubectl: {manifests: [m]}
- name: a
  helm: {chart: {name: '${X}'}}
- name: b
  helm: {componentChart: '${X}', timeout: '${X}', driver: '${X}', values: {v: '${X}'}}
- name: c
  namespace: '${X}'
  kubectl: {manifests: ['${X}'], kustomize: '${X}', applyArgs: '${X}'}
";
    let mut fixture = Fixture::new(text);
    fixture.options.explain = Explain::Outline;
    let project = fixture.loaded().project;
    assert_eq!(project.deployments.keys().collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn profile_removes_a_deployment_with_null() {
    let text = "version: v2beta1\nname: x\ndeployments: {a: {helm: {}}, b: {helm: {}}}\nprofiles: [{name: p, merge: {deployments: {a: null}}}]\n";
    let loaded = Fixture::raw(text.as_bytes()).profiles(&["p"]).loaded();
    assert_eq!(loaded.project.deployments.keys().collect::<Vec<_>>(), ["b"]);
    assert!(loaded.warnings.is_empty());
    assert!(loaded.project.deployments["b"].json.is_none());
}
