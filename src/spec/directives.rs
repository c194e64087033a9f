//! Which configuration directives each version of an engine knows, and what values they take.
//!
//! `directives.csv` holds a line for each directive: its name, a letter for each version below, and the kind of its value. It was made by asking
//! real servers: `CONFIG GET *` and `CONFIG SET` for the letters, a start with a wrong value for the kinds.

use std::fmt::{self, Display, Formatter};

use super::types::EngineName;

/// Sorted by name, in the order of bytes.
const TABLE: &str = include_str!("directives.csv");

/// The versions in the table, oldest first, and the letter of the first one. Valkey 7.2 has what Redis 7.2.4 had, of which it is a fork.
const REDIS: (&[Version], usize) =
    (&[Version(7, 0), Version(7, 2), Version(7, 4), Version(8, 0)], 0);
const VALKEY: (&[Version], usize) =
    (&[Version(7, 2), Version(8, 0), Version(8, 1), Version(9, 1)], 4);

/// The major and minor number of an engine's version. Directives never change within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl Version {
    /// Bytes of a version as it is written. Every object carries it as a label, and labels are no longer.
    pub const LONGEST: usize = 63;

    /// Reads `8.0.6`, `7.4` or `9.0.0-rc1`.
    pub fn parse(text: &str) -> Option<Version> {
        if text.len() > Version::LONGEST {
            return None;
        }
        let numbers = text.split(['-', '+']).next()?;
        let mut numbers = numbers.split('.').map(|number| {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            number.parse().ok().filter(|_| digits)
        });
        let version = Version(numbers.next()??, numbers.next()??);
        numbers.all(|number| number.is_some()).then_some(version)
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What a version does with a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The server does not start.
    Unknown,
    /// It can be changed while the server runs.
    Live,
    /// It takes effect when the server starts.
    Restart,
    /// Accepted for the sake of old files, without effect.
    Ignored,
}

/// What a directive takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// `yes` or `no`.
    Bool,
    /// A whole number, within bounds where they are known.
    Integer(i64, i64),
    /// So many whole numbers, each within bounds.
    Integers(usize, i64, i64),
    /// At least so many bytes, with a suffix such as `mb` if wanted.
    Memory(u64),
    /// Bytes, or a part of `maxmemory` such as `5%`.
    MemoryOrPercent,
    /// Letters for classes of keyspace events, or nothing.
    Flags,
    /// One of these words, separated by blanks.
    Enum(&'a str),
    /// Anything, or what is not described here.
    Text,
}

/// A directive of at least one version.
#[derive(Debug, Clone, Copy)]
pub struct Directive {
    /// Its name, in lower case.
    pub name: &'static str,
    letters: &'static [u8],
    kind: &'static str,
}

impl Directive {
    /// Finds a directive by its name in lower case.
    pub fn find(name: &str) -> Option<Directive> {
        // A binary search over the bytes of the table: `low` is always the start of a line, `high` the end of one.
        let (mut low, mut high) = (0, TABLE.len());
        while low < high {
            let middle = (low + high) / 2;
            let start = TABLE[low..middle].rfind('\n').map_or(low, |newline| low + newline + 1);
            let end = TABLE[middle..high].find('\n').map_or(high, |newline| middle + newline + 1);
            let directive = Directive::parse(TABLE[start..end].trim_end())?;
            match name.cmp(directive.name) {
                std::cmp::Ordering::Equal => return Some(directive),
                std::cmp::Ordering::Less => high = start,
                std::cmp::Ordering::Greater => low = end,
            }
        }
        None
    }

    /// All directives, by name.
    pub fn all() -> impl Iterator<Item = Directive> {
        TABLE.lines().filter_map(Directive::parse)
    }

    fn parse(line: &'static str) -> Option<Directive> {
        let (name, rest) = line.split_once(',')?;
        let (letters, kind) = rest.split_once(',')?;
        Some(Directive { name, letters: letters.as_bytes(), kind })
    }

    /// What a version does with it, as far as is known: the answer of the newest version in the table that is not newer.
    pub fn status(&self, engine: EngineName, version: Version) -> Status {
        let (versions, first) = versions(engine);
        let below = versions.iter().rposition(|known| *known <= version);
        self.letter(first + below.unwrap_or(0))
    }

    /// What the next version in the table does with it, where `version` itself is not in the table. `None` where it is; [`Status::Unknown`] for
    /// one that is newer than the whole table.
    pub fn next_status(&self, engine: EngineName, version: Version) -> Option<Status> {
        let (versions, first) = versions(engine);
        if versions.contains(&version) {
            return None;
        }
        let above = versions.iter().position(|known| *known > version);
        Some(above.map_or(Status::Unknown, |above| self.letter(first + above)))
    }

    /// The oldest version of an engine that knows it.
    pub fn since(&self, engine: EngineName) -> Option<Version> {
        let (versions, first) = versions(engine);
        let index =
            (0..versions.len()).find(|index| self.letter(first + index) != Status::Unknown)?;
        Some(versions[index])
    }

    /// The newest version of an engine that knows it.
    pub fn until(&self, engine: EngineName) -> Option<Version> {
        let (versions, first) = versions(engine);
        let index =
            (0..versions.len()).rfind(|index| self.letter(first + index) != Status::Unknown)?;
        Some(versions[index])
    }

