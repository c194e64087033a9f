//! A cluster whose manifests are not ours, such as that of the blog post this began with.

use super::{Context, Facts, Refusal, count, engine, for_each};
use std::collections::BTreeSet;

use crate::{
    diff::{self, workload::reads},
    plan::names,
    steps::{Action, Stage, Writes},
};

/// Whether the pods of the new manifests find the volumes of the old ones.
pub(in crate::steps) fn fits(old: &Facts, new: &Facts) -> Result<(), Refusal> {
    let refused = |reason: String, instead: &str| {
        Err(Refusal { code: None, reason, instead: vec![instead.to_owned()] })
    };
    if old.pods() != new.pods() {
        let (were, are) = (old.pods(), new.pods());
        return refused(
            format!(
                "the pods of the cluster that runs are {} to {} ({}), and those of the spec {} to {} ({})",
                were.first().unwrap_or(&"none"),
                were.last().unwrap_or(&"none"),
                were.len(),
                are.first().unwrap_or(&"none"),
                are.last().unwrap_or(&"none"),
                are.len()
            ),
            "Volumes are found by the pods' names: give the spec the StatefulSet's name as metadata.name, `topology.layout: SingleStatefulSet`, and the same number of pods. Grow or shrink afterwards.",
        );
    }
    if !old.namespace.is_empty() && !new.namespace.is_empty() && old.namespace != new.namespace {
        return refused(
            format!(
                "the cluster that runs is in namespace {}, and that of the spec in {}",
                old.namespace, new.namespace
            ),
            "Volumes stay in their namespace: write the old one as metadata.namespace.",
        );
    }
    if let (Some(was), Some(becomes)) = (old.server, new.server)
        && !reads(becomes, was)
    {
        return Err(Refusal {
            code: Some("RCG706"),
            reason: format!(
                "{} {} cannot read the files of {}",
                becomes.engine.title(),
                new.version,
                old.image
            ),
            instead: vec!["Take the cluster over with a server that reads them.".to_owned()],
        });
    }
    if old.claims_go.0 {
        return refused(
            "the claims of the volumes go with the StatefulSet (persistentVolumeClaimRetentionPolicy.whenDeleted is Delete), and it has to be deleted".to_owned(),
            "Write Retain in the old manifest, apply it, and wait until no claim has an owner (`kubectl get pvc -o jsonpath='{.items[*].metadata.ownerReferences}'` says nothing). Then ask again.",
        );
    }
    if let Some((path, part)) = &old.mount
        && (path != names::DATA.1 || !part.is_empty())
    {
        return refused(
            format!(
                "the volume is mounted at {path}{}, and ours at {}",
                if part.is_empty() { String::new() } else { format!(" with subPath {part}") },
                names::DATA.1
            ),
            "The new servers would not find the files. Make a second cluster and copy the data.",
        );
    }
    let places = [
        ("dir", names::DATA.1),
        ("cluster-config-file", "nodes.conf"),
        ("dbfilename", "dump.rdb"),
        ("appendfilename", "appendonly.aof"),
        ("appenddirname", "appendonlydir"),
    ];
    for (name, ours) in places {
        let Some(theirs) = old.directive(name) else { continue };
        let plain = theirs.strip_prefix(names::DATA.1).unwrap_or(theirs).trim_matches('/');
        let ours_plain = ours.strip_prefix(names::DATA.1).unwrap_or(ours).trim_matches('/');
        if plain != ours_plain && new.directive(name) != Some(theirs) && theirs != "./" {
            return refused(
                format!(
                    "the old servers have `{name} {theirs}`, and ours {ours}: they would not find the files"
                ),
                "Let the old cluster use the same place first, or make a second cluster and copy the data.",
            );
        }
    }
    match (&old.claim, &new.claim) {
        (Some((name, are)), Some((_, asked)))
            if name == names::DATA.0 && are != asked && old.volume() != new.volume() =>
        {
            refused(
                format!(
                    "the volumes that are there were made with {are}, and the spec asks for {asked}"
                ),
                "Volumes stay as they are when they are taken over: write their size as storage.size. A larger one can be the next change.",
            )
        }
        (Some((name, _)), _) if name == names::DATA.0 => Ok(()),
        (Some((name, _)), _) => refused(
            format!("the claim template is called {name}, and ours {}", names::DATA.0),
            "Volumes are found by that name. Make a second cluster and copy the data.",
        ),
        (None, _) => refused(
            "the pods have no volumes, so nothing is left when they are replaced".to_owned(),
            "Make a second cluster and copy the data.",
        ),
    }
}

