//! How a call failed, whoever it was of: nobody answered, which a firewall does, or somebody
//! answered, which it does not.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use crate::ingest::symptom::{group, matches};
use crate::model::symptom::Failure;
use crate::net::parse_address;

pattern!(RESOLVER, r"lookup \S+ on (\[[0-9a-fA-F:.]+\]|[0-9.]+):53");
pattern!(NO_SERVICE, r#"service "[^"]+" not found"#);
// Numbers stand everywhere: in ports, digests and times.
pattern!(STATUS_403, r"(?i)\b(?:status|code|http/[0-9.]+)[ a-z:=]{0,12}403\b|\b403 forbidden");
pattern!(
    STATUS_404,
    r"(?i)\b(?:status|code|http/[0-9.]+)[ a-z:=]{0,12}404\b|\b404 (?:page )?not found"
);

/// The resolver that no rule can block.
const METADATA: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254));

/// Who was asked: `lookup gcr.io on 10.30.0.10:53: read udp …: i/o timeout`.
fn asked_resolver(text: &str) -> Option<IpAddr> {
    parse_address(group(&RESOLVER, text, 1)?.trim_matches(['[', ']']))
}

/// The last ones are the aggregator's
/// (<https://github.com/kubernetes/kube-aggregator/blob/master/pkg/controllers/status>).
const NO_ENDPOINTS: [&str; 5] = [
    "no endpoints available",
    "endpoints not found",
    "(missingendpoints)",
    "(endpointsnotfound)",
    "have no addresses with port name",
];

/// How it failed, by the words of whoever tried.
pub(super) fn failure(text: &str) -> Failure {
    let lower = text.to_ascii_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if any(&["no agent available"]) {
        Failure::NoAgent
    } else if any(&NO_ENDPOINTS) {
        Failure::NoEndpoints
    } else if matches(&NO_SERVICE, text) || any(&["(servicenotfound)"]) {
        Failure::NoService
    } else if any(&["connection refused"]) {
        Failure::Refused
    } else if any(&["x509", "certificate ", "tls: bad", "tls: failed", "remote error: tls"]) {
        Failure::Certificate
    } else if any(&["denied the request"]) {
        Failure::Answered
    } else if any(&["429 too many requests", "toomanyrequests", "pull rate limit"]) {
        Failure::Limited
    } else if any(&["no space left on device"]) {
        Failure::NoSpace
    } else if asked_resolver(&lower).is_some_and(|resolver| resolver != METADATA)
        && any(&["i/o timeout"])
    {
        Failure::Resolver
    } else if lower.contains("lookup ")
        && any(&["no such host", "server misbehaving", ":53", "i/o timeout"])
    {
        Failure::Name
    } else if any(&["vpcservicecontrolsuniqueidentifier", "prohibited by organization's policy"]) {
        Failure::Perimeter
    } else if any(&["address is not allowed"]) {
        Failure::ForeignAddress
    } else if any(&[
        "forbidden",
        "unauthorized",
        "insufficient_scope",
        "no pull access",
        "not authorized",
    ]) || matches(&STATUS_403, text)
    {
        Failure::Forbidden
    } else if any(&["manifest unknown", "no matching manifest", ": not found", " not found:"])
        || matches(&STATUS_404, text)
    {
        Failure::NotFound
    } else if any(&["tls handshake timeout", "connection reset", "unexpected eof", ": eof"]) {
        Failure::Broken
    } else if any(&[
        "i/o timeout",
        "dial timeout",
        "context deadline exceeded",
        "client.timeout",
        "timed out",
        "did not complete within",
        "timeout waiting for connect",
        "failed calling webhook, timeout",
    ]) {
        Failure::Timeout
    } else if any(&["network is unreachable", "no route to host"]) {
        Failure::NoRoute
    } else if any(&["unable to handle the request", "failing or missing response"]) {
        Failure::Unavailable
    } else {
        Failure::Unsaid
    }
}

#[cfg(test)]
mod tests {
    use super::{NO_SERVICE, RESOLVER, STATUS_403, STATUS_404, failure};
    use crate::model::symptom::Failure;

    #[test]
    fn every_pattern_is_one() {
        let all = [&NO_SERVICE, &RESOLVER, &STATUS_403, &STATUS_404];
        assert!(all.iter().all(|pattern| pattern.is_some()));
    }

    #[test]
    fn who_answers_is_no_firewall() {
        for (text, expected) in [
            ("dial tcp 10.0.0.1:443: i/o timeout", Failure::Timeout),
            (
                "403 Request is prohibited by organization's policy. \
              vpcServiceControlsUniqueIdentifier: x",
                Failure::Perimeter,
            ),
            ("failed to call webhook: Post: Address is not allowed", Failure::ForeignAddress),
            ("[4033: 'not authorized']", Failure::Forbidden),
        ] {
            assert_eq!(failure(text), expected, "{text}");
        }
    }
}
