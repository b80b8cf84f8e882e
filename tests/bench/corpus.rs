//! The measured projects, with contents that look random and are always the same.

use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Raised when the contents change, so that older corpora are created again.
const VERSION: &str = "1";

/// A corpus by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One small image.
    One,
    /// Ten images with small contexts.
    Ten,
    /// Twenty images that share a context of 50,000 files and 600 MB, half of it ignored; each copies one
    /// small directory.
    Mono,
    /// One image of 1 GiB in 200 files.
    Big,
}

/// A corpus on disk: a project whose images can be built.
#[derive(Debug)]
pub struct Corpus {
    kind: Kind,
    root: PathBuf,
}

impl Kind {
    /// All, in the order in which they are measured.
    pub const ALL: [Self; 4] = [Self::One, Self::Ten, Self::Mono, Self::Big];

    /// Whether all images share one large context.
    pub fn shares_context(self) -> bool {
        self == Self::Mono
    }

    fn images(self) -> usize {
        match self {
            Self::One | Self::Big => 1,
            Self::Ten => 10,
            Self::Mono => 20,
        }
    }

    /// Number and size in bytes of the files that an image copies.
    fn files(self) -> (usize, usize) {
        match self {
            Self::One | Self::Ten => (20, 4 << 10),
            Self::Mono => (50, MONO_FILE),
            Self::Big => (200, (1 << 30) / 200),
        }
    }
}

const MONO_FILE: usize = 12_000;
/// The files of `mono` that no image copies, in directories of 50: the first half is ignored.
const MONO_OTHER_FILES: usize = 49_000;

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::One => "one",
            Self::Ten => "ten",
            Self::Mono => "mono",
            Self::Big => "big",
        })
    }
}

