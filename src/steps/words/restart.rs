//! Changes that take effect in place, or by a rolling restart.

use super::{Context, Facts, count, engine, for_each};
use crate::{
    diff::Class,
    steps::{Action, Stage, Writes, stages::Purpose},
};

/// Adds what restarts and what changes in place; names the stage where nobody else has.
pub(super) fn settings(context: &Context<'_>, stage: &mut Stage) {
    let restarting = context.restarting().len() as u64;
    let rolls = context.rolls();
    let live = context.meets("RCG612");
    let pending = context.comparison.changes().any(|(_, change)| change.class() == Class::Pending);
    let releases = context.purpose != Purpose::Resume
        && context.old.is_some_and(|old| old.waits_for_deletion)
        && !context.new.waits_for_deletion;
    if stage.name.is_empty() {
        stage.name = if rolls || releases { "restart" } else { "settings" };
        stage.title = match (rolls, live) {
            (true, _) => "change what takes a rolling restart",
            (false, _) if releases => "let pods restart that have waited to be deleted",
            (false, true) => "change settings of running servers",
            (false, false) if pending => "change what pods take when they are deleted",
            (false, false) => "change what takes no restart",
        }
        .to_owned();
    }
    if live {
        stage.happens.push("Running servers take the changed directives over: the kubelet brings the file to the pods within about a minute and a half, and each pod's log says that it applied it.".to_owned());
    }
    if live && rolls && context.meets("RCG646") {
        stage.happens.push("A `maxmemory` that is more than the present memory limit has room for comes with each pod's restart, as the memory does.".to_owned());
    }
    if rolls && context.meets("RCG646") {
        stage.before.push(Action::run(
            "See that the nodes have room for what the pods ask for now; these lines show what is asked for of each node. A pod that does not fit stays Pending, and the restart waits for it.",
            ROOM,
        ));
    }
    if releases {
        waited(context, stage);
    }
    if rolls {
        roll(context, stage, restarting);
    } else if releases {
        release(context, stage);
    } else if pending {
        by_hand(context, stage);
    } else if stage.happens.is_empty() {
        stage.happens.push("The objects change in place. No pod restarts.".to_owned());
    }
    if stage.trouble.is_empty() {
        stage.trouble.push("No pod restarts for this. If clients complain, go back.".to_owned());
    }
    if stage.back.is_empty() {
        stage.back = if releases {
            "Revert the commit and apply it: no further pod restarts. For what has restarted the way back is that of the change that it had waited for.".to_owned()
        } else if rolls {
            "Revert the commit and apply it; the pods restart once more, one after the other. A pod that never became ready may have to be deleted by hand.".to_owned()
        } else if pending {
            "Revert the commit and apply it, and delete those pods once more that have been deleted since.".to_owned()
        } else if context.new.waits_for_deletion
            && context.old.is_some_and(|old| !old.waits_for_deletion)
        {
            "Revert the commit and apply it: pods that have waited since restart then, with what the spec has become meanwhile.".to_owned()
        } else {
            "Revert the commit and apply it.".to_owned()
        };
    }
    if context.meets("RCG710") {
        stage.back += " What was in the claim does not come back.";
    }
    if context.meets("RCG626") {
        stage.back += " A claim that has grown does not shrink: leave its new size in the spec.";
    }
}

/// What is asked for of each node.
pub(super) const ROOM: &str = "kubectl describe nodes | grep -A 9 '^Allocated resources'";

/// Pods that wait to be deleted, and are, by hand.
fn by_hand(context: &Context<'_>, stage: &mut Stage) {
    if let Some(sign) = context.old.and_then(|old| context.new.sign_of_change(old)) {
        stage.wait.push(context.has_what_is_new(sign));
    }
    stage.happens.push("What the pods read when they start is stored, and counts for a pod when somebody deletes it (RCG631, RCG632).".to_owned());
    stage.wait.push(Action::run(
        "Delete the pods one at a time, those first that are replicas (`role:slave`) at that moment: this tells which.",
        for_each(
            &context.new.pods(),
            &format!(
                "echo \"$pod $({} | grep -o 'role:[a-z]*')\"",
                context.old.unwrap_or(context.new).ask("\"$pod\"", "INFO replication")
            ),
        ),
    ));
    stage.wait.push(Action::by_hand(format!(
        "After each one wait until it is ready again: `{} && sleep 5 && {}`.",
        context.kubectl("delete pod POD"),
        context.kubectl("wait pod POD --for=condition=Ready --timeout=15m")
    )));
    stage.wait.push(Action::run(
        "All pods are new when NEW is as many as PODS.",
        context.kubectl(&format!(
            "get statefulset -l {} -o custom-columns=NAME:.metadata.name,PODS:.status.replicas,NEW:.status.updatedReplicas",
            context.new.selector()
        )),
    ));
    stage.writes = stage.writes.max(writes(context));
    stage.trouble.push("Delete no further pod: all others go on serving, as they were.".to_owned());
}

