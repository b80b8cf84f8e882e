//! The Dockerfile that is built: entrypoint, command, added instructions and the restart helper in the right build
//! target, and no change to the user's files.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Daemon, Project, TestRepository, wait_for};

/// Options that select each builder of the daemon.
const BUILDERS: [&str; 2] = ["useBuildKit: true", "useBuildKit: false"];

/// One image: its Dockerfile (`BASE` is replaced with the base image), its configuration, and the command of a
/// container.
struct Case {
    name: &'static str,
    dockerfile: &'static str,
    config: &'static str,
    target: &'static str,
    entrypoint: &'static [&'static str],
    cmd: &'static [&'static str],
}

const HELPER: &str = "/devspace-restart-helper";

const CASES: &[Case] = &[
    Case {
        name: "flags",
        dockerfile: "ARG P=linux/ARCH\nFROM --platform=$P BASE AS t\nCMD [\"c\"]\nFROM BASE AS other\nCMD [\"o\"]\n",
        config: "entrypoint: [x]",
        target: "t",
        entrypoint: &["x"],
        cmd: &["c"],
    },
    Case {
        name: "arg-base-any-case",
        dockerfile: "ARG B=BASE\nFROM $B AS Final\nENTRYPOINT [\"e\"]\nFROM BASE\n",
        config: "cmd: [y]",
        target: "FINAL",
        entrypoint: &["e"],
        cmd: &["y"],
    },
    Case {
        name: "numeric-target",
        dockerfile: "FROM BASE\nCMD [\"zero\"]\nFROM BASE\nCMD [\"one\"]\n",
        config: "entrypoint: [x]",
        target: "0",
        entrypoint: &["x"],
        cmd: &["zero"],
    },
    Case {
        name: "escape-directive",
        dockerfile: "# escape=`\nFROM BASE\nENV A=b `\n  C=d\n",
        config: r#"entrypoint: ["a\\b", "`c`"]"#,
        target: "",
        entrypoint: &["a\\b", "`c`"],
        cmd: &[],
    },
    Case {
        name: "no-last-newline",
        dockerfile: "FROM BASE\nCMD [\"c\"]",
        config: "entrypoint: [x]",
        target: "",
        entrypoint: &["x"],
        cmd: &["c"],
    },
    Case {
        name: "crlf",
        dockerfile: "FROM BASE\r\nENV A=b \\\r\n  C=d\r\nENTRYPOINT [\"e\"]\r\n",
        config: "cmd: [y]",
        target: "",
        entrypoint: &["e"],
        cmd: &["y"],
    },
    Case {
        name: "open-continuation",
        dockerfile: "FROM BASE\nENV A=b \\\n",
        config: "entrypoint: [x]",
        target: "",
        entrypoint: &["x"],
        cmd: &[],
    },
    Case {
        name: "cleared-entrypoint",
        dockerfile: "FROM BASE\nENTRYPOINT [\"e\"]\nCMD [\"c\"]\n",
        config: "entrypoint: []",
        target: "",
        entrypoint: &[],
        cmd: &["c"],
    },
    Case {
        name: "cleared-command",
        dockerfile: "FROM BASE\nENTRYPOINT [\"e\"]\nCMD [\"c\"]\n",
        config: "cmd: []",
        target: "",
        entrypoint: &["e"],
        cmd: &[],
    },
    Case {
        name: "entrypoint-and-no-command",
        dockerfile: "FROM BASE\nENTRYPOINT [\"e\"]\nCMD [\"c\"]\n",
        config: "entrypoint: [x]\n    cmd: []",
        target: "",
        entrypoint: &["x"],
        cmd: &[],
    },
    Case {
        name: "an-entrypoint-resets-the-bases-command",
        dockerfile: "FROM BASE\n",
        config: "entrypoint: [x]",
        target: "",
        entrypoint: &["x"],
        cmd: &[],
    },
    Case {
        name: "nothing-configured",
        dockerfile: "FROM BASE\nENTRYPOINT [\"e\"]\n",
        config: "rebuildStrategy: default",
        target: "",
        entrypoint: &["e"],
        cmd: &[],
    },
    Case {
        name: "escaping",
        dockerfile: "FROM BASE\n",
        config: r#"entrypoint: ["a\"b", "c\\d", "é ✓", "$HOME `x` 'y'"]
    cmd: ["", "tab\t, line\n", "[\"json\"]"]"#,
        target: "",
        entrypoint: &["a\"b", "c\\d", "é ✓", "$HOME `x` 'y'"],
        cmd: &["", "tab\t, line\n", "[\"json\"]"],
    },
    Case {
        name: "instructions",
        dockerfile: "FROM BASE AS t\nFROM BASE\nENTRYPOINT [\"other\"]\n",
        config: "appendDockerfileInstructions: ['LABEL team=core', 'ENTRYPOINT [\"a\"]', 'CMD [\"b\"]']\n    \
                 entrypoint: [x]",
        target: "t",
        entrypoint: &["x"],
        cmd: &["b"],
    },
    Case {
        name: "helper-configured-entrypoint",
        dockerfile: "FROM BASE\nENTRYPOINT [\"e\"]\nCMD [\"c\"]\n",
        config: "injectRestartHelper: true\n    entrypoint: [x]",
        target: "",
        entrypoint: &[HELPER, "x"],
        cmd: &["c"],
    },
    Case {
        name: "helper-own-entrypoint",
        dockerfile: "FROM BASE\nENTRYPOINT e f\nCMD [\"c\"]\n",
        config: "injectRestartHelper: true\n    cmd: [y]",
        target: "",
        entrypoint: &[HELPER, "/bin/sh", "-c", "e f"],
        cmd: &["y"],
    },
    Case {
        name: "helper-own-command",
        dockerfile: "FROM BASE AS t\nCMD [\"c\"]\nFROM BASE\nENTRYPOINT [\"leaks\"]\n",
        config: "injectRestartHelper: true",
        target: "t",
        entrypoint: &[HELPER],
        cmd: &["c"],
    },
    Case {
        name: "helper-configured-command-alone",
        dockerfile: "FROM BASE\n",
        config: "injectRestartHelper: true\n    cmd: [y]",
        target: "",
        entrypoint: &[HELPER],
        cmd: &["y"],
    },
];

