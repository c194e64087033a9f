//! Who may reach whom, by the rendered NetworkPolicies and Kubernetes' semantics of them: traffic passes when no policy isolates an
//! end of it in its direction, or when a rule of one lets it.
//!
//! What is expected comes from the spec: `general` holds for every example and every folder of `tests/render/`, `particular` is what some of them add.

use std::{fs, net::IpAddr};

use serde_json::{Value, json};

use crate::{assert_none, common::rendered};

const NAME: &str = "app.kubernetes.io/name";
const INSTANCE: &str = "app.kubernetes.io/instance";
const COMPONENT: &str = "app.kubernetes.io/component";

/// One end of a connection.
#[derive(Debug, Clone)]
struct End {
    /// A pod's labels; none outside.
    labels: Value,
    namespace: Value,
    address: IpAddr,
}

impl End {
    /// A pod in the namespace of the policies.
    fn pod(labels: Value) -> End {
        let address = "100.64.0.9".parse().expect("an address");
        End { labels, namespace: Value::Null, address }.in_namespace("own")
    }

    fn in_namespace(mut self, name: &str) -> End {
        self.namespace = json!({"kubernetes.io/metadata.name": name});
        self
    }

    /// Outside of the Kubernetes cluster.
    fn at(address: &str) -> End {
        let address = address.parse().expect("an address");
        End { labels: Value::Null, namespace: Value::Null, address }
    }

    /// A pod that differs in one label, which it has to have.
    fn with(&self, label: &str, value: &str) -> End {
        let mut other = self.clone();
        assert!(other.labels[label].is_string(), "{label} is missing: {self:?}");
        other.labels[label] = json!(value);
        other
    }

    fn is_in_own_namespace(&self) -> bool {
        self.namespace == json!({"kubernetes.io/metadata.name": "own"})
    }
}

fn selects(selector: &Value, labels: &Value) -> bool {
    assert!(selector["matchExpressions"].is_null(), "not needed so far: {selector}");
    let wanted = selector["matchLabels"].as_object().into_iter().flatten();
    labels.is_object() && wanted.into_iter().all(|(key, value)| labels[key] == *value)
}

/// Whether an address lies in a block such as `192.0.2.0/24` or `2001:db8::/32`.
fn is_within(address: IpAddr, cidr: &str) -> bool {
    let (network, bits) = cidr.split_once('/').expect("a block");
    let bits: u32 = bits.parse().expect("a number");
    // The first bits of both have to be the same.
    let differ = match (network.parse().expect("an address"), address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (u32::from(network) ^ u32::from(address)).leading_zeros()
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            (u128::from(network) ^ u128::from(address)).leading_zeros()
        }
        _ => return false,
    };
    differ >= bits
}

/// Whether a policy's peer is that end. A selector of pods alone means those of the policy's own namespace.
fn is_peer(peer: &Value, end: &End) -> bool {
    if let Some(cidr) = peer.pointer("/ipBlock/cidr").and_then(Value::as_str) {
        let except = peer.pointer("/ipBlock/except").and_then(Value::as_array);
        let mut excepted = except.into_iter().flatten().filter_map(Value::as_str);
        return is_within(end.address, cidr)
            && !excepted.any(|block| is_within(end.address, block));
    }
    let namespace = match &peer["namespaceSelector"] {
        Value::Null => end.is_in_own_namespace(),
        selector => selects(selector, &end.namespace),
    };
    let pod = peer["podSelector"].is_null() || selects(&peer["podSelector"], &end.labels);
    namespace && pod && end.labels.is_object()
}

fn is_port(allowed: &Value, port: u64, protocol: &str) -> bool {
    let by_number = match (&allowed["port"], &allowed["endPort"]) {
        (Value::Null, Value::Null) => true,
        (first, Value::Null) => first.as_u64().expect("ports are numbers") == port,
        (first, last) => {
            let number = |value: &Value| value.as_u64().expect("ports are numbers");
            (number(first)..=number(last)).contains(&port)
        }
    };
    by_number && allowed["protocol"].as_str().unwrap_or("TCP") == protocol
}

