//! The Rust files of the workspace.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::members::Member;

/// A Rust file.
pub struct Source {
    /// The package that it belongs to.
    pub package: String,
    /// The folder of that package.
    pub folder: PathBuf,
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

impl Source {
    /// Its path from the workspace's root on, with which it is named to people.
    pub fn name(&self, root: &Path) -> String {
        self.path.strip_prefix(root).unwrap_or(&self.path).display().to_string()
    }

    /// Whether a program wrote it, as its first line says.
    pub fn is_generated(&self) -> bool {
        self.text.lines().next().is_some_and(|line| line.contains("@generated"))
    }

    /// Whether it is part of what users of the package get, as opposed to its tests and examples.
    pub fn is_shipped(&self) -> bool {
        let in_src = self.path.starts_with(self.folder.join("src"));
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let within = self.path.strip_prefix(&self.folder).unwrap_or(&self.path);
        let in_tests = within.components().any(|part| part.as_os_str() == "tests");
        in_src && !in_tests && stem != "tests" && !stem.ends_with("_tests")
    }

    /// The lines before the unit tests. That tests in another file are declared ends nothing.
    pub fn lines_before_tests(&self) -> Vec<&str> {
        let lines: Vec<&str> = self.text.lines().collect();
        let begin = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].ends_with('{');
        let end = lines.windows(2).position(begin).unwrap_or(lines.len());
        lines[..end].to_vec()
    }
}

/// Every Rust file of every member, in the order of their paths.
pub fn sources(members: &[Member]) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for member in members {
        let mut folders = vec![member.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let path = entry?.path();
                // A nested folder with a manifest is another member.
                if path.is_dir() && !path.join("Cargo.toml").exists() && !path.ends_with("target") {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                    let (package, folder) = (member.name.clone(), member.folder.clone());
                    sources.push(Source { package, folder, path, text });
                }
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { package: "p".into(), folder: "/w/p".into(), path: path.into(), text: text.into() }
    }

    #[test]
    fn tests_are_not_shipped() {
        for (path, shipped) in [
            ("/w/p/src/lib.rs", true),
            ("/w/p/src/queue/mod.rs", true),
            ("/w/p/src/tests.rs", false),
            ("/w/p/src/queue_tests.rs", false),
            ("/w/p/src/queue/tests/slow.rs", false),
            ("/w/p/tests/all.rs", false),
            ("/w/p/benches/all.rs", false),
        ] {
            assert_eq!(source(path, "").is_shipped(), shipped, "{path}");
        }
    }

    #[test]
    fn lines_count_up_to_tests_but_not_only_to_their_declaration() {
        let text = "#[cfg(test)]\nmod queue_tests;\nmod a;\n\n#[cfg(test)]\nmod tests {\n}\n";
        let expected = ["#[cfg(test)]", "mod queue_tests;", "mod a;", ""];
        assert_eq!(source("/w/p/src/lib.rs", text).lines_before_tests(), expected);
    }
}
