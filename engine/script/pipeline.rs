//! A pipeline: the default script and its overrides, merged into one program.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhai::{AST, CallFnOptions, Dynamic, Engine, FnAccess, Module, Position, Scope, ScriptFnMetadata};

use super::engine::new_parser;
use super::file::{BUILD, DEFAULTS};
use super::layer;
use super::reference::text_of;
use super::unused_override::near_misses;
use super::{ScriptError, ScriptFile, resolver};
use crate::image::Digest;
use crate::run::Scripts;

/// The source name of the merged program. Rhai does not record which file a merged function came from, so places in it
/// are looked up in [`Pipeline::functions`].
pub(super) const MERGED: &str = "<pipeline>";

/// A function of a pipeline.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The names of its parameters.
    pub parameters: Vec<String>,
    /// Whether it is callable from outside its file.
    pub is_public: bool,
    /// Its documentation, in Markdown; may be empty.
    pub documentation: String,
    /// The file its effective definition comes from.
    pub file: ScriptFile,
    /// Its byte range in that file, from its name to its closing brace.
    pub span: Range<usize>,
    /// The definitions it replaced, the last one first.
    pub replaced: Vec<Function>,
}

impl Function {
    fn new(metadata: &ScriptFnMetadata<'_>, ast: &AST, file: &ScriptFile) -> Self {
        let count = metadata.params.len();
        let body = ast.shared_lib().get_script_fn(metadata.name, count).map(|function| &function.body);
        let offset =
            |position: Position| file.offset(position.line().unwrap_or(1), position.position().unwrap_or(1));
        let (open, close) =
            body.map_or((0, 0), |body| (offset(body.start_position()), offset(body.end_position())));
        Self {
            name: metadata.name.to_owned(),
            parameters: metadata.params.iter().map(|name| (*name).to_owned()).collect(),
            is_public: metadata.access == FnAccess::Public,
            documentation: text_of(metadata.comments.iter().copied()),
            file: file.clone(),
            span: file.definition_before(metadata.name, open).unwrap_or(open)..close + 1,
            replaced: Vec::new(),
        }
    }

    /// The default pipeline that defines it, such as `build`; `None` for a function of the project.
    pub fn default_pipeline(&self) -> Option<&str> {
        let first = self.replaced.last().unwrap_or(self);
        let file = first.file.name.strip_prefix("scripts/")?.strip_suffix(".rhai")?;
        first.file.is_built_in().then_some(file)
    }

    /// How it is called: `tags(image)`.
    pub fn signature(&self) -> String {
        format!("{}({})", self.name, self.parameters.join(", "))
    }

    /// The line of its file where it is defined, counted from 1.
    pub fn line(&self) -> usize {
        self.file.line(self.span.start)
    }

    /// The file and line where it is defined: `windlass.rhai:3`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file.name, self.line())
    }

    /// Its source, from its name on.
    pub fn text(&self) -> &str {
        self.file.text.get(self.span.clone()).unwrap_or_default()
    }

    /// Whether the default pipeline defines it.
    pub fn is_default(&self) -> bool {
        self.replaced.last().unwrap_or(self).file.is_built_in()
    }
}

/// The merged program, and the origin of each of its functions.
pub struct Pipeline {
    program: AST,
    /// Each file on its own.
    layers: Vec<AST>,
    files: Vec<ScriptFile>,
    functions: HashMap<(String, usize), Function>,
    /// The functions besides stages that its scripts can call, with their numbers of parameters.
    others: Vec<(String, usize)>,
    root: PathBuf,
}

impl Pipeline {
    /// Compiles `files` and merges them: a later function replaces an earlier one of the same name and number
    /// of parameters.
    ///
    /// # Errors
    /// `script::syntax` with the place, if a file is not valid.
    pub fn compile(files: Vec<ScriptFile>, root: &Path) -> Result<Self, ScriptError> {
        let mut parser = new_parser();
        let mut program = AST::empty();
        let mut layers = Vec::with_capacity(files.len());
        let mut functions: HashMap<(String, usize), Function> = HashMap::new();
        for (number, file) in files.iter().enumerate() {
            layer::number_imports(&mut parser, file, number);
            let mut ast =
                parser.compile(&*file.parsed()).map_err(|error| ScriptError::syntax(file, error))?;
            ast.set_source(&*file.name);
            for metadata in ast.iter_functions() {
                let mut function = Function::new(&metadata, &ast, file);
                let key = (function.name.clone(), function.parameters.len());
                if let Some(mut before) = functions.remove(&key) {
                    let earlier = std::mem::take(&mut before.replaced);
                    function.replaced = std::iter::once(before).chain(earlier).collect();
                }
                functions.insert(key, function);
            }
            program = program.merge(&ast);
            layers.push(ast);
        }
        program.set_source(MERGED);
        Ok(Self { program, layers, files, functions, others: Vec::new(), root: root.to_owned() })
    }

