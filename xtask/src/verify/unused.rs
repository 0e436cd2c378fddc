//! Every dependency that a manifest names must be named by the code too.

use super::tree::Source;
use super::{Findings, Subject};

/// Looks for each dependency's identifier as a word in the package's files.
pub fn check(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    let mut findings = Findings::new();
    for member in &subject.members {
        let own: Vec<&Source> =
            subject.sources.iter().filter(|source| source.package == member.name).collect();
        for dependency in &member.dependencies {
            let seen = own.iter().any(|source| has_word(&source.text, &dependency.identifier));
            if !seen && !member.deliberately_unused.contains(&dependency.package) {
                findings.push(format!("{} does not use {}", member.name, dependency.package));
            }
        }
    }
    Ok(findings)
}

/// Whether `word` is in `text` outside comments, neither within a longer identifier nor after `::`.
fn has_word(text: &str, word: &str) -> bool {
    let part_of_name = |character: char| character.is_alphanumeric() || character == '_';
    text.lines().map(str::trim_start).filter(|line| !line.starts_with("//")).any(|line| {
        line.match_indices(word).any(|(start, _)| {
            let (before, after) = (&line[..start], &line[start + word.len()..]);
            !before.ends_with(part_of_name) && !before.ends_with("::") && !after.starts_with(part_of_name)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_used_when_a_path_or_an_attribute_names_it() {
        assert!(has_word("use serde_json::Value;", "serde_json"));
        assert!(has_word("    #[async_trait]", "async_trait"));
        assert!(!has_word("use serde_json::Value;", "serde"));
        assert!(!has_word("// tokio runs this", "tokio"));
        assert!(!has_word("use tokio::time::bytes;", "bytes"));
    }
}
