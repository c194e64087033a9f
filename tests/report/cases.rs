//! Problems at every kind of place that is hard to show.

use std::{ops::Range, sync::Arc};

use redis_cluster_gen::error::{Place, Problem, Source};

/// A run over some files.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) sources: Vec<Arc<Source>>,
    pub(crate) problems: Vec<Problem>,
}

pub(crate) fn source(name: &str, text: &str) -> Arc<Source> {
    Arc::new(Source { name: name.into(), text: text.into() })
}

pub(crate) fn place(source: &Arc<Source>, span: Range<usize>) -> Place {
    Place { source: source.clone(), span }
}

/// Where the words stand; they must be there once.
pub(crate) fn find(source: &Arc<Source>, words: &str) -> Place {
    let mut hits = source.text.match_indices(words);
    let (start, _) = hits.next().expect("the words are in the text");
    assert!(hits.next().is_none(), "{words:?} is in the text more than once");
    place(source, start..start + words.len())
}

fn case(name: &'static str, sources: &[&Arc<Source>], problems: Vec<Problem>) -> Case {
    Case { name, sources: sources.iter().map(|&source| source.clone()).collect(), problems }
}

pub(crate) fn all() -> Vec<Case> {
    vec![
        clean(),
        several_files(),
        one_file(),
        related_near(),
        related_far_and_elsewhere(),
        multi_byte(),
        crlf(),
        byte_order_mark(),
        tabs(),
        end_of_file(),
        empty_file(),
        long_line(),
        several_lines(),
        hostile(),
    ]
}

fn clean() -> Case {
    case("clean", &[&source("./orders.yaml", "a: 1\n"), &source("carts.yaml", "a: 1\n")], vec![])
}

/// Problems come in the wrong order, the files in the order of the command line.
fn several_files() -> Case {
    let orders = source("./specs/orders.yaml", "spec:\n  shards: 2\n  replicaPerShard: 1\n");
    let fine = source("specs/fine.yaml", "spec: {}\n");
    let carts = source("specs/carts.yaml", "spec:\n  storage:\n    size: 10G\n");
    let problems = vec![
        Problem::warning("RCG310", find(&carts, "10G"), "`10G` is 9.3Gi")
            .help("did you mean `10Gi`?"),
        Problem::error(
            "RCG012",
            find(&orders, "replicaPerShard"),
            "unknown field `replicaPerShard`",
        )
        .help("did you mean `replicasPerShard`?"),
        Problem::error("RCG201", find(&orders, "2"), "`shards` must be at least 3, not 2")
            .label("got 2")
            .note("a Redis Cluster needs a majority of its masters to fail over")
            .help("use 3 or more"),
    ];
    case("several-files", &[&orders, &fine, &carts], problems)
}

fn one_file() -> Case {
    let orders = source("redis-cluster.yaml", "spec:\n  shards: 2\n");
    let problems = vec![Problem::error("RCG201", find(&orders, "2"), "too few shards")];
    case("one-file", &[&orders, &source("fine.yaml", "")], problems)
}

fn related_near() -> Case {
    let text = "spec:\n  shards: 3\n  # why\n  shards: 4\n  storage:\n    size: 1Gi\n    class: a\n  shards: 5\n";
    let orders = source("orders.yaml", text);
    let key = |value: &str| {
        let at = find(&orders, value).span.start - "shards: ".len();
        place(&orders, at..at + "shards".len())
    };
    let problem = Problem::error("RCG104", key("4"), "the key `shards` is written three times")
        .label("again")
        .related(key("3"), "first here")
        .related(key("5"), "and here");
    case("related-near", &[&orders], vec![problem])
}

fn related_far_and_elsewhere() -> Case {
    let filler = "  # nothing to see\n".repeat(2000);
    let text = format!("spec:\n  busPort: 16379\n{filler}  clientPort: 16379\n");
    let orders = source("orders.yaml", &text);
    let carts = source("specs/carts.yaml", "spec:\n  busPort: 16_379\n");
    let problem = Problem::error(
        "RCG222",
        find(&orders, "clientPort: 16379"),
        "the port 16379 is used twice",
    )
    .related(find(&orders, "busPort: 16379"), "already the bus port")
    .related(find(&carts, "16_379"), "and the bus port of the cluster beside it")
    .note("pods of one node share their ports in this mode\nso no two may be equal")
    .help("write `clientPort: 6379`");
    case("related-far-and-elsewhere", &[&orders, &carts], vec![problem])
}

