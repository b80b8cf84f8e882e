//! `windlass deploy` and `windlass purge` with manifests: the written, kept and deleted objects, and the reports.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use crate::harness::{Cluster, Output, Project, Registry, kustomize, leave_out_always, wait_for};

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

/// A project for `cluster` with these `deployments`.
fn project(cluster: &Cluster, deployments: &str) -> Project {
    let config = format!("version: v2beta1\nname: shop\ndeployments:\n{deployments}");
    let project = Project::new().file("devspace.yaml", config).file("kubeconfig", cluster.kubeconfig("test"));
    let path = project.path("kubeconfig");
    project.env("KUBECONFIG", path)
}

/// A project whose deployment `a` has `manifests`.
fn with_manifests(cluster: &Cluster, manifests: &str) -> Project {
    project(cluster, "  a: {kubectl: {manifests: [a.yaml]}}\n").file("a.yaml", manifests)
}

/// The manifest of a ConfigMap with one value.
fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: '{value}'}}\n---\n")
}

/// The manifest of a Deployment without pods.
fn empty_deployment(name: &str, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 0\n  selector: \
         {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: \
         [{{name: c, image: '{image}'}}]}}\n---\n"
    )
}

/// The value of a ConfigMap; `None` if it does not exist.
fn value(cluster: &Cluster, name: &str) -> Option<String> {
    cluster.find::<ConfigMap>(name)?.data?.remove("value")
}

