//! NetworkPolicy: which pods may speak with which.

use bireme_core::error::Cause;
use bireme_core::network::Cidr;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::check::{Json, Path, default_text, one_of, port, port_number, required, selector, shown, text};
use crate::resource::{Column, Field, STORED_ONLY, Schema, Strategy};

const SPEC: Schema = Schema::of(&[
    Field::atomic("egress"),
    Field::atomic("ingress"),
    Field::atomic("podSelector"),
    Field::atomic("policyTypes"),
]);

impl Strategy for NetworkPolicy {
    const SINGULAR: &'static str = "networkpolicy";
    const SHORT_NAMES: &'static [&'static str] = &["netpol"];
    const HAS_GENERATION: bool = true;
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema = &Schema::of(&[Field::object("spec", &SPEC)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Pod-Selector", "Which pods the policy is for.", |policy, _| {
            let selector = policy.spec.as_ref().and_then(|spec| spec.pod_selector.as_ref());
            selector.map_or_else(|| "<none>".to_owned(), shown).into()
        }),
        Column::AGE,
    ];

    fn same_spec(&self, old: &Self) -> bool {
        self.spec == old.spec
    }

    /// A policy is one of what comes in, and of what goes out if it says anything about that.
    fn default(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        spec.pod_selector.get_or_insert_default();
        if spec.policy_types.as_ref().is_none_or(Vec::is_empty) {
            let goes_out = spec.egress.as_ref().is_some_and(|rules| !rules.is_empty());
            let types = ["Ingress", "Egress"].into_iter().take(if goes_out { 2 } else { 1 });
            spec.policy_types = Some(types.map(str::to_owned).collect());
        }
        let ingress = spec.ingress.iter_mut().flatten().map(|rule| &mut rule.ports);
        let egress = spec.egress.iter_mut().flatten().map(|rule| &mut rule.ports);
        for port in ingress.chain(egress).flat_map(|ports| ports.iter_mut().flatten()) {
            default_text(&mut port.protocol, "TCP");
        }
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        if let Some(spec) = &self.spec {
            check_spec(Path::root("spec"), spec, causes);
        }
    }
}

fn check_spec(path: Path<'_>, spec: &NetworkPolicySpec, causes: &mut Vec<Cause>) {
    if let Some(wanted) = &spec.pod_selector {
        selector(path.child("podSelector"), wanted, causes);
    }
    let list = path.child("ingress");
    for (index, rule) in spec.ingress.iter().flatten().enumerate() {
        let path = list.index(index);
        check_ports(path.child("ports"), rule.ports.as_deref(), causes);
        check_peers(path.child("from"), rule.from.as_deref(), causes);
    }
    let list = path.child("egress");
    for (index, rule) in spec.egress.iter().flatten().enumerate() {
        let path = list.index(index);
        check_ports(path.child("ports"), rule.ports.as_deref(), causes);
        check_peers(path.child("to"), rule.to.as_deref(), causes);
    }
    let (list, types) = (path.child("policyTypes"), spec.policy_types.as_deref().unwrap_or_default());
    if types.len() > 2 {
        causes.push(Cause::invalid(list, Json(&types), "may not specify more than two policyTypes"));
        return;
    }
    for (index, type_) in types.iter().enumerate() {
        one_of(list.index(index), type_, &["Ingress", "Egress"], causes);
    }
}

fn check_ports(path: Path<'_>, ports: Option<&[NetworkPolicyPort]>, causes: &mut Vec<Cause>) {
    for (index, item) in ports.unwrap_or_default().iter().enumerate() {
        let path = path.index(index);
        one_of(path.child("protocol"), text(&item.protocol), &["TCP", "UDP", "SCTP"], causes);
        if let Some(number) = &item.port {
            port(path.child("port"), number, causes);
        }
        let Some(end) = item.end_port else { continue };
        let path = path.child("endPort");
        match &item.port {
            Some(IntOrString::Int(first)) => {
                if end < *first {
                    causes.push(Cause::invalid(path, end, "must be greater than or equal to `port`"));
                }
                port_number(path, end.into(), causes);
            }
            Some(IntOrString::String(_)) => {
                causes.push(Cause::invalid(path, end, "may not be specified when `port` is non-numeric"));
            }
            None => {
                causes.push(Cause::invalid(path, end, "may not be specified when `port` is not specified"));
            }
        }
    }
}

