//! Changes that pods of before and after cannot agree on: all pods restart at once.

use super::{
    Context, Facts, apply_with_new_job, engine, list,
    restart::{all_new, why_not},
};
use crate::steps::{Action, Stage, Writes};

pub(super) fn switch(context: &Context<'_>, stage: &mut Stage) {
    stage.name = "switch-together";
    let auth = match (context.old.map(|old| old.password.is_some()), &context.new.password) {
        (Some(false), Some((secret, key))) => Some((secret, key)),
        _ => None,
    };
    let off =
        context.old.is_some_and(|old| old.password.is_some()) && context.new.password.is_none();
    let mut what: Vec<String> = Vec::new();
    let mut add = |is: bool, name: &str| {
        if is {
            what.push(name.to_owned());
        }
    };
    let encryption = context.meets("RCG664");
    add(encryption && context.new.is_encrypted, "encryption");
    add(encryption && !context.new.is_encrypted, "no encryption");
    add(context.meets("RCG698"), "another bus port");
    add(context.meets("RCG653") && !encryption, "another client port");
    add(auth.is_some(), "a password");
    add(off, "no password");
    stage.title = format!("switch to {}, all pods at once", list(&what));
    if let Some((secret, key)) = auth {
        stage.before.push(Action::run(
            "Make the password's Secret; without it no pod starts again. Clients that send a password before the switch are refused, as are those that send none afterwards: have them change in the same moment.",
            context.kubectl(&format!(
                "create secret generic {secret} --from-literal={key}=\"$(openssl rand -hex 24)\""
            )),
        ));
    }
    if let Some(secret) = context.new.certificate.as_ref().filter(|_| encryption) {
        if !context.new.is_issued {
            stage.before.push(Action::run(
                format!(
                    "See that the certificate is good for servers and for clients, because pods are clients of each other, and that the key is its own: it has to say `OK` twice and `fits`. Do it in a folder that only you can read, not in the repository (`cd \"$(mktemp -d)\"`), and delete the files at the end. Where the Secret is there already, take the three files out of it first, `{}`, and the others likewise.",
                    context.kubectl(&format!(
                        "get secret {secret} -o jsonpath='{{.data.tls\\.crt}}' | base64 -d >tls.crt"
                    ))
                ),
                "openssl verify -CAfile ca.crt -untrusted tls.crt -purpose sslserver tls.crt && openssl verify -CAfile ca.crt -untrusted tls.crt -purpose sslclient tls.crt && [ \"$(openssl x509 -in tls.crt -noout -pubkey)\" = \"$(openssl pkey -in tls.key -pubout)\" ] && echo fits",
            ));
            stage.before.push(Action::run(
                "Make the certificate's Secret of its files, if it is not there.",
                context.kubectl(&format!(
                    "create secret generic {secret} --from-file=tls.crt --from-file=tls.key --from-file=ca.crt"
                )),
            ));
        }
        stage.before.push(Action::by_hand("Clients need to trust ca.crt, and to have a certificate that it has signed unless `tls.clientCertificates` says otherwise. Those that cannot change in the same moment may use a port without encryption for a while: `tls.plaintextPort`."));
    }
    if context.old.is_some_and(|old| old.backup.is_some()) {
        stage.before.extend(context.old.map(engine::backup).unwrap_or_default());
    }
    let ends = match (off, encryption && !context.new.is_encrypted) {
        (true, true) => Some("with a password, and encrypted"),
        (true, false) => Some("with a password"),
        (false, true) => Some("encrypted"),
        (false, false) => None,
    };
    if let Some(ends) = ends {
        stage.before.push(Action::by_hand(format!("Clients that go on as before, {ends}, are refused afterwards: have them change in the same moment.")));
    }
    stage.before.push(Action::by_hand("Have clients ready for the change, and choose a quiet hour: this is an outage. Pull the image on all nodes before if it is a new one."));
    // The rule about the policy is met by a change of its ports, too.
    let closes = context
        .comparison
        .changes()
        .any(|(object, change)| object.id.kind == "NetworkPolicy" && change.old.is_some());
    stage.happens.push(format!(
        "{}: the pods wait to be deleted (`updateStrategy: OnDelete`). Do not wait long with that: a pod that restarts for another reason comes back as a new one, and does not find the others. Pods of before and after could not talk to each other, and each group would take the other for dead, so all are deleted at once.",
        if closes { "No pod restarts when it is applied" } else { "Nothing happens when it is applied" }
    ));
    if closes {
        stage.happens.push("The NetworkPolicy lets through what the new pods use, and no longer what the old ones do: where policies are enforced, the outage begins when it is applied.".to_owned());
        stage.before.push(Action::by_hand("Where Argo CD or Flux applies it and network policies are enforced, have the last command under `Apply` run before you push: it waits for what is new, and deletes the pods then. Until that moment the policy keeps the old pods apart."));
    }
    let keeps = context.old.is_some_and(Facts::keeps_data) && context.new.keeps_data();
    if !keeps {
        stage.before.push(Action::by_hand("ALL KEYS WILL BE LOST: the servers write nothing to volumes that outlive their pods. Only go on where that does not matter, as with a cache that fills itself."));
    }
    stage.happens.push(if !keeps {
        "All pods stop and start at once, empty, and make a cluster anew.".to_owned()
    } else {
        String::from("Replicas are gone and back first. A master that is to stop waits for a replica to hand its shard to (up to `lifecycle.handoverSeconds`, 40 s by default), but none can come; the clients that are connected to it, or know its address, it serves meanwhile. Then it writes its data to the disk and stops. All come back on their volumes, find each other again, and serve. No key is lost.")
    });
    // What is there only when all of it is: the strategy comes with this stage, or else the configuration has changed.
    let sign = context
        .old
        .filter(|old| old.waits_for_deletion)
        .and_then(|old| context.new.sign_of_change(old))
        .unwrap_or_else(|| ("updateStrategy.type".to_owned(), "OnDelete"));
    if let Some(secret) = context.new.certificate.as_ref().filter(|_| encryption) {
        let wait = Action::run(
            "Wait until the certificate's Secret is there, with all three keys; without them no pod starts again. If it does not come, stop here: no pod has changed yet.",
            format!(
                r#"until [ "$({} | grep -oE '"(ca\.crt|tls\.crt|tls\.key)":"[^"]' | wc -l)" -eq 3 ]; do sleep 5; done"#,
                context.kubectl(&format!("get secret {secret} -o jsonpath='{{.data}}'"))
            ),
        );
        // A Certificate is applied with the rest.
        let part = if context.new.is_issued { &mut stage.apply } else { &mut stage.before };
        part.push(wait);
    }
    let Action { what, command } = context.has_what_is_new(sign);
    stage.apply.push(Action::run(
        format!("{what} Right after that all pods are deleted at once, and the outage begins; if what is new does not come, none is."),
        format!(
            "{} && {}",
            command.unwrap_or_default(),
            context.kubectl(&format!("delete pod -l {}", context.new.nodes()))
        ),
    ));
    if context.new.claim.is_none() {
        stage.apply.push(Action::run(
            "Let the bootstrap Job make the cluster anew: with their volumes the pods have lost the list of nodes.",
            apply_with_new_job(context),
        ));
    }
    stage.wait.push(Action::run(
        format!(
            "All pods are new. Where one has come back as it was, this does not end, and the pod finds no other: `{}` shows whose revision differs; delete that one again.",
            context.kubectl(&format!(
                "get pods -l {} -L controller-revision-hash",
                context.new.nodes()
            ))
        ),
        all_new(context.new, 15),
    ));
    stage.wait.push(Action::run(
        "All pods are ready: the outage is over.",
        context.kubectl(&format!(
            "wait pod -l {} --for=condition=Ready --timeout=15m",
            context.new.nodes()
        )),
    ));
    stage.writes = Writes::Outage;
    stage.trouble.push(format!(
        "{}{}",
        why_not(context),
        if keeps { " The data is on the volumes, whatever happens." } else { "" }
    ));
    stage.back = "As long as no pod was deleted: revert the commit and apply it; the pods have not changed, and none restarts. After that, put the old lines of the spec back, but keep `updateStrategy: OnDelete`, and ask `redis-cluster-gen plan`: it has what to wait for, and the command that deletes all pods at once again, a second outage. Without that line the pods would restart one after the other, and those of before and after cannot talk to each other. Take it out when all is well.".to_owned();
}

pub(super) fn resume(context: &Context<'_>, stage: &mut Stage) {
    stage.name = "resume";
    stage.title = "go back to rolling restarts".to_owned();
    stage.before.push(Action::run(
        "See that no pod still waits: it has to say `condition met` for each StatefulSet. If it does not, the stage before is not done: pods that still wait would restart one after the other, and find none of the others.",
        all_new(context.new, 1),
    ));
    stage.happens.push("`updateStrategy` alone changes: no pod restarts. Later changes of the pods are rolled out again by themselves.".to_owned());
    stage.trouble.push(format!(
        "If pods restart all the same, some had not been deleted in the stage before, and the rest must not follow one by one: delete all at once, `{}`.",
        context.kubectl(&format!("delete pod -l {}", context.new.nodes()))
    ));
}
