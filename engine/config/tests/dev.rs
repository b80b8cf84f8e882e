//! Tests of `dev`: every version has the same model, and every problem has a location.

use serde_json::{Value as Json, json};

use super::Fixture;
use crate::config::{Dev, Foreground, Version};

/// Two images, in the first line after the version.
fn images(version: Version) -> String {
    let key = if version == Version::V1alpha1 { "name" } else { "image" };
    format!("images: {{api: {{{key}: acme/api}}, web: {{{key}: acme/web}}}}\n")
}

/// `dev` of a file of `version` with two images.
fn dev_of(version: Version, text: &str) -> Dev {
    let mut dev = Fixture::raw(format!("version: {version}\n{}{text}", images(version)).as_bytes())
        .loaded()
        .project
        .dev;
    let problems: Vec<_> = dev.problems.drain(..).map(|problem| problem.to_string()).collect();
    assert!(problems.is_empty(), "{version}: {text}: {problems:?}");
    dev
}

/// `dev` as JSON, without locations.
fn json_of(version: Version, text: &str) -> Json {
    serde_json::to_value(dev_of(version, text)).expect("JSON")
}

/// The problems of `dev` in a file of v1beta11 that begins with line 3.
fn problems(text: &str) -> Vec<String> {
    problems_of(Version::V1beta11, text)
}

fn problems_of(version: Version, text: &str) -> Vec<String> {
    let loaded = Fixture::raw(format!("version: {version}\n{}{text}", images(version)).as_bytes()).loaded();
    let dev = loaded.project.dev;
    // A build shows them as warnings.
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    let problems = dev.problems.iter().map(ToString::to_string);
    for problem in problems.clone() {
        assert!(warnings.contains(&problem), "{problem} is missing in {warnings:?}");
    }
    assert_eq!(dev.check("devspace.yaml".as_ref()).is_err(), !dev.problems.is_empty());
    problems.map(|problem| problem.trim_start_matches("devspace.yaml:").to_owned()).collect()
}

fn notices(version: Version, text: &str) -> Vec<String> {
    let notices = dev_of(version, text).notices;
    notices.iter().map(|notice| notice.to_string().trim_start_matches("devspace.yaml:").to_owned()).collect()
}

fn versions(from: Version, to: Version) -> impl Iterator<Item = Version> {
    Version::ALL.into_iter().filter(move |version| (from..=to).contains(version))
}

#[test]
fn ports_are_the_same_in_all_versions() {
    let port = |selection: Json| json!({"selection": selection, "port": 8080, "remotePort": 80});
    let by_labels = port(json!({"labels": {"app": "api"}}));
    let by_image = port(json!({"image": "api"}));
    let check = |version: Version, text: &str, expected: &Json| {
        assert_eq!(json_of(version, text)["ports"], json!([expected]), "{version}: {text}");
    };
    let old = "ports: [{labelSelector: {app: api}, portMappings: [{localPort: 8080, remotePort: 80}]}]";
    check(Version::V1alpha1, &format!("devSpace: {{{old}}}"), &by_labels);
    for version in versions(Version::V1alpha2, Version::V1alpha4) {
        check(version, &format!("dev: {{{old}}}"), &by_labels);
    }
    for version in versions(Version::V1beta1, Version::V1beta11) {
        let text = "dev: {ports: [{labelSelector: {app: api}, forward: [{port: 8080, remotePort: 80}]}]}";
        check(version, text, &by_labels);
    }
    for version in versions(Version::V1beta3, Version::V1beta10) {
        let text = "dev: {ports: [{imageName: api, forward: [{port: 8080, remotePort: 80}]}]}";
        check(version, text, &by_image);
    }
    let text =
        "dev: {ports: [{imageSelector: 'image(api):tag(api)', forward: [{port: 8080, remotePort: 80}]}]}";
    for version in versions(Version::V1beta9, Version::V1beta11) {
        check(version, text, &by_image);
    }
    // Hooks name an entry.
    let named =
        json!({"name": "site", "selection": {"labels": {"app": "api"}}, "port": 8080, "remotePort": 80});
    for version in versions(Version::V1beta10, Version::V1beta11) {
        let text = "dev: {ports: [{name: site, labelSelector: {app: api}, forward: [{port: 8080, remotePort: 80}]}]}";
        check(version, text, &named);
    }
    let by_image = json!({"name": "p", "selection": {"image": "api"}, "port": 8080, "remotePort": 80});
    let newest = "name: x\ndev: {p: {imageSelector: acme/api, ports: [{port: '8080:80'}]}}";
    check(Version::V2beta1, newest, &by_image);
    let newest = "name: x\ndev: {p: {imageSelector: '${runtime.images.api}', ports: [{port: '8080:80'}]}}";
    check(Version::V2beta1, newest, &by_image);
}

