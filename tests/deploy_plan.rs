//! The output of `windlass plan deploy` and `windlass status`, and deploys of builds of another machine.

use std::process::Command;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::{Value, json};

use crate::harness::{Cluster, Project, Registry, helms};

/// A project for the cluster, with the image `web` and these `deployments`.
fn project(cluster: &Cluster, repository: &str, deployments: &str) -> Project {
    let config = format!(
        "version: v2beta1\nname: shop\nimages:\n  web: {{image: {repository}}}\ndeployments:\n{deployments}"
    );
    let project = Project::new()
        .file("devspace.yaml", config)
        .file("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")
        .file("kubeconfig", cluster.kubeconfig("test"));
    let path = project.path("kubeconfig");
    project.env("KUBECONFIG", path)
}

/// The manifest of a Deployment without pods.
fn web(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 0\n  selector: {{matchLabels: \
         {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{containers: [{{name: web, image: \
         '{image}'}}]}}\n"
    )
}

const CONFIG: &str = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {a: '1'}\n";
const SECRET: &str =
    "---\napiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: 'open sesame'}\n";

#[test]
fn plan_shows_the_actions_of_the_deploy() {
    let Some(cluster) = Cluster::without_namespace() else { return };
    let manifests = [web("r.example/web").as_str(), CONFIG, SECRET].concat();
    let project = project(&cluster, "r.example/web", "  shop: {kubectl: {manifests: [kube.yaml]}}\n")
        .file("kube.yaml", manifests);
    let build = ["--builder", "oci", "--skip-push", "-t", "1.4"];
    project.run(["build"].iter().chain(&build)).success();

    let plan = |more: &[&str]| project.run(["plan", "deploy", "--skip-build"].iter().chain(more));
    let first = plan(&["--diff"]);
    let line = format!("shop | deploy: 3 objects new (namespace {})", cluster.namespace());
    first.success().stdout_has(line).stdout_has(
        "image    r.example/web -> r.example/web:1.4 (Deployment/web spec.template.spec.containers[0].image)",
    );
    first.stdout_has("+        ConfigMap/conf").stdout_has("1 to deploy").lacks("open sesame");
    assert_eq!(plan(&["--exit-code"]).code(), Some(3));
    // A plan creates nothing, not even the namespace.
    let deployed = project.run(["deploy", "--skip-build"]);
    deployed.success().stderr_has("created the namespace").stderr_has("deploying: 3 objects new");
    let unchanged = plan(&["--exit-code"]);
    unchanged.success().stdout_has("shop | keep: unchanged").stdout_has("1 unchanged");

    project.write("kube.yaml", [web("r.example/web").as_str(), &CONFIG.replace("'1'", "'2'")].concat());
    let changed = plan(&["--diff"]);
    changed.success().stdout_has("shop | deploy: 1 object changed, 1 object to delete");
    changed.stdout_has("~        ConfigMap/conf").stdout_has("data").stdout_has("+  a: \"2\"");
    changed.stdout_has("-        Secret/login").lacks("open sesame");
    let plan: Value = serde_json::from_str(&plan(&["--json"]).stdout).expect("JSON");
    let deployment = &plan["deployments"][0];
    assert_eq!((&deployment["name"], &deployment["decision"]), (&json!("shop"), &json!("deploy")));
    let objects = deployment["objects"].as_array().expect("a list");
    let changes: Vec<_> = objects.iter().map(|object| object["change"].as_str().expect("a word")).collect();
    assert_eq!(changes, ["changed", "deleted"]);
    assert!(cluster.find::<Secret>("login").is_some(), "a plan deletes nothing");
}

#[test]
fn a_plan_without_a_cluster_has_the_rendered_objects() {
    let helm = helms().into_iter().next();
    let chart = if helm.is_some() { "  chart: {helm: {chart: {name: ./chart}}}\n" } else { "" };
    let config = format!(
        "version: v2beta1\nname: shop\nimages:\n  web: {{image: r.example/web}}\ndeployments:\n  shop: {{kubectl: \
         {{manifests: [kube.yaml]}}}}\n{chart}"
    );
    let mut project = Project::new()
        .file("devspace.yaml", config)
        .file("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")
        .file("kube.yaml", [web("r.example/web").as_str(), SECRET].concat())
        .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
        .file("chart/templates/conf.yaml", CONFIG);
    if let Some(helm) = &helm {
        project = project.env("WINDLASS_HELM", helm);
    }
    project.run(["build", "--builder", "oci", "--skip-push", "-t", "1.4"]).success();
    let check = |project: &Project, code: &str, reason: &str| {
        let plan = |more: &[&str]| project.run(["plan", "deploy", "--skip-build"].iter().chain(more));
        let output = plan(&["--diff"]);
        output.success().lacks("no deployments").lacks("open sesame");
        output.stdout_has(format!("the cluster was not queried, so the changes there are unknown: {reason}"));
        output.stdout_has("| unknown: the cluster was not queried (namespace default)");
        output.stdout_has("  image    r.example/web -> r.example/web:1.4 (Deployment/web ");
        output.stdout_has("  ?        Deployment/web").stdout_has("  ?        Secret/login");
        output.stdout_has("+  replicas: 0");
        // The changes are unknown, so there may be work.
        let plan: Value =
            serde_json::from_str(&plan(&["--json", "--exit-code"]).exits(3).stdout).expect("JSON");
        assert_eq!(plan["cluster_problem"]["code"], json!(code));
        assert!(plan["cluster_problem"]["message"].as_str().is_some_and(|text| text.starts_with(reason)));
        let deployment = &plan["deployments"][0];
        assert_eq!(
            (&deployment["decision"], &deployment["objects"][0]["change"]),
            (&json!("unknown"), &Value::Null)
        );
        if helm.is_some() {
            output.stdout_has("  ?        ConfigMap/conf").stdout_has("2 unknown");
            assert_eq!(plan["deployments"][1]["decision"], json!("unknown"));
        }
    };
    check(&project, "cluster::none", "no cluster is configured");
    let project = project.dead_cluster();
    check(&project, "cluster::unreachable", "cannot reach the cluster at `https://127.0.0.1:1");
    // A dev session deploys in its first pass.
    let dev = project.run(["plan", "dev", "--skip-build"]);
    dev.success().stdout_has("shop").stdout_has("  ?        Deployment/web");
    // A decision of a script does not need the cluster.
    project.write("windlass.rhai", "fn needs_deploy(deployment, rollout) { deployment.name != \"shop\" }\n");
    project.run(["plan", "deploy", "--skip-build"]).success().stdout_has("| keep: the script decides so");
    project.remove("windlass.rhai");
    // An invalid command line or kubeconfig is still an error.
    let wrong = project.run(["plan", "deploy", "--skip-build", "--kube-context", "tset"]);
    assert_ne!(wrong.code(), Some(0));
    wrong.stderr_has("cluster::unknown_context").lacks("no deployments");
    project.run(["deploy", "--skip-build"]).exits(1).stderr_has("cluster::unreachable");
}

#[test]
fn status_names_the_objects_that_do_not_run() {
    let Some(cluster) = Cluster::acquire() else { return };
    let deployments =
        "  conf: {kubectl: {manifests: [conf.yaml]}}\n  web: {kubectl: {manifests: [web.yaml]}}\n";
    let project = project(&cluster, "r.example/web", deployments)
        .file("conf.yaml", CONFIG)
        .file("web.yaml", web("other.example/web:1").replace("replicas: 0", "replicas: 1"));
    let before = project.run(["status"]);
    before.exits(1).stdout_has(format!("conf | not deployed in namespace {}", cluster.namespace()));

    project.run(["deploy", "--skip-build", "--wait=false"]).success();
    let ready = project.run(["status", "conf"]);
    ready.success().stdout_has("conf | ready in namespace").stdout_has("ConfigMap/conf: conf ready");
    let waiting = project.run(["status", "web", "--json"]);
    let statuses: Value = serde_json::from_str(&waiting.exits(1).stdout).expect("JSON");
    assert_eq!((&statuses[0]["name"], &statuses[0]["status"]), (&json!("web"), &json!("not ready")));
    assert_eq!(statuses[0]["objects"][0]["object"], json!("Deployment/web"));
    project.run(["status", "wbe"]).exits(2).stderr_has("did you mean `web`?");
    let patient = ["status", "web", "--wait", "--patient", "--timeout", "1"];
    project.run(patient).exits(1).stdout_has("web | not ready in namespace");
    cluster.patch::<Deployment>("web", &json!({ "spec": { "replicas": 0 } }));
    project.run(["status", "web", "--wait"]).success().stdout_has("web | ready in namespace");
}

/// Runs git in the project.
fn git(project: &Project, arguments: &[&str]) {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"])
        .args(arguments);
    let output = command.current_dir(project.path("")).output().expect("git runs");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn result_of_another_job_is_deployed_by_digest() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(registry) = Registry::start() else { return };
    let repository = format!("{}/shop/web", registry.address());
    let deployments = "  web: {kubectl: {manifests: [web.yaml]}}\n";
    let make = || project(&cluster, &repository, deployments).file("web.yaml", web(&repository));
    // Two checkouts of one commit.
    let (first, second) = (make(), make());
    for project in [&first, &second] {
        project.write(".gitignore", "kubeconfig\n.windlass\nr.json\n");
        git(project, &["init", "-q"]);
        git(project, &["add", "."]);
        let date = "2026-01-01T00:00:00Z";
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "one"]);
        command.env("GIT_AUTHOR_DATE", date).env("GIT_COMMITTER_DATE", date).current_dir(project.path(""));
        assert!(command.status().expect("git runs").success());
    }
    first.run(["build", "--builder", "oci", "-t", "1.4", "--result", "r.json"]).success();
    let result = first.read("r.json");
    let digest = registry.digest_at("shop/web", "1.4").expect("pushed");
    let parsed: Value = serde_json::from_str(&result).expect("JSON");
    assert_eq!(
        (&parsed["version"], &parsed["project"], &parsed["dirty"]),
        (&2.into(), &"shop".into(), &false.into())
    );
    assert_eq!(parsed["images"][0]["references"][0], format!("{repository}:1.4@{digest}"));
    assert_eq!(parsed["images"][0]["reference"], format!("{repository}@{digest}"));

    second.write("r.json", &result);
    second.run(["deploy", "--from", "r.json"]).success();
    let deployed = cluster.find::<Deployment>("web").expect("it is deployed").spec.expect("a spec");
    let image = deployed.template.spec.expect("a spec").containers[0].image.clone();
    assert_eq!(image, Some(format!("{repository}:1.4@{digest}")));

    second.run_with_input(["deploy", "--from", "-"], result.as_str()).success().stderr_has("kept: unchanged");

    let refused = |content: &str, expected: &str| {
        second.write("r.json", content);
        second.run(["deploy", "--from", "r.json"]).exits(2).stderr_says(expected);
    };
    refused(&result.replace("\"shop\"", "\"other\""), "it is of the project `other`, not of `shop`");
    refused(&result.replace("\"success\": true", "\"success\": false"), "the build failed");
    refused(&result.replace("\"image\": \"web\"", "\"image\": \"api\""), "it has no image `web`");
    refused(&result.replace("\"version\": 2", "\"version\": 1"), "it has version 1");
    refused("{", "it is not a build result");
    second.write("web.yaml", web(&repository) + "---\n");
    git(&second, &["commit", "-qam", "two"]);
    refused(&result, "it was built from commit");
    second.run(["deploy", "--from", "r.json", "--any-commit"]).success().stderr_has("kept: unchanged");
    second.run(["deploy", "--from", "none.json"]).exits(2).stderr_says("cannot read the build result");
}

