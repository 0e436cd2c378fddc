//! What `ARCHITECTURE.md` names is there: files, folders, and the tests that hold the invariants.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::{Findings, Subject};

const PAGE: &str = "ARCHITECTURE.md";

/// No path that the page names is missing, and no test.
pub fn check(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    let root = &subject.workspace.root;
    let page = fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    let (paths, tests) = (paths_in(&page), tests_in(&page));
    let missing = paths.into_iter().filter(|path| !root.join(path).exists());
    let unknown = tests.into_iter().filter(|test| {
        let (plain, empty) = (format!("fn {test}("), format!("fn {test}<"));
        !subject.sources.iter().any(|source| source.text.contains(&plain) || source.text.contains(&empty))
    });
    Ok(missing.chain(unknown).map(|name| format!("{PAGE} names `{name}`, which is not there")).collect())
}

/// What stands in backticks.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names that begin with a folder.
fn paths_in(page: &str) -> Vec<&str> {
    let is_path = |name: &&str| {
        name.contains('/') && Path::new(name).is_relative() && !name.contains(|c: char| c.is_whitespace())
    };
    names_in(page).filter(is_path).collect()
}

/// The names in the second column of the invariants that are a function's.
fn tests_in(page: &str) -> Vec<&str> {
    let section = page.split("\n## ").find(|section| section.starts_with("Invariants\n")).unwrap_or_default();
    let is_function =
        |name: &&str| name.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
    let rows = section.lines().filter_map(|line| Some(line.strip_prefix("| ")?.split_once(" | ")?.1));
    rows.flat_map(names_in).filter(is_function).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_a_folder_and_nothing_else() {
        let page = "`core/` and `core/src/lib.rs`, `Arc`, `cargo doc -p a/b`, `/healthz`";
        assert_eq!(paths_in(page), ["core/", "core/src/lib.rs"]);
    }

    #[test]
    fn tests_are_named_in_the_second_column_of_the_invariants() {
        let page = "| `a_row` | `elsewhere` |\n\n## Invariants\n\n| what | held by |\n| --- | --- |\n\
                    | `Kind` is small | `it_is_small` (`core/a.rs`); `clippy.toml` |\n\n## Next\n\n| a | `b_c` |\n";
        assert_eq!(tests_in(page), ["it_is_small"]);
    }
}
