use proptest::prelude::*;

use super::Fixture;
use crate::config::{Version, upgrade_file};

/// Parts of real files, so that random combinations get past the parser.
const PIECES: [&str; 40] = [
    "images:\n",
    "  a:\n",
    "    image: acme/a\n",
    "    tags: [v1, '${X}']\n",
    "vars:\n",
    "- name: X\n",
    "  default: ${Y}\n",
    "  password: true\n",
    "profiles:\n",
    "- name: p\n",
    "  merge: {images: {a: null}}\n",
    "  patches:\n",
    "  - op: add\n",
    "  - op: copy\n",
    "    from: images\n",
    "    path: images.a.tags\n",
    "    path: /images/-\n",
    "    path: $..[?(@.x=='y')]\n",
    "    value: 1\n",
    "  replace: {vars: 3}\n",
    "hooks:\n",
    "- command: x\n",
    "  when: {before: {images: all}}\n",
    "x-a: &x {b: *x}\n",
    "<<: *x\n",
    "&a ",
    "*a ",
    "? ",
    ": ",
    "- ",
    "|\n  é\n",
    "'",
    "\"",
    "\t",
    "\r\n",
    "---\n",
    "!!str ",
    "[",
    "]",
    "{",
];

/// Keys of all versions.
const OLD_PIECES: [&str; 43] = [
    "# a comment\n",
    "\n",
    "registries:\n  hub: {url: r.io}\n",
    "images:\n",
    "  a:\n",
    "    image: acme/a\n",
    "    name: acme/a # trailing\n",
    "    registry: hub\n",
    "    tag: 1.10\n",
    "    tags: [v1]\n",
    "    skipPush: true\n",
    "    tagsAppendRandom: true\n",
    "    build:\n",
    "      dockerfilePath: d\n",
    "      # above\n      options: {target: t}\n",
    "      docker:\n        skipPush: true\n",
    "      kaniko: {flags: [x]}\n",
    "      disabled: true\n",
    "      custom: &c {command: x}\n",
    "  b: {image: acme/b, build: {custom: *c}}\n",
    "devSpace: {deployments: [{name: d, helm: {override: x}}]}\n",
    "deployments:\n- name: d\n  component: {options: {wait: true}}\n",
    "- name: e\n  helm: {wait: true, timeout: 4}\n",
    "dev:\n  sync:\n  - imageName: a\n",
    "  overrideImages: [{name: a, entrypoint: [x, y]}]\n",
    "hooks:\n- command: x\n  when: {before: {images: all}}\n",
    "vars:\n- name: X\n  default: 1\n",
    "- default: 2\n  name: Y # why\n",
    "vars: {X: 1, Y: $(echo)}\n",
    "commands:\n- name: c\n  command: |-\n    x\n      y\n",
    "dependencies:\n- source: {path: x}\n",
    "pullSecrets: [{registry: r.io}]\n",
    "profiles:\n- name: p\n  merge: {images: {a: {build: {docker: {skipPush: true}}}}}\n",
    "cluster: {namespace: x} # gone\n",
    "x-a: &x {image: acme/x}\n",
    "  c: {<<: *x}\n",
    "dev:\n  ports:\n  # of a\n  - imageSelector: a\n    forward: [{port: 1}] # one\n",
    "  open: [{url: x}]\n  replacePods: [{labelSelector: {a: b}, replaceImage: x}]\n",
    "  terminal: {imageSelector: b, command: [sh, 'a b']}\n  logs: {selectors: [{imageSelector: a}]}\n",
    "profiles:\n- name: q\n  patches:\n  - {op: add, path: 'deployments[0].helm', value: {wait: true}}\n",
    "  - op: replace\n    path: images.a.build.docker.skipPush # why\n    value: false\n",
    "  strategicMerge: {images: {a: {image: x/y}}, dev: {sync: [{imageName: a}]}}\n",
    "hooks: [{command: '${UNKNOWN}', when: {onError: {dependencies: all}}}]\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_loaded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Fixture::raw(&bytes).profiles(&["p"]).load();
    }

    #[test]
    fn any_mix_of_pieces_is_loaded_or_refused(pieces in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let text: String = pieces.iter().map(|&piece| PIECES[piece]).collect();
        let result = Fixture::new(&text).profiles(&["p"]).load();
        if let Err(error) = result {
            let mut rendered = String::new();
            let handler = miette::NarratableReportHandler::new();
            prop_assert!(handler.render_report(&mut rendered, &error).is_ok());
        }
    }

    #[test]
    fn any_mix_of_pieces_is_read_and_upgraded_in_every_version(
        version in 0..Version::ALL.len(),
        pieces in proptest::collection::vec(0..OLD_PIECES.len(), 0..30),
    ) {
        let text: String = pieces.iter().map(|&piece| OLD_PIECES[piece]).collect();
        let text = format!("version: {}\n{text}", Version::ALL[version]);
        let fixture = Fixture::raw(text.as_bytes());
        let _ = fixture.load();
        if let Ok(upgraded) = upgrade_file(&fixture.options) {
            let again = Fixture::raw(upgraded.text.as_bytes());
            let twice = upgrade_file(&again.options);
            prop_assert!(twice.is_ok_and(|twice| twice.text == upgraded.text), "{text}\n{}", upgraded.text);
        }
    }

    #[test]
    fn any_patch_path_is_applied_or_refused(path in "[a-c.\\[\\]*/?@='$()~é-]{1,20}") {
        let quoted = path.replace('\'', "''");
        let text = format!("dev: {{a: {{b: [c, {{a: b}}]}}}}\nprofiles:\n- name: p\n  patches: [{{op: add, path: '{quoted}', value: 1}}]\n");
        let _ = Fixture::new(&text).profiles(&["p"]).load();
    }
}
