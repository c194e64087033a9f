//! Another password, without a moment in which somebody is refused.

use super::{Action, Context, Facts, Refusal, Stage, Writes, destination, empty, for_each, quoted};
use crate::{document::Document, plan::names};

/// The line of a pod's log that tells of changed passwords.
const ACCEPTED: &str = "accepts the passwords";

/// Adds what to do where the pods take the password from another Secret.
pub(super) fn reference(context: &Context<'_>, stage: &mut Stage) {
    let Some(old) = context.old else { return };
    let (Some((from, from_key)), Some((to, to_key))) = (&old.password, &context.new.password)
    else {
        return;
    };
    if (from, from_key) == (to, to_key) {
        return;
    }
    stage.title = format!("take the password from Secret {to}");
    stage.before.push(Action::by_hand(format!(
        "Let both passwords be valid while the pods restart. In key {from_key} of Secret {from}: the old password in the first line, the new one in the second. In key {to_key} of Secret {to}: the new password in the first line, the old one in the second."
    )));
    stage.before.push(accepted(old, 2));
    stage.wait.push(Action::by_hand(format!(
        "Give clients the new password. When the last one has it, take the second line out of Secret {to}."
    )));
}

fn accepted(facts: &Facts, lines: usize) -> Action {
    Action::run(
        format!(
            "Wait until each pod's last line says `{ACCEPTED} of the changed Secret: {lines}`; that takes up to two minutes."
        ),
        facts.kubectl(&format!(
            "logs --tail=-1 --prefix -c redis -l {} | grep '{ACCEPTED}'",
            facts.nodes()
        )),
    )
}

/// The three stages in which a password is changed: nothing of the spec changes, and nothing restarts.
pub(in crate::steps) fn rotation(
    facts: &Facts,
    text: &str,
    documents: &[Document],
) -> Result<Vec<Stage>, Refusal> {
    let Some((secret, key)) = &facts.password else {
        return Err(Refusal {
            code: None,
            reason: "the cluster has no password (spec.auth.mode is None)".to_owned(),
            instead: vec!["Write spec.auth.mode: Password, and plan that first.".to_owned()],
        });
    };
    let rotation = Rotation {
        facts,
        secret,
        key,
        folder: match facts.namespace.as_str() {
            "" => format!("\"$HOME/{}-password\"", facts.name),
            namespace => format!("\"$HOME/{namespace}-{}-password\"", facts.name),
        },
        empty: Stage {
            spec: text.to_owned(),
            documents: documents.to_vec(),
            writes: Writes::Continue,
            after: facts.shape(),
            ..empty()
        },
    };
    Ok(vec![rotation.old_and_new(), rotation.new_and_old(), rotation.new_alone()])
}

/// What the three stages have in common.
struct Rotation<'a> {
    facts: &'a Facts,
    secret: &'a str,
    key: &'a str,
    /// Where the lines are kept until all is done: a word of a shell.
    folder: String,
    empty: Stage,
}

