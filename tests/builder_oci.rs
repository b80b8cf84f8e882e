//! Images assembled without a daemon: the same as the daemon's own, the same on any machine, and the first command of
//! the README where there is neither a daemon nor a cluster.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lzma_rust2::{XzOptions, XzWriter};
use serde_json::{Value, json};
use windlass::oci::Origin;

use crate::harness::{Daemon, ImageTree, Project, stored};

/// A Dockerfile that both builders build; `BASE` stands for an image with `bin/busybox`, links to it, users and links
/// between folders.
struct Case {
    name: &'static str,
    dockerfile: &'static str,
}

/// The base image of the cases, as both builders make it from the files below.
const BASE: &str = "FROM BUSYBOX\nCOPY base/etc /etc/\nCOPY base/links /\nCOPY --chown=7:8 base/tmp /tmp\nENV BASE=1 SUB=sub\nLABEL a=base b=base\nCMD [\"from\", \"base\"]\nWORKDIR /base\n";

const CASES: &[Case] = &[
    Case {
        name: "copy-file",
        dockerfile: "FROM scratch\nCOPY a.txt /x\nCOPY a.txt b.txt /folder/\nCOPY a.txt relative\n",
    },
    Case {
        name: "copy-folder",
        dockerfile: "FROM scratch\nCOPY dir /d\nCOPY dir/ /e/\nCOPY dir/sub /d\nCOPY . /all/\n",
    },
    Case {
        name: "copy-links",
        dockerfile: "FROM scratch\nCOPY link.txt /l\nCOPY link.txt /f/\nCOPY dirlink /d\nCOPY dir/lnk /e/\nCOPY dangling.d /g\n",
    },
    Case {
        name: "globs",
        dockerfile: "FROM scratch\nCOPY *.txt /t/\nCOPY d*/s*b /s/\nCOPY dir/s?b/*.txt /q/\nCOPY [ab].txt /c/\nCOPY none* /n/\nCOPY dir* /m\n",
    },
    Case {
        name: "owners",
        dockerfile: "FROM scratch AS a\nCOPY --chown=1:2 a.txt /f\nCOPY --chown=7 dir /new/deep/\nCOPY --chmod=640 dir /cm/\nCOPY --chmod=755 a.txt /x\nFROM scratch\nCOPY --from=a / /all/\nCOPY --from=a --chown=3:4 /new /n\n",
    },
    Case {
        name: "users",
        dockerfile: "FROM BASE\nCOPY --chown=ann:staff a.txt /ann\nCOPY --chown=ann b.txt /made/\nCOPY --chown=9:staff a.txt /nine\nUSER ann\nWORKDIR home/x\nCOPY a.txt .\n",
    },
    Case {
        name: "image-links",
        dockerfile: "FROM BASE\nCOPY a.txt /var/run/a\nCOPY b.txt /var/run/\nCOPY a.txt /to-file\nCOPY a.txt /dangling\nCOPY dir /up/d\nCOPY a.txt bin/\nWORKDIR /var/run/w\n",
    },
    Case { name: "rights-above", dockerfile: "FROM BASE\nCOPY a.txt /tmp/deep/a\nCOPY b.txt /etc/b\n" },
    Case {
        name: "overwrite",
        dockerfile: "FROM BASE\nCOPY b.txt /etc/passwd\nCOPY dir /etc\nCOPY --chmod=700 dir /etc\nCOPY a.txt /bin/cat\n",
    },
    Case {
        name: "stages",
        dockerfile: "ARG WHERE=/one\nFROM scratch AS One\nARG WHERE\nCOPY a.txt $WHERE/\nFROM scratch AS unused\nCOPY gone.txt /\nFROM one AS two\nCOPY b.txt $WHERE/\nCOPY --from=0 /one/a.txt two/\nFROM BASE\nCOPY --from=two / /\nCOPY --from=one /one/*.txt /three/\n",
    },
    Case {
        name: "from-image",
        dockerfile: "FROM scratch\nCOPY --from=BASE /etc /etc\nCOPY --from=BASE /bin/sh /bin/cat /bin/\nCOPY --from=BASE /var/run/ /run\n",
    },
    Case {
        name: "workdir",
        dockerfile: "FROM scratch\nWORKDIR /a/b\nWORKDIR c\nWORKDIR ../d\nCOPY a.txt .\nCOPY b.txt ./e/\nWORKDIR /\nWORKDIR /a/b\n",
    },
    Case {
        name: "config",
        dockerfile: "FROM scratch\nCOPY a.txt /\nMAINTAINER me <me@x.io>\nLABEL b=1 a=\"x y\" \"c d\"='e'\nLABEL old form here\nEXPOSE 80 53/udp 8000-8002\nVOLUME /v /w\nVOLUME [\"/x y\"]\nSTOPSIGNAL SIGTERM\nUSER 5:6\nENV A=1 B=\"x $A\" C=$A\nENV D $A old form\nENV E=${A:-no}${F:-f}\nONBUILD COPY a.txt /o\nONBUILD RUN make all\nCMD echo $HOME\n",
    },
    Case { name: "command", dockerfile: "FROM BASE\nENTRYPOINT [\"sh\", \"-c\"]\n" },
    Case { name: "command-kept", dockerfile: "FROM BASE\nCMD [\"new\"]\nENTRYPOINT sh -c\n" },
    Case {
        name: "command-of-stage",
        dockerfile: "FROM scratch AS a\nCOPY a.txt /\nCMD [\"a\"]\nFROM a\nENTRYPOINT [\"b\"]\n",
    },
    Case {
        name: "shell",
        dockerfile: "FROM scratch\nCOPY a.txt /\nSHELL [\"/bin/x\", \"-e\", \"-c\"]\nCMD a  b\nENTRYPOINT c\n",
    },
    Case {
        name: "health",
        dockerfile: "FROM scratch\nCOPY a.txt /\nHEALTHCHECK --interval=5s --timeout=1m30s --retries=3 CMD [\"a\", \"b\"]\n",
    },
    Case { name: "health-shell", dockerfile: "FROM scratch\nCOPY a.txt /\nHEALTHCHECK CMD a b || exit 1\n" },
    Case { name: "health-none", dockerfile: "FROM scratch\nCOPY a.txt /\nHEALTHCHECK NONE\n" },
    Case {
        name: "args",
        dockerfile: "ARG GLOBAL=g\nFROM scratch\nARG GLOBAL\nARG GIVEN=default\nARG UNSET\nARG NEXT=$GIVEN-x\nENV SEEN=$GLOBAL.$GIVEN.$UNSET.$NEXT\nARG SEEN2=a\nENV SEEN2=b$SEEN2\nLABEL l=$SEEN2 arch=$TARGETARCH\nARG TARGETARCH TARGETPLATFORM\nLABEL p=$TARGETARCH.$TARGETPLATFORM\nCOPY $GIVEN.txt /$NEXT/\n",
    },
    Case {
        name: "onbuild",
        dockerfile: "FROM scratch AS a\nENV D=dir\nONBUILD COPY $D /d/\nONBUILD ENV E=1\nFROM a AS b\nONBUILD LABEL x=y\nFROM b\n",
    },
    Case {
        name: "add",
        dockerfile: "FROM BASE\nADD a.txt /add/\nADD --chown=4:5 files.tar /tar\nADD files.tar.gz dir /gz/\nADD files.tar /tmp\nADD not.tar.gz /n/\nADD files.tar /var/run\n",
    },
    Case {
        name: "add-packed",
        dockerfile: "FROM BASE\nADD files.tar.bz2 /bz2/\nADD --chown=4:5 files.tar.xz /xz\nADD files.tar.xz files.tar.bz2 dir /tmp/\nADD not.tar.bz2 not.tar.xz /n/\nCOPY files.tar.xz files.tar.bz2 /packed/\n",
    },
    Case {
        name: "escape",
        dockerfile: "# escape=`\nFROM scratch\nENV A=1 `\n  B=a\\b\nCOPY a.txt `\n  /x\n",
    },
    Case {
        name: "names",
        dockerfile: "FROM scratch\nCOPY [\"with space\", \"/with space/\"]\nCOPY \u{fc}.txt /\nCOPY long /long/\nCOPY empty /empty\n",
    },
    Case { name: "nothing", dockerfile: "FROM BASE\n" },
];

