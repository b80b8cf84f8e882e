//! Pull secrets on a real API server: the written and kept fields, and the report of each failure.

use std::net::TcpListener;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use serde_json::json;

use crate::harness::{Cluster, Project, wait_for};

/// The user and the password for every registry of these tests.
const PASSWORD: &str = "correct horse";

/// How long to wait for another program.
const LIMIT: Duration = Duration::from_secs(60);

/// An image that requests a pull secret and needs no daemon: its command builds nothing.
fn config(registry: &str) -> String {
    format!(
        "version: v1beta9\nimages:\n  api:\n    image: {registry}/acme/api\n    createPullSecret: true\n    build: \
         {{custom: {{command: 'true', args: []}}}}\n"
    )
}

/// Docker's configuration with credentials for `registries`.
fn credentials(registries: &[&str]) -> String {
    let auth = STANDARD.encode(format!("ann:{PASSWORD}"));
    let auths = registries.iter().map(|registry| ((*registry).to_owned(), json!({ "auth": auth })));
    json!({ "auths": auths.collect::<serde_json::Map<_, _>>() }).to_string()
}

/// A project with `kubeconfig`, and credentials for `r.example`.
fn project_with(kubeconfig: &str) -> Project {
    let project = Project::new()
        .file("devspace.yaml", config("r.example"))
        .file("kubeconfig", kubeconfig)
        .docker_config(credentials(&["r.example"]));
    let path = project.path("kubeconfig");
    project.env("KUBECONFIG", path)
}

fn project(cluster: &Cluster) -> Project {
    project_with(&cluster.kubeconfig("test"))
}

#[test]
fn a_build_creates_a_pull_secret_and_names_its_user() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = project(&cluster);
    let output = project.run(["build"]);
    let line = format!(
        "namespace {} of test pulls from r.example as ann (secret devspace-auth-r-example, service account default)",
        cluster.namespace()
    );
    output.success().stderr_has(line).lacks(PASSWORD);

    let auth = STANDARD.encode(format!("ann:{PASSWORD}"));
    let expected = json!({ "auths": { "r.example": { "auth": auth, "email": "noreply@devspace.cloud" } } });
    assert_eq!(cluster.pull_secret("devspace-auth-r-example"), Some(expected));
    let secret: Secret = cluster.find("devspace-auth-r-example").expect("the secret exists");
    assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/dockerconfigjson"));
    assert_eq!(secret.metadata.labels.unwrap_or_default()["app.kubernetes.io/managed-by"], "windlass");
    let managers = secret.metadata.managed_fields.unwrap_or_default();
    assert_eq!(
        managers.iter().filter_map(|entry| entry.manager.as_deref()).collect::<Vec<_>>(),
        ["windlass"]
    );
    assert_eq!(cluster.pull_secrets_of("default"), ["devspace-auth-r-example"]);

    // Again, with an unchanged image: nothing is written.
    let version = |cluster: &Cluster| {
        let secret: Secret = cluster.find("devspace-auth-r-example").expect("the secret exists");
        let account: ServiceAccount = cluster.find("default").expect("the account exists");
        (secret.metadata.resource_version, account.metadata.resource_version)
    };
    let before = version(&cluster);
    project.run(["build"]).success();
    assert_eq!(version(&cluster), before);
    let logged = project.run_program("grep", ["-r", "-F", PASSWORD, ".windlass"]);
    logged.exits(1).stdout_is("");
}

#[test]
fn docker_hub_and_identity_tokens_have_their_own_form() {
    let Some(cluster) = Cluster::acquire() else { return };
    let config = "version: v1beta9\nimages:\n  hub: {image: acme/hub, createPullSecret: true, build: {custom: {command: \
                  'true', args: []}}}\n  azure: {image: acme.azurecr.io/api, createPullSecret: true, build: {custom: \
                  {command: 'true', args: []}}}\n";
    let docker = json!({ "auths": {
        "https://index.docker.io/v1/": { "auth": STANDARD.encode("ann:pw") },
        "acme.azurecr.io": { "identitytoken": "token", "auth": "" },
    } });
    let project = project(&cluster).file("devspace.yaml", config).docker_config(docker.to_string());
    project.run(["build"]).success();

    let auth = |name: &str, key: &str| {
        let secret = cluster.pull_secret(name).unwrap_or_else(|| panic!("no {name}"));
        let auth = secret["auths"][key]["auth"].as_str().unwrap_or_default().to_owned();
        String::from_utf8(STANDARD.decode(auth).expect("base64")).expect("text")
    };
    assert_eq!(auth("devspace-auth-docker", "https://index.docker.io/v1/"), "ann:pw");
    let azure = auth("devspace-auth-acme-azurecr-io", "acme.azurecr.io");
    assert_eq!(azure, "00000000-0000-0000-0000-000000000000:token");
    let mut secrets = cluster.pull_secrets_of("default");
    secrets.sort();
    assert_eq!(secrets, ["devspace-auth-acme-azurecr-io", "devspace-auth-docker"]);
}

