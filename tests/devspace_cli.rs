//! Commands and options of DevSpace that windlass does not have: each gets a message that names the replacement.

use crate::harness::Project;

/// A project whose image nothing builds.
fn project() -> Project {
    Project::new().file(
        "devspace.yaml",
        "version: v1beta11\nimages:\n  api: {image: r.example/api, tags: ['1'], build: {custom: {command: 'true'}}}\n",
    )
}

#[test]
fn options_of_devspace_get_a_replacement() {
    let project = project();
    let check = |words: &[&str], help: &str| {
        let output = project.run(["build"].iter().chain(words));
        let name = words[0].split('=').next().unwrap_or_default();
        output.exits(2).stderr_has(format!("unsupported DevSpace option `{name}`")).stderr_has(help);
    };
    check(&["-s"], "--kube-context");
    check(&["--switch-context"], "kubectl config use-context");
    check(&["--profile-parent", "base"], "`-p PARENT -p NAME`");
    check(&["--profile-parent=base"], "`-p PARENT -p NAME`");
    check(&["--kubeconfig", "x"], "KUBECONFIG=FILE");
    check(&["--no-colors"], "NO_COLOR=1");
    check(&["--verbose-dependencies"], "omit it");
    check(&["--save-vars"], "`.windlass/vars.json`");
    check(&["--skip-build"], "`windlass deploy`");
    check(&["--skip-deploy"], "`windlass build`");
    // An option that neither program has gets the usual message.
    project.run(["build", "--froce-build"]).exits(2).stderr_has("--force-build").lacks("DevSpace");
}

#[test]
fn commands_of_devspace_get_a_replacement() {
    let project = project();
    let check = |words: &[&str], name: &str, help: &str| {
        project
            .run(words)
            .exits(2)
            .stderr_has(format!("unsupported DevSpace command `{name}`"))
            .stderr_has(help);
    };
    check(&["use", "profile", "dev"], "use", "`-p NAME`");
    check(&["list", "contexts"], "list contexts", "kubectl config get-contexts");
    check(&["list", "selectors"], "list selectors", "`windlass print`");
    check(&["update", "config"], "update config", "`windlass upgrade`");
    check(&["reset", "dependencies"], "reset dependencies", "`windlass update dependencies`");
    check(&["version"], "version", "`windlass --version`");
    check(&["run-pipeline", "x"], "run-pipeline", "`windlass run NAME`");
    // Options of DevSpace that the windlass command of the same name does not have.
    project.run(["dev", "--ui=false"]).exits(2).stderr_has("unsupported DevSpace option `--ui`");
    check(&["restart"], "restart", "`kubectl rollout restart");
    project.run(["biuld"]).exits(2).stderr_has("build").lacks("DevSpace");
}

/// Windlass can do everything that DevSpace 4.11 can, or names the replacement.
#[test]
fn commands_of_devspace_exist_or_get_a_hint() {
    let commands = "add analyze attach build cleanup deploy dev enter init list logs open print purge remove render reset \
                    restart run set status sync ui update upgrade use";
    let project = project();
    for name in commands.split(' ') {
        let output = project.run([name, "--help"]);
        if output.code() != Some(0) {
            output.exits(2).stderr_has(format!("unsupported DevSpace command `{name}`")).stderr_has("help: ");
        }
    }
    for name in ["analyze", "deploy", "dev", "purge", "render", "status"] {
        project.run([name, "--help"]).success();
    }
}

#[test]
fn ignored_options_in_the_environment_are_reported() {
    let project = project().env("DEVSPACE_FLAGS", "-n secret-word");
    project
        .run(["build"])
        .success()
        .stderr_has("ignoring `DEVSPACE_FLAGS`: windlass does not read it")
        .lacks("secret-word");
    project.run(["build", "--no-warn"]).success().lacks("DEVSPACE_FLAGS");
}

#[test]
fn unused_variable_on_the_command_line_is_reported() {
    let project = Project::new().file(
        "devspace.yaml",
        "version: v1beta11\nvars: [{name: TIER, default: blue}]\nimages:\n  api: {image: r.example/api, tags: ['${TIER}'], build: {custom: {command: 'true'}}}\n",
    );
    project
        .run(["build", "--var", "TEIR=red"])
        .success()
        .stderr_has("`--var TEIR=...` has no effect: unknown variable `TEIR`; did you mean `TIER`?");
    project.run(["build", "--var", "TIER=red", "--var", "OTHER=1"]).success().lacks("has no effect");
}

#[test]
fn missing_dockerfile_suggests_an_existing_one() {
    let project = Project::new()
        .file(
            "devspace.yaml",
            "version: v1beta11\nimages:\n  api: {image: r.example/api, dockerfile: build/Dokerfile}\n",
        )
        .file("build/Dockerfile", "FROM scratch\n");
    project.run(["plan"]).exits(1).stderr_has("did you mean `Dockerfile`?");
}