#[test]
fn pull_secrets_go_into_the_namespaces_of_deployments() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(other) = Cluster::without_namespace() else { return };
    let config = format!(
        "version: v2beta1\nname: shop\nimages:\n  web: {{image: r.example/web, createPullSecret: true}}\ndeployments:\n  a: \
         {{namespace: {}, kubectl: {{manifests: [conf.yaml]}}}}\n",
        other.namespace()
    );
    let project = Project::new()
        .file("devspace.yaml", config)
        .file("Dockerfile", "FROM scratch\n")
        .file("conf.yaml", CONFIG)
        .file("kubeconfig", cluster.kubeconfig("test"))
        .docker_config(json!({"auths": {"r.example": {"auth": "YW5uOnNlY3JldA=="}}}).to_string());
    let path = project.path("kubeconfig");
    let project = project.env("KUBECONFIG", path);
    let output = project.run(["deploy", "--skip-build"]);
    output
        .success()
        .stderr_has(format!("namespace {} of test pulls from r.example as ann", other.namespace()));
    assert!(other.find::<Secret>("devspace-auth-r-example").is_some());
    assert_eq!(other.pull_secrets_of("default"), ["devspace-auth-r-example"]);
    assert!(other.find::<ConfigMap>("conf").is_some());
    assert!(cluster.find::<Secret>("devspace-auth-r-example").is_none());
}

