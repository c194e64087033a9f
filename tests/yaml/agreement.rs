//! Whatever our reader accepts, every other reader accepts too, and reads the same.

use std::{collections::HashSet, fmt::Write as _};

use super::{
    corpus::Random,
    readers::{self, Answers, Outcome},
};

/// Documents that have a bit of everything.
const BASES: [&str; 12] = [
    "a: 1\nb:\n  c: [x, 'y', \"z\"]\n  d: {e: f, g: null}\n",
    "a: |\n  text\n   more\n\n  end\nb: >-\n  folded\n  text\nc: x\n",
    "- a\n- b: c\n  d: e\n- - f\n  - g\n-\n  h: i\n",
    "a:\n- b\n- c\nd:\n  - e\n  -\n    f: g\n",
    "'a b': \"c\\td\"\n\"e\": 'it''s'\n? f\n: g\n",
    "# comment\na: b # comment\n\n# comment\nc: # comment\n  d: e\n",
    "{a: b, c: [d, e: f], 'g': h, \"i\":j}\n",
    "[a, [b, {c: d}], {}, [], '', \"\"]\n",
    "a: some plain text, with (brackets) and \"quotes\"\nb: goes\n  on here\nc: http://x.y:80/#z?q=1\n",
    "---\na: true\nb: ~\nc: 1.5\nd: -3\n...\n",
    "a: \"two\n  lines\"\nb: 'two\n\n  lines'\nc:\n  - |\n    x\n  - >\n    y\n    z\n  - |+\n    w\n\n",
    "\u{feff}a: b\r\nc:\r\n  - |\r\n    d\r\n    e\r\n  - f\r\n",
];

const PIECES: [&str; 60] = [
    " ", "  ", "\n", "\n  ", "\n    ", "\n- ", "\n  - ", "- ", ": ", ":", "? ", "\n? ", "\n: ",
    ", ", ",", "[", "]", "{", "}", "'", "\"", "#", " #", "# x\n", "|", "|\n", "|-\n", "|+\n",
    ">\n", ">+\n", "|2\n", "\\", "\\n", "\\\n", "a", "b: c", "x\n", "1", "0", "~", "true", "=",
    "<", "%", "@", "-", "--- ", "\n---\n", "...", "\n...\n", "\t", "\r", "\r\n", "é", "🎉", "-\n",
    "!x ", "&x ", "*x", "<<: ",
];

/// Random changes to the documents above that our reader still accepts.
fn accepted(count: usize) -> Vec<String> {
    let mut random = Random(0xacce);
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    while all.len() < count {
        let mut text = BASES[random.below(BASES.len())].to_owned();
        for _ in 0..=random.below(4) {
            let boundaries: Vec<usize> =
                (0..=text.len()).filter(|&at| text.is_char_boundary(at)).collect();
            let at = boundaries[random.below(boundaries.len())];
            let next = boundaries.iter().copied().find(|&next| next > at).unwrap_or(at);
            let piece = PIECES[random.below(PIECES.len())];
            match random.below(4) {
                0 => text.replace_range(at..next, ""),
                1 => text.replace_range(at..next, piece),
                _ => text.insert_str(at, piece),
            }
        }
        if seen.insert(text.clone()) && readers::read(&text).is_ok() {
            all.push(text);
        }
    }
    all
}

#[test]
fn what_we_accept_is_read_alike_by_all() {
    let count = std::env::var("YAML_DOCUMENTS")
        .map_or(3000, |count| count.parse().expect("YAML_DOCUMENTS is a number"));
    let texts = accepted(count);
    let answers = readers::ask_all(&texts, &[]);
    let mut report = String::new();
    for (i, text) in texts.iter().enumerate() {
        let expected = readers::read(text);
        let wrong: Vec<&Answers> = answers
            .iter()
            .filter(|answers| !alike(answers, &answers.documents[i], &expected, text))
            .collect();
        if !wrong.is_empty() {
            let _ = writeln!(report, "{text:?}\n       ours: {expected:?}");
            for answers in wrong {
                let _ = writeln!(report, " {:>10}: {:?}", answers.reader, answers.documents[i]);
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}

fn alike(answers: &Answers, outcome: &Outcome, expected: &Outcome, text: &str) -> bool {
    if readers::same(outcome, expected) {
        return true;
    }
    let error = outcome.as_ref().err().map_or("", String::as_str);
    match answers.reader {
        // js-yaml 5 refuses a closing bracket that is indented like its key, which js-yaml 4 and all others read, and
        // which formatters write.
        "js-yaml" => {
            error.contains("deficient indentation")
                && text.lines().any(|line| line.trim_start().starts_with([']', '}']))
        }
        // It takes a byte order mark for something of the document.
        "serde_yaml" => !error.is_empty() && text.starts_with('\u{feff}'),
        _ => false,
    }
}
