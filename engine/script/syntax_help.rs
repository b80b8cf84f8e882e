//! Hints for invalid scripts, especially for the syntax of other languages.

use super::brackets::{closing, innermost_open};

/// The hint, if known; `before` is the source up to the error, `after` the rest, and `message` the message
/// of Rhai.
pub fn syntax_help(message: &str, before: &str, after: &str) -> Option<String> {
    let word = first_word(after);
    // Rhai stops at an unknown operator, but after a word that it parsed as a variable.
    let habit = if matches!(word, "and" | "or") { word } else { last_word(before) };
    let help = match message {
        _ if other_language(habit).is_some() => other_language(habit)?.to_owned(),
        message if message.contains("is a reserved") => reserved(word, after)?,
        message if message.contains("typo of '=='") => "`=` assigns; compare with `==`".to_owned(),
        message if message.starts_with("Invalid character") => {
            format!("write strings in double quotes: \"{}\"", quoted(message))
        }
        message if message.starts_with("Unknown operator") => unknown_operator(quoted(message))?.to_owned(),
        message if message.contains("cannot be assigned to") => {
            "values are immutable: `with_...` returns a changed copy, such as `image.with_entrypoint([\"sh\"])`"
                .to_owned()
        }
        message if message.starts_with("Open string") => {
            let quote = if is_backtick_open(before, after) { "backtick" } else { "`\"`" };
            format!("this string is not closed: put a {quote} at its end")
        }
        message if message.contains("already exists") => {
            "a file can define a function only once: remove or rename one of the two".to_owned()
        }
        message if message.contains("expects numeric index") && before.contains("if ") => {
            "write the body of an `if` in braces: `if ... { [\"1\"] } else { [\"2\"] }`; index a list with a number: \
             `list[0]`"
                .to_owned()
        }
        message if message.contains("body statement block") => match after {
            after if after.starts_with("->") || after.starts_with(':') => {
                "functions have no types: `fn tags(image) { ... }`".to_owned()
            }
            _ => "write the body of a function in braces: `fn tags(image) { ... }`".to_owned(),
        },
        message if message.contains("to start a statement block") => {
            "write the body in braces: `for image in project.images { ... }`".to_owned()
        }
        message if message.contains("after the iteration variable name") => {
            "write it without parentheses: `for image in project.images { ... }`".to_owned()
        }
        message if message.contains("the parameters of function") && after.starts_with(':') => {
            "parameters have no types: `fn tags(image) { ... }`".to_owned()
        }
        message if message.contains("the parameters of function") && after.starts_with('=') => {
            "set the default of a parameter in its doc comment: `/// @param channel string = \"stable\" ...`".to_owned()
        }
        message if message.contains("the arguments to function") && is_arrow(after) => {
            "write an anonymous function as `|image| build_image(image)`".to_owned()
        }
        message if message.contains("the arguments to function") && after.starts_with(['=', ':']) => {
            "arguments have no names; pass options in a map: `exec([\"make\"], #{ timeout: 60 })`".to_owned()
        }
        _ => return unclosed(before, after).or_else(|| separator(message, before, after)),
    };
    Some(help)
}

/// The Rhai form of a word of other languages.
fn other_language(word: &str) -> Option<&'static str> {
    Some(match word {
        "def" | "func" | "function" | "pub" | "async" | "export" => {
            "functions begin with `fn`: `fn tags(image) { ... }`"
        }
        "elif" | "elsif" | "elseif" => "write `else if`",
        "and" => "write `&&`",
        "or" => "write `||`",
        "not" => "write `!`",
        "var" | "local" => "write `let`",
        "raise" => "write `throw`",
        "from" => "write `import \"std/tags\" as tags;`",
        _ => return None,
    })
}