/// The lines about objects on stderr: `created ConfigMap/a`.
fn changes(output: &Output) -> Vec<String> {
    let words = ["created ", "changed ", "deleted ", "kept ", "recreated "];
    let lines = output.stderr.lines().filter_map(|line| Some(line.split_once("-- ")?.1));
    let lines = lines.filter(|line| words.iter().any(|word| line.starts_with(word)));
    lines.map(|line| line.split(" (namespace").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn objects_are_created_in_order_then_kept_changed_and_deleted() {
    let Some(cluster) = Cluster::without_namespace() else { return };
    // The group is unique, because definitions have no namespace.
    let group = format!("{}.acme.io", cluster.namespace());
    let _definition = cluster.delete_global::<CustomResourceDefinition>(&format!("things.{group}"));
    let custom =
        format!("apiVersion: {group}/v1\nkind: Thing\nmetadata: {{name: it}}\nspec: {{size: 1}}\n---\n");
    let definition = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: things.{group}}}\nspec:\n  \
         group: {group}\n  scope: Namespaced\n  names: {{kind: Thing, plural: things}}\n  versions: [{{name: v1, served: \
         true, storage: true, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}]\n\
         ---\n"
    );
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n\
                   ---\n";
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: \
                 [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n---\n";
    let first = [
        custom.as_str(),
        &empty_deployment("web", "busybox:1"),
        service,
        &config_map("one", "1"),
        claim,
        &definition,
    ];
    let project = with_manifests(&cluster, &first.concat());
    let deploy = || project.run(["deploy", "--wait=false"]);

    let output = deploy();
    output.success().stderr_has(format!("created the namespace {}", cluster.namespace()));
    let created = [
        format!("CustomResourceDefinition/things.{group}"),
        "ConfigMap/one".to_owned(),
        "PersistentVolumeClaim/data".to_owned(),
        "Service/web".to_owned(),
        "Deployment/web".to_owned(),
        "Thing/it".to_owned(),
    ];
    assert_eq!(changes(&output), created.map(|object| format!("created {object}")), "{output}");
    assert!(cluster.find::<Lease>("windlass-a").is_none(), "the lock is released");

    // Nothing changed: nothing is written.
    let versions = || {
        [
            cluster.find::<ConfigMap>("one").and_then(|object| object.metadata.resource_version),
            cluster.find::<Service>("web").and_then(|object| object.metadata.resource_version),
            cluster.find::<Secret>("windlass-a").and_then(|object| object.metadata.resource_version),
        ]
    };
    let before = versions();
    assert!(before.iter().all(Option::is_some));
    deploy().success().stderr_has("kept: unchanged").stderr_has("1 kept").lacks("created").lacks("changed ");
    assert_eq!(versions(), before);

    // One object changes, one leaves, and a volume claim leaves.
    project.write("a.yaml", [custom.as_str(), service, &config_map("one", "2"), &definition].concat());
    let output = deploy();
    output.success().stderr_has("PersistentVolumeClaim/data");
    assert_eq!(
        changes(&output),
        ["changed ConfigMap/one", "deleted Deployment/web", "kept PersistentVolumeClaim/data"],
        "{output}"
    );
    assert_eq!(value(&cluster, "one").as_deref(), Some("2"));
    wait_for("the deletion", LIMIT, || cluster.find::<Deployment>("web").is_none().then_some(()));
    assert!(cluster.find::<PersistentVolumeClaim>("data").is_some());

    // A purge keeps objects with data, and reports them.
    project.run(["purge"]).exits(2).stderr_has("pass `--yes`");
    let output = project.run(["purge", "--yes"]);
    let purged = changes(&output);
    output.success();
    for line in [
        "deleted Thing/it",
        "deleted Service/web",
        "deleted ConfigMap/one",
        "kept PersistentVolumeClaim/data",
    ] {
        assert!(purged.iter().any(|found| found == line), "no `{line}`\n{output}");
    }
    assert!(cluster.find::<ConfigMap>("one").is_none());
    let output = project.run(["purge", "--yes", "--all"]);
    output.success().stderr_has("deleted PersistentVolumeClaim/data");
    assert!(cluster.find::<Secret>("windlass-a").is_none(), "the record is deleted");
    project.run(["purge", "--yes"]).success().stderr_has("a | nothing to delete\n");
}

#[test]
fn fields_that_kubectl_applied_are_taken_over() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(kubectl) = std::env::var_os("WINDLASS_TEST_KUBECTL") else {
        return leave_out_always("kubectl: set WINDLASS_TEST_KUBECTL");
    };
    let both = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {kept: '1', gone: '1'}\n";
    let project = with_manifests(&cluster, both);
    project.run_program(&kubectl, ["apply", "-f", "a.yaml"]).success();
    project.write("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {kept: '2'}\n");
    project.run(["deploy"]).success().stderr_has("changed ConfigMap/one");
    let object: ConfigMap = cluster.find("one").expect("it exists");
    assert_eq!(json!(object.data), json!({ "kept": "2" }));
    let annotations = object.metadata.annotations.unwrap_or_default();
    assert!(!annotations.contains_key("kubectl.kubernetes.io/last-applied-configuration"), "{annotations:?}");
    project.run(["deploy"]).success().stderr_has("kept: unchanged");
}

#[test]
fn deployments_are_deployed_in_the_order_of_the_file() {
    let Some(cluster) = Cluster::acquire() else { return };
    let config = "version: v1beta11\ndeployments:\n- {name: web, kubectl: {manifests: [web.yaml]}}\n- {name: api, kubectl: \
                  {manifests: [api.yaml]}}\n- {name: db, concurrent: true, kubectl: {manifests: [db.yaml]}}\n";
    let project = ["web", "api", "db"].iter().fold(project(&cluster, ""), |project, name| {
        project.file(format!("{name}.yaml"), config_map(name, "1"))
    });
    project.write("devspace.yaml", config);
    let output = project.run(["deploy"]);
    output.success().stderr_has("3 deployed");
    // Concurrent deployments come first.
    assert_eq!(
        changes(&output),
        ["db", "web", "api"].map(|name| format!("created ConfigMap/{name}")),
        "{output}"
    );

    // A failure stops those after it, unless `--keep-going` is set.
    project.write("web.yaml", "kind: ConfigMap\n");
    project.write("api.yaml", config_map("api", "2"));
    let output = project.run(["deploy"]);
    output.exits(1).stderr_has("api | cancelled: another deployment failed").stderr_has("1 failed");
    assert_eq!(value(&cluster, "api").as_deref(), Some("1"));
    project.run(["deploy", "--keep-going"]).exits(1).stderr_has("1 deployed, 1 kept, 1 failed");
    assert_eq!(value(&cluster, "api").as_deref(), Some("2"));

    // The selection.
    project.write("web.yaml", config_map("web", "3"));
    project.write("api.yaml", config_map("api", "3"));
    project.run(["deploy", "web"]).success().stderr_has("1 deployed").lacks("api |");
    assert_eq!([value(&cluster, "web"), value(&cluster, "api")].map(Option::unwrap), ["3", "2"]);
    let output = project.run(["deploy", "wbe"]);
    output.exits(2).stderr_has("unknown deployment `wbe`").stderr_has("did you mean `web`?");
}

