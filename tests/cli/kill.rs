//! Runs that are killed while they write a folder.

#![cfg(unix)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::sandbox::{Sandbox, spec_with};

type Files = BTreeMap<String, String>;

fn files(sandbox: &Sandbox) -> Files {
    let names = sandbox.list("k8s").into_iter().filter(|name| !name.starts_with('.'));
    names.map(|name| (name.clone(), sandbox.read(&format!("k8s/{name}")))).collect()
}

/// Kills at random moments while a folder goes back and forth between two specs that share most file names, and
/// none of their contents. After each, every file is whole, old or new, and what both specs have is there.
#[test]
fn every_file_is_whole_at_any_moment() {
    let sandbox = Sandbox::in_memory();
    let specs = [
        spec_with("orders", "topology:\n  shards: 4\nmemory:\n  maxmemory: 100Mi\n"),
        spec_with("orders", "topology:\n  shards: 6\nmemory:\n  maxmemory: 200Mi\n")
            .replace("8.0.6", "8.0.5"),
    ];
    let arguments = ["render", "--output-dir", "k8s", "--kustomization"];
    let render = |spec: &str| {
        sandbox.write("redis-cluster.yaml", spec);
        let mut command = sandbox.command();
        command.args(arguments).stderr(Stdio::piped()).spawn().expect("a run")
    };
    let finish = |spec: &str| {
        let start = Instant::now();
        assert!(render(spec).wait_with_output().expect("a run").status.success());
        (files(&sandbox), start.elapsed())
    };
    let (first, _) = finish(&specs[0]);
    let (second, time) = finish(&specs[1]);
    let states = [first, second];
    for (name, text) in &states[0] {
        assert_ne!(states[1].get(name), Some(text), "{name} should differ");
    }

    let (mut killed, mut between) = (0, 0);
    let mut moment = Duration::ZERO;
    for i in 0.. {
        if killed == 200 {
            break;
        }
        assert!(i < 2000, "only {killed} of {i} runs were killed before they ended");
        let mut run = render(&specs[i % 2]);
        // By turns somewhere in the whole run, and after one of the last files was put into its place.
        let when = if i / 2 % 2 == 0 {
            // The golden ratio spreads them evenly.
            moment += time.mul_f64(0.618_034);
            if moment > time {
                moment -= time;
            }
            thread::sleep(moment);
            format!("{moment:?}")
        } else {
            let files = 1 + i / 4 % states[i % 2].len();
            let stderr = BufReader::new(run.stderr.take().expect("stderr"));
            let wrote = stderr.lines().take(files).last();
            format!("{wrote:?}")
        };
        run.kill().expect("it can be killed");
        killed += u32::from(!run.wait().expect("a run").success());

        let now = files(&sandbox);
        for (name, text) in &now {
            let whole = states.iter().any(|state| state.get(name) == Some(text));
            assert!(whole, "run {i}, killed after {when}: {name} is neither old nor new:\n{text}");
        }
        for name in states[0].keys().filter(|name| states[1].contains_key(*name)) {
            assert!(now.contains_key(name), "run {i}, killed after {when}: {name} is missing");
        }
        between += u32::from(states.iter().all(|state| *state != now));
    }
    // Or nothing was tested.
    assert!(between >= 5, "{between} of {killed} kills fell between the first and the last change");

    // The next run repairs everything.
    for (spec, state) in specs.iter().zip(&states) {
        let (now, _) = finish(spec);
        assert_eq!(&now, state);
        let names: Vec<_> = state.keys().cloned().collect();
        assert_eq!(sandbox.list("k8s"), names, "nothing temporary is left");
    }
}
