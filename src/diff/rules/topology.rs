//! How many pods there are, and how StatefulSets treat them.

use serde_json::Value;

use super::{BASE, Facts, Pods, Rule};
use crate::diff::{class::Class, object::Object, workload};

/// More or fewer pods of a StatefulSet that stays, if their number changes.
fn replicas(facts: &Facts<'_>) -> Option<(u64, u64)> {
    let (old, new) = facts.both()?;
    let is_field = facts.is_kind("StatefulSet") && facts.path().is("spec replicas");
    let (old, new) = (workload::replicas(old), workload::replicas(new));
    (is_field && old != new).then_some((old, new))
}

/// `1 pod starts`, `2 pods start`
fn count(pods: u64, one: &str, many: &str) -> String {
    if pods == 1 { format!("1 pod {one}") } else { format!("{pods} pods {many}") }
}

pub(super) const REPLICAS_ADDED: Rule = Rule {
    code: "RCG614",
    name: "replicas-added",
    class: Class::Live,
    title: "a shard has more replicas",
    story: "The new pods start empty, the bootstrap Job lets them join, and each copies the data of its shard's master. Pods that run already are not touched.",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/",
    pods: Pods::Differing,
    check: |facts| {
        let (old, new) = replicas(facts)?;
        (new > old)
            .then(|| count(new - old, "starts and joins by itself", "start and join by themselves"))
    },
    ..BASE
};

pub(super) const UPDATE_STRATEGY: Rule = Rule {
    code: "RCG615",
    name: "update-strategy-changed",
    class: Class::Live,
    title: "when changed pods are replaced is decided anew",
    story: "`updateStrategy` itself restarts nothing. With `OnDelete`, or a `partition` above the pods' numbers, later changes of the template wait until somebody deletes the pods; going back to `RollingUpdate` restarts those that have waited.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#update-strategies",
    check: |facts| {
        let (_, new) = facts.both()?;
        let is_field = facts.is_kind("StatefulSet")
            && facts.path().is_below("spec updateStrategy")
            && facts.path().last() != "maxUnavailable";
        let effect = if workload::waits(new) {
            "later changes wait until pods are deleted"
        } else {
            "changed pods are replaced at once"
        };
        (is_field && facts.is_change()).then(|| effect.to_owned())
    },
    ..BASE
};

pub(super) const RETAINED: Rule = Rule {
    code: "RCG623",
    name: "volumes-retained",
    class: Class::Live,
    title: "volumes are kept from now on",
    story: "`persistentVolumeClaimRetentionPolicy` may change at any time. With `Retain`, the claims outlive their pods and their StatefulSet.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention",
    check: |facts| {
        let is_field = facts.is_kind("StatefulSet")
            && facts.path().is_below("spec persistentVolumeClaimRetentionPolicy");
        (is_field && facts.is_change() && facts.new_text() != "Delete")
            .then(|| "claims outlive their pods".to_owned())
    },
    ..BASE
};

pub(super) const CLUSTER_ADDED: Rule = Rule {
    code: "RCG624",
    name: "stateful-set-added",
    class: Class::Live,
    title: "a StatefulSet is created",
    story: "Its pods start with empty volumes, or with those of an earlier StatefulSet of the same name that were kept.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/",
    pods: Pods::Differing,
    check: |facts| {
        let new = facts.new?;
        (facts.is_added() && facts.is_kind("StatefulSet"))
            .then(|| count(workload::replicas(new), "starts", "start"))
    },
    ..BASE
};

pub(super) const SET_SETTINGS: Rule = Rule {
    code: "RCG627",
    name: "stateful-set-settings-changed",
    class: Class::Live,
    title: "`minReadySeconds` or `revisionHistoryLimit` changes",
    story: "Both may change in place, the latter from Kubernetes 1.33 on. They count from the next rolling restart on.",
    source: "pkg/apis/apps/validation/validation.go, ValidateStatefulSetUpdate",
    check: |facts| {
        let is_field =
            facts.path().is("spec minReadySeconds") || facts.path().is("spec revisionHistoryLimit");
        (facts.is_change() && facts.is_kind("StatefulSet") && is_field)
            .then(|| "counts from the next rolling restart on".to_owned())
    },
    ..BASE
};

fn max_unavailable<'a>(facts: &'a Facts<'_>) -> Option<Option<&'a Value>> {
    let is_field = facts.is_kind("StatefulSet")
        && facts.path().is("spec updateStrategy rollingUpdate maxUnavailable");
    (is_field && facts.is_change()).then_some(facts.difference.new.as_ref())
}

pub(super) const MAX_UNAVAILABLE: Rule = Rule {
    code: "RCG629",
    name: "max-unavailable-one",
    class: Class::Live,
    title: "a rolling restart takes one pod at a time",
    story: "`maxUnavailable` of a StatefulSet is known to Kubernetes 1.35 and 1.37; 1 is what happens without it.",
    kubernetes: &[(35, 35), (37, 37)],
    source: "https://github.com/kubernetes/kubernetes/pull/139466",
    check: |facts| {
        let value = max_unavailable(facts)?;
        value.is_none_or(|value| *value == 1).then(|| "one pod at a time".to_owned())
    },
    ..BASE
};

