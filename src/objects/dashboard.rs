//! The dashboard: a ConfigMap that Grafana's sidecar finds by its label.
//!
//! Its queries name the cluster, and only the data source is a variable: `$datasource`, since `${datasource}` would be replaced by Flux. Legends are Grafana's own
//! (`__auto`) for the same reason.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::{monitor::metadata_with, prometheus_rule::selector};
use crate::plan::{Plan, short_hash};

/// The file in the ConfigMap. Sidecars put the files of all ConfigMaps into one folder.
fn file(plan: &Plan) -> String {
    format!("{}{}-dashboard.json", prefix(plan), plan.names.cluster)
}

fn prefix(plan: &Plan) -> String {
    plan.namespace.as_ref().map(|namespace| format!("{namespace}-")).unwrap_or_default()
}

pub(super) fn dashboard(plan: &Plan) -> Option<ConfigMap> {
    let dashboard = plan.dashboard.as_ref()?;
    plan.exporter.as_ref()?;
    let mut metadata = metadata_with(plan, plan.names.dashboard(), &dashboard.labels);
    if !dashboard.annotations.is_empty() {
        metadata.annotations.get_or_insert_default().extend(dashboard.annotations.clone());
    }
    // Its own writer keeps keys in order; JSON of texts and numbers always serialises.
    let text = serde_json::to_string_pretty(&whole(plan)).unwrap_or_default() + "\n";
    Some(ConfigMap {
        data: Some(BTreeMap::from([(file(plan), text)])),
        metadata,
        ..ConfigMap::default()
    })
}

fn whole(plan: &Plan) -> Value {
    let title = match &plan.namespace {
        Some(namespace) => format!("Redis Cluster {namespace}/{}", plan.names.cluster),
        None => format!("Redis Cluster {}", plan.names.cluster),
    };
    json!({
        "annotations": {"list": []},
        "editable": false,
        "graphTooltip": 1,
        "panels": panels(plan),
        "refresh": "30s",
        "schemaVersion": 39,
        "tags": ["redis-cluster"],
        "templating": {"list": [{
            "label": "Data source",
            "name": "datasource",
            "query": "prometheus",
            "type": "datasource",
        }]},
        "time": {"from": "now-3h", "to": "now"},
        "title": title,
        "uid": format!("redis-cluster-{}", short_hash([title.as_str()])),
    })
}

/// Top: is all well? Below: how much of everything, for each pod. A shard is a line of its own where each has a StatefulSet.
fn panels(plan: &Plan) -> Vec<Value> {
    let of = |metric: &str| selector(plan, metric, "");
    let rate = |metric: &str| format!("rate({}[$__rate_interval])", of(metric));
    let pods: u32 = plan.stateful_sets.iter().map(|set| set.pods).sum();
    let masters = selector(plan, "redis_instance_info", ",role=\"master\"");
    let memory =
        format!("100 * {} / ({} > 0)", of("redis_memory_used_bytes"), of("redis_memory_max_bytes"));
    let (hits, misses) = (rate("redis_keyspace_hits_total"), rate("redis_keyspace_misses_total"));
    let has_shards = plan.is_per_shard();

    let mut stats = vec![
        Panel::stat("State", format!("min({})", of("redis_cluster_state")))
            .low(1)
            .words(&[("0", "fail"), ("1", "ok")]),
        Panel::stat("Slots served", format!("max({})", of("redis_cluster_slots_ok"))).low(16384),
        Panel::stat("Nodes up", format!("sum({})", of("redis_up"))).low(pods),
        Panel::stat("Masters", format!("count({masters})")).low(plan.shards),
        Panel::stat("Fullest memory", format!("max({memory})")).unit("percent").high(75, 90),
        Panel::stat("Hit rate", format!("100 * sum({hits}) / (sum({hits}) + sum({misses}) > 0)"))
            .unit("percent"),
        Panel::stat("Operations", format!("sum({})", rate("redis_commands_processed_total")))
            .unit("ops"),
        Panel::stat("Clients", format!("sum({})", of("redis_connected_clients"))),
    ];
    let by = |what: &str, expr: &str| format!("{what} by (pod) ({expr})");
    let mut graphs = vec![
        Panel::graph(
            "Slots not served, as each pod sees it",
            by("max", &format!("16384 - {}", of("redis_cluster_slots_ok"))),
        ),
        Panel::graph("Memory, percent of maxmemory", by("max", &memory)).unit("percent"),
        Panel::graph("Operations", by("sum", &rate("redis_commands_processed_total"))).unit("ops"),
        Panel::graph("Hit rate", by("sum", &format!("100 * {hits} / ({hits} + {misses} > 0)")))
            .unit("percent"),
        Panel::graph("Clients", by("sum", &of("redis_connected_clients"))),
        Panel::graph("Evicted keys", by("sum", &rate("redis_evicted_keys_total"))).unit("ops"),
        Panel::graph("Rejected connections", by("sum", &rate("redis_rejected_connections_total")))
            .unit("ops"),
        Panel::graph("Memory", by("sum", &of("redis_memory_used_bytes"))).unit("bytes"),
    ];
    if plan.replicas_per_shard > 0 {
        let online = |metric: &str| selector(plan, metric, ",slave_state=\"online\"");
        graphs.push(
            Panel::graph(
                "Seconds since a replica was heard, by master",
                by("max", &online("redis_connected_slave_lag_seconds")),
            )
            .unit("s"),
        );
        graphs.push(
            Panel::graph(
                "Bytes that a replica is behind, by master",
                by(
                    "max",
                    &format!(
                        "{} - on (namespace, instance) group_right () {}",
                        of("redis_master_repl_offset"),
                        online("redis_connected_slave_offset_bytes")
                    ),
                ),
            )
            .unit("bytes"),
        );
    }
    let of_masters =
        |expr: &str| format!("sum by (shard) ({expr} and on (namespace, instance) {masters})");
    if has_shards {
        graphs.extend([
            Panel::graph(
                "Operations of masters, by shard",
                of_masters(&rate("redis_commands_processed_total")),
            )
            .unit("ops"),
            Panel::graph("Memory of masters, by shard", of_masters(&of("redis_memory_used_bytes")))
                .unit("bytes"),
            Panel::graph(
                "Keys, by shard",
                format!(
                    "sum by (shard) ({} and on (namespace, instance) {masters})",
                    of("redis_db_keys")
                ),
            ),
            Panel::graph("Replicas, by shard", of_masters(&of("redis_connected_slaves"))),
        ]);
    } else {
        graphs.push(Panel::graph(
            "Keys of masters",
            by("sum", &format!("{} and on (namespace, instance) {masters}", of("redis_db_keys"))),
        ));
        graphs.push(Panel::graph(
            "Replicas of masters",
            by(
                "sum",
                &format!("{} and on (namespace, instance) {masters}", of("redis_connected_slaves")),
            ),
        ));
    }

    let top = stats.drain(..).enumerate().map(|(index, panel)| (panel, index * 3, 0, 3, 4));
    let below = graphs
        .drain(..)
        .enumerate()
        .map(|(index, panel)| (panel, index % 2 * 12, 4 + index / 2 * 8, 12, 8));
    top.chain(below)
        .enumerate()
        .map(|(index, (panel, x, y, w, h))| {
            panel.write(index + 1, json!({"h": h, "w": w, "x": x, "y": y}))
        })
        .collect()
}

