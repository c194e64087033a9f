//! The NetworkPolicy. The bus has no passwords: whoever reaches it can join the cluster, so only the cluster's own pods may.

use k8s_openapi::{
    api::networking::v1::{
        IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule,
        NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{metadata, pods_of};
use crate::plan::{Plan, names};

pub(super) fn network_policy(plan: &Plan) -> Option<NetworkPolicy> {
    let policy = &plan.network.network_policy;
    if !policy.enabled {
        return None;
    }
    let nodes = own_pods(plan, names::NODE);
    let clients = if policy.clients.is_empty() {
        None
    } else {
        // Nodes replicate over the client port, and the Jobs talk to it.
        let own = [nodes.clone(), own_pods(plan, names::BOOTSTRAP)];
        let backup = plan.backup.as_ref().map(|_| own_pods(plan, names::BACKUP));
        let restore = plan.restore.as_ref().map(|_| own_pods(plan, names::RESTORE));
        Some(
            own.into_iter()
                .chain(backup)
                .chain(restore)
                .chain(policy.clients.iter().map(|client| client.typed.clone()))
                .chain(outside(plan))
                .collect(),
        )
    };
    let plaintext = plan.tls.as_ref().and_then(|tls| tls.plaintext_port);
    let client_port = {
        let (first, last) = plan.client_ports();
        let end_port = (first != last).then_some(last.into());
        NetworkPolicyPort { end_port, ..tcp(first) }
    };
    let client_ports = [client_port.clone()].into_iter().chain(plaintext.map(tcp)).collect();
    let mut ingress = vec![
        NetworkPolicyIngressRule { from: clients, ports: Some(client_ports) },
        NetworkPolicyIngressRule {
            from: Some(vec![nodes.clone()]),
            ports: Some(vec![tcp(plan.bus_port)]),
        },
    ];
    if let Some(exporter) = &plan.exporter {
        let from: Vec<_> = policy.metrics.iter().map(|peer| peer.typed.clone()).collect();
        ingress.push(NetworkPolicyIngressRule {
            from: (!from.is_empty()).then_some(from),
            ports: Some(vec![tcp(exporter.port)]),
        });
    }
    ingress.extend(policy.ingress.iter().map(|rule| rule.typed.clone()));
    let egress = policy.restrict_egress.then(|| {
        let peers = NetworkPolicyEgressRule {
            ports: Some(vec![client_port, tcp(plan.bus_port)]),
            to: Some(vec![nodes]),
        };
        // Wherever the name service is: a cache on the node has an address of its own, which no selector finds.
        let names = NetworkPolicyEgressRule {
            ports: Some(vec![port(DNS_PORT, "UDP"), port(DNS_PORT, "TCP")]),
            to: None,
        };
        let more = policy.egress.iter().map(|rule| rule.typed.clone());
        [peers, names].into_iter().chain(more).collect()
    });
    let types = ["Ingress"].into_iter().chain(egress.as_ref().map(|_| "Egress"));
    Some(NetworkPolicy {
        metadata: metadata(plan, &plan.names.cluster),
        spec: Some(NetworkPolicySpec {
            policy_types: Some(types.map(str::to_owned).collect()),
            egress,
            ingress: Some(ingress),
            pod_selector: Some(pods_of(plan, names::NODE)),
        }),
    })
}

/// Clients outside, by the addresses that the load balancers take connections from.
fn outside(plan: &Plan) -> impl Iterator<Item = NetworkPolicyPeer> {
    let external = plan.network.external.iter();
    external.flat_map(|external| &external.load_balancer_source_ranges).map(|range| {
        NetworkPolicyPeer {
            ip_block: Some(IPBlock { cidr: range.clone(), except: None }),
            ..NetworkPolicyPeer::default()
        }
    })
}

fn own_pods(plan: &Plan, component: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: Some(pods_of(plan, component)),
        ..NetworkPolicyPeer::default()
    }
}

const DNS_PORT: u16 = 53;

fn tcp(number: u16) -> NetworkPolicyPort {
    port(number, "TCP")
}

/// By number: not every network plugin knows the names of a pod's ports.
fn port(number: u16, protocol: &str) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(number.into())),
        protocol: Some(protocol.to_owned()),
        ..NetworkPolicyPort::default()
    }
}
