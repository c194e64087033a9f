//! Changes to good texts: of bytes, of lines, of words, and of values in the tree.

use std::fs;

use redis_cluster_gen::yaml;
use serde_json::{Value, json};

use crate::common::{
    random::Random,
    rendered::{example_specs, root},
    specs,
};

/// Texts to begin with: the examples, specs that are refused, and random valid specs.
pub(crate) fn corpus() -> Vec<Vec<u8>> {
    let mut corpus: Vec<_> = example_specs()
        .into_iter()
        .map(|(_, spec)| fs::read(spec).expect("the example can be read"))
        .collect();
    let mut folders = vec![root().join("tests/reject")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                files.push(path);
            }
        }
    }
    files.sort();
    corpus.extend(files.into_iter().map(|file| fs::read(file).expect("the spec can be read")));
    corpus.extend((0..200).map(|seed| specs::text(seed).into_bytes()));
    corpus
}

/// A changed text.
pub(crate) fn mutation(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    if random.chance(35) {
        return changed_tree(random);
    }
    let mut bytes = random.pick(corpus).clone();
    for _ in 0..random.pick(&[1, 1, 1, 2, 3, 8]).to_owned() {
        match random.below(10) {
            0 => bytes_changed(&mut bytes, random),
            1 => cut(&mut bytes, random),
            2 => repeated(&mut bytes, random),
            3 => spliced(&mut bytes, random.pick::<Vec<u8>>(corpus), random),
            4 => lines_swapped(&mut bytes, random),
            5 => indented(&mut bytes, random),
            6 => value_replaced(&mut bytes, random),
            _ => word_inserted(&mut bytes, random),
        }
    }
    bytes
}

/// What means something to a YAML reader, to Kubernetes or to us.
const WORDS: [&str; 72] = [
    ":",
    ": ",
    "- ",
    "? ",
    "# ",
    "|",
    ">",
    "|-",
    "|2",
    ">+9",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&a ",
    "*a",
    "<<: *a",
    "!",
    "!!str ",
    "!<tag:x> ",
    "'",
    "\"",
    "\\",
    "\\x",
    "\\uD800",
    "%YAML 1.1\n",
    "---",
    "---\n",
    "...\n",
    "\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "  ",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\0",
    "\u{7f}",
    "\u{1f980}",
    "é",
    "~",
    "null",
    "yes",
    "on",
    "0x1F",
    "0o17",
    "0755",
    "1_000",
    "12:30:45",
    "2001-01-01",
    "1e400",
    "-1",
    "-0",
    "0",
    "4294967295",
    "18446744073709551616",
    ".inf",
    ".nan",
    "1Gi",
    "1E",
    "512MB",
    "${X}",
    "$$",
    "{{ x }}",
    "apiVersion",
    "spec:",
    "shards: 2",
    "name: ",
    "config:\n    maxmemory: 1",
];

fn position(bytes: &[u8], random: &mut Random) -> usize {
    random.below(bytes.len() + 1)
}

fn range(bytes: &[u8], random: &mut Random, longest: usize) -> std::ops::Range<usize> {
    let start = position(bytes, random);
    let end = (start + random.below(longest + 1)).min(bytes.len());
    start..end
}

fn bytes_changed(bytes: &mut [u8], random: &mut Random) {
    for _ in 0..random.below(4) + 1 {
        if !bytes.is_empty() {
            let at = random.below(bytes.len());
            // Mostly ASCII, so that it stays UTF-8 and gets further.
            bytes[at] =
                if random.chance(80) { random.below(128) as u8 } else { random.below(256) as u8 };
        }
    }
}

fn cut(bytes: &mut Vec<u8>, random: &mut Random) {
    if random.chance(20) {
        bytes.truncate(position(bytes, random));
    } else {
        drop(bytes.drain(range(bytes, random, 64)));
    }
}

fn repeated(bytes: &mut Vec<u8>, random: &mut Random) {
    let range = range(bytes, random, 200);
    let times = *random.pick(&[1, 2, 10, 100]);
    let part = bytes[range.clone()].repeat(times);
    drop(bytes.splice(range.end..range.end, part));
}

fn spliced(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let part = other[range(other, random, 400)].to_vec();
    let place = if random.chance(50) { range(bytes, random, 400) } else { range(bytes, random, 0) };
    drop(bytes.splice(place, part));
}

fn word_inserted(bytes: &mut Vec<u8>, random: &mut Random) {
    let word = random.pick(&WORDS).as_bytes().to_vec();
    let place = if random.chance(50) { range(bytes, random, 0) } else { range(bytes, random, 6) };
    drop(bytes.splice(place, word));
}

