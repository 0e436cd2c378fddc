//! Signals by name.

/// The signals of Linux by their number, from one; the same on all architectures that images are made for.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];
/// The first and the last of the real-time signals.
const FIRST_REAL_TIME: u32 = 34;
const LAST_REAL_TIME: u32 = 64;

pub(crate) const TERM: u32 = 15;
pub(crate) const KILL: u32 = 9;

/// The number of `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3` or `SIGRTMAX-1`.
pub(crate) fn number(name: &str) -> Option<u32> {
    if let Ok(number) = name.parse() {
        return (1..=LAST_REAL_TIME).contains(&number).then_some(number);
    }
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(index) = NAMES.iter().position(|known| *known == bare) {
        return u32::try_from(index + 1).ok();
    }
    let number = match bare.strip_prefix("RTMIN") {
        Some("") => FIRST_REAL_TIME,
        Some(offset) => FIRST_REAL_TIME.checked_add(offset.strip_prefix('+')?.parse().ok()?)?,
        None => match bare.strip_prefix("RTMAX")? {
            "" => LAST_REAL_TIME,
            offset => LAST_REAL_TIME.checked_sub(offset.strip_prefix('-')?.parse().ok()?)?,
        },
    };
    (FIRST_REAL_TIME..=LAST_REAL_TIME).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_known_by_name_and_number() {
        for (name, expected) in [("SIGTERM", 15), ("quit", 3), ("9", 9), ("SIGRTMIN+3", 37), ("RTMAX-1", 63)]
        {
            assert_eq!(number(name), Some(expected), "{name}");
        }
        for unknown in ["", "SIGNONE", "0", "65", "SIGRTMIN+31", "RTMAX-31"] {
            assert_eq!(number(unknown), None, "{unknown}");
        }
        assert_eq!((number("KILL"), number("TERM")), (Some(KILL), Some(TERM)));
    }
}
