//! Ports, addresses, names, and who may connect.

use std::net::IpAddr;

use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicyPeer};

use super::{
    super::{
        types::{EndpointType, IpFamily, IpFamilyPolicy},
        written::{join, path},
    },
    Facts, Finding, Findings, Rule, grammar, understood,
};
use crate::{error::Severity, plan};

const CLIENT: &str = "/spec/network/clientPort";
const BUS: &str = "/spec/network/busPort";
const PLAINTEXT: &str = "/spec/tls/plaintextPort";
const METRICS: &str = "/spec/observability/exporter/port";

pub(super) const PORT_BOUNDS: Rule = Rule {
    code: "RCG281",
    name: "port-bounds",
    severity: Severity::Error,
    title: "a port is not from 1 to 65535",
    story: "Ports are numbers from 1 to 65535. 0 would mean any port that is free, which no Service could name.",
    check: Some(port_bounds),
};

fn ports(facts: &Facts<'_>) -> [(&'static str, Option<u32>, &'static str); 4] {
    let (network, exporter) = (&facts.spec.network, &facts.spec.observability.exporter);
    [
        (CLIENT, Some(network.client_port), "client port"),
        (BUS, network.bus_port, "bus port"),
        (PLAINTEXT, plaintext_port(facts), "plaintext port"),
        (METRICS, exporter.enabled.then_some(exporter.port), "metrics port"),
    ]
}

fn plaintext_port(facts: &Facts<'_>) -> Option<u32> {
    facts.spec.tls.as_ref()?.plaintext_port
}

fn port_bounds(facts: &Facts<'_>, found: &mut Findings) {
    let exporter = &facts.spec.observability.exporter;
    // Whoever switches it on later does not look at its port again.
    let unused = (METRICS, (!exporter.enabled).then_some(exporter.port), "metrics port");
    for (pointer, port, name) in ports(facts).into_iter().chain([unused]) {
        if let Some(port) = port.filter(|port| !(1..=65_535).contains(port)) {
            found.push(|| {
                Finding::at(pointer, format!("the {name} {port} is no port"))
                    .label("from 1 to 65535")
                    .help(format!(
                        "write a number from 1024 to 65535, or remove `{}` for the default",
                        path(pointer).rsplit('.').next().unwrap_or_default()
                    ))
            });
        }
    }
}

pub(super) const PORTS_EQUAL: Rule = Rule {
    code: "RCG282",
    name: "ports-equal",
    severity: Severity::Error,
    title: "two of a pod's ports are the same",
    story: "\
A node listens for clients on one port, for its peers on another, and with `tls.plaintextPort` for clients without encryption on a third; the exporter beside it has one for metrics. Without `busPort` it is derived from the namespace and the name, a port from 20000 to 29999; a client port in that range can hit it.",
    check: Some(ports_equal),
};

fn ports_equal(facts: &Facts<'_>, found: &mut Findings) {
    let network = &facts.spec.network;
    if let Some(plaintext) = plaintext_port(facts) {
        let derived = || {
            let namespace = facts.namespace().unwrap_or_default();
            plan::derived_bus_port(namespace, &facts.cluster.metadata.name).into()
        };
        let other = if plaintext == network.client_port {
            Some((CLIENT, "the client port, which is encrypted"))
        } else if plaintext == network.bus_port.unwrap_or_else(derived) {
            Some((BUS, "the bus port"))
        } else {
            None
        };
        if let Some((pointer, name)) = other {
            found.push(|| Finding::at(PLAINTEXT, format!("the plaintext port {plaintext} is {name}"))
                    .label("without encryption")
                    .related(pointer, "the same")
                    .help("write another port, or remove `plaintextPort`: then all clients use encryption"),
            );
        }
    }
    match network.bus_port {
        Some(bus) if bus == network.client_port => found.push(|| {
            Finding::at(BUS, format!("the bus port {bus} is the client port"))
                .label("for the bus")
                .related(CLIENT, "for clients")
                .help("remove `busPort`, or write another port")
        }),
        None => {
            let namespace = facts.namespace().unwrap_or_default();
            let derived = plan::derived_bus_port(namespace, &facts.cluster.metadata.name);
            if network.client_port == u32::from(derived) {
                found.push(|| {
                    Finding::at(CLIENT, format!("the client port {derived} is the bus port that this cluster's name leads to"))
                        .needs("/metadata")
                        .note("without `busPort` it is derived from the namespace and the name of the cluster")
                        .help("write another client port, or a `busPort`")
                });
            }
        }
        Some(_) => {}
    }
    let derived = facts.plan().map(|plan| u32::from(plan.bus_port));
    let exporter = &facts.spec.observability.exporter;
    for (pointer, port, what) in [
        (CLIENT, Some(network.client_port), "client port"),
        (BUS, network.bus_port.or(derived), "bus port"),
        (PLAINTEXT, plaintext_port(facts), "plaintext port"),
    ] {
        if exporter.enabled && port == Some(exporter.port) {
            found.push(|| {
                Finding::at(METRICS, format!("the metrics port {} is the {what}", exporter.port))
                    .label("of the exporter")
                    .related(pointer, "of the server")
                    .needs("/metadata")
                    .help("remove `port`, or write another one")
            });
        }
    }
}

