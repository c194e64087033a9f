//! How much memory there is, and how much of it is for data.

use std::collections::BTreeMap;

use super::{
    super::{
        quantity::Quantity,
        types::{MaxmemoryPolicy, PersistenceMode},
        written::join,
    },
    Facts, Finding, Findings, Rule,
    quantities::show_bytes,
};
use crate::{error::Severity, plan::memory};

const MAXMEMORY: &str = "/spec/memory/maxmemory";
const LIMIT: &str = "/spec/pod/resources/limits/memory";
const LIMITS: &str = "/spec/pod/resources/limits";

pub(super) const MAXMEMORY_ABOVE_LIMIT: Rule = Rule {
    code: "RCG251",
    name: "maxmemory-above-limit",
    severity: Severity::Error,
    title: "`maxmemory` is not below the container's memory limit",
    story: "\
At `maxmemory` the server refuses writes or evicts keys; at the container's memory limit the kernel kills it. With `maxmemory` at or above the limit the second always comes first: a full server is \
killed, starts again, loads the same data, and is killed again. Leave `maxmemory` out: it is then the limit less `headroomPercent`.",
    check: Some(maxmemory_above_limit),
};

fn maxmemory_above_limit(facts: &Facts<'_>, found: &mut Findings) {
    let (Some(maxmemory), Some(limit)) = (&facts.spec.memory.maxmemory, facts.memory_limit())
    else {
        return;
    };
    if maxmemory.whole() >= limit {
        found.push(|| {
            Finding::at(MAXMEMORY, format!("`maxmemory` of {} is not below the memory limit of {}", maxmemory.text(), show_bytes(limit)))
                .label("the kernel kills the server before it is reached")
                .related(LIMIT, "the limit")
                .note(default_limit(facts))
                .help("remove `maxmemory`, which then follows the limit, or raise `spec.pod.resources.limits.memory`")
        });
    }
}

