//! `windlass render`: the objects of charts and manifests, with the tags of the images that were built.

use serde_json::json;

use crate::harness::{Output, Project, helms, leave_out_always};

/// A kubeconfig whose cluster does not exist.
const KUBECONFIG: &str = "apiVersion: v1
kind: Config
current-context: prod
contexts: [{name: prod, context: {cluster: prod, user: me, namespace: shop}}]
clusters: [{name: prod, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: me, user: {}}]
";

/// A project with the images `api` and `web`, and these `deployments`.
fn project(deployments: &str) -> Project {
    let config = format!(
        "version: v2beta1\nname: shop\nimages:\n  api: {{image: r.example/shop/api}}\n  \
         web: {{image: r.example/shop/web}}\ndeployments:\n{deployments}"
    );
    Project::new().file("devspace.yaml", config).file("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")
}

/// The manifest of a pod with this image.
fn pod(name: &str, image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: c, image: {image}}}]}}\n"
    )
}

/// Builds without a daemon, and renders.
fn render(project: &Project, arguments: &[&str]) -> Output {
    let common = ["render", "--builder", "oci", "--skip-push", "-t", "1.4"];
    project.run(common.iter().chain(arguments))
}

/// The images on stdout, in order.
fn images(output: &Output) -> Vec<&str> {
    let lines =
        output.stdout.lines().filter_map(|line| line.trim_start_matches(['-', ' ']).strip_prefix("image: "));
    lines.collect()
}

#[test]
fn manifests_get_the_tags_of_the_build() {
    let manifest = format!(
        "# A comment stays.\n{}---\n{}",
        pod("api", "r.example/shop/api:old"),
        pod("other", "r.example/shop/api-admin:1")
    );
    let project = project("  a: {kubectl: {manifests: [kube]}}\n  b: {kubectl: {manifests: ['*.yml']}}\n")
        .file("kube/all.yaml", &manifest)
        .file("kube/notes.txt", "not a manifest")
        .file("web.yml", pod("web", "r.example/shop/web"));
    let output = render(&project, &[]);
    output.success();
    assert_eq!(
        images(&output),
        ["r.example/shop/api:1.4", "r.example/shop/api-admin:1", "r.example/shop/web:1.4"]
    );
    assert_eq!(output.stdout.matches("---\n").count(), 2, "{output}");
    assert_eq!(project.read("kube/all.yaml"), manifest);
    // The last build is enough.
    let again = project.run(["render", "--skip-build", "b"]);
    assert_eq!(images(again.success()), ["r.example/shop/web:1.4"]);
}

#[test]
fn namespace_is_that_of_the_context_and_no_cluster_is_contacted() {
    let project = project(
        "  a: {kubectl: {manifests: [a.yaml]}}\n  b: {namespace: own, kubectl: {manifests: [a.yaml]}}\n",
    )
    .file("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    .file("kubeconfig", KUBECONFIG)
    .env("KUBECONFIG", "kubeconfig");
    let output = project.run(["render", "--skip-build"]);
    output.success().stdout_has("namespace: shop\n").stdout_has("namespace: own\n");
    let other = project.run(["render", "--skip-build", "-n", "other", "a"]);
    other.success().stdout_has("namespace: other\n");
}

#[test]
fn patches_inline_manifests_and_runtime_variables_are_applied() {
    let project = project(
        "  a:
    kubectl:
      inlineManifest: |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: tags}
        data: {api: \"${runtime.images.api.tag}\", replicas: \"1\"}
      patches:
      - {target: {name: tags, kind: ConfigMap}, op: replace, path: data.replicas, value: \"3\"}
",
    );
    render(&project, &[]).success().stdout_has("api: \"1.4\"\n").stdout_has("replicas: \"3\"\n");
}

#[test]
fn dependencies_of_a_chart_are_built_unless_that_is_disabled() {
    for helm in helms() {
        let config = |more: &str| {
            format!(
                "version: v2beta1\nname: shop\ndeployments:\n  a: {{helm: {{chart: {{name: ./chart}}{more}}}}}\n"
            )
        };
        let chart = |name: &str| format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n");
        let needs = "dependencies: [{name: lib, version: 0.1.0, repository: 'file://../lib'}]\n";
        let map = |value: &str| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: of-lib}}\ndata: {{value: '{value}'}}\n"
            )
        };
        let project = Project::new()
            .file("devspace.yaml", config(", disableDependencyUpdate: true"))
            .file("chart/Chart.yaml", chart("web") + needs)
            .file("lib/Chart.yaml", chart("lib"))
            .file("lib/templates/map.yaml", map("one"))
            .env("WINDLASS_HELM", helm);
        let render = || project.run(["render"]);
        render()
            .exits(1)
            .stderr_has("deploy::chart_dependency")
            .stderr_says("`disableDependencyUpdate` is set");
        project.write("devspace.yaml", config(""));
        render().success().stdout_has("value: one");
        assert!(project.path("chart/charts/lib-0.1.0.tgz").exists());
        // An existing download is used, also when its directory is newer.
        project.write("lib/templates/map.yaml", map("two"));
        project.write("devspace.yaml", config(", disableDependencyUpdate: true"));
        render().success().stdout_has("value: one");
        project.write("devspace.yaml", config(""));
        render().success().stdout_has("value: two");
    }
}

