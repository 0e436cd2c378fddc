//! The files that every container of a pod finds in `/etc`: who it is, whom it knows and whom it asks.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use k8s_openapi::api::core::v1::{Pod, PodDNSConfig};

use super::pod_folder;
use crate::environment::PodFacts;
use crate::host::Files;
use crate::pod::declared;

/// The most that is read of a file of the node.
const LIMIT: u64 = 1 << 16;

/// What the node knows of names.
pub(crate) struct Dns<'a> {
    /// The cluster's name servers.
    pub(crate) servers: &'a [IpAddr],
    /// The cluster's domain.
    pub(crate) domain: &'a str,
    /// The node's name.
    pub(crate) node: &'a str,
}

/// The host name inside the pod: the node's if the pod uses its network, else what it asks for, else its own.
pub(crate) fn hostname(pod: &Pod, node: &str) -> String {
    let own = || pod.metadata.name.clone().unwrap_or_default();
    let name = match &declared::spec(pod).hostname {
        _ if declared::uses_host_network(pod) => node.to_owned(),
        Some(hostname) if !hostname.is_empty() => hostname.clone(),
        Some(_) | None => own(),
    };
    // The kernel's limit; a cut must not end in a separator.
    name.chars().take(63).collect::<String>().trim_end_matches(['-', '.']).to_owned()
}

/// Writes the pod's `hosts`, `hostname` and `resolv.conf`, in place.
pub(crate) async fn write_etc(
    uid: &str,
    facts: &PodFacts<'_>,
    dns: &Dns<'_>,
    files: &dyn Files,
) -> io::Result<()> {
    let pod = facts.pod;
    let folder = pod_folder(uid);
    let node_hosts = match declared::uses_host_network(pod) {
        true => text(files, "/etc/hosts").await?,
        false => String::new(),
    };
    let name = hostname(pod, dns.node);
    let resolver = text(files, "/etc/resolv.conf").await?;
    let contents = [
        ("etc-hosts", hosts(facts, dns, &node_hosts)),
        ("hostname", format!("{name}\n")),
        ("resolv.conf", resolv_conf(pod, dns, &resolver)),
    ];
    for (file, content) in contents {
        files.write(&folder.join(file), content.into_bytes(), 0o644).await?;
    }
    Ok(())
}

async fn text(files: &dyn Files, path: &str) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&files.read_end(Path::new(path), LIMIT).await?).into_owned())
}

/// The names that are known without asking. A pod in the node's network knows what the node does.
pub(super) fn hosts(facts: &PodFacts<'_>, dns: &Dns<'_>, node_hosts: &str) -> String {
    let spec = declared::spec(facts.pod);
    let mut text = String::new();
    if declared::uses_host_network(facts.pod) {
        text.push_str(node_hosts);
    } else {
        text.push_str(
            "# Written by the kubelet.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
        );
        text.push_str("fe00::0\tip6-localnet\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
        if let Some(address) = facts.address {
            text.push_str(&format!("{address}\t{}\n", own_names(facts.pod, dns)));
        }
    }
    for alias in spec.host_aliases.iter().flatten() {
        text.push_str(&format!("{}\t{}\n", alias.ip, alias.hostnames.clone().unwrap_or_default().join("\t")));
    }
    text
}

fn own_names(pod: &Pod, dns: &Dns<'_>) -> String {
    let name = hostname(pod, dns.node);
    match declared::spec(pod).subdomain.as_deref().filter(|subdomain| !subdomain.is_empty()) {
        Some(subdomain) => {
            let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
            format!("{name}.{subdomain}.{namespace}.svc.{}\t{name}", dns.domain)
        }
        None => name,
    }
}

/// A resolver configuration in parts.
#[derive(Default)]
struct Resolver {
    servers: Vec<String>,
    searches: Vec<String>,
    options: Vec<String>,
}

impl Resolver {
    fn parse(text: &str) -> Self {
        let mut resolver = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let keyword = words.next().unwrap_or_default();
            let words = words.map(str::to_owned);
            match keyword {
                "nameserver" => resolver.servers.extend(words.take(1)),
                // The last line counts.
                "search" | "domain" => resolver.searches = words.collect(),
                "options" => resolver.options.extend(words),
                _ => {}
            }
        }
        resolver
    }

    fn cluster(pod: &Pod, dns: &Dns<'_>, node: Self) -> Self {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let domain = dns.domain;
        let own = [format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.to_owned()];
        Self {
            servers: dns.servers.iter().map(ToString::to_string).collect(),
            searches: own.into_iter().chain(node.searches).collect(),
            options: vec!["ndots:5".to_owned()],
        }
    }

    fn add(&mut self, config: &PodDNSConfig) {
        let new = |known: &mut Vec<String>, more: Option<&Vec<String>>| {
            for one in more.into_iter().flatten() {
                if !known.contains(one) {
                    known.push(one.clone());
                }
            }
        };
        new(&mut self.servers, config.nameservers.as_ref());
        new(&mut self.searches, config.searches.as_ref());
        for option in config.options.iter().flatten() {
            let Some(name) = &option.name else { continue };
            // The pod's own value takes the place of an earlier one.
            self.options.retain(|known| known.split(':').next() != Some(name));
            self.options.push(option.value.as_ref().map_or(name.clone(), |value| format!("{name}:{value}")));
        }
    }

    fn text(&self) -> String {
        let mut text: String = self.servers.iter().map(|server| format!("nameserver {server}\n")).collect();
        for (keyword, words) in [("search", &self.searches), ("options", &self.options)] {
            if !words.is_empty() {
                text.push_str(&format!("{keyword} {}\n", words.join(" ")));
            }
        }
        text
    }
}

/// The pod's resolver configuration, by its `dnsPolicy` and `dnsConfig`.
pub(super) fn resolv_conf(pod: &Pod, dns: &Dns<'_>, node: &str) -> String {
    let spec = declared::spec(pod);
    let policy = spec.dns_policy.as_deref().unwrap_or("ClusterFirst");
    let of_cluster = match policy {
        "ClusterFirst" => !declared::uses_host_network(pod),
        "ClusterFirstWithHostNet" => true,
        _ => false,
    };
    let mut resolver = match policy {
        "None" => Resolver::default(),
        _ if of_cluster && !dns.servers.is_empty() => Resolver::cluster(pod, dns, Resolver::parse(node)),
        _ => Resolver::parse(node),
    };
    spec.dns_config.iter().for_each(|config| resolver.add(config));
    resolver.text()
}
