//! What the API server refuses to change.

use serde_json::Value;

use super::{BASE, Facts, Pods, Rule, objects::shrinks};
use crate::diff::class::Class;

const REFUSED: &str = "the API server refuses it";

fn refused(is: bool) -> Option<String> {
    is.then(|| REFUSED.to_owned())
}

pub(super) const STATEFUL_SET: Rule = Rule {
    code: "RCG671",
    name: "stateful-set-immutable",
    class: Class::Rejected,
    title: "the selector, Service name or pod management policy of a StatefulSet changes",
    story: "Of a StatefulSet's spec only `replicas`, `ordinals`, `template`, `updateStrategy`, `revisionHistoryLimit`, `persistentVolumeClaimRetentionPolicy` and `minReadySeconds` may change. Everything else is refused, and with it every other change of \
the object in the same apply; a GitOps tool stays out of sync until the change is taken back.\n\n\
Deleting the StatefulSet with `--cascade=orphan` leaves its pods running; the new one adopts them if its selector finds them. A changed selector does not find them: they keep their names, and the new StatefulSet cannot make its own.",
    next: "take the change back; a StatefulSet that something else has made is taken over by `redis-cluster-gen plan --from`",
    source: "pkg/apis/apps/validation/validation.go, ValidateStatefulSetUpdate; the same from 1.33 to 1.37",
    pods: Pods::All,
    check: |facts| {
        let fields = ["spec selector", "spec serviceName", "spec podManagementPolicy"];
        refused(
            facts.is_change()
                && facts.is_kind("StatefulSet")
                && fields.iter().any(|field| facts.path().is_below(field)),
        )
    },
    ..BASE
};

fn claim_size(facts: &Facts<'_>) -> bool {
    facts.is_change()
        && facts.is_kind("StatefulSet")
        && facts.path().is("spec volumeClaimTemplates [] spec resources requests storage")
}

pub(super) const CLAIM_RESIZED: Rule = Rule {
    code: "RCG672",
    name: "claim-template-grown",
    class: Class::Rejected,
    title: "the claim template of a StatefulSet asks for more",
    story: "Claim templates cannot be changed in any version up to Kubernetes 1.37. Volumes grow by their claims, and the StatefulSet is made anew around its running pods:\n\n\
* see that the StorageClass has `allowVolumeExpansion: true`;\n\
* `kubectl patch pvc data-POD -p '{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"SIZE\"}}}}'` for each pod;\n\
* `kubectl delete statefulset NAME --cascade=orphan`, which leaves the pods running;\n\
* apply the manifests: the new StatefulSet adopts the pods.",
    next: "patch the claim of each pod to the new size, then kubectl delete statefulset NAME NAMESPACE --cascade=orphan, then apply",
    source: "pkg/apis/apps/validation/validation.go, ValidateStatefulSetUpdate; https://github.com/kubernetes/enhancements/issues/4650 is not in 1.37",
    pods: Pods::All,
    check: |facts| refused(claim_size(facts) && !shrinks(facts)),
    ..BASE
};

pub(super) const CLAIM_SHRUNK: Rule = Rule {
    code: "RCG673",
    name: "claim-template-shrunk",
    class: Class::Rejected,
    title: "the claim template of a StatefulSet asks for less",
    story: "Claim templates cannot be changed, and no volume can shrink: the claims that are there refuse it too. Smaller volumes need new pods: add shards or a second cluster with the new size, move the data, remove the old ones.",
    next: "take the change back; smaller volumes need a new cluster",
    source: "pkg/apis/core/validation/validation.go, ValidatePersistentVolumeClaimUpdate",
    pods: Pods::All,
    check: |facts| refused(claim_size(facts) && shrinks(facts)),
    ..BASE
};

