//! Hostile specs through everything that `validate` and `render` do with a text, in-process: no panic, and no input takes more than
//! a second or 256 MiB.
//!
//! The inputs are the same in every run: a list of those made by hand, then mutations of the examples, of rejected specs and of
//! random specs. `FUZZ_INPUTS` says how many of these (20,000 unless told); `make fuzz` takes a million.

#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod mutate;

use std::{
    env, io,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use peak_alloc::PeakAlloc;
use redis_cluster_gen::{
    error::Source,
    objects,
    report::{Format, Report},
    spec::{self, Options},
    yaml,
};

use common::random::Random;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// A debug build, which checks arithmetic, is about ten times slower than what users run.
const SLOWEST: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });
const LARGEST: usize = 256 << 20;

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    NotUtf8,
    Refused,
    Rendered,
}

/// What the program does with a file's bytes.
fn whole_path(bytes: &[u8]) -> Fate {
    let Ok(text) = String::from_utf8(bytes.to_vec()) else {
        return Fate::NotUtf8;
    };
    let source = Arc::new(Source { name: "fuzz.yaml".to_owned(), text });
    let loaded = spec::load(&source, &Options::default());
    let sources = [Arc::clone(&source)];
    let report = Report::new(&sources, &loaded.problems);
    for format in Format::value_variants() {
        report.write(*format, true, &mut io::sink()).expect("a sink takes everything");
    }
    let Some(plan) = loaded.plan else {
        assert!(!loaded.problems.is_empty(), "it was refused without a reason");
        return Fate::Refused;
    };
    let mut out = String::new();
    for document in objects::build(&plan) {
        out.clear();
        yaml::write(&document.value, &mut out);
    }
    Fate::Rendered
}

/// Runs one input, and tells how long that took; a failure comes back as a sentence.
fn run(bytes: &[u8]) -> Result<(Fate, Duration), String> {
    let began = cpu();
    let fate = panic::catch_unwind(AssertUnwindSafe(|| whole_path(bytes))).map_err(|reason| {
        let said = reason.downcast_ref::<String>().map(String::as_str);
        format!("panic: {}", said.or(reason.downcast_ref::<&str>().copied()).unwrap_or("?"))
    })?;
    let took = cpu().saturating_sub(began);
    if took > SLOWEST { Err(format!("it took {took:.1?}")) } else { Ok((fate, took)) }
}

/// The CPU time of this thread: what else the machine does is not the input's fault.
fn cpu() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("time is not negative")
}

/// One test, because the allocator counts for the whole process.
#[test]
fn no_panic_and_no_bomb() {
    hostile::files_that_are_too_large();
    let mut failures = Vec::new();
    let start = Instant::now();
    let mut refused = 0;
    let mut slowest = (Duration::ZERO, "");
    let inputs = hostile::inputs();
    for (name, bytes) in &inputs {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        match run(bytes) {
            Ok((fate, took)) => {
                refused += usize::from(fate != Fate::Rendered);
                slowest = slowest.max((took, name));
            }
            Err(failure) => failures.push(format!("{name}: {failure}")),
        }
        let used = ALLOCATOR.peak_usage().saturating_sub(before);
        if used > LARGEST {
            failures.push(format!("{name}: {} MiB", used >> 20));
        }
    }
    say(&format!(
        "{} inputs made by hand, {refused} refused, in {:.1?}; the slowest in {:.2?}: {}",
        inputs.len(),
        start.elapsed(),
        slowest.0,
        slowest.1,
    ));
    drop(inputs);
    failures.extend(mutations());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// Runs the mutations on all processors. The limit of memory holds for all of them together.
fn mutations() -> Vec<String> {
    let wanted: u64 = env::var("FUZZ_INPUTS").map_or(20_000, |count| {
        count.parse().unwrap_or_else(|error| panic!("FUZZ_INPUTS={count}: {error}"))
    });
    let corpus = mutate::corpus();
    let valid = corpus.iter().filter(|text| matches!(run(text), Ok((Fate::Rendered, _)))).count();
    assert!(
        valid > 100,
        "only {valid} of {} texts are valid before anything is changed",
        corpus.len()
    );

    let start = Instant::now();
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let (next, failures) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let fates = [const { AtomicU64::new(0) }; 3];
    let slowest = Mutex::new(Duration::ZERO);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= wanted {
                        break;
                    }
                    let bytes = mutate::mutation(&corpus, &mut Random::new(number));
                    match run(&bytes) {
                        Ok((fate, took)) => {
                            fates[fate as usize].fetch_add(1, Ordering::Relaxed);
                            let mut slowest = slowest.lock().expect("no thread panics here");
                            *slowest = took.max(*slowest);
                        }
                        Err(failure) => {
                            let mut failures = failures.lock().expect("no thread panics here");
                            // Enough to see what is wrong.
                            if failures.len() < 20 {
                                let text = String::from_utf8_lossy(&bytes).into_owned();
                                failures
                                    .push(format!("mutation {number}: {failure}\n{text:.2000?}"));
                            }
                        }
                    }
                }
            });
        }
    });
    let used = ALLOCATOR.peak_usage().saturating_sub(before);
    let mut failures = failures.into_inner().expect("no thread panics here");
    if used > LARGEST {
        failures
            .push(format!("some mutation, or as many as there are processors: {} MiB", used >> 20));
    }
    let [not_utf8, refused, rendered] = fates.map(AtomicU64::into_inner);
    say(&format!(
        "{wanted} mutations in {:.1?}: {not_utf8} not UTF-8, {refused} refused, {rendered} rendered; the slowest in {:.2?}; peak {} MiB",
        start.elapsed(),
        slowest.into_inner().expect("no thread panics here"),
        used >> 20,
    ));
    // Where nearly all of one kind come, little is tried.
    assert!(
        wanted < 1000 || (refused > wanted / 10 && rendered > wanted / 50),
        "the mutations are no good"
    );
    failures
}

#[allow(clippy::print_stdout, reason = "make fuzz shows it")]
fn say(line: &str) {
    println!("{line}");
}
