//! Access from outside of the Kubernetes cluster: hosts, load balancers, and who is let in.

use std::{collections::BTreeMap, net::Ipv4Addr};

use super::{
    super::{
        types::{AuthMode, ClientCertificates, EndpointType, External, ExternalType},
        written::join,
    },
    Facts, Finding, Findings, Rule, grammar,
    network::Block,
    plural,
};
use crate::{
    error::Severity,
    plan::{ExternalPod, PORTS_PER_SHARD},
};

const EXTERNAL: &str = "/spec/network/external";
const HOST: &str = "/spec/network/external/host";
const HOSTS: &str = "/spec/network/external/hosts";
const RANGES: &str = "/spec/network/external/loadBalancerSourceRanges";

/// What the spec says about it, and the pods, where there are not too many of them.
fn external<'a>(facts: &'a Facts<'_>) -> Option<(&'a External, &'a [ExternalPod])> {
    let external = facts.spec.network.external.as_ref()?;
    Some((external, &facts.plan()?.external.as_ref()?.pods))
}

pub(super) const EXTERNAL_HOSTS: Rule = Rule {
    code: "RCG380",
    name: "external-hosts",
    severity: Severity::Error,
    title: "it is not clear under which host clients outside reach each pod",
    story: "\
A client of a cluster is told by every node where the others are, so each pod needs a host of its own that clients outside can connect to. Write `host` with the word `POD` in the place of the pod's name, such as `POD.redis.example.com`, and let DNS have these names \
(external-dns does so by an annotation); or write `hosts`, a list with one DNS name or IPv4 address for each pod, in the order of the pods. Not both.",
    check: Some(external_hosts),
};

fn external_hosts(facts: &Facts<'_>, found: &mut Findings) {
    let Some(external) = &facts.spec.network.external else { return };
    match (&external.host, external.hosts.is_empty()) {
        (None, true) => found.push(|| {
            Finding::lacking(EXTERNAL, "no pod has a host that clients outside could be told")
                .label("no `host` and no `hosts`")
                .help("write `host: POD.redis.example.com`, with your own domain, or `hosts:` and a list with one host for each pod")
        }),
        (Some(host), false) => found.push(|| {
            Finding::at(HOST, format!("every pod's host is `{host}`, and listed as well"))
                .label("a pattern")
                .related(HOSTS, "a list")
                .help("remove `host` or `hosts`")
        }),
        _ => {}
    }
}

pub(super) const EXTERNAL_HOST_COUNT: Rule = Rule {
    code: "RCG381",
    name: "external-host-count",
    severity: Severity::Error,
    title: "there are more or fewer outside hosts than pods",
    story: "\
`hosts` has one host for each pod, in the order of the pods: `SHARDS * (1 + REPLICAS)` of them; those that retire count. With a StatefulSet for each shard these are shard 0's pods, then shard 1's; with a single one they are in the order of their numbers. \
A client is sent to any pod sooner or later, so none may lack a host.",
    check: Some(external_host_count),
};

fn external_host_count(facts: &Facts<'_>, found: &mut Findings) {
    let Some((external, pods)) = external(facts) else { return };
    let hosts = external.hosts.len();
    if hosts == 0 || hosts == pods.len() {
        return;
    }
    found.push(|| {
        let finding = Finding::at_key(
            HOSTS,
            format!("{} for {}", plural(hosts as u64, "host"), plural(pods.len() as u64, "pod")),
        )
        .label("one for each pod")
        .needs("/spec/topology");
        match pods.get(hosts) {
            Some(next) => finding.help(format!(
                "add {}: the next is that of the pod `{}`",
                plural((pods.len() - hosts) as u64, "host"),
                next.name
            )),
            None => finding.help(format!(
                "remove {}: the last pod is `{}`",
                plural((hosts - pods.len()) as u64, "host"),
                pods.last().map(|pod| pod.name.as_str()).unwrap_or_default()
            )),
        }
    });
}

