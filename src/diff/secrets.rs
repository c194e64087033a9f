//! What must never be shown: passwords and the like, wherever they stand.
//!
//! A value is hidden for one of three reasons: where it stands (a Secret, a variable called PASSWORD, the directive `requirepass`), what it looks like (an address with
//! a password in it, a private key), or because the same text is a secret somewhere else in the same objects.

use std::{borrow::Cow, collections::BTreeSet, ops::Range, sync::LazyLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use regex::{Captures, Regex};
use serde_json::Value;

use super::{conf, object::Side, path::Path};
use crate::plan::names;

/// What stands in place of a secret.
pub(super) const HIDDEN: &str = "(hidden)";

/// Whether a name says that its value is a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?i)passw|passphrase|secret|token|credential|api[-_.]?key|private[-_.]?key|requirepass|(master|primary|cli|redis)[-_.]?auth|(^|[-_.])(pass|pwd|auth|key)($|[-_.])|\.(pem|key|acl)$",
        )
    });
    NAME.is_match(name)
}

/// Whether the value of a directive is a secret.
pub(crate) fn is_secret_directive(name: &str) -> bool {
    matches!(
        name,
        "requirepass"
            | "masterauth"
            | "primaryauth"
            | "user"
            | "tls-key-file-pass"
            | "tls-client-key-file-pass"
    )
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("{pattern}: {error}"))
}

/// What secrets look like in a text: the group `secret` is hidden, and what stands before it stays.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // Addresses with a password: redis://user:password@host
        r#"(?P<before>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<secret>[^\s"'<>]+)@"#,
        // Private keys.
        r"(?s)(?P<before>-----BEGIN [A-Z ]*PRIVATE KEY-----)(?P<secret>.*?)(-----END [A-Z ]*PRIVATE KEY-----|\z)",
        // password=..., "token": "...", API_KEY: ...
        r#"(?i)(?P<before>(passw(or)?d|passwd|passphrase|secret|token|credentials?|api[-_.]?key|private[-_.]?key|requirepass|masterauth|primaryauth|(redis|rediscli|master|cli)[-_.]?auth|[-_]pwd|[-_]pass)["']?\s*[=:]\s*)(?P<secret>"(\\.|[^"\\])*"|'[^']*'|[^\s"',;&|)]+)"#,
        // Options and directives whose value follows after a blank.
        r#"(?i)(?P<before>(requirepass|masterauth|primaryauth|auth-pass|tls(-client)?-key-file-pass|\s-a|--(pass|password|auth|token|secret))["']?[\s,]+)(?P<secret>"(\\.|[^"\\])*"|'[^']*'|[^\s"',;&|)]+)"#,
        // Users of an ACL, with their passwords.
        r"(?im)(?P<before>(^\s*user|\bsetuser)\s+\S+\s+)(?P<secret>.*[>#<!].*)$",
        // The command.
        r"(?P<before>\bAUTH\s+)(?P<secret>\S+(\s+\S+)?)",
        // Headers.
        r"(?i)(?P<before>\b(bearer|basic)\s+)(?P<secret>[A-Za-z0-9+/=._~-]{8,})",
    ]
    .iter()
    .map(|pattern| regex(pattern))
    .collect()
});

/// The secrets of two sides, to find them again wherever they stand.
#[derive(Debug, Default)]
pub struct Secrets {
    /// The longest first, so that none is hidden in part.
    known: Vec<String>,
}

impl Secrets {
    /// Collects what is secret because of where it stands or what it looks like.
    pub fn of(sides: [&Side; 2]) -> Secrets {
        let mut found = BTreeSet::new();
        for object in sides.iter().flat_map(|side| &side.objects) {
            collect(&object.id.kind, &Path::default(), &object.value, &mut found);
        }
        let mut known: Vec<_> = found.into_iter().filter(|text| is_distinct(text)).collect();
        known.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Secrets { known }
    }

    /// A text without secrets.
    pub fn hide(&self, text: &str) -> String {
        let mut hidden = Cow::Borrowed(text);
        for known in &self.known {
            if hidden.contains(known.as_str()) {
                hidden = Cow::Owned(hidden.replace(known.as_str(), HIDDEN));
            }
        }
        hide_shapes(&hidden)
    }

