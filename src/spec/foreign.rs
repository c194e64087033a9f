//! Names that other charts and operators have for things, so that a message can say what they are called here.

use super::{directives::Directive, rules::directive_owner, written::path};
use crate::yaml::{Kind, Node};

/// The end of a field's path elsewhere, and what to write here. The longest end that fits is taken.
const FIELDS: &[(&str, &str)] = &[
    // How many pods.
    ("cluster.nodes", TOTAL),
    ("nodes", TOTAL),
    ("nodeCount", TOTAL),
    ("numberOfNodes", TOTAL),
    ("replicaCount", TOTAL),
    (
        "size",
        "`spec.storage.size` is the size of a volume, `spec.topology.shards` the number of masters",
    ),
    ("clusterSize", SHARDS),
    ("masters", SHARDS),
    ("masterSize", SHARDS),
    ("numberOfMasters", SHARDS),
    ("primaries", SHARDS),
    ("leaders", SHARDS),
    ("shardCount", SHARDS),
    ("numShards", SHARDS),
    ("redisLeader.replicas", SHARDS),
    ("cluster.replicas", REPLICAS),
    ("clusterReplicaCount", REPLICAS),
    ("clusterReplicas", REPLICAS),
    ("redisFollower.replicas", REPLICAS),
    ("topology.replicas", REPLICAS),
    ("replicas", PODS),
    ("resources.memory", RESOURCES),
    ("resources.cpu", RESOURCES),
    ("environment", "in this format it is `spec.pod.env`, a list of `name` and `value`"),
    ("sentinel", "a cluster needs no Sentinel: its masters elect; remove it"),
    ("volumePermissions", "not needed, `fsGroup` does it: remove it"),
    (
        "sysctlImage",
        "set kernel parameters on the nodes; pods of the standard `restricted` may not: remove it",
    ),
    ("replicasPerMaster", REPLICAS),
    ("replicasPerPrimary", REPLICAS),
    ("replicationFactor", REPLICAS),
    ("followers", REPLICAS),
    ("slaves", REPLICAS),
    // The engine.
    (
        "image.tag",
        "in this format it is `spec.engine.version`; for an image of your own write the whole `spec.engine.image`",
    ),
    (
        "image.repository",
        "in this format it is `spec.engine.image`, with its tag or digest; leave it out for the official image",
    ),
    (
        "image.digest",
        "in this format it is part of `spec.engine.image`, such as `image: redis@sha256:...`",
    ),
    ("image.registry", "in this format it is `spec.engine.registry`"),
    ("global.imageRegistry", "in this format it is `spec.engine.registry`"),
    ("imageRegistry", "in this format it is `spec.engine.registry`"),
    ("image.pullPolicy", "in this format it is `spec.engine.pullPolicy`"),
    ("imagePullPolicy", "in this format it is `spec.engine.pullPolicy`"),
    ("image.pullSecrets", "in this format it is `spec.engine.pullSecrets`, a list of names"),
    ("imagePullSecrets", "in this format it is `spec.engine.pullSecrets`, a list of names"),
    (
        "image",
        "in this format it is `spec.engine.image`, one text; the official image of `spec.engine.version` needs none",
    ),
    (
        "clusterVersion",
        "in this format it is `spec.engine.version`, the whole version such as `\"8.0.6\"`",
    ),
    ("redisVersion", "in this format it is `spec.engine.version`"),
    (
        "valkeyVersion",
        "in this format it is `spec.engine.version`, with `spec.engine.name: valkey`",
    ),
    // Volumes.
    ("storageClass", "in this format it is `spec.storage.className`"),
    ("storageClassName", "in this format it is `spec.storage.className`"),
    ("defaultStorageClass", "in this format it is `spec.storage.className`"),
    ("storageSize", "in this format it is `spec.storage.size`"),
    ("volumeSize", "in this format it is `spec.storage.size`"),
    ("persistence.size", "in this format it is `spec.storage.size`"),
    ("persistence.storageClass", "in this format it is `spec.storage.className`"),
    ("persistence.accessModes", "in this format it is `spec.storage.accessModes`"),
    ("persistence.labels", "in this format it is `spec.storage.labels`"),
    ("persistence.annotations", "in this format it is `spec.storage.annotations`"),
    ("persistence.enabled", VOLUME),
    ("persistenceEnabled", VOLUME),
    (
        "volumeClaimTemplate",
        "in this format it is `spec.storage`: `size`, `className` and `accessModes`",
    ),
    (
        "volumeClaimTemplates",
        "in this format it is `spec.storage`: `size`, `className` and `accessModes`",
    ),
    ("persistentVolumeClaimRetentionPolicy", "in this format it is `spec.storage.retention`"),
    ("useAOFPersistence", MODE),
    ("aof", MODE),
    ("rdb", MODE),
    // Configuration.
    ("redis.configmap", CONFIG),
    ("redis.defaultConfigOverride", CONFIG),
    ("configmap", CONFIG),
    ("additionalRedisConfig", CONFIG),
    ("extraConfig", CONFIG),
    ("redisConfig", CONFIG),
    ("valkeyConfig", CONFIG),
    ("customConfig", CONFIG),
    ("configuration", CONFIG),
    ("commonConfiguration", CONFIG),
    ("dynamicConfig", CONFIG),
    (
        "maxMemoryPercentOfLimit",
        "in this format it is `spec.memory.headroomPercent`, the part that is kept free: 70 there is 30 here",
    ),
    // Passwords and certificates.
    ("existingSecret", PASSWORD),
    ("existingSecretPasswordKey", PASSWORD),
    ("usePassword", PASSWORD),
    ("usePasswordFiles", PASSWORD),
    ("password", PASSWORD),
    ("redisSecret", PASSWORD),
    ("acl", USERS),
    ("users", USERS),
    ("requirepass", PASSWORD),
    ("masterauth", PASSWORD),
    ("TLS", "in this format it is `spec.tls`"),
    // Pods.
    ("redis.resources", "in this format it is `spec.pod.resources`"),
    ("resourcesPreset", "write the resources themselves, under `spec.pod.resources`"),
    ("podSecurityContext", "in this format it is `spec.pod.securityContext`"),
    (
        "containerSecurityContext",
        "the container's security context is fixed: restricted, with a read-only root; `spec.patches` can change it",
    ),
    ("podLabels", "in this format it is `spec.pod.labels`"),
    ("podAnnotations", "in this format it is `spec.pod.annotations`"),
    ("extraEnvVars", "in this format it is `spec.pod.env`"),
    ("extraEnv", "in this format it is `spec.pod.env`"),
    ("extraEnvVarsCM", "in this format it is `spec.pod.envFrom`"),
    ("extraEnvVarsSecret", "in this format it is `spec.pod.envFrom`"),
    ("extraVolumes", "in this format it is `spec.pod.volumes`"),
    ("extraVolumeMounts", "in this format it is `spec.pod.volumeMounts`"),
    ("initContainer", "in this format it is `spec.pod.initContainers`, a list"),
    ("serviceAccount", "in this format it is `spec.pod.serviceAccountName`"),
    ("serviceAccount.name", "in this format it is `spec.pod.serviceAccountName`"),
    ("topologySpreadConstraints", SPREAD),
    ("podAntiAffinityPreset", SPREAD),
    ("podAntiAffinity", SPREAD),
    ("nodeAffinityPreset", "in this format it is `spec.pod.nodeSelector` or `spec.pod.affinity`"),
    ("metrics", EXPORTER),
    ("redisExporter", EXPORTER),
    ("exporter", EXPORTER),
    ("livenessProbe", "in this format it is `spec.probes.liveness`: timings only"),
    ("readinessProbe", "in this format it is `spec.probes.readiness`: timings only"),
    ("startupProbe", "in this format it is `spec.probes.startup`: timings only"),
    ("initialDelaySeconds", "the other probes wait for the startup probe, so none needs a delay"),
    ("successThreshold", "one success is enough for each of the probes"),
    // Network.
    ("port", "in this format it is `spec.network.clientPort`"),
    ("redisPort", "in this format it is `spec.network.clientPort`"),
    ("service.port", "in this format it is `spec.network.clientPort`"),
    ("service.ports", "in this format it is `spec.network.clientPort`"),
    ("service.ports.redis", "in this format it is `spec.network.clientPort`"),
    ("containerPorts.redis", "in this format it is `spec.network.clientPort`"),
    ("containerPorts.bus", "in this format it is `spec.network.busPort`"),
    ("service.annotations", "in this format it is `spec.network.clientService.annotations`"),
    ("service", "in this format it is `spec.network.clientService`"),
    ("externalAccess", EXTERNAL),
    ("externalListeners", EXTERNAL),
    ("hostNetwork", "pods have addresses of their own here; `spec.patches` can change it"),
    // Names and the rest.
    ("nameOverride", "in this format it is `metadata.name`"),
    ("fullnameOverride", "in this format it is `metadata.name`"),
    ("namespaceOverride", "in this format it is `metadata.namespace`"),
    ("commonLabels", "in this format it is `metadata.labels`"),
    ("commonAnnotations", "in this format it is `metadata.annotations`"),
    ("extraDeploy", "in this format it is `spec.extraManifests`"),
    ("extraObjects", "in this format it is `spec.extraManifests`"),
    ("pdb", "in this format it is `spec.lifecycle.podDisruptionBudget`"),
    ("pdb.create", "in this format it is `spec.lifecycle.podDisruptionBudget.enabled`"),
    (
        "pdb.maxUnavailable",
        "in this format it is `spec.lifecycle.podDisruptionBudget.maxUnavailable`",
    ),
    (
        "minAvailable",
        "in this format it is `spec.lifecycle.podDisruptionBudget.maxUnavailable`, counted the other way round",
    ),
    ("cluster.update", "the bootstrap Job lets new pods join; there is nothing to switch on"),
    ("updateJob", "the bootstrap Job lets new pods join; there is nothing to switch on"),
];

