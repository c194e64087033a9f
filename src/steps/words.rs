//! What a stage says: what to do before, how to apply it, what happens, what to wait for, what if not, and the way back.
//!
//! Each module below adds its part to a [`Draft`]; what the rules about changes say decides which ones do.

mod engine;
mod password;
mod persistence;
mod restart;
mod takeover;
mod together;
mod topology;
mod volumes;

use std::collections::BTreeSet;

use super::{
    Action, Refusal, Shape, Stage, Writes,
    facts::Facts,
    stages::{Output, Purpose, RISKS, Request},
};
use crate::{
    diff::{self, Class, Comparison, Id, Rule, rules::TOGETHER},
    spec::KubeVersion,
};

pub(super) use password::rotation;
pub(super) use takeover::fits as fits_takeover;

/// What the words are about.
pub(super) struct Context<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) purpose: Purpose,
    /// The cluster before the stage; none where there is none yet.
    pub(super) old: Option<&'a Facts>,
    /// The cluster after the stage.
    pub(super) new: &'a Facts,
    pub(super) comparison: &'a Comparison,
    /// The place among the stages, from 1.
    pub(super) number: usize,
    /// Whether the stage's spec is the one that lies there.
    pub(super) is_own_text: bool,
}

impl Context<'_> {
    /// Whether a change of the stage meets a rule.
    fn meets(&self, code: &str) -> bool {
        self.comparison.changes().any(|(_, change)| change.rule.code == code)
    }

    /// The pods that restart one after the other.
    fn restarting(&self) -> BTreeSet<&str> {
        let changes = self.comparison.changes();
        let restarts = |class| matches!(class, Class::Restart | Class::Manual | Class::DataRisk);
        changes
            .filter(|(object, change)| {
                object.id.kind == "StatefulSet"
                    && change.path.is_below("spec template")
                    && restarts(change.class())
            })
            .flat_map(|(_, change)| change.pods.iter().map(String::as_str))
            .collect()
    }

    /// Whether a restart goes from pod to pod by itself.
    pub(super) fn rolls(&self) -> bool {
        !self.restarting().is_empty()
            && self.comparison.class() > Class::Pending
            && !self.new.waits_for_deletion
    }

    /// Whether the stage brings a Job that was not there.
    fn has_new_job(&self) -> bool {
        self.new.job.is_some() && self.old.and_then(|old| old.job.as_ref()) != self.new.job.as_ref()
    }

    fn kubectl(&self, rest: &str) -> String {
        self.new.kubectl(rest)
    }

    /// The wait until a field of the StatefulSets' specs has its new value.
    fn has_what_is_new(&self, (field, value): (String, &str)) -> Action {
        Action::run(
            "Wait until the StatefulSets have what is new. After a push that takes until Argo CD or Flux has applied it.",
            self.kubectl(&format!(
                "wait statefulset -l {} --for=jsonpath='{{.spec.{field}}}'={value} --timeout=15m",
                self.new.selector(),
            )),
        )
    }
}

