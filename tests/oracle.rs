//! A second evaluator, slow and plain, that shares no helper with the engine: its own reading of
//! the API's rules, its own test of ranges and ports, its own order. The engine must agree with it
//! wherever it decides; where it does not, the oracle must find both ends possible.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use common::inventory;
use vpcwhy::engine::{EffectiveRules, Endpoint, Facts, Flow, Place, Verdict, evaluate};
use vpcwhy::model::Reference;
use vpcwhy::net::{Direction, FiveTuple, Protocol};

/// A question in plain text and numbers.
#[derive(Debug, Clone)]
struct Question {
    src: [u8; 4],
    dst: [u8; 4],
    protocol: u8,
    port: u16,
    ingress: bool,
    /// The VM's tags; `None` means not known.
    tags: Option<Vec<&'static str>>,
    /// The other end's tags; `None` means not known.
    peer_tags: Option<Vec<&'static str>>,
}

const TAGS: [&str; 2] = ["a", "b"];

fn number(address: [u8; 4]) -> u64 {
    address.iter().fold(0, |sum, part| sum * 256 + u64::from(*part))
}

fn in_range(address: [u8; 4], range: &str) -> bool {
    let (base, length) = range.split_once('/').unwrap_or((range, "32"));
    let parts: Vec<u8> = base.split('.').map(|part| part.parse().unwrap()).collect();
    let size = 2_u64.pow(32 - length.parse::<u32>().unwrap());
    let base = number([parts[0], parts[1], parts[2], parts[3]]);
    number(address) / size == base / size
}

fn list<'a>(rule: &'a Value, key: &str) -> Vec<&'a str> {
    let list = rule[key].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|one| one.as_str().unwrap()).collect()
}

fn speaks_of(part: &Value, protocol: u8, port: u16) -> bool {
    let name = part["IPProtocol"].as_str().unwrap().to_lowercase();
    let wanted = match name.as_str() {
        "all" => return part["ports"].is_null(),
        "tcp" => 6,
        "udp" => 17,
        "icmp" => 1,
        other => other.parse().unwrap(),
    };
    if wanted != protocol {
        return false;
    }
    let Some(ports) = part["ports"].as_array() else { return true };
    (protocol == 6 || protocol == 17)
        && ports.iter().any(|range| {
            let range = range.as_str().unwrap();
            let (low, high) = range.split_once('-').unwrap_or((range, range));
            low.parse::<u16>().unwrap() <= port && port <= high.parse::<u16>().unwrap()
        })
}

fn applies(rule: &Value, question: &Question, tags: &[&str], peer_tags: &[&str]) -> bool {
    let direction = if question.ingress { "INGRESS" } else { "EGRESS" };
    if rule["direction"] != direction || rule["disabled"] == true {
        return false;
    }
    let targets = list(rule, "targetTags");
    if !targets.is_empty() && !targets.iter().any(|target| tags.contains(target)) {
        return false;
    }
    let (sources, source_tags) = (list(rule, "sourceRanges"), list(rule, "sourceTags"));
    let by_range = sources.iter().any(|range| in_range(question.src, range));
    let by_tag = source_tags.iter().any(|tag| peer_tags.contains(tag));
    if !(sources.is_empty() && source_tags.is_empty() || by_range || by_tag) {
        return false;
    }
    let destinations = list(rule, "destinationRanges");
    if !destinations.is_empty() && !destinations.iter().any(|range| in_range(question.dst, range)) {
        return false;
    }
    let parts = if rule["allowed"].is_null() { &rule["denied"] } else { &rule["allowed"] };
    parts.as_array().unwrap().iter().any(|part| speaks_of(part, question.protocol, question.port))
}

/// True for allowed. Walks every priority from the best to the worst, denies before allows.
fn decide(rules: &[Value], question: &Question, tags: &[&str], peer_tags: &[&str]) -> bool {
    let mut priorities: Vec<u64> =
        rules.iter().map(|rule| rule["priority"].as_u64().unwrap()).collect();
    priorities.sort_unstable();
    for priority in priorities {
        let here = rules.iter().filter(|rule| rule["priority"] == priority);
        let matching: Vec<_> =
            here.filter(|rule| applies(rule, question, tags, peer_tags)).collect();
        if matching.iter().any(|rule| !rule["denied"].is_null()) {
            return false;
        }
        if !matching.is_empty() {
            return true;
        }
    }
    !question.ingress
}

/// Every answer that is possible, over all that is not known.
fn possible(rules: &[Value], question: &Question) -> BTreeSet<bool> {
    let subsets = [vec![], vec![TAGS[0]], vec![TAGS[1]], TAGS.to_vec()];
    let all = |known: &Option<Vec<&'static str>>| match known {
        Some(tags) => vec![tags.clone()],
        None => subsets.to_vec(),
    };
    let mut answers = BTreeSet::new();
    for tags in all(&question.tags) {
        for peer_tags in all(&question.peer_tags) {
            answers.insert(decide(rules, question, &tags, &peer_tags));
        }
    }
    answers
}