#[test]
fn an_object_is_recreated_only_on_request() {
    let Some(cluster) = Cluster::acquire() else { return };
    let job = |word: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: migrate}}\nspec:\n  template:\n    spec:\n      restartPolicy: \
             Never\n      nodeName: none\n      terminationGracePeriodSeconds: 0\n      containers:\n      - name: m\n        image: busybox\n        command: [echo, \
             {word}]\n"
        )
    };
    let project = with_manifests(&cluster, &job("one"));
    let deploy = |options: &[&str]| project.run([&["deploy", "--wait=false"], options].concat());
    let uid = || cluster.find::<Job>("migrate").expect("it exists").metadata.uid;
    deploy(&[]).success();
    let first = uid();
    project.write("a.yaml", job("two"));
    let output = deploy(&[]);
    output.exits(1).stderr_says("a.yaml:13:").stderr_says("field is immutable (`one` -> `two`)");
    output.stderr_says("`--recreate Job/migrate`");
    assert_eq!(uid(), first);
    deploy(&["--recreate", "Job/other"]).exits(1);
    let output = deploy(&["--recreate", "Job/migrate"]);
    output.success().stderr_has(format!("recreated Job/migrate (namespace {})\n", cluster.namespace()));
    let second = uid();
    assert_ne!(second, first);
    deploy(&["--recreate", "Job/migrate"]).success().stderr_has("kept: unchanged");
    assert_eq!(uid(), second);
}

#[test]
fn kustomizations_are_deployed() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(kubectl) = std::env::var_os("WINDLASS_TEST_KUBECTL") else {
        return leave_out_always("kubectl: set WINDLASS_TEST_KUBECTL");
    };
    let kubectl = kubectl.to_str().expect("UTF-8");
    let config =
        format!("  a: {{kubectl: {{manifests: [base], kustomize: true, kubectlBinaryPath: '{kubectl}'}}}}\n");
    let project = project(&cluster, &config)
        .file("base/kustomization.yaml", "resources: [one.yaml]\nnamePrefix: dev-\n")
        .file("base/one.yaml", config_map("one", "1"));
    project.run(["deploy"]).success().stderr_has("created ConfigMap/dev-one");
    assert_eq!(value(&cluster, "dev-one").as_deref(), Some("1"));
}

#[test]
fn arguments_and_the_path_of_kustomize_take_effect() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(kustomize) = kustomize() else { return };
    let config = |arguments: &str| {
        format!(
            "version: v2beta1\nname: shop\ndeployments:\n  a: {{kubectl: {{manifests: [base], kustomize: true, \
             kustomizeBinaryPath: ./tools/kustomize{arguments}}}}}\n"
        )
    };
    let project = project(&cluster, "")
        .file("devspace.yaml", config(""))
        .file("base/kustomization.yaml", "resources: [../one.yaml]\nnamePrefix: dev-\n")
        .file("one.yaml", config_map("one", "1"));
    // The machine has no other kustomize and no kubectl.
    let missing = project.run(["deploy"]);
    missing.exits(1).stderr_says("./tools/kustomize");
    std::fs::create_dir(project.path("tools")).expect("a directory can be created");
    std::os::unix::fs::symlink(kustomize, project.path("tools/kustomize")).expect("a link can be created");
    // Files outside of the directory need an argument.
    project.run(["deploy"]).exits(1).stderr_says("one.yaml").stderr_says("is not in or below");
    project.write("devspace.yaml", config(", kustomizeArgs: [--load-restrictor, LoadRestrictionsNone]"));
    project.run(["deploy"]).success().stderr_has("created ConfigMap/dev-one");
    assert_eq!(value(&cluster, "dev-one").as_deref(), Some("1"));
}

