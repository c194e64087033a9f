//! What watches a cluster. Alerts are judged by `promtool`: each fires on its fault, and none on a healthy day, in a rolling restart or a bootstrap. The dashboard's
//! queries are answered, and it is of the types that Grafana publishes; `published.rs` judges the objects of the Prometheus Operator.
//!
//! What happens comes from `scrapes/`: what real exporters said about real servers in the lab (`make scrapes`). What Kubernetes says about volumes, Jobs and nodes,
//! and cert-manager about certificates, is written here, in the form that the kubelet, kube-state-metrics and cert-manager have.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    common::{
        rendered::{binary, root, run, stdout, temporary},
        tools,
    },
    published::type_mistakes,
};

/// One story, and the alerts that it is about.
struct Story {
    /// A file of `scrapes/`.
    scrape: &'static str,
    /// Seconds that a sample stands for: a few of the lab's can be a day.
    step: u64,
    /// Minutes for which the last state lasts.
    lasts: u64,
    /// What is different in it.
    twist: Twist,
    alerts: &'static [&'static str],
}

/// What the lab has none of: Kubernetes nodes, zones, Jobs of kube-state-metrics, volumes of a kubelet, certificates of cert-manager.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twist {
    None,
    OneNode,
    OneZone,
    FullDisk,
    FailedJob,
    OldCertificate,
    /// The certificate comes from a Secret, and only the servers say how old it is.
    FreshSecret,
    OldSecret,
    EndedSecret,
    FailedBackup,
    /// Two more pods than the scrape has, which are out of the cluster as the spec says.
    Retired,
    /// The same pods, of which the spec says nothing.
    Alone,
}

impl Twist {
    /// What the spec of the lab's cluster says in it.
    fn change(self, spec: &mut Value) {
        match self {
            Twist::FreshSecret | Twist::OldSecret | Twist::EndedSecret => {
                spec["engine"] = json!({"name": "valkey", "version": "9.1.2"});
                spec["tls"] = json!({"secretName": "blue-tls"});
            }
            Twist::Retired => {
                spec["topology"]["retiring"] = json!({"shards": 1});
            }
            _ => {}
        }
    }
}

