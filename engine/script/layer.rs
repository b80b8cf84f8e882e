//! The files of a pipeline as layers: each can use the layers below it.
//!
//! Rhai merges files into one program with one set of imported modules. The imports of a file get its number, so that
//! two files can give different modules one name, and each finds the functions that *it* replaced in `scripts/build`:
//! in file 2, `import "scripts/build" as base` means `import "scripts/build@2" as base@2`.

use std::sync::Arc;

use rhai::{AST, Engine, Module, Position, Token};

use super::ScriptFile;

/// The modules through which a file calls the functions it replaces: each has those of all default pipelines.
const BELOW: [&str; 3] = ["scripts/build", "scripts/deploy", "scripts/dev"];

/// Makes `parser` number the imports of `file`, which has this number.
#[expect(deprecated, reason = "it is not deprecated but may change; the version is pinned")]
pub fn number_imports(parser: &mut Engine, file: &ScriptFile, number: usize) {
    let (file, text) = (file.clone(), file.parsed().into_owned());
    let lines = line_starts(&text);
    parser.on_parse_token(move |token, position, _| {
        let Some(offset) = offset(&text, &lines, position) else { return token };
        let (before, after) = text.split_at_checked(offset).unwrap_or((&text, ""));
        match token {
            Token::Identifier(name) if is_alias(before, after.get(name.len()..).unwrap_or_default()) => {
                Token::Identifier(Box::new(numbered(&name, number).into()))
            }
            Token::StringConstant(path) if before.trim_end().ends_with("import") => {
                Token::StringConstant(Box::new(import_path(&path, &file, number).into()))
            }
            token => token,
        }
    });
}

/// Whether the identifier between `before` and `after` names a module: `base` in `import ... as base` and in
/// `base::tags(image)`.
fn is_alias(before: &str, after: &str) -> bool {
    let before = before.trim_end();
    let is_import = before.strip_suffix("as").is_some_and(|before| before.ends_with([' ', '"', '`', '\n']));
    is_import || (after.trim_start().starts_with("::") && !before.ends_with("::"))
}

/// The path of `import path` of `file` in the merged program.
fn import_path(path: &str, file: &ScriptFile, number: usize) -> String {
    let folder = Some(file.folder()).filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        _ if BELOW.contains(&path) => numbered(path, number),
        Some(folder) if path.starts_with('.') && folder.is_relative() => {
            format!("./{}/{path}", folder.display())
        }
        _ => path.to_owned(),
    }
}

fn numbered(name: &str, number: usize) -> String {
    format!("{name}@{number}")
}

/// `text`, a message of Rhai, with names as the user wrote them.
pub fn without_numbers(text: &str) -> String {
    let mut parts = text.split('@');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.trim_start_matches(|char: char| char.is_ascii_digit()) {
        rest if rest.len() < part.len() => text + rest,
        _ => text + "@" + part,
    })
}

/// The name that a file gives a module, if `text` is one.
pub fn alias(text: &str) -> Option<&str> {
    let (name, number) = text.split_once('@')?;
    number.chars().all(|char| char.is_ascii_digit()).then_some(name)
}

/// The number of the file that imports its replaced functions as `path`.
pub fn number(path: &str) -> Option<usize> {
    let (module, number) = path.split_once('@')?;
    BELOW.contains(&module).then(|| number.parse().ok())?
}

/// The functions of `layers` as the module `name`; later functions replace earlier ones. Their calls are resolved in
/// the program that calls them, so overrides apply there, too.
pub fn module_of(layers: &[AST], name: &str) -> Arc<Module> {
    let mut module = Module::new();
    for layer in layers {
        for function in layer.iter_functions() {
            if let Some(definition) = layer.shared_lib().get_script_fn(function.name, function.params.len()) {
                module.set_script_fn(Arc::clone(definition));
            }
        }
    }
    module.set_id(name);
    module.build_index();
    module.into()
}

/// The offset of each line of `text`.
fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(end, _)| end + 1)).collect()
}

/// The byte offset of `position`, whose columns count characters.
fn offset(text: &str, lines: &[usize], position: Position) -> Option<usize> {
    let start = *lines.get(position.line()?.checked_sub(1)?)?;
    let column = position.position()?.checked_sub(1)?;
    let rest = text.get(start..)?;
    Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(offset, _)| offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_modules_are_distinguished_from_others() {
        #[track_caller]
        fn check(text: &str, expected: bool) {
            let (before, after) = text.split_once("base").expect("it names `base`");
            assert_eq!(is_alias(before, after), expected, "{text}");
        }
        check("import \"x\" as base;", true);
        check("import \"x\"as base;", true);
        check("fn tags(image) { base::tags(image) }", true);
        check("fn tags(image) { base :: tags(image) }", true);
        check("fn tags(image) { `${base::tags(image)}` }", true);
        check("other::base::tags(image)", false);
        check("let base = 1;", false);
        check("let x = alias base;", false);
        check("image.base(1)", false);
        check("#{ base: 1 }", false);
    }

    #[test]
    fn messages_have_names_as_written() {
        assert_eq!(without_numbers("base@12::tgs (Image)"), "base::tgs (Image)");
        assert_eq!(without_numbers("a@b.c and @"), "a@b.c and @");
        assert_eq!((alias("base@1"), alias("lib/x"), alias("a@b")), (Some("base"), None, None));
        assert_eq!((number("scripts/build@3"), number("scripts/build")), (Some(3), None));
    }

    #[test]
    fn path_relative_to_a_file_starts_at_its_directory() {
        let check = |name: &str, path: &str| import_path(path, &ScriptFile::built_in(name, ""), 2);
        assert_eq!(check("more/one.rhai", "./x"), "./more/./x");
        assert_eq!(check("more/one.rhai", "lib/x"), "lib/x");
        assert_eq!(check("windlass.rhai", "./x"), "./x");
        assert_eq!(check("windlass.rhai", "scripts/build"), "scripts/build@2");
    }
}