/// A project of `cases`, each an image with its own repository, all in one context.
fn project(daemon: &Daemon, builder: &str, cases: &[Case]) -> (Project, Vec<TestRepository>) {
    let mut yaml = "version: v1beta9\nimages:\n".to_owned();
    let mut project = Project::new().daemon(daemon).file("a.txt", "hello");
    let mut repositories = Vec::new();
    for case in cases {
        let Case { name, config, target, .. } = case;
        let repository = daemon.repository("", name);
        let target =
            if target.is_empty() { "" } else { &format!("\n        options: {{ target: '{target}' }}") };
        yaml += &format!(
            "  {name}:\n    image: {repository}\n    dockerfile: {name}.Dockerfile\n    {config}\n    build:\n      \
             docker:\n        {builder}{target}\n"
        );
        let text = case.dockerfile.replace("BASE", &daemon.base()).replace("ARCH", architecture());
        project = project.file(format!("{name}.Dockerfile"), text);
        repositories.push(repository);
    }
    (project.file("devspace.yaml", yaml), repositories)
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}

/// Every path below `folder` except windlass's own, with the metadata that would reveal a change.
fn tree(folder: &Path) -> BTreeMap<String, (u64, i64, i64, u32)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a directory").map(|entry| entry.expect("an entry").path())
    {
        if entry.ends_with(".windlass") {
            continue;
        }
        let metadata = entry.symlink_metadata().expect("metadata");
        let facts = (metadata.size(), metadata.mtime(), metadata.mtime_nsec(), metadata.mode());
        found.insert(entry.display().to_string(), facts);
        if metadata.is_dir() {
            found.extend(tree(&entry));
        }
    }
    found
}

#[test]
fn entrypoint_and_command_are_those_of_the_build_target() {
    let Some(daemon) = Daemon::acquire() else { return };
    for builder in BUILDERS {
        let (project, repositories) = project(&daemon, builder, CASES);
        let before = tree(&project.path(""));
        let output = project.run(["build", "--skip-push", "-t", "1"]);
        output.success().stderr_has("has no ENTRYPOINT:");
        assert_eq!(tree(&project.path("")), before, "{builder}");
        for (case, repository) in CASES.iter().zip(&repositories) {
            let config = &daemon.inspect(&format!("{repository}:1"))["Config"];
            let words = |name: &str| if config[name].is_null() { json!([]) } else { config[name].clone() };
            let actual = (words("Entrypoint"), words("Cmd"));
            assert_eq!(actual, (json!(case.entrypoint), json!(case.cmd)), "{} with {builder}", case.name);
            if case.name == "instructions" {
                assert_eq!(config["Labels"]["team"], "core");
            }
        }
    }
}

