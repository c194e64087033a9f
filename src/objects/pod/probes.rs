//! The probes. Each runs a script, because `redis-cli ping` succeeds in states that are not healthy and fails in none that
//! are not: what each asks, and why, is in the script.

use k8s_openapi::{
    api::core::v1::{ExecAction, HTTPGetAction, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::container;
use crate::{
    plan::{ExporterPlan, Plan, names},
    spec::types::Timing,
    templates::{self, Script},
};

pub(super) fn startup(plan: &Plan) -> Probe {
    let timing = plan.probes.startup();
    probe(timing, patient(templates::STARTUP, timing))
}

pub(super) fn readiness(plan: &Plan) -> Probe {
    let timing = plan.probes.readiness();
    probe(timing, patient(templates::READINESS, timing))
}

pub(super) fn liveness(plan: &Plan) -> Probe {
    probe(plan.probes.liveness(), container::script(templates::LIVENESS))
}

/// Lets the exporter read its password anew, every minute: it does so when it is asked for this path, since its version 1.50. Older ones answer any path. An exporter that does not answer for
/// ten minutes is restarted, with the mildest of limits, since its pod is not ready meanwhile. None where only those who show a password or a certificate get an answer.
pub(super) fn exporter(exporter: &ExporterPlan) -> Option<Probe> {
    const LOCKED: [&str; 3] = [
        "REDIS_EXPORTER_BASIC_AUTH_PASSWORD",
        "REDIS_EXPORTER_BASIC_AUTH_USERNAME",
        "REDIS_EXPORTER_TLS_SERVER_CERT_FILE",
    ];
    if exporter.env.iter().any(|variable| LOCKED.contains(&variable.name.as_str())) {
        return None;
    }
    Some(Probe {
        failure_threshold: Some(10),
        http_get: Some(HTTPGetAction {
            path: Some("/-/reload".to_owned()),
            port: IntOrString::String(names::METRICS_PORT.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(60),
        timeout_seconds: Some(10),
        ..Probe::default()
    })
}

/// The command of a script that has to give up before the kubelet does, or what it started would live on: the seconds are its argument.
fn patient(script: Script, timing: Timing) -> Vec<String> {
    let mut command = container::script(script);
    command.push(timing.timeout_seconds.saturating_sub(1).max(1).to_string());
    command
}

fn probe(timing: Timing, command: Vec<String>) -> Probe {
    let seconds = |seconds: u32| Some(i32::try_from(seconds).unwrap_or(i32::MAX));
    Probe {
        exec: Some(ExecAction { command: Some(command) }),
        failure_threshold: seconds(timing.failure_threshold),
        period_seconds: seconds(timing.period_seconds),
        timeout_seconds: seconds(timing.timeout_seconds),
        ..Probe::default()
    }
}
