//! Probes, how pods are stopped, replaced and evicted, and the bootstrap Job.

use super::{Facts, Finding, Findings, Rule};
use crate::{
    error::Severity,
    plan::memory,
    spec::types::{Probe, Timing, UpdateStrategy},
};

/// Bytes that a server loads in a second, at least: what a cloud's network disks and one core do, with room to spare.
const LOADED_PER_SECOND: u64 = 50 << 20;
/// Seconds that a script keeps a healthy server mute: `busy-reply-threshold`, 5 in all engines.
const MUTE_SECONDS: u64 = 5;
/// Seconds between two looks that a node takes at its peers, when it has run for a while.
const LOOK_SECONDS: u32 = 5;
/// Seconds that a server waits for its replicas when it is stopped: `shutdown-timeout`, 10 in all engines.
const SHUTDOWN_SECONDS: u64 = 10;
/// Seconds to flush files after that.
const FLUSH_SECONDS: u64 = 10;

pub(super) const TIMING_OUT_OF_BOUNDS: Rule = Rule {
    code: "RCG301",
    name: "timing-out-of-bounds",
    severity: Severity::Error,
    title: "a number of seconds or of tries is out of bounds",
    story: "\
Kubernetes takes a 0 in `periodSeconds`, `timeoutSeconds` or `failureThreshold` of a probe for \"not given\" and puts its own default there (10, 1 and 3): the probe \
would run with a timing that nobody wrote. Leave the field out for our default, or write at least 1.

`spec.lifecycle.handoverSeconds` is from 1 to 600. With 0 a master that is stopped would not hand its shard over, and clients would wait 8 seconds for a failover instead of a \
tenth of one. A handover that works takes a few seconds, and the cluster autoscaler stops waiting for a pod after 600 seconds (`--max-graceful-termination-sec`).

`spec.bootstrap.timeoutSeconds` is at least 30: creating a cluster takes 5 to 10 seconds once all pods run, and a try that is cut off before is made anew for nothing.

`spec.backup.timeoutSeconds` and `spec.restore.timeoutSeconds` are at least 60: a node may have to pull the image and to attach the volume before the first key is read. A backup is stopped when its time is over, and so is the next one.",
    check: Some(timing_out_of_bounds),
};

fn timing_out_of_bounds(facts: &Facts<'_>, found: &mut Findings) {
    let probes = &facts.spec.probes;
    for (name, probe) in [
        ("startup", probes.startup),
        ("readiness", probes.readiness),
        ("liveness", probes.liveness),
    ] {
        for (field, value, default) in [
            ("periodSeconds", probe.period_seconds, 10),
            ("timeoutSeconds", probe.timeout_seconds, 1),
            ("failureThreshold", probe.failure_threshold, 3),
        ] {
            if value == Some(0) {
                found.push(|| {
                    Finding::at(
                        format!("/spec/probes/{name}/{field}"),
                        format!("`{field}: 0` of the {name} probe is no timing"),
                    )
                    .label("at least 1")
                    .note(format!("Kubernetes puts its own default there instead, {default}"))
                    .help(format!("write at least 1, or leave `{field}` out for our default"))
                });
            }
        }
    }
    let handover = facts.spec.lifecycle.handover_seconds;
    if handover == 0 {
        found.push(|| {
            Finding::at(
                "/spec/lifecycle/handoverSeconds",
                "`handoverSeconds: 0` leaves a master that is stopped no time to hand its shard over",
            )
            .label("from 1 to 600")
            .note("without a handover each restart of a master costs about 8 seconds of writes to its shard; with one, about 0.1")
            .help("write `handoverSeconds: 40`; a handover that works takes a few")
        });
    } else if handover > 600 {
        found.push(|| {
            Finding::at(
                "/spec/lifecycle/handoverSeconds",
                format!("`handoverSeconds: {handover}` is more than 600"),
            )
            .label("from 1 to 600")
            .note("a handover that works takes a few seconds, and the cluster autoscaler kills a pod that takes longer than 600 seconds to stop")
            .help("write `handoverSeconds: 40`")
        });
    }
    let timeout = facts.spec.bootstrap.timeout_seconds;
    if timeout < 30 {
        found.push(|| {
            Finding::at(
                "/spec/bootstrap/timeoutSeconds",
                format!("`spec.bootstrap.timeoutSeconds: {timeout}` is too short to create a cluster"),
            )
            .label("at least 30")
            .note("once all pods run it takes 5 to 10 seconds; pulling the image and scheduling the pods come first")
            .help("write 30 or more; the default is 600")
        });
    }
    let (backup, restore) = (&facts.spec.backup, &facts.spec.restore);
    for (field, timeout, what) in [
        ("backup", backup.as_ref().map(|backup| backup.timeout_seconds), "make a backup"),
        ("restore", restore.as_ref().map(|restore| restore.timeout_seconds), "restore a backup"),
    ] {
        if let Some(timeout) = timeout.filter(|timeout| *timeout < 60) {
            found.push(|| {
                Finding::at(
                    format!("/spec/{field}/timeoutSeconds"),
                    format!("`spec.{field}.timeoutSeconds: {timeout}` is too short to {what}"),
                )
                .label("at least 60")
                .note("pulling the image and attaching the volume come first")
                .help("write 60 or more; the default is 3600, an hour")
            });
        }
    }
}

