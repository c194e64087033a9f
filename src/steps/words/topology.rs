//! More pods, fewer pods, the first pods.

use super::{Context, apply_with_new_job, count, engine, for_each, list, quoted, restart::ROOM};
use crate::{
    spec::types::Layout,
    steps::{
        Action, Stage, Writes,
        facts::{Facts, Size},
    },
};

/// What becomes of pods between the two stages.
const TAKEN_OUT: &str = "Pods that have been taken out go on running, empty, until the next stage. They are not ready, as they should be; Argo CD and `wait: true` of Flux call the cluster unhealthy until then, and where it has a PodDisruptionBudget no node with one of its pods can be drained. Do not leave much time between the two stages.";

/// What becomes of pods that were to go and stay.
const JOIN_AGAIN: &str = "Pods that were on their way out stay: the bootstrap Job lets those join again that have left. Nodes remember for a minute whom they were told to forget, so it can take that long.";

pub(super) fn install(context: &Context<'_>, stage: &mut Stage) {
    stage.name = "install";
    let sets: Vec<_> = context.new.sets.iter().map(|(name, _)| name.as_str()).collect();
    stage.title = "start the cluster".to_owned();
    let spec = quoted(&context.request.source.name);
    stage.before.push(Action::run(
        format!("Nothing of it is committed, so this plan is for a cluster that does not run yet: it has to say nothing. If it runs, name the file or folder that it was rendered into, `redis-cluster-gen plan {spec} --against FILE`, or the commit that has it, `--against git:HEAD`; one that something else has made is taken over by `--from FILE`."),
        context.kubectl(&format!("get statefulset {} --ignore-not-found", sets.join(" "))),
    ));
    if let Some((secret, key)) = &context.new.password {
        stage.before.push(Action::run(
            "Make the password's Secret; the pods wait for it.",
            context.kubectl(&format!(
                "create secret generic {secret} --from-literal={key}=\"$(openssl rand -hex 24)\""
            )),
        ));
    }
    stage.happens.push(format!(
        "{} start at once, and the bootstrap Job makes a cluster of them: {} with {} each.",
        count(context.new.pods().len() as u64, "pod"),
        count(context.new.target.shards, "shard"),
        count(context.new.target.replicas, "replica"),
    ));
    stage.trouble.push(format!(
        "The Job's last lines name what is missing: `{}`.",
        context.kubectl(&format!("logs job/{}", context.new.job.as_deref().unwrap_or("NAME")))
    ));
    stage.back = "Delete the objects. The claims of the volumes stay: delete them, too, before another try with other settings, if nobody has written to the cluster yet.".to_owned();
}

/// `2 shards and 1 replica in each shard`
fn size(size: Size) -> String {
    let mut parts = Vec::new();
    if size.shards > 0 {
        parts.push(count(size.shards, "shard"));
    }
    if size.replicas > 0 {
        parts.push(format!("{} in each shard", count(size.replicas, "replica")));
    }
    list(&parts)
}

pub(super) fn grow(context: &Context<'_>, stage: &mut Stage) {
    let Some(old) = context.old else { return };
    let added = context.new.target.less(old.target);
    stage.name = "grow";
    stage.title = if added.is_none() {
        "spread the data anew".to_owned()
    } else {
        format!("add {}", size(added))
    };
    if context.new.pods().len() > old.pods().len() {
        room(context, stage, "");
        empty_volumes(context, stage);
        stage.happens.push("The new pods start empty, and the bootstrap Job lets them join. Each new replica copies its master's data.".to_owned());
    }
    if !old.retiring.is_none() && context.new.retiring.is_none() {
        let new = context.new.target.less(old.rendered());
        let more = if new.is_none() { String::new() } else { format!(", and add {}", size(new)) };
        stage.title = format!("keep {} after all{more}", size(old.retiring));
        stage.happens.push(JOIN_AGAIN.to_owned());
    }
    if added.shards > 0 {
        stage.happens.push("Then the Job moves slots with their keys to shards that have fewer until all hold an even share. Clients follow by themselves; commands to a slot that moves may take a little longer.".to_owned());
    }
    if context.new.target.shards < old.target.shards {
        stage
            .happens
            .push("Masters that are too many are emptied first, and become replicas.".to_owned());
    }
    moving(context, stage);
    stage.back = "A plan of its own: put the old numbers back and ask `redis-cluster-gen plan`, which empties the pods before they go.".to_owned();
}

