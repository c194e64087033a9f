//! Values that the API server fills in, so that writing them or not is the same.
//!
//! From `SetDefaults_*` in `pkg/apis/{core,apps,batch,networking,policy}/v1/defaults.go` of Kubernetes; the same from 1.33 to 1.37.

use serde_json::{Value, json};

use super::path::Path;

/// Whether a value stands for the same as no value. `parent` is the mapping it stands in.
pub(super) fn is_default(kind: &str, path: &Path, value: &Value, parent: &Value) -> bool {
    if is_free(path) {
        return false;
    }
    if is_empty(path, value) {
        return true;
    }
    if let Value::Object(fields) = value
        && !keeps_its_shape(path.last())
    {
        return fields
            .iter()
            .all(|(name, field)| is_default(kind, &path.field(name), field, value));
    }
    scalar_default(kind, path, parent).is_some_and(|default| default == *value)
}

/// Whether the keys of the mapping above are not Kubernetes' own.
fn is_free(path: &Path) -> bool {
    let maps =
        ["annotations", "labels", "matchLabels", "nodeSelector", "selector", "data", "binaryData"];
    maps.contains(&path.parent())
}

/// Mappings that mean something by being there.
fn keeps_its_shape(name: &str) -> bool {
    matches!(
        name,
        "" | "emptyDir"
            | "podSelector"
            | "namespaceSelector"
            | "selector"
            | "labelSelector"
            | "configMap"
            | "secret"
            | "httpGet"
            | "tcpSocket"
            | "exec"
            | "grpc"
            | "ephemeral"
    )
}

/// Nothing, or a list or mapping without anything in it.
pub(super) fn is_empty(path: &Path, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty() && !keeps_its_shape(path.last()),
        _ => false,
    }
}

fn scalar_default(kind: &str, path: &Path, parent: &Value) -> Option<Value> {
    let (last, above) = (path.last(), path.parent());
    Some(match last {
        // Pods.
        "restartPolicy" if kind != "Job" && kind != "CronJob" => json!("Always"),
        "dnsPolicy" => json!("ClusterFirst"),
        "schedulerName" => json!("default-scheduler"),
        "terminationGracePeriodSeconds" => json!(30),
        "enableServiceLinks" => json!(true),
        "hostNetwork" | "hostPID" | "hostIPC" | "shareProcessNamespace" | "setHostnameAsFQDN" => {
            json!(false)
        }
        // The old name of the field, which the server fills in too.
        "serviceAccount" => parent.get("serviceAccountName")?.clone(),
        // Containers.
        "imagePullPolicy" => pull_policy(parent.get("image")?.as_str()?),
        "terminationMessagePath" => json!("/dev/termination-log"),
        "terminationMessagePolicy" => json!("File"),
        "stdin" | "stdinOnce" | "tty" => json!(false),
        "protocol" => json!("TCP"),
        "value" => json!(""),
        // Probes.
        "timeoutSeconds" | "successThreshold" => json!(1),
        "periodSeconds" => json!(10),
        "failureThreshold" => json!(3),
        "initialDelaySeconds" => json!(0),
        "scheme" if above == "httpGet" => json!("HTTP"),
        "path" if above == "httpGet" => json!("/"),
        // Volumes.
        "defaultMode" => json!(420),
        "readOnly" | "optional" => json!(false),
        "medium" if above == "emptyDir" => json!(""),
        "apiVersion" if above == "fieldRef" => json!("v1"),
        "divisor" => json!("0"),
        "volumeMode" => json!("Filesystem"),
        "apiVersion" if path.is("spec volumeClaimTemplates [] apiVersion") => json!("v1"),
        "kind" if path.is("spec volumeClaimTemplates [] kind") => json!("PersistentVolumeClaim"),
        "type" if above == "hostPath" => json!(""),
        // StatefulSets, Deployments, Jobs.
        "podManagementPolicy" => json!("OrderedReady"),
        "revisionHistoryLimit" => json!(10),
        "replicas" => json!(1),
        "minReadySeconds" | "partition" => json!(0),
        "type" if above == "updateStrategy" || above == "strategy" => json!("RollingUpdate"),
        "maxUnavailable" if kind == "StatefulSet" || kind == "DaemonSet" => json!(1),
        "maxUnavailable" | "maxSurge" if kind == "Deployment" => json!("25%"),
        "whenDeleted" | "whenScaled" => json!("Retain"),
        "progressDeadlineSeconds" => json!(600),
        "start" if above == "ordinals" => json!(0),
        "backoffLimit" => json!(6),
        "completions" | "parallelism" => json!(1),
        "completionMode" => json!("NonIndexed"),
        "suspend" | "manualSelector" | "paused" => json!(false),
        "podReplacementPolicy" => json!("TerminatingOrFailed"),
        // Services.
        "type" if kind == "Service" && above == "spec" => json!("ClusterIP"),
        "sessionAffinity" => json!("None"),
        "internalTrafficPolicy" | "externalTrafficPolicy" => json!("Cluster"),
        "allocateLoadBalancerNodePorts" => json!(true),
        "publishNotReadyAddresses" => json!(false),
        "ipFamilyPolicy" => json!("SingleStack"),
        "targetPort" => parent.get("port")?.clone(),
        // Others.
        "immutable" => json!(false),
        "type" if kind == "Secret" => json!("Opaque"),
        "policyTypes" if parent.get("egress").is_none() => json!(["Ingress"]),
        "policyTypes" => json!(["Ingress", "Egress"]),
        // A request that is not written is what the limit is.
        name if above == "requests" && path.names().contains(&"resources") => {
            parent.get(name)?.clone()
        }
        _ => return None,
    })
}

fn pull_policy(image: &str) -> Value {
    let name = image.rsplit('/').next().unwrap_or(image);
    let floats = !name.contains('@') && (!name.contains(':') || name.ends_with(":latest"));
    json!(if floats { "Always" } else { "IfNotPresent" })
}

/// Fields that the server gives a value of its own choice when nobody does.
pub(super) fn is_allocated(kind: &str, path: &Path, value: &Value) -> bool {
    match (kind, path.last()) {
        ("Service", "clusterIP") => value != "None",
        ("Service", "clusterIPs") => value != &json!(["None"]),
        ("Service", "ipFamilies" | "ipFamilyPolicy" | "nodePort" | "healthCheckNodePort") => true,
        ("PersistentVolumeClaim", "volumeName") => true,
        _ => false,
    }
}