#[test]
fn definitions_and_namespaces_are_kept_and_reported_by_a_purge() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(other) = Cluster::without_namespace() else { return };
    let group = format!("{}.acme.io", cluster.namespace());
    let name = format!("things.{group}");
    let _definition = cluster.delete_global::<CustomResourceDefinition>(&name);
    let definition = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {name}}}\nspec:\n  \
         group: {group}\n  scope: Namespaced\n  names: {{kind: Thing, plural: things}}\n  versions: [{{name: v1, served: \
         true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}]\n---\n"
    );
    let namespace =
        format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n---\n", other.namespace());
    let all = [definition.as_str(), &namespace, &config_map("one", "1")].concat();
    let project = with_manifests(&cluster, &all);
    let kept =
        [format!("kept CustomResourceDefinition/{name}"), format!("kept Namespace/{}", other.namespace())];
    let exist = || {
        let definition = cluster.find_global::<CustomResourceDefinition>(&name);
        let namespace = other.namespace_object();
        definition.is_some_and(|definition| definition.metadata.deletion_timestamp.is_none())
            && namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none())
    };
    project.run(["deploy"]).success();
    project.write("a.yaml", config_map("one", "2"));
    let pruned = project.run(["deploy"]);
    let lines = changes(&pruned);
    pruned.success();
    assert!(kept.iter().all(|kept| lines.iter().any(|line| line.starts_with(kept))), "{pruned}");
    assert!(exist());

    // An object that cannot be deleted in time is a failure, which the document has too.
    cluster.patch::<ConfigMap>("one", &json!({ "metadata": { "finalizers": ["acme.io/hold"] } }));
    let purge = |more: &[&str]| project.run(["purge", "--yes", "--json"].iter().chain(more));
    let failed = purge(&["--timeout", "1"]);
    failed.exits(1).stderr_has("deploy::not_deleted").stderr_has("1 failed to delete");
    let document: Value = serde_json::from_str(&failed.stdout).expect("one JSON document");
    assert_eq!(
        (&document["success"], &document["deployments"][0]["outcome"]),
        (&json!(false), &json!("failed"))
    );
    assert!(
        document["deployments"][0]["reason"].as_str().is_some_and(|reason| reason.contains("ConfigMap/one"))
    );
    cluster.patch::<ConfigMap>("one", &json!({ "metadata": { "finalizers": null } }));
    wait_for("the deletion", LIMIT, || cluster.find::<ConfigMap>("one").is_none().then_some(()));

    project.write("a.yaml", &all);
    project.run(["deploy"]).success();
    let purged = purge(&[]);
    let document: Value = serde_json::from_str(&purged.success().stdout).expect("one JSON document");
    let deployment = &document["deployments"][0];
    assert_eq!(
        (&document["success"], &deployment["name"], &deployment["outcome"]),
        (&json!(true), &json!("a"), &json!("deleted"))
    );
    assert_eq!(deployment["deleted"], json!([format!("ConfigMap/one (namespace {})", cluster.namespace())]));
    let reasons = deployment["kept"].as_array().expect("a list").iter();
    let reasons: Vec<_> =
        reasons.map(|kept| format!("{}: {}", kept["object"], kept["reason"]).replace('"', "")).collect();
    let expected = [
        format!("Namespace/{}: a Namespace is never deleted with its manifest", other.namespace()),
        format!(
            "CustomResourceDefinition/{name}: a CustomResourceDefinition is never deleted with its manifest"
        ),
    ];
    assert!(expected.iter().all(|reason| reasons.contains(reason)), "{reasons:?}");
    assert!(exist());
}