    /// A value at a path of an object of a kind, without secrets.
    pub fn hide_value(&self, kind: &str, path: &Path, value: &Value) -> Value {
        if is_secret_place(kind, path) && !value.is_object() && !value.is_null() {
            return Value::from(HIDDEN);
        }
        match value {
            Value::String(text) => Value::String(self.hide(text)),
            Value::Array(items) => {
                let mut result = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let option = index.checked_sub(1).and_then(|index| items[index].as_str());
                    if option.is_some_and(is_secret_option) && item.is_string() {
                        result.push(Value::from(HIDDEN));
                    } else {
                        result.push(self.hide_value(kind, &path.item(""), item));
                    }
                }
                Value::Array(result)
            }
            Value::Object(fields) => {
                let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
                let hide = |key: &str, field: &Value| {
                    let named = key == "value" && is_secret_name(name);
                    if named && field.is_string() {
                        return Value::from(HIDDEN);
                    }
                    self.hide_value(kind, &path.field(key), field)
                };
                Value::Object(
                    fields.iter().map(|(key, field)| (key.clone(), hide(key, field))).collect(),
                )
            }
            _ => value.clone(),
        }
    }
}

/// The places in a text that look like secrets, in bytes.
pub(crate) fn secret_shapes(text: &str) -> Vec<Range<usize>> {
    let found = SHAPES.iter().flat_map(|shape| shape.captures_iter(text));
    found
        // In YAML a name whose value begins on the next line has no secret of its own.
        .filter(|found| !found["before"].contains('\n'))
        .filter_map(|found| found.name("secret"))
        .filter(|secret| !is_reference(secret.as_str()))
        .map(|secret| secret.range())
        .collect()
}

/// A text without what looks like a secret.
pub fn hide_shapes(text: &str) -> String {
    let mut hidden = text.to_owned();
    for shape in SHAPES.iter() {
        if shape.is_match(&hidden) {
            let replaced = shape.replace_all(&hidden, |found: &Captures<'_>| {
                let whole = &found[0];
                let secret = &found["secret"];
                // A reference such as $(PASSWORD) names a secret, and is none.
                if is_reference(secret) || secret.contains(HIDDEN) {
                    whole.to_owned()
                } else {
                    let end = &whole[found["before"].len() + secret.len()..];
                    format!("{}{HIDDEN}{end}", &found["before"])
                }
            });
            hidden = replaced.into_owned();
        }
    }
    hidden
}

fn is_reference(text: &str) -> bool {
    text.trim_matches(['"', '\'']).starts_with('$')
}

/// Options of programs whose value follows as the next argument.
fn is_secret_option(argument: &str) -> bool {
    matches!(argument, "-a" | "--pass")
        || argument.starts_with("--") && !argument.contains('=') && is_secret_name(argument)
        || argument.starts_with("--")
            && matches!(&argument[2..], "requirepass" | "masterauth" | "primaryauth")
}

/// Whether a value is secret because of where it stands.
fn is_secret_place(kind: &str, path: &Path) -> bool {
    let names = path.names();
    let last = path.last();
    let data = match kind {
        "Secret" => matches!(names.first(), Some(&"data" | &"stringData" | &"binaryData")),
        "ConfigMap" if names.first() == Some(&"data") && names.len() > 1 => {
            is_secret_name(names[1]) && !conf::is_conf(names[1])
                || names.len() > 2 && is_secret_directive(names[2])
        }
        _ => false,
    };
    let variable = path.item_of("env").is_some_and(is_secret_name) && last == "value";
    let note = path.parent() == "annotations" && is_secret_name(last);
    data || variable || note
}

/// Whether a text can be told from words that stand everywhere.
fn is_distinct(text: &str) -> bool {
    let words = text.bytes().all(|byte| byte.is_ascii_lowercase());
    // The user of an address is hidden, but this one is no secret, and part of the image's name.
    let is_ours = text == names::EXPORTER_USER;
    !is_ours
        && !text.contains(HIDDEN)
        && !is_reference(text)
        && (text.len() >= 10 || text.len() >= 6 && !words)
}