const TOTAL: &str = "pods are not counted as a whole in this format: `spec.topology.shards` is the number of masters, \
                     `spec.topology.replicasPerShard` the replicas of each; 6 nodes with 1 replica are 3 shards";
const PODS: &str = "`spec.topology.shards` is the number of masters, `spec.topology.replicasPerShard` the replicas of each: if this counts all pods, 6 are 3 shards with 1 replica";
const RESOURCES: &str = "write it under `limits`, `requests` or both";
const SHARDS: &str = "in this format it is `spec.topology.shards`";
const REPLICAS: &str = "in this format it is `spec.topology.replicasPerShard`";
const VOLUME: &str = "in this format pods have a volume with `spec.storage.size`, and none with `spec.storage.ephemeral`";
const MODE: &str =
    "in this format it is `spec.persistence.mode`: `AOF`, `RDB`, `AOFAndRDB` or `None`";
const CONFIG: &str = "in this format it is `spec.config`, with one key for each directive, such as `maxclients: 5000`";
const PASSWORD: &str = "in this format it is `spec.auth.passwordSecret`, the name and key of a Secret; a password itself stands in no spec";
const EXTERNAL: &str =
    "in this format it is `spec.network.external`: `type`, and `host` or `hosts`";
const USERS: &str = "in this format it is `spec.auth.users`, a list with name, commands and keys of each user; their passwords are in Secrets";
const SPREAD: &str = "in this format it is `spec.topology.spread`, which knows the shards";
const EXPORTER: &str = "in this format it is `spec.observability.exporter`";

