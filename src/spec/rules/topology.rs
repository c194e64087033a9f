//! Shards, replicas, and where pods may run.

use super::{Facts, Finding, Rule};
use crate::error::Severity;

pub(super) const TOO_FEW_SHARDS: Rule = Rule {
    code: "RCG211",
    name: "too-few-shards",
    severity: Severity::Error,
    title: "fewer than 3 shards cannot replace a master",
    story: "\
A replica takes over when a majority of the masters agrees that its master is gone. Of 2 masters, the one that is left is no majority, so nothing is ever replaced; \
of 3, two are. `redis-cli --cluster create` refuses fewer than 3 for this reason.

Write `shards: 3` or more. For data that needs no sharding, a single master with replicas and Sentinel is simpler than a cluster.",
    check: Some(too_few_shards),
};

fn too_few_shards(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let shards = facts.spec.topology.shards;
    if shards < 3 {
        let majority = shards / 2 + 1;
        found.push(
            Finding::at("/spec/topology/shards", format!("{shards} shards are too few for a Redis Cluster"))
                .label("at least 3")
                .note(format!("a majority of the masters must agree before a replica takes over: of {shards} that is {majority}, so losing one master stops all failover"))
                .help("write `shards: 3` or more"),
        );
    }
}
