//! Tests of each step, and of all steps.

use super::*;
use crate::config::node::{Value, YamlNode};
use crate::config::parse::parse;

fn document(text: &str) -> (Mapping, Diagnostics) {
    let mut problems = Diagnostics::new("f", text.into());
    match parse(text, &mut problems).map(|node| node.value) {
        Some(Value::Mapping(mapping)) => (mapping, problems),
        other => panic!("{other:?} is not a map"),
    }
}

fn json(mapping: Mapping) -> serde_json::Value {
    YamlNode { value: Value::Mapping(mapping), ..YamlNode::empty() }.to_json()
}

/// Checks one step, and that it reports exactly `warnings`.
#[track_caller]
fn check(version: Version, before: &str, after: &str, warnings: &[&str]) {
    let (mut mapping, mut problems) = document(before);
    step(&mut mapping, version, &mut problems);
    assert_eq!(json(mapping), json(document(after).0), "{before}");
    let (errors, _, warned) = problems.finish();
    let warned: Vec<_> = warned.iter().chain(&errors).map(ToString::to_string).collect();
    assert_eq!(warned, warnings);
}

#[test]
fn v1alpha1_names_registries_and_dev_space() {
    check(
        V1alpha1,
        "registries: {hub: {url: r.io, auth: {username: u}}}
images: {a: {name: acme/a, registry: hub, autoReload: {disabled: true}}, b: {name: b}}
devSpace:
  deployments: [{name: d, autoReload: {disabled: true}, helm: {chartPath: c, override: v.yaml, devOverwrite: w.yaml}}]
  services: [{name: s, resourceType: pod, labelSelector: {app: x}}]
  ports: [{service: s, portMappings: [{localPort: 1, remotePort: 2}]}]
  sync: [{service: s, localSubPath: ./}]
  terminal: {service: s}
tiller: {namespace: t}
internalRegistry: {deploy: true}
",
        "images: {a: {image: r.io/acme/a}, b: {image: b}}
deployments: [{name: d, helm: {chartPath: c, overrides: [v.yaml], tillerNamespace: t}}]
dev:
  selectors: [{name: s, labelSelector: {app: x}}]
  ports: [{selector: s, portMappings: [{localPort: 1, remotePort: 2}]}]
  sync: [{selector: s, localSubPath: ./}]
  terminal: {selector: s}
  autoReload: {images: [b]}
",
        &[
            "f:1:31: `auth` of a registry is ignored",
            "f:10:1: `internalRegistry` is ignored: it was removed after v1alpha1",
        ],
    );
    check(
        V1alpha1,
        "images: {a: {name: acme/a, registry: hub}}",
        "images: {a: {image: acme/a}}",
        &["f:1:38: unknown registry `hub`: no entry with a `url`"],
    );
}

#[test]
fn v1alpha2_shortens_paths() {
    check(
        V1alpha2,
        "images: {a: {build: {dockerfilePath: D, contextPath: c}}, b: }",
        "images: {a: {build: {dockerfile: D, context: c}}, b: }",
        &[],
    );
}

#[test]
fn v1alpha3_names_charts() {
    check(
        V1alpha3,
        "deployments: [{helm: {chartPath: c, overrides: [f], overrideValues: {x: 1}}}, {kubectl: {}}]",
        "deployments: [{helm: {chart: {name: c}, valuesFiles: [f], values: {x: 1}}}, {kubectl: {}}]",
        &[],
    );
}

#[test]
fn v1alpha4_names_ports() {
    check(
        V1alpha4,
        "dev: {ports: [{portMappings: [{localPort: 1}]}]}",
        "dev: {ports: [{forward: [{port: 1}]}]}",
        &[],
    );
}

#[test]
fn v1beta1_moves_keys_of_the_image_and_the_tool() {
    check(
        V1beta1,
        "images:
  a: {image: a, build: {dockerfile: D, context: c}}
  b: {image: b, insecure: true, skipPush: true, build: {options: {target: t}}}
  c: {image: c, build: {kaniko: {cache: true}, options: {target: t}}}
  d: {image: d, build: {disabled: true, options: {buildArgs: {A: 1}}}}
",
        "images:
  a: {image: a, dockerfile: D, context: c}
  b: {image: b, build: {kaniko: {insecure: true, options: {target: t}}, docker: {skipPush: true}}}
  c: {image: c, build: {kaniko: {cache: true, options: {target: t}}}}
  d: {image: d, build: {disabled: true, docker: {options: {buildArgs: {A: 1}}}}}
",
        &[],
    );
}

