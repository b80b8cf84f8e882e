//! Tests of `windlass upgrade`.

use super::Fixture;
use crate::config::{ConfigError, UpgradedFile, upgrade_file};

fn upgraded(text: &str) -> UpgradedFile {
    let fixture = Fixture::raw(text.as_bytes());
    upgrade_file(&fixture.options).unwrap_or_else(|error| panic!("{error}: {:#?}", super::lines(&error)))
}

/// Checks the text without the `name` that the newest version adds.
#[track_caller]
fn check(before: &str, after: &str) {
    let upgraded = upgraded(before);
    let lines = upgraded.text.split_inclusive('\n').filter(|line| !line.starts_with("name: "));
    let text: String = lines.collect();
    assert_eq!(text, after, "held back: {:?}", upgraded.held_back);
}

#[test]
fn comments_blank_lines_order_and_quotes_stay() {
    check(
        "# The shop.
version: v1beta6   # DevSpace 4.5

# What we build.
images:
  # The API, by \"the\" team.
  api:
    image: 'ghcr.io/acme/api'   # public
    tag: \"1.10\"   # see CHANGELOG

    dockerfile: ./Dockerfile
    build:
      # The daemon.
      docker:
        useBuildKit: true
        options:   # of the build
          buildArgs:
            A: 007   # not 7
            B: \"x # y\"
          target: dev

  # Its frontend.
  web:
      image: acme/web
      entrypoint:
      - sh
      - -c
      - |
        # no comment
        exec serve

# Afterwards.
hooks:
  - command: ./notify   # chat
    args: [done]
    when:
      after:
        images: all
# The end.
",
        "# The shop.
version: v2beta1   # DevSpace 4.5

# What we build.
images:
  # The API, by \"the\" team.
  api:
    image: 'ghcr.io/acme/api'   # public
    tags: [\"1.10\"]   # see CHANGELOG

    dockerfile: ./Dockerfile
    target: dev
    # of the build
    buildArgs:
      A: 007   # not 7
      B: \"x # y\"
    # The daemon.
    docker:
      useBuildKit: true

  # Its frontend.
  web:
      image: acme/web
      entrypoint:
      - sh
      - -c
      - |
        # no comment
        exec serve

# Afterwards.
hooks:
  - command: ./notify   # chat
    args: [done]
    events: [after:build]
# The end.
",
    );
}

#[test]
fn lists_of_named_things_become_maps_with_their_comments() {
    check(
        "version: v1beta11
vars:
# Which tier.
- name: TIER   # prod or dev
  question: Which tier?
  options:
  - prod
  - dev
- default: x
  name: OTHER
commands:
- name: test
  # All of them.
  command: |-
    go test \\
      ./...
dependencies:
- name: db
  # Beside us.
  source:
    path: ../db
  profile: small
pullSecrets: [{registry: ghcr.io}]
",
        "version: v2beta1
vars:
  # Which tier.
  TIER:   # prod or dev
    question: Which tier?
    options:
    - prod
    - dev
    alwaysResolve: false
  OTHER:
    default: x
    alwaysResolve: false
commands:
  test:
    # All of them.
    command: |-
      go test \\
        ./...
dependencies:
  db:
    # Beside us.
    path: ../db
    profiles: [small]
pullSecrets:
  ghcr-io: {registry: ghcr.io, secret: devspace-auth-ghcr-io}
",
    );
}

#[test]
fn variables_are_quoted_in_brackets() {
    check(
        "version: v1beta6\nvars: [{name: T, default: 1}]\nimages:\n  a:\n    image: acme/a\n    tag: ${T}\n",
        "version: v2beta1\nvars:\n  T: {default: 1, alwaysResolve: false}\nimages:\n  a:\n    image: acme/a\n    tags: ['${T}']\n",
    );
}

#[test]
fn flow_style_and_windows_lines_stay() {
    check(
        "version: v1beta6\r\nimages: {a: {image: acme/a, tag: \"1,2\", build: {kaniko: {flags: [x]}}}} # all\r\n",
        "version: v2beta1\r\nimages: {a: {image: acme/a, tags: [\"1,2\"], kaniko: {args: [x], cache: true}}} # all\r\n",
    );
}

#[test]
fn bracketed_values_get_separate_lines() {
    check(
        "version: v1beta9
images:
  a:
    image: acme/a
    build: {docker: {args: [--pull], options: {target: '0', buildArgs: {A: 1, B: }}}, kaniko: } # both
",
        "version: v2beta1
images:
  a:
    image: acme/a
    target: '0' # both
    buildArgs: {A: 1, B: }
    docker: {args: [--pull]}
    kaniko:
      cache: true
",
    );
}

#[test]
fn first_version_goes_all_the_way() {
    check(
        "version: v1alpha1
# Where they go.
registries:
  hub:
    url: ghcr.io
images:
  # The API.
  api:
    name: acme/api
    registry: hub
    tag: v1
    skipPush: true # for now
    build:
      dockerfilePath: docker/Dockerfile # of ops
      contextPath: src
      options:
        target: dev
    autoReload: {disabled: true}
",
        "version: v2beta1
# Where they go.
images:
  # The API.
  api:
    image: ghcr.io/acme/api
    tags: [v1]
    dockerfile: docker/Dockerfile # of ops
    context: src
    createPullSecret: false
    skipPush: true # for now
    target: dev
",
    );
}

#[test]
fn aliases_are_kept_where_they_fit_and_written_out_where_not() {
    check(
        "version: v1beta9
x-common: &common
  image: acme/a
images:
  a: *common
  b:
    <<: *common
    tags: [b]
",
        "version: v2beta1
x-common: &common
  image: acme/a
images:
  a: *common
  b:
    <<: *common
    tags: [b]
",
    );
    check(
        "version: v1beta6
x-common: &common
  image: acme/a
  tag: v1
images:
  a:
    <<: *common
    dockerfile: a # own
",
        "version: v2beta1
x-common: &common
  image: acme/a
  tag: v1
images:
  a:
    dockerfile: a # own
    image: acme/a
    tags: [v1]
",
    );
}

#[test]
fn profiles_are_brought_along() {
    check(
        "version: v1beta10
images: {a: {image: acme/a}}
profiles:
- name: p
  merge:
    images:
      a:
        build:
          docker:
            skipPush: true
",
        "version: v2beta1
images: {a: {image: acme/a}}
profiles:
- name: p
  merge:
    images:
      a:
        skipPush: true
",
    );
}

#[test]
fn file_of_the_newest_version_is_unchanged() {
    let text = "version: v2beta1\nname: x\nimages: {a: {image: a/a}}";
    let upgraded = upgraded(text);
    assert_eq!((upgraded.text.as_str(), upgraded.from), (text, upgraded.to));
}

#[test]
fn keys_without_an_equivalent_prevent_the_newest_version() {
    let check = |text: &str, version: &str, reason: &str| {
        let upgraded = upgraded(&format!("version: v1beta9\n{text}"));
        let held_back = upgraded.held_back.first().map(ToString::to_string);
        let held_back = held_back.as_deref().map(|text| text.trim_start_matches("devspace.yaml:"));
        assert_eq!((upgraded.to.as_str(), held_back), (version, Some(reason)), "{text}");
    };
    check(
        "images: {a: {image: a/a, build: {disabled: true}}}\n",
        "v1beta11",
        "2:34: it has no `disabled` in image `a`",
    );
    check(
        "images: {a: {image: a/a}}\ndev: {autoReload: {paths: [x]}}\n",
        "v1beta11",
        "3:7: `autoReload` of `dev` has no counterpart there",
    );
    check(
        "images: {a: {image: a/a}}\ndev: {ports: [{forward: [{port: 80}]}]}\n",
        "v1beta11",
        "3:15: `ports` of `dev` has an entry that does not select a pod",
    );
    check(
        "deployments: [{name: d, helm: {chart: {name: c}, v2: true}}]\n",
        "v1beta11",
        "2:50: `v2` in `helm` of deployment `d` was removed in v2beta1",
    );
    check(
        "images: {a: {image: a/a}}\nprofiles: [{name: p, patches: [{op: add, path: images.a.build, value: {disabled: true}}]}]\n",
        "v1beta11",
        "`build` in image `a` was removed in v2beta1, with profile `p`",
    );
}

#[test]
fn variables_that_are_only_used_are_defined() {
    check(
        "version: v1beta11
vars:
- name: W
  default: y
images:
  a:
    image: 'a/${X}'
    tags: ['${DEVSPACE_RANDOM}', '${W}', '${Z}']
",
        "version: v2beta1
vars:
  W:
    default: y
    alwaysResolve: false
  X:
    alwaysResolve: false
  Z:
    alwaysResolve: false
images:
  a:
    image: 'a/${X}'
    tags: ['${DEVSPACE_RANDOM}', '${W}', '${Z}']
",
    );
}

#[test]
fn merging_without_lists_is_the_same_in_the_newest_version() {
    let file = |section: &str, tags: &str, version: &str| {
        format!(
            "version: {version}\nimages: {{a: {{image: a/a}}}}\nprofiles:\n- name: p\n  {section}:\n    images:\n      a: {{dockerfile: D{tags}}}\n"
        )
    };
    check(&file("strategicMerge", "", "v1beta11"), &file("merge", "", "v2beta1"));
    let upgraded = upgraded(
        "version: v1beta11\nhooks: [{command: a, name: one}]\nprofiles:\n- name: p\n  strategicMerge: {hooks: [{command: b, name: two}]}\n",
    );
    let held_back = upgraded.held_back.first().expect("lists are merged");
    assert_eq!(
        held_back.to_string(),
        "devspace.yaml:5:3: `strategicMerge` of profile `p` merges lists, but v2beta1 has only `merge`"
    );
    assert!(held_back.help.as_ref().is_some_and(|help| help.contains("whole lists")));
}

#[test]
fn patches_change_values_elsewhere() {
    let file = |version: &str, image: &str, list: &str, patches: &[&str]| {
        let patches: String = patches.iter().map(|patch| format!("  - {{{patch}}}\n")).collect();
        format!(
            "version: {version}\nimages:\n  a:\n    image: a/a\n{image}{list}profiles:\n- name: p\n  patches:\n{patches}"
        )
    };
    check(
        &file(
            "v1beta11",
            "    build:\n      docker:\n        options:\n          target: x\n",
            "deployments:\n- name: d\n  kubectl:\n    manifests: [m]\n",
            &[
                "op: replace, path: images.a.build.docker.options.target, value: dev",
                "op: add, path: /images/a/build/docker/skipPush, value: true",
                "op: replace, path: 'deployments[0].kubectl.manifests', value: [n]",
                "op: replace, path: deployments.name=d.kubectl.manifests, value: [o]",
                "op: add, path: deployments, value: {name: e, kubectl: {manifests: [p], cmdPath: k}}",
                "op: remove, path: '/deployments/0'",
                "op: replace, path: images.a.image, value: a/b",
            ],
        ),
        &file(
            "v2beta1",
            "    target: x\n",
            "deployments:\n  d:\n    kubectl:\n      manifests: [m]\n",
            &[
                "op: replace, path: images.a.target, value: dev",
                "op: add, path: /images/a/skipPush, value: true",
                "op: replace, path: deployments.d.kubectl.manifests, value: [n]",
                "op: replace, path: deployments.d.kubectl.manifests, value: [o]",
                "op: add, path: deployments.e, value: {kubectl: {manifests: [p], kubectlBinaryPath: k}}",
                "op: remove, path: /deployments/d",
                "op: replace, path: images.a.image, value: a/b",
            ],
        ),
    );
}

#[test]
fn all_obstacles_are_reported() {
    let upgraded = upgraded(
        "version: v1beta11\nimages: {a: {image: a/a, build: {disabled: true}}, b: {image: a/b, build: {disabled: true}}}\ndev: {ports: [{forward: [{port: 1}]}]}\n",
    );
    let told: Vec<_> = upgraded.held_back.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "devspace.yaml:3:15: `ports` of `dev` has an entry that does not select a pod",
            "devspace.yaml:2:34: it has no `disabled` in image `a`",
            "devspace.yaml:2:76: it has no `disabled` in image `b`",
        ]
    );
    assert!(upgraded.held_back.iter().all(|obstacle| obstacle.help.is_some()));
}

