//! Directives of the engine's configuration.

use super::{
    super::{
        directives::{self, Directive, Kind, Status, Version},
        suggest::{closest, one_of},
        types::{DirectiveValue, EngineName, Layout},
        written::join,
    },
    Facts, Finding, Findings, Rule,
    engine::{show, title},
    plural,
};
use crate::error::Severity;

const CONFIG: &str = "/spec/config";
const VERSION: &str = "/spec/engine/version";
const ENGINE: &str = "/spec/engine/name";

/// Directives that are decided by another field, or that the pods rely on, with what to do instead.
const OWNED: &[(&str, &str)] = &[
    ("port", "write `spec.network.clientPort`"),
    ("cluster-port", "write `spec.network.busPort`"),
    (
        "bind",
        "the server listens on every address of its pod; write who may connect under `spec.network.networkPolicy`",
    ),
    ("protected-mode", "write who may connect under `spec.network.networkPolicy`"),
    (
        "unixsocket",
        "the root of the container is read-only, and probes and scripts use the client port",
    ),
    (
        "unixsocketperm",
        "the root of the container is read-only, and probes and scripts use the client port",
    ),
    (
        "unixsocketgroup",
        "the root of the container is read-only, and probes and scripts use the client port",
    ),
    ("cluster-enabled", "a cluster is what this program is for; remove it"),
    ("cluster-config-file", "the guards against data loss look at `/data/nodes.conf`; remove it"),
    (
        "cluster-announce-ip",
        "each pod announces its own address; for names write `spec.network.announceHostnames: true`",
    ),
    ("cluster-announce-port", "each pod announces its own ports; write `spec.network.clientPort`"),
    ("cluster-announce-bus-port", "each pod announces its own ports; write `spec.network.busPort`"),
    ("cluster-announce-tls-port", "each pod announces its own ports; remove it"),
    ("cluster-announce-client-ipv4", "all pods would announce the same address; remove it"),
    ("cluster-announce-client-ipv6", "all pods would announce the same address; remove it"),
    ("cluster-announce-client-port", "write `spec.network.clientPort`"),
    ("cluster-announce-client-tls-port", "each pod announces its own ports; remove it"),
    (
        "cluster-announce-hostname",
        "write `spec.network.announceHostnames: true`: each pod then announces its own name",
    ),
    ("cluster-announce-human-nodename", "all pods would have the same name; remove it"),
    ("replica-announce-ip", "all pods would announce the same address; remove it"),
    ("replica-announce-port", "all pods would announce the same port; remove it"),
    ("slave-announce-ip", "all pods would announce the same address; remove it"),
    ("slave-announce-port", "all pods would announce the same port; remove it"),
    ("cluster-preferred-endpoint-type", "write `spec.network.preferredEndpointType`"),
    (
        "replicaof",
        "the cluster decides who replicates whom; write `spec.topology.replicasPerShard`",
    ),
    ("slaveof", "the cluster decides who replicates whom; write `spec.topology.replicasPerShard`"),
    ("dir", "data is in `/data`, where the volume is mounted; remove it"),
    ("appendonly", "write `spec.persistence.mode`: `AOF`, `RDB`, `AOFAndRDB` or `None`"),
    ("appendfsync", "write `spec.persistence.appendfsync`"),
    ("save", "write `spec.persistence.snapshots`, a list such as `[{seconds: 3600, changes: 1}]`"),
    ("appendfilename", "the guards against data loss look for the default name; remove it"),
    ("appenddirname", "the guards against data loss look for the default name; remove it"),
    ("dbfilename", "the guards against data loss look for the default name; remove it"),
    ("maxmemory", "write `spec.memory.maxmemory`, or leave it to follow the memory limit"),
    ("maxmemory-policy", "write `spec.memory.maxmemoryPolicy`"),
    ("tls-port", "write `spec.tls`; the port is `spec.network.clientPort`"),
    ("tls-cluster", TLS),
    ("tls-replication", TLS),
    ("tls-cert-file", TLS),
    ("tls-key-file", TLS),
    ("tls-client-cert-file", TLS),
    ("tls-client-key-file", TLS),
    ("tls-ca-cert-file", TLS),
    ("tls-ca-cert-dir", TLS),
    ("tls-dh-params-file", TLS),
    ("tls-auth-clients", "write `spec.tls.clientCertificates`"),
    ("masteruser", "this version of the format has no field for users; remove it"),
    ("primaryuser", "this version of the format has no field for users; remove it"),
    ("aclfile", "this version of the format has no field for users; remove it"),
    ("unixsocket", "probes have a socket of their own where they need one; remove it"),
    ("unixsocketperm", "probes have a socket of their own where they need one; remove it"),
    ("include", "the configuration is in one place; write the directives themselves"),
    ("daemonize", "a container runs its server in the foreground; remove it"),
    ("supervised", "the kubelet supervises the server; remove it"),
    ("pidfile", "the kubelet supervises the server; remove it"),
    ("logfile", "the log goes to the container's output, for `kubectl logs`; remove it"),
    ("syslog-enabled", "the log goes to the container's output, for `kubectl logs`; remove it"),
    (
        "rename-command",
        "probes, entrypoint and Job need the commands under their names; take rights away from users by ACL instead",
    ),
    (
        "shutdown-on-sigterm",
        "a master that is stopped hands its shard over, as `spec.lifecycle.handoverSeconds` says; remove it",
    ),
];

