//! The machine's packet filter: what leaves the cluster is translated, what is forwarded for it is accepted.

use std::io;
use std::process::{ExitStatus, Stdio};

use bireme_core::network::{Cidr, NetworkError};
use tokio::process::Command;

use crate::host_ports;
use crate::refusal::Refusal as _;

/// Where Docker has others put their rules, ahead of its own and of the policy "drop" that it sets.
const DOCKER_CHAIN: &str = "DOCKER-USER";
/// Where the rules go on a machine without Docker.
const FORWARD_CHAIN: &str = "FORWARD";

/// A program of the machine's firewall did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    #[error("{program} cannot be started")]
    Start { program: &'static str, source: io::Error },
    #[error("{program} ended with {status}: {message}")]
    Failed { program: &'static str, status: ExitStatus, message: String },
}

/// The rules for one cluster on this machine.
pub(crate) struct Firewall {
    table: String,
    range: Cidr,
}

impl Firewall {
    /// `name` tells the cluster's rules from those of others.
    pub(crate) fn new(name: &str, range: Cidr) -> Self {
        Self { table: format!("{name}-pods"), range }
    }

    /// The table that all rules are in but those that others' chains need.
    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    /// Puts the rules in place. Idempotent; touches no rule of anybody else.
    pub(crate) async fn ensure(&self) -> Result<(), NetworkError> {
        run("nft", &[&self.translation()]).await.refused("set the table", &self.table)?;
        let Some(present) = filter_rules().await? else { return Ok(()) };
        let chain =
            if present.lines().any(|line| line == "-N DOCKER-USER") { DOCKER_CHAIN } else { FORWARD_CHAIN };
        for rule in self.accepting() {
            if !present.lines().any(|line| line == rule.listed(chain)) {
                // At the head, because Docker's chain may end in a RETURN and the other in a drop.
                rule.apply("-I", chain).await?;
            }
        }
        Ok(())
    }

    /// Takes the rules away again. Idempotent.
    pub(crate) async fn remove(&self) -> Result<(), NetworkError> {
        // Declaring the table first makes its removal succeed also where there is none.
        let table = &self.table;
        run("nft", &[&format!("add table ip {table}; delete table ip {table}")])
            .await
            .refused("remove the table", table)?;
        let Some(present) = filter_rules().await? else { return Ok(()) };
        for rule in self.accepting() {
            for chain in [DOCKER_CHAIN, FORWARD_CHAIN] {
                for _ in present.lines().filter(|line| *line == rule.listed(chain)) {
                    rule.apply("-D", chain).await?;
                }
            }
        }
        Ok(())
    }

    /// One transaction that leaves the table as it must be, whatever it was.
    fn translation(&self) -> String {
        let Self { table, range } = self;
        format!(
            "add table ip {table}; \
             add chain ip {table} postrouting {{ type nat hook postrouting priority srcnat; policy accept; }}; \
             flush chain ip {table} postrouting; \
             {}add rule ip {table} postrouting ip saddr {range} ip daddr != {range} masquerade{}",
            host_ports::frame(table),
            host_ports::hairpin_rule(table),
        )
    }

    fn accepting(&self) -> [Accept<'_>; 2] {
        [Accept { side: "-s", firewall: self }, Accept { side: "-d", firewall: self }]
    }
}

/// The rule that lets through what comes from (`-s`) or goes to (`-d`) a pod.
struct Accept<'a> {
    side: &'static str,
    firewall: &'a Firewall,
}

impl Accept<'_> {
    /// The rule as `iptables -S` prints it.
    fn listed(&self, chain: &str) -> String {
        let Firewall { table, range } = self.firewall;
        format!("-A {chain} {} {range} -m comment --comment {table} -j ACCEPT", self.side)
    }

    async fn apply(&self, operation: &str, chain: &str) -> Result<(), NetworkError> {
        let Firewall { table, range } = self.firewall;
        let range = range.to_string();
        let rule = [self.side, &range, "-m", "comment", "--comment", table, "-j", "ACCEPT"];
        run("iptables", &[&["-w", operation, chain], &rule[..]].concat())
            .await
            .map(drop)
            .refused("change the chain", chain)
    }
}

/// All rules of the filter table as `iptables -S` prints them; `None` where iptables is not installed, and so
/// nothing can have set the policy that the rules are there for.
async fn filter_rules() -> Result<Option<String>, NetworkError> {
    match run("iptables", &["-w", "-S"]).await {
        Ok(rules) => Ok(Some(rules)),
        Err(ProgramError::Start { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            tracing::debug!("iptables is not installed; forwarded packets meet no rules of its kind");
            Ok(None)
        }
        Err(error) => Err(error).refused("list the chain", FORWARD_CHAIN),
    }
}

pub(crate) async fn run(program: &'static str, arguments: &[&str]) -> Result<String, ProgramError> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| ProgramError::Start { program, source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ProgramError::Failed { program, status: output.status, message })
}