pub(super) fn take_over(context: &Context<'_>, stage: &mut Stage) {
    let Some(old) = context.old else { return };
    let sets: Vec<_> = old.sets.iter().map(|(name, _)| name.as_str()).collect();
    let (first, pods) = (old.pods()[0].to_owned(), count(old.pods().len() as u64, "pod"));
    stage.name = "take-over";
    stage.title = format!("run the {pods} with these manifests, on their volumes");
    if let Some((secret, key)) = &context.new.password {
        stage.before.push(Action::run(
            "Make the password's Secret; the new pods wait for it, and clients need it afterwards.",
            context.kubectl(&format!(
                "create secret generic {secret} --from-literal={key}=\"$(openssl rand -hex 24)\""
            )),
        ));
    }
    if old.directive("requirepass").is_some() {
        stage.before.push(Action::by_hand(format!(
            "The old servers ask for a password: write `-a PASSWORD` behind `{}-cli` in the commands below.",
            old.server.map_or("redis", |server| server.engine.name())
        )));
    }
    stage.before.push(Action::by_hand(format!("Where Argo CD or Flux applies the old manifests, pause it ({PAUSE}): it would bring the old StatefulSet back. Take them out of Git (`git rm`) in the commit below, and let it read the folder of the new ones.")));
    stage.before.push(Action::run(
        format!(
            "See that the cluster is whole now, and has the shape that the spec has: `cluster_state:ok`, `cluster_slots_ok:16384`, a connected line for each pod, {} with slots, and {} of each. Lines with `fail` or `noaddr` are of nodes that are gone: this takes one out, within a minute, with what stands first in its line as ID: `{}`. What is broken before is broken afterwards; with another shape, change the spec.",
            count(context.new.target.shards, "master"),
            count(context.new.target.replicas, "replica"),
            for_each(&old.pods(), &old.ask("\"$pod\"", "CLUSTER FORGET ID")),
        ),
        format!("{} && {}", old.ask(&first, "CLUSTER INFO"), old.ask(&first, "CLUSTER NODES")),
    ));
    if let Some(maxmemory) = context.new.directive("maxmemory") {
        stage.before.push(Action::run(
            format!(
                "See that the data fits: every `used_memory_human` has to be well below {maxmemory}, the `maxmemory` of the spec; if not, give the pods more (`pod.resources.limits.memory`, and `memory.maxmemory` where the spec has it), and plan again. Beyond it, {}.",
                match context.new.directive("maxmemory-policy") {
                    None | Some("noeviction") => "writes are refused",
                    Some(_) => "keys are deleted to make room",
                }
            ),
            for_each(&old.pods(), &format!("{} | grep used_memory_human", old.ask("\"$pod\"", "INFO memory"))),
        ));
    }
    stage.before.extend(engine::backup(old));
    stage.before.push(Action::by_hand("The pods run as user 999 from now on. Kubernetes gives the volumes to that group when it mounts them (fsGroup), except on hostPath and most NFS volumes (`kubectl get pv -o yaml` says what they are): those need a `chown -R 999:999` of their folders on the node or the file server, below, when no pod is left. Have a snapshot of the volumes, too, if your storage can make one."));
    stage.apply.push(Action::run(
        "Delete the StatefulSet with its pods: the outage begins. Its selector cannot be changed, so it cannot be kept. The claims of the volumes stay, with the data and the list of nodes on them.",
        old.kubectl(&format!("delete statefulset {} --wait", sets.join(" "))),
    ));
    stage.apply.push(Action::run(
        "Wait until no pod is left. On hostPath and NFS, `chown` now.",
        for_deletion(old),
    ));
    let services: Vec<_> = context
        .comparison
        .changes()
        .filter(|(object, change)| {
            object.id.kind == "Service" && matches!(change.rule.code, "RCG659" | "RCG676")
        })
        .map(|(object, _)| object.id.name.as_str())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if !services.is_empty() {
        stage.apply.push(Action::run(
            "Delete the Service, too: the new one of this name selects other labels, beside which `kubectl apply` would leave the old ones where it did not make them, and nobody can take its address away.",
            old.kubectl(&format!("delete service {}", services.join(" "))),
        ));
    }
    let others: Vec<_> = context
        .comparison
        .objects
        .iter()
        .filter(|object| object.action == diff::Action::Remove && object.id.kind != "StatefulSet")
        .map(|object| format!("{}/{}", object.id.kind.to_lowercase(), object.id.name))
        .collect();
    if !others.is_empty() {
        stage.wait.push(Action::by_hand(format!(
            "These objects of before are no longer needed, and Services among them find no pods any more, because the labels are others: {}. Lead clients elsewhere, and delete them.",
            others.join(", ")
        )));
    }
    let becomes = context.new.server.map_or("Redis", |server| server.engine.title());
    stage.happens.push(format!(
        "The servers were of image {} and become {becomes} {}.",
        old.image, context.new.version
    ));
    if let (Some(was), Some(becomes)) = (old.server, context.new.server)
        && becomes.version.0 > was.version.0 + 1
    {
        stage.happens.push("That is more than one major version in one step. No old server runs beside a new one, so it is enough that new servers read old files, and they do. What clients see may differ more: read the notes of each release between.".to_owned());
    }
    stage.happens.push(format!(
        "{pods} of the same names start at once, each with the volume of its namesake: the keys, and `nodes.conf`, by which each knows its own id and those of its peers. The pods have new addresses. Each looks its peers up by name, and introduces itself to those whose id it knows; what the old script wrote into `nodes.conf` as an address, `$POD_IP` in braces too, does not matter any more.",
    ));
    stage.happens.push("The bootstrap Job finds a cluster that is there, and changes nothing. Masters may be other pods than before.".to_owned());
    stage.writes = Writes::Outage;
    stage.wait.push(Action::run(
        "All pods are ready: the outage is over.",
        context.kubectl(&format!(
            "wait pod -l {} --for=condition=Ready --timeout=15m",
            context.new.nodes()
        )),
    ));
    stage.trouble.push(format!(
        "A pod that does not start says why: `{}`. `Permission denied` means that the volume does not belong to group 999. The data is on the volumes, and nothing is written before the server has loaded it.",
        context.kubectl("logs POD -c redis")
    ));
    let same = old.server.zip(context.new.server).is_some_and(|(was, becomes)| reads(was, becomes));
    let meet = format!(
        "delete the new StatefulSet if it is there, `{}`, and the new bootstrap Job, apply the old manifests (Git has them: `git show COMMIT:FILE`), and when their pods run introduce them to each other at their new addresses: `{}`",
        context.kubectl(&format!("delete statefulset {} --wait", sets.join(" "))),
        for_each(
            &old.pods(),
            &format!(
                "{} $({})",
                old.ask(&first, "CLUSTER MEET"),
                old.kubectl("get pod \"$pod\" -o jsonpath='{.status.podIP} 6379'")
            )
        )
    );
    stage.back = if same {
        format!("In this order: {meet}. What was written meanwhile stays.")
    } else {
        stage.before.push(Action::by_hand(format!(
            "THERE IS NO WAY BACK once the new servers run: those of {} cannot read the files that they write. What is left then is the backup, or the snapshots, without what was written since.",
            old.image
        )));
        format!(
            "As long as no new server has started: {meet}. After that the backup and the snapshots are the way back, without what was written since: {} cannot read the files of a newer server.",
            old.image
        )
    };
}

/// How a tool is paused that applies what is in Git.
pub(super) const PAUSE: &str =
    "`argocd app set NAME --sync-policy none`, `flux suspend kustomization NAME`";

/// What ends the pause of a tool that applies what is in Git.
pub(super) const GO_ON: &str = "Where Argo CD or Flux was paused, let it go on when that is pushed: the outage lasts until it has applied it.";

/// The old pods have labels of their own, so they are named.
fn for_deletion(old: &Facts) -> String {
    let pods: Vec<_> = old.pods().iter().map(|pod| format!("pod/{pod}")).collect();
    old.kubectl(&format!("wait {} --for=delete --timeout=5m", pods.join(" ")))
}
