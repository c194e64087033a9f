//! Who may reach whom, by the rendered NetworkPolicies and Kubernetes' semantics of them: traffic passes when no policy isolates an
//! end of it in its direction, or when a rule of one lets it.

use serde_json::{Value, json};

use crate::common::rendered::{self, Rendered};

/// One end of a connection.
#[derive(Debug, Clone)]
struct End {
    labels: Value,
    namespace: Value,
    address: &'static str,
}

impl End {
    fn pod(labels: Value) -> End {
        End {
            labels,
            namespace: json!({"kubernetes.io/metadata.name": "own"}),
            address: "10.0.0.9",
        }
    }

    fn in_namespace(mut self, name: &str) -> End {
        self.namespace = json!({"kubernetes.io/metadata.name": name});
        self
    }

    fn at(address: &'static str) -> End {
        End { labels: Value::Null, namespace: Value::Null, address }
    }
}

fn selects(selector: &Value, labels: &Value) -> bool {
    assert!(selector["matchExpressions"].is_null(), "not needed so far: {selector}");
    let wanted = selector["matchLabels"].as_object().into_iter().flatten();
    labels.is_object() && wanted.into_iter().all(|(key, value)| labels[key] == *value)
}

/// Whether a policy's peer is that end. A selector of pods alone means those of the policy's own namespace.
fn is_peer(peer: &Value, end: &End) -> bool {
    if let Some(cidr) = peer.pointer("/ipBlock/cidr").and_then(Value::as_str) {
        let except = peer.pointer("/ipBlock/except").and_then(Value::as_array);
        let within = |cidr: &str| {
            let (network, bits) = cidr.split_once('/').expect("a block");
            let number = |text: &str| u32::from(text.parse::<std::net::Ipv4Addr>().expect("IPv4"));
            let bits: u32 = bits.parse().expect("a number");
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            number(network) & mask == number(end.address) & mask
        };
        let excepted = except.into_iter().flatten().filter_map(Value::as_str).any(within);
        return within(cidr) && !excepted;
    }
    let namespace = match &peer["namespaceSelector"] {
        Value::Null => end.namespace == json!({"kubernetes.io/metadata.name": "own"}),
        selector => selects(selector, &end.namespace),
    };
    let pod = peer["podSelector"].is_null() || selects(&peer["podSelector"], &end.labels);
    namespace && pod && end.labels.is_object()
}

/// Whether policies let traffic pass in one direction, at the end that they may isolate.
fn passes(
    policies: &[&Value],
    kind: &str,
    isolated: &End,
    other: &End,
    port: u64,
    protocol: &str,
) -> bool {
    let (rules, peers) = if kind == "Ingress" { ("ingress", "from") } else { ("egress", "to") };
    let mut isolates = false;
    for policy in policies {
        let spec = &policy["spec"];
        let types = spec["policyTypes"].as_array().expect("types are written");
        let is_own = isolated.namespace == json!({"kubernetes.io/metadata.name": "own"});
        if !is_own
            || !selects(&spec["podSelector"], &isolated.labels)
            || !types.contains(&json!(kind))
        {
            continue;
        }
        isolates = true;
        for rule in spec[rules].as_array().into_iter().flatten() {
            let of_port = |allowed: &Value| {
                (allowed["port"].is_null() || allowed["port"] == port)
                    && allowed["protocol"].as_str().unwrap_or("TCP") == protocol
            };
            let by_port = rule["ports"].as_array().is_none_or(|ports| ports.iter().any(of_port));
            let by_peer = rule[peers]
                .as_array()
                .is_none_or(|peers| peers.iter().any(|peer| is_peer(peer, other)));
            if by_port && by_peer {
                return true;
            }
        }
    }
    !isolates
}

struct Case<'a> {
    policies: Vec<&'a Value>,
    node: End,
    job: End,
    client_port: u64,
    bus_port: u64,
}

impl<'a> Case<'a> {
    fn new(rendered: &'a Rendered) -> Case<'a> {
        let of_kind = |kind: &'static str| {
            rendered.objects.iter().filter(move |object| object["kind"] == kind)
        };
        let labels = |kind| {
            let object = of_kind(kind).next().expect("there is one");
            End::pod(object.pointer("/spec/template/metadata/labels").expect("labels").clone())
        };
        let service = of_kind("Service").find(|service| service["spec"]["clusterIP"] == "None");
        let port = |name: &str| {
            let ports =
                service.expect("the headless one")["spec"]["ports"].as_array().expect("ports");
            let port = ports.iter().find(|port| port["name"] == name).expect("the port");
            port["port"].as_u64().expect("a number")
        };
        Case {
            policies: of_kind("NetworkPolicy").collect(),
            node: labels("StatefulSet"),
            job: labels("Job"),
            client_port: port("client"),
            bus_port: port("bus"),
        }
    }

