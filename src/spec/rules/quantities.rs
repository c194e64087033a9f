//! Amounts of memory, storage and processor time.

use std::collections::BTreeMap;

use super::{
    super::quantity::Quantity, super::suggest::closest, super::written::join, Facts, Finding,
    Findings, Rule,
};
use crate::error::Severity;

/// An amount, where it stands, and whether it counts bytes.
struct Amount<'a> {
    pointer: String,
    quantity: &'a Quantity,
    bytes: bool,
}

/// All amounts of a spec.
fn amounts<'a>(facts: &Facts<'a>) -> Vec<Amount<'a>> {
    let spec = facts.spec;
    let single = [
        ("/spec/storage/size", spec.storage.size.as_ref()),
        (
            "/spec/storage/ephemeral/sizeLimit",
            spec.storage.ephemeral.as_ref().and_then(|ephemeral| ephemeral.size_limit.as_ref()),
        ),
        ("/spec/memory/maxmemory", spec.memory.maxmemory.as_ref()),
        (
            "/spec/backup/volume/size",
            spec.backup.as_ref().and_then(|backup| backup.volume.as_ref()?.size.as_ref()),
        ),
    ];
    let single = single.into_iter().filter_map(|(pointer, quantity)| {
        Some(Amount { pointer: pointer.to_owned(), quantity: quantity?, bytes: true })
    });
    let resources = resources(facts).into_iter().flat_map(|(pointer, amounts)| {
        amounts.iter().map(move |(name, quantity)| Amount {
            pointer: join(pointer, name),
            quantity,
            bytes: name == "memory"
                || name == "ephemeral-storage"
                || name.starts_with("hugepages-"),
        })
    });
    single.chain(resources).collect()
}

/// The requests and limits of the server and of the exporter.
fn resources<'a>(facts: &Facts<'a>) -> [(&'static str, &'a BTreeMap<String, Quantity>); 4] {
    let (server, exporter) =
        (&facts.spec.pod.resources, &facts.spec.observability.exporter.resources);
    [
        ("/spec/pod/resources/requests", &server.requests),
        ("/spec/pod/resources/limits", &server.limits),
        ("/spec/observability/exporter/resources/requests", &exporter.requests),
        ("/spec/observability/exporter/resources/limits", &exporter.limits),
    ]
}

pub(super) const QUANTITY_SYNTAX: Rule = Rule {
    code: "RCG231",
    name: "quantity-syntax",
    severity: Severity::Error,
    title: "an amount is not one that Kubernetes can read",
    story: "\
An amount is a number and a suffix: `Ki`, `Mi`, `Gi`, `Ti` count in steps of 1024, `k`, `M`, `G`, `T` in steps of 1000, `m` is a thousandth. `512MB`, `512mb` and `10GiB` are none. \
Directives of Redis have suffixes of their own (`mb` is 1024 x 1024 bytes there), so `512mb` in a redis.conf is `512Mi` here. `maxmemory` in percent of the limit is `spec.memory.headroomPercent`, which is the rest.",
    check: Some(quantity_syntax),
};

fn quantity_syntax(facts: &Facts<'_>, found: &mut Findings) {
    for Amount { pointer, quantity, bytes } in amounts(facts) {
        if quantity.is_valid() {
            continue;
        }
        let text = quantity.text();
        found.push(|| {
        let finding =
            Finding::at(&pointer, format!("`{text}` is not an amount")).label("not an amount");
        match meant(text) {
            Meant::Percent(percent) if pointer == "/spec/memory/maxmemory" && (10..=90).contains(&percent) => {
                finding.help(format!("remove it and write `headroomPercent: {}`: that is the part of the memory limit that stays free", 100 - percent))
            }
            Meant::Bytes { number, letter } => {
                let (decimal, binary) = (format!("{number}{}", if letter == 'K' { 'k' } else { letter }), format!("{number}{letter}i"));
                let whole = |text: &str| Quantity::new(text).whole();
                finding.help(format!("write `{binary}` ({} bytes) or `{decimal}` ({} bytes)", whole(&binary), whole(&decimal)))
            }
            Meant::Other(other) => finding.help(format!("write `{other}`")),
            _ if bytes => finding.help("write a number and a suffix, such as `512Mi` or `10Gi`"),
            _ => finding.help("write a number, such as `2`, or thousandths, such as `500m`"),
        }
        });
    }
}

