//! The expected images of a random project: fresh builds by the docker command.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use windlass::image::Digest;

use super::sketch::{Sketch, Sketches};
use crate::harness::{Daemon, ImageTree, Output, Project};

/// The comparable content of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Essence {
    tree: BTreeMap<String, String>,
    config: BTreeMap<String, String>,
}

impl From<ImageTree> for Essence {
    fn from(image: ImageTree) -> Self {
        let fields = ["Cmd", "Entrypoint", "Env", "ExposedPorts", "Labels", "User", "WorkingDir"];
        let config = fields.map(|field| {
            let value = &image.config["config"][field];
            let is_empty = value.is_null() || [r#"{}"#, "[]", r#""""#].contains(&value.to_string().as_str());
            (field.to_owned(), if is_empty { String::new() } else { sorted(value) })
        });
        // The Dockerfiles of the oracle name other images.
        let tree = image.tree.into_iter().filter(|(path, _)| !path.ends_with(".Dockerfile"));
        let tree = tree.map(|(path, line)| {
            let line = if path.starts_with("base/mode") { without_set_id(&line) } else { line };
            (path, line)
        });
        Self { tree: tree.collect(), config: config.into() }
    }
}

/// A line of the tree, such as `file 4642 0:0 12 a643751af4a8`, without the set-ID and sticky bits of its mode.
///
/// With `COPY --chmod=642`, BuildKit before Docker 28 keeps these bits of the source, and newer ones do not.
fn without_set_id(line: &str) -> String {
    let mut words: Vec<_> = line.split(' ').collect();
    let permissions = words.get(1).map(|mode| mode[mode.len().saturating_sub(3)..].to_owned());
    if let (Some(mode), Some(permissions)) = (words.get_mut(1), &permissions) {
        *mode = permissions;
    }
    words.join(" ")
}

/// JSON with the keys of objects in order.
fn sorted(value: &Value) -> String {
    match value.as_object() {
        Some(object) => format!("{:?}", object.iter().collect::<BTreeMap<_, _>>()),
        None => value.to_string(),
    }
}

impl Essence {
    /// The differences between `self` and `expected`, in a few lines; empty if they are equal.
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let sides = [(&self.tree, &expected.tree), (&self.config, &expected.config)];
        let lines = sides.into_iter().flat_map(|(is, should)| {
            let gone = should.iter().filter(|(key, _)| !is.contains_key(*key));
            let gone = gone.map(|(key, value)| format!("{key} is missing, should be {value}"));
            let other = is.iter().filter(|(key, value)| should.get(*key) != Some(*value));
            let other =
                other.map(|(key, value)| format!("{key} is {value}, should be {:?}", should.get(key)));
            gone.chain(other).collect::<Vec<_>>()
        });
        lines.take(6).collect()
    }

    /// This without the content of copied ignore files: to hide a Dockerfile that is sent under a separate name from
    /// `COPY .`, the classic builder needs one more line in them.
    pub fn without_ignore_files(mut self) -> Self {
        self.tree.retain(|path, _| !path.ends_with("/.dockerignore"));
        self
    }

    /// The digests of the files below `/x`, `/all...` and the like, in the format of the tree.
    pub fn contents(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.tree.iter().filter(|(_, line)| line.starts_with("file"));
        files.filter_map(|(path, line)| Some((path.as_str(), line.rsplit(' ').next()?)))
    }
}

/// Builds the expected images, again only if any byte of the project has changed.
#[derive(Default)]
pub struct Oracle {
    known: BTreeMap<&'static str, (Digest, Result<Essence, String>)>,
    builds: usize,
}