/// Whose custom resources an `apiVersion` is for.
const APIS: &[(&str, &str)] = &[
    ("redis.redis.opstreelabs.in", "the operator of OT-CONTAINER-KIT"),
    ("valkey.io", "the Valkey operator"),
    ("hyperspike.io", "Hyperspike's Valkey operator"),
    ("apps.kubeblocks.io", "KubeBlocks"),
    ("databases.spotahome.com", "Spotahome's operator"),
    ("app.redislabs.com", "Redis Enterprise"),
    ("redis.kun", "UCloud's operator"),
    ("db.ibm.com", "IBM's operator"),
];

/// What to write here for a field of another format, or for the fields below it. Empty when it is not known.
pub(super) fn translate(pointer: &str, node: Option<&Node>) -> Vec<String> {
    let tokens: Vec<_> = pointer.split('/').skip(1).collect();
    if let Some((_, here)) = ending(&tokens).filter(|(length, _)| *length > 1 || !has_fields(node))
    {
        return vec![here.to_owned()];
    }
    let mut below = Vec::new();
    if let Some(node) = node {
        translate_below(&mut tokens.clone(), node, &mut below);
    }
    match (below.is_empty(), ending(&tokens), tokens.last()) {
        (false, ..) => below,
        (true, Some((_, here)), _) => vec![here.to_owned()],
        (true, None, Some(name)) if Directive::find(name).is_some() => {
            // Some are decided by other fields.
            vec![match directive_owner(name) {
                Some(instead) => format!("`{name}` is a directive that has a field: {instead}"),
                None => format!("`{name}` is a directive: write it under `spec.config`"),
            }]
        }
        _ => Vec::new(),
    }
}

