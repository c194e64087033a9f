//! Changes that take effect in place, or by a rolling restart.

use super::{Context, count};
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
    if stage.name.is_empty() {
        stage.name = if rolls { "restart" } else { "settings" };
        stage.title = match (rolls, live) {
            (true, _) => "change what takes a rolling restart".to_owned(),
            (false, true) => "change settings of running servers".to_owned(),
            (false, false) => "change what takes no restart".to_owned(),
        };
    }
    if live {
        stage.happens.push("Running servers take the changed directives over: the kubelet brings the file to the pods within about a minute and a half, and each pod's log says that it applied it.".to_owned());
    }
    if rolls {
        roll(context, stage, restarting);
    } else if pending {
        stage.happens.push("What the pods read when they start is stored, and counts for a pod when somebody deletes it (RCG631, RCG632).".to_owned());
        stage.wait.push(Action::by_hand("Delete the pods one at a time when it suits, replicas first, each when the one before is ready."));
    } else if stage.happens.is_empty() {
        stage.happens.push("The objects change in place. No pod restarts.".to_owned());
    }
    if stage.trouble.is_empty() {
        stage.trouble.push("Nothing waits for this. If clients complain, go back.".to_owned());
    }
    if stage.back.is_empty() {
        stage.back = if rolls {
            "Revert the commit and apply it; the pods restart once more, one after the other. A pod that never became ready may have to be deleted by hand.".to_owned()
        } else {
            "Revert the commit and apply it.".to_owned()
        };
    }
}

/// A rolling restart.
pub(super) fn roll(context: &Context<'_>, stage: &mut Stage, pods: u64) {
    let sets = context.new.sets.len();
    let one_by_one = if sets == 1 {
        "one after the other".to_owned()
    } else {
        "one of each shard at a time".to_owned()
    };
    let minutes = pods.div_ceil(sets.max(1) as u64);
    stage.happens.push(format!(
        "{} restart, {one_by_one}, in about {}: {}",
        count(pods, "pod"),
        count(minutes, "minute"),
        if context.new.target.replicas == 0 {
            "the highest number first. No master has a replica, so each shard is gone for as long as its pod restarts."
        } else {
            "replicas and masters as they come, the highest number first. A master hands its shard to a replica before it stops, and the next pod follows when the one before is ready and in sync."
        }
    ));
    stage.writes = stage.writes.max(match (context.new.target.replicas, sets) {
        (0, 1) => Writes::Restart,
        // One pod of each shard, and it has no other.
        (0, _) => Writes::Outage,
        _ => Writes::Handover,
    });
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
    stage.wait.push(Action::run(
        ready,
        context.kubectl(&format!(
            "rollout status statefulset -l {} --timeout={}m",
            context.new.selector(),
            (minutes * 5).max(15)
        )),
    ));
    stage.trouble.push(format!(
        "The restart stops at the first pod that does not become ready; all others go on serving. `{}` says why it does not start. Then take the way back, or mend the spec and apply again.",
        context.kubectl("logs POD -c redis")
    ));
}
