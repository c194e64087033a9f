//! What YAML readers make of a scalar without quotes: they differ, and this module knows how.
//!
//! Three readings stand for all: YAML 1.2 by its core schema (npm's js-yaml and yaml, most new
//! libraries), PyYAML for YAML 1.1 (Ansible, yamllint, pre-commit), and Go's yaml.v2, which is YAML
//! 1.1 with changes of its own (kubectl, Helm, Argo CD, Flux). `tests/yaml` checks each of them
//! against the real reader.

use std::fmt;

/// What a reader takes a scalar for.
#[derive(Debug, Clone, Copy)]
pub enum Reading {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer; `None` when it needs more than 128 bits.
    Integer(Option<i128>),
    /// A decimal; may be infinite or not a number.
    Float(f64),
    /// A date or a time stamp; PyYAML refuses one that no calendar has.
    Time,
    /// The reader refuses the whole document.
    Refused,
    /// The text as it stands.
    Text,
}

impl PartialEq for Reading {
    fn eq(&self, other: &Reading) -> bool {
        use Reading::{Bool, Float, Integer, Null, Refused, Text, Time};
        match (self, other) {
            (Null, Null) | (Time, Time) | (Refused, Refused) | (Text, Text) => true,
            (Bool(a), Bool(b)) => a == b,
            (Integer(a), Integer(b)) => a == b,
            (Float(a), Float(b)) => a.to_bits() == b.to_bits(),
            _ => false,
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reading::Null => f.write_str("null"),
            Reading::Bool(value) => value.fmt(f),
            Reading::Integer(Some(value)) => value.fmt(f),
            Reading::Integer(None) => f.write_str("a huge number"),
            Reading::Float(value) if value.is_nan() => f.write_str("not a number"),
            Reading::Float(value) if value.is_infinite() => f.write_str("infinity"),
            Reading::Float(value) => {
                let mut text = String::new();
                super::write::decimal(*value, &mut text);
                f.write_str(text.strip_suffix(".0").unwrap_or(&text))
            }
            Reading::Time => f.write_str("a date"),
            Reading::Refused => f.write_str("an error"),
            Reading::Text => f.write_str("text"),
        }
    }
}

/// The readings of one scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Readings {
    /// YAML 1.2, core schema.
    pub core: Reading,
    /// PyYAML.
    pub python: Reading,
    /// Go's yaml.v2, by way of `sigs.k8s.io/yaml`.
    pub go: Reading,
    /// Whether another reader sees something else where these three agree.
    pub other: bool,
}

/// What each reader makes of a scalar without quotes.
pub fn readings(text: &str) -> Readings {
    if surely_text(text) {
        let text = Reading::Text;
        return Readings { core: text, python: text, go: text, other: false };
    }
    Readings {
        core: core(text),
        python: python(text),
        go: go(text),
        other: is_special_to_others(text),
    }
}

/// Whether all readers take the scalar for text.
pub fn is_text(text: &str) -> bool {
    readings(text).agreed() == Some(Reading::Text)
}

impl Readings {
    /// The one reading that all agree on.
    pub fn agreed(&self) -> Option<Reading> {
        (self.core == self.python && self.core == self.go && !self.other).then_some(self.core)
    }
}

/// A quick answer for most words: whatever has a meaning begins in one of few ways.
fn surely_text(text: &str) -> bool {
    match text.as_bytes() {
        [] | [b'e' | b'E', b'0'..=b'9' | b'+' | b'-', ..] => false,
        [b'0'..=b'9' | b'+' | b'-' | b'.' | b'~' | b'<' | b'=', ..] => false,
        [b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O', ..] => text.len() > 5,
        _ => true,
    }
}

fn word(text: &str) -> Option<Reading> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Reading::Null,
        "true" | "True" | "TRUE" => Reading::Bool(true),
        "false" | "False" | "FALSE" => Reading::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Reading::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Reading::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Reading::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

/// Words that are truth values in YAML 1.1 alone.
fn old_word(text: &str) -> Option<Reading> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(Reading::Bool(true)),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(Reading::Bool(false)),
        _ => None,
    }
}

/// The parts of what looks like a decimal number; underscores count as digits.
struct Decimal<'a> {
    signed: bool,
    negative: bool,
    whole: &'a str,
    fraction: Option<&'a str>,
    exponent: Option<&'a str>,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Decimal<'a>> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
        let exponent_digits = |part: &str| {
            let digits = part.strip_prefix(['+', '-']).unwrap_or(part);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        let fits = digits(whole)
            && fraction.is_none_or(digits)
            && exponent.is_none_or(exponent_digits)
            && (!whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty()));
        fits.then_some(Decimal {
            signed: unsigned.len() < text.len(),
            negative: text.starts_with('-'),
            whole,
            fraction,
            exponent,
        })
    }

    fn is_integer(&self) -> bool {
        self.fraction.is_none() && self.exponent.is_none()
    }

    fn has_underscore(&self) -> bool {
        self.whole.contains('_') || self.fraction.is_some_and(|fraction| fraction.contains('_'))
    }

    fn float(text: &str) -> Reading {
        // Rust reads whatever `parse` let through, once the underscores are gone.
        text.replace('_', "").parse().map_or(Reading::Text, Reading::Float)
    }
}

