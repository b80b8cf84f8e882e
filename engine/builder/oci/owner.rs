//! Users and groups by name, as the image knows them.

use super::content::Reader;
use super::root_fs::RootFs;
use super::trouble::Trouble;

/// A list of users longer than this is none.
const LONGEST: u64 = 16 << 20;

/// Who something belongs to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// The numbers of the user and the group.
    pub(super) numbers: (u64, u64),
    /// The names that the image does not have, each with what it is: `user`, `group`.
    pub(super) unknown: Vec<(&'static str, String)>,
}

/// The numbers of `owner`, which is `user`, `user:group` or `:group` by name or number. Names are looked up in
/// `/etc/passwd` and `/etc/group` of `root_fs`. A user without a group has the one of `/etc/passwd`, and a number stands
/// for the group of the same number (Dockerfile reference, "COPY --chown"). As in BuildKit a name that the image does not
/// have is the root user's, and an image in which nothing was done yet has no names that could be asked for.
pub(super) fn owner(
    root_fs: &RootFs,
    is_blank: bool,
    owner: &str,
    reader: &mut Reader<'_>,
) -> Result<Owner, Trouble> {
    let (user, group) = match owner.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (owner, None),
    };
    let mut found = Owner::default();
    let mut ask = |kind: &'static str, file: &str, name: &str| match is_blank {
        true => Err(Trouble::with_help(
            format!("there is no {kind} `{name}` in an empty image"),
            "give the number, or COPY the files that name it before",
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

/// The number that `text` stands for without any list of users; nothing is the root user, as in BuildKit.
fn number(text: &str) -> Option<u64> {
    match text {
        "" | "root" => Some(0),
        text => text.parse::<i32>().ok().and_then(|number| number.try_into().ok()),
    }
}

/// The fields of the line of `name` in `file`; none when it is not there.
fn look_up(
    root_fs: &RootFs,
    file: &str,
    name: &str,
    reader: &mut Reader<'_>,
) -> Result<Vec<String>, Trouble> {
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
