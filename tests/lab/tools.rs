//! Runs the small programs which the lab stands on (`ip`, `nft`, `mount`, `nsenter`) and waits for things.

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Why a scenario failed, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What everything in the lab returns.
pub type Result<T> = std::result::Result<T, Failure>;

/// How often a condition is looked at.
pub const TICK: Duration = Duration::from_millis(50);

/// Returns from the function with a failure in words.
macro_rules! bail {
    ($($arg:tt)*) => { return Err(format!($($arg)*).into()) };
}
pub(crate) use bail;

/// Fails with words unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($arg:tt)*) => {
        match $condition {
            true => {}
            false => $crate::tools::bail!($($arg)*),
        }
    };
}
pub(crate) use ensure;

/// The lab's tools and the Debian packages that have them.
const TOOLS: [(&str, &str); 9] = [
    ("ip", "iproute2"),
    ("tc", "iproute2"),
    ("nft", "nftables"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("mount", "mount"),
    ("bwrap", "bubblewrap"),
    ("openssl", "openssl"),
];

/// Says what to install if a tool is missing.
pub fn check_installed() -> Result<()> {
    let missing: Vec<_> = TOOLS
        .iter()
        .filter(|(tool, _)| {
            !path().split(':').any(|dir| std::path::Path::new(dir).join(tool).exists())
        })
        .map(|(_, package)| *package)
        .collect();
    ensure!(missing.is_empty(), "the lab needs more tools: apt-get install {}", missing.join(" "));
    Ok(())
}

/// The exporter that `make tools` unpacks.
pub fn exporter() -> Result<std::path::PathBuf> {
    let tools = std::env::var("REDIS_CLUSTER_GEN_TOOLS").map_or_else(
        |_| std::env::var("HOME").map(|home| format!("{home}/.cache/redis-cluster-gen/tools")),
        Ok,
    )?;
    let program = std::path::Path::new(&tools).join("bin/prometheus-redis-exporter");
    ensure!(program.exists(), "{} is missing: run `make tools`", program.display());
    Ok(std::fs::canonicalize(program)?)
}

/// Where tools are looked for: `ip` and `nft` are not on a plain user's path on Debian.
pub fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// A command that finds the tools.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", path());
    command
}

/// Runs a command line given as words, with a text on its stdin, and returns its stdout.
pub fn run_with(words: &[&str], stdin: &str) -> Result<String> {
    let (program, args) = words.split_first().ok_or("no command")?;
    let mut child = command(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(stdin.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "{}: {}{}",
        words.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .lines()
            .fold(String::new(), |all, line| { all + "\n    " + line })
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command line given as one text without quoting.
pub fn run(line: &str) -> Result<String> {
    run_with(&line.split_whitespace().collect::<Vec<_>>(), "")
}

/// Waits until the condition gives a value; an `Err` of it is the reason shown when time is up.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> Result<T>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        match condition() {
            Ok(value) => return Ok(value),
            Err(reason) if start.elapsed() >= limit => {
                bail!("not within {:.1} s: {what}: {reason}", limit.as_secs_f64())
            }
            Err(_) => thread::sleep(TICK),
        }
    }
}

/// Seconds, for messages.
pub fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
