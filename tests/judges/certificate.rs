//! The Certificate is good for every name by which anybody reaches a pod or a Service, and for no other. That it is a Certificate at all, `published.rs` says.

use std::{collections::BTreeSet, fs, net::IpAddr};

use serde_json::Value;

use crate::{assert_none, common::rendered};

/// Whether a name of a certificate covers a host: a `*` stands for one whole label, the first (RFC 6125, section 6.4.3).
fn covers(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest == domain),
        None => name == host,
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// In short, and, where the namespace is known, with it, and in full.
fn hosts(host: &str, namespace: &Value, domain: &str) -> Vec<String> {
    let ends = namespace.as_str().into_iter().flat_map(|namespace| {
        ["", ".svc", &format!(".svc.{domain}")].map(|end| format!("{host}.{namespace}{end}"))
    });
    ends.chain([host.to_owned()]).collect()
}

/// The hosts of Services, as the objects have them, and the pods' own.
fn services(objects: &[Value], domain: &str) -> BTreeSet<String> {
    let services = objects.iter().filter(|object| object["kind"] == "Service");
    services
        .filter(|service| service["spec"]["type"] == "ClusterIP")
        .map(|service| &service["metadata"])
        .flat_map(|metadata| hosts(text(&metadata["name"]), &metadata["namespace"], domain))
        .chain(["localhost".to_owned()])
        .collect()
}

/// The hosts of pods, as their StatefulSets have them.
fn pods(objects: &[Value], domain: &str) -> BTreeSet<String> {
    let sets = objects.iter().filter(|object| object["kind"] == "StatefulSet");
    sets.flat_map(|set| {
        let (metadata, spec) = (&set["metadata"], &set["spec"]);
        let (name, service) = (text(&metadata["name"]), text(&spec["serviceName"]));
        (0..spec["replicas"].as_u64().expect("a number")).flat_map(move |ordinal| {
            hosts(&format!("{name}-{ordinal}.{service}"), &metadata["namespace"], domain)
        })
    })
    .collect()
}

/// What clients outside are told: lines of pod, host and port.
fn hosts_outside(objects: &[Value]) -> BTreeSet<String> {
    let maps = objects.iter().filter(|object| object["kind"] == "ConfigMap");
    let lists = maps.filter_map(|map| map["data"]["external"].as_str());
    let lines = lists.flat_map(str::lines).filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(' ').nth(1).expect("a host").to_owned()).collect()
}

/// The volume with the certificate.
fn mounted_secrets(objects: &[Value]) -> BTreeSet<&str> {
    let sets = objects.iter().filter(|object| object["kind"] == "StatefulSet");
    sets.flat_map(|set| set["spec"]["template"]["spec"]["volumes"].as_array().expect("volumes"))
        .filter(|volume| volume["name"] == "tls")
        .map(|volume| text(&volume["secret"]["secretName"]))
        .collect()
}

