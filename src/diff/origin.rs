//! Which line of a spec a change comes from.

use std::sync::Arc;

use super::{object::Object, path::Path, tree::Difference};
use crate::{
    error::{Place, Source},
    plan::names,
    yaml::{Kind, Node},
};

/// A spec as it was written.
#[derive(Debug)]
pub struct Spec {
    /// Its text.
    pub source: Arc<Source>,
    /// What was read from it.
    pub root: Node,
}

/// The place in the spec that most likely makes the difference; none where the spec says nothing about it.
pub(super) fn place(specs: &[Spec], object: &Object, difference: &Difference) -> Option<Place> {
    let spec = match (object.spec, specs) {
        (Some(index), _) => specs.get(index)?,
        (None, [only]) => only,
        _ => return None,
    };
    let node = patched(&spec.root, object, &difference.path).or_else(|| {
        pointers(object, difference).iter().find_map(|pointer| {
            let found = spec.root.find(pointer);
            found.is_complete().then(|| found.key_span.unwrap_or(found.node.span.clone()))
        })
    })?;
    Some(Place { source: Arc::clone(&spec.source), span: node })
}

/// The last patch that says something about the path, or the extra manifest that is the object.
fn patched(root: &Node, object: &Object, path: &Path) -> Option<std::ops::Range<usize>> {
    let text = |node: &Node, pointer: &str| match &node.find(pointer).node.kind {
        Kind::String(text) if node.find(pointer).is_complete() => text.clone(),
        _ => String::new(),
    };
    let items = |pointer: &str| match &root.find(pointer).node.kind {
        Kind::List(items) if root.find(pointer).is_complete() => items.as_slice(),
        _ => &[],
    };
    for manifest in items("/spec/extraManifests") {
        if text(manifest, "/kind") == object.id.kind
            && text(manifest, "/metadata/name") == object.id.name
        {
            return Some(manifest.span.clone());
        }
    }
    let names = path.names();
    items("/spec/patches")
        .iter()
        .rev()
        .filter(|patch| {
            let name = text(patch, "/target/name");
            text(patch, "/target/kind") == object.id.kind
                && (name.is_empty() || name == object.id.name)
        })
        .find_map(|patch| walk(&patch.get("merge")?.value, &names))
}

/// The key that names lead to; any item of a list will do.
fn walk(node: &Node, names: &[&str]) -> Option<std::ops::Range<usize>> {
    let (first, rest) = names.split_first()?;
    match &node.kind {
        Kind::List(items) if *first == "[]" => items.iter().find_map(|item| match rest {
            [] => Some(item.span.clone()),
            _ => walk(item, rest),
        }),
        Kind::Map(_) => {
            let entry = node.get(first)?;
            match rest {
                [] => Some(entry.key_span.clone()),
                _ => walk(&entry.value, rest),
            }
        }
        _ => None,
    }
}

