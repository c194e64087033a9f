//! The engine, its version and its image.

use super::{
    super::{
        directives::{self, Version},
        types::EngineName,
    },
    Facts, Finding, Findings, Rule,
};
use crate::error::Severity;

const VERSION: &str = "/spec/engine/version";
const IMAGE: &str = "/spec/engine/image";
const EXPORTER_IMAGE: &str = "/spec/observability/exporter/image";
const REGISTRY: &str = "/spec/engine/registry";
const NAME: &str = "/spec/engine/name";

pub(super) const FLOATING_VERSION: Rule = Rule {
    code: "RCG220",
    name: "floating-version",
    severity: Severity::Warning,
    title: "a version without its patch number changes by itself",
    story: "\
Without `spec.engine.image` the version is the tag of the official image. The tag `8.0` moves with every patch release, and a node pulls it only when it does not have it: \
pods on different nodes then run different patches, and a restart can be an upgrade that nobody decided. Write all three numbers, such as `8.0.6`.",
    check: Some(floating_version),
};

fn floating_version(facts: &Facts<'_>, found: &mut Findings) {
    let version = &facts.spec.engine.version;
    let numbers = version.split('-').next().unwrap_or_default();
    if facts.version.is_some()
        && facts.spec.engine.image.is_none()
        && numbers.matches('.').count() == 1
    {
        found.push(|| {
            Finding::at(VERSION, format!("the version `{version}` names no patch release"))
                .label("a tag that moves")
                .note(format!("it is the tag of the image, and `{version}` is another image after the next patch release"))
                .help(format!("write all three numbers: `{numbers}.PATCH`"))
        });
    }
}

pub(super) const VERSION_SYNTAX: Rule = Rule {
    code: "RCG221",
    name: "version-syntax",
    severity: Severity::Error,
    title: "the engine's version is not a version",
    story: "\
The directives that a server knows depend on its version, so it must be readable: two or three numbers with dots between them, such as `8.0.6`, and after a `-` what else the tag of \
the official image has, such as `8.0.6-alpine`. Write it in quotes: without them `7.10` is the number 7.1. Words such as `latest` or `stable` are no versions: they mean \
another one tomorrow. It has at most 63 characters, since every object carries it as a label.",
    check: Some(version_syntax),
};

fn version_syntax(facts: &Facts<'_>, found: &mut Findings) {
    let version = &facts.spec.engine.version;
    if facts.version.is_some() && has_shape(version) {
        return;
    }
    if version.len() > Version::LONGEST {
        let characters = version.chars().count();
        found.push(|| {
            Finding::at(VERSION, format!("the engine's version has {characters} characters"))
                .label(format!("at most {}", Version::LONGEST))
                .note("every object carries the version as a label, and labels are no longer than that")
                .help("write the version, such as `version: \"8.0.6\"`; what else an image's tag has belongs into `spec.engine.image`")
        });
        return;
    }
    let finding = Finding::at(VERSION, format!("`{version}` is not a version of an engine"))
        .label("not a version");
    let plain = version.trim().trim_start_matches(['v', 'V']);
    found.push(|| {
        if plain != version && Version::parse(plain).is_some() && has_shape(plain) {
            finding.help(format!("write `version: \"{plain}\"`"))
        } else if plain.bytes().all(|byte| byte.is_ascii_digit()) && !plain.is_empty() {
            finding.help("write all three numbers, such as `version: \"8.0.6\"`")
        } else {
            finding.help("write all three numbers of a release, such as `version: \"8.0.6\"`")
        }
    });
}

/// Two or three numbers, then nothing, or `-` or `.` and what else a tag may have. The schema says the same.
fn has_shape(version: &str) -> bool {
    let number = |text: &str| text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let first = number(version);
    let Some(rest) = version[first..].strip_prefix('.').filter(|_| first > 0) else { return false };
    let second = number(rest);
    let rest = &rest[second..];
    let more = rest.strip_prefix(['-', '.']);
    let is_tag = |text: &str| {
        text.ends_with(|char: char| char.is_ascii_alphanumeric())
            && text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-'))
    };
    second > 0 && (rest.is_empty() || more.is_some_and(is_tag))
}