/// More would hide the rest of the message.
const MOST: usize = 8;

fn translate_below<'a>(tokens: &mut Vec<&'a str>, node: &'a Node, found: &mut Vec<String>) {
    let Kind::Map(entries) = &node.kind else { return };
    for entry in entries {
        if found.len() == MOST || tokens.len() > 6 {
            return;
        }
        tokens.push(&entry.key);
        let here = ending(tokens);
        let before = found.len();
        if here.is_none_or(|(length, _)| length == 1) {
            translate_below(tokens, &entry.value, found);
        }
        if let (Some((_, here)), true) = (here, found.len() == before) {
            let written = path(&format!("/{}", tokens.join("/")));
            found.push(format!("`{written}`: {here}"));
        }
        tokens.pop();
    }
}

fn has_fields(node: Option<&Node>) -> bool {
    node.is_some_and(|node| matches!(&node.kind, Kind::Map(entries) if !entries.is_empty()))
}

/// The longest known end of a path, its length, and what to write here.
fn ending(tokens: &[&str]) -> Option<(usize, &'static str)> {
    FIELDS
        .iter()
        .filter(|(end, _)| {
            end.rsplit('.')
                .zip(tokens.iter().rev().chain([&""]))
                .all(|(known, token)| known == *token)
        })
        .map(|(end, here)| (end.split('.').count(), *here))
        .filter(|(length, _)| *length <= tokens.len())
        .max_by_key(|(length, _)| *length)
}

/// Whose custom resources an `apiVersion` is for.
pub(super) fn api(version: &str) -> Option<&'static str> {
    let (group, _) = version.split_once('/')?;
    APIS.iter().find(|(known, _)| *known == group).map(|(_, whose)| *whose)
}

/// What another kind of object is.
pub(super) fn object(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "StatefulSet"
        | "Deployment"
        | "DaemonSet"
        | "Pod"
        | "Service"
        | "ConfigMap"
        | "Secret"
        | "Job"
        | "List"
        | "Namespace"
        | "ServiceAccount"
        | "NetworkPolicy"
        | "PodDisruptionBudget"
        | "PersistentVolumeClaim" => "manifests are what redis-cluster-gen writes; it reads a spec",
        "HelmRelease" | "HelmRepository" | "Chart" => {
            "a Helm chart cannot be read; its values have other names here"
        }
        "Kustomization" | "Application" | "ApplicationSet" => "it tells another tool what to apply",
        "Redis"
        | "Valkey"
        | "RedisFailover"
        | "RedisReplication"
        | "RedisSentinel"
        | "RedisEnterpriseDatabase" => {
            "it is a custom resource of an operator, and not for Redis Cluster"
        }
        _ => return None,
    })
}