/// Where the spec may say it, the most likely first.
fn pointers(object: &Object, difference: &Difference) -> Vec<String> {
    let path = &difference.path;
    let mut pointers: Vec<String> = Vec::new();
    if difference.directive {
        let name = path.last();
        pointers.push(format!("/spec/config/{name}"));
        pointers.extend(directive(name).iter().map(|pointer| (*pointer).to_owned()));
    }
    // The exporter's own containers and volume come first: to `FIELDS` all containers are the server's.
    let exporter = [names::EXPORTER_CONTAINER, names::EXPORTER_INIT_CONTAINER];
    let lists = ["containers", "initContainers", "volumes"];
    if lists.iter().any(|list| path.item_of(list).is_some_and(|item| exporter.contains(&item))) {
        pointers.extend(of_exporter(path));
    }
    let escaped = path.last().replace('~', "~0").replace('/', "~1");
    if object.id.kind == "ConfigMap" && object.id.name.ends_with("-dashboard") {
        let dashboard = "/spec/observability/dashboard";
        if path.is_below("metadata") {
            pointers.push(format!("{dashboard}/{}/{escaped}", path.parent()));
            pointers.push(format!("/metadata/{}/{escaped}", path.parent()));
        }
        pointers.push(dashboard.to_owned());
    }
    let variable = path
        .item_of("env")
        .and_then(|variable| VARIABLES.iter().find(|(name, _)| *name == variable))
        // Where it comes or goes as a whole, that is for another reason.
        .filter(|(name, _)| *name != "ANNOUNCE_HOSTNAME" || path.last() == "value");
    pointers.extend(variable.map(|(_, pointer)| (*pointer).to_owned()));
    let threshold =
        path.item_of("rules").and_then(|alert| THRESHOLDS.iter().find(|(name, _)| *name == alert));
    if path.last() == "expr" {
        pointers.extend(threshold.map(|(_, pointer)| (*pointer).to_owned()));
    }
    if difference
        .old
        .iter()
        .chain(&difference.new)
        .any(|port| port.get("name").is_some_and(|name| name == names::PLAINTEXT_PORT))
    {
        pointers.extend(["/spec/tls/plaintextPort", "/spec/tls"].map(str::to_owned));
    }
    let is_for_pod = object.id.kind == "Service"
        && object
            .get("/spec/selector")
            .is_some_and(|pods| pods.get(names::POD_NAME_LABEL).is_some());
    if is_for_pod && !path.is_below("spec ports") {
        let external = "/spec/network/external";
        let list = if path.is_below("metadata annotations") { "/annotations" } else { "" };
        pointers.push(format!("{external}{list}/{escaped}"));
        pointers.push(external.to_owned());
    }
    let container = path.item_of("containers");
    if object.id.kind == "CronJob" && container.is_some_and(|name| name != names::BACKUP) {
        pointers.push("/spec/backup/upload".to_owned());
    }
    if object.id.kind == "Job" && object.id.name.contains("-restore-") {
        pointers.push("/spec/restore".to_owned());
    }
    let known = FIELDS.iter().find(|(kind, names, _)| {
        *kind == object.id.kind && (names.is_empty() || path.is_below(names))
            || kind.is_empty() && path.is_below(names)
    });
    if let (Some((_, _, more)), false) = (known, difference.directive) {
        pointers.extend(more.iter().map(|pointer| pointer.replace("LAST", &escaped)));
    }
    pointers
}

/// Where the spec may say what is at a path in a container of the exporter.
fn of_exporter(path: &Path) -> Vec<String> {
    let exporter = "/spec/observability/exporter";
    let fields = path.names();
    let of_item = fields.iter().position(|name| *name == "[]").map(|at| &fields[at + 1..]);
    let below = match of_item.unwrap_or_default() {
        ["imagePullPolicy", ..] => vec!["pullPolicy".to_owned()],
        ["ports", ..] => vec!["port".to_owned()],
        ["env", ..] if path.item_of("env") == Some("REDIS_EXPORTER_WEB_LISTEN_ADDRESS") => {
            vec!["port".to_owned()]
        }
        // Requests follow the limits where they are not written.
        ["resources", "requests", name] => {
            vec![format!("resources/requests/{name}"), format!("resources/limits/{name}")]
        }
        ["resources", more @ ..] => vec![format!("resources/{}", more.join("/"))],
        [field, ..] => vec![(*field).to_owned()],
        [] => Vec::new(),
    };
    let pointers = below.into_iter().map(|field| format!("{exporter}/{field}"));
    pointers.chain([exporter.to_owned()]).collect()
}

fn directive(name: &str) -> &'static [&'static str] {
    match name {
        "maxmemory" | "repl-backlog-size" => &[
            "/spec/memory/maxmemory",
            "/spec/memory/headroomPercent",
            "/spec/pod/resources/limits/memory",
            "/spec/persistence/mode",
        ],
        "maxmemory-policy" => &["/spec/memory/maxmemoryPolicy"],
        "appendonly" => &["/spec/persistence/mode"],
        "appendfsync" => &["/spec/persistence/appendfsync", "/spec/persistence/mode"],
        "save" => &["/spec/persistence/snapshots", "/spec/persistence/mode"],
        "port" => &["/spec/tls/plaintextPort", "/spec/tls", "/spec/network/clientPort"],
        "tls-port" => &["/spec/network/clientPort", "/spec/tls"],
        "tls-auth-clients" => &["/spec/tls/clientCertificates", "/spec/tls"],
        "tls-ca-cert-file" | "tls-cert-file" | "tls-cluster" | "tls-key-file"
        | "tls-replication" | "unixsocket" | "unixsocketperm" => &["/spec/tls"],
        "cluster-port" => &["/spec/network/busPort", "/metadata/namespace", "/metadata/name"],
        "cluster-preferred-endpoint-type" => {
            &["/spec/network/external", "/spec/network/preferredEndpointType"]
        }
        "shutdown-on-sigterm" => &["/spec/engine/version"],
        _ => &["/spec/config"],
    }
}