/// Whether policies let traffic pass in one direction, at the end that they may isolate.
fn passes(
    policies: &[Value],
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
        let has_type = match spec["policyTypes"].as_array() {
            Some(types) => types.contains(&json!(kind)),
            None => kind == "Ingress" || !spec[rules].is_null(),
        };
        if !isolated.is_in_own_namespace()
            || !selects(&spec["podSelector"], &isolated.labels)
            || !has_type
        {
            continue;
        }
        isolates = true;
        for rule in spec[rules].as_array().into_iter().flatten() {
            // An empty list is as none: all ports, all peers.
            let any = |list: &Value, holds: &dyn Fn(&Value) -> bool| match list.as_array() {
                None => true,
                Some(items) => items.is_empty() || items.iter().any(holds),
            };
            if any(&rule["ports"], &|allowed| is_port(allowed, port, protocol))
                && any(&rule[peers], &|peer| is_peer(peer, other))
            {
                return true;
            }
        }
    }
    !isolates
}

/// What was rendered from a spec, as far as connections go.
struct Case {
    name: String,
    spec: Value,
    policies: Vec<Value>,
    /// A pod of each StatefulSet.
    nodes: Vec<End>,
    /// A pod of each Job and CronJob, by what its name says that it does.
    jobs: Vec<(&'static str, End)>,
    client_ports: Vec<u64>,
    /// Beside an encrypted one.
    plaintext_port: Option<u64>,
    bus_port: u64,
    metrics_port: u64,
}

impl Case {
    fn new(name: &str, spec: Value, objects: &[Value]) -> Case {
        let of_kind = |kinds: &'static [&'static str]| {
            let is_one = |object: &&Value| kinds.iter().any(|kind| object["kind"] == *kind);
            objects.iter().filter(is_one)
        };
        let pod = |template: &Value| {
            End::pod(template.pointer("/metadata/labels").expect("pods have labels").clone())
        };
        let sets = of_kind(&["StatefulSet"]);
        let nodes: Vec<_> = sets.map(|set| pod(&set["spec"]["template"])).collect();
        let cluster = spec["metadata"]["name"].as_str().expect("a name");
        let jobs = of_kind(&["Job", "CronJob"]).map(|job| {
            let name = job["metadata"]["name"].as_str().expect("a name");
            let mut known = ["bootstrap", "backup", "restore"].into_iter();
            let of = |what: &&str| name.starts_with(&format!("{cluster}-{what}"));
            let what = known.find(of).unwrap_or_else(|| panic!("what is {name}?"));
            let template = job.pointer("/spec/jobTemplate/spec/template");
            (what, pod(template.unwrap_or(&job["spec"]["template"])))
        });

        let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let container_ports: Vec<_> = of_kind(&["StatefulSet"])
            .flat_map(|set| all(&set["spec"]["template"]["spec"]["containers"]))
            .flat_map(|container| all(&container["ports"]))
            .collect();
        let number = |name: &str| {
            let port = container_ports.iter().find(|port| port["name"] == name)?;
            port["containerPort"].as_u64()
        };
        let mut client_ports: Vec<_> = number("client").into_iter().collect();
        if client_ports.is_empty() {
            // Where each pod has a port of its own, the Services know them.
            let ports = of_kind(&["Service"]).flat_map(|service| all(&service["spec"]["ports"]));
            client_ports = ports
                .filter(|port| port["name"] == "client")
                .map(|port| port["targetPort"].as_u64().expect("a number"))
                .collect();
        }
        assert!(!client_ports.is_empty(), "{name}: no port for clients");
        Case {
            name: name.to_owned(),
            policies: of_kind(&["NetworkPolicy"]).cloned().collect(),
            nodes,
            jobs: jobs.collect(),
            client_ports,
            plaintext_port: number("plaintext"),
            bus_port: number("bus").expect("the bus has a port"),
            metrics_port: number("metrics").unwrap_or(9121),
            spec,
        }
    }

