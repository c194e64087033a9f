//! The pod template: every change of it restarts pods, and some do more.

use serde_json::Value;

use super::{BASE, Facts, Pods, Rule, config};
use crate::{
    diff::{class::Class, conf, object::Object, secrets, workload},
    plan::names,
};

/// Whether the template of a StatefulSet that stays changes.
fn is_template(facts: &Facts<'_>) -> bool {
    facts.is_change() && facts.is_kind("StatefulSet") && facts.path().is_below("spec template")
}

fn waits(facts: &Facts<'_>) -> bool {
    facts.new.is_some_and(workload::waits)
}

pub(super) const WAITS: Rule = Rule {
    code: "RCG631",
    name: "template-waits",
    class: Class::Pending,
    title: "the pod template changes, and pods wait to be deleted",
    story: "With `updateStrategy: OnDelete`, or a `partition` above the pods' numbers, a changed template is stored, and a pod follows when it is deleted. A pod that restarts for another reason follows then, too.",
    next: "kubectl delete pod, one replica after the other, then the masters, each when the one before is ready",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#on-delete",
    pods: Pods::All,
    check: |facts| {
        (is_template(facts) && waits(facts)).then(|| "pods follow when they are deleted".to_owned())
    },
    ..BASE
};

pub(super) const TEMPLATE: Rule = Rule {
    code: "RCG641",
    name: "template-changed",
    class: Class::Restart,
    title: "the pod template of a StatefulSet changes",
    story: "Every byte of the template counts, labels and annotations too: the controller hashes it into a ControllerRevision and replaces pods that have another one, from the highest number down, each when the one before is ready. Each master hands its shard over before it stops, so clients hardly notice.",
    source: "pkg/controller/statefulset/stateful_set_utils.go, getPatch",
    pods: Pods::All,
    check: |facts| (is_template(facts) && !waits(facts)).then(|| facts.restart()),
    ..BASE
};

pub(super) const RESOURCES: Rule = Rule {
    code: "RCG646",
    name: "resources-changed",
    class: Class::Restart,
    title: "processor time or memory of a container changes",
    story: "Pods can be resized in place since Kubernetes 1.35, but a StatefulSet does not do that: changed resources are a changed template, and restart the pods. To avoid it, resize the pods with `kubectl patch pod --subresource resize` first, and let the template follow with `OnDelete`.",
    source: "https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/",
    pods: Pods::All,
    check: |facts| {
        let is_resource = facts.path().is_below("spec template spec containers [] resources");
        (is_template(facts) && !waits(facts) && is_resource)
            .then(|| format!("{}; they are not resized in place", facts.restart()))
    },
    ..BASE
};

pub(super) const OTHER_WORKLOAD: Rule = Rule {
    code: "RCG648",
    name: "other-workload-changed",
    class: Class::Restart,
    title: "the pod template of a Deployment or DaemonSet changes",
    story: "Its pods are replaced.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#updating-a-deployment",
    check: |facts| {
        let kind = ["Deployment", "DaemonSet"].contains(&facts.id.kind.as_str());
        (facts.is_change() && kind && facts.path().is_below("spec template"))
            .then(|| "its pods restart".to_owned())
    },
    ..BASE
};

/// Whether Secrets of users come or go, and those of the users that stay are the same.
fn is_of_other_users(facts: &Facts<'_>) -> bool {
    let Some((old, new)) = facts.both() else { return false };
    let sources = |object: &Object| -> Vec<Value> {
        let volumes = object.get("/spec/template/spec/volumes").and_then(Value::as_array);
        let of_users = volumes
            .into_iter()
            .flatten()
            .find(|volume| volume.get("name").is_some_and(|name| *name == names::USERS.0));
        let sources = of_users.and_then(|volume| volume.pointer("/projected/sources")?.as_array());
        sources.cloned().unwrap_or_default()
    };
    let (old, new) = (sources(old), sources(new));
    facts.path().item_of("volumes") == Some(names::USERS.0)
        && (old.iter().all(|source| new.contains(source))
            || new.iter().all(|source| old.contains(source)))
}