pub(super) const LIVENESS_TOO_STRICT: Rule = Rule {
    code: "RCG302",
    name: "liveness-too-strict",
    severity: Severity::Error,
    title: "the liveness probe would kill a healthy server that runs a script",
    story: "\
While a server runs a Lua script or another slow command it answers nobody. Only after 5 seconds (`busy-reply-threshold`) does it begin to answer `BUSY`, which the probe counts as \
alive. A probe whose `periodSeconds` x `failureThreshold` is 10 or less can fail often enough in a row in that time when the node is slow too, and so can one with a `failureThreshold` of 1 and a \
`timeoutSeconds` of 5. The kubelet then kills a server that was well. It must load its data again, and a restarting master costs its shard a failover.

Make the product more than 10, with at least 2 failures. The default is 10 x 6, a minute: a server that is really gone is replaced by its replica after about 8 seconds, whatever this probe says, so \
nothing is won by a hasty one.",
    check: Some(liveness_too_strict),
};

fn liveness_too_strict(facts: &Facts<'_>, found: &mut Findings) {
    let timing = facts.spec.probes.liveness();
    let Timing { period_seconds: period, timeout_seconds, failure_threshold: failures } = timing;
    let budget = timing.budget_seconds();
    // From the start of the first check that gets no answer to the end of the last.
    let silence = budget.saturating_sub(u64::from(period)) + u64::from(timeout_seconds);
    if budget == 0 || timeout_seconds == 0 || (budget > 2 * MUTE_SECONDS && silence > MUTE_SECONDS)
    {
        return;
    }
    let checks = if failures == 1 {
        "1 check".to_owned()
    } else {
        format!("{failures} checks, one every {period} s")
    };
    let (at, other) = written_first(facts, "liveness");
    let reason = if budget > 2 * MUTE_SECONDS {
        format!(
            "one check without an answer after {timeout_seconds} s is enough, and a script lasts as long"
        )
    } else {
        format!(
            "`periodSeconds` x `failureThreshold` is {budget}; more than {} leaves room for a script on a slow node",
            2 * MUTE_SECONDS
        )
    };
    found.push(|| {
        Finding::at(at, format!("the liveness probe kills a server after {silence} s without an answer ({checks}), but a script keeps a healthy one mute for {MUTE_SECONDS} s"))
            .label("too hasty")
            .related(other, "together with this")
            .needs("/spec/probes/liveness")
            .note(reason)
            .note("a dead master is replaced by its replica after about 8 s, whatever this probe says")
            .help(format!("write `failureThreshold: {}`, a minute as by default", 60_u32.div_ceil(period).max(2)))
    });
}

/// Which of the two factors of a probe's budget the report is at, and the other.
fn written_first(facts: &Facts<'_>, probe: &str) -> (String, String) {
    let failures = format!("/spec/probes/{probe}/failureThreshold");
    let period = format!("/spec/probes/{probe}/periodSeconds");
    if facts.has(&failures) { (failures, period) } else { (period, failures) }
}

