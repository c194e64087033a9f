//! Encryption: where the certificate comes from, and what it is good for.

use super::{super::types::Certificate, Facts, Finding, Findings, Rule, grammar};
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
    title: "a certificate would be renewed before it is valid",
    story: "\
`renewBefore` is how long before its end a certificate is renewed, so it is shorter than `duration`, which is at least an hour; cert-manager refuses anything else. Without `duration` it is 2160h, 90 days.",
    check: Some(certificate_times),
};

fn certificate_times(facts: &Facts<'_>, found: &mut Findings) {
    let Some(certificate) = certificate(facts) else { return };
    let duration = certificate.duration.as_deref().unwrap_or("2160h");
    let (Some(valid), renew) =
        (seconds(duration), certificate.renew_before.as_deref().and_then(seconds))
    else {
        return;
    };
    if valid < 3600 {
        found.push(|| {
            Finding::at(
                "/spec/tls/certificate/duration",
                format!("a certificate cannot be valid for `{duration}` only"),
            )
            .label("less than an hour")
            .help("write `1h` or more")
        });
    } else if let Some(renew) = renew.filter(|renew| *renew >= valid) {
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

/// The seconds of a duration such as `2160h` or `1h30m`; none for what is no duration.
fn seconds(text: &str) -> Option<u64> {
    let mut sum = 0_u64;
    let mut number = 0_u64;
    for letter in text.chars() {
        let unit = match letter {
            '0'..='9' => {
                let digit = u64::from(letter) - u64::from('0');
                number = number.checked_mul(10)?.checked_add(digit)?;
                continue;
            }
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        sum = sum.checked_add(number.checked_mul(unit)?)?;
        number = 0;
    }
    Some(sum)
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

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations() {
        for (text, expected) in [("2160h", 7_776_000), ("1h30m", 5400), ("90s", 90), ("0h", 0)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["1d", "x", "99999999999999999999h"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
