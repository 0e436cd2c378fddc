//! The workspace's crates, as `cargo metadata` describes them.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;

/// A crate of the workspace.
pub struct Member {
    /// The package's name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What its manifest names.
    pub dependencies: Vec<Dependency>,
    /// Dependencies that are there for their features or for cargo alone, named in the manifest under
    /// `package.metadata.cargo-machete.ignored`, which cargo-machete reads too.
    pub deliberately_unused: Vec<String>,
}

/// One line of a manifest.
pub struct Dependency {
    /// The package's name.
    pub package: String,
    /// The name that the code uses, with underscores.
    pub identifier: String,
    /// Whether only tests, examples and benches see it.
    pub for_tests: bool,
}

/// The members in the order of their names.
pub fn read(metadata: &Value) -> anyhow::Result<Vec<Member>> {
    let ids = metadata["workspace_members"].as_array().context("cargo metadata names no members")?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let own = packages.iter().filter(|package| ids.contains(&package["id"]));
    let mut members: Vec<Member> =
        own.map(member).collect::<Option<_>>().context("a package of cargo metadata's")?;
    members.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(members)
}

fn member(package: &Value) -> Option<Member> {
    let manifest = PathBuf::from(package["manifest_path"].as_str()?);
    let ignored = package["metadata"]["cargo-machete"]["ignored"].as_array();
    Some(Member {
        name: package["name"].as_str()?.to_owned(),
        folder: manifest.parent()?.to_path_buf(),
        dependencies: package["dependencies"].as_array()?.iter().map(dependency).collect::<Option<_>>()?,
        deliberately_unused: ignored
            .into_iter()
            .flatten()
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect(),
    })
}

fn dependency(value: &Value) -> Option<Dependency> {
    let package = value["name"].as_str()?;
    Some(Dependency {
        package: package.to_owned(),
        identifier: value["rename"].as_str().unwrap_or(package).replace('-', "_"),
        for_tests: value["kind"] == "dev",
    })
}
