//! The lab: rendered documents run on real servers, as a kubelet would run them, and things go wrong.
//!
//! `cargo test --test lab` runs a quick set; `make lab` everything. Each scenario runs in namespaces of its
//! own (network, mounts, processes), made with or without root, which vanish with it however it ends.

#![allow(unreachable_pub, reason = "nothing outside of this program sees any of it")]

mod certificates;
mod clients;
mod cluster;
mod container;
mod image;
mod kubectl;
mod lab;
mod leaks;
mod mutations;
mod names;
mod net;
mod objects;
mod outside;
mod pod;
mod report;
mod scenarios;
mod tools;
mod world;

use std::{
    cmp::Reverse,
    collections::VecDeque,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, ExitCode, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;

use crate::{
    image::Image,
    lab::{Case, Layout, Measured, Outcome, RENDERER, Scripts, case_folder},
    report::Report,
    scenarios::{SCENARIOS, SCRAPES, Scenario},
    tools::{Result, bail, command, ensure},
};

/// Runs rendered documents on real servers.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only these engines, such as redis-7.0; all of them by default.
    #[arg(long, value_name = "ENGINE")]
    engine: Vec<String>,
    /// Only scenarios of this name or number, such as f7 or f7-shuffled.
    #[arg(long, value_name = "SCENARIO")]
    scenario: Vec<String>,
    /// Only this layout.
    #[arg(long)]
    layout: Option<Layout>,
    /// How often each is run.
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// How many run side by side: they mostly wait.
    #[arg(long)]
    jobs: Option<usize>,
    /// Everything instead of the quick set.
    #[arg(long)]
    all: bool,
    /// Break what was rendered in these ways (`all` for each) and expect the scenario that watches it to fail.
    #[arg(long, value_name = "MUTATION")]
    mutation: Vec<String>,
    /// Read the metrics in each state that an alert is about, and write them into this folder.
    #[arg(long, value_name = "FOLDER")]
    scrape: Option<PathBuf>,
    /// Write what was found into this file. Runs of the same scripts count together with those that it holds already.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Keep the logs of what passed, too.
    #[arg(long)]
    keep: bool,
    /// Only list the scenarios.
    #[arg(long)]
    list: bool,
    /// Print only what failed.
    #[arg(short, long)]
    quiet: bool,
    /// Given by `cargo test`; without a meaning here.
    #[arg(long, hide = true)]
    nocapture: bool,
    /// A part of a scenario's name, as `cargo test` gives it.
    #[arg(hide = true)]
    filter: Vec<String>,
}

/// This program, as it was when the run began, in the run's folder.
const SELF: &str = "lab";

/// The quick set may take this many times as long for everything: what else the machine does must not fail it.
/// Its figures are not for the report.
const PATIENCE: u32 = 3;

/// Tells the process in the namespaces which case is its own.
const CASE: &str = "REDIS_CLUSTER_GEN_LAB_CASE";

fn main() -> ExitCode {
    // Only one is built in, but which one has to be said; a second time changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let result = match std::env::var(CASE) {
        Ok(case) => run_case(&case).map(|()| true),
        Err(_) => run_all(&Arguments::parse()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("lab: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) {
    // With stdout closed there is nobody to tell.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The outer process: chooses the cases, runs them side by side, and sums up.
fn run_all(arguments: &Arguments) -> Result<bool> {
    if arguments.list {
        for scenario in SCENARIOS {
            say(&format!("{:24} {}", scenario.name, scenario.what));
        }
        return Ok(true);
    }
    tools::check_installed()?;
    let images = Image::fetch(&arguments.engine)?;
    let run = run_folder()?;
    // Built anew while this runs, they would be other programs.
    fs::copy(env!("CARGO_BIN_EXE_redis-cluster-gen"), run.join(RENDERER))?;
    fs::copy(std::env::current_exe()?, run.join(SELF))?;
    let image = images.first().ok_or("no engine")?;
    lab::check_mutations(&run.join(RENDERER), image)?;
    let report = match &arguments.report {
        Some(file) => Some(Report::read(file, Scripts::read(&run.join(RENDERER), image)?)?),
        None => None,
    };
    let cases = choose(arguments, &images, &run)?;
    ensure!(!cases.is_empty(), "no scenario matches");
    let cores = thread::available_parallelism().map_or(2, usize::from);
    // Where limits are long, more is allowed side by side.
    let patient = cases.iter().all(|case| case.patience > 1);
    let (more, part) = if patient { (2, 2) } else { (1, 3) };
    let jobs = arguments.jobs.unwrap_or(cores + more).min(cases.len()).max(1);
    say(&format!("{} runs, {jobs} side by side, logs in {}", cases.len(), run.display()));

    let results = Mutex::new(Vec::new());
    // What measures short times comes last, with less beside it.
    let (alone, together): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| {
        find(&case.scenario).is_ok_and(|s| s.alone || (s.exact && case.patience == 1))
    });
    for (cases, jobs) in [(together, jobs), (alone, jobs.div_ceil(part))] {
        let queue = Mutex::new(VecDeque::from(cases));
        thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                        let Some(case) = next else { break };
                        let outcome = run_isolated(&case);
                        show(&case, &outcome, arguments);
                        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                        results.push((case, outcome));
                        // Each time, so that a run of hours leaves something when it is ended.
                        let written =
                            report.as_ref().map_or(Ok(()), |report| report.write(&results));
                        if let Err(error) = written {
                            say(&format!("lab: the report: {error}"));
                        }
                    }
                });
            }
        });
    }
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let failed = results.iter().filter(|(case, outcome)| failed(case, outcome)).count();
    for (case, outcome) in &results {
        if let (Some(folder), None) = (&arguments.scrape, &outcome.failure) {
            let name = match case.layout {
                Layout::PerShard => format!("{}.txt", case.scenario),
                Layout::Single => format!("{}-single.txt", case.scenario),
            };
            fs::copy(case.folder.join(scenarios::SCRAPED), folder.join(name))?;
        }
    }
    if failed == 0 && !arguments.keep {
        fs::remove_dir_all(&run)?;
    }
    say(&format!("{} passed, {failed} failed", results.len() - failed));
    Ok(failed == 0)
}

