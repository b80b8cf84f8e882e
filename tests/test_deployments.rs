//! `windlass test`: deployments tested on a cluster in memory.

use crate::harness::{Output, Project};

const CONFIG: &str = "\
version: v1beta11
images:
  api: { image: acme/api, tags: [\"1.0\"] }
deployments:
- name: api
  kubectl: { manifests: [kube] }
- name: web
  namespace: shop
  helm: { chart: { name: ./chart }, values: { image: acme/api, replicas: 2 } }
profiles:
- name: dev
";

const MANIFESTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: api }
spec: { template: { spec: { containers: [{ name: api, image: acme/api }] } } }
---
apiVersion: v1
kind: Secret
metadata: { name: api }
stringData: { password: hunter2 }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
";

/// A project with manifests and a chart, and with these tests, without helm and without a cluster.
fn project(tests: &str) -> Project {
    Project::new()
        .file("devspace.yaml", CONFIG)
        .file("Dockerfile", "FROM scratch\n")
        .file("kube/api.yaml", MANIFESTS)
        .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
        .file(
            "windlass.dev.rhai",
            "import \"scripts/deploy\" as base;\n\
             fn chart_values(deployment) { base::chart_values(deployment) + #{ replicas: 1 } }\n",
        )
        .file("windlass_test.rhai", tests)
        .env("KUBECONFIG", "/nowhere")
        .env("WINDLASS_HELM", "/nowhere/helm")
}

fn passes(tests: &str) {
    project(tests).run(["test"]).success();
}

/// The output of a failed test from its error to the calls, without times.
fn failure(output: &Output) -> String {
    let from = output.stdout.find("FAILED windlass_test.rhai").expect("a test failed");
    let text = &output.stdout[from..];
    text[..text.find("\n0 passed").expect("the totals")].to_owned()
}

#[test]
fn deploy_applies_objects_and_charts_with_the_built_images() {
    passes(
        "fn test_deploy() {
            deploy(project());
            assert_eq(calls(\"namespace\"), [\"shop\"]);
            assert_eq(calls(\"apply\"), [\"Secret/api\", \"PersistentVolumeClaim/data\", \"Deployment/api\"]);
            assert_eq(calls(\"helm\"), [\"upgrade web\"]);
            let api = host.object(\"Deployment/api\");
            assert_eq(api.metadata.namespace, \"default\");
            assert_eq(api.spec.template.spec.containers[0].image, \"acme/api:1.0\");
            let chart = host.object(\"Chart/web\");
            assert_eq(chart.metadata.namespace, \"shop\");
            assert_eq(chart.values, #{ image: \"acme/api:1.0\", replicas: 2 });
            assert_eq(host.object(\"Service/api\"), ());
            assert_eq(cluster().context, \"test\");
        }
        fn test_namespace() {
            deploy(project(#{ namespace: \"staging\", deployments: [\"api\"] }));
            assert_eq(calls(\"namespace\"), [\"staging\"]);
            assert_eq(calls(\"helm\"), []);
            for object in host.objects() {
                if object.kind != \"Namespace\" { assert_eq(object.metadata.namespace, \"staging\"); }
            }
        }
        fn test_without_build() {
            assert_throws(|| deploy(project(#{ skip_build: true })), \"run::failed\");
            assert_eq(calls(\"build\"), []);
        }",
    );
}

#[test]
fn second_deploy_changes_only_differences() {
    passes(
        "fn test_again() {
            deploy(project());
            let before = calls().len();
            let again = project();
            deploy(again);
            assert_eq(calls().len(), before);
            assert_eq(deployment_outcomes(again).api.outcome, \"kept\");
            assert_eq(deployment_outcomes(again).web.reason, \"unchanged (revision 1)\");

            deploy(project(#{ force_deploy: true, deployments: [\"web\"] }));
            deploy(project(#{ profile: \"dev\" }));
            assert_eq(calls(\"helm\"), [\"upgrade web\", \"upgrade web\", \"upgrade web\"]);
            assert_eq(host.object(\"Chart/web\").values.replicas, 1);

            let pod = \"apiVersion: v1\\nkind: Pod\\nmetadata: {name: api}\\n\";
            let changed = project(#{ files: #{ \"kube/api.yaml\": pod }, deployments: [\"api\"] });
            deploy(changed);
            assert_eq(calls(\"delete\"), [\"Secret/api\", \"Deployment/api\"]);
            assert_eq(deployment_outcomes(changed).api.deleted, 2);
            assert_eq(host.object(\"PersistentVolumeClaim/data\").kind, \"PersistentVolumeClaim\");
        }",
    );
}

#[test]
fn values_manifests_and_plans_are_called_one_by_one() {
    let project = project(
        "fn test_values() {
            assert_eq(chart_values(project().deployment(\"web\")).replicas, 2);
            let dev = project(#{ profile: \"dev\" });
            assert_eq(chart_values(dev.deployment(\"web\")).replicas, 1);
            assert_eq(manifests(dev.deployment(\"api\")).len(), 3);
        }
        fn test_render() {
            let project = project();
            render(project);
            let kinds = rendered(project).map(|object| object.kind);
            assert_eq(kinds, [\"Secret\", \"PersistentVolumeClaim\", \"Deployment\", \"Chart\"]);
            assert_eq(calls(\"apply\") + calls(\"helm\"), []);
        }
        fn test_plans() {
            let project = project();
            build(project);
            for deployment in project.deployments { snapshot(plan_deployment(deployment)); }
        }",
    );
    project.run(["test", "--update"]).success();
    insta::assert_snapshot!(project.read("windlass_test.snap"), @r#"
    test_plans:
      deployment: "api"
      namespace: "default"
      objects:
        -
          apiVersion: "v1"
          kind: "Secret"
          metadata:
            name: "api"
            namespace: "default"
          stringData:
            password: "***"
        -
          apiVersion: "v1"
          kind: "PersistentVolumeClaim"
          metadata:
            name: "data"
            namespace: "default"
        -
          apiVersion: "apps/v1"
          kind: "Deployment"
          metadata:
            name: "api"
            namespace: "default"
          spec:
            template:
              spec:
                containers: [#{ name: "api", image: "acme/api:1.0" }]

    test_plans 2:
      deployment: "web"
      namespace: "shop"
      objects:
        -
          apiVersion: "windlass/v1"
          kind: "Chart"
          metadata:
            name: "web"
            namespace: "shop"
          values:
            image: "acme/api:1.0"
            replicas: 2
    "#);
    project.run(["test"]).success();
}

#[test]
fn nothing_is_deployed_when_an_image_failed() {
    passes(
        "fn test_it() {
            host.build(\"api\", #{ fails: \"no space left\" });
            assert_throws(|| deploy(project()), \"run::failed\");
            assert_eq(calls(\"apply\") + calls(\"helm\"), []);
        }",
    );
}

#[test]
fn refused_object_is_reported_and_nothing_is_applied() {
    let project = project(
        "fn test_it() {
            host.apply(\"Deployment/api\", #{ fails: \"quota exceeded\" });
            deploy(project(#{ deployments: [\"api\"] }));
        }",
    );
    let output = project.run(["test"]).exits(1).clone();
    insta::assert_snapshot!(failure(&output), @r#"
    FAILED windlass_test.rhai::test_it
    run::failed

      x 1 of 1 deployments failed
       ,-[windlass_test.rhai:3:13]
     2 |             host.apply("Deployment/api", #{ fails: "quota exceeded" });
     3 |             deploy(project(#{ deployments: ["api"] }));
       :             ^^^|^^
       :                `-- here, in `test_it`
     4 |         }
       `----
    deploy::invalid

      x api: cannot apply Deployment/api: quota exceeded
      help: configured by the test: `host.apply(...)`
      calls:
        build api
        push acme/api:1.0
    "#);
    passes(
        "fn test_chart() {
            host.apply(\"Chart/web\", #{ fails: \"no space left\" });
            let project = project(#{ keep_going: true });
            assert_throws(|| deploy(project), \"run::failed\");
            let outcomes = deployment_outcomes(project);
            assert_eq(outcomes.api.outcome, \"deployed\");
            assert_eq(outcomes.web.outcome, \"failed\");
            assert_contains(outcomes.web.reason, \"no space left\");
            host.apply(\"Chart/web\", #{});
            deploy(project(#{ deployments: [\"web\"] }));
            assert_eq(host.object(\"Chart/web\").values.replicas, 2);
        }",
    );
}

#[test]
fn object_that_does_not_become_ready_fails_the_run() {
    let project = project(
        "fn test_it() {
            host.ready(\"Deployment/api\", #{ fails: \"CrashLoopBackOff\" });
            deploy(project(#{ deployments: [\"api\"] }));
        }",
    );
    let output = project.run(["test"]).exits(1).clone();
    insta::assert_snapshot!(failure(&output), @r#"
    FAILED windlass_test.rhai::test_it
    run::failed

      x 1 of 1 deployments failed
       ,-[windlass_test.rhai:3:13]
     2 |             host.ready("Deployment/api", #{ fails: "CrashLoopBackOff" });
     3 |             deploy(project(#{ deployments: ["api"] }));
       :             ^^^|^^
       :                `-- here, in `test_it`
     4 |         }
       `----
    deploy::crash

      x cannot deploy api: Deployment/api is not ready: CrashLoopBackOff
      help: configured by the test: `host.ready(...)`
      calls:
        build api
        push acme/api:1.0
        apply Secret/api
        apply PersistentVolumeClaim/data
        apply Deployment/api
    "#);
    passes(
        "fn test_outcome() {
            host.ready(\"Chart/web\", #{ fails: \"ImagePullBackOff\" });
            let broken = project();
            assert_throws(|| deploy(broken), \"run::failed\");
            let outcomes = deployment_outcomes(broken);
            assert_eq(outcomes.web.outcome, \"failed\");
            assert_contains(outcomes.web.reason, \"Chart/web is not ready: ImagePullBackOff\");
            assert_eq(outcomes.api.outcome, \"deployed\");

            host.ready(\"Chart/web\", #{});
            deploy(project());
        }
        fn test_no_wait() {
            host.ready(\"Deployment/api\", #{ fails: \"CrashLoopBackOff\" });
            deploy(project(#{ wait: false }));
        }",
    );
}

#[test]
fn configured_cluster_has_its_objects() {
    passes(
        "fn objects() {
            [
                #{ apiVersion: \"v1\", kind: \"Namespace\", metadata: #{ name: \"shop\" } },
                #{ apiVersion: \"apps/v1\", kind: \"Deployment\", metadata: #{ name: \"api\" } },
                #{ apiVersion: \"v1\", kind: \"Service\", metadata: #{ name: \"other\" }, spec: #{ ports: [] } },
            ]
        }
        fn test_objects() {
            host.cluster(#{ context: \"prod\", namespace: \"live\", objects: objects() });
            assert_eq(host.object(\"Deployment/api\").metadata.namespace, \"live\");
            let project = project();
            deploy(project);
            assert_eq(calls(\"namespace\"), []);
            assert_eq(calls(\"apply\"), [\"Secret/api\", \"PersistentVolumeClaim/data\", \"Deployment/api\"]);
            assert_eq(host.object(\"Deployment/api\").spec.template.spec.containers[0].image, \"acme/api:1.0\");
            assert_eq(deployment_outcomes(project).api.reason, \"2 objects new, 1 object changed\");
        }
        fn test_purge() {
            host.cluster(#{ objects: objects() });
            purge(project(#{ deployments: [\"api\"] }));
            assert_eq(calls(), [\"delete Deployment/api\"]);
            let project = project();
            deploy(project);
            purge(project);
            assert_eq(calls(\"delete\"), [\"Deployment/api\", \"Deployment/api\", \"Secret/api\"]);
            assert_eq(calls(\"helm\"), [\"upgrade web\", \"uninstall web\"]);
            assert_eq(deployment_outcomes(project).web.outcome, \"deleted\");
            assert_eq(host.object(\"Chart/web\"), ());
            assert_eq(host.object(\"Service/other\").kind, \"Service\");
        }",
    );
}

#[test]
fn test_that_deploys_nothing_has_no_cluster() {
    passes(
        "fn test_it() { build(project()); assert_eq(cluster(), ()); assert_eq(calls(\"pull_secret\"), []); }",
    );
}

#[test]
fn chart_of_a_git_repository_is_not_cloned() {
    let config = "version: v2beta1\nname: shop\ndeployments:\n  web:\n    helm:\n      chart: {git: \"https://git.example/web.git\"}\n      values: {replicas: 2}\n";
    let tests = "fn test_it() {
        deploy(project());
        assert_eq(host.object(\"Chart/web\").values.replicas, 2);
        assert_eq(calls(), [\"helm upgrade web\"]);
    }";
    project(tests).file("devspace.yaml", config).run(["test"]).success();
}

#[test]
fn invalid_names_and_options_are_errors_with_hints() {
    let check = |body: &str, expected: &[&str]| {
        let output = project(&format!("fn test_it() {{ {body} }}")).run(["test"]).exits(1).clone();
        for text in expected {
            output.stdout_has(text);
        }
    };
    check("host.apply(\"Pod/a\", #{ fail: \"x\" });", &["script::unknown_option", "did you mean `fails`?"]);
    check("host.ready(\"Pod/a\", #{ reason: 1 });", &["unknown option `reason`", "use one of `fails`"]);
    check("host.ready(\"deployment/api\", #{});", &["test::object", "did you mean `Deployment/api`?"]);
    check("host.object(\"api\");", &["invalid object `api`", "write it like `Deployment/web`"]);
    check("host.cluster(#{ object: [] });", &["unknown option `object`", "did you mean `objects`?"]);
    check("host.cluster(#{ objects: [#{ kind: \"Pod\" }] });", &["deploy::no_api_version"]);
    check("project(#{ deployment: [] });", &["unknown option `deployment`", "did you mean `deployments`?"]);
    check("project(#{ deployments: [\"ap\"] });", &["deploy::unknown", "did you mean `api`?"]);
    check("project().deployment(\"wep\");", &["unknown deployment `wep`", "did you mean `web`?"]);
    check("calls(\"aply\");", &["unknown kind of call `aply`", "did you mean `apply`?"]);
}
