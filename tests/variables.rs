//! Variables: prompts, saved answers, `set var` and `reset vars`.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Output, Project};

const FILE: &str = "version: v1beta9
vars:
- {name: TIER, question: 'Which tier?', options: [test, prod], default: test}
- {name: OWNER, question: 'Who owns it?', validationPattern: '^[a-z]+$', validationMessage: small letters only}
- {name: TOKEN, password: true}
- {name: FIXED, value: v}
- {name: ENV_ONLY, source: env, default: e}
- {name: MADE, command: echo made}
- {name: FRESH, noCache: true, default: f}
- {name: QUIET, default: taken}
dev: {values: ['${TIER}', '${OWNER}', '${QUIET}', '${FREE}']}
";

fn project() -> Project {
    Project::new().file("devspace.yaml", FILE).env("OWNER", "ann").env("FREE", "free")
}

/// The values that the file resolves to.
#[track_caller]
fn values(output: &Output) -> Vec<String> {
    output.success();
    let printed: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    serde_json::from_value(printed["dev"]["values"].clone()).expect("strings")
}

fn kept(project: &Project) -> serde_json::Value {
    serde_json::from_str(&project.read(".windlass/vars.json")).expect("JSON")
}

#[test]
fn saved_answer_is_set_used_and_removed() {
    let project = project();
    project
        .run(["set", "var", "TIER=prod", "FREE=kept"])
        .success()
        .stdout_is("")
        .stderr_has("saved TIER, FREE");
    let shown = project.run(["print", "--json"]);
    assert_eq!(values(&shown), ["prod", "ann", "taken", "free"]);
    let without = self::project().without_env("FREE");
    without.run(["set", "var", "FREE=kept"]).success();
    assert_eq!(values(&without.run(["print", "--json"])), ["test", "ann", "taken", "kept"]);
    let mode = std::fs::metadata(project.path(".windlass/vars.json")).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    project
        .run(["reset", "vars", "TIER", "NONE"])
        .success()
        .stderr_has("deleted TIER")
        .stderr_has("no saved answer for NONE");
    assert_eq!(kept(&project)["vars"], serde_json::json!({"FREE": "kept"}));
    project.run(["reset", "vars"]).success().stderr_has("deleted FREE");
    project.run(["reset", "vars"]).success().stderr_has("no saved answers");
    assert_eq!(values(&project.run(["print", "--json"]))[0], "test");
}

#[test]
fn overridden_saved_answer_is_reported() {
    let project = project();
    project
        .run(["set", "var", "OWNER=bob"])
        .success()
        .stderr_has("OWNER is also set by the environment, which takes precedence");
    assert_eq!(values(&project.run(["print", "--json"]))[1], "ann");
}

#[test]
fn saved_answer_without_effect_is_rejected() {
    let check = |assignment: &str, message: &str, help: &str| {
        let project = project();
        let output = project.run(["set", "var", "TIER=prod", assignment]);
        output.exits(2).stdout_is("").stderr_has(message).stderr_has(help);
        assert!(!project.path(".windlass/vars.json").exists(), "all or none are kept\n{output}");
    };
    check("TOKEN=hunter2", "it is a password, and passwords are not saved", "export `TOKEN`");
    check("FIXED=x", "it has a `value` in the file", "--var FIXED=VALUE");
    check("ENV_ONLY=x", "its source is `env`", "export `ENV_ONLY`");
    check("MADE=x", "it is the output of a command", "--var MADE=VALUE");
    check("FRESH=x", "it prompts in every run", "--var FRESH=VALUE");
    check(
        "TIER=live",
        "cannot set the variable `TIER`: it must be one of `test`, `prod`",
        "a value that it accepts",
    );
    check("OWNER=7", "cannot set the variable `OWNER`: small letters only", "a value that it accepts");
    check("TEIR=prod", "the project has no such variable", "did you mean `TIER`?");
    check("DEVSPACE_GIT_COMMIT=x", "it is predefined", "--var DEVSPACE_GIT_COMMIT=VALUE");
    project()
        .run(["set", "var", "hunter2"])
        .exits(2)
        .lacks("hunter2")
        .stderr_has("cannot set variable number 1");
}

