//! Push: credentials, retries, the report of each failure, and the rest for the next run.

use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;

use crate::harness::{
    Daemon, Fault, FaultProxy, Output, PASSWORD, Project, Registry, SecondAddress, TestRepository, USER,
};

/// Printed only by a build that really ran.
const BUILDING: &str = "building with Docker";

fn project(daemon: &Daemon, repository: &TestRepository, fields: &str) -> Project {
    let config = format!("version: v1beta9\nimages:\n  app:\n    image: {repository}\n{fields}");
    let dockerfile = format!("FROM {}\nCOPY a.txt /\nRUN echo ran\n", daemon.base());
    Project::new()
        .daemon(daemon)
        .file("devspace.yaml", config)
        .file("Dockerfile", dockerfile)
        .file("a.txt", repository.path())
}

fn config(registry: &Registry, password: &str) -> String {
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{password}"));
    format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, registry.address())
}

/// Asserts that the password is in no output and no file of the project.
#[track_caller]
fn has_no_secret(project: &Project, output: &Output) {
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    output.lacks(PASSWORD).lacks(&encoded);
    let mut folders = vec![project.path("")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a directory of the project").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = String::from_utf8_lossy(&fs::read(&path).expect("a file of the project")).into_owned();
            assert!(
                !text.contains(PASSWORD) && !text.contains(&encoded),
                "a secret is in {}",
                path.display()
            );
        }
    }
}

fn manifests(repository: &TestRepository) -> String {
    format!("/v2/{}/manifests/", repository.path())
}

#[test]
fn each_tag_is_pushed_with_progress_and_its_digest_recorded() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "app");
    // No docker CLI is needed.
    let project = project(&daemon, &repository, "").env("PATH", "/nowhere");
    let random: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(2 << 20).collect();
    project.write("a.txt", random);
    let result = project.path("result.json");
    let arguments = ["build", "--progress", "json", "-t", "one,two", "--result"].map(Path::new);
    let output = project.run(arguments.into_iter().chain([result.as_path()]));
    output.success();

    let digest = registry.digest(&repository, "one").expect("it is pushed");
    let events = output.json_lines();
    for tag in ["one", "two"] {
        let reference = format!("{repository}:{tag}");
        let pushed =
            events.iter().find(|event| event["type"] == "pushed" && event["reference"] == *reference);
        assert_eq!(pushed.expect("an event for each tag")["digest"], *digest);
    }
    let step = format!("pushing {repository}:one");
    let last = events.iter().rfind(|event| event["type"] == "step_progress" && event["step"] == *step);
    let last = last.expect("progress of the push");
    assert!(last["total"].as_u64() >= Some(2 << 20) && last["done"] == last["total"], "{last}");

    let result: serde_json::Value = serde_json::from_str(&project.read("result.json")).expect("JSON");
    let image = &result["images"][0];
    assert_eq!((&image["digest"], &image["pushed"]), (&digest.clone().into(), &true.into()));
    let state: serde_json::Value =
        serde_json::from_str(&project.read(".windlass/images/app.json")).expect("JSON");
    assert_eq!(state["records"][0]["pushed"], serde_json::json!({ "one": digest, "two": digest }));
}

#[test]
fn push_permission_is_checked_before_the_build() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(registry) = Registry::with_login() else { return };
    let repository = daemon.repository(&registry.address(), "app");
    let advice = format!("run `windlass login {}`", registry.address());
    let project = project(&daemon, &repository, "");

    let output = project.run(["build"]);
    output.exits(1).stderr_has(&advice).stderr_has("requires credentials; none found").lacks(BUILDING);

    let project = project.docker_config(config(&registry, "wrong"));
    let output = project.run(["build"]);
    output.exits(1).stderr_has(&advice).stderr_has("refused the credentials").lacks(BUILDING);
    assert!(daemon.tags(&repository).is_empty());

    let project = project.docker_config(config(&registry, PASSWORD));
    let output = project.run(["build", "--debug", "-t", "one"]);
    output.success();
    has_no_secret(&project, &output);
    assert_eq!(registry.tags(&repository), ["one"]);
}

