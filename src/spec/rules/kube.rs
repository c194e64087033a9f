//! What Kubernetes does not understand in the parts of a spec that are its own types.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    super::{
        kube::{self, Kube, Mistake},
        quantity::Quantity,
        suggest::closest,
        written::{join, last, path},
    },
    Facts, Finding, Findings, Rule,
};
use crate::error::Severity;

pub(super) const KUBERNETES_FIELD: Rule = Rule {
    code: "RCG333",
    name: "kubernetes-field",
    severity: Severity::Error,
    title: "Kubernetes does not know a field",
    story: "\
Parts of a spec are Kubernetes' own types: containers, volumes, tolerations, affinity. They are read as Kubernetes 1.33, the oldest that is supported, defines them. A field that it does not know would be dropped by the API server without a word, or refused, as the \
tool that applies chooses. `kubectl explain pod.spec.containers` and the like list the fields.",
    check: Some(kubernetes_field),
};

pub(super) const KUBERNETES_VALUE: Rule = Rule {
    code: "RCG334",
    name: "kubernetes-value",
    severity: Severity::Error,
    title: "a value is none that Kubernetes can read",
    story: "\
Parts of a spec are Kubernetes' own types, and a value in one of them is of another type than Kubernetes has there, or an amount that it cannot read. Frequent ones: the value of an environment variable must be text, so numbers and `true` need quotes; \
`command` and `args` are lists of texts; a port is a number.",
    check: Some(kubernetes_value),
};

fn kubernetes_field(facts: &Facts<'_>, found: &mut Findings) {
    for part in parts(facts).iter().filter(|part| !part.mistakes.is_empty()) {
        for mistake in
            locate(part.raw, &part.decode).iter().filter(|mistake| mistake.reason.is_none())
        {
            let suggests = found.told.len() < MOST_SUGGESTIONS;
            found.push(|| say(&part.pointer, part.docs, part.raw, mistake, suggests, &part.decode));
        }
    }
}

/// The pointers of the values with a field that Kubernetes does not know, which it understands but for that.
pub(super) fn misspelt(facts: &Facts<'_>) -> BTreeSet<String> {
    let parts = parts(facts);
    let unknown = parts.iter().flat_map(|part| {
        let unknown = part.mistakes.iter().filter(|mistake| mistake.reason.is_none());
        unknown.filter_map(|mistake| Some((&part.pointer, mistake.pointer.rsplit_once('/')?.0)))
    });
    unknown.map(|(part, within)| format!("{part}{within}")).collect()
}

fn kubernetes_value(facts: &Facts<'_>, found: &mut Findings) {
    for part in parts(facts) {
        if is_sound(part.mistakes) {
            amounts(&part, found);
            continue;
        }
        for mistake in
            locate(part.raw, &part.decode).iter().filter(|mistake| mistake.reason.is_some())
        {
            found.push(|| say(&part.pointer, part.docs, part.raw, mistake, false, &part.decode));
        }
    }
}

/// Looking for what was meant takes time; who made more mistakes than this needs the documentation.
pub(super) const MOST_SUGGESTIONS: usize = 20;

/// Whether a Kubernetes value could be decoded.
pub(super) fn is_sound(mistakes: &[Mistake]) -> bool {
    mistakes.iter().all(|mistake| mistake.reason.is_none())
}

type Decode = dyn Fn(&Value) -> Vec<Mistake>;

/// A Kubernetes value in the spec.
struct Part<'a> {
    pointer: String,
    raw: &'a Value,
    mistakes: &'a [Mistake],
    decode: Box<Decode>,
    /// What `kubectl explain` calls it.
    docs: &'static str,
}

fn part<'a, T>(pointer: String, docs: &'static str, kube: &'a Kube<T>) -> Part<'a>
where
    T: serde::de::DeserializeOwned + serde::Serialize + Default + 'static,
{
    let decode = Box::new(|value: &Value| kube::decode::<T>(value).1);
    Part { pointer, raw: &kube.raw, mistakes: &kube.mistakes, decode, docs }
}

fn list<'a, T>(parts: &mut Vec<Part<'a>>, pointer: &str, docs: &'static str, items: &'a [Kube<T>])
where
    T: serde::de::DeserializeOwned + serde::Serialize + Default + 'static,
{
    parts.extend(
        items.iter().enumerate().map(|(index, item)| part(join(pointer, index), docs, item)),
    );
}