impl Corpus {
    /// The corpus of this kind, created now if it is missing or incomplete.
    pub fn make(kind: Kind) -> Self {
        let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-corpora");
        let corpus = Self { kind, root: corpora.join(kind.to_string()) };
        let stamp = corpora.join(format!("{kind}.stamp"));
        if fs::read_to_string(&stamp).is_ok_and(|version| version == VERSION) {
            return corpus;
        }
        eprintln!("creating the corpus `{kind}` in {}", corpus.root.display());
        if corpus.root.exists() {
            fs::remove_dir_all(&corpus.root).expect("an old corpus can be removed");
        }
        corpus.write_files();
        fs::write(stamp, VERSION).expect("the stamp can be written");
        corpus
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The directory of its `devspace.yaml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The context that its images share, or the context of the first image.
    pub fn context(&self) -> PathBuf {
        self.root.join(self.context_of(0))
    }

    /// How many images it has.
    pub fn images(&self) -> usize {
        self.kind.images()
    }

    /// Writes its `devspace.yaml`: images in `registry`, built with BuildKit, without it, or as windlass chooses.
    pub fn write_config(&self, registry: &str, build_kit: Option<bool>) {
        let mut text = "version: v1beta9\nimages:\n".to_owned();
        for image in 0..self.images() {
            let (name, dockerfile) = (self.name_of(image), self.dockerfile_of(image));
            let context = self.context_of(image);
            write!(
                text,
                "  image-{image:02}:\n    image: {registry}/bench/{name}\n    tags: [bench]\n    \
                 dockerfile: {dockerfile}\n    context: {context}\n",
            )
            .expect("writing to a string cannot fail");
            if let Some(build_kit) = build_kit {
                writeln!(text, "    build: {{docker: {{useBuildKit: {build_kit}}}}}")
                    .expect("writing to a string cannot fail");
            }
        }
        fs::write(self.root.join("devspace.yaml"), text).expect("devspace.yaml can be written");
    }

    /// Writes a `devspace.yaml` whose first image is built by a kaniko that does nothing.
    pub fn write_kaniko_config(&self) {
        let text = format!(
            "version: v1beta9\nimages:\n  image-00:\n    image: bench.invalid/bench/{}\n    tags: [bench]\n    \
             dockerfile: {}\n    context: {}\n    build: {{kaniko: {{command: ['true'], args: [--no-push]}}}}\n",
            self.name_of(0),
            self.dockerfile_of(0),
            self.context_of(0)
        );
        fs::write(self.root.join("devspace.yaml"), text).expect("devspace.yaml can be written");
    }

    /// Removes the records of windlass.
    pub fn forget_state(&self) {
        let state = self.root.join(".windlass");
        if state.exists() {
            fs::remove_dir_all(state).expect("the state can be removed");
        }
    }

    /// Removes the index of file metadata, but not the records of builds.
    pub fn forget_index(&self) {
        fs::remove_dir_all(self.root.join(".windlass/index")).expect("windlass keeps a stat index");
    }

    /// Gives one file that one image copies new content.
    pub fn change_one(&self) {
        self.change(self.changing_image());
    }

    /// Gives every image content that no daemon has seen.
    pub fn change_all(&self) {
        (0..self.images()).for_each(|image| self.change(image));
    }

    /// For each image a tar archive of its Dockerfile and the files it copies: a perfect client sends nothing more.
    pub fn minimal_tars(&self) -> Vec<NamedTempFile> {
        (0..self.images()).map(|image| self.minimal_tar(image)).collect()
    }

    /// The archive of [`Corpus::minimal_tars`] for the image that [`Corpus::change_one`] changes.
    pub fn minimal_tar_of_changed(&self) -> NamedTempFile {
        self.minimal_tar(self.changing_image())
    }

    fn changing_image(&self) -> usize {
        self.images() / 2
    }

    fn minimal_tar(&self, image: usize) -> NamedTempFile {
        let file =
            NamedTempFile::new_in(self.root.parent().unwrap_or(&self.root)).expect("a file can be created");
        let mut archive = tar::Builder::new(BufWriter::new(file.as_file()));
        let dockerfile = self.root.join(self.dockerfile_of(image));
        archive.append_path_with_name(dockerfile, "Dockerfile").expect("a file fits a tar archive");
        let source = self.root.join(self.context_of(image)).join(self.source_of(image));
        archive.append_dir_all(self.source_of(image), source).expect("a directory fits a tar archive");
        archive.into_inner().and_then(|mut writer| writer.flush()).expect("the archive can be written");
        file
    }

    fn change(&self, image: usize) {
        let path = self.root.join(self.context_of(image)).join(self.source_of(image)).join("changing.txt");
        fs::write(path, format!("{:032x}", fastrand::u128(..))).expect("a file can be changed");
    }

    /// The name of an image, without its registry.
    pub fn name_of(&self, image: usize) -> String {
        format!("{}-{image:02}", self.kind)
    }

    /// The Dockerfile of an image, relative to the project.
    pub fn dockerfile_of(&self, image: usize) -> String {
        format!("docker/{image:02}/Dockerfile")
    }

    /// The context of an image, relative to the project.
    pub fn context_of(&self, image: usize) -> String {
        if self.kind.shares_context() { "shared".to_owned() } else { format!("context/{image:02}") }
    }

    /// The directory that an image copies, relative to its context.
    fn source_of(&self, image: usize) -> String {
        if self.kind.shares_context() { format!("services/{image:02}") } else { "src".to_owned() }
    }

    fn write_files(&self) {
        let mut random = fastrand::Rng::with_seed(7);
        let (files, size) = self.kind.files();
        for image in 0..self.images() {
            let docker = self.root.join(format!("docker/{image:02}"));
            fs::create_dir_all(&docker).expect("a directory can be created");
            let text = format!("FROM scratch\nCOPY {} /app\n", self.source_of(image));
            fs::write(docker.join("Dockerfile"), text).expect("a Dockerfile can be written");
            let source = self.root.join(self.context_of(image)).join(self.source_of(image));
            fs::create_dir_all(&source).expect("a directory can be created");
            for file in 0..files {
                write_random(&source.join(format!("file-{file:03}.bin")), size, &mut random);
            }
            self.change(image);
        }
        if self.kind.shares_context() {
            self.write_other_files(&mut random);
        }
    }

    fn write_other_files(&self, random: &mut fastrand::Rng) {
        let context = self.context();
        fs::write(context.join(".dockerignore"), "node_modules\n**/*.log\n").expect("a file can be written");
        for file in 0..MONO_OTHER_FILES {
            let top = if file < MONO_OTHER_FILES / 2 { "node_modules" } else { "libraries" };
            let folder = context.join(format!("{top}/{:04}", file / 50));
            if file % 50 == 0 || !folder.is_dir() {
                fs::create_dir_all(&folder).expect("a directory can be created");
            }
            write_random(&folder.join(format!("file-{:02}.js", file % 50)), MONO_FILE, random);
        }
    }
}

fn write_random(path: &Path, size: usize, random: &mut fastrand::Rng) {
    let mut file = File::create(path).expect("a file can be created");
    let mut block = [0; 64 << 10];
    let mut left = size;
    while left > 0 {
        let part = left.min(block.len());
        random.fill(&mut block[..part]);
        file.write_all(&block[..part]).expect("a file can be written");
        left -= part;
    }
}