    /// Whether a connection can be made: it has to be let out where it begins, and in where it ends.
    fn connects(&self, row: &Row) -> bool {
        let Row { from, to, port, protocol, ends, .. } = row;
        let out = || passes(&self.policies, "Egress", from, to, *port, protocol);
        let into = || passes(&self.policies, "Ingress", to, from, *port, protocol);
        match ends {
            Ends::Both => out() && into(),
            Ends::Out => out(),
            Ends::In => into(),
        }
    }

    fn is_as_expected(&self, rows: &[Row]) -> bool {
        rows.iter().all(|row| self.connects(row) == row.connects)
    }

    fn wrong(&self) -> Vec<String> {
        let is_wrong = |row: &Row| self.connects(row) != row.connects;
        let say = |row: Row| {
            let Row { from, to, port, protocol, connects, what, ends } = row;
            let verb = if connects { "cannot connect" } else { "connects" };
            format!(
                "{}: {what} ({ends:?}): {from:?} {verb} to {to:?} at {port}/{protocol}",
                self.name
            )
        };
        self.rows().into_iter().filter(is_wrong).map(say).collect()
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = self.general();
        let node = &self.nodes[0];
        for (_, from, to, port, connects, what) in
            particular(node).into_iter().filter(|(name, ..)| *name == self.name)
        {
            let port = if port == CLIENT { self.client_ports[0] } else { port };
            let what = what.to_owned();
            rows.push(Row { from, to, port, protocol: "TCP", connects, what, ends: Ends::Both });
        }
        rows
    }

