//! What the runs found, as tables in a document. The rest of the document is written by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display, Formatter, Write},
    fs,
    path::{Path, PathBuf},
};

use crate::{
    lab::{Case, Layout, Outcome, Scripts},
    mutations::MUTATIONS,
    scenarios::SCENARIOS,
    tools::Result,
};

/// A table of the document: its rows by key, each with its cells by column.
type Table = BTreeMap<String, BTreeMap<String, String>>;

/// A document as it was before this run, and the scripts that this run is about.
pub struct Report {
    file: PathBuf,
    before: String,
    scripts: Scripts,
}

impl Report {
    /// Reads the document.
    pub fn read(file: &Path, scripts: Scripts) -> Result<Report> {
        Ok(Report { file: file.to_owned(), before: fs::read_to_string(file)?, scripts })
    }

    /// Writes what was found into the tables of the document. Runs of the same scripts count together; what was not run this time
    /// stays as it is.
    pub fn write(&self, results: &[(Case, Outcome)]) -> Result<()> {
        fs::write(&self.file, with(&self.before, &self.scripts, results)?)?;
        Ok(())
    }
}

fn with(before: &str, scripts: &Scripts, results: &[(Case, Outcome)]) -> Result<String> {
    let mut text = before.to_owned();
    let (broken, whole): (Vec<_>, Vec<_>) =
        results.iter().partition(|(case, _)| case.mutation.is_some());
    if !whole.is_empty() {
        text = replace(&text, "results", |old| results_table(old, scripts, &whole))?;
        text = replace(&text, "notes", |old| notes_table(old, &whole))?;
    }
    if !broken.is_empty() {
        text = replace(&text, "mutations", |old| mutations_table(old, &broken))?;
    }
    Ok(text)
}

/// Replaces what stands between two comments of the document.
fn replace(text: &str, name: &str, table: impl Fn(Table) -> String) -> Result<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let missing = || format!("the document has no table {name}");
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (old, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}{}{end}{after}", table(read(old))))
}

/// Reads a table of an earlier run; the key is the first column.
fn read(text: &str) -> Table {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = text.lines();
    let columns = lines.next().map(cells).unwrap_or_default();
    lines
        .skip(1)
        .map(|line| {
            let row = cells(line);
            let key = row.first().cloned().unwrap_or_default();
            (key, columns.iter().cloned().zip(row).skip(1).collect())
        })
        .collect()
}

/// Writes a table in the order of the keys given.
fn table<'a>(
    first: &str,
    columns: &[&str],
    keys: impl Iterator<Item = &'a String>,
    table: &Table,
) -> String {
    let mut out = format!("| {first} | {} |\n", columns.join(" | "));
    out += &"|---".repeat(columns.len() + 1);
    out += "|\n";
    for key in keys {
        if let Some(row) = table.get(key) {
            let cells = columns.iter().map(|column| row.get(*column).map_or("", String::as_str));
            let _ = writeln!(out, "| {key} | {} |", cells.collect::<Vec<_>>().join(" | "));
        }
    }
    out
}

const ENGINES: [&str; 4] = ["redis-7.0", "redis-8", "valkey-8", "valkey-9"];

fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::PerShard => "per shard",
        Layout::Single => "single",
    }
}

fn row(scenario: &str, layout_of: Layout) -> String {
    format!("`{scenario}`, {}", layout(layout_of))
}

fn scenario_of(row: &str) -> &str {
    row.trim_start_matches('`')
}

/// All rows that there can be, in the order of the scenarios.
fn rows() -> Vec<String> {
    SCENARIOS
        .iter()
        .flat_map(|scenario| scenario.layouts.iter().map(|layout| row(scenario.name, *layout)))
        .collect()
}

/// The runs of one row and engine.
fn group<'a>(results: &[&'a (Case, Outcome)]) -> BTreeMap<(String, String), Vec<&'a Outcome>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (case, outcome) in results {
        let key = (row(&case.scenario, case.layout), case.image.engine.clone());
        groups.entry(key).or_default().push(outcome);
    }
    groups
}

fn results_table(mut old: Table, scripts: &Scripts, results: &[&(Case, Outcome)]) -> String {
    for ((row, engine), outcomes) in group(results) {
        let what = SCENARIOS.iter().find(|s| row.starts_with(&format!("`{}`", s.name)));
        let cells = old.entry(row.clone()).or_default();
        cells.insert("what happens".to_owned(), what.map_or("", |s| s.what).to_owned());
        // Of other scripts, earlier runs say nothing.
        let before = cells.get(&engine).and_then(|text| Cell::parse(text));
        let before = before.filter(|cell| scripts.has(scenario_of(&row), &cell.scripts));
        let had_moved = before.as_ref().is_some_and(|cell| cell.scripts == scripts.all);
        let moved = had_moved || outcomes.iter().any(|outcome| outcome.measured.moved);
        let mut cell = Cell::of(&outcomes, scripts.of(moved));
        if let Some(before) = before {
            cell.add(&before);
        }
        cells.insert(engine, cell.to_string());
    }
    let rows = rows();
    let is_current = |row: &str, engine: &str| {
        let cell = old.get(row).and_then(|cells| Cell::parse(cells.get(engine)?));
        cell.is_some_and(|cell| {
            scripts.has(scenario_of(row), &cell.scripts) && cell.passed == cell.runs
        })
    };
    let counted = rows.iter().flat_map(|row| ENGINES.map(|engine| is_current(row, engine)));
    let counted = counted.filter(|current| *current).count();
    let columns: Vec<_> = ["what happens"].into_iter().chain(ENGINES).collect();
    let heading = format!(
        "scenario, layout ({} of {} cells by scripts `{}`, or `{}` where slots move)",
        counted,
        rows.len() * ENGINES.len(),
        scripts.but_moves,
        scripts.all
    );
    table(&heading, &columns, rows.iter(), &old)
}