pub(super) const PROBE_TIMEOUT_BEYOND_PERIOD: Rule = Rule {
    code: "RCG303",
    name: "probe-timeout-beyond-period",
    severity: Severity::Warning,
    title: "a probe's timeout is longer than its period",
    story: "\
The kubelet runs one check of a probe at a time. When a check may take longer than the period, checks that have no answer are further apart than `periodSeconds` says, and the probe \
fails after `timeoutSeconds` x `failureThreshold` instead: later than the spec reads.

Write a `timeoutSeconds` that is at most `periodSeconds`. 5 seconds are enough: a check takes 10 milliseconds on an idle node, and what takes longer than 5 seconds is to be counted \
as a failure.",
    check: Some(probe_timeout_beyond_period),
};

fn probe_timeout_beyond_period(facts: &Facts<'_>, found: &mut Findings) {
    let probes = &facts.spec.probes;
    for (name, timing) in [
        ("startup", probes.startup()),
        ("readiness", probes.readiness()),
        ("liveness", probes.liveness()),
    ] {
        let Timing { period_seconds: period, timeout_seconds: timeout, failure_threshold } = timing;
        if period == 0 || timeout <= period {
            continue;
        }
        let timeout_pointer = format!("/spec/probes/{name}/timeoutSeconds");
        let period_pointer = format!("/spec/probes/{name}/periodSeconds");
        let (at, other) = if facts.has(&timeout_pointer) {
            (timeout_pointer, period_pointer)
        } else {
            (period_pointer, timeout_pointer)
        };
        let seconds = u64::from(timeout) * u64::from(failure_threshold);
        found.push(|| {
            Finding::at(at, format!("a check of the {name} probe may take {timeout} s, longer than its period of {period} s"))
                .label("timeout longer than period")
                .related(other, "the other of the two")
                .note(format!("one check runs at a time, so a mute server fails the probe after {seconds} s ({timeout} s x {failure_threshold} failures) and not after {} s", timing.budget_seconds()))
                .help(format!("write a `timeoutSeconds` of at most {period}, or a `periodSeconds` of at least {timeout}"))
        });
    }
}

pub(super) const STARTUP_TOO_SHORT: Rule = Rule {
    code: "RCG304",
    name: "startup-too-short",
    severity: Severity::Warning,
    title: "the startup probe may give up before the data is loaded",
    story: "\
A server that starts reads its whole dataset before it answers. The kubelet kills a container whose startup probe has failed `failureThreshold` times, every `periodSeconds`; if loading \
takes longer, the server is killed, starts to load from the beginning, and never comes up. It is a failure that shows only when the data has grown, and then in all pods.

The rule takes the largest dataset, `maxmemory`, at 50 MiB a second. A modern core with a local disk loads 100 MiB and more; a network disk or an append-only file of many \
small commands takes it down to this. To that comes the time for which a master that lost its data waits for its replica to take over: twice `cluster-node-timeout` and 3 seconds.

Write a `failureThreshold` of the startup probe that is large enough. A long budget costs nothing: the probe passes as soon as the data is loaded.",
    check: Some(startup_too_short),
};

fn startup_too_short(facts: &Facts<'_>, found: &mut Findings) {
    let timing = facts.spec.probes.startup();
    let Timing { period_seconds: period, failure_threshold, .. } = timing;
    let Some(maxmemory) = memory::maxmemory(facts.spec) else { return };
    if timing.budget_seconds() == 0 {
        return;
    }
    let persistence = facts.spec.persistence.mode;
    let data = if persistence.appends() || persistence.snapshots() { maxmemory } else { 0 };
    let loading = data.div_ceil(LOADED_PER_SECOND);
    let guard = facts.guard_seconds();
    let budget = timing.budget_seconds();
    // A budget that is shorter than the wait alone has a rule of its own.
    if loading + guard <= budget || budget <= guard {
        return;
    }
    let (memory, label) = if facts.spec.memory.maxmemory.is_some() {
        ("/spec/memory/maxmemory", "the data may grow to this".to_owned())
    } else {
        ("/spec/pod/resources/limits/memory", format!("{} of this are for data", size(maxmemory)))
    };
    let (startup, other) = written_first(facts, "startup");
    let message = format!(
        "the startup probe gives up after {budget} s ({period} s x {failure_threshold}), but loading {} may take {} s",
        size(data),
        loading + guard
    );
    let finding = if facts.has(&startup) {
        Finding::at(startup, message)
            .label("too short for the data")
            .related(other, "multiplied with this")
            .related(memory, label)
    } else {
        Finding::at(memory, message).label(label)
    };
    let failures = (loading + guard).div_ceil(u64::from(period.max(1)));
    found.push(|| {
        finding
            .needs("/spec/memory")
            .needs("/spec/config/cluster-node-timeout")
            .needs("/spec/persistence/mode")
            .note(format!("{loading} s to load at 50 MiB/s, and {guard} s for which a master without its data waits for its replica (2 x cluster-node-timeout + 3 s)"))
            .note("a server that is killed while it loads begins anew, and never comes up")
            .help(format!("write `failureThreshold: {failures}` or more under `spec.probes.startup`; it costs nothing, because the probe passes when the data is loaded"))
    });
}