    /// Whether a connection can be made: it has to be let out where it begins, and in where it ends.
    fn connects(&self, from: &End, to: &End, port: u64, protocol: &str) -> bool {
        passes(&self.policies, "Egress", from, to, port, protocol)
            && passes(&self.policies, "Ingress", to, from, port, protocol)
    }
}

#[test]
fn who_may_reach_whom() {
    for rendered in rendered::examples() {
        let case = &Case::new(rendered);
        let (node, job) = (&case.node, &case.job);
        let other = &End::pod(json!({"app": "other"}));
        let outside = &End::at("203.0.113.7");
        // Of the block that external lists for its load balancers.
        let company = &End::at("172.20.30.40");
        let (client, bus) = (case.client_port, case.bus_port);
        let name = &rendered.name;
        // These list their clients; the others let everybody in.
        let open = !["production", "external"].contains(&name.as_str());
        let by_load_balancer = open || name == "external";
        // This one also has metrics, and says who reads them.
        let measured = name == "production";
        let prometheus = &other.clone().in_namespace("monitoring");
        for (from, to, port, protocol, expected, what) in [
            (node, node, client, "TCP", true, "a node replicates from another"),
            (node, node, bus, "TCP", true, "nodes reach each other's bus"),
            (job, node, client, "TCP", true, "the Job reaches nodes"),
            (job, node, bus, "TCP", false, "the Job has no business on the bus"),
            (other, node, bus, "TCP", false, "other pods do not reach the bus"),
            (outside, node, bus, "TCP", false, "nobody outside reaches the bus"),
            (other, node, client, "TCP", open, "any pod is a client unless clients are listed"),
            (outside, node, client, "TCP", open, "so is anybody outside"),
            (company, node, client, "TCP", by_load_balancer, "those outside that are let in are"),
            (company, node, bus, "TCP", false, "and do not reach the bus either"),
            (company, node, 9121, "TCP", false, "nor another port"),
            (other, node, 22, "TCP", false, "no other port is open"),
            (
                prometheus,
                node,
                9121,
                "TCP",
                measured,
                "Prometheus reads metrics where there are any",
            ),
            (other, node, 9121, "TCP", false, "and nobody else does"),
            (other, node, client, "UDP", false, "nor another protocol"),
            (node, outside, 53, "UDP", true, "nodes ask for names"),
            (node, outside, 53, "TCP", true, "nodes ask for long names"),
            (node, outside, 443, "TCP", false, "nodes reach nobody outside"),
            (node, other, client, "TCP", false, "nor other servers of the same kind"),
            (node, other, bus, "TCP", false, "nor other clusters' bus"),
            (other, outside, 443, "TCP", true, "other pods are not concerned"),
        ] {
            let connects = case.connects(from, to, port, protocol);
            assert_eq!(
                connects, expected,
                "{name}: {what}: {from:?} to {to:?} at {port}/{protocol}"
            );
        }
    }
}

/// The clients that `production` lists, and nobody else.
#[test]
fn listed_clients_may_connect() {
    let rendered = rendered::examples().iter().find(|rendered| rendered.name == "production");
    let case = Case::new(rendered.expect("the example"));
    let peers = case
        .policies
        .iter()
        .flat_map(|policy| policy["spec"]["ingress"].as_array().into_iter().flatten())
        .filter(|rule| rule["ports"][0]["port"] == case.client_port)
        .flat_map(|rule| rule["from"].as_array().into_iter().flatten());
    let mut listed = 0;
    for peer in peers {
        let labels = |selector: &str| match peer.pointer(&format!("/{selector}/matchLabels")) {
            Some(labels) => labels.clone(),
            None => json!({}),
        };
        let mut end = End::pod(labels("podSelector"));
        if !peer["namespaceSelector"].is_null() {
            end.namespace = labels("namespaceSelector");
        }
        listed += 1;
        assert!(case.connects(&end, &case.node, case.client_port, "TCP"), "{peer}");
        assert!(
            peer["namespaceSelector"].is_null()
                || !case.connects(
                    &end.in_namespace("elsewhere"),
                    &case.node,
                    case.client_port,
                    "TCP"
                ),
            "{peer} from another namespace"
        );
    }
    assert!(listed >= 3, "{listed} peers: the nodes, the Job and a client");
}