const fn story(scrape: &'static str, alerts: &'static [&'static str]) -> Story {
    Story { scrape, step: 5, lasts: 30, twist: Twist::None, alerts }
}

impl Story {
    const fn day(mut self) -> Story {
        self.step = 60;
        self.lasts = 24 * 60;
        self
    }

    const fn but(mut self, twist: Twist) -> Story {
        self.twist = twist;
        self
    }
}

const STORIES: &[Story] = &[
    story("healthy", &[]).day(),
    story("healthy-single", &[]).day(),
    story("tls", &[]),
    story("bootstrap", &[]),
    story("rolling-restart", &[]),
    story("not-formed", &["NotFormed"]),
    // Two pods are missing, too.
    story("slots-not-served", &["MetricsMissing", "SlotsNotServed"]),
    // The pod that is cut off is a replica, whose master has not given up the link yet.
    story("nodes-disagree", &["NodesDisagree", "ReplicationLag"]),
    story("shard-without-replica", &["MetricsMissing", "ShardWithoutReplica"]),
    story("link-down", &["ReplicationLinkDown", "ShardWithoutReplica"]),
    // A server that stands still answers nobody.
    story("lag", &["NodeDown", "ReplicationLag"]),
    story("memory-full", &["MemoryNearlyFull"]),
    story("rejected", &["ConnectionsRejected"]),
    story("node-down", &["NodeDown", "ShardWithoutReplica"]),
    story("exporter-down", &["MetricsMissing"]),
    story("healthy", &["ShardInOneZone", "ShardOnOneNode"]).but(Twist::OneNode),
    story("healthy-single", &["ShardInOneZone", "ShardOnOneNode"]).but(Twist::OneNode),
    story("healthy", &["ShardInOneZone"]).but(Twist::OneZone),
    story("healthy-single", &["ShardInOneZone"]).but(Twist::OneZone),
    story("healthy", &["DiskNearlyFull"]).but(Twist::FullDisk),
    story("healthy-single", &["DiskNearlyFull"]).but(Twist::FullDisk),
    story("healthy", &["BootstrapFailed"]).but(Twist::FailedJob),
    story("tls", &["CertificateNearEnd"]).but(Twist::OldCertificate),
    story("tls", &[]).but(Twist::FreshSecret),
    story("tls", &["CertificateNearEnd"]).but(Twist::OldSecret),
    story("tls", &["CertificateNearEnd"]).but(Twist::EndedSecret),
    story("healthy", &[]).but(Twist::Retired),
    story("healthy-single", &[]).but(Twist::Retired),
    story("healthy", &["NodesDisagree"]).but(Twist::Alone),
    story("healthy-single", &["NodesDisagree"]).but(Twist::Alone),
    story("healthy", &["BackupMissed"]).but(Twist::FailedBackup),
];

const PREFIX: &str = "RedisCluster";

/// What is rendered for the lab's cluster, with what a twist changes of its spec.
fn objects(layout: &str, monitor: &str, twist: Twist) -> Vec<Value> {
    objects_of(layout, monitor, |spec| twist.change(spec))
}

fn objects_of(layout: &str, monitor: &str, change: impl FnOnce(&mut Value)) -> Vec<Value> {
    let mut spec = json!({
        "apiVersion": "redis-cluster-gen.dev/v1alpha1",
        "kind": "RedisCluster",
        "metadata": {"name": "blue", "namespace": "lab"},
        "spec": {
            "engine": {"version": "7.0.15"},
            "storage": {"size": "1Gi"},
            "topology": {"layout": layout},
            "tls": {"certificate": {"issuerRef": {"name": "lab"}}},
            "backup": {"schedule": "@hourly", "volume": {"size": "1Gi"}},
            "observability": {
                "exporter": {"enabled": true},
                "monitor": {"kind": monitor},
                "alerts": {"enabled": true, "runbookUrl": "https://example.com/runbooks"},
                "dashboard": {"enabled": true},
            },
        },
    });
    change(&mut spec["spec"]);
    let file = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    fs::write(&file, spec.to_string()).expect("the spec can be written");
    let json = stdout(binary().args(["render", "-o", "json"]).arg(file.path()));
    let mut list: Value = serde_json::from_str(&json).expect("JSON");
    serde_json::from_value(list["items"].take()).expect("a list")
}

/// The groups of the PrometheusRule of the lab's cluster, and the name of its Job.
fn rules(layout: &str, twist: Twist) -> (Value, String) {
    let objects = objects(layout, "PodMonitor", twist);
    let find = |kind: &str| {
        objects.iter().find(|object| object["kind"] == kind).expect("the kind").clone()
    };
    let job = find("Job")["metadata"]["name"].as_str().expect("a name").to_owned();
    (find("PrometheusRule")["spec"].take(), job)
}

fn promtool(folder: &Path, arguments: &[&str]) -> std::process::Output {
    run(Command::new(tools::program("bin/promtool")).current_dir(folder).args(arguments))
}

/// The layout of the cluster that a scrape is of.
fn layout(scrape: &str) -> &'static str {
    if scrape.ends_with("-single") { "SingleStatefulSet" } else { "StatefulSetPerShard" }
}