pub(super) const EXTERNAL_HOST_SYNTAX: Rule = Rule {
    code: "RCG382",
    name: "external-host-syntax",
    severity: Severity::Error,
    title: "an outside host is neither a DNS name nor an IPv4 address",
    story: "\
Servers tell clients the host as an announced hostname (`cluster-announce-hostname`), which may have letters, digits, `-` and `.` only, and at most 255 characters. DNS names and IPv4 addresses are such; an IPv6 address is not, because of its `:`: give it a DNS name with an AAAA record. \
No port belongs to it. In `host` the word `POD` stands for the pod's name, and all else is in small letters.",
    check: Some(external_host_syntax),
};

fn external_host_syntax(facts: &Facts<'_>, found: &mut Findings) {
    let Some((external, pods)) = external(facts) else { return };
    let longest = pods.iter().max_by_key(|pod| pod.name.len());
    let pattern = external.host.as_ref().zip(longest);
    let pattern = pattern.map(|(written, pod)| {
        // One that is too long is told as it is written.
        let host = if pod.host.is_empty() { written } else { &pod.host };
        (HOST.to_owned(), written, host.as_str())
    });
    let list = external.hosts.iter().enumerate();
    let list = list.map(|(index, host)| (join(HOSTS, index), host, host.as_str()));
    for (pointer, written, host) in pattern.into_iter().chain(list) {
        let Some((why, help)) = host_mistake(host) else { continue };
        found.push(|| {
            Finding::at(pointer, format!("clients cannot be told the host `{written}`: {why}"))
                .needs("/metadata/name")
                .help(help)
        });
    }
}