#[test]
fn arguments_for_kubectl_are_passed_to_it_except_force() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(kubectl) = std::env::var_os("WINDLASS_TEST_KUBECTL") else {
        return leave_out_always("kubectl: set WINDLASS_TEST_KUBECTL");
    };
    let config = "  a: {kubectl: {manifests: [a.yaml], kubectlBinaryPath: ./kubectl, applyArgs: [--force, --v=1, --wait]}}\n";
    let script = "#!/bin/sh\necho \"$@\" >> calls\nexec \"$KUBECTL\" \"$@\"\n";
    let project = project(&cluster, config)
        .file("a.yaml", config_map("one", "1"))
        .executable("kubectl", script)
        .env("KUBECTL", kubectl);
    let warning = "a: ignoring `--force` of `applyArgs`: nothing is deleted before an apply; use `--recreate KIND/NAME`";
    project.run(["deploy"]).success().stderr_has(warning).stderr_has("created ConfigMap/one");
    assert_eq!(value(&cluster, "one").as_deref(), Some("1"));
    let namespace = cluster.namespace();
    let call = format!(
        "apply --server-side --field-manager=windlass --namespace {namespace} --context test --v=1 -f -\n"
    );
    assert_eq!(project.read("calls"), call);
    // It runs only if something differs, and its error output is shown.
    project.run(["deploy"]).success().stderr_has("kept: unchanged");
    assert_eq!(project.read("calls"), call);
    project.write("devspace.yaml", project.read("devspace.yaml").replace("--v=1", "--no-such-flag"));
    project.write("a.yaml", config_map("one", "2"));
    let output = project.run(["deploy"]);
    output.exits(1).stderr_has("deploy::kubectl").stderr_says("unknown flag: --no-such-flag");
    assert_eq!(value(&cluster, "one").as_deref(), Some("1"));
}

#[test]
fn the_image_of_a_custom_resource_gets_its_tag() {
    let Some(cluster) = Cluster::acquire() else { return };
    let group = format!("{}.acme.io", cluster.namespace());
    let _definition = cluster.delete_global::<CustomResourceDefinition>(&format!("things.{group}"));
    let manifests = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: things.{group}}}\nspec:\n  \
         group: {group}\n  scope: Namespaced\n  names: {{kind: Thing, plural: things}}\n  versions: [{{name: v1, served: \
         true, storage: true, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}]\n\
         ---\napiVersion: {group}/v1\nkind: Thing\nmetadata: {{name: it}}\nspec: {{image: 'r.example/web:x', containerImage: \
         r.example/web}}\n"
    );
    let script = format!(
        "fn show() {{ let spec = get_object(\"{group}/v1\", \"Thing\", \"it\").spec; print(`${{spec.image}} \
         ${{spec.containerImage}}.`); }}\nfn after_deploy(project, results) {{ show(); }}\n"
    );
    let project = with_manifests(&cluster, &manifests).file("windlass.rhai", &script);
    project.write("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
    let config = project.read("devspace.yaml") + "images:\n  web: {image: r.example/web}\n";
    project.write("devspace.yaml", config);
    project.run(["build", "--builder", "oci", "--skip-push", "-t", "1.4"]).success();
    let deploy = || project.run(["deploy", "--skip-build"]);
    deploy().success().stderr_has("r.example/web:1.4 r.example/web.\n");
    deploy().success().stderr_has("kept: unchanged");
    let paths = "fn replace_tags(deployment, content) {\n    replace_images(deployment, content, #{ paths: \
                 [\"Thing.GROUP:spec.containerImage\"] })\n}\n";
    project.write("windlass.rhai", script + paths.replace("GROUP", &group).as_str());
    deploy().success().stderr_has("changed Thing/it").stderr_has("r.example/web:1.4 r.example/web:1.4.\n");
}