/// The pods of the list of pods that are marked as on their way out on the new side and not on the old one, or the other way round, and are there
/// on both.
fn marked(facts: &Facts<'_>, new: bool) -> Vec<String> {
    let is_list =
        facts.is_change() && facts.is_kind("ConfigMap") && facts.path().is("data topology");
    if !is_list {
        return Vec::new();
    }
    let (from, to) = if new { (facts.before, facts.after) } else { (facts.after, facts.before) };
    let namespace = &facts.id.namespace;
    let sets = from.of_kind("StatefulSet").filter(|set| set.id.namespace == *namespace);
    let there: Vec<_> = sets.flat_map(workload::pods).collect();
    let before: Vec<_> = workload::retiring(from, namespace).collect();
    workload::retiring(to, namespace)
        .filter(|pod| !before.contains(pod) && there.iter().any(|there| there == pod))
        .map(str::to_owned)
        .collect()
}

pub(super) const PODS_RETIRE: Rule = Rule {
    code: "RCG634",
    name: "pods-retire",
    class: Class::Live,
    title: "pods are emptied and taken out of the cluster",
    story: "`spec.topology.retiring` is the first of two steps that make a cluster smaller. The pods keep running while the bootstrap Job moves their slots to those that stay, waits until all nodes agree, and removes their nodes from the cluster. When the Job has finished, the second step is to delete the block: then the pods go.",
    next: "follow the Job's log; when it has finished, delete spec.topology.retiring",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/#remove-a-node",
    pods: Pods::Retiring,
    check: |facts| {
        let pods = marked(facts, true).len() as u64;
        let (one, many) =
            ("is emptied and leaves the cluster", "are emptied and leave the cluster");
        (pods > 0).then(|| count(pods, one, many))
    },
    ..BASE
};

pub(super) const PODS_STAY: Rule = Rule {
    code: "RCG635",
    name: "pods-stay",
    class: Class::Live,
    title: "pods that were on their way out stay",
    story: "The bootstrap Job lets those join again that have left the cluster, and gives each shard its part of the slots. Nodes remember for a minute whom they were told to forget, so it can take that long.",
    source: "https://redis.io/docs/latest/commands/cluster-forget/",
    pods: Pods::Retiring,
    check: |facts| {
        let pods = marked(facts, false).len() as u64;
        (pods > 0).then(|| count(pods, "stays after all", "stay after all"))
    },
    ..BASE
};

/// The pods of a StatefulSet that go, and whether all of them were on their way out.
fn leaving<'a>(facts: &Facts<'a>) -> Option<(&'a Object, u64, bool)> {
    let old = facts.old.filter(|old| old.id.kind == "StatefulSet")?;
    if !facts.is_removed() {
        let (old, new) = replicas(facts)?;
        if new > old {
            return None;
        }
    }
    let stay = facts.new.map(workload::pods).unwrap_or_default();
    let retiring: Vec<_> = workload::retiring(facts.before, &old.id.namespace).collect();
    let pods = workload::pods(old);
    let mut go = pods.iter().filter(|pod| !stay.contains(pod));
    let number = go.clone().count() as u64;
    let all = number > 0 && go.all(|pod| retiring.contains(&pod.as_str()));
    Some((old, number, all))
}

/// Whether the pods of a StatefulSet that go were all on their way out.
pub(super) fn were_retiring(facts: &Facts<'_>) -> bool {
    leaving(facts).is_some_and(|(_, _, all)| all)
}

pub(super) const RETIRED_PODS_LEAVE: Rule = Rule {
    code: "RCG636",
    name: "retired-pods-leave",
    class: Class::Manual,
    title: "pods go that the bootstrap Job has emptied",
    story: "The second step of making a cluster smaller: the pods that `spec.topology.retiring` named are deleted. No manifest shows whether the Job has finished; before that, the pods may still hold data.",
    next: "apply only when the Job has finished, as shown above",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#deployment-and-scaling-guarantees",
    pods: Pods::Differing,
    check: |facts| {
        let (old, pods, all) = leaving(facts)?;
        let namespace = match old.id.namespace.as_str() {
            "" => String::new(),
            namespace => format!("-n {namespace} "),
        };
        let job = workload::job(facts.before, old).map_or_else(
            || {
                format!(
                    "job -l app.kubernetes.io/component=bootstrap,app.kubernetes.io/instance={}",
                    workload::cluster(old)
                )
            },
            |job| format!("job/{}", job.id.name),
        );
        all.then(|| {
            format!(
                "{}; first: kubectl {namespace}wait --for=condition=complete --timeout=-1s {job}",
                count(pods, "goes", "go")
            )
        })
    },
    ..BASE
};

/// What the Job does with new shards.
const GROWTH: &str = "The bootstrap Job lets the new pods join, waits until their replicas are in sync, and moves slots until each shard has its part. The data moves while clients read and write; the Job's log shows how far it is.";