pub(super) const PRIVILEGED_PORT: Rule = Rule {
    code: "RCG283",
    name: "privileged-port",
    severity: Severity::Error,
    title: "a port below 1024 needs rights that the pods do not have",
    story: "\
The server runs as user 999 without capabilities. Whether it may listen on a port below 1024 depends on the container runtime of each node: some set `net.ipv4.ip_unprivileged_port_start` to 0 for pods, others do not, and \
there the server exits at its start. Write a port from 1024 on; or, where the port is given, set the parameter for the pods: \
`spec.pod.securityContext.sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: \"0\"}]`, which Kubernetes counts among the safe ones.",
    check: Some(privileged_port),
};

fn privileged_port(facts: &Facts<'_>, found: &mut Findings) {
    let security = facts.spec.pod.security_context.as_ref();
    let sysctls = security.and_then(|security| security.typed.sysctls.as_ref());
    let start = sysctls
        .into_iter()
        .flatten()
        .find(|sysctl| sysctl.name == "net.ipv4.ip_unprivileged_port_start");
    let start = start.and_then(|sysctl| sysctl.value.parse().ok()).unwrap_or(1024_u32);
    for (pointer, port, name) in ports(facts) {
        if let Some(port) = port.filter(|port| (1..1024).contains(port) && *port < start) {
            found.push(|| {
                Finding::at(pointer, format!("the {name} {port} needs rights that the pods do not have"))
                    .label("below 1024")
                    .needs("/spec/pod/securityContext")
                    .note("the server runs as user 999 without capabilities")
                    .help("write a port from 1024 on; clients of a Service can still be given another port by `spec.patches`")
            });
        }
    }
}

pub(super) const IP_FAMILIES: Rule = Rule {
    code: "RCG284",
    name: "ip-families",
    severity: Severity::Error,
    title: "the IP families of the Services contradict each other",
    story: "\
`ipFamilies` has one or both of `IPv4` and `IPv6`, each once. Two of them need `ipFamilyPolicy: PreferDualStack` or `RequireDualStack`: with `SingleStack` the API server refuses the Services. \
The first family is what nodes announce to each other and to clients.",
    check: Some(ip_families),
};

fn ip_families(facts: &Facts<'_>, found: &mut Findings) {
    const FAMILIES: &str = "/spec/network/ipFamilies";
    const POLICY: &str = "/spec/network/ipFamilyPolicy";
    let network = &facts.spec.network;
    let families = &network.ip_families;
    if families.len() > 2 {
        found.push(|| {
            Finding::at(
                FAMILIES,
                format!("{} IP families are listed, and there are 2", families.len()),
            )
            .help("write `[IPv4, IPv6]` in the order of preference")
        });
    } else if let [first, second] = families.as_slice() {
        if first == second {
            found.push(|| {
                Finding::at(
                    join(FAMILIES, 1),
                    format!("the family `{}` is listed twice", second.name()),
                )
                .related(join(FAMILIES, 0), "first here")
                .help(format!(
                    "write `[{}]`, or both families",
                    match first {
                        IpFamily::IPv4 => "IPv4",
                        IpFamily::IPv6 => "IPv6",
                    }
                ))
            });
        } else if network.ip_family_policy == Some(IpFamilyPolicy::SingleStack) {
            found.push(|| {
                Finding::at(POLICY, "`SingleStack` with two IP families")
                    .label("one family")
                    .related(FAMILIES, "both")
                    .help("write `ipFamilyPolicy: PreferDualStack` or `RequireDualStack`, or one family")
            });
        }
    }
}