#[test]
fn a_tag_with_new_content_is_deployed_by_digest() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(registry) = Registry::start() else { return };
    let repository = format!("{}/shop/api", registry.address());
    let project = with_manifests(&cluster, &empty_deployment("api", &repository));
    let config = project.read("devspace.yaml");
    let config =
        format!("{config}images:\n  api: {{image: {repository}, tags: [stable], dockerfile: Dockerfile}}\n");
    project.write("devspace.yaml", config);
    project.write("Dockerfile", "FROM scratch\nCOPY Dockerfile /one\n");
    let deploy = || project.run(["deploy", "--builder", "oci"]);
    let image = || {
        let object = cluster.find::<Deployment>("api").expect("it exists");
        let spec = object.spec.and_then(|spec| spec.template.spec).expect("a pod");
        spec.containers[0].image.clone().expect("an image")
    };
    deploy().success();
    assert_eq!(image(), format!("{repository}:stable"));
    project.write("Dockerfile", "FROM scratch\nCOPY Dockerfile /two\n");
    deploy().success().stderr_has("changed Deployment/api");
    let digest = image();
    assert!(digest.starts_with(&format!("{repository}:stable@sha256:")), "{digest}");
    // Without a build, the last one is deployed, and a forced build of the same content changes nothing.
    project.run(["deploy", "--skip-build"]).success().stderr_has("kept: unchanged");
    let forced = ["deploy", "--builder", "oci", "-b", "--build-sequential", "--deployments", "a"];
    project.run(forced).success().stderr_has("1 built, 1 kept");
    assert_eq!(image(), digest);
}

#[test]
fn a_terminal_shows_the_wait_and_prompts_before_a_purge() {
    let Some(cluster) = Cluster::acquire() else { return };
    let manifest = empty_deployment("web", "busybox").replace("replicas: 0", "replicas: 1");
    let manifest = manifest.replace("spec: {containers", "spec: {nodeSelector: {none: 'true'}, containers");
    let project = with_manifests(&cluster, &manifest);
    let terminal = project.terminal(["deploy"]);
    terminal.wait_for_text("web 0/1 ready");
    cluster.patch::<Deployment>("web", &json!({ "spec": { "replicas": 0 } }));
    let (status, screen) = terminal.finish();
    assert!(status.success(), "{screen}");
    let purge = |answer: &str| {
        let mut terminal = project.terminal(["purge", "-d", "a"]);
        terminal.wait_for_text("delete a from the cluster? [y/N]");
        terminal.type_text(answer);
        terminal.finish()
    };
    let exists = || cluster.find::<Deployment>("web").is_some();
    let (status, screen) = purge("\r");
    assert_eq!((status.exit_code(), exists()), (2, true), "{screen}");
    assert!(screen.contains("nothing was deleted"), "{screen}");
    let (status, screen) = purge("y\r");
    assert_eq!((status.exit_code(), exists()), (0, false), "{screen}");
}