const TLS: &str = "write `spec.tls`, from which it follows";

/// Directives whose value is a password, or contains one.
const SECRETS: &[&str] = &[
    "requirepass",
    "masterauth",
    "primaryauth",
    "user",
    "tls-key-file-pass",
    "tls-client-key-file-pass",
];

/// Directives that may be given several times.
const REPEATABLE: &[&str] = &["client-output-buffer-limit", "loadmodule"];

fn directives<'a>(
    facts: &Facts<'a>,
) -> impl Iterator<Item = (String, &'a str, &'a DirectiveValue)> {
    facts.spec.config.iter().map(|(name, value)| (join(CONFIG, name), name.as_str(), value))
}

/// What to write in place of a directive that another field decides.
pub fn owned(name: &str) -> Option<&'static str> {
    OWNED.iter().find(|(owned, _)| *owned == name).map(|(_, instead)| *instead)
}

/// Whether a directive has a rule of its own that refuses it.
fn is_refused(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    owned(&name).is_some() || SECRETS.contains(&name.as_str())
}

pub(super) const UNKNOWN_DIRECTIVE: Rule = Rule {
    code: "RCG261",
    name: "unknown-directive",
    severity: Severity::Error,
    title: "the engine's version does not know a directive",
    story: "\
A server that finds a directive it does not know does not start: it exits with 1 at each restart, and a rolling restart stops at the first pod, or with `Parallel` replacement takes one pod of each shard. \
The tables of directives come from real servers: Redis 7.0, 7.2, 7.4 and 8.0, Valkey 8.0, 8.1 and 9.1 (Valkey 7.2 has what Redis 7.2 has). The message tells which versions know the directive. Names are written in small letters.",
    check: Some(unknown_directive),
};

fn unknown_directive(facts: &Facts<'_>, found: &mut Findings) {
    let engine = facts.spec.engine.name;
    for (pointer, name, _) in directives(facts) {
        if is_refused(name) {
            continue;
        }
        let Some(version) = facts.version else {
            // What no version knows is wrong whichever it is.
            if Directive::find(name).is_none() {
                found.push(|| misspelt(pointer, name, "neither Redis nor Valkey", None));
            }
            continue;
        };
        if !matches!(standing(engine, version, name), Standing::Unknown) {
            continue;
        }
        found.push(|| {
            let who = format!("{} {}", title(engine), facts.spec.engine.version);
            match Directive::find(name) {
                Some(directive) => of_another_version(pointer, directive, &who, engine, version),
                None => misspelt(pointer, name, &who, Some((engine, version))),
            }
        });
    }
}

/// A directive that only other versions know.
fn of_another_version(
    pointer: String,
    directive: Directive,
    who: &str,
    engine: EngineName,
    version: Version,
) -> Finding {
    let name = directive.name;
    let mut finding =
        Finding::at_key(pointer, format!("{who} does not know the directive `{name}`"))
            .label("the server would not start")
            .related(VERSION, "this version")
            .needs(ENGINE);
    for other in [EngineName::Redis, EngineName::Valkey] {
        if let (Some(since), Some(until)) = (directive.since(other), directive.until(other)) {
            let range = match until == directives::newest(other) {
                true => format!("since {}", show(since)),
                false => format!("from {} to {}", show(since), show(until)),
            };
            finding = finding.note(format!("{} knows it {range}", title(other)));
        }
    }
    match successor(name).filter(|new| is_known(standing(engine, version, new))) {
        Some(new) => finding.help(format!("write `{new}`")),
        None => finding.help("remove it, or choose a version that knows it"),
    }
}