pub(super) fn retire(context: &Context<'_>, stage: &mut Stage) {
    let Some(old) = context.old else { return };
    stage.name = "retire";
    if context.new.retires_layout {
        move_over(context, old, stage);
        return;
    }
    let pods = context.new.pods().len() as u64 - context.new.target.pods();
    // Where all pods are in one StatefulSet, any of them may be a master.
    let is_single = context.new.layout() == Layout::SingleStatefulSet;
    let gone = if is_single { count(pods, "pod") } else { size(context.new.retiring) };
    let more = context.new.target.less(old.target);
    // What retires is counted in shards of the new size there.
    let new = match is_single && old.retiring.is_none() {
        true => more,
        false => context.new.rendered().less(old.rendered()),
    };
    let kept = more.less(new);
    let starts = context.new.pods().len() > old.pods().len();
    stage.title = format!("take {gone} out of the cluster");
    if !kept.is_none() {
        stage.title += &format!(", and keep {} after all", size(kept));
        stage.happens.push(JOIN_AGAIN.to_owned());
    }
    if !new.is_none() {
        stage.title += &format!(", and add {}", size(new));
        room(context, stage, "");
        empty_volumes(context, stage);
        if starts {
            stage.happens.push("New pods start empty and join first.".to_owned());
        }
    }
    let empties = match is_single {
        true => context.new.target.shards < old.target.shards,
        false => context.new.retiring.shards > 0,
    };
    if empties {
        stage.happens.push("All pods go on running. The bootstrap Job moves the slots of the shards that retire to the others, with their keys, waits until clients have learnt it, and takes the emptied servers out of the cluster.".to_owned());
        let memory =
            format!("{} | grep -E '^(role|used_memory|maxmemory):'", old.ask("\"$pod\"", "INFO"));
        stage.before.push(Action::run(
            "See that the shards that stay have memory for the data of those that go: add up `used_memory` of all that say `role:master`; divided by the new number of shards, it has to stay well below `maxmemory` (bytes). If it does not, take fewer shards away, or give the pods more memory first.",
            for_each(&old.pods(), &format!("echo \"$pod\"; {memory}")),
        ));
    } else {
        stage.happens.push("All pods go on running. The bootstrap Job takes the pods that retire out of the cluster; one that is a master hands its shard over first.".to_owned());
    }
    if context.new.target.replicas == 0 && old.target.replicas > 0 {
        stage.before.push(Action::by_hand("No replica will be left: every restart of a pod is an outage of its shard from then on, and the loss of a volume the loss of its data. Only go on if this is meant."));
    }
    backup(old, stage);
    stage.happens.push(TAKEN_OUT.to_owned());
    moving(context, stage);
    stage.back = format!(
        "Until the next stage, also while the Job runs: put the old numbers back, without `retiring`, and ask `redis-cluster-gen plan`: the Job lets pods join again{}.",
        if empties { ", and slots that have moved go back" } else { "" }
    );
}