#[test]
fn v1beta2_makes_dev_interactive() {
    check(
        V1beta2,
        "cluster: {namespace: n}
images: {a: {image: a}, b: {image: b, createPullSecret: true}}
deployments: [{helm: {devSpaceValues: false}}]
dependencies: [{config: dev}]
dev:
  overrideImages: [{name: a, entrypoint: [npm, run, dev], dockerfile: D}]
  selectors: [{name: s, labelSelector: {app: x}, namespace: m}]
  sync: [{selector: s, namespace: own}]
  terminal: {selector: s, disabled: true}
",
        "images: {a: {image: a, createPullSecret: false}, b: {image: b, createPullSecret: true}}
deployments: [{helm: {replaceImageTags: false}}]
dependencies: [{profile: dev}]
dev:
  sync: [{labelSelector: {app: x}, namespace: own}]
  interactive:
    defaultEnabled: false
    images: [{name: a, entrypoint: [npm], cmd: [run, dev]}]
    terminal: {labelSelector: {app: x}, namespace: m}
",
        &["f:1:1: `cluster` is ignored"],
    );
}

#[test]
fn v1beta3_deploys_components_by_helm() {
    check(
        V1beta3,
        "deployments: [{name: d, component: {containers: [{image: a}], options: {wait: true, rollback: true}}}]",
        "deployments: [{name: d, helm: {componentChart: true, values: {containers: [{image: a}]}, wait: true, rollback: true}}]",
        &[],
    );
}

#[test]
fn v1beta4_keeps_helm_2() {
    check(
        V1beta4,
        "deployments: [{helm: {rollback: true}}, {kubectl: {}}]",
        "deployments: [{helm: {atomic: true, v2: true}}, {kubectl: {}}]",
        &[],
    );
}

#[test]
fn v1beta5_passes_args() {
    check(
        V1beta5,
        "images: {a: {build: {custom: {command: x, flags: [y]}}}}",
        "images: {a: {build: {custom: {command: x, args: [y]}}}}",
        &[],
    );
}

#[test]
fn v1beta6_has_several_tags() {
    check(
        V1beta6,
        "images: {a: {tag: 1.10}, b: {tag: }}
dev: {sync: [{downloadOnInitialSync: true}, {downloadOnInitialSync: false}]}",
        "images: {a: {tags: [1.10]}, b: {}}
dev: {sync: [{initialSync: preferLocal}, {}]}",
        &[],
    );
}

#[test]
fn v1beta7_names_arguments() {
    check(
        V1beta7,
        "images: {a: {build: {kaniko: {flags: [x]}}}}
deployments: [{kubectl: {flags: [y]}}]",
        "images: {a: {build: {kaniko: {args: [x]}}}}
deployments: [{kubectl: {applyArgs: [y]}}]",
        &[],
    );
}

#[test]
fn v1beta8_selects_synced_images() {
    check(
        V1beta8,
        "images: {a: {image: a}, b: {image: b}}
dev: {sync: [{imageName: a}]}",
        "images: {a: {image: a, preferSyncOverRebuild: true}, b: {image: b}}
dev: {sync: [{imageName: a}]}",
        &[],
    );
}

#[test]
fn v1beta9_writes_random_letters_and_terminals() {
    check(
        V1beta9,
        "images: {a: {tags: [1.10, v], tagsAppendRandom: true, preferSyncOverRebuild: true}, b: {tags: [v], tagsAppendRandom: false}}
dependencies: [{source: {path: x}}, {name: n}]
dev: {sync: [{imageName: a}], interactive: {defaultEnabled: false, terminal: {imageName: a}, images: [{name: a}]}}",
        "images: {a: {tags: ['1.10-#####', 'v-#####']}, b: {tags: [v]}}
dependencies: [{name: '0', source: {path: x}}, {name: n}]
dev: {sync: [{imageName: a, waitInitialSync: false, polling: true}], terminal: {imageName: a, disabled: true}, deprecatedInteractiveImages: [{name: a}]}",
        &[],
    );
}

