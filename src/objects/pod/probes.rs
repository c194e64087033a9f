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
    probe(plan.probes.startup(), templates::STARTUP)
}

pub(super) fn readiness(plan: &Plan) -> Probe {
    probe(plan.probes.readiness(), templates::READINESS)
}

pub(super) fn liveness(plan: &Plan) -> Probe {
    probe(plan.probes.liveness(), templates::LIVENESS)
}

fn probe(timing: Timing, script: Script) -> Probe {
    let seconds = |seconds: u32| Some(i32::try_from(seconds).unwrap_or(i32::MAX));
    Probe {
        exec: Some(ExecAction { command: Some(container::script(script)) }),
        failure_threshold: seconds(timing.failure_threshold),
        period_seconds: seconds(timing.period_seconds),
        timeout_seconds: seconds(timing.timeout_seconds),
        ..Probe::default()
    }
}
