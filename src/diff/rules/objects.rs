//! Objects around the StatefulSets, and what holds for objects of any kind.

use serde_json::Value;

use super::{BASE, Facts, Pods, Rule};
use crate::{diff::class::Class, spec::quantity::Quantity};

/// Annotations of tools that replace an object instead of changing it.
const FORCE: [&str; 2] = ["argocd.argoproj.io/sync-options", "kustomize.toolkit.fluxcd.io/force"];

pub(super) const METADATA: Rule = Rule {
    code: "RCG611",
    name: "metadata-changed",
    class: Class::Live,
    title: "labels or annotations of the object itself change",
    story: "Nothing restarts for the metadata of a StatefulSet, a Service or a ConfigMap; only that of the pod template counts. Tools that select objects by a label may see the object come or go.",
    source: "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/",
    check: |facts| {
        let moves = facts.path().is("metadata namespace");
        (facts.is_change() && facts.path().is_below("metadata") && !moves)
            .then(|| "nothing restarts".to_owned())
    },
    ..BASE
};

pub(super) const POLICY: Rule = Rule {
    code: "RCG616",
    name: "policy-changed",
    class: Class::Live,
    title: "a policy, budget, account or role changes",
    story: "PodDisruptionBudgets, NetworkPolicies, ServiceAccounts, Roles and the like take effect at once and in place; nothing of them is immutable but the `roleRef` of a binding. Connections that a NetworkPolicy no longer \
allows are cut by some network plugins, and kept until they end by others.",
    source: "pkg/registry/policy/poddisruptionbudget/strategy.go and pkg/registry/networking/networkpolicy/strategy.go of Kubernetes",
    check: |facts| {
        let kinds = [
            "PodDisruptionBudget",
            "NetworkPolicy",
            "ServiceAccount",
            "Role",
            "RoleBinding",
            "ClusterRole",
            "ClusterRoleBinding",
        ];
        (facts.is_change()
            && kinds.contains(&facts.id.kind.as_str())
            && !facts.path().is_below("metadata"))
        .then(|| "takes effect at once".to_owned())
    },
    ..BASE
};

pub(super) const SERVICE: Rule = Rule {
    code: "RCG617",
    name: "service-changed",
    class: Class::Live,
    title: "ports, type or traffic settings of a Service change",
    story: "They take effect at once. Clients that connect to a port which is gone have to be told.",
    source: "pkg/apis/core/validation/validation.go, ValidateServiceUpdate",
    check: |facts| {
        (facts.is_change() && facts.is_kind("Service") && facts.path().is_below("spec"))
            .then(|| "takes effect at once".to_owned())
    },
    ..BASE
};

pub(super) const MONITORING: Rule = Rule {
    code: "RCG622",
    name: "monitoring-changed",
    class: Class::Live,
    title: "what watches the cluster changes, and the cluster does not notice",
    story: "Monitors, alert rules and dashboards are read by Prometheus and Grafana, within a minute or so. An alert whose rule changes begins to count its `for` anew. With a monitor that goes, metrics end, and the alerts on them resolve.",
    source: "https://prometheus-operator.dev/docs/developer/getting-started/",
    check: |facts| {
        let is_watching = facts.id.group == "monitoring.coreos.com" || is_dashboard(facts);
        is_watching.then(|| "only what watches the cluster".to_owned())
    },
    ..BASE
};

/// Whether the object is a ConfigMap with dashboards alone.
fn is_dashboard(facts: &Facts<'_>) -> bool {
    let files = facts.new.or(facts.old).and_then(|object| object.get("/data")?.as_object());
    facts.is_kind("ConfigMap")
        && files.is_some_and(|files| {
            !files.is_empty() && files.keys().all(|file| file.ends_with("dashboard.json"))
        })
}

pub(super) const OBJECT_ADDED: Rule = Rule {
    code: "RCG618",
    name: "object-added",
    class: Class::Live,
    title: "an object is added",
    story: "What is there already is not touched by it. An object whose manifest names another namespace is another object: it is created there, and the old one stays until somebody deletes it.",
    source: "https://kubernetes.io/docs/concepts/overview/working-with-objects/",
    check: |facts| {
        let moves = facts.path().is("metadata namespace");
        (facts.is_added() || moves).then(|| "is created".to_owned())
    },
    ..BASE
};

