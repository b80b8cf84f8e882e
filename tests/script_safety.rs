//! A script cannot make windlass hang, exhaust the machine, leave the project, or run commands that the user forbids.

use crate::harness::{Project, Signal};

/// A project whose `build` runs `body`.
fn pipeline(body: &str) -> Project {
    Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    image: r.example/api\n")
        .file("Dockerfile", "FROM scratch\n")
        .file("windlass.rhai", format!("fn build(project) {{\n{body}\n}}\n"))
}

#[track_caller]
fn interrupted(body: &str) {
    let project = pipeline(&format!("print(\"started\");\n{body}"));
    let running = project.spawn(["build"]);
    running.wait_for_text("started").signal(Signal::Interrupt);
    running.finish().exits(130).stderr_has("interrupted");
}

#[test]
fn ctrl_c_ends_every_script_operation() {
    interrupted("loop { }");
    interrupted("try { loop { } } catch { loop { } }");
    interrupted("sleep(3600);");
    interrupted("parallel([1, 2, 3], |n| { loop { } });");
    interrupted("timeout(3600, || { loop { } });");
    interrupted("retry(1000000, || fail(\"again\"));");
    interrupted("sh(\"sleep 3600\");");
}

#[test]
fn sizes_and_depths_are_limited() {
    let fails = |body: &str, text: &str| _ = pipeline(body).run(["build"]).exits(2).stderr_has(text);
    fails("let text = \"x\"; loop { text += text; }", "length of string too large");
    fails("let list = [1]; loop { list += list; }", "size of array/BLOB too large");
    fails("let map = #{ a: 1 }; loop { map = #{ a: map, b: map }; }", "size of object map too large");
    let deep = pipeline("deep(1)");
    let script = format!("{}fn deep(n) {{ deep(n + 1) }}\n", deep.read("windlass.rhai"));
    deep.write("windlass.rhai", script);
    deep.run(["build"]).exits(2).stderr_has("function calls are nested too deeply");
    let nested = format!("let x = {}1{};", "(".repeat(5000), ")".repeat(5000));
    fails(&nested, "expression exceeds maximum complexity");
}

#[test]
fn scripts_stay_in_the_project() {
    let project =
        pipeline("").file("inside.txt", "inside").symlink("outer", "/etc").symlink("link", "/etc/passwd");
    let outside = std::fs::canonicalize(project.path("")).expect("the directory exists");
    let outside = outside.parent().expect("it has a parent").join("outside.txt");
    std::fs::write(&outside, "outside").expect("a file can be written");
    let fails = |body: &str, text: &str| {
        project.write("windlass.rhai", format!("fn build(project) {{ {body} }}"));
        project.run(["build"]).exits(1).stderr_has(text).lacks("root:");
    };
    for path in ["../outside.txt", "/etc/passwd", "outer/passwd", "link", "x/../../outside.txt"] {
        let text = format!("`{path}` is outside of the project");
        fails(&format!("print(read_file(\"{path}\"));"), &text);
        fails(&format!("write_file(\"{path}\", \"x\");"), &text);
        fails(&format!("remove_file(\"{path}\");"), &text);
        fails(&format!("file_exists(\"{path}\");"), &text);
        fails(&format!("find_files(\"{path}\");"), &text);
    }
    for path in [".git/hooks/post-commit", ".windlass/images/api.json", "sub/.git/config"] {
        fails(&format!("write_file(\"{path}\", \"x\");"), "scripts cannot write below `.");
    }
    fails("read_file(\"none.txt\");", "cannot read `none.txt`: file not found");
    project.write("windlass.rhai", "fn build(project) { write_file(\"x\", 7); }");
    project.run(["build"]).exits(2).stderr_has("`write_file` requires a string, found a number");
    assert_eq!(std::fs::read_to_string(outside).expect("the file exists"), "outside");
    project.write(
        "windlass.rhai",
        "fn build(project) {
            write_file(\"new/folder/a.txt\", read_file(\"./inside.txt\"));
            remove_file(\"inside.txt\");
            print(`${file_exists(\"inside.txt\")} ${find_files(\"new/**\")}`);
        }",
    );
    project.run(["build"]).success().stderr_has("false [\"new/folder/a.txt\"]");
    assert_eq!(project.read("new/folder/a.txt"), "inside");
}

#[test]
fn no_exec_forbids_every_command_of_a_project() {
    let forbidden = "disabled by `--no-exec`";
    let fails = |project: &Project, code: i32| {
        let output = project.run(["build", "--no-exec", "--skip-push"]);
        output.exits(code).stderr_has(forbidden);
        assert!(!project.path("ran").exists(), "{output}");
    };
    fails(&pipeline("exec([\"touch\", \"ran\"]);"), 1);
    fails(&pipeline("sh(\"touch ran\");"), 1);
    let config = "version: v1beta9\nimages:\n  api:\n    image: r.example/api\n";
    let custom = format!("{config}    build:\n      custom:\n        command: touch ran\n");
    fails(&Project::new().file("devspace.yaml", custom), 1);
    let hook = format!("{config}hooks: [{{command: touch ran, events: ['before:build']}}]\n");
    fails(&Project::new().file("devspace.yaml", hook).file("Dockerfile", "FROM scratch\n"), 1);
    let variable = format!(
        "{config}    tags: ['${{TAG}}']\nvars:\n  - {{name: TAG, source: command, command: touch ran}}\n"
    );
    fails(&Project::new().file("devspace.yaml", &variable).file("Dockerfile", "FROM scratch\n"), 2);
    let command = format!("{config}commands: [{{name: touch, command: touch ran}}]\n");
    let project = Project::new().file("devspace.yaml", command);
    project.run(["run", "--no-exec", "touch"]).exits(1).stderr_has(forbidden);
    assert!(!project.path("ran").exists());
    project.run(["run", "touch"]).success();
    assert!(project.path("ran").exists());
    let program = format!("{config}    build: {{buildKit: {{command: [touch, ran]}}}}\n");
    let project = Project::new().file("devspace.yaml", program).file("Dockerfile", "FROM scratch\n");
    project.run(["build", "--no-exec", "--skip-push", "--builder", "docker"]).exits(1).stderr_has(forbidden);
    let tested = Project::new()
        .file("devspace.yaml", &variable)
        .file("windlass_test.rhai", "fn test_it() { project(); }\n");
    tested.run(["test", "--no-exec"]).exits(1).stdout_has(forbidden);
    assert!(!tested.path("ran").exists());
    // Windlass itself may still call git.
    let project = pipeline("print(`repository: ${git.is_repository}`);");
    project.run(["build", "--no-exec"]).success().stderr_has("repository: false");
}