#[test]
fn file_that_no_newer_version_can_express_is_refused() {
    let fixture = Fixture::raw(
        b"version: v1beta6
images: {a: {image: acme/a, tag: x}}
profiles: [{name: p, patches: [{op: replace, path: images.a.tag, value: y}]}]
",
    );
    let error = upgrade_file(&fixture.options).expect_err("refused").to_string();
    assert!(error.starts_with("cannot upgrade `devspace.yaml`: "), "{error}");
}

#[test]
fn wrong_files_are_refused_with_their_problems() {
    let fixture = Fixture::new("imgaes: {}\n");
    assert!(matches!(upgrade_file(&fixture.options), Err(ConfigError::Invalid { .. })));
}

#[test]
fn dev_is_written_for_pods() {
    check(
        "version: v1beta11
images:
  api:
    image: a/a
dev:
  # The API.
  ports:
  - imageSelector: image(api):tag(api)
    forward:
    - port: 8080
      remotePort: 80
    - port: 9229
  sync:
  - imageSelector: image(api):tag(api)
    localSubPath: ./src
    excludePaths: [node_modules/] # big
  - labelSelector: {app: web}
    containerPath: /app
    waitInitialSync: true
  open:
  - url: http://localhost:8080
  terminal:
    imageSelector: image(api):tag(api)
    command: [sh, -c, 'echo it''s on']
",
        "version: v2beta1
images:
  api:
    image: a/a
dev:
  # The API.
  api:
    imageSelector: image(api):tag(api)
    ports:
    - port: '8080:80'
    - port: '9229'
    sync:
    - path: ./src:.
      excludePaths: [node_modules/] # big
    terminal:
      command: 'sh -c ''echo it''\\''''s on'''
    open:
    - url: http://localhost:8080
  web:
    labelSelector: {app: web}
    sync:
    - path: ./:/app
      waitInitialSync: true
",
    );
}

