//! The PrometheusRule: alerts that know what a cluster is, as the Prometheus Operator (`monitoring.coreos.com/v1`) defines them.
//!
//! Texts are the same for all series of an alert: `{{ $labels.pod }}` would be read as a template by Helm, and the labels are on the alert anyway. Each alert has
//! its section in docs/runbooks.md.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    job,
    monitor::{API_VERSION, Object, metadata_with},
};
use crate::{
    document::Document,
    plan::{
        Plan,
        names::{CLUSTER_METRIC_LABEL, DATA},
    },
    spec::types::{Alerts, MaxmemoryPolicy, SpreadRule},
};

#[derive(Serialize)]
struct PrometheusRuleSpec {
    groups: [Group; 1],
}

#[derive(Serialize)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    alert: &'static str,
    annotations: BTreeMap<&'static str, String>,
    expr: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    for_: Option<&'static str>,
    labels: BTreeMap<&'static str, String>,
}

pub(super) fn prometheus_rule(plan: &Plan) -> Option<Document> {
    let alerts = plan.alerts.as_ref()?;
    plan.exporter.as_ref()?;
    Some(super::document(Object {
        api_version: API_VERSION,
        kind: "PrometheusRule",
        metadata: metadata_with(plan, &plan.names.cluster, &alerts.labels),
        spec: PrometheusRuleSpec {
            groups: [Group {
                name: format!("redis-cluster.{}", plan.names.cluster),
                rules: rules(plan, alerts)
                    .into_iter()
                    .map(|alert| rule(plan, alerts, alert))
                    .collect(),
            }],
        },
    }))
}

fn rule(plan: &Plan, alerts: &Alerts, alert: Alert) -> Rule {
    let Alert { name, severity, for_, expr, summary, description } = alert;
    let mut annotations = BTreeMap::from([
        ("description", description.to_owned()),
        ("summary", format!("Redis Cluster {}: {summary}", plan.names.cluster)),
    ]);
    annotations.extend(alerts.runbook_url.as_ref().map(|url| {
        ("runbook_url", format!("{}#{}", url.trim_end_matches('/'), name.to_lowercase()))
    }));
    Rule {
        alert: name,
        annotations,
        expr,
        for_: (!for_.is_empty()).then_some(for_),
        labels: BTreeMap::from([
            // Not all metrics have it: those about volumes and Jobs are Kubernetes' own.
            (CLUSTER_METRIC_LABEL, plan.names.cluster.clone()),
            ("severity", severity.to_owned()),
        ]),
    }
}

struct Alert {
    /// As in docs/runbooks.md.
    name: &'static str,
    /// `critical` wakes somebody up, `warning` waits for the morning.
    severity: &'static str,
    /// How long it has to last; empty for a moment.
    for_: &'static str,
    expr: String,
    summary: &'static str,
    description: &'static str,
}

const CRITICAL: &str = "critical";
const WARNING: &str = "warning";

/// What series of one pod are matched by is `instance`: a pod that was replaced has another address. What series of one cluster are grouped by. Two clusters may have the same name in different namespaces.
const BY: &str = "by (namespace, redis_cluster)";