struct Panel {
    kind: &'static str,
    title: &'static str,
    expr: String,
    unit: &'static str,
    /// Colours from values on.
    steps: Vec<Value>,
    mappings: Vec<Value>,
}

impl Panel {
    fn new(kind: &'static str, title: &'static str, expr: String) -> Panel {
        let steps = vec![json!({"color": "green", "value": null})];
        Panel { kind, title, expr, unit: "short", steps, mappings: Vec::new() }
    }

    /// A number.
    fn stat(title: &'static str, expr: String) -> Panel {
        Panel::new("stat", title, expr)
    }

    /// Lines over time.
    fn graph(title: &'static str, expr: String) -> Panel {
        Panel::new("timeseries", title, expr)
    }

    fn unit(mut self, unit: &'static str) -> Panel {
        self.unit = unit;
        self
    }

    /// Red below what it should be.
    fn low(mut self, good: u32) -> Panel {
        self.unit = "none";
        self.steps =
            vec![json!({"color": "red", "value": null}), json!({"color": "green", "value": good})];
        self
    }

    fn high(mut self, warn: u32, bad: u32) -> Panel {
        self.steps.extend([
            json!({"color": "orange", "value": warn}),
            json!({"color": "red", "value": bad}),
        ]);
        self
    }

    fn words(mut self, words: &[(&str, &str)]) -> Panel {
        let options: BTreeMap<_, _> =
            words.iter().map(|(value, text)| (*value, json!({"text": text}))).collect();
        self.mappings.push(json!({"options": options, "type": "value"}));
        self
    }

    fn write(self, id: usize, place: Value) -> Value {
        let Panel { kind, title, expr, unit, steps, mappings } = self;
        let source = json!({"type": "prometheus", "uid": "$datasource"});
        let options = match kind {
            "stat" => json!({
                "colorMode": "background",
                "graphMode": "none",
                "justifyMode": "auto",
                "orientation": "auto",
                "percentChangeColorMode": "standard",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
                "showPercentChange": false,
                "textMode": "value",
                "wideLayout": true,
            }),
            _ => json!({
                "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
        };
        json!({
            "datasource": source,
            "fieldConfig": {
                "defaults": {
                    "mappings": mappings,
                    "thresholds": {"mode": "absolute", "steps": steps},
                    "unit": unit,
                },
                "overrides": [],
            },
            "gridPos": place,
            "id": id,
            "options": options,
            "targets": [{
                "datasource": source,
                "editorMode": "code",
                "expr": expr,
                "legendFormat": "__auto",
                "range": true,
                "refId": "A",
            }],
            "title": title,
            "type": kind,
        })
    }
}