pub(super) const CLAIM_TEMPLATE: Rule = Rule {
    code: "RCG674",
    name: "claim-template-changed",
    class: Class::Rejected,
    title: "the claim template of a StatefulSet changes in another way than its size",
    story: "Class, access modes, labels and annotations of claim templates cannot be changed in any version up to Kubernetes 1.37, nor can one be added or removed. Volumes keep what they were made with; a new class means new volumes and copied data.",
    next: "take the change back; or kubectl delete statefulset NAME NAMESPACE --cascade=orphan, then apply: volumes that are there stay as they are",
    source: "pkg/apis/apps/validation/validation.go, ValidateStatefulSetUpdate",
    pods: Pods::All,
    check: |facts| {
        refused(
            facts.is_change()
                && facts.is_kind("StatefulSet")
                && facts.path().is_below("spec volumeClaimTemplates")
                && !claim_size(facts),
        )
    },
    ..BASE
};

/// Fields of a Job that may change at any time.
const JOB_MUTABLE: [&str; 7] = [
    "parallelism",
    "suspend",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "maxFailedIndexes",
    "podReplacementPolicy",
];

/// Parts of the template that may change as long as a Job is suspended.
const JOB_SCHEDULING: [&str; 6] = [
    "spec template spec affinity",
    "spec template spec nodeSelector",
    "spec template spec tolerations",
    "spec template spec schedulingGates",
    "spec template metadata labels",
    "spec template metadata annotations",
];

fn is_suspended(facts: &Facts<'_>) -> bool {
    facts.old.is_some_and(|old| old.get("/spec/suspend") == Some(&Value::Bool(true)))
}

fn is_job_resource(facts: &Facts<'_>) -> bool {
    is_suspended(facts) && facts.path().is_below("spec template spec containers [] resources")
}

pub(super) const JOB: Rule = Rule {
    code: "RCG675",
    name: "job-immutable",
    class: Class::Rejected,
    title: "what a Job runs changes",
    story: "Template, selector, completions and policies of a Job cannot be changed. That is why the bootstrap Job is named after a hash of what it runs: a change gives a new Job. While a Job is suspended, scheduling, labels and annotations of its template may change.",
    next: "kubectl delete job NAME NAMESPACE, then apply",
    source: "pkg/apis/batch/validation/validation.go, ValidateJobSpecUpdate; the same from 1.33 to 1.37",
    check: |facts| {
        let path = facts.path();
        let mutable = JOB_MUTABLE.iter().any(|field| path.is(&format!("spec {field}")));
        let indexed = path.is("spec completions")
            && facts.new.is_some_and(|new| new.text("/spec/completionMode") == "Indexed");
        let scheduling =
            is_suspended(facts) && JOB_SCHEDULING.iter().any(|part| path.is_below(part));
        refused(
            facts.is_change()
                && facts.is_kind("Job")
                && path.is_below("spec")
                && !mutable
                && !indexed
                && !scheduling
                && !is_job_resource(facts),
        )
    },
    ..BASE
};

pub(super) const JOB_RESOURCES: Rule = Rule {
    code: "RCG688",
    name: "job-resources-immutable",
    class: Class::Rejected,
    title: "resources of a suspended Job change",
    story: "From Kubernetes 1.36 on, resources of a suspended Job may change; before, they cannot.",
    next: "kubectl delete job NAME NAMESPACE, then apply",
    kubernetes: &[(33, 35)],
    source: "pkg/registry/batch/job/strategy.go, gate MutablePodResourcesForSuspendedJobs",
    check: |facts| refused(facts.is_change() && facts.is_kind("Job") && is_job_resource(facts)),
    ..BASE
};

pub(super) const CLUSTER_IP: Rule = Rule {
    code: "RCG676",
    name: "cluster-ip-immutable",
    class: Class::Rejected,
    title: "the address of a Service changes",
    story: "`clusterIP` and the first of `clusterIPs` cannot be changed once they are set, and `None` counts as set. A Service that was written without one got an address from the API server, so it cannot become headless either.",
    next: "kubectl delete service NAME NAMESPACE, then apply: its address is gone meanwhile",
    source: "pkg/apis/core/validation/validation.go, ValidateServiceClusterIPsRelatedFields",
    check: |facts| {
        let is_field = facts.path().is("spec clusterIP") || facts.path().is("spec clusterIPs");
        let (old, new) = (&facts.difference.old, &facts.difference.new);
        let becomes_headless = facts.path().is("spec clusterIP")
            && old.is_none()
            && new.as_ref().is_some_and(|new| new == "None");
        refused(
            facts.is_change()
                && facts.is_kind("Service")
                && is_field
                && (old.is_some() && new.is_some() || becomes_headless),
        )
    },
    ..BASE
};

