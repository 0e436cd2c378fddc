//! What a person sees first.

use std::io::Write as _;

use bireme::Cluster;

/// Says where the API is and what to try; programs look for the `export KUBECONFIG=` line.
pub(crate) fn print(cluster: &Cluster, what: &str, state: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let url = cluster.url().unwrap_or_default();
    writeln!(out, "bireme {}: Kubernetes API at {url}, {what}, {state}", env!("CARGO_PKG_VERSION"),)?;
    if let Some(kubeconfig) = cluster.kubeconfig() {
        writeln!(out, "export KUBECONFIG={}", kubeconfig.display())?;
    }
    writeln!(out, "try: kubectl get nodes; kubectl get pods --all-namespaces --output wide")?;
    out.flush()?;
    Ok(())
}
