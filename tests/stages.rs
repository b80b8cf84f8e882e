//! Stages other than builds: commands, files, git, data, HTTP, registries.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::harness::{Daemon, Output, Project, Registry};

/// A project whose pipeline is `script`.
fn project(script: &str) -> Project {
    Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    image: r.example/api\n")
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", "hello")
        .file("windlass.rhai", script)
}

/// A project whose `build` runs `body`.
fn pipeline(body: &str) -> Project {
    project(&format!("fn build(project) {{\n{body}\n}}\n"))
}

/// The value of `expression`, evaluated by a script in `project`.
#[track_caller]
fn value(project: &Project, expression: &str) -> Value {
    project.write(
        "windlass.rhai",
        format!("fn build(project) {{ write_file(\"out.json\", to_json({expression})); }}"),
    );
    project.run(["build"]).success();
    let text = project.read("out.json");
    project.remove("out.json");
    serde_json::from_str(&text).expect("`to_json` writes JSON")
}

#[track_caller]
fn check(expression: &str, expected: Value) {
    assert_eq!(value(&pipeline(""), expression), expected, "{expression}");
}

/// Runs `body` and expects it to fail with exit code `code` and all of `texts`.
#[track_caller]
fn fails(body: &str, code: i32, texts: &[&str]) -> Output {
    let output = pipeline(body).run(["build"]);
    output.exits(code);
    texts.iter().for_each(|text| _ = output.stderr_has(text));
    output
}

