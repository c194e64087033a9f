//! Who may do what: the users of the pods themselves, and those of the spec.

use super::names::{self, Names};
use crate::spec::{
    directives::Version,
    types::{Auth, AuthMode, DefaultUser, EngineName, Exporter, SecretKey, Spec, User},
};

/// The Secrets with the passwords of users.
#[derive(Debug, Clone, Default)]
pub struct UserSecrets {
    /// The Secret that is mounted as a whole, where a user's password is in it.
    pub common: Option<String>,
    /// Users whose password is in a Secret of their own.
    pub single: Vec<(String, SecretKey)>,
}

impl UserSecrets {
    pub(super) fn new(auth: &Auth, names: &Names) -> UserSecrets {
        let single = auth
            .users
            .iter()
            .filter_map(|user| Some((user.name.clone(), user.password_secret.clone()?)));
        UserSecrets {
            common: auth
                .users
                .iter()
                .any(|user| user.password_secret.is_none())
                .then(|| names.users_secret()),
            single: single.collect(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.common.is_none() && self.single.is_empty()
    }
}

/// The file `users`: a line for each user, with its name, where its passwords come from, and its rules. `cluster` stands for the passwords of the
/// cluster, `derived` for what is derived from them, `none` for nothing.
pub(super) fn file(spec: &Spec) -> Option<String> {
    let auth = &spec.auth;
    if auth.mode == AuthMode::None {
        return None;
    }
    let mut lines = String::from("# user passwords rules\n");
    lines.push_str(match auth.default_user {
        DefaultUser::Enabled => "default cluster on ~* &* +@all\n",
        DefaultUser::Disabled => "default none off\n",
    });
    for (name, rules) in own(spec) {
        lines.push_str(&format!("{name} derived on {rules}\n"));
    }
    for user in &auth.users {
        let file = format!("{}/{}", names::USERS.1, user.name);
        lines.push_str(&format!("{} {file} {}\n", user.name, rules(user)));
    }
    Some(lines)
}

/// The users of the pods themselves. `redis-cli` of Redis 7.0 asks for all commands before it runs those on its stdin. None of the users but the one for metrics that ask for it can read a key.
fn own(spec: &Spec) -> Vec<(&'static str, String)> {
    let mut users = vec![
        // `redis-cli --cluster`, and what moves slots with their keys from one master to another, which logs in there as itself. What has left writes
        // down that it is empty.
        (
            "_bootstrap",
            "~* +cluster -cluster|flushslots +client|setname +client|list +command +ping +info +select +asking +readonly +migrate +dump +restore +restore-asking +bgrewriteaof +bgsave".to_owned(),
        ),
        ("_handover", "+command +ping +info +role +cluster|nodes +cluster|failover".to_owned()),
        // It hands out rules and settings, so it is as strong as an administrator; but it has no keys.
        (
            "_heal",
            "+command +ping +info +cluster|info +cluster|nodes +cluster|myid +cluster|meet +cluster|replicate +cluster|setslot +config|get +config|set +acl|setuser +acl|deluser".to_owned(),
        ),
        // Whether its pod has left the cluster.
        ("_probe", "+command +ping +info +cluster|info".to_owned()),
        ("_replication", replication(spec)),
    ];
    // `redis-cli --rdb` takes a snapshot as a replica does.
    if spec.backup.is_some() {
        users.push((
            "_backup",
            "+command +ping +info +dbsize +cluster|info +cluster|nodes +replconf +psync +sync"
                .to_owned(),
        ));
    }
    if spec.restore.is_some() {
        users.push((
            "_restore",
            "~* +command +ping +info +select +asking +cluster|info +cluster|nodes +restore +restore-asking +function|restore".to_owned(),
        ));
    }
    if spec.observability.exporter.enabled {
        users.push((names::EXPORTER_USER, exporter(&spec.observability.exporter)));
    }
    users.sort_unstable();
    users
}

fn replication(spec: &Spec) -> String {
    let mut rules = "+ping +replconf +psync +sync".to_owned();
    // Where slots move as a whole, masters copy them from each other as replicas do. An engine that does not know the subcommand would not start with it.
    let since = match spec.engine.name {
        EngineName::Redis => Version(8, 4),
        EngineName::Valkey => Version(9, 0),
    };
    if Version::parse(&spec.engine.version).is_some_and(|version| version >= since) {
        rules.push_str(" +cluster|syncslots");
        // Valkey's masters send each other the slots as the commands that make their keys, and hold those to the user's rights.
        if spec.engine.name == EngineName::Valkey {
            rules.push_str(
                " ~* &* +@write -flushall -flushdb +@transaction +select +publish +spublish",
            );
        }
    }
    rules
}

/// What the exporter needs, and what its settings make it ask for besides. Not `CONFIG GET`, which tells the password of the replicas.
fn exporter(exporter: &Exporter) -> String {
    const KEYS: [&str; 6] = [
        "REDIS_EXPORTER_CHECK_KEYS",
        "REDIS_EXPORTER_CHECK_SINGLE_KEYS",
        "REDIS_EXPORTER_CHECK_KEY_GROUPS",
        "REDIS_EXPORTER_CHECK_STREAMS",
        "REDIS_EXPORTER_CHECK_SINGLE_STREAMS",
        "REDIS_EXPORTER_COUNT_KEYS",
    ];
    let mut rules = "+ping +info +cluster|info +client|setname +latency|latest +latency|histogram +slowlog|len +slowlog|get".to_owned();
    for (variables, more) in [
        (KEYS.as_slice(), " %R~* +select +@read"),
        (&["REDIS_EXPORTER_CHECK_KEY_GROUPS", "REDIS_EXPORTER_SCRIPT"], " +eval"),
        (&["REDIS_EXPORTER_EXPORT_CLIENT_LIST"], " +client|list"),
        (&["REDIS_EXPORTER_INCL_MODULES_METRICS"], " +module|list"),
    ] {
        if sets(exporter, variables) {
            rules.push_str(more);
        }
    }
    if reads_config(exporter) {
        rules.push_str(" +config|get");
    }
    rules
}

/// Whether the exporter's settings make it read the server's configuration.
pub(super) fn reads_config(exporter: &Exporter) -> bool {
    sets(exporter, &["REDIS_EXPORTER_CONFIG_COMMAND", "REDIS_EXPORTER_INCL_CONFIG_METRICS"])
}

fn sets(exporter: &Exporter, variables: &[&str]) -> bool {
    exporter.env.iter().any(|variable| variables.contains(&variable.typed.name.as_str()))
}

/// A user's rules, as the server takes them: on or off, keys, channels, commands.
fn rules(user: &User) -> String {
    let User {
        name: _,
        enabled,
        password_secret: _,
        commands,
        keys,
        read_only_keys,
        write_only_keys,
        channels,
    } = user;
    let mut rules = vec![if *enabled { "on" } else { "off" }.to_owned()];
    for (before, patterns) in
        [("~", keys), ("%R~", read_only_keys), ("%W~", write_only_keys), ("&", channels)]
    {
        rules.extend(patterns.iter().map(|pattern| format!("{before}{pattern}")));
    }
    rules.extend(commands.iter().cloned());
    rules.join(" ")
}