fn rules(plan: &Plan, alerts: &Alerts) -> Vec<Alert> {
    let of = |metric: &str| selector(plan, metric, "");
    let mut rules = vec![
        // What the node that sees most of the cluster sees: one that is cut off sees nothing. A node that knows nobody is new.
        Alert {
            name: "RedisClusterSlotsNotServed",
            severity: CRITICAL,
            for_: "1m",
            expr: format!(
                "max {BY} ({} and on (namespace, instance) {} > 1) < 16384",
                of("redis_cluster_slots_ok"),
                of("redis_cluster_known_nodes")
            ),
            summary: "slots are not served",
            description: "A shard has no master that works. Reads and writes of its keys fail.",
        },
        Alert {
            name: "RedisClusterNotFormed",
            severity: WARNING,
            for_: "15m",
            expr: format!("max {BY} ({}) == 0", of("redis_cluster_slots_assigned")),
            summary: "the pods run, but they are no cluster",
            description: "No node has slots. The bootstrap Job has not done its work.",
        },
        // Of several differences the first is told.
        Alert {
            name: "RedisClusterNodesDisagree",
            severity: WARNING,
            for_: "5m",
            expr: disagreement(plan),
            summary: "nodes disagree on the state of the cluster",
            description: "Some node is cut off from others, or knows nodes that others do not.",
        },
        Alert {
            name: "RedisClusterNodeDown",
            severity: WARNING,
            for_: "5m",
            expr: format!("{} == 0", of("redis_up")),
            summary: "a server does not answer its exporter",
            description: "The pod runs, and its server is down, hangs, or refuses the password.",
        },
        Alert {
            name: "RedisClusterMetricsMissing",
            severity: WARNING,
            for_: "10m",
            expr: format!(
                "sum {BY} ({up}) < {} or absent({up})",
                plan.stateful_sets.iter().map(|set| set.pods).sum::<u32>(),
                up = of("up")
            ),
            summary: "fewer nodes are watched than there should be",
            description: "A pod or its exporter is missing, or Prometheus does not reach it. Other alerts do not see what happens there.",
        },
        Alert {
            name: "RedisClusterConnectionsRejected",
            severity: WARNING,
            for_: "",
            expr: format!("increase({}[5m]) > 0", of("redis_rejected_connections_total")),
            summary: "a server refuses connections",
            description: "It has as many clients as maxclients allows.",
        },
    ];
    rules.extend(replication(plan, alerts));
    rules.extend(placement(plan));
    // Where all keys may be evicted, memory is full on a good day.
    if !matches!(
        plan.maxmemory_policy,
        MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::AllkeysRandom
    ) {
        rules.push(Alert {
            name: "RedisClusterMemoryNearlyFull",
            severity: WARNING,
            for_: "15m",
            expr: format!(
                "100 * {} / ({} > 0) > {} unless on (namespace, instance) increase({}[15m]) > 0",
                of("redis_memory_used_bytes"),
                of("redis_memory_max_bytes"),
                alerts.memory_percent,
                of("redis_evicted_keys_total")
            ),
            summary: "the memory of a server is nearly full",
            description: "At maxmemory it refuses writes.",
        });
    }
    if plan.storage.ephemeral.is_none() {
        let claims = format!(
            "persistentvolumeclaim=~\"{}-{}-{}[0-9]+\"",
            DATA.0,
            plan.names.cluster,
            if plan.is_per_shard() { "shard-[0-9]+-" } else { "" }
        );
        let of = |metric: &str| format!("{metric}{{{}{claims}}}", namespace(plan));
        rules.push(Alert {
            name: "RedisClusterDiskNearlyFull",
            severity: WARNING,
            for_: "10m",
            expr: format!(
                "100 - 100 * {} / {} > {}",
                of("kubelet_volume_stats_available_bytes"),
                of("kubelet_volume_stats_capacity_bytes"),
                alerts.disk_percent
            ),
            summary: "a volume is nearly full",
            description: "A server that cannot write its files refuses writes. Rewriting them needs as much room again.",
        });
    }
    // By its exact name: a failed Job of an earlier state may be left over.
    if let Some(name) = job::bootstrap_job(plan).and_then(|job| job.metadata.name) {
        rules.push(Alert {
            name: "RedisClusterBootstrapFailed",
            severity: CRITICAL,
            for_: "",
            expr: format!(
                "kube_job_failed{{{}job_name=\"{name}\",condition=\"true\"}} == 1",
                namespace(plan)
            ),
            summary: "the bootstrap Job has failed for good",
            description: "The cluster is not created, or new pods have not joined it. The Job's log says why.",
        });
    }
    rules.extend(certificate(plan, alerts));
    rules.extend(backup(plan));
    rules
}

/// cert-manager renews a certificate well before its end: when half of that time has passed, it cannot. Who makes other ones, and when, nobody knows here; how
/// long they are good the servers say, where they can.
fn certificate(plan: &Plan, alerts: &Alerts) -> Option<Alert> {
    let tls = plan.tls.as_ref()?;
    let expr = if tls.certificate.is_some() {
        let of = |metric: &str| {
            format!(
                "certmanager_certificate_{metric}{{{}name=\"{}\"}}",
                namespace(plan),
                plan.names.cluster
            )
        };
        let (end, renewal) = (of("expiration_timestamp_seconds"), of("renewal_timestamp_seconds"));
        format!("{end} - time() < ({end} - {renewal}) / 2")
    } else if tls.end_is_told {
        // At its end and after it, 0.
        let left = selector(plan, "redis_tls_server_cert_expires_in_seconds", "");
        format!("{left} < {}", u64::from(alerts.certificate_days) * 86_400)
    } else {
        return None;
    };
    Some(Alert {
        name: "RedisClusterCertificateNearEnd",
        severity: CRITICAL,
        for_: "10m",
        expr,
        summary: "the certificate is near its end and has not been renewed",
        description: "When it has ended, clients that check it are refused, and pods that restart do not join.",
    })
}