/// The words of a stage.
pub(super) fn of(context: &Context<'_>) -> Stage {
    let mut stage = empty();
    match context.purpose {
        Purpose::Install => topology::install(context, &mut stage),
        Purpose::TakeOver => takeover::take_over(context, &mut stage),
        Purpose::Together => together::switch(context, &mut stage),
        Purpose::Resume => together::resume(context, &mut stage),
        Purpose::Engine => engine::change(context, &mut stage),
        Purpose::Volumes => volumes::grow(context, &mut stage),
        Purpose::Grow => topology::grow(context, &mut stage),
        Purpose::Retire => topology::retire(context, &mut stage),
        Purpose::Remove => topology::remove(context, &mut stage),
        Purpose::Settings | Purpose::Layout => {}
    }
    if !matches!(context.purpose, Purpose::Install | Purpose::TakeOver | Purpose::Together) {
        restart::settings(context, &mut stage);
    }
    password::reference(context, &mut stage);
    another_certificate(context, &mut stage);
    another_issuer(context, &mut stage);
    plaintext_port(context, &mut stage);
    clients(context, &mut stage);
    users(context, &mut stage);
    persistence::switch(context, &mut stage);
    risks(context, &mut stage);
    let own = std::mem::take(&mut stage.apply);
    stage.apply = apply(context, &stage);
    match context.purpose {
        // What makes room for the new objects.
        Purpose::TakeOver | Purpose::Volumes => {
            let last = stage.apply.pop();
            stage.apply.extend(own);
            stage.apply.extend(last);
            if context.purpose == Purpose::TakeOver {
                stage.apply.push(Action::by_hand(takeover::GO_ON));
            }
        }
        _ => stage.apply.extend(own),
    }
    removed(context, &mut stage);
    let own = std::mem::take(&mut stage.wait);
    if context.has_new_job() {
        stage.wait.insert(0, wait_for_job(context));
    }
    // The Job does not end where a pod is not as the others are.
    if context.purpose == Purpose::Together {
        stage.wait.splice(0..0, own);
    } else {
        stage.wait.extend(own);
    }
    stage.wait.push(whole(context.new));
    if context.purpose == Purpose::Remove {
        topology::clean_up(context, &mut stage);
    }
    if context.number == 1 {
        stage.before.insert(0, destination(context.new));
    }
    stage
}

/// Adds what has to be there where the pods take their certificate from another Secret.
fn another_certificate(context: &Context<'_>, stage: &mut Stage) {
    let from = context.old.and_then(|old| old.certificate.as_ref());
    if let (Some(from), Some(to)) = (from, &context.new.certificate)
        && from != to
    {
        stage.before.push(Action::by_hand(format!(
            "See that Secret {to} is there, with tls.crt, tls.key and ca.crt, or no pod starts again. Pods with the one certificate and with the other talk to each other while they restart: if another authority has signed the new one, write the certificates of both into ca.crt of both Secrets first, and wait two minutes."
        )));
    }
}

/// Adds what has to be so before another issuer signs the certificate.
fn another_issuer(context: &Context<'_>, stage: &mut Stage) {
    if context.meets("RCG734") {
        stage.before.push(Action::by_hand("See that the new issuer has the same authority as the old one: compare `ca.crt` of a certificate that each has signed. Pods and clients take the new one at times of their own, and refuse what an authority has signed that they do not know. For another authority, go by way of a Secret of your own with both in its `ca.crt` (`tls.secretName`)."));
    }
}

/// Adds what has to be so before the port without encryption goes.
fn plaintext_port(context: &Context<'_>, stage: &mut Stage) {
    if context.meets("RCG733") {
        stage.before.push(Action::by_hand("Move all clients to the port with encryption. Those that connect without it find nobody on the old port of a pod that has restarted."));
    }
}

/// Adds what clients have to do before the change reaches them: it takes no outage, and they are refused all the same.
fn clients(context: &Context<'_>, stage: &mut Stage) {
    let mut told = BTreeSet::new();
    for (object, change) in context.comparison.changes() {
        let code = change.rule.code;
        if CLIENTS.contains(&code) && told.insert(code) {
            let next = change.rule.next_for(&object.id, &[&object.id.name]);
            stage.before.push(Action::by_hand(format!(
                "For clients this is a change ({code}): {}. {}.",
                change.effect,
                capitalized(&next)
            )));
        }
        if change.path.is_directive()
            && change.path.last() == "tls-auth-clients"
            && change.old.is_some()
            && change.new.as_ref().is_some_and(|new| new == "yes")
            && told.insert("tls-auth-clients")
        {
            stage.before.push(Action::by_hand("Give every client a certificate that ca.crt has signed: from now on a pod that has restarted refuses those without."));
        }
    }
    if !told.is_empty() {
        stage.happens.push("Clients that have not followed what is said under `Before` are refused, or find nobody, as soon as it reaches them.".to_owned());
    }
    let old = context.old.filter(|_| told.contains("RCG666") || told.contains("RCG667"));
    if let Some(old) = old {
        stage.before.push(Action::run(
            "Who is connected as which user; the pods' own begin with `_`.",
            for_each(
                &old.pods(),
                &format!(
                    "{} | grep -o ' user=[^ ]*' | sort | uniq -c",
                    old.ask("\"$pod\"", "CLIENT LIST")
                ),
            ),
        ));
    }
}

