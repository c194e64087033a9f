//! The file of the users, whom running servers take over.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{BASE, Facts, Pods, Rule};
use crate::{diff::class::Class, plan::names};

/// Users by name, with where their passwords come from, and their rules.
type Users<'a> = BTreeMap<&'a str, &'a str>;

/// The users on both sides, where their file changes; none on the side that has no such file.
fn users<'a>(facts: &'a Facts<'_>) -> Option<(Users<'a>, Users<'a>)> {
    facts.both()?;
    if !facts.is_kind("ConfigMap") || !facts.path().is("data users") || !facts.is_change() {
        return None;
    }
    Some((read(facts.difference.old.as_ref()), read(facts.difference.new.as_ref())))
}

fn read(text: Option<&Value>) -> Users<'_> {
    let lines = text.and_then(Value::as_str).unwrap_or_default().lines();
    lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' ')).collect()
}

fn is_on(rules: &str) -> bool {
    rules.split(' ').nth(1) == Some("on")
}

/// Users of the spec, for people; those of the pods themselves come and go with what they are for.
fn listed<'a>(users: impl Iterator<Item = &'a str>) -> String {
    let users = users.filter(|user| !user.starts_with(names::OWN_USER));
    users.map(|user| format!("`{user}`")).collect::<Vec<_>>().join(", ")
}

pub(super) const USERS: Rule = Rule {
    code: "RCG665",
    name: "users-changed",
    class: Class::Live,
    title: "users come, or their rules change",
    story: "The pods notice the changed file within about a minute and a half, and make each user anew in one command, so it is never without its rules. Connections that are open go by the new rules at once. A user can log in as soon as its password is in the Secret that the pods mount.",
    source: "https://redis.io/docs/latest/commands/acl-setuser/",
    check: |facts| {
        let (old, new) = users(facts)?;
        let added = listed(new.keys().copied().filter(|user| !old.contains_key(user)));
        let changed =
            new.iter().filter(|(user, rules)| old.get(*user).is_some_and(|old| old != *rules));
        let changed = listed(changed.map(|(user, _)| *user));
        let parts = [(added, "new"), (changed, "with other rules")];
        let parts = parts.into_iter().filter(|(users, _)| !users.is_empty());
        let parts: Vec<_> = parts.map(|(users, what)| format!("{what}: {users}")).collect();
        Some(match parts.is_empty() {
            true => "running servers take it over".to_owned(),
            false => format!("running servers take it over; {}", parts.join("; ")),
        })
    },
    ..BASE
};

pub(super) const USER_GONE: Rule = Rule {
    code: "RCG666",
    name: "user-gone",
    class: Class::Manual,
    title: "a user goes, or is disabled",
    story: "A user that is not listed any more is deleted in running servers, and its connections are closed; nobody can log in again. Connections of a user that is only disabled stay until they end. With the Secret that is mounted as a whole no pod restarts.",
    next: "see that no client is the user any more: `CLIENT LIST` on each pod names the user of each connection",
    source: "https://redis.io/docs/latest/commands/acl-deluser/",
    pods: Pods::All,
    check: |facts| {
        let (old, new) = users(facts)?;
        let gone = old.iter().filter(|(user, rules)| {
            **user != "default" && is_on(rules) && !new.get(*user).is_some_and(|rules| is_on(rules))
        });
        let gone = listed(gone.map(|(user, _)| *user));
        (!gone.is_empty()).then(|| format!("nobody can log in any more as {gone}"))
    },
    ..BASE
};

pub(super) const DEFAULT_USER_OFF: Rule = Rule {
    code: "RCG667",
    name: "default-user-off",
    class: Class::Manual,
    title: "clients that name no user are refused",
    story: "Servers take this over while they run: whoever logs in without a user's name is refused, and connections that did so may not run any command from then on. The pods themselves have users of their own. While pods of a version without these are being replaced, their replicas cannot copy from masters that are new.",
    next: "let every client log in as a user of its own before; `CLIENT LIST` on each pod names the user of each connection",
    source: "https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/",
    pods: Pods::All,
    check: |facts| {
        let (_, new) = users(facts)?;
        // Without the file, in versions that had none, it was on.
        let was = facts
            .difference
            .old
            .as_ref()
            .is_none_or(|old| read(Some(old)).get("default").is_some_and(|rules| is_on(rules)));
        let is = new.get("default").is_some_and(|rules| is_on(rules));
        (was && !new.is_empty() && !is).then(|| "clients have to be users".to_owned())
    },
    ..BASE
};
