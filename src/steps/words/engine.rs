//! Another version of the server, or the other engine.

use super::{Context, Facts, apply_with_new_job, ended, for_each};
use crate::{
    diff::{Change, workload::reads},
    steps::{Action, Stage},
};

/// Whether the stage brings a server whose files the one of before cannot read.
pub(super) fn is_one_way(context: &Context<'_>) -> bool {
    let was = context.old.and_then(|old| old.server);
    was.zip(context.new.server).is_some_and(|(was, becomes)| {
        (was.version, was.engine) != (becomes.version, becomes.engine) && !reads(was, becomes)
    })
}

pub(super) fn change(context: &Context<'_>, stage: &mut Stage) {
    let (Some(old), new) = (context.old, context.new) else { return };
    let (Some(was), Some(becomes)) = (old.server, new.server) else { return };
    let title = |facts: &Facts, server: crate::diff::workload::Server| {
        format!("{} {}", server.engine.title(), facts.version)
    };
    let (from, to) = (title(old, was), title(new, becomes));
    stage.name = if was.engine == becomes.engine { "upgrade" } else { "move-engine" };
    let goes_back = reads(was, becomes);
    let is_older =
        was.engine == becomes.engine && (becomes.version, becomes.patch) < (was.version, was.patch);
    stage.title = if is_older {
        stage.name = "downgrade";
        format!("go back from {from} to {to}")
    } else {
        format!("move from {from} to {to}")
    };
    if was.version != becomes.version || was.engine != becomes.engine {
        stage.before.extend(backup(old));
        if !goes_back {
            stage.before.push(Action::by_hand(if new.waits_for_deletion {
                format!("THERE IS NO WAY BACK once a new pod is a master: {from} cannot read the files that {to} writes. Begin with replicas, and see whether all is well before you delete a master.")
            } else {
                format!("THERE IS NO WAY BACK once the first pod has restarted, some seconds after it is applied: {from} cannot read the files that {to} writes. To try one pod first, set `lifecycle.updateStrategy: OnDelete` in a commit before this one, and plan again: pods are replaced when you delete them then, replicas first, and that plan says how.")
            }));
        }
    }
    if was.engine == becomes.engine && becomes.version.0 > was.version.0 + 1 {
        stage.happens.push("That is more than one major version in one step, and old and new servers run side by side meanwhile: where clients cannot do without, go one at a time, and read the notes of each release between.".to_owned());
    }
    let gone = directives(context, |change| change.old.is_some() && change.new.is_none());
    if !gone.is_empty() {
        stage.happens.push(format!(
            "These directives are no longer in the configuration: {}.",
            gone.join(", ")
        ));
    }
    let come = directives(context, |change| change.old.is_none() && change.new.is_some());
    if !come.is_empty() {
        stage.happens.push(format!("These directives are new in it: {}.", come.join(", ")));
    }
    if was.version != becomes.version || was.engine != becomes.engine {
        stage.happens.push(if goes_back {
            "Both servers read each other's files, so old and new pods copy from each other while they take turns.".to_owned()
        } else {
            "New pods read the files of old ones and copy from old masters. An old pod cannot copy from a new master, so a shard whose master is new has a copy less (with one replica: none) until its last pod is new: ".to_owned()
                + match (new.waits_for_deletion, new.sets.len()) {
                    (true, _) => "do not wait long between the pods of a shard.",
                    (false, 1) => "at the latest when the restart is over.",
                    (false, _) => "a short time, for it is the next to restart.",
                }
        });
    }
    let restoring = match &old.backup {
        Some(_) => " (docs/operations.md, Restoring)",
        None => ", by a tool that reads dumps",
    };
    stage.back = if was.version == becomes.version && was.engine == becomes.engine {
        "Revert the commit and apply it; the pods restart once more, one after the other."
            .to_owned()
    } else if goes_back {
        format!(
            "Revert the commit and apply it{}: {from} reads the files that {to} writes. Nobody promises that for every type of value; the backup is for that.",
            if new.waits_for_deletion {
                ", and delete each new pod once more, one at a time"
            } else {
                ""
            }
        )
    } else if new.waits_for_deletion {
        format!(
            "As long as no new pod is a master: revert the commit, apply it, and delete each new pod together with its claim, which this does for a replica only: `{} | grep role:slave && {} && {}`. It comes back empty; to let it join and copy its master, run the bootstrap Job again: `{}`. Its log names the node that the pod was, with `CLUSTER FORGET`; let every pod forget that ID: `{}`. After that there is none, because {from} cannot read the files that {to} writes. What is left is a second cluster with {from}, filled from the backup{restoring}: without what was written since.",
            new.ask("POD", "INFO replication"),
            new.kubectl("delete pvc data-POD --wait=false"),
            new.kubectl("delete pod POD"),
            apply_with_new_job(context),
            for_each(&new.pods(), &new.ask("\"$pod\"", "CLUSTER FORGET ID"))
        )
    } else {
        format!(
            "As long as no new server has started (where its image cannot be pulled, none has): revert the commit and apply it; `redis-cluster-gen diff` calls that data-risk (RCG706), and here it is none. After that there is none, because {from} cannot read the files that {to} writes. What is left is a second cluster with {from}, filled from the backup{restoring}: without what was written since."
        )
    };
}

