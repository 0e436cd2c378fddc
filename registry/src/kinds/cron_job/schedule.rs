//! What a schedule may look like: five fields as cron has them, or a word for them.

/// The months and days that have names, and the range of each field.
const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

struct Bounds {
    first: u32,
    last: u32,
    /// The names of the numbers from the first on.
    names: &'static [&'static str],
}

const FIELDS: [Bounds; 5] = [
    Bounds { first: 0, last: 59, names: &[] },
    Bounds { first: 0, last: 23, names: &[] },
    Bounds { first: 1, last: 31, names: &[] },
    Bounds { first: 1, last: 12, names: MONTHS },
    Bounds { first: 0, last: 6, names: DAYS },
];

/// What is wrong with a schedule, if anything.
pub(super) fn check(schedule: &str) -> Result<(), String> {
    if let Some(word) = schedule.strip_prefix('@') {
        return check_word(schedule, word);
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let (found, shown) = (fields.len(), fields.join(" "));
        return Err(format!("expected exactly 5 fields, found {found}: [{shown}]"));
    }
    for (field, bounds) in fields.iter().zip(&FIELDS) {
        // An item that is empty is passed over, as long as there is another one.
        for item in field.split(',').filter(|item| !item.is_empty()) {
            bounds.check(item)?;
        }
    }
    Ok(())
}

fn check_word(schedule: &str, word: &str) -> Result<(), String> {
    match word {
        "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly" => Ok(()),
        _ => match word.strip_prefix("every ") {
            Some(duration) if is_duration(duration) => Ok(()),
            Some(_) => Err(format!("failed to parse duration {schedule}")),
            None => Err(format!("unrecognized descriptor: {schedule}")),
        },
    }
}

impl Bounds {
    /// Checks a number, a range or a star, with a step or without.
    fn check(&self, item: &str) -> Result<(), String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (self.first, self.last),
            Some((first, last)) => (self.number(first)?, self.number(last)?),
            // From a number in steps goes to the end of the field.
            None if step.is_some() => (self.number(range)?, self.last),
            None => (self.number(range)?, self.number(range)?),
        };
        if let Some(step) = step
            && number(step)? == 0
        {
            return Err(format!("step of range should be a positive number: {item}"));
        }
        match () {
            () if first < self.first => {
                Err(format!("beginning of range ({first}) below minimum ({}): {item}", self.first))
            }
            () if last > self.last => {
                Err(format!("end of range ({last}) above maximum ({}): {item}", self.last))
            }
            () if first > last => {
                Err(format!("beginning of range ({first}) beyond end of range ({last}): {item}"))
            }
            () => Ok(()),
        }
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        match (self.first..).zip(self.names).find(|(_, name)| name.eq_ignore_ascii_case(text)) {
            Some((number, _)) => Ok(number),
            None => number(text),
        }
    }
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("failed to parse int from {text}"))
}

/// Whether a text is a duration such as `1h30m`.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let has_digit = rest.starts_with(|c: char| c.is_ascii_digit());
        let unit = ["ns", "us", "ms", "h", "m", "s"].into_iter().find(|unit| digits.starts_with(unit));
        match unit.filter(|_| has_digit) {
            Some(unit) => rest = &digits[unit.len()..],
            None => return false,
        }
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn schedules_are_those_of_cron() {
        for good in [
            "* * * * *",
            "*/5 0-6/2 1,15 jan-MAR mon",
            "0 3 ? * 0",
            "30/10 * * * *",
            "@every 1h30m",
            "@midnight",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("x * * * *", "failed to parse int from x"),
            ("* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"),
            ("@never", "unrecognized descriptor: @never"),
            ("@every day", "failed to parse duration @every day"),
        ] {
            assert_eq!(check(bad), Err(why.to_owned()), "{bad}");
        }
    }
}