#[test]
fn prompt_names_where_the_answer_is_saved() {
    let project = project();
    let mut terminal = project.terminal(["print"]);
    terminal.wait_for_text("Which tier?").wait_for_text("saved in .windlass");
    terminal.type_text("pro\r");
    let (status, screen) = terminal.finish();
    assert!(status.success() && screen.contains("- prod"), "{screen}");
    assert_eq!(kept(&project)["vars"], serde_json::json!({"TIER": "prod"}));
}

#[test]
fn invalid_answer_is_explained_and_prompted_again() {
    let project = project().without_env("OWNER");
    project.run(["set", "var", "TIER=test"]).success();
    let mut terminal = project.terminal(["print"]);
    terminal.wait_for_text("Who owns it?");
    terminal.type_text("7\r").wait_for_text("small letters only");
    terminal.type_text("\x7fbob\r");
    let (status, screen) = terminal.finish();
    assert!(status.success() && screen.contains("- bob"), "{screen}");
}

#[test]
fn default_without_a_question_does_not_prompt() {
    let project = Project::new().file(
        "devspace.yaml",
        "version: v1beta9
vars: [{name: A, default: taken}]
dev: {v: '${A}'}
",
    );
    let (status, screen) = project.terminal(["print"]).finish();
    assert!(status.success() && screen.contains("v: taken") && !screen.contains('?'), "{screen}");
}

#[test]
fn order_is_flag_environment_env_file_answer_default() {
    let file = "version: v1beta9
vars: [{name: A, question: 'A?', default: default}]
dev: {values: ['${A}']}
";
    let project = Project::new().file("devspace.yaml", file);
    let value = |project: &Project, flags: &[&str]| {
        values(&project.run(["print", "--json"].iter().chain(flags))).remove(0)
    };
    assert_eq!(value(&project, &[]), "default");
    project.run(["set", "var", "A=answer"]).success();
    assert_eq!(value(&project, &[]), "answer");
    let project = project.file(".env", "A=file\n");
    assert_eq!(value(&project, &[]), "file");
    let project = project.env("A", "environment");
    assert_eq!(value(&project, &[]), "environment");
    assert_eq!(value(&project, &["--var", "A=flag"]), "flag");
}

#[test]
fn interrupted_expression_ends_the_run_as_interrupted() {
    let file = "version: v1beta9\ndev: {v: '$(touch started; sleep 1000)'}\n";
    let project = Project::new().file("devspace.yaml", file);
    let running = project.spawn(["print"]);
    crate::harness::wait_for("the command", std::time::Duration::from_secs(60), || {
        project.path("started").exists().then_some(())
    });
    running.signal(crate::harness::Signal::Interrupt);
    running.finish().exits(130).stderr_has("interrupted");
}

#[test]
fn password_is_masked_in_every_output() {
    let file = "version: v1beta11
vars: [{name: TOKEN, password: true}]
images:
  api:
    image: r.example/api
    tags: ['1']
    build: {custom: {command: 'echo ${TOKEN} | tee out; echo all-${TOKEN}-of-it'}}
hooks: [{command: 'echo hook ${TOKEN}; exit 3', name: tell, events: ['after:build']}]
dependencies: [{name: dep, source: {path: dep}}]
";
    let dependency = "version: v1beta11
vars: [{name: TOKEN, password: true}]
images: {web: {image: r.example/web, tags: ['1'], build: {custom: {command: 'echo in ${TOKEN}'}}}}
";
    let project = Project::new()
        .file("devspace.yaml", file)
        .file("dep/devspace.yaml", dependency)
        .env("TOKEN", "correct-horse");
    let output = project.run(["build", "--debug"]);
    output.exits(1).lacks("correct-horse").stderr_has("api").stderr_has("all-***-of-it").stderr_has("in ***");
    assert_eq!(project.read("out"), "correct-horse\n");
    let logs: Vec<_> =
        std::fs::read_dir(project.path(".windlass/logs")).expect("a directory").flatten().collect();
    assert!(logs.len() >= 2, "{logs:?}");
    for log in logs {
        let text = std::fs::read_to_string(log.path()).expect("a log");
        assert!(!text.contains("correct-horse"), "{text}");
    }
    project.run(["plan"]).lacks("correct-horse");
    project.run(["build", "--progress", "json"]).lacks("correct-horse");
}

