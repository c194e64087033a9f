//! The exporter, and what rests on it.

use super::{
    super::{types::MonitorKind, written::path},
    Facts, Finding, Findings, Rule,
};
use crate::error::Severity;

const EXPORTER: &str = "/spec/observability/exporter/enabled";
const MONITOR: &str = "/spec/observability/monitor/kind";
const ALERTS: &str = "/spec/observability/alerts/enabled";
const DASHBOARD: &str = "/spec/observability/dashboard/enabled";

pub(super) const EXPORTER_MISSING: Rule = Rule {
    code: "RCG361",
    name: "exporter-missing",
    severity: Severity::Error,
    title: "there is nothing to watch without the exporter",
    story: "\
A monitor tells Prometheus where metrics are, alerts and the dashboard read them, and the exporter beside each server is what has them: Redis itself does not speak Prometheus' language. Without it the monitor finds no port, and alerts are silent whatever happens. \
Write `spec.observability.exporter.enabled: true`. An exporter of your own, as one of `spec.pod.sidecars`, has other labels: write the monitor and the rules for it under `spec.extraManifests`.",
    check: Some(exporter_missing),
};

fn exporter_missing(facts: &Facts<'_>, found: &mut Findings) {
    let observability = &facts.spec.observability;
    if observability.exporter.enabled {
        return;
    }
    for (is_asked_for, pointer, what) in [
        (observability.monitor.kind != MonitorKind::None, MONITOR, "a monitor"),
        (observability.alerts.enabled, ALERTS, "alerts"),
        (observability.dashboard.enabled, DASHBOARD, "a dashboard"),
    ] {
        if is_asked_for {
            found.push(|| {
                Finding::at(pointer, format!("{what} without the exporter: there are no metrics"))
                    .label("of no metrics")
                    .related(EXPORTER, "no exporter")
                    .needs("/spec/observability/exporter")
                    .help("write `exporter: {enabled: true}` under `spec.observability`")
            });
        }
    }
}

pub(super) const MONITOR_MISSING: Rule = Rule {
    code: "RCG362",
    name: "monitor-missing",
    severity: Severity::Warning,
    title: "nothing rendered gives the metrics the labels that alerts and dashboard ask for",
    story: "\
Alerts and dashboard tell clusters, shards and nodes apart by the labels `redis_cluster`, `shard`, `node`, `namespace` and `pod`, which the monitor adds when Prometheus reads the metrics. Without a monitor you have to add them in the configuration of Prometheus: docs/observability.md \
has the relabelling. Where they are missing, alerts are silent. Write `spec.observability.monitor.kind: PodMonitor` where the Prometheus Operator runs.",
    check: Some(monitor_missing),
};

fn monitor_missing(facts: &Facts<'_>, found: &mut Findings) {
    let observability = &facts.spec.observability;
    if observability.monitor.kind != MonitorKind::None || !observability.exporter.enabled {
        return;
    }
    for (is_asked_for, pointer, what) in [
        (observability.alerts.enabled, ALERTS, "alerts"),
        (observability.dashboard.enabled, DASHBOARD, "a dashboard"),
    ] {
        if is_asked_for {
            found.push(|| Finding::at(pointer, format!("{what} without a monitor: the labels of the metrics are up to you"))
                    .label("asks for labels")
                    .related(MONITOR, "nothing adds them")
                    .needs(MONITOR)
                    .help("write `monitor: {kind: PodMonitor}`, or add the labels of docs/observability.md in Prometheus"),
            );
        }
    }
}

pub(super) const INTERVAL_SYNTAX: Rule = Rule {
    code: "RCG363",
    name: "interval-syntax",
    severity: Severity::Error,
    title: "the time between two scrapes is none that Prometheus reads",
    story: "\
Prometheus writes times as whole numbers with a unit: `30s`, `1m`, `1m30s`; other units are `ms` and `h`. The Prometheus Operator refuses anything else. More than `2m` leaves gaps: Prometheus forgets a value after five minutes, and alerts look at the last five.",
    check: Some(interval_syntax),
};

