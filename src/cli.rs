//! The command line: flags and help texts.

use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use redis_cluster_gen::{
    diff::{self, Class},
    picture, report,
    spec::{KubeVersion, Options},
    steps,
};

/// Renders plain Kubernetes manifests for a Redis or Valkey Cluster from one spec file.
///
/// The spec stays in Git, the manifests beside it; kubectl, Argo CD or Flux apply them. No operator,
/// no custom resources, no hooks. The same spec always gives the same bytes.
#[derive(Debug, Parser)]
#[command(
    name = "redis-cluster-gen",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = EXIT_STATUS,
    after_long_help = EXIT_STATUS,
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) messages: Messages,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  fine
  1  the answer is no: the spec has findings, manifests differ or are not current
  2  no answer: wrong usage, a file that cannot be read or written, text that is not YAML,
     or an invalid spec where manifests were asked for
  3  a difference reaches the class that --fail-on names, or a plan has no way";

/// The whole command line, as completions and manual pages need it.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(Init),
    Validate(Validate),
    Render(Render),
    Diff(Diff),
    Plan(Plan),
    Check(Check),
    Explain(Explain),
    Schema(Schema),
    Completion(Completion),
    Man(Man),
    Version(Version),
}

/// What is said on stderr, and how.
#[derive(Debug, Args)]
pub(crate) struct Messages {
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Messages")]
    pub(crate) quiet: bool,
    /// Print more: every file that was looked at
    #[arg(short, long, global = true, help_heading = "Messages")]
    pub(crate) verbose: bool,
    /// Colour the messages; `auto` asks the terminal, NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        help_heading = "Messages"
    )]
    pub(crate) color: Color,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// Which specs are meant.
#[derive(Debug, Args)]
pub(crate) struct Specs {
    /// Spec files, folders or glob patterns; `-` is stdin
    ///
    /// A folder means the files below it that are named `redis-cluster.yaml` or
    /// `*.redis-cluster.yaml` (or `.yml`); hidden folders are left out. Without any, the spec is
    /// `redis-cluster.yaml`, or else `redis-cluster.yml`, in the working directory.
    #[arg(value_name = "SPEC")]
    positional: Vec<PathBuf>,
    /// The same as SPEC; may be repeated
    #[arg(short, long, value_name = "SPEC", action = ArgAction::Append)]
    filename: Vec<PathBuf>,
}

impl Specs {
    /// What was given without `--filename`.
    pub(crate) fn positional(&self) -> &[PathBuf] {
        &self.positional
    }

    /// Whether specs were named with `--filename`.
    pub(crate) fn has_filenames(&self) -> bool {
        !self.filename.is_empty()
    }

    pub(crate) fn paths(&self) -> impl ExactSizeIterator<Item = &PathBuf> {
        let paths: Vec<_> = self.positional.iter().chain(&self.filename).collect();
        paths.into_iter()
    }
}

/// What all specs of a run are rendered for.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Put the objects into this namespace, whatever `metadata.namespace` says
    #[arg(short, long, value_name = "NAMESPACE", value_parser = namespace)]
    pub(crate) namespace: Option<String>,
    /// The oldest Kubernetes that the manifests must work on, such as 1.33 or v1.34.2
    #[arg(long, value_name = "VERSION", default_value = OLDEST_KUBE_VERSION, value_parser = kube_version)]
    pub(crate) kube_version: KubeVersion,
}

/// Writes a commented spec to begin with
///
/// A file that is there is never overwritten.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The file or folder to write to; `-` is stdout
    ///
    /// In a folder, the file is named `redis-cluster.yaml`.
    #[arg(value_name = "PATH", default_value = "redis-cluster.yaml")]
    pub(crate) path: PathBuf,
    /// Which spec
    #[arg(short, long, value_enum, value_name = "NAME", default_value_t)]
    pub(crate) example: Example,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Example {
    /// A name, a version and a size; the defaults do the rest
    #[default]
    Minimal,
    /// Three zones, limits, everything hardened
    Production,
    /// Everything encrypted, clients with certificates, users, both IP families
    Tls,
    /// A cache: no volumes, no persistence
    Cache,
    /// Valkey instead of Redis
    Valkey,
    /// Clients outside, by a load balancer for each pod
    External,
    /// One small node: kind, minikube, Docker Desktop
    Local,
    /// Six pods in one StatefulSet, as in many tutorials
    Seed,
}

impl Target {
    /// Says so where the version of Kubernetes is one that rules about changes do not know yet.
    pub(crate) fn options(&self, messages: crate::messages::Messages) -> Options {
        if self.kube_version > KubeVersion::NEWEST {
            messages.warning(format_args!(
                "Kubernetes 1.{} is newer than 1.{}, the newest that this program knows",
                self.kube_version.0,
                KubeVersion::NEWEST.0
            ));
        }
        Options { namespace: self.namespace.clone(), kube_version: self.kube_version }
    }
}