#[test]
fn no_secret_is_written_without_credentials_or_request() {
    let Some(cluster) = Cluster::acquire() else { return };
    let anonymous = project(&cluster).docker_config("{}");
    let line = "no pull secret for r.example: no credentials that a cluster can use; run `windlass \
                login r.example`";
    anonymous.run(["build"]).success().stderr_has(line);

    for (wish, arguments) in [("createPullSecret: false", &["build"][..]), ("tags: [one]", &["build"])] {
        let project = project(&cluster);
        project.write("devspace.yaml", config("r.example").replace("createPullSecret: true", wish));
        project.run(arguments).success().lacks("pull").lacks("cluster");
    }
    project(&cluster).run(["build", "--skip-push"]).success().lacks("pulls from");
    let opt_out = project(&cluster).file("windlass.rhai", "fn pull_secret(image) { }");
    opt_out.run(["build"]).success().lacks("pulls from");
    assert_eq!(cluster.pull_secret_count(), 0);
    assert!(cluster.pull_secrets_of("default").is_empty());
}

#[test]
fn concurrent_changes_of_a_service_account_are_kept() {
    let Some(cluster) = Cluster::acquire() else { return };
    cluster.create_account("app", &["by-hand"]);
    let registries: Vec<String> = (0..6).map(|number| format!("r{number}.example")).collect();
    let projects: Vec<_> = registries
        .iter()
        .map(|registry| {
            let config = format!(
                "version: v1beta9\nimages: {{}}\npullSecrets:\n- {{registry: {registry}, username: bob, password: x, \
                 serviceAccounts: [default, app]}}\n"
            );
            project(&cluster).file("devspace.yaml", config)
        })
        .collect();
    let running: Vec<_> = projects.iter().map(|project| project.spawn(["build"])).collect();
    running.into_iter().for_each(|running| {
        running.finish().success();
    });
    let expected: Vec<_> = (0..6).map(|number| format!("devspace-auth-r{number}-example")).collect();
    let mut found = cluster.pull_secrets_of("default");
    found.sort();
    assert_eq!(found, expected);
    let mut found = cluster.pull_secrets_of("app");
    found.sort();
    assert_eq!(found, [vec!["by-hand".to_owned()], expected].concat());
}

#[test]
fn the_section_sets_names_accounts_and_credentials() {
    let Some(cluster) = Cluster::acquire() else { return };
    cluster.create_account("app", &[]);
    let config = "version: v1beta11\npullSecrets:\n- {registry: r.example, secret: mine, serviceAccounts: [app], email: \
                  a@b.c}\n- {registry: s.example, username: bob, password: '${PW}'}\n- {registry: off.example, \
                  username: bob, password: x, disabled: true}\n- {registry: none.example}\nvars: [{name: PW, value: \
                  hunter2}]\n";
    let project = project(&cluster).file("devspace.yaml", config);
    let output = project.run(["build"]);
    output.success().lacks("hunter2").stderr_has("r.example as ann").stderr_has("s.example as bob");
    output.stderr_has("no pull secret for none.example").lacks("off.example");

    let mine = cluster.pull_secret("mine").expect("the secret exists");
    assert_eq!(mine["auths"]["r.example"]["email"], "a@b.c");
    let other = cluster.pull_secret("devspace-auth-s-example").expect("the secret exists");
    assert_eq!(other["auths"]["s.example"]["auth"], STANDARD.encode("bob:hunter2"));
    assert_eq!(cluster.pull_secrets_of("app"), ["mine"]);
    assert_eq!(cluster.pull_secrets_of("default"), ["devspace-auth-s-example"]);
    assert_eq!(cluster.pull_secret_count(), 2);
}