fn multi_byte() -> Case {
    let orders = source("orders.yaml", "naïve: 日本語 👍 at\nwho: '👨‍👩‍👧' # by\n");
    let problems = vec![
        Problem::error("RCG001", find(&orders, "日本語"), "wide characters: `日本語`")
            .label("wide"),
        Problem::error("RCG002", find(&orders, "at"), "after wide characters").label("column 14"),
        Problem::error("RCG003", find(&orders, "by"), "after joined characters").label("column 16"),
    ];
    case("multi-byte", &[&orders], problems)
}

fn crlf() -> Case {
    let orders = source("orders.yaml", "a: 1\r\nb: two\r\nc: 3\r\n");
    let problems = vec![
        Problem::error("RCG001", find(&orders, "two"), "in the middle"),
        Problem::error("RCG002", place(&orders, 12..12), "at the end of a line"),
        Problem::error("RCG003", find(&orders, "two\r\nc"), "over a line break"),
    ];
    case("crlf", &[&orders], problems)
}

fn byte_order_mark() -> Case {
    let orders = source("orders.yaml", "\u{feff}a: be\nc: do\n");
    let problems = vec![
        Problem::error("RCG001", place(&orders, 0..0), "at the start"),
        Problem::error("RCG002", place(&orders, 0..4), "on the mark and the key"),
        Problem::error("RCG003", find(&orders, "be"), "in the first line").label("column 4"),
        Problem::error("RCG004", find(&orders, "do"), "in the second line").label("column 4"),
    ];
    case("byte-order-mark", &[&orders], problems)
}

fn tabs() -> Case {
    let orders = source("orders.yaml", "a:\n\tb:\tcat\n");
    let problems = vec![
        Problem::error("RCG001", find(&orders, "\tb"), "a tab indents").label("a tab"),
        Problem::error("RCG002", find(&orders, "cat"), "after tabs").label("column 5"),
    ];
    case("tabs", &[&orders], problems)
}

fn end_of_file() -> Case {
    let closed = source("closed.yaml", "a: 1\n");
    let open = source("open.yaml", "a: [1");
    let outside = source("outside.yaml", "a: é");
    let problems = vec![
        Problem::error("RCG001", place(&closed, 5..5), "after the last line break"),
        Problem::error("RCG002", place(&open, 5..5), "after the last character").label("here"),
        Problem::error("RCG003", place(&outside, 4..99), "within a character, and past the end"),
        Problem::error("RCG004", place(&outside, 70..70), "past the end"),
    ];
    case("end-of-file", &[&closed, &open, &outside], problems)
}

fn empty_file() -> Case {
    let empty = source("<stdin>", "");
    let problems = vec![Problem::error("RCG001", place(&empty, 0..0), "there is nothing in it")];
    case("empty-file", &[&empty], problems)
}

/// A line of a megabyte; what is shown of it is no longer than a line of text.
fn long_line() -> Case {
    let words = "word ".repeat(100_000);
    let orders = source("orders.yaml", &format!("a: x\nb: {words}HERE {words}THERE\nc: {words}"));
    let problems = vec![
        Problem::error("RCG001", find(&orders, "HERE w"), "in the middle").label("column 500004"),
        Problem::error("RCG002", find(&orders, "THERE"), "at the end")
            .label("column 1000009")
            .related(find(&orders, "x"), "far away in characters, near in lines")
            .related(find(&orders, "c:"), "near"),
    ];
    case("long-line", &[&orders], problems)
}

fn several_lines() -> Case {
    let text =
        "spec:\n  patches:\n    - target: Job\n      set: {}\n    - target: Pod\n  shards: 3\n";
    let orders = source("orders.yaml", text);
    let start = find(&orders, "- target: Job").span.start;
    let end = find(&orders, "  shards").span.start;
    let problem =
        Problem::error("RCG400", place(&orders, start..end), "a list where a map belongs")
            .label("begins here");
    case("several-lines", &[&orders], vec![problem])
}

/// Everything that a terminal obeys, hides or reorders, and what the formats themselves are made of.
fn hostile() -> Case {
    let evil = "\u{1b}[31m\u{9b}2J\u{7}\r\u{202e}\u{200b}\u{7f}\0 % %0A ]]> <a b=\"'&\"> , : ::set-output name=x::y 👍";
    let text = format!("a: {evil}\nb: fine\n");
    let orders = source("dir with space/\u{1b}[1mé%,:#?\n::error::x.yaml", &text);
    let multi_line = format!("{evil}\nsecond line\n\u{e000}\u{fffe}");
    let problems = vec![
        Problem::error("RCG001", find(&orders, evil), multi_line.as_str())
            .label(multi_line.as_str())
            .related(find(&orders, "fine"), multi_line.as_str())
            .note(multi_line.as_str())
            .help(multi_line.as_str()),
    ];
    case("hostile", &[&orders], problems)
}