/// Rules about changes that clients have to follow.
const CLIENTS: [&str; 5] = ["RCG654", "RCG660", "RCG666", "RCG667", "RCG715"];

/// Adds the Secrets with the passwords of users, where they come.
fn users(context: &Context<'_>, stage: &mut Stage) {
    let had = context.old.map(|old| old.users.as_slice()).unwrap_or_default();
    for secret in context.new.users.iter().filter(|secret| !had.contains(secret)) {
        let is_own = context.new.password.as_ref().is_none_or(|(other, _)| other != secret);
        let make = context.kubectl(&format!(
            "create secret generic {secret} --from-literal=USER=\"$(openssl rand -hex 24)\""
        ));
        stage.before.push(Action::run(
            format!(
                "See that Secret {secret} has a key with the password of each user that the spec takes from it, by the user's name where `passwordSecret` names no other: without the Secret no pod starts, and a user without a password cannot log in.{}",
                if is_own { format!(" To make it: `{make}`.") } else { String::new() }
            ),
            context.kubectl(&format!("describe secret {secret}")),
        ));
    }
}

/// Where the commands go: another cluster is soon hit.
fn destination(facts: &Facts) -> Action {
    let namespace = match facts.namespace.as_str() {
        "" => "to the namespace that it names, because the spec has none".to_owned(),
        namespace => format!("to namespace {namespace}"),
    };
    Action::run(
        format!(
            "All commands go where kubectl's present context leads, and {namespace}. See that it is the right one."
        ),
        "kubectl config get-contexts \"$(kubectl config current-context)\"",
    )
}

fn empty() -> Stage {
    Stage {
        name: "",
        title: String::new(),
        spec: String::new(),
        lines: Vec::new(),
        before: Vec::new(),
        apply: Vec::new(),
        happens: Vec::new(),
        writes: Writes::Continue,
        wait: Vec::new(),
        trouble: Vec::new(),
        back: String::new(),
        rules: Vec::new(),
        documents: Vec::new(),
        after: Shape::default(),
    }
}

/// From the spec of the stage to the objects of the server.
fn apply(context: &Context<'_>, stage: &Stage) -> Vec<Action> {
    let Request { source, output, stages_folder, .. } = context.request;
    let spec = quoted(&source.name);
    let path = quoted(output.path());
    let mut actions = Vec::new();
    match stages_folder {
        Some(stages) => {
            let file = format!("{stages}/{}-{}/redis-cluster.yaml", context.number, stage.name);
            actions.push(Action::run(
                "Put the stage's spec in the place of yours; the last stage has yours again.",
                format!("cp {} {spec}", quoted(&file)),
            ));
        }
        None if !context.is_own_text => {
            actions.push(Action::by_hand(format!(
                "Write the lines above into {} first: what follows renders what is there. (`plan --output-dir stages` writes the spec of each stage into a file, and copies it instead.)",
                source.name
            )));
            if let Some(guard) = context.request.guard
                && context.comparison.class() < Class::DataRisk
            {
                actions.push(Action::run(
                    "See that nothing of it is data-risk, as it may be where a line was forgotten: then this fails, and you stop here.",
                    format!(
                        "redis-cluster-gen diff {spec}{}{guard} --fail-on data-risk || [ $? -eq 1 ]",
                        target(context.request)
                    ),
                ));
            }
        }
        None => {}
    }
    let flags = flags(context.request);
    let render = match output {
        Output::Folder { .. } => {
            format!("redis-cluster-gen render {spec} --output-dir {path}{flags}")
        }
        // A spec with a mistake must not leave an empty file.
        Output::File { path: file, specs } => {
            let specs: Vec<_> = specs.iter().map(|spec| quoted(spec)).collect();
            let new = quoted(&format!("{file}.new"));
            format!("redis-cluster-gen render {}{flags} >{new} && mv {new} {path}", specs.join(" "))
        }
    };
    actions.push(Action::run("Render it, look at the difference, and commit it.", render));
    let message = format!("{}: {}", context.new.name, stage.title);
    actions.push(Action::run(
        "",
        format!("git add {spec} {path} && git commit -m {}", quoted(&message)),
    ));
    let had_job = context.old.is_some_and(|old| old.job.is_some());
    actions.push(if had_job && context.has_new_job() {
        Action::run(
            "Apply it. Jobs of earlier changes go first: one of the same name that is done would stay as it is, and nothing would happen. Where Argo CD or Flux applies it, run the first half, which deletes them, and push in place of the second; an old Job that is made again before the push does no harm.",
            apply_with_new_job(context),
        )
    } else {
        Action::run("Apply it; where Argo CD or Flux does that, push instead.", kubectl_apply(context))
    });
    actions
}

