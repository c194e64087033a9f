//! What Kubernetes allows as a name, a label or an annotation. Each function says why a text is none, or nothing when it is one.

/// A DNS label (RFC 1123): the names of Services, namespaces, containers, volumes.
pub(super) fn dns_label(text: &str) -> Option<String> {
    limited(text, 63).or_else(|| dns_characters(text))
}

/// A DNS subdomain (RFC 1123): the names of most other objects.
pub(super) fn dns_subdomain(text: &str) -> Option<String> {
    limited(text, 253).or_else(|| {
        text.split('.').find_map(|part| {
            if part.is_empty() {
                Some("has an empty part between dots".to_owned())
            } else {
                dns_characters(part)
            }
        })
    })
}

/// The kind of an object: in small letters it has to be a DNS label that begins with a letter.
pub(super) fn kind(text: &str) -> Option<String> {
    limited(text, 63).or_else(|| {
        let odd = |char: &char| !(char.is_ascii_alphanumeric() || *char == '-');
        match text.chars().find(odd) {
            Some(odd) => Some(format!("contains {}", show(odd))),
            None if !text.starts_with(|char: char| char.is_ascii_alphabetic()) => {
                Some("does not begin with a letter".to_owned())
            }
            None => text.ends_with('-').then(|| "ends with `-`".to_owned()),
        }
    })
}

/// A label's or annotation's key: an optional DNS subdomain and a slash, then a name.
pub(super) fn label_key(text: &str) -> Option<String> {
    match text.split_once('/') {
        Some((prefix, _)) if dns_subdomain(prefix).is_some() => {
            dns_subdomain(prefix).map(|why| format!("has a prefix before its `/` that {why}"))
        }
        Some((_, name)) if name.contains('/') => Some("has more than one `/`".to_owned()),
        Some((_, name)) => qualified(name),
        None => qualified(text),
    }
}

/// A key in the data of a Secret or ConfigMap, which is the name of a file where it is mounted.
pub(super) fn data_key(text: &str) -> Option<String> {
    let odd = |char: &char| !(char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.'));
    limited(text, 253).or_else(|| match text.chars().find(odd) {
        Some(odd) => Some(format!("contains {}", show(odd))),
        None if text.starts_with("..") => Some("begins with `..`".to_owned()),
        None => (text == ".").then(|| "is `.`".to_owned()),
    })
}

/// A label's value; empty is fine.
pub(super) fn label_value(text: &str) -> Option<String> {
    if text.is_empty() { None } else { qualified(text) }
}

fn qualified(text: &str) -> Option<String> {
    limited(text, 63).or_else(|| {
        if let Some(odd) = text
            .chars()
            .find(|char| !(char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.')))
        {
            return Some(format!("contains {}", show(odd)));
        }
        let ends = text.starts_with(|char: char| char.is_ascii_alphanumeric())
            && text.ends_with(|char: char| char.is_ascii_alphanumeric());
        (!ends).then(|| "must begin and end with a letter or digit".to_owned())
    })
}

fn limited(text: &str, most: usize) -> Option<String> {
    let length = text.chars().count();
    if text.is_empty() {
        return Some("is empty".to_owned());
    }
    (length > most).then(|| format!("has {length} characters, {most} are allowed"))
}

fn dns_characters(text: &str) -> Option<String> {
    if let Some(odd) = text
        .chars()
        .find(|char| !(char.is_ascii_lowercase() || char.is_ascii_digit() || *char == '-'))
    {
        return Some(format!("contains {}", show(odd)));
    }
    (text.starts_with('-') || text.ends_with('-')).then(|| "begins or ends with `-`".to_owned())
}

/// A character in a sentence.
fn show(char: char) -> String {
    match char {
        ' ' => "a blank".to_owned(),
        _ if char.is_control() => format!("the control character U+{:04X}", u32::from(char)),
        _ if char.is_ascii_uppercase() => format!("the capital `{char}`"),
        _ => format!("`{char}`"),
    }
}

/// The nearest DNS label to a text, if there is one that is not longer than `most`.
pub(super) fn as_dns_label(text: &str, most: usize) -> Option<String> {
    let letters = text
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' });
    let label: String = letters.take(most).collect();
    let label = label.trim_matches('-').to_owned();
    (!label.is_empty()).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_takes() {
        for text in ["a", "a-b", "0a", &"a".repeat(63)] {
            assert_eq!(dns_label(text), None, "{text}");
        }
        for text in ["", "-a", "a-", "A", "a_b", "a.b", "ä", &"a".repeat(64)] {
            assert!(dns_label(text).is_some(), "{text}");
        }
        for text in ["a.b", "a-b.c", &["a".repeat(63), "b".repeat(63)].join(".")] {
            assert_eq!(dns_subdomain(text), None, "{text}");
        }
        for text in ["", ".", "a..b", "a.", ".a", "a_b", &"a.".repeat(127)] {
            assert!(dns_subdomain(text).is_some(), "{text}");
        }
        for text in ["Issuer", "AWSPCAClusterIssuer", "a-1"] {
            assert_eq!(kind(text), None, "{text}");
        }
        for text in ["", "Foo Bar", "1a", "a-", "a.b", "ä", &"a".repeat(64)] {
            assert!(kind(text).is_some(), "{text}");
        }
        for text in ["a", "A.b_c", "example.com/a", "example.com/A_b.c", "1"] {
            assert_eq!(label_key(text), None, "{text}");
        }
        for text in ["", "/", "a/", "/a", "a/b/c", "Example.com/a", "a b", "-a", "a-", "a/é"] {
            assert!(label_key(text).is_some(), "{text}");
        }
        for text in ["a", "A-b_c.d", "tls.crt", ".a", "_"] {
            assert_eq!(data_key(text), None, "{text}");
        }
        for text in ["", ".", "..", "..a", "a/b", "a b", &"a".repeat(254)] {
            assert!(data_key(text).is_some(), "{text}");
        }
        for text in ["", "a", "A-b_c.d", "1"] {
            assert_eq!(label_value(text), None, "{text}");
        }
        for text in [" ", "a b", "a/b", "_a", "a:b", &"a".repeat(64)] {
            assert!(label_value(text).is_some(), "{text}");
        }
    }

    #[test]
    fn nearest_label() {
        assert_eq!(as_dns_label("My_Cluster", 40).as_deref(), Some("my-cluster"));
        assert_eq!(as_dns_label("_", 40), None);
    }
}
