//! Another password, without a moment in which somebody is refused.

use super::{Action, Context, Facts, Refusal, Stage, Writes, empty, quoted};
use crate::document::Document;

/// The line of a pod's log by which the three steps go.
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
    let read = facts.kubectl(&format!(
        "get secret {secret} -o go-template='{{{{ index .data {} | base64decode }}}}'",
        quoted(&format!("\"{key}\"")).trim_matches('\'')
    ));
    let put = facts.kubectl(&format!(
        "create secret generic {secret} --dry-run=client -o yaml --from-file={key}=new-secret | {}",
        facts.kubectl("apply -f -")
    ));
    let stage = |name, title: &str, file: &str, lines, after: Option<&str>| {
        let mut stage = Stage {
            name,
            title: title.to_owned(),
            spec: text.to_owned(),
            documents: documents.to_vec(),
            writes: Writes::Continue,
            after: facts.shape(),
            ..empty()
        };
        stage.before.push(Action::run("Write the lines into a file that only you can read.", file));
        stage.apply.push(Action::run(
            "Put the file into the Secret, and delete it when all is done.",
            put.clone(),
        ));
        stage.happens.push("The kubelet brings the changed Secret to the pods within about a minute and a half. Servers accept the password of every line; pods log in with the first. Nothing restarts.".to_owned());
        stage.wait.push(accepted(facts, lines));
        if let Some(after) = after {
            stage.wait.push(Action::by_hand(after));
        }
        stage.trouble.push("A pod whose line does not come has not got the file yet, or its heal loop has just started: wait. Do not go on before all have it.".to_owned());
        stage.back = "Put the lines of the stage before into the Secret again.".to_owned();
        stage
    };
    Ok(vec![
        stage(
            "old-and-new",
            "accept the new password beside the old one",
            &format!("umask 077; {{ {read}; echo; openssl rand -hex 24; }} >new-secret"),
            2,
            None,
        ),
        stage(
            "new-and-old",
            "log in with the new password",
            "{ sed -n 2p new-secret; sed -n 1p new-secret; } >other && mv other new-secret",
            2,
            Some("Give all clients the new password: the first line of the file."),
        ),
        stage(
            "new-alone",
            "refuse the old password",
            "sed -n 1p new-secret >other && mv other new-secret",
            1,
            Some(
                "Exporters keep the password that was the first when their pod started: restart such pods before this stage.",
            ),
        ),
    ])
}
