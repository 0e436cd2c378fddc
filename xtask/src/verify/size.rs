//! A file tells one story and a function does one thing: both stay short, or say why they are not.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, bail};

use super::{Findings, Subject};

/// Lines of a file before its unit tests.
const FILE_LINES: usize = 400;
/// Lines of a function, with its signature and its last brace.
const FUNCTION_LINES: usize = 60;
/// Where longer ones are allowed, each with its own limit and its reason.
const ALLOWANCES: &str = ".ci/size-allowances.txt";

/// Measures all shipped code that people wrote.
pub fn check(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    let root = &subject.workspace.root;
    let text = fs::read_to_string(root.join(ALLOWANCES)).context(ALLOWANCES)?;
    let mut allowances = read_allowances(&text)?;
    let mut findings = Findings::new();
    for source in subject.sources.iter().filter(|source| source.is_shipped() && !source.is_generated()) {
        let file = source.name(root);
        let lines = source.lines_before_tests();
        let mut measured = vec![(file.clone(), lines.len(), FILE_LINES)];
        let functions = functions(&lines).into_iter();
        measured.extend(functions.map(|(name, length)| (format!("{file}::{name}"), length, FUNCTION_LINES)));
        for (name, length, budget) in measured.into_iter().filter(|(_, length, budget)| length > budget) {
            let limit = allowances.remove(&name).unwrap_or(budget);
            if length > limit {
                findings.push(format!("{name} has {length} lines, {limit} are allowed"));
            }
        }
    }
    let needless = allowances.into_keys().map(|name| format!("{ALLOWANCES}: {name} needs no allowance"));
    findings.extend(needless);
    Ok(findings)
}

/// Reads lines such as `core/src/a.rs::name 70 one table that would not gain from being cut`.
fn read_allowances(text: &str) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut allowances = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (name, limit) = (words.next(), words.next().and_then(|limit| limit.parse().ok()));
        let (Some(name), Some(limit), Some(_reason)) = (name, limit, words.next()) else {
            bail!("{ALLOWANCES}: `{line}` is not a path, a number of lines and a reason");
        };
        allowances.insert(name.to_owned(), limit);
    }
    Ok(allowances)
}

/// The names and lengths of the functions in formatted code, where a function that begins at some
/// indentation ends with the first brace at the same one.
fn functions(lines: &[&str]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let end = lines[start..].iter().position(|line| {
            line.strip_prefix(indentation)
                .is_some_and(|rest| rest == "}" || rest.ends_with(';') && !rest.starts_with(' '))
        });
        found.push((name.to_owned(), end.map_or(1, |end| end + 1)));
    }
    found
}

/// The name of the function that begins on this line.
fn function_name(line: &str) -> Option<&str> {
    const QUALIFIERS: [&str; 6] = ["pub", "pub(crate)", "pub(super)", "async", "const", "extern"];
    let mut words = line.split_whitespace().skip_while(|word| QUALIFIERS.contains(word) || *word == "\"C\"");
    if words.next() != Some("fn") {
        return None;
    }
    words.next()?.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(code: &str) -> Vec<(String, usize)> {
        functions(&code.lines().collect::<Vec<_>>())
    }

    #[test]
    fn functions_are_measured_from_signature_to_brace() {
        let code = "pub async fn outer<T>(\n    a: T,\n) -> T {\n    let b = {\n        a\n    };\n    b\n}\n\n\
                    impl S {\n    pub(crate) fn inner(&self) {\n        call(self);\n    }\n}\n";
        assert_eq!(measured(code), [("outer".to_owned(), 8), ("inner".to_owned(), 3)]);
    }

    #[test]
    fn a_required_method_is_as_long_as_its_signature() {
        let code = "trait T {\n    fn one(&self);\n    fn two(\n        &self,\n    ) -> u8;\n    fn three() {\n    }\n}\n";
        let expected = [("one".to_owned(), 1), ("two".to_owned(), 3), ("three".to_owned(), 2)];
        assert_eq!(measured(code), expected);
    }

    #[test]
    fn an_allowance_has_a_limit_and_a_reason() {
        let text = "# what is long\n\ncore/src/a.rs::walk 75 one match over all states\n";
        assert_eq!(read_allowances(text).unwrap()["core/src/a.rs::walk"], 75);
        assert!(read_allowances("core/src/a.rs 500").is_err());
    }
}
