//! The permission bits that `--chmod` sets (Dockerfile reference, "COPY --chmod").

/// Every bit that a letter can set, except for the sticky bit.
const STANDARD: u32 = 0o6777;
const STICKY: u32 = 0o1000;

/// The permission bits that `--chmod` sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// A number: these bits and no others.
    Bits(u32),
    /// Symbols such as `u+x,go-w`: changes of the current bits.
    Changes(Vec<Change>),
}

/// One change of the current bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Set(u32),
    Clear(u32),
    /// Sets these execute bits on directories, and on files with any execute bit.
    Searchable(u32),
    /// Copies the bits of one class to those of `who`.
    Class {
        from: u8,
        who: u32,
        operator: u8,
    },
}

impl Mode {
    /// Reads `755`, `u+x,go-w`, `a=rX`, `g=u`.
    ///
    /// # Errors
    /// An invalid mode, as a phrase.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "invalid mode `--chmod={text}`: expected an octal number from 0 to 7777, or a change such as u+x,go-w"
            )
        };
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let bits = u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o7777);
            return bits.map(Self::Bits).ok_or_else(wrong);
        }
        changes(text.as_bytes()).map(Self::Changes).ok_or_else(wrong)
    }

    /// `bits` after the changes.
    pub(super) fn apply(&self, bits: u32, is_folder: bool) -> u32 {
        let changes = match self {
            Self::Bits(bits) => return *bits,
            Self::Changes(changes) => changes,
        };
        changes.iter().fold(bits, |now, change| match *change {
            Change::Set(set) => now | set,
            Change::Clear(cleared) => now & !cleared,
            Change::Searchable(set) if bits & 0o111 != 0 || is_folder => now | set,
            Change::Searchable(_) => now,
            Change::Class { from, who, operator } => {
                let class = now >> shift(from) & 0o7;
                let mut now = now;
                for to in [b'u', b'g', b'o'].map(shift).into_iter().filter(|to| who & (0o4 << to) != 0) {
                    match operator {
                        b'-' => now &= !(class << to),
                        b'=' => now = now & !(0o7 << to) | class << to,
                        _ => now |= class << to,
                    }
                }
                now
            }
        })
    }

    /// The bits of a parent directory that is created: BuildKit uses a number, reduced by the umask of the daemon,
    /// and ignores symbols.
    pub(super) fn of_new_folder(&self) -> u32 {
        match self {
            Self::Bits(bits) => bits & 0o755,
            Self::Changes(_) => 0o755,
        }
    }
}

fn shift(class: u8) -> u32 {
    match class {
        b'u' => 6,
        b'g' => 3,
        _ => 0,
    }
}

/// The changes in `text`, parsed as by BSD `setmode`; `None` if it is invalid.
fn changes(text: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    for clause in text.split(|byte| *byte == b',') {
        let operator = clause.iter().position(|byte| !b"augo".contains(byte))?;
        let (classes, mut rest) = clause.split_at(operator);
        let mut who = classes.iter().fold(0, |who, class| {
            who | match class {
                b'a' => STANDARD,
                b'u' => 0o4700,
                b'g' => 0o2070,
                _ => 0o0007,
            }
        });
        while let Some((&operator, after)) = rest.split_first() {
            if !b"+-=".contains(&operator) {
                return None;
            }
            who &= !STICKY;
            let end = after.iter().position(|byte| !b"rwxXstugo".contains(byte)).unwrap_or(after.len());
            action(operator, &after[..end], &mut who, &mut changes);
            rest = &after[end..];
        }
    }
    Some(changes)
}

/// Adds the changes of an operator and its letters to the bits of `who`, which is 0 if no class is given.
fn action(operator: u8, letters: &[u8], who: &mut u32, changes: &mut Vec<Change>) {
    let (mut bits, mut searchable, mut is_cleared) = (0, 0, operator != b'=');
    for &letter in letters {
        // Setuid and setgid do not apply to the class of others.
        let is_others = *who != 0 && *who & !0o007 == 0;
        match letter {
            b'r' => bits |= 0o444,
            b'w' => bits |= 0o222,
            b'x' => bits |= 0o111,
            b'X' if operator == b'-' => bits |= 0o111,
            b'X' => searchable = 0o111,
            b's' if !is_others => bits |= 0o6000,
            b't' if !is_others => {
                *who |= STICKY;
                bits |= STICKY;
            }
            b'u' | b'g' | b'o' => {
                if bits != 0 {
                    change(operator, bits, *who, changes);
                    bits = 0;
                }
                is_cleared = true;
                if searchable != 0 {
                    changes.push(Change::Searchable(searchable & of(*who)));
                    searchable = 0;
                }
                changes.push(Change::Class { from: letter, who: of(*who), operator });
            }
            _ => {}
        }
    }
    if bits != 0 || !is_cleared {
        change(operator, bits, *who, changes);
    }
    if searchable != 0 {
        changes.push(Change::Searchable(searchable & of(*who)));
    }
}

fn change(operator: u8, bits: u32, who: u32, changes: &mut Vec<Change>) {
    match operator {
        b'+' => changes.push(Change::Set(bits & of(who))),
        b'-' => changes.push(Change::Clear(bits & of(who))),
        _ => {
            changes.push(Change::Clear(if who == 0 { STANDARD } else { who }));
            changes.push(Change::Set(bits & of(who)));
        }
    }
}

/// The bits of `who`; 0 is all classes.
fn of(who: u32) -> u32 {
    if who == 0 { 0o7777 } else { who }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, bits: u32, expected: Option<u32>) {
        let found = Mode::parse(text).ok().map(|mode| mode.apply(bits, false));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn numbers_are_the_bits() {
        check("755", 0o4644, Some(0o755));
        check("04755", 0o644, Some(0o4755));
        check("0", 0o644, Some(0));
        for text in ["888", "10000", "0x1", "7 5"] {
            check(text, 0, None);
        }
        assert_eq!(Mode::parse("1777").map(|mode| mode.of_new_folder()), Ok(0o755));
    }

    #[test]
    fn words_change_the_bits() {
        check("u+x,go-w", 0o666, Some(0o744));
        check("a=r", 0o4755, Some(0o444));
        check("=", 0o1755, Some(0o1000));
        check("g=u", 0o740, Some(0o770));
        check("go=u-w,u+x", 0o644, Some(0o744));
        check("+t", 0o755, Some(0o1755));
        check("u+s,g+s", 0o755, Some(0o6755));
        check("o+s,o+t", 0o755, Some(0o755));
        check("g=o,o=u,u=g", 0o712, Some(0o227));
        check("a+X", 0o640, Some(0o640));
        check("a+X", 0o740, Some(0o751));
        check("a-X", 0o755, Some(0o644));
        check("a=rX", 0o700, Some(0o555));
        assert_eq!(Mode::parse("a+X").map(|mode| mode.apply(0o640, true)), Ok(0o751));
        for text in ["", "u", "rw", "u+x,", ",u+x", "u+q", "u x"] {
            check(text, 0, None);
        }
    }
}