/// Bytes as a spec would say it, with at most one decimal.
fn size(bytes: u64) -> String {
    let (unit, name) = if bytes >= 1 << 30 { (1 << 30, "Gi") } else { (1 << 20, "Mi") };
    let tenths = u128::from(bytes) * 10 / unit;
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole}{name}"),
        (whole, tenth) => format!("{whole}.{tenth}{name}"),
    }
}

pub(super) const GRACE_PERIOD_TOO_SHORT: Rule = Rule {
    code: "RCG305",
    name: "grace-period-too-short",
    severity: Severity::Error,
    title: "a pod is killed before it can hand over and stop",
    story: "\
The grace period is all the time there is from the wish to stop a pod until it is killed, the handover included. A master that is stopped hands its shard over to a replica \
(at most `handoverSeconds`), then the server waits for its replicas to catch up (`shutdown-timeout`, 10 seconds unless `config` says otherwise), then it flushes its files (10 seconds are kept for it). A server \
that is killed before has lost what it had not yet flushed or replicated.

So `terminationGracePeriodSeconds` is at least `handoverSeconds` + 20. The defaults are 60 and 40.",
    check: Some(grace_period_too_short),
};

fn grace_period_too_short(facts: &Facts<'_>, found: &mut Findings) {
    let lifecycle = &facts.spec.lifecycle;
    let grace = u64::from(lifecycle.termination_grace_period_seconds);
    let handover = u64::from(lifecycle.handover_seconds);
    let shutdown =
        facts.number(&["shutdown-timeout"]).and_then(|(_, seconds)| u64::try_from(seconds).ok());
    let shutdown = shutdown.unwrap_or(SHUTDOWN_SECONDS).min(3600);
    let needed = handover + shutdown + FLUSH_SECONDS;
    // A handover out of bounds was reported; this would ask for a grace period that nobody should write.
    if grace >= needed || handover == 0 || handover > 600 {
        return;
    }
    let grace_pointer = "/spec/lifecycle/terminationGracePeriodSeconds";
    let handover_pointer = "/spec/lifecycle/handoverSeconds";
    let (at, other, label) = if facts.has(grace_pointer) {
        (grace_pointer, handover_pointer, "this long for the handover alone")
    } else {
        (handover_pointer, grace_pointer, "killed after this")
    };
    found.push(|| {
        Finding::at(at, format!("a pod is killed {grace} s after it is asked to stop, but a handover of {handover} s and stopping need {needed} s"))
            .label(format!("{needed} s are needed, there are {grace}"))
            .related(other, label)
            .related("/spec/config/shutdown-timeout", "this long for replicas to catch up")
            .note(format!("{handover} s to hand the shard over, {shutdown} s for replicas to catch up (shutdown-timeout), {FLUSH_SECONDS} s to flush files"))
            .help(if grace > shutdown + FLUSH_SECONDS {
                format!("write `terminationGracePeriodSeconds: {needed}` or more, or a `handoverSeconds` of at most {}", grace - shutdown - FLUSH_SECONDS)
            } else {
                format!("write `terminationGracePeriodSeconds: {needed}` or more")
            })
    });
}