pub(super) const HOSTNAME_NOT_ANNOUNCED: Rule = Rule {
    code: "RCG285",
    name: "hostname-not-announced",
    severity: Severity::Error,
    title: "clients are told to use names that no node announces",
    story: "\
With `preferredEndpointType: hostname` a node answers `?` instead of a name as long as none is announced, and clients connect to nothing. Write `announceHostnames: true` too.",
    check: Some(hostname_not_announced),
};

fn hostname_not_announced(facts: &Facts<'_>, found: &mut Findings) {
    let network = &facts.spec.network;
    let announces = network.announce_hostnames || network.external.is_some();
    if network.preferred_endpoint_type == EndpointType::Hostname && !announces {
        found.push(|| {
            Finding::at(
                "/spec/network/preferredEndpointType",
                "clients are told `hostname`, but no node announces one",
            )
            .label("clients get `?`")
            .related("/spec/network/announceHostnames", "no names")
            .needs("/spec/network/announceHostnames")
            .help("write `announceHostnames: true`, or `preferredEndpointType: ip`")
        });
    }
}

pub(super) const CLUSTER_DOMAIN: Rule = Rule {
    code: "RCG286",
    name: "cluster-domain",
    severity: Severity::Error,
    title: "the DNS domain of the Kubernetes cluster is none",
    story: "\
The domain is a part of every announced hostname: small letters, digits, `-` and `.`, without a dot at its end, such as `cluster.local`. The server refuses hostnames with other characters, `_` among them, and exits at its start.",
    check: Some(cluster_domain),
};

fn cluster_domain(facts: &Facts<'_>, found: &mut Findings) {
    let domain = &facts.spec.network.cluster_domain;
    if let Some(why) = grammar::dns_subdomain(domain) {
        let finding =
            Finding::at("/spec/network/clusterDomain", format!("the domain `{domain}` {why}"));
        let plain = domain.trim_matches('.').to_lowercase();
        found.push(|| match grammar::dns_subdomain(&plain) {
            None => finding.help(format!("write `clusterDomain: {plain}`")),
            Some(_) => {
                finding.help("write the domain of the Kubernetes cluster, such as `cluster.local`")
            }
        });
    }
}

pub(super) const HOSTNAME_TOO_LONG: Rule = Rule {
    code: "RCG287",
    name: "hostname-too-long",
    severity: Severity::Error,
    title: "announced hostnames are longer than the server takes",
    story: "\
A pod's name in DNS is `POD.CLUSTER.NAMESPACE.svc.DOMAIN`. DNS and the server take 255 characters; with more the server exits at its start. The namespace counts with 63 characters when it is not known.",
    check: Some(hostname_too_long),
};

fn hostname_too_long(facts: &Facts<'_>, found: &mut Findings) {
    let network = &facts.spec.network;
    if !network.announce_hostnames || grammar::dns_subdomain(&network.cluster_domain).is_some() {
        return;
    }
    let name = facts.cluster.metadata.name.len();
    // `-shard-499-10`, the longest end of a pod's name.
    let pod = name + "-shard-499-10".len();
    let namespace = facts.namespace().map_or(63, str::len);
    let length = pod + 1 + name + 1 + namespace + ".svc.".len() + network.cluster_domain.len();
    if length > 255 {
        found.push(|| {
            Finding::at(
                "/spec/network/clusterDomain",
                format!(
                    "announced hostnames would have up to {length} characters, 255 are allowed"
                ),
            )
            .label(format!("{} of them", network.cluster_domain.len()))
            .related("/metadata/name", format!("{pod} for a pod and {name} for the Service"))
            .needs("/metadata/namespace")
            .help("write a shorter name, or `announceHostnames: false`")
        });
    }
}