#[test]
fn selectors_of_the_first_versions_are_inlined() {
    let expected = json!({"labels": {"app": "api"}, "container": "main", "namespace": "n"});
    let selector = "[{name: s, labelSelector: {app: api}, containerName: main, namespace: n}]";
    let text = format!("devSpace: {{services: {selector}, sync: [{{service: s, containerPath: /a}}]}}");
    assert_eq!(json_of(Version::V1alpha1, &text)["folders"][0]["selection"], expected);
    let text = format!("dev: {{selectors: {selector}, sync: [{{selector: s, containerPath: /a}}]}}");
    for version in versions(Version::V1alpha2, Version::V1beta2) {
        assert_eq!(json_of(version, &text)["folders"][0]["selection"], expected, "{version}");
    }
    let text = format!("dev: {{selectors: {selector}, sync: [{{selector: t}}]}}");
    assert_eq!(problems_of(Version::V1beta2, &text), ["3:111: unknown selector `t`"]);
}

#[test]
fn selections_name_images_and_pods() {
    let selection = |text: &str| {
        let text = format!("dev: {{sync: [{{{text}}}]}}");
        dev_of(Version::V1beta11, &text).folders[0].selection.to_string()
    };
    assert_eq!(selection("imageSelector: acme/api"), "image `api`");
    assert_eq!(selection("imageSelector: docker.io/acme/web"), "image `web`");
    assert_eq!(selection("imageSelector: 'acme/api:1'"), "image `acme/api:1`");
    assert_eq!(selection("imageSelector: nginx, containerName: c"), "image `nginx`, container `c`");
    assert_eq!(selection("labelSelector: {a: b, c: '1'}, namespace: n"), "labels `a=b,c=1`, namespace `n`");
    assert_eq!(selection("containerPath: /x"), "the only pod");
    // These versions do not read the selector of a later one as a name in `images`.
    let dev = dev_of(Version::V1beta10, "dev: {sync: [{imageSelector: nginx}]}");
    assert_eq!(dev.folders[0].selection.image_selector.as_deref(), Some("nginx"));
}

#[test]
fn directory_has_the_defaults_of_its_version() {
    let folder = |version, text: &str| dev_of(version, text).folders.remove(0);
    for version in versions(Version::V1beta3, Version::V2beta1) {
        let text = match version {
            Version::V2beta1 => "name: x\ndev: {p: {sync: [{path: ''}]}}",
            _ => "dev: {sync: [{localSubPath: ''}]}",
        };
        let folder = folder(version, text);
        let paths = (folder.local.to_str(), folder.container.as_str());
        assert_eq!(paths, (Some("."), "."), "{version}");
        assert_eq!(folder.wait_initial_sync, version >= Version::V1beta10, "{version}");
        let expected = (folder.initial.as_str(), folder.disable_upload, folder.disable_download);
        assert_eq!(expected, ("mirrorLocal", false, false), "{version}");
    }
    for version in versions(Version::V1beta3, Version::V1beta6) {
        let text = "dev: {sync: [{downloadOnInitialSync: true}]}";
        assert_eq!(folder(version, text).initial.as_str(), "preferLocal", "{version}");
    }
    for version in versions(Version::V1beta6, Version::V1beta11) {
        let text =
            "dev: {sync: [{disableUpload: true, disableDownload: true, onUpload: {restartContainer: true}}]}";
        let folder = folder(version, text);
        assert!(folder.disable_upload && folder.disable_download && folder.on_upload.restart_container);
    }
}