#[test]
fn git_of_a_chart_moves_up_and_timeouts_get_a_unit() {
    check(
        "version: v1beta11
deployments:
- name: d
  helm:
    chart:
      git:
        url: https://git.example.com/charts.git
        branch: main   # not stable
    timeout: 60
- name: e
  helm: {componentChart: true, timeout: 5m}
",
        "version: v2beta1
deployments:
  d:
    helm:
      chart:
        git: https://git.example.com/charts.git
        branch: main   # not stable
      upgradeArgs: [--timeout, 60s]
  e:
    helm: {upgradeArgs: [--timeout, 5m]}
",
    );
}

#[test]
fn dev_loses_only_keys_without_effect() {
    let upgraded = upgraded(
        "version: v1beta11
images:
  a:
    image: a/a
dev:
  sync:
  - imageSelector: a/a
    containerPath: /app
    arch: arm64
    throttleChangeDetection: 10
  logs:
    disabled: true
",
    );
    assert_eq!(upgraded.to.as_str(), "v2beta1", "{:?}", upgraded.held_back);
    assert!(!upgraded.text.contains("arch") && !upgraded.text.contains("throttle"), "{}", upgraded.text);
    let dev = Fixture::raw(upgraded.text.as_bytes()).loaded().project.dev;
    assert!(dev.logs.is_disabled && dev.problems.is_empty(), "{}", upgraded.text);
    assert_eq!(dev.folders[0].container, "/app");
}