/// What Prometheus knows in a story, and for how many minutes.
fn series(story: &Story, job: &str) -> (Vec<Value>, u64) {
    let file = root().join(format!("tests/judges/scrapes/{}.txt", story.scrape));
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let steps = story.lasts * 60 / story.step;
    let mut series: Vec<(String, String)> = Vec::new();
    let text = format!("{text}{}", more_pods(story, &text));
    let (mut pods, mut samples) = (BTreeSet::new(), 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let at = line.find("} ").expect("a series and its values") + 1;
        let (name, values) = (&line[..at], line[at + 1..].to_owned());
        let mut name = name.to_owned();
        if story.twist == Twist::OneNode {
            for index in (0..6).rev() {
                let node = |index: usize| format!("node=\"node-{index}\"");
                name = name.replace(&node(index), &node(place(story.scrape, index).0));
            }
        }
        let label = |label: &str| {
            let rest = name.split(&format!(",{label}=\"")).nth(1)?;
            Some(rest.split('"').next().unwrap_or_default().to_owned())
        };
        pods.extend(label("pod"));
        samples = samples.max(count(&values));
        let values = format!("{} {}", ended(&values), held(&name, &values, steps));
        series.push((name, values));
    }
    let minutes = (samples * story.step).div_ceil(60) + story.lasts;
    let always = |value: i64| format!("{value}+0x{}", samples + steps);
    for (index, pod) in pods.iter().enumerate() {
        let volume = format!("{{namespace=\"lab\",persistentvolumeclaim=\"data-{pod}\"}}");
        let available = if story.twist == Twist::FullDisk && index == 3 { 15 } else { 60 };
        series.push((format!("kubelet_volume_stats_capacity_bytes{volume}"), always(100)));
        series.push((format!("kubelet_volume_stats_available_bytes{volume}"), always(available)));
        let (shard, copy) = place(story.scrape, index);
        let zone = if story.twist == Twist::OneZone { shard } else { (shard + copy) % 3 };
        series.push((
            format!("kube_node_labels{{node=\"node-{index}\",label_topology_kubernetes_io_zone=\"z{zone}\"}}"),
            always(1),
        ));
    }
    let left = match story.twist {
        Twist::FreshSecret => Some("1295999-5x"),
        Twist::OldSecret => Some("1209599-5x"),
        // It does not count on.
        Twist::EndedSecret => Some("0+0x"),
        _ => None,
    };
    for (index, pod) in pods.iter().enumerate() {
        let labels = format!(
            "instance=\"10.7.1.{}:9121\",namespace=\"lab\",pod=\"{pod}\",redis_cluster=\"blue\"",
            index + 1
        );
        let name = format!("redis_tls_server_cert_expires_in_seconds{{{labels}}}");
        series.extend(left.map(|left| (name, format!("{left}{}", samples + steps))));
    }
    series.push((
        format!("kube_job_failed{{namespace=\"lab\",job_name=\"{job}\",condition=\"true\"}}"),
        always(i64::from(story.twist == Twist::FailedJob)),
    ));
    // In seconds since the story began.
    let old = story.twist == Twist::OldCertificate;
    for (metric, time) in [
        ("renewal", if old { -10 * 86_400 } else { 60 * 86_400 }),
        ("expiration", if old { 3 * 3600 } else { 90 * 86_400 }),
    ] {
        let name = format!("certmanager_certificate_{metric}_timestamp_seconds");
        series.push((format!("{name}{{namespace=\"lab\",name=\"blue\"}}"), always(time)));
    }
    let complete = if story.twist == Twist::FailedBackup { 50 } else { 160 };
    for (metric, time) in [("schedule", 100), ("successful", complete)] {
        let name = format!("kube_cronjob_status_last_{metric}_time");
        series.push((format!("{name}{{namespace=\"lab\",cronjob=\"blue-backup\"}}"), always(time)));
    }
    let series = series.iter().map(|(series, values)| json!({"series": series, "values": values}));
    (series.collect(), minutes)
}

/// What two more pods say, each of which is a cluster of its own: as the last two of the scrape, but for what a server says that knows nobody.
fn more_pods(story: &Story, text: &str) -> String {
    if !matches!(story.twist, Twist::Retired | Twist::Alone) {
        return String::new();
    }
    let single = layout(story.scrape) == "SingleStatefulSet";
    let names: [[&str; 2]; 2] = if single {
        [["blue-4", "blue-6"], ["blue-5", "blue-7"]]
    } else {
        [["blue-shard-2-0", "blue-shard-3-0"], ["blue-shard-2-1", "blue-shard-3-1"]]
    };
    let mut more = String::new();
    for (index, [like, name]) in names.into_iter().enumerate() {
        let (old, new) = (index + 4, index + 6);
        let label = format!("pod=\"{like}\"");
        for line in text.lines().filter(|line| !line.starts_with('#') && line.contains(&label)) {
            let at = line.find("} ").expect("a series and its values") + 1;
            let metric = line.split('{').next().expect("a name");
            let alone = match metric {
                "redis_cluster_known_nodes" => Some("1"),
                "redis_cluster_state"
                | "redis_cluster_slots_ok"
                | "redis_cluster_slots_assigned"
                | "redis_cluster_size"
                | "redis_connected_slaves" => Some("0"),
                // Of replicas and their masters.
                _ if metric.contains("slave") || metric.contains("master") => continue,
                _ => None,
            };
            let values = alone.map_or_else(
                || line[at + 1..].to_owned(),
                |value| format!("{value}+0x{}", count(&line[at + 1..]) - 1),
            );
            let series = line[..at]
                .replace(&label, &format!("pod=\"{name}\""))
                .replace(&format!("10.7.1.{}:", old + 1), &format!("10.7.1.{}:", new + 1))
                .replace(&format!("node-{old}"), &format!("node-{new}"))
                .replace("shard=\"2\"", "shard=\"3\"")
                .replace("role=\"slave\"", "role=\"master\"");
            more += &format!("{series} {values}\n");
        }
    }
    assert!(!more.is_empty(), "{}: no pods like {names:?}", story.scrape);
    more
}

