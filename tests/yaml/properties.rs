//! For any value and any text.

use std::sync::Arc;

use proptest::{collection, prelude::*, test_runner::RngSeed};
use redis_cluster_gen::{
    error::Source,
    yaml::{self, Kind, Node},
};
use serde_json::{Map, Number, Value};

use super::readers;

/// Any text, and texts of what YAML finds difficult.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,12}",
        "[ \t\n\r:#'\"|>&*!%@`{}\\[\\],?=~<0-9a-z.+_-]{0,16}",
        "(([ -~]|\t){0,10}\n){1,4}",
        "[+-]?[0-9_]{0,4}[.:eExo-]?[0-9a-f_]{0,4}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|float| Number::from_f64(float).map_or(Value::Null, Value::Number)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            collection::vec((text(), inner), 0..6)
                .prop_map(|entries| Value::from(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Documents with a mistake or two, and what is no document at all.
fn document() -> impl Strategy<Value = String> {
    let line = "[ ]{0,6}([-?] ){0,2}[a-c]{0,2}[:]? ?[ -~\téü🎉\u{85}\u{feff}]{0,10}\r?\n";
    prop_oneof![
        any::<String>(),
        collection::vec(line, 0..8).prop_map(|lines| lines.concat()),
        (value(), any::<prop::sample::Index>(), text()).prop_map(|(value, at, insert)| {
            let mut text = written(&value);
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            text.insert_str(at, &insert);
            text
        }),
    ]
}

fn written(value: &Value) -> String {
    let mut text = String::new();
    yaml::write(value, &mut text);
    text
}

fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(0x5eed);
    }
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 1000;
    }
    config
}

proptest! {
    // A fixed seed: the same in every run. PROPTEST_RNG_SEED and PROPTEST_CASES look elsewhere and longer.
    #![proptest_config(config())]

    #[test]
    fn what_is_written_is_read_back(value in value()) {
        let text = written(&value);
        let ours = readers::read(&text);
        prop_assert_eq!(ours.as_ref(), Ok(&value), "{}", text);
        let other: Value = serde_yaml::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&other, &value, "{}", text);
    }

    #[test]
    fn what_is_written_keeps_to_the_layout(value in value()) {
        let text = written(&value);
        prop_assert!(text.ends_with('\n'));
        let harmless = |c: char| c == '\n' || c == '\t' || !c.is_control();
        prop_assert!(text.chars().all(harmless), "{}", text);
        // The same again after what is there already.
        let mut longer = "---\n".to_owned();
        yaml::write(&value, &mut longer);
        prop_assert_eq!(longer.strip_prefix("---\n"), Some(text.as_str()));
    }

    #[test]
    fn any_text_is_read_or_refused_in_place(text in document()) {
        let source = Arc::new(Source { name: "x.yaml".to_owned(), text });
        match yaml::read(&source) {
            Ok(root) => check(&root, &root, String::new(), &source)?,
            Err(yaml::Refused { problems, rest }) => {
                if let Some(rest) = &rest {
                    check(rest, rest, String::new(), &source)?;
                }
                prop_assert!(!problems.is_empty());
                prop_assert!(problems.is_sorted_by_key(|problem| problem.place.span.start));
                for problem in problems {
                    let mut places = vec![problem.place.span.clone()];
                    places.extend(problem.related.iter().map(|(place, _)| place.span.clone()));
                    for span in places {
                        prop_assert!(source.text.get(span.clone()).is_some(), "{:?} {:?}", span, problem);
                    }
                    prop_assert!(problem.code.starts_with("RCG0") && !problem.message.ends_with('.'));
                    prop_assert!(!problem.message.contains("this is not YAML:"), "{}", problem.message);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_text_or_refused(bytes in collection::vec(any::<u8>(), 0..64)) {
        match yaml::source_from_bytes("x.yaml".to_owned(), bytes.clone()) {
            Ok(source) => prop_assert_eq!(source.text.as_bytes(), bytes),
            Err(problem) => prop_assert!(bytes.starts_with(problem.place.source.text.as_bytes())),
        }
    }
}

/// Spans are of the text and within one another, and pointers lead to every node.
fn check(root: &Node, node: &Node, pointer: String, source: &Source) -> Result<(), TestCaseError> {
    prop_assert!(source.text.get(node.span.clone()).is_some(), "{} {:?}", pointer, node.span);
    let found = root.find(&pointer);
    prop_assert!(found.is_complete() && std::ptr::eq(found.node, node), "{}", pointer);
    let within = |child: &std::ops::Range<usize>| {
        node.span.start <= child.start && child.end <= node.span.end
    };
    match &node.kind {
        Kind::List(items) => {
            for (i, item) in items.iter().enumerate() {
                prop_assert!(
                    within(&item.span),
                    "{}/{} {:?} {:?}",
                    pointer,
                    i,
                    node.span,
                    item.span
                );
                check(root, item, format!("{pointer}/{i}"), source)?;
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                prop_assert!(within(&entry.key_span), "{} {}", pointer, entry.key);
                prop_assert!(within(&entry.value.span), "{} {}", pointer, entry.key);
                prop_assert!(
                    entry.key_span.end <= entry.value.span.start,
                    "{} {}",
                    pointer,
                    entry.key
                );
                let token = entry.key.replace('~', "~0").replace('/', "~1");
                check(root, &entry.value, format!("{pointer}/{token}"), source)?;
            }
        }
        _ => {}
    }
    Ok(())
}
