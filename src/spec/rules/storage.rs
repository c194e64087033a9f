//! Volumes, and what is written to them.

use super::{
    super::types::{AccessMode, AuthMode, Medium, PersistenceMode, RetentionPolicy},
    Facts, Finding, Findings, Rule,
    quantities::show_bytes,
};
use crate::error::Severity;

const STORAGE: &str = "/spec/storage";
const SIZE: &str = "/spec/storage/size";
const EPHEMERAL: &str = "/spec/storage/ephemeral";
const MODE: &str = "/spec/persistence/mode";

/// How messages call a mode.
fn mode_name(mode: PersistenceMode) -> &'static str {
    match mode {
        PersistenceMode::AOF => "AOF",
        PersistenceMode::RDB => "RDB",
        PersistenceMode::AOFAndRDB => "AOFAndRDB",
        PersistenceMode::None => "None",
    }
}

pub(super) const NO_STORAGE: Rule = Rule {
    code: "RCG241",
    name: "no-storage",
    severity: Severity::Error,
    title: "neither a volume's size nor `ephemeral` is given",
    story: "\
No default for the size of a volume would be right, and it cannot be changed in place later. Write `size`, at least twice `maxmemory`: while an append-only file is rewritten, the old and the new \
one are on the disk together. For a cache that keeps nothing write `ephemeral: {}` and `spec.persistence.mode: None`.",
    check: Some(no_storage),
};

fn no_storage(facts: &Facts<'_>, found: &mut Findings) {
    let storage = &facts.spec.storage;
    if storage.size.is_none() && storage.ephemeral.is_none() {
        let finding = Finding::at_key(STORAGE, "`spec.storage` has neither `size` nor `ephemeral`")
            .label("no size");
        found.push(|| match facts.maxmemory() {
            Some(maxmemory) if facts.spec.persistence.mode.appends() => {
                finding.help(format!("write for example `size: {}`: `maxmemory` is {}, and files can grow to more than twice that", size_for(maxmemory), show_bytes(maxmemory)))
            }
            _ => finding.help("write the size of each pod's volume, such as `size: 10Gi`, or `ephemeral: {}` for a cache"),
        });
    }
}

/// A round size that is more than twice as much, in Gi.
fn size_for(maxmemory: u64) -> String {
    format!("{}Gi", (maxmemory.saturating_mul(2) / (1 << 30) + 1))
}

pub(super) const STORAGE_TWICE: Rule = Rule {
    code: "RCG242",
    name: "storage-twice",
    severity: Severity::Error,
    title: "both a volume's size and `ephemeral` are given",
    story: "\
`size` asks for a volume that outlives its pod, `ephemeral` for none. Which of the two was meant decides whether data survives, so it is not guessed. The bound of an ephemeral \
directory is `ephemeral.sizeLimit`.",
    check: Some(storage_twice),
};

fn storage_twice(facts: &Facts<'_>, found: &mut Findings) {
    let storage = &facts.spec.storage;
    if let (Some(size), Some(_)) = (&storage.size, &storage.ephemeral) {
        found.push(|| {
            Finding::at_key(EPHEMERAL, "`spec.storage` has both `size` and `ephemeral`")
                .label("no volume")
                .related(SIZE, "a volume")
                .help(format!("remove `ephemeral` to keep data, or `size` for a cache; the bound of an ephemeral directory is `ephemeral: {{sizeLimit: {}}}`", size.text()))
        });
    }
}

pub(super) const EPHEMERAL_WITH_FILES: Rule = Rule {
    code: "RCG243",
    name: "ephemeral-with-files",
    severity: Severity::Warning,
    title: "files are written to a directory that goes with its pod",
    story: "\
An ephemeral directory outlives a container that crashes, but not a pod that is moved, evicted or replaced by a changed template. An append-only file or a snapshot in it costs disk \
and processor time, and is gone whenever it is needed most. Write `size` for a volume, or `spec.persistence.mode: None` for a cache.",
    check: Some(ephemeral_with_files),
};

fn ephemeral_with_files(facts: &Facts<'_>, found: &mut Findings) {
    let mode = facts.spec.persistence.mode;
    if facts.spec.storage.ephemeral.is_some()
        && facts.spec.storage.size.is_none()
        && mode != PersistenceMode::None
    {
        let default = if facts.has(MODE) { "" } else { " (the default)" };
        found.push(|| {
            Finding::at_key(EPHEMERAL, format!("the persistence mode `{}`{default} writes files that go with their pod", mode_name(mode)))
                .label("goes with its pod")
                .related(MODE, "writes files")
                .help("write `persistence: {mode: None}` for a cache, or `storage: {size: ...}` to keep data")
        });
    }
}

