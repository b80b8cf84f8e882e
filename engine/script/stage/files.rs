//! Files of the project as scripts see them.

use rhai::plugin::*;

/// Stages that read and write files of the project. Paths are relative to the project directory and cannot leave it.
#[export_module]
pub mod files {
    use rhai::{Array, Dynamic};

    use crate::builder::on_change_files;
    use crate::error::StageError;
    use crate::host::{FileEdit, ProjectPath};
    use crate::script::RhaiResultOf;
    use crate::script::stage::current;
    use crate::script::stage::option::text as text_of;

    /// The content of a text file of the project.
    ///
    /// # Errors
    /// `files::...` if the file does not exist, is outside the project, or is not UTF-8 text.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { print(read_file("devspace.yaml").len()); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn read_file(context: NativeCallContext, path: &str) -> RhaiResultOf<String> {
        let run = current::run(&context)?;
        let file = ProjectPath::new(&run.project.root, path).map_err(StageError::from)?;
        let failed = |reason: String| StageError::from(super::FileError::read(path, reason));
        let bytes = run.session.host.files.read(&file).map_err(|error| failed(super::in_words(&error)))?;
        Ok(String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))?)
    }

    /// Writes a file of the project atomically, and creates its parent directories. `text` may be a secret.
    ///
    /// # Errors
    /// `files::...` if it cannot be written, is outside the project, or is in `.git` or `.windlass`.
    ///
    /// # Example
    /// ```rhai
    /// fn after_image(image, result) { write_file(`dist/${image.name}.txt`, `${result.tags[0]}\n`); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn write_file(context: NativeCallContext, path: &str, text: Dynamic) -> RhaiResultOf<()> {
        let Some(content) = text_of(&text) else {
            return Err(StageError::from(super::NotText::of("write_file", &text)).into());
        };
        let run = current::run(&context)?;
        let file = ProjectPath::writable(&run.project.root, path).map_err(StageError::from)?;
        super::edit(&run, path, &FileEdit::Write { path: file, content: content.into() })
    }

    /// Removes a file of the project; does nothing if it does not exist.
    ///
    /// # Errors
    /// Those of `write_file`.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { remove_file("dist/digests.txt"); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn remove_file(context: NativeCallContext, path: &str) -> RhaiResultOf<()> {
        let run = current::run(&context)?;
        let file = ProjectPath::writable(&run.project.root, path).map_err(StageError::from)?;
        super::edit(&run, path, &FileEdit::Remove { path: file })
    }

    /// Whether the project has a file or directory at this path.
    ///
    /// # Errors
    /// `files::outside` if the path leaves the project.
    ///
    /// # Example
    /// ```rhai
    /// fn dockerfile(image) {
    ///     let own = `${image.name}.Dockerfile`;
    ///     load_dockerfile(if file_exists(own) { image.with_dockerfile(own) } else { image })
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn file_exists(context: NativeCallContext, path: &str) -> RhaiResultOf<bool> {
        let run = current::run(&context)?;
        let file = ProjectPath::new(&run.project.root, path).map_err(StageError::from)?;
        Ok(file.absolute().exists())
    }

    /// The files of the project that match `pattern`, sorted. `*` and `?` match within a name, `**` matches any number
    /// of directories, and a directory matches everything below it.
    ///
    /// # Errors
    /// `stage::on_change::bad_glob` if it is not a pattern; `files::outside` if it leaves the project.
    ///
    /// # Example
    /// ```rhai
    /// fn before_build(project) { print(`${find_files("**/*.rhai").len()} scripts`); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn find_files(context: NativeCallContext, pattern: &str) -> RhaiResultOf<Array> {
        let run = current::run(&context)?;
        let root = run.project.root.clone();
        let fixed = pattern.split('/').take_while(|part| !part.contains(['*', '?', '[', '{']));
        let fixed = fixed.collect::<Vec<_>>().join("/");
        ProjectPath::new(&root, if pattern.starts_with('/') { pattern } else { &fixed })
            .map_err(StageError::from)?;
        let files =
            on_change_files(&root, &[pattern.to_owned()], &run.own_folder()).map_err(StageError::from)?;
        let relative = files.iter().map(|file| file.strip_prefix(&root).unwrap_or(file));
        Ok(relative.map(|file| Dynamic::from(file.display().to_string().replace('\\', "/"))).collect())
    }
}

use crate::error::StageError;
use crate::host::FileEdit;
use crate::lock::lock;
use crate::run::Run;
use crate::script::RhaiResultOf;
use crate::script::cause::kind;

/// A file cannot be read or changed.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("cannot {verb} `{path}`: {reason}")]
#[diagnostic(code(files::failed), help("use a path relative to the project directory"))]
struct FileError {
    verb: &'static str,
    path: String,
    reason: String,
}

impl FileError {
    fn read(path: &str, reason: String) -> Self {
        Self { verb: "read", path: path.to_owned(), reason }
    }
}

/// A value that must be a string is not.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("`{stage}` requires a string, found {found}")]
#[diagnostic(
    code(script::wrong_type),
    help("convert it: a map or list with `to_json(...)`, another value with `to_string()`")
)]
struct NotText {
    stage: &'static str,
    found: String,
}

impl NotText {
    fn of(stage: &'static str, value: &rhai::Dynamic) -> Self {
        Self { stage, found: kind(value.type_name()).to_owned() }
    }
}

fn edit(run: &Run, path: &str, edit: &FileEdit) -> RhaiResultOf<()> {
    let verb = if matches!(edit, FileEdit::Write { .. }) { "write" } else { "remove" };
    let edited = run.session.host.files.edit(edit);
    drop(run.session.host.writes.begin_command("write_file".to_owned(), crate::process::Purpose::Script));
    // A changed file changes the status in git.
    lock(&run.memory.git_answers).clear();
    let failed = |error| FileError { verb, path: path.to_owned(), reason: in_words(&error) };
    Ok(edited.map_err(|error| StageError::from(failed(error)))?)
}

/// The message of `error`, without its number in the operating system.
fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "file not found".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
