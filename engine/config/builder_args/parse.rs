//! Parses command lines like Docker and kaniko (Go's pflag).

use super::{BuilderArg, Flag};
use crate::config::Origin;

/// A word of the command line, and its location.
type Word = (String, Option<Origin>);

/// Parses `words` into arguments. If `may_have_value` is set, the word after a flag that is not in `flags` is its
/// value, unless it is a flag as well.
pub(super) fn parse(words: Vec<Word>, flags: &'static [Flag], may_have_value: bool) -> Vec<BuilderArg> {
    let mut args = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some((word, origin)) = words.next() {
        let arg = |flag, name: String, value| BuilderArg {
            flag,
            name,
            value,
            key: None,
            origin: origin.clone(),
            fault: None,
        };
        if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
            let (name, given) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let flag = flags.iter().find(|flag| flag.name == name);
            let takes_next = given.is_none()
                && match flag {
                    Some(flag) => flag.has_value,
                    None => may_have_value && words.peek().is_some_and(|(next, _)| !next.starts_with('-')),
                };
            let value = if takes_next { words.next().map(|(next, _)| next) } else { given };
            let is_missing = flag.is_some_and(|flag| flag.has_value) && value.is_none();
            let fault = match flag {
                _ if is_missing => Some("it requires a value"),
                None if name.contains(char::is_whitespace) => {
                    Some("it is in one item with its value: write two items, or put `=` between them")
                }
                _ => None,
            };
            args.push(BuilderArg { fault, ..arg(flag, format!("--{name}"), value) });
        } else if let Some(letters) =
            word.strip_prefix('-').filter(|letters| !letters.is_empty() && word != "--")
        {
            let mut rest = letters.chars();
            while let Some(letter) = rest.next() {
                let flag = flags.iter().find(|flag| flag.letter == Some(letter));
                let name = flag.map_or_else(|| format!("-{letter}"), |flag| format!("--{}", flag.name));
                let left = rest.as_str();
                let has_value = flag.map_or(may_have_value && !left.is_empty(), |flag| flag.has_value);
                if !has_value && !left.starts_with('=') {
                    args.push(arg(flag, name, None));
                    continue;
                }
                let value = match left {
                    "" => words.next().map(|(next, _)| next),
                    left => Some(left.strip_prefix('=').unwrap_or(left).to_owned()),
                };
                let fault = value.is_none().then_some("it requires a value");
                args.push(BuilderArg { fault, ..arg(flag, name, value) });
                break;
            }
        } else {
            let fault = Some("it is not a flag: set the build context with `context`");
            args.push(BuilderArg { fault, ..arg(None, String::new(), Some(word)) });
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::super::BuilderArgs;

    fn docker(text: &str) -> BuilderArgs {
        BuilderArgs::of_docker(text.split(' ').map(|word| (word.to_owned(), None)).collect())
    }

    #[test]
    fn flags_are_read_as_docker_reads_them() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(docker(text).words().collect::<Vec<_>>(), expected, "{text}");
        };
        check("--no-cache --label a=b --label=c=d", &["--no-cache", "--label=a=b", "--label=c=d"]);
        check("-qf x -fy -f=z", &["--quiet", "--file=x", "--file=y", "--file=z"]);
        check("--pull=false --target --pull", &["--pull=false", "--target=--pull"]);
        check("--new value --newer --last", &["--new=value", "--newer", "--last"]);
        check("-t a:1 -m 1g", &["--tag=a:1", "--memory=1g"]);
    }

    #[test]
    fn faults_are_found() {
        let check = |text: &str, expected: Option<&str>| {
            let args = docker(text);
            assert_eq!(args.iter().find_map(|arg| arg.fault), expected, "{text}");
        };
        check("--target dev", None);
        check("--pull --target", Some("it requires a value"));
        check("-q -f", Some("it requires a value"));
        check(".", Some("it is not a flag: set the build context with `context`"));
        check("-", Some("it is not a flag: set the build context with `context`"));
        let args = BuilderArgs::of_docker(vec![("--target dev".to_owned(), None)]);
        assert!(args.iter().all(|arg| arg.fault.is_some_and(|fault| fault.contains("one item"))));
    }

    #[test]
    fn switches_of_kaniko_have_no_value() {
        let words = ["--reproducible", "x", "--verbosity", "debug", "--single-snapshot"];
        let args = BuilderArgs::of_kaniko(words.map(|word| (word.to_owned(), None)).into());
        let words: Vec<_> = args.words().collect();
        assert_eq!(words, ["--reproducible", "x", "--verbosity=debug", "--single-snapshot"]);
    }

    #[test]
    fn sources_of_secrets_are_not_inputs() {
        let key = |text: &str| docker(text).key_words().collect::<Vec<_>>();
        assert_eq!(key("--secret id=a,src=/x --ssh default=/s,/t"), ["--secret=a", "--ssh=default"]);
        assert_eq!(key("--secret type=env,id=a,env=X"), key("--secret id=a"));
        assert!(
            key("--no-cache --cache-from r --progress=plain -q --iidfile x --builder b --load --push")
                .is_empty()
        );
        assert_eq!(key("--pull --add-host a:1 --new x"), ["--add-host=a:1", "--new=x"]);
        assert_eq!(key("-o type=registry,compression=zstd"), ["compression=zstd"]);
    }
}