pub(super) const SHARD_ADDED: Rule = Rule {
    code: "RCG651",
    name: "shard-added",
    class: Class::Live,
    title: "a cluster that runs gets another shard",
    story: GROWTH,
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/#reshard-the-cluster",
    pods: Pods::Differing,
    check: |facts| {
        let new = facts.new?;
        let runs = facts.before.of_kind("StatefulSet").any(|other| {
            workload::cluster(other) == workload::cluster(new)
                && other.id.namespace == new.id.namespace
        });
        (facts.is_added() && workload::is_cluster(new) && runs).then(|| {
            count(
                workload::replicas(new),
                "joins, and the Job moves slots to it",
                "join, and the Job moves slots to them",
            )
        })
    },
    ..BASE
};

pub(super) const PODS_ADDED: Rule = Rule {
    code: "RCG652",
    name: "pods-added",
    class: Class::Live,
    title: "the one StatefulSet of a cluster has more pods",
    story: GROWTH,
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/",
    pods: Pods::Differing,
    check: |facts| {
        let (old, new) = replicas(facts)?;
        let single =
            facts.new.is_some_and(|set| workload::is_cluster(set) && !workload::is_shard(set));
        (new > old && single).then(|| {
            count(
                new - old,
                "joins; the Job moves slots to new shards",
                "join; the Job moves slots to new shards",
            )
        })
    },
    ..BASE
};

pub(super) const REPLICAS_REMOVED: Rule = Rule {
    code: "RCG692",
    name: "pods-removed",
    class: Class::DataRisk,
    title: "a StatefulSet has fewer pods",
    story: "The pods with the highest numbers are deleted, whatever their role is at that moment. A master that goes without its slots having been moved takes its part of the data with it, or leaves it to a replica that may lag; a replica that goes leaves its shard with one copy less.\n\n\
It takes two steps. Lower the numbers in the spec and write the difference under `spec.topology.retiring`: the same pods stay while the bootstrap Job empties them and takes them out of the cluster. When it has finished, delete the block.",
    next: "write the difference under spec.topology.retiring first; delete that block when the bootstrap Job has finished",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#deployment-and-scaling-guarantees",
    pods: Pods::Differing,
    check: |facts| {
        let (old, new) = replicas(facts)?;
        (new < old && !were_retiring(facts)).then(|| {
            count(
                old - new,
                "with the highest number is deleted, master or not",
                "with the highest numbers are deleted, masters or not",
            )
        })
    },
    ..BASE
};

pub(super) const VOLUMES_DELETED: Rule = Rule {
    code: "RCG696",
    name: "volume-deletion-on",
    class: Class::DataRisk,
    title: "volumes are deleted with their pods or their StatefulSet",
    story: "With `whenScaled: Delete` a pod that goes takes its volume with it; with `whenDeleted: Delete` a deleted StatefulSet takes all of them. A mistaken scale-down or a recreated StatefulSet then costs the data.",
    next: "keep `Retain` unless the data may be lost, and delete claims by hand",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention",
    pods: Pods::All,
    check: |facts| {
        let is_field = facts.is_kind("StatefulSet")
            && facts.path().is_below("spec persistentVolumeClaimRetentionPolicy");
        (is_field && facts.is_change() && facts.new_text() == "Delete")
            .then(|| "volumes go with their pods".to_owned())
    },
    ..BASE
};

pub(super) const ORDINALS: Rule = Rule {
    code: "RCG697",
    name: "ordinals-moved",
    class: Class::DataRisk,
    title: "the numbers of a StatefulSet's pods begin elsewhere",
    story: "Pods whose number is no longer in the range are deleted, and pods with new numbers start with empty volumes: names, volumes and identities move.",
    next: "leave `spec.ordinals.start` of StatefulSet NAME as it is",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#start-ordinal",
    pods: Pods::Differing,
    check: |facts| {
        (facts.is_change()
            && facts.is_kind("StatefulSet")
            && facts.path().is_below("spec ordinals"))
        .then(|| "pods get other names and empty volumes".to_owned())
    },
    ..BASE
};

pub(super) const MAX_UNAVAILABLE_MANY: Rule = Rule {
    code: "RCG711",
    name: "max-unavailable-many",
    class: Class::DataRisk,
    title: "a rolling restart takes several pods of a StatefulSet at a time",
    story: "Kubernetes 1.35 and 1.37 know `maxUnavailable` of StatefulSets. A master and its replica may then be gone together, and what only they had is lost for that time, or for good without volumes. In 1.35.0 to 1.35.3 the field also breaks `podManagementPolicy: Parallel`.",
    next: "leave `maxUnavailable` of StatefulSet NAME out",
    kubernetes: &[(35, 35), (37, 37)],
    source: "https://github.com/kubernetes/kubernetes/issues/137409",
    pods: Pods::All,
    check: |facts| {
        let value = max_unavailable(facts)??;
        (*value != 1).then(|| "a master and its replica may restart together".to_owned())
    },
};