pub(super) const PASSWORD_REFERENCE: Rule = Rule {
    code: "RCG656",
    name: "secret-reference-changed",
    class: Class::Manual,
    title: "pods take a secret from elsewhere",
    story: "While the pods restart, some have the old secret and some the new one. Where it is the cluster's password, replicas cannot copy from masters with the other one, and clients are refused by half of the pods. Let both be valid first: two passwords for the user in an ACL, then the clients, then the pods.",
    next: "see that both secrets are accepted until the last pod has restarted",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/",
    pods: Pods::All,
    check: |facts| {
        let path = facts.path();
        let mentions = |value: &Option<Value>| {
            value.as_ref().is_some_and(|value| {
                let text = value.to_string();
                text.contains("secretKeyRef")
                    || text.contains("secretRef")
                    || text.contains("\"secret\"")
            })
        };
        let secret =
            path.names().iter().any(|name| {
                matches!(*name, "secretKeyRef" | "secretRef" | "secretName" | "secret")
            }) || mentions(&facts.difference.old)
                || mentions(&facts.difference.new)
                || path.item_of("env").is_some_and(secrets::is_secret_name);
        (is_template(facts) && secret && !is_of_other_users(facts))
            .then(|| "for a while, pods have different secrets".to_owned())
    },
    ..BASE
};

pub(super) const DATA_VOLUME: Rule = Rule {
    code: "RCG702",
    name: "data-volume-changed",
    class: Class::DataRisk,
    title: "the volume changes that holds the data",
    story: "A pod that restarts finds another volume where its data was: it starts empty, as a new node, and copies what its shard's master has. The volume that it leaves is not touched. When all pods of a shard have restarted so before their copies are complete, the shard's data is gone.",
    next: "keep the volume that is mounted at /data; to move data, add pods and remove the old ones",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/",
    pods: Pods::All,
    check: |facts| {
        let (old, new) = facts.both()?;
        let path = facts.path();
        let data = names::DATA.1;
        let volume = |object| -> Option<String> {
            let mounts = workload::server(object)?.get("volumeMounts")?.as_array()?;
            let mount = mounts
                .iter()
                .find(|mount| mount.get("mountPath").is_some_and(|path| *path == data))?;
            Some(mount.get("name")?.as_str()?.to_owned())
        };
        let volumes = [volume(old), volume(new)];
        let is_volume = path.is_below("spec template spec volumes")
            && volumes.iter().flatten().any(|name| path.item_of("volumes") == Some(name))
            && path.last() != "sizeLimit";
        let is_mount = path.item_of("volumeMounts") == Some(data);
        (is_template(facts) && workload::is_cluster(new) && (is_volume || is_mount))
            .then(|| "restarted pods start empty".to_owned())
    },
    ..BASE
};

pub(super) const LIMIT_BELOW_MAXMEMORY: Rule = Rule {
    code: "RCG705",
    name: "limit-below-maxmemory",
    class: Class::DataRisk,
    title: "the memory limit of the server is not above its maxmemory",
    story: "The server fills memory up to `maxmemory` and needs more for copies while it writes files, for buffers and for fragmentation. Above its limit the kernel kills it, again and again as its data comes back. Leave a quarter to a half of the limit to it.",
    next: "raise the memory limit, or lower maxmemory first",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/memory-optimization/",
    pods: Pods::All,
    check: |facts| {
        let new = facts.new?;
        let told = || Some("the kernel kills servers that fill their memory".to_owned());
        if facts.directive() == Some("maxmemory") {
            let maxmemory = conf::bytes(facts.new_text()).filter(|bytes| *bytes > 0)?;
            let below = workload::users(facts.after, new)
                .filter_map(|(set, _)| workload::memory_limit(set))
                .any(|limit| limit <= maxmemory);
            return below.then(told)?;
        }
        if !is_template(facts)
            || !facts.path().touches("spec template spec containers [] resources limits memory")
        {
            return None;
        }
        let limit = workload::memory_limit(new)?;
        let below = facts
            .after
            .of_kind("ConfigMap")
            .filter(|map| workload::uses(new, "ConfigMap", &map.id.name).is_some())
            .filter_map(config::maxmemory)
            .any(|maxmemory| maxmemory > 0 && limit <= maxmemory);
        below.then(told)?
    },
    ..BASE
};
