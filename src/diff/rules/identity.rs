//! Objects that go, and objects that become others.

use super::{BASE, Facts, Pods, Rule, topology};
use crate::diff::{class::Class, object::Object, workload};

fn removed<'a>(facts: &Facts<'a>) -> Option<&'a Object> {
    facts.old.filter(|_| facts.is_removed() && facts.is_kind("StatefulSet"))
}

/// The StatefulSets that are new on the new side.
fn arrivals<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a Object> {
    let before = facts.before;
    facts.after.of_kind("StatefulSet").filter(move |new| before.find(&new.id).is_none())
}

pub(super) const STATEFUL_SET_REMOVED: Rule = Rule {
    code: "RCG691",
    name: "stateful-set-removed",
    class: Class::DataRisk,
    title: "a StatefulSet is removed",
    story: "All of its pods go. When it was a shard, its slots are served by nobody and its data is out of reach; when it was the cluster, so is all of it. The volumes stay where their retention policy says so.\n\n\
To remove a shard takes two steps. Lower `spec.topology.shards` and write the difference under `spec.topology.retiring`: the pods stay while the bootstrap Job moves their slots away and takes them out of the cluster. When it has finished, delete the block.",
    next: "write the difference under spec.topology.retiring first; delete that block when the bootstrap Job has finished",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/#remove-a-node",
    pods: Pods::Differing,
    check: |facts| {
        let old = removed(facts).filter(|_| !topology::were_retiring(facts))?;
        let what = if workload::is_shard(old) {
            "a shard goes with its slots"
        } else {
            "all of its pods go"
        };
        Some(what.to_owned())
    },
    ..BASE
};

pub(super) const LAYOUT: Rule = Rule {
    code: "RCG693",
    name: "layout-changed",
    class: Class::DataRisk,
    title: "a running cluster gets another layout",
    story: "One StatefulSet for all pods and one for each shard name their pods and volumes differently. Pruned and applied, the old pods go with all data and an empty cluster starts beside their volumes.\n\n\
It takes two steps. Write the layout that the cluster has under `spec.topology.retiring.layout`, beside the new one: all pods are there then, and the bootstrap Job moves the data from those of before to those of the new layout. When it has finished, delete the block.",
    next: "write the old layout under spec.topology.retiring.layout first; delete that block when the bootstrap Job has finished",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage",
    pods: Pods::Differing,
    check: |facts| {
        let old = removed(facts)?;
        arrivals(facts)
            .any(|new| {
                workload::cluster(new) == workload::cluster(old)
                    && new.id.namespace == old.id.namespace
                    && workload::is_shard(new) != workload::is_shard(old)
            })
            .then(|| "all pods go, and empty ones with other names start".to_owned())
    },
    ..BASE
};

pub(super) const RENAMED: Rule = Rule {
    code: "RCG694",
    name: "cluster-renamed",
    class: Class::DataRisk,
    title: "a running cluster gets another name",
    story: "Pods and volumes are found by the name: under another one an empty cluster starts, and the old one goes, with its data, where the tool that applies prunes. The volumes stay where their retention policy says so, but no pod uses them.",
    next: "keep the name; to move the data, run both clusters side by side and copy it",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage",
    pods: Pods::Differing,
    check: |facts| {
        let old = removed(facts)?;
        let stays = facts.after.of_kind("StatefulSet").any(|new| {
            workload::cluster(new) == workload::cluster(old) && new.id.namespace == old.id.namespace
        });
        let other = arrivals(facts).any(|new| {
            workload::is_cluster(new)
                && new.id.namespace == old.id.namespace
                && workload::cluster(new) != workload::cluster(old)
        });
        (!stays && other).then(|| "the old cluster goes, and an empty one starts".to_owned())
    },
    ..BASE
};

pub(super) const NAMESPACE: Rule = Rule {
    code: "RCG695",
    name: "namespace-changed",
    class: Class::DataRisk,
    title: "a running cluster moves to another namespace",
    story: "An object cannot move: in the other namespace an empty cluster starts, and the old one goes where the tool that applies prunes. Manifests that name no namespace are put where that tool says; a namespace that is written down now is safe only when it is that one.",
    next: "see that the objects are in the namespace that the manifests name: kubectl get KIND NAME NAMESPACE",
    source: "https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/",
    pods: Pods::Differing,
    check: |facts| {
        let written = facts.path().is("metadata namespace")
            && facts.both().is_some()
            && matches!(facts.id.kind.as_str(), "StatefulSet");
        if written {
            return Some("in another namespace an empty cluster starts".to_owned());
        }
        let old = removed(facts)?;
        arrivals(facts)
            .any(|new| new.id.name == old.id.name && new.id.namespace != old.id.namespace)
            .then(|| "the old cluster goes, and an empty one starts".to_owned())
    },
    ..BASE
};

pub(super) const STORAGE_REMOVED: Rule = Rule {
    code: "RCG710",
    name: "storage-removed",
    class: Class::DataRisk,
    title: "a claim, a volume, a namespace or a type of object is removed",
    story: "With a claim or a volume goes its data, with a namespace or a CustomResourceDefinition everything that is in it.",
    next: "keep KIND NAME, or save what is in it first",
    source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming",
    check: |facts| {
        let kinds =
            ["PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition"];
        (facts.is_removed() && kinds.contains(&facts.id.kind.as_str()))
            .then(|| "what is in it goes with it".to_owned())
    },
    ..BASE
};

pub(super) const USED_OBJECT_REMOVED: Rule = Rule {
    code: "RCG712",
    name: "used-object-removed",
    class: Class::DataRisk,
    title: "a ConfigMap, Secret or ServiceAccount goes that pods need to start",
    story: "Pods that run keep what they have. The next one that restarts does not start, and with it a shard loses its replica, then its master.",
    next: "keep KIND NAME as long as pods name it",
    source: "https://kubernetes.io/docs/concepts/configuration/configmap/",
    pods: Pods::All,
    check: |facts| {
        let old = facts.old.filter(|_| facts.is_removed())?;
        let by_account = |set: &Object| {
            facts.is_kind("ServiceAccount")
                && set.id.namespace == old.id.namespace
                && set.text("/spec/template/spec/serviceAccountName") == old.id.name
        };
        let needed = workload::users(facts.after, old).next().is_some()
            || facts.after.of_kind("StatefulSet").any(by_account);
        needed.then(|| "pods that restart do not start again".to_owned())
    },
    ..BASE
};

pub(super) const HEADLESS_SERVICE_REMOVED: Rule = Rule {
    code: "RCG713",
    name: "headless-service-removed",
    class: Class::DataRisk,
    title: "the Service goes that gives pods their names",
    story: "Pods of the cluster find each other by the DNS names that the headless Service gives them. Without it nobody finds a pod that restarts with another address, and the cluster falls apart pod by pod.",
    next: "keep Service NAME as long as a StatefulSet names it in `serviceName`",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-network-id",
    check: |facts| {
        let old = facts.old.filter(|_| facts.is_removed() && facts.is_kind("Service"))?;
        facts
            .after
            .of_kind("StatefulSet")
            .any(|set| {
                set.text("/spec/serviceName") == old.id.name && set.id.namespace == old.id.namespace
            })
            .then(|| "restarted pods are not found any more".to_owned())
    },
    ..BASE
};