/// The files that the cases copy.
fn files(project: Project) -> Project {
    let long = format!("long/{}/{}.txt", "n".repeat(90), "m".repeat(120));
    let project = project
        .file("a.txt", "a")
        .executable("b.txt", "b")
        .file("dir/sub/s.txt", "s")
        .file("dir/top.txt", "top")
        .symlink("dir/lnk", "sub")
        .symlink("link.txt", "a.txt")
        .symlink("dirlink", "dir")
        .symlink("dangling.d/x", "/nowhere")
        .folder("empty/inner")
        .file("given.txt", "given")
        .file("with space/a b", "spaces")
        .file("\u{fc}.txt", "umlaut")
        .file(long, "long")
        .file("not.tar.xz", [0xfd, b'7', b'z', b'X', b'Z', 0, 0])
        .file("not.tar.bz2", "BZh9no archive at all")
        .file("not.tar.gz", "\u{1f}\u{8b}no archive at all")
        .file("ignored.txt", "no")
        .file(".dockerignore", "ignored.txt\n*.Dockerfile\ndevspace.yaml\n.dockerignore\nbase\nfiles.tar*\n!files.tar\n!files.tar.gz\n!files.tar.bz2\n!files.tar.xz\n!base/**\n")
        .file("base/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\n")
        .file("base/etc/group", "root:x:0:\nstaff:x:50:ann\n")
        .file("base/etc/secret", "s")
        .file("base/links/run/pid", "1")
        .file("base/links/file", "f")
        .symlink("base/links/var/run", "/run")
        .symlink("base/links/to-file", "file")
        .symlink("base/links/dangling", "new/place")
        .symlink("base/links/up", "../../run")
        .file("base/tmp/t", "t");
    for (path, mode) in
        [("b.txt", 0o4755), ("dir/sub", 0o750), ("base/etc/secret", 0o600), ("base/tmp", 0o1777)]
    {
        fs::set_permissions(project.path(path), fs::Permissions::from_mode(mode)).expect("permissions");
    }
    let archive = archive();
    project.write("files.tar", &archive);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &archive).expect("compressed");
    project.write("files.tar.gz", gzip.finish().expect("compressed"));
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    std::io::Write::write_all(&mut bzip2, &archive).expect("compressed");
    project.write("files.tar.bz2", bzip2.finish().expect("compressed"));
    let mut xz = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).expect("a writer");
    std::io::Write::write_all(&mut xz, &archive).expect("compressed");
    project.write("files.tar.xz", xz.finish().expect("compressed"));
    project
}