pub(super) const IP_FAMILY: Rule = Rule {
    code: "RCG677",
    name: "ip-family-immutable",
    class: Class::Rejected,
    title: "the first IP family of a Service changes",
    story: "A Service that has an address keeps the family of it. A second family may come and go. A headless Service may change both.",
    next: "kubectl delete service NAME NAMESPACE, then apply",
    source: "pkg/apis/core/validation/validation.go, ValidateServiceClusterIPsRelatedFields",
    check: |facts| {
        let first = |value: &Option<Value>| value.as_ref().and_then(|list| list.get(0)).cloned();
        let (old, new) = (first(&facts.difference.old), first(&facts.difference.new));
        let headless = facts.old.is_some_and(|old| old.text("/spec/clusterIP") == "None");
        refused(
            facts.is_change()
                && facts.is_kind("Service")
                && facts.path().is("spec ipFamilies")
                && !headless
                && old.is_some()
                && new.is_some()
                && old != new,
        )
    },
    ..BASE
};

pub(super) const LOAD_BALANCER_CLASS: Rule = Rule {
    code: "RCG678",
    name: "load-balancer-class-immutable",
    class: Class::Rejected,
    title: "the class of a load balancer changes",
    story: "`loadBalancerClass` may be set when a Service becomes one of type LoadBalancer, and not changed as long as it is one.",
    next: "change the type to ClusterIP and back, or delete Service NAME and apply",
    source: "pkg/apis/core/validation/validation.go, validateLoadBalancerClassField",
    check: |facts| {
        let stays = facts.both().is_some_and(|(old, new)| {
            [old, new].iter().all(|side| side.text("/spec/type") == "LoadBalancer")
        });
        refused(
            facts.is_change()
                && facts.is_kind("Service")
                && facts.path().is("spec loadBalancerClass")
                && stays,
        )
    },
    ..BASE
};

pub(super) const HEALTH_CHECK_PORT: Rule = Rule {
    code: "RCG679",
    name: "health-check-port-immutable",
    class: Class::Rejected,
    title: "the health check port of a Service changes",
    story: "`healthCheckNodePort` cannot be changed once it is set.",
    next: "take the change back, or delete Service NAME and apply",
    source: "pkg/apis/core/validation/validation.go, ValidateServiceUpdate",
    check: |facts| {
        refused(
            facts.is_change()
                && facts.is_kind("Service")
                && facts.path().is("spec healthCheckNodePort")
                && facts.difference.old.is_some()
                && facts.difference.new.is_some(),
        )
    },
    ..BASE
};

pub(super) const DATA: Rule = Rule {
    code: "RCG680",
    name: "immutable-data",
    class: Class::Rejected,
    title: "a ConfigMap or Secret changes that was made immutable",
    story: "`immutable: true` cannot be taken back, and the data cannot change; metadata can. Make an object under another name, and let the pods use it.",
    next: "make a new object under another name, or kubectl delete KIND NAME NAMESPACE, then apply",
    source: "https://kubernetes.io/docs/concepts/configuration/configmap/#configmap-immutable",
    check: |facts| {
        let fields = ["data", "binaryData", "immutable"];
        let immutable =
            facts.old.is_some_and(|old| old.get("/immutable") == Some(&Value::Bool(true)));
        refused(
            facts.is_change()
                && immutable
                && fields.iter().any(|field| facts.path().is_below(field)),
        )
    },
    ..BASE
};

pub(super) const SECRET_TYPE: Rule = Rule {
    code: "RCG681",
    name: "secret-type-immutable",
    class: Class::Rejected,
    title: "the type of a Secret changes",
    story: "The type says which keys a Secret has; it is fixed when the Secret is made.",
    next: "kubectl delete secret NAME NAMESPACE, then apply",
    source: "pkg/apis/core/validation/validation.go, ValidateSecretUpdate",
    check: |facts| refused(facts.is_change() && facts.is_kind("Secret") && facts.path().is("type")),
    ..BASE
};

