//! Users: their names, and what they may do.

use std::collections::BTreeMap;

use super::{
    super::{
        commands::{self, CATEGORIES, Known},
        suggest::closest,
        types::{AuthMode, DefaultUser, User},
        written::join,
    },
    Facts, Finding, Findings, Rule,
};
use crate::{error::Severity, plan::names};

const USERS: &str = "/spec/auth/users";
const DEFAULT_USER: &str = "/spec/auth/defaultUser";

/// The users of the spec, with the pointer to each.
fn users<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (String, &'a User)> {
    facts.spec.auth.users.iter().enumerate().map(|(index, user)| (join(USERS, index), user))
}

pub(super) const USER_NAME: Rule = Rule {
    code: "RCG366",
    name: "user-name",
    severity: Severity::Error,
    title: "a user cannot have this name",
    story: "\
A user's name is a word in the rules of the server, and the name of the file that its password is in: at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit first. Names that begin with `_` are those of the users that the pods themselves log in as, and \
`default` is the user of clients that name none; `defaultUser` says whether there is one.",
    check: Some(user_name),
};

fn user_name(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, user) in users(facts) {
        let name = &user.name;
        let odd = |char: &char| !(char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.'));
        let (why, help) = if name == "default" {
            (
                "is that of clients that name no user".to_owned(),
                "choose another name; `defaultUser: Disabled` keeps clients from logging in without one",
            )
        } else if name.starts_with(names::OWN_USER) {
            (
                "begins with `_`, as those of the pods themselves do".to_owned(),
                "write it without the `_`",
            )
        } else if name.is_empty() {
            ("is empty".to_owned(), "write a name such as `app`")
        } else if name.chars().count() > 63 {
            (
                format!("has {} characters, 63 are allowed", name.chars().count()),
                "write a shorter name",
            )
        } else if let Some(odd) = name.chars().find(odd) {
            (
                format!("contains {odd:?}"),
                "write letters, digits, `-`, `_` and `.`, such as `orders-app`",
            )
        } else if !name.starts_with(|char: char| char.is_ascii_alphanumeric()) {
            ("does not begin with a letter or digit".to_owned(), "begin it with a letter")
        } else {
            continue;
        };
        found.push(|| {
            Finding::at(format!("{pointer}/name"), format!("the user's name `{name}` {why}"))
                .help(help)
        });
    }
}

pub(super) const DUPLICATE_USER: Rule = Rule {
    code: "RCG367",
    name: "duplicate-user",
    severity: Severity::Error,
    title: "two users have one name",
    story: "\
A server knows a user once: of two with one name it would take the rules of both, in some order. Write one of them, or give the other another name.",
    check: Some(duplicate_user),
};

fn duplicate_user(facts: &Facts<'_>, found: &mut Findings) {
    let mut first = BTreeMap::new();
    for (pointer, user) in users(facts) {
        let place = format!("{pointer}/name");
        if let Some(before) = first.get(&user.name) {
            found.push(|| {
                Finding::at(place.clone(), format!("there are two users called `{}`", user.name))
                    .label("the second one")
                    .related(String::clone(before), "the first one")
                    .help("write one of them, or give this one another name")
            });
        } else {
            first.insert(&user.name, place);
        }
    }
}

/// What a word among `commands` names.
enum Named<'a> {
    Category(&'a str),
    Command(&'a str),
}

/// Takes a rule apart; none where it is none.
fn named(rule: &str) -> Option<Named<'_>> {
    let name = rule.strip_prefix(['+', '-'])?;
    let is_word = |text: &str| {
        let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
        !text.is_empty() && text.chars().all(fits)
    };
    if let Some(category) = name.strip_prefix('@') {
        return is_word(category).then_some(Named::Category(category));
    }
    let mut parts = name.split('|');
    let well = parts.clone().count() <= 2 && parts.all(is_word);
    well.then_some(Named::Command(name))
}

fn all_commands<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (String, &'a str)> {
    users(facts).flat_map(|(pointer, user)| {
        let commands = user.commands.iter().enumerate();
        commands
            .map(move |(index, rule)| (join(&format!("{pointer}/commands"), index), rule.as_str()))
    })
}

pub(super) const COMMAND_RULE: Rule = Rule {
    code: "RCG368",
    name: "command-rule",
    severity: Severity::Error,
    title: "what should say which commands a user may run does not",
    story: "\
Each item of `commands` allows something, with a `+`, or takes it away, with a `-`: a category such as `+@read`, a command such as `-keys`, or a subcommand such as `+config|get`. They are read from left to right. Keys, channels and passwords have fields of their own; a password never \
stands in a spec.",
    check: Some(command_rule),
};