fn parts<'a>(facts: &Facts<'a>) -> Vec<Part<'a>> {
    let pod = &facts.spec.pod;
    let mut parts = Vec::new();
    if let Some(context) = &pod.security_context {
        parts.push(part(
            "/spec/pod/securityContext".to_owned(),
            "pod.spec.securityContext",
            context,
        ));
    }
    if let Some(affinity) = &pod.affinity {
        parts.push(part("/spec/pod/affinity".to_owned(), "pod.spec.affinity", affinity));
    }
    list(&mut parts, "/spec/pod/tolerations", "pod.spec.tolerations", &pod.tolerations);
    list(&mut parts, "/spec/pod/env", "pod.spec.containers.env", &pod.env);
    list(&mut parts, "/spec/pod/envFrom", "pod.spec.containers.envFrom", &pod.env_from);
    list(&mut parts, "/spec/pod/volumes", "pod.spec.volumes", &pod.volumes);
    list(
        &mut parts,
        "/spec/pod/volumeMounts",
        "pod.spec.containers.volumeMounts",
        &pod.volume_mounts,
    );
    list(&mut parts, "/spec/pod/sidecars", "pod.spec.containers", &pod.sidecars);
    list(&mut parts, "/spec/pod/initContainers", "pod.spec.initContainers", &pod.init_containers);
    list(
        &mut parts,
        "/spec/observability/exporter/env",
        "pod.spec.containers.env",
        &facts.spec.observability.exporter.env,
    );
    let upload = facts.spec.backup.as_ref().and_then(|backup| backup.upload.as_ref());
    let upload = upload.map(|upload| ("/spec/backup/upload", upload));
    let download = facts.spec.restore.as_ref().and_then(|restore| restore.download.as_ref());
    let download = download.map(|download| ("/spec/restore/download", download));
    for (pointer, container) in upload.into_iter().chain(download) {
        parts.push(part(pointer.to_owned(), "pod.spec.containers", container));
    }
    let policy = &facts.spec.network.network_policy;
    list(
        &mut parts,
        "/spec/network/networkPolicy/clients",
        "networkpolicy.spec.ingress.from",
        &policy.clients,
    );
    list(
        &mut parts,
        "/spec/network/networkPolicy/metrics",
        "networkpolicy.spec.ingress.from",
        &policy.metrics,
    );
    list(
        &mut parts,
        "/spec/network/networkPolicy/ingress",
        "networkpolicy.spec.ingress",
        &policy.ingress,
    );
    list(
        &mut parts,
        "/spec/network/networkPolicy/egress",
        "networkpolicy.spec.egress",
        &policy.egress,
    );
    parts
}

/// Amounts are text to a decoder; the API server reads them.
fn amounts(part: &Part<'_>, found: &mut Findings) {
    let mut check = |pointer: String, value: &Value| {
        let Some(text) = value.as_str().filter(|text| !Quantity::new(text).is_valid()) else {
            return;
        };
        found.push(|| {
            Finding::at(pointer, format!("`{text}` is not an amount that Kubernetes can read"))
                .label("not an amount")
                .help("write a number and a suffix, such as `500m` of `cpu` or `512Mi` of `memory`")
        });
    };
    for kind in ["limits", "requests"] {
        let amounts = part.raw.pointer(&format!("/resources/{kind}")).and_then(Value::as_object);
        for (name, value) in amounts.into_iter().flatten() {
            check(join(&format!("{}/resources/{kind}", part.pointer), name), value);
        }
    }
    if let Some(value) = part.raw.pointer("/emptyDir/sizeLimit") {
        check(format!("{}/emptyDir/sizeLimit", part.pointer), value);
    }
}

/// Every mistake in a Kubernetes value, each where it is. A decoder stops at the first value of a wrong type and does not tell where: so each part
/// of the value is decoded by itself.
pub(super) fn locate(raw: &Value, decode: &Decode) -> Vec<Mistake> {
    let mut found = Vec::new();
    visit(raw, decode, &mut Vec::new(), &mut found);
    found
}

/// A key, or an index that is 0 where a value is decoded by itself.
#[derive(Clone)]
enum Step {
    Key(String),
    Index(usize),
}

