//! Overrides that override nothing: the silent trap of merging.

use std::collections::HashSet;
use std::fmt;

use rhai::{ASTNode, Expr};
use strsim::damerau_levenshtein;

use super::Pipeline;
use super::pipeline::{Function, is_closure};
use super::signature::is_own_pipeline;
use crate::suggestion::nearest;

/// A function of an override that replaces nothing, but has a name similar to one of the default pipeline.
pub struct UnusedOverride<'a> {
    /// The function.
    pub function: &'a Function,
    /// The one that the user probably meant: `tags(image)`.
    pub meant: String,
}

impl fmt::Display for UnusedOverride<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (signature, file, meant) = (self.function.signature(), &self.function.file.name, &self.meant);
        write!(formatter, "`{signature}` in {file} overrides nothing; did you mean `{meant}`?")
    }
}

/// The functions of overrides that replace nothing and are never called, but have a name similar to one of the default
/// pipeline.
pub fn near_misses(pipeline: &Pipeline) -> Vec<UnusedOverride<'_>> {
    let called = called_functions(pipeline);
    let defaults: Vec<_> =
        pipeline.functions().filter(|function| function.is_public && function.is_default()).collect();
    let mut inert: Vec<_> = pipeline
        .functions()
        .filter(|function| function.is_public && !function.file.is_built_in() && function.replaced.is_empty())
        .filter(|function| {
            !called.contains(function.name.as_str()) || default_named(&defaults, &function.name)
        })
        .collect();
    inert.sort_by(|a, b| (&a.file.name, &a.name).cmp(&(&b.file.name, &b.name)));
    inert
        .into_iter()
        .filter_map(|function| {
            let names = defaults.iter().map(|function| function.name.as_str());
            let meant = nearest(&function.name, names)?;
            // A separate pipeline is called by name: only a typo of one letter is worth a warning.
            if is_own_pipeline(function) && damerau_levenshtein(&function.name, meant) > 1 {
                return None;
            }
            let meant = defaults.iter().find(|function| function.name == meant)?;
            Some(UnusedOverride { function, meant: meant.signature() })
        })
        .collect()
}

fn default_named(defaults: &[&Function], name: &str) -> bool {
    defaults.iter().any(|function| function.name == name)
}

/// The names of all functions that some function of the pipeline calls or points to.
pub(super) fn called_functions(pipeline: &Pipeline) -> HashSet<String> {
    let mut called = HashSet::new();
    pipeline.program().walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))) => {
                called.insert(call.name.to_string());
            }
            Some(ASTNode::Stmt(rhai::Stmt::FnCall(call, _))) => {
                called.insert(call.name.to_string());
            }
            // A function name used as a variable is a pointer to it; local variables have an index.
            Some(ASTNode::Expr(Expr::Variable(variable, None, _))) if variable.0.is_none() => {
                called.insert(variable.1.to_string());
            }
            Some(ASTNode::Expr(Expr::DynamicConstant(value, _))) => {
                if let Some(pointer) = value.read_lock::<rhai::FnPtr>() {
                    called.insert(pointer.fn_name().to_owned());
                }
            }
            _ => {}
        }
        true
    });
    called.retain(|name| !is_closure(name));
    called
}