/// A case with something broken on purpose fails when nobody notices.
fn failed(case: &Case, outcome: &Outcome) -> bool {
    match (&case.mutation, &outcome.failure) {
        (None, failure) => failure.is_some(),
        (Some(_), None) => true,
        // It has to be the scenario that notices, not the lab that stumbles.
        (Some(_), Some(failure)) => {
            failure.starts_with("mutation ") || failure.starts_with("the lab itself ")
        }
    }
}

/// A folder for this process, after those of dead ones are removed.
fn run_folder() -> Result<PathBuf> {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab");
    fs::create_dir_all(&all)?;
    let all = fs::canonicalize(all)?;
    let mut old: Vec<_> =
        fs::read_dir(&all)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    old.retain(|folder| {
        let pid = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        !Path::new("/proc").join(pid).exists()
    });
    // The last few stay: their logs may still be read.
    old.sort_by_key(|folder| fs::metadata(folder).and_then(|data| data.modified()).ok());
    for folder in old.iter().rev().skip(3) {
        fs::remove_dir_all(folder)?;
    }
    let run = all.join(std::process::id().to_string());
    if run.exists() {
        fs::remove_dir_all(&run)?;
    }
    fs::create_dir(&run)?;
    Ok(run)
}

fn choose(arguments: &Arguments, images: &[Image], run: &Path) -> Result<Vec<Case>> {
    let filters: Vec<_> = arguments.scenario.iter().chain(&arguments.filter).collect();
    let wanted = |scenario: &Scenario| {
        filters.is_empty() || filters.iter().any(|filter| scenario.is_called(filter))
    };
    let quick = filters.is_empty()
        && arguments.engine.is_empty()
        && !arguments.all
        && arguments.scrape.is_none();
    let mut cases = Vec::new();
    let mut add = |scenario: &Scenario, image: &Image, layout: Layout, mutation: Option<&str>| {
        for run_number in 1..=arguments.runs {
            let mut case = Case {
                scenario: scenario.name.to_owned(),
                image: image.clone(),
                layout,
                run: run_number,
                folder: PathBuf::new(),
                mutation: mutation.map(str::to_owned),
                patience: if quick || arguments.scrape.is_some() { PATIENCE } else { 1 },
            };
            case.folder = case_folder(run, &case);
            cases.push(case);
        }
    };
    if !arguments.mutation.is_empty() {
        for mutation in mutations::MUTATIONS {
            let named = |name: &String| name == "all" || name == mutation.name;
            if arguments.mutation.iter().any(named) {
                let scenario = find(mutation.scenario)?;
                let layout = arguments.layout.unwrap_or(scenario.layouts[0]);
                let weak = |image: &&Image| mutation.engine.is_none_or(|name| name == image.engine);
                let image = images.iter().find(weak);
                let missing = || format!("{} needs --engine {:?}", mutation.name, mutation.engine);
                add(scenario, image.ok_or_else(missing)?, layout, Some(mutation.name));
            }
        }
        return Ok(cases);
    }
    let scenarios = if arguments.scrape.is_some() { SCRAPES } else { SCENARIOS };
    for scenario in scenarios.iter().filter(|scenario| wanted(scenario)) {
        for image in images {
            for &layout in scenario.layouts {
                let chosen = scenario.quick == Some((image.engine.as_str(), layout));
                if (!quick || chosen) && arguments.layout.is_none_or(|wanted| wanted == layout) {
                    add(scenario, image, layout, None);
                }
            }
        }
    }
    if quick {
        // What may take longest comes first, so that nobody waits for it at the end.
        let limit = |case: &Case| find(&case.scenario).map_or(Duration::ZERO, |found| found.limit);
        cases.sort_by_key(|case| Reverse(limit(case)));
    }
    Ok(cases)
}