#[test]
fn every_key_of_a_directory_is_read() {
    let keys = "excludePaths: [a, '!b'], excludeFile: .x, uploadExcludePaths: [u], uploadExcludeFile: .u, \
                downloadExcludePaths: [d], downloadExcludeFile: .d, initialSync: preferNewest, \
                initialSyncCompareBy: size, waitInitialSync: false, disableUpload: true, \
                bandwidthLimits: {upload: 100, download: 0}, polling: true";
    let exec = "exec: [{name: m, command: make, args: [all], failOnError: true, local: true, onChange: ['*.c']}, {command: 'a && b'}]";
    let expected = json!([{
        "selection": {"image": "api"}, "local": "src", "container": "/app",
        "excludes": {
            "both": {"paths": ["a", "!b"], "file": ".x"}, "upload": {"paths": ["u"], "file": ".u"},
            "download": {"paths": ["d"], "file": ".d"},
        },
        "initial": "preferNewest", "compareBy": "size", "waitInitialSync": false, "disableUpload": true,
        "limits": {"upload": 100},
        "onUpload": {
            "restartContainer": true,
            "execRemote": {
                "onFileChange": {"command": "touch", "args": ["{}"]}, "onDirCreate": {"command": "mkdir {}"},
                "onBatch": {"command": "make"},
            },
            "exec": [
                {"name": "m", "command": "make", "args": ["all"], "failOnError": true, "isLocal": true, "onChange": ["*.c"]},
                {"command": "a && b"},
            ],
        },
        "onDownload": {"execLocal": {
            "onFileChange": {"command": "c", "args": ["{}"]}, "onDirCreate": {"command": "c", "args": ["{}"]},
        }},
    }]);
    let hooks = "execRemote: {onFileChange: {command: touch, args: ['{}']}, onDirCreate: {command: 'mkdir {}'}, onBatch: {command: make}}";
    let download = "onDownload: {execLocal: {command: c, args: ['{}']}}";
    let text = format!(
        "dev: {{sync: [{{imageSelector: image(api), localSubPath: src, containerPath: /app, {keys}, \
         arch: arm64, throttleChangeDetection: 5, onUpload: {{restartContainer: true, {hooks}, {exec}}}, {download}}}]}}"
    );
    assert_eq!(json_of(Version::V1beta11, &text)["folders"], expected);

    let text = format!(
        "name: x\ndev: {{p: {{imageSelector: acme/api, sync: [{{path: 'src:/app', {keys}, noWatch: true, file: true, \
         startContainer: true, printLogs: true, onUpload: {{restartContainer: true, {hooks}, {exec}}}}}]}}}}"
    );
    let mut newest = json_of(Version::V2beta1, &text)["folders"].clone();
    let folder = newest[0].as_object_mut().expect("a folder");
    for key in ["noWatch", "isFile", "startContainer"] {
        assert_eq!(folder.remove(key), Some(json!(true)), "{key}");
    }
    assert_eq!(folder.remove("name"), Some(json!("p")));
    folder.insert("onDownload".to_owned(), expected[0]["onDownload"].clone());
    assert_eq!(newest, expected);
}