/// An archive with folders, links of both kinds, owners, and a file whose folder it does not have.
fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |path: &str, kind: tar::EntryType, mode: u32, link: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(11);
        header.set_gid(12);
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        if link.is_empty() {
            builder.append_data(&mut header, path, content).expect("appended");
        } else {
            builder.append_link(&mut header, path, link).expect("appended");
        }
    };
    use tar::EntryType::{Directory, Link, Regular, Symlink};
    add("d/", Directory, 0o711, "", b"");
    add("d/one", Regular, 0o640, "", b"one");
    add("d/hard", Link, 0o640, "d/one", b"");
    add("d/soft", Symlink, 0o777, "../../../etc/passwd", b"");
    add("elsewhere", Symlink, 0o777, "/d", b"");
    add("elsewhere/through", Regular, 0o600, "", b"through");
    add("lonely/deep/file", Regular, 0o604, "", b"lonely");
    add("t", Regular, 0o444, "", b"in place of another");
    builder.into_inner().expect("finished")
}

/// What of a configuration both builders have to agree on.
fn essence(mut image: Value, layers: &[usize]) -> Value {
    let config = image["config"].as_object_mut().expect("config").clone();
    let known = |key: &str| {
        ![
            "ArgsEscaped",
            "Hostname",
            "Domainname",
            "AttachStdin",
            "AttachStdout",
            "AttachStderr",
            "Tty",
            "OpenStdin",
            "StdinOnce",
            "Image",
        ]
        .contains(&key)
    };
    let is_set = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    };
    let config: serde_json::Map<_, _> =
        config.into_iter().filter(|(key, value)| known(key) && is_set(value)).collect();
    let mut layers = layers.iter();
    let history = image["history"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let history: Vec<Value> = history
        .into_iter()
        .map(|entry| {
            let by = entry["created_by"].as_str().unwrap_or_default();
            let by = by.strip_suffix(" # buildkit").unwrap_or(by);
            // BuildKit prints a structure of its source here.
            let by = if by.starts_with("HEALTHCHECK") { "HEALTHCHECK" } else { by };
            // BuildKit also makes a layer of nothing.
            let is_empty = entry["empty_layer"] == true || layers.next() == Some(&0);
            json!([by, is_empty])
        })
        .collect();
    let facts = ["architecture", "os", "variant", "author"];
    let facts: Vec<_> = facts.iter().map(|fact| image[fact].as_str().unwrap_or_default()).collect();
    json!({ "config": config, "history": history, "facts": facts })
}

/// The project of `cases`, each an image of its own.
fn project(daemon: &Daemon, prefix: &str, registry: &str, cases: &[&Case]) -> Project {
    let mut config = "version: v1beta9\nimages:\n".to_owned();
    let mut project = files(Project::new().daemon(daemon));
    for case in cases {
        let Case { name, dockerfile } = case;
        config += &format!(
            "  {name}:\n    image: {prefix}/{name}\n    dockerfile: {name}.Dockerfile\n    build:\n      docker:\n        options:\n          buildArgs:\n            GIVEN: given\n"
        );
        let dockerfile = dockerfile
            .replace("BASE ", &format!("{registry}/base:1 "))
            .replace("BASE\n", &format!("{registry}/base:1\n"));
        project = project.file(format!("{name}.Dockerfile"), dockerfile);
    }
    project.file("devspace.yaml", config)
}

/// Where the images `own` of the store are not those called `daemon`, of which each pair was built from one Dockerfile.
fn differences(daemon: &Daemon, project: &Project, prefix: &str, names: &[&str]) -> Vec<String> {
    let mut differences = Vec::new();
    for name in names {
        let theirs = format!("{prefix}/{name}:daemon");
        let reference = format!("{prefix}/{name}:own").parse().expect("a reference");
        match (daemon.image_id(&theirs), project.store().named(&reference, Origin::Built)) {
            // Neither can build it.
            (None, None) => continue,
            (Some(_), Some(_)) => {}
            (theirs, own) => {
                differences.push(format!("{name}: built by the daemon as {theirs:?}, here as {own:?}"));
                continue;
            }
        }
        let theirs = ImageTree::of_daemon(daemon, &theirs);
        let own = ImageTree::of_store(project, &format!("{prefix}/{name}:own"));
        for (path, line) in &theirs.tree {
            match own.tree.get(path) {
                Some(found) if found == line => {}
                found => differences.push(format!("{name}: {path} is {found:?}, not {line}")),
            }
        }
        let more = own.tree.iter().filter(|(path, _)| !theirs.tree.contains_key(*path));
        differences
            .extend(more.map(|(path, line)| format!("{name}: {path} is {line}, and was not to be there")));
        let (found, expected) = (essence(own.config, &own.layers), essence(theirs.config, &theirs.layers));
        if found != expected {
            differences.push(format!("{name}:\n  {found}\n  not\n  {expected}"));
        }
    }
    differences
}