/// Reports everything that is wrong with a spec
///
/// The findings are printed to stdout. The exit status does not depend on the format.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) specs: Specs,
    #[command(flatten)]
    pub(crate) target: Target,
    /// The format of the findings
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(crate) output: report::Format,
    /// Count warnings as errors
    #[arg(long)]
    pub(crate) strict: bool,
    /// Exit with 0 where findings would make it 1
    #[arg(long)]
    pub(crate) exit_zero: bool,
}

/// Prints the manifests, or writes them to a folder
///
/// Nothing is written unless every spec is valid.
#[derive(Debug, Args)]
pub(crate) struct Render {
    #[command(flatten)]
    pub(crate) specs: Specs,
    #[command(flatten)]
    pub(crate) target: Target,
    /// The format on stdout
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        conflicts_with = "output_dir"
    )]
    pub(crate) output: RenderFormat,
    /// Write a file for each object into this folder instead of printing to stdout
    ///
    /// Files are named as kustomize names them. The first line of each says which spec it comes
    /// from, as a path relative to the folder. Files that would not change are left alone, and
    /// files that the spec no longer gives are removed. A file without such a first line is
    /// never touched.
    #[arg(long, value_name = "DIR", help_heading = "Folder")]
    pub(crate) output_dir: Option<PathBuf>,
    /// Also write a kustomization.yaml that lists the generated files of the folder
    ///
    /// Once there it is kept current without this flag, too. Apply such a folder with
    /// `kubectl apply -k`.
    #[arg(long, requires = "output_dir", help_heading = "Folder")]
    pub(crate) kustomization: bool,
    /// Keep files that the specs no longer give
    #[arg(long, requires = "output_dir", help_heading = "Folder")]
    pub(crate) no_prune: bool,
}

/// Says what a change of specs changes, and what that does to a running cluster
///
/// What the specs render to now is compared with what is committed: for each spec the folder or the one file beside it that holds its output, the folder
/// `manifests` where there is none. Each change gets a class, from `none` to `data-risk`, the rule that says so, and the next step. Given two folders or files of manifests, those
/// are compared: so it serves as KUBECTL_EXTERNAL_DIFF, too.
///
/// Exit status: 0 nothing differs, 1 something does, 2 no answer, 3 a change reaches the class of --fail-on.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    #[command(flatten)]
    pub(crate) specs: Specs,
    #[command(flatten)]
    pub(crate) target: Target,
    /// What to compare with: a folder, a file, `-` for stdin, or `git:REF[:PATH]`
    ///
    /// In a folder only what comes from the specs counts, by the first line of the files or by the objects' names. In a file everything counts; a spec is
    /// rendered first. `git:REF` reads the commit without touching the working tree: the same folder as without `--against`, or PATH, which is
    /// understood as `git show` does it: from the top of the repository, or from here with `./`.
    #[arg(long, value_name = "WHAT")]
    pub(crate) against: Option<PathBuf>,
    /// The folder that holds the output, or the one file, where it is not beside the spec
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
    /// The format
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) output: diff::write::Format,
    /// Exit with 3 when a change is of this class or a worse one
    #[arg(long, value_name = "CLASS", value_enum)]
    pub(crate) fail_on: Option<Class>,
    /// Exit with 0 where differences would make it 1 or 3
    #[arg(long, conflicts_with = "fail_on")]
    pub(crate) exit_zero: bool,
}

/// Says in which stages a running cluster gets to what its spec says
///
/// Each stage is one commit: which lines of the spec change, what to run before and to apply, what happens in the cluster, whether clients can write
/// meanwhile, what to wait for, what to do if it fails, and the way back. What is committed is found as `diff` finds it. Where it is the manifest of a
/// cluster that this program did not make, the stages take that cluster over. Nothing is asked from a server, and nothing is applied.
///
/// Exit status: 0 nothing to do, 1 there are stages, 2 no answer, 3 a change cannot be made to a cluster that runs.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) specs: Specs,
    #[command(flatten)]
    pub(crate) target: Target,
    /// What the cluster runs now: a folder, a file, `-` for stdin, or `git:REF[:PATH]`
    ///
    /// The same as for `diff`; without it, the folder or the file beside the spec that holds its output.
    #[arg(long, visible_alias = "from", value_name = "WHAT")]
    pub(crate) against: Option<PathBuf>,
    /// The format
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) output: steps::write::Format,
    /// Write the spec of each stage and its manifests into this folder, too
    ///
    /// Each stage gets a folder such as `1-retire`, with `redis-cluster.yaml` and the folder `manifests`. A file that no plan wrote is never touched.
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
    /// Tell how the password is changed, too
    #[arg(long)]
    pub(crate) rotate_password: bool,
}

