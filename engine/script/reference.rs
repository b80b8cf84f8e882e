//! What scripts can redefine and call, from the doc comments where it is defined.

use rhai::Engine;
use serde::Deserialize;

use super::file::DEFAULT_BUILD;
use super::stage;

/// A function for scripts: how it is called, and what its documentation says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Documented {
    /// How it is called: `tags(image)`, `plan.build_with(builder)`, `image.name`.
    pub call: String,
    /// Its documentation, in Markdown.
    pub text: String,
}

impl Documented {
    /// The first sentence or line of the documentation.
    pub fn summary(&self) -> String {
        let paragraph = self.text.split("\n\n").next().unwrap_or_default();
        paragraph.split('\n').collect::<Vec<_>>().join(" ")
    }
}

/// The functions of the default pipeline that can be redefined, in the order of the file.
pub fn functions() -> Vec<Documented> {
    let Ok(ast) = Engine::new_raw().compile(DEFAULT_BUILD) else { return Vec::new() };
    let mut functions: Vec<_> = ast
        .iter_functions()
        .filter(|function| !super::pipeline::is_closure(function.name))
        .map(|function| Documented {
            call: format!("{}({})", function.name, function.params.join(", ")),
            text: text_of(function.comments.iter().copied()),
        })
        .collect();
    let place = |function: &Documented| DEFAULT_BUILD.find(&format!("\nfn {}", function.call));
    functions.sort_by_key(place);
    functions
}

/// The stages and what can be asked of their values, sorted by name.
pub fn stages() -> Vec<Documented> {
    let mut engine = Engine::new_raw();
    stage::register(&mut engine);
    let json = engine.gen_fn_metadata_to_json(false).unwrap_or_default();
    let Ok(metadata) = serde_json::from_str::<Metadata>(&json) else { return Vec::new() };
    let mut stages: Vec<_> = metadata.functions.into_iter().filter_map(Stage::documented).collect();
    stages.sort();
    stages.dedup();
    stages
}

#[derive(Deserialize)]
struct Metadata {
    functions: Vec<Stage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stage {
    name: String,
    #[serde(default)]
    params: Vec<Parameter>,
    #[serde(default)]
    doc_comments: Vec<String>,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
}

impl Stage {
    /// `None` for what Rhai calls on its own account.
    fn documented(self) -> Option<Documented> {
        if matches!(self.name.as_str(), "to_string" | "to_debug") {
            return None;
        }
        let names: Vec<_> = self.params.iter().map(|parameter| parameter.name.as_str()).collect();
        // What takes its value by reference is called on it.
        let is_method = self.params.first().is_some_and(|first| first.kind.starts_with("&mut"));
        let call = match (self.name.strip_prefix("get$"), names.split_first()) {
            (Some(property), Some((value, _))) => format!("{value}.{property}"),
            (None, Some((value, rest))) if is_method => format!("{value}.{}({})", self.name, rest.join(", ")),
            (None, _) => format!("{}({})", self.name, names.join(", ")),
            (Some(_), None) => return None,
        };
        Some(Documented { call, text: text_of(self.doc_comments.iter().map(String::as_str)) })
    }
}

/// Doc comments without their leaders.
pub(super) fn text_of<'a>(comments: impl Iterator<Item = &'a str>) -> String {
    let lines = comments.flat_map(str::lines).map(|line| line.trim_start_matches('/').trim());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The block of README.md between `<!-- NAME -->` and `<!-- end -->`.
    fn block(readme: &str, name: &str) -> std::ops::Range<usize> {
        let head = format!("<!-- {name} -->\n");
        let start =
            readme.find(&head).unwrap_or_else(|| panic!("README.md has no block `{name}`")) + head.len();
        start..start + readme[start..].find("<!-- end -->").expect("the block ends")
    }

    fn check_block(name: &str, title: &str, documented: &[Documented]) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        let readme = std::fs::read_to_string(path).expect("README.md can be read");
        let rows = documented.iter().map(|entry| format!("| `{}` | {} |\n", entry.call, entry.summary()));
        let table = format!("{title}|---|---|\n{}", rows.collect::<String>());
        let range = block(&readme, name);
        if std::env::var_os("UPDATE_README").is_some() {
            let updated = [&readme[..range.start], &table, &readme[range.end..]].concat();
            std::fs::write(path, updated).expect("README.md can be written");
            return;
        }
        assert_eq!(&readme[range], table, "run the tests with UPDATE_README=1 to write the table anew");
    }

    #[test]
    fn readme_lists_what_can_be_redefined_and_called() {
        check_block(
            "functions of scripts/build.rhai",
            "| Function | What it does by default |\n",
            &functions(),
        );
        check_block("stages", "| Stage | What it does |\n", &stages());
    }

    #[test]
    fn everything_scripts_can_call_is_documented() {
        let all = [functions(), stages()].concat();
        assert!(all.len() > 40, "{all:#?}");
        for entry in all {
            assert!(!entry.text.trim().is_empty(), "`{}` has no documentation", entry.call);
        }
    }
}