#[test]
fn images_are_those_of_the_daemon() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "oci");
    let busybox = format!("{repository}/busybox:1");
    let base = format!("{repository}/base:1");
    daemon.docker(["tag", &daemon.base(), &busybox]);
    daemon.docker(["push", "--quiet", &busybox]);
    let prepared = files(Project::new().daemon(&daemon))
        .file("Dockerfile", BASE.replace("BUSYBOX", &busybox))
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  base:\n    image: {repository}/base\n"));
    prepared.run(["build", "--builder", "docker", "-t", "1"]).success();

    let prefix = repository.to_string();
    let cases: Vec<&Case> = CASES.iter().collect();
    let repositories: Vec<_> =
        CASES.iter().map(|case| daemon.repository_below(&repository, case.name)).collect();
    let project = project(&daemon, &prefix, &prefix, &cases);
    project.run(["build", "--skip-push", "--builder", "docker", "-t", "daemon"]).success();
    let built = project.run(["build", "--skip-push", "--builder", "oci", "-b", "-t", "own", "--keep-going"]);
    let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
    let differences = differences(&daemon, &project, &prefix, &names);
    assert!(differences.is_empty(), "{}\n{built}", differences.join("\n"));
    drop(repositories);
    drop(base);
}

/// A Dockerfile of a few instructions that `random` chooses; not every one can be built.
fn random_dockerfile(random: &mut fastrand::Rng) -> String {
    const SOURCES: [&str; 14] = [
        "a.txt",
        "b.txt",
        "dir",
        "dir/",
        "dir/sub",
        "dir/lnk",
        "link.txt",
        "dirlink",
        "dangling.d",
        "*.txt",
        "d*",
        "empty",
        "dir/*",
        ".",
    ];
    const TARGETS: [&str; 18] = [
        "/x",
        "/x/",
        "/x/y",
        "/d",
        "/d/",
        "rel",
        "rel/",
        "./",
        ".",
        "/var/run/",
        "/var/run/z",
        "/tmp/y/",
        "/etc",
        "/to-file",
        "/up/q",
        "/bin/",
        "/dangling",
        "/dangling/",
    ];
    const FLAGS: [&str; 6] =
        ["", "", "--chown=3:4 ", "--chown=ann ", "--chmod=750 ", "--chown=5 --chmod=604 "];
    const FOLDERS: [&str; 6] = ["/w", "w/v", "/var/run/w", "../up", "/d/sub", "/tmp"];
    let mut text = "FROM BASE AS first\n".to_owned();
    for _ in 0..random.usize(2..6) {
        let mut one = |words: &[&str]| random.choice(words.to_vec()).unwrap_or_default().to_owned();
        let (flags, source, target, folder) = (one(&FLAGS), one(&SOURCES), one(&TARGETS), one(&FOLDERS));
        match random.u8(0..10) {
            0 => text += &format!("WORKDIR {folder}\n"),
            1 => text += &format!("USER ann\nWORKDIR {folder}\n"),
            2 => text += &format!("ADD {flags}{source} {target}\n"),
            3 => text += &format!("FROM BASE\nCOPY --from=0 {flags}/x* /etc/pass?d /up /{}\n", "from/"),
            _ => text += &format!("COPY {flags}{source} {target}\n"),
        }
    }
    text
}

#[test]
fn random_images_are_those_of_the_daemon() {
    const COUNT: u64 = 24;
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "random");
    let busybox = format!("{repository}/busybox:1");
    daemon.docker(["tag", &daemon.base(), &busybox]);
    daemon.docker(["push", "--quiet", &busybox]);
    let prepared = files(Project::new().daemon(&daemon))
        .file("Dockerfile", BASE.replace("BUSYBOX", &busybox))
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  base:\n    image: {repository}/base\n"));
    prepared.run(["build", "--builder", "docker", "-t", "1"]).success();

    // The same ones every time; another number finds others.
    let seed: u64 = std::env::var("WINDLASS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let cases: Vec<(String, String)> = (0..COUNT)
        .map(|number| {
            (format!("case{number}"), random_dockerfile(&mut fastrand::Rng::with_seed(seed * 1000 + number)))
        })
        .collect();
    let repositories: Vec<_> = std::iter::once("base")
        .chain(["busybox"])
        .chain(cases.iter().map(|(name, _)| name.as_str()))
        .map(|name| daemon.repository_below(&repository, name))
        .collect();
    let prefix = repository.to_string();
    let mut config = "version: v1beta9\nimages:\n".to_owned();
    let mut project = files(Project::new().daemon(&daemon));
    for (name, dockerfile) in &cases {
        config += &format!("  {name}:\n    image: {prefix}/{name}\n    dockerfile: {name}.Dockerfile\n");
        let dockerfile = dockerfile.replace("FROM BASE", &format!("FROM {prefix}/base:1"));
        project = project.file(format!("{name}.Dockerfile"), dockerfile);
    }
    let project = project.file("devspace.yaml", config);
    project.run(["build", "--skip-push", "--keep-going", "--builder", "docker", "-t", "daemon"]);
    let built = project.run(["build", "--skip-push", "--keep-going", "--builder", "oci", "-b", "-t", "own"]);
    let names: Vec<_> = cases.iter().map(|(name, _)| name.as_str()).collect();
    let differences = differences(&daemon, &project, &prefix, &names);
    let shown = |(name, dockerfile): &(String, String)| format!("{name}:\n{dockerfile}");
    let concerned =
        cases.iter().filter(|(name, _)| differences.iter().any(|line| line.starts_with(&format!("{name}:"))));
    let concerned: Vec<_> = concerned.map(shown).collect();
    assert!(differences.is_empty(), "{}\n{}\n{built}", differences.join("\n"), concerned.join("\n"));
    let together =
        names.iter().filter(|name| daemon.image_id(&format!("{prefix}/{name}:daemon")).is_some()).count();
    assert!(together > 5, "only {together} of {COUNT} can be built");
    drop(repositories);
}

