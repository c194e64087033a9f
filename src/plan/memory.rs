//! How much of the memory limit is for data.

use crate::spec::types::{PersistenceMode, Spec};

const MIB: u64 = 1 << 20;

/// `maxmemory` in bytes: as the spec says, or what the limit leaves. `None` without either.
///
/// What is kept free is for pages that are copied while a child process writes an AOF or a snapshot, for the buffers of clients
/// and replicas, and for fragmentation.
pub(crate) fn maxmemory(spec: &Spec) -> Option<u64> {
    spec.memory.maxmemory.as_ref().map_or_else(|| left(spec), |said| Some(said.whole()))
}

/// The most that `maxmemory` may be without another memory limit, or another template of the pods: what the limit leaves, or more
/// where the spec says so. `None` without a limit.
pub(super) fn maxmemory_limit(spec: &Spec) -> Option<u64> {
    let left = left(spec)?;
    Some(spec.memory.maxmemory.as_ref().map_or(left, |said| left.max(said.whole())))
}

/// What the memory limit leaves for data.
fn left(spec: &Spec) -> Option<u64> {
    let limit = spec.pod.resources.limits.get("memory")?.whole();
    Some(limit / 100 * u64::from(100_u32.saturating_sub(headroom_percent(spec))))
}

/// The part of the memory limit that is not for data.
pub(crate) fn headroom_percent(spec: &Spec) -> u32 {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{backlog, directive, maxmemory, maxmemory_limit};
    use crate::spec::types::Spec;

    fn spec(memory: Value, persistence: &str, limit: Value) -> Spec {
        let spec = json!({
            "engine": {"version": "8.0.6"},
            "storage": {"size": "1Gi"},
            "memory": memory,
            "persistence": {"mode": persistence},
            "pod": {"resources": {"limits": limit}},
        });
        serde_json::from_value(spec).expect("a spec")
    }

    fn of(memory: Value, persistence: &str, limit: Value) -> Option<u64> {
        maxmemory(&spec(memory, persistence, limit))
    }

    #[test]
    fn a_running_server_may_have_what_its_memory_limit_leaves() {
        let limit = |memory: Value, limit: Value| {
            maxmemory_limit(&spec(memory, "AOF", limit)).map(|bytes| bytes >> 20)
        };
        let gib = || json!({"memory": "1Gi"});
        assert_eq!(limit(json!({}), gib()), Some(614));
        // Room for a larger one without a restart.
        assert_eq!(limit(json!({"maxmemory": "100Mi"}), gib()), Some(614));
        assert_eq!(limit(json!({"maxmemory": "700Mi"}), gib()), Some(700));
        assert_eq!(limit(json!({"maxmemory": "100Mi"}), json!({})), None);
    }

    #[test]
    fn data_has_what_the_headroom_leaves() {
        let gib = 1_u64 << 30;
        let near =
            |value: Option<u64>, expected: u64| value.expect("a value").abs_diff(expected) < 100;
        assert!(near(of(json!({}), "AOF", json!({"memory": "1Gi"})), gib / 10 * 6));
        assert!(near(of(json!({}), "None", json!({"memory": "1Gi"})), gib / 4 * 3));
        assert!(near(of(json!({"headroomPercent": 50}), "AOF", json!({"memory": "1Gi"})), gib / 2));
        assert_eq!(
            of(json!({"maxmemory": "100Mi"}), "AOF", json!({"memory": "1Gi"})),
            Some(100 << 20)
        );
        assert_eq!(of(json!({}), "AOF", json!({})), None);
    }

    #[test]
    fn values_are_whole_mebibytes() {
        assert_eq!(directive((307 << 20) + 5), "307mb");
        assert_eq!(directive(4096), "4096");
        assert_eq!(backlog(16 << 20), 1 << 20);
        assert_eq!(backlog(1 << 30), 32 << 20);
        assert_eq!(backlog(64 << 30), 128 << 20);
    }
}