impl Oracle {
    /// The expected content of each image, or the reason why it cannot be built.
    pub fn images(
        &mut self,
        sketches: &Sketches,
        daemon: &Daemon,
        project: &Project,
    ) -> Vec<Result<Essence, String>> {
        let base = daemon.image_id(&format!("{}:1", sketches.base)).expect("the base exists");
        let mut print = format!("{base}\n");
        let mut images = Vec::new();
        for (index, image) in sketches.images.iter().enumerate() {
            print += &format!("{}\n{}\n", fingerprint(&project.path(image.folder)), image.argument);
            // Later images are built from earlier ones.
            let print = Digest::of(&print);
            if self.known.get(image.name).is_none_or(|(known, _)| *known != print) {
                self.builds += 1;
                let built = build(&sketches.images[..=index], daemon, project, self.builds);
                self.known.insert(image.name, (print, built));
            }
            images.push(self.known[image.name].1.clone());
        }
        images
    }
}

/// Builds the last of `images` from a copy of its context, which no builder has seen before.
fn build(images: &[Sketch], daemon: &Daemon, project: &Project, number: usize) -> Result<Essence, String> {
    let (image, bases) = images.split_last().expect("an image");
    let copy = TempDir::with_prefix("windlass-truth-").expect("a directory");
    // BuildKit identifies contexts by their paths, and sends only what it considers changed.
    let root = copy.path().join(format!("{:x}", fastrand::u64(..)));
    project
        .run_program("cp", ["-a".as_ref(), project.path(image.folder).as_os_str(), root.as_os_str()])
        .success();
    let name = format!("{}.Dockerfile", image.name);
    let mut text = fs::read_to_string(root.join(&name)).map_err(|error| error.to_string())?;
    for base in bases {
        text = text.replace(base.repository.name(), &format!("{}:latest", base.truth));
    }
    // If it is outside of the context, the docker command writes a separate `.dockerignore`.
    let file = root.join(&name);
    fs::write(&file, text).expect("written");
    let (tag, latest) = (format!("{}:{number}", image.truth), format!("{}:latest", image.truth));
    // The base image of an earlier build must not replace one that cannot be built.
    let _ = project.run_program("docker", ["image", "rm", "--force", &latest]);
    let argument = format!("A={}", image.argument);
    let file = file.display().to_string();
    let root = root.display().to_string();
    let arguments =
        ["--no-cache", "--build-arg", &argument, "--file", &file, "--tag", &tag, "--tag", &latest, &root];
    let output = docker_build(project, image.has_build_kit, &arguments);
    if output.code() != Some(0) {
        return Err(output.stderr);
    }
    Ok(ImageTree::of_daemon(daemon, &tag).into())
}

/// Runs `docker build`, with BuildKit or without.
pub fn docker_build(project: &Project, has_build_kit: bool, arguments: &[&str]) -> Output {
    let config = project.home().join("docker-with-buildx");
    let plugins = config.join("cli-plugins");
    if let Some(plugin) =
        std::env::var_os("WINDLASS_TEST_BUILDX").filter(|path| !path.is_empty() && !plugins.exists())
    {
        fs::create_dir_all(&plugins).expect("a directory");
        std::os::unix::fs::symlink(plugin, plugins.join("docker-buildx")).expect("a link");
    }
    let kit = format!("DOCKER_BUILDKIT={}", u8::from(has_build_kit));
    let config = format!("DOCKER_CONFIG={}", config.display());
    let fixed = [kit.as_str(), &config, "docker", "build", "--quiet"];
    project.run_program("env", fixed.iter().chain(arguments))
}

/// A fingerprint of every byte and every mode below `root`.
fn fingerprint(root: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    fn add(folder: &Path, text: &mut String) {
        let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let Ok(facts) = path.symlink_metadata() else { continue };
            let what = match (facts.is_dir(), facts.is_symlink()) {
                (true, _) => "folder".to_owned(),
                (_, true) => format!("{:?}", fs::read_link(&path)),
                _ => Digest::of(fs::read(&path).unwrap_or_default()).to_string(),
            };
            *text += &format!("{} {:o} {what}\n", path.display(), facts.permissions().mode());
            if facts.is_dir() {
                add(&path, text);
            }
        }
    }
    let mut text = String::new();
    add(root, &mut text);
    Digest::of(text).to_string()
}
