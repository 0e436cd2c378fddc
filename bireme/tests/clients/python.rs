//! The Python client, in an environment of its own: the one of the interpreter that `BIREME_TEST_PYTHON` names.
//! `cargo xtask test` makes it; where the variable is not set, the test says so and passes.

use std::process::Stdio;

use tokio::process::Command;

use crate::rig::{listening, within};

/// Names a Python that has the package `kubernetes`.
const VARIABLE: &str = "BIREME_TEST_PYTHON";

#[tokio::test]
async fn the_python_client_does_its_work() {
    let Some(python) = std::env::var_os(VARIABLE) else {
        eprintln!(
            "skipped: set {VARIABLE} to a Python that has the package kubernetes (`cargo xtask test` does)"
        );
        return;
    };
    let (cluster, folder) = listening().await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/client.py");
    let mut command = Command::new(python);
    command.arg(script).arg(cluster.kubeconfig().unwrap()).kill_on_drop(true);
    // Nothing of the machine's own settings: no proxy, no other kubeconfig.
    command.env_clear().env("HOME", folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = within(command.output()).await.unwrap();
    let [done, wrong] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{done}{wrong}");
    cluster.stop().await;
}