#[test]
fn an_unknown_target_lists_the_existing_ones() {
    let project = Project::new().file("Dockerfile", "FROM scratch AS build\nFROM scratch AS final\n").file(
        "devspace.yaml",
        "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    entrypoint: [x]\n    build:\n      \
             docker:\n        options: { target: biuld }\n",
    );
    let output = project.run(["build", "--skip-push"]);
    output.exits(1).stderr_has("biuld").stderr_has("did you mean `build`?").stderr_has("`build`, `final`");
}

#[test]
fn a_restart_helper_without_a_command_is_an_error_before_the_build() {
    let yaml = "version: v1beta9\nimages:\n  api:\n    image: acme/api\n    injectRestartHelper: true\n";
    let project = Project::new().file("Dockerfile", "FROM scratch\n").file("devspace.yaml", yaml);
    project.run(["build", "--skip-push"]).exits(1).stderr_has("entrypoint").stderr_has("dockerfile::");
}

/// A container that is removed at the end.
struct Container<'a> {
    daemon: &'a Daemon,
    id: String,
}

impl<'a> Container<'a> {
    fn start(daemon: &'a Daemon, reference: &str) -> Self {
        let id = daemon.docker(["run", "--detach", "--pull=never", "--network=none", reference]);
        Self { daemon, id: id.trim().to_owned() }
    }

    /// Waits until the container has printed `text` this many times.
    fn wait_for_text(&self, text: &str, times: usize) {
        wait_for(&format!("{times} times `{text}` in the log"), Duration::from_secs(60), || {
            let log = self.daemon.docker(["logs", &self.id]);
            (log.matches(text).count() >= times).then_some(())
        });
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.daemon.docker(["rm", "--force", &self.id]);
    }
}

/// A base image with the requirements of the restart helper, and a program that prints a line when it starts.
const PROGRAM: &str = "FROM BASE\nRUN /bin/busybox ln -s busybox /bin/setsid && /bin/busybox ln -s busybox /bin/rm\n\
                       ENTRYPOINT [\"sh\", \"-c\", \"echo started; exec sleep 1000\"]\n";

#[test]
fn the_restart_helper_restarts_the_program_in_its_container() {
    let Some(daemon) = Daemon::acquire() else { return };
    for builder in BUILDERS {
        // The ignore file may even name the directory that contains the helper.
        let case = Case { dockerfile: PROGRAM, ..helper() };
        let (project, repositories) = project(&daemon, builder, &[case]);
        let project = project.file(".dockerignore", ".windlass\n*.txt\n");
        project.run(["build", "--skip-push", "-t", "1"]).success();
        let container = Container::start(&daemon, &format!("{}:1", repositories[0]));
        container.wait_for_text("started", 1);
        // To request a restart, remove the file with the process ID and end the process group.
        let restart = "until [ -s /devspace-pid ]; do :; done; \
                       pid=$(cat /devspace-pid); rm /devspace-pid; kill -TERM -$pid";
        daemon.docker(["exec", &container.id, "sh", "-c", restart]);
        container.wait_for_text("Restart container", 1);
        container.wait_for_text("started", 2);
    }
}

/// An image with the restart helper.
fn helper() -> Case {
    Case {
        name: "helper",
        dockerfile: "",
        config: "injectRestartHelper: true",
        target: "",
        entrypoint: &[],
        cmd: &[],
    }
}

#[test]
fn a_custom_restart_helper_is_used() {
    let Some(daemon) = Daemon::acquire() else { return };
    let case = Case {
        dockerfile: "FROM BASE\nENTRYPOINT [\"echo\", \"started\"]\n",
        config: "injectRestartHelper: true\n    restartHelperPath: tools/helper.sh",
        ..helper()
    };
    let (project, repositories) = project(&daemon, BUILDERS[0], &[case]);
    let script = "#!/bin/sh\necho mine\nexec \"$@\"\n";
    let project = project.file("tools/helper.sh", script);
    project.run(["build", "--skip-push", "-t", "1"]).success();
    let reference = format!("{}:1", repositories[0]);
    assert_eq!(daemon.file(&reference, HELPER), script);
    assert_eq!(daemon.run(&reference, &[]), "mine\nstarted\n");
    project.run(["build", "--skip-push", "-t", "1"]).success().stderr_has("skipped");
    project.write("tools/helper.sh", "#!/bin/sh\necho other\n");
    project.run(["build", "--skip-push", "-t", "1"]).success();
    assert_eq!(daemon.run(&reference, &[]), "other\n");
    project.remove("tools/helper.sh");
    project
        .run(["build", "--skip-push"])
        .exits(1)
        .stderr_has("cannot read the restart helper `tools/helper.sh`");
}