pub(super) const MIN_READY_TOO_SHORT: Rule = Rule {
    code: "RCG306",
    name: "min-ready-too-short",
    severity: Severity::Warning,
    title: "the next pod is replaced before the last one has met its peers",
    story: "\
A pod that is replaced comes back with a new address. It tells its peers at once, and every node looks for its peers once more every 5 seconds. If a rolling update \
goes on before that, a majority of nodes can be out of sight of each other for a moment, and a failover that is needed then has to wait.

`minReadySeconds` is how long a new pod must have been ready before the next one is replaced. Write at least 6, one more than the 5 seconds between two looks; the default is 10. A rolling \
update takes that much longer for each pod, and nothing else does.",
    check: Some(min_ready_too_short),
};

fn min_ready_too_short(facts: &Facts<'_>, found: &mut Findings) {
    let lifecycle = &facts.spec.lifecycle;
    let seconds = lifecycle.min_ready_seconds;
    if seconds > LOOK_SECONDS || lifecycle.update_strategy == UpdateStrategy::OnDelete {
        return;
    }
    found.push(|| {
        Finding::at(
            "/spec/lifecycle/minReadySeconds",
            format!("`minReadySeconds: {seconds}` lets a rolling update go on before the new pod has met all of its peers"),
        )
        .label(format!("more than {LOOK_SECONDS}"))
        .note(format!("a replaced pod has a new address, and nodes look for their peers every {LOOK_SECONDS} s"))
        .help("write `minReadySeconds: 10`, the default, or at least 6")
    });
}

pub(super) const BUDGET_BLOCKS_DRAINS: Rule = Rule {
    code: "RCG307",
    name: "budget-blocks-drains",
    severity: Severity::Warning,
    title: "no pod may ever be evicted",
    story: "\
With `maxUnavailable: 0` the API server refuses every eviction. A node that runs one of the pods can then not be drained: `kubectl drain` tries for ever, upgrades of node pools stop there, \
and some providers kill the pod without asking in the end, which is worse than an eviction. Kubernetes' documentation names it as a way to be asked first; then somebody must \
be there to delete the pod by hand.

With `maxUnavailable: 1` one pod at a time is evicted, and a master hands its shard over before it stops, in about a tenth of a second.",
    check: Some(budget_blocks_drains),
};

fn budget_blocks_drains(facts: &Facts<'_>, found: &mut Findings) {
    let budget = facts.spec.lifecycle.pod_disruption_budget;
    if budget.enabled && budget.max_unavailable == 0 {
        found.push(|| {
            Finding::at(
                "/spec/lifecycle/podDisruptionBudget/maxUnavailable",
                "`maxUnavailable: 0` forbids every eviction, so a node with one of the pods can never be drained",
            )
            .label("blocks drains and node upgrades")
            .note("an evicted master hands its shard over before it stops, so one pod at a time does no harm")
            .help("write `maxUnavailable: 1`, the default")
        });
    }
}

pub(super) const BUDGET_TAKES_MAJORITY: Rule = Rule {
    code: "RCG308",
    name: "budget-takes-majority",
    severity: Severity::Error,
    title: "evictions may take the majority of the masters",
    story: "\
A replica takes over only when a majority of all masters agrees: 2 of 3, 3 of 5, 4 of 6. The budget counts pods, and the pods that are evicted at the same time can all be masters. If the \
masters that are left are no majority, nobody is promoted and the shards of the evicted masters stay down until their pods are back, each of which must first be scheduled and load its data.

Of M masters at most (M - 1) / 2, rounded down, may go at a time: 1 of 3 or 4, 2 of 5 or 6. `maxUnavailable: 1` is right for nearly every cluster.",
    check: Some(budget_takes_majority),
};

fn budget_takes_majority(facts: &Facts<'_>, found: &mut Findings) {
    let Some(Evictions { most, shards, pods, .. }) = evictions(facts) else { return };
    let allowed = (shards - 1) / 2;
    if most <= allowed {
        return;
    }
    let majority = shards / 2 + 1;
    let what = if most >= pods {
        format!(
            "`maxUnavailable: {most}` lets all {pods} pods of the cluster be evicted at the same time"
        )
    } else {
        format!(
            "`maxUnavailable: {most}` lets {} of {shards} masters be evicted at the same time, so no majority is left",
            most.min(shards)
        )
    };
    found.push(|| {
        Finding::at(MAX_UNAVAILABLE, what)
            .label(format!("at most {allowed}"))
            .related("/spec/topology/shards", format!("{shards} masters, {majority} are a majority"))
            .needs("/spec/topology")
            .note(format!("evicted pods can all be masters; {} of {shards} would be left, and {majority} must agree before a replica takes over", shards.saturating_sub(most)))
            .help(if allowed == 1 {
                "write `maxUnavailable: 1`".to_owned()
            } else {
                format!("write `maxUnavailable: 1`, or at most {allowed}")
            })
    });
}