/// A directive that is in no table.
fn misspelt(
    pointer: String,
    name: &str,
    who: &str,
    version: Option<(EngineName, Version)>,
) -> Finding {
    let verb = if version.is_some() { "does not know" } else { "knows" };
    let finding = Finding::at_key(pointer, format!("{who} {verb} the directive `{name}`"))
        .label("the server would not start");
    let lower = name.to_ascii_lowercase();
    if lower != name && Directive::find(&lower).is_some() {
        return finding.help(format!("write it in small letters: `{lower}`"));
    }
    let known = Directive::all().map(|directive| directive.name).filter(|known| {
        version.is_none_or(|(engine, version)| is_known(standing(engine, version, known)))
    });
    match closest(name, known) {
        Some(meant) => match owned(meant) {
            Some(instead) => finding.help(format!("`{meant}` has a field of its own: {instead}")),
            None => finding.help(format!("did you mean `{meant}`?")),
        },
        None => finding.help("remove it, or look it up in the documentation of this version"),
    }
}

/// How a version stands to a directive.
enum Standing {
    /// The server starts with it.
    Known(Status),
    /// The server does not start with it.
    Unknown,
    /// The version is not in the table, and its neighbours differ.
    Uncertain,
}

fn is_known(standing: Standing) -> bool {
    matches!(standing, Standing::Known(_))
}

fn standing(engine: EngineName, version: Version, name: &str) -> Standing {
    let is_newer = version > directives::newest(engine);
    let Some(directive) = Directive::find(name) else {
        let has_shape = name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        });
        return if is_newer && has_shape { Standing::Uncertain } else { Standing::Unknown };
    };
    match (directive.status(engine, version), directive.next_status(engine, version)) {
        (Status::Unknown, Some(_)) if is_newer => Standing::Uncertain,
        (Status::Unknown, None | Some(Status::Unknown)) => Standing::Unknown,
        (Status::Unknown, Some(_)) => Standing::Uncertain,
        (status, _) => Standing::Known(status),
    }
}

pub(super) const UNCERTAIN_DIRECTIVE: Rule = Rule {
    code: "RCG262",
    name: "uncertain-directive",
    severity: Severity::Warning,
    title: "it is not known whether the engine's version knows a directive",
    story: "\
The tables of directives do not have every version. When the directive appears between two versions of the table and yours lies between them, or yours is newer than all of them, it cannot be said whether the server \
would start. Look it up in the release notes, or try it on one pod.",
    check: Some(uncertain_directive),
};

fn uncertain_directive(facts: &Facts<'_>, found: &mut Findings) {
    let (Some(version), engine) = (facts.version, facts.spec.engine.name) else { return };
    for (pointer, name, _) in directives(facts) {
        if is_refused(name) || !matches!(standing(engine, version, name), Standing::Uncertain) {
            continue;
        }
        found.push(|| {
            let finding = Finding::at_key(
                pointer,
                format!(
                    "it is not known whether {} {} knows the directive `{name}`",
                    title(engine),
                    facts.spec.engine.version
                ),
            )
            .label("the server may not start")
            .related(VERSION, "this version")
            .needs(ENGINE);
            let directive = Directive::find(name);
            let finding = match directive.and_then(|directive| directive.since(engine)) {
                Some(since) => finding.note(format!(
                    "{} {} knows it, and the version before that was tried does not",
                    title(engine),
                    show(since)
                )),
                None => finding.note(format!(
                    "{} {} is the newest whose directives are known, and does not know it",
                    title(engine),
                    show(directives::newest(engine))
                )),
            };
            let meant = match directive {
                Some(_) => None,
                None => closest(name, Directive::all().map(|directive| directive.name)),
            };
            match meant {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding.help(
                    "look it up in the release notes of this version, or try it on one pod first",
                ),
            }
        });
    }
}

pub(super) const OWNED_DIRECTIVE: Rule = Rule {
    code: "RCG263",
    name: "owned-directive",
    severity: Severity::Error,
    title: "a directive is decided by another field, or by what the pods rely on",
    story: "\
Some directives have fields of their own, because more than one object must follow them: a port is in the configuration, the containers, the Services, the NetworkPolicy and the probes. Others are what the scripts rely on: \
where the files are and what they are called, that each pod announces its own address, that commands have their names. The message says what to write instead.",
    check: Some(owned_directive),
};

fn owned_directive(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, name, _) in directives(facts) {
        if let Some(instead) = owned(&name.to_ascii_lowercase()) {
            found.push(|| {
                Finding::at_key(pointer, format!("the directive `{name}` is not for `spec.config`"))
                    .label("has an owner")
                    .help(instead)
            });
        }
    }
}