/// Why a host is none, and what to write.
fn host_mistake(host: &str) -> Option<(String, String)> {
    const EXAMPLES: &str = "write a DNS name such as `POD.redis.example.com` in `host`, or names and IPv4 addresses in `hosts`";
    if host.parse::<Ipv4Addr>().is_ok() {
        return None;
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<std::net::Ipv6Addr>().is_ok() {
        return Some((
            "it is an IPv6 address, and servers take no `:` in an announced hostname".to_owned(),
            "write a DNS name with an AAAA record for that address".to_owned(),
        ));
    }
    if let Some((name, port)) = host
        .split_once(':')
        .filter(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Some((
            format!("it has the port {port}"),
            format!("write `{name}`: the port is `network.clientPort`, or that of `firstNodePort`"),
        ));
    }
    if let Some(why) = grammar::dns_subdomain(host) {
        return Some((format!("it {why}"), EXAMPLES.to_owned()));
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    last.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| ("it ends like an address, and is none".to_owned(), EXAMPLES.to_owned()))
}

pub(super) const EXTERNAL_HOST_TWICE: Rule = Rule {
    code: "RCG383",
    name: "external-host-twice",
    severity: Severity::Error,
    title: "two pods have the same outside host",
    story: "\
Each load balancer leads to one pod, at the same port for all, so hosts differ from pod to pod. With `NodePort` ports differ, and hosts may be the same. A client that is sent to the one pod and reaches the other is sent there again, until it gives up. In `host`, the word `POD` makes them differ; \
it stands alone, as in `POD.redis.example.com` or `redis-POD.example.com`.",
    check: Some(external_host_twice),
};

fn external_host_twice(facts: &Facts<'_>, found: &mut Findings) {
    let Some((external, pods)) = external(facts) else { return };
    if external.service_type == ExternalType::NodePort {
        return;
    }
    match &external.host {
        Some(pattern) => {
            let (Some(first), Some(second)) = (pods.first(), pods.get(1)) else { return };
            if first.host == second.host && host_mistake(&first.host).is_none() {
                found.push(|| {
                    Finding::at(HOST, format!("all pods have the host `{pattern}`"))
                        .label("without `POD`")
                        .help(format!("write `host: POD.{pattern}`"))
                });
            }
        }
        None => {
            let mut first = BTreeMap::new();
            for (index, host) in external.hosts.iter().enumerate() {
                if let Some(before) = first.insert(host, index) {
                    first.insert(host, before);
                    found.push(|| {
                        let of = |index: usize| {
                            pods.get(index).map_or("no pod", |pod| pod.name.as_str())
                        };
                        Finding::at(
                            join(HOSTS, index),
                            format!("the host `{host}` is listed twice"),
                        )
                        .label(format!("of {}", of(index)))
                        .related(join(HOSTS, before), format!("of {}", of(before)))
                        .help("write the host of this pod's own load balancer")
                    });
                }
            }
        }
    }
}

pub(super) const EXTERNAL_CONTRADICTED: Rule = Rule {
    code: "RCG384",
    name: "external-contradicted",
    severity: Severity::Error,
    title: "clients are to be told the outside hosts, and something else",
    story: "\
A node announces one hostname. With `network.external` that is the outside host, and all clients are told it, those inside too: they have to reach it, as they do where the Kubernetes cluster can reach its own load balancers. \
So `announceHostnames`, which announces the pods' own names, and `preferredEndpointType: ip`, which tells clients addresses that exist inside only, contradict it.",
    check: Some(external_contradicted),
};

fn external_contradicted(facts: &Facts<'_>, found: &mut Findings) {
    const HOSTNAMES: &str = "/spec/network/announceHostnames";
    const ENDPOINT: &str = "/spec/network/preferredEndpointType";
    let network = &facts.spec.network;
    if network.external.is_none() {
        return;
    }
    if network.announce_hostnames {
        found.push(|| {
            Finding::at(HOSTNAMES, "nodes cannot announce the pods' names beside the outside hosts")
                .label("names inside")
                .related(EXTERNAL, "hosts outside")
                .help("remove `announceHostnames`, or `external`")
        });
    }
    if facts.has(ENDPOINT) && network.preferred_endpoint_type == EndpointType::Ip {
        found.push(|| {
            Finding::at(ENDPOINT, "clients cannot be told `ip` and reach the pods from outside")
                .label("addresses inside")
                .related(EXTERNAL, "hosts outside")
                .help("remove `preferredEndpointType`: with `external` clients are told the hosts")
        });
    }
}

pub(super) const EXTERNAL_SOURCE_RANGE: Rule = Rule {
    code: "RCG385",
    name: "external-source-range",
    severity: Severity::Error,
    title: "a range of clients' addresses is none",
    story: "\
`loadBalancerSourceRanges` are blocks of addresses: an address, a slash and the number of its leading bits, such as `203.0.113.0/24`; a single address is `203.0.113.7/32`. The API server refuses the Services otherwise.",
    check: Some(external_source_range),
};

fn external_source_range(facts: &Facts<'_>, found: &mut Findings) {
    let Some(external) = &facts.spec.network.external else { return };
    for (index, range) in external.load_balancer_source_ranges.iter().enumerate() {
        if let Err(help) = Block::parse(range) {
            found.push(|| {
                Finding::at(join(RANGES, index), format!("`{range}` is not a block of addresses"))
                    .help(help)
            });
        }
    }
}

pub(super) const EXTERNAL_SHUT_OUT: Rule = Rule {
    code: "RCG386",
    name: "external-shut-out",
    severity: Severity::Error,
    title: "the NetworkPolicy lets nobody in from outside",
    story: "\
`networkPolicy.clients` lists who may reach the client port, and clients outside are no pods: only an `ipBlock` lets them in. Those of `loadBalancerSourceRanges` are added by themselves. With `externalTrafficPolicy: Cluster`, the default, a connection may arrive with the address of a node of the Kubernetes cluster \
in place of the client's; then list the nodes' addresses as an `ipBlock`, or write `externalTrafficPolicy: Local`.",
    check: Some(external_shut_out),
};

fn external_shut_out(facts: &Facts<'_>, found: &mut Findings) {
    const CLIENTS: &str = "/spec/network/networkPolicy/clients";
    let network = &facts.spec.network;
    let Some(external) = &network.external else { return };
    let policy = &network.network_policy;
    let is_open = !policy.enabled || policy.clients.is_empty();
    let has_block = policy.clients.iter().any(|client| client.typed.ip_block.is_some());
    if !is_open && !has_block && external.load_balancer_source_ranges.is_empty() {
        found.push(|| {
            Finding::at_key(CLIENTS, "no client outside is among those that may connect")
                .label("pods only")
                .related(EXTERNAL, "for clients outside")
                .help("write `external.loadBalancerSourceRanges`, or add an `ipBlock` to `clients`")
        });
    }
}

pub(super) const EXTERNAL_UNPROTECTED: Rule = Rule {
    code: "RCG387",
    name: "external-unprotected",
    severity: Severity::Warning,
    title: "clients outside need neither a password nor a certificate",
    story: "\
Whoever reaches a load balancer may read, change and delete everything. Robots find a server without a password on the internet within minutes. Write `auth.mode: Password`, or `tls.clientCertificates: Required`; and `loadBalancerSourceRanges`, or an annotation that makes the load balancers internal ones.",
    check: Some(external_unprotected),
};

fn external_unprotected(facts: &Facts<'_>, found: &mut Findings) {
    const MODE: &str = "/spec/auth/mode";
    let certificates =
        |tls: &super::super::types::Tls| tls.client_certificates == ClientCertificates::Required;
    let known = facts.spec.tls.as_ref().is_some_and(certificates);
    if facts.spec.network.external.is_some() && facts.spec.auth.mode == AuthMode::None && !known {
        found.push(|| {
            Finding::at(MODE, "everybody who reaches a load balancer may do anything")
                .label("no password")
                .related(EXTERNAL, "reachable from outside")
                .help("write `mode: Password`, or `tls.clientCertificates: Required`")
        });
    }
}

pub(super) const EXTERNAL_CLASS: Rule = Rule {
    code: "RCG388",
    name: "external-class",
    severity: Severity::Error,
    title: "the class of load balancers cannot be one",
    story: "\
A class is a name with an optional domain before it, in the form of a label's key, such as `service.k8s.aws/nlb` or `internal-vip`. The API server refuses the Services otherwise. It cannot be changed later.",
    check: Some(external_class),
};

fn external_class(facts: &Facts<'_>, found: &mut Findings) {
    let Some(external) = &facts.spec.network.external else { return };
    let Some(class) = &external.load_balancer_class else { return };
    if let Some(why) = grammar::label_key(class) {
        found.push(|| {
            Finding::at(
                join(EXTERNAL, "loadBalancerClass"),
                format!("`{class}` cannot be a class of load balancers: it {why}"),
            )
            .help("write the class that your controller serves, such as `service.k8s.aws/nlb`, or remove it")
        });
    }
}

pub(super) const EXTERNAL_PLAINTEXT: Rule = Rule {
    code: "RCG389",
    name: "external-plaintext",
    severity: Severity::Warning,
    title: "clients without encryption are told hosts that do not have their port",
    story: "\
Clients of `tls.plaintextPort` are told the outside hosts as well, with that port, and the Services for clients outside have the encrypted port only: nothing goes out of the Kubernetes cluster without encryption. So such clients work only where DNS, inside, gives the hosts the pods' own addresses. \
Remove `plaintextPort`, or see docs/external.md for such names.",
    check: Some(external_plaintext),
};

fn external_plaintext(facts: &Facts<'_>, found: &mut Findings) {
    const PLAINTEXT: &str = "/spec/tls/plaintextPort";
    let plaintext = facts.spec.tls.as_ref().and_then(|tls| tls.plaintext_port);
    if let (Some(port), Some(_)) = (plaintext, &facts.spec.network.external) {
        found.push(|| {
            Finding::at(PLAINTEXT, format!("the outside hosts, which clients at the port {port} are told, do not have it"))
                .label("inside only")
                .related(EXTERNAL, "told to all clients")
                .help("remove `plaintextPort`, or give the hosts the pods' own addresses in the DNS of the Kubernetes cluster")
        });
    }
}

pub(super) const EXTERNAL_NODE_PORTS: Rule = Rule {
    code: "RCG390",
    name: "external-node-ports",
    severity: Severity::Error,
    title: "the pods' node ports are not all from 30000 to 32767",
    story: "\
Every node of the Kubernetes cluster leads a node port to one pod, so each pod needs a port of its own, from 30000 to 32767 unless the API server is told another range. `firstNodePort` is the first; with a StatefulSet for each shard, every shard has 10 of them, so that ports stay when replicas are added, \
and room for 10 pods. `LoadBalancer` needs no such ports.",
    check: Some(external_node_ports),
};

const FIRST: &str = "/spec/network/external/firstNodePort";

fn external_node_ports(facts: &Facts<'_>, found: &mut Findings) {
    let Some((external, pods)) = external(facts) else { return };
    match (external.service_type, external.first_node_port) {
        (ExternalType::LoadBalancer, None) => {}
        (ExternalType::LoadBalancer, Some(first)) => found.push(|| {
            Finding::at(FIRST, format!("a load balancer does not listen on a node port, {first}"))
                .label("for `NodePort`")
                .related(join(EXTERNAL, "type"), "load balancers")
                .help("remove `firstNodePort`, or write `type: NodePort`")
        }),
        (ExternalType::NodePort, None) => found.push(|| {
            Finding::lacking(EXTERNAL, "`type: NodePort` needs a port for each pod")
                .label("no `firstNodePort`")
                .help("write `firstNodePort: 30100`, or another port from 30000 on from which on enough are free")
        }),
        (ExternalType::NodePort, Some(first)) => {
            let plan = facts.plan();
            let sets = plan.map(|plan| plan.stateful_sets.as_slice()).unwrap_or_default();
            if let Some(set) = sets.iter().find(|set| set.shard.is_some() && set.pods > PORTS_PER_SHARD) {
                found.push(|| {
                    Finding::at(FIRST, format!("each shard has {PORTS_PER_SHARD} node ports, and {} pods", set.pods))
                        .needs("/spec/topology")
                        .help("write fewer replicas, or `layout: SingleStatefulSet`")
                });
            }
            let last = pods.iter().filter_map(|pod| pod.port).max().map_or(first, u32::from);
            if !(30_000..=32_767).contains(&first) || last > 32_767 {
                found.push(|| {
                    Finding::at(FIRST, format!("the pods' ports from {first} to {last} are not all node ports"))
                        .label("from 30000 to 32767")
                        .needs("/spec/topology")
                        .help("write a `firstNodePort` from 30000 on from which on enough ports follow")
                });
            }
        }
    }
}

pub(super) const EXTERNAL_PORT_TAKEN: Rule = Rule {
    code: "RCG391",
    name: "external-port-taken",
    severity: Severity::Error,
    title: "another port of the pods is among their node ports",
    story: "\
With `NodePort` each pod's server listens on its node port, inside too: nodes tell each other and clients one port, which has to be right at the pod's address as well. The NetworkPolicy lets clients reach the ports from the first to the last, so no other port of the pods, the bus least of all, may be among them. `clientPort` is not used.",
    check: Some(external_port_taken),
};

fn external_port_taken(facts: &Facts<'_>, found: &mut Findings) {
    let Some(external) = &facts.spec.network.external else { return };
    if external.service_type != ExternalType::NodePort {
        return;
    }
    let network = &facts.spec.network;
    let exporter = &facts.spec.observability.exporter;
    let plaintext = facts.spec.tls.as_ref().and_then(|tls| tls.plaintext_port);
    for (pointer, port, what) in [
        ("/spec/network/busPort", network.bus_port, "bus port"),
        ("/spec/tls/plaintextPort", plaintext, "plaintext port"),
        (
            "/spec/observability/exporter/port",
            exporter.enabled.then_some(exporter.port),
            "metrics port",
        ),
    ] {
        let ports =
            facts.plan().map(|plan| plan.client_ports()).filter(|(first, last)| first != last);
        let (Some(port), Some((first, last))) = (port, ports) else { continue };
        if (u32::from(first)..=u32::from(last)).contains(&port) {
            found.push(|| {
                Finding::at(
                    pointer,
                    format!("the {what} {port} is among the node ports from {first} to {last}"),
                )
                .related(FIRST, "from here on")
                .note("the NetworkPolicy lets clients reach all of them")
                .help("write another port, or another `firstNodePort`")
            });
        }
    }
    if facts.has("/spec/network/clientPort") {
        found.push(|| {
            Finding::at(
                "/spec/network/clientPort",
                format!("no pod listens on the client port {}", network.client_port),
            )
            .label("not used")
            .related(FIRST, "each pod has a port of its own")
            .help("remove `clientPort`")
        });
    }
}

pub(super) const EXTERNAL_NODE_PORT_LIMITS: Rule = Rule {
    code: "RCG392",
    name: "external-node-port-limits",
    severity: Severity::Error,
    title: "something does not go with node ports",
    story: "\
`loadBalancerClass` and `loadBalancerSourceRanges` are for load balancers; the API server refuses the class on other Services. The exporter is told one port for all pods of a StatefulSet, and with `NodePort` each has its own, so it would find no server; run one exporter for all pods that is asked for each of them (`/scrape?target=`), or use `LoadBalancer`. The Jobs of `backup` and `restore` know one port, too. \
The client Service cannot lead to another port on each pod and is left out: clients inside begin at the Service of any pod.",
    check: Some(external_node_port_limits),
};

fn external_node_port_limits(facts: &Facts<'_>, found: &mut Findings) {
    let Some(external) = &facts.spec.network.external else { return };
    if external.service_type != ExternalType::NodePort {
        return;
    }
    if let Some(class) = &external.load_balancer_class {
        found.push(|| {
            Finding::at(
                join(EXTERNAL, "loadBalancerClass"),
                format!("node ports have no class of load balancers, `{class}`"),
            )
            .help("remove it, or write `type: LoadBalancer`")
        });
    }
    if !external.load_balancer_source_ranges.is_empty() {
        found.push(|| {
            Finding::at(RANGES, "node ports take connections from everywhere: `loadBalancerSourceRanges` is for load balancers")
                .help("list the blocks under `networkPolicy.clients` as `ipBlock`, or write `type: LoadBalancer`")
        });
    }
    for (pointer, is_there) in [
        ("/spec/backup", facts.spec.backup.is_some()),
        ("/spec/restore", facts.spec.restore.is_some()),
    ] {
        if is_there {
            found.push(|| {
                let what = pointer.rsplit('/').next().unwrap_or_default();
                Finding::at_key(
                    pointer,
                    format!("a {what} cannot find servers whose port differs from pod to pod"),
                )
                .related(join(EXTERNAL, "type"), "a port for each pod")
                .help(format!("remove `{what}`, or write `type: LoadBalancer`"))
            });
        }
    }
    if facts.spec.observability.exporter.enabled {
        found.push(|| {
            Finding::at("/spec/observability/exporter/enabled", "the exporter cannot find a server whose port differs from pod to pod")
                .related(join(EXTERNAL, "type"), "a port for each pod")
                .help("write `enabled: false` and run one exporter for all pods, or write `type: LoadBalancer`")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::host_mistake;

    #[test]
    fn hosts() {
        for host in ["a-0.redis.example.com", "a", "192.0.2.1", "1.redis.example.com", "xn--a.de"] {
            assert_eq!(host_mistake(host), None, "{host}");
        }
        for host in [
            "",
            "2001:db8::1",
            "[2001:db8::1]",
            "a.example.com:6379",
            "a_b.example.com",
            "A.example.com",
            "*.example.com",
            "a..b",
            "192.0.2.300",
            "192.0.2.01",
            "http://a",
        ] {
            assert!(host_mistake(host).is_some(), "{host}");
        }
    }
}