const MAX_UNAVAILABLE: &str = "/spec/lifecycle/podDisruptionBudget/maxUnavailable";

/// What a budget allows, in a cluster that can work.
struct Evictions {
    most: u32,
    shards: u32,
    pods_per_shard: u32,
    pods: u32,
}

fn evictions(facts: &Facts<'_>) -> Option<Evictions> {
    let budget = facts.spec.lifecycle.pod_disruption_budget;
    let topology = &facts.spec.topology;
    let pods_per_shard = topology.pods_per_shard();
    (budget.enabled && topology.shards >= 3).then(|| Evictions {
        most: budget.max_unavailable,
        shards: topology.shards,
        pods_per_shard,
        pods: topology.shards.saturating_mul(pods_per_shard),
    })
}

pub(super) const BUDGET_TAKES_SHARD: Rule = Rule {
    code: "RCG309",
    name: "budget-takes-shard",
    severity: Severity::Warning,
    title: "evictions may take all pods of a shard",
    story: "\
The budget counts the pods of the whole cluster, not those of a shard. When it allows as many as a shard has, two nodes that are drained at the same time can take a master and its \
replicas together, and that part of the data is gone until a pod is back and has loaded it. A handover does not help: there is nobody left to hand over to.

Write a `maxUnavailable` that is at most `replicasPerShard`. Where that makes drains of a large cluster too slow, more replicas allow more evictions.",
    check: Some(budget_takes_shard),
};

fn budget_takes_shard(facts: &Facts<'_>, found: &mut Findings) {
    let Some(Evictions { most, shards, pods_per_shard, .. }) = evictions(facts) else { return };
    // Without replicas every eviction takes a shard: another rule's matter. Nor is what takes the majority said twice.
    if pods_per_shard < 2 || most < pods_per_shard || most > (shards - 1) / 2 {
        return;
    }
    let replicas = pods_per_shard - 1;
    let all = if replicas == 1 { "both".to_owned() } else { format!("all {pods_per_shard}") };
    found.push(|| {
        Finding::at(
            MAX_UNAVAILABLE,
            format!(
                "`maxUnavailable: {most}` lets {all} pods of a shard be evicted at the same time"
            ),
        )
        .label(format!("a shard has {pods_per_shard} pods"))
        .related(
            "/spec/topology/replicasPerShard",
            format!("{replicas} and the master: {pods_per_shard} pods"),
        )
        .needs("/spec/topology")
        .note(
            "the part of the data that the shard holds is then gone until one of its pods is back",
        )
        .help(format!(
            "write `maxUnavailable: {replicas}`{}, or more replicas for each shard",
            if replicas > 1 { " or less" } else { "" }
        ))
    });
}

pub(super) const SAFEGUARD_OFF: Rule = Rule {
    code: "RCG310",
    name: "safeguard-off",
    severity: Severity::Warning,
    title: "something that the cluster needs is switched off",
    story: "\
Without the PodDisruptionBudget nothing keeps several nodes from being drained at the same time, as upgrades of node pools and autoscalers do, and with them a majority of the masters or all \
pods of a shard.

Without the bootstrap Job the pods never become a cluster: each starts empty and knows nobody, and the same is true for pods that are added later. Switch it off only when somebody runs \
`redis-cli --cluster create` and `add-node` by hand.

A spec can be rendered with this warning; only `--strict` makes it an error.",
    check: Some(safeguard_off),
};

