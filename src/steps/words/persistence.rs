//! From one kind of file to the other: running servers write the new kind first.

use super::{Context, engine, for_each};
use crate::steps::{Action, Stage};

/// Adds what running servers are told before they restart, where they are to load another kind of file then.
pub(super) fn switch(context: &Context<'_>, stage: &mut Stage) {
    let Some(old) = context.old else { return };
    let switched = context.comparison.changes().find_map(|(_, change)| {
        let is = change.path.is_directive() && change.path.last() == "appendonly";
        (is && context.meets("RCG700")).then(|| change.new.as_ref().is_some_and(|new| new == "yes"))
    });
    let Some(to_append_only) = switched else { return };
    let pods = old.pods();
    let (told, when) = if to_append_only {
        (
            "CONFIG SET appendonly yes",
            "Wait until each says `aof_enabled:1`, `aof_rewrite_in_progress:0`, `aof_rewrite_scheduled:0` and `aof_last_bgrewrite_status:ok`: then the append-only file has all data, and not before.",
        )
    } else {
        (
            "CONFIG SET save \"3600 1\"",
            "Let each write one now, too, and wait until it has: each says `rdb_last_bgsave_status:ok` and a `rdb_last_save_time` of now (`date +%s`). With that setting it writes another one when it stops.",
        )
    };
    stage.before.push(Action::run(
        "A server that starts loads the kind of file that its configuration names, and no other. So let the running servers write that kind before they restart; each has to say `OK`. One that restarts before its turn forgets it: then run this again.",
        for_each(&pods, &old.ask("\"$pod\"", told)),
    ));
    stage.before.push(Action::run(
        when,
        match to_append_only {
            true => for_each(
                &pods,
                &format!(
                    "echo \"$pod\"; {} | grep -E 'aof_enabled|aof_rewrite_|aof_last_bgrewrite_status'",
                    old.ask("\"$pod\"", "INFO persistence")
                ),
            ),
            false => format!(
                "{}; {}",
                for_each(&pods, &format!("echo \"$pod\"; {}", old.ask("\"$pod\"", "BGSAVE"))),
                engine::saved(old)
            ),
        },
    ));
    stage.back = "Put the old line back and ask `redis-cluster-gen plan`: the servers have to write the old kind of file again before they restart, and the plan has the commands. Reverting the commit alone would let them load files of the time before.".to_owned();
    stage.trouble.push("A pod that starts empty copies from its master. Do not let the master restart before it has: `master_link_status:up` in INFO replication.".to_owned());
}
