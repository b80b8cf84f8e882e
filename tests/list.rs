//! `windlass list`: the content of a project, as a table and as JSON.

use serde_json::{Value, json};

use crate::harness::{Output, Project};

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
    ");
    let listed = json_of(&project.run(["list", "deployments", "--json"]));
    assert_eq!(
        listed[2],
        json!({
            "name": "base", "kind": "kustomize", "namespace": null, "sources": ["base"], "disabled": true,
            "origin": {"file": "devspace.yaml", "line": 5, "column": 10},
        })
    );
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
fn forwarded_ports_and_synced_folders_are_listed() {
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
    project.run(["list", "sync", "-p", "none"]).success().stderr_has("the project syncs no folders");
}