    /// What holds for every cluster with a policy, by what its spec says.
    fn general(&self) -> Vec<Row> {
        let policy = &self.spec["spec"]["network"]["networkPolicy"];
        let lists = |field: &str| policy[field].as_array().is_some_and(|listed| !listed.is_empty());
        let exporter = &self.spec["spec"]["observability"]["exporter"];
        let open = !lists("clients");
        let measured = exporter["enabled"] == true && !lists("metrics");
        let unrestricted = policy["restrictEgress"] == false;
        let (bus, metrics) = (self.bus_port, self.metrics_port);

        let mut rows = Vec::new();
        let mut add = |from: &End, to: &End, port, connects, what: &str| {
            let (from, to, what) = (from.clone(), to.clone(), what.to_owned());
            let (protocol, ends) = ("TCP", Ends::Both);
            rows.push(Row { from, to, port, protocol, connects, what, ends });
        };
        let outside = ["198.51.100.7", "2001:db8:ffff::7"].map(End::at);
        let other = End::pod(json!({"app": "other"}));
        for node in &self.nodes {
            for &client in self.client_ports.iter().chain(&self.plaintext_port) {
                for peer in &self.nodes {
                    let connects = Some(client) != self.plaintext_port || unrestricted;
                    add(peer, node, client, connects, "a node replicates from another");
                }
                for (what, job) in &self.jobs {
                    add(job, node, client, true, &format!("the {what} Job reaches nodes"));
                }
                add(&other, node, client, open, "any pod is a client unless clients are listed");
                for outside in &outside {
                    add(outside, node, client, open, "so is anybody outside");
                }
            }
            for peer in &self.nodes {
                add(peer, node, bus, true, "nodes reach each other's bus");
            }
            for (what, job) in &self.jobs {
                add(job, node, bus, false, &format!("the {what} Job has no business on the bus"));
            }
            add(&other, node, bus, false, "other pods do not reach the bus");
            add(&other, node, metrics, measured, "any pod reads metrics unless readers are listed");
            add(&other, node, 22, false, "no other port is open");
            for outside in &outside {
                add(outside, node, bus, false, "nobody outside reaches the bus");
                add(outside, node, metrics, measured, "anybody outside reads metrics, too");
                add(node, outside, 443, unrestricted, "nodes reach nobody outside");
            }
        }
        let (node, client) = (&self.nodes[0], self.client_ports[0]);
        add(node, &other, client, unrestricted, "nodes reach no other servers");
        add(node, &other, bus, unrestricted, "nor another bus");
        let own = self.jobs.iter().map(|(what, job)| (*what, job));
        for (what, pod) in own.chain([("node", node)]) {
            // Each label counts.
            for (stranger, who) in [
                (pod.with(INSTANCE, "another"), format!("the {what} of another cluster")),
                (pod.clone().in_namespace("elsewhere"), format!("a {what} in another namespace")),
                (pod.with(NAME, "another"), format!("a {what} of other software")),
                (pod.with(COMPONENT, "another"), format!("another pod beside the {what}")),
            ] {
                add(&stranger, node, client, open, &format!("{who} is a client like any other"));
                add(&stranger, node, bus, false, &format!("{who} does not reach the bus"));
                add(&stranger, node, metrics, measured, &format!("{who} reads no metrics"));
                for port in [client, bus] {
                    add(node, &stranger, port, unrestricted, &format!("nodes do not reach {who}"));
                }
                add(&other, &stranger, 22, true, &format!("whoever likes reaches {who}"));
                add(&stranger, &outside[0], 443, true, &format!("{who} reaches whom it likes"));
            }
        }
        for (what, job) in &self.jobs {
            add(job, &outside[0], 443, true, &format!("the {what} Job reaches whom it likes"));
            add(node, job, client, unrestricted, &format!("nodes do not reach the {what} Job"));
        }

        let mut add_at = |ends, from: &End, to: &End, (port, protocol), connects, what: &str| {
            let (from, to, what) = (from.clone(), to.clone(), what.to_owned());
            rows.push(Row { from, to, port, protocol, connects, what, ends });
        };
        // Each end holds by itself: the other one may be of a policy that somebody changed.
        let (first, last) = (self.client_ports.iter().min(), self.client_ports.iter().max());
        let beside = first.into_iter().map(|port| port - 1).chain(last.map(|port| port + 1));
        let beside = beside.filter(|port| Some(*port) != self.plaintext_port);
        for port in beside.chain([22, bus - 1, bus + 1]) {
            let at = (port, "TCP");
            add_at(Ends::Out, node, node, at, unrestricted, "nodes need two ports of each other");
            add_at(Ends::In, node, node, at, false, "nodes have two ports for each other");
        }
        for port in [client, bus] {
            let at = (port, "UDP");
            add_at(Ends::Out, node, node, at, unrestricted, "nodes speak TCP");
            add_at(Ends::In, node, node, at, false, "nodes speak TCP");
            add_at(Ends::In, &other, node, at, false, "and so do clients");
        }
        for to in outside.iter().chain([&other, node]) {
            for protocol in ["UDP", "TCP"] {
                let what = "nodes ask for names, wherever the name service is";
                add_at(Ends::Out, node, to, (53, protocol), true, what);
            }
            for at in [(52, "TCP"), (54, "UDP"), (443, "UDP")] {
                add_at(Ends::Out, node, to, at, unrestricted, "and for nothing else");
            }
        }
        rows
    }
}

struct Row {
    from: End,
    to: End,
    port: u64,
    protocol: &'static str,
    connects: bool,
    what: String,
    ends: Ends,
}

/// The ends at which policies are asked.
#[derive(Debug, Clone, Copy)]
enum Ends {
    Both,
    /// Where it begins.
    Out,
    /// Where it ends.
    In,
}

/// Stands for the client port in `particular`.
const CLIENT: u64 = 0;

