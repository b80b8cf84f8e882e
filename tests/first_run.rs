//! The first run: the output for a new user of windlass, and the reports of typical first errors.

use crate::harness::Project;

/// One image that needs a daemon.
fn small() -> Project {
    Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  api:\n    image: acme/api\n")
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", "hello")
}

#[test]
fn help_fits_one_screen_and_shows_examples() {
    for flag in ["--help", "-h", "help"] {
        let output = Project::new().run([flag]);
        output.success();
        let lines = output.stdout.lines().count();
        assert!(lines <= 58, "{flag}: {lines} lines\n{output}");
        assert!(output.stdout.lines().all(|line| line.chars().count() <= 100), "{output}");
        for text in ["Usage: windlass", "windlass build -p dev", "windlass.rhai", "fn entrypoint(image)"] {
            output.stdout_has(text);
        }
    }
}

#[test]
fn help_lists_every_global_option() {
    let all = Project::new().run(["list", "--help"]).success().stdout.clone();
    let global = all.split_once("Global options:\n").expect("a heading").1;
    let global = global.split("\n\n").next().unwrap_or_default();
    let names: Vec<_> = global.split_whitespace().filter(|word| word.starts_with("--")).collect();
    assert!(names.len() > 8, "{all}");
    let help = Project::new().run(["--help"]).success().clone();
    for name in names {
        help.stdout_has(name.trim_end_matches([',', ';']));
    }
}

#[test]
fn help_of_every_command_has_an_example() {
    let help = Project::new().run(["--help"]).success().stdout.clone();
    let commands =
        help.split_once("Commands:\n").and_then(|(_, rest)| rest.split_once("\n\n")).expect("a list").0;
    let commands: Vec<_> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"build") && commands.len() > 15, "{help}");
    for command in commands.into_iter().filter(|command| *command != "help") {
        for flag in ["--help", "-h"] {
            let output = Project::new().run([command, flag]);
            let examples = output.success().stdout.split_once("Examples:\n").map(|(_, examples)| examples);
            let is_shown = examples.is_some_and(|text| text.contains(&format!("windlass {command}")));
            assert!(is_shown, "{output}");
            assert!(output.stdout.lines().count() <= 63, "{output}");
        }
    }
}

#[test]
fn without_arguments_the_help_is_shown() {
    Project::new().run([""; 0]).exits(2).stderr_has("Usage: windlass").stderr_has("Examples:");
}

#[test]
fn invalid_command_lines_exit_with_2_and_a_suggestion() {
    let check = |arguments: &[&str], expected: &[&str]| {
        let output = small().run(arguments);
        output.exits(2).stdout_is("");
        for text in expected {
            output.stderr_has(text);
        }
    };
    check(&["biuld"], &["unrecognized subcommand 'biuld'", "'build'"]);
    check(&["build", "--skip-psh"], &["unexpected argument '--skip-psh'", "'--skip-push'"]);
    check(&["build", "--progress", "jsno"], &["'jsno'", "json"]);
    check(&["build", "--max-concurrent-builds", "0"], &["'0'"]);
    check(&["build", "--max-concurrent-builds", "2", "--build-sequential"], &["cannot be used with"]);
    check(&["build", "apo"], &["unknown image `apo`", "did you mean `api`?"]);
    check(&["build", "--var", "A"], &["invalid `--var` number 1: it has no `=`", "write `--var NAME=VALUE`"]);
    check(&["build", "-t", "a b"], &["`a b`"]);
}

#[test]
fn version_is_one_line() {
    let version = format!("windlass {}\n", env!("CARGO_PKG_VERSION"));
    Project::new().run(["--version"]).success().stdout_is(&version);
    Project::new().run(["-V"]).success().stdout_is(version);
}

#[test]
fn missing_devspace_yaml_is_reported() {
    let project = Project::new();
    let output = project.run(["build"]);
    let folder = project.path("").display().to_string();
    output
        .exits(2)
        .stdout_is("")
        .stderr_has("cannot find `devspace.yaml` in `")
        .stderr_has(folder.trim_end_matches('/'))
        .stderr_has("`--config`");
    assert!(!project.path(".windlass").exists(), "nothing is written outside a project");
    project.run(["build", "--config", "no.yaml"]).exits(2).stderr_has("no.yaml");
}

#[test]
fn missing_daemon_is_reported_in_one_line_with_a_hint() {
    let output = small().run(["build", "--skip-push", "--builder", "docker"]);
    output.exits(1).stderr_has("docker::unreachable");
    let told: Vec<_> = output.stderr.lines().filter(|line| line.contains("help: ")).collect();
    assert_eq!(told, ["  help: start the daemon that DOCKER_HOST names, or change that setting"], "{output}");
    output.stderr_says(" (from DOCKER_HOST): socket not found").lacks("os error");
}

#[test]
fn missing_daemon_is_reported_once_for_several_images() {
    let images = "version: v1beta9\nimages:\n  api: {image: acme/api}\n  web: {image: acme/web}\n  db: {image: acme/db}\n";
    let output = small().file("devspace.yaml", images).run(["build", "--skip-push", "--builder", "docker"]);
    output.exits(1);
    assert_eq!(output.stderr.matches("docker::unreachable").count(), 1, "{output}");
}