#[test]
fn credential_helpers_are_queried() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(registry) = Registry::with_login() else { return };
    let address = registry.address();
    let helper = format!(
        "#!/bin/sh\nread key\n[ \"$1 $key\" = 'get {address}' ] || exit 1\n\
         echo '{{\"ServerURL\":\"\",\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'\n"
    );
    for config in [format!(r#"{{"credHelpers": {{"{address}": "own"}}}}"#), r#"{"credsStore": "own"}"#.into()]
    {
        let repository = daemon.repository(&address, "app");
        let project = project(&daemon, &repository, "").docker_config(config);
        let project = project.program_on_path("docker-credential-own", &helper);
        let output = project.run(["build", "-t", "one"]);
        output.success();
        has_no_secret(&project, &output);
        assert_eq!(registry.tags(&repository), ["one"]);
    }
}

#[test]
fn a_failing_credential_helper_is_named_before_the_build() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(registry) = Registry::with_login() else { return };
    let repository = daemon.repository(&registry.address(), "app");
    let project = project(&daemon, &repository, "").docker_config(r#"{"credsStore": "own"}"#);
    let helper = "`docker-credential-own`";

    let output = project.run(["build"]);
    output.exits(1).stderr_has(helper).stderr_has("command not found").lacks(BUILDING);

    let project = project.program_on_path("docker-credential-own", "#!/bin/sh\necho it is locked; exit 1\n");
    project.run(["build"]).exits(1).stderr_has(helper).stderr_has("it is locked").lacks(BUILDING);

    // The processes that it starts end with it.
    let script = "#!/bin/sh\nsleep 1000 & echo $! > \"$HOME/child\"\nwait\n";
    let project = project.program_on_path("docker-credential-own", script);
    let output = project.run(["build"]);
    output.exits(1).stderr_has(helper).stderr_has("timed out").stderr_has("after 15 seconds").lacks(BUILDING);
    let child = fs::read_to_string(project.home().join("child")).expect("the helper ran");
    crate::harness::wait_for("the end of the helper's child", Duration::from_secs(10), || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.trim()));
        stat.map_or(true, |stat| stat.contains(") Z ")).then_some(())
    });
}

#[test]
fn an_open_registry_needs_no_credential_helper() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "app");
    let project = project(&daemon, &repository, "").docker_config(r#"{"credsStore": "nobody"}"#);
    let output = project.run(["build", "-t", "one"]);
    output.success().stderr_has("continuing without credentials").stderr_has("`docker-credential-nobody`");
    assert_eq!(registry.tags(&repository), ["one"]);
}

#[test]
fn a_push_survives_temporary_registry_errors() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let slow = Fault::Delay(Duration::from_millis(500));
    for (fault, tries) in [(Fault::Status(500), 3), (Fault::Drop, 3), (slow, 1)] {
        let proxy = FaultProxy::before(&registry);
        let repository = daemon.repository(&proxy.address(), "app");
        proxy.fault(2, "PUT", &manifests(&repository), fault);
        let output = project(&daemon, &repository, "").run(["build", "-t", "one"]);
        output.success();
        if tries > 1 {
            output.stderr_has("retrying in");
        }
        assert_eq!(registry.tags(&repository), ["one"]);
        assert_eq!(proxy.count("PUT", &manifests(&repository)), tries, "{fault:?}\n{output}");
    }
}

#[test]
fn persistent_registry_errors_fail_the_push() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let proxy = FaultProxy::before(&registry);
    let repository = daemon.repository(&proxy.address(), "app");
    proxy.fault(100, "PUT", &manifests(&repository), Fault::Status(503));
    let output = project(&daemon, &repository, "").run(["build"]);
    output.exits(1).stderr_has("registry server error").stderr_has("try again later");
    // The daemon may send the request twice in each of the three attempts.
    let count = proxy.count("PUT", &manifests(&repository));
    assert!([3, 6].contains(&count), "{count}");
}

