//! The Python client of Kubernetes, in a virtual environment below `.bireme/tools`: the machine's own Python stays
//! as it is.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::console::step;
use crate::process;
use crate::workspace::Workspace;

/// What is installed; another requirement makes the environment anew.
const REQUIREMENT: &str = "kubernetes==37.*";

/// The path of a Python that has the client, fetched if it is not here.
pub fn ensure(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = workspace.state("tools/python")?;
    let (python, complete) = (folder.join("bin/python"), folder.join("complete"));
    // Written last, so that an environment that was interrupted in the making is no environment.
    if fs::read_to_string(&complete).is_ok_and(|installed| installed == REQUIREMENT) {
        return Ok(python);
    }
    step("fetching the Python client of Kubernetes");
    process::output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", REQUIREMENT]);
    process::output(&mut pip)?;
    fs::write(complete, REQUIREMENT)?;
    Ok(python)
}
