//! Looks up users and groups by name in an image.

use super::content::Reader;
use super::instruction_error::InstructionError;
use super::root_fs::RootFs;

/// The size limit of a list of users; a longer file is ignored.
const LONGEST: u64 = 16 << 20;

/// The owner of a file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// The IDs of the user and the group.
    pub(super) numbers: (u64, u64),
    /// The names that do not exist in the image, each with its kind: `user`, `group`.
    pub(super) unknown: Vec<(&'static str, String)>,
}

/// The IDs of `owner`, which is `user`, `user:group` or `:group` by name or ID. Names are looked up in `/etc/passwd`
/// and `/etc/group` of `root_fs`. A user without a group has the one in `/etc/passwd`; a user ID without a group has
/// the group with the same ID (Dockerfile reference, "COPY --chown"). As in BuildKit, a name that does not exist in
/// the image means root, and a name in an empty image is an error.
pub(super) fn owner(
    root_fs: &RootFs,
    is_blank: bool,
    owner: &str,
    reader: &mut Reader<'_>,
) -> Result<Owner, InstructionError> {
    let (user, group) = match owner.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (owner, None),
    };
    let mut found = Owner::default();
    let mut ask = |kind: &'static str, file: &str, name: &str| match is_blank {
        true => Err(InstructionError::with_help(
            format!("unknown {kind} `{name}`: the image is empty"),
            "use the ID, or first COPY the file that defines it",
        )),
        false => look_up(root_fs, file, name, reader),
    };
    match number(user) {
        Some(number) => found.numbers = (number, number),
        None => {
            let fields = ask("user", "/etc/passwd", user)?;
            let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u32>().ok());
            match number(2).zip(number(3)) {
                Some((user, group)) => found.numbers = (user.into(), group.into()),
                None => found.unknown.push(("user", user.to_owned())),
            }
        }
    }
    match group.map(|group| (group, number(group))) {
        None => {}
        Some((_, Some(number))) => found.numbers.1 = number,
        Some((group, None)) => {
            let fields = ask("group", "/etc/group", group)?;
            match fields.get(2).and_then(|field| field.parse::<u32>().ok()) {
                Some(number) => found.numbers.1 = number.into(),
                None => found.unknown.push(("group", group.to_owned())),
            }
        }
    }
    Ok(found)
}

/// The ID that `text` means without a list of users; an empty one is root, as in BuildKit.
fn number(text: &str) -> Option<u64> {
    match text {
        "" | "root" => Some(0),
        text => text.parse::<i32>().ok().and_then(|number| number.try_into().ok()),
    }
}

/// The fields of the line for `name` in `file`; empty without such a line.
fn look_up(
    root_fs: &RootFs,
    file: &str,
    name: &str,
    reader: &mut Reader<'_>,
) -> Result<Vec<String>, InstructionError> {
    let Some(content) = root_fs.file(file).filter(|content| content.size <= LONGEST) else {
        return Ok(Vec::new());
    };
    let mut bytes = Vec::new();
    reader.read(&content, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines().map(|line| line.trim().split(':'));
    let line = lines.find(|fields| fields.clone().next() == Some(name));
    Ok(line.into_iter().flatten().map(str::to_owned).collect())
}