#[test]
fn kustomizations_are_rendered() {
    let Some(kubectl) = std::env::var_os("WINDLASS_TEST_KUBECTL") else {
        return leave_out_always("kubectl: set WINDLASS_TEST_KUBECTL");
    };
    let kubectl = kubectl.to_str().expect("UTF-8");
    let deployment =
        format!("  a: {{kubectl: {{manifests: [base], kustomize: true, kubectlBinaryPath: '{kubectl}'}}}}\n");
    let project = project(&deployment)
        .file("base/kustomization.yaml", "resources: [pod.yaml]\nnamePrefix: dev-\n")
        .file("base/pod.yaml", pod("api", "r.example/shop/api"));
    let output = render(&project, &[]);
    output.success().stdout_has("name: dev-api\n");
    assert_eq!(images(&output), ["r.example/shop/api:1.4"]);
}

#[test]
fn charts_get_only_the_changes_in_a_last_values_file() {
    for helm in helms() {
        let project = project("  web: {helm: {chart: {name: ./chart}, valuesFiles: [prod.yaml], values: {replicas: 3}}}\n")
            .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
            .file(
                "chart/values.yaml",
                "replicas: 1\nname: chart\nimage: {repository: r.example/shop/web, tag: latest}\nsidecarImage: r.example/shop/api:1\n",
            )
            .file("prod.yaml", "replicas: 2\nname: file\n")
            .file("chart/templates/a.yaml", "apiVersion: v1\nkind: A\nmetadata: {name: a}\nspec: {{ toJson .Values }}\n")
            .env("WINDLASS_HELM", &helm);
        let output = render(&project, &[]);
        output.success();
        let text = output.stdout.split_once("spec:\n").expect("values").1;
        let text =
            text.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let values: serde_json::Value = serde_yaml::from_str(&text).expect("values");
        let expected = json!({
            "image": {"repository": "r.example/shop/web", "tag": "1.4"},
            "name": "file", "replicas": 3, "sidecarImage": "r.example/shop/api:1.4",
        });
        assert_eq!(values, expected, "{}", helm.display());
    }
}

/// An object whose `spec` has the values of its chart.
const VALUES: &str = "apiVersion: v1\nkind: A\nmetadata: {name: a}\nspec: {{ toJson .Values }}\n";

