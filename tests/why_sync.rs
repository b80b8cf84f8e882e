//! `windlass why --sync`: which entries of `dev.sync` have a file, and which pattern decides. No cluster, no daemon.

use serde_json::{Value, json};

use crate::harness::Project;

const DEV: &str = "\
dev:
  sync:
  - imageSelector: acme/web
    localSubPath: app
    containerPath: /srv/app
    excludePaths:
    - '*.log'
    - '!/keep.log'
    uploadExcludePaths: [tmp]
    downloadExcludeFile: .down
  - labelSelector: {app: docs}
    localSubPath: ./docs
    disableUpload: true
";

fn project() -> Project {
    Project::new()
        .file("devspace.yaml", format!("version: v1beta11\n{DEV}"))
        .file("app/main.py", "")
        .file("app/debug.log", "")
        .file("app/keep.log", "")
        .file("app/tmp/x", "")
        .file("app/.down", "# made here\n\n  cache/\n")
        .file("app/cache/y", "")
        .file("docs/index", "")
        .file("lib/z", "")
        .symlink("app/current", "tmp")
        .symlink("app/shared", "../lib")
}

#[test]
fn each_answer_names_the_pattern_and_its_place() {
    let project = project();
    let files = [
        "app/main.py",
        "app/debug.log",
        "app/keep.log",
        "app/tmp/x",
        "app/cache/y",
        "docs/index",
        "README.md",
        "app/new.py",
        "app/current/x",
        "lib/z",
        "app/.windlass/x",
        "app",
    ];
    let output = project.run(["why", "--sync"].iter().chain(&files));
    insta::assert_snapshot!(output.success().stdout, @"
    app/main.py
      app <-> /srv/app of image `acme/web` (devspace.yaml:4:5)
        upload     yes, to /srv/app/main.py
        download   yes, from /srv/app/main.py
        last sync  not recorded here
    app/debug.log
      app <-> /srv/app of image `acme/web` (devspace.yaml:4:5)
        synced     no: `*.log` at devspace.yaml:8:7 excludes it
    app/keep.log
      app <-> /srv/app of image `acme/web` (devspace.yaml:4:5)
        upload     yes, to /srv/app/keep.log; `!/keep.log` at devspace.yaml:9:7 includes it again
        download   yes, from /srv/app/keep.log; `!/keep.log` at devspace.yaml:9:7 includes it again
        last sync  not recorded here
    app/tmp/x
      app <-> /srv/app of image `acme/web` (devspace.yaml:4:5)
        upload     no: `tmp` at devspace.yaml:10:26 excludes it
        download   yes, from /srv/app/tmp/x
        last sync  not recorded here
    app/cache/y
      app <-> /srv/app of image `acme/web` (devspace.yaml:4:5)
        upload     yes, to /srv/app/cache/y
        download   no: `cache/` at app/.down:3:3 excludes it
        last sync  not recorded here
    docs/index
      ./docs <- the working directory of labels `app=docs` (devspace.yaml:12:5)
        upload     no: `disableUpload` of the entry is set
        download   yes, from index
        last sync  not recorded here
    README.md (does not exist)
      no sync entry has it in its directory
      nearest      app <-> /srv/app of image `acme/web` (devspace.yaml:4:5)
      nearest      ./docs <- the working directory of labels `app=docs` (devspace.yaml:12:5)
    app/new.py (does not exist)
      app <-> /srv/app of image `acme/web` (devspace.yaml:4:5)
        upload     yes, once it exists, to /srv/app/new.py
        download   yes, from /srv/app/new.py
        last sync  not recorded here
    app/current/x
      app <-> /srv/app of image `acme/web` (devspace.yaml:4:5)
        synced     no: `current` is a link to `tmp`, and is synced as a link
    lib/z
      app <-> /srv/app of image `acme/web` (devspace.yaml:4:5)
        upload     yes, to /srv/app/shared/z
        download   yes, from /srv/app/shared/z
        last sync  not recorded here
    app/.windlass/x (does not exist)
      app <-> /srv/app of image `acme/web` (devspace.yaml:4:5)
        synced     no: windlass and DevSpace keep their own files there
    app
      app <-> /srv/app of image `acme/web` (devspace.yaml:4:5)
        upload     yes, to /srv/app
        download   yes, from /srv/app
        last sync  not recorded here
    ");
    // From elsewhere, by an absolute path, through a link to the project.
    let text = project.run(["why", "--sync", "app/../app/debug.log"]);
    text.success().stdout_has("app/debug.log\n").stdout_has("`*.log` at devspace.yaml:8:7 excludes it");
    let absolute = project.path("app/main.py").display().to_string();
    project.run(["why", "--sync", &absolute]).success().stdout_has("to /srv/app/main.py\n");
    assert!(!project.path(".windlass").exists(), "`why` leaves nothing behind");
}

#[test]
fn json_has_the_pattern_and_its_place() {
    let project = project();
    let output = project.run(["why", "--json", "--sync", "app/cache/y", "lib"]);
    let files: Value = serde_json::from_str(&output.success().stdout).expect("JSON");
    let entry = &files[0]["entries"][0];
    assert_eq!(entry["upload"], json!({"allowed": true, "reason": "to /srv/app/cache/y", "pattern": null}));
    assert_eq!(entry["download"]["allowed"], false);
    let place = json!({"file": "app/.down", "line": 3, "column": 3});
    assert_eq!(
        entry["download"]["pattern"],
        json!({"pattern": "  cache/", "excludes": true, "origin": place})
    );
    assert_eq!(entry["origin"], json!({"file": "devspace.yaml", "line": 4, "column": 5}));
    assert_eq!((&entry["target"], &entry["last_sync"]), (&json!("/srv/app/cache/y"), &Value::Null));
    assert_eq!(files[1]["file"], "lib");
}

#[test]
fn scripts_and_mistakes_count() {
    let project = project().file(
        "windlass.rhai",
        "fn synced_folders(project) { project.dev.folders.filter(|folder| folder.local == \"app\") }\n",
    );
    project.run(["why", "--sync", "docs/index"]).success().stdout_has(
        "no sync entry has it in its directory\n  nearest      app <-> /srv/app of image `acme/web`",
    );
    // The output names the reason that prevents the sync.
    project.remove("app/.down");
    project
        .run(["why", "--sync", "app/main.py"])
        .success()
        .stdout_has("no: cannot use `")
        .stdout_has(".down`");
    project.write("devspace.yaml", format!("version: v1beta11\n{DEV}").replace("Path: app", "Path: gone"));
    project.write("windlass.rhai", "");
    project
        .run(["why", "--sync", "gone/x"])
        .success()
        .stdout_has("gone/x (does not exist)")
        .stdout_has("no: the directory `gone` does not exist");
    project.write("devspace.yaml", "version: v1beta11\ndev: {sync: [{localSubPth: app}]}\n");
    project.run(["why", "--sync", "app/main.py"]).exits(2).stderr_says("unknown key `localSubPth`");
    project.run(["why", "api", "--sync", "app/main.py"]).exits(2).stderr_has("cannot be used with");
}

#[test]
fn a_single_file_is_refused_with_the_directory_to_sync_instead() {
    let project = Project::new().dead_cluster().file("conf/app.json", "{}").file("conf/other", "").file(
        "devspace.yaml",
        "version: v2beta1\nname: shop\ndev:\n  a:\n    labelSelector: {app: web}\n    sync:\n    - {path: \
             'conf/app.json:/etc/app/app.json', file: true}\n",
    );
    let advice = "`conf/app.json` is a single file, and only directories are synced: sync `conf` with `/etc/app` and \
                  `excludePaths: ['*', '!/app.json']`";
    project.run(["why", "--sync", "conf/app.json"]).success().stdout_has(format!("no: {advice}"));
    project.run(["plan", "dev"]).success().stdout_has(advice);
    // `sync` reports it with the place of the entry, and continues with the others.
    project.run(["sync", "--no-watch"]).success().stderr_says(format!("devspace.yaml:7:7: {advice}"));
    project
        .run(["sync", "--local-path", "conf/app.json", "--container-path", "/etc/app"])
        .exits(1)
        .stderr_says("it is a single file, and only directories are synced")
        .stderr_says("with `-e '*' -e '!/app.json'`");
    project.write(
        "devspace.yaml",
        "version: v1beta11\ndev: {sync: [{labelSelector: {a: b}, localSubPath: conf/app.json, containerPath: /etc/app}]}\n",
    );
    project.run(["why", "--sync", "conf/app.json"]).success().stdout_has(format!("no: {advice}"));
    // The advice is right.
    let advised = "localSubPath: conf, containerPath: /etc/app, excludePaths: ['*', '!/app.json']";
    project.write(
        "devspace.yaml",
        format!("version: v1beta11\ndev: {{sync: [{{labelSelector: {{a: b}}, {advised}}}]}}\n"),
    );
    let output = project.run(["why", "--sync", "conf/app.json", "conf/other"]);
    output.success().stdout_has("yes, to /etc/app/app.json; `!/app.json` at").stdout_has("no: `*` at");
}

#[test]
fn two_entries_never_have_the_same_directory_of_a_container() {
    let entry = |local: &str, there: &str| {
        format!("  - {{labelSelector: {{app: web}}, localSubPath: {local}, containerPath: {there}}}\n")
    };
    let entries = [entry("one", "/srv"), entry("two", "/srv/"), entry("three", "/srv/three")].concat();
    let project = Project::new()
        .dead_cluster()
        .file("one/a", "")
        .file("two/b", "")
        .file("three/c", "")
        .file("devspace.yaml", format!("version: v1beta11\ndev:\n  sync:\n{entries}"));
    let refused = "`/srv/` of labels `app=web` is synced with `one` already (devspace.yaml:4:5): keep one of the two \
                   entries, or let them have different directories in the container";
    let output = project.run(["why", "--sync", "one/a", "two/b", "three/c"]);
    output.success().stdout_has("yes, to /srv/a\n").stdout_has(format!("no: {refused}\n"));
    output.stdout_has("yes, to /srv/three/c\n");
    project.run(["plan", "dev"]).success().stdout_has(refused);
}