#[test]
fn v1beta10_names_events_and_selects_images() {
    check(
        V1beta10,
        "hooks:
- {command: x, when: {before: {images: all}, after: {deployments: 'a, b'}, onError: {images: api}}}
- {command: y, events: ['skip:build:a'], when: {after: {images: all}}}
- {command: z, where: {container: {imageName: a, once: true}}}
dev: {ports: [{imageName: a}], logs: {images: [a]}}",
        "hooks:
- {command: x, events: ['before:build', 'after:deploy:a', 'after:deploy:b', 'error:build:api']}
- {command: y, events: ['after:build', 'skip:build:a']}
- {command: z, container: {imageSelector: 'image(a):tag(a)', once: true}}
dev: {ports: [{imageSelector: 'image(a):tag(a)'}], logs: {selectors: [{imageSelector: 'image(a):tag(a)'}]}}",
        &[],
    );
}

#[test]
fn v1beta11_flattens_images_and_names_things() {
    check(
        V1beta11,
        "images:
  a: {image: a, build: {docker: {skipPush: true, useCli: true, options: {target: t, network: host, buildArgs: {A: 1}}}}}
  b: {image: b, build: {kaniko: {options: {target: k}}, docker: {}}}
  c: {image: c, build: {custom: {command: x}}}
  d: {image: d, build: {disabled: true, docker: {}}}
  e: {image: e, build: {buildKit: {skipPush: true}, kaniko: }}
",
        "images:
  a: {image: a, skipPush: true, target: t, network: host, buildArgs: {A: 1}, docker: {useCli: true}}
  b: {image: b, kaniko: {options: {target: k}, cache: true}, docker: {}}
  c: {image: c, custom: {command: x, skipImageArg: false}}
  d: {image: d, disabled: true}
  e: {image: e, skipPush: true, buildKit: {}, kaniko: {cache: true}}
",
        &[],
    );
    check(
        V1beta11,
        "vars: [{name: V, default: 1}]
commands: [{name: test, command: go test}]
dependencies: [{name: n, source: {git: g, branch: b}, profile: p, profileParents: [q], profiles: [r], vars: [{name: X, value: y}]}]
deployments:
- {name: d, disabled: false, helm: {componentChart: true, wait: true, timeout: 40, replaceImageTags: false}}
- {name: e, kubectl: {cmdPath: k, replaceImageTags: true}}
pullSecrets: [{registry: ghcr.io, disabled: false}]
",
        "vars: {V: {default: 1, alwaysResolve: false}}
commands: {test: {command: go test}}
dependencies: {n: {git: g, branch: b, profiles: [q, p, r], vars: {X: y}}}
deployments:
  d: {helm: {upgradeArgs: [--wait, --timeout, 40s]}, updateImageTags: false}
  e: {kubectl: {kubectlBinaryPath: k}}
pullSecrets: {ghcr-io: {registry: ghcr.io, secret: devspace-auth-ghcr-io}}
",
        &[],
    );
    check(
        V1beta11,
        "deployments:
- {name: d, helm: {chart: {git: {url: g, branch: b, subPath: s}}, timeout: 5m}}
- {name: e, helm: {values: {a: 1}}}
",
        "deployments:
  d: {helm: {chart: {git: g, branch: b, subPath: s}, upgradeArgs: [--timeout, 5m]}}
  e: {helm: {values: {a: 1}}}
",
        &["f:3:13: `helm` of deployment `e` has no `chart`"],
    );
    check(
        V1beta11,
        "commands: [{name: t, command: a}, {name: t, command: b}, {command: c}]",
        "commands: {t: {command: a}}",
        &["f:1:42: duplicate command `t`", "f:1:58: a command has no `name`"],
    );
}

#[test]
fn chain_of_all_steps_leads_to_the_newest() {
    let (mut mapping, mut problems) = document(
        "registries: {hub: {url: r.io}}
images:
  api:
    name: acme/api
    registry: hub
    tag: 1.10
    skipPush: true
    build: {dockerfilePath: docker/Dockerfile, contextPath: src, options: {target: dev, buildArgs: {A: 007}}}
",
    );
    upgrade(&mut mapping, V1alpha1, V2beta1, &mut problems);
    let expected = "images: {api: {image: r.io/acme/api, tags: [1.10], dockerfile: docker/Dockerfile, context: src, \
                    createPullSecret: false, skipPush: true, target: dev, buildArgs: {A: 007}}}";
    assert_eq!(json(mapping.clone()), json(document(expected).0));
    // Moved values keep their location.
    let api = &mapping["images"].node.get("api").and_then(YamlNode::as_mapping).expect("map");
    assert_eq!(
        (api["dockerfile"].node.span.line, api["buildArgs"].key.line, api["tags"].key.line),
        (8, 8, 6)
    );
}
