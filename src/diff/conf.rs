//! The text of a `redis.conf`, directive by directive.

use std::collections::BTreeMap;

/// The directives of a text by name in lower case, each with its values in order.
pub(super) type Directives = BTreeMap<String, Vec<String>>;

/// Whether a file of a ConfigMap is a configuration of the server.
pub(super) fn is_conf(key: &str) -> bool {
    key.ends_with(".conf")
}

/// Reads the directives; comments and empty lines are left out.
pub(super) fn directives(text: &str) -> Directives {
    let mut directives = Directives::new();
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        directives.entry(name.to_ascii_lowercase()).or_default().push(value);
    }
    directives
}

/// Directives of which every line counts; of the others the last one does.
pub(super) fn is_repeated(name: &str) -> bool {
    matches!(
        name,
        "save"
            | "include"
            | "loadmodule"
            | "rename-command"
            | "client-output-buffer-limit"
            | "user"
            | "bind"
    )
}

/// What the server makes of the values of a directive.
pub(super) fn effective(name: &str, values: &[String]) -> String {
    if is_repeated(name) {
        return values.join("\n");
    }
    values.last().cloned().unwrap_or_default()
}

/// Whether two values mean the same to the server: amounts of bytes are compared by value.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let is_bool = |text: &str| ["yes", "no"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_bool(one) {
        return one.eq_ignore_ascii_case(other);
    }
    let plain = |text: &str| text.trim_matches('"').trim_matches('\'').to_owned();
    match (bytes(one), bytes(other)) {
        (Some(one), Some(other)) => one == other,
        _ => plain(one) == plain(other),
    }
}

/// An amount of memory, as `memtoull` of the server reads it.
pub(super) fn bytes(text: &str) -> Option<u128> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok().map(|number| u128::from(number) * factor)
}

#[cfg(test)]
mod tests {
    use super::{bytes, directives, effective, is_same};

    #[test]
    fn what_the_server_reads() {
        let read = directives("# no\n\nMaxMemory  1gb\nsave 60 1\nsave 300 10\nappendonly yes\n");
        assert_eq!(effective("maxmemory", &read["maxmemory"]), "1gb");
        assert_eq!(effective("save", &read["save"]), "60 1\n300 10");
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn what_means_the_same() {
        for (one, other) in [("1gb", "1024mb"), ("1gb", "1GB"), ("\"\"", "''"), ("yes", "YES")] {
            assert!(is_same(one, other), "{one} {other}");
        }
        for (one, other) in [("1gb", "1g"), ("yes", "no"), ("abcd", "ABCD"), ("/a", "/A")] {
            assert!(!is_same(one, other), "{one} {other}");
        }
        assert_eq!(bytes("10mb"), Some(10 << 20));
        assert_eq!(bytes("ten"), None);
    }
}