#[test]
fn a_result_needs_pushed_images_and_brings_pull_secrets() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(registry) = Registry::with_login() else { return };
    let repository = format!("{}/shop/web", registry.address());
    let image = format!("{repository}, createPullSecret: true");
    let project = project(&cluster, &image, "  web: {kubectl: {manifests: [web.yaml]}}\n")
        .file("web.yaml", web(&repository))
        .file(".gitignore", "kubeconfig\n.windlass\n*.json\n")
        .docker_config(registry.docker_config());
    git(&project, &["init", "-q"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "-qm", "one"]);
    project.write("Dockerfile", "FROM scratch\nCOPY Dockerfile web.yaml /\n");
    let build = ["build", "--builder", "oci", "-t", "1.4", "--result", "r.json"];
    project.run(build.iter().chain(&["--skip-push"])).success();
    let result: Value = serde_json::from_str(&project.read("r.json")).expect("JSON");
    assert_eq!((&result["dirty"], &result["images"][0]["pushed"]), (&json!(true), &json!(false)));
    let deploy = || project.run(["deploy", "--from", "r.json"]);
    deploy().exits(2).stderr_says("`web` was not pushed").stderr_says("build all images, and push them");
    assert_eq!(cluster.pull_secret_count(), 0);
    project.run(build).success();
    // Another machine has no records of the build.
    project.remove(".windlass");
    deploy().success().stderr_has(format!("pulls from {} as windlass", registry.address()));
    assert_eq!((cluster.pull_secret_count(), cluster.pull_secrets_of("default").len()), (1, 1));
    assert!(cluster.find::<Deployment>("web").is_some());
}

