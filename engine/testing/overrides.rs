//! The overrides of a project, and which of them tests called.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rhai::Engine;

use crate::script::{Function, Insertion, Pipeline, ScriptFile};

/// The function that every function of an override calls first while tests run. Scripts of users do not use this name.
const ENTERED: &str = "__entered";

/// The overrides of a project: `windlass.rhai`, and those of every profile.
pub struct Overrides {
    /// The functions that a pipeline of the project may have, with their numbers of parameters.
    functions: BTreeSet<(String, usize)>,
    /// The files by name, instrumented to record which functions are called.
    files: HashMap<Arc<str>, ScriptFile>,
    /// Whether each of their functions was called, with its place.
    entered: Arc<Vec<(String, AtomicBool)>>,
}

impl Overrides {
    /// The overrides in the directory `root`. Invalid files are ignored here, because loading a project reports them.
    pub fn of_folder(root: &Path) -> Self {
        let entries = std::fs::read_dir(root).into_iter().flatten().filter_map(Result::ok);
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| is_override(path)).collect();
        paths.sort();
        let mut overrides = Self {
            functions: ScriptFile::defaults().flat_map(|file| functions_of(file, root)).collect(),
            files: HashMap::new(),
            entered: Arc::default(),
        };
        let mut entered = Vec::new();
        for file in paths.iter().filter_map(|path| ScriptFile::read(path, root).ok()) {
            overrides.functions.extend(functions_of(file.clone(), root));
            let counted = counted(file, root, &mut entered);
            overrides.files.insert(Arc::clone(&counted.name), counted);
        }
        overrides.entered = Arc::new(entered);
        overrides
    }

    /// The functions that a pipeline of the project may have, with their numbers of parameters.
    pub fn functions(&self) -> impl Iterator<Item = &(String, usize)> {
        self.functions.iter()
    }

    /// `file`, instrumented to record which of its functions are called, if it is one of these.
    pub fn counted(&self, file: ScriptFile) -> ScriptFile {
        match self.files.get(&file.name) {
            Some(counted) if counted.text == file.text => counted.clone().at(file.path),
            _ => file,
        }
    }

    /// Lets scripts of `engine` record which functions are called.
    pub fn register(&self, engine: &mut Engine) {
        let entered = Arc::clone(&self.entered);
        engine.register_fn(ENTERED, move |number: i64| {
            let entry = usize::try_from(number).ok().and_then(|number| entered.get(number));
            if let Some((_, is_entered)) = entry {
                is_entered.store(true, Ordering::Relaxed);
            }
        });
    }

    /// The functions that were not called: `tags(image) in windlass.rhai:3`.
    pub fn untested(&self) -> Vec<String> {
        let untested = self.entered.iter().filter(|(_, is_entered)| !is_entered.load(Ordering::Relaxed));
        untested.map(|(place, _)| place.clone()).collect()
    }
}

/// Whether `path` is named like an override.
fn is_override(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.starts_with("windlass.") && name.ends_with(".rhai") && !name.ends_with(".d.rhai")
}

fn functions_of(file: ScriptFile, root: &Path) -> BTreeSet<(String, usize)> {
    let Ok(pipeline) = Pipeline::compile(vec![file], root) else { return BTreeSet::new() };
    let functions = pipeline.functions().filter(|function| function.is_public);
    functions.map(|function| (function.name.clone(), function.parameters.len())).collect()
}

/// `file` with a call at the start of each function, whose place is recorded in `entered` at the index that the call
/// passes.
fn counted(file: ScriptFile, root: &Path, entered: &mut Vec<(String, AtomicBool)>) -> ScriptFile {
    let Ok(pipeline) = Pipeline::compile(vec![file.clone()], root) else { return file };
    let mut insertions = Vec::new();
    for function in pipeline.ordered_functions() {
        let Some(at) = body(function) else { continue };
        insertions.push(Insertion { at, text: format!("{ENTERED}({});", entered.len()) });
        entered.push((format!("`{}` in {}", function.signature(), function.place()), AtomicBool::new(false)));
    }
    insertions.sort_by_key(|insertion| insertion.at);
    file.with_insertions(insertions)
}

/// The start of the body of `function`, after its brace.
fn body(function: &Function) -> Option<usize> {
    let text = function.text();
    let parameters = text.find(')')?;
    let brace = text.get(parameters..)?.find('{')?;
    Some(function.span.start + parameters + brace + 1)
}