fn ask(rules: &[Value], question: &Question) -> Verdict {
    let facts = |known: &Option<Vec<&'static str>>| match known {
        Some(tags) => Facts::exactly(tags.iter().copied()),
        None => Facts::Unknown,
    };
    let flow = Flow {
        tuple: FiveTuple {
            src: question.src.into(),
            src_port: 40_000,
            dst: question.dst.into(),
            dst_port: question.port,
            protocol: Protocol(question.protocol),
        },
        direction: if question.ingress { Direction::Ingress } else { Direction::Egress },
        network: Reference::new(None, "n"),
        endpoint: Endpoint { tags: facts(&question.tags), ..Endpoint::outside() },
        peer: Endpoint { tags: facts(&question.peer_tags), ..Endpoint::outside() },
        peer_is_external: false,
        peer_place: Place::Unknown,
        region: None,
    };
    let inventory = inventory(rules);
    evaluate(&EffectiveRules::of(&inventory, &flow.network), &flow, &mut ()).verdict
}

fn rule() -> impl Strategy<Value = Value> {
    let ranges = || {
        let all = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/30", "10.1.2.3"];
        proptest::sample::subsequence(all.to_vec(), 0..3)
    };
    let tags = || proptest::sample::subsequence(TAGS.to_vec(), 0..=2);
    let layer = prop_oneof![
        Just(json!({"IPProtocol": "all"})),
        Just(json!({"IPProtocol": "tcp"})),
        Just(json!({"IPProtocol": "tcp", "ports": ["443"]})),
        Just(json!({"IPProtocol": "tcp", "ports": ["1-442", "8080-8090"]})),
        Just(json!({"IPProtocol": "17", "ports": ["53"]})),
        Just(json!({"IPProtocol": "ICMP"})),
    ];
    let priority = prop_oneof![Just(0), Just(999), Just(1000), Just(1001), Just(65_535)];
    (
        (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2), priority),
        (ranges(), ranges(), tags(), tags(), proptest::collection::vec(layer, 1..3)),
    )
        .prop_map(|((ingress, allow, disabled, priority), (src, dst, from, to, layers))| {
            let mut rule = json!({
                "network": "n", "direction": if ingress { "INGRESS" } else { "EGRESS" },
                "priority": priority, "disabled": disabled, "sourceRanges": src,
                "destinationRanges": dst, "targetTags": to,
            });
            if ingress {
                rule["sourceTags"] = json!(from);
            }
            rule[if allow { "allowed" } else { "denied" }] = Value::from(layers);
            rule
        })
}

fn question() -> impl Strategy<Value = Question> {
    let address = || {
        prop_oneof![
            Just([10, 1, 2, 3]),
            Just([10, 1, 2, 4]),
            Just([10, 9, 0, 1]),
            Just([203, 0, 113, 9])
        ]
    };
    let traffic =
        prop_oneof![Just((6, 443)), Just((6, 442)), Just((6, 8090)), Just((17, 53)), Just((1, 0))];
    let tags = || proptest::option::of(proptest::sample::subsequence(TAGS.to_vec(), 0..=2));
    (address(), address(), traffic, any::<bool>(), tags(), tags()).prop_map(
        |(src, dst, (protocol, port), ingress, tags, peer_tags)| Question {
            src,
            dst,
            protocol,
            port,
            ingress,
            tags,
            peer_tags,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn the_engine_agrees_with_the_oracle(
        mut rules in proptest::collection::vec(rule(), 1..8), question in question(),
    ) {
        for (number, rule) in rules.iter_mut().enumerate() {
            rule["name"] = json!(format!("r{number}"));
        }
        let answers = possible(&rules, &question);
        let verdict = ask(&rules, &question);
        match verdict {
            Verdict::Allowed => prop_assert_eq!(answers, BTreeSet::from([true])),
            Verdict::Denied => prop_assert_eq!(answers, BTreeSet::from([false])),
            // Where everything is known there is nothing to doubt.
            Verdict::Undetermined => prop_assert!(
                question.tags.is_none() || question.peer_tags.is_none(), "{answers:?}"
            ),
        }
    }
}

/// The oracle itself is checked by hand on what it must not get wrong.
#[test]
fn the_oracle_knows_the_rules_of_the_trade() {
    let question = Question {
        src: [10, 1, 2, 3],
        dst: [10, 9, 0, 1],
        protocol: 6,
        port: 443,
        ingress: true,
        tags: Some(vec!["a"]),
        peer_tags: Some(vec![]),
    };
    let rule = |action: &str, priority: u64, range: &str| {
        json!({"direction": "INGRESS", "priority": priority, "sourceRanges": [range],
               action: [{"IPProtocol": "tcp", "ports": ["443"]}]})
    };
    let deny = rule("denied", 1000, "10.0.0.0/8");
    assert!(!decide(&[rule("allowed", 1000, "10.0.0.0/8"), deny.clone()], &question, &["a"], &[]));
    assert!(decide(&[rule("allowed", 999, "10.1.2.3/32"), deny.clone()], &question, &["a"], &[]));
    assert!(!decide(&[rule("allowed", 999, "10.1.2.4/32")], &question, &["a"], &[]));
}