fn command_rule(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, rule) in all_commands(facts) {
        if named(rule).is_some() {
            continue;
        }
        // What may be a password is not repeated: reports end in logs.
        let shown = if rule.starts_with(['>', '<', '#', '!']) {
            "a password".to_owned()
        } else {
            format!("`{rule}`")
        };
        let help = match rule {
            _ if rule.starts_with(['>', '<', '#', '!']) => {
                "put the password into a Secret, and name that under `passwordSecret`; choose a new one if this was ever pushed".to_owned()
            }
            _ if rule.starts_with("%R~") => "write the pattern under `readOnlyKeys`".to_owned(),
            _ if rule.starts_with("%W~") => "write the pattern under `writeOnlyKeys`".to_owned(),
            "allkeys" => "write `keys: [\"*\"]`".to_owned(),
            "allchannels" => "write `channels: [\"*\"]`".to_owned(),
            _ if rule.starts_with(['~', '%']) => "write the pattern under `keys`".to_owned(),
            _ if rule.starts_with('&') => "write the pattern under `channels`".to_owned(),
            "allcommands" => "write `+@all`".to_owned(),
            "nocommands" => "remove it: a user may do nothing but what is listed".to_owned(),
            "on" | "off" => "write `enabled: true` or `enabled: false`".to_owned(),
            "nopass" => "remove it: each user has a password".to_owned(),
            _ if rule.starts_with('@') || CATEGORIES.contains(&rule) => {
                format!("write `+@{0}` to allow it, or `-@{0}`", rule.trim_start_matches('@'))
            }
            _ if rule.chars().all(|char| char.is_ascii_alphanumeric() || "|-_.".contains(char)) && !rule.is_empty() => {
                format!("write `+{rule}` to allow it, or `-{rule}`")
            }
            _ => "write a rule such as `+@read`, `-keys` or `+config|get`".to_owned(),
        };
        found.push(|| {
            Finding::at(pointer, format!("{shown} does not say which commands a user may run"))
                .help(help)
        });
    }
}

pub(super) const KEY_PATTERN: Rule = Rule {
    code: "RCG369",
    name: "key-pattern",
    severity: Severity::Error,
    title: "a pattern of keys or channels is none",
    story: "\
A pattern is written as it is, `orders:*`, without the `~`, `%R~` or `&` that servers put before it: the field says which it is. It is one word of printable ASCII characters without quotes and backslashes: servers refuse blanks, and a quote would join it with what follows. `*` stands for any text and `?` for any \
character, also in place of those that cannot be written.",
    check: Some(key_pattern),
};

fn key_pattern(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, user) in users(facts) {
        let all = [
            ("keys", &user.keys),
            ("readOnlyKeys", &user.read_only_keys),
            ("writeOnlyKeys", &user.write_only_keys),
            ("channels", &user.channels),
        ];
        for (field, patterns) in all {
            for (index, pattern) in patterns.iter().enumerate() {
                let odd =
                    |char: &char| !char.is_ascii_graphic() || matches!(char, '"' | '\'' | '\\');
                let marks = ["~", "%R~", "%W~", "%RW~", "&"];
                let mark = marks.into_iter().find(|mark| pattern.starts_with(mark));
                let (why, help) = if pattern.is_empty() {
                    ("is empty".to_owned(), "write `*` for all, or remove it".to_owned())
                } else if let Some(mark) = mark {
                    (
                        format!("begins with `{mark}`"),
                        format!(
                            "write `{}`{}",
                            pattern.trim_start_matches(mark),
                            match mark {
                                "%R~" => " under `readOnlyKeys`",
                                "%W~" => " under `writeOnlyKeys`",
                                "&" => " under `channels`",
                                _ => " under `keys`",
                            }
                        ),
                    )
                } else if let Some(odd) = pattern.chars().find(odd) {
                    (format!("contains {odd:?}"), "write `?` in its place".to_owned())
                } else {
                    continue;
                };
                found.push(|| {
                    Finding::at(
                        join(&format!("{pointer}/{field}"), index),
                        format!("the pattern `{pattern}` {why}"),
                    )
                    .help(help)
                });
            }
        }
    }
}

pub(super) const USERS_WITHOUT_PASSWORD: Rule = Rule {
    code: "RCG370",
    name: "users-without-password",
    severity: Severity::Error,
    title: "there are users, and nobody has to log in",
    story: "\
With `mode: None` whoever reaches the client port may do anything, so users keep nobody from anything. Remove `mode: None`, and make the Secret with the cluster's password; or remove the users.",
    check: Some(users_without_password),
};