fn is_claim(facts: &Facts<'_>) -> bool {
    facts.is_change() && facts.is_kind("PersistentVolumeClaim") && facts.path().is_below("spec")
}

pub(super) const VOLUME_SHRUNK: Rule = Rule {
    code: "RCG682",
    name: "claim-shrunk",
    class: Class::Rejected,
    title: "a PersistentVolumeClaim asks for less",
    story: "A bound claim may grow, never shrink. Only an expansion that failed may be lowered, to more than the volume has.",
    next: "take the change back",
    source: "pkg/apis/core/validation/validation.go, ValidatePersistentVolumeClaimUpdate",
    check: |facts| {
        refused(
            is_claim(facts) && facts.path().is("spec resources requests storage") && shrinks(facts),
        )
    },
    ..BASE
};

pub(super) const VOLUME: Rule = Rule {
    code: "RCG683",
    name: "claim-immutable",
    class: Class::Rejected,
    title: "a PersistentVolumeClaim changes in another way than its size",
    story: "Of a bound claim only the size and the VolumeAttributesClass may change; a StorageClass may be given where there was none.",
    next: "take the change back, or make a new claim and copy the data",
    source: "pkg/apis/core/validation/validation.go, ValidatePersistentVolumeClaimUpdate",
    check: |facts| {
        let path = facts.path();
        let class_given = path.is("spec storageClassName") && facts.difference.old.is_none();
        let mutable =
            path.is("spec resources requests storage") || path.is("spec volumeAttributesClassName");
        refused(is_claim(facts) && !mutable && !class_given)
    },
    ..BASE
};

pub(super) const ROLE_REF: Rule = Rule {
    code: "RCG684",
    name: "role-ref-immutable",
    class: Class::Rejected,
    title: "the role of a binding changes",
    story: "The `roleRef` of a binding is fixed when the binding is made, so that who may change its subjects cannot raise their rights.",
    next: "kubectl delete KIND NAME NAMESPACE, then apply",
    source: "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#clusterrolebinding-example",
    check: |facts| {
        let kind = facts.is_kind("RoleBinding") || facts.is_kind("ClusterRoleBinding");
        refused(facts.is_change() && kind && facts.path().is_below("roleRef"))
    },
    ..BASE
};

pub(super) const WORKLOAD_SELECTOR: Rule = Rule {
    code: "RCG685",
    name: "workload-selector-immutable",
    class: Class::Rejected,
    title: "the selector of a Deployment or DaemonSet changes",
    story: "Selectors of workloads are fixed when they are made.",
    next: "kubectl delete KIND NAME NAMESPACE, then apply",
    source: "pkg/apis/apps/validation/validation.go",
    check: |facts| {
        let kind = ["Deployment", "DaemonSet", "ReplicaSet"].contains(&facts.id.kind.as_str());
        refused(facts.is_change() && kind && facts.path().is_below("spec selector"))
    },
    ..BASE
};

pub(super) const SELECTOR_WITHOUT_LABELS: Rule = Rule {
    code: "RCG686",
    name: "selector-without-labels",
    class: Class::Rejected,
    title: "the pods of a template no longer have the labels that its selector asks for",
    story: "A workload must find the pods that it makes, so the API server refuses a template whose labels do not have all of the selector's.",
    next: "give the template of KIND NAME the labels of its selector",
    source: "pkg/apis/apps/validation/validation.go, ValidateStatefulSetSpec",
    check: |facts| {
        let new = facts.new?;
        let selector = new.get("/spec/selector/matchLabels")?.as_object()?;
        let labels = new.get("/spec/template/metadata/labels");
        let lacks = selector
            .iter()
            .any(|(key, value)| labels.and_then(|labels| labels.get(key)) != Some(value));
        refused(
            facts.is_change() && facts.path().is_below("spec template metadata labels") && lacks,
        )
    },
    ..BASE
};
