//! Kubernetes quantities, such as `10Gi` and `250m`: read exactly, compared by value, written in canonical form.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A quantity as it was written. One that cannot be read is refused by a rule, which knows its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    text: String,
    nano: Option<i128>,
}

impl Quantity {
    /// The quantity that a text means.
    pub fn new(text: &str) -> Quantity {
        Quantity { text: text.to_owned(), nano: parse(text) }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it can be read.
    pub fn is_valid(&self) -> bool {
        self.nano.is_some()
    }

    /// The value in units of 10^-9; 0 when it cannot be read.
    pub fn nano(&self) -> i128 {
        self.nano.unwrap_or(0)
    }

    /// The value in whole units, such as bytes, rounded down; 0 when it is negative or cannot be read.
    pub fn whole(&self) -> u64 {
        u64::try_from(self.nano().div_euclid(NANO)).unwrap_or(0)
    }

    /// The form that the API server would answer with: no fraction, the largest suffix that divides the value, of the
    /// family (decimal or binary) that it was written in.
    pub fn canonical(&self) -> String {
        let Some(nano) = self.nano else { return self.text.clone() };
        if nano == 0 {
            return "0".to_owned();
        }
        // Binary suffixes are for whole numbers; the server turns 0.5 with a binary suffix into a decimal one.
        if self.text.ends_with('i') && nano % NANO == 0 {
            let (mut value, mut power) = (nano / NANO, 0);
            while value % 1024 == 0 && power + 1 < BINARY.len() {
                value /= 1024;
                power += 1;
            }
            return format!("{value}{}", BINARY[power]);
        }
        let (mut value, mut power) = (nano, 0);
        while value % 1000 == 0 && power + 1 < DECIMAL.len() {
            value /= 1000;
            power += 1;
        }
        format!("{value}{}", DECIMAL[power])
    }
}

const NANO: i128 = 1_000_000_000;
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

/// Sign, digits with at most one point, and a suffix or a decimal exponent.
/// The grammar is that of `k8s.io/apimachinery/pkg/api/resource`; the value is capped there at 2^63 - 1.
fn parse(text: &str) -> Option<i128> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || whole.len() + fraction.len() == 0 || number.len() > 30 {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()?;
    let value = if let Some(power) = BINARY[1..].iter().position(|known| *known == suffix) {
        let factor = 1024_i128.checked_pow(u32::try_from(power).ok()? + 1)?;
        shift(digits.checked_mul(factor)?, 9 - scale)?
    } else {
        let power = match DECIMAL.iter().position(|known| *known == suffix) {
            Some(power) => i32::try_from(power).ok()? * 3 - 9,
            None => exponent(suffix)?,
        };
        shift(digits, 9 - scale + power)?
    };
    let value = value.min(i128::from(i64::MAX) * NANO);
    Some(if negative { -value } else { value })
}

fn exponent(suffix: &str) -> Option<i32> {
    let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    (-30..=30).contains(&power).then_some(power)
}

/// Times a power of ten, rounded up as the API server does.
fn shift(value: i128, power: i32) -> Option<i128> {
    let factor = 10_i128.checked_pow(power.unsigned_abs())?;
    if power >= 0 { value.checked_mul(factor) } else { Some((value + factor - 1) / factor) }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Quantity, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Integer(i64),
            Decimal(f64),
            Text(String),
        }
        Ok(Quantity::new(&match Written::deserialize(deserializer)? {
            Written::Integer(integer) => integer.to_string(),
            Written::Decimal(decimal) => decimal.to_string(),
            Written::Text(text) => text,
        }))
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An amount as Kubernetes writes it: a number with an optional suffix, such as `500m`, `2`, `512Mi`, `10Gi`.",
            "type": ["string", "number"],
            "pattern": r"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Quantity;

    #[test]
    fn values_and_canonical_forms() {
        // What `k8s.io/apimachinery` answers for the same text.
        for (text, nano, canonical) in [
            ("0", 0, "0"),
            ("1", 1_000_000_000, "1"),
            ("1000m", 1_000_000_000, "1"),
            ("0.5", 500_000_000, "500m"),
            (".5", 500_000_000, "500m"),
            ("1.", 1_000_000_000, "1"),
            ("100u", 100_000, "100u"),
            ("1n", 1, "1n"),
            ("1k", 1_000_000_000_000, "1k"),
            ("1e3", 1_000_000_000_000, "1k"),
            ("1E", 1_000_000_000_000_000_000_000_000_000, "1E"),
            ("1Ei", (1_i128 << 60) * 1_000_000_000, "1Ei"),
            ("1024Mi", (1_i128 << 30) * 1_000_000_000, "1Gi"),
            ("1.5Gi", 3 * (1_i128 << 29) * 1_000_000_000, "1536Mi"),
            ("1500M", 1_500_000_000_000_000_000, "1500M"),
            ("3072", 3_072_000_000_000, "3072"),
            ("-1", -1_000_000_000, "-1"),
        ] {
            let quantity = Quantity::new(text);
            assert!(quantity.is_valid(), "{text}");
            assert_eq!(quantity.nano(), nano, "{text}");
            assert_eq!(quantity.canonical(), canonical, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_quantity() {
        for text in
            ["", "Gi", "10GB", "512mb", "1 Gi", "1.2.3", "0x10", "ten", "1Ki5", "--1", "1e", "."]
        {
            assert!(!Quantity::new(text).is_valid(), "{text}");
        }
    }
}
