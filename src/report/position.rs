//! From byte offsets to lines and columns, fast for any number of places in a text of any size.

use std::{collections::HashMap, ops::Range, sync::Arc};

use crate::error::{Place, Source};

/// A line and a column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    /// Counts characters.
    pub(super) column: usize,
}

/// A [`Place`], by line and column too.
#[derive(Debug)]
pub(super) struct Region<'a> {
    pub(super) source: &'a Source,
    pub(super) bytes: Range<usize>,
    pub(super) start: Position,
    pub(super) end: Position,
}

/// Positions in all the texts that were asked for.
#[derive(Default)]
pub(super) struct Positions {
    checkpoints: HashMap<*const Source, Vec<Position>>,
}

impl Positions {
    /// Where the place begins and ends; what is outside the text becomes its end.
    pub(super) fn of<'a>(&mut self, place: &'a Place) -> Region<'a> {
        let text = &place.source.text;
        let checkpoints =
            self.checkpoints.entry(Arc::as_ptr(&place.source)).or_insert_with(|| measure(text));
        let start = floor(text, place.span.start);
        let end = floor(text, place.span.end).max(start);
        Region {
            source: &place.source,
            bytes: start..end,
            start: locate(text, checkpoints, start),
            end: locate(text, checkpoints, end),
        }
    }
}

/// Bytes from one checkpoint to the next.
const STEP: usize = 4096;

/// The positions at each multiple of [`STEP`].
fn measure(text: &str) -> Vec<Position> {
    // A byte order mark takes the column 0 that nothing else has.
    let mut here = Position { line: 1, column: if text.starts_with('\u{feff}') { 0 } else { 1 } };
    let mut checkpoints = vec![here];
    let mut from = 0;
    for next in (STEP..text.len()).step_by(STEP) {
        let to = floor(text, next);
        here = advance(here, &text[from..to]);
        checkpoints.push(here);
        from = to;
    }
    checkpoints
}

fn locate(text: &str, checkpoints: &[Position], offset: usize) -> Position {
    let nearest = (offset / STEP).min(checkpoints.len() - 1);
    let here = advance(checkpoints[nearest], &text[floor(text, nearest * STEP)..offset]);
    Position { column: here.column.max(1), ..here }
}

fn advance(from: Position, text: &str) -> Position {
    match text.rfind('\n') {
        Some(newline) => Position {
            line: from.line + text.bytes().filter(|&byte| byte == b'\n').count(),
            column: text[newline + 1..].chars().count() + 1,
        },
        None => Position { column: from.column + text.chars().count(), ..from },
    }
}

/// The start of the character that the offset is in, or the end of the text.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