#[test]
fn the_newest_version_has_one_secret_for_all_registries() {
    let Some(cluster) = Cluster::acquire() else { return };
    let config = "version: v2beta1\nname: shop\npullSecrets:\n  one: {registry: r.example}\n  two: {registry: \
                  s.example, username: bob, password: x}\n  none: {registry: none.example}\n";
    let project = project(&cluster).file("devspace.yaml", config);
    let output = project.run(["build"]);
    output.success().stderr_has("r.example as ann, s.example as bob (secret devspace-pull-secrets,");
    let secret = cluster.pull_secret("devspace-pull-secrets").expect("the secret exists");
    let registries: Vec<_> = secret["auths"].as_object().expect("a map").keys().collect();
    assert_eq!(registries, ["r.example", "s.example"]);
    assert_eq!(cluster.pull_secrets_of("default"), ["devspace-pull-secrets"]);
    assert_eq!(cluster.pull_secret_count(), 1);
}

#[test]
fn an_exceeded_quota_is_not_a_missing_permission() {
    let Some(cluster) = Cluster::acquire() else { return };
    cluster.limit(&json!({ "count/secrets": "0" }));
    let output = project(&cluster).run(["build"]);
    output.success().stderr_has("cannot create the pull secret").stderr_has("exceeded quota: none");
    output.lacks("get permission");
}

#[test]
fn an_image_can_leave_its_registry_to_the_section() {
    let Some(cluster) = Cluster::acquire() else { return };
    let section = "pullSecrets:\n- {registry: r.example, username: bot, password: x}\n";
    let project = project(&cluster).file("devspace.yaml", config("r.example") + section);
    project.run(["build"]).success().stderr_has("r.example as bot").lacks("as ann");
    assert_eq!(cluster.pull_secret_count(), 1);
}

#[test]
fn a_foreign_secret_is_not_changed() {
    let Some(cluster) = Cluster::acquire() else { return };
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": STANDARD.encode("{}") },
    });
    cluster.apply_secret("mine", theirs.clone());
    cluster.apply_secret("devspace-auth-r-example", theirs);
    let config = "version: v1beta11\npullSecrets:\n- {registry: r.example, secret: mine}\n- {registry: s.example, \
                  username: bob, password: x}\n";
    let project = project(&cluster).file("devspace.yaml", config);
    let output = project.run(["build"]);
    output.success().stderr_has("cannot create the pull secret `mine`").stderr_has("somebody");
    output.stderr_has("choose another name with `secret`");
    assert_eq!(cluster.pull_secret("mine"), Some(json!({})));
    // The secret of the other registry is not affected.
    assert!(cluster.pull_secret("devspace-auth-s-example").is_some());

    // A secret with the name that windlass gives to such secrets is adopted.
    project.write("devspace.yaml", config.replace(", secret: mine", ""));
    project.run(["build"]).success().stderr_has("secret devspace-auth-r-example");
    assert!(
        cluster.pull_secret("devspace-auth-r-example").expect("it exists")["auths"]["r.example"].is_object()
    );
}

#[test]
fn a_late_service_account_is_waited_for() {
    let Some(cluster) = Cluster::acquire() else { return };
    let config = "version: v1beta11\npullSecrets:\n- {registry: r.example, serviceAccounts: [late]}\n";
    let project = project(&cluster).file("devspace.yaml", config);
    let running = project.spawn(["build"]);
    wait_for("the secret", LIMIT, || cluster.pull_secret("devspace-auth-r-example"));
    cluster.create_account("late", &[]);
    running.finish().success().stderr_has("service account late").lacks("cannot");
    assert_eq!(cluster.pull_secrets_of("late"), ["devspace-auth-r-example"]);

    project.write("devspace.yaml", config.replace("late", "never"));
    let output = project.run(["build"]);
    output.success().stderr_has("to the service account `never`").stderr_has("service account not found");
}

#[test]
fn a_missing_permission_is_named() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = project_with(&cluster.kubeconfig_as("test", &json!({ "as": "nobody" })));
    let output = project.run(["build"]);
    let expected = format!(
        "cannot create the pull secret `devspace-auth-r-example` in the namespace `{}`: secrets \
         \"devspace-auth-r-example\" is forbidden: User \"nobody\" cannot patch resource \"secrets\"",
        cluster.namespace()
    );
    output.success().stderr_has(expected).stderr_has("get permission to `patch` `secrets`");
    output.stderr_has("1 warning");

    // A script that calls the stage itself fails with the error.
    let strict = project.file("windlass.rhai", "fn pull_secret(image) { create_pull_secret(image); }");
    strict.run(["build"]).exits(1).stderr_has("cluster::forbidden").stderr_has("windlass.rhai:1");
}

#[test]
fn a_missing_namespace_is_named() {
    let Some(cluster) = Cluster::without_namespace() else { return };
    let output = project(&cluster).run(["build"]);
    let name = cluster.namespace();
    output.success().stderr_has(format!("namespace `{name}` not found in the cluster of the context `test`"));
    output.stderr_has(format!("`kubectl create namespace {name}`"));
}

