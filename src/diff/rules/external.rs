//! Access from outside of the Kubernetes cluster: what clients are told, and the Services that lead there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{BASE, Facts, Pods, Rule};
use crate::{
    diff::{class::Class, object::Object, workload},
    plan::names,
};

/// A host and a port, which is empty where it is the same for all.
type Place<'a> = (&'a str, &'a str);

/// The hosts and ports by pod in the file `external` of a ConfigMap.
fn places(file: &str) -> BTreeMap<&str, Place<'_>> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    let places = lines.filter_map(|line| line.split_once(' '));
    places.map(|(pod, place)| (pod, place.split_once(' ').unwrap_or((place, "")))).collect()
}

/// The places of pods that stay, before and after, where the file changes.
fn moved<'a>(facts: &'a Facts<'_>) -> Vec<(Place<'a>, Place<'a>)> {
    if !facts.is_change() || !facts.is_kind("ConfigMap") || !facts.path().is("data external") {
        return Vec::new();
    }
    let (old, new) = (places(facts.old_text()), places(facts.new_text()));
    old.into_iter().filter_map(|(pod, place)| Some((place, *new.get(pod)?))).collect()
}

pub(super) const EXTERNAL_HOST: Rule = Rule {
    code: "RCG714",
    name: "external-host-changed",
    class: Class::Manual,
    title: "clients are told another outside host for a pod",
    story: "Running servers take the changed host over within about a minute and a half, and tell it to every client that asks or is sent elsewhere; nothing restarts. A client that cannot resolve or reach it loses the pod, so the new host has to lead to the pod's Service first. With encryption, the certificate has to have it too.",
    next: "see that every client can reach the pods under their new hosts before applying",
    source: "https://redis.io/docs/latest/commands/cluster-slots/",
    pods: Pods::All,
    check: |facts| {
        let other = moved(facts).iter().any(|(old, new)| old.0 != new.0);
        other.then(|| "clients are sent to other hosts".to_owned())
    },
    ..BASE
};

/// The pod that a Service is for, where it is for one.
fn pod(service: &Object) -> Option<&str> {
    service.get("/spec/selector")?.get(names::POD_NAME_LABEL)?.as_str()
}

pub(super) const POD_SERVICE_REMOVED: Rule = Rule {
    code: "RCG715",
    name: "pod-service-removed",
    class: Class::Manual,
    title: "the Service goes by which clients outside reach a pod",
    story: "Its load balancer goes with it, and so does its address: a Service of the same name that is made later may get another one. Clients outside that are sent to the pod do not find it, and with it a part of the keys, as soon as the pod is a master.",
    next: "move clients outside off Service NAME before it goes",
    source: "https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/",
    check: |facts| {
        let service = facts.old.filter(|_| facts.is_removed() && facts.is_kind("Service"))?;
        let pod = pod(service)?;
        let stays = facts.after.of_kind("StatefulSet").any(|set| {
            set.id.namespace == service.id.namespace
                && workload::pods(set).iter().any(|name| name == pod)
        });
        Some(if stays {
            "clients outside lose a pod that stays".to_owned()
        } else {
            "goes with its pod".to_owned()
        })
    },
    ..BASE
};

/// Whether a Service has a load balancer.
fn has_load_balancer(service: &Object) -> bool {
    service.id.kind == "Service" && service.text("/spec/type") == "LoadBalancer"
}

pub(super) const LOAD_BALANCER_ANNOTATION: Rule = Rule {
    code: "RCG716",
    name: "load-balancer-annotation",
    class: Class::Live,
    title: "an annotation of a Service with a load balancer changes",
    story: "The controller of the load balancer reads it. Most settings change in place; some, such as a name, a scheme or a subnet, make it replace the load balancer, whose address is then another one, or are not looked at again after the first time. External-dns changes records within its interval.",
    next: "look up in the documentation of the load balancer's controller what a change of the annotation does",
    source: "https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer",
    check: |facts| {
        let (old, new) = facts.both()?;
        (facts.is_change()
            && facts.path().is_below("metadata annotations")
            && has_load_balancer(old)
            && has_load_balancer(new))
        .then(|| "is up to the load balancer's controller".to_owned())
    },
    ..BASE
};

pub(super) const SOURCE_RANGES: Rule = Rule {
    code: "RCG717",
    name: "source-ranges-changed",
    class: Class::Live,
    title: "a load balancer takes connections from other addresses",
    story: "New connections from addresses that are no longer listed are refused at once; whether those that are open are cut depends on the load balancer. Without a list it takes connections from everywhere.",
    source: "https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/",
    check: |facts| {
        let is_field = facts.is_kind("Service")
            && facts.path().is_below("spec loadBalancerSourceRanges")
            && facts.is_change();
        let listed = |service: &Object| {
            let ranges = service.get("/spec/loadBalancerSourceRanges").and_then(Value::as_array);
            ranges.is_some_and(|ranges| !ranges.is_empty())
        };
        is_field.then(|| {
            if facts.new.is_some_and(listed) {
                "clients elsewhere are no longer let in".to_owned()
            } else {
                "clients are let in from everywhere".to_owned()
            }
        })
    },
    ..BASE
};

pub(super) const LOAD_BALANCER_GONE: Rule = Rule {
    code: "RCG718",
    name: "load-balancer-gone",
    class: Class::Manual,
    title: "a Service with a load balancer becomes one without",
    story: "The load balancer is deleted with its address. Clients that use it, or that nodes send there, find nobody.",
    next: "move clients off the load balancer of Service NAME first",
    source: "https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer",
    check: |facts| {
        let (old, new) = facts.both()?;
        (facts.path().is("spec type") && has_load_balancer(old) && !has_load_balancer(new))
            .then(|| "the load balancer goes, with its address".to_owned())
    },
    ..BASE
};

pub(super) const NODE_PORT: Rule = Rule {
    code: "RCG719",
    name: "node-port-changed",
    class: Class::Manual,
    title: "pods listen on other ports for clients",
    story: "The pods restart, one after another, and each then listens on its new port, which nodes tell clients and each other. Its Service leads to the new port at once, so for a client outside the pod is gone until it has restarted, and a client that begins at an old port finds nobody. Firewalls have to know the new ports first.",
    next: "tell firewalls the new ports, apply, and then tell the clients that begin there",
    source: "https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport",
    pods: Pods::All,
    check: |facts| {
        let other = moved(facts).iter().any(|(old, new)| old.1 != new.1);
        other.then(|| "pods listen on other ports when they have restarted".to_owned())
    },
    ..BASE
};