fn interval_syntax(facts: &Facts<'_>, found: &mut Findings) {
    let interval = &facts.spec.observability.monitor.interval;
    let at = "/spec/observability/monitor/interval";
    match milliseconds(interval) {
        None | Some(0) => {
            let finding =
                Finding::at(at, format!("`{interval}` is no time that Prometheus reads"))
                    .label("no time");
            found.push(|| match interval.trim().parse::<u32>() {
                Ok(seconds @ 1..) => finding.help(format!("write `{seconds}s`")),
                _ => finding.help("write a number and a unit, such as `30s`"),
            });
        }
        Some(long) if long > 120_000 => found.push(|| Finding::at(at, format!("`{interval}` between two scrapes leaves gaps"))
                .label("at most 2m")
                .note("Prometheus forgets a value after five minutes, and alerts look at the last five")
                .help("write at most `2m`"),
        ),
        Some(_) => {}
    }
}

/// A time as Prometheus writes it: the units from the largest to the smallest, each once.
fn milliseconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0_u64;
    for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let is_unit = after.strip_prefix(unit).filter(|more| {
            digits > 0 && more.chars().next().is_none_or(|char| char.is_ascii_digit())
        });
        if let Some(more) = is_unit {
            sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(size)?)?;
            rest = more;
        }
    }
    (rest.is_empty() && !text.is_empty()).then_some(sum)
}

pub(super) const THRESHOLD_OUT_OF_BOUNDS: Rule = Rule {
    code: "RCG364",
    name: "threshold-out-of-bounds",
    severity: Severity::Error,
    title: "the threshold of an alert is out of bounds",
    story: "\
`memoryPercent` and `diskPercent` are from 1 to 99: at 100 it is too late, and 0 always fires. `replicationLagSeconds` is from 2 to 600: a healthy replica reports once a second, and after ten minutes without a word the link is long gone. `certificateDays` is from 1 to 365: who is told on the last day is told too late.",
    check: Some(threshold_out_of_bounds),
};

fn threshold_out_of_bounds(facts: &Facts<'_>, found: &mut Findings) {
    let alerts = &facts.spec.observability.alerts;
    for (field, value, least, most) in [
        ("memoryPercent", alerts.memory_percent, 1, 99),
        ("diskPercent", alerts.disk_percent, 1, 99),
        ("replicationLagSeconds", alerts.replication_lag_seconds, 2, 600),
        ("certificateDays", alerts.certificate_days, 1, 365),
    ] {
        if !(least..=most).contains(&value) {
            let at = format!("/spec/observability/alerts/{field}");
            found.push(|| {
                Finding::at(&at, format!("`{}` cannot be {value}", path(&at)))
                    .label(format!("from {least} to {most}"))
                    .help(format!("write a number from {least} to {most}"))
            });
        }
    }
}

pub(super) const RUNBOOK_URL: Rule = Rule {
    code: "RCG365",
    name: "runbook-url",
    severity: Severity::Error,
    title: "the address of the runbooks is none that a browser opens",
    story: "\
`spec.observability.alerts.runbookUrl` is where your people can read docs/runbooks.md, or your own version of it with the same headings: an address that begins with `https://` or `http://`. Each alert gets it with `#` and the alert's name in small letters behind it, so it has no `#` of its own.",
    check: Some(runbook_url),
};

fn runbook_url(facts: &Facts<'_>, found: &mut Findings) {
    let Some(url) = &facts.spec.observability.alerts.runbook_url else { return };
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let why = match host {
        None => "does not begin with `https://`",
        Some("") => "has no host",
        Some(_) if url.contains('#') => "has a `#`, which the alert's own would follow",
        Some(_) if url.chars().any(|char| char.is_whitespace() || char.is_control()) => {
            "has a blank"
        }
        Some(_) => return,
    };
    found.push(|| Finding::at(
            "/spec/observability/alerts/runbookUrl",
            format!("the address `{url}` {why}"),
        )
        .help("write where docs/runbooks.md can be read, such as `https://example.com/runbooks/redis`"),
    );
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times_as_prometheus_writes_them() {
        for (text, time) in
            [("30s", 30_000), ("1m", 60_000), ("1m30s", 90_000), ("1h0m5s10ms", 3_605_010)]
        {
            assert_eq!(milliseconds(text), Some(time), "{text}");
        }
        for text in ["", "30", "s", "1 m", "-1s", "1.5s", "30s1m", "1s1s", "1d", "30sec"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