fn find(name: &str) -> Result<&'static Scenario> {
    let found = SCENARIOS.iter().chain(SCRAPES).find(|scenario| scenario.name == name);
    found.ok_or_else(|| format!("there is no scenario {name}").into())
}

/// Runs a case in namespaces of its own, and kills it when its time is over.
fn run_isolated(case: &Case) -> Outcome {
    let start = Instant::now();
    let result = start_isolated(case).and_then(|mut child| {
        let limit = find(&case.scenario)?.limit * case.patience;
        loop {
            if let Some(status) = child.try_wait()? {
                let text = fs::read_to_string(case.folder.join("result.json"))
                    .map_err(|_| format!("it ended with {status} and without a result"))?;
                return Ok(serde_json::from_str::<Outcome>(&text)?);
            }
            if start.elapsed() > limit {
                child.kill()?;
                child.wait()?;
                bail!("not done within {} s", limit.as_secs());
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    let mut outcome = result.unwrap_or_else(|error| Outcome {
        failure: Some(error.to_string()),
        seconds: start.elapsed().as_secs_f64(),
        measured: Measured::default(),
    });
    outcome.measured.moved = lab::has_moved(&case.folder);
    outcome
}

fn start_isolated(case: &Case) -> Result<Child> {
    fs::create_dir_all(&case.folder)?;
    let log = File::create(case.folder.join("log"))?;
    let mut command = command("setpriv");
    // The chain dies from its head: when this process goes, so does everything that it started.
    command.args(["--pdeathsig", "KILL", "unshare"]);
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args([
        "--net",
        "--mount",
        "--ipc",
        "--uts",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    // The first process of the namespace inherits orphans and has to collect them, which a shell does: a
    // zombie of a probe would keep its pod's namespace from ending.
    command.args(["sh", "-c", "\"$0\" & wait $!"]).arg(case.folder.with_file_name(SELF));
    command.env(CASE, serde_json::to_string(case)?);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command.spawn()?)
}

/// The inner process: the scenario itself.
fn run_case(case: &str) -> Result<()> {
    let case: Case = serde_json::from_str(case)?;
    let scenario = find(&case.scenario)?;
    let start = Instant::now();
    let folder = case.folder.clone();
    let mut measured = Measured::default();
    let result = (scenario.setup)(case).and_then(|mut lab| {
        let watch = leaks::Watch::start(&lab.world);
        let result = (scenario.body)(&mut lab);
        measured = std::mem::take(&mut lab.measured);
        let result = result
            .and_then(|()| lab.world.check())
            .and_then(|()| lab.ensure_nothing_refused())
            .and_then(|()| watch.end(&folder, lab.older_scripts));
        if let Err(failure) = &result {
            lab.world.say(&format!("FAILED: {failure}"));
        }
        result
    });
    let failure = result.err().map(|error| error.to_string());
    let outcome = Outcome { failure, seconds: start.elapsed().as_secs_f64(), measured };
    fs::write(folder.join("result.json"), serde_json::to_string(&outcome)?)?;
    Ok(())
}

fn show(case: &Case, outcome: &Outcome, arguments: &Arguments) {
    let failed = failed(case, outcome);
    if !failed && arguments.quiet {
        return;
    }
    let word = if failed { "FAILED" } else { "ok" };
    let Measured { heal, gap, lost, notes, .. } = &outcome.measured;
    let mut line = format!("{word:6} {:52} {:6.1} s", case.name(), outcome.seconds);
    for (name, value) in [("healed in", heal), ("gap", gap)] {
        if let Some(value) = value {
            line += &format!("  {name} {value:.2} s");
        }
    }
    if let Some(lost) = lost {
        line += &format!("  lost {lost}");
    }
    for note in notes {
        line += &format!("  {note}");
    }
    match (&outcome.failure, &case.mutation) {
        (Some(failure), None) => line += &format!("\n       {failure}{}", tail(&case.folder)),
        (Some(failure), Some(_)) => line += &format!("\n       noticed: {failure}"),
        (None, Some(mutation)) => line += &format!("\n       {mutation} was not noticed"),
        (None, None) => {}
    }
    say(&line);
}

/// The end of a case's log, and where all of it is.
fn tail(folder: &Path) -> String {
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    let shown = &lines[lines.len().saturating_sub(15)..];
    let mut text = format!("\n       all logs: {}", folder.display());
    for line in shown {
        text += &format!("\n       | {line}");
    }
    text
}
