//! Encryption: where the certificate comes from, and what it is good for.

use super::{
    super::{
        suggest::closest,
        types::{Certificate, IssuerRef},
    },
    Facts, Finding, Findings, Rule, grammar,
};
use crate::error::Severity;

const TLS: &str = "/spec/tls";
const CERTIFICATE: &str = "/spec/tls/certificate";

pub(super) const NO_CERTIFICATE: Rule = Rule {
    code: "RCG371",
    name: "no-certificate",
    severity: Severity::Error,
    title: "encryption without a certificate",
    story: "\
The pods mount the certificate from a Secret. Either you make the Secret, with `tls.crt`, `tls.key` and `ca.crt`, and name it: `tls: {secretName: orders-tls}`; or cert-manager makes it, and the spec says who signs: \
`tls: {certificate: {issuerRef: {name: internal}}}`.",
    check: Some(no_certificate),
};

fn no_certificate(facts: &Facts<'_>, found: &mut Findings) {
    let Some(tls) = &facts.spec.tls else { return };
    if tls.secret_name.is_none() && tls.certificate.is_none() {
        found.push(|| Finding::lacking(TLS, "`spec.tls` names no certificate")
                .label("no `secretName` and no `certificate`")
                .help("write `secretName:` and the name of a Secret with `tls.crt`, `tls.key` and `ca.crt`, or `certificate:` with an `issuerRef` of cert-manager"),
        );
    }
}

fn certificate<'a>(facts: &Facts<'a>) -> Option<&'a Certificate> {
    facts.spec.tls.as_ref()?.certificate.as_ref()
}

pub(super) const CERTIFICATE_TIMES: Rule = Rule {
    code: "RCG372",
    name: "certificate-times",
    severity: Severity::Error,
    title: "the times of a certificate are none that cert-manager takes",
    story: "\
Times are whole numbers with a unit, `h`, `m` or `s`: `2160h` or `1h30m`; days have no unit. A certificate is valid for at least an hour (`duration`). `renewBefore` is how long before its end it is renewed: at least five minutes, and less than `duration`. cert-manager refuses anything else. Without `duration` it is 2160h, 90 days.",
    check: Some(certificate_times),
};

/// The shortest `duration` and the shortest `renewBefore`: `MinimumCertificateDuration` and `MinimumRenewBefore` of cert-manager.
const SHORTEST: [u64; 2] = [3600, 300];

fn certificate_times(facts: &Facts<'_>, found: &mut Findings) {
    let Some(certificate) = certificate(facts) else { return };
    let mut time = |field: &str, text: &str, least: u64, or_more: &str| {
        let at = format!("{CERTIFICATE}/{field}");
        let seconds = seconds(text);
        match seconds {
            None => found.push(|| {
                Finding::at(at, format!("`{text}` is no time that cert-manager reads"))
                    .label("no time")
                    .help(in_hours(text))
            }),
            Some(short) if short < least => found.push(|| match field {
                "duration" => {
                    Finding::at(at, format!("a certificate cannot be valid for `{text}` only"))
                        .label("less than an hour")
                        .help(or_more)
                }
                _ => Finding::at(
                    at,
                    format!("a certificate cannot be renewed `{text}` before its end"),
                )
                .label("less than five minutes")
                .help(or_more),
            }),
            Some(_) => {}
        }
        seconds.filter(|seconds| *seconds >= least)
    };
    let duration = certificate.duration.as_deref().unwrap_or("2160h");
    let valid = time("duration", duration, SHORTEST[0], "write `1h` or more");
    let renew = certificate.renew_before.as_deref().and_then(|renew| {
        time(
            "renewBefore",
            renew,
            SHORTEST[1],
            "write `5m` or more; a third of `duration` is common",
        )
    });
    if let (Some(valid), Some(renew)) = (valid, renew)
        && renew >= valid
    {
        found.push(|| Finding::at(
                "/spec/tls/certificate/renewBefore",
                format!("a certificate that is valid for {valid} seconds cannot be renewed {renew} seconds before its end"),
            )
            .label("as long, or longer")
            .related("/spec/tls/certificate/duration", "for so long it is valid")
            .help("write a shorter `renewBefore`; a third of `duration` is common"),
        );
    }
}

/// How a time is written, for one that is not.
fn in_hours(text: &str) -> String {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    match days.and_then(|days| days.checked_mul(24)) {
        Some(hours) => format!("write hours: `{hours}h`"),
        None => "write whole numbers with a unit, such as `2160h` or `1h30m`".to_owned(),
    }
}

/// The seconds of a duration such as `2160h` or `1h30m`; none for what is no duration, or one that Go's 64 bits of nanoseconds do not hold.
fn seconds(text: &str) -> Option<u64> {
    const MOST: u64 = i64::MAX as u64 / 1_000_000_000;
    let mut sum = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let unit = match after.chars().next()? {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = &after[1..];
    }
    (!text.is_empty() && sum <= MOST).then_some(sum)
}

