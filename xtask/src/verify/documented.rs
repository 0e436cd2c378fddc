//! Every external dependency has a line in `docs/dependencies.md` that says why it is there.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Context;

use super::{Findings, Subject};

const PAGE: &str = "docs/dependencies.md";

/// The crates that manifests name and those in the first column of the page's tables must be the same.
pub fn check(subject: &Subject<'_>) -> anyhow::Result<Findings> {
    let page = fs::read_to_string(subject.workspace.root.join(PAGE)).context(PAGE)?;
    let explained = explained_in(&page);
    let own: BTreeSet<&str> = subject.members.iter().map(|member| member.name.as_str()).collect();
    let named: BTreeSet<&str> = subject
        .members
        .iter()
        .flat_map(|member| &member.dependencies)
        .map(|dependency| dependency.package.as_str())
        .filter(|name| !own.contains(name))
        .collect();
    let missing = named.difference(&explained).map(|name| format!("{PAGE} does not say why {name} is there"));
    let gone =
        explained.difference(&named).map(|name| format!("{PAGE} explains {name}, which no manifest names"));
    Ok(missing.chain(gone).collect())
}

/// The names in backticks in the first column of tables.
fn explained_in(page: &str) -> BTreeSet<&str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.flat_map(|names| names.split('`').skip(1).step_by(2)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_from_the_first_column() {
        let page =
            "Text on `serde`.\n\n| crate | why |\n| --- | --- |\n| `http`, `http-body` | for `hyper` |\n";
        assert_eq!(explained_in(page), BTreeSet::from(["http", "http-body"]));
    }
}