pub(super) const VOLUME_WITHOUT_FILES: Rule = Rule {
    code: "RCG244",
    name: "volume-without-files",
    severity: Severity::Warning,
    title: "a volume holds nothing but a node's identity",
    story: "\
With `spec.persistence.mode: None` nothing is written but `nodes.conf`, some kilobytes. A volume for it keeps a node's identity over restarts, which is worth having, but needs no more than the smallest size. \
Its data is lost with every restart: the pod copies it from the replica that took over. Write a mode to keep data, or a size of at most 1Gi, or `ephemeral: {}`.",
    check: Some(volume_without_files),
};

fn volume_without_files(facts: &Facts<'_>, found: &mut Findings) {
    let Some(size) = &facts.spec.storage.size else { return };
    if facts.spec.persistence.mode == PersistenceMode::None
        && size.whole() > 1 << 30
        && facts.spec.storage.ephemeral.is_none()
    {
        found.push(|| {
            Finding::at(SIZE, format!("a volume of `{}` for a cache that writes nothing to it", size.text()))
                .label("stays empty")
                .related(MODE, "writes no data")
                .help("write `mode: AOF` to keep data, or `ephemeral: {}` instead of `size`; a volume of 1Gi keeps a node's identity, if that is the point")
        });
    }
}

pub(super) const VOLUME_TOO_SMALL: Rule = Rule {
    code: "RCG245",
    name: "volume-too-small",
    severity: Severity::Warning,
    title: "the volume can fill up while an append-only file is rewritten",
    story: "\
An append-only file of full memory is about as large as the memory. While it is rewritten, the old file, the new one and what is written meanwhile are on the disk together: more than twice `maxmemory`. \
On a full disk the server refuses all writes, and Redis 8 and Valkey 9 stop at the next change of the cluster because they cannot save `nodes.conf`, and do not start again. A \
volume's size cannot be changed in place later.",
    check: Some(volume_too_small),
};

fn volume_too_small(facts: &Facts<'_>, found: &mut Findings) {
    let (Some(size), Some(maxmemory)) = (&facts.spec.storage.size, facts.maxmemory()) else {
        return;
    };
    let needed = maxmemory.saturating_mul(2);
    if size.is_valid()
        && facts.spec.persistence.mode.appends()
        && size.whole() < needed
        && size.nano() > 0
    {
        found.push(|| {
            facts
                .about_maxmemory(Finding::at(SIZE, format!("`{}` is less than twice `maxmemory`", size.text())).label(format!("less than {}", show_bytes(needed))))
                .needs(MODE)
                .note(format!("`maxmemory` is {}; while the append-only file is rewritten, the old and the new one need 2 x {} = {}", show_bytes(maxmemory), show_bytes(maxmemory), show_bytes(needed)))
                .help(format!("write `size: {}` or more", size_for(maxmemory)))
        });
    }
}

pub(super) const ACCESS_MODES: Rule = Rule {
    code: "RCG246",
    name: "access-modes",
    severity: Severity::Error,
    title: "the access modes of the volumes cannot be used together",
    story: "\
A volume claim has at least one access mode, each once, and `ReadWriteOncePod` alone: Kubernetes refuses it beside others. Every pod has a volume of its own, so `ReadWriteOnce`, the default, is enough.",
    check: Some(access_modes),
};

fn access_modes(facts: &Facts<'_>, found: &mut Findings) {
    const MODES: &str = "/spec/storage/accessModes";
    let modes = &facts.spec.storage.access_modes.0;
    let what = if modes.is_empty() {
        "the list of access modes is empty".to_owned()
    } else if let Some((_, twice)) =
        modes.iter().enumerate().find(|(index, mode)| modes[..*index].contains(mode))
    {
        format!("the access mode `{}` is listed twice", twice.name())
    } else if modes.len() > 1 && modes.contains(&AccessMode::ReadWriteOncePod) {
        "`ReadWriteOncePod` cannot be used beside another access mode".to_owned()
    } else {
        return;
    };
    found.push(|| {
        Finding::at(MODES, what)
            .note("the API server refuses such a volume claim")
            .help("remove the key, or write one mode, such as `[ReadWriteOnce]`")
    });
}