enum Meant {
    Percent(u32),
    Bytes { number: String, letter: char },
    Other(String),
    Unknown,
}

/// What somebody meant who wrote an amount as others do.
fn meant(text: &str) -> Meant {
    let squeezed: String =
        text.chars().filter(|char| !char.is_whitespace()).collect::<String>().replace(',', ".");
    if Quantity::new(&squeezed).is_valid() {
        return Meant::Other(squeezed);
    }
    if let Some(percent) = squeezed.strip_suffix('%').and_then(|number| number.parse().ok()) {
        return Meant::Percent(percent);
    }
    let end =
        squeezed.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(squeezed.len());
    let (number, suffix) = squeezed.split_at(end);
    let letter = suffix
        .chars()
        .next()
        .map(|letter| letter.to_ascii_uppercase())
        .filter(|letter| "KMGT".contains(*letter));
    match (letter, suffix.to_ascii_lowercase().get(1..)) {
        (Some(letter), Some("b" | "")) if Quantity::new(number).is_valid() => {
            Meant::Bytes { number: number.to_owned(), letter }
        }
        (Some(letter), Some("ib" | "i")) if Quantity::new(number).is_valid() => {
            Meant::Other(format!("{number}{letter}i"))
        }
        _ => Meant::Unknown,
    }
}

pub(super) const QUANTITY_NOT_POSITIVE: Rule = Rule {
    code: "RCG232",
    name: "quantity-not-positive",
    severity: Severity::Error,
    title: "an amount is zero or negative",
    story: "\
A volume, a limit or `maxmemory` of nothing cannot work: `maxmemory 0` means no bound to Redis, and a limit of 0 means no limit to Kubernetes. Leave the field out for its default. A \
request may be `0`.",
    check: Some(quantity_not_positive),
};

fn quantity_not_positive(facts: &Facts<'_>, found: &mut Findings) {
    for Amount { pointer, quantity, .. } in amounts(facts) {
        let is_request = pointer.contains("/resources/requests/");
        if quantity.is_valid() && (quantity.nano() < 0 || quantity.nano() == 0 && !is_request) {
            let text = quantity.text();
            found.push(|| {
                Finding::at(
                    pointer,
                    format!(
                        "`{text}` is {}",
                        if quantity.nano() < 0 { "negative" } else { "nothing" }
                    ),
                )
                .label("must be more than 0")
                .help("write how much it is, or remove the key for the default")
            });
        }
    }
}

pub(super) const THOUSANDTHS_OF_BYTES: Rule = Rule {
    code: "RCG233",
    name: "thousandths-of-bytes",
    severity: Severity::Error,
    title: "an amount of bytes is not whole",
    story: "\
The suffix `m` means thousandths: `512m` of memory is half a byte. Kubernetes takes it, and the pods never start. `M` is a million bytes, `Mi` 1024 x 1024.",
    check: Some(thousandths_of_bytes),
};

fn thousandths_of_bytes(facts: &Facts<'_>, found: &mut Findings) {
    for Amount { pointer, quantity, bytes } in amounts(facts) {
        if bytes && quantity.nano() > 0 && quantity.nano() % 1_000_000_000 != 0 {
            let text = quantity.text();
            found.push(|| {
                let finding =
                    Finding::at(pointer, format!("`{text}` is not a whole number of bytes"));
                match text.strip_suffix('m') {
                    Some(number) => finding
                        .label("`m` means thousandths")
                        .help(format!("write `{number}Mi` or `{number}M`")),
                    None => finding.help("write a whole number with a suffix, such as `512Mi`"),
                }
            });
        }
    }
}