/// Another layout, whose pods take the places of those of the old one.
fn move_over(context: &Context<'_>, old: &Facts, stage: &mut Stage) {
    let returns = old.retires_layout;
    let how = if returns { "back" } else { "over" };
    stage.title = format!("move the cluster {how} to the pods of {}", context.new.layout().name());
    if context.new.layout() == Layout::SingleStatefulSet {
        stage.writes = Writes::Handover;
    }
    let join = if returns {
        "The pods of both layouts go on running. Those that have left the cluster join it again, empty; nodes remember for a minute whom they were told to forget, so it can take that long. "
    } else {
        room(context, stage, ": until the next stage the pods of both layouts run");
        empty_volumes(context, stage);
        "The pods of the new layout start empty, beside those of the old one, and join the cluster; those of the old one do not restart. "
    };
    let moves = match context.new.layout() {
        Layout::SingleStatefulSet => {
            "copy the masters, and the other layout's masters hand their shards over to them, one after the other."
        }
        Layout::StatefulSetPerShard => {
            "get all slots with their keys from the other layout's masters: the bootstrap Job moves them, which takes a while, and its log tells how long."
        }
    };
    let layout = context.new.layout().name();
    stage.happens.push(format!("{join}The pods of {layout} {moves} Then the Job waits until clients have learnt it, and takes the servers of the other layout out of the cluster. Clients follow by themselves."));
    if context.new.layout() == Layout::SingleStatefulSet {
        stage.happens.push("In a single StatefulSet Kubernetes cannot tell which pods are of one shard. It spreads all of them over nodes and zones as far as there are enough (`spread.nodes: Required` is for as many nodes as pods), so a master and its replica may come to one node.".to_owned());
    }
    backup(old, stage);
    stage.happens.push(TAKEN_OUT.to_owned());
    moving(context, stage);
    stage.back = "Until the next stage, also while the Job runs: put the old `layout` back, without `retiring`, and ask `redis-cluster-gen plan`: all goes back to its pods, and those of this layout are taken out.".to_owned();
}

/// A copy of all data before pods go. No key is deleted before another pod has it, so none is made by hand.
fn backup(old: &Facts, stage: &mut Stage) {
    if old.backup.is_some() {
        stage.before.extend(engine::backup(old));
    }
}

/// New pods need a place to run.
fn room(context: &Context<'_>, stage: &mut Stage, why: &str) {
    let had = context.old.map(Facts::pods).unwrap_or_default();
    let is_new = |pod: &&String| !had.contains(&pod.as_str());
    let sets = context.new.sets.iter().filter(|(_, pods)| pods.iter().any(|pod| is_new(&pod)));
    let new = sets.clone().map(|(_, pods)| pods.iter().filter(is_new).count() as u64).sum();
    if new > 0 {
        let nodes = sets.map(|(_, pods)| pods.len()).max().unwrap_or_default();
        let whose = match context.new.layout() {
            Layout::SingleStatefulSet => "pods",
            Layout::StatefulSetPerShard => "pods of a shard",
        };
        stage.before.push(Action::run(
            format!(
                "See that the nodes have room for {} more{why}; these lines show what is asked for of each node.{} What does not fit stays Pending, and the Job waits for it.",
                count(new, "pod"),
                match context.new.keeps_pods_apart {
                    false => String::new(),
                    true => format!(" No two {whose} run on one node, so there have to be {nodes} nodes."),
                }
            ),
            ROOM,
        ));
    }
}

/// New pods may find the volumes of pods of the same names, from before.
fn empty_volumes(context: &Context<'_>, stage: &mut Stage) {
    let (Some(old), Some((claim, _))) = (context.old, &context.new.claim) else { return };
    let had = old.pods();
    let new = context.new.pods();
    let claims: Vec<_> =
        new.iter().filter(|pod| !had.contains(pod)).map(|pod| format!("{claim}-{pod}")).collect();
    // Without a name kubectl would tell of all claims.
    if claims.is_empty() {
        return;
    }
    let get = context.kubectl(&format!("get pvc {} --ignore-not-found", claims.join(" ")));
    stage.before.push(Action::run(
        format!(
            "See that the new pods find no volumes of an earlier time: it should say nothing. A pod that retired as the plan has it left an empty one, which does no harm. Where keys may be on one, because a pod was taken away in another way, the Job ends with code 7: if nobody misses them, delete the claim, and its pod, which gets an empty one, `{} && {}`.",
            context.kubectl("delete pvc CLAIM --wait=false"),
            context.kubectl("delete pod POD")
        ),
        get,
    ));
}

