use proptest::prelude::*;

use super::Fixture;

/// Pieces that meet in real files, so that random texts get past the parser.
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
    fn any_patch_path_is_applied_or_refused(path in "[a-c.\\[\\]*/?@='$()~é-]{1,20}") {
        let quoted = path.replace('\'', "''");
        let text = format!("dev: {{a: {{b: [c, {{a: b}}]}}}}\nprofiles:\n- name: p\n  patches: [{{op: add, path: '{quoted}', value: 1}}]\n");
        let _ = Fixture::new(&text).profiles(&["p"]).load();
    }
}