fn users_without_password(facts: &Facts<'_>, found: &mut Findings) {
    let auth = &facts.spec.auth;
    if auth.mode != AuthMode::None {
        return;
    }
    let fields = [
        (USERS, !auth.users.is_empty(), "users"),
        (DEFAULT_USER, auth.default_user == DefaultUser::Disabled, "defaultUser"),
    ];
    for (pointer, set, field) in fields {
        if set {
            found.push(|| {
                Finding::at_key(
                    pointer,
                    format!("`{field}` has no effect with the mode `None`: nobody logs in"),
                )
                .related("/spec/auth/mode", "everybody may do anything")
                .help(format!("remove `mode: None`, or `{field}`"))
            });
        }
    }
}

pub(super) const NOBODY_LOGS_IN: Rule = Rule {
    code: "RCG375",
    name: "nobody-logs-in",
    severity: Severity::Error,
    title: "no client can log in",
    story: "\
`defaultUser: Disabled` takes the user away that clients are who name none. Without an enabled user under `users` no client is left that can log in, and nobody who could look into the cluster. An administrator is a user like any other, with `commands: [\"+@all\"]`, `keys: [\"*\"]` and `channels: [\"*\"]`.",
    check: Some(nobody_logs_in),
};

fn nobody_logs_in(facts: &Facts<'_>, found: &mut Findings) {
    let auth = &facts.spec.auth;
    if auth.mode == AuthMode::Password
        && auth.default_user == DefaultUser::Disabled
        && !auth.users.iter().any(|user| user.enabled)
    {
        found.push(|| {
            Finding::at(DEFAULT_USER, "the default user is disabled, and there is no other")
                .label("no client can log in")
                .help("list the users that clients log in as under `spec.auth.users`, or remove `defaultUser`")
        });
    }
}

pub(super) const UNKNOWN_COMMAND: Rule = Rule {
    code: "RCG376",
    name: "unknown-command",
    severity: Severity::Error,
    title: "a rule names a command or category that the engine does not have",
    story: "\
A server that is given a rule with an unknown command or category does not start. `ACL CAT` lists the categories, `COMMAND LIST` the commands of a server; `redis-cluster-gen` knows those of Redis 7.0 to 8.0 with the modules of its images, and of Valkey 7.2 to 9.1. Where `engine.image` brings modules of its own, what it adds \
is not known, and only warned about.",
    check: Some(unknown_command),
};

pub(super) const UNCERTAIN_COMMAND: Rule = Rule {
    code: "RCG378",
    name: "uncertain-command",
    severity: Severity::Warning,
    title: "nobody knows whether the engine has a command or category",
    story: "\
A server that is given a rule with an unknown command or category does not start. This version is newer than those that redis-cluster-gen has asked, or the image is your own and may have modules: try it with `ACL SETUSER try +NAME` on a server of that image.",
    check: Some(uncertain_command),
};

/// Rules that name something that the engine does not have, or not for sure: the pointer, the rule, what it is, and what is known.
fn doubtful<'a>(facts: &Facts<'a>) -> Vec<(String, &'a str, &'static str, Known)> {
    let engine = &facts.spec.engine;
    let Some(version) = facts.version else { return Vec::new() };
    let mut all = Vec::new();
    for (pointer, rule) in all_commands(facts) {
        let (what, known) = match named(rule) {
            Some(Named::Category(name)) => {
                ("category", commands::category(engine.name, version, name))
            }
            Some(Named::Command(name)) => {
                let what = if name.contains('|') { "subcommand" } else { "command" };
                (what, commands::command(engine.name, version, name))
            }
            None => continue,
        };
        let known = match known {
            Known::Yes => continue,
            // It may bring modules.
            Known::No if engine.image.is_some() && !rule.contains('|') => Known::Perhaps,
            known => known,
        };
        all.push((pointer, rule, what, known));
    }
    all
}

