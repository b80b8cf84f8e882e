//! `windlass list`: the content of a project, as a table and as JSON.

use serde_json::{Value, json};

use crate::harness::{Cluster, Output, Project, helms};

const IMAGES: &str = "version: v1beta9
vars: [{name: TAG, value: '1.10'}]
images:
  api: {image: ghcr.io/acme/api, tags: ['${TAG}', 'v-##'], dockerfile: api/Dockerfile, context: api}
  tool: {image: acme/tool, build: {custom: {command: ./make}}}
  off: {image: acme/off, build: {disabled: true}}
  cluster: {image: acme/cluster, build: {kaniko: {options: {target: prod}}}}
profiles:
- {name: small, replace: {images: {}}}
";

/// The JSON on stdout.
#[track_caller]
fn json_of(output: &Output) -> Value {
    output.success();
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("not JSON: {error}\n{output}"))
}

#[test]
fn images_are_listed_as_a_table() {
    let project = Project::new().file("devspace.yaml", IMAGES);
    insta::assert_snapshot!(project.run(["list", "images"]).snapshot(), @"
    exit 0
    --- stdout
    NAME     IMAGE             TAGS        BUILDER   DOCKERFILE      CONTEXT
    api      ghcr.io/acme/api  1.10, v-##  docker    api/Dockerfile  api
    tool     acme/tool         (random)    custom    -               -
    off      acme/off          (random)    disabled  -               -
    cluster  acme/cluster      (random)    kaniko    ./Dockerfile    ./
    --- stderr
    ");
}

#[test]
fn images_are_listed_as_json() {
    let project = Project::new().file("devspace.yaml", IMAGES);
    let images = json_of(&project.run(["list", "images", "--json"]));
    assert_eq!(
        images[0],
        json!({
            "name": "api", "image": "ghcr.io/acme/api", "tags": ["1.10", "v-##"], "builder": "docker",
            "dockerfile": "api/Dockerfile", "context": "api", "target": null,
            "origin": {"file": "devspace.yaml", "line": 4, "column": 3},
        })
    );
    assert_eq!((&images[3]["builder"], &images[3]["target"]), (&json!("kaniko"), &json!("prod")));
}

#[test]
fn empty_list_is_no_output_and_an_empty_array() {
    let project = Project::new().file("devspace.yaml", IMAGES);
    let output = project.run(["list", "images", "-p", "small"]);
    output.success().stdout_is("").stderr_has("the project has no images");
    assert_eq!(json_of(&project.run(["list", "images", "-p", "small", "--json"])), json!([]));
}

#[test]
fn list_of_an_invalid_project_is_an_error() {
    let project = Project::new().file("devspace.yaml", "version: v1beta9\nimgaes: {}\n");
    project.run(["list", "images", "--json"]).exits(2).stdout_is("").stderr_has("unknown key `imgaes`");
    project.run(["list", "imagse"]).exits(2).stdout_is("").stderr_has("images");
    project.run(["list"]).exits(2);
}

#[test]
fn table_header_is_dimmed_only_in_a_color_terminal() {
    let project = Project::new().file("devspace.yaml", IMAGES);
    let terminal = project.terminal(["list", "images"]);
    terminal.wait_for_text("cluster");
    assert!(terminal.transcript().contains("\u{1b}[2m"), "{}", terminal.transcript());
    assert!(terminal.finish().0.success());
}

const PROFILES: &str = "version: v1beta9
vars: [{name: TIER, default: test}, {name: UNSET}]
profiles:
- {name: base, description: What all share}
- {name: dev, parent: base}
- name: ci
  activation: [{env: {NONE: x}}, {env: {CI: 'true|1'}, vars: {TIER: 'prod.*'}}]
- {name: asked, activation: [{vars: {UNSET: x}}]}
";

#[test]
fn profiles_say_which_are_active_and_why() {
    let project = Project::new().file("devspace.yaml", PROFILES).env("CI", "1");
    let output = project.run(["list", "profiles", "-p", "dev", "--var", "TIER=production"]);
    insta::assert_snapshot!(output.snapshot(), @"
    exit 0
    --- stdout
    NAME   ACTIVE  WHY                           PARENTS  DESCRIPTION
    base   yes     parent of dev                 -        What all share
    dev    yes     -p                            base     -
    ci     yes     activated by $CI and ${TIER}  -        -
    asked  no      -                             -        -
    --- stderr
    ");
    let profiles = json_of(&project.run(["list", "profiles", "-p", "dev", "--var", "TIER=prod", "--json"]));
    assert_eq!(
        profiles[0],
        json!({
            "name": "base", "description": "What all share", "active": true,
            "reasons": [{"kind": "parent_of", "profile": "dev"}], "parents": [],
            "origin": {"file": "devspace.yaml", "line": 4, "column": 10},
        })
    );
    assert_eq!(profiles[1]["reasons"], json!([{"kind": "flag"}]));
    assert_eq!(profiles[2]["reasons"], json!([{"kind": "activation", "env": ["CI"], "vars": ["TIER"]}]));
    assert_eq!((&profiles[3]["active"], &profiles[3]["reasons"]), (&json!(false), &json!([])));
}

const VARS: &str = "version: v1beta9
vars:
- {name: FIXED, value: 'v-${TIER}'}
- {name: TIER, default: test}
- {name: TOKEN, password: true}
- {name: WITH_TOKEN, value: 'user:${TOKEN}'}
- {name: MADE, command: echo made}
- {name: ASKED, question: 'Which?'}
- {name: BROKEN, command: exit 3}
images:
  api: {image: 'acme/${FIXED}', tags: ['${TIER}', '${ASKED}', '${DEVSPACE_VERSION}'], context: '${FROM_FILE}'}
  web: {image: acme/web, dockerfile: '${TIER}'}
";

#[test]
fn variables_show_value_source_and_use() {
    let project =
        Project::new().file("devspace.yaml", VARS).file(".env", "FROM_FILE=src").env("TOKEN", "hunter2");
    let output = project.run(["list", "vars", "--var", "FLAG=x,y"]);
    output.lacks("hunter2");
    insta::assert_snapshot!(output.snapshot().replace(env!("CARGO_PKG_VERSION"), "[version]"), @"
    exit 0
    --- stdout
    NAME              VALUE                                                   SOURCE       USED AT
    FIXED             v-test                                                  value        devspace.yaml:11
    TIER              test                                                    default      devspace.yaml:3, devspace.yaml:11, devspace.yaml:12
    TOKEN             ***                                                     environment  devspace.yaml:6
    WITH_TOKEN        ***                                                     value        -
    MADE              made                                                    command      -
    ASKED             (not set)                                               -            devspace.yaml:11
    BROKEN            (the command of variable `BROKEN` failed: exit code 3)  -            -
    DEVSPACE_VERSION  [version]                                                   predefined   devspace.yaml:11
    FROM_FILE         src                                                     .env         devspace.yaml:11
    --- stderr
    ");
    let vars = json_of(&project.run(["list", "vars", "--json"]));
    assert_eq!(
        vars[1],
        json!({
            "name": "TIER", "value": "test", "source": "default", "password": false,
            "definition": {"file": "devspace.yaml", "line": 4, "column": 10},
            "uses": [
                {"file": "devspace.yaml", "line": 3, "column": 10},
                {"file": "devspace.yaml", "line": 11, "column": 40},
                {"file": "devspace.yaml", "line": 12, "column": 38},
            ],
            "problem": null,
        })
    );
    assert_eq!((&vars[3]["value"], &vars[3]["password"]), (&json!("***"), &json!(true)));
    assert_eq!((&vars[5]["value"], &vars[5]["source"]), (&Value::Null, &Value::Null));
}

#[test]
fn lists_need_no_variable_values() {
    let file = "version: v1beta11
vars: [{name: TOKEN, password: true}]
images:
  api: {image: r.example/api, tags: ['1'], build: {custom: {command: 'echo ${TOKEN}'}}}
commands: [{name: migrate, command: 'echo ${TOKEN}'}]
dependencies: [{name: dep, source: {path: dep}}]
";
    let project = Project::new().file("devspace.yaml", file);
    for (what, name) in
        [("images", "api"), ("commands", "migrate"), ("dependencies", "dep"), ("vars", "TOKEN")]
    {
        project.run(["list", what]).success().stdout_has(name);
    }
    project.run(["list", "pipelines"]).success();
    // An image whose name is not known cannot be listed.
    project.write("devspace.yaml", "version: v1beta11\nimages: {api: {image: 'r.example/${GONE}'}}\n");
    project.run(["list", "images"]).exits(2).stderr_has("variable `GONE` has no value");
}

#[test]
fn deployments_are_listed_with_their_sources() {
    let config = "version: v1beta11\ndeployments:\n- {name: db, helm: {chart: {name: redis, version: 17.1.0, repo: 'https://c.example'}}}\n\
                  - {name: api, namespace: shop, kubectl: {manifests: [kube, 'https://m.example/a.yaml']}}\n\
                  - {name: base, disabled: true, kubectl: {manifests: [base], kustomize: true}}\n\
                  - {name: web, helm: {componentChart: true}}\n";
    let project = Project::new().file("devspace.yaml", config);
    insta::assert_snapshot!(project.run(["list", "deployments"]).snapshot(), @"
    exit 0
    --- stdout
    NAME             KIND       NAMESPACE  SOURCES
    db               helm       -          redis 17.1.0 from https://c.example
    api              kubectl    shop       kube, https://m.example/a.yaml
    base (disabled)  kustomize  -          base
    web              helm       -          component-chart
    --- stderr
    warning: only devspace.yaml is listed, because the cluster was not queried: no cluster is configured: no kubeconfig with a current context; name a kubeconfig in KUBECONFIG, or a context with `--kube-context`
    ");
    let listed = json_of(&project.run(["list", "deployments", "--json"]));
    assert_eq!(
        listed[2],
        json!({
            "name": "base", "kind": "kustomize", "namespace": null, "sources": ["base"], "disabled": true,
            "origin": {"file": "devspace.yaml", "line": 5, "column": 10}, "live": null,
        })
    );
    // The namespace is unknown, so nothing is queried.
    project.write("devspace.yaml", config.replace("namespace: shop", "namespace: '${GONE}'"));
    let output = project.dead_cluster().run(["list", "deployments"]);
    output
        .success()
        .stdout_has("kubectl")
        .stderr_has("only devspace.yaml is listed")
        .stderr_has("`GONE` has no value");
}

#[test]
fn deployments_are_listed_with_their_state_in_the_cluster() {
    let Some(cluster) = Cluster::acquire() else { return };
    let Some(helm) = helms().into_iter().next() else { return };
    let config = "version: v1beta11\ndeployments:\n- {name: chart, helm: {chart: {name: ./chart}}}\n- {name: kube, kubectl: \
                  {manifests: [kube.yaml]}}\n- {name: none, disabled: true, kubectl: {manifests: [kube.yaml]}}\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\n";
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: {matchLabels: \
               {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: \
               'other.example/web:1'}], nodeSelector: {none: none}}\n";
    let project = Project::new()
        .file("devspace.yaml", config)
        .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
        .file("chart/templates/conf.yaml", map)
        .file("kube.yaml", format!("{web}---\n{}", map.replace("conf", "more")))
        .file("kubeconfig", cluster.kubeconfig("test"))
        .env("WINDLASS_HELM", helm);
    let path = project.path("kubeconfig");
    let project = project.env("KUBECONFIG", path);
    let list_of = |project: &Project| json_of(&project.run(["list", "deployments", "--json"]));
    assert_eq!(list_of(&project)[0]["live"]["status"], json!("not deployed"));
    for _ in 0..2 {
        project.run(["deploy", "-d", "--wait=false"]).success();
    }
    let listed = list_of(&project);
    let live = |index: usize| &listed[index]["live"];
    assert_eq!(live(0)["deployed"].as_str().map(|time| time.contains('T')), Some(true), "{listed}");
    let mut chart = live(0).clone();
    chart["deployed"] = Value::Null;
    let expected = json!({
        "namespace": cluster.namespace(), "status": "ready", "revision": 2, "deployed": null, "images": [], "objects": 1,
        "ready": 1,
    });
    assert_eq!(chart, expected);
    let kube = live(1);
    assert_eq!((&kube["status"], &kube["revision"]), (&json!("not ready"), &Value::Null));
    assert_eq!((&kube["objects"], &kube["ready"]), (&json!(2), &json!(1)));
    assert_eq!(kube["images"], json!(["other.example/web:1"]));
    assert!(kube["deployed"].is_string(), "{listed}");
    assert_eq!(live(2)["status"], json!("not deployed"));
    let table = project.run(["list", "deployments"]);
    table
        .success()
        .lacks("warning")
        .stdout_has("NAME             KIND     NAMESPACE")
        .stdout_has(" DEPLOYED ");
    let lines: Vec<_> =
        table.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[1], ["chart", "helm", cluster.namespace(), "ready", "2", "just", "now", "1/1", "-"]);
    assert_eq!(lines[2][3..], ["not", "ready", "-", "just", "now", "1/2", "other.example/web:1"]);
    // Commands that only concern the release need no chart: here its git server is unreachable.
    let git = "{git: {url: 'http://127.0.0.1:1/chart.git'}}";
    let project = project.file("devspace.yaml", config.replace("{name: ./chart}", git));
    assert_eq!(list_of(&project)[0]["live"]["revision"], json!(2));
    project.run(["purge", "--yes", "-d", "chart"]).success().stderr_has("deleted ConfigMap/conf");
    assert_eq!(list_of(&project)[0]["live"]["status"], json!("not deployed"));
    let project = project.file("devspace.yaml", config);
    // Without an answer, the file is listed.
    let dead = project.dead_cluster();
    let output = dead.run(["list", "deployments"]);
    output
        .success()
        .stdout_has("./chart")
        .stderr_has("because the cluster was not queried: cannot reach the cluster");
}

const DEV: &str = "version: v1beta9
images: {api: {image: acme/api}}
dev:
  ports:
  - imageName: api
    forward: [{port: 8080, remotePort: 80}, {port: 9229, bindAddress: 0.0.0.0}]
  sync:
  - imageName: api
    localSubPath: ./src
    containerPath: /app
    excludePaths: [node_modules/, '*.log']
  - labelSelector: {app: db}
    containerName: main
    disableUpload: true
    initialSync: mirrorRemote
profiles:
- {name: none, replace: {dev: {}}}
";

#[test]
fn forwarded_ports_and_synced_directories_are_listed() {
    let project = Project::new().file("devspace.yaml", DEV);
    insta::assert_snapshot!(project.run(["list", "ports"]).snapshot(), @"
    exit 0
    --- stdout
    PORT  REMOTE PORT  ADDRESS    CONTAINER
    8080  80           localhost  image `api`
    9229  9229         0.0.0.0    image `api`
    --- stderr
    ");
    insta::assert_snapshot!(project.run(["list", "sync"]).snapshot(), @"
    exit 0
    --- stdout
    LOCAL  DIRECTION  PATH  CONTAINER                          INITIAL SYNC  EXCLUDES
    ./src  <->        /app  image `api`                        mirrorLocal   node_modules/, *.log
    .      <-         .     labels `app=db`, container `main`  mirrorRemote  -
    --- stderr
    ");
    assert_eq!(
        json_of(&project.run(["list", "ports", "--json"]))[0],
        json!({
            "port": 8080, "remote_port": 80, "address": null, "selection": {"image": "api"},
            "origin": {"file": "devspace.yaml", "line": 6, "column": 22},
        })
    );
    assert_eq!(
        json_of(&project.run(["list", "sync", "--json"]))[1],
        json!({
            "name": null, "local": ".", "container": ".", "initial_sync": "mirrorRemote", "upload": false,
            "download": true, "excludes": [], "selection": {"labels": {"app": "db"}, "container": "main"},
            "origin": {"file": "devspace.yaml", "line": 12, "column": 5},
        })
    );
    project.run(["list", "ports", "-p", "none"]).success().stderr_has("the project forwards no ports");
    project.run(["list", "sync", "-p", "none"]).success().stderr_has("the project syncs no directories");
}