/// What says the scripts' variables.
const VARIABLES: &[(&str, &str)] = &[
    ("ANNOUNCE_HOSTNAME", "/spec/network/clusterDomain"),
    ("BUS_PORT", "/spec/network/busPort"),
    ("CLIENT_PORT", "/spec/network/clientPort"),
    ("HANDOVER_SECONDS", "/spec/lifecycle/handoverSeconds"),
    ("IP_FAMILY", "/spec/network/ipFamilies"),
    ("KEEP", "/spec/backup/keep"),
];

/// What says when alerts fire.
const THRESHOLDS: &[(&str, &str)] = &[
    ("RedisClusterMemoryNearlyFull", "/spec/observability/alerts/memoryPercent"),
    ("RedisClusterDiskNearlyFull", "/spec/observability/alerts/diskPercent"),
    ("RedisClusterReplicationLag", "/spec/observability/alerts/replicationLagSeconds"),
];

type Field = (&'static str, &'static str, &'static [&'static str]);

/// For a kind and the beginning of a path (all of it where empty), where the spec may say it. `LAST` is the path's last name.
const FIELDS: &[Field] = &[
    ("", "metadata labels app.kubernetes.io/version", &["/spec/engine/version"]),
    (
        "PodMonitor",
        "metadata labels",
        &[
            "/spec/observability/monitor/labels/LAST",
            "/metadata/labels/LAST",
            "/spec/observability/monitor",
        ],
    ),
    (
        "ServiceMonitor",
        "metadata labels",
        &[
            "/spec/observability/monitor/labels/LAST",
            "/metadata/labels/LAST",
            "/spec/observability/monitor",
        ],
    ),
    (
        "PrometheusRule",
        "metadata labels",
        &[
            "/spec/observability/alerts/labels/LAST",
            "/metadata/labels/LAST",
            "/spec/observability/alerts",
        ],
    ),
    (
        "Service",
        "metadata annotations",
        &[
            "/spec/network/clientService/annotations/LAST",
            "/metadata/annotations/LAST",
            "/metadata/annotations",
            "/spec/network/clientService",
            "/spec/gitops",
        ],
    ),
    ("", "metadata labels", &["/metadata/labels/LAST", "/metadata/labels"]),
    (
        "",
        "metadata annotations",
        &["/metadata/annotations/LAST", "/metadata/annotations", "/spec/gitops"],
    ),
    ("", "metadata namespace", &["/metadata/namespace"]),
    (
        "Certificate",
        "spec issuerRef",
        &["/spec/tls/certificate/issuerRef/LAST", "/spec/tls/certificate/issuerRef"],
    ),
    ("Certificate", "spec secretName", &["/spec/tls/secretName"]),
    ("Certificate", "", &["/spec/tls/certificate/LAST", "/spec/tls/certificate", "/spec/tls"]),
    (
        "StatefulSet",
        "spec template spec volumes [] secret",
        &["/spec/auth/passwordSecret", "/spec/auth/mode", "/spec/tls"],
    ),
    ("StatefulSet", "spec template spec volumes [] projected", &["/spec/auth/users"]),
    (
        "NetworkPolicy",
        "spec egress",
        &["/spec/network/networkPolicy/egress", "/spec/network/networkPolicy/restrictEgress"],
    ),
    ("StatefulSet", "spec replicas", &["/spec/topology/replicasPerShard", "/spec/topology/shards"]),
    ("StatefulSet", "spec minReadySeconds", &["/spec/lifecycle/minReadySeconds"]),
    ("StatefulSet", "spec updateStrategy", &["/spec/lifecycle/updateStrategy"]),
    (
        "StatefulSet",
        "spec persistentVolumeClaimRetentionPolicy",
        &["/spec/storage/retention/LAST", "/spec/storage/retention"],
    ),
    ("StatefulSet", "spec volumeClaimTemplates [] spec resources", &["/spec/storage/size"]),
    (
        "StatefulSet",
        "spec volumeClaimTemplates [] spec storageClassName",
        &["/spec/storage/className"],
    ),
    (
        "StatefulSet",
        "spec volumeClaimTemplates [] spec accessModes",
        &["/spec/storage/accessModes"],
    ),
    (
        "StatefulSet",
        "spec volumeClaimTemplates [] metadata labels",
        &["/spec/storage/labels/LAST", "/spec/storage/labels"],
    ),
    (
        "StatefulSet",
        "spec volumeClaimTemplates [] metadata annotations",
        &["/spec/storage/annotations/LAST", "/spec/storage/annotations"],
    ),
    ("StatefulSet", "spec volumeClaimTemplates", &["/spec/storage/ephemeral", "/spec/storage"]),
    (
        "StatefulSet",
        "spec template metadata annotations redis-cluster-gen.dev/config-hash",
        &["/spec/config", "/spec/persistence", "/spec/network", "/spec/engine/version"],
    ),
    (
        "StatefulSet",
        "spec template metadata annotations",
        &["/spec/pod/annotations/LAST", "/spec/pod/annotations"],
    ),
    (
        "StatefulSet",
        "spec template metadata labels",
        &["/spec/pod/labels/LAST", "/spec/pod/labels"],
    ),
    (
        "StatefulSet",
        "spec template spec affinity",
        &[
            "/spec/topology/spread/nodes",
            "/spec/topology/zones",
            "/spec/pod/affinity",
            "/spec/topology",
        ],
    ),
    (
        "StatefulSet",
        "spec template spec topologySpreadConstraints",
        &["/spec/topology/spread/zones", "/spec/topology"],
    ),
    (
        "StatefulSet",
        "spec template spec nodeSelector",
        &["/spec/pod/nodeSelector/LAST", "/spec/pod/nodeSelector"],
    ),
    ("StatefulSet", "spec template spec tolerations", &["/spec/pod/tolerations"]),
    ("StatefulSet", "spec template spec priorityClassName", &["/spec/pod/priorityClassName"]),
    ("StatefulSet", "spec template spec securityContext", &["/spec/pod/securityContext"]),
    ("StatefulSet", "spec template spec serviceAccountName", &["/spec/pod/serviceAccountName"]),
    (
        "StatefulSet",
        "spec template spec terminationGracePeriodSeconds",
        &["/spec/lifecycle/terminationGracePeriodSeconds"],
    ),
    ("StatefulSet", "spec template spec imagePullSecrets", &["/spec/engine/pullSecrets"]),
    (
        "StatefulSet",
        "spec template spec volumes",
        &["/spec/pod/volumes", "/spec/storage/ephemeral"],
    ),
    ("StatefulSet", "spec template spec initContainers", &["/spec/pod/initContainers"]),
    (
        "StatefulSet",
        "spec template spec containers [] image",
        &["/spec/engine/image", "/spec/engine/version", "/spec/engine/registry"],
    ),
    (
        "StatefulSet",
        "spec template spec containers [] imagePullPolicy",
        &["/spec/engine/pullPolicy"],
    ),
    (
        "StatefulSet",
        "spec template spec containers [] resources limits",
        &["/spec/pod/resources/limits/LAST", "/spec/pod/resources/limits"],
    ),
    (
        "StatefulSet",
        "spec template spec containers [] resources requests",
        &["/spec/pod/resources/requests/LAST", "/spec/pod/resources/limits/LAST"],
    ),
    (
        "StatefulSet",
        "spec template spec containers [] env",
        &[
            "/spec/pod/env",
            "/spec/network",
            "/spec/lifecycle/handoverSeconds",
            "/metadata/namespace",
        ],
    ),
    ("StatefulSet", "spec template spec containers [] envFrom", &["/spec/pod/envFrom"]),
    ("StatefulSet", "spec template spec containers [] volumeMounts", &["/spec/pod/volumeMounts"]),
    (
        "StatefulSet",
        "spec template spec containers [] startupProbe",
        &["/spec/probes/startup/LAST", "/spec/probes/startup"],
    ),
    (
        "StatefulSet",
        "spec template spec containers [] readinessProbe",
        &["/spec/probes/readiness/LAST", "/spec/probes/readiness"],
    ),
    (
        "StatefulSet",
        "spec template spec containers [] livenessProbe",
        &["/spec/probes/liveness/LAST", "/spec/probes/liveness"],
    ),
    (
        "StatefulSet",
        "spec template spec containers [] ports",
        &["/spec/network/clientPort", "/spec/network/busPort"],
    ),
    ("StatefulSet", "spec template spec containers", &["/spec/pod/sidecars"]),
    ("StatefulSet", "", &["/spec/topology/shards", "/spec/topology/layout", "/metadata/name"]),
    (
        "ConfigMap",
        "data users",
        &["/spec/auth/users", "/spec/auth/defaultUser", "/spec/observability/exporter/env"],
    ),
    (
        "ConfigMap",
        "data topology",
        &[
            "/spec/topology/retiring",
            "/spec/topology/shards",
            "/spec/topology/replicasPerShard",
            "/spec/topology",
        ],
    ),
    ("ConfigMap", "data external", &["/spec/network/external"]),
    ("Service", "spec ports", &["/spec/network/clientPort", "/spec/network/busPort"]),
    ("Service", "spec ipFamilies", &["/spec/network/ipFamilies"]),
    ("Service", "spec ipFamilyPolicy", &["/spec/network/ipFamilyPolicy"]),
    ("Service", "", &["/spec/network/clientService"]),
    (
        "NetworkPolicy",
        "",
        &[
            "/spec/network/networkPolicy",
            "/spec/network",
            "/spec/observability/exporter",
            "/spec/tls",
        ],
    ),
    ("PodMonitor", "spec podMetricsEndpoints", &["/spec/observability/monitor/interval"]),
    ("PodMonitor", "", &["/spec/observability/monitor", "/spec/observability"]),
    ("ServiceMonitor", "spec endpoints", &["/spec/observability/monitor/interval"]),
    ("ServiceMonitor", "", &["/spec/observability/monitor", "/spec/observability"]),
    (
        "PrometheusRule",
        "spec groups [] rules [] annotations runbook_url",
        &["/spec/observability/alerts/runbookUrl", "/spec/observability/alerts"],
    ),
    ("PrometheusRule", "", &["/spec/observability/alerts", "/spec/observability"]),
    ("PodDisruptionBudget", "", &["/spec/lifecycle/podDisruptionBudget"]),
    ("ServiceAccount", "", &["/spec/pod/serviceAccountName"]),
    ("CronJob", "spec schedule", &["/spec/backup/schedule"]),
    ("CronJob", "spec timeZone", &["/spec/backup/timeZone"]),
    (
        "CronJob",
        "spec jobTemplate spec activeDeadlineSeconds",
        &["/spec/backup/timeoutSeconds", "/spec/backup"],
    ),
    (
        "CronJob",
        "spec jobTemplate spec template spec volumes",
        &["/spec/backup/volume/claimName", "/spec/backup/volume", "/spec/backup"],
    ),
    ("CronJob", "", &["/spec/backup"]),
    (
        "PersistentVolumeClaim",
        "spec storageClassName",
        &["/spec/backup/volume/className", "/spec/backup/volume", "/spec/backup"],
    ),
    (
        "PersistentVolumeClaim",
        "",
        &["/spec/backup/volume/size", "/spec/backup/volume", "/spec/backup"],
    ),
    ("Job", "", &["/spec/bootstrap", "/spec/topology", "/spec/engine/version"]),
];