#[test]
fn the_command_line_chooses_context_and_namespace() {
    let (Some(one), Some(two)) = (Cluster::acquire(), Cluster::acquire()) else { return };
    let project = project(&one).file("second", two.kubeconfig("other"));
    let missing = project.path("missing");
    let paths = [missing, project.path("kubeconfig"), project.path("second")];
    let project = project.env("KUBECONFIG", std::env::join_paths(paths).expect("paths"));
    project.run(["build", "--kube-context", "other"]).success().stderr_has("of other pulls");
    assert_eq!((one.pull_secret_count(), two.pull_secret_count()), (0, 1));
    project.run(["build", "-n", two.namespace()]).success().stderr_has("of test pulls");
    assert_eq!((one.pull_secret_count(), two.pull_secret_count()), (0, 1));

    let output = project.run(["build", "--kube-context", "othr"]);
    output.success().stderr_has("unknown context `othr`").stderr_has("did you mean `other`?");
}

#[test]
fn a_plugin_provides_the_credentials() {
    let Some(cluster) = Cluster::acquire() else { return };
    let answer = json!({
        "apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential",
        "status": { "token": cluster.token() },
    });
    let user = |program: &str| {
        json!({ "token": null, "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1", "command": program, "args": ["get", "token"],
            "env": [{ "name": "PLUGIN", "value": "yes" }], "installHint": "install it with `apt`",
        } })
    };
    let plugin = "#!/bin/sh\n[ \"$*\" = 'get token' ] && [ $PLUGIN = yes ] || exit 3\necho \"$KUBERNETES_EXEC_INFO\" > \
                  info\ncat answer\n";
    let project = project_with(&cluster.kubeconfig_as("test", &user("./plugin")))
        .executable("plugin", plugin)
        .file("answer", answer.to_string());
    project.run(["build"]).success().stderr_has("pulls from").lacks(cluster.token());
    assert!(project.read("info").contains("ExecCredential"), "{}", project.read("info"));

    let failing = project.executable("plugin", "#!/bin/sh\necho 'session expired' >&2\nexit 7\n");
    let output = failing.run(["build"]);
    output.success().stderr_has("cannot log in to the cluster of the context `test`");
    output.stderr_has("failed with exit code 7: session expired");

    failing.write("kubeconfig", cluster.kubeconfig_as("test", &user("no-such-plugin")));
    failing.run(["build"]).success().stderr_has("command not found").stderr_has("install it with `apt`");
}

#[test]
fn rejected_kubeconfig_credentials_are_reported() {
    let Some(cluster) = Cluster::acquire() else { return };
    let project = project_with(&cluster.kubeconfig_as("test", &json!({ "token": "stale" })));
    let output = project.run(["build"]);
    output.success().stderr_has("rejected the credentials of the kubeconfig").lacks("stale");
}

#[test]
fn an_unresponsive_cluster_is_reported_in_one_line() {
    // Accepts connections and never responds.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let kubeconfig = |address: &str| {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "down",
            "contexts": [{ "name": "down", "context": { "cluster": "down" } }],
            "clusters": [{ "name": "down", "cluster": { "server": format!("https://{address}") } }],
        })
        .to_string()
    };
    let closed = format!("{closed}");
    let open = format!("{}", silent.local_addr().expect("an address"));
    for (address, reason) in [(closed, "refused"), (open, "")] {
        // Two registries: for the second one the failure is already known.
        let second = config("s.example").replace("version: v1beta9\nimages:\n  api", "  web");
        let project = project_with(&kubeconfig(&address))
            .file("devspace.yaml", format!("{}{second}", config("r.example")))
            .docker_config(credentials(&["r.example", "s.example"]))
            .limit(Duration::from_secs(40));
        let output = project.run(["build", "--build-sequential"]);
        let line = format!("cannot reach the cluster at `https://{address}` (context `down`): ");
        output.success().stderr_has(line).stderr_has(reason);
    }
}

#[test]
fn without_a_cluster_nothing_mentions_kubernetes() {
    let project =
        Project::new().file("devspace.yaml", config("r.example")).docker_config(credentials(&["r.example"]));
    let line = "no pull secret for r.example: no cluster is configured";
    project.run(["build"]).success().stderr_has(line).lacks("warning");

    project.write("devspace.yaml", config("r.example").replace("createPullSecret: true", "tags: [one]"));
    let output = project.run(["build", "--debug"]);
    for word in ["cluster", "kube", "pull", "namespace"] {
        output.lacks(word);
    }
}