/// Passed of all, the worst of each figure, and the scripts that ran.
#[derive(Debug, Default, PartialEq)]
struct Cell {
    passed: usize,
    runs: usize,
    /// In seconds.
    healed: Option<f64>,
    /// In seconds.
    gap: Option<f64>,
    lost: Option<usize>,
    scripts: String,
}

impl Cell {
    fn of(outcomes: &[&Outcome], scripts: &str) -> Cell {
        let worst = |figure: fn(&Outcome) -> Option<f64>| {
            outcomes.iter().filter_map(|outcome| figure(outcome)).reduce(f64::max)
        };
        Cell {
            passed: outcomes.iter().filter(|outcome| outcome.failure.is_none()).count(),
            runs: outcomes.len(),
            healed: worst(|outcome| outcome.measured.heal),
            gap: worst(|outcome| outcome.measured.gap),
            lost: outcomes.iter().filter_map(|outcome| outcome.measured.lost).max(),
            scripts: scripts.to_owned(),
        }
    }

    /// Reads what `to_string` wrote; cells of before scripts were told have none.
    fn parse(text: &str) -> Option<Cell> {
        let (figures, scripts) = text.rsplit_once(" `").unwrap_or((text, ""));
        let mut parts = figures.split(", ");
        let (passed, runs) = parts.next()?.split_once(" of ")?;
        let mut cell = Cell {
            passed: passed.parse().ok()?,
            runs: runs.parse().ok()?,
            scripts: scripts.trim_end_matches('`').to_owned(),
            ..Cell::default()
        };
        for part in parts {
            let (name, value) = part.split_once(' ')?;
            let seconds = value.trim_end_matches(" s").parse().ok();
            match name {
                "healed" => cell.healed = seconds,
                "gap" => cell.gap = seconds,
                "lost" => cell.lost = value.parse().ok(),
                _ => return None,
            }
        }
        Some(cell)
    }

    fn add(&mut self, other: &Cell) {
        self.passed += other.passed;
        self.runs += other.runs;
        let worse = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
        self.healed = worse(self.healed, other.healed);
        self.gap = worse(self.gap, other.gap);
        self.lost = self.lost.max(other.lost);
    }
}

impl Display for Cell {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.passed, self.runs)?;
        for (name, value) in [("healed", self.healed), ("gap", self.gap)] {
            if let Some(value) = value {
                write!(f, ", {name} {value:.1} s")?;
            }
        }
        if let Some(lost) = self.lost {
            write!(f, ", lost {lost}")?;
        }
        match self.scripts.as_str() {
            "" => Ok(()),
            scripts => write!(f, " `{scripts}`"),
        }
    }
}

fn notes_table(mut old: Table, results: &[&(Case, Outcome)]) -> String {
    for ((row, engine), outcomes) in group(results) {
        let notes = outcomes.iter().rev().find(|outcome| !outcome.measured.notes.is_empty());
        if let Some(outcome) = notes {
            old.entry(row).or_default().insert(engine, outcome.measured.notes.join("; "));
        }
    }
    table("scenario, layout", &ENGINES, rows().iter(), &old)
}

/// A text of which the rest says no more.
fn shortened(text: &str) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}

fn mutations_table(mut old: Table, results: &[&(Case, Outcome)]) -> String {
    for (case, outcome) in results {
        let Some(mutation) = MUTATIONS.iter().find(|m| Some(m.name) == case.mutation.as_deref())
        else {
            continue;
        };
        let seen = outcome.failure.as_ref().map_or("**not noticed**".to_owned(), |failure| {
            shortened(&failure.lines().next().unwrap_or_default().replace('|', "/"))
        });
        let cells = [
            ("what is broken", mutation.what.to_owned()),
            ("noticed by", format!("`{}`", mutation.scenario)),
            ("what it says", seen),
        ];
        let key = format!("`{}`", mutation.name);
        old.insert(key, cells.map(|(column, cell)| (column.to_owned(), cell)).into());
    }
    let keys: Vec<_> = MUTATIONS.iter().map(|mutation| format!("`{}`", mutation.name)).collect();
    let known: BTreeSet<_> = keys.iter().cloned().collect();
    old.retain(|key, _| known.contains(key));
    table("mutation", &["what is broken", "noticed by", "what it says"], keys.iter(), &old)
}