pub(super) const SECRET_IN_CONFIG: Rule = Rule {
    code: "RCG264",
    name: "secret-in-config",
    severity: Severity::Error,
    title: "a directive holds a password",
    story: "\
What is under `spec.config` ends in a ConfigMap, in Git, in `kubectl describe` and in every log of a pipeline. Passwords are only ever referenced, as Secrets; nothing that is rendered contains one. The \
password of the cluster is the key of a Secret that `spec.auth.passwordSecret` names.",
    check: Some(secret_in_config),
};

fn secret_in_config(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, name, _) in directives(facts) {
        if SECRETS.contains(&name.to_ascii_lowercase().as_str()) {
            // The value itself is not shown: reports end in logs.
            found.push(|| {
                Finding::at_key(pointer, format!("the directive `{name}` would put a password into a ConfigMap"))
                    .label("not a place for secrets")
                    .help("put the password into a Secret and name that under `spec.auth.passwordSecret`; choose a new one if this was ever pushed")
            });
        }
    }
}

pub(super) const DIRECTIVE_LINE: Rule = Rule {
    code: "RCG265",
    name: "directive-line",
    severity: Severity::Error,
    title: "a directive's value cannot stand on a line of the configuration",
    story: "\
A directive is one line: its name, and values separated by blanks. A line break in a value would begin another directive, an open quote makes the server exit at its start, and so does a \
value that is missing. An empty value is written as two quotes inside of quotes: `'\"\"'`. A value with blanks that belong to it is quoted for the server too: `'\"two words\"'`.",
    check: Some(directive_line),
};

fn directive_line(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, name, value) in directives(facts) {
        if is_refused(name) {
            continue;
        }
        let texts: Vec<(Option<usize>, &str)> = match value {
            DirectiveValue::Text(text) => vec![(None, text)],
            DirectiveValue::List(items) => {
                items.iter().enumerate().map(|(index, item)| (Some(index), item.as_str())).collect()
            }
            _ => continue,
        };
        for (index, text) in texts {
            let (what, help) = if text.contains(['\n', '\r']) {
                (
                    "has a line break in its value",
                    "write it on one line; several lines of a directive are a list",
                )
            } else if text.contains(|char: char| char.is_control() && char != '\t') {
                ("has a control character in its value", "remove the character")
            } else if text.trim().is_empty() {
                ("has no value", "write `NAME: '\"\"'` for an empty value, or remove it")
            } else if arguments(text).is_none() {
                (
                    "has an open quote in its value",
                    "close the quote, or write a backslash before it inside of double quotes",
                )
            } else {
                continue;
            };
            found.push(|| {
                let at = index.map_or_else(|| pointer.clone(), |index| join(&pointer, index));
                Finding::at(at, format!("the directive `{name}` {what}"))
                    .help(help.replace("NAME", name))
            });
        }
    }
}

/// A value's arguments as the server splits them; `None` when a quote is not closed, or something follows a closing one.
/// As `sdssplitargs` of the server does, without resolving escapes.
fn arguments(text: &str) -> Option<Vec<String>> {
    let mut arguments = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|char| char.is_ascii_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Some(arguments);
        }
        let mut argument = String::new();
        while let Some(char) = chars.next_if(|char| !char.is_ascii_whitespace()) {
            if char != '"' && char != '\'' {
                argument.push(char);
                continue;
            }
            loop {
                match chars.next()? {
                    '\\' if char == '"' || chars.peek() == Some(&'\'') => {
                        argument.push(chars.next()?);
                    }
                    end if end == char => break,
                    inner => argument.push(inner),
                }
            }
            // A closing quote ends the argument.
            if chars.peek().is_some_and(|next| !next.is_ascii_whitespace()) {
                return None;
            }
        }
        arguments.push(argument);
    }
}

pub(super) const DIRECTIVE_LIST: Rule = Rule {
    code: "RCG266",
    name: "directive-list",
    severity: Severity::Error,
    title: "a directive that may be given once is given as a list",
    story: "\
A list makes one line of each item. Of most directives the last line wins, so all but one item would be without effect. `client-output-buffer-limit` and `loadmodule` may be given several times. \
Several values on one line are one text with blanks between them.",
    check: Some(directive_list),
};

fn directive_list(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, name, value) in directives(facts) {
        let DirectiveValue::List(items) = value else { continue };
        if is_refused(name) {
            continue;
        }
        if items.is_empty() {
            found.push(|| {
                Finding::at(pointer, format!("the list of the directive `{name}` is empty"))
                    .help("remove it for the engine's default")
            });
        } else if !REPEATABLE.contains(&name) {
            found.push(|| {
                Finding::at_key(
                    pointer,
                    format!(
                        "the directive `{name}` is given as a list of {}",
                        plural(items.len() as u64, "item")
                    ),
                )
                .label("may be given once")
                .help(match items.as_slice() {
                    [item] => format!("write `{name}: {item}`"),
                    _ if is_single(name) => "write one value".to_owned(),
                    items => format!(
                        "write one value; if all of them belong to it, `{name}: {}`",
                        items.join(" ")
                    ),
                })
            });
        }
    }
}