#[test]
fn foreground_is_a_terminal_or_logs() {
    let shown = |version, text: &str, is_interactive| match dev_of(version, text).foreground(is_interactive) {
        Foreground::Terminal(terminal) => {
            format!("{} in {}", terminal.command.join(" "), terminal.selection).trim_start().to_owned()
        }
        Foreground::Logs(logs) => {
            let selections: Vec<_> = logs.selections.iter().map(ToString::to_string).collect();
            format!("{} lines of {}", logs.show_last, selections.join(" and ")).trim_end().to_owned()
        }
        Foreground::Nothing => "nothing".to_owned(),
    };
    let check = |version, text: &str, expected: &str, interactive: &str| {
        assert_eq!(shown(version, text, false), expected, "{version}: {text}");
        assert_eq!(shown(version, text, true), interactive, "{version}: {text}, interactive");
    };
    let v1beta9 = Version::V1beta9;
    check(v1beta9, "", "50 lines of", "50 lines of");
    let terminal = "terminal: {imageName: api, command: [sh, -l]}";
    check(v1beta9, &format!("dev: {{interactive: {{{terminal}}}}}"), "50 lines of", "sh -l in image `api`");
    let text = format!("dev: {{interactive: {{defaultEnabled: true, {terminal}}}}}");
    check(v1beta9, &text, "sh -l in image `api`", "sh -l in image `api`");
    check(v1beta9, "dev: {interactive: {defaultEnabled: true}}", "in the only pod", "in the only pod");
    let text = "dev: {logs: {images: [api, web], showLast: 5}}";
    let logs = "5 lines of image `api` and image `web`";
    check(v1beta9, text, logs, logs);
    check(v1beta9, "dev: {logs: {disabled: true}}", "nothing", "nothing");
    check(v1beta9, &format!("dev: {{{terminal}}}"), "sh -l in image `api`", "sh -l in image `api`");
    let text =
        "dev: {terminal: {labelSelector: {a: b}}, overrideImages: [{name: api, entrypoint: [sleep, '9']}]}";
    check(Version::V1beta2, text, "in labels `a=b`", "in labels `a=b`");
    let text = "dev: {terminal: {disabled: true, labelSelector: {a: b}}}";
    check(Version::V1beta2, text, "50 lines of", "in labels `a=b`");

    let newest = |pods: &str| format!("name: x\ndev: {pods}");
    let v2beta1 = Version::V2beta1;
    check(v2beta1, &newest("{p: {sync: []}}"), "50 lines of", "50 lines of");
    let text = newest("{p: {imageSelector: acme/api, logs: {lastLines: 7}}, q: {logs: {enabled: false}}}");
    check(v2beta1, &text, "7 lines of image `api`", "7 lines of image `api`");
    check(v2beta1, &newest("{p: {logs: {enabled: false}}}"), "nothing", "nothing");
    let text = newest("{p: {imageSelector: acme/api, terminal: {enabled: false, command: 'a && b'}}}");
    check(v2beta1, &text, "50 lines of", "sh -c a && b in image `api`");
    let text = newest(
        "{p: {terminal: {enabled: false}}, q: {labelSelector: {a: b}, containers: {c: {terminal: {}}}}}",
    );
    check(v2beta1, &text, "in labels `a=b`, container `c`", "in labels `a=b`, container `c`");
    let dev = dev_of(v2beta1, &newest("{p: {attach: {disableTTY: true}, logs: {}}}"));
    assert!(
        matches!(dev.foreground(false), Foreground::Terminal(terminal) if terminal.is_attach && terminal.is_without_tty)
    );
}

#[test]
fn auto_reload_interactive_images_and_pages() {
    let text = "deployments: [{name: d, kubectl: {manifests: [m]}}]\n\
                dev: {open: [{url: 'http://localhost:8080'}], autoReload: {paths: ['**/go.mod'], images: [api], deployments: [d]}, \
                interactive: {images: [{name: api, entrypoint: [sleep], cmd: ['9']}, {name: web}]}}";
    let dev = json_of(Version::V1beta9, text);
    assert_eq!(dev["pages"], json!([{"url": "http://localhost:8080"}]));
    let expected = json!({"paths": ["**/go.mod"], "images": ["api"], "deployments": ["d"]});
    assert_eq!(dev["autoReload"], expected);
    let expected = json!([{"name": "api", "entrypoint": ["sleep"], "cmd": ["9"]}, {"name": "web"}]);
    assert_eq!(dev["interactive"], json!({"images": expected}));
    // In the first version, all images were reloaded by default.
    let text = "version: v1alpha1\nimages: {api: {name: acme/api}, web: {name: acme/web, autoReload: {disabled: true}}}\n\
                devSpace: {autoReload: {paths: [x]}}";
    let dev = Fixture::raw(text.as_bytes()).loaded().project.dev;
    assert_eq!((dev.auto_reload.images, dev.auto_reload.paths.len()), (vec!["api".to_owned()], 1));
}

