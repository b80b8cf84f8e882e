//! The output of `windlass plan dev`: the first pass, the connections, and the effect of a saved file.

use serde_json::{Value, json};

use crate::harness::{Cluster, Project};

const BUILD: [&str; 2] = ["--builder", "oci"];

/// A project with the images `web`, whose directory `app` is synced, and `api`, and with `more` in its configuration.
fn project(more: &str) -> Project {
    let config = format!(
        "version: v1beta9\nimages:\n  web: {{image: r.example/web}}\n  api: {{image: r.example/api, context: api, dockerfile: \
         api/Dockerfile}}\n{more}"
    );
    Project::new()
        .file("devspace.yaml", config)
        .file("Dockerfile", "FROM scratch\nCOPY app /app\nCOPY settings /\n")
        .file("settings", "one")
        .file("app/page", "a page\n")
        .file("app/static/logo", "0123456789")
        .file("app/debug.log", "a line\n")
        .file("api/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")
}

/// The same with a cluster, which is never contacted.
fn project_in_cluster(more: &str) -> Project {
    project(more).dead_cluster()
}

const DEV: &str = "\
dev:
  ports: [{imageName: web, forward: [{port: 18080, remotePort: 80}, {port: 9229, bindAddress: 0.0.0.0}]}]
  sync:
  - {imageName: web, localSubPath: app, containerPath: /app, excludePaths: ['*.log'], uploadExcludePaths: [tmp]}
  open: [{url: 'http://localhost:18080'}]
";

/// The lines of the plan from the first connection on.
fn connected(text: &str) -> &str {
    let start = text.find("forward |").or_else(|| text.find("sync    |")).or_else(|| text.find("show    |"));
    &text[start.unwrap_or(0)..]
}