/// Whether a directive's value is one word.
fn is_single(name: &str) -> bool {
    Directive::find(name)
        .is_some_and(|directive| !matches!(directive.kind(), Kind::Enum(_) | Kind::Text))
}

pub(super) const DIRECTIVE_VALUE: Rule = Rule {
    code: "RCG267",
    name: "directive-value",
    severity: Severity::Error,
    title: "a directive's value is none that the server takes",
    story: "\
A server exits at its start when a value is none that it takes. What each directive takes was asked of real servers: `yes` or `no` (`true` and `false` here), a whole number within bounds, bytes with a suffix such as `64mb`, or \
one of some words. The suffixes of the server are not those of Kubernetes: `kb`, `mb` and `gb` count in steps of 1024, `k`, `m` and `g` in steps of 1000.",
    check: Some(directive_value),
};

fn directive_value(facts: &Facts<'_>, found: &mut Findings) {
    for (pointer, name, value) in directives(facts) {
        let Some(directive) = Directive::find(name).filter(|_| !is_refused(name)) else { continue };
        let items = value.lines();
        for (index, item) in items.iter().enumerate() {
            // What cannot stand on a line has a rule of its own.
            if item.contains('\n') {
                continue;
            }
            let Some(arguments) = arguments(item).filter(|arguments| !arguments.is_empty()) else {
                continue;
            };
            if let Some((takes, help)) = mistake(&directive, &arguments) {
                found.push(|| {
                    let at = match value {
                        DirectiveValue::List(_) => join(&pointer, index),
                        _ => pointer.clone(),
                    };
                    let shown = facts.written.text(&at);
                    let shown =
                        if shown.is_empty() { item } else { shown.trim_matches(['"', '\'']) };
                    Finding::at(at, format!("the directive `{name}` cannot be `{shown}`"))
                        .label(format!("expected {takes}"))
                        .help(help)
                });
            }
        }
    }
}