fn kubectl_apply(context: &Context<'_>) -> String {
    let output = context.request.output;
    let how = if output.is_kustomization() { "-k" } else { "-f" };
    context.kubectl(&format!("apply {how} {}", quoted(output.path())))
}

/// Lets the bootstrap Job run, even if one of its name has run before.
fn apply_with_new_job(context: &Context<'_>) -> String {
    let delete = context.kubectl(&format!("delete job -l {}", context.new.jobs()));
    format!("{delete} && {}", kubectl_apply(context))
}

/// The options that the plan was made with, for the commands that have to render the same.
fn flags(request: &Request<'_>) -> String {
    let more = if request.output.is_kustomization() { " --kustomization" } else { "" };
    target(request) + more
}

/// Those that every command about specs has.
fn target(request: &Request<'_>) -> String {
    let options = request.options;
    let mut flags = String::new();
    if let Some(namespace) = &options.namespace {
        flags += &format!(" --namespace {}", quoted(namespace));
    }
    if options.kube_version != KubeVersion::OLDEST {
        flags += &format!(" --kube-version 1.{}", options.kube_version.0);
    }
    flags
}

/// What kubectl leaves behind: objects that are in the folder no more.
fn removed(context: &Context<'_>, stage: &mut Stage) {
    let gone: Vec<&Id> = context
        .comparison
        .objects
        .iter()
        .filter(|object| object.action == diff::Action::Remove)
        .map(|object| &object.id)
        // Those go before.
        .filter(|id| {
            let job = context.old.and_then(|old| old.job.as_ref());
            !(id.kind == "Job" && job == Some(&id.name) && context.has_new_job())
        })
        .collect();
    if gone.is_empty() || context.purpose == Purpose::TakeOver {
        return;
    }
    let names: Vec<_> =
        gone.iter().map(|id| format!("{}/{}", id.kind.to_lowercase(), id.name)).collect();
    stage.apply.push(Action::run(
        "Remove what is no longer rendered: `kubectl apply` leaves it there. Argo CD and Flux do it where they prune; Argo CD waits for somebody to confirm it, in its interface, where `Prune=confirm` is set.",
        context.kubectl(&format!("delete --ignore-not-found {}", names.join(" "))),
    ));
}

fn wait_for_job(context: &Context<'_>) -> Action {
    let job = context.new.job.as_deref().unwrap_or_default();
    Action::run(
        format!(
            "The bootstrap Job ends. `Complete`: all is done. `Failed`: its log says why, and nothing goes on before that is mended. `{}` shows how far it is, and `{}` whether it runs at all.",
            context.kubectl(&format!("logs -f job/{job}")),
            context.kubectl(&format!("get pods -l {}", context.new.jobs()))
        ),
        ended(context.new, job),
    )
}

/// Waits until a Job has succeeded or failed: `kubectl wait` can wait for one of them only.
fn ended(facts: &Facts, job: &str) -> String {
    let conditions =
        facts.kubectl(&format!("get job {job} -o jsonpath='{{.status.conditions[*].type}}'"));
    format!(
        "until ended=$({conditions} | grep -Eow 'Complete|Failed'); do sleep 5; done; echo \"$ended\"; [ \"$ended\" = Complete ]"
    )
}

