//! The arrow and the caret of the text form point at the right character of any text.

use std::sync::Arc;

use clap::ValueEnum;
use proptest::prelude::*;
use redis_cluster_gen::{
    error::{Place, Problem, Source},
    report::Format,
};

use crate::{cases::Case, golden::write};

/// Characters that take one column as they are shown, so that columns can be compared; ESC, C1 and the
/// zero-width space are shown as another character.
fn characters() -> impl Strategy<Value = char> {
    const SOME: [char; 10] = ['a', 'b', 'c', '-', ' ', 'é', '\u{1b}', '\u{9b}', '\u{200b}', '\r'];
    (0_usize..64).prop_map(|index| match index {
        63 => '\u{feff}',
        31.. => char::from(b'a' + u8::try_from(index % 26).unwrap_or_default()),
        _ => SOME[index % SOME.len()],
    })
}

/// Lines from none to several hundred characters.
fn texts() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => prop::collection::vec(characters(), 0..12),
        1 => prop::collection::vec(characters(), 0..300),
    ];
    let line = line.prop_map(|chars| chars.into_iter().collect::<String>());
    let line = (line, prop_oneof![Just("\n"), Just("\r\n")]).prop_map(|(line, end)| line + end);
    (any::<bool>(), prop::collection::vec(line, 0..20), any::<bool>()).prop_map(
        |(mark, lines, open)| {
            let text = if mark { "\u{feff}" } else { "" }.to_owned() + &lines.concat();
            if open { text.trim_end_matches(['\r', '\n']).to_owned() } else { text }
        },
    )
}

/// The same as in the report, said in another way.
fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let (mut line, mut column) = (1, 1);
    for (index, char) in text.char_indices() {
        if index + char.len_utf8() > offset {
            break;
        }
        match char {
            '\n' => (line, column) = (line + 1, 1),
            '\u{feff}' if index == 0 => {}
            _ => column += 1,
        }
    }
    (line, column)
}