/// kube-state-metrics says when a backup was due and when one was complete, not whether the last one failed.
fn backup(plan: &Plan) -> Option<Alert> {
    let backup = plan.backup.as_ref()?;
    let of = |metric: &str| {
        format!(
            "kube_cronjob_status_{metric}{{{}cronjob=\"{}\"}}",
            namespace(plan),
            plan.names.backup()
        )
    };
    let (due, complete) = (of("last_schedule_time"), of("last_successful_time"));
    // Ten minutes for a pod to be scheduled and started.
    let seconds = backup.timeout_seconds.saturating_add(600);
    Some(Alert {
        name: "RedisClusterBackupMissed",
        severity: WARNING,
        for_: "10m",
        expr: format!(
            "min_over_time(({due} > bool ({complete} or 0 * {due}))[{seconds}s:1m]) == 1"
        ),
        summary: "there is no backup since the last one was due",
        description: "What is written since the last complete backup cannot be restored. The log of the CronJob's last Job says why.",
    })
}

/// Nodes that do not tell the same. Pods that retire and are out of the cluster, each alone, are no nodes of it any more.
fn disagreement(plan: &Plan) -> String {
    let but = retiring_pods(plan).map(|pods| {
        let alone = selector(plan, "redis_cluster_known_nodes", &format!(",pod=~\"{pods}\""));
        format!(" unless on (namespace, instance) {alone} == 1")
    });
    let but = but.as_deref().unwrap_or_default();
    [
        "redis_cluster_state",
        "redis_cluster_slots_ok",
        "redis_cluster_known_nodes",
        "redis_cluster_size",
    ]
    .map(|metric| selector(plan, metric, "") + but)
    .map(|told| format!("max {BY} ({told}) != min {BY} ({told})"))
    .join(" or ")
}

/// A regular expression of the names of pods that retire: the last ones of each StatefulSet, and all of the last StatefulSets.
fn retiring_pods(plan: &Plan) -> Option<String> {
    let one_of = |numbers: Vec<u32>| {
        let numbers: Vec<_> = numbers.iter().map(u32::to_string).collect();
        (!numbers.is_empty()).then(|| format!("({})", numbers.join("|")))
    };
    let (sets, before): (Vec<_>, Vec<_>) =
        plan.stateful_sets.iter().partition(|set| set.shard.is_some() == plan.is_per_shard());
    let first = sets.first()?;
    let last_pods = one_of((first.pods.saturating_sub(first.retiring)..first.pods).collect());
    let cluster = &plan.names.cluster;
    // All pods of the layout of before.
    if let Some(before) = before.first() {
        let shard = if before.shard.is_some() { "shard-[0-9]+-" } else { "" };
        return Some(format!("{cluster}-{shard}[0-9]+"));
    }
    if first.shard.is_none() {
        return last_pods.map(|ordinals| format!("{cluster}-{ordinals}"));
    }
    let last_shards = sets.iter().filter(|set| set.retiring == set.pods);
    let last_shards = one_of(last_shards.filter_map(|set| set.shard).collect());
    let pods = [
        last_shards.map(|shards| format!("{cluster}-shard-{shards}-[0-9]+")),
        last_pods.map(|ordinals| format!("{cluster}-shard-[0-9]+-{ordinals}")),
    ];
    let pods: Vec<_> = pods.into_iter().flatten().collect();
    (!pods.is_empty()).then(|| pods.join("|"))
}