/// An integer from its digits; underscores are skipped.
fn integer(negative: bool, digits: &str, radix: u32) -> Reading {
    let mut value: i128 = 0;
    for digit in digits.bytes().filter(|byte| *byte != b'_') {
        let Some(digit) = char::from(digit).to_digit(radix) else { return Reading::Refused };
        let next =
            value.checked_mul(radix.into()).and_then(|value| value.checked_add(digit.into()));
        let Some(next) = next else { return Reading::Integer(None) };
        value = next;
    }
    Reading::Integer(Some(if negative { -value } else { value }))
}

/// Whether there is at least one digit of the base, and nothing else but underscores.
fn all_digits(digits: &str, radix: u32, underscores: bool) -> bool {
    !digits.is_empty()
        && digits.chars().all(|digit| digit.is_digit(radix) || underscores && digit == '_')
}

/// YAML 1.2, chapter 10.3.2.
fn core(text: &str) -> Reading {
    if let Some(reading) = word(text) {
        return reading;
    }
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return if all_digits(digits, radix, false) {
                integer(false, digits, radix)
            } else {
                Reading::Text
            };
        }
    }
    match Decimal::parse(text) {
        Some(decimal) if decimal.has_underscore() => Reading::Text,
        Some(decimal) if decimal.is_integer() => integer(decimal.negative, decimal.whole, 10),
        Some(_) => Decimal::float(text),
        None => Reading::Text,
    }
}

/// PyYAML 6, `resolver.py` and `constructor.py`.
fn python(text: &str) -> Reading {
    if let Some(reading) = word(text).or_else(|| old_word(text)) {
        return reading;
    }
    if matches!(text, "=" | "<<") {
        return Reading::Refused;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    for (prefix, radix) in [("0b", 2), ("0x", 16)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            if !all_digits(digits, radix, true) {
                return Reading::Text;
            }
            let empty = digits.bytes().all(|byte| byte == b'_');
            return if empty { Reading::Refused } else { integer(negative, digits, radix) };
        }
    }
    if let Some(decimal) = Decimal::parse(text) {
        let begins = |part: &str| part.starts_with(|first: char| first.is_ascii_digit());
        if decimal.is_integer() {
            return match decimal.whole {
                "0" => Reading::Integer(Some(0)),
                octal if octal.starts_with('0') => {
                    if !all_digits(octal, 8, true) {
                        return Reading::Text;
                    }
                    integer(negative, octal, 8)
                }
                whole if begins(whole) => integer(negative, whole, 10),
                _ => Reading::Text,
            };
        }
        let signed_exponent = |exponent: &str| exponent.starts_with(['+', '-']);
        let shape = match decimal.fraction {
            Some(fraction) if decimal.whole.is_empty() => begins(fraction) && !decimal.signed,
            Some(_) => begins(decimal.whole),
            None => false,
        };
        return if shape && decimal.exponent.is_none_or(signed_exponent) {
            Decimal::float(text)
        } else {
            Reading::Text
        };
    }
    if let Some(reading) = sexagesimal(unsigned, negative) {
        return reading;
    }
    if is_time(text) { Reading::Time } else { Reading::Text }
}

/// Numbers in base 60, such as `12:30:45` and `190:20:30.15`.
fn sexagesimal(unsigned: &str, negative: bool) -> Option<Reading> {
    let (digits, fraction) = match unsigned.split_once('.') {
        Some((digits, fraction)) => (digits, Some(fraction)),
        None => (unsigned, None),
    };
    let mut parts = digits.split(':');
    let first = parts.next()?;
    if !first.starts_with(|first: char| first.is_ascii_digit()) || !all_digits(first, 10, true) {
        return None;
    }
    let mut value = match integer(false, first, 10) {
        Reading::Integer(value) => value,
        _ => return None,
    };
    let mut count = 0;
    for part in parts {
        let number: i128 = match part.as_bytes() {
            [low @ b'0'..=b'9'] => (low - b'0').into(),
            [high @ b'0'..=b'5', low @ b'0'..=b'9'] => ((high - b'0') * 10 + (low - b'0')).into(),
            _ => return None,
        };
        value = value.and_then(|value| value.checked_mul(60)?.checked_add(number));
        count += 1;
    }
    if count == 0 {
        return None;
    }
    match fraction {
        // A leading zero is for decimals alone.
        None if first.starts_with('0') => None,
        None => Some(Reading::Integer(value.map(|value| if negative { -value } else { value }))),
        Some(fraction) if fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') => {
            let fraction = fraction.replace('_', "");
            let fraction: f64 = format!("0.{fraction}0").parse().unwrap_or_default();
            let value = value.map_or(f64::INFINITY, |value| value as f64) + fraction;
            Some(Reading::Float(if negative { -value } else { value }))
        }
        Some(_) => None,
    }
}