#[test]
fn images_that_prefer_sync_are_known_although_the_key_was_removed() {
    let of = |version, image: &str, text: &str| {
        let file =
            format!("version: {version}\nimages: {{a: {{image: a/a{image}}}, b: {{image: a/b}}}}\n{text}");
        Fixture::raw(file.as_bytes()).loaded().project.dev.prefers_sync
    };
    assert_eq!(of(Version::V1beta9, ", preferSyncOverRebuild: true", ""), ["a"]);
    assert_eq!(of(Version::V1beta8, "", "dev: {sync: [{imageName: b}]}"), ["b"]);
    assert!(of(Version::V1beta11, "", "dev: {sync: [{imageSelector: image(a)}]}").is_empty());
}

#[test]
fn problems_have_a_location_and_do_not_prevent_a_build() {
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(problems(&format!("dev: {{{text}}}\n")), expected, "{text}");
    };
    check("sync: [{localSubPth: a}]", &["3:15: unknown key `localSubPth` in a sync entry of `dev`"]);
    check("ports: x", &["3:14: `ports` of `dev` must be a list, found `x`"]);
    check("ports: [{forward: [{}]}]", &["3:26: a port of `dev` has no `port`"]);
    check("ports: [{forward: [{prot: 1}]}]", &["3:27: unknown key `prot` in a port of `dev`"]);
    check("ports: [{labelSelector: {a: b}}]", &["3:15: a port forwarding of `dev` has no `forward`"]);
    check(
        "ports: [{forward: [{port: 70000}, {port: 1, remotePort: 0}]}]",
        &[
            "3:33: `port` of a port of `dev` is not a port: `70000`",
            "3:63: `remotePort` of a port of `dev` is not a port: `0`",
        ],
    );
    check(
        "ports: [{forward: [{port: 80, bindAddress: home}]}]",
        &["3:50: `bindAddress` of a port of `dev` is not an IP address: `home`"],
    );
    check(
        "ports: [{forward: [{port: 80}, {port: 80, remotePort: 1}, {port: 80, bindAddress: 127.0.0.2}]}]",
        &["3:45: local port 80 is forwarded twice"],
    );
    check("open: [{}]", &["3:14: a page of `dev` has no `url`"]);
    check(
        "sync: [{initialSync: preferNewst}]",
        &["3:28: unknown value `preferNewst` of `initialSync` of a sync entry of `dev`"],
    );
    check(
        "sync: [{initialSyncCompareBy: date}]",
        &["3:37: unknown value `date` of `initialSyncCompareBy` of a sync entry of `dev`"],
    );
    check(
        "sync: [{bandwidthLimits: {upload: -1}}]",
        &["3:41: `upload` of `bandwidthLimits` of a sync entry of `dev` is not a limit: `-1`"],
    );
    check(
        "sync: [{onUpload: {exec: [{args: [a]}]}}]",
        &["3:33: a command of `onUpload` of a sync entry of `dev` has no `command`"],
    );
    check("sync: [{imageSelector: image(apo)}]", &["3:30: unknown image `apo` in a sync entry of `dev`"]);
    check(
        "sync: [{imageSelector: 'image(api):1'}]",
        &["3:30: `imageSelector` of a sync entry of `dev` is not an image: `image(api):1`"],
    );
    check(
        "autoReload: {images: [apo], deployments: [x]}",
        &[
            "3:29: unknown image `apo` in `images` of `autoReload` of `dev`",
            "3:49: unknown deployment `x` in `deployments` of `autoReload` of `dev`",
        ],
    );
    check("logs: {showLast: -1}", &["3:24: `showLast` of `logs` of `dev` is not a number of lines: `-1`"]);
    check("terminal: {command: sh}", &["3:27: `command` of `dev` must be a list, found `sh`"]);
    check("onDownload: {}", &["3:7: unknown key `onDownload` in `dev`"]);
}