#[test]
fn hooks_run_around_each_deployment() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = with_manifests(&cluster, &config_map("one", "1"));
    let events = [
        "before:deploy",
        "before:deploy:a",
        "after:deploy:a",
        "skip:deploy:a",
        "error:deploy:a",
        "error:deploy",
        "after:deploy",
    ];
    let hooks: String = events
        .iter()
        .map(|event| {
            let say = "echo \"$DEVSPACE_HOOK_EVENT [$DEVSPACE_HOOK_DEPLOY_NAME] $DEVSPACE_HOOK_ERROR\" >> log; echo \
                       \"$DEVSPACE_HOOK_DEPLOY_CONFIG\" > config";
            format!("- events: ['{event}']\n  command: |\n    {say}\n")
        })
        .collect();
    project.write("devspace.yaml", format!("{}hooks:\n{hooks}", project.read("devspace.yaml")));
    let log = |options: &[&str]| {
        let output = project.run([&["deploy"], options].concat());
        let log = project.read("log");
        project.remove("log");
        (output, log)
    };
    let (output, log_of_first) = log(&[]);
    output.success();
    assert_eq!(
        log_of_first,
        "before:deploy [] \nbefore:deploy:a [a] \nafter:deploy:a [a] \nafter:deploy [] \n"
    );
    let (output, log_of_second) = log(&[]);
    output.success();
    assert_eq!(
        log_of_second,
        "before:deploy [] \nbefore:deploy:a [a] \nskip:deploy:a [a] \nafter:deploy [] \n"
    );
    project.write("a.yaml", "kind: ConfigMap\n");
    let (output, log_of_third) = log(&[]);
    output.exits(1);
    let lines: Vec<_> = log_of_third.lines().map(|line| line.split(']').next().unwrap_or_default()).collect();
    assert_eq!(lines, ["before:deploy [", "before:deploy:a [a", "error:deploy:a [a", "error:deploy ["]);
    assert!(log_of_third.contains("apiVersion"), "{log_of_third}");
}

#[test]
fn events_and_the_result_have_the_deployments() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = with_manifests(&cluster, &config_map("one", "1"));
    let output = project.run(["deploy", "--progress", "json", "--result", "r.json"]);
    let events = output.success().json_lines();
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    assert_eq!(of("deployment_decided")[0]["decision"], "deploy", "{output}");
    let changed = of("object_changed");
    assert_eq!(changed[0]["object"], format!("ConfigMap/one (namespace {})", cluster.namespace()));
    assert_eq!(changed[0]["change"], "created");
    let finished = of("deployment_finished");
    assert_eq!(finished[0]["outcome"], "deployed");
    let result: Value = serde_json::from_str(&project.read("r.json")).expect("JSON");
    let deployment = &result["deployments"][0];
    assert_eq!(deployment["deployment"], "a");
    assert_eq!(deployment["namespace"], cluster.namespace());
    assert_eq!([&deployment["outcome"], &deployment["applied"]], [&json!("deployed"), &json!(1)]);
    assert_eq!(result["success"], true);
}

#[test]
fn values_of_secrets_are_printed_nowhere() {
    let Some(cluster) = Cluster::acquire() else { return };
    let secret = |value: &str, kind: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ntype: {kind}\nstringData: {{pw: {value}}}\n"
        )
    };
    let project = with_manifests(&cluster, &secret("hunter2", "Opaque"));
    let check = |code: i32| {
        for options in [&["--progress", "json"][..], &["--debug"], &[]] {
            let output = project.run([&["deploy"], options].concat());
            output.exits(code).lacks("hunter").lacks("aHVudGVy");
        }
        project.run_program("grep", ["-r", "-F", "hunter", ".windlass"]).stdout_is("");
    };
    check(0);
    project.write("a.yaml", secret("hunter3", "Opaque"));
    check(0);
    // The type cannot change, and the value is in the lines around it.
    project.write("a.yaml", secret("hunter4", "other"));
    check(1);
    project.write("a.yaml", secret("hunter4", "Opaque").replace("stringData", "data"));
    let output = project.run(["deploy"]);
    check(1);
    output.stderr_says("a value is not base64; `stringData` takes plain text");
}

#[test]
fn a_script_restarts_pods_without_a_change_for_the_next_deploy() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project =
        with_manifests(&cluster, &[config_map("one", "1"), empty_deployment("web", "busybox:1")].concat());
    project.write("windlass.rhai", "fn apply(deployment, rollout) { rollout.apply().restart() }\n");
    let restarted = || {
        let object: Deployment = cluster.find("web").expect("it exists");
        object.spec?.template.metadata?.annotations?.remove("kubectl.kubernetes.io/restartedAt")
    };
    project
        .run(["deploy"])
        .success()
        .stderr_has("a: restarted Deployment/web (namespace")
        .lacks("restarted ConfigMap");
    let first = restarted();
    assert!(first.is_some());
    project.run(["deploy"]).success().stderr_has("kept: unchanged");
    assert_eq!(restarted(), first);
    // A change in the manifest keeps the annotation: otherwise the pods would restart.
    project.remove("windlass.rhai");
    project.write("a.yaml", [config_map("one", "2"), empty_deployment("web", "busybox:2")].concat());
    project.run(["deploy"]).success().stderr_has("changed Deployment/web").lacks("restarted");
    assert_eq!(restarted(), first);
}