    /// What each version of an engine that is in the table does with it, oldest first.
    pub fn statuses(&self, engine: EngineName) -> impl Iterator<Item = (Version, Status)> {
        let (versions, first) = versions(engine);
        versions
            .iter()
            .enumerate()
            .map(move |(index, version)| (*version, self.letter(first + index)))
    }

    fn letter(&self, index: usize) -> Status {
        match self.letters.get(index) {
            Some(b'L') => Status::Live,
            Some(b'R') => Status::Restart,
            Some(b'I') => Status::Ignored,
            _ => Status::Unknown,
        }
    }

    /// What it takes.
    pub fn kind(&self) -> Kind<'static> {
        let (kind, details) = self.kind.split_once(' ').unwrap_or((self.kind, ""));
        match kind {
            "bool" => Kind::Bool,
            "int" | "ints" => {
                let numbers: Vec<i64> =
                    details.split(' ').filter_map(|number| number.parse().ok()).collect();
                match *numbers {
                    [count, least, most] => {
                        Kind::Integers(usize::try_from(count).unwrap_or_default(), least, most)
                    }
                    [least, most] => Kind::Integer(least, most),
                    _ => Kind::Integer(i64::MIN, i64::MAX),
                }
            }
            "flags" => Kind::Flags,
            "memory" => Kind::Memory(details.parse().unwrap_or_default()),
            "memory-or-percent" => Kind::MemoryOrPercent,
            "enum" => Kind::Enum(details),
            _ => Kind::Text,
        }
    }
}

fn versions(engine: EngineName) -> (&'static [Version], usize) {
    match engine {
        EngineName::Redis => REDIS,
        EngineName::Valkey => VALKEY,
    }
}

/// The oldest version of an engine that is supported.
pub fn oldest(engine: EngineName) -> Version {
    versions(engine).0[0]
}

/// The newest version of an engine whose directives are known.
pub fn newest(engine: EngineName) -> Version {
    let versions = versions(engine).0;
    versions[versions.len() - 1]
}

/// Whether a directive can be changed while a server of this version runs.
pub fn is_live(engine: EngineName, version: Version, directive: &str) -> bool {
    Directive::find(directive)
        .is_some_and(|directive| directive.status(engine, version) == Status::Live)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_can_be_found() {
        let mut last = "";
        for directive in Directive::all() {
            assert!(last < directive.name, "{} is out of order", directive.name);
            last = directive.name;
            assert_eq!(
                Directive::find(directive.name).map(|found| found.name),
                Some(directive.name)
            );
            assert_eq!(
                directive.letters.len(),
                REDIS.0.len() + VALKEY.0.len(),
                "{}",
                directive.name
            );
            assert!(
                directive.letters.iter().all(|letter| b"LRI-".contains(letter)),
                "{}",
                directive.name
            );
            assert!(
                directive.kind() != Kind::Text || directive.kind == "text",
                "{}",
                directive.name
            );
        }
        assert_eq!(Directive::all().count(), TABLE.lines().count());
        for name in ["", "a", "zzz", "maxmemor", "maxmemory-", "MAXMEMORY"] {
            assert!(Directive::find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn versions_between_those_of_the_table_follow_the_older_one() {
        let commandlog =
            Directive::find("commandlog-reply-larger-than").expect("it is in the table");
        let status = |major, minor| commandlog.status(EngineName::Valkey, Version(major, minor));
        assert_eq!(status(7, 2), Status::Unknown);
        assert_eq!(status(8, 0), Status::Unknown);
        assert_eq!(status(8, 1), Status::Live);
        assert_eq!(status(9, 0), Status::Live);
        assert_eq!(status(10, 0), Status::Live);
        assert_eq!(commandlog.status(EngineName::Redis, Version(8, 0)), Status::Unknown);
        assert_eq!(commandlog.since(EngineName::Valkey), Some(Version(8, 1)));
        assert_eq!(commandlog.since(EngineName::Redis), None);

        let databases = Directive::find("cluster-databases").expect("it is in the table");
        assert_eq!(databases.status(EngineName::Valkey, Version(9, 0)), Status::Unknown);
        assert_eq!(databases.next_status(EngineName::Valkey, Version(9, 0)), Some(Status::Restart));
        assert_eq!(databases.next_status(EngineName::Valkey, Version(9, 1)), None);
    }

    #[test]
    fn what_can_be_changed_live_depends_on_the_version() {
        assert!(is_live(EngineName::Redis, Version(7, 0), "maxclients"));
        assert!(!is_live(EngineName::Redis, Version(7, 0), "io-threads"));
        assert!(!is_live(EngineName::Valkey, Version(8, 0), "io-threads"));
        assert!(is_live(EngineName::Valkey, Version(9, 1), "io-threads"));
        assert!(!is_live(EngineName::Redis, Version(8, 0), "no-such-directive"));
    }

    #[test]
    fn versions() {
        assert_eq!(Version::parse("8.0.6"), Some(Version(8, 0)));
        assert_eq!(Version::parse("7.4"), Some(Version(7, 4)));
        assert_eq!(Version::parse("9.0.0-rc1"), Some(Version(9, 0)));
        for text in
            ["", "8", "8.", "8.x", "v8.0", "latest", "8.0.", "+8.0", "8.-1", "99999999999.0"]
        {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
