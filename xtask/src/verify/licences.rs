//! Everything that bireme is built from may be used under terms that go with Apache-2.0.

use super::{Findings, Subject};

/// Licences, as SPDX names them, that ask for no more than their text to be passed on.
const ACCEPTED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Each package's licence expression must be satisfiable with [`ACCEPTED`].
pub fn check(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    let packages = subject.metadata["packages"].as_array().into_iter().flatten();
    let mut findings = Findings::new();
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("none named");
        if !is_accepted(licence) {
            findings.push(format!("{} is under `{licence}`", package["name"]));
        }
    }
    Ok(findings)
}

/// Whether an expression such as `(MIT OR GPL-2.0) AND ISC` can be met. `OR` is also written `/`.
fn is_accepted(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest) && rest.is_empty()
}

fn any_of(words: &mut &[&str]) -> bool {
    let mut accepted = all_of(words);
    while let ["OR", rest @ ..] = words {
        *words = rest;
        accepted |= all_of(words);
    }
    accepted
}

fn all_of(words: &mut &[&str]) -> bool {
    let mut accepted = one(words);
    while let ["AND", rest @ ..] = words {
        *words = rest;
        accepted &= one(words);
    }
    accepted
}

fn one(words: &mut &[&str]) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let accepted = any_of(words);
            let closed = matches!(*words, [")", ..]);
            *words = words.get(1..).unwrap_or_default();
            accepted && closed
        }
        [name, "WITH", exception, rest @ ..] => {
            *words = rest;
            ACCEPTED.contains(name) || ACCEPTED.contains(&format!("{name} WITH {exception}").as_str())
        }
        [name, rest @ ..] => {
            *words = rest;
            ACCEPTED.contains(name)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_accepted_when_one_side_is_and_a_sum_when_both_are() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-2.0) AND ISC",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        ] {
            assert!(is_accepted(good), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "none named", "(MIT", ""] {
            assert!(!is_accepted(bad), "{bad}");
        }
    }
}