/// What is wrong with the certificate of the objects of a spec; nothing where there is none.
fn wrong(name: &str, spec: &Value, objects: &[Value]) -> Option<Vec<String>> {
    let certificate = &objects.iter().find(|object| object["kind"] == "Certificate")?["spec"];
    let names = texts(&certificate["dnsNames"]);
    let addresses: BTreeSet<IpAddr> = texts(&certificate["ipAddresses"])
        .into_iter()
        .map(|address| address.parse().expect("an address"))
        .collect();
    let domain = spec["spec"]["network"]["clusterDomain"].as_str().unwrap_or("cluster.local");
    let is_address = |host: &String| host.parse::<IpAddr>().is_ok();
    let (outside_addresses, outside): (BTreeSet<_>, BTreeSet<_>) =
        hosts_outside(objects).into_iter().partition(is_address);
    let (services, mut pods) = (services(objects, domain), pods(objects, domain));
    pods.extend(outside);
    let asked_for = texts(&spec["spec"]["tls"]["certificate"]["dnsNames"]);

    let mut wrong = Vec::new();
    for host in services.iter().chain(&pods) {
        if !names.iter().any(|name| covers(name, host)) {
            wrong.push(format!("{name}: {host} is in no name"));
        }
    }
    for asked in &asked_for {
        if !names.contains(asked) {
            wrong.push(format!("{name}: the spec asks for {asked}"));
        }
    }
    for found in &names {
        // With a `*` it would be good for other Services, too.
        let is_used = services.contains(*found) || pods.iter().any(|host| covers(found, host));
        if !is_used && !asked_for.contains(found) {
            wrong.push(format!("{name}: nobody has the name {found}"));
        }
    }
    if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
        wrong.push(format!("{name}: a name is there twice: {names:?}"));
    }
    // Port forwarding ends at a loopback address, of either family.
    let loopback = ["127.0.0.1", "::1"].into_iter();
    let expected: BTreeSet<IpAddr> = loopback
        .chain(outside_addresses.iter().map(String::as_str))
        .map(|address| address.parse().expect("an address"))
        .collect();
    if addresses != expected {
        wrong.push(format!("{name}: {addresses:?} are not {expected:?}"));
    }
    let secret = text(&certificate["secretName"]);
    if mounted_secrets(objects) != BTreeSet::from([secret]) {
        wrong.push(format!("{name}: pods do not mount {secret}"));
    }
    // A node is its peers' client as well.
    for usage in ["client auth", "server auth"] {
        if !texts(&certificate["usages"]).contains(&usage) {
            wrong.push(format!("{name}: it is not for {usage}"));
        }
    }
    Some(wrong)
}

/// Every spec whose objects have a Certificate, with them.
fn cases() -> Vec<(String, Value, Vec<Value>)> {
    let cases: Vec<_> = rendered::example_specs()
        .into_iter()
        .chain(rendered::case_specs())
        .map(|(name, file)| {
            let text = fs::read_to_string(&file).expect("the spec can be read");
            (name, serde_yaml::from_str(&text).expect("YAML"), rendered::objects(&file))
        })
        .filter(|(_, _, objects): &(_, _, Vec<Value>)| {
            objects.iter().any(|object| object["kind"] == "Certificate")
        })
        .collect();
    for name in ["network-external-addresses", "network-external-tls", "tls-certificate"] {
        assert!(cases.iter().any(|(case, ..)| case == name), "{name} has no Certificate");
    }
    cases
}

#[test]
fn it_is_good_for_the_names_that_are_used() {
    let all = cases();
    let wrong = all.iter().filter_map(|(name, spec, objects)| wrong(name, spec, objects)).flatten();
    assert_none(&wrong.collect::<Vec<_>>());
}

/// Any name or address that is taken out is missed, and so is a use.
#[test]
fn nothing_can_be_taken_out_unnoticed() {
    let mut unnoticed = Vec::new();
    for (name, spec, objects) in cases() {
        let at = objects.iter().position(|object| object["kind"] == "Certificate").expect("one");
        for field in ["dnsNames", "ipAddresses"] {
            for index in 0..objects[at]["spec"][field].as_array().expect("a list").len() {
                let mut less = objects.clone();
                let gone = less[at]["spec"][field].as_array_mut().expect("a list").remove(index);
                if wrong(&name, &spec, &less).is_some_and(|wrong| wrong.is_empty()) {
                    unnoticed.push(format!("{name}: {field}: {gone}"));
                }
            }
        }
        let mut more = objects.clone();
        let names = more[at]["spec"]["dnsNames"].as_array_mut().expect("a list");
        names.push("*.shop.svc.cluster.local".into());
        if wrong(&name, &spec, &more).is_some_and(|wrong| wrong.is_empty()) {
            unnoticed.push(format!("{name}: a name that is too wide"));
        }
    }
    assert_none(&unnoticed);
}
