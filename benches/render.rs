//! What a render costs, beside a process that does nothing, kustomize and Helm; how the cost grows with the number of specs; and what a check costs.
//!
//! `make bench`. The programs take turns, many times, so that a busy machine is busy for all of them. Cost is user plus
//! system CPU of the finished process, as the kernel counts it; the table has medians. Nothing is asserted here.

#![allow(clippy::print_stdout, reason = "the table is the result")]

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use wait4::Wait4;

/// The rounds in which cheap programs run; dear ones take part in every tenth.
const ROUNDS: usize = 300;
const FLEETS: [(usize, usize); 5] = [(1, 101), (10, 51), (100, 31), (1_000, 11), (10_000, 5)];

/// A program to be measured.
struct Contender {
    name: String,
    command: Command,
    dear: bool,
    runs: Vec<Run>,
}

/// One finished process.
#[derive(Debug, Clone, Copy)]
struct Run {
    cpu: Duration,
    memory_kib: u64,
}

impl Contender {
    fn new(name: &str, dear: bool, program: impl AsRef<Path>, args: &[&str]) -> Contender {
        let mut command = Command::new(program.as_ref());
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Contender { name: name.to_owned(), command, dear, runs: Vec::new() }
    }

    fn run(&mut self) {
        let mut child =
            self.command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let used = child.wait4().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert!(used.status.success(), "{}: {}", self.name, used.status);
        self.runs.push(Run {
            cpu: used.rusage.utime + used.rusage.stime,
            memory_kib: used.rusage.maxrss / 1024,
        });
    }

    fn cpu(&self) -> Duration {
        median(self.runs.iter().map(|run| run.cpu))
    }

    fn memory_kib(&self) -> u64 {
        median(self.runs.iter().map(|run| run.memory_kib))
    }

    fn memory_mib(&self) -> f64 {
        self.memory_kib() as f64 / 1024.0
    }
}

fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<_> = values.collect();
    values.sort();
    values[values.len() / 2]
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binary = release_binary(root);
    let binary = binary.to_str().expect("the path is UTF-8");
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    if work.exists() {
        fs::remove_dir_all(&work).expect("the old folder can be removed");
    }
    fs::create_dir_all(&work).expect("a folder can be made");

    one_render(root, binary, &work);
    fleets(root, binary, &work);
    checks(root, binary, &work);
}

/// What users run: the bench profile differs from the release profile in how panics end.
fn release_binary(root: &Path) -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "the release build failed");
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the program that it built")
}

fn one_render(root: &Path, binary: &str, work: &Path) {
    let mut contenders = vec![Contender::new("/bin/true", false, "/bin/true", &[])];
    for example in ["minimal", "production"] {
        let spec = root.join("examples").join(example).join("redis-cluster.yaml");
        let spec = spec.to_str().expect("the path is UTF-8");
        contenders.push(Contender::new(
            &format!("render {example}"),
            false,
            binary,
            &["render", spec],
        ));
        let folder = work.join(example);
        let mut write = Command::new(binary);
        write.args(["render", "--quiet", "--kustomization", "--output-dir"]).arg(&folder).arg(spec);
        assert!(
            write.status().expect("the program runs").success(),
            "{example} cannot be rendered"
        );
    }
    let mut not_run = Vec::new();
    let folder = work.join("production");
    let folder = folder.to_str().expect("the path is UTF-8");
    let mut kustomize = None;
    for (name, args) in
        [("kustomize", vec!["build", folder]), ("kubectl", vec!["kustomize", folder])]
    {
        if let Some(program) = on_path(name) {
            kustomize = Some(contenders.len());
            let name = format!("{name} {} of production's folder", args[0]);
            contenders.push(Contender::new(&name, true, program, &args));
        } else {
            not_run.push(format!("{name}: not on the PATH"));
        }
    }
    match (on_path("helm"), env::var("HELM_CHART")) {
        (Some(helm), Ok(chart)) => {
            contenders.push(Contender::new(
                "helm template",
                true,
                helm,
                &["template", "orders", &chart],
            ));
        }
        (None, _) => not_run.push("helm template: no helm on the PATH".to_owned()),
        (_, Err(_)) => not_run.push(
            "helm template: set HELM_CHART to the folder of a redis-cluster chart".to_owned(),
        ),
    }

    for round in 0..ROUNDS {
        for contender in
            contenders.iter_mut().filter(|contender| !contender.dear || round % 10 == 0)
        {
            contender.run();
        }
    }

    println!("One spec, to /dev/null; {ROUNDS} rounds, every tenth with the slow ones\n");
    let nothing = contenders[0].cpu();
    println!("{:<42} {:>10} {:>14} {:>12}", "", "CPU ms", "x /bin/true", "peak MiB");
    for contender in &contenders {
        println!(
            "{:<42} {:>10.2} {:>14.2} {:>12.1}",
            contender.name,
            contender.cpu().as_secs_f64() * 1000.0,
            ratio(contender.cpu(), nothing),
            contender.memory_mib(),
        );
    }
    for line in not_run {
        println!("not run: {line}");
    }
    println!();
    for render in &contenders[1..=2] {
        target(
            &format!("{}: CPU, times /bin/true", render.name),
            ratio(render.cpu(), nothing),
            2.5,
        );
        target(&format!("{}: peak MiB", render.name), render.memory_mib(), 8.0);
    }
    if let Some(kustomize) = kustomize {
        let production = ratio(contenders[2].cpu(), contenders[kustomize].cpu());
        target("render production: CPU, part of kustomize", production, 1.0 / 25.0);
    }
}