#[test]
fn without_deployments_every_image_follows_its_files() {
    let output = project_in_cluster(DEV).run(["plan", "dev"].iter().chain(&BUILD));
    output.success().stdout_has("web | build: never built").stdout_has("no deployments");
    insta::assert_snapshot!(connected(&output.stdout), @"
    forward | localhost:18080 -> port 80 of image `web`
    forward | 0.0.0.0:9229 -> port 9229 of image `web`
    sync    | app <-> /app of image `web`: mirrorLocal, 2 files, 17 B
      largest  static/ (1 file, 10 B), page (7 B)
      excluded *.log; not uploaded: tmp
    open    | http://localhost:18080, once it responds
    show    | logs of the project, from the last 50 lines on
    change  | app/page, app/static/logo: synced without a build
    change  | Dockerfile, app/debug.log, settings: builds web
    change  | api/Dockerfile: builds api
    change  | devspace.yaml: read again, then all differences are built, deployed and connected
    ");
}

#[test]
fn without_a_cluster_it_only_builds() {
    let project = project(DEV);
    let output = project.run(["plan", "dev"].iter().chain(&BUILD));
    output.success().stderr_has("no cluster is configured").stdout_has("web | build: never built");
    insta::assert_snapshot!(connected(&output.stdout), @"
    show    | nothing
    change  | Dockerfile, app/debug.log, app/page, 2 more files: builds web
    change  | api/Dockerfile: builds api
    change  | devspace.yaml: read again, then all differences are built
    ");
    let plan = project.run(["plan", "dev", "--json"].iter().chain(&BUILD));
    let plan: Value = serde_json::from_str(&plan.success().stdout).expect("JSON");
    for list in ["ports", "folders", "pages"] {
        assert_eq!(plan[list], json!([]), "{list}");
    }
    assert_eq!(plan["foreground"]["kind"], json!("nothing"));
    // A terminal that the command line requests needs a cluster.
    let output = project.run(["plan", "dev", "-t"].iter().chain(&BUILD));
    output.lacks("each image is built when its inputs change");
}

#[test]
fn overrides_decide_about_connections_and_builds() {
    let project = project_in_cluster(DEV).file(
        "windlass.rhai",
        "fn forwarded_ports(project) { project.dev.ports.filter(|forward| forward.port == 9229) }\n\
         fn synced_folders(project) { [] }\n\
         fn opened_pages(project) { [] }\n\
         fn foreground(project) { project.dev.logs }\n\
         fn before_dev(project) { exec([\"touch\", \"ran\"]); }\n\
         fn reloads(image, change) { image.name == \"api\" }\n",
    );
    let output = project.run(["plan", "dev"].iter().chain(&BUILD));
    output.success().stdout_has("touch ran");
    insta::assert_snapshot!(connected(&output.stdout), @"
    forward | 0.0.0.0:9229 -> port 9229 of image `web`
    show    | logs of the project, from the last 50 lines on
    change  | Dockerfile, app/debug.log, app/page, 2 more files: only reports web as stale
    change  | api/Dockerfile: builds api
    change  | devspace.yaml, windlass.rhai: read again, then all differences are built, deployed and connected
    ");
    assert!(!project.path("ran").exists(), "a plan runs nothing");
    // An invalid result of a function is an error that shows the function.
    project.write("windlass.rhai", "fn reloads(image, change) { print(image.name); }\n");
    let output = project.run(["plan", "dev"].iter().chain(&BUILD));
    output
        .exits(2)
        .stderr_says("`reloads` must return true or false, not nothing")
        .stderr_has("windlass.rhai:1");
}

#[test]
fn flags_leave_connections_and_the_first_pass_out() {
    let project = project(DEV);
    let output = project.run(["plan", "dev", "-x", "--sync=false", "--portforwarding=false", "--open=false"]);
    insta::assert_snapshot!(output.success().stdout, @"
    show    | logs of the project, from the last 50 lines on
    change  | other inputs of web: builds web
    change  | other inputs of api: builds api
    change  | devspace.yaml: read again, then all differences are built, deployed and connected
    ");
    let output = project.run(["plan", "dev", "--exit-after-deploy", "--skip-build"]);
    output.success().lacks("forward |").lacks("change  |");
    let output = project.run(["plan", "dev", "--deployments", "wbe"]);
    output.exits(2).stderr_says("unknown deployment `wbe`");
    let help = project.run(["plan", "dev", "--help"]);
    help.success()
        .stdout_has("windlass plan dev")
        .stdout_has("--skip-pipeline")
        .lacks("Windlass builds and deploys,");
}

#[test]
fn deployments_and_auto_reload_count() {
    let Some(cluster) = Cluster::acquire() else { return };
    let more = format!(
        "deployments: [{{name: shop, kubectl: {{manifests: [kube]}}}}, {{name: conf, kubectl: {{manifests: \
         [conf.yaml]}}}}]\n{DEV}  autoReload: {{images: [web], deployments: [conf], paths: [VERSION]}}\n"
    );
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 0\n  selector: {matchLabels: \
               {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: \
               r.example/web}]}\n";
    let project = project(&more)
        .file("kube/web.yaml", web)
        .file("conf.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\n")
        .file("VERSION", "1")
        .file("kubeconfig", cluster.kubeconfig("test"));
    let path = project.path("kubeconfig");
    let project = project.env("KUBECONFIG", path);
    let plan = |more: &[&str]| project.run(["plan", "dev"].iter().chain(&BUILD).chain(more));
    let output = plan(&[]);
    output.success().stdout_has("shop | deploy: 1 object new").stdout_has("conf | deploy: 1 object new");
    insta::assert_snapshot!(connected(&output.stdout), @"
    forward | localhost:18080 -> port 80 of image `web`
    forward | 0.0.0.0:9229 -> port 9229 of image `web`
    sync    | app <-> /app of image `web`: mirrorLocal, 2 files, 17 B
      largest  static/ (1 file, 10 B), page (7 B)
      excluded *.log; not uploaded: tmp
    open    | http://localhost:18080, once it responds
    show    | logs of the project, from the last 50 lines on
    change  | app/page, app/static/logo: synced without a build
    change  | Dockerfile, app/debug.log, settings: builds web; deploys shop
    change  | api/Dockerfile: only reports api as stale
    change  | VERSION: deploys shop, conf
    change  | kube: only reports shop as stale
    change  | conf.yaml: deploys conf
    change  | devspace.yaml: read again, then all differences are built, deployed and connected
    ");
    plan(&["--watch"])
        .success()
        .stdout_has("change  | api/Dockerfile: builds api\n")
        .stdout_has("kube: deploys shop\n");

    let plan = plan(&["--json", "--exit-code"]);
    let plan: Value = serde_json::from_str(&plan.exits(3).stdout).expect("JSON");
    assert_eq!(
        (&plan["images"][0]["name"], &plan["deployments"][0]["name"]),
        (&json!("web"), &json!("shop"))
    );
    assert_eq!(
        plan["ports"][1],
        json!({"port": 9229, "remote_port": 9229, "address": "0.0.0.0", "selection": {"image": "web"}})
    );
    let folder = &plan["folders"][0];
    assert_eq!((&folder["files"], &folder["bytes"]), (&json!(2), &json!(17)));
    assert_eq!(folder["excludes"], json!({"both": ["*.log"], "upload": ["tmp"], "download": []}));
    assert_eq!(plan["foreground"], json!({"kind": "logs", "command": [], "selections": [], "lines": 50}));
    let changes = plan["changes"].as_array().expect("a list");
    let builds: Vec<_> = changes.iter().filter(|change| change["builds"] == json!(["web"])).collect();
    assert_eq!((&builds[0]["count"], &builds[0]["deploys"]), (&json!(3), &json!(["shop"])));
}