pub(super) const CERTIFICATE_NAMES: Rule = Rule {
    code: "RCG373",
    name: "certificate-names",
    severity: Severity::Error,
    title: "a certificate is to have a name that is no DNS name",
    story: "\
`dnsNames` are added to the names that the pods and Services have by themselves. Each is a DNS name, whose first part may be `*`.",
    check: Some(certificate_names),
};

fn certificate_names(facts: &Facts<'_>, found: &mut Findings) {
    let Some(certificate) = certificate(facts) else { return };
    for (index, name) in certificate.dns_names.iter().enumerate() {
        let host = name.strip_prefix("*.").unwrap_or(name);
        if let Some(why) = grammar::dns_subdomain(host) {
            found.push(|| {
                Finding::at(
                    format!("{CERTIFICATE}/dnsNames/{index}"),
                    format!("`{name}` is no DNS name: it {why}"),
                )
                .help("write a name such as `redis.example.com` or `*.redis.example.com`")
            });
        }
    }
}

pub(super) const CERTIFICATE_WITHOUT_NAMESPACE: Rule = Rule {
    code: "RCG374",
    name: "certificate-without-namespace",
    severity: Severity::Warning,
    title: "a certificate has only short names, as the namespace is not known",
    story: "\
Within their namespace pods and Services have short names; from others, clients use `orders-client.shop` or `orders-client.shop.svc.cluster.local`. Where neither the spec nor `--namespace` says the namespace, the Certificate cannot \
list these, and a client elsewhere that checks names refuses the connection.",
    check: Some(certificate_without_namespace),
};

fn certificate_without_namespace(facts: &Facts<'_>, found: &mut Findings) {
    if certificate(facts).is_some() && facts.namespace().is_none() {
        found.push(|| {
            Finding::at_key(
                CERTIFICATE,
                "the certificate has no names for clients in other namespaces",
            )
            .label("only short names")
            .help("write `metadata.namespace`, or render with `--namespace`")
        });
    }
}

pub(super) const ISSUER_SYNTAX: Rule = Rule {
    code: "RCG399",
    name: "issuer-syntax",
    severity: Severity::Error,
    title: "there can be no issuer of such a kind or group",
    story: "\
cert-manager itself has two kinds of issuers: `Issuer`, in the namespace of the Certificate, and `ClusterIssuer`. It refuses any other kind of its own group, `cert-manager.io`. External issuers are kinds of another group, which has to be written too, such as `kind: AWSPCAClusterIssuer` with `group: awspca.cert-manager.io`. \
A kind is one word of at most 63 letters, digits and `-`, a group a DNS subdomain; the request of a Certificate that names something else is never answered.",
    check: Some(issuer_syntax),
};

fn issuer_syntax(facts: &Facts<'_>, found: &mut Findings) {
    let Some(certificate) = certificate(facts) else { return };
    let IssuerRef { name: _, kind, group } = &certificate.issuer_ref;
    let at = format!("{CERTIFICATE}/issuerRef");
    if let Some(why) = grammar::dns_subdomain(group) {
        found.push(|| {
            Finding::at(
                format!("{at}/group"),
                format!("`{group}` cannot be the API group of an issuer: it {why}"),
            )
            .help("write the group of the external issuer, or remove it: the default is cert-manager's own, `cert-manager.io`")
        });
    }
    if let Some(why) = grammar::kind(kind) {
        found.push(|| {
            Finding::at(
                format!("{at}/kind"),
                format!("`{kind}` cannot be the kind of an issuer: it {why}"),
            )
            .help("write `Issuer`, `ClusterIssuer`, or the kind of an external issuer")
        });
    } else if group == "cert-manager.io" && !["Issuer", "ClusterIssuer"].contains(&kind.as_str()) {
        found.push(|| {
            let finding = Finding::at(format!("{at}/kind"), format!("cert-manager has no issuers of the kind `{kind}`"))
                .label("expected `Issuer` or `ClusterIssuer`")
                .related(format!("{at}/group"), "of this group")
                .needs(format!("{at}/group"));
            match closest(kind, ["Issuer", "ClusterIssuer"]) {
                // What ends so is a kind of somebody else.
                Some(meant) if !kind.ends_with("Issuer") => finding.help(format!("did you mean `{meant}`?")),
                _ => finding.help("write the `group` of the external issuer too, such as `group: awspca.cert-manager.io`"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations() {
        for (text, expected) in [("2160h", 7_776_000), ("1h30m", 5400), ("90s", 90), ("0h", 0)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "1d",
            "x",
            "5",
            "h",
            "1h30",
            "1.5h",
            "-1h",
            "1h ",
            "9999999h",
            "99999999999999999999h",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