#[test]
fn a_script_reads_changes_and_deletes_single_objects() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = with_manifests(&cluster, &config_map("one", "1"));
    let script = r#"
fn before_deploy(project) {
    let before = get_object("v1", "ConfigMap", "deployed");
    let count = if before == () { 1 } else { before.data.count.parse_int() + 1 };
    let object = #{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ name: "deployed" }, data: #{ count: `${count}` } };
    print(`deploy ${apply_object(object).data.count}`);
    print(`there: ${get_object("v1", "Namespace", project.namespaces[0]) != ()}`);
    print(`unknown: ${get_object("none.acme.io/v1", "Thing", "one") == ()}`);
}
fn after_deployment(deployment, result) {
    print(`deleted: ${delete_object("v1", "ConfigMap", "one", deployment.namespace)}`);
    print(`again: ${delete_object("v1", "ConfigMap", "one", deployment.namespace)}`);
}
"#;
    project.write("windlass.rhai", script);
    let lines = ["there: true", "unknown: true", "deleted: true", "again: false"];
    let deploy = |first: &str| {
        let output = project.run(["deploy"]);
        output.success().stderr_has(first);
        lines.iter().for_each(|line| {
            output.stderr_has(format!("{line}\n"));
        });
    };
    let planned = project.run(["plan", "deploy"]);
    planned.success();
    assert!(cluster.find::<ConfigMap>("deployed").is_none(), "a plan changes nothing\n{planned}");
    deploy("deploy 1\n");
    assert_eq!(value(&cluster, "one"), None);
    deploy("deploy 2\n");
    // It belongs to no deployment.
    project.run(["purge", "--yes"]).success();
    assert!(cluster.find::<ConfigMap>("deployed").is_some());
    project.write("windlass.rhai", "fn before_deploy(project) { apply_object(#{ kind: \"Pod\" }); }\n");
    project.run(["deploy"]).exits(1).stderr_says("`Pod` has no `apiVersion`").stderr_says("windlass.rhai:1:");
}

#[test]
fn a_purge_deletes_deployments_of_dependencies_on_request() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = with_manifests(&cluster, &config_map("one", "1"))
        .file(
            "auth/devspace.yaml",
            "version: v2beta1\nname: auth\ndeployments:\n  b: {kubectl: {manifests: [b.yaml]}}\n",
        )
        .file("auth/b.yaml", config_map("two", "1"));
    project.write(
        "devspace.yaml",
        format!("{}dependencies:\n  auth: {{path: ./auth}}\n", project.read("devspace.yaml")),
    );
    let exist = || ["one", "two"].map(|name| value(&cluster, name).is_some());
    project.run(["deploy"]).success();
    assert_eq!(exist(), [true, true]);
    project.run(["purge", "--yes"]).success().lacks("ConfigMap/two");
    assert_eq!(exist(), [false, true]);
    project.run(["deploy"]).success();
    project.run(["purge", "--yes", "--dependency", "auth"]).success().lacks("ConfigMap/one");
    assert_eq!(exist(), [true, false]);
    project.run(["deploy"]).success();
    let output = project.run(["purge", "--yes", "--dependencies"]);
    assert_eq!(changes(&output), ["deleted ConfigMap/one", "deleted ConfigMap/two"], "{output}");
    assert_eq!(exist(), [false, false]);
    project.run(["purge", "--yes", "--dependency", "atuh"]).exits(2).stderr_says("`auth`");
}