#[test]
fn env_file_supports_references_quotes_and_multiline_values() {
    let text = "REGISTRY=reg.example\nIMAGE=${REGISTRY}/app\nTAG=\"$REGISTRY-1\"\nLITERAL='${REGISTRY}'\n\
                KEY=\"line one\nline two\"\nexport LAST=${FREE}-${NONE:-none} # comment\n";
    let file = "version: v1beta9\ndev: {values: ['${IMAGE}', '${TAG}', '${LITERAL}', '${KEY}', '${LAST}']}\n";
    let expected = ["reg.example/app", "reg.example-1", "${REGISTRY}", "line one\nline two", "free-none"];
    let utf16: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for bytes in [
        text.into(),
        text.replace('\n', "\r\n").into_bytes(),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        utf16,
    ] {
        let project = Project::new().file("devspace.yaml", file).file(".env", bytes).env("FREE", "free");
        let found = values(&project.run(["print", "--json"]));
        let found: Vec<_> = found.iter().map(|value| value.replace("\r\n", "\n")).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn devspace_yaml_is_read_in_every_encoding_and_with_every_line_ending() {
    let text = "# é\n---\nversion: v1beta9\ndev: {values: ['${FREE}', é]}\n--- # not read\n] broken\n";
    let utf16 = |encode: fn(u16) -> [u8; 2]| -> Vec<u8> {
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(encode).collect()
    };
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let crlf = text.replace('\n', "\r\n").into_bytes();
    let cr = text.replace('\n', "\r").into_bytes();
    for bytes in [text.into(), marked, crlf, cr, utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)] {
        let project = Project::new().file("devspace.yaml", bytes).env("FREE", "free");
        let output = project.run(["print", "--json"]);
        assert_eq!(values(&output), ["free", "é"]);
        output.stderr_says("devspace.yaml:5:1").stderr_says("second document, which is ignored");
    }
}

#[test]
fn git_failures_are_explained() {
    // A hash may have only digits, and would be a number without the text.
    let file = "version: v1beta9\ndev: {values: ['at ${DEVSPACE_GIT_COMMIT}']}\n";
    let script = "fn build(project) { print(`[${git.is_repository}]`); }";
    let new = || Project::new().file("devspace.yaml", file).file("windlass.rhai", script);
    let git = |project: &Project, arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        project.run_program("git", identity.iter().chain(arguments)).success();
    };
    let project = new();
    project.run(["print"]).exits(2).stderr_says("the project is not in a git repository");
    git(&project, &["init", "-q"]);
    project.run(["print"]).exits(2).stderr_says("the project has no commit yet");
    git(&project, &["commit", "-q", "--allow-empty", "-m", "one"]);
    let head = project.run_program("git", ["rev-parse", "--short=8", "HEAD"]).stdout;
    let head = format!("at {}", head.trim());
    assert_eq!(values(&project.run(["print", "--json"])), [head.as_str()]);

    // A worktree, a shallow clone and a submodule have a commit as well.
    let path = |project: &Project| project.path("").display().to_string();
    let worktree = new();
    git(&project, &["worktree", "add", "-q", "-f", &format!("{}w", path(&worktree)), "HEAD"]);
    let inside = Project::new();
    inside.write("devspace.yaml", file);
    let shallow = format!("git clone -q --depth 1 'file://{}' s", path(&project));
    let module = format!(
        "git init -q m && cd m && git -c protocol.file.allow=always submodule --quiet add '{}' s",
        path(&project)
    );
    inside.run_program("sh", ["-c", &shallow]).success();
    inside.run_program("sh", ["-c", &module]).success();
    worktree.write("w/devspace.yaml", file);
    for folder in [worktree.path("w"), inside.path("s"), inside.path("m/s")] {
        std::fs::write(folder.join("devspace.yaml"), file).expect("written");
        let output = inside.run_in(&folder, ["print", "--json"]);
        assert_eq!(values(&output), [head.as_str()], "{}", folder.display());
    }

    // The repository of a worktree is missing.
    let broken = new();
    broken.write(".git", "gitdir: /nowhere/.git/worktrees/w\n");
    let reason = "not a git repository: /nowhere/";
    broken.run(["print"]).exits(2).stderr_says(reason);
    let image = "version: v1beta9\nimages: {api: {image: r.example/api}}\n";
    broken.write("devspace.yaml", image);
    broken.run(["build"]).exits(1).stderr_says(reason);
}
