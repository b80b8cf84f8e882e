//! Invalid calls.

use std::collections::HashMap;

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use super::Mistake;
use super::known::Known;
use crate::script::engine::new_parser;
use crate::script::layer::without_numbers;
use crate::script::pipeline::is_closure;
use crate::script::trace::ScriptLocation;
use crate::script::{Pipeline, ScriptFile, hint, reference, resolver, stage};
use crate::suggestion::nearest;

/// The invalid calls of `layer`, which was parsed from `file`.
pub(super) fn mistakes(pipeline: &Pipeline, known: &Known, file: &ScriptFile, layer: &AST) -> Vec<Mistake> {
    let mut checker = Checker { pipeline, known, file, modules: HashMap::new(), mistakes: Vec::new() };
    layer.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last() {
            checker.import(&import.0, &import.1.name);
        }
        true
    });
    layer.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, position)))
            | Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => checker.call(call, false, *position),
            Some(ASTNode::Expr(Expr::MethodCall(call, position))) => checker.call(call, true, *position),
            _ => {}
        }
        true
    });
    // Rhai walks functions in no particular order.
    checker.mistakes.sort_by_key(|(offset, _)| *offset);
    checker.mistakes.into_iter().map(|(_, mistake)| mistake).collect()
}

struct Checker<'a> {
    pipeline: &'a Pipeline,
    known: &'a Known,
    file: &'a ScriptFile,
    /// The imported modules by name; `None` for a module that cannot be read.
    modules: HashMap<String, Option<Known>>,
    /// With the offset of each.
    mistakes: Vec<(usize, Mistake)>,
}

impl Checker<'_> {
    fn import(&mut self, path: &Expr, name: &str) {
        let Expr::StringConstant(path, position) = path else {
            self.modules.insert(name.to_owned(), None);
            return;
        };
        let read = |file: ScriptFile| {
            // Errors in the module itself are reported when it runs.
            Some(Known::of_module(&[new_parser().compile(&*file.text).ok()?]))
        };
        let functions = match self.pipeline.below(path) {
            Some(layers) => Some(Some(Known::of_module(layers))),
            None => self.pipeline.imported(path).map(read),
        };
        if functions.is_none() {
            self.note(
                "script::module_not_found",
                format!("cannot find the module `{path}`"),
                Some(hint::module(path)),
                *position,
            );
        }
        self.modules.insert(name.to_owned(), functions.flatten());
    }

    fn call(&mut self, call: &FnCallExpr, on_value: bool, position: Position) {
        let (name, count) = (call.name.as_str(), call.args.len());
        let is_name = name.starts_with(|char: char| char.is_alphabetic() || char == '_');
        if call.op_token.is_some() || !is_name || is_closure(name) {
            return;
        }
        match call.namespace.path.as_slice() {
            [] => self.plain_call(name, count, on_value, position),
            [module] => self.module_call(&module.name, name, count, (module.pos, position)),
            _ => {}
        }
    }

    fn plain_call(&mut self, name: &str, count: usize, on_value: bool, position: Position) {
        if self.known.takes(name, count, on_value) {
            return;
        }
        if !self.known.has(name) {
            let properties = if on_value { stage::properties() } else { Vec::new() };
            let property = nearest(name, properties.iter().map(String::as_str));
            let is_property = properties.iter().any(|property| property == name);
            let is_library = reference::library().iter().any(|function| function.name() == name);
            let elsewhere = hint::name_elsewhere(name, on_value);
            let help = match (self.nearest_function(name), property) {
                _ if elsewhere.is_some() => elsewhere.unwrap_or_default().to_owned(),
                _ if is_property => format!("it is a property: write `.{name}`, without `()`"),
                (Some(known), _) if !is_library => format!("did you mean `{known}`?"),
                (None, Some(property)) if !is_library => {
                    format!("did you mean the property `{property}`, without `()`?")
                }
                _ => hint::function(self.pipeline, name, None),
            };
            let help = Some(help);
            return self.note(
                "script::unknown_function",
                format!("unknown function `{name}`"),
                help,
                position,
            );
        }
        let mut signatures: Vec<_> = self.pipeline.named(name).map(|function| function.signature()).collect();
        signatures.sort();
        if signatures.is_empty() {
            signatures = stage::forms(name);
        }
        if signatures.is_empty() && self.pipeline.is_test() {
            let functions = reference::functions().into_iter().filter(|function| function.name() == name);
            signatures = functions.map(|function| function.call).collect();
        }
        let help = match signatures.as_slice() {
            [] => self.known.counts(name).map(|counts| format!("it takes {counts}")),
            signatures => Some(format!("it is defined as `{}`", signatures.join("`, `"))),
        };
        self.note("script::wrong_arguments", wrong_count(name, count), help, position);
    }

    /// The function that the user probably meant: functions of the pipeline and stages come before those of Rhai.
    fn nearest_function(&self, name: &str) -> Option<String> {
        let stages = stage::names();
        let functions = self.pipeline.ordered_functions();
        let own = functions.iter().map(|function| function.name.as_str());
        let own = own.chain(stages.iter().map(String::as_str));
        nearest(name, own).or_else(|| nearest(name, self.known.names())).map(ToOwned::to_owned)
    }

    /// Checks a call of `module::name`, both at their positions.
    fn module_call(&mut self, module: &str, name: &str, count: usize, at: (Position, Position)) {
        let shown = without_numbers(module);
        let Some(functions) = self.modules.get(module) else {
            if shown != "global" {
                let path = resolver::path_for(&shown);
                let help = format!("begin the file with `import \"{path}\" as {shown};`");
                self.note(
                    "script::not_imported",
                    format!("nothing is imported as `{shown}`"),
                    Some(help),
                    at.0,
                );
            }
            return;
        };
        let Some(functions) = functions else { return };
        if functions.takes(name, count, false) {
            return;
        }
        let (code, message) = match functions.has(name) {
            true => ("script::wrong_arguments", wrong_count(&format!("{shown}::{name}"), count)),
            false => ("script::unknown_function", format!("unknown function `{shown}::{name}`")),
        };
        let near = nearest(name, functions.names()).filter(|near| *near != name);
        let help = near.map(|near| format!("did you mean `{shown}::{near}`?"));
        self.note(code, message, help, at.1);
    }

    fn note(&mut self, code: &'static str, message: String, help: Option<String>, position: Position) {
        let place = ScriptLocation::new("", self.file, position);
        let offset = place.around().0.len();
        self.mistakes.push((offset, Mistake::new(code, message, help, &place)));
    }
}

fn wrong_count(name: &str, count: usize) -> String {
    match count {
        1 => format!("`{name}` does not take 1 argument"),
        count => format!("`{name}` does not take {count} arguments"),
    }
}