/// The example of the README's first command, where there is neither a daemon nor a cluster.
#[test]
fn first_command_needs_neither_daemon_nor_cluster() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop");
    let project = Project::new();
    for path in [
        "devspace.yaml",
        "base/Dockerfile",
        "base/files/shop.toml",
        "web/Dockerfile",
        "web/site/index.html",
        "api/Dockerfile",
    ] {
        project.write(path, fs::read(examples.join(path)).expect("the example's file"));
    }
    let project =
        project.executable("api/src/serve", fs::read(examples.join("api/src/serve")).expect("a file"));
    let build = || project.run(["build", "--skip-push", "-t", "1"]).success().clone();
    let plan = project.run(["plan"]).success().clone();
    plan.stdout_has("builder  oci");
    assert!(!project.home().join(".cache").exists(), "a plan keeps nothing");
    build().stderr_has("3 built");
    let api = ImageTree::of_store(&project, "shop/api:1");
    let line =
        |path: &str| api.tree.get(path).map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" "));
    assert_eq!(line("srv/api/serve").as_deref(), Some("file 755 0:0"));
    assert!(line("etc/shop/shop.toml").is_some(), "the files of the base are there");
    assert_eq!(api.config["config"]["Entrypoint"], json!(["/srv/api/serve"]));
    build().stderr_has("3 skipped");
    project.write("web/site/index.html", "changed");
    build().stderr_has("1 built, 2 skipped");
}

#[test]
fn equal_inputs_give_equal_digests() {
    let build = |epoch: Option<&str>, arguments: &[&str]| {
        let project = files(Project::new())
            .file("Dockerfile", "FROM scratch\nCOPY . /all/\nADD files.tar.gz /tar/\nWORKDIR /w\nENV A=1\n")
            .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n");
        let project =
            epoch.into_iter().fold(project, |project, epoch| project.env("SOURCE_DATE_EPOCH", epoch));
        project.run(["build", "--skip-push", "-t", "1"].iter().chain(arguments)).success();
        stored(&project, "acme/app:1")
    };
    let image = build(None, &[]);
    assert_eq!(build(None, &[]).digest(), image.digest());
    assert_eq!(build(None, &["--builder", "oci"]).digest(), image.digest());
    let config: Value = serde_json::from_slice(image.config()).expect("JSON");
    assert_eq!(config["created"], "1970-01-01T00:00:00Z");
    let dated = build(Some("1700000000"), &[]);
    assert_ne!(dated.digest(), image.digest());
    let config: Value = serde_json::from_slice(dated.config()).expect("JSON");
    assert_eq!(config["created"], "2023-11-14T22:13:20Z");
}

#[test]
fn only_changed_layers_are_made_anew() {
    let project = Project::new()
        .file(
            "Dockerfile",
            "FROM scratch\nCOPY a /a/\nCOPY b /b/\nCOPY --from=0 /a /again\n".replace("--from=0 /a", "a"),
        )
        .file("a/1", "one")
        .file("b/2", "two")
        .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n");
    let build = || project.run(["build", "--skip-push", "--progress", "plain"]).success().clone();
    build().lacks("unchanged)");
    project.write("b/2", "three");
    let again = build();
    again.stderr_has("[1/3] COPY a /a/ (unchanged)").stderr_has("[3/3] COPY a /again (unchanged)");
    assert!(!again.stderr.contains("COPY b /b/ (unchanged)"), "{again}");
}