/// How to see that all is well.
fn whole(facts: &Facts) -> Action {
    let pod = facts.pods().first().copied().unwrap_or_default().to_owned();
    Action::run(
        format!(
            "All is well when it says `cluster_state:ok`, `cluster_slots_ok:16384`, `cluster_size:{}` (shards with slots) and `cluster_known_nodes:{}` (pods).",
            facts.target.shards,
            facts.target.pods()
        ),
        facts.ask(&pod, "CLUSTER INFO"),
    )
}

/// The changes that are the user's own decision, and may cost data.
fn risks(context: &Context<'_>, stage: &mut Stage) {
    if context.purpose == Purpose::Remove {
        return;
    }
    let mut told = BTreeSet::new();
    for (object, change) in context.comparison.changes() {
        let code = change.rule.code;
        let is_handled = code == "RCG700"
            || match context.purpose {
                Purpose::TakeOver => !RISKS.contains(&code),
                Purpose::Together => TOGETHER.contains(&code),
                _ => false,
            };
        if code == "RCG661" && told.insert(code) {
            let old = context.old.unwrap_or(context.new);
            stage.before.push(Action::run(
                format!(
                    "Less memory (RCG661): `used_memory_human` of every pod has to be below {}, the new `maxmemory`. Above it {}.",
                    context.new.directive("maxmemory").unwrap_or("what the new limit leaves"),
                    change.effect.trim_end_matches(" above it")
                ),
                for_each(
                    &old.pods(),
                    &format!("{} | grep used_memory_human", old.ask("\"$pod\"", "INFO memory")),
                ),
            ));
        }
        if change.class() == Class::DataRisk && !is_handled && told.insert(code) {
            stage.before.push(Action::by_hand(format!(
                "Only go on if this is meant ({}): {}. To keep the data: {}.",
                change.rule.code,
                change.effect,
                change.rule.next_for(&object.id, &[&object.id.name])
            )));
        }
    }
}

/// Why a change cannot be made to a cluster that runs, and what to do instead.
pub(super) fn refusal(rule: &'static Rule, id: &Id) -> Refusal {
    let copy = match rule.code {
        // A backup is made of files.
        "RCG706" => {
            "Copy the keys with a tool that reads one cluster and writes the other, such as RIOT or RedisShake, and let it follow the writes."
        }
        _ => {
            "Copy the keys. Where clients may stop writing for so long: make a backup of the first cluster (`spec.backup`) and let the second one be filled with it (`spec.restore`, with the `claimName` of the first one's backups; of another namespace, with a `download`). Where they may not: use a tool that reads one cluster, writes the other and follows the writes, such as RIOT or RedisShake."
        }
    };
    let second = |why: &str| {
        vec![
            why.to_owned(),
            "Write a second spec, with another metadata.name, and install it beside the first: `redis-cluster-gen plan SECOND`.".to_owned(),
            copy.to_owned(),
            "Let clients write to the second cluster; compare the numbers of keys; then delete the first one with its claims.".to_owned(),
        ]
    };
    let instead = match rule.code {
        "RCG673" => second("Volumes never shrink, so the smaller ones have to be others."),
        "RCG674" => second(
            "A claim template cannot be changed, and volumes keep the class and access modes that they were made with.",
        ),
        "RCG694" | "RCG695" => second(
            "Pods, and the claims of their volumes, are found by names; under other names all pods start empty.",
        ),
        "RCG706" => second(
            "The way between these two servers is closed: neither files nor replication get across.",
        ),
        _ if rule.next.is_empty() => vec!["Take the change back.".to_owned()],
        _ => vec![format!("{}.", capitalized(&rule.next_for(id, &[&id.name])))],
    };
    Refusal { code: Some(rule.code), reason: format!("{}: {}", id, rule.title), instead }
}

/// The text with a capital letter at its head.
pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A text as one word of a shell.
pub fn quoted(text: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./:=@%+,".contains(char);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// `1 pod`, `6 pods`
fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `a`, `a and b`, `a, b and c`
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// A loop of a shell over pods.
fn for_each(pods: &[&str], command: &str) -> String {
    format!("for pod in {}; do {command}; done", pods.join(" "))
}