pub(super) const ENGINE_TOO_OLD: Rule = Rule {
    code: "RCG222",
    name: "engine-too-old",
    severity: Severity::Error,
    title: "the engine is older than the oldest that is supported",
    story: "\
Redis 7.0 is the oldest that is supported: it was the first with announced hostnames, sharded publish and subscribe, and the append-only file in several parts, by which \
the guards against data loss tell an empty server from a full one. Valkey began with 7.2, as a fork of Redis 7.2.4. The scripts were tested with nothing older, and older lines \
get no security fixes.",
    check: Some(engine_too_old),
};

fn engine_too_old(facts: &Facts<'_>, found: &mut Findings) {
    let (Some(version), engine) = (facts.version, facts.spec.engine.name) else { return };
    let oldest = directives::oldest(engine);
    if version < oldest {
        let (name, why) = match engine {
            EngineName::Redis => (
                "Redis",
                "7.0 was the first with announced hostnames and with the append-only file in several parts, which the guards against data loss look at",
            ),
            EngineName::Valkey => ("Valkey", "7.2 was the first Valkey, a fork of Redis 7.2.4"),
        };
        found.push(|| {
            Finding::at(VERSION, format!("{name} {} is too old", facts.spec.engine.version))
                .label(format!("at least {}", show(oldest)))
                .related(NAME, "of this engine")
                .note(why)
                .help(format!("write a version from {} on; a server of the next major version reads the files of the one before it", show(oldest)))
        });
    }
}

pub(super) const ENGINE_TOO_NEW: Rule = Rule {
    code: "RCG223",
    name: "engine-too-new",
    severity: Severity::Warning,
    title: "the engine is newer than the newest whose directives are known",
    story: "\
The directives under `spec.config` are checked against those of the engine's version, because a server does not start with one that it does not know. For a version that came out after this \
release of redis-cluster-gen, the newest known one stands in: a directive that was removed since is not found, and one that was added is reported as uncertain. \
Everything that redis-cluster-gen writes by itself is known to all versions since the oldest supported one. Without `spec.config` only another major version is reported: it may be one of Valkey, and `name: valkey` was forgotten.",
    check: Some(engine_too_new),
};

fn engine_too_new(facts: &Facts<'_>, found: &mut Findings) {
    let (Some(version), engine) = (facts.version, facts.spec.engine.name) else { return };
    let newest = directives::newest(engine);
    if version > newest && (version.0 > newest.0 || !facts.spec.config.is_empty()) {
        let finding = Finding::at(
            VERSION,
            format!(
                "{} {} is newer than any whose directives are known",
                title(engine),
                facts.spec.engine.version
            ),
        )
        .label(format!("known up to {}", show(newest)));
        let finding = match facts.spec.config.is_empty() {
            true => finding,
            false => finding.related("/spec/config", format!("checked as for {}", show(newest))),
        };
        found.push(|| match engine {
            EngineName::Redis if version <= directives::newest(EngineName::Valkey) => finding
                .help("look for a newer redis-cluster-gen; if it is Valkey, write `name: valkey`"),
            _ => finding.help(
                "look for a newer redis-cluster-gen, or try the configuration on one pod first",
            ),
        });
    }
}

/// The engine's name in a sentence.
pub(super) fn title(engine: EngineName) -> &'static str {
    match engine {
        EngineName::Redis => "Redis",
        EngineName::Valkey => "Valkey",
    }
}

/// A version in a sentence.
pub(super) fn show(Version(major, minor): Version) -> String {
    format!("{major}.{minor}")
}

