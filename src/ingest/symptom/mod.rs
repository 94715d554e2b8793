//! Error texts as people paste them: kubectl's errors, tables and descriptions of events, logs of
//! controllers and kubelets; quoted, wrapped by a terminal, or inside of JSON.
//!
//! ```text
//! failed calling webhook "sidecar-injector.istio.io": Post https://istiod.istio-system.svc:443/…:
//! dial tcp 10.228.0.5:15017: i/o timeout
//! ```
//!
//! The wordings are those of <https://github.com/kubernetes/apiserver> (webhook errors), of
//! containerd and the kubelet (image pulls), of ingress-gce (`Firewall change required by`), and of
//! GKE's operations.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use crate::ingest::command;
use crate::ingest::document::Place;
use crate::model::symptom::{Call, Failure, KONNECTIVITY, Symptom, SymptomKind};
use crate::model::{ObjectName, Origin};
use crate::net::parse_address;

/// A pattern that is part of this reader, and tested with it. Letters of either case are spelled
/// out: the tables that `(?i)` takes are left out of the program.
macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}

mod failure;
mod words;

use failure::failure;
use words::{shortened, unescaped, unwrapped};

pattern!(
    WEBHOOK,
    r#"failed (?:calling|to call)(?: admission)?(?: conversion)? webhook(?: for)? "?([^"\s:,]+)"?"#
);
pattern!(URL, r#"(?:Post|Get|Head|GET|POST|from)\s+"?(https?)://([^/"\s?]+)(/[^"\s]*)?"#);
pattern!(DIAL, r"dial (?:tcp|udp|TCP|UDP)(?:4|6)? (\[[0-9a-fA-F:.]+\]|[0-9.]+):(\d+)");
pattern!(
    CONNECT,
    r#"[Cc]onnect(?:ion)? to (?:server at )?"?([0-9a-fA-F.:]+)"?(?: \([^)]*\))?,? port (\d+)"#
);
pattern!(SERVICE, r"^([a-z0-9][-a-z0-9]*)\.([a-z0-9][-a-z0-9]*)\.svc(?:\.cluster\.local)?$");
pattern!(API, r"/apis/([a-z0-9.-]+)/(v[0-9a-z]+)");
pattern!(
    API_LIST,
    r"(?:resource list for|server APIs:|APIService) ?([a-z0-9.-]+\.[a-z0-9.-]+(?:/v[0-9a-z]+)?)"
);
pattern!(
    API_GET,
    r"unable to handle the request \((?:get|post|put|list|delete) [a-z]+\.([a-z0-9.-]+)\)"
);
// A row of `kubectl get apiservices`, which may be as long as the one before.
pattern!(
    API_ROW,
    r"(v[0-9][0-9a-z]*\.[a-z0-9.-]+)\s+([a-z0-9-]+)/([a-z0-9-]+)\s+False \([A-Z][A-Za-z]+\)"
);
pattern!(DENIED, r#"admission webhook "([^"]+)" denied the request"#);
pattern!(
    IMAGE,
    concat!(
        r"(?:[Pp]ull(?:ing)?(?: and unpack)? image|[Ii]mage pull failed for|",
        r#"failed to resolve (?:reference|image)) "?([^"\s,]+?)"?[,:]?(?:\s|$)"#
    )
);
pattern!(REPOSITORY, r"repository (\S+) not found");
pattern!(NODES, r"only (\d+) nodes? out of (\d+) ha(?:ve|s) registered");
pattern!(CHANGE, r"Firewall change required by [a-z ]+: `([^`]+)`");
pattern!(NODE_EGRESS, r"[Ff]ailed to connect to (apiserver|[a-z0-9.-]+\.googleapis\.com)");
// <https://cloud.google.com/iap/docs/faq#error_codes>
pattern!(IAP, r"Error while connecting \[40(03|33): ");
pattern!(IAP_PORT, r"Failed to connect to port (\d+)");
// Of ingress-gce's readiness reflector.
pattern!(NEGS, r"to become healthy in at least one of the NEG\(s\): \[([^\]]*)\]");
pattern!(UNHEALTHY, r#""([^"]+)"\s*:\s*"UNHEALTHY""#);

/// What `pachctl auth whoami` prints, where Pachyderm's own authentication is on, and where it is
/// not (<https://github.com/pachyderm/pachyderm/blob/e237475e99/src/auth/auth.go>, `errNotActivatedMsg`).
#[must_use]
pub fn pachyderm_authentication(text: &str, place: &Place) -> Option<(bool, Origin)> {
    text.lines().enumerate().find_map(|(number, line)| {
        let line = line.trim();
        let off = line.contains("the auth service is not activated");
        let on = line.starts_with("You are \"") && line.ends_with('"');
        let path = std::sync::Arc::clone(&place.path);
        let origin = Origin { path, line: place.line + number as u64 };
        (on || off).then_some((on, origin))
    })
}

/// The errors of a text.
#[must_use]
pub fn read(text: &str, place: &Place) -> Vec<Symptom> {
    let found = unwrapped(text).into_iter().filter_map(|(line, text)| {
        // A command has quotes of its own.
        let asked = requested(&text);
        let text = unescaped(&text);
        let (kind, failure) = asked.or_else(|| symptom(&text))?;
        let path = std::sync::Arc::clone(&place.path);
        let origin = Origin { path, line: place.line + line };
        Some(Symptom { kind, failure, text: shortened(&text), count: 1, origin })
    });
    merged(found)
}

/// Each error once, with how often it stands there.
#[must_use]
pub fn merged(all: impl IntoIterator<Item = Symptom>) -> Vec<Symptom> {
    let mut kept: Vec<Symptom> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for symptom in all {
        let key = format!("{:?} {:?}", symptom.kind, symptom.failure);
        match places.get(&key).and_then(|at| kept.get_mut(*at)) {
            Some(known) => known.count += symptom.count,
            None => {
                places.insert(key, kept.len());
                kept.push(symptom);
            }
        }
    }
    kept
}

/// Whether an entry of another log, a controller's or a kubelet's, may hold an error: a quick look,
/// since there may be millions of them.
#[must_use]
pub fn may_be_in(entry: &[u8]) -> bool {
    const WORDS: [&str; 9] = [
        "Unable to register node",
        "failed to list *v1.",
        "error dialing backend",
        "failed calling",
        "ailed to pull",
        "failing or missing",
        "have registered",
        "ailed to connect to",
        "Firewall change required",
    ];
    WORDS.iter().any(|word| memchr::memmem::find(entry, word.as_bytes()).is_some())
}

fn group<'t>(pattern: &LazyLock<Option<Regex>>, text: &'t str, at: usize) -> Option<&'t str> {
    let found = pattern.as_ref()?.captures(text)?;
    Some(found.get(at)?.as_str())
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// The rule that a controller asks for, where the command can be read as it stands, or as it stood
/// before it was put into a string.
fn requested(text: &str) -> Option<(SymptomKind, Failure)> {
    [text.to_owned(), unescaped(text)].iter().find_map(|text| {
        let command = group(&CHANGE, text, 1)?.to_owned();
        let rule = Some(Box::new(command::requested_rule(&command)?));
        Some((SymptomKind::FirewallChange { command, rule }, Failure::Unsaid))
    })
}

/// What a line says.
fn symptom(text: &str) -> Option<(SymptomKind, Failure)> {
    let failure = failure(text);
    if let Some(command) = group(&CHANGE, text, 1) {
        let (command, rule) = (command.to_owned(), None);
        return Some((SymptomKind::FirewallChange { command, rule }, Failure::Unsaid));
    }
    let nodes = NODES.as_ref().and_then(|pattern| pattern.captures(text));
    if let Some(found) = nodes {
        let number = |at| found.get(at).and_then(|one| one.as_str().parse().ok());
        let counts = number(1).zip(number(2));
        return Some((SymptomKind::NodesMissing(counts), Failure::Unsaid));
    }
    if let Some(name) = group(&WEBHOOK, text, 1).or_else(|| group(&DENIED, text, 1)) {
        let call = Call { name: Some(name.to_owned()), ..call(text) };
        return Some((SymptomKind::Webhook(call), failure));
    }
    if let Some(found) = row(text) {
        let failure = if failure == Failure::Unsaid { Failure::Unavailable } else { failure };
        return Some((SymptomKind::AggregatedApi(found), failure));
    }
    if let Some(found) = aggregated(text) {
        return Some((SymptomKind::AggregatedApi(found), failure));
    }
    if matches(&IAP, text) {
        let failure = if failure == Failure::Unsaid { Failure::Timeout } else { failure };
        let port = group(&IAP_PORT, text, 1).and_then(|port| port.parse().ok());
        return Some((SymptomKind::Iap(port), failure));
    }
    if asks_api_server(text) && matches!(failure, Failure::Timeout | Failure::NoRoute) {
        let by_agent = dialled(text).is_some_and(|(_, port)| port == KONNECTIVITY);
        let whom = if by_agent { "konnectivity" } else { "apiserver" };
        return Some((SymptomKind::NodeEgress(whom.to_owned()), failure));
    }
    let url = url(text);
    if text.contains("error dialing backend") || url.as_ref().is_some_and(is_of_kubelet) {
        return Some((SymptomKind::Kubelet(call(text)), failure));
    }
    if text.contains("rror trying to reach service") {
        return Some((SymptomKind::Proxied(call(text)), failure));
    }
    let lists = text.contains("couldn't get current server API group list");
    let unanswered = matches!(failure, Failure::Timeout | Failure::NoRoute);
    if lists
        || unanswered && api_server(text).is_some()
        || text.contains("Unable to connect to the server")
    {
        return Some((SymptomKind::Client(call(text)), failure));
    }
    if let Some(host) = group(&NODE_EGRESS, text, 1) {
        return Some((SymptomKind::NodeEgress(host.to_ascii_lowercase()), Failure::Timeout));
    }
    if let Some(found) = image_pull(text, url.as_ref()) {
        // A mere "Back-off pulling image" says nothing that the failure before it did not.
        return Some((found, failure)).filter(|_| failure != Failure::Unsaid);
    }
    // A webhook's error without the words before it.
    let of_service = call(text);
    if of_service.service.is_some() && failure != Failure::Unsaid {
        return Some((SymptomKind::Webhook(of_service), failure));
    }
    // The API server waited for something that it does not name: a webhook, mostly.
    if text.contains("request did not complete within requested timeout") {
        return Some((SymptomKind::Webhook(Call::default()), Failure::Timeout));
    }
    nobody_answered(text, failure).or_else(|| unhealthy(text))
}

/// An address at which nobody answered, whoever asked.
fn nobody_answered(text: &str, failure: Failure) -> Option<(SymptomKind, Failure)> {
    let (address, port) = dialled(text).or_else(|| connected(text))?;
    let unanswered = matches!(failure, Failure::Timeout | Failure::NoRoute);
    // A probe is the kubelet's own, and comes from the pod's own node.
    let by_probe = text.contains("probe failed") || text.contains("probe errored");
    // No rule decides about the machine itself, nor about the metadata server.
    let is_own = match address {
        IpAddr::V4(one) => one.is_loopback() || one.is_unspecified() || one.is_link_local(),
        IpAddr::V6(one) => one.is_loopback() || one.is_unspecified(),
    };
    let is_told = unanswered && !by_probe && !is_own;
    is_told.then_some((SymptomKind::Dialled(address, port), failure))
}

/// What a load balancer says of its backends.
fn unhealthy(text: &str) -> Option<(SymptomKind, Failure)> {
    let unhealthy = UNHEALTHY.as_ref()?.captures_iter(text);
    let mut names: Vec<String> =
        unhealthy.filter_map(|one| Some(one.get(1)?.as_str().to_owned())).collect();
    let groups = group(&NEGS, text, 1).unwrap_or_default();
    names.extend(groups.split_whitespace().map(str::to_owned));
    names.sort();
    names.dedup();
    let said = text.contains("in UNHEALTHY state") || text.contains("Timeout waiting for connect");
    (said || !names.is_empty()).then_some((SymptomKind::UnhealthyBackends(names), Failure::Timeout))
}

/// Whether it is a kubelet, a pod or an agent of konnectivity's that asks the control plane: to
/// register, to watch what is there, to be called by it.
fn asks_api_server(text: &str) -> bool {
    text.contains("Unable to register node with API server")
        || text.contains("ailed to list *v1.")
        || text.contains("Error while dialing")
            && dialled(text).is_some_and(|(_, port)| port == KONNECTIVITY)
        || api_server(text).is_some_and(is_of_service)
}

/// The address at which somebody asks the API server for objects, by no name.
fn api_server(text: &str) -> Option<IpAddr> {
    let (host, _, path) = url(text)?;
    let asks = ["/api/v1", "/apis/"].iter().any(|start| path.starts_with(start));
    parse_address(&host).filter(|_| asks)
}

/// Whether it is the address of the Service `kubernetes`, the first of its range, which pods ask;
/// control planes have none that ends so
/// (<https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/>).
fn is_of_service(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(one) if one.octets().last() == Some(&1))
}

/// The URL of the line that fails: host, port, path.
fn url(text: &str) -> Option<(String, Option<u16>, String)> {
    let found = URL.as_ref()?.captures(text)?;
    let scheme = found.get(1)?.as_str();
    let authority = found.get(2)?.as_str().trim_end_matches(':');
    let path = found.get(3).map(|one| one.as_str().to_owned()).unwrap_or_default();
    let default = if scheme == "http" { 80 } else { 443 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
        _ => (authority, Some(default)),
    };
    Some((host.to_owned(), port, path))
}

/// Whether a URL is one that the API server asks a kubelet for; others ask it for its metrics.
/// Paths: <https://github.com/kubernetes/kubernetes/blob/v1.31.0/pkg/kubelet/server/server.go>,
/// `InstallDebuggingHandlers`.
fn is_of_kubelet((_, port, path): &(String, Option<u16>, String)) -> bool {
    const PATHS: [&str; 6] =
        ["/containerLogs/", "/exec/", "/attach/", "/portForward/", "/run/", "/logs/"];
    *port == Some(10_250) && PATHS.iter().any(|start| path.starts_with(start))
}

fn dialled(text: &str) -> Option<(IpAddr, u16)> {
    let found = DIAL.as_ref()?.captures(text)?;
    let address = found.get(1)?.as_str().trim_matches(['[', ']']);
    Some((parse_address(address)?, found.get(2)?.as_str().parse().ok()?))
}

/// The address and the port as libpq, curl and others tell them.
fn connected(text: &str) -> Option<(IpAddr, u16)> {
    let found = CONNECT.as_ref()?.captures(text)?;
    Some((parse_address(found.get(1)?.as_str())?, found.get(2)?.as_str().parse().ok()?))
}

fn call(text: &str) -> Call {
    let url = url(text);
    let service = url.as_ref().and_then(|(host, port, _)| {
        let found = SERVICE.as_ref()?.captures(host)?;
        let name = ObjectName::new(found.get(2)?.as_str(), found.get(1)?.as_str());
        Some((name, (*port)?))
    });
    // The URL may name the pod itself.
    let by_address = url.and_then(|(host, port, _)| Some((parse_address(&host)?, port?)));
    Call { name: None, service, address: dialled(text).or(by_address) }
}

/// The API that a table says is not available, with its Service.
fn row(text: &str) -> Option<Call> {
    let found = API_ROW.as_ref()?.captures(text)?;
    let part = |at| found.get(at).map(|one| one.as_str());
    // What an APIService says no other port of is 443.
    let service = (ObjectName::new(part(2)?, part(3)?), 443);
    Some(Call { name: part(1).map(str::to_owned), service: Some(service), ..Call::default() })
}

fn aggregated(text: &str) -> Option<Call> {
    let response = text.contains("failing or missing response from");
    let unable = text.contains("unable to handle the request")
        || text.contains("unable to retrieve the complete list of server APIs")
        || text.contains("FailedDiscoveryCheck");
    if !response && !unable {
        return None;
    }
    let of_path = API
        .as_ref()
        .and_then(|pattern| pattern.captures(text))
        .and_then(|found| Some(format!("{}.{}", found.get(2)?.as_str(), found.get(1)?.as_str())));
    let of_list = || {
        let name = group(&API_LIST, text, 1)?.trim_end_matches(':');
        Some(match name.split_once('/') {
            Some((group, version)) => format!("{version}.{group}"),
            None => name.to_owned(),
        })
    };
    let of_get = || Some(group(&API_GET, text, 1)?.to_owned());
    let name = of_path.or_else(of_list).or_else(of_get);
    // "The server is currently unable" alone is said of anything.
    (response || name.is_some()).then(|| Call { name, ..call(text) })
}

fn image_pull(text: &str, url: Option<&(String, Option<u16>, String)>) -> Option<SymptomKind> {
    let image = group(&IMAGE, text, 1).or_else(|| group(&REPOSITORY, text, 1));
    let of_url =
        url.filter(|(host, _, path)| is_of_registry(path) && host.contains('.') && !is_inner(host));
    if image.is_none() && of_url.is_none() {
        return None;
    }
    // Layers come from elsewhere than the registry: storage.googleapis.com, a CDN.
    let of_layer =
        url.filter(|(host, ..)| image.is_some() && host.contains('.') && !is_inner(host));
    let host = of_url.or(of_layer).map(|(host, ..)| host.clone()).or_else(|| registry_of(image?));
    Some(SymptomKind::ImagePull {
        image: image.map(str::to_owned),
        host,
        address: dialled(text).filter(|(_, port)| *port != 53),
    })
}

/// Whether a path is one that registries are asked for, and not any API of that version
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints>).
fn is_of_registry(path: &str) -> bool {
    const PARTS: [&str; 4] = ["/manifests/", "/blobs/", "/tags/list", "/referrers/"];
    let path = path.trim_end_matches(':');
    let v2 = path.strip_prefix("/v2").map(|rest| rest.split('?').next().unwrap_or_default());
    let of_v2 = |rest: &str| {
        matches!(rest, "" | "/" | "/token") || PARTS.iter().any(|part| rest.contains(part))
    };
    let old = ["/v1/_ping", "/v1/repositories/", "/v1/images/"];
    v2.is_some_and(of_v2) || old.iter().any(|start| path.starts_with(start))
}