    /// The files, in the order in which they were merged.
    pub fn files(&self) -> &[ScriptFile] {
        &self.files
    }

    /// The same, with functions besides stages that its scripts can call: a test can call more than pipelines can.
    #[must_use]
    pub fn with_functions(self, others: impl IntoIterator<Item = (String, usize)>) -> Self {
        Self { others: others.into_iter().collect(), ..self }
    }

    /// The functions besides stages that its scripts can call, with their numbers of parameters.
    pub(super) fn others(&self) -> &[(String, usize)] {
        &self.others
    }

    /// Whether it is a test file, which can call more than pipelines can.
    pub(super) fn is_test(&self) -> bool {
        self.files.iter().any(|file| file.name.ends_with("_test.rhai"))
    }

    /// The effective functions, in no particular order.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.values().filter(|function| !is_closure(&function.name))
    }

    /// The effective functions: those of the default pipeline in its order, then the others by place.
    pub fn ordered_functions(&self) -> Vec<&Function> {
        let file = |name: &str| self.files.iter().position(|file| *file.name == *name);
        let place = |function: &&Function| {
            let first = function.replaced.last().unwrap_or(function);
            (file(&first.file.name), first.span.start)
        };
        let mut functions: Vec<_> = self.functions().collect();
        functions.sort_by_key(place);
        functions
    }

    /// The functions named `name`, with any number of parameters.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Function> {
        self.functions.values().filter(move |function| function.name == name)
    }

    /// The module `name` through which a file calls the functions it replaced; `None` for any other module.
    pub(super) fn replaced_module(&self, name: &str) -> Option<Arc<Module>> {
        Some(layer::module_of(self.below(name)?, name))
    }

    /// The file that defines `function` in the module `name` of functions that a file replaced.
    pub(super) fn replaced_file(&self, name: &str, function: &str) -> Option<&ScriptFile> {
        let below = self.files.get(..layer::number(name)?)?;
        below.iter().rev().find(|file| file.definition(function).is_some())
    }

    /// The file of the module that Rhai calls `name`, for showing its lines.
    pub(super) fn module_file(&self, name: &str) -> Option<ScriptFile> {
        resolver::built_in(name).or_else(|| ScriptFile::read(&self.root.join(name), &self.root).ok())
    }

    /// One line for each function of an override that replaces nothing and is never called, but has a name similar to
    /// one that could be replaced.
    pub fn near_misses(&self) -> Vec<String> {
        near_misses(self).iter().map(ToString::to_string).collect()
    }

    /// The files as separate programs, in the order in which they were merged.
    pub(super) fn layers(&self) -> &[AST] {
        &self.layers
    }

    /// The programs whose functions a file calls as the module `name`; `None` for any other module.
    pub(super) fn below(&self, name: &str) -> Option<&[AST]> {
        self.layers.get(..layer::number(name)?)
    }

    /// The module that a file of the pipeline imports as `path`.
    pub(super) fn imported(&self, path: &str) -> Option<ScriptFile> {
        resolver::find(&self.root, None, path)
    }

    /// Its scripts, without parts that images do not depend on.
    pub fn scripts(&self) -> Scripts {
        // No image depends on the default pipelines of deployments and dev sessions.
        let files = self.files.iter().filter(|file| !file.is_built_in() || *file.name == *BUILD);
        let files = files.map(|file| (file.name.to_string(), Digest::of(&*file.text)));
        let verify: Vec<_> = self.users_files_of("verify", 2).collect();
        let check = (!verify.is_empty()).then(|| Digest::of(verify.join("\0")));
        Scripts { files: files.collect(), check }
    }

    /// The sources of the user's files that define the function `name` with this number of parameters, the last one
    /// first.
    fn users_files_of(&self, name: &str, parameters: usize) -> impl Iterator<Item = &str> {
        let function = self.functions.get(&(name.to_owned(), parameters));
        let definitions =
            function.into_iter().flat_map(|function| std::iter::once(function).chain(&function.replaced));
        let files = definitions.map(|function| &function.file).filter(|file| !file.is_built_in());
        // An unchanged copy of the default pipeline does not count.
        let is_default = |text: &str| DEFAULTS.iter().any(|(_, default)| default.trim() == text.trim());
        files.map(|file| &*file.text).filter(move |text| !is_default(text))
    }

    /// The merged program.
    pub(super) fn program(&self) -> &AST {
        &self.program
    }

    /// Calls the function `name` with `arguments`.
    ///
    /// # Errors
    /// The error that stopped the script, with the places of the call chain.
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

/// Whether Rhai generated the name for a closure.
pub(super) fn is_closure(name: &str) -> bool {
    name.starts_with("anon$")
}
