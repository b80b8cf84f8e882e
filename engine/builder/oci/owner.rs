//! Users and groups by name, as the image knows them.

use super::content::Reader;
use super::root_fs::RootFs;
use super::trouble::Trouble;

/// A list of users longer than this is none.
const LONGEST: u64 = 16 << 20;

/// The numbers of `owner`, which is `user`, `user:group` or `:group` by name or number. Names are looked up in
/// `/etc/passwd` and `/etc/group` of `root_fs`. A user without a group has the one of `/etc/passwd`, and a number stands
/// for the group of the same number (Dockerfile reference, "COPY --chown").
pub(super) fn owner(root_fs: &RootFs, owner: &str, reader: &mut Reader<'_>) -> Result<(u64, u64), Trouble> {
    let (user, group) = match owner.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (owner, None),
    };
    let mut found = (0, 0);
    if let Ok(number) = user.parse::<u32>() {
        found = (u64::from(number), u64::from(number));
    } else if !user.is_empty() {
        let fields = look_up(root_fs, "/etc/passwd", user, reader)?;
        let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u32>().ok());
        let numbers = number(2).zip(number(3));
        let (user, group) = numbers.ok_or_else(|| unknown("user", user, "/etc/passwd"))?;
        found = (user.into(), group.into());
    }
    match group.map(|group| (group, group.parse::<u32>())) {
        None | Some(("", _)) => {}
        Some((_, Ok(number))) => found.1 = number.into(),
        Some((group, Err(_))) => {
            let fields = look_up(root_fs, "/etc/group", group, reader)?;
            let number = fields.get(2).and_then(|field| field.parse::<u32>().ok());
            found.1 = number.ok_or_else(|| unknown("group", group, "/etc/group"))?.into();
        }
    }
    Ok(found)
}

fn unknown(kind: &str, name: &str, file: &str) -> Trouble {
    Trouble::with_help(
        format!("the image has no {kind} `{name}`"),
        format!("add it to {file} of the image, or give its number"),
    )
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