#[test]
fn each_rejection_before_the_build_has_a_hint() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let check = |status, message: &str, help: &str| {
        let proxy = FaultProxy::before(&registry);
        let repository = daemon.repository(&proxy.address(), "app");
        proxy.fault(100, "POST", "", Fault::Status(status));
        let project = project(&daemon, &repository, "")
            .docker_config(config(&registry, PASSWORD).replace(&registry.address(), &proxy.address()));
        let output = project.run(["build"]);
        output.exits(1).stderr_has(message).stderr_has(help).lacks(BUILDING);
        has_no_secret(&project, &output);
    };
    check(403, "denied access", "windlass login 127.0.0.1");
    check(404, "not found (", "create the repository");
}

#[test]
fn each_rejection_after_the_build_has_a_hint() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let check = |status, help: &str| {
        let proxy = FaultProxy::before(&registry);
        let repository = daemon.repository(&proxy.address(), "app");
        proxy.fault(100, "PUT", &manifests(&repository), Fault::Status(status));
        let output = project(&daemon, &repository, "").run(["build"]);
        output.exits(1).stderr_has(BUILDING).stderr_has(help);
        assert_eq!(proxy.count("PUT", &manifests(&repository)), 1, "a refusal is final");
    };
    check(401, "windlass login 127.0.0.1");
    check(403, "windlass login 127.0.0.1");
    check(404, "create the repository");
}

#[test]
fn tls_and_plain_http_failures_have_a_hint() {
    let Some(daemon) = Daemon::acquire() else { return };
    let (Some(open), Some(tls)) = (Registry::start(), Registry::with_tls()) else { return };
    for (registry, code, help) in
        [(&open, "registry::plain_http", "insecure-registries"), (&tls, "registry::tls", "ca.crt")]
    {
        let Some(second) = SecondAddress::before(&daemon, registry) else { return };
        let repository = daemon.repository(&second.address(), "app");
        let output = project(&daemon, &repository, "").run(["build", "--debug"]);
        output.exits(1).stderr_has(code).stderr_has(help).stderr_has("cannot check the permission to push");
    }
}

#[test]
fn nothing_is_pushed_when_pushing_is_disabled() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let proxy = FaultProxy::before(&registry);
    let skip = "    build: {docker: {skipPush: true}}\n";
    for (fields, arguments) in [("", &["build", "--skip-push"][..]), (skip, &["build"][..])] {
        let repository = daemon.repository(&proxy.address(), "app");
        let project = project(&daemon, &repository, fields);
        project.run(arguments).success();
        assert_eq!(daemon.tags(&repository).len(), 1);
        project.run(arguments).success().stderr_has("skipped: unchanged");
    }
    assert_eq!(proxy.count("", ""), 0);
}

/// With the argument, the docker CLI itself would push.
#[test]
fn pushing_arguments_are_rejected_when_pushing_is_disabled() {
    let config = "version: v1beta9\nimages:\n  app:\n    image: r.example/app\n    build: {docker: {args: [--push]}}\n";
    let project = Project::new().file("devspace.yaml", config).file("Dockerfile", "FROM scratch\n");
    for command in ["plan", "build"] {
        let output = project.run([command, "--skip-push", "--builder", "docker"]);
        output.exits(1).stderr_has("stage::build::pushes").stderr_has("`--push` of `args` pushes");
    }
}

