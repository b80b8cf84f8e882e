//! The signals of STOPSIGNAL.

/// The signal names that Docker supports, without `SIG`, and without those relative to the real-time signals.
const NAMES: [&str; 36] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE",
    "POLL", "PROF", "PWR", "QUIT", "RTMAX", "RTMIN", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// Whether Docker accepts `text` as a signal: a number, or a name in upper or lower case, with or without `SIG`.
pub(super) fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<i64>() {
        return number != 0;
    }
    let upper = text.to_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let counted = |number: &str, last: u8| {
        number.parse().is_ok_and(|count: u8| (1..=last).contains(&count)) && !number.starts_with(['0', '+'])
    };
    NAMES.contains(&name)
        || name.strip_prefix("RTMIN+").is_some_and(|number| counted(number, 15))
        || name.strip_prefix("RTMAX-").is_some_and(|number| counted(number, 14))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_those_of_docker() {
        for text in ["9", "77", "SIGTERM", "term", "sigKill", "RTMIN+3", "SIGRTMAX-14"] {
            assert!(is_signal(text), "{text}");
        }
        for text in ["0", "", "nonsense", "SIGSIGTERM", "RTMIN+16", "RTMAX-0"] {
            assert!(!is_signal(text), "{text}");
        }
    }
}