/// What is special about one spec: its name, from whom, to whom, at which port, and whether they connect.
fn particular(node: &End) -> Vec<(&'static str, End, End, u64, bool, &'static str)> {
    let from =
        |name, end: End, port, connects, what| (name, end, node.clone(), port, connects, what);
    let to = |name, end: End, port, connects, what| (name, node.clone(), end, port, connects, what);
    let pod = |label: &str, value: &str| End::pod(json!({label: value}));
    let client = "example.com/redis-client";
    let elsewhere = |end: End| end.in_namespace("elsewhere");
    let monitoring = || pod("app", "prometheus").in_namespace("monitoring");
    let addresses = "network-policy-addresses";
    vec![
        from("production", pod(client, "orders").in_namespace("shop"), CLIENT, true, "a client"),
        from("production", elsewhere(pod(client, "orders")), CLIENT, false, "not from elsewhere"),
        from("production", pod(client, "x").in_namespace("shop"), CLIENT, false, "not any pod"),
        from("production", monitoring(), 9121, true, "Prometheus reads metrics"),
        from("production", monitoring(), CLIENT, false, "and nothing else"),
        from("tls", monitoring(), 9445, true, "at another port"),
        from("tls", monitoring(), 9446, false, "only there"),
        from("observability-certificate-days", monitoring(), 9121, true, "Prometheus of Valkey's"),
        from("observability-certificate-days", monitoring(), 9122, false, "and nothing else"),
        from("external", pod(client, "catalog"), CLIENT, true, "a client"),
        from("external", elsewhere(pod(client, "catalog")), CLIENT, false, "not from elsewhere"),
        from("external", End::at("172.20.30.40"), CLIENT, true, "the load balancers' clients"),
        from("external", End::at("172.21.30.40"), CLIENT, false, "those beside them"),
        from("network-clients", pod("app", "shop"), CLIENT, true, "a client"),
        from("network-clients", elsewhere(pod("app", "shop")), CLIENT, false, "not from elsewhere"),
        from("network-clients", monitoring(), 9121, true, "a rule of the spec's own"),
        from("network-clients", monitoring(), CLIENT, false, "it is about one port"),
        from("network-external", End::at("10.255.0.1"), CLIENT, true, "the first block"),
        from("network-external", End::at("11.0.0.1"), CLIENT, false, "behind the first block"),
        from("network-external", End::at("203.0.113.255"), CLIENT, true, "the second block"),
        from("network-external", End::at("203.0.114.0"), CLIENT, false, "behind the second one"),
        from("network-external", pod("app", "web"), CLIENT, true, "a client"),
        from("restore", pod("app", "shop"), CLIENT, true, "a client"),
        from("backup", pod("app", "shop"), CLIENT, true, "a client"),
        from("observability-exporter-settings", monitoring(), 9200, true, "at another port"),
        from("observability-exporter-settings", monitoring(), 9121, false, "only there"),
        from(
            "observability-certificate-days",
            monitoring(),
            9121,
            true,
            "Prometheus reads metrics",
        ),
        from("observability-certificate-days", monitoring(), 22, false, "and nothing else"),
        to("network-policy-egress", End::at("192.0.2.9"), 443, true, "what the spec allows"),
        to("network-policy-egress", End::at("192.0.2.9"), 80, false, "at one port"),
        to("network-policy-egress", End::at("192.0.3.9"), 443, false, "in one block"),
        from(addresses, End::at("2001:db8:1::7"), CLIENT, true, "IPv6"),
        from(addresses, End::at("2001:db8:1:1:ffff::"), CLIENT, true, "up to what is excepted"),
        from(addresses, End::at("2001:db8:1:2::7"), CLIENT, false, "what is excepted"),
        from(addresses, End::at("2001:db8:2::7"), CLIENT, false, "behind the block"),
        from(addresses, End::at("192.0.2.127"), CLIENT, true, "IPv4"),
        from(addresses, End::at("192.0.2.128"), CLIENT, false, "what is excepted of IPv4"),
        from(addresses, End::at("192.0.3.1"), CLIENT, false, "behind the block of IPv4"),
        from(addresses, End::at("2001:db8:9::1"), 9000, true, "the first of several ports"),
        from(addresses, End::at("2001:db8:9::1"), 9010, true, "the last of several ports"),
        from(addresses, End::at("2001:db8:9::1"), 8999, false, "the port before"),
        from(addresses, End::at("2001:db8:9::1"), 9011, false, "the port behind"),
        from(addresses, End::at("2001:db9::1"), 9000, false, "another block"),
        to(addresses, End::at("2001:db8:5::1"), 8000, true, "the first port that nodes reach"),
        to(addresses, End::at("2001:db8:5::1"), 8001, true, "the last port that nodes reach"),
        to(addresses, End::at("2001:db8:5::1"), 8002, false, "the port behind"),
        to(addresses, End::at("2001:db8:6::1"), 8000, false, "another block"),
    ]
}

