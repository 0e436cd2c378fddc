//! Which Debian archive this machine installs from, so that another release's packages come from there too.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// An archive and the key that signs it.
#[derive(Debug, PartialEq)]
pub struct Archive {
    uri: String,
    signed_by: Option<String>,
}

impl Archive {
    /// The archive that this machine's own release comes from.
    pub fn of_this_machine() -> anyhow::Result<Archive> {
        let release = fs::read_to_string("/etc/os-release").context("/etc/os-release")?;
        let codename = os_release_value(&release, "VERSION_CODENAME")
            .filter(|_| os_release_value(&release, "ID") == Some("debian"))
            .context("this is not a Debian release")?;
        for path in source_files(Path::new("/etc/apt"))? {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let found = match path.extension().is_some_and(|extension| extension == "sources") {
                true => in_stanzas(&text, codename),
                false => in_lines(&text, codename),
            };
            if let Some(archive) = found {
                return Ok(archive);
            }
        }
        anyhow::bail!("/etc/apt names no archive for {codename}")
    }

    /// A `.sources` file for another release in the same archive.
    pub fn sources_for(&self, suite: &str) -> String {
        let signed_by = self.signed_by.as_ref().map(|key| format!("Signed-By: {key}\n")).unwrap_or_default();
        format!("Types: deb\nURIs: {}\nSuites: {suite}\nComponents: main\n{signed_by}", self.uri)
    }
}

fn source_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![folder.join("sources.list")];
    let parts = folder.join("sources.list.d");
    for entry in fs::read_dir(&parts).with_context(|| parts.display().to_string())? {
        files.push(entry?.path());
    }
    let known = |path: &PathBuf| path.extension().is_some_and(|end| end == "list" || end == "sources");
    files.retain(|path| known(path) && path.is_file());
    files.sort();
    Ok(files)
}

fn os_release_value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim_matches('"'))
}

/// The deb822 form, see sources.list(5).
fn in_stanzas(text: &str, codename: &str) -> Option<Archive> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.split(|line| line.trim().is_empty()).find_map(|stanza| {
        let field = |name: &str| {
            stanza.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        let lists = |name: &str, word: &str| {
            field(name).is_some_and(|value| value.split_whitespace().any(|each| each == word))
        };
        let enabled = field("Enabled") != Some("no");
        (enabled && lists("Types", "deb") && lists("Suites", codename) && lists("Components", "main"))
            .then(|| field("URIs")?.split_whitespace().next())
            .flatten()
            .map(|uri| Archive { uri: uri.to_owned(), signed_by: field("Signed-By").map(str::to_owned) })
    })
}

/// The one-line form: `deb [options] uri suite component...`.
fn in_lines(text: &str, codename: &str) -> Option<Archive> {
    text.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("deb ")?.trim();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split_whitespace();
        let (uri, suite) = (words.next()?, words.next()?);
        let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
        (suite == codename && words.any(|component| component == "main"))
            .then(|| Archive { uri: uri.to_owned(), signed_by: signed_by.map(str::to_owned) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(uri: &str, key: Option<&str>) -> Option<Archive> {
        Some(Archive { uri: uri.into(), signed_by: key.map(Into::into) })
    }

    #[test]
    fn the_archive_of_the_release_is_found_among_stanzas() {
        let text = "Types: deb\nURIs: http://one/security\nSuites: bookworm-security\nComponents: main\n\n\
                    Types: deb\nEnabled: no\nURIs: http://two/debian\nSuites: bookworm\nComponents: main\n\n\
                    # a comment\nTypes: deb\n# another\nURIs: http://three/debian\n\
                    Suites: bookworm bookworm-updates\nComponents: main contrib\nSigned-By: /key.gpg\n";
        assert_eq!(in_stanzas(text, "bookworm"), archive("http://three/debian", Some("/key.gpg")));
        assert_eq!(in_stanzas(text, "trixie"), None);
    }

    #[test]
    fn the_archive_of_the_release_is_found_among_lines() {
        let text = "# deb http://no/debian bookworm main\ndeb-src http://no/debian bookworm main\n\
                    deb http://no/debian bookworm contrib\n\
                    deb [arch=amd64 signed-by=/key.gpg] http://yes/debian bookworm main\n";
        assert_eq!(in_lines(text, "bookworm"), archive("http://yes/debian", Some("/key.gpg")));
        assert_eq!(
            in_lines("deb http://plain/debian trixie main", "trixie"),
            archive("http://plain/debian", None)
        );
    }

    #[test]
    fn another_release_comes_from_the_same_archive_with_the_same_key() {
        let text = archive("http://a/debian", Some("/key.gpg")).unwrap().sources_for("trixie");
        assert_eq!(in_stanzas(&text, "trixie"), archive("http://a/debian", Some("/key.gpg")));
    }
}