/// What a directive takes, and what to write instead; `None` when the arguments are fine.
fn mistake(directive: &Directive, arguments: &[String]) -> Option<(String, String)> {
    let all = arguments.join(" ");
    let first = arguments.first().map(String::as_str).unwrap_or_default();
    let single = arguments.len() == 1;
    match directive.kind() {
        Kind::Bool => {
            let fine = single && ["yes", "no"].contains(&first.to_ascii_lowercase().as_str());
            let meant = match first.to_ascii_lowercase().as_str() {
                "true" | "on" | "1" | "enabled" => "write `true`",
                "false" | "off" | "0" | "disabled" => "write `false`",
                _ => "write `true` or `false`",
            };
            (!fine).then(|| ("`yes` or `no`".to_owned(), meant.to_owned()))
        }
        Kind::Integer(least, most) => {
            let number = all.parse::<i64>().ok().filter(|_| single);
            let bounds = match (least, most) {
                (i64::MIN, _) => String::new(),
                (_, i64::MAX) => format!(" of at least {least}"),
                _ => format!(" from {least} to {most}"),
            };
            let takes = format!("a whole number{bounds}");
            match number {
                Some(number) if (least..=most).contains(&number) => None,
                _ if ["yes", "no"].contains(&first) => Some((
                    takes.clone(),
                    format!("`true` and `false` are `yes` and `no` to the server; write {takes}"),
                )),
                _ => Some((takes.clone(), format!("write {takes}, without a unit"))),
            }
        }
        Kind::Integers(count, least, most) => {
            let fine = |text: &String| {
                text.parse::<i64>().is_ok_and(|number| (least..=most).contains(&number))
            };
            let takes = format!("{count} whole numbers from {least} to {most}");
            (arguments.len() != count || !arguments.iter().all(fine))
                .then(|| (takes.clone(), format!("write {takes}, separated by blanks")))
        }
        Kind::Flags => {
            let odd =
                all.chars().find(|char| !(char.is_ascii_lowercase() || "KEA$".contains(*char)));
            odd.map(|odd| {
                (
                    "classes of events, such as `Kg$`".to_owned(),
                    format!("remove `{odd}`: it is no class of events"),
                )
            })
        }
        Kind::Memory(least) if single && is_memory(first) && bytes(first) < least => {
            let least = match least % (1 << 20) {
                0 => format!("{}mb", least >> 20),
                _ => least.to_string(),
            };
            Some((format!("at least `{least}`"), format!("write `{least}` or more")))
        }
        Kind::Memory(_) | Kind::MemoryOrPercent => {
            let percent = directive.kind() == Kind::MemoryOrPercent;
            let is_percent = |text: &str| {
                let number = text.strip_suffix('%').and_then(|number| number.parse::<u32>().ok());
                number.is_some_and(|number| number <= 100)
            };
            let fine = single && (is_memory(first) || percent && is_percent(first));
            let takes = if percent {
                "bytes such as `64mb`, or a percentage such as `5%`"
            } else {
                "bytes, such as `64mb`"
            };
            let digits: String = first.chars().take_while(char::is_ascii_digit).collect();
            let letter =
                first[digits.len()..].chars().next().map(|letter| letter.to_ascii_lowercase());
            let help = match letter {
                Some(letter @ ('k' | 'm' | 'g')) if !digits.is_empty() && single => format!(
                    "write `{digits}{letter}b`: the server's suffixes are `kb`, `mb` and `gb`"
                ),
                _ => "write a whole number, with `kb`, `mb` or `gb` after it if wanted".to_owned(),
            };
            (!fine).then(|| (takes.to_owned(), help))
        }
        Kind::Enum(words) => {
            let odd = arguments.iter().find(|argument| {
                !words.split(' ').any(|word| word.eq_ignore_ascii_case(argument))
            })?;
            let takes = one_of(words.split(' '));
            let help = match closest(odd, words.split(' ')) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("write {takes}"),
            };
            Some((takes, help))
        }
        Kind::Text if directive.name == "client-output-buffer-limit" => {
            let class = |text: &String| {
                ["normal", "replica", "slave", "pubsub"]
                    .contains(&text.to_ascii_lowercase().as_str())
            };
            let limit = |limit: &[String]| match limit {
                [of, hard, soft, seconds] => {
                    class(of)
                        && is_memory(hard)
                        && is_memory(soft)
                        && seconds.parse::<u32>().is_ok()
                }
                _ => false,
            };
            (!arguments.chunks(4).all(limit)).then(|| {
                (
                    "a class, two sizes and seconds".to_owned(),
                    "write the class (`normal`, `replica` or `pubsub`), the hard and the soft limit, and for how many seconds the soft one may be passed, such as `replica 512mb 128mb 60`".to_owned(),
                )
            })
        }
        Kind::Text => None,
    }
}

/// The number of bytes that a value of the form of [`is_memory`] means.
fn bytes(text: &str) -> u64 {
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let factor: u64 = match text[digits..].to_ascii_lowercase().as_str() {
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => 1,
    };
    text[..digits].parse::<u64>().unwrap_or_default().saturating_mul(factor)
}

fn is_memory(text: &str) -> bool {
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let suffix = text[digits..].to_ascii_lowercase();
    digits > 0
        && digits < 19
        && ["", "b", "k", "kb", "m", "mb", "g", "gb"].contains(&suffix.as_str())
}

pub(super) const DEPRECATED_DIRECTIVE: Rule = Rule {
    code: "RCG268",
    name: "deprecated-directive",
    severity: Severity::Warning,
    title: "a directive is written in its old spelling",
    story: "\
Old spellings still work, but the documentation, `CONFIG GET` and the other rules use the new ones, and one of the next versions may drop them: a server that does not know a directive does not start.",
    check: Some(deprecated_directive),
};

/// The new spelling of a directive.
fn successor(name: &str) -> Option<String> {
    let new = match name {
        "lua-time-limit" => "busy-reply-threshold".to_owned(),
        _ => name.replace("slave", "replica").replace("ziplist", "listpack").replace('_', "-"),
    };
    (new != name && Directive::find(&new).is_some()).then_some(new)
}

fn deprecated_directive(facts: &Facts<'_>, found: &mut Findings) {
    let (Some(version), engine) = (facts.version, facts.spec.engine.name) else { return };
    for (pointer, name, _) in directives(facts) {
        let Some(new) = successor(name).filter(|_| !is_refused(name)) else { continue };
        if is_known(standing(engine, version, name)) && is_known(standing(engine, version, &new)) {
            found.push(|| {
                Finding::at_key(
                    pointer,
                    format!("the directive `{name}` is the old spelling of `{new}`"),
                )
                .label("old spelling")
                .needs(VERSION)
                .help(format!("write `{new}`"))
            });
        }
    }
}