/// `--skip-push` applies to every stage that pushes, not only to `publish` of the default pipeline.
#[test]
fn skip_push_applies_to_every_stage() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let stored = "built.annotate(#{ note: \"a\" }).attach(\"text/plain\", \"a\").push()";
    for (builder, publish) in [("docker", "built.push()"), ("oci", stored)] {
        let proxy = FaultProxy::before(&registry);
        let app = daemon.repository(&proxy.address(), builder);
        let mirror = daemon.repository(&proxy.address(), &format!("{builder}-mirror"));
        let script = format!(
            "fn publish(image, built) {{
                let built = {publish};
                built.push_to(\"{mirror}:pushed\");
                built
            }}
            fn after_build(project, results) {{
                print(`copied as ${{copy_image(\"{app}:one\", \"{mirror}:copied\")}}`);
            }}"
        );
        let project = project(&daemon, &app, "    tags: [one]\n")
            .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
            .file("windlass.rhai", script);
        let plan = |arguments: &[&str]| {
            let output = project.run(["plan", "--json", "--builder", builder].iter().chain(arguments));
            let plan: serde_json::Value = serde_json::from_str(&output.success().stdout).expect("JSON");
            plan.to_string()
        };
        assert!(!plan(&["--skip-push"]).contains("\"push\":[\""), "{}", plan(&["--skip-push"]));
        let output = project.run(["build", "--skip-push", "--builder", builder]);
        output.success();
        for kept in [format!("{app}:one"), format!("{mirror}:pushed"), format!("{mirror}:copied")] {
            output.stderr_has(format!("not pushing {kept}: --skip-push"));
        }
        assert_eq!(proxy.count("", ""), 0, "{builder}");
        let next = plan(&[]);
        assert!(next.contains(&format!("{app}:one")) && next.contains("\"push\":[\""), "{next}");
        project
            .run(["build", "--builder", builder])
            .success()
            .stderr_has("copied as sha256:")
            .lacks("not pushing");
        // A registry without referrers lists attachments under a separate tag.
        let tags = |repository| {
            let tags = registry.tags(repository).into_iter();
            tags.filter(|tag| !tag.starts_with("sha256-")).collect::<Vec<_>>()
        };
        assert_eq!(tags(&app), ["one"]);
        assert_eq!(tags(&mirror), ["copied", "pushed"]);
    }
}

#[test]
fn after_a_failed_push_the_next_run_only_pushes() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let proxy = FaultProxy::before(&registry);
    let repository = daemon.repository(&proxy.address(), "app");
    proxy.fault(1, "PUT", &manifests(&repository), Fault::Status(403));
    let project = project(&daemon, &repository, "");
    project.run(["build"]).exits(1).stderr_has(BUILDING);
    let again = project.run(["build"]);
    again.success().stderr_has("finishing: unchanged, not finished yet, not pushed yet").lacks(BUILDING);
    assert_eq!(registry.tags(&repository), daemon.tags(&repository));
    project.run(["build"]).success().stderr_has("skipped: unchanged");
}

#[test]
fn the_next_run_pushes_only_the_tags_that_are_missing() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let proxy = FaultProxy::before(&registry);
    let repository = daemon.repository(&proxy.address(), "app");
    let put = |tag| proxy.count("PUT", &format!("{}{tag}", manifests(&repository)));
    proxy.fault(1, "PUT", &format!("{}two", manifests(&repository)), Fault::Status(403));
    let project = project(&daemon, &repository, "    tags: [one, two]\n");
    project.run(["build"]).exits(1);
    assert_eq!(registry.tags(&repository), ["one"]);
    project.run(["build"]).success().stderr_has("tag two is not pushed yet").lacks(BUILDING);
    assert_eq!(registry.tags(&repository), ["one", "two"]);
    assert_eq!((put("one"), put("two")), (1, 2));
}

#[test]
fn a_new_tag_needs_no_build() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "app");
    let project = project(&daemon, &repository, "");
    let tag = |project: &Project, tag: &str| {
        let output = project.run(["build", "-t", tag]);
        output.success();
        assert_eq!(registry.digest(&repository, tag), registry.digest(&repository, "one"), "{output}");
        output
    };
    tag(&project, "one").stderr_has(BUILDING);
    // First the daemon has the image, then only the registry has it, and in the end no daemon is running.
    tag(&project, "two").stderr_has("new tag two").lacks(BUILDING);
    assert_eq!(daemon.tags(&repository), ["one", "two"]);
    daemon.docker(["image", "rm", &format!("{repository}:one"), &format!("{repository}:two")]);
    tag(&project, "three").stderr_has("new tag three").lacks(BUILDING);
    tag(&project.env("DOCKER_HOST", "unix:///nowhere"), "four").lacks(BUILDING);
    assert_eq!(registry.tags(&repository).len(), 4);
}

