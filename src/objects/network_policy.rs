//! The NetworkPolicy. The bus has no passwords: whoever reaches it can join the cluster, so only the cluster's own pods may.

use k8s_openapi::{
    api::networking::v1::{
        NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
        NetworkPolicySpec,
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
        // Nodes replicate over the client port, and the Job talks to it.
        let own = [nodes.clone(), own_pods(plan, names::BOOTSTRAP)];
        Some(
            own.into_iter()
                .chain(policy.clients.iter().map(|client| client.typed.clone()))
                .collect(),
        )
    };
    let plaintext = plan.tls.as_ref().and_then(|tls| tls.plaintext_port);
    let client_ports = [plan.client_port].into_iter().chain(plaintext).map(port).collect();
    let mut ingress = vec![
        NetworkPolicyIngressRule { from: clients, ports: Some(client_ports) },
        NetworkPolicyIngressRule {
            from: Some(vec![nodes]),
            ports: Some(vec![port(plan.bus_port)]),
        },
    ];
    ingress.extend(policy.ingress.iter().map(|rule| rule.typed.clone()));
    Some(NetworkPolicy {
        metadata: metadata(plan, &plan.names.cluster),
        spec: Some(NetworkPolicySpec {
            ingress: Some(ingress),
            pod_selector: Some(pods_of(plan, names::NODE)),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ..NetworkPolicySpec::default()
        }),
    })
}

fn own_pods(plan: &Plan, component: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        pod_selector: Some(pods_of(plan, component)),
        ..NetworkPolicyPeer::default()
    }
}

/// By number: not every network plugin knows the names of a pod's ports.
fn port(number: u16) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(number.into())),
        protocol: Some("TCP".to_owned()),
        ..NetworkPolicyPort::default()
    }
}