pub(super) const OBJECT_REMOVED: Rule = Rule {
    code: "RCG619",
    name: "object-removed",
    class: Class::Live,
    title: "an object that no pod needs is removed",
    story: "Whoever applies the manifests with pruning deletes it: Argo CD, Flux, `kubectl apply --prune`. Plain `kubectl apply` leaves it where it is.",
    source: "https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/#how-to-delete-objects",
    check: |facts| facts.is_removed().then(|| "is deleted by tools that prune".to_owned()),
    ..BASE
};

pub(super) const JOB_ADDED: Rule = Rule {
    code: "RCG620",
    name: "job-added",
    class: Class::Live,
    title: "a Job runs once",
    story: "The bootstrap Job is named after what it works on, so a changed topology, image or script gives a new one. On a finished cluster it ends within seconds; where pods were added or retire it lets them join or leave, and moves the slots.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/job/",
    check: |facts| (facts.is_added() && facts.is_kind("Job")).then(|| "runs once".to_owned()),
    ..BASE
};

pub(super) const JOB_REMOVED: Rule = Rule {
    code: "RCG621",
    name: "job-removed",
    class: Class::Live,
    title: "a Job is removed",
    story: "A Job that has ended does nothing any more; one that still runs is stopped, and the bootstrap Job may be stopped at any moment.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/job/",
    check: |facts| {
        (facts.is_removed() && facts.is_kind("Job"))
            .then(|| "a finished Job does nothing".to_owned())
    },
    ..BASE
};

pub(super) const JOB_SETTINGS: Rule = Rule {
    code: "RCG625",
    name: "job-settings-changed",
    class: Class::Live,
    title: "deadlines or retries of a Job change",
    story: "`parallelism`, `suspend`, `activeDeadlineSeconds`, `backoffLimit`, `ttlSecondsAfterFinished`, `maxFailedIndexes` and `podReplacementPolicy` may change at any time.",
    source: "pkg/apis/batch/validation/validation.go, ValidateJobSpecUpdate",
    check: |facts| {
        (facts.is_change() && facts.is_kind("Job") && facts.path().is_below("spec"))
            .then(|| "takes effect in place".to_owned())
    },
    ..BASE
};

pub(super) const CRON_JOB: Rule = Rule {
    code: "RCG731",
    name: "cron-job-changed",
    class: Class::Live,
    title: "a CronJob changes from its next run on",
    story: "A changed schedule, time zone or template holds for the Jobs that are made from then on; one that runs goes on as it is. A schedule that comes later today than the old one may run twice today, one that comes earlier not before tomorrow. Where fewer backups are kept, older ones are removed from the volume when the next one is complete.",
    source: "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#modifying-a-cronjob",
    check: |facts| {
        if !(facts.is_change() && facts.is_kind("CronJob") && facts.path().is_below("spec")) {
            return None;
        }
        let number = |text: &str| text.parse::<u32>().ok();
        match (number(facts.old_text()), number(facts.new_text())) {
            (Some(old), Some(new)) if new < old && facts.path().item_of("env") == Some("KEEP") => {
                Some(format!("the next run removes all backups but the {new} newest"))
            }
            _ => Some("from the next run on".to_owned()),
        }
    },
    ..BASE
};

pub(super) const CLAIM_GROWN: Rule = Rule {
    code: "RCG626",
    name: "claim-grown",
    class: Class::Live,
    title: "a PersistentVolumeClaim asks for more",
    story: "A bound claim may grow where its StorageClass has `allowVolumeExpansion: true`, and is refused where not. Most drivers grow the file system while it is used.",
    next: "look for `allowVolumeExpansion: true` in the StorageClass of NAME",
    source: "pkg/apis/core/validation/validation.go, ValidatePersistentVolumeClaimUpdate",
    check: |facts| {
        (facts.is_change()
            && facts.is_kind("PersistentVolumeClaim")
            && facts.path().is("spec resources requests storage")
            && !shrinks(facts))
        .then(|| "the volume grows".to_owned())
    },
    ..BASE
};

