//! Instructions with their arguments, validated as Docker does.

use std::ops::Range;

use super::flags::Flags;
use super::source::Line;
use super::split::{Flag, Split};

/// The instructions that Docker supports.
pub(super) const NAMES: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// One instruction of a Dockerfile.
#[derive(Debug, Clone)]
pub struct Instruction {
    pub(super) name: String,
    pub(super) kind: InstructionKind,
    pub(super) lines: (usize, usize),
    pub(super) span: Range<usize>,
    pub(super) head: Range<usize>,
    pub(super) dangling: Option<usize>,
    pub(super) text: String,
}

/// The content of an instruction. Words are as written, with variables and quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstructionKind {
    /// `ADD` or `COPY`.
    Copy(CopyInstruction),
    /// `ARG`: names and defaults.
    Arg(Vec<(String, Option<String>)>),
    /// `CMD`.
    Cmd(CommandForm),
    /// `ENTRYPOINT`.
    Entrypoint(CommandForm),
    /// `ENV`: names and values.
    Env(Vec<(String, String)>),
    /// `EXPOSE`: ports.
    Expose(Vec<String>),
    /// `FROM`.
    From(FromInstruction),
    /// `HEALTHCHECK`.
    Healthcheck(Healthcheck),
    /// `LABEL`: names and values.
    Label(Vec<(String, String)>),
    /// `MAINTAINER`.
    Maintainer(String),
    /// `ONBUILD`: its trigger, if Docker can run it.
    Onbuild(Option<Box<InstructionKind>>),
    /// `RUN`.
    Run(RunInstruction),
    /// `SHELL`: the command and its arguments.
    Shell(Vec<String>),
    /// `STOPSIGNAL`.
    Stopsignal(String),
    /// `USER`.
    User(String),
    /// `VOLUME`: paths.
    Volume(Vec<String>),
    /// `WORKDIR`.
    Workdir(String),
    /// An instruction or flag that only another Dockerfile frontend may support; the reason, as a phrase.
    Foreign(String),
}

/// A word of an instruction and its bytes in the Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word without the quotes of a flag.
    pub text: String,
    /// Its position.
    pub span: Range<usize>,
}

/// The arguments of `FROM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromInstruction {
    /// The image or build stage.
    pub base: Word,
    /// The name of the build stage, in lower case.
    pub name: Option<String>,
    /// `--platform`.
    pub platform: Option<String>,
}

/// The arguments of `ADD` and `COPY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyInstruction {
    /// The sources that are paths or URLs, without here-documents.
    pub sources: Vec<String>,
    /// The destination.
    pub destination: String,
    /// `--from`.
    pub from: Option<Word>,
    /// `--chown`.
    pub chown: Option<String>,
    /// `--chmod`.
    pub chmod: Option<String>,
    /// The here-documents among the sources.
    pub documents: Vec<Heredoc>,
    /// Whether it is `ADD`, whose sources may be URLs.
    pub is_add: bool,
    /// `--link`: the files do not depend on the layers below.
    pub link: bool,
    /// `--parents`: the parent directories of the sources are copied as well.
    pub parents: bool,
    /// `--exclude`: patterns of files that are not copied.
    pub exclude: Vec<String>,
    /// `--checksum`: the digest of the content of a URL.
    pub checksum: Option<String>,
    /// `--unpack`, if given: whether archives are unpacked.
    pub unpack: Option<bool>,
}

/// A here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// Its name, which is also the name of the file it creates.
    pub name: String,
    /// Its lines, each with its newline; variables are not expanded.
    pub content: String,
    /// Whether variables in it are expanded.
    pub expands: bool,
}

/// The arguments of `HEALTHCHECK`. Times are in nanoseconds, 0 if not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// `NONE`; `CMD` and the words of a command; or `CMD-SHELL` and a string for the shell.
    pub test: Vec<String>,
    /// `--interval`.
    pub interval: i64,
    /// `--timeout`.
    pub timeout: i64,
    /// `--start-period`.
    pub start_period: i64,
    /// `--start-interval`.
    pub start_interval: i64,
    /// `--retries`.
    pub retries: u32,
}