/// The parts of an image's name.
struct Image<'a> {
    repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    fn of(text: &'a str) -> Image<'a> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the registry's port.
        match name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
            Some((repository, tag)) => Image { repository, tag: Some(tag), digest },
            None => Image { repository: name, tag: None, digest },
        }
    }

    /// Why the container runtime would refuse it.
    fn mistake(&self) -> Option<String> {
        let Image { repository, tag, digest } = self;
        if repository.is_empty() {
            return Some("has no name".to_owned());
        }
        if let Some((scheme, _)) = repository.split_once("://") {
            return Some(format!("begins with `{scheme}://`"));
        }
        if let Some(odd) = repository.chars().find(|char| char.is_whitespace()) {
            return Some(format!(
                "contains {}",
                if odd == ' ' { "a blank" } else { "white space" }
            ));
        }
        let mut parts = repository.split('/').enumerate();
        // Only a registry's host may have capitals and a port.
        let is_host = |index: usize, part: &str| {
            index == 0
                && repository.contains('/')
                && (part.contains(['.', ':']) || part == "localhost")
        };
        if parts.clone().any(|(_, part)| part.is_empty()) {
            return Some("has nothing between two `/`".to_owned());
        }
        if let Some((_, part)) = parts.clone().find(|(index, part)| {
            !is_host(*index, part) && part.chars().any(|char| char.is_ascii_uppercase())
        }) {
            return Some(format!("has a capital letter in `{part}`"));
        }
        let fine = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_');
        if let Some(odd) = parts.find_map(|(index, part)| {
            part.chars().find(|char| !(fine(*char) || *char == ':' && is_host(index, part)))
        }) {
            return Some(format!("contains `{odd}`"));
        }
        if tag.is_some_and(|tag| {
            tag.is_empty()
                || tag.len() > 128
                || !tag.chars().all(fine)
                || tag.starts_with(['.', '-'])
        }) {
            return Some(format!("has the tag `{}`, which cannot be one", tag.unwrap_or_default()));
        }
        let hex = |text: &str| {
            text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        if digest.is_some_and(|digest| !digest.strip_prefix("sha256:").is_some_and(hex)) {
            return Some("has a digest that is not `sha256:` and 64 hexadecimal digits".to_owned());
        }
        None
    }

    fn last_part(&self) -> &'a str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }
}

/// The image, where one is given that can be read.
fn image<'a>(facts: &Facts<'a>) -> Option<(&'a str, Image<'a>)> {
    let text = facts.spec.engine.image.as_deref()?;
    let image = Image::of(text);
    image.mistake().is_none().then_some((text, image))
}

pub(super) const IMAGE_SYNTAX: Rule = Rule {
    code: "RCG224",
    name: "image-syntax",
    severity: Severity::Error,
    title: "the image's name is not one",
    story: "\
An image's name is an optional registry, a path in small letters, and a tag, a digest or both: `redis:8.0.6`, `registry.example.com:5000/team/redis:8.0.6`, \
`redis@sha256:...`. With anything else the pods stay in `InvalidImageName`.",
    check: Some(image_syntax),
};

fn image_syntax(facts: &Facts<'_>, found: &mut Findings) {
    let images = [
        (IMAGE, &facts.spec.engine.image, "redis:8.0.6"),
        (EXPORTER_IMAGE, &facts.spec.observability.exporter.image, "redis_exporter:v1.91.1"),
    ];
    for (pointer, text, example) in images {
        let Some(text) = text else { continue };
        let Some(why) = Image::of(text).mistake() else { continue };
        let finding = Finding::at(pointer, format!("the image `{text}` {why}"));
        found.push(|| match text.split_once("://") {
            Some((_, rest)) if Image::of(rest).mistake().is_none() => finding.help(format!("write `image: {rest}`")),
            _ => finding.help(format!("write a path in small letters with a tag or digest, such as `image: registry.example.com/{example}`")),
        });
    }
}

pub(super) const IMAGE_NOT_PINNED: Rule = Rule {
    code: "RCG225",
    name: "image-not-pinned",
    severity: Severity::Error,
    title: "the image has no tag, or one that moves",
    story: "\
An image without a tag is `latest`, and `latest` is another image tomorrow: a pod that moves to another node then starts another version than its peers, with directives it may not know. \
Write the version as tag, or a digest.",
    check: Some(image_not_pinned),
};

fn image_not_pinned(facts: &Facts<'_>, found: &mut Findings) {
    let exporter = facts.spec.observability.exporter.image.as_deref();
    let exporter = exporter.map(|text| (text, Image::of(text)));
    let version = facts.version.map_or("8.0.6", |_| facts.spec.engine.version.as_str());
    for (pointer, image, version) in
        [(IMAGE, image(facts), version), (EXPORTER_IMAGE, exporter, "v1.91.1")]
    {
        let Some((text, image)) = image.filter(|(_, image)| image.mistake().is_none()) else {
            continue;
        };
        let what = match image {
            Image { digest: Some(_), .. } => continue,
            Image { tag: None, .. } => "has neither tag nor digest",
            Image { tag: Some("latest"), .. } => "has a tag that moves",
            _ => continue,
        };
        found.push(|| {
            Finding::at(pointer, format!("the image `{text}` {what}"))
                .label("another image tomorrow")
                .note("a pod that moves to another node would start another version than its peers")
                .help(format!(
                    "write a version as tag, such as `image: {}:{version}`, or a digest",
                    image.repository
                ))
        });
    }
}