#[test]
fn what_needs_a_daemon_is_said_before_anything_is_built() {
    let project = |dockerfile: &str| {
        Project::new()
            .file("Dockerfile", dockerfile)
            .file("a.txt", "a")
            .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n")
    };
    let runs = project("FROM scratch\nCOPY a.txt /\nRUN make \\\n  all\n");
    for arguments in [&["build", "--skip-push"][..], &["build", "--skip-push", "--builder", "oci"]] {
        let output = runs.run(arguments);
        output
            .exits(1)
            .stderr_has("cannot build `app` without a daemon: it runs a command, at line 3 of Dockerfile");
        output.stderr_has("DOCKER_HOST").stderr_has("RUN make");
        assert!(!runs.home().join(".cache/windlass/oci/blobs").exists(), "nothing is built");
    }
    let elsewhere = project("FROM scratch AS build\nRUN make\nFROM scratch\nCOPY a.txt /\n");
    elsewhere.run(["build", "--skip-push"]).success();
    project("# syntax=acme/frontend\nFROM scratch\n")
        .run(["build", "--skip-push"])
        .exits(1)
        .stderr_has("at line 1 of");
    project("FROM scratch\nADD https://x.io/a.git /a\n")
        .run(["build", "--skip-push"])
        .exits(1)
        .stderr_has("it adds a git repository");
}

#[test]
fn mistakes_point_at_their_line() {
    let check = |dockerfile: &str, texts: &[&str]| {
        let project = files(Project::new())
            .file("Dockerfile", dockerfile)
            .file("devspace.yaml", "version: v1beta9\nimages:\n  app:\n    image: acme/app\n");
        let output = project.run(["build", "--skip-push", "--builder", "oci"]);
        output.exits(1);
        for text in texts {
            output.stderr_has(text);
        }
    };
    check(
        "FROM scratch\nCOPY a.txt /\nCOPY gone.txt /x\n",
        &["`gone.txt` is not in the build context", "[Dockerfile:3:1]", ".dockerignore"],
    );
    check("FROM scratch\nCOPY ignored.txt /x\n", &["`ignored.txt` is not in the build context"]);
    check(
        "FROM scratch\nCOPY a.txt b.txt /x\n",
        &["several files cannot become the file `/x`", "write `/x/`"],
    );
    check("FROM scratch\nCOPY --chown=bob a.txt /x\n", &["the image has no user `bob`"]);
    check("FROM scratch\nCOPY --chmod=rw a.txt /x\n", &["`--chmod=rw` is no octal number"]);
    check(
        "FROM scratch\nCOPY dir /d\nCOPY a.txt /d/sub\nCOPY a.txt /d/sub/a.txt\nCOPY dir /d/top.txt\n",
        &["[Dockerfile:5:1]", "`/d/top.txt` is no folder"],
    );
    check("FROM scratch\nEXPOSE http\n", &["`http` is no port"]);
    check("FROM scratch\nCOPY --from=a /x /y\nFROM scratch AS a\nCOPY --from=0 /y /x\n", &["in a circle"]);
}

/// A project with one image, `repository`, and no daemon unless one is given to it.
fn one_image(repository: &str, dockerfile: &str) -> Project {
    files(Project::new())
        .file("Dockerfile", dockerfile)
        .file("devspace.yaml", format!("version: v1beta9\nimages:\n  app:\n    image: {repository}\n"))
}

#[test]
fn pushed_images_are_pulled_and_run() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let repository = daemon.repository(&registry.address(), "run");
    let base = format!("{repository}/base:1");
    let _base = daemon.repository_below(&repository, "base");
    daemon.docker(["tag", &daemon.base(), &base]);
    daemon.docker(["push", "--quiet", &base]);
    let dockerfile = format!(
        "FROM {base}\nCOPY a.txt /app/\nCOPY dir /app/dir/\nWORKDIR /app\nCMD [\"cat\", \"a.txt\"]\n"
    );
    let project = one_image(repository.name(), &dockerfile);
    project.run(["build", "-t", "1"]).success().stderr_has("1 built");
    assert_eq!(registry.tags(&repository), ["1"]);
    let reference = format!("{repository}:1");
    daemon.docker(["pull", "--quiet", &reference]);
    assert_eq!(daemon.run(&reference, &[]), "a");
    assert_eq!(daemon.run(&reference, &["cat", "/app/dir/lnk/s.txt"]), "s");

    // The next build sends one layer, and the base does not travel at all.
    let layers = |tag: &str| registry.manifest(&repository, tag)["layers"].clone();
    let before = registry.log();
    project.write("dir/top.txt", "changed");
    project.run(["build", "-t", "2"]).success();
    let after = registry.log();
    let log = after.strip_prefix(&before).unwrap_or(&after);
    let (one, two) = (layers("1"), layers("2"));
    let same = |index: usize| one[index]["digest"] == two[index]["digest"];
    assert!(same(0) && same(1) && !same(2), "{one}\n{two}");
    // What the registry does not have is asked for in vain, and sent: the layer and the configuration.
    let sent = log.lines().filter(|line| line.contains("err.code=\"blob unknown\"")).count();
    assert_eq!(sent, 2, "{log}");
    daemon.docker(["pull", "--quiet", &format!("{repository}:2")]);
    assert_eq!(daemon.run(&format!("{repository}:2"), &["cat", "/app/dir/top.txt"]), "changed");
}

