//! Which commands and categories each version of an engine knows, as rules of users name them.
//!
//! `commands.csv` holds a line for each command and subcommand: its name, and the versions of Redis and Valkey that it came with. It was made by asking real servers, Redis 8.0 and Valkey
//! 9.1, with `COMMAND DOCS`. No command was taken out since Redis 7.0.

use std::sync::LazyLock;

use super::{directives::Version, types::EngineName};

/// Sorted by name, in the order of bytes.
const TABLE: &str = include_str!("commands.csv");

/// The table's lines: a name, and the versions of Redis and Valkey.
static LINES: LazyLock<Vec<(&str, &str, &str)>> = LazyLock::new(|| {
    let cells = |line: &'static str| {
        let mut cells = line.split(',');
        Some((cells.next()?, cells.next()?, cells.next()?))
    };
    TABLE.lines().skip(1).filter_map(cells).collect()
});

/// The newest version of each engine that was asked.
const NEWEST: [(EngineName, Version); 2] =
    [(EngineName::Redis, Version(8, 0)), (EngineName::Valkey, Version(9, 1))];

/// The categories that every server has.
pub const CATEGORIES: [&str; 22] = [
    "admin",
    "all",
    "bitmap",
    "blocking",
    "connection",
    "dangerous",
    "fast",
    "geo",
    "hash",
    "hyperloglog",
    "keyspace",
    "list",
    "pubsub",
    "read",
    "scripting",
    "set",
    "slow",
    "sortedset",
    "stream",
    "string",
    "transaction",
    "write",
];

/// The modules in the official images of Redis since 8.0: what their commands begin with, and their categories.
const MODULES: [(&str, &str); 8] = [
    ("bf.", "bloom"),
    ("cf.", "cuckoo"),
    ("cms.", "cms"),
    ("ft.", "search"),
    ("json.", "json"),
    ("tdigest.", "tdigest"),
    ("topk.", "topk"),
    ("ts.", "timeseries"),
];

/// Whether a version of an engine knows something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It does.
    Yes,
    /// It does not: a server does not start with a rule that names it.
    No,
    /// It came with a version that is newer.
    Since(Version),
    /// Nobody has asked that version.
    Perhaps,
}

/// Whether a version knows a command, or a subcommand such as `config|get`.
pub fn command(engine: EngineName, version: Version, name: &str) -> Known {
    let name = name.to_ascii_lowercase();
    if is_of_module(engine, version, |(prefix, _)| name.starts_with(prefix)) {
        return Known::Yes;
    }
    let line = LINES.binary_search_by_key(&name.as_str(), |(known, ..)| known);
    let since = line.ok().map(|line| LINES[line]).and_then(|(_, redis, valkey)| match engine {
        EngineName::Redis => Version::parse(redis),
        EngineName::Valkey => Version::parse(valkey),
    });
    match since {
        Some(since) if version >= since => Known::Yes,
        Some(since) => Known::Since(since),
        None => unknown(engine, version),
    }
}

/// Whether a version knows a category, without its `@`.
pub fn category(engine: EngineName, version: Version, name: &str) -> Known {
    let name = name.to_ascii_lowercase();
    if CATEGORIES.contains(&name.as_str())
        || is_of_module(engine, version, |(_, category)| name == category)
    {
        return Known::Yes;
    }
    unknown(engine, version)
}

/// The names of all commands and subcommands.
pub fn names() -> impl Iterator<Item = &'static str> {
    LINES.iter().map(|(name, ..)| *name)
}

fn is_of_module(engine: EngineName, version: Version, is: impl Fn((&str, &str)) -> bool) -> bool {
    engine == EngineName::Redis && version >= Version(8, 0) && MODULES.into_iter().any(is)
}

fn unknown(engine: EngineName, version: Version) -> Known {
    let newer = NEWEST.iter().any(|(asked, newest)| *asked == engine && version > *newest);
    if newer { Known::Perhaps } else { Known::No }
}

#[cfg(test)]
mod tests {
    use super::{EngineName::*, Known, Version, category, command, names};

    #[test]
    fn commands_have_versions() {
        for (engine, version, name, expected) in [
            (Redis, Version(7, 0), "get", Known::Yes),
            (Redis, Version(7, 0), "CONFIG|GET", Known::Yes),
            (Redis, Version(7, 2), "hexpire", Known::Since(Version(7, 4))),
            (Valkey, Version(8, 1), "hexpire", Known::Since(Version(9, 0))),
            (Valkey, Version(9, 1), "vadd", Known::No),
            (Redis, Version(8, 0), "json.set", Known::Yes),
            (Redis, Version(7, 4), "json.set", Known::No),
            (Redis, Version(8, 4), "config|gets", Known::Perhaps),
        ] {
            assert_eq!(command(engine, version, name), expected, "{name} {version}");
        }
        assert_eq!(category(Redis, Version(7, 0), "READ"), Known::Yes);
        assert_eq!(category(Redis, Version(7, 0), "reads"), Known::No);
        assert_eq!(category(Redis, Version(8, 0), "json"), Known::Yes);
    }

    #[test]
    fn the_table_is_sorted() {
        let names: Vec<_> = names().collect();
        assert!(names.len() > 400 && names.is_sorted(), "{} names", names.len());
    }
}
