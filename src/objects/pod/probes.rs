//! The probes. Each runs a script, because `redis-cli ping` succeeds in states that are not healthy and fails in none that
//! are not: what each asks, and why, is in the script.

use k8s_openapi::api::core::v1::{ExecAction, Probe};

use super::container;
use crate::{
    plan::Plan,
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
