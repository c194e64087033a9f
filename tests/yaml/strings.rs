//! Every difficult string, as value and as key at every kind of place, through every reader.

use std::fmt::Write as _;

use redis_cluster_gen::yaml;
use serde_json::{Value, json};

use super::{
    corpus,
    readers::{self, Outcome},
};

#[test]
#[expect(clippy::print_stdout, reason = "the count of each reader is what this proves")]
fn every_reader_reads_what_we_write() {
    let strings = corpus::strings();
    assert!(strings.len() >= 1000, "only {} strings", strings.len());
    let documents: Vec<Value> =
        strings.iter().flat_map(|string| [as_value(string), as_key(string)]).collect();
    // Where one document ends and the next begins is a place of its own.
    let stream: Vec<Value> = strings.iter().map(|string| json!({"last": string})).collect();
    let (texts, stream_texts) = (written(&documents), written(&stream));

    let mut report = String::new();
    let all = readers::ask_all(&texts, &stream_texts);
    for answers in &all {
        let name = answers.reader;
        let mut wrong = differences(name, &answers.documents, &documents, &texts, &mut report);
        if name != "ours" {
            wrong += differences(name, &answers.stream, &stream, &stream_texts, &mut report);
        }
        println!("{name:>10}: {wrong} of {} documents differ", documents.len() + stream.len());
    }
    assert!(all.len() >= 7, "only {} readers", all.len());
    assert!(report.is_empty(), "{report}");
}

/// The string at every kind of place that a value has.
fn as_value(string: &str) -> Value {
    json!({
        "metadata": {"annotations": {"note": string}},
        "data": {"script": string, "other": "x"},
        "list": [string, "x"],
        "maps": [{"name": string, "value": "x"}],
        "nested": [["x", [string]]],
    })
}

/// The string as a key, of every kind of value.
fn as_key(string: &str) -> Value {
    json!({
        "data": {string: "a\nb\n", "other.": "x"},
        "maps": [{string: {"x": [{string: []}]}}],
        "lists": {string: ["x"]},
    })
}

fn written(values: &[Value]) -> Vec<String> {
    values
        .iter()
        .map(|value| {
            let mut text = String::new();
            yaml::write(value, &mut text);
            text
        })
        .collect()
}

/// How many documents a reader did not get back as they were; the first few with their text.
fn differences(
    reader: &str,
    outcomes: &[Outcome],
    values: &[Value],
    texts: &[String],
    report: &mut String,
) -> usize {
    const SHOWN: usize = 5;
    let mut wrong = outcomes.len().abs_diff(values.len());
    if wrong > 0 {
        let _ =
            writeln!(report, "{reader}: {} documents instead of {}", outcomes.len(), values.len());
    }
    for ((outcome, value), text) in outcomes.iter().zip(values).zip(texts) {
        if outcome.as_ref() != Ok(value) {
            wrong += 1;
            if wrong <= SHOWN {
                let _ = writeln!(report, "{reader}: {outcome:?}\ninstead of {value}\nfrom\n{text}");
            }
        }
    }
    wrong
}