pub(super) const IMAGE_CONTRADICTS_VERSION: Rule = Rule {
    code: "RCG226",
    name: "image-contradicts-version",
    severity: Severity::Error,
    title: "the image's tag and the version disagree",
    story: "\
`spec.engine.version` decides which directives are allowed, and what the server is told; the image decides what runs. When the image's tag begins with another version, one of the two was \
forgotten in an upgrade. They may differ in how much they say: `8.0` and `8.0.6-alpine` agree. A tag that does not begin with a version is not compared.",
    check: Some(image_contradicts_version),
};

fn image_contradicts_version(facts: &Facts<'_>, found: &mut Findings) {
    let (Some((_, image)), Some(_)) = (image(facts), facts.version) else { return };
    let (Some(tag), version) = (image.tag, &facts.spec.engine.version) else { return };
    let (of_tag, of_version) = (numbers(tag.trim_start_matches('v')), numbers(version));
    // Dates and build numbers are tags too.
    let is_version = of_tag.len() > 1 && of_tag[0] < 100;
    if is_version && of_tag.iter().zip(&of_version).any(|(left, right)| left != right) {
        found.push(|| {
            Finding::at(IMAGE, format!("the image's tag `{tag}` is not version {version}"))
                .label("what runs")
                .related(VERSION, "what directives are checked against")
                .help("write the same version in both")
        });
    }
}

/// The numbers that a text begins with.
fn numbers(text: &str) -> Vec<u64> {
    let end = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    text[..end].split('.').map_while(|number| number.parse().ok()).collect()
}

pub(super) const IMAGE_FROM_BITNAMI: Rule = Rule {
    code: "RCG227",
    name: "image-from-bitnami",
    severity: Severity::Warning,
    title: "Bitnami's images are made for Bitnami's charts",
    story: "\
Bitnami's images expect to be started by their own entrypoint, as user 1001, with their data in `/bitnami`; here the server is started by a script, as user 999, with its data in `/data`. In August 2025 \
their versioned tags moved from `docker.io/bitnami` to `bitnamilegacy`, where they get no updates. The official images, `redis` and `valkey/valkey`, are what the scripts are tested with; \
leave `spec.engine.image` out to use them.",
    check: Some(image_from_bitnami),
};

fn image_from_bitnami(facts: &Facts<'_>, found: &mut Findings) {
    let Some((text, image)) = image(facts) else { return };
    if image
        .repository
        .split('/')
        .any(|part| matches!(part, "bitnami" | "bitnamilegacy" | "bitnamisecure"))
    {
        let official = match facts.spec.engine.name {
            EngineName::Redis => "redis",
            EngineName::Valkey => "valkey/valkey",
        };
        found.push(|| {
            Finding::at(IMAGE, format!("the image `{text}` is made for Bitnami's charts"))
                .label("another user, other paths")
                .note("its versioned tags left docker.io/bitnami in August 2025; those of bitnamilegacy get no updates")
                .help(format!("remove `image`: the official image is `{official}:{}`", facts.spec.engine.version))
        });
    }
}

pub(super) const IMAGE_OF_OTHER_ENGINE: Rule = Rule {
    code: "RCG228",
    name: "image-of-other-engine",
    severity: Severity::Warning,
    title: "the image's name is that of the other engine",
    story: "\
The scripts call `redis-server` and `redis-cli`, or `valkey-server` and `valkey-cli`, as `spec.engine.name` says. An image whose name says the other engine probably lacks them, or is \
checked against the wrong directives.",
    check: Some(image_of_other_engine),
};