#[test]
fn two_downloads_into_one_directory_are_refused() {
    let check = |second: &str, expected: &[&str]| {
        let text = format!("dev: {{sync: [{{localSubPath: src}}, {{localSubPath: {second}}}]}}\n");
        assert_eq!(problems(&text), expected, "{second}");
    };
    check("./x/../src/", &["3:35: two containers download into `./x/../src/`"]);
    check("src, disableDownload: true", &[]);
    check("src/x", &[]);
    check("../src", &[]);
}

#[test]
fn problems_of_pods_have_a_location() {
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(
            problems_of(Version::V2beta1, &format!("name: x\ndev: {{p: {{{text}}}}}\n")),
            expected,
            "{text}"
        );
    };
    check("prots: []", &["4:11: unknown key `prots` in dev pod `p`"]);
    check("ports: [{port: '1:2:3'}]", &["4:26: `port` of a port of dev pod `p` is not a port: `2:3`"]);
    check(
        "ports: [{port: 53/udp}]",
        &["4:26: `port` of a port of dev pod `p` cannot be forwarded: Kubernetes forwards only TCP"],
    );
    check("ports: [{bindAddress: 0.0.0.0}]", &["4:19: a port of dev pod `p` has no `port`"]);
    check("sync: [{path: 'a:b:c'}]", &["4:25: `path` of a sync entry of dev pod `p` has more than one `:`"]);
    check("sync: [{onDownload: {}}]", &["4:19: unknown key `onDownload` in a sync entry of dev pod `p`"]);
    check("containers: {c: {trminal: {}}}", &["4:28: unknown key `trminal` in dev container `c`"]);
    check("imageSelector: '${runtime.images.apo}'", &["4:26: unknown image `apo` in dev pod `p`"]);
    check("arch: arm", &["4:17: unknown value `arm` of `arch` of dev pod `p`"]);
}

#[test]
fn unsupported_keys_are_reported_once() {
    let text = "dev: {replacePods: [{imageSelector: nginx, replaceImage: x}, {imageSelector: a}], \
                ports: [{reverseForward: [{port: 1}]}]}";
    let expected = [
        "3:7: `replacePods` of `dev` is ignored: windlass does not replace pods",
        "3:92: `reverseForward` of a port forwarding of `dev` is ignored: windlass does not forward ports of this machine into containers",
    ];
    assert_eq!(notices(Version::V1beta11, text), expected);
    let text = "name: x\ndev:\n  p:\n    devImage: i\n    reversePorts: [{port: '1'}]\n    ssh: {enabled: true}\n    \
                proxyCommands: [{gitCredentials: true}]\n    persistPaths: [{path: /a}]\n    patches: []\n    terminal: {}\n  \
                q: {ssh: {}, disableRestartHelper: true, containers: {c: {command: [a], terminal: {}}}}\n";
    let expected = [
        "6:5: `devImage` of dev pod `p` is ignored: windlass does not replace pods",
        "10:5: `persistPaths` of dev pod `p` is ignored: windlass does not replace pods",
        "7:5: `reversePorts` of dev pod `p` is ignored: windlass does not forward ports of this machine into containers",
        "8:5: `ssh` of dev pod `p` is ignored: windlass does not start SSH servers",
        "9:5: `proxyCommands` of dev pod `p` is ignored: containers cannot call commands of this machine",
        "13:61: `command` of container `c` of dev pod `q` is ignored: windlass does not replace pods",
        "13:75: `terminal` of the only pod, container `c` is ignored: there is another terminal",
    ];
    assert_eq!(notices(Version::V2beta1, text), expected);
}