#[test]
fn charts_of_git_repositories_and_the_component_chart_are_rendered() {
    for helm in helms() {
        let project = project("").env("WINDLASS_HELM", &helm).env("WINDLASS_COMPONENT_CHART", "./component");
        let chart = |folder: &str, size: &str| {
            project.write(format!("{folder}/Chart.yaml"), "apiVersion: v2\nname: web\nversion: 0.1.0\n");
            project.write(format!("{folder}/values.yaml"), format!("size: {size}\n"));
            project.write(format!("{folder}/templates/a.yaml"), VALUES);
        };
        let git = |arguments: &[&str]| {
            let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-C", "origin"];
            project.run_program("git", identity.iter().chain(arguments)).success();
        };
        chart("component", "component");
        chart("origin/charts/web", "one");
        git(&["init", "--quiet", "--initial-branch=main"]);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "-m", "one"]);
        git(&["tag", "v1"]);
        chart("origin/charts/web", "two");
        git(&["commit", "--quiet", "--all", "-m", "two"]);
        let url = format!("file://{}", project.path("origin").display());
        let deployments = format!(
            "  old: {{helm: {{chart: {{git: '{url}', tag: v1, subPath: charts/web}}, values: {{image: r.example/shop/api}}}}}}\n  \
             new: {{helm: {{chart: {{git: '{url}', branch: main, subPath: charts/web}}}}}}\n  \
             plain: {{helm: {{values: {{image: r.example/shop/web}}}}}}\n"
        );
        project.write("devspace.yaml", project.read("devspace.yaml") + deployments.as_str());
        let output = render(&project, &[]);
        let output = output.success();
        let values: Vec<_> = output
            .stdout
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("size: ") || line.starts_with("image: "))
            .collect();
        let expected = [
            "image: r.example/shop/api:1.4",
            "size: one",
            "size: two",
            "image: r.example/shop/web:1.4",
            "size: component",
        ];
        assert_eq!(values, expected, "{output}");
    }
}

#[test]
fn kinds_and_fields_of_newer_clusters_get_the_tags() {
    let image = "r.example/shop/api";
    let pod = format!(
        "{{initContainers: [{{name: i, image: {image}}}], containers: [{{name: c, image: {image}}}], ephemeralContainers: \
         [{{name: e, image: {image}}}], volumes: [{{name: v, image: {{reference: {image}}}}}]}}"
    );
    let manifest = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: pod}}\nspec: {pod}\n---\napiVersion: batch/v1\nkind: CronJob\n\
         metadata: {{name: job}}\nspec: {{schedule: '@daily', jobTemplate: {{spec: {{template: {{spec: {pod}}}}}}}}}\n"
    );
    let project = project("  a: {kubectl: {manifests: [a.yaml]}}\n").file("a.yaml", manifest);
    let output = render(&project, &[]);
    output.success();
    assert_eq!(output.stdout.matches("r.example/shop/api:1.4\n").count(), 8, "{output}");
    assert_eq!(output.stdout.matches("r.example/shop/api").count(), 8, "{output}");
}

#[test]
fn any_step_is_overridden_for_a_project_or_a_profile() {
    let project = project("  a: {kubectl: {manifests: [a.yaml]}}\nprofiles: [{name: dev}]\n")
        .file("a.yaml", [pod("api", "r.example/shop/api"), pod("web", "r.example/shop/web")].join("---\n"))
        .file(
            "windlass.rhai",
            "fn manifests(deployment) { load_manifests(deployment).filter(|object| object.metadata.name != \"web\") }",
        )
        .file(
            "windlass.dev.rhai",
            "import \"scripts/deploy\" as base;\nfn replace_tags(deployment, content) {\n    let objects = \
             base::replace_tags(deployment, content);\n    objects[0].metadata.labels = #{ stage: \"dev\" };\n    objects\n}",
        );
    let output = render(&project, &[]);
    assert_eq!(images(output.success()), ["r.example/shop/api:1.4"]);
    output.lacks("stage: dev");
    render(&project, &["-p", "dev"]).success().stdout_has("stage: dev\n");
    project.run(["show", "deploy"]).success().stdout_has("windlass.rhai:1").lacks("build_image");
}