/// Says whether specs are valid and their committed output is current
///
/// For each spec, its output is looked for beside it: a folder with files made from it, or else one file that was; the folder `manifests` where there is
/// neither. Nothing is written. Files can be changed, missing, stale (the spec no longer gives them) or unexpected (in the way, or from a spec that is gone). The last line is the command
/// that repairs them.
///
/// Exit status: 0 all is current, 1 something is not, or a spec is wrong, 2 no answer.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) specs: Specs,
    #[command(flatten)]
    pub(crate) target: Target,
    /// The folder that holds the output of all specs, or the one file, where it is not beside each
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
    /// Count warnings as errors
    #[arg(long)]
    pub(crate) strict: bool,
    /// Refuse changes since then, too, that could lose data: a folder, a file, or `git:REF[:PATH]`
    ///
    /// The same as for `diff`. `check --against git:main` in a pull request lets no shard go that was not emptied before.
    #[arg(long, value_name = "WHAT")]
    pub(crate) against: Option<PathBuf>,
    /// From which class on a change is refused
    #[arg(long, value_name = "CLASS", value_enum, default_value_t = Class::DataRisk)]
    pub(crate) fail_on: Class,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RenderFormat {
    /// YAML documents
    #[default]
    Yaml,
    /// One object of kind List
    Json,
    /// One line for each object, such as `statefulset.apps/orders`
    Name,
    /// The pods and Services, as a Mermaid flowchart
    Graph,
    /// The same as an SVG, for a browser
    Svg,
}

impl RenderFormat {
    /// How a picture is drawn, where that is what is printed.
    pub(crate) fn picture(self) -> Option<picture::Format> {
        match self {
            RenderFormat::Yaml | RenderFormat::Json | RenderFormat::Name => None,
            RenderFormat::Graph => Some(picture::Format::Mermaid),
            RenderFormat::Svg => Some(picture::Format::Svg),
        }
    }
}

/// Explains a field of a spec, a directive, or a rule
///
/// Fields are explained as `kubectl explain` does it, from the schema that `schema` prints. A directive of
/// `spec.config` is explained with what it takes and which versions know it. A rule has a code that reports show,
/// and a name.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The path of a field, such as `spec.topology.shards` or `config.maxmemory-policy`, or the code or name of a rule,
    /// such as RCG102; without it, the whole spec
    #[arg(value_name = "FIELD|CODE")]
    pub(crate) topic: Option<String>,
    /// List all fields below, too
    #[arg(long)]
    pub(crate) recursive: bool,
}

/// Prints the JSON Schema of a spec file
///
/// Editors complete and check a spec with it.
#[derive(Debug, Args)]
pub(crate) struct Schema {}

/// Prints a completion script for a shell
#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// Prints the manual page, or writes one for each command
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write the page of each command into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
}

/// Prints the version, and what it supports
#[derive(Debug, Args)]
pub(crate) struct Version {
    /// The format
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) output: VersionFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum VersionFormat {
    /// The name and the version
    #[default]
    Text,
    /// Also the spec versions and Kubernetes versions that are supported
    Json,
}

const OLDEST_KUBE_VERSION: &str = "1.33";

/// A DNS label (RFC 1123), as the API server wants a namespace.
fn namespace(text: &str) -> Result<String, String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if is_label {
        Ok(text.to_owned())
    } else {
        Err("a namespace has 1 to 63 of a-z, 0-9 and -, with no - at its ends".to_owned())
    }
}

/// Takes what `kubectl version` and Argo CD's KUBE_VERSION say: `1.33`, `v1.33.2`, `1.33+`, `v1.33.2-eks-1`.
fn kube_version(text: &str) -> Result<KubeVersion, String> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    let (major, rest) = bare.split_once('.').unwrap_or((bare, ""));
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (minor, rest) = rest.split_at(digits);
    let is_version = major == "1" && (rest.is_empty() || rest.starts_with(['.', '+', '-']));
    let minor = minor.parse().ok().filter(|_| is_version);
    let version = KubeVersion(minor.ok_or("a Kubernetes version looks like 1.33")?);
    if version < KubeVersion::OLDEST {
        return Err(format!("the oldest supported Kubernetes is 1.{}", KubeVersion::OLDEST.0));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn the_default_is_the_oldest_kubernetes() {
        assert_eq!(kube_version(OLDEST_KUBE_VERSION), Ok(KubeVersion::OLDEST));
    }

    #[test]
    fn kube_versions() {
        for good in ["1.34", "v1.34", "1.34.2", "v1.34.2-eks-abc", "1.34+", "v1.34.2+k3s1"] {
            assert_eq!(kube_version(good), Ok(KubeVersion(34)), "{good}");
        }
        for bad in ["", "1", "1.", "2.34", "1.x", "1.34x", "1.32", "1.-34", "1.99999999999", "v"] {
            assert!(kube_version(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn namespaces() {
        for good in ["a", "shop", "shop-2", &"a".repeat(63)] {
            assert!(namespace(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "ä", &"a".repeat(64)] {
            assert!(namespace(bad).is_err(), "{bad}");
        }
    }
}
