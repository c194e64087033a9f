//! No text of any shape costs much time or memory, or ends the program.

use std::{
    env, fs,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use redis_cluster_gen::{
    error::Source,
    yaml::{self, Refused},
};

/// Texts of about a size that look for what grows faster than they do.
type Maker = fn(usize) -> String;

const HOSTILE: &[(&str, Maker)] = &[
    ("brackets", |n| "[".repeat(n)),
    ("braces", |n| "{".repeat(n)),
    ("brackets in lines", |n| "[\n".repeat(n / 2)),
    ("keys in braces", |n| "{a: ".repeat(n / 4)),
    ("dashes", |n| "- ".repeat(n / 2)),
    ("dashes in lines", |n| "-\n ".repeat(n / 3)),
    ("question marks", |n| "? ".repeat(n / 2)),
    ("colons", |n| ": ".repeat(n / 2)),
    ("deep maps", |n| {
        let mut text = String::new();
        for depth in 0.. {
            if text.len() >= n {
                break;
            }
            text += &" ".repeat(depth);
            text += "a:\n";
        }
        text
    }),
    ("anchors", |n| "&a ".repeat(n / 3)),
    ("anchors in brackets", |n| format!("[{}", "&a ".repeat(n / 3))),
    ("aliases in brackets", |n| format!("- &a b\n- [{}", "*a,".repeat(n / 3))),
    ("aliases in a list", |n| format!("- &a b\n{}", "- *a\n".repeat(n / 5))),
    ("laughs", |n| {
        let mut text = "a0: &a0 [x, x]\n".to_owned();
        for i in 1.. {
            if text.len() >= n.min(1 << 16) {
                break;
            }
            text += &format!("a{i}: &a{i} [*a{0}, *a{0}, *a{0}]\n", i - 1);
        }
        text
    }),
    ("tags in brackets", |n| format!("[{}", "!a ".repeat(n / 3))),
    ("one long tag", |n| format!("!{} a", "a".repeat(n))),
    ("quotes", |n| "\"".repeat(n)),
    ("single quotes", |n| "'".repeat(n)),
    ("an open quote", |n| format!("a: \"{}", "x ".repeat(n / 2))),
    ("empty quotes in brackets", |n| format!("[{}", "\"\"\n".repeat(n / 3))),
    ("escapes", |n| format!("a: \"{}\"", "\\n".repeat(n / 2))),
    ("escaped line breaks", |n| format!("a: \"{}\"", "\\\n \n".repeat(n / 4))),
    ("commas", |n| format!("[{}]", ",".repeat(n))),
    ("items in brackets", |n| format!("[{}]", "a,".repeat(n / 2))),
    ("items in many brackets", |n| "[".repeat(60) + &"a,".repeat(n / 2) + &"]".repeat(60)),
    ("pairs in brackets", |n| format!("[{}]", "a: b,".repeat(n / 5))),
    ("tabs in brackets", |n| format!("[{}]", "a,\t".repeat(n / 3))),
    ("few commas", |n| format!("[{}]", "a,".repeat(n.min(1 << 17) / 2))),
    ("few tabs", |n| format!("[{}]", "a,\t".repeat(n.min(1 << 17) / 3))),
    ("few items deep down", |n| "[".repeat(250) + &"a,".repeat(n.min(1 << 17) / 2)),
    ("short lines", |n| "a: b\n".repeat(n / 5)),
    ("short items", |n| "- a\n".repeat(n / 4)),
    ("many keys", |n| (0..n / 12).map(|i| format!("k{i:07}: v\n")).collect()),
    ("the same keys", |n| "k: yes\n".repeat(n / 7)),
    ("long keys", |n| format!("{}: b\n", "k".repeat(1000)).repeat(n / 1004)),
    ("empty lines", |n| "\n".repeat(n)),
    ("comments", |n| "#\n".repeat(n / 2)),
    ("tabs", |n| "\t".repeat(n)),
    ("tabs in lines", |n| "\t\n".repeat(n / 2)),
    ("tabs after values", |n| "a: b\t\n".repeat(n / 6)),
    ("tabs before a comment", |n| format!("a: b {}# c", "\t".repeat(n))),
    ("blanks", |n| " ".repeat(n)),
    ("a long text", |n| format!("a: {}", "x".repeat(n))),
    ("a text of many lines", |n| format!("a: {}", "x\n ".repeat(n / 3))),
    ("a text of many words", |n| format!("a: {}", "x ".repeat(n / 2))),
    ("a long number", |n| format!("a: {}", "1".repeat(n))),
    ("a long time", |n| format!("a: 1{}", ":1".repeat(n / 2))),
    ("many underscores", |n| format!("a: 1{}", "_".repeat(n))),
    ("a block", |n| format!("a: |\n{}", "  x\n".repeat(n / 4))),
    ("a block of blanks", |n| format!("a: |\n{}", "   \n".repeat(n / 4))),
    ("blocks", |n| "- |\n x\n".repeat(n / 7)),
    ("documents", |n| "---\n".repeat(n / 4)),
    ("ends of documents", |n| "...\n".repeat(n / 4)),
    ("directives", |n| "%A\n".repeat(n / 3)),
    ("control characters", |n| "\u{1}".repeat(n)),
    ("line separators", |n| "\u{2028}".repeat(n / 3)),
    ("byte order marks", |n| "\u{feff}".repeat(n / 3)),
    ("carriage returns", |n| "\r".repeat(n)),
    ("wide characters", |n| "é: ü\n".repeat(n / 7)),
    ("emoji", |n| format!("a: {}", "🎉".repeat(n / 4))),
];

/// Set for the process that this test starts from itself, to see what it needs by itself.
const CHILD: &str = "YAML_LIMITS_CHILD";

#[test]
#[expect(clippy::print_stdout, reason = "the child process answers so")]
fn hostile_texts_are_cheap() {
    if env::var_os(CHILD).is_none() {
        let myself = env::current_exe().expect("the test is a program");
        let output = Command::new(myself)
            .args(["--exact", "limits::hostile_texts_are_cheap", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .expect("the test runs again");
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{stdout}{stderr}");
        return;
    }
    let mut slow = Vec::new();
    for (name, text) in HOSTILE {
        let large = cost(text(1 << 20));
        println!("{name}: {} ms, {} MiB so far", large.as_millis(), peak_memory() >> 20);
        // A quarter of the text should take a quarter of the time; a busy machine and short times blur that.
        if large > Duration::from_millis(if cfg!(debug_assertions) { 1000 } else { 50 }) {
            let small = cost(text(1 << 18));
            if large > small * 10 {
                slow.push(format!("{name}: {small:?}, but {large:?} for four times the text"));
            }
        }
        let limit = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });
        if large > limit {
            slow.push(format!("{name}: {large:?}"));
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
    let peak = peak_memory();
    assert!(peak < 100 << 20, "{} MiB", peak >> 20);
}

/// What one read costs this thread.
fn cost(text: String) -> Duration {
    let source = Arc::new(Source { name: "x.yaml".to_owned(), text });
    let (start, wall) = (thread_time(), Instant::now());
    if let Err(Refused { problems, .. }) = yaml::read(&source) {
        assert!(problems.len() <= 100, "{} problems", problems.len());
    }
    match (start, thread_time()) {
        (Some(start), Some(end)) => end.saturating_sub(start),
        _ => wall.elapsed(),
    }
}

/// The CPU time of this thread, where Linux tells it.
fn thread_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// The most memory that this process had, in bytes, where Linux tells it.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kilobytes.unwrap_or_default() << 10
}
