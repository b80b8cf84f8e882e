//! A pipeline: the default script and its overrides, merged into one program.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhai::{AST, CallFnOptions, Dynamic, Engine, FnAccess, Scope};

use super::engine::new_parser;
use super::near_miss::near_misses;
use super::reference::text_of;
use super::{ScriptError, ScriptFile, resolver};

/// The source name of the merged program. Rhai forgets which file a merged function came from, so places in
/// it are looked up in [`Pipeline::functions`].
pub(super) const MERGED: &str = "<pipeline>";

/// A function of a pipeline.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The names of its parameters.
    pub parameters: Vec<String>,
    /// Its doc comment, without the `///`.
    pub documentation: String,
    /// Whether it is callable from outside its file.
    pub is_public: bool,
    /// The file its effective definition comes from.
    pub file: ScriptFile,
    /// The files whose definitions it replaced, the last one first.
    pub replaced: Vec<ScriptFile>,
}

/// The merged program, and where each function of it came from.
pub struct Pipeline {
    program: AST,
    files: Vec<ScriptFile>,
    functions: HashMap<(String, usize), Function>,
    root: PathBuf,
}

impl Pipeline {
    /// Compiles `files` and merges them: a later function replaces an earlier one of the same name and number
    /// of parameters.
    ///
    /// # Errors
    /// `script::syntax` with the place, when a file is not valid.
    pub fn compile(files: Vec<ScriptFile>, root: &Path) -> Result<Self, ScriptError> {
        let parser = new_parser();
        let mut program = AST::empty();
        let mut functions: HashMap<(String, usize), Function> = HashMap::new();
        for file in &files {
            let mut ast = parser.compile(&*file.text).map_err(|error| ScriptError::syntax(file, error))?;
            ast.set_source(&*file.name);
            for function in ast.iter_functions() {
                let key = (function.name.to_owned(), function.params.len());
                let before = functions.remove(&key);
                let replaced = before.map_or_else(Vec::new, |before| {
                    std::iter::once(before.file).chain(before.replaced).collect()
                });
                let parameters = function.params.iter().map(|name| (*name).to_owned()).collect();
                let is_public = function.access == FnAccess::Public;
                functions.insert(
                    key,
                    Function {
                        name: function.name.to_owned(),
                        parameters,
                        documentation: text_of(function.comments.iter().copied()),
                        is_public,
                        file: file.clone(),
                        replaced,
                    },
                );
            }
            program = program.merge(&ast);
        }
        program.set_source(MERGED);
        Ok(Self { program, files, functions, root: root.to_owned() })
    }

    /// The files, in the order in which they were merged.
    pub fn files(&self) -> &[ScriptFile] {
        &self.files
    }

    /// The effective functions, in no order.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.values().filter(|function| !is_closure(&function.name))
    }

    /// The functions called `name`, whatever their number of parameters.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Function> {
        self.functions.values().filter(move |function| function.name == name)
    }

    /// The file of the module that Rhai calls `name`, for showing its lines.
    pub(super) fn module_file(&self, name: &str) -> Option<ScriptFile> {
        resolver::built_in(name).or_else(|| ScriptFile::read(&self.root.join(name), &self.root).ok())
    }

    /// One line for each function of an override that replaces nothing and is called from nowhere, but is
    /// named like one that could be replaced.
    pub fn near_misses(&self) -> Vec<String> {
        near_misses(self)
    }

    /// The merged program.
    pub(super) fn program(&self) -> &AST {
        &self.program
    }

    /// Calls the function `name` with `arguments`.
    ///
    /// # Errors
    /// Whatever stopped the script, with the places of the call chain.
    pub fn call(
        &self,
        engine: &Engine,
        name: &str,
        arguments: Vec<Dynamic>,
    ) -> Result<Dynamic, Arc<ScriptError>> {
        let mut scope = Scope::new();
        engine
            .call_fn_with_options::<Dynamic>(CallFnOptions::new(), &mut scope, &self.program, name, arguments)
            .map_err(|error| Arc::new(ScriptError::of_call(self, name, *error)))
    }
}

/// Whether Rhai made the name up for a closure.
pub(super) fn is_closure(name: &str) -> bool {
    name.starts_with("anon$")
}
