//! `import`: built-in modules, and those of the project.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;

use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

use super::engine::new_parser;
use super::file::DEFAULTS;
use super::library::MODULES;
use super::{Execution, RhaiResultOf, ScriptFile};
use crate::error::StageError;

/// The built-in modules: name and source.
fn built_ins() -> impl Iterator<Item = (&'static str, &'static str)> {
    DEFAULTS.into_iter().chain(MODULES)
}

/// The built-in module `name`, such as `scripts/build.rhai`.
pub fn built_in(name: &str) -> Option<ScriptFile> {
    let (name, text) = built_ins().find(|(known, _)| *known == name)?;
    Some(ScriptFile::built_in(name, text))
}

/// The paths of the built-in modules.
pub fn paths() -> Vec<String> {
    built_ins().map(|(file, _)| file.trim_end_matches(".rhai").to_owned()).collect()
}

/// The path of the module that the user probably means by `name::`.
pub fn path_for(name: &str) -> String {
    let known = built_ins().map(|(file, _)| file.trim_end_matches(".rhai"));
    let mut named = known.filter(|path| path.rsplit('/').next() == Some(name));
    match named.next() {
        Some(path) => path.to_owned(),
        None if name == "base" => "scripts/build".to_owned(),
        None => format!("lib/{name}"),
    }
}

/// Finds modules: `scripts/...` and `std/...` are built in; `./x` is next to the importing file, and any other path
/// starts at the project directory. In an override, `scripts/build` is the pipeline without that override. Nothing
/// outside the project is read.
pub struct ProjectResolver {
    root: PathBuf,
    parser: OnceLock<Engine>,
    loaded: Mutex<HashMap<String, Shared<Module>>>,
    /// The modules that each thread is loading, the outermost first.
    loading: Mutex<HashMap<ThreadId, Vec<String>>>,
}

impl ProjectResolver {
    /// A resolver for the project in `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { root, parser: OnceLock::new(), loaded: Mutex::default(), loading: Mutex::default() }
    }

    /// Records that this thread loads the module `name`. An import cycle is always within one thread; two threads can
    /// load the same module in parallel.
    fn enter(&self, name: &str) -> Result<(), StageError> {
        let mut loading = lock(&self.loading);
        let path = loading.entry(std::thread::current().id()).or_default();
        if let Some(start) = path.iter().position(|outer| outer == name) {
            let circle: Vec<_> = path[start..].iter().map(String::as_str).chain([name]).collect();
            return Err(ImportCircle { path: circle.join(" -> ") }.into());
        }
        path.push(name.to_owned());
        Ok(())
    }

    /// Records that this thread has loaded the module it entered last.
    fn leave(&self) {
        if let Some(path) = lock(&self.loading).get_mut(&std::thread::current().id()) {
            path.pop();
        }
    }

    /// The script that `import "path"` imports in the file named `importer`.
    fn find(&self, importer: Option<&str>, path: &str, position: Position) -> RhaiResultOf<ScriptFile> {
        let not_found = || EvalAltResult::ErrorModuleNotFound(path.to_owned(), position).into();
        find(&self.root, importer, path).ok_or_else(not_found)
    }
}

/// The script that `import "path"` imports in the file named `importer` of the project in `root`.
pub fn find(root: &Path, importer: Option<&str>, path: &str) -> Option<ScriptFile> {
    if let Some(file) = built_in(&format!("{path}.rhai")) {
        return Some(file);
    }
    let beside = importer.map(Path::new).and_then(Path::parent).filter(|_| path.starts_with('.'));
    let file = format!("{}.rhai", path.trim_start_matches('/').trim_end_matches(".rhai"));
    let relative = beside.unwrap_or(Path::new("")).join(file);
    let file = root.join(lexically_inside(&relative)?).canonicalize().ok()?;
    let root = root.canonicalize().ok()?;
    if file.starts_with(&root) { ScriptFile::read(&file, &root).ok() } else { None }
}

/// The module through which a file of the running pipeline calls the functions that it replaced, if `path` is that
/// module.
fn replaced(engine: &Engine, path: &str) -> Option<Shared<Module>> {
    engine.default_tag().read_lock::<Arc<Execution>>()?.pipeline.replaced_module(path)
}

/// A module imports itself, possibly through others.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
#[error("import cycle: {path}")]
#[diagnostic(code(script::import_circle), help("move the shared functions into another module"))]
struct ImportCircle {
    path: String,
}

/// `path` without `.` and `..`; `None` if it leaves its root.
fn lexically_inside(path: &Path) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => inside.push(name),
            Component::CurDir => {}
            Component::ParentDir if inside.pop() => {}
            _ => return None,
        }
    }
    Some(inside)
}

impl ModuleResolver for ProjectResolver {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> RhaiResultOf<Shared<Module>> {
        if let Some(replaced) = replaced(engine, path) {
            return Ok(replaced);
        }
        let file = self.find(source, path, position)?;
        let name = file.name.to_string();
        if let Some(module) = lock(&self.loaded).get(&name) {
            return Ok(module.clone());
        }
        let in_module = |error| EvalAltResult::ErrorInModule(name.clone(), error, position);
        self.enter(&name).map_err(|error| in_module(error.into()))?;
        // An engine with stages would replace parameters that are named like their constants, such as `git`.
        let module = self
            .parser
            .get_or_init(new_parser)
            .compile(&*file.text)
            .map_err(|error| Box::new(EvalAltResult::ErrorParsing(*error.0, error.1)))
            .and_then(|mut ast| {
                ast.set_source(&*file.name);
                Module::eval_ast_as_new(Scope::new(), &ast, engine)
            });
        self.leave();
        let mut module = module.map_err(in_module)?;
        module.set_id(name.as_str());
        Ok(lock(&self.loaded).entry(name.clone()).or_insert(module.into()).clone())
    }
}

/// Locks, also after a panic of another thread: the maps are always consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