/// A test of promtool that holds when just these alerts fire during the story.
fn test(story: &Story, job: &str) -> Value {
    let (series, minutes) = series(story, job);
    let expected: Vec<_> = story
        .alerts
        .iter()
        .map(|alert| json!({"labels": format!("{{alertname=\"{PREFIX}{alert}\"}}"), "value": 1}))
        .collect();
    json!({
        "interval": format!("{}s", story.step),
        "input_series": series,
        "promql_expr_test": [{
            "expr": format!("group by (alertname) (last_over_time(ALERTS{{alertstate=\"firing\"}}[{minutes}m]))"),
            "eval_time": format!("{minutes}m"),
            "exp_samples": expected,
        }],
    })
}

/// The shard of one of the lab's six pods, and which of its two pods it is.
fn place(scrape: &str, index: usize) -> (usize, usize) {
    if scrape.ends_with("-single") { (index % 3, index / 3) } else { (index / 2, index % 2) }
}

/// A series ends when its target is gone or does not answer: Prometheus marks that.
fn ended(values: &str) -> String {
    let mut runs: Vec<String> = Vec::new();
    for run in values.split(' ') {
        match run.strip_prefix("_x").and_then(|count| count.parse::<u64>().ok()) {
            Some(1) if !runs.is_empty() => runs.push("stale".to_owned()),
            Some(count) if !runs.is_empty() => runs.push(format!("stale _x{}", count - 1)),
            _ => runs.push(run.to_owned()),
        }
    }
    runs.join(" ")
}

/// How many samples a text in promtool's notation stands for.
fn count(values: &str) -> u64 {
    let number = |text: &str| text.parse::<u64>().expect("a count");
    let samples = values.split(' ').map(|run| match run.rsplit_once('x') {
        Some(("_", count)) => number(count),
        Some((_, count)) => number(count) + 1,
        None => 1,
    });
    samples.sum()
}

/// The last value once more and again; what only grows goes on growing as it did.
fn held(name: &str, values: &str, steps: u64) -> String {
    let runs: Vec<_> = values.split(' ').collect();
    let value = |run: &str| run.split("+0x").next().and_then(|value| value.parse::<f64>().ok());
    let name = name.split('{').next().unwrap_or_default();
    let grows = ["_total", "_offset", "_offset_bytes"].iter().any(|end| name.ends_with(end));
    match runs.as_slice() {
        [.., last] if value(last).is_none() => format!("_x{steps}"),
        [.., before, last] if grows && !last.contains("+0x") => {
            let (last, before) = (value(last).unwrap_or_default(), value(before));
            let by = before.map_or(0.0, |before| (last - before).max(0.0));
            format!("{}+{by}x{}", last + by, steps - 1)
        }
        [.., last] => format!("{}+0x{}", value(last).unwrap_or_default(), steps - 1),
        [] => String::new(),
    }
}

/// What promtool has to say about the stories, with rules that were changed or not.
fn judge(name: &str, change: impl Fn(&mut Value)) -> Vec<(bool, String)> {
    let folder = temporary(name);
    STORIES
        .iter()
        .enumerate()
        .map(|(index, story)| {
            let (mut groups, job) = rules(layout(story.scrape), story.twist);
            change(&mut groups);
            let rules = format!("{index:02}-rules.json");
            fs::write(folder.join(&rules), groups.to_string()).expect("the rules can be written");
            let tests = json!({"rule_files": [rules], "evaluation_interval": format!("{}s", story.step.max(30)), "tests": [test(story, &job)]});
            let file = format!("{index:02}-{}.json", story.scrape);
            fs::write(folder.join(&file), tests.to_string()).expect("the test can be written");
            let output = promtool(&folder, &["test", "rules", &file]);
            let said = [output.stdout, output.stderr].concat();
            (output.status.success(), format!("{file}: {}", String::from_utf8_lossy(&said)))
        })
        .collect()
}