fn add(kind: &str, text: &str, found: &mut BTreeSet<String>) {
    for text in [text, text.trim(), text.trim_matches(['"', '\''])] {
        found.insert(text.to_owned());
        found.insert(BASE64_STANDARD.encode(text));
    }
    if kind == "Secret"
        && let Ok(bytes) = BASE64_STANDARD.decode(text.trim())
        && let Ok(plain) = String::from_utf8(bytes)
    {
        found.insert(plain.trim().to_owned());
        found.extend(plain.lines().map(|line| line.trim().to_owned()));
    }
}

fn collect(kind: &str, path: &Path, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if is_secret_place(kind, path) => add(kind, text, found),
        Value::String(text) => {
            if kind == "ConfigMap" && conf::is_conf(path.last()) {
                for (name, values) in conf::directives(text) {
                    if name != "user" && is_secret_directive(&name) {
                        for value in &values {
                            add(kind, value, found);
                        }
                    }
                }
            }
            for shape in SHAPES.iter() {
                for shown in shape.captures_iter(text) {
                    let secret = &shown["secret"];
                    add(kind, secret, found);
                    // The password of an address, without its user, and those of a user of an ACL.
                    if let Some((_, password)) = secret.split_once(':') {
                        add(kind, password, found);
                    }
                    for word in secret.split_whitespace() {
                        if let Some(password) = word.strip_prefix(['>', '<', '#', '!']) {
                            add(kind, password, found);
                        }
                    }
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let option = index.checked_sub(1).and_then(|index| items[index].as_str());
                if let Some(text) = item.as_str().filter(|_| option.is_some_and(is_secret_option)) {
                    add(kind, text, found);
                }
                let label = item.get("name").and_then(Value::as_str).unwrap_or_default();
                collect(kind, &path.item(label), item, found);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                collect(kind, &path.field(key), field, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{HIDDEN, Secrets, hide_shapes, is_secret_name};
    use crate::diff::{
        object::{Object, Side},
        path::Path,
    };

    #[test]
    fn what_secrets_look_like() {
        for text in [
            "redis://default:hunter22@orders:6379/0",
            "rediss://:hunter22@orders",
            "password=hunter22",
            "\"token\": \"hunter22\"",
            "requirepass hunter22",
            "masterauth \"hunter22\"",
            "redis-cli -h x -a hunter22 ping",
            "redis-server --requirepass hunter22",
            "user app on >hunter22 ~* +@all",
            "ACL SETUSER app >hunter22",
            "AUTH hunter22",
            "AUTH app hunter22",
            "Authorization: Bearer hunter22hunter22",
            "-----BEGIN RSA PRIVATE KEY-----\nhunter22\n-----END RSA PRIVATE KEY-----",
        ] {
            let hidden = hide_shapes(text);
            assert!(!hidden.contains("hunter22") && hidden.contains(HIDDEN), "{text}: {hidden}");
        }
        for text in
            ["password=$PASSWORD", "https://example.com/a b@c", "with its password.", "auth is off"]
        {
            assert_eq!(hide_shapes(text), text);
        }
    }

    #[test]
    fn names_of_secrets() {
        for name in
            ["REDIS_PASSWORD", "REDISCLI_AUTH", "api-key", "users.acl", "tls.key", "DB_PASS"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["POD_NAME", "author", "passive", "keyspace", "redis.conf", "monkey"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn what_is_secret_once_is_secret_everywhere() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
            "stringData": {"x": "planted-4711"}});
        let set = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b", "labels": {"l": "planted-4711"}},
            "spec": {"args": ["-a", "other-4712", "x other-4712"]}});
        let objects =
            [secret, set].into_iter().filter_map(|value| Object::new(value, None)).collect();
        let side = Side { objects };
        let secrets = Secrets::of([&side, &Side::default()]);
        let shown = secrets.hide_value("Pod", &Path::default(), &side.objects[1].value).to_string();
        assert!(!shown.contains("4711") && !shown.contains("4712"), "{shown}");
        assert_eq!(secrets.hide("is planted-4711 here"), "is (hidden) here");
    }
}