pub(super) const IGNORED_DIRECTIVE: Rule = Rule {
    code: "RCG269",
    name: "ignored-directive",
    severity: Severity::Warning,
    title: "the engine's version takes a directive without doing anything",
    story: "\
A few directives of older versions are still accepted, so that old files keep working, but are without effect: `io-threads-do-reads` since Redis 8.0 and Valkey 8.1, for example, because threads always read there. \
Remove them.",
    check: Some(ignored_directive),
};

fn ignored_directive(facts: &Facts<'_>, found: &mut Findings) {
    let (Some(version), engine) = (facts.version, facts.spec.engine.name) else { return };
    for (pointer, name, _) in directives(facts) {
        if matches!(standing(engine, version, name), Standing::Known(Status::Ignored)) {
            found.push(|| {
                Finding::at_key(
                    pointer,
                    format!(
                        "{} {} takes the directive `{name}` without doing anything",
                        title(engine),
                        facts.spec.engine.version
                    ),
                )
                .label("without effect")
                .related(VERSION, "this version")
                .help("remove it")
            });
        }
    }
}

pub(super) const NODE_TIMEOUT_BOUNDS: Rule = Rule {
    code: "RCG270",
    name: "node-timeout-bounds",
    severity: Severity::Error,
    title: "`cluster-node-timeout` is not from 1000 to 60000",
    story: "\
A node that is silent for so many milliseconds is taken for dead. Below a second a slow disk or a busy processor is enough, and replicas take over from healthy masters. The default here is 5000: after a crash a shard is without \
writes for about 8 seconds; with the engine's own 15000 it is 21. Above a minute the start of a master that lost its data would wait for more than two minutes, as the guard against data loss waits for twice the timeout and 3 seconds.",
    check: Some(node_timeout_bounds),
};

fn node_timeout_bounds(facts: &Facts<'_>, found: &mut Findings) {
    let Some((pointer, timeout)) = facts.number(&["cluster-node-timeout"]) else { return };
    if !(1000..=60_000).contains(&timeout) {
        let finding = Finding::at(
            pointer,
            format!(
                "a `cluster-node-timeout` of {timeout} milliseconds is too {}",
                if timeout < 1000 { "short" } else { "long" }
            ),
        )
        .label("from 1000 to 60000");
        found.push(|| match timeout {
            1..=60 => finding.help(format!("it is in milliseconds: write `cluster-node-timeout: {}`", timeout * 1000)),
            i64::MIN..1000 => finding.note("a busy processor is enough to be silent for so long, and healthy masters would be replaced").help("write 1000 or more; the default is 5000"),
            _ => finding.note("a crashed master is not replaced before it has passed").help("write 60000 or less; the default is 5000"),
        });
    }
}

const MIN_REPLICAS: &[&str] = &["min-replicas-to-write", "min-slaves-to-write"];

pub(super) const WRITES_NEVER_TAKEN: Rule = Rule {
    code: "RCG271",
    name: "writes-never-taken",
    severity: Severity::Error,
    title: "`min-replicas-to-write` asks for more replicas than a shard has",
    story: "\
A master with fewer replicas in step than `min-replicas-to-write` refuses every write. With more than `spec.topology.replicasPerShard` that is always so.",
    check: Some(writes_never_taken),
};

fn writes_never_taken(facts: &Facts<'_>, found: &mut Findings) {
    let Some((pointer, wanted)) = facts.number(MIN_REPLICAS) else { return };
    let replicas = i64::from(facts.spec.topology.replicas_per_shard);
    if wanted > replicas {
        found.push(|| {
            Finding::at(
                pointer,
                format!(
                    "writes need {}, and a shard has {replicas}",
                    plural(wanted.unsigned_abs(), "replica")
                ),
            )
            .label("no write is ever taken")
            .related("/spec/topology/replicasPerShard", "replicas of each shard")
            .help(match replicas {
                0 | 1 => "remove it, or write more replicas".to_owned(),
                _ => format!("write at most {}, or more replicas", replicas - 1),
            })
        });
    }
}

pub(super) const WRITES_STOP_AT_RESTARTS: Rule = Rule {
    code: "RCG272",
    name: "writes-stop-at-restarts",
    severity: Severity::Warning,
    title: "every restart of a replica stops the writes of its shard",
    story: "\
With `min-replicas-to-write` as large as `spec.topology.replicasPerShard` no replica may be missing: whenever one restarts, is moved or is slow, its master refuses writes. \
It is meant to stop a master that is cut off from its peers; for that, one replica fewer than there are is enough, so have at least two.",
    check: Some(writes_stop_at_restarts),
};