/// The arguments of `RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInstruction {
    /// The command.
    pub command: CommandForm,
    /// The `--mount` flags: their `key=value` fields.
    pub mounts: Vec<Mount>,
    /// How many here-documents follow.
    pub heredocs: usize,
}

/// A `--mount` of `RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The fields; the keys are in lower case.
    pub fields: Vec<(String, String)>,
    /// The value of `from`.
    pub from: Option<Word>,
}

/// A command in shell or JSON form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandForm {
    /// The words; the shell form has one word with the whole command.
    pub argv: Vec<String>,
    /// Whether it is the shell form.
    pub is_shell: bool,
}

impl Instruction {
    /// The name in upper case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its content.
    pub fn kind(&self) -> &InstructionKind {
        &self.kind
    }

    /// Its first and last line, from 1, here-documents included.
    pub fn lines(&self) -> (usize, usize) {
        self.lines
    }

    /// The bytes of all its lines, with the last newline.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The bytes of its first line without surrounding white space, for labels.
    pub fn head(&self) -> Range<usize> {
        self.head.clone()
    }

    /// Its text in one line: continuations are joined, comments are removed.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Validates one split instruction. `lenient`: a `syntax` directive names a frontend that may support more than
/// Docker's.
///
/// # Errors
/// The reason, as a phrase.
pub(super) fn kind(
    split: Split,
    line: &Line,
    heredocs: &[Heredoc],
    lenient: bool,
) -> Result<InstructionKind, String> {
    let name = split.name.clone();
    let flags = Flags::new(&name, &split.flags, line);
    if let Err(reason) = flags.check() {
        // Docker itself ignores the flags of these.
        let overlooked = matches!(name.as_str(), "ARG" | "STOPSIGNAL")
            || name == "HEALTHCHECK"
                && split.args.first().is_some_and(|kind| kind.eq_ignore_ascii_case("none"));
        match (overlooked, lenient) {
            (true, _) => {}
            (false, true) => return Ok(InstructionKind::Foreign(reason)),
            (false, false) => return Err(reason),
        }
    }
    // The others report missing arguments themselves, or need none.
    let may_be_empty =
        matches!(name.as_str(), "ADD" | "CMD" | "COPY" | "ENTRYPOINT" | "FROM" | "ONBUILD" | "RUN");
    if NAMES.contains(&name.as_str()) && !may_be_empty && split.args.is_empty() {
        return Err(format!("{name} needs an argument"));
    }
    Ok(match name.as_str() {
        "ADD" | "COPY" => InstructionKind::Copy(copy(&name, split.args, &flags, heredocs)?),
        "ARG" => InstructionKind::Arg(split.args.into_iter().map(arg).collect::<Result<_, _>>()?),
        "CMD" => InstructionKind::Cmd(command(split)),
        "ENTRYPOINT" => InstructionKind::Entrypoint(command(split)),
        "ENV" => InstructionKind::Env(pairs(split)?),
        "EXPOSE" => InstructionKind::Expose(split.args),
        "FROM" => InstructionKind::From(from(&split, &flags)?),
        "HEALTHCHECK" => InstructionKind::Healthcheck(healthcheck(&split, &flags)?),
        "LABEL" => InstructionKind::Label(pairs(split)?),
        "MAINTAINER" => InstructionKind::Maintainer(first(split)),
        "ONBUILD" => InstructionKind::Onbuild(onbuild(split, line, heredocs, lenient)?),
        "RUN" => InstructionKind::Run(run(split.args, !split.json, &flags, line, heredocs)?),
        "SHELL" if split.json => InstructionKind::Shell(split.args),
        "SHELL" => return Err("SHELL requires a JSON list: `SHELL [\"/bin/sh\", \"-c\"]`".into()),
        "STOPSIGNAL" => InstructionKind::Stopsignal(first(split)),
        "USER" => InstructionKind::User(first(split)),
        "VOLUME" if split.args.iter().any(|volume| volume.trim().is_empty()) => {
            return Err("VOLUME has an empty path".into());
        }
        "VOLUME" => InstructionKind::Volume(split.args),
        "WORKDIR" => InstructionKind::Workdir(first(split)),
        _ if lenient => InstructionKind::Foreign(format!("`{name}` is not a Docker instruction")),
        _ => return Err(format!("`{name}` is not an instruction")),
    })
}

/// The sources, the destination and the flags of ADD or COPY.
fn copy(
    name: &str,
    mut sources: Vec<String>,
    flags: &Flags<'_>,
    heredocs: &[Heredoc],
) -> Result<CopyInstruction, String> {
    if sources.len() < 2 {
        return Err(format!("{name} needs a source and a destination"));
    }
    let destination = sources.pop().unwrap_or_default();
    if Split::is_heredoc(&destination) {
        return Err(format!("{name} cannot take a here-document as its destination"));
    }
    sources.retain(|source| !Split::is_heredoc(source));
    Ok(CopyInstruction {
        sources,
        destination,
        from: flags.word("from").filter(|from| !from.text.is_empty()),
        chown: flags.text("chown"),
        chmod: flags.text("chmod"),
        documents: heredocs.to_vec(),
        is_add: name == "ADD",
        link: flags.switch("link") == Some(true),
        parents: flags.switch("parents") == Some(true),
        exclude: flags.texts("exclude"),
        checksum: flags.text("checksum"),
        unpack: flags.switch("unpack"),
    })
}

/// One name of ARG, and its default value.
fn arg(arg: String) -> Result<(String, Option<String>), String> {
    match arg.split_once('=') {
        Some(("", _)) => Err("ARG has no name before `=`".to_owned()),
        Some((name, value)) => Ok((name.to_owned(), Some(value.to_owned()))),
        None => Ok((arg, None)),
    }
}

/// The command of CMD or ENTRYPOINT.
fn command(split: Split) -> CommandForm {
    CommandForm { argv: split.args, is_shell: !split.json }
}

/// The names and values of ENV or LABEL.
fn pairs(split: Split) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::with_capacity(split.args.len() / 2);
    let mut args = split.args.into_iter();
    while let (Some(key), Some(value)) = (args.next(), args.next()) {
        if key.is_empty() {
            return Err(format!("{} has a value without a name", split.name));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// The only argument of an instruction.
fn first(split: Split) -> String {
    split.args.into_iter().next().unwrap_or_default()
}

/// The trigger of ONBUILD, if Docker can run it.
fn onbuild(
    split: Split,
    line: &Line,
    heredocs: &[Heredoc],
    lenient: bool,
) -> Result<Option<Box<InstructionKind>>, String> {
    let Some(trigger) = split.trigger else { return Err("ONBUILD needs an instruction".into()) };
    match trigger.name.as_str() {
        "ONBUILD" => Err("ONBUILD cannot trigger another ONBUILD".into()),
        forbidden @ ("FROM" | "MAINTAINER") => Err(format!("ONBUILD cannot trigger {forbidden}")),
        _ => Ok(kind(*trigger, line, heredocs, lenient).ok().map(Box::new)),
    }
}

/// The command and the mounts of RUN.
fn run(
    argv: Vec<String>,
    is_shell: bool,
    flags: &Flags<'_>,
    line: &Line,
    heredocs: &[Heredoc],
) -> Result<RunInstruction, String> {
    for (flag, values) in
        [("network", ["default", "none", "host"]), ("security", ["insecure", "sandbox", ""])]
    {
        if let Some(value) = flags.text(flag).filter(|value| !values.contains(&value.as_str())) {
            return Err(format!("RUN has no `--{flag}={value}`"));
        }
    }
    let mounts = flags.all("mount").map(|flag| mount(flag, line)).collect::<Result<_, _>>()?;
    Ok(RunInstruction { command: CommandForm { argv, is_shell }, mounts, heredocs: heredocs.len() })
}

fn from(split: &Split, flags: &Flags<'_>) -> Result<FromInstruction, String> {
    let name = match split.args.as_slice() {
        [_] => None,
        [_, keyword, name] if keyword.eq_ignore_ascii_case("as") => Some(name.to_lowercase()),
        _ => return Err("FROM requires an image, optionally followed by `AS` and a name".into()),
    };
    let valid = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
    };
    if let Some(name) = name.as_deref().filter(|name| !valid(name)) {
        return Err(format!(
            "invalid build stage name `{name}`: use a letter, then letters, digits, `-`, `_`, `.`"
        ));
    }
    let base = split.args.first().cloned().unwrap_or_default();
    let span = flags.in_file(split.rest.start..split.rest.start + base.len());
    Ok(FromInstruction { base: Word { text: base, span }, name, platform: flags.text("platform") })
}

fn healthcheck(split: &Split, flags: &Flags<'_>) -> Result<Healthcheck, String> {
    let kind = split.args.first().map(|kind| kind.to_uppercase());
    match kind.as_deref() {
        Some("NONE") if split.args.len() > 1 => return Err("HEALTHCHECK NONE takes no arguments".into()),
        Some("NONE") => return Ok(Healthcheck { test: vec!["NONE".to_owned()], ..Healthcheck::default() }),
        Some("CMD") if split.args.len() < 2 => return Err("HEALTHCHECK CMD needs a command".into()),
        Some("CMD") => {}
        Some(kind) => return Err(format!("HEALTHCHECK requires CMD or NONE, not {kind}")),
        None => {}
    }
    let nanoseconds = |flag| {
        let Some(text) = flags.text(flag).filter(|text| !text.is_empty()) else { return Ok(0) };
        match super::duration::seconds(&text) {
            Some(seconds) if seconds == 0.0 || seconds >= 0.001 => Ok((seconds * 1e9).round() as i64),
            Some(_) => Err(format!("`--{flag}={text}` is less than 1ms")),
            None => Err(format!("`--{flag}={text}` is not a duration such as 30s")),
        }
    };
    let retries = flags.text("retries").filter(|text| !text.is_empty());
    let retries = match retries.map(|text| text.parse::<i32>().map(u32::try_from)) {
        None => 0,
        Some(Ok(Ok(retries))) => retries,
        Some(_) => return Err("`--retries` must be a number of at least 0".into()),
    };
    let form = if split.json { "CMD" } else { "CMD-SHELL" };
    let words = split.args.iter().skip(1).cloned();
    Ok(Healthcheck {
        test: std::iter::once(form.to_owned()).chain(words).collect(),
        interval: nanoseconds("interval")?,
        timeout: nanoseconds("timeout")?,
        start_period: nanoseconds("start-period")?,
        start_interval: nanoseconds("start-interval")?,
        retries,
    })
}

fn mount(flag: &Flag, line: &Line) -> Result<Mount, String> {
    let value = flag.text.split_once('=').map_or("", |(_, value)| value);
    let mut fields = Vec::new();
    let mut from = None;
    for field in csv_fields(value) {
        let (key, value) = field.split_once('=').unwrap_or((field.as_str(), ""));
        let key = key.to_lowercase();
        if key == "from" {
            if value.find('$').is_some_and(|at| at + 1 < value.len()) {
                return Err(
                    "`from` of `--mount` cannot contain variables: name a build stage with FROM instead"
                        .into(),
                );
            }
            let written = &line.text[flag.range.clone()];
            let at = written.to_ascii_lowercase().find("from=").map(|at| at + "from=".len());
            let at = at.filter(|at| written[*at..].starts_with(value)).map(|at| flag.range.start + at);
            from = at.map(|at| Word { text: value.to_owned(), span: line.in_file(at..at + value.len()) });
        }
        fields.push((key, value.to_owned()));
    }
    Ok(Mount { fields, from: from.filter(|from| !from.text.is_empty()) })
}

/// The fields of one CSV record: commas within double quotes do not separate.
fn csv_fields(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, fields.last_mut()) {
            ('"', Some(field)) if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            ('"', _) => quoted = !quoted,
            (',', _) if !quoted => fields.push(String::new()),
            (c, Some(field)) => field.push(c),
            (_, None) => {}
        }
    }
    fields
}
