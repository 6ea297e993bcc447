//! Whether a value is one its setting can have.
//!
//! Knows single values. Does not know how they go together (`resolve`).

use super::build::{Build, Verdict};
use crate::transport::is_secret;

/// Some brokers, without spaces; or what is wrong.
pub(super) fn brokers(text: &str) -> Result<String, String> {
    let mut brokers = Vec::new();
    for broker in text.split(',').map(str::trim) {
        if broker.is_empty() {
            return Err("there is a comma too many".to_owned());
        }
        let (scheme, address) = broker.split_once("://").unwrap_or(("", broker));
        if !["", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"].contains(&scheme) {
            return Err(format!("`{scheme}://` is not how brokers are spoken to"));
        }
        // Colons inside brackets belong to an address of version 6.
        let behind_host = address.rfind(']').map_or(address, |bracket| &address[bracket + 1..]);
        let port = behind_host.rsplit_once(':').map(|(_, port)| port);
        if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
            return Err(format!("`{broker}` has no port that could be one"));
        }
        if address.starts_with(':') || address.contains(char::is_whitespace) {
            return Err(format!("`{broker}` names no host"));
        }
        brokers.push(broker);
    }
    Ok(brokers.join(","))
}

/// Whether librdkafka, as it was built, takes this value; else what is wrong and how to mend it.
pub(super) fn property(property: &str, value: &str, build: &Build) -> Result<(), (String, String)> {
    let encrypted = property == "security.protocol" && value.to_ascii_lowercase().ends_with("ssl");
    if encrypted && build.kafka && !build.tls {
        return Err(without_tls());
    }
    if property == "max.in.flight.requests.per.connection" && value.parse::<u32>().is_ok_and(|n| n > 5) {
        return Err(("more than five may arrive in another order".to_owned(), "write at most 5".to_owned()));
    }
    if property == "retries" && value == "0" {
        let problem = "a record whose first attempt fails would be lost".to_owned();
        return Err((problem, "remove it; `delivery.timeout.ms` says how long is tried".to_owned()));
    }
    match (build.judge)(property, value) {
        Verdict::Fine => Ok(()),
        Verdict::Refused(words) if words.contains("not supported in this build") && !build.tls => {
            Err(without_tls())
        }
        Verdict::Refused(words) => {
            let words = if is_secret(property) { "…".to_owned() } else { words };
            let cure = "its values stand in librdkafka's `CONFIGURATION.md`".to_owned();
            Err((format!("librdkafka does not take it ({words})"), cure))
        }
        // Asked for by name before, and known.
        Verdict::Unknown => Ok(()),
    }
}

fn without_tls() -> (String, String) {
    let problem = "this program was built without TLS and SASL".to_owned();
    (problem, "build it with the feature `tls` of `streams-runtime`".to_owned())
}