/// Every example and every folder of `tests/render/`.
fn cases() -> Vec<Case> {
    let cases: Vec<_> = rendered::example_specs()
        .into_iter()
        .chain(rendered::case_specs())
        .map(|(name, file)| {
            let text = fs::read_to_string(&file).expect("the spec can be read");
            let spec = serde_yaml::from_str(&text).expect("the spec is YAML");
            Case::new(&name, spec, &rendered::objects(&file))
        })
        .collect();
    assert!(cases.len() > 60, "only {} specs", cases.len());
    cases
}

#[test]
fn who_may_reach_whom() {
    let (cases, mut wrong) = (cases(), Vec::new());
    for case in &cases {
        // A spec may ask for none.
        let enabled = &case.spec["spec"]["network"]["networkPolicy"]["enabled"];
        let policies = usize::from(*enabled != false);
        assert_eq!(case.policies.len(), policies, "{}: the number of policies", case.name);
        if policies > 0 {
            wrong.extend(case.wrong());
        }
    }
    for (name, ..) in particular(&cases[0].nodes[0]) {
        assert!(cases.iter().any(|case| case.name == name), "there is no {name}");
    }
    assert_none(&wrong);
}

/// Whatever is taken out of a policy, somebody reaches what they should not, or does not reach what they should. Where that is not noticed, `particular` lacks
/// something of what the spec lists.
#[test]
fn nothing_can_be_taken_out_unnoticed() {
    let (mut unnoticed, mut seen) = (Vec::new(), Vec::new());
    for mut case in cases() {
        let rows = case.rows();
        for policy in 0..case.policies.len() {
            let whole = case.policies[policy].clone();
            if seen.contains(&whole["spec"]) {
                continue;
            }
            seen.push(whole["spec"].clone());
            let mut parts = Vec::new();
            parts_of(&whole["spec"], "/spec", &mut parts);
            for part in parts.into_iter().filter(|part| !says_nothing(&whole, part)) {
                case.policies[policy] = whole.clone();
                take_out(&mut case.policies[policy], &part);
                if case.is_as_expected(&rows) {
                    unnoticed.push(format!("{}: {part}", case.name));
                }
            }
            case.policies[policy] = whole;
        }
    }
    assert!(seen.len() > 15, "only {} policies", seen.len());
    assert_none(&unnoticed);
}

/// Without it, the policy is the same, or none that Kubernetes accepts.
fn says_nothing(policy: &Value, part: &str) -> bool {
    let Some((parent, field)) = part.rsplit_once('/') else { return false };
    let beside = policy.pointer(parent).expect("the parent");
    match field {
        "protocol" => beside["protocol"] == "TCP",
        "port" => !beside["endPort"].is_null(),
        "cidr" | "policyTypes" => true,
        _ => false,
    }
}

/// The pointers to everything in a value.
fn parts_of(value: &Value, at: &str, parts: &mut Vec<String>) {
    let children: Vec<_> = match value {
        Value::Object(map) => {
            let escaped = |key: &String| key.replace('~', "~0").replace('/', "~1");
            map.iter().map(|(key, value)| (escaped(key), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        _ => Vec::new(),
    };
    for (key, child) in children {
        let at = format!("{at}/{key}");
        parts_of(child, &at, parts);
        parts.push(at);
    }
}

fn take_out(value: &mut Value, part: &str) {
    let (parent, key) = part.rsplit_once('/').expect("a pointer");
    match value.pointer_mut(parent).expect("the parent") {
        Value::Object(map) => {
            map.shift_remove(&key.replace("~1", "/").replace("~0", "~")).expect("the field");
        }
        Value::Array(items) => {
            items.remove(key.parse().expect("a number"));
        }
        other => panic!("{part} in {other}"),
    }
}