pub(super) const CLASS_GIVEN: Rule = Rule {
    code: "RCG732",
    name: "claim-class-given",
    class: Class::Manual,
    title: "a PersistentVolumeClaim is given a class that it had by default",
    story: "A claim without a class gets the default class when it is made, or when there is one. From then on only that class is taken; another one is refused, and the volume stays where it is.",
    next: "compare with what `kubectl get pvc NAME NAMESPACE -o jsonpath='{.spec.storageClassName}'` says; for another class make a new claim and copy the data",
    source: "pkg/apis/core/validation/validation.go, ValidatePersistentVolumeClaimUpdate",
    check: |facts| {
        (facts.is_change()
            && facts.is_kind("PersistentVolumeClaim")
            && facts.path().is("spec storageClassName")
            && facts.difference.old.is_none())
        .then(|| "taken only if it is the class that the claim has".to_owned())
    },
    ..BASE
};

/// Whether an amount becomes smaller.
pub(super) fn shrinks(facts: &Facts<'_>) -> bool {
    let amount = |value: &Option<Value>| {
        let text =
            value.as_ref().map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
        text.map(|text| Quantity::new(&text).nano())
    };
    match (amount(&facts.difference.old), amount(&facts.difference.new)) {
        (Some(old), Some(new)) => new < old,
        _ => false,
    }
}

pub(super) const ATTRIBUTES_CLASS: Rule = Rule {
    code: "RCG628",
    name: "attributes-class-changed",
    class: Class::Live,
    title: "the VolumeAttributesClass of a claim changes",
    story: "From Kubernetes 1.34 on the driver changes the volume's attributes, such as its throughput, in place.",
    kubernetes: &[(34, 37)],
    source: "https://kubernetes.io/docs/concepts/storage/volume-attributes-classes/",
    check: |facts| {
        let is_field = facts.is_kind("PersistentVolumeClaim")
            && facts.path().is("spec volumeAttributesClassName");
        (is_field && facts.is_change()).then(|| "the driver changes the volume in place".to_owned())
    },
    ..BASE
};

pub(super) const SERVICE_SELECTOR: Rule = Rule {
    code: "RCG659",
    name: "service-selector-changed",
    class: Class::Manual,
    title: "a Service selects other pods",
    story: "Its endpoints change at once: clients are sent to other pods, or to none. When it is the headless Service, pods also lose the DNS names by which they find each other. Make sure that the pods carry the new labels first.",
    next: "compare the selector of Service NAME with the labels of the pods that it should reach",
    source: "https://kubernetes.io/docs/concepts/services-networking/service/",
    check: |facts| {
        (facts.is_change() && facts.is_kind("Service") && facts.path().is_below("spec selector"))
            .then(|| "clients are sent to other pods at once".to_owned())
    },
    ..BASE
};

pub(super) const SERVICE_REMOVED: Rule = Rule {
    code: "RCG660",
    name: "service-removed",
    class: Class::Manual,
    title: "a Service that clients may use is removed",
    story: "Its name and address are gone at once. Clients that have found the cluster go on with the addresses of the pods; those that start do not find it.",
    next: "move clients off Service NAME before it goes",
    source: "https://kubernetes.io/docs/concepts/services-networking/service/",
    check: |facts| {
        (facts.is_removed() && facts.is_kind("Service"))
            .then(|| "clients that use it find nothing".to_owned())
    },
    ..BASE
};

pub(super) const CERTIFICATE: Rule = Rule {
    code: "RCG630",
    name: "certificate-changed",
    class: Class::Live,
    title: "cert-manager signs a new certificate",
    story: "A changed Certificate is issued anew into its Secret, from where running servers take it within two minutes.",
    source: "https://cert-manager.io/docs/usage/certificate/",
    check: |facts| {
        let is_certificate = facts.id.group == "cert-manager.io"
            && facts.is_kind("Certificate")
            && facts.is_change();
        is_certificate.then(|| "servers take the new certificate while they run".to_owned())
    },
    ..BASE
};