#[test]
fn bases_that_only_the_daemon_has_are_taken_from_it() {
    let Some((daemon, registry)) = Daemon::acquire_with_registry() else { return };
    let base = daemon.repository(&registry.address(), "local-base");
    let dockerfile = format!("FROM {}\nCOPY a.txt /base/\nCOPY dir /base/dir\nENV BASE=1\n", daemon.base());
    let parent = one_image(base.name(), &dockerfile).daemon(&daemon);
    parent.run(["build", "--builder", "docker", "--skip-push", "-t", "1"]).success();
    assert!(registry.tags(&base).is_empty());

    let repository = daemon.repository(&registry.address(), "on-local");
    let dockerfile = format!("FROM {base}:1\nCOPY b.txt /app/\nCMD [\"cat\", \"/base/a.txt\"]\n");
    let project = one_image(repository.name(), &dockerfile).daemon(&daemon);
    let build = |tag: &str| {
        project.run(["build", "--builder", "oci", "-t", tag, "--progress", "plain"]).success().clone()
    };
    let taking = format!("taking {base}:1 from the docker daemon");
    build("1").stderr_has(&taking);
    let reference = format!("{repository}:1");
    daemon.docker(["pull", "--quiet", &reference]);
    assert_eq!(daemon.run(&reference, &[]), "a");
    assert_eq!(daemon.run(&reference, &["cat", "/base/dir/top.txt"]), "top");
    let (own, theirs) =
        (daemon.inspect(&reference)["RootFS"]["Layers"].clone(), daemon.inspect(&format!("{base}:1")));
    let theirs = theirs["RootFS"]["Layers"].as_array().expect("layers").clone();
    assert_eq!(own.as_array().expect("layers")[..theirs.len()], theirs[..], "the layers are the daemon's");
    project.write("b.txt", "changed");
    build("2").lacks(&taking);
    daemon.docker(["pull", "--quiet", &format!("{repository}:2")]);
    assert_eq!(daemon.run(&format!("{repository}:2"), &["cat", "/app/b.txt"]), "changed");

    // Without the daemon nobody has it.
    let alone = one_image(repository.name(), &dockerfile).env("DOCKER_HOST", "unix:///no/daemon.sock");
    alone.run(["build", "--builder", "oci"]).exits(1).stderr_has(format!("cannot pull `{base}:1`"));
}

#[test]
fn images_that_are_not_pushed_are_loaded_into_the_daemon() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "load");
    let project = one_image(repository.name(), "FROM scratch\nCOPY a.txt /x\n").daemon(&daemon);
    let build = || {
        project
            .run(["build", "--skip-push", "--builder", "oci", "-t", "1", "--progress", "plain"])
            .success()
            .clone()
    };
    build().stderr_has("loaded into the docker daemon");
    let reference = format!("{repository}:1");
    assert_eq!(daemon.file(&reference, "/x"), "a");
    assert_eq!(daemon.image_id(&reference), Some(stored(&project, &reference).image_id().to_string()));
    build().stderr_has("skipped: unchanged").lacks("loaded");
    // What was removed from the daemon comes back without being built.
    daemon.docker(["image", "rm", "--force", &reference]);
    build().stderr_has("skipped: unchanged").stderr_has("loaded into the docker daemon");
    assert_eq!(daemon.file(&reference, "/x"), "a");
}

#[test]
fn images_of_a_daemon_that_is_gone_are_assembled() {
    let Some(daemon) = Daemon::acquire() else { return };
    let repository = daemon.repository("", "gone");
    let project = one_image(repository.name(), "FROM scratch\nCOPY a.txt /x\n").daemon(&daemon);
    let build = ["build", "--skip-push", "-t", "1", "--progress", "plain"];
    project.run(build).success().stderr_has("building with docker");
    let project = project.env("DOCKER_HOST", "unix:///none");
    project.run(["plan"]).success().stdout_has("the docker daemon that has it does not answer");
    project
        .run(build)
        .success()
        .stderr_has("building: the docker daemon that has it does not answer")
        .stderr_has("assembling without a daemon");
    project.run(build).success().stderr_has("skipped: unchanged");
}

#[test]
fn here_documents_and_linked_layers_are_written() {
    let dockerfile = "FROM scratch AS base\nCOPY --chmod=1777 dir /tmp/\nCOPY dir /real\nFROM base\nENV NAME=world\nCOPY <<EOF <<-'raw' /docs/\nhello \"$NAME\" \\$NAME\nEOF\n\tkeeps $NAME\nraw\nCOPY --chown=3 --chmod=600 <<EOF /single\none\nEOF\nCOPY --link --chown=5:6 a.txt /tmp/linked/\nCOPY --exclude=*.txt --exclude=sub dir /some/\n";
    let project = one_image("acme/docs", dockerfile);
    project.run(["build", "--skip-push", "-t", "1"]).success();
    let tree = ImageTree::of_store(&project, "acme/docs:1").tree;
    let line = |path: &str| tree.get(path).map(String::as_str).unwrap_or_default();
    let content = |text: &str| format!("{} {}", text.len(), &windlass::image::Digest::of(text).hex()[..12]);
    assert_eq!(line("docs/EOF"), format!("file 644 0:0 {}", content("hello \"world\" $NAME\n")));
    assert_eq!(line("docs/raw"), format!("file 644 0:0 {}", content("keeps $NAME\n")));
    assert_eq!(line("single"), format!("file 600 3:3 {}", content("one\n")));
    assert!(line("tmp/linked/a.txt").starts_with("file 644 5:6"), "{tree:?}");
    assert_eq!(line("tmp"), "folder 755 0:0", "the folder of a linked file keeps its rights: {tree:?}");
    assert!(
        tree.contains_key("some/lnk") && !tree.contains_key("some/top.txt") && !tree.contains_key("some/sub"),
        "{tree:?}"
    );
}