fn fleets(root: &Path, binary: &str, work: &Path) {
    let spec = root.join("examples/production/redis-cluster.yaml");
    let spec = fs::read_to_string(spec).expect("the example can be read");
    let name = "\n  name: orders\n";
    assert_eq!(spec.matches(name).count(), 1, "the name of the example is another one");

    println!("\nMany specs (production, under other names) in one run, to /dev/null\n");
    println!("{:>8} {:>8} {:>16} {:>12}", "specs", "runs", "CPU us per spec", "peak MiB");
    let mut per_spec = Vec::new();
    for (specs, runs) in FLEETS {
        let folder = work.join(format!("fleet-{specs}"));
        fs::create_dir(&folder).expect("a folder can be made");
        for number in 0..specs {
            let text = spec.replace(name, &format!("\n  name: orders-{number:05}\n"));
            fs::write(folder.join(format!("{number:05}.redis-cluster.yaml")), text)
                .expect("a spec can be written");
        }
        let folder = folder.to_str().expect("the path is UTF-8");
        let mut render =
            Contender::new(&format!("{specs} specs"), false, binary, &["render", folder]);
        for _ in 0..runs {
            render.run();
        }
        let cost = render.cpu().as_secs_f64() * 1e6 / specs as f64;
        println!("{specs:>8} {runs:>8} {cost:>16.0} {:>12.1}", render.memory_mib());
        per_spec.push((specs, cost, render.memory_mib()));
    }
    println!();
    let of =
        |wanted| per_spec.iter().find(|(specs, ..)| *specs == wanted).expect("it was measured");
    target("10000 specs: CPU per spec, times that of 100", of(10_000).1 / of(100).1, 1.15);
    target("10000 specs: peak MiB", of(10_000).2, 64.0);
}

/// `check` of many specs, each with its folder, beside a kustomize for each of the folders.
fn checks(root: &Path, binary: &str, work: &Path) {
    const SPECS: usize = 1_000;
    let spec = root.join("examples/production/redis-cluster.yaml");
    let spec = fs::read_to_string(spec).expect("the example can be read");
    let all = work.join("checks");
    let mut folders = Vec::new();
    for number in 0..SPECS {
        let folder = all.join(format!("{number:05}"));
        fs::create_dir_all(&folder).expect("a folder can be made");
        let file = folder.join("redis-cluster.yaml");
        let text = spec.replace("\n  name: orders\n", &format!("\n  name: orders-{number:05}\n"));
        fs::write(&file, text).expect("a spec can be written");
        let manifests = folder.join("manifests");
        let mut render = Command::new(binary);
        render.args(["render", "--quiet", "--kustomization", "--output-dir"]);
        let rendered = render.arg(&manifests).arg(&file).status().expect("the program runs");
        assert!(rendered.success(), "{} cannot be rendered", file.display());
        folders.push(manifests);
    }
    println!("\ncheck of {SPECS} specs (production, under other names), each with its folder\n");
    let all = all.to_str().expect("the path is UTF-8");
    let mut check = Contender::new("check", false, binary, &["check", "--quiet", all]);
    for _ in 0..5 {
        check.run();
    }
    println!("{:<42} {:>10} {:>12}", "", "CPU s", "peak MiB");
    println!("{:<42} {:>10.3} {:>12.1}", "check", check.cpu().as_secs_f64(), check.memory_mib());
    target("check of 1000 specs: peak MiB", check.memory_mib(), 64.0);
    let Some((program, verb)) = on_path("kustomize")
        .map(|program| (program, "build"))
        .or_else(|| on_path("kubectl").map(|program| (program, "kustomize")))
    else {
        println!("not run: neither kustomize nor kubectl is on the PATH");
        return;
    };
    let mut total = Duration::ZERO;
    for folder in &folders {
        let folder = folder.to_str().expect("the path is UTF-8");
        let mut kustomize = Contender::new("kustomize", true, &program, &[verb, folder]);
        kustomize.run();
        total += kustomize.cpu();
    }
    println!("{:<42} {:>10.3}", "kustomize, once for each folder", total.as_secs_f64());
    target("check: CPU, part of kustomize", ratio(check.cpu(), total), 1.0 / 50.0);
}

fn target(what: &str, reached: f64, limit: f64) {
    let verdict = if reached <= limit { "reached" } else { "MISSED" };
    println!("target {what}: at most {limit:.3}, is {reached:.3}: {verdict}");
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|file| {
        fs::metadata(file)
            .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    })
}