/// The hint for a word or symbol that Rhai reserves.
fn reserved(word: &str, after: &str) -> Option<String> {
    let help = match word {
        "null" | "nil" => "write `()` for nothing",
        "var" => "write `let`",
        "match" | "case" => "write `switch image.name { \"api\" => ..., _ => ... }`",
        "use" | "package" | "module" => "write `import \"std/tags\" as tags;`",
        "async" | "public" => "functions begin with `fn`: `fn tags(image) { ... }`",
        "exit" => "write `fail(\"...\")` to stop with a message",
        "" if after.starts_with('$') => {
            "write `${...}` only in a string in backticks: `v-${image.name}`; elsewhere, write the value itself"
        }
        "" if after.starts_with('#') => "comments begin with `//`, maps with `#{`",
        "" => return None,
        word => return Some(format!("`{word}` is a reserved word of Rhai: choose another name")),
    };
    Some(help.to_owned())
}

fn unknown_operator(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "?" => "write `if image.name == \"api\" { 1 } else { 2 }`",
        "++" => "write `count += 1`",
        "--" => "write `count -= 1`",
        "===" => "write `==`",
        "!==" => "write `!=`",
        ":=" => "write `let name = ...;`",
        "=>" | "->" => "write an anonymous function as `|image| build_image(image)`",
        _ => return None,
    })
}

/// Unbalanced brackets: the file ends, or another bracket than the open one is closed.
fn unclosed(before: &str, after: &str) -> Option<String> {
    let found = after.trim_start().chars().next();
    let (open, at) = match (innermost_open(before), found) {
        (Some((open, _)), Some(found)) if found == closing(open) => return None,
        (Some(open), None | Some(')' | ']' | '}')) => open,
        // The list or call continues to the end of a statement.
        (Some(open), Some(';')) if open.0 != '{' => open,
        (Some(('(', at)), Some('{')) if before.get(..at).is_some_and(is_definition) => ('(', at),
        (None, Some(found @ (')' | ']' | '}'))) => {
            return Some(format!(
                "no bracket is open here: remove the `{found}`, or add the bracket that it closes"
            ));
        }
        _ => return None,
    };
    let line = before.get(..at)?.matches('\n').count() + 1;
    Some(match found {
        None => {
            format!("the `{open}` in line {line} is not closed: the file ends before its `{}`", closing(open))
        }
        Some(_) => {
            format!("the `{open}` in line {line} is not closed: put its `{}` before this", closing(open))
        }
    })
}

/// Whether `text` ends with the name of a function that is being defined.
fn is_definition(text: &str) -> bool {
    let before = text.trim_end().trim_end_matches(is_part);
    last_word(before) == "fn"
}

/// The missing separator between `before` and `after`.
fn separator(message: &str, before: &str, after: &str) -> Option<String> {
    let is_text = after.starts_with(['"', '`']) && before.ends_with('f') && last_word(before) == "f";
    if is_text {
        return Some("write a string in backticks: `v-${image.name}`".to_owned());
    }
    if message.contains("';' to terminate") {
        let last = before.trim_end();
        if after.starts_with(':') {
            return Some("write a map with a `#`: `#{ name: \"value\" }`".to_owned());
        }
        let line = last.rsplit('\n').next().unwrap_or_default().trim();
        return Some(match before.get(last.len()..)?.contains('\n') {
            true => format!("end the line before with a `;`: `{line};`"),
            false => "put a `;` between the two statements".to_owned(),
        });
    }
    if message.contains("separate the items of this array") {
        return Some("put a `,` between the items".to_owned());
    }
    if message.contains("separate the arguments to function") {
        return Some("put a `,` between the arguments".to_owned());
    }
    if message.contains("separate the items of this object map") {
        return Some("put a `,` between the entries: `#{ a: 1, b: 2 }`".to_owned());
    }
    None
}

/// Whether the unclosed string began with a backtick. Rhai reports the place where its last piece began: after a value
/// in it, or at its quote.
fn is_backtick_open(before: &str, after: &str) -> bool {
    after.starts_with(['`', '}']) || before.ends_with('}')
}

fn is_arrow(text: &str) -> bool {
    text.starts_with("=>") || text.starts_with("->")
}

/// The word that `text` begins with.
fn first_word(text: &str) -> &str {
    &text[..text.find(|char: char| !is_part(char)).unwrap_or(text.len())]
}

