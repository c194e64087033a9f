//! Volumes that grow.

use super::{Context, for_each, takeover::PAUSE};
use crate::steps::{Action, Stage};

pub(super) fn grow(context: &Context<'_>, stage: &mut Stage) {
    let Some(old) = context.old else { return };
    let (Some((claim, from)), Some((_, to))) = (&old.claim, &context.new.claim) else { return };
    stage.name = "grow-volumes";
    stage.title = format!("let each volume grow from {from} to {to}");
    let class = match &old.class {
        Some(class) => format!("get storageclass {class}"),
        None => "get storageclass".to_owned(),
    };
    stage.before.push(Action::run(
        "The class of the volumes has to say `true` under ALLOWVOLUMEEXPANSION (without a name it is the one marked `(default)`). If it says `false`, this way is closed: `kubectl patch storageclass NAME -p '{\"allowVolumeExpansion\":true}'` opens it where the driver can do it, and otherwise the data needs a second cluster.",
        format!("kubectl {class}"),
    ));
    let patch = format!(r#"'{{"spec":{{"resources":{{"requests":{{"storage":"{to}"}}}}}}}}'"#);
    stage.before.push(Action::run(
        "Ask for more, for each pod's volume. The pods go on; most drivers let the file system grow while it is used.",
        for_each(
            &old.pods(),
            &old.kubectl(&format!("patch pvc \"{claim}-$pod\" --type merge -p {patch}")),
        ),
    ));
    stage.before.push(Action::run(
        format!(
            "Wait until every volume says {to}. Where a driver rounds up, the wait does not end: when `{}` shows more than that for each, stop it and go on. A volume that waits for a restart of its pod says FileSystemResizePending in `{}`: delete such pods one at a time, each when the one before is ready.",
            old.kubectl("get pvc"),
            old.kubectl("describe pvc")
        ),
        format!("({})", for_each(
            &old.pods(),
            &old.kubectl(&format!("wait pvc \"{claim}-$pod\" --for=jsonpath='{{.status.capacity.storage}}'={to} --timeout=15m || exit 1")),
        )),
    ));
    let sets: Vec<_> = old.sets.iter().map(|(name, _)| name.as_str()).collect();
    stage.apply.push(Action::run(
        format!("Take the StatefulSet away from its pods, because its claim template cannot be changed: with `orphan` the pods go on running. Pause a GitOps tool that heals by itself before ({PAUSE}), and let it go on when what comes next is pushed."),
        old.kubectl(&format!("delete statefulset {} --cascade=orphan", sets.join(" "))),
    ));
    stage.happens.push("The StatefulSet is made anew with the larger claim template and adopts the pods that run: nothing restarts, but where a driver grows a file system only when its pod starts. Between its deletion and its return nobody replaces a pod that dies.".to_owned());
    let pods = context.new.sets.first().map_or(0, |(_, pods)| pods.len());
    stage.wait.push(Action::run(
        "The StatefulSet has all of its pods back. `no matching resources found`: Argo CD or Flux has not made it yet.",
        context.kubectl(&format!(
            "wait statefulset -l {} --for=jsonpath='{{.status.readyReplicas}}'={pods} --timeout=15m",
            context.new.selector()
        )),
    ));
    stage.trouble.push(format!(
        "A claim that does not grow says why: `{}`. As long as the StatefulSet was not deleted nothing has happened to it. If it was and does not come back, apply it again: it adopts its pods whenever it comes.",
        old.kubectl("describe pvc")
    ));
    stage.back =
        "None for volumes that have grown: they never shrink, and the spec has to stay at the new size."
            .to_owned();
}