pub(super) const VOLUMES_DELETED: Rule = Rule {
    code: "RCG247",
    name: "volumes-deleted",
    severity: Severity::Warning,
    title: "volumes are deleted along with their pods",
    story: "\
With `whenDeleted: Delete` the data goes with the StatefulSets: one `kubectl delete`, or one prune of a GitOps tool after a renamed cluster, and it is gone. With `whenScaled: Delete` the data of pods \
goes that are scaled away, whether their slots were moved before or not. `Retain` leaves volumes that somebody must delete by hand, which is the safer mistake.",
    check: Some(volumes_deleted),
};

fn volumes_deleted(facts: &Facts<'_>, found: &mut Findings) {
    let retention = facts.spec.storage.retention;
    let all = [
        (
            "/spec/storage/retention/whenDeleted",
            retention.when_deleted,
            "whenDeleted",
            "the data goes with the StatefulSets, also when a GitOps tool prunes them",
        ),
        (
            "/spec/storage/retention/whenScaled",
            retention.when_scaled,
            "whenScaled",
            "the data of pods goes that are scaled away, whether their slots were moved before or not",
        ),
    ];
    for (pointer, policy, field, why) in all {
        if policy == RetentionPolicy::Delete {
            found.push(|| {
                Finding::at(
                    pointer,
                    format!("`{field}: Delete` deletes volumes with all data on them"),
                )
                .label("no way back")
                .note(why)
                .help(format!("write `{field}: Retain`, the default, and delete volumes by hand"))
            });
        }
    }
}

pub(super) const SNAPSHOT_INTERVAL: Rule = Rule {
    code: "RCG248",
    name: "snapshot-interval",
    severity: Severity::Error,
    title: "a snapshot is due after 0 seconds or 0 changes",
    story: "\
A snapshot is taken when so many seconds have passed since the last one and so many changes were made. The server refuses 0 seconds, and 0 changes would write the same data again and again. \
Write at least 1 for both, such as `{seconds: 3600, changes: 1}`; for no snapshots choose a `mode` without them.",
    check: Some(snapshot_interval),
};

fn snapshot_interval(facts: &Facts<'_>, found: &mut Findings) {
    for (index, snapshot) in facts.spec.persistence.snapshots.iter().enumerate() {
        for (field, number) in [("seconds", snapshot.seconds), ("changes", snapshot.changes)] {
            if number == 0 {
                found.push(|| {
                    Finding::at(
                        format!("/spec/persistence/snapshots/{index}/{field}"),
                        format!("`{field}: 0` is no interval between snapshots"),
                    )
                    .label("at least 1")
                    .help(format!("write `{field}: 1` or more; for no snapshots write `mode: AOF`"))
                });
            }
        }
    }
}

pub(super) const UNUSED_SETTING: Rule = Rule {
    code: "RCG249",
    name: "unused-setting",
    severity: Severity::Warning,
    title: "a setting is without effect because of another one",
    story: "\
Some fields only mean something together with others: `snapshots` where the mode takes any, a StorageClass where there are volumes, the clients of a NetworkPolicy where there is one. What is \
written without effect was meant to have one: change the other field, or remove this one.",
    check: Some(unused_setting),
};