fn safeguard_off(facts: &Facts<'_>, found: &mut Findings) {
    if !facts.spec.lifecycle.pod_disruption_budget.enabled {
        found.push(|| {
            Finding::at(
                "/spec/lifecycle/podDisruptionBudget/enabled",
                "without a PodDisruptionBudget, nodes that are drained together can take a majority of the masters",
            )
            .label("nothing limits evictions")
            .help("remove the line, unless another object of yours limits the evictions")
        });
    }
    if !facts.spec.bootstrap.enabled {
        found.push(|| {
            Finding::at(
                "/spec/bootstrap/enabled",
                "without the bootstrap Job, the pods do not become a cluster by themselves",
            )
            .label("new pods stay alone")
            .note("each pod starts empty and knows nobody; the Job lets them meet, assigns the slots, and lets pods join that are added later")
            .help("remove the line, unless you create the cluster and add nodes by hand")
        });
    }
}

pub(super) const STARTUP_SHORTER_THAN_GUARD: Rule = Rule {
    code: "RCG311",
    name: "startup-shorter-than-guard",
    severity: Severity::Error,
    title: "the startup probe gives up while the server waits to protect its replica's data",
    story: "\
A master that comes back without its data would wipe its replica: it is still the master, and empty. So the entrypoint waits before it starts such a server, for twice `cluster-node-timeout` and 3 seconds, until the replica has taken over. \
A startup probe that gives up earlier kills the container during the wait, and the wait begins anew, for ever. `periodSeconds` x `failureThreshold` must be longer than the wait.",
    check: Some(startup_shorter_than_guard),
};

fn startup_shorter_than_guard(facts: &Facts<'_>, found: &mut Findings) {
    let timing = facts.spec.probes.startup();
    let (budget, guard) = (timing.budget_seconds(), facts.guard_seconds());
    if budget <= guard && budget > 0 {
        found.push(|| {
            Finding::at_key("/spec/probes/startup", format!("the startup probe gives up after {}, and the server may wait {guard} before it starts", super::plural(budget, "second")))
                .label(format!("{} x {} seconds", timing.failure_threshold, timing.period_seconds))
                .related("/spec/config/cluster-node-timeout", "twice this, and 3 seconds")
                .note(format!("a master without its data waits 2 x {} ms + 3 s = {guard} s, until its replica has taken over", facts.node_timeout()))
                .help(format!("write a `failureThreshold` of at least {}", guard / u64::from(timing.period_seconds.max(1)) + 2))
        });
    }
}

pub(super) const NUMBER_TOO_LARGE: Rule = Rule {
    code: "RCG312",
    name: "number-too-large",
    severity: Severity::Error,
    title: "a number is larger than Kubernetes can hold",
    story: "\
Kubernetes holds seconds, thresholds and counts in 32 bits with a sign: at most 2147483647. As seconds that is 68 years, so a number like this is a mistake in any case; perhaps it is in another unit.",
    check: Some(number_too_large),
};

fn number_too_large(facts: &Facts<'_>, found: &mut Findings) {
    let (lifecycle, bootstrap) = (&facts.spec.lifecycle, &facts.spec.bootstrap);
    let single = [
        (
            "/spec/lifecycle/terminationGracePeriodSeconds",
            lifecycle.termination_grace_period_seconds,
        ),
        ("/spec/lifecycle/minReadySeconds", lifecycle.min_ready_seconds),
        ("/spec/bootstrap/timeoutSeconds", bootstrap.timeout_seconds),
        ("/spec/bootstrap/backoffLimit", bootstrap.backoff_limit),
    ];
    let single = single.into_iter().map(|(pointer, number)| (pointer.to_owned(), Some(number)));
    let of_probes = probes(facts).into_iter().flat_map(|(pointer, probe)| {
        [
            ("periodSeconds", probe.period_seconds),
            ("timeoutSeconds", probe.timeout_seconds),
            ("failureThreshold", probe.failure_threshold),
        ]
        .map(|(field, number)| (format!("{pointer}/{field}"), number))
    });
    for (pointer, number) in single.chain(of_probes) {
        if let Some(number) = number.filter(|number| i32::try_from(*number).is_err()) {
            found.push(|| {
                Finding::at(pointer, format!("{number} is larger than Kubernetes can hold"))
                    .label("at most 2147483647")
                    .help("write a smaller number; is it in another unit?")
            });
        }
    }
}

fn probes(facts: &Facts<'_>) -> [(&'static str, Probe); 3] {
    let probes = &facts.spec.probes;
    [
        ("/spec/probes/startup", probes.startup),
        ("/spec/probes/readiness", probes.readiness),
        ("/spec/probes/liveness", probes.liveness),
    ]
}