fn default_limit(facts: &Facts<'_>) -> &'static str {
    if facts.has(LIMIT) {
        "what is not data needs memory too: pages that are copied while files are written, buffers, fragmentation"
    } else {
        "the limit is the default, 512Mi"
    }
}

pub(super) const MAXMEMORY_ABOVE_HEADROOM: Rule = Rule {
    code: "RCG252",
    name: "maxmemory-above-headroom",
    severity: Severity::Warning,
    title: "`maxmemory` leaves less memory free than `headroomPercent` says",
    story: "\
A server needs memory that is not data. While a child process writes an append-only file or a snapshot, every page that changes meanwhile is there twice; buffers of clients and replicas and fragmentation come on top. \
40 % of the limit is kept free by default, 25 % with `spec.persistence.mode: None`. Under heavy writes less is not enough, and the kernel kills the server at its busiest. Leave `maxmemory` out, lower it, or write the \
`headroomPercent` that you have measured.",
    check: Some(maxmemory_above_headroom),
};

fn maxmemory_above_headroom(facts: &Facts<'_>, found: &mut Findings) {
    let (Some(maxmemory), Some(limit)) = (&facts.spec.memory.maxmemory, facts.memory_limit())
    else {
        return;
    };
    let headroom = u64::from(memory::headroom_percent(facts.spec)).min(100);
    let most = limit / 100 * (100 - headroom);
    if maxmemory.whole() > most && maxmemory.whole() < limit {
        let share = maxmemory.whole().saturating_mul(100) / limit;
        found.push(|| {
            Finding::at(MAXMEMORY, format!("`maxmemory` of {} is {share} % of the memory limit of {}", maxmemory.text(), show_bytes(limit)))
                .label(format!("at most {} with {headroom} % kept free", show_bytes(most)))
                .related(LIMIT, "the limit")
                .related("/spec/memory/headroomPercent", "kept free")
                .needs("/spec/persistence/mode")
                .help(format!(
                    "remove `maxmemory`, which then is {}; or, if you have measured that less headroom is enough, write `headroomPercent: {}`",
                    show_bytes(most),
                    (100 - share.min(99)).saturating_sub(1).max(10)
                ))
        });
    }
}

pub(super) const NO_MEMORY_BOUND: Rule = Rule {
    code: "RCG253",
    name: "no-memory-bound",
    severity: Severity::Error,
    title: "neither a memory limit nor `maxmemory` is given",
    story: "\
Without both the data grows until the node has no memory left. The kernel then kills what it likes, the server or its neighbours. `limits` that are written replace the default limits as a whole, so a \
limit of `cpu` alone leaves memory without one. Write `limits.memory`, from which `maxmemory` follows, or `spec.memory.maxmemory`.",
    check: Some(no_memory_bound),
};

fn no_memory_bound(facts: &Facts<'_>, found: &mut Findings) {
    let spec = facts.spec;
    if spec.memory.maxmemory.is_none() && !spec.pod.resources.limits.contains_key("memory") {
        found.push(|| {
            Finding::at_key(LIMITS, "neither a memory limit nor `maxmemory` bounds the data")
                .label("no `memory`")
                .needs("/spec/memory")
                .note("limits that are written replace the default of 512Mi of memory")
                .help("write `memory: 2Gi`, or what the pods may have, under `limits`")
        });
    }
}

pub(super) const TOO_LITTLE_MEMORY: Rule = Rule {
    code: "RCG254",
    name: "too-little-memory",
    severity: Severity::Error,
    title: "there is too little memory for a server",
    story: "\
An empty server takes about 10 MiB, its buffers for replication and its peers in the cluster some more, and every probe starts a shell and a client beside it. Below a limit of 64Mi \
the kernel kills it sooner or later, and below 4Mi of `maxmemory` it refuses writes when it is empty. A number without a suffix is bytes: `2` is not 2Gi.",
    check: Some(too_little_memory),
};

fn too_little_memory(facts: &Facts<'_>, found: &mut Findings) {
    let limit = facts.spec.pod.resources.limits.get("memory");
    let all = [
        (LIMIT, limit, 64_u64, "a memory limit"),
        (MAXMEMORY, facts.spec.memory.maxmemory.as_ref(), 4, "`maxmemory`"),
    ];
    for (pointer, amount, least, what) in all {
        let Some(amount) =
            amount.filter(|amount| amount.nano() > 0 && amount.whole() < least << 20)
        else {
            continue;
        };
        // What is not whole bytes has a rule of its own.
        if amount.nano() % 1_000_000_000 != 0 {
            continue;
        }
        let finding = Finding::at(
            pointer,
            format!("{what} of {} is too little for a server", show_bytes(amount.whole())),
        )
        .label(format!("at least {least}Mi"));
        let text = amount.text();
        found.push(|| match text.parse::<u64>() {
            Ok(number) if number <= 1024 => finding
                .help(format!("a number without suffix is bytes: write `{text}Gi` or `{text}Mi`")),
            _ => finding.help(format!("write `{least}Mi` or more")),
        });
    }
}

pub(super) const REQUEST_ABOVE_LIMIT: Rule = Rule {
    code: "RCG255",
    name: "request-above-limit",
    severity: Severity::Error,
    title: "a request is above its limit",
    story: "\
What is reserved for a container cannot be more than it may use: the API server refuses such pods, and the StatefulSet stays without them. A limit without a request reserves as much as the \
limit for memory, and 100m for `cpu`.",
    check: Some(request_above_limit),
};

fn request_above_limit(facts: &Facts<'_>, found: &mut Findings) {
    let (server, exporter) =
        (&facts.spec.pod.resources, &facts.spec.observability.exporter.resources);
    above_limit(facts, "/spec/pod", &server.requests, &server.limits, ("100m", "512Mi"), found);
    let of_exporter = "/spec/observability/exporter";
    above_limit(facts, of_exporter, &exporter.requests, &exporter.limits, ("10m", "64Mi"), found);
}

/// The same for one container, with its default request of `cpu` and its default limit of `memory`.
fn above_limit(
    facts: &Facts<'_>,
    container: &str,
    requests: &BTreeMap<String, Quantity>,
    limits: &BTreeMap<String, Quantity>,
    (default_cpu, default_limit): (&str, &str),
    found: &mut Findings,
) {
    let default_cpu = Quantity::new(default_cpu);
    let at_limit = |name: &str| join(&format!("{container}/resources/limits"), name);
    for (name, limit) in limits {
        let written = requests.get(name);
        // The default request can be above a small limit.
        let default = (name == "cpu").then_some(&default_cpu);
        let Some(request) = written.or(default) else { continue };
        if !(request.is_valid() && limit.is_valid())
            || request.nano() <= limit.nano()
            || limit.nano() <= 0
        {
            continue;
        }
        let in_requests = join(&format!("{container}/resources/requests"), name);
        let in_limits = at_limit(name);
        found.push(|| match written {
            Some(_) => Finding::at(
                in_requests,
                format!(
                    "the request of {} `{name}` is above the limit of {}",
                    request.text(),
                    limit.text()
                ),
            )
            .label("reserved")
            .related(in_limits, "allowed")
            .note(if facts.has(&at_limit(name)) {
                "the API server refuses such pods".to_owned()
            } else {
                format!(
                    "the limit is the default, {default_limit}; the API server refuses such pods"
                )
            })
            .help(if facts.has(&at_limit(name)) {
                format!("write a request of at most `{}`, or a higher limit", limit.text())
            } else {
                format!("write the limit too: `limits: {{{name}: {}}}`", request.text())
            }),
            None => Finding::at(
                in_limits,
                format!(
                    "the limit of {} `{name}` is below the default request of {}",
                    limit.text(),
                    request.text()
                ),
            )
            .label("allowed")
            .help(format!("write a higher limit, or a request of at most `{}`", limit.text())),
        });
    }
}

pub(super) const HEADROOM_BOUNDS: Rule = Rule {
    code: "RCG256",
    name: "headroom-bounds",
    severity: Severity::Error,
    title: "`headroomPercent` is not from 10 to 90",
    story: "\
`headroomPercent` is the part of the memory limit that is kept free of data. Below 10 % not even the buffers of a quiet server are safe; above 90 % hardly anything is left for data. It is not the part that data may take: \
`maxMemoryPercentOfLimit: 70` of other tools is `headroomPercent: 30` here.",
    check: Some(headroom_bounds),
};

fn headroom_bounds(facts: &Facts<'_>, found: &mut Findings) {
    let Some(headroom) = facts.spec.memory.headroom_percent else { return };
    if !(10..=90).contains(&headroom) {
        let finding = Finding::at(
            "/spec/memory/headroomPercent",
            format!("{headroom} % of the memory limit cannot be kept free"),
        )
        .label("from 10 to 90")
        .note(if headroom < 10 {
            "buffers alone need more than that"
        } else {
            "hardly anything would be left for data"
        });
        found.push(|| match headroom {
            91..=99 => finding.help(format!("it is what stays free: write `headroomPercent: {}` if {headroom} % were meant for data", (100 - headroom).max(10))),
            100.. => finding.help("write a part of the limit, such as `headroomPercent: 40`"),
            _ => finding.help("write `headroomPercent: 10` or more"),
        });
    }
}

pub(super) const CACHE_WITHOUT_EVICTION: Rule = Rule {
    code: "RCG257",
    name: "cache-without-eviction",
    severity: Severity::Warning,
    title: "a cache that is full refuses writes",
    story: "\
With `noeviction`, the default, a server at `maxmemory` answers every write with an error. For data that is kept that is right. For a cache, which `spec.persistence.mode: None` is for, old keys should make room: write \
`maxmemoryPolicy: allkeys-lru` or `allkeys-lfu`, or a `volatile-` policy if only keys with an expiry may go.",
    check: Some(cache_without_eviction),
};

fn cache_without_eviction(facts: &Facts<'_>, found: &mut Findings) {
    const POLICY: &str = "/spec/memory/maxmemoryPolicy";
    const MODE: &str = "/spec/persistence/mode";
    let spec = facts.spec;
    if spec.persistence.mode != PersistenceMode::None
        || spec.memory.maxmemory_policy != MaxmemoryPolicy::Noeviction
    {
        return;
    }
    let finding = match facts.has(POLICY) {
        true => Finding::at(POLICY, "with `noeviction` a full cache refuses writes")
            .label("nothing makes room")
            .related(MODE, "a cache"),
        false => {
            Finding::at(MODE, "with `noeviction`, the default policy, a full cache refuses writes")
                .label("a cache")
                .needs(POLICY)
        }
    };
    found.push(|| {
        finding
            .help("write `memory: {maxmemoryPolicy: allkeys-lru}`, or another policy that evicts")
    });
}

pub(super) const SMALL_CPU_LIMIT: Rule = Rule {
    code: "RCG258",
    name: "small-cpu-limit",
    severity: Severity::Warning,
    title: "a limit of less than one processor stops the server in the middle of its work",
    story: "\
Commands run in one thread. With a limit of `500m` the kernel lets it run for 50 ms and stops it for the next 50: every client waits, and so do the peers, who take a node for dead when it is silent for the \
node timeout. Background work, such as writing an append-only file, is charged to the same limit. Leave the limit of `cpu` out, which is the default, and request what the server needs; or write `1` or more.",
    check: Some(small_cpu_limit),
};

fn small_cpu_limit(facts: &Facts<'_>, found: &mut Findings) {
    let Some(limit) = facts.spec.pod.resources.limits.get("cpu") else { return };
    if limit.nano() > 0 && limit.nano() < 1_000_000_000 {
        found.push(|| {
            Finding::at(
                join(LIMITS, "cpu"),
                format!(
                    "a limit of {} `cpu` stops the server in the middle of its work",
                    limit.text()
                ),
            )
            .label("less than one processor")
            .note(
                "a server that is stopped misses its peers' heartbeats, and they take it for dead",
            )
            .help("remove the limit and keep the request, or write `cpu: \"1\"` or more")
        });
    }
}
