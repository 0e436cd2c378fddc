//! `bireme server`: the control plane alone.

use std::time::Duration;

use anyhow::Context as _;
use bireme::apiserver::Limits;
use bireme::apiserver::authenticate::StaticTokens;
use bireme::apiserver::pki::{Pki, kubeconfig};
use bireme::controllers::nodes::NodeTimings;
use bireme::{ApiAddress, Cluster, ClusterBuilder, Environment};

use crate::arguments::{NodeKubeconfigOptions, ServerOptions};
use crate::data::Data;
use crate::storage::Storage;
use crate::{banner, signals};

/// The file that says where the API is, for those who issue credentials beside the running server.
const URL_FILE: &str = "url";

pub(crate) async fn run(options: ServerOptions) -> anyhow::Result<()> {
    let env = Environment::system();
    let data = Data::open(&options.data)?;
    let storage = Storage::open(&options.storage, &data, &env).await?;
    let cluster = storage.under(builder(&options, &data, &env)?).start().await?;
    started(&cluster, &data)?;
    banner::print(&cluster, "no nodes of its own", &storage.description(&data))?;
    let ended = until_told(&cluster).await;
    cluster.stop().await;
    storage.close().await?;
    ended
}

/// Waits until the program is to end: by a signal, or, with an error, because another server leads.
pub(crate) async fn until_told(cluster: &Cluster) -> anyhow::Result<()> {
    tokio::select! {
        biased;
        ended = signals::ended() => ended,
        // As upstream: what this process knew belongs to the time when it led.
        () = cluster.leadership_lost() => anyhow::bail!("the lead is lost to another server; start this one again"),
    }
}

/// What `server` and `cluster` have in common.
pub(crate) fn builder(
    options: &ServerOptions,
    data: &Data,
    env: &Environment,
) -> anyhow::Result<ClusterBuilder> {
    let grace = Duration::from_secs(options.node_grace);
    let timings = NodeTimings { monitor_grace_period: grace, ..NodeTimings::default() };
    let api = ApiAddress {
        listen: options.listen.clone(),
        advertise: options.advertise,
        names: Vec::new(),
        folder: data.api_folder(),
    };
    let limits = Limits {
        requests_in_flight: options.max_requests_inflight,
        mutating_requests_in_flight: options.max_mutating_requests_inflight,
        ..Limits::default()
    };
    let kept = Some(options.terminated_pod_gc_threshold).filter(|kept| *kept > 0);
    let mut builder = Cluster::builder()
        .environment(env.clone())
        .api(api)
        .limits(limits)
        .node_timings(timings)
        .terminated_pods(kept);
    if let Some(file) = &options.token_auth_file {
        builder = builder.authenticator(StaticTokens::read(file)?);
    }
    Ok(builder)
}

/// Notes where the API is.
pub(crate) fn started(cluster: &Cluster, data: &Data) -> anyhow::Result<()> {
    let file = data.api_folder().join(URL_FILE);
    let url = cluster.url().unwrap_or_default();
    std::fs::write(&file, url).with_context(|| format!("cannot write {}", file.display()))
}

/// `bireme node-kubeconfig`: what an agent joins with.
pub(crate) fn node_kubeconfig(options: &NodeKubeconfigOptions) -> anyhow::Result<()> {
    let data = Data::existing(&options.data)?;
    let file = data.api_folder().join(URL_FILE);
    let missing = || format!("no server has been started with --data {}", data.folder.display());
    let url = std::fs::read_to_string(&file).with_context(missing)?;
    let pki = Pki::open(&data.api_folder(), &Environment::system(), &[])?;
    let credential = pki.node(&options.node)?;
    print!("{}", kubeconfig("bireme", url.trim(), pki.authority_pem(), &credential));
    Ok(())
}
