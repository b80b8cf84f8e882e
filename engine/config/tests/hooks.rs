use super::Fixture;
use crate::config::HookAction;

#[track_caller]
fn events(hook: &str, expected: &[&str]) {
    let loaded = Fixture::new(&format!("images: {{api: {{image: acme/api}}}}\nhooks: [{hook}]")).loaded();
    assert_eq!(loaded.project.hooks[0].events, expected, "{hook}");
}

#[test]
fn old_forms_become_event_names() {
    events("{command: x, when: {before: {images: all}}}", &["before:build"]);
    events("{command: x, when: {before: {images: api}}}", &["before:build:api"]);
    events("{command: x, when: {after: {images: 'all, api'}}}", &["after:build", "after:build:api"]);
    events("{command: x, when: {onError: {images: all}}}", &["error:build:*"]);
    events("{command: x, when: {onError: {images: api}}}", &["error:build:api"]);
    events("{command: x, when: {after: {initialSync: all}}}", &["after:initialSync:*"]);
    events(
        "{command: x, when: {before: {deployments: all}, after: {deployments: db}}}",
        &["before:deploy", "after:deploy:db"],
    );
    events(
        "{command: x, when: {before: {purgeDeployments: all, pullSecrets: all, dependencies: all}}}",
        &[
            "before:purge",
            "before:buildDependencies",
            "before:deployDependencies",
            "before:createPullSecrets",
        ],
    );
    events("{command: x, events: ['before:build', 'skip:build:*']}", &["before:build", "skip:build:*"]);
}

#[test]
fn fields_of_hooks_are_read() {
    let text = "hooks:
- {command: make, args: [a], os: linux, background: true, silent: true, events: [before:build]}
- {disabled: true, command: x}
- {upload: {localPath: a}, where: {container: {imageName: x}}, events: [after:deploy]}
";
    let hooks = Fixture::new(text).loaded().project.hooks;
    assert_eq!(hooks.len(), 2);
    assert_eq!((hooks[0].command.as_str(), hooks[0].args.as_deref()), ("make", Some(&["a".to_owned()][..])));
    assert!(hooks[0].background && hooks[0].silent && hooks[0].container.is_none());
    assert_eq!(hooks[0].os.as_deref(), Some("linux"));
    assert_eq!(hooks[0].origin.to_string(), "devspace.yaml:3:3");
    let container = hooks[1].container.as_ref().expect("a container");
    assert_eq!(container.selection.image.as_deref(), Some("x"));
    assert_eq!(container.action, HookAction::Copy("upload"));
}

#[test]
fn wrong_hooks_are_reported() {
    let check = |hook: &str, expected: &[&str]| {
        assert_eq!(Fixture::new(&format!("hooks: [{hook}]")).problems(), expected, "{hook}");
    };
    check("{args: [a], events: [e]}", &["2:9: a hook has no `command`"]);
    check("{command: x, wen: {}}", &["2:22: unknown key `wen` in a hook"]);
    check("{command: x, when: {befor: {}}}", &["2:29: unknown key `befor` in `when` of a hook"]);
    check("{command: x, when: {before: {image: all}}}", &["2:38: unknown key `image` in `before` of a hook"]);
}

#[test]
fn hooks_that_never_run_are_warned_about() {
    let loaded = Fixture::new(
        "images: {api: {image: acme/api}}\nhooks: [{command: x}, {command: y, when: {after: {images: apo}}}]",
    )
    .loaded();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "devspace.yaml:3:9: a hook never runs: it has no events",
            "devspace.yaml:3:59: unknown image `apo` in an event of a hook",
        ]
    );
}