/// The word that `text` ends with, without trailing white space.
pub(super) fn last_word(text: &str) -> &str {
    let text = text.trim_end();
    let start = text
        .rfind(|char: char| !is_part(char))
        .map_or(0, |index| index + text[index..].chars().next().map_or(1, char::len_utf8));
    text.get(start..).unwrap_or_default()
}

fn is_part(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The text between the quotes of Rhai's message `Invalid character: 'dev'`.
fn quoted(message: &str) -> &str {
    message.split_once(": ").map_or("...", |(_, text)| text.trim_matches('\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = rhai::Engine::new().compile(text).expect_err("not valid");
        let file = crate::script::ScriptFile::built_in("x.rhai", text);
        let offset =
            error.1.line().map_or(text.len(), |line| file.offset(line, error.1.position().unwrap_or(1)));
        let (before, after) = text.split_at(offset);
        let help = syntax_help(&error.0.to_string(), before, after).unwrap_or_default();
        assert!(help.contains(expected), "{text}: {error}: {help}");
    }

    #[test]
    fn habits_of_other_languages_are_known() {
        check("def tags(image) { 1 }", "`fn");
        check("pub fn tags(image) { 1 }", "`fn");
        check("fn a() { if x { 1 } elif y { 2 } }", "else if");
        check("fn a() { if x and y { 1 } }", "&&");
        check("fn a() { if x = 1 { 1 } }", "==");
        check("fn a() { ['dev'] }", "\"dev\"");
        check("fn a() { null }", "()");
        check("fn a() { match x { } }", "switch");
        check("fn a() { \"v\" + ${x} }", "backticks");
        check("fn a() { [f\"{x}\"] }", "backticks");
        check("# a comment", "//");
        check("fn a() { x ? 1 : 2 }", "if ");
        check("fn a() { x++; }", "+= 1");
        check("fn a(image) -> list { 1 }", "no types");
        check("fn a(image): 1", "no types");
        check("fn a(image: Image) { 1 }", "no types");
        check("fn a(image = 1) { 1 }", "@param");
        check("fn a() { for (x in y) { } }", "without parentheses");
        check("fn a() { for x in y f(x); }", "braces");
        check("fn a() [1]", "braces");
        check("fn a() { if x == \"a\" [\"1\"] else [\"2\"] }", "braces");
        check("fn a() { x.map(y => f(y)) }", "|image|");
        check("fn a() { f(x, timeout: 3) }", "#{ timeout");
        check("fn a() { f({ \"a\": 1 }) }", "#{");
        check("fn a() { 1 }\nfn a() { 2 }", "once");
        check("fn a() { b(1).c = 2; }", "changed copy");
    }

    #[test]
    fn missing_brackets_are_named() {
        check("fn a() { [1]\n", "the `{` in line 1 is not closed");
        check("fn a() { [1 }", "the `[` in line 1 is not closed");
        check("fn a() {\n  f(1\n}", "the `(` in line 2 is not closed");
        check("fn a() { [f(] }", "the `(` in line 1 is not closed");
        check("fn tags(image { [1] }", "the `(` in line 1 is not closed");
        check("fn a() { let x = f(1; x }", "the `(` in line 1 is not closed");
        check("fn a() { 1 } }", "remove the `}`");
        check("fn a() { [\"a\" \"b\"] }", "`,`");
        check("fn a() { f(1 2) }", "`,`");
        check("fn a() { #{ a: 1 b: 2 } }", "`,`");
        check("fn a() {\n  print(1)\n  print(2)\n}", "`print(1);`");
        check("import \"x\" as x\nfn a() { 1 }", "`import \"x\" as x;`");
        check("fn a() { let x = 1 let y = 2; }", "`;` between");
        check("fn a() { [\"dev] }\nfn b() { 1 }", "put a `\"` at its end");
        check("fn a() { [`dev] }\nfn b() { 1 }", "backtick at its end");
        check("fn a() { [`dev-${x}] }\nfn b() { 1 }", "backtick at its end");
    }
}