pub(super) const NO_NETWORK_POLICY: Rule = Rule {
    code: "RCG288",
    name: "no-network-policy",
    severity: Severity::Warning,
    title: "everybody can reach the bus",
    story: "\
The cluster bus knows no passwords: whoever reaches the bus port can join the cluster, and a pod that inherits the address of another cluster's pod has merged two clusters. The NetworkPolicy lets only the cluster's own pods reach it. \
Without one, only the bus port, which differs from cluster to cluster, stands between them. Keep it on, and say under `clients` who may reach the client port; network plugins that know no policies ignore it.",
    check: Some(no_network_policy),
};

fn no_network_policy(facts: &Facts<'_>, found: &mut Findings) {
    if !facts.spec.network.network_policy.enabled {
        found.push(|| {
            Finding::at("/spec/network/networkPolicy/enabled", "without a NetworkPolicy everybody can reach the cluster's bus")
                .label("no policy")
                .note("the bus has no passwords: whoever reaches it can join the cluster")
                .help("write `enabled: true`, or render your own policy for the bus port under `spec.extraManifests`")
        });
    }
}

/// The peers of the NetworkPolicy that could be decoded.
fn peers<'a>(facts: &Facts<'a>) -> Vec<(String, &'a NetworkPolicyPeer)> {
    let policy = &facts.spec.network.network_policy;
    let clients = understood("/spec/network/networkPolicy/clients", &policy.clients);
    let metrics = understood("/spec/network/networkPolicy/metrics", &policy.metrics);
    let ingress = understood("/spec/network/networkPolicy/ingress", &policy.ingress).flat_map(
        |(pointer, rule)| {
            let from = rule.from.iter().flatten().enumerate();
            from.map(move |(index, peer)| (join(&join(&pointer, "from"), index), peer))
        },
    );
    let egress = understood("/spec/network/networkPolicy/egress", &policy.egress).flat_map(
        |(pointer, rule)| {
            let to = rule.to.iter().flatten().enumerate();
            to.map(move |(index, peer)| (join(&join(&pointer, "to"), index), peer))
        },
    );
    clients.chain(metrics).chain(ingress).chain(egress).collect()
}

pub(super) const NETWORK_POLICY_PEER: Rule = Rule {
    code: "RCG289",
    name: "network-policy-peer",
    severity: Severity::Error,
    title: "a peer of the NetworkPolicy is none that Kubernetes takes",
    story: "\
A peer is either an `ipBlock`, or pods by `podSelector`, `namespaceSelector` or both together. An empty peer is refused by the API server, and so is an `ipBlock` beside a selector. For everybody, leave `clients` out; for all pods \
of the namespace write `podSelector: {}`.",
    check: Some(network_policy_peer),
};

fn network_policy_peer(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, peer) in peers(facts) {
        let selects = peer.pod_selector.is_some() || peer.namespace_selector.is_some();
        match (&peer.ip_block, selects) {
            (None, false) => found.push(|| {
                Finding::lacking(pointer, "a peer without `podSelector`, `namespaceSelector` or `ipBlock` is nobody")
                    .label("empty")
                    .help("write `podSelector: {}` for all pods of the namespace, or remove `clients` for everybody")
            }),
            (Some(_), true) => found.push(|| {
                Finding::at(join(&pointer, "ipBlock"), "a peer is either an `ipBlock` or a selector of pods")
                    .label("beside a selector")
                    .help("begin a second peer with `- ipBlock:`")
            }),
            _ => {}
        }
    }
}

pub(super) const CIDR_SYNTAX: Rule = Rule {
    code: "RCG290",
    name: "cidr-syntax",
    severity: Severity::Error,
    title: "a block of addresses is none",
    story: "\
A block is an address, a slash and the number of its leading bits: `10.0.0.0/8`, `fd00::/8`; a single address is `192.0.2.1/32`. Blocks under `except` lie within the block that they are taken from.",
    check: Some(cidr_syntax),
};