fn unknown_command(facts: &Facts<'_>, found: &mut Findings) {
    let engine = facts.spec.engine.name.name();
    let version = &facts.spec.engine.version;
    for (pointer, rule, what, known) in doubtful(facts) {
        let name = rule.trim_start_matches(['+', '-']);
        let finding = Finding::at(pointer, format!("{engine} {version} has no {what} `{name}`"))
            .needs("/spec/engine/version")
            .label("servers do not start with it");
        match known {
            Known::Since(since) => {
                found.push(|| finding.help(format!("remove it; it came with {engine} {since}")));
            }
            Known::No => found.push(|| {
                let sign = &rule[..1];
                let near = match name.strip_prefix('@') {
                    Some(category) => {
                        closest(category, CATEGORIES).map(|near| format!("{sign}@{near}"))
                    }
                    None => closest(name, commands::names()).map(|near| format!("{sign}{near}")),
                };
                finding.help(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "remove it".to_owned(),
                })
            }),
            Known::Yes | Known::Perhaps => {}
        }
    }
}

fn uncertain_command(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, rule, what, known) in doubtful(facts) {
        if known == Known::Perhaps {
            found.push(|| {
                Finding::at(pointer, format!("it is not known whether the engine has the {what} of `{rule}`"))
                    .needs("/spec/engine/version")
                    .label("if not, servers do not start")
                    .help(format!("try `ACL SETUSER try {rule}` on a server of the image, and ignore this if it says OK"))
            });
        }
    }
}

pub(super) const RULES_OVERRIDDEN: Rule = Rule {
    code: "RCG377",
    name: "rules-overridden",
    severity: Severity::Warning,
    title: "a later rule takes back those before it",
    story: "\
Rules are read from left to right, and `+@all` and `-@all` begin anew: what stands before them has no effect. `[\"-@dangerous\", \"+@all\"]` allows everything; `[\"+@all\", \"-@dangerous\"]` does not. A user without any rule cannot run any command, not even `PING`.",
    check: Some(rules_overridden),
};

fn rules_overridden(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, user) in users(facts) {
        let all = |rule: &String| matches!(rule.to_ascii_lowercase().as_str(), "+@all" | "-@all");
        let at = user.commands.iter().rposition(all).filter(|at| *at > 0);
        if let Some(at) = at {
            let rule = &user.commands[at];
            found.push(|| {
                Finding::at(
                    join(&format!("{pointer}/commands"), at),
                    format!("`{rule}` takes back the rules before it"),
                )
                .related(join(&format!("{pointer}/commands"), 0), "has no effect")
                .help(format!("write `{rule}` first, or remove what stands before it"))
            });
        }
        if user.commands.is_empty() && user.enabled {
            found.push(|| {
                Finding::lacking(
                    pointer,
                    format!("the user `{}` may not run any command", user.name),
                )
                .label("no `commands`")
                .help("write for example `commands: [\"+@read\", \"+@write\", \"+@connection\", \"+cluster|slots\", \"-@dangerous\"]`")
            });
        }
    }
}

pub(super) const FLUSHES_FOREIGN_KEYS: Rule = Rule {
    code: "RCG379",
    name: "flushes-foreign-keys",
    severity: Severity::Warning,
    title: "a user may delete all keys, not only its own",
    story: "\
`FLUSHALL` and `FLUSHDB` name no keys, so patterns of keys do not hold anybody back from them, and they are among `@write` and `@keyspace`. Take them away from a user who has keys of its own: `-@dangerous`, or `-flushall` and `-flushdb`, after what allows them.",
    check: Some(flushes_foreign_keys),
};

/// The categories that both commands are in.
const OF_FLUSHES: [&str; 5] = ["@all", "@dangerous", "@keyspace", "@slow", "@write"];

fn flushes_foreign_keys(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, user) in users(facts).filter(|(_, user)| user.enabled) {
        if user.keys.iter().chain(&user.write_only_keys).any(|pattern| pattern == "*") {
            continue;
        }
        for command in ["flushall", "flushdb"] {
            // The last rule that is about it decides.
            let is_about = |rule: &String| {
                let name = rule[1..].to_ascii_lowercase();
                name == command || OF_FLUSHES.contains(&name.as_str())
            };
            let well = |rule: &&String| named(rule).is_some();
            let mut deciding = user.commands.iter().enumerate();
            let deciding = deciding.rfind(|(_, rule)| well(rule) && is_about(rule));
            if let Some((index, rule)) = deciding.filter(|(_, rule)| rule.starts_with('+')) {
                found.push(|| {
                    Finding::at(
                        join(&format!("{pointer}/commands"), index),
                        format!(
                            "`{rule}` allows {}, which deletes the keys of others too",
                            command.to_uppercase()
                        ),
                    )
                    .label(format!("`{}` has keys of its own", user.name))
                    .help("write `\"-@dangerous\"` behind it, or `keys: [\"*\"]` if it may")
                });
                break;
            }
        }
    }
}