fn visit(value: &Value, decode: &Decode, steps: &mut Vec<Step>, found: &mut Vec<Mistake>) {
    let mistakes = decode(&alone(steps, value.clone()));
    let Some(reason) = mistakes.iter().find_map(|mistake| mistake.reason.clone()) else {
        found.extend(mistakes.into_iter().map(|mistake| {
            // Its first tokens are the steps, with 0 for every index.
            let tokens: Vec<_> = mistake.pointer.split('/').skip(1).collect();
            let known = steps.len().min(tokens.len());
            let mut pointer = pointer_of(&steps[..known]);
            for token in &tokens[known..] {
                pointer.push('/');
                pointer.push_str(token);
            }
            Mistake { pointer, reason: None }
        }));
        return;
    };
    let before = found.len();
    let children: Vec<(Step, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (Step::Key(key.clone()), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (Step::Index(index), item)).collect()
        }
        _ => Vec::new(),
    };
    let empty = if value.is_array() { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
    if !children.is_empty() && is_sound(&decode(&alone(steps, empty))) {
        for (step, child) in children {
            steps.push(step);
            visit(child, decode, steps, found);
            steps.pop();
        }
    }
    if found.len() == before {
        found.push(Mistake { pointer: pointer_of(steps), reason: Some(reason) });
    }
}

/// A value in the mappings and lists that it stands in, with nothing else in them.
fn alone(steps: &[Step], value: Value) -> Value {
    steps.iter().rev().fold(value, |value, step| match step {
        Step::Key(key) => Value::Object(Map::from_iter([(key.clone(), value)])),
        Step::Index(_) => Value::Array(vec![value]),
    })
}

fn pointer_of(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |pointer, step| match step {
        Step::Key(key) => join(&pointer, key),
        Step::Index(index) => join(&pointer, index),
    })
}

/// Says what is wrong below `base`, a pointer into the spec; `docs` is what `kubectl explain` calls it.
pub(super) fn say(
    base: &str,
    docs: &str,
    raw: &Value,
    mistake: &Mistake,
    suggests: bool,
    decode: &Decode,
) -> Finding {
    let pointer = format!("{base}{}", mistake.pointer);
    match &mistake.reason {
        Some(reason) => wrong_value(&pointer, docs, &mistake.pointer, raw, reason),
        None => {
            let (parent, _) = pointer.rsplit_once('/').unwrap_or_default();
            let field = last(&pointer);
            let finding = Finding::at_key(
                &pointer,
                format!("Kubernetes knows no field `{field}` in `{}`", path(parent)),
            )
            .label("unknown to Kubernetes");
            match if suggests { meant(raw, &mistake.pointer, decode) } else { None } {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding.help(explain(
                    docs,
                    mistake.pointer.rsplit_once('/').unwrap_or_default().0,
                    "lists the fields",
                )),
            }
        }
    }
}

/// Where the fields of a value are listed, or what it takes.
fn explain(docs: &str, below: &str, what: &str) -> String {
    let keys =
        below.split('/').skip(1).filter(|token| !token.bytes().all(|byte| byte.is_ascii_digit()));
    let whole: Vec<_> = std::iter::once(docs).chain(keys).collect();
    format!("`kubectl explain {}` {what}", whole.join("."))
}

/// A known field that takes the same value.
fn meant(raw: &Value, pointer: &str, decode: &Decode) -> Option<&'static str> {
    let field = last(pointer);
    let value = raw.pointer(pointer)?;
    if field.len() > 40 {
        return None;
    }
    let (parent, _) = pointer.rsplit_once('/')?;
    let mut steps: Vec<Step> = Vec::new();
    let mut at = String::new();
    for token in parent.split('/').skip(1) {
        let is_index = raw.pointer(&at).is_some_and(Value::is_array);
        at = format!("{at}/{token}");
        steps.push(if is_index { Step::Index(0) } else { Step::Key(last(&at)) });
    }
    let mut words = FIELDS.to_vec();
    for _ in 0..4 {
        let word = closest(&field, words.iter().copied())?;
        let fields = Value::Object(Map::from_iter([(word.to_owned(), value.clone())]));
        if decode(&alone(&steps, fields)).is_empty() {
            return Some(word);
        }
        words.retain(|other| *other != word);
    }
    None
}