fn names(groups: &Value) -> Vec<String> {
    let rules = groups["groups"][0]["rules"].as_array().expect("rules");
    rules.iter().map(|rule| rule["alert"].as_str().expect("a name").to_owned()).collect()
}

/// Alerts tell things apart by labels that the monitor gives.
#[test]
fn the_monitor_gives_the_labels() {
    for kind in ["PodMonitor", "ServiceMonitor"] {
        let objects = objects("StatefulSetPerShard", kind, Twist::None);
        let monitor = objects.iter().find(|object| object["kind"] == kind).expect("the monitor");
        for label in ["redis_cluster", "node", "shard"] {
            assert!(
                monitor.to_string().contains(&format!("\"targetLabel\":\"{label}\"")),
                "{label}"
            );
        }
    }
}

#[test]
fn rules_are_rules() {
    let folder = temporary("rules");
    let twists = [Twist::None, Twist::OldSecret, Twist::Retired];
    for (layout, twist) in ["StatefulSetPerShard", "SingleStatefulSet"]
        .into_iter()
        .flat_map(|layout| twists.map(|twist| (layout, twist)))
    {
        let (groups, _) = rules(layout, twist);
        fs::write(folder.join("rules.json"), groups.to_string()).expect("the rules can be written");
        let output = promtool(&folder, &["check", "rules", "--lint-fatal", "rules.json"]);
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn each_alert_fires_on_its_fault_only() {
    let wrong: Vec<_> = judge("alerts", |_| {}).into_iter().filter(|(passed, _)| !passed).collect();
    let said: Vec<_> = wrong.into_iter().map(|(_, said)| said).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    for layout in ["StatefulSetPerShard", "SingleStatefulSet"] {
        for alert in names(&rules(layout, Twist::None).0) {
            let has_story = |story: &Story| {
                story.alerts.iter().any(|expected| alert == format!("{PREFIX}{expected}"))
            };
            assert!(STORIES.iter().any(has_story), "{alert} has no story");
        }
    }
}

/// An alert that always fires is noticed, so is one that never does.
#[test]
fn mistakes_are_found() {
    let failed = |name: &str, expr: &str| {
        let all = judge(name, |groups| {
            for rule in groups["groups"][0]["rules"].as_array_mut().expect("rules") {
                rule["expr"] = json!(expr);
            }
        });
        all.iter().filter(|(passed, _)| !passed).count()
    };
    assert_eq!(failed("alerts-always", "vector(1)"), STORIES.len());
    let faults = STORIES.iter().filter(|story| !story.alerts.is_empty()).count();
    assert_eq!(failed("alerts-never", "vector(1) > 1"), faults);
}

/// The dashboard of the lab's cluster.
fn dashboard(layout: &str) -> Value {
    let objects = objects(layout, "PodMonitor", Twist::None);
    let map = objects.iter().find(|object| object["metadata"]["name"] == "blue-dashboard");
    let text = &map.expect("the dashboard")["data"]["lab-blue-dashboard.json"];
    serde_json::from_str(text.as_str().expect("a text")).expect("JSON")
}

/// Pods that retire, and no others, are left out of what nodes have to agree on.
#[test]
fn retiring_pods_are_named() {
    for layout in ["StatefulSetPerShard", "SingleStatefulSet"] {
        for retiring in [
            json!({"shards": 2}),
            json!({"replicasPerShard": 1}),
            json!({"shards": 1, "replicasPerShard": 2}),
            json!({"layout": if layout == "SingleStatefulSet" { "StatefulSetPerShard" } else { "SingleStatefulSet" }}),
        ] {
            let objects = objects_of(layout, "PodMonitor", |spec| {
                spec["topology"]["retiring"] = retiring.clone();
            });
            let maps = objects.iter().filter(|object| object["kind"] == "ConfigMap");
            let topology = maps
                .filter_map(|map| map["data"]["topology"].as_str())
                .next()
                .expect("the topology");
            let rule =
                objects.iter().find(|object| object["kind"] == "PrometheusRule").expect("the rule");
            let rules = rule["spec"]["groups"][0]["rules"].as_array().expect("rules");
            let rule = rules.iter().find(|rule| rule["alert"] == "RedisClusterNodesDisagree");
            let expr = rule.expect("the alert")["expr"].as_str().expect("a text");
            let pods = expr
                .split("pod=~\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .expect("the pods");
            let pods = regex::Regex::new(&format!("^(?:{pods})$")).expect("a regular expression");
            let mut count = 0;
            for line in topology.lines().filter(|line| !line.starts_with('#')) {
                let pod = line.split('.').next().expect("a pod");
                let retires = line.ends_with(" retiring");
                count += usize::from(retires);
                assert_eq!(pods.is_match(pod), retires, "{layout}, {retiring}: {pod} and {pods}");
            }
            assert!(count > 0, "{layout}, {retiring}: nobody retires:\n{topology}");
        }
    }
}

#[test]
fn each_query_of_the_dashboard_has_an_answer() {
    let folder = temporary("dashboard");
    for scrape in ["healthy", "healthy-single"] {
        let story = story(scrape, &[]);
        let (series, minutes) = series(&story, "none");
        let tests: Vec<_> = dashboard(layout(scrape))["panels"]
            .as_array()
            .expect("panels")
            .iter()
            .map(|panel| {
                let expr = panel["targets"][0]["expr"].as_str().expect("a query");
                // Grafana makes it four scrapes.
                let expr = expr.replace("$__rate_interval", "2m");
                let has_answer = json!([{"labels": "{}", "value": 1}]);
                json!({"expr": format!("group({expr})"), "eval_time": "1m", "exp_samples": has_answer})
            })
            .collect();
        assert!(tests.len() > 15 && minutes > 1, "{scrape}: {} queries", tests.len());
        let file = format!("{scrape}.json");
        let tests = json!({"tests": [{"interval": "5s", "input_series": series, "promql_expr_test": tests}]});
        fs::write(folder.join(&file), tests.to_string()).expect("the test can be written");
        let output = promtool(&folder, &["test", "rules", &file]);
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn the_dashboard_is_of_the_published_types() {
    let mut values = Vec::new();
    for layout in ["StatefulSetPerShard", "SingleStatefulSet"] {
        let mut dashboard = dashboard(layout);
        for panel in dashboard["panels"].as_array_mut().expect("panels") {
            let kind = if panel["type"] == "stat" { "Stat" } else { "Timeseries" };
            values.push((kind, panel["options"].clone()));
            values.push(("Query", panel["targets"][0].take()));
            panel["targets"] = json!([]);
        }
        values.push(("Whole", dashboard));
    }
    assert!(values.len() > 60, "only {} values", values.len());
    let said = type_mistakes("dashboard", &values);
    assert!(said.is_empty(), "{said}");

    let mut wrong = values.last().expect("a dashboard").1.clone();
    wrong["refrehs"] = json!("30s");
    assert!(
        type_mistakes("dashboard-mistake", &[("Whole", wrong)]).contains("refrehs"),
        "it takes anything"
    );
}

#[test]
fn each_alert_has_its_runbook() {
    let runbooks = fs::read_to_string(root().join("docs/runbooks.md")).expect("docs/runbooks.md");
    let headings: BTreeSet<_> =
        runbooks.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let (groups, _) = rules("StatefulSetPerShard", Twist::None);
    for rule in groups["groups"][0]["rules"].as_array().expect("rules") {
        let name = rule["alert"].as_str().expect("a name");
        assert!(headings.contains(name), "docs/runbooks.md has no section {name}");
        let url = rule["annotations"]["runbook_url"].as_str().expect("a link");
        assert_eq!(url, format!("https://example.com/runbooks#{}", name.to_lowercase()));
        for annotation in ["summary", "description"] {
            assert!(rule["annotations"][annotation].is_string(), "{name} has no {annotation}");
        }
        assert!(
            ["critical", "warning"]
                .contains(&rule["labels"]["severity"].as_str().unwrap_or_default())
        );
    }
    assert_eq!(headings.len(), names(&groups).len(), "docs/runbooks.md: {headings:?}");
}