#[test]
fn an_override_of_build_images_holds_in_a_deploy() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = project(&cluster, "r.example/web", "  conf: {kubectl: {manifests: [conf.yaml]}}\n")
        .file("conf.yaml", CONFIG)
        .file(
            "windlass.rhai",
            "import \"scripts/build\" as base;\n\
             fn build_images(project) { print(\"built by us\"); base::build_images(project) }\n",
        );
    let deploy = |more: &[&str]| project.run(["deploy"].iter().chain(more));
    let build = ["--builder", "oci", "--skip-push"];
    deploy(&build).success().stderr_has("built by us").stderr_has("1 built, 1 deployed");
    deploy(&["--skip-build"]).success().lacks("built by us").stderr_has("1 kept");
    // Without the function of windlass, nothing is built.
    project.write("windlass.rhai", "fn build_images(project) { print(\"built elsewhere\"); }\n");
    project.write("Dockerfile", "FROM scratch\nCOPY conf.yaml /\n");
    deploy(&build).success().stderr_has("built elsewhere").stderr_has("1 kept").lacks("1 built");
}

#[test]
fn unpushed_images_are_known_before_the_cluster_fails() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(registry) = Registry::start() else { return };
    let repository = format!("{}/shop/web", registry.address());
    let project = project(&cluster, &repository, "  web: {kubectl: {manifests: [web.yaml]}}\n")
        .file("web.yaml", web(&repository));
    let output = project.run(["deploy", "--builder", "oci", "--skip-push", "-t", "1.4"]);
    output
        .exits(1)
        .stderr_says(format!("`{repository}:1.4` is not in its registry, because of `--skip-push`"));
    assert!(cluster.find::<Deployment>("web").is_none(), "nothing was applied");
    project.run(["deploy", "--builder", "oci", "-t", "1.4"]).success();
    project
        .run(["deploy", "--builder", "oci", "--skip-push", "-t", "1.4"])
        .success()
        .stderr_has("kept: unchanged");
}

#[test]
fn functions_that_became_overrides_are_named_once() {
    let project = Project::new()
        .file("devspace.yaml", "version: v2beta1\nname: shop\nimages:\n  web: {image: r.example/web}\n")
        .file("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
    let build = || project.run(["build", "--builder", "oci", "--skip-push"]);
    build().success();
    // As an older version leaves it.
    project.remove(".windlass/functions.json");
    project.write("windlass.rhai", "fn wait(project, results) { }\nfn tags(image) { [\"1\"] }\n");
    let warning = "`wait(project, results)` at windlass.rhai:1 is an override now";
    project.run(["check"]).success().stderr_has(warning).lacks("`tags(image)`");
    build().success().stderr_has(warning).lacks("`tags(image)` at");
    build().success().lacks("is an override now");
    // A new project means it.
    project.remove(".windlass");
    build().success().lacks("is an override now");
    project.write("windlass.rhai", "fn chart_valeus(deployment) { #{} }\n");
    let near = "`chart_valeus(deployment)` in windlass.rhai overrides nothing; did you mean `chart_values(deployment)`?";
    build().success().stderr_has(near);
}