fn is_inner(host: &str) -> bool {
    host.contains(".svc")
}

/// The registry that an image's name means: Docker Hub's where it names none.
fn registry_of(image: &str) -> Option<String> {
    let first = image.split('/').next().filter(|_| image.contains('/'));
    match first {
        Some(host) if host.contains('.') || host.contains(':') => {
            host.split(':').next().map(str::to_owned)
        }
        _ => Some("registry-1.docker.io".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn place() -> Place {
        Place { path: "errors.txt".into(), line: 1, byte: 0 }
    }

    #[track_caller]
    fn webhook(text: &str, name: Option<&str>, service: &str, port: u16, failure: Failure) {
        let found = read(text, &place());
        let [only] = found.as_slice() else { panic!("{found:?}") };
        let SymptomKind::Webhook(call) = &only.kind else { panic!("{only:?}") };
        let (of, service_port) = call.service.clone().unwrap();
        let dialled = call.address.map_or(service_port, |(_, port)| port);
        assert_eq!((call.name.as_deref(), of.to_string().as_str()), (name, service));
        assert_eq!((dialled, only.failure), (port, failure));
    }

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(pattern_count(), 19);
    }

    #[test]
    fn webhooks_in_their_wordings() {
        let (guard, of) = (Some("guard.shop.example"), "policy/guard");
        webhook(
            r#"Error: Internal error occurred: failed calling webhook "guard.shop.example": failed to call webhook: Post "https://guard.policy.svc:443/check?timeout=10s": context deadline exceeded"#,
            guard,
            of,
            443,
            Failure::Timeout,
        );
        webhook(
            r#"failed calling webhook "guard.shop.example": Post https://guard.policy.svc:443/check?timeout=3s: dial tcp 10.2.0.3:8443: i/o timeout"#,
            guard,
            of,
            8443,
            Failure::Timeout,
        );
        webhook(
            r#"{"error":"failed calling webhook \"guard.shop.example\": failed to call webhook: Post \"https://guard.policy.svc:8443/x\": dial tcp 10.2.0.3:8443: connect: connection refused"}"#,
            guard,
            of,
            8443,
            Failure::Refused,
        );
        webhook(
            "Post https://guard.policy.svc:443/check: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
            None,
            of,
            443,
            Failure::Timeout,
        );
        webhook(
            r#"failed calling webhook "guard.shop.example": failed to call webhook: Post "https://guard.policy.svc:443/check?timeout=10s": no endpoints available for service "guard""#,
            guard,
            of,
            443,
            Failure::NoEndpoints,
        );
    }

    #[test]
    fn what_a_terminal_broke_is_put_together() {
        let text = r#"failed calling webhook "guard.shop.example": Post https://guard.policy.svc:443/check?timeout=3s: dial tcp 10.2.0.3:8443: i/o timeout"#;
        let (first, rest) = text.split_at(61);
        let (second, third) = rest.split_at(61);
        let wrapped = format!("{first}\n{second}\n{third}\n");
        webhook(&wrapped, Some("guard.shop.example"), "policy/guard", 8443, Failure::Timeout);
    }

    #[test]
    fn the_rest_of_what_people_paste() {
        let kind = |text: &str| {
            let found = read(text, &place());
            assert_eq!(found.len(), 1, "{text}");
            (found[0].kind.clone(), found[0].failure)
        };
        let (api, failure) = kind(
            "failing or missing response from https://10.2.0.9:6443/apis/custom.metrics.k8s.io/v1beta1: Get \"https://10.2.0.9:6443/apis/custom.metrics.k8s.io/v1beta1\": context deadline exceeded",
        );
        let SymptomKind::AggregatedApi(call) = api else { panic!("{api:?}") };
        assert_eq!(call.name.as_deref(), Some("v1beta1.custom.metrics.k8s.io"));
        assert_eq!((call.address.unwrap().1, failure), (6443, Failure::Timeout));
        let (pull, failure) = kind(
            "Failed to pull image \"shop/web:1\": rpc error: failed to do request: Head \"https://registry-1.docker.io/v2/shop/web/manifests/1\": dial tcp 44.1.2.3:443: i/o timeout",
        );
        let SymptomKind::ImagePull { image, host, address } = pull else { panic!("{pull:?}") };
        assert_eq!(image.as_deref(), Some("shop/web:1"));
        assert_eq!(host.as_deref(), Some("registry-1.docker.io"));
        assert_eq!((address.unwrap().1, failure), (443, Failure::Timeout));
        let nodes = kind("but: only 2 nodes out of 3 have registered; cluster may be unhealthy.").0;
        assert_eq!(nodes, SymptomKind::NodesMissing(Some((2, 3))));
        let change = kind("Firewall change required by security admin: `gcloud compute firewall-rules create a --network n --description \"{\\\"x\\\":1}\" --allow tcp:3306,tcp:80 --source-ranges 10.0.0.0/8 --target-tags t --project p`").0;
        let SymptomKind::FirewallChange { rule: Some(rule), .. } = change else { panic!() };
        assert_eq!(rule.network, crate::model::Reference::new(Some("p"), "n"));
        assert_eq!(rule.name.as_deref(), Some("a"));
        assert_eq!(rule.ports_of(crate::net::Protocol::TCP).unwrap().texts(), ["80", "3306"]);
        assert!(read("everything is fine\n", &place()).is_empty());
    }

    /// How many patterns are sound: all, or the test fails.
    fn pattern_count() -> usize {
        let all = [
            &WEBHOOK,
            &URL,
            &DIAL,
            &CONNECT,
            &SERVICE,
            &IAP,
            &IAP_PORT,
            &NEGS,
            &API,
            &API_LIST,
            &API_ROW,
            &API_GET,
            &DENIED,
            &IMAGE,
            &REPOSITORY,
            &NODES,
            &CHANGE,
            &NODE_EGRESS,
            &UNHEALTHY,
        ];
        all.iter().filter(|pattern| pattern.is_some()).count()
    }
}