#[test]
fn addresses_are_downloaded_and_checked() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let serve = move || {
        for connection in listener.incoming().flatten() {
            let mut connection = std::io::BufReader::new(connection);
            let mut request = String::new();
            let _ = std::io::BufRead::read_line(&mut connection, &mut request);
            let mut line = String::new();
            while std::io::BufRead::read_line(&mut connection, &mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            let answer = match request.contains("/gone") {
                true => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                false => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
            };
            let _ = std::io::Write::write_all(connection.get_mut(), answer.as_bytes());
        }
    };
    std::thread::spawn(serve);
    let digest = windlass::image::Digest::of("hello");
    let build = |dockerfile: String| {
        let project = one_image("acme/add", &dockerfile);
        let output = project.run(["build", "--skip-push", "-t", "1"]);
        (project, output)
    };
    let (project, output) = build(format!(
        "FROM scratch\nADD --checksum={digest} http://{address}/a/file.bin?x=1 /get/\nADD --chmod=644 http://{address}/ /get/\nADD http://{address}/z /named\n"
    ));
    output.success();
    let tree = ImageTree::of_store(&project, "acme/add:1").tree;
    let hello = format!("5 {}", &digest.hex()[..12]);
    assert_eq!(tree.get("get/file.bin"), Some(&format!("file 600 0:0 {hello}")));
    assert_eq!(tree.get("get/__unnamed__"), Some(&format!("file 644 0:0 {hello}")));
    assert_eq!(tree.get("named"), Some(&format!("file 600 0:0 {hello}")));
    let (_, output) = build(format!("FROM scratch\nADD --checksum=sha256:{:064} http://{address}/a /\n", 1));
    output.exits(1).stderr_has("what came has the digest");
    let (_, output) = build(format!("FROM scratch\nADD http://{address}/gone /\n"));
    output.exits(1).stderr_has("the server answered 404").stderr_has("[Dockerfile:2:1]");
}

#[test]
fn hostile_archives_stay_inside_or_are_refused() {
    let raw = |path: &str, kind: tar::EntryType, link: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        let gnu = header.as_gnu_mut().expect("a GNU header");
        gnu.name[..path.len()].copy_from_slice(path.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        let mut entry = header.as_bytes().to_vec();
        entry.extend_from_slice(content);
        entry.resize(entry.len().next_multiple_of(512), 0);
        entry
    };
    let file = tar::EntryType::Regular;
    let build = |parts: &[Vec<u8>]| {
        let project = one_image("acme/tar", "FROM scratch\nADD files.tar /in/\n");
        project.write("files.tar", [parts.concat(), vec![0; 1024]].concat());
        let output = project.run(["build", "--skip-push", "-t", "1"]);
        (project, output)
    };
    for (path, kind, link) in [
        ("../out", file, ""),
        ("a/../../out", file, ""),
        ("hard", tar::EntryType::Link, "../../etc/passwd"),
        ("hard", tar::EntryType::Link, "nowhere"),
    ] {
        let (_, output) = build(&[raw(path, kind, link, b"")]);
        output.exits(1).stderr_has("cannot unpack `files.tar`").stderr_has("[Dockerfile:2:1]");
    }
    let (_, output) =
        build(&[raw("round", tar::EntryType::Symlink, "round", b""), raw("round/x", file, "", b"x")]);
    output.exits(1).stderr_has("in a circle");
    let (_, output) = build(&[raw(".wh.x", file, "", b"x")]);
    output.exits(1).stderr_has("cannot be in an image");
    // Links lead no further than the folder it is unpacked in.
    let links = [
        raw("up", tar::EntryType::Symlink, "../../..", b""),
        raw("up/etc/x", file, "", b"x"),
        raw("/abs", file, "", b"x"),
    ];
    let (project, output) = build(&links);
    output.success();
    let tree = ImageTree::of_store(&project, "acme/tar:1").tree;
    assert!(tree.keys().all(|path| path == "in" || path.starts_with("in/")), "{tree:?}");
    assert!(tree.contains_key("in/etc/x") && tree.contains_key("in/abs"), "{tree:?}");
    // One that breaks off in the middle.
    let mut broken = raw("a", file, "", &[7; 4000]);
    broken.truncate(1000);
    let project = one_image("acme/tar", "FROM scratch\nADD files.tar /in/\n");
    project.write("files.tar", broken);
    project.run(["build", "--skip-push"]).exits(1).stderr_has("cannot unpack `files.tar`");
}
