//! Hooks of `windlass dev`.

use std::time::Duration;

use crate::harness::{Project, wait_for};

/// How long to wait for a pass.
const LIMIT: Duration = Duration::from_secs(60);

const CONFIG: &str = "version: v2beta1\nname: shop\nimages:\n  web: {image: registry.test/web}\nhooks:\n\
                      - {events: ['devCommand:before:execute'], command: 'echo before >>hooks'}\n\
                      - {events: ['devCommand:after:execute'], command: 'echo after >>hooks'}\n\
                      - {events: ['devCommand:error'], command: 'echo error >>hooks'}";

#[test]
fn hooks_run_before_a_session_after_it_and_on_failures() {
    let project = Project::new()
        .file("devspace.yaml", CONFIG)
        .file("Dockerfile", "FROM scratch\nCOPY page /page\n")
        .file(".dockerignore", "hooks\n")
        .file("page", "one");
    let running = project.spawn(["dev", "--skip-push", "--builder", "oci"]);
    running.wait_for_text("watching ");
    assert_eq!(project.read("hooks"), "before\n");
    // A failed pass does not end the session.
    project.write("Dockerfile", "FROM scratch\nCOPY missing /page\n");
    let hooks =
        || std::fs::read_to_string(project.path("hooks")).ok().filter(|text| text.ends_with("error\n"));
    assert_eq!(wait_for("the hook of the failure", LIMIT, hooks), "before\nerror\n");
    running.interrupt().exits(130);
    assert_eq!(project.read("hooks"), "before\nerror\nafter\n");
}