#[test]
fn check_registry_notices_images_missing_from_the_registry() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let proxy = FaultProxy::before(&registry);
    let repository = daemon.repository(&proxy.address(), "app");
    let project = project(&daemon, &repository, "    tags: [one, two]\n");
    project.run(["build"]).success();
    project.run(["build", "--check-registry"]).success().stderr_has("skipped: unchanged");
    registry.remove_tag(&repository, "two");
    let asked = proxy.count("", "");
    project.run(["build"]).success().stderr_has("skipped: unchanged");
    assert_eq!(proxy.count("", ""), asked, "a pushed image is trusted");
    // Its name in older versions.
    let output = project.run(["build", "--verify"]);
    output.success().stderr_has("tag two is no longer in the registry").lacks(BUILDING);
    assert_eq!(registry.tags(&repository), ["one", "two"]);
}

#[test]
fn check_registry_notices_missing_images_of_a_command() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "app");
    let project = project(
        &daemon,
        &repository,
        "    tags: ['1']\n    build: {custom: {command: ./make, onChange: [make]}}\n",
    )
    .executable(
        "make",
        format!("#!/bin/sh\ndocker tag {} \"$1\" && docker push --quiet \"$1\"\n", daemon.base()),
    );
    let build = |arguments: &[&str]| project.run(["build"].iter().chain(arguments)).success().clone();
    build(&[]).stderr_has("building: never built here");
    build(&["--check-registry"]).stderr_has("skipped: unchanged");
    registry.remove_tag(&repository, "1");
    build(&[]).stderr_has("skipped: unchanged");
    build(&["--check-registry"]).stderr_has("building: tag 1 is no longer in the registry");
    assert_eq!(registry.tags(&repository), ["1"]);
    // Another image under its tag is noticed as well, once its digest was seen.
    let reference = format!("{repository}:1");
    daemon.docker(["build", "--quiet", "--tag", &reference, project.path("").to_str().expect("a string")]);
    daemon.docker(["push", "--quiet", &reference]);
    build(&["--check-registry"]).stderr_has("building: tag 1 is a different image in the registry");
    build(&["--check-registry"]).stderr_has("skipped: unchanged");
}

#[test]
fn an_invalid_repository_is_rejected_with_its_location() {
    let output = Project::new()
        .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: a_b.io/app\n")
        .run(["build"]);
    output.exits(2).stderr_has("devspace.yaml:4:12").stderr_says("`a_b.io` is not a host name");
}

#[test]
fn a_private_base_image_is_pulled_with_the_stored_credentials() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(registry) = Registry::with_login() else { return };
    let advice = format!("run `windlass login {}`", registry.address());
    for use_build_kit in [true, false] {
        let base = daemon.repository(&registry.address(), "base");
        let reference = format!("{base}:1");
        let repository = daemon.repository("", "app");
        let project = project(&daemon, &repository, "")
            .file(
                "devspace.yaml",
                format!(
                    "version: v1beta9\nimages:\n  app:\n    image: {repository}\n    build: {{docker: {{useBuildKit: {use_build_kit}, skipPush: true}}}}\n"
                ),
            )
            .file("Dockerfile", format!("FROM {reference}\nCOPY a.txt /\n"))
            .docker_config(registry.docker_config());
        daemon.docker(["tag", &daemon.base(), &reference]);
        project.run_program("docker", ["push", &reference]).success();
        daemon.docker(["image", "rm", &reference]);

        let message = format!("cannot pull `{reference}`");
        let project = project.docker_config("{}");
        project.run(["build"]).exits(1).stderr_has(&message).stderr_has(&advice);
        let project = project.docker_config(config(&registry, "wrong"));
        project.run(["build"]).exits(1).stderr_has(&message).stderr_has(&advice);
        let project = project.docker_config(config(&registry, PASSWORD));
        let output = project.run(["build"]);
        output.success();
        has_no_secret(&project, &output);
    }
}