/// The character that is shown at the place, `None` at the end of a line.
fn character(text: &str, offset: usize) -> Option<char> {
    let start = (0..=offset.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    let start = if start == 0 && text.starts_with('\u{feff}') { 3 } else { start };
    let rest = &text[start..];
    match rest.chars().next() {
        None | Some('\n') => None,
        _ if rest.starts_with("\r\n") => None,
        Some('\r') => Some('␍'),
        Some('\u{1b}') => Some('␛'),
        Some('\u{9b}' | '\u{200b}' | '\u{feff}') => Some('\u{fffd}'),
        char => char,
    }
}

/// In the frame below the arrow: the characters above the underlines made of `under`.
fn marked(report: &str, line: usize, under: char) -> Vec<Option<char>> {
    let lines: Vec<&str> = report.lines().collect();
    let shown = lines.iter().position(|text| {
        text.split_once('|').is_some_and(|(number, _)| number.trim() == line.to_string())
    });
    let Some(shown) = shown else { return Vec::new() };
    let source: Vec<char> = lines[shown].chars().collect();
    lines[shown + 1..]
        .iter()
        .take_while(|text| text.trim_start().starts_with('|'))
        .filter_map(|text| text.chars().position(|char| char == under))
        .map(|column| source.get(column).copied())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn arrow_and_caret(text in texts(), start in 0.0..=1.0, length in 0_usize..400) {
        let start = offset(&text, start);
        let file = Arc::new(Source { name: "orders.yaml".into(), text });
        let place = Place { source: file.clone(), span: start..start + length };
        prop_assert_eq!(place.line_column(), line_column(&file.text, start));
        let problems = vec![Problem::error("RCG001", place, "wrong")];
        let case = Case { name: "", sources: vec![file.clone()], problems };
        let report = write(&case, Format::Text, false);

        let (line, column) = line_column(&file.text, start);
        let arrow = report.lines().nth(1).unwrap_or_default().trim_start();
        prop_assert_eq!(arrow, format!("--> orders.yaml:{line}:{column}"));
        let marked = marked(&report, line, '^');
        prop_assert_eq!(marked.len(), 1, "{}", report);
        // A blank at the end of a line is not printed.
        let blank = |char: Option<char>| char.is_none_or(|char| char == ' ');
        let meant = character(&file.text, start);
        prop_assert!(
            marked[0] == meant || blank(marked[0]) && blank(meant),
            "{:?} is not {:?}\n{}", marked[0], meant, report
        );
    }

    /// With a second place, near or far, both are marked, and the lines between are those of the text.
    #[test]
    fn two_places(text in texts(), one in 0.0..=1.0, two in 0.0..=1.0) {
        let (one, two) = (offset(&text, one), offset(&text, two));
        let (line, _) = line_column(&text, one);
        let (other, other_column) = line_column(&text, two);
        prop_assume!(line != other);
        let file = Arc::new(Source { name: "orders.yaml".into(), text });
        let place = |at| Place { source: file.clone(), span: at..at };
        let problem = Problem::error("RCG001", place(one), "wrong").related(place(two), "");
        let case = Case { name: "", sources: vec![file.clone()], problems: vec![problem] };
        let report = write(&case, Format::Text, false);

        let blank = |char: Option<char>| char.is_none_or(|char| char == ' ');
        for (line, under, at) in [(line, '^', one), (other, '-', two)] {
            let marked = marked(&report, line, under);
            let meant = character(&file.text, at);
            prop_assert!(
                marked.iter().any(|&char| char == meant || blank(char) && blank(meant)),
                "{:?} is not {:?}\n{}", marked, meant, report
            );
        }
        if report.contains(":::") {
            let place = format!("::: orders.yaml:{other}:{other_column}\n");
            prop_assert!(report.contains(&place), "{} is not in\n{}", place, report);
        }
        for shown in report.lines() {
            let Some((number, shown)) = shown.split_once('|') else { continue };
            let Ok(number) = number.trim().parse::<usize>() else { continue };
            let meant = file.text.split('\n').nth(number - 1).unwrap_or_default();
            let meant = meant.strip_suffix('\r').unwrap_or(meant);
            if meant.chars().count() < 60 && meant.chars().all(|char| char.is_ascii_graphic()) {
                prop_assert_eq!(shown.trim(), meant, "{}", report);
            }
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let ascii = (0_u8..128).prop_map(char::from);
    let chars = prop::collection::vec(prop_oneof![ascii, any::<char>()], 0..80);
    chars.prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    /// Any text at any place is written in every format, and its readers read it.
    #[test]
    fn any_problem(
        text in any_text(),
        words in any_text(),
        path in any_text(),
        spans in prop::collection::vec((0_usize..300, 0_usize..300), 1..4),
    ) {
        let file = Arc::new(Source { name: path, text });
        let mut places = spans.iter().map(|(start, length)| Place {
            source: file.clone(),
            span: *start..start + length,
        });
        let first = places.next().expect("at least one");
        let problem = Problem::warning("RCG001", first, words.as_str());
        let problem = problem.label(words.as_str()).note(words.as_str()).help(words.as_str());
        let problem = places.fold(problem, |problem, place| problem.related(place, words.as_str()));
        let case = Case { name: "", sources: vec![file], problems: vec![problem] };
        for format in Format::value_variants() {
            let report = write(&case, *format, false);
            match format {
                Format::Json | Format::Gitlab | Format::Sarif => {
                    let parsed: Result<serde_json::Value, _> = serde_json::from_str(&report);
                    prop_assert!(parsed.is_ok(), "{:?}: {}", parsed, report);
                }
                Format::Junit => {
                    let parsed = roxmltree::Document::parse(&report);
                    prop_assert!(parsed.is_ok(), "{:?}: {}", parsed, report);
                }
                Format::Github | Format::Concise => prop_assert_eq!(report.lines().count(), 1),
                Format::Text => {
                    let bad = report.chars().find(|char| char.is_control() && *char != '\n');
                    prop_assert_eq!(bad, None, "{}", report);
                }
            }
        }
    }
}

/// The start of the character at this part of the text, never within CRLF.
fn offset(text: &str, part: f64) -> usize {
    let count = text.chars().count();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "any character will do"
    )]
    let index = (part * count as f64) as usize;
    let offset = text.char_indices().nth(index).map_or(text.len(), |(offset, _)| offset);
    let within = text[..offset].ends_with('\r') && text[offset..].starts_with('\n');
    offset - usize::from(within)
}