fn with_lines(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let mut lines: Vec<_> =
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if !lines.is_empty() {
        change(&mut lines);
        *bytes = lines.concat();
    }
}

fn lines_swapped(bytes: &mut Vec<u8>, random: &mut Random) {
    with_lines(bytes, |lines| {
        let (one, other) = (random.below(lines.len()), random.below(lines.len()));
        lines.swap(one, other);
    });
}

fn indented(bytes: &mut Vec<u8>, random: &mut Random) {
    with_lines(bytes, |lines| {
        let first = random.below(lines.len());
        let last = (first + random.below(5)).min(lines.len() - 1);
        let inwards = random.chance(50);
        let by = *random.pick(&[1, 2, 2, 3, 50]);
        for line in &mut lines[first..=last] {
            if inwards {
                drop(line.splice(0..0, vec![b' '; by]));
            } else if line.starts_with(b"  ") {
                drop(line.drain(..2));
            }
        }
    });
}

/// Another value after the `: ` of a line.
fn value_replaced(bytes: &mut Vec<u8>, random: &mut Random) {
    with_lines(bytes, |lines| {
        let at = random.below(lines.len());
        let line = &mut lines[at];
        if let Some(colon) = line.windows(2).position(|pair| pair == b": ") {
            line.truncate(colon + 2);
            line.extend_from_slice(random.pick(&WORDS).trim_end_matches('\n').as_bytes());
            line.push(b'\n');
        }
    });
}

/// A random spec with other values in some places.
fn changed_tree(random: &mut Random) -> Vec<u8> {
    let mut spec = specs::spec(random.next() % 500);
    for _ in 0..random.below(3) + 1 {
        change_somewhere(&mut spec, random);
    }
    if random.chance(50) {
        let mut text = String::new();
        yaml::write(&spec, &mut text);
        text.into_bytes()
    } else {
        spec.to_string().into_bytes()
    }
}

fn change_somewhere(value: &mut Value, random: &mut Random) {
    match value {
        Value::Object(fields) if !fields.is_empty() && random.chance(85) => {
            let at = random.below(fields.len());
            let key = fields.keys().nth(at).cloned().unwrap_or_default();
            match random.below(12) {
                0 => drop(fields.remove(&key)),
                1 => {
                    // A typing mistake.
                    let mut letters: Vec<_> = key.chars().collect();
                    let place = random.below(letters.len() + 1);
                    letters.insert(place, *random.pick(&['x', '-', 'S', '/', '~', 'é']));
                    let old = fields.remove(&key).unwrap_or_default();
                    fields.insert(letters.into_iter().collect(), old);
                }
                2 => {
                    let hostile = hostile_value(random);
                    fields.insert(random.pick(&WORDS).to_string(), hostile);
                }
                _ => change_somewhere(&mut fields[&key], random),
            }
        }
        Value::Array(items) if !items.is_empty() && random.chance(85) => {
            let at = random.below(items.len());
            match random.below(8) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                2 => items.insert(at, hostile_value(random)),
                _ => change_somewhere(&mut items[at], random),
            }
        }
        Value::Number(number) if random.chance(60) => {
            // The edges of what is allowed are near what is good.
            let number = number.as_i64().unwrap_or_default();
            *value = json!(random.pick(&[
                number.wrapping_add(1),
                number.wrapping_sub(1),
                number.wrapping_neg(),
                number.wrapping_mul(1000),
                number / 2,
                0
            ]));
        }
        Value::String(text) if random.chance(40) => {
            let mut letters: Vec<_> = text.chars().collect();
            let place = random.below(letters.len() + 1);
            let word = random.pick(&WORDS);
            drop(letters.splice(place..place, word.chars()));
            *value = json!(letters.into_iter().collect::<String>());
        }
        _ => *value = hostile_value(random),
    }
}

fn hostile_value(random: &mut Random) -> Value {
    match random.below(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!([]),
        3 => json!({}),
        4 => json!([null]),
        5 => json!(i64::MIN),
        6 => json!(u64::MAX),
        7 => json!(1e308),
        8 => json!(0.1),
        9 => json!("x".repeat(*random.pick(&[64, 254, 5000]))),
        10 => json!({"": {"": [[[]]]}}),
        11 => json!(""),
        12 => json!(vec!["y"; 300]),
        _ => json!(random.pick(&WORDS)),
    }
}