/// What pods have waited for is not in this change.
fn waited(context: &Context<'_>, stage: &mut Stage) {
    let new = context.new;
    stage.before.push(Action::run(
        format!(
            "See which pods have waited: those whose REVISION is not the NEWEST of their StatefulSet. They restart, with all that was committed since they started. Where an IMAGE is not of version {}, that is the rest of an upgrade: its backup has to be there, and the plan that began it says whether there is a way back.",
            new.version
        ),
        format!(
            "{} && {}",
            new.kubectl(&format!(
                "get statefulset -l {} -o custom-columns=NAME:.metadata.name,NEWEST:.status.updateRevision",
                new.selector()
            )),
            new.kubectl(&format!(
                "get pods -l {} -o custom-columns=NAME:.metadata.name,REVISION:.metadata.labels.controller-revision-hash,IMAGE:.spec.containers[{}].image",
                new.nodes(),
                new.container_index
            ))
        ),
    ));
    stage.before.push(Action::by_hand(format!(
        "Stop where they wait for encryption or its end, another port, or the first password (the commits of the spec since then say so): pods of before and after cannot talk to each other, and must not restart one after the other. Delete all of them at once first, an outage, `{}`, and go on when all are ready.",
        new.kubectl(&format!("delete pod -l {}", new.nodes()))
    )));
    if !stage.back.is_empty() {
        let rest = match engine::is_one_way(context) {
            true => format!(" {}", stage.back),
            false => String::new(),
        };
        stage.back = format!(
            "Revert the commit and apply it: that also brings `OnDelete` back, so no further pod restarts, and each that has restarted has to be deleted once more, one at a time, to be as it was.{rest}"
        );
    }
}

/// Succeeds when no pod is as it was before the template changed.
pub(super) fn all_new(facts: &Facts, minutes: u64) -> String {
    let pods = facts.sets.first().map_or(0, |(_, pods)| pods.len());
    facts.kubectl(&format!(
        "wait statefulset -l {} --for=jsonpath='{{.status.updatedReplicas}}'={pods} --timeout={minutes}m",
        facts.selector()
    ))
}

/// Pods that wait to be deleted no longer do.
fn release(context: &Context<'_>, stage: &mut Stage) {
    let sets = context.new.sets.len();
    stage.happens.push(format!(
        "Pods that have waited to be deleted since an earlier change restart now, {}. Where all were deleted after it, none restarts.",
        in_turn(sets)
    ));
    stage.writes = stage.writes.max(writes(context));
    stage.wait.push(Action::run(
        "All pods are new and ready. After a push, ask when Argo CD or Flux has applied it.",
        rolled_out(context, context.new.pods().len().div_ceil(sets.max(1)) as u64),
    ));
    stage.trouble.push(format!(
        "The restart stops at the first pod that does not become ready; all others go on serving. {}",
        why_not(context)
    ));
}

/// Where to look when a pod does not come.
pub(super) fn why_not(context: &Context<'_>) -> String {
    format!(
        "`{}` says why a pod does not start, and `{}` why there is nothing to start yet.",
        context.kubectl("logs POD -c redis"),
        context.kubectl("describe pod POD")
    )
}

/// How pods follow each other.
fn in_turn(sets: usize) -> &'static str {
    if sets == 1 { "one after the other" } else { "one of each shard at a time" }
}

/// What a rolling restart does to writes.
fn writes(context: &Context<'_>) -> Writes {
    match (context.new.target.replicas, context.new.sets.len()) {
        (0, 1) => Writes::Restart,
        // One pod of each shard, and it has no other.
        (0, _) => Writes::Outage,
        _ => Writes::Handover,
    }
}

fn rolled_out(context: &Context<'_>, minutes: u64) -> String {
    context.kubectl(&format!(
        "rollout status statefulset -l {} --timeout={}m",
        context.new.selector(),
        (minutes * 5).max(15)
    ))
}

/// A rolling restart.
pub(super) fn roll(context: &Context<'_>, stage: &mut Stage, pods: u64) {
    let sets = context.new.sets.len();
    let minutes = pods.div_ceil(sets.max(1) as u64);
    stage.happens.push(format!(
        "{} restart, {}, in about {}: {}",
        count(pods, "pod"),
        in_turn(sets),
        count(minutes, "minute"),
        if context.new.target.replicas == 0 {
            "the highest number first. No master has a replica, so each shard is gone for as long as its pod restarts."
        } else {
            "replicas and masters as they come, the highest number first. A master hands its shard to a replica before it stops, and the next pod follows when the one before is ready and in sync."
        }
    ));
    stage.writes = stage.writes.max(writes(context));
    if context.purpose == Purpose::Resume {
        return;
    }
    let sign = context.old.and_then(|old| context.new.sign_of_change(old));
    let ready = match sign {
        Some(sign) => {
            stage.wait.push(context.has_what_is_new(sign));
            "All pods are new and ready."
        }
        None => {
            "All pods are new and ready. After a push, ask when Argo CD or Flux has applied it: before that it says so of the old ones."
        }
    };
    stage.wait.push(Action::run(ready, rolled_out(context, minutes)));
    stage.trouble.push(format!(
        "The restart stops at the first pod that does not become ready; all others go on serving. {} {}",
        why_not(context),
        if engine::is_one_way(context) {
            "Set `lifecycle.updateStrategy: OnDelete` beside the new version, render and apply, so that no further pod restarts; then mend the spec, and take that line out again."
        } else {
            "Then take the way back, or mend the spec and apply again."
        }
    ));
}