fn image_of_other_engine(facts: &Facts<'_>, found: &mut Findings) {
    let Some((text, image)) = image(facts) else { return };
    let (ours, other) = match facts.spec.engine.name {
        EngineName::Redis => ("redis", "valkey"),
        EngineName::Valkey => ("valkey", "redis"),
    };
    let name = image.last_part();
    if name.contains(other) && !name.contains(ours) {
        found.push(|| {
            Finding::at(
                IMAGE,
                format!("the image `{text}` is named after {other}, and the engine is {ours}"),
            )
            .label(format!("has it `{ours}-server`?"))
            .related(NAME, "the engine")
            .help(format!("write `name: {other}` under `spec.engine`, or an image of {ours}"))
        });
    }
}

pub(super) const REGISTRY_UNUSED: Rule = Rule {
    code: "RCG229",
    name: "registry-unused",
    severity: Severity::Error,
    title: "`registry` is for the default image, and another image is given",
    story: "\
`spec.engine.registry` takes the place of `docker.io` in the name of the default image. `spec.engine.image` is a whole name, registry included. With both it is not clear what was meant: \
write the registry into the image's name, or leave the image out.",
    check: Some(registry_unused),
};

fn registry_unused(facts: &Facts<'_>, found: &mut Findings) {
    let (Some(registry), Some(image)) = (&facts.spec.engine.registry, &facts.spec.engine.image)
    else {
        return;
    };
    let path = match image.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) => path,
        _ => image,
    };
    found.push(|| {
        Finding::at(
            REGISTRY,
            format!("the registry `{registry}` is for the default image, but `image` is given"),
        )
        .label("without effect")
        .related(IMAGE, "used as it is")
        .help(format!(
            "write `image: {}/{path}` alone, or `registry` alone",
            registry.trim_end_matches('/')
        ))
    });
}

pub(super) const REGISTRY_SYNTAX: Rule = Rule {
    code: "RCG230",
    name: "registry-syntax",
    severity: Severity::Error,
    title: "the registry cannot begin an image's name",
    story: "\
A registry is a host, with a port if it has one, and a path below it if the mirror has one: `registry.example.com:5000/docker-hub`. It has no `https://` and no tag.",
    check: Some(registry_syntax),
};

fn registry_syntax(facts: &Facts<'_>, found: &mut Findings) {
    let Some(registry) = &facts.spec.engine.registry else { return };
    let trimmed = registry.trim_end_matches('/');
    let why = match Image::of(&format!("{trimmed}/redis")).mistake() {
        _ if trimmed.is_empty() => Some("is empty".to_owned()),
        why => why,
    };
    let Some(why) = why else { return };
    let finding = Finding::at(REGISTRY, format!("the registry `{registry}` {why}"));
    found.push(|| match registry.split_once("://") {
        Some((_, rest)) => {
            finding.help(format!("write `registry: {}`", rest.trim_end_matches('/')))
        }
        None => finding
            .help("write a host and a path, such as `registry: registry.example.com/docker-hub`"),
    });
}

#[cfg(test)]
mod tests {
    use super::{Image, has_shape, numbers};

    #[test]
    fn images() {
        for text in [
            "redis:8.0.6",
            "localhost/redis:1",
            "Registry.example.com:5000/a/b_c:v1",
            "redis@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(Image::of(text).mistake(), None, "{text}");
        }
        for text in [
            "",
            ":8",
            "Redis:8",
            "https://x.example/redis:8",
            "a//b:1",
            "redis:",
            "redis:a b",
            "redis: 8",
            "redis@sha256:12",
            "a b:1",
            "redis:-1",
        ] {
            assert!(Image::of(text).mistake().is_some(), "{text}");
        }
        let image = Image::of("example.com:5000/redis");
        assert_eq!((image.repository, image.tag), ("example.com:5000/redis", None));
    }

    #[test]
    fn shapes_of_versions() {
        for version in ["8.0", "8.0.6", "8.0.6-alpine", "7.2.4.1", "8.0-rc1"] {
            assert!(has_shape(version), "{version}");
        }
        for version in ["", "8", "8.", ".0", "8.0-", "8.0.", "8.0.6 ", "8.0+1", "v8.0", "8.0_1"] {
            assert!(!has_shape(version), "{version}");
        }
        assert_eq!(numbers("7.2.4-alpine"), [7, 2, 4]);
        assert_eq!(numbers("alpine"), [] as [u64; 0]);
    }
}
