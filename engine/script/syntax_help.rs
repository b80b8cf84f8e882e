//! What to do about a script that is not valid, where people who know other languages often go wrong.

/// What to write instead, when that is clear; `before` is the text up to where reading stopped, `after` what
/// follows, `message` what Rhai says.
pub fn syntax_help(message: &str, before: &str, after: &str) -> Option<String> {
    let after_word = &after[..after.find(|char: char| !is_part(char)).unwrap_or(after.len())];
    // Rhai stops at an operator it does not know, but after a word that it took for a variable.
    let word = if matches!(after_word, "and" | "or") { after_word } else { last_word(before) };
    let other_language = match word {
        "def" | "func" | "function" => Some("functions begin with `fn`: `fn tags(image) { ... }`"),
        "elif" | "elsif" | "elseif" => Some("write `else if`"),
        "and" => Some("write `&&`"),
        "or" => Some("write `||`"),
        "not" => Some("write `!`"),
        "var" => Some("write `let`"),
        _ => None,
    };
    let help = match message {
        _ if other_language.is_some() => other_language?,
        message if message.contains("typo of '=='") => "`=` assigns; compare with `==`",
        message if message.starts_with("Invalid character") => {
            return Some(format!("texts stand in double quotes: \"{}\"", quoted(message)));
        }
        _ if after_word == "null" => "write `()` for nothing",
        _ if after.starts_with('$') => {
            "`${...}` stands inside of a text between backticks: `v-${image.name}`; elsewhere write just the value"
        }
        _ if after.trim().is_empty() && before.matches('{').count() > before.matches('}').count() => {
            "a `{` is not closed: the file ends before its `}`"
        }
        message if message.contains("separate the items of this array") => "put a `,` between the items",
        _ => return None,
    };
    Some(help.to_owned())
}

/// The word that `text` ends with, white space after it left out.
fn last_word(text: &str) -> &str {
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
        check("fn a() { if x { 1 } elif y { 2 } }", "else if");
        check("fn a() { if x and y { 1 } }", "&&");
        check("fn a() { if x = 1 { 1 } }", "==");
        check("fn a() { ['dev'] }", "\"dev\"");
        check("fn a() { null }", "()");
        check("fn a() { \"v\" + ${x} }", "backticks");
        check("fn a() { [1]\n", "not closed");
        check("fn a() { [\"a\" \"b\"] }", "`,`");
    }
}