fn unused_setting(facts: &Facts<'_>, found: &mut Findings) {
    let spec = facts.spec;
    let mode = spec.persistence.mode;
    let policy = &spec.network.network_policy;
    let all: [(bool, &[&str], &str, String); 10] = [
        (
            spec.auth.mode == AuthMode::None,
            &["/spec/auth/passwordSecret"],
            "/spec/auth/mode",
            "nobody logs in with the mode `None`".to_owned(),
        ),
        (
            !mode.snapshots(),
            &["/spec/persistence/snapshots"],
            MODE,
            format!("the mode `{}` takes no snapshots", mode_name(mode)),
        ),
        (
            !mode.appends(),
            &["/spec/persistence/appendfsync"],
            MODE,
            format!("the mode `{}` has no append-only file", mode_name(mode)),
        ),
        (
            spec.storage.ephemeral.is_some() && spec.storage.size.is_none(),
            &[
                "/spec/storage/className",
                "/spec/storage/accessModes",
                "/spec/storage/retention",
                "/spec/storage/labels",
                "/spec/storage/annotations",
            ],
            EPHEMERAL,
            "there are no volumes with `ephemeral`".to_owned(),
        ),
        (
            !policy.enabled,
            &[
                "/spec/network/networkPolicy/clients",
                "/spec/network/networkPolicy/metrics",
                "/spec/network/networkPolicy/ingress",
                "/spec/network/networkPolicy/restrictEgress",
                "/spec/network/networkPolicy/egress",
            ],
            "/spec/network/networkPolicy/enabled",
            "there is no NetworkPolicy".to_owned(),
        ),
        (
            policy.enabled && !policy.restrict_egress,
            &["/spec/network/networkPolicy/egress"],
            "/spec/network/networkPolicy/restrictEgress",
            "the pods may reach everything".to_owned(),
        ),
        (
            policy.enabled && !spec.observability.exporter.enabled,
            &["/spec/network/networkPolicy/metrics"],
            "/spec/observability/exporter/enabled",
            "there is no exporter".to_owned(),
        ),
        (
            !spec.network.client_service.enabled,
            &["/spec/network/clientService/annotations"],
            "/spec/network/clientService/enabled",
            "there is no client Service".to_owned(),
        ),
        (
            !spec.lifecycle.pod_disruption_budget.enabled,
            &["/spec/lifecycle/podDisruptionBudget/maxUnavailable"],
            "/spec/lifecycle/podDisruptionBudget/enabled",
            "there is no PodDisruptionBudget".to_owned(),
        ),
        (
            !spec.network.announce_hostnames,
            &["/spec/network/clusterDomain"],
            "/spec/network/announceHostnames",
            "only announced hostnames contain it".to_owned(),
        ),
    ];
    for (is_unused, pointers, because, why) in all {
        if !is_unused {
            continue;
        }
        for pointer in pointers.iter().filter(|pointer| facts.has(pointer)) {
            let field = pointer.rsplit('/').next().unwrap_or_default();
            found.push(|| {
                Finding::at_key(*pointer, format!("`{field}` is without effect: {why}"))
                    .label("without effect")
                    .related(because, "because of this")
                    .help(format!(
                        "remove `{field}`, or change `{}`",
                        super::super::written::path(because)
                    ))
            });
        }
    }
}

pub(super) const EPHEMERAL_IN_MEMORY: Rule = Rule {
    code: "RCG250",
    name: "ephemeral-in-memory",
    severity: Severity::Warning,
    title: "files in memory and data together can exceed the memory limit",
    story: "\
What is written to an ephemeral directory with `medium: Memory` counts against the container's memory limit, beside the data itself. When both together exceed it, the kernel kills the server, and its data \
goes with it. Write `medium: Disk`, `spec.persistence.mode: None`, or a `sizeLimit` that leaves room: limit - `maxmemory`.",
    check: Some(ephemeral_in_memory),
};

fn ephemeral_in_memory(facts: &Facts<'_>, found: &mut Findings) {
    const MEDIUM: &str = "/spec/storage/ephemeral/medium";
    let Some(ephemeral) = &facts.spec.storage.ephemeral else { return };
    let (Some(limit), Some(maxmemory)) = (facts.memory_limit(), facts.maxmemory()) else { return };
    // Without files there is only nodes.conf, some kilobytes.
    if ephemeral.medium != Medium::Memory || facts.spec.persistence.mode == PersistenceMode::None {
        return;
    }
    let room = limit.saturating_sub(maxmemory);
    let what = match &ephemeral.size_limit {
        None => "files in memory have no bound of their own".to_owned(),
        Some(size) if size.whole() > room => {
            format!("files of `{}` in memory do not fit beside the data", size.text())
        }
        Some(_) => return,
    };
    found.push(|| {
        facts
            .about_maxmemory(Finding::at(MEDIUM, what).label("counts against the memory limit"))
            .needs(MODE)
            .note(format!(
                "the limit of {} less `maxmemory` of {} leaves {}",
                show_bytes(limit),
                show_bytes(maxmemory),
                show_bytes(room)
            ))
            .help(match ephemeral.size_limit {
                Some(_) => {
                    format!("write `medium: Disk`, or a `sizeLimit` of at most {}Mi", room >> 20)
                }
                None => format!("write `medium: Disk`, or `sizeLimit: {}Mi` or less", room >> 20),
            })
    });
}
