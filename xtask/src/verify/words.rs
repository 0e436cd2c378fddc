//! Words that say that something is unfinished, switched off or left over.

use super::{Findings, Subject};

/// Each in two pieces, so that this file does not contain them.
const BANNED: &[(&str, &str)] = &[
    ("TO", "DO"),
    ("FIX", "ME"),
    ("to", "do!("),
    ("unimplem", "ented!("),
    ("db", "g!("),
    ("#[ign", "ore"),
    ("allow(dead", "_code"),
    ("allow(unu", "sed"),
];

/// No line of any Rust file has one of [`BANNED`].
pub fn check(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    let banned: Vec<String> = BANNED.iter().map(|(one, two)| format!("{one}{two}")).collect();
    let mut findings = Findings::new();
    for source in &subject.sources {
        for (number, line) in (1..).zip(source.text.lines()) {
            for word in banned.iter().filter(|word| line.contains(word.as_str())) {
                findings.push(format!("{}:{number}: `{word}`", source.name(&subject.workspace.root)));
            }
        }
    }
    Ok(findings)
}