fn moving(context: &Context<'_>, stage: &mut Stage) {
    let Some(job) = &context.new.job else {
        stage.wait.push(Action::by_hand("There is no bootstrap Job (bootstrap.enabled is false): join the pods and move the slots by hand, with redis-cli --cluster."));
        return;
    };
    stage.trouble.push(format!(
        "The Job may be killed at any moment: the next one goes on where it was. A pod of it that ends with an error is tried again some times, which can take an hour; its last lines say why: `{}`, and docs/operations.md what each exit code asks for. Delete it and apply again when that is mended: `{}`; where Argo CD or Flux applies it, let it synchronise.",
        context.kubectl(&format!("logs job/{job}")),
        context.kubectl(&format!("delete job {job}"))
    ));
}

pub(super) fn remove(context: &Context<'_>, stage: &mut Stage) {
    let Some(old) = context.old else { return };
    stage.name = "remove";
    let stays = context.new.pods();
    let gone: Vec<&str> = old.pods().into_iter().filter(|pod| !stays.contains(pod)).collect();
    stage.title = match old.retires_layout {
        true => format!("remove the pods of {}", other(old.layout()).name()),
        false if old.layout() == Layout::SingleStatefulSet => {
            format!("remove {}", count(gone.len() as u64, "pod"))
        }
        false => format!("remove the pods of {}", size(old.retiring)),
    };
    let alone = format!(
        "{} | grep 'cluster_known_nodes:1[^0-9]' || {{ echo \"$pod is still in the cluster, or does not answer: stop here\"; exit 1; }}",
        old.ask("\"$pod\"", "CLUSTER INFO")
    );
    stage.before.push(Action::run(
        "Only go on when each of these pods says `cluster_known_nodes:1`: then it has left the cluster, empty. One that is in the cluster may have the only copy of its data.",
        format!(
            "(for pod in {}; do {alone}; done)",
            gone.join(" ")
        ),
    ));
    stage.before.push(Action::by_hand(format!(
        "See that no client is given the name of one of these pods to begin with: it would not find the cluster any more. Service {}-client is for that.",
        context.new.name
    )));
    stage.happens.push(format!(
        "{}, empty and unknown to the others, are deleted: {}.",
        count(gone.len() as u64, "pod"),
        gone.join(", ")
    ));
    if claims_go(old, context.new) {
        stage.happens.push("Their volumes are deleted with them (`storage.retention`).".to_owned());
    }
    stage.trouble.push(format!(
        "Where a pod is still in the cluster, the Job of the stage before has not done its work. With that stage's spec in place: `{}`, then wait as that stage says.",
        apply_with_new_job(context)
    ));
    stage.trouble.push("A pod that stays in Terminating waits for its grace period.".to_owned());
    stage.back = match old.retires_layout {
        true => "A plan of its own: put the old `layout` back and ask `redis-cluster-gen plan`. The pods then join as new ones",
        false => "The cluster can grow again at any time. The pods then join as new ones",
    }
    .to_owned()
        + match claims_go(old, context.new) || old.claim.is_none() {
            true => ".",
            false => ", also on the volumes that were kept: those are empty.",
        };
}

fn other(layout: Layout) -> Layout {
    match layout {
        Layout::StatefulSetPerShard => Layout::SingleStatefulSet,
        Layout::SingleStatefulSet => Layout::StatefulSetPerShard,
    }
}

/// Whether the volumes of pods that go are deleted with them.
fn claims_go(old: &Facts, new: &Facts) -> bool {
    if old.sets.len() == new.sets.len() && !old.retires_layout {
        old.claims_go.1
    } else {
        old.claims_go.0
    }
}

/// What is left of pods that were removed, when all is well.
pub(super) fn clean_up(context: &Context<'_>, stage: &mut Stage) {
    let Some(old) = context.old else { return };
    let Some((claim, _)) = &old.claim else { return };
    if claims_go(old, context.new) {
        return;
    }
    let stays = context.new.pods();
    let gone = old.pods().into_iter().filter(|pod| !stays.contains(pod));
    let claims: Vec<_> = gone.map(|pod| format!("{claim}-{pod}")).collect();
    stage.wait.push(Action::by_hand(format!(
        "The volumes are kept. When nobody misses anything, delete their claims: `{}`.",
        context.kubectl(&format!("delete pvc {}", claims.join(" ")))
    )));
}
