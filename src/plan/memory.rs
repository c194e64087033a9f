//! How much of the memory limit is for data.

use crate::spec::types::{PersistenceMode, Spec};

const MIB: u64 = 1 << 20;

/// `maxmemory` in bytes: as the spec says, or what the limit leaves. `None` without either.
///
/// What is kept free is for pages that are copied while a child process writes an AOF or a snapshot, for the buffers of clients
/// and replicas, and for fragmentation.
pub(super) fn maxmemory(spec: &Spec) -> Option<u64> {
    if let Some(maxmemory) = &spec.memory.maxmemory {
        return Some(maxmemory.whole());
    }
    let limit = spec.pod.resources.limits.get("memory")?.whole();
    Some(limit / 100 * u64::from(100_u32.saturating_sub(headroom_percent(spec))))
}

/// The part of the memory limit that is not for data.
pub(super) fn headroom_percent(spec: &Spec) -> u32 {
    spec.memory.headroom_percent.unwrap_or(match spec.persistence.mode {
        // No child process ever writes, except for a replica's first copy.
        PersistenceMode::None => 25,
        _ => 40,
    })
}

/// Bytes as a directive's value: in whole MiB where there is at least one.
pub(super) fn directive(bytes: u64) -> String {
    if bytes >= MIB { format!("{}mb", bytes / MIB) } else { bytes.to_string() }
}

/// A thirty-second of the data, from 1 to 128 MiB: what a replica may miss and still catch up without copying everything.
pub(super) fn backlog(maxmemory: u64) -> u64 {
    (maxmemory / 32).clamp(MIB, 128 * MIB)
}