#[test]
fn errors_are_reported_with_their_place() {
    let check = |files: &[(&str, &str)], deployment: &str, code: i32, expected: &[&str]| {
        let project =
            files.iter().fold(project(deployment), |project, (name, text)| project.file(name, text));
        let output = project.run(["render", "--skip-build"]);
        output.exits(code).stdout_is("");
        for text in expected {
            output.stderr_says(text);
        }
    };
    let manifests = "  a: {kubectl: {manifests: [kube/a.yaml]}}\n";
    check(&[("kube/b.yaml", "")], manifests, 1, &["`kube/a.yaml`", "did you mean `kube/b.yaml`?"]);
    check(&[("kube/a.yaml", "kind: Pod\n metadata: {}\n")], manifests, 1, &["kube/a.yaml:2:"]);
    check(&[("kube/a.yaml", "kind: Pod\nmetadata: {name: a}\n")], manifests, 1, &["apiVersion"]);
    let never = pod("api", "r.example/shop/api");
    check(&[("kube/a.yaml", &never)], manifests, 1, &["deploy::never_built", "`api`"]);
    let twice = pod("a", "busybox");
    check(&[("kube/a.yaml", &[twice.as_str(), &twice].join("---\n"))], manifests, 1, &["occurs twice"]);
    check(
        &[],
        "  a: {kubectl: {manifest: [a.yaml]}}\n",
        2,
        &["devspace.yaml:7:", "did you mean `manifests`?"],
    );
    let chart = project("  a: {helm: {chart: {name: ./chart}}}\n")
        .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
        .env("WINDLASS_HELM", "./no-helm");
    chart.run(["render", "--skip-build"]).exits(1).stderr_says("deploy::helm_missing").stderr_says("no-helm");
}

#[test]
fn templates_that_fail_are_shown() {
    for helm in helms() {
        let project = project("  web: {helm: {chart: {name: ./chart}}}\n")
            .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
            .file("chart/templates/a.yaml", "kind: A\nname: {{ .Values.none.deep }}\n")
            .env("WINDLASS_HELM", &helm);
        let output = project.run(["render", "--skip-build"]);
        output.exits(1).stderr_says("deploy::template").stderr_says("templates/a.yaml:2:");
    }
}

#[test]
fn unknown_and_disabled_deployments_are_distinguished() {
    let config = "version: v1beta11\ndeployments:\n- {name: web, kubectl: {manifests: [a.yaml]}}\n\
                  - {name: off, disabled: true, kubectl: {manifests: [b.yaml]}}\n";
    let project = Project::new()
        .file("devspace.yaml", config)
        .file("a.yaml", pod("a", "busybox"))
        .file("b.yaml", pod("b", "busybox"));
    project
        .run(["render", "wep"])
        .exits(2)
        .stderr_says("unknown deployment `wep`")
        .stderr_says("did you mean `web`?");
    project.run(["render"]).success().stdout_has("name: a\n").lacks("name: b\n");
    project.run(["render", "--deployments", "off"]).success().stdout_has("name: b\n").lacks("name: a\n");
}

#[test]
fn image_that_nothing_uses_is_a_warning() {
    let project = project("  a: {kubectl: {manifests: [a.yaml]}}\n")
        .file("a.yaml", [pod("api", "r.example/shop/api"), pod("web", "r.example/shop/webb")].join("---\n"));
    let output = render(&project, &[]);
    output.success().stderr_says("no deployment uses the image `web`").stderr_says("`r.example/shop/webb`");
    output.lacks("uses the image `api`");
}

#[test]
fn objects_are_written_to_files() {
    let project = project("  a: {kubectl: {manifests: [a.yaml]}}\n")
        .file("a.yaml", [pod("a", "busybox"), pod("b", "busybox")].join("---\n"));
    project.run(["render", "--skip-build", "--output", "out"]).success().stdout_is("");
    assert!(project.read("out/a/pod-a.yaml").starts_with("apiVersion: v1\nkind: Pod\n"));
    assert!(project.read("out/a/pod-b.yaml").contains("name: b\n"));
    let output = project.run(["render", "--skip-build", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&output.success().stdout).expect("JSON");
    assert_eq!([&list["apiVersion"], &list["kind"]], ["v1", "List"]);
    assert_eq!([0, 1].map(|index| &list["items"][index]["metadata"]["name"]), ["a", "b"]);
}

#[test]
fn a_pipeline_called_render_can_still_be_run() {
    let project = Project::new()
        .file("devspace.yaml", "version: v2beta1\nname: x\n")
        .file("windlass.rhai", "fn render(project) { print(\"mine\"); }");
    project.run(["run", "render"]).success().stderr_has("mine");
}