fn cidr_syntax(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, peer) in peers(facts) {
        let Some(IPBlock { cidr, except }) = &peer.ip_block else { continue };
        let block = join(&pointer, "ipBlock");
        let outer = Block::parse(cidr);
        if let Err(help) = &outer {
            found.push(|| {
                Finding::at(join(&block, "cidr"), format!("`{cidr}` is not a block of addresses"))
                    .help(help)
            });
        }
        for (index, inner) in except.iter().flatten().enumerate() {
            let at = join(&join(&block, "except"), index);
            match (Block::parse(inner), &outer) {
                (Err(help), _) => found.push(|| {
                    Finding::at(at, format!("`{inner}` is not a block of addresses")).help(help)
                }),
                (Ok(inside), Ok(outer)) if !outer.contains(&inside) => found.push(|| {
                    Finding::at(at, format!("`{inner}` does not lie within `{cidr}`"))
                        .label("nothing to take away")
                        .related(join(&block, "cidr"), "from this")
                        .help("write a smaller block that lies within it, or remove it")
                }),
                _ => {}
            }
        }
    }
}

pub(super) struct Block {
    address: u128,
    bits: u32,
    is_v4: bool,
}

impl Block {
    pub(super) fn parse(text: &str) -> Result<Block, String> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let Ok(parsed) = address.parse::<IpAddr>() else {
            return Err(
                "write an address, a slash and a number of bits, such as `10.0.0.0/8`".to_owned()
            );
        };
        let (address, is_v4, most) = match parsed {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, true, 32),
            IpAddr::V6(address) => (address.to_bits(), false, 128),
        };
        let digits = !prefix.is_empty()
            && prefix.bytes().all(|byte| byte.is_ascii_digit())
            && (prefix == "0" || !prefix.starts_with('0'));
        match prefix.parse::<u32>() {
            Ok(bits) if digits && bits <= most => Ok(Block { address, bits, is_v4 }),
            _ if prefix.is_empty() => Err(format!("write `{parsed}/{most}` for this one address")),
            _ => Err(format!("write a number of bits from 0 to {most} after the slash")),
        }
    }

    fn contains(&self, other: &Block) -> bool {
        let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
        // Kubernetes wants a smaller block, not the same one.
        self.is_v4 == other.is_v4
            && other.bits > self.bits
            && (self.address ^ other.address) & mask == 0
    }
}

pub(super) const METRICS_FOR_EVERYBODY: Rule = Rule {
    code: "RCG291",
    name: "metrics-for-everybody",
    severity: Severity::Warning,
    title: "everybody can read the metrics",
    story: "\
The exporter asks for no password. Whoever reaches its port reads how many keys and clients there are, what they cost, and the addresses of replicas, and may let the exporter connect to any address (`/scrape?target=`). The NetworkPolicy lets everybody to that port unless `spec.network.networkPolicy.metrics` lists who reads it: the namespace or the pods of \
Prometheus, or the block of addresses that it comes from, as with `clients`.",
    check: Some(metrics_for_everybody),
};

fn metrics_for_everybody(facts: &Facts<'_>, found: &mut Findings) {
    let policy = &facts.spec.network.network_policy;
    if !facts.spec.observability.exporter.enabled || !policy.enabled || !policy.metrics.is_empty() {
        return;
    }
    found.push(|| {
        Finding::at("/spec/observability/exporter/enabled", "everybody who reaches the pods can read the metrics")
            .label("without a password")
            .needs("/spec/network/networkPolicy/enabled")
            .needs("/spec/network/networkPolicy/metrics")
            .help("list who reads them under `spec.network.networkPolicy.metrics`, such as `- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}`")
    });
}

#[cfg(test)]
mod tests {
    use super::Block;

    #[test]
    fn blocks() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "fd00::/8", "::/0"] {
            assert!(Block::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0/08",
            "fd00::/129",
            "x/8",
            "10.0.0.0/-1",
            "10.0.0.0/8 ",
        ] {
            assert!(Block::parse(text).is_err(), "{text}");
        }
        let within = |outer, inner| {
            let (Ok(outer), Ok(inner)) = (Block::parse(outer), Block::parse(inner)) else {
                panic!("{outer:?} {inner:?}")
            };
            outer.contains(&inner)
        };
        assert!(within("10.0.0.0/8", "10.1.0.0/16"));
        assert!(within("0.0.0.0/0", "10.1.0.0/16"));
        assert!(within("::/0", "fd00::/8"));
        assert!(!within("10.0.0.0/8", "11.0.0.0/16"));
        assert!(!within("10.0.0.0/8", "10.0.0.0/8"));
        assert!(!within("::/0", "10.0.0.0/8"));
    }
}
