//! Certificates of a cluster, as cert-manager would make them.

use std::{fs, path::Path};

use redis::{ClientTlsConfig, TlsCertificates};
use serde_json::Value;

use crate::{
    objects::Files,
    tools::{Result, run, run_with},
};

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

/// Makes a certificate for the server's own machine, for clients that do not look at names: the keys of a Secret.
pub fn issue(folder: &Path) -> Result<Files> {
    sign(folder, "DNS:localhost")
}

/// Makes what a rendered Certificate asks for.
pub fn issue_for(certificate: &Value, folder: &Path) -> Result<Files> {
    let all = |field: &str, kind: &str| -> Vec<String> {
        let names = certificate["spec"][field].as_array().into_iter().flatten();
        names.filter_map(|name| Some(format!("{kind}:{}", name.as_str()?))).collect()
    };
    sign(folder, &[all("dnsNames", "DNS"), all("ipAddresses", "IP")].concat().join(","))
}

/// Makes a certificate for names, and the authority that signs it where the folder has none yet.
fn sign(folder: &Path, names: &str) -> Result<Files> {
    fs::create_dir_all(folder)?;
    let file = |name: &str| folder.join(name).display().to_string();
    let (ca, ca_key) = (file("ca.crt"), file("ca.key"));
    if !Path::new(&ca).exists() {
        run(&format!(
            "openssl req -x509 {KEY} -days 30 -subj /CN=authority -keyout {ca_key} -out {ca}"
        ))?;
    }
    let (crt, key) = (file("tls.crt"), file("tls.key"));
    run(&format!(
        "openssl req -x509 -CA {ca} -CAkey {ca_key} {KEY} -days 30 -subj /CN=node -keyout {key} -out {crt} \
         -addext subjectAltName={names} -addext extendedKeyUsage=serverAuth,clientAuth \
         -addext basicConstraints=critical,CA:FALSE"
    ))?;
    let read = |name: &str| Ok((name.to_owned(), fs::read(folder.join(name))?));
    ["ca.crt", "tls.crt", "tls.key"].into_iter().map(read).collect()
}

/// What a client shows and trusts.
pub fn for_client(files: &Files) -> TlsCertificates {
    let file = |name: &str| files.get(name).cloned().unwrap_or_default();
    TlsCertificates {
        client_tls: Some(ClientTlsConfig {
            client_cert: file("tls.crt"),
            client_key: file("tls.key"),
        }),
        root_cert: Some(file("ca.crt")),
    }
}

/// The serial number of the certificate that a server shows.
pub fn serial_served(place: &str, files: &Path) -> Result<String> {
    let file = |name: &str| files.join(name).display().to_string();
    let (crt, key) = (file("tls.crt"), file("tls.key"));
    let words = ["openssl", "s_client", "-connect", place, "-cert", &crt, "-key", &key];
    let shown = run_with(&words, "")?;
    let serial = run_with(&["openssl", "x509", "-noout", "-serial"], &shown)?;
    Ok(serial.trim().to_owned())
}

/// The serial number of a certificate.
pub fn serial(files: &Files) -> Result<String> {
    let pem = String::from_utf8_lossy(files.get("tls.crt").ok_or("no certificate")?).into_owned();
    Ok(run_with(&["openssl", "x509", "-noout", "-serial"], &pem)?.trim().to_owned())
}