fn directives(context: &Context<'_>, is: impl Fn(&Change) -> bool) -> Vec<String> {
    let changes = context.comparison.changes();
    let mut names: Vec<String> = changes
        .filter(|(object, change)| {
            object.id.kind == "ConfigMap" && change.path.is_directive() && is(change)
        })
        .map(|(_, change)| change.path.last().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Waits until each server has written its dump, and tells how and when.
pub(super) fn saved(old: &Facts) -> String {
    let saved = old.ask("\"$pod\"", "INFO persistence");
    for_each(
        &old.pods(),
        &format!(
            "echo \"$pod\"; until {saved} | grep -q rdb_bgsave_in_progress:0; do sleep 2; done; {saved} | grep -E 'rdb_last_bgsave_status|rdb_last_save_time'"
        ),
    )
}

/// How to keep what the servers have: by the CronJob, or by hand.
pub(super) fn backup(old: &Facts) -> Vec<Action> {
    if let Some(cron_job) = &old.backup {
        // Of each version one, so that the name is free.
        let job = format!("{cron_job}-of-{}", old.version.replace('.', "-"));
        return vec![
            Action::run(
                "Make a backup.",
                format!(
                    "{} && {}",
                    old.kubectl(&format!("delete job {job} --ignore-not-found")),
                    old.kubectl(&format!("create job {job} --from=cronjob/{cron_job}"))
                ),
            ),
            Action::run(
                "When it says `Complete`, the last line of its log says where the backup is.",
                format!(
                    "{} && {}",
                    ended(old, &job),
                    old.kubectl(&format!("logs job/{job} --tail=1"))
                ),
            ),
        ];
    }
    let pods = old.pods();
    let folder = match old.namespace.as_str() {
        "" => format!("\"$HOME/{}-dumps\"", old.name),
        namespace => format!("\"$HOME/{namespace}-{}-dumps\"", old.name),
    };
    let save = old.ask("\"$pod\"", "BGSAVE");
    vec![
        Action::run(
            format!(
                "Make a backup: let every server write a dump beside its other files, so the volume has to have room for it. Each says `Background saving started`, or that it is at it already. `spec.restore` cannot read such dumps, other tools can (RedisShake, for one){}.",
                if old.is_ours {
                    "; for a way back without another tool, add `spec.backup` in a commit before this one"
                } else {
                    ""
                }
            ),
            format!("date +%s; {}", for_each(&pods, &format!("echo \"$pod\"; {save}"))),
        ),
        Action::run(
            "This waits until each is done. The dumps are there when each says `rdb_last_bgsave_status:ok` and a `rdb_last_save_time` that is not before the number with which the command above began.",
            saved(old),
        ),
        Action::run(
            "Copy them out of the pods. It stops at one that did not arrive whole, or was written anew meanwhile: run it again. They have all of your data: keep them safe, and out of the repository.",
            format!(
                "(umask 077; mkdir -p {folder} && cd {folder} && {} && ls -l)",
                for_each(
                    &pods,
                    &format!(
                        "{} >\"$pod.part\" && [ \"$(wc -c <\"$pod.part\")\" -eq \"$({})\" ] && mv \"$pod.part\" \"$pod.rdb\" || exit 1",
                        old.kubectl(&format!(
                            "exec \"$pod\" -c {} -- cat /data/dump.rdb",
                            old.container
                        )),
                        old.kubectl(&format!(
                            "exec \"$pod\" -c {} -- sh -c 'wc -c </data/dump.rdb'",
                            old.container
                        ))
                    )
                )
            ),
        ),
    ]
}