pub(super) const ISSUER: Rule = Rule {
    code: "RCG734",
    name: "issuer-changed",
    class: Class::Manual,
    title: "another issuer signs the certificate",
    story: "cert-manager issues the certificate anew, with the `ca.crt` of the new issuer, and each pod takes both within two minutes, at a time of its own. Where the authority is another one, pods and clients that only know the old one refuse the new certificate, and the other way round: connections that are open stay, but a link \
of the bus, a replica's copy or a client that connects anew fails until both sides know the same authority. Both have to be in `ca.crt` first. cert-manager writes that file, so let the pods take their certificate from a Secret of your own in the meantime (`tls.secretName`).",
    next: "see that both issuers have the same authority, or that pods and clients trust both before",
    source: "https://cert-manager.io/docs/usage/certificate/",
    pods: Pods::None,
    check: |facts| {
        (facts.id.group == "cert-manager.io"
            && facts.is_kind("Certificate")
            && facts.is_change()
            && facts.path().is_below("spec issuerRef"))
        .then(|| "another authority may sign the new certificate".to_owned())
    },
    ..BASE
};

pub(super) const CLUSTER_IP_KEPT: Rule = Rule {
    code: "RCG662",
    name: "headless-kept",
    class: Class::Manual,
    title: "a headless Service stays headless",
    story: "When `clusterIP: None` is left out, the API server copies the old value without a word. To give the Service an address it has to be deleted and created anew.",
    next: "kubectl delete service NAME NAMESPACE, then apply",
    source: "pkg/registry/core/service/storage/storage.go, patchAllocatedValues",
    check: |facts| {
        let was_headless = facts.difference.old.as_ref().is_some_and(|old| {
            *old == "None" || old.as_array().is_some_and(|list| list.iter().all(|ip| ip == "None"))
        });
        let is_field = facts.path().is("spec clusterIP") || facts.path().is("spec clusterIPs");
        (facts.is_change()
            && facts.is_kind("Service")
            && is_field
            && was_headless
            && facts.difference.new.is_none())
        .then(|| "the API server keeps `None`".to_owned())
    },
    ..BASE
};

pub(super) const NOT_READY_HIDDEN: Rule = Rule {
    code: "RCG663",
    name: "not-ready-addresses-hidden",
    class: Class::Manual,
    title: "pods that are not ready lose their DNS names",
    story: "Pods of a cluster find each other by name before they are ready: that is how they become ready. A headless Service without `publishNotReadyAddresses` lets a restarted cluster wait for itself.",
    next: "keep `publishNotReadyAddresses: true` on the headless Service NAME",
    source: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/",
    check: |facts| {
        let hidden = facts.difference.new.as_ref().is_none_or(|new| *new == false);
        (facts.is_change()
            && facts.is_kind("Service")
            && facts.path().is("spec publishNotReadyAddresses")
            && hidden)
            .then(|| "restarting pods no longer find each other".to_owned())
    },
    ..BASE
};

pub(super) const FORCED: Rule = Rule {
    code: "RCG709",
    name: "replaced-by-force",
    class: Class::DataRisk,
    title: "a GitOps tool is told to replace the object instead of changing it",
    story: "`Replace=true` with `Force=true` of Argo CD and `force: enabled` of Flux delete and create an object where a change is refused. For a StatefulSet that deletes all pods at once, and with the retention policy `Delete` their volumes.",
    next: "take the annotation off KIND NAME",
    source: "https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/",
    pods: Pods::All,
    check: |facts| {
        let forced = |value: &str| {
            ["Force=true", "Replace=true", "enabled"].iter().any(|word| value.contains(word))
        };
        let is_annotation =
            facts.path().parent() == "annotations" && FORCE.contains(&facts.path().last());
        (facts.is_change()
            && facts.is_kind("StatefulSet")
            && is_annotation
            && forced(facts.new_text()))
        .then(|| "a refused change deletes all pods at once".to_owned())
    },
    ..BASE
};

pub(super) const ANYTHING: Rule = Rule {
    code: "RCG799",
    name: "other-change",
    class: Class::Live,
    title: "a field changes that no other rule is about",
    story: "The API server takes the change, and what it does is up to whoever reads the object. For kinds that Kubernetes does not know itself, see the documentation of their controller.",
    source: "https://kubernetes.io/docs/concepts/overview/working-with-objects/",
    check: |_| Some("takes effect in place".to_owned()),
    ..BASE
};