pub(super) const DECIMAL_BYTES: Rule = Rule {
    code: "RCG234",
    name: "decimal-bytes",
    severity: Severity::Warning,
    title: "an amount of bytes counts in steps of 1000",
    story: "\
`10G` is 10 x 1000 x 1000 x 1000 bytes, 7 % less than `10Gi`. Disks are sold in the first, memory and most dashboards count in the second, and a spec that mixes them has sums that do not \
add up. Write the suffix with `i`, or the number of bytes where it must be exactly that.",
    check: Some(decimal_bytes),
};

fn decimal_bytes(facts: &Facts<'_>, found: &mut Findings) {
    for Amount { pointer, quantity, bytes } in amounts(facts) {
        let text = quantity.text();
        let letter = text
            .chars()
            .next_back()
            .filter(|letter| matches!(letter, 'k' | 'M' | 'G' | 'T' | 'P' | 'E'));
        if let (true, true, Some(letter)) =
            (bytes, quantity.is_valid() && quantity.nano() > 0, letter)
        {
            let number = &text[..text.len() - 1];
            found.push(|| {
                Finding::at(pointer, format!("`{text}` is {}", show_bytes(quantity.whole())))
                    .label("steps of 1000")
                    .help(format!(
                        "write `{number}{}i` if that was meant, or `{}` for exactly this much",
                        letter.to_ascii_uppercase(),
                        quantity.whole()
                    ))
            });
        }
    }
}

/// Bytes in the largest unit that has at least one, with two decimals where they say something.
pub(super) fn show_bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 5] =
        [("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10), (" bytes", 1)];
    let (unit, size) = UNITS.into_iter().find(|(_, size)| bytes >= *size).unwrap_or((" bytes", 1));
    let hundredths = u128::from(bytes) * 100 / u128::from(size);
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => format!("{whole}{unit}"),
        (whole, rest) if rest % 10 == 0 => format!("{whole}.{}{unit}", rest / 10),
        (whole, rest) => format!("{whole}.{rest:02}{unit}"),
    }
}

pub(super) const RESOURCE_NAME: Rule = Rule {
    code: "RCG235",
    name: "resource-name",
    severity: Severity::Error,
    title: "a resource is not one that Kubernetes knows",
    story: "\
Requests and limits are for `cpu`, `memory`, `ephemeral-storage`, `hugepages-SIZE`, or a resource of a device with a domain before it, such as `example.com/device`. Anything else is \
refused by the API server. The size of the volume is `spec.storage.size`.",
    check: Some(resource_name),
};

fn resource_name(facts: &Facts<'_>, found: &mut Findings) {
    const NAMES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
    for (pointer, amounts) in resources(facts) {
        for name in amounts.keys() {
            if NAMES.contains(&name.as_str())
                || name.starts_with("hugepages-")
                || name.contains('/')
            {
                continue;
            }
            found.push(|| {
            let finding = Finding::at_key(
                join(pointer, name),
                format!("`{name}` is not a resource that Kubernetes knows"),
            );
            match (name.as_str(), closest(name, NAMES)) {
                ("mem" | "ram" | "RAM", _) => finding.help("write `memory`"),
                ("storage" | "disk", _) => finding.help("the size of the volume is `spec.storage.size`; the node's own disk is `ephemeral-storage`"),
                (_, Some(meant)) => finding.help(format!("did you mean `{meant}`?")),
                _ => finding.help("write `cpu`, `memory` or `ephemeral-storage`"),
            }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::show_bytes;

    #[test]
    fn bytes_in_a_sentence() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1Ki"),
            (10_000_000_000, "9.31Gi"),
            (3 << 29, "1.5Gi"),
            (u64::MAX, "16777215.99Ti"),
        ] {
            assert_eq!(show_bytes(bytes), text);
        }
    }
}