/// A project with one image of one layer, assembled without a daemon.
fn assembled(repository: &str) -> Project {
    Project::new()
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  app:\n    image: {repository}\n"))
        .file("Dockerfile", "FROM scratch\nCOPY a.txt /\n")
        .file("a.txt", repository)
}

#[test]
fn a_retry_time_of_the_registry_is_honored() {
    let Some(registry) = Registry::start() else { return };
    let check = |name: &str, method: &str, path: &str, status: u16, as_date: bool| {
        let proxy = FaultProxy::before(&registry);
        let seconds = if as_date { 2 } else { 1 };
        // As often as a request is attempted when the registry does not name a time to wait.
        let path = format!("/v2/{name}/{path}");
        proxy.fault(3, method, &path, Fault::Busy { status, seconds, as_date });
        let output =
            assembled(&format!("{}/{name}", proxy.address())).run(["build", "--builder", "oci", "-t", "1"]);
        output.success().stderr_has("waiting ").stderr_has(format!(": requested by {}", proxy.address()));
        assert!(registry.digest_at(name, "1").is_some(), "{output}");
        assert!(proxy.count(method, &path) > 3, "{output}");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| check("begin", "POST", "blobs/uploads/", 429, false));
        scope.spawn(|| check("upload", "PUT", "blobs/uploads/", 429, false));
        scope.spawn(|| check("tag", "PUT", "manifests/", 429, true));
        scope.spawn(|| check("look", "HEAD", "", 503, false));
    });
}

#[test]
fn a_retry_time_of_hours_is_not_honored() {
    let Some(registry) = Registry::start() else { return };
    let proxy = FaultProxy::before(&registry);
    proxy.fault(9, "PUT", "/v2/app/manifests/", Fault::Busy { status: 429, seconds: 7200, as_date: false });
    let output = assembled(&format!("{}/app", proxy.address())).run(["build", "--builder", "oci", "-t", "1"]);
    output.exits(1).stderr_says("retry after 2 hours").stderr_has("try again in 2 hours");
    assert_eq!(proxy.count("PUT", "/v2/app/manifests/"), 1, "{output}");
}

#[test]
fn a_push_by_the_daemon_to_a_busy_registry_waits_longer() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let proxy = FaultProxy::before(&registry);
    let repository = daemon.repository(&proxy.address(), "app");
    proxy.fault(1, "PUT", &manifests(&repository), Fault::Busy { status: 429, seconds: 1, as_date: false });
    let output = project(&daemon, &repository, "").run(["build", "-t", "one"]);
    output.success().stderr_has("retrying in 5 s");
    assert_eq!(registry.tags(&repository), ["one"]);
}

#[test]
fn without_its_helper_the_credentials_in_the_file_are_used() {
    let Some(daemon) = Daemon::acquire() else { return };
    let Some(registry) = Registry::with_login() else { return };
    let address = registry.address();
    let inline = registry.docker_config();
    let helpers =
        [r#""credsStore": "gone""#.to_owned(), format!(r#""credHelpers": {{"{address}": "gone"}}"#)];
    for (helpers, tag) in helpers.iter().zip(["store", "own"]) {
        for builder in ["docker", "oci"] {
            let repository = daemon.repository(&address, builder);
            let config =
                inline.strip_suffix('}').map(|start| format!("{start}, {helpers}}}")).expect("an object");
            let project = assembled(repository.name()).daemon(&daemon).docker_config(&config);
            let output = project.run(["build", "--builder", builder, "-t", tag]);
            output.success().stderr_has("`docker-credential-gone`").lacks(PASSWORD);
            assert_eq!(registry.tags(&repository), [tag], "{config}");
        }
    }
}