/// What other readers do not see as these three do: a time such as `0:30` and a date such as
/// `2001-1-1` are not text to YAML 1.1 as it is written, npm's yaml takes a lone dot or exponent for a
/// number that is none, and serde_yaml takes `01` for text.
fn is_special_to_others(text: &str) -> bool {
    is_short_time(text)
        || is_short_date(text)
        || is_exponent(text)
        || is_dot(text)
        || has_leading_zero(text)
}

fn has_leading_zero(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    unsigned.len() > 1 && unsigned.starts_with('0') && all_digits(unsigned, 10, false)
}

fn is_short_time(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    unsigned.starts_with('0')
        && matches!(sexagesimal(&format!("1{unsigned}"), false), Some(Reading::Integer(_)))
}

fn is_short_date(text: &str) -> bool {
    let part = |part: Option<&str>, lengths: std::ops::RangeInclusive<usize>| {
        part.is_some_and(|part| lengths.contains(&part.len()) && all_digits(part, 10, false))
    };
    let mut parts = text.splitn(3, '-');
    part(parts.next(), 4..=4) && part(parts.next(), 1..=2) && part(parts.next(), 1..=2)
}

/// An exponent without a number, such as `e3` or `-E5`.
pub(super) fn is_exponent(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let text = text.strip_prefix('.').unwrap_or(text);
    let Some(digits) = text.strip_prefix(['e', 'E']) else { return false };
    let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_dot(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    text.strip_prefix('.').is_some_and(|rest| {
        rest.is_empty()
            || rest.starts_with('_')
                && rest.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit())
    })
}

/// The dates and time stamps of YAML 1.1.
fn is_time(text: &str) -> bool {
    let mut rest = text;
    let digits = |least: usize, most: usize, rest: &mut &str| {
        let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        *rest = &rest[count..];
        count >= least
    };
    let eat = |what: char, rest: &mut &str| match rest.strip_prefix(what) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    };
    let date = digits(4, 4, &mut rest)
        && eat('-', &mut rest)
        && digits(1, 2, &mut rest)
        && eat('-', &mut rest)
        && digits(1, 2, &mut rest);
    if !date {
        return false;
    }
    if rest.is_empty() {
        // Without a time all digits have to be there.
        return text.len() == 10;
    }
    rest = match rest.strip_prefix(['T', 't']) {
        Some(after) => after,
        None if rest.starts_with([' ', '\t']) => rest.trim_start_matches([' ', '\t']),
        None => return false,
    };
    let time = digits(1, 2, &mut rest)
        && eat(':', &mut rest)
        && digits(2, 2, &mut rest)
        && eat(':', &mut rest)
        && digits(2, 2, &mut rest);
    if !time {
        return false;
    }
    if let Some(after) = rest.strip_prefix('.') {
        rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    let zone = rest.trim_start_matches([' ', '\t']);
    if zone.is_empty() {
        return rest.is_empty();
    }
    if zone == "Z" {
        return true;
    }
    let Some(mut zone) = zone.strip_prefix(['+', '-']) else { return false };
    digits(1, 2, &mut zone)
        && (zone.is_empty() || eat(':', &mut zone) && digits(2, 2, &mut zone) && zone.is_empty())
}

/// Go's yaml.v2, `resolve.go`; a time stamp stays text in a value without a type.
fn go(text: &str) -> Reading {
    if let Some(reading) = word(text).or_else(|| old_word(text)) {
        return reading;
    }
    match text {
        "y" | "Y" => return Reading::Bool(true),
        "n" | "N" => return Reading::Bool(false),
        // A merge of nothing.
        "<<" => return Reading::Text,
        _ => {}
    }
    if !text.starts_with(|first: char| matches!(first, '+' | '-' | '.' | '0'..='9')) {
        return Reading::Text;
    }
    if text.starts_with('.') {
        // Go's own rule for underscores, rather than that of yaml.v2.
        let between_digits =
            |text: &str| !text.starts_with("._") && !text.contains("__") && !text.ends_with('_');
        return match Decimal::parse(text) {
            Some(_) if between_digits(text) => finite(text),
            _ => Reading::Text,
        };
    }
    let plain = text.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'b' | b'B', ..] => (&unsigned[2..], 2),
        [b'0', b'o' | b'O', ..] => (&unsigned[2..], 8),
        [b'0', b'x' | b'X', ..] => (&unsigned[2..], 16),
        [b'0', _, ..] => (&unsigned[1..], 8),
        _ => (unsigned, 10),
    };
    if all_digits(digits, radix, false) {
        let negative = plain.starts_with('-');
        if let Reading::Integer(Some(value)) = integer(negative, digits, radix) {
            let fits = i64::try_from(value).is_ok()
                || u64::try_from(value).is_ok() && unsigned.len() == plain.len();
            if fits {
                return Reading::Integer(Some(value));
            }
        }
    }
    // What is an integer to Go but too large becomes a decimal, and loses digits.
    match Decimal::parse(&plain) {
        Some(_) => finite(&plain),
        None => Reading::Text,
    }
}

/// A decimal, or text when it is too large for one.
fn finite(text: &str) -> Reading {
    match Decimal::float(text) {
        Reading::Float(value) if value.is_finite() => Reading::Float(value),
        _ => Reading::Text,
    }
}