fn check_peers(path: Path<'_>, peers: Option<&[NetworkPolicyPeer]>, causes: &mut Vec<Cause>) {
    for (index, peer) in peers.unwrap_or_default().iter().enumerate() {
        let path = path.index(index);
        let selectors =
            [("podSelector", &peer.pod_selector), ("namespaceSelector", &peer.namespace_selector)];
        for (field, wanted) in selectors {
            if let Some(wanted) = wanted {
                selector(path.child(field), wanted, causes);
            }
        }
        let selects = peer.pod_selector.is_some() || peer.namespace_selector.is_some();
        match &peer.ip_block {
            None if !selects => causes.push(Cause::required(path, "must specify a peer")),
            None => {}
            Some(block) => {
                check_block(path.child("ipBlock"), block, causes);
                if selects {
                    let why = "may not specify both ipBlock and another peer";
                    causes.push(Cause::forbidden(path, why));
                }
            }
        }
    }
}

fn check_block(path: Path<'_>, block: &IPBlock, causes: &mut Vec<Cause>) {
    required(path.child("cidr"), &block.cidr, causes);
    let Some(range) = cidr(path.child("cidr"), &block.cidr, causes) else { return };
    let list = path.child("except");
    for (index, except) in block.except.iter().flatten().enumerate() {
        let path = list.index(index);
        if let Some(inner) = cidr(path, except, causes)
            && (!range.contains_range(&inner) || range.prefix() >= inner.prefix())
        {
            causes.push(Cause::invalid(path, except, "must be a strict subset of `cidr`"));
        }
    }
}

/// The range that a text names. One whose address lies within it rather than at its beginning is allowed, too.
fn cidr(path: Path<'_>, text: &str, causes: &mut Vec<Cause>) -> Option<Cidr> {
    let parsed = text.split_once('/').and_then(|(address, prefix)| {
        let prefix = prefix.parse::<u8>().ok().filter(|_| prefix.bytes().all(|b| b.is_ascii_digit()))?;
        Cidr::new(address.parse().ok()?, prefix).ok()
    });
    if parsed.is_none() && !text.is_empty() {
        let why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        causes.push(Cause::invalid(path, text, why));
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, defaulted, row};
    use serde_json::{Value, json};

    fn policy(spec: Value) -> NetworkPolicy {
        defaulted(json!({
            "metadata": {"name": "wall", "creationTimestamp": "2026-01-01T11:59:00Z"}, "spec": spec,
        }))
    }

    #[test]
    fn a_policy_is_one_of_what_it_speaks_of() {
        let types = |spec: Value| policy(spec).spec.unwrap().policy_types.unwrap();
        assert_eq!(types(json!({"podSelector": {}})), ["Ingress"]);
        assert_eq!(types(json!({"podSelector": {}, "egress": [{}]})), ["Ingress", "Egress"]);
        let open = policy(json!({"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]})).spec.unwrap();
        assert_eq!(open.ingress.unwrap()[0].ports.as_ref().unwrap()[0].protocol.as_deref(), Some("TCP"));
    }

    #[test]
    fn a_table_tells_the_pods() {
        let web = policy(json!({"podSelector": {"matchLabels": {"app": "web"}}}));
        assert_eq!(row(&web, false), ["wall", "app=web", "60s"]);
        assert_eq!(row(&policy(json!({"podSelector": {}})), false)[1], "<none>");
    }

    #[test]
    fn policies_that_make_no_sense_are_refused_field_by_field() {
        let from = |peer: Value| json!({"podSelector": {}, "ingress": [{"from": [peer]}]});
        let ports = |port: Value| json!({"podSelector": {}, "egress": [{"ports": [port]}]});
        let block = |cidr: &str, except: Value| from(json!({"ipBlock": {"cidr": cidr, "except": except}}));
        for (spec, expected) in [
            (block("10.0.0.0/8", json!(["10.1.0.0/16"])), vec![]),
            (ports(json!({"port": 80, "endPort": 90})), vec![]),
            (from(json!({})), vec!["spec.ingress[0].from[0]: Required value: must specify a peer"]),
            (
                from(json!({"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}})),
                vec!["spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"],
            ),
            (
                block("10.0.0.0", json!([])),
                vec![
                    "spec.ingress[0].from[0].ipBlock.cidr: Invalid value: \"10.0.0.0\": must be a valid CIDR value, \
                     (e.g. 10.9.8.0/24 or 2001:db8::/64)",
                ],
            ),
            (
                block("10.0.0.0/8", json!(["11.0.0.0/16"])),
                vec![
                    "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/16\": must be a strict subset \
                     of `cidr`",
                ],
            ),
            (
                ports(json!({"port": 90, "endPort": 80})),
                vec![
                    "spec.egress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`",
                ],
            ),
            (
                ports(json!({"port": "http", "endPort": 80})),
                vec![
                    "spec.egress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is \
                     non-numeric",
                ],
            ),
            (
                json!({"podSelector": {}, "policyTypes": ["Out"]}),
                vec![
                    "spec.policyTypes[0]: Unsupported value: \"Out\": supported values: \"Ingress\", \"Egress\"",
                ],
            ),
        ] {
            assert_eq!(causes(&policy(spec.clone())), expected, "{spec}");
        }
    }
}
