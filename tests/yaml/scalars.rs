//! Scalars without quotes: what we say that each reader makes of them is what it does, and we refuse those that readers
//! disagree on, and no others.

use std::fmt::Write as _;

use redis_cluster_gen::yaml::scalar::{self, Reading};
use serde_json::{Value, json};

use super::{
    corpus,
    readers::{self, Answers, Outcome},
};

/// All readers, in both of their modes where they have two.
const READERS: [&str; 8] =
    ["pyyaml", "pyyaml-c", "ruamel", "ruamel-1.1", "js-yaml", "yaml", "yaml-1.1", "go"];

#[test]
fn readings_are_those_of_the_readers() {
    let (scalars, all) = answers();
    let mut report = String::new();
    for (i, text) in scalars.iter().enumerate() {
        let readings = scalar::readings(text);
        for (reader, reading) in [
            ("pyyaml", readings.python),
            ("pyyaml-c", readings.python),
            ("go", readings.go),
            ("yaml", readings.core),
            ("js-yaml", readings.core),
        ] {
            let answers =
                all.iter().find(|answers| answers.reader == reader).expect("every reader answers");
            let outcome = &answers.documents[i];
            if !is(text, reading, outcome) {
                let _ = writeln!(report, "{text}: {reader} reads {outcome:?}, not {reading:?}");
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn what_readers_disagree_on_is_refused_and_nothing_else() {
    /// Refused though all agree: to Go it is a decimal that has lost digits.
    const ROUNDED: &str = "+18446744073709551615";
    let (scalars, all) = answers();
    let (ours, others): (Vec<_>, Vec<_>) = all.iter().partition(|answers| answers.reader == "ours");
    let mut report = String::new();
    for (i, text) in scalars.iter().enumerate() {
        let outcome = &ours[0].documents[i];
        let disagree = others
            .iter()
            .any(|answers| !readers::same(&answers.documents[i], &others[0].documents[i]));
        let right = match outcome {
            Ok(_) => {
                !disagree
                    && others.iter().all(|answers| readers::same(&answers.documents[i], outcome))
            }
            Err(error) => {
                disagree
                    || error.contains("no number")
                    || error.contains("infinite")
                    || *text == ROUNDED
            }
        };
        if !right {
            let _ = writeln!(report, "{text}: {outcome:?}, and readers disagree: {disagree}");
            for answers in &others {
                let _ = writeln!(report, "  {:>10}: {:?}", answers.reader, answers.documents[i]);
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}

fn answers() -> (Vec<&'static str>, Vec<Answers>) {
    let scalars = corpus::plain_scalars();
    let texts: Vec<String> = scalars.iter().map(|scalar| format!("v: {scalar}\n")).collect();
    let answers = readers::ask(&READERS, &texts, &[]);
    (scalars, answers)
}

/// Whether an outcome is what the reading says.
fn is(text: &str, reading: Reading, outcome: &Outcome) -> bool {
    let value = outcome.as_ref().map(|document| &document["v"]);
    let other = |value: &Value| value.get("!").is_some_and(Value::is_string);
    match (reading, value) {
        (Reading::Refused, Err(_)) => true,
        (Reading::Null, Ok(value)) => value.is_null(),
        (Reading::Bool(bool), Ok(value)) => *value == json!(bool),
        (Reading::Text, Ok(value)) => *value == json!(text),
        (Reading::Integer(None), Ok(value)) => value.is_number(),
        (Reading::Integer(Some(integer)), Ok(value)) => value.as_f64() == Some(integer as f64),
        (Reading::Float(float), Ok(value)) if float.is_finite() => value.as_f64() == Some(float),
        // js-yaml does not let a number overflow, and Go has it but no JSON for it.
        (Reading::Float(_), Ok(value)) => other(value) || *value == json!(text),
        (Reading::Float(float), Err(error)) => {
            !float.is_finite() && error.contains("unsupported value")
        }
        (Reading::Time, Ok(value)) => other(value),
        (Reading::Time, Err(error)) => error.contains("ValueError"),
        _ => false,
    }
}
