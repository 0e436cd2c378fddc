//! Where the sources of the two crates lie, and how they are read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The source folders of `k8s-pb` and `k8s-openapi`.
pub struct Sources {
    protobuf: PathBuf,
    openapi: PathBuf,
}

/// A message as `k8s-pb` declares it.
#[derive(Debug)]
pub struct Declared {
    pub fields: Vec<DeclaredField>,
}

/// One field of it: its number, the Rust name and type, and what prost's attribute says.
#[derive(Debug)]
pub struct DeclaredField {
    pub number: u32,
    pub name: String,
    pub rust_type: String,
    pub attribute: String,
}

/// The fields of a type in JSON, by their names without case and underscores; whether each is always there.
pub type JsonNames = BTreeMap<String, (String, bool)>;

/// The form in which names of both crates can be compared: theirs differ in case and underscores only.
pub fn plain(name: &str) -> String {
    name.trim_start_matches("r#").chars().filter(|c| *c != '_').collect::<String>().to_lowercase()
}

/// The triple of this machine, as the compiler names it.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    told.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

impl Sources {
    pub fn locate() -> Sources {
        // Only what this machine builds with has surely been fetched.
        let platform = format!("--filter-platform={}", host());
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--offline", &platform])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let folder = |name: &str| {
            let packages = metadata["packages"].as_array().unwrap();
            let package = packages.iter().find(|package| package["name"] == name).unwrap();
            Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().join("src")
        };
        let version = format!("v{}", env!("K8S_OPENAPI_ENABLED_VERSION").replace('.', "_"));
        Sources { protobuf: folder("k8s-pb"), openapi: folder("k8s-openapi").join(version) }
    }

    /// The messages of a module such as `api::core::v1`.
    pub fn messages(&self, module: &str) -> BTreeMap<String, Declared> {
        let path = self.protobuf.join(module.replace("::", "/")).join("mod.rs");
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut messages = BTreeMap::new();
        let mut current: Option<(String, Declared)> = None;
        let mut attribute = String::new();
        for line in joined(&text) {
            if let Some(rest) = line.strip_prefix("pub struct ") {
                let name = rest.trim_end_matches(" {").trim_end_matches(" {}").to_owned();
                messages.extend(current.replace((name, Declared { fields: Vec::new() })));
            } else if let Some(rest) = line.strip_prefix("#[prost(") {
                attribute = rest.trim_end_matches(")]").to_owned();
            } else if let (Some(rest), Some((_, message))) = (line.strip_prefix("pub "), &mut current)
                && let Some((name, rust_type)) = rest.split_once(':')
            {
                let (_, tag) = attribute.split_once("tag = \"").unwrap();
                let number = tag.trim_end_matches('"').parse().unwrap();
                let rust_type = rust_type.trim().trim_end_matches(',').to_owned();
                let attribute = std::mem::take(&mut attribute);
                message.fields.push(DeclaredField { number, name: name.to_owned(), rust_type, attribute });
            }
        }
        messages.extend(current);
        messages
    }

    /// The names in JSON of a type's fields; none when the public API has no such type.
    pub fn json_names(&self, module: &str, name: &str) -> Option<JsonNames> {
        let folder = self.openapi.join(module.replace("::", "/"));
        let file = std::fs::read_dir(&folder).ok()?.find_map(|entry| {
            let path = entry.unwrap().path();
            let stem = path.file_stem()?.to_str()?.to_owned();
            (plain(&stem) == plain(name)).then_some(path)
        })?;
        let text = std::fs::read_to_string(file).unwrap();
        let body = text.split_once("\npub struct ")?.1.split_once("\n}")?.0;
        let declared = body.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": "));
        let required: BTreeMap<String, bool> =
            declared.map(|(name, rust_type)| (plain(name), !rust_type.starts_with("Option<"))).collect();
        let keys =
            text.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" => Field::Key_"));
        Some(
            keys.map(|(json, _)| {
                let plain_name = plain(json);
                let always = required.get(&plain_name).copied().unwrap_or(false);
                (plain_name, (json.to_owned(), always))
            })
            .collect(),
        )
    }
}

/// The lines of a source, with each field's declaration on one of them.
fn joined(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim) {
        match lines.last_mut() {
            Some(open) if open.starts_with("pub ") && !open.ends_with([',', '{', '}', ';']) => {
                open.push_str(line)
            }
            Some(open)
                if open.starts_with("pub ") && open.matches('<').count() > open.matches('>').count() =>
            {
                open.push_str(line);
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}