fn wrong_value(pointer: &str, docs: &str, below: &str, raw: &Value, reason: &str) -> Finding {
    let value = raw.pointer(below).unwrap_or(&Value::Null);
    let got = match value {
        Value::Null => "empty".to_owned(),
        Value::Bool(bool) => format!("`{bool}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text `{text}`"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    };
    let expected = match reason.rsplit_once(", expected ").map(|(_, expected)| expected) {
        Some("a string") => "text",
        Some("Quantity") => "an amount as text",
        Some("i32" | "i64" | "u32" | "u64") => "a whole number",
        Some("a boolean") => "`true` or `false`",
        Some("a sequence") => "a list",
        Some("IntOrString") => "a whole number or text",
        Some(other)
            if other == "a map" || other.starts_with(|first: char| first.is_ascii_uppercase()) =>
        {
            "a mapping"
        }
        _ => {
            return Finding::at(
                pointer,
                format!("Kubernetes does not understand `{}`: {reason}", path(pointer)),
            )
            .help(explain(docs, below, "tells what it takes"));
        }
    };
    let finding = Finding::at(
        pointer,
        format!("`{}` is {got}, but Kubernetes wants {expected}", path(pointer)),
    )
    .label(format!("expected {expected}"));
    match (expected, value) {
        ("text" | "an amount as text", Value::Bool(_) | Value::Number(_)) => {
            finding.help(format!("put it in quotes: `\"{value}\"`"))
        }
        ("a whole number", Value::String(text)) if text.trim().parse::<i64>().is_ok() => {
            finding.help(format!("write it without quotes: `{}`", text.trim()))
        }
        ("`true` or `false`", Value::String(_)) => {
            finding.help("write `true` or `false`, without quotes")
        }
        ("a list", Value::Object(_)) => finding.help("begin each item with `- `"),
        ("a list", Value::String(text)) => finding.help(format!("write it as a list: `[{text}]`")),
        _ => finding.help(explain(docs, below, "tells what it takes")),
    }
}

/// Names of fields of the kinds that are rendered; a guess is tried before it is told.
const FIELDS: &[&str] = &[
    "accessModes",
    "activeDeadlineSeconds",
    "add",
    "affinity",
    "allocateLoadBalancerNodePorts",
    "allowPrivilegeEscalation",
    "annotations",
    "appArmorProfile",
    "appProtocol",
    "args",
    "automountServiceAccountToken",
    "azureFile",
    "backoffLimit",
    "binaryData",
    "capabilities",
    "cidr",
    "claimName",
    "claims",
    "clusterIP",
    "command",
    "completions",
    "configMap",
    "configMapKeyRef",
    "configMapRef",
    "containerName",
    "containerPort",
    "containers",
    "csi",
    "data",
    "dataSource",
    "dataSourceRef",
    "defaultMode",
    "divisor",
    "dnsConfig",
    "dnsPolicy",
    "downwardAPI",
    "driver",
    "drop",
    "effect",
    "egress",
    "emptyDir",
    "enableServiceLinks",
    "endPort",
    "env",
    "envFrom",
    "ephemeral",
    "except",
    "exec",
    "externalTrafficPolicy",
    "failureThreshold",
    "fieldPath",
    "fieldRef",
    "finalizers",
    "from",
    "fsGroup",
    "fsGroupChangePolicy",
    "fsType",
    "grpc",
    "host",
    "hostAliases",
    "hostIP",
    "hostNetwork",
    "hostPath",
    "hostPID",
    "hostPort",
    "hostProcess",
    "hostUsers",
    "httpGet",
    "httpHeaders",
    "image",
    "imagePullPolicy",
    "imagePullSecrets",
    "immutable",
    "ingress",
    "initContainers",
    "initialDelaySeconds",
    "internalTrafficPolicy",
    "ipBlock",
    "ipFamilies",
    "ipFamilyPolicy",
    "items",
    "key",
    "labels",
    "labelSelector",
    "level",
    "lifecycle",
    "limits",
    "livenessProbe",
    "loadBalancerClass",
    "localhostProfile",
    "matchExpressions",
    "matchFields",
    "matchLabelKeys",
    "matchLabels",
    "maxSkew",
    "maxUnavailable",
    "medium",
    "metadata",
    "minAvailable",
    "minDomains",
    "minReadySeconds",
    "mismatchLabelKeys",
    "mode",
    "mountPath",
    "mountPropagation",
    "name",
    "namespaces",
    "namespaceSelector",
    "nfs",
    "nodeAffinity",
    "nodeName",
    "nodePort",
    "nodePublishSecretRef",
    "nodeSelector",
    "nodeSelectorTerms",
    "operator",
    "optional",
    "overhead",
    "parallelism",
    "partition",
    "path",
    "periodSeconds",
    "persistentVolumeClaim",
    "persistentVolumeClaimRetentionPolicy",
    "podAffinity",
    "podAffinityTerm",
    "podAntiAffinity",
    "podFailurePolicy",
    "podManagementPolicy",
    "podSelector",
    "policyTypes",
    "port",
    "ports",
    "postStart",
    "preference",
    "preferredDuringSchedulingIgnoredDuringExecution",
    "prefix",
    "preStop",
    "priorityClassName",
    "privileged",
    "procMount",
    "projected",
    "protocol",
    "publishNotReadyAddresses",
    "readinessProbe",
    "readOnly",
    "readOnlyRootFilesystem",
    "recursiveReadOnly",
    "replicas",
    "requests",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "resizePolicy",
    "resource",
    "resourceFieldRef",
    "resources",
    "restartPolicy",
    "revisionHistoryLimit",
    "role",
    "rollingUpdate",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "runtimeClassName",
    "schedulerName",
    "scheme",
    "seccompProfile",
    "secret",
    "secretKeyRef",
    "secretName",
    "secretRef",
    "securityContext",
    "selector",
    "seLinuxChangePolicy",
    "seLinuxOptions",
    "serviceAccountName",
    "serviceAccountToken",
    "serviceName",
    "sessionAffinity",
    "shareProcessNamespace",
    "sizeLimit",
    "sources",
    "spec",
    "startupProbe",
    "stdin",
    "stopSignal",
    "storageClassName",
    "subPath",
    "subPathExpr",
    "successThreshold",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "suspend",
    "sysctls",
    "targetPort",
    "tcpSocket",
    "template",
    "terminationGracePeriodSeconds",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "timeoutSeconds",
    "tolerations",
    "tolerationSeconds",
    "topologyKey",
    "topologySpreadConstraints",
    "trafficDistribution",
    "ttlSecondsAfterFinished",
    "tty",
    "type",
    "unhealthyPodEvictionPolicy",
    "updateStrategy",
    "user",
    "value",
    "valueFrom",
    "values",
    "volumeAttributes",
    "volumeAttributesClassName",
    "volumeClaimTemplate",
    "volumeClaimTemplates",
    "volumeDevices",
    "volumeMode",
    "volumeMounts",
    "volumeName",
    "volumes",
    "weight",
    "whenDeleted",
    "whenScaled",
    "whenUnsatisfiable",
    "workingDir",
];

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Container;
    use serde_json::json;

    use super::{locate, meant};
    use crate::spec::kube;

    #[test]
    fn every_mistake_is_found_where_it_is() {
        let decode = |value: &serde_json::Value| kube::decode::<Container>(value).1;
        let raw = json!({
            "name": {"first": "a"},
            "image": "a:1",
            "imagePullPolcy": "Always",
            "env": [{"name": "A"}, {"name": "B", "value": 5, "valu": "x"}, "C"],
            "ports": [{"containerPort": "80"}],
            "securityContext": {"capabilities": {"dropp": ["ALL"]}},
        });
        let mut found: Vec<_> = locate(&raw, &decode)
            .into_iter()
            .map(|mistake| (mistake.pointer, mistake.reason.is_none()))
            .collect();
        found.sort();
        let expected = [
            ("/env/1/valu", true),
            ("/env/1/value", false),
            ("/env/2", false),
            ("/imagePullPolcy", true),
            ("/name", false),
            ("/ports/0/containerPort", false),
            ("/securityContext/capabilities/dropp", true),
        ];
        assert_eq!(found, expected.map(|(pointer, unknown)| (pointer.to_owned(), unknown)));
        assert_eq!(meant(&raw, "/imagePullPolcy", &decode), Some("imagePullPolicy"));
        assert_eq!(meant(&raw, "/env/1/valu", &decode), Some("value"));
        assert_eq!(meant(&raw, "/securityContext/capabilities/dropp", &decode), Some("drop"));
    }
}