fn replication(plan: &Plan, alerts: &Alerts) -> Vec<Alert> {
    if plan.replicas_per_shard == 0 {
        return Vec::new();
    }
    let of = |metric: &str| selector(plan, metric, "");
    let online = |metric: &str| selector(plan, metric, ",slave_state=\"online\"");
    vec![
        Alert {
            name: "RedisClusterShardWithoutReplica",
            severity: WARNING,
            for_: "10m",
            expr: format!(
                "{} == 0 and on (namespace, instance) {} and on (namespace, instance) {} > 0",
                of("redis_connected_slaves"),
                selector(plan, "redis_instance_info", ",role=\"master\""),
                of("redis_cluster_slots_assigned")
            ),
            summary: "a shard has no replica",
            description: "When its master fails, its slots are not served, and writes may be lost.",
        },
        Alert {
            name: "RedisClusterReplicationLinkDown",
            severity: WARNING,
            for_: "5m",
            expr: format!(
                "{} == 0 unless on (namespace, instance) {} == 1",
                of("redis_master_link_up"),
                of("redis_master_sync_in_progress")
            ),
            summary: "a replica has no link to its master",
            description: "It gets no writes, and does not take over after ten node timeouts.",
        },
        // Further behind than the backlog, a replica that loses its link copies everything anew.
        Alert {
            name: "RedisClusterReplicationLag",
            severity: WARNING,
            for_: "5m",
            expr: format!(
                "{} > {} or {} - on (namespace, instance) group_right () {} > on (namespace, instance) group_left () {}",
                online("redis_connected_slave_lag_seconds"),
                alerts.replication_lag_seconds,
                of("redis_master_repl_offset"),
                online("redis_connected_slave_offset_bytes"),
                of("redis_replication_backlog_bytes")
            ),
            summary: "a replica is far behind its master",
            description: "Writes that it has not got are lost when the master fails.",
        },
    ]
}

/// All pods of a shard in one place. Where nodes or zones do not matter to the spec, it is not told.
fn placement(plan: &Plan) -> Vec<Alert> {
    let mut alerts = Vec::new();
    if plan.replicas_per_shard == 0 {
        return alerts;
    }
    let by = "by (namespace, redis_cluster, shard";
    let pods = members(plan);
    let one = |place: &str, placed: &str| {
        format!("count {by}) (count {by}, {place}) ({placed})) == 1 and count {by}) ({pods}) > 1")
    };
    if plan.spread_nodes(plan.is_per_shard()) != SpreadRule::None {
        alerts.push(Alert {
            name: "RedisClusterShardOnOneNode",
            severity: WARNING,
            for_: "15m",
            expr: one("node", &pods),
            summary: "all pods of a shard are on one Kubernetes node",
            description: "When the node fails, the shard's slots are not served.",
        });
    }
    if plan.spread_zones != SpreadRule::None {
        // kube-state-metrics has the zones of nodes only where it is told to: see docs/observability.md.
        let zone = "label_topology_kubernetes_io_zone";
        alerts.push(Alert {
            name: "RedisClusterShardInOneZone",
            severity: WARNING,
            for_: "15m",
            expr: one(
                zone,
                &format!(
                    "({pods}) * on (node) group_left ({zone}) max by (node, {zone}) (kube_node_labels{{{zone}!=\"\"}})"
                ),
            ),
            summary: "all pods of a shard are in one zone",
            description: "When the zone fails, the shard's slots are not served.",
        });
    }
    alerts
}

/// A series for each pod with the shard that it is in. Without a StatefulSet for each shard, that is the address of its master.
fn members(plan: &Plan) -> String {
    if plan.is_per_shard() {
        return selector(plan, "redis_up", "");
    }
    let replicas = selector(plan, "redis_master_link_up", "");
    let masters = selector(plan, "redis_instance_info", ",role=\"master\"");
    format!(
        "label_replace({replicas} >= bool 0, \"shard\", \"$1\", \"master_host\", \"(.*)\") or label_replace({masters}, \"shard\", \"$1\", \"instance\", \"\\\\[?(.*?)\\\\]?:[0-9]+\")"
    )
}

/// The series of this cluster.
pub(super) fn selector(plan: &Plan, metric: &str, more: &str) -> String {
    format!(
        "{metric}{{{}{CLUSTER_METRIC_LABEL}=\"{}\"{more}}}",
        namespace(plan),
        plan.names.cluster
    )
}

/// Only where it is known: a tool may choose another one when it applies.
fn namespace(plan: &Plan) -> String {
    plan.namespace.as_ref().map(|name| format!("namespace=\"{name}\",")).unwrap_or_default()
}