impl Rotation<'_> {
    fn old_and_new(&self) -> Stage {
        let Rotation { facts, secret, key, folder, .. } = self;
        let mut stage = self.stage("old-and-new", "old");
        stage.title = "accept the new password beside the old one".to_owned();
        stage.back += &format!(" When no client needs the new password: `rm -r {folder}`.");
        let read = facts.kubectl(&format!(
            "get secret {secret} -o go-template='{{{{ index .data {} | base64decode }}}}'",
            quoted(&format!("\"{key}\"")).trim_matches('\'')
        ));
        stage.trouble.push(format!(
            "Where the folder is there already, this says which of its files the Secret has: `for file in old old-and-new new-and-old new-alone; do [ \"$({read})\" != \"$(cat {folder}/$file)\" ] || echo $file; done`. After `old-and-new` and `new-and-old`, wait as that stage says, and go on with the one that comes next. After `new-alone`, wait as that stage says and delete the folder: that was the last. Where it says `old`, or nothing because somebody else has written the Secret, delete the folder and begin anew."
        ));
        stage.trouble.push(format!(
            "Where the Secret has two lines and there is no folder, a change was begun elsewhere. Servers accept both, and pods log in with the first. Give all clients that one, keep it alone, `mkdir -m 700 {folder} && {read} | head -n 1 >{folder}/new-alone && {}`, wait two minutes, delete the folder and begin anew.",
            self.put("new-alone")
        ));
        stage.before.push(destination(facts));
        stage.before.push(Action::run(
            "Make a folder that only you can read, with the present password, which has to be one line of the Secret, a new one, and the lines of all three stages. If the folder is there, a change of the password was begun and not ended, and this stops: see `If it fails` below. Nothing else may change the Secret meanwhile: where an operator writes it, put the lines of each stage where it reads them.",
            format!(
                "mkdir -m 700 {folder} && {{ {read} | grep . >{folder}/old && [ \"$(wc -l <{folder}/old)\" -eq 1 ] && openssl rand -hex 24 >{folder}/new && [ -s {folder}/new ] && (cd {folder} && cat old new >old-and-new && cat new old >new-and-old && cat new >new-alone) || {{ rm -r {folder}; false; }}; }} || {{ echo 'stop: this has changed nothing' >&2; false; }}"
            ),
        ));
        stage
    }

    fn new_and_old(&self) -> Stage {
        let mut stage = self.stage("new-and-old", "old-and-new");
        stage.title = "log in with the new password".to_owned();
        stage.trouble.push("A client that cannot log in with the new password may go on with the old one: both are valid until the next stage. To give the change up, let all clients have the old one again, and go back stage by stage, this one first.".to_owned());
        stage.wait.push(Action::by_hand(format!(
            "Give all clients the new password: it is in the file {}/new.",
            self.folder
        )));
        stage
    }

    fn new_alone(&self) -> Stage {
        let mut stage = self.stage("new-alone", "new-and-old");
        stage.title = "refuse the old password".to_owned();
        stage.before.push(Action::by_hand(
            "See that all clients have the new password: from now on nobody can log in with the old one. Connections that are open stay, so a client that still has it fails only when it connects again.",
        ));
        if self.facts.has_exporter {
            stage.before.push(Action::by_hand("An exporter older than 1.50 keeps the password that was the first when its pod started: restart those pods first, one at a time. A newer one has followed by itself."));
        }
        stage.wait.push(Action::by_hand(format!(
            "When every client has connected anew since and nobody complains, delete the folder: `rm -r {}`. The new password is in the Secret.",
            self.folder
        )));
        stage
    }

    /// The lines of a file come into the Secret.
    fn stage(&self, name: &'static str, before: &str) -> Stage {
        let Rotation { facts, folder, .. } = self;
        let mut stage = Stage { name, ..self.empty.clone() };
        stage.apply.push(Action::run("Put the lines into the Secret.", self.put(name)));
        stage.happens.push("The kubelet brings the changed Secret to the pods within about a minute and a half. Servers accept the password of every line; pods log in with the first. Nothing restarts.".to_owned());
        let has = facts.kubectl(&format!(
            "exec \"$pod\" -c {} -- sh -c '. /conf/lib.sh; sha256sum <\"$ACCEPTED\"'",
            names::SERVER_CONTAINER
        ));
        let has = format!(
            "[ \"$({has} | cut -c -64)\" = \"$(openssl dgst -sha256 -r <{folder}/{name} | cut -c -64)\" ]"
        );
        stage.wait.push(Action::run(
            "Each server accepts these lines and no other; that takes up to two minutes. It is done when all pods have been named. Do not go on before.",
            for_each(&facts.pods(), &format!("until {has}; do sleep 5; done; echo \"$pod\"")),
        ));
        stage.trouble.push(format!("A pod that is waited for has not got the file yet. After more than two minutes see whether the Secret has these lines, and what the events of the pod say: `{}`.", facts.kubectl("describe pod POD")));
        stage.back = format!(
            "Put the lines of before into the Secret again: `{}`. Then wait as above until every server has them, with `{before}` in the place of `{name}`.",
            self.put(before)
        );
        stage
    }

    /// Only the key changes, whatever else the Secret has. The lines are in no command line.
    fn put(&self, file: &str) -> String {
        let Rotation { facts, secret, key, folder, .. } = self;
        let patch = facts
            .kubectl(&format!("patch secret {secret} --type merge --patch-file {folder}/patch"));
        format!(
            r#"[ -s {folder}/{file} ] && (umask 077; printf '{{"data":{{"%s":"%s"}}}}' {} "$(base64 <{folder}/{file} | tr -d '\n')" >{folder}/patch) && {patch}"#,
            quoted(key)
        )
    }
}