#[test]
fn commands_get_their_arguments_without_a_shell() {
    check(r#"exec(["printf", "%s|", "a b", "$HOME", "*"]).stdout"#, json!("a b|$HOME|*|"));
    check(r#"sh("echo $((1 + 2)); echo; echo end").lines"#, json!(["3", "", "end"]));
    check(r#"exec(["true"]).lines"#, json!([]));
}

#[test]
fn result_of_a_command_is_available() {
    let result = r#"|result| [result.code, result.is_ok, result.stdout, result.stderr]"#;
    let call = |command: &str| format!("({result}).call({command})");
    check(
        &call(r#"sh("echo out; echo err >&2; exit 3", #{ check: false })"#),
        json!([3, false, "out", "err"]),
    );
    check(&call(r#"sh("cat", #{ input: "text\n" })"#), json!([0, true, "text", ""]));
    check(&call(r#"sh("echo $A $B", #{ env: #{ A: "x", B: 2 } })"#), json!([0, true, "x 2", ""]));
    let sub = pipeline("").folder("sub");
    let name = value(&sub, r#"exec(["basename", exec(["pwd"], #{ dir: "sub" }).stdout]).stdout"#);
    assert_eq!(name, json!("sub"));
    // Long lines are not truncated.
    check(r#"sh("head -c 100000 /dev/zero | tr '\\0' x").stdout.len()"#, json!(100_000));
}

#[test]
fn command_output_is_shown_unless_quiet() {
    let output = pipeline("sh(\"echo loud\"); sh(\"echo soft\", #{ quiet: true });").run(["build"]);
    output.success().stderr_has("running echo loud").stderr_has("\nloud\n").lacks("soft");
}

#[test]
fn failing_command_stops_the_pipeline_and_shows_its_output() {
    fails(
        "let x = 1;\nsh(\"echo no disk; exit 4\");",
        1,
        &[
            "`echo no disk; exit 4` failed with exit code 4",
            "windlass.rhai:3:1",
            "the end of its output:\n        no disk",
        ],
    );
    fails("exec([\"no-such-tool\"]);", 1, &["cannot run `no-such-tool`: command not found", "PATH"]);
    fails("sh(\"sleep 60\", #{ timeout: 0.2 });", 1, &["`sh` timed out after 0.2 seconds"]);
}

#[test]
fn invalid_command_arguments_name_the_fix() {
    fails("exec(\"make all\");", 2, &["`command` must be a list of strings", r#"write ["make", "all"]"#]);
    fails("exec([]);", 2, &["the list is empty"]);
    fails(
        "sh(\"true\", #{ timout: 3 });",
        2,
        &["unknown option `timout` of `sh`", "did you mean `timeout`?"],
    );
    fails(
        "sh(\"true\", #{ timeout: \"3\" });",
        2,
        &["the option `timeout` of `sh` must be a number of seconds, found a string"],
    );
    fails("sh([\"true\"]);", 2, &["unknown function `sh (array)`"]);
    fails("sh(\"true\", #{ dir: \"../..\" });", 1, &["`../..` is outside of the project"]);
}

#[test]
fn secrets_are_masked_in_every_output() {
    let body = r#"
        let token = secret(env("TOKEN"));
        print(`token: ${token}`);
        print(sh("echo it is $T; echo >&2 again $T", #{ env: #{ T: token } }).stdout);
        print(`raw: ${env("TOKEN")}`);
        print(exec(["cat"], #{ input: "<" + token + ">" }).stdout);
        sh("echo last $T; exit 9", #{ env: #{ T: token } });"#;
    let output = pipeline(body).env("TOKEN", "hunter2-of-mine").run(["build"]);
    output
        .exits(1)
        .lacks("hunter2")
        .stderr_has("token: ***")
        .stderr_has("it is ***")
        .stderr_has("again ***")
        .stderr_has("raw: ***")
        .stderr_has("<***>")
        .stderr_has("last ***");
}

#[test]
fn secrets_are_rejected_where_they_would_be_readable() {
    fails(
        "exec([\"echo\", secret(\"hunter2\")]);",
        2,
        &["a secret cannot be an argument of `echo`", "env: #{"],
    );
    fails(
        "project.image(\"api\").with_build_args(#{ T: secret(\"hunter2\") });",
        2,
        &["a secret cannot be the build argument `T`", "--mount=type=secret"],
    );
    let output = pipeline("secret(env(\"T\")); throw `no ${env(\"T\")}`;").env("T", "hunter2").run(["build"]);
    output.exits(1).stderr_has("x no ***").lacks("hunter2");
    fails("to_json([secret(\"hunter2\")]);", 2, &["a secret cannot be written as JSON"]);
    // A file may contain a secret, because the script wrote it there.
    let project = pipeline("write_file(\".npmrc\", \"token=\" + secret(\"hunter2\"));");
    project.run(["build"]).success().lacks("hunter2");
    assert_eq!(project.read(".npmrc"), "token=hunter2");
}

#[test]
fn environment_time_and_random_values() {
    let project = pipeline("").env("FROM_SHELL", "shell").file(".env", "FROM_FILE=file\n");
    assert_eq!(
        value(&project, r#"[env("FROM_SHELL"), env("FROM_FILE"), env("NONE", 7)]"#),
        json!(["shell", "file", 7])
    );
    fails(
        "env(\"NO_SUCH\");",
        1,
        &["the environment variable `NO_SUCH` is not set", "env(\"NO_SUCH\", \"...\")"],
    );
    let times = value(&project, r#"[now(), now("%Y-%m-%d"), random(12)]"#);
    let text = |index: usize| times[index].as_str().expect("a string");
    assert!(text(0).starts_with(text(1)) && text(0).ends_with('Z') && text(1).len() == 10, "{times}");
    assert!(text(2).len() == 12 && text(2).chars().all(char::is_alphanumeric), "{times}");
    fails("now(\"%!\");", 1, &["invalid time format `%!`"]);
}

#[test]
fn git_reports_the_state_of_the_project() {
    let project = pipeline("").file(".gitignore", "out.json\n.windlass\nwindlass.rhai\n");
    let git = |arguments: &[&str]| {
        let identity =
            ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"];
        project.run_program("git", identity.iter().chain(arguments)).success().stdout.trim().to_owned()
    };
    project.write("windlass.rhai", "fn build(project) { git.commit }");
    project
        .run(["build"])
        .exits(1)
        .stderr_has("the project is not in a git repository")
        .stderr_has("git init");
    git(&["init", "-q"]);
    project.run(["build"]).exits(1).stderr_has("the project has no commit yet");
    assert_eq!(value(&project, "git.is_repository"), json!(false));

    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    let commit = git(&["rev-parse", "HEAD"]);
    let facts =
        "[git.is_repository, git.branch, git.commit, git.is_dirty, git.tags, git.remote, git.describe()]";
    let short = git(&["rev-parse", "--short", "HEAD"]);
    assert_eq!(value(&project, facts), json!([true, "main", commit, false, [], (), short]));
    assert_eq!(value(&project, "git.short"), json!(short));
    let seconds: i64 = git(&["show", "-s", "--format=%ct"]).parse().expect("a time");
    let time = value(&project, "git.time");
    assert_eq!(
        time.as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok()).map(|time| time.as_second()),
        Some(seconds)
    );

    git(&["tag", "v1.9.0"]);
    git(&["tag", "v1.10.0"]);
    git(&["remote", "add", "origin", "https://me:hunter2@git.example/acme/shop.git"]);
    assert_eq!(value(&project, "git.tags"), json!(["v1.10.0", "v1.9.0"]));
    assert_eq!(value(&project, "git.remote"), json!("https://git.example/acme/shop.git"));
    project.write("new.txt", "");
    let describe = value(&project, "[git.is_dirty, git.describe()]");
    assert_eq!(describe[0], json!(true));
    assert!(
        describe[1].as_str().is_some_and(|text| text.starts_with("v1.") && text.ends_with("-dirty")),
        "{describe}"
    );
    git(&["checkout", "-q", "--detach"]);
    assert_eq!(value(&project, "git.branch"), json!(()));
    // Files that the script itself wrote count.
    project.remove("new.txt");
    assert_eq!(
        value(&project, "[git.is_dirty, write_file(\"x.txt\", \"\"), git.is_dirty]"),
        json!([false, (), true])
    );
}

#[test]
fn constant_names_can_be_reused() {
    let project = pipeline("let git = 5; import \"lib/x\" as x; print(`${git} ${x::show(7)}`);");
    project.write(
        "lib/x.rhai",
        "fn show(git) { [1, git].reduce(|git, one| if git == () { one } else { `${git}-${one}` }) }",
    );
    project.run(["build"]).success().stderr_has("5 1-7");
}

#[test]
fn json_and_yaml_are_read_and_written() {
    let data = r##"parse_json(`{"b": [1, 2.5, null, true], "a": "x"}`)"##;
    check(data, json!({ "a": "x", "b": [1, 2.5, null, true] }));
    check(
        r#"parse_yaml("a: [1, '1.10']\nb:\n  c: text\n")"#,
        json!({ "a": [1, "1.10"], "b": { "c": "text" } }),
    );
    check(&format!("to_yaml({data})"), json!("a: x\nb:\n- 1\n- 2.5\n- null\n- true\n"));
    check(&format!("to_pretty_json({data}.a)"), json!("\"x\"\n"));
    fails("parse_json(\"{\");", 1, &["invalid JSON: EOF", "line 1"]);
    fails("parse_yaml(\"a: [\");", 1, &["invalid YAML: "]);
    fails("to_json(project);", 2, &["Project cannot be written as JSON or YAML"]);
}

/// A web server for one request; the request is available after it arrived.
fn server(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/hook/T0KEN", listener.local_addr().expect("an address"));
    let request = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut text = String::new();
        let mut buffer = [0; 4096];
        loop {
            let count = stream.read(&mut buffer).expect("a request");
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
                break;
            }
        }
        stream.write_all(answer.as_bytes()).expect("a response");
        text
    });
    (address, request)
}

#[test]
fn http_requests_send_and_receive_data() {
    let (url, request) = server("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"id\": \"x7\"}");
    let body = r#"
        let answer = http_post(secret(env("HOOK")), #{ text: "done", key: secret("hunter2") },
            #{ headers: #{ Authorization: "Bearer " + secret("hunter3") } });
        print(`${answer.status} ${answer.json.id}`);"#;
    let output = pipeline(body).env("HOOK", &url).run(["build"]);
    output
        .success()
        .stderr_has("200 x7")
        .stderr_has("http POST http://127.0.0.1:")
        .lacks("T0KEN")
        .lacks("hunter");
    let request = request.join().expect("a request");
    assert!(request.starts_with("POST /hook/T0KEN HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: Bearer hunter3\r\n"), "{request}");
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    assert!(request.ends_with("{\"key\":\"hunter2\",\"text\":\"done\"}"), "{request}");
}

#[test]
fn http_errors_and_unreachable_servers_are_errors() {
    let (url, request) = server("HTTP/1.1 403 Forbidden\r\ncontent-length: 8\r\n\r\nno entry");
    let output = pipeline("http_get(env(\"URL\"));").env("URL", &url).run(["build"]);
    output.exits(1).stderr_has("returned status 403: no entry").stderr_has("check: false");
    request.join().expect("a request");
    let (url, request) = server("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    let project = pipeline("").env("URL", &url);
    assert_eq!(value(&project, "http_get(env(\"URL\"), #{ check: false }).status"), json!(404));
    request.join().expect("a request");
    fails("http_get(\"http://127.0.0.1:1/x\");", 1, &["cannot reach `http://127.0.0.1:1/x`"]);
    fails("http_get(secret(\"http://127.0.0.1:1/x\"));", 1, &["cannot reach `http://127.0.0.1:1/***`"]);
    fails("http_get(\"ftp://x\");", 2, &["`ftp://x` is not an HTTP(S) URL"]);
}

#[test]
fn retry_repeats_until_success() {
    let body = r#"print(`result ${retry(3, || sh("echo x >> tries; [ $(wc -l < tries) = 2 ]").code)}`);"#;
    let project = pipeline(body);
    project.run(["build"]).success().stderr_has("retrying in 1 s (2 of 3)").stderr_has("result 0");
    assert_eq!(project.read("tries"), "x\nx\n");
    let project = pipeline("retry(2, || fail(\"never\"));");
    project.run(["build"]).exits(1).stderr_has("never; retrying in 1 s (2 of 2)").stderr_has("x never");
    // An error in the script is not retried.
    fails("retry(3, || no_such_function());", 2, &["unknown function `no_such_function"]).lacks("retrying");
}

#[test]
fn timeout_stops_every_operation() {
    let over = ["timed out after 0.3 seconds", "windlass.rhai:2:"];
    fails("timeout(0.3, || { loop { } });", 1, &over);
    fails("timeout(0.3, || sleep(60));", 1, &over);
    fails("timeout(0.3, || sh(\"sleep 60\"));", 1, &over);
    fails("timeout(0.3, || parallel([1, 2], |n| sh(\"sleep 60\")));", 1, &over);
    fails("timeout(0.3, || timeout(60, || sleep(60)));", 1, &over);
    fails("timeout(\"3\", || 1);", 2, &["expected a number of seconds, found a string"]);
    check("timeout(60, || 7)", json!(7));
    check(
        "timeout(60, || { try { timeout(0.2, || sleep(60)); } catch (e) { return e.code; } })",
        json!("stage::timeout::over"),
    );
}

#[test]
fn script_steps_are_shown_like_built_in_steps() {
    let output = pipeline("print(step(\"generating sources\", || 7));").run(["build", "--progress", "json"]);
    let lines = output.success().json_lines();
    let step = lines.iter().find(|line| line["type"] == "step_started").expect("a step");
    assert_eq!(step["step"], "generating sources");
    assert!(lines.iter().any(|line| line["message"] == "7"));
}

#[test]
fn output_for_an_image_is_attributed_to_it() {
    let script = "fn build_image(image) { step(`checking ${image.name}`, || sh(\"echo checked\")); }\n";
    let output = project(script).run(["build", "--progress", "json"]);
    let lines = output.success().json_lines();
    let of_image = |kind: &str, field: &str, text: &str| {
        lines.iter().any(|line| line["type"] == kind && line[field] == text && line["image"] == "api")
    };
    assert!(
        of_image("step_started", "step", "checking api") && of_image("output", "line", "checked"),
        "{output}"
    );
}

#[test]
fn fail_stops_with_message_and_help() {
    fails(
        "fail(\"the tree is dirty\", \"commit your changes\");",
        1,
        &["x the tree is dirty", "help: commit your changes"],
    );
    fails("fail(\"no\");", 1, &["script::failed", "x no", "windlass.rhai:2:1"]);
}

#[test]
fn dockerfiles_are_queried_and_edited() {
    let text = "ARG BASE=debian\nFROM $BASE AS build\nARG BASE\nARG MODE=fast\nLABEL team=core\nENTRYPOINT [\"/app\"]\nCMD serve\nFROM build\nUSER 1\n";
    let project = pipeline("").file("Dockerfile", text);
    let of = |property: &str| value(&project, &format!("load_dockerfile(project.image(\"api\")){property}"));
    assert_eq!(of(".targets"), json!(["build", "1"]));
    assert_eq!(of(".target"), json!(()));
    assert_eq!(of(".bases"), json!(["debian"]));
    assert_eq!(of(".entrypoint"), json!(["/app"]));
    assert_eq!(of(".command"), json!(["/bin/sh", "-c", "serve"]));
    assert_eq!(of(".instructions.map(|one| `${one.line} ${one.name}`)"), json!(["8 FROM", "9 USER"]));
    assert_eq!(of(".with_base(\"debian\", \"alpine\").bases"), json!(["alpine"]));
    let edited = of(".with_labels(#{ \"a.b\": \"say \\\"$HOME\\\"\" }).with_env(#{ A: \"1 2\" }).labels");
    assert_eq!(edited, json!({ "a.b": "say \"$HOME\"" }));
    let build = |property: &str| {
        value(&project, &format!("load_dockerfile(project.image(\"api\").with_target(\"build\")){property}"))
    };
    assert_eq!(build(".args"), json!({ "BASE": "debian", "MODE": "fast" }));
    assert_eq!(build(".labels"), json!({ "team": "core" }));
    project.write(
        "windlass.rhai",
        "fn build(project) { dockerfile(project.image(\"api\")).with_base(\"x\", \"y\") }",
    );
    project
        .run(["build"])
        .exits(1)
        .stderr_has("the Dockerfile does not use the image `x`")
        .stderr_has("that it uses: `debian`");
}

#[test]
fn contexts_are_queried() {
    let project = pipeline("")
        .file("Dockerfile", "FROM scratch\n")
        .file(".dockerignore", "*\n!src\n**/*.tmp\n")
        .file("src/a.txt", "12345")
        .file("src/b.tmp", "");
    let of = |property: &str| value(&project, &format!("load_context(project.image(\"api\")){property}"));
    assert!(of(".files").as_array().unwrap().contains(&json!("src/a.txt")));
    assert!(!of(".files").as_array().unwrap().contains(&json!("src/b.tmp")));
    assert_eq!(of(".ignores(\"src/b.tmp\")"), json!(true));
    assert_eq!(of(".ignores(\"src/a.txt\")"), json!(false));
    assert!(of(".ignore_file").as_str().unwrap().ends_with("/.dockerignore"));
    let before = of(".digest");
    project.write("src/b.tmp", "ignored");
    assert_eq!(of(".digest"), before);
    project.write("src/a.txt", "54321");
    assert_ne!(of(".digest"), before);
    assert!(of(".size").as_i64().unwrap() >= 5);
}

#[test]
fn images_are_copied_between_registries_by_digest() {
    let Some((daemon, staging)) = Daemon::acquire_with_registry() else { return };
    let Some(production) = Registry::start() else { return };
    let image = daemon.repository(&staging.address(), "api");
    let other = daemon.repository(&staging.address(), "other");
    let target = daemon.repository(&production.address(), "api");
    let script = format!(
        r#"
fn tags(image) {{ ["1"] }}
fn after_build(project, results) {{
    let built = results[0];
    let digest = copy_image("{image}:1", "{target}:2");
    if digest != built.digest {{ fail(`${{digest}} is not ${{built.digest}}`); }}
    copy_image(`{image}@${{built.digest}}`, "{other}:3");
    let found = inspect_image("{target}:2");
    print(`${{image_digest("{target}:2") == digest}} ${{found.platforms.len()}} ${{found.size > 0}} ${{found.labels.team}}`);
    print(`none: ${{image_digest("{target}:9") == () && inspect_image("{target}:9") == ()}}`);
    print(`again: ${{built.push_to("{target}:4") == digest}}`);
}}
"#
    );
    let project = Project::new()
        .daemon(&daemon)
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  api:\n    image: {image}\n"))
        .file("Dockerfile", format!("FROM {}\nCOPY a.txt /\nLABEL team=core\n", daemon.base()))
        .file("a.txt", "hello")
        .file("windlass.rhai", script);
    project
        .run(["build"])
        .success()
        .stderr_has("true 1 true core")
        .stderr_has("none: true")
        .stderr_has("again: true");
    let digest = staging.digest(&image, "1");
    assert!(digest.is_some());
    assert_eq!(production.digest(&target, "2"), digest);
    assert_eq!(staging.digest(&other, "3"), digest);
    assert_eq!(production.digest(&target, "4"), digest);
    // A reused build is copied as well, without the daemon.
    project.run(["build"]).success().stderr_has("again: true").stderr_has("skipped");
    // The copy is complete.
    daemon.docker(["pull", "--quiet", &format!("{target}:2")]);
    assert_eq!(daemon.file(&format!("{target}:2"), "/a.txt"), "hello");
}

#[test]
fn dev_section_has_the_same_properties_in_every_version() {
    let images = "images: {api: {image: r.example/api, build: {custom: {command: 'true'}}}}\n";
    let old = "version: v1beta9\n".to_owned()
        + images
        + "dev:\n  ports: [{imageName: api, forward: [{port: 8080, remotePort: 80}]}]\n  open: [{url: 'http://localhost:8080'}]\n  \
           sync: [{imageName: api, localSubPath: src, containerPath: /app, excludePaths: [a], disableDownload: true}]\n  \
           interactive: {defaultEnabled: true, terminal: {imageName: api, command: [bash, -l]}}\n";
    let new = "version: v2beta1\nname: x\n".to_owned()
        + images.replace("build: {custom: {command: 'true'}}", "custom: {command: 'true'}").as_str()
        + "dev:\n  p:\n    imageSelector: r.example/api\n    ports: [{port: '8080:80'}]\n    open: [{url: 'http://localhost:8080'}]\n    \
           sync: [{path: 'src:/app', excludePaths: [a], disableDownload: true}]\n    terminal: {command: bash -l}\n";
    for file in [old, new] {
        let project = Project::new().file("devspace.yaml", &file);
        let check = |expression: &str, expected: Value| {
            assert_eq!(value(&project, expression), expected, "{expression}\n{file}");
        };
        check(
            "project.dev.ports.map(|port| [port.port, port.remote_port, port.address, port.selection.image])",
            json!([[8080, 80, null, "api"]]),
        );
        check(
            "project.dev.folders.map(|folder| [folder.local, folder.container, folder.initial_sync, folder.excludes])",
            json!([["src", "/app", "mirrorLocal", ["a"]]]),
        );
        check(
            "project.dev.folders.map(|folder| [folder.uploads, folder.downloads, folder.restarts, folder.selection.to_string()])",
            json!([[true, false, false, "image `api`"]]),
        );
        check("project.dev.pages.map(|page| page.url)", json!(["http://localhost:8080"]));
        check(
            "[project.dev.foreground.kind, project.dev.foreground.command]",
            json!(["terminal", ["bash", "-l"]]),
        );
        check(
            "[project.dev.logs.kind, project.dev.logs.selections, project.dev.terminal.selections[0].labels]",
            json!(["logs", [], {}]),
        );
        check(
            "project.dev.ports.map(|port| [port.selection.image_selector, port.selection.container, port.selection.namespace])",
            json!([[null, null, null]]),
        );
    }
}