fn writes_stop_at_restarts(facts: &Facts<'_>, found: &mut Findings) {
    let Some((pointer, wanted)) = facts.number(MIN_REPLICAS) else { return };
    let replicas = i64::from(facts.spec.topology.replicas_per_shard);
    if wanted > 0 && wanted == replicas {
        found.push(|| {
            Finding::at(
                pointer,
                format!(
                    "writes need {}, which is all that a shard has",
                    plural(wanted.unsigned_abs(), "replica")
                ),
            )
            .label("none may be missing")
            .related("/spec/topology/replicasPerShard", "replicas of each shard")
            .help(match replicas {
                1 => "remove it, or write `replicasPerShard: 2`".to_owned(),
                _ => format!("write {}, or one more replica", replicas - 1),
            })
        });
    }
}

pub(super) const REPLICA_MIGRATION: Rule = Rule {
    code: "RCG273",
    name: "replica-migration",
    severity: Severity::Error,
    title: "replicas that migrate leave the shard whose pods they were spread with",
    story: "\
With `cluster-allow-replica-migration yes` a replica moves to a shard that has none, and does not move back. The layout `StatefulSetPerShard` keeps the pods of a shard on different nodes and in different zones; a \
replica that moved shares a node with anything, perhaps with its new master. It also turns a drained master into a replica of another shard, so that scaling in does not end. The default here is `no`. \
Have a second replica instead, or the layout `SingleStatefulSet`, which pins nothing.",
    check: Some(replica_migration),
};

fn replica_migration(facts: &Facts<'_>, found: &mut Findings) {
    let Some((pointer, value)) = facts.directive(&["cluster-allow-replica-migration"]) else {
        return;
    };
    if is_yes(value) && facts.spec.topology.layout == Layout::StatefulSetPerShard {
        found.push(|| {
            Finding::at(
                pointer,
                "replicas that migrate leave the shard whose pods they were spread with",
            )
            .label("undoes `spec.topology.spread`")
            .related("/spec/topology/layout", "pins each pod to a shard")
            .help("remove it, and write `replicasPerShard: 2` for a spare")
        });
    }
}

fn is_yes(value: &DirectiveValue) -> bool {
    match value {
        DirectiveValue::Bool(is) => *is,
        DirectiveValue::Text(text) => text.trim().eq_ignore_ascii_case("yes"),
        _ => false,
    }
}

pub(super) const NO_FAILOVER: Rule = Rule {
    code: "RCG274",
    name: "no-failover",
    severity: Severity::Warning,
    title: "no replica ever takes over by itself",
    story: "\
With `cluster-replica-no-failover yes` on all pods a dead master is not replaced until somebody sends `CLUSTER FAILOVER FORCE`. The directive is for single replicas in a far-away site; here all pods have the same configuration.",
    check: Some(no_failover),
};

fn no_failover(facts: &Facts<'_>, found: &mut Findings) {
    let Some((pointer, value)) =
        facts.directive(&["cluster-replica-no-failover", "cluster-slave-no-failover"])
    else {
        return;
    };
    if is_yes(value) {
        found.push(|| {
            Finding::at(pointer, "no replica would ever take over from a dead master")
                .label("on all pods")
                .help("remove it")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Directive, OWNED, REPEATABLE, SECRETS, arguments, is_memory};

    #[test]
    fn names_in_the_lists_are_directives() {
        for name in OWNED
            .iter()
            .map(|(name, _)| *name)
            .chain(SECRETS.iter().copied())
            .chain(REPEATABLE.iter().copied())
        {
            assert!(Directive::find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn arguments_as_the_server_splits_them() {
        let split = |text| arguments(text).map(|arguments| arguments.join("|"));
        assert_eq!(split("a b  c").as_deref(), Some("a|b|c"));
        assert_eq!(split(r#""a b" 'c d'"#).as_deref(), Some("a b|c d"));
        assert_eq!(split(r#"""#).as_deref(), None);
        assert_eq!(split(r#""""#).as_deref(), Some(""));
        assert_eq!(split(r#""a\"b""#).as_deref(), Some("a\"b"));
        assert_eq!(split("it's").as_deref(), None);
        assert_eq!(split(r#""a"b"#).as_deref(), None);
        assert_eq!(split("").as_deref(), Some(""));
    }

    #[test]
    fn sizes_as_the_server_reads_them() {
        for text in ["0", "64mb", "64MB", "1g", "10b", "5k"] {
            assert!(is_memory(text), "{text}");
        }
        for text in ["", "mb", "64Mi", "-1", "1.5gb", "64 mb", "5%", "99999999999999999999"] {
            assert!(!is_memory(text), "{text}");
        }
    }
}
