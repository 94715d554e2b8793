//! Laws that hold for every input: of the evaluator, of the roll-up, of framing, of printing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use proptest::prelude::*;
use serde_json::{Value, json};

use common::inventory;
use vpcwhy::correlate::{Ledger, Window};
use vpcwhy::diagnose::Rims;
use vpcwhy::engine::{
    Decider, EffectiveRules, Endpoint, Facts, Flow, Place as Where, Trace, Verdict, evaluate,
};
use vpcwhy::ingest::document::Place;
use vpcwhy::ingest::log::{Form, Found, Framer, Piece, read_piece};
use vpcwhy::ingest::reader::{Reader, Summary, finish};
use vpcwhy::model::{Complaint, Inventory, Reference};
use vpcwhy::net::flow_set::Witness;
use vpcwhy::net::{
    AddressSet, Bearers, Direction, FiveTuple, FlowBox, FlowSet, Identities, Identity, PortSet,
    Protocol, TrafficSet,
};
use vpcwhy::suggest::prove::same_rule;
use vpcwhy::suggest::{Change, Printer};

fn some<T: Clone + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    proptest::sample::subsequence(all.to_vec(), 0..=all.len().min(2))
}

const RANGES: &[&str] = &["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "192.168.0.0/24"];
const TAGS: &[&str] = &["a", "b", "c"];

fn layers() -> impl Strategy<Value = Value> {
    let part = prop_oneof![
        Just(json!({"IPProtocol": "all"})),
        Just(json!({"IPProtocol": "tcp"})),
        Just(json!({"IPProtocol": "TCP", "ports": ["443", "8000-8100"]})),
        Just(json!({"IPProtocol": "6", "ports": ["22"]})),
        Just(json!({"IPProtocol": "udp", "ports": ["53"]})),
        Just(json!({"IPProtocol": "icmp"})),
        Just(json!({"IPProtocol": "58"})),
    ];
    proptest::collection::vec(part, 1..3).prop_map(Value::from)
}

/// A VPC rule as the API describes it.
fn rule() -> impl Strategy<Value = Value> {
    let priority = prop_oneof![Just(900), Just(1000), Just(1100), Just(65_535)];
    (
        (any::<bool>(), priority, any::<bool>(), layers(), prop::bool::weighted(0.15)),
        (some(RANGES), some(RANGES), some(TAGS), some(TAGS)),
    )
        .prop_map(|((ingress, priority, allow, layers, disabled), (src, dst, from, to))| {
            let direction = if ingress { "INGRESS" } else { "EGRESS" };
            let key = if allow { "allowed" } else { "denied" };
            let mut rule = json!({
                "kind": "compute#firewall", "network": "projects/p/global/networks/n",
                "direction": direction, "priority": priority, "disabled": disabled,
                "sourceRanges": src, "destinationRanges": dst, "targetTags": to,
                "logConfig": {"enable": true},
            });
            rule[key] = layers;
            if ingress {
                rule["sourceTags"] = json!(from);
            }
            rule
        })
}

fn rules() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(rule(), 0..7).prop_map(|mut rules| {
        for (number, rule) in rules.iter_mut().enumerate() {
            rule["name"] = json!(format!("r{number}"));
        }
        rules
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    let names = || some(TAGS).prop_map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect());
    prop_oneof![
        Just(Facts::Unknown),
        names().prop_map(Facts::AtLeast),
        names().prop_map(Facts::Exactly),
        names().prop_map(Facts::Exactly),
    ]
}

fn flow() -> impl Strategy<Value = Flow> {
    let address = || {
        prop_oneof![Just("10.1.2.3"), Just("10.1.9.9"), Just("10.9.9.9"), Just("192.168.0.7")]
            .prop_map(|text| text.parse().unwrap())
    };
    let traffic = prop_oneof![
        Just((6, 443)),
        Just((6, 22)),
        Just((6, 8100)),
        Just((17, 53)),
        Just((1, 0)),
        Just((58, 0))
    ];
    (address(), address(), traffic, any::<bool>(), facts(), facts()).prop_map(
        |(src, dst, (protocol, dst_port), ingress, tags, peer)| Flow {
            tuple: FiveTuple { src, src_port: 40_000, dst, dst_port, protocol: Protocol(protocol) },
            direction: if ingress { Direction::Ingress } else { Direction::Egress },
            network: Reference::new(Some("p"), "n"),
            endpoint: Endpoint { tags, ..Endpoint::outside() },
            peer: Endpoint { tags: peer, ..Endpoint::outside() },
            peer_is_external: false,
            peer_place: Where::Unknown,
            region: None,
        },
    )
}

fn verdict(inventory: &Inventory, flow: &Flow) -> Verdict {
    evaluate(&EffectiveRules::of(inventory, &flow.network), flow, &mut ()).verdict
}

/// What decided, by name.
fn decider(inventory: &Inventory, flow: &Flow) -> Option<String> {
    match evaluate(&EffectiveRules::of(inventory, &flow.network), flow, &mut ()).decider {
        Decider::Rule(rule) => rule.name.clone(),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_rules_in_the_input_is_irrelevant(rules in rules(), flow in flow()) {
        let mut reversed = rules.clone();
        reversed.reverse();
        let (one, other) = (inventory(&rules), inventory(&reversed));
        prop_assert_eq!(verdict(&one, &flow), verdict(&other, &flow));
        prop_assert_eq!(decider(&one, &flow), decider(&other, &flow));
    }

    #[test]
    fn adding_an_allow_never_turns_allowed_into_denied(
        rules in rules(), mut extra in rule(), flow in flow(),
    ) {
        if let Some(denied) = extra.as_object_mut().unwrap().remove("denied") {
            extra["allowed"] = denied;
        }
        extra["name"] = json!("extra");
        let mut more = rules.clone();
        more.push(extra);
        prop_assume!(!rules.is_empty());
        if verdict(&inventory(&rules), &flow) == Verdict::Allowed {
            prop_assert_eq!(verdict(&inventory(&more), &flow), Verdict::Allowed);
        }
    }

    #[test]
    fn a_disabled_rule_changes_nothing(rules in rules(), mut extra in rule(), flow in flow()) {
        prop_assume!(!rules.is_empty());
        extra["name"] = json!("extra");
        extra["disabled"] = json!(true);
        let mut more = rules.clone();
        more.push(extra);
        prop_assert_eq!(verdict(&inventory(&rules), &flow), verdict(&inventory(&more), &flow));
    }

    #[test]
    fn watching_changes_nothing(rules in rules(), flow in flow()) {
        let inventory = inventory(&rules);
        let rules = EffectiveRules::of(&inventory, &flow.network);
        let mut trace = Trace::default();
        prop_assert_eq!(evaluate(&rules, &flow, &mut ()), evaluate(&rules, &flow, &mut trace));
    }

    /// What is named decides: were it the other way round, so would be the verdict, unless a deny
    /// of its rank takes its place.
    #[test]
    fn the_named_rule_decides(rules in rules(), flow in flow()) {
        let whole = inventory(&rules);
        let was = verdict(&whole, &flow);
        if let Some(name) = decider(&whole, &flow).filter(|_| was != Verdict::Undetermined) {
            let mut turned = rules.clone();
            let own = turned.iter_mut().find(|rule| rule["name"] == name).unwrap();
            let (from, to) =
                if was == Verdict::Allowed { ("allowed", "denied") } else { ("denied", "allowed") };
            let layers = own.as_object_mut().unwrap().remove(from).unwrap();
            own[to] = layers;
            let priority = own["priority"].clone();
            let after = inventory(&turned);
            let by = decider(&after, &flow);
            if was == Verdict::Allowed || by == Some(name.clone()) {
                prop_assert_eq!(by, Some(name));
                prop_assert_ne!(verdict(&after, &flow), was);
            } else if verdict(&after, &flow) == was {
                let other = turned.iter().find(|rule| Some(&rule["name"]) == by.as_ref().map(|by| json!(by)).as_ref());
                prop_assert_eq!(&other.unwrap()["priority"], &priority);
            }
        }
    }

    /// Every printed form reads back as the rule it was printed from.
    #[test]
    fn printing_and_reading_are_inverse(rule in rule()) {
        let mut rule = rule;
        rule["name"] = json!("a-rule");
        rule["disabled"] = json!(false);
        let inventory = inventory(&[rule]);
        let change = Change::Add(Box::new(inventory.firewall_rules[0].clone()));
        let forms = Rims.print(&change, &Inventory::default()).unwrap();
        let languages: Vec<_> = forms.iter().map(|form| form.language).collect();
        prop_assert_eq!(languages, ["gcloud", "cnrm", "terraform"]);
        for form in forms {
            let parsed = form.parsed.expect(form.language);
            prop_assert!(same_rule(&parsed, change.rule()), "{}:\n{}", form.language, form.text);
        }
    }

    /// Blocks may end anywhere: the pieces are the same.
    #[test]
    fn where_blocks_end_does_not_matter(
        texts in proptest::collection::vec(piece(), 1..8),
        joint in prop_oneof![Just("\n"), Just(",\n  "), Just("")],
        cuts in proptest::collection::vec(1_usize..60, 1..40),
    ) {
        let text = match joint {
            ",\n  " => format!("[\n  {}\n]\n", texts.join(joint)),
            joint => texts.join(joint),
        };
        prop_assert_eq!(pieces(text.as_bytes(), &[text.len()]), pieces(text.as_bytes(), &cuts));
    }

    /// Records in any order and any split add up to the same groups.
    #[test]
    fn the_roll_up_is_a_monoid(
        entries in proptest::collection::vec((0_u8..3, 0_u8..3, 0_u8..4, any::<bool>()), 0..40),
        split in 1_usize..40,
    ) {
        let lines: Vec<String> = entries.iter().map(|(src, port, id, denied)| log_line(*src, *port, *id, *denied)).collect();
        let whole = ledger(std::slice::from_ref(&lines));
        let mut backwards = lines.clone();
        backwards.reverse();
        let parts: Vec<Vec<String>> = backwards.chunks(split).map(<[String]>::to_vec).collect();
        let parted = ledger(&parts);
        prop_assert_eq!(whole.groups(), parted.groups());
        prop_assert_eq!(whole.counts(), parted.counts());
    }

    /// The walker and the full parser agree on what is JSON, and on what an entry says.
    #[test]
    fn hostile_spellings_are_read_as_the_full_parser_reads_them(
        word in "[A-Z]{1,8}", pad in "[ \n\t]{0,3}", escaped in any::<bool>(),
    ) {
        let spelled = if escaped {
            word.chars().map(|c| format!("\\u{:04x}", c as u32)).collect::<String>()
        } else {
            word.clone()
        };
        let text = format!(
            "{{{pad}\"jsonPayload\"{pad}:{pad}{{\"disposition\":{pad}\"{spelled}\",{pad}\
             \"connection\":{{\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\",\"protocol\":6,\
             \"dest_port\":\"443\"}}}}}}"
        );
        let full: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&full["jsonPayload"]["disposition"], &json!(word.clone()));
        let known = ["ALLOWED", "ALLOW", "DENIED", "DENY", "INTERCEPTED"].contains(&word.as_str());
        match read_piece(&text).0 {
            Found::Entry(record) => {
                prop_assert!(known);
                prop_assert_eq!(record.firewall.unwrap().tuple.dst_port, 443);
            }
            Found::BrokenEntry(_) => prop_assert!(!known),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

/// Readers of one input add up to the reader of all of it, wherever its pieces are parted: of
/// every sample, and of all samples taken for one input.
#[test]
fn reading_resources_is_a_monoid() {
    let mut samples: Vec<_> = std::fs::read_dir(common::root().join("samples")).unwrap().collect();
    samples.sort_by_key(|one| one.as_ref().unwrap().file_name());
    let mut everything = Vec::new();
    for sample in samples {
        let mut files: Vec<_> = std::fs::read_dir(sample.unwrap().path().join("inputs"))
            .into_iter()
            .flatten()
            .collect();
        files.sort_by_key(|one| one.as_ref().unwrap().file_name());
        let mut all = Vec::new();
        for file in files {
            let path = file.unwrap().path();
            let place = Place { path: path.to_str().unwrap().into(), line: 1, byte: 0 };
            let Ok(text) = std::fs::read_to_string(path) else { continue };
            let mut framer = Framer::default();
            let mut cut: Vec<Piece> = Vec::new();
            framer.cut(text.as_bytes(), true, &mut cut);
            all.extend(cut.into_iter().map(|piece| {
                let place = Place { line: piece.line, byte: piece.byte, ..place.clone() };
                (text[piece.start..piece.end].to_owned(), piece.form, place)
            }));
        }
        assert_eq!(in_parts_of(&all, 1), in_parts_of(&all, all.len().max(1)));
        everything.extend(all);
    }
    assert!(everything.len() > 1_000, "{} pieces", everything.len());
    let whole = in_parts_of(&everything, everything.len());
    for length in [1, 2, 7, 100] {
        assert!(in_parts_of(&everything, length) == whole, "parts of {length} differ");
    }
}

/// What pieces hold that are read so many at a time.
fn in_parts_of(
    pieces: &[(String, Form, Place)],
    length: usize,
) -> (Inventory, Vec<Summary>, Vec<Complaint>) {
    let mut whole = Reader::default();
    for part in pieces.chunks(length) {
        let mut reader = Reader::default();
        for (text, form, place) in part {
            reader.piece(text, *form, place);
        }
        whole.absorb(reader);
    }
    finish(vec![whole])
}

fn piece() -> impl Strategy<Value = String> {
    (0_u32..1000, any::<bool>(), "[a-z{}\\[\\]\\\\\", ]{0,12}").prop_map(|(id, pretty, junk)| {
        let value =
            json!({"insertId": id.to_string(), "jsonPayload": {"text": junk, "list": [1, {}]}});
        if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() }
    })
}

/// The pieces of a text that comes in blocks of these lengths.
fn pieces(text: &[u8], lengths: &[usize]) -> Vec<(String, u64, u64)> {
    let mut framer = Framer::default();
    let mut found = Vec::new();
    let mut buffer: Vec<u8> = Vec::new();
    let mut given = 0;
    let mut lengths = lengths.iter().cycle();
    loop {
        let next = (given + lengths.next().unwrap()).min(text.len());
        buffer.extend_from_slice(&text[given..next]);
        given = next;
        let at_end = given == text.len();
        let mut cut: Vec<Piece> = Vec::new();
        let consumed = framer.cut(&buffer, at_end, &mut cut);
        for piece in cut {
            let bytes = &buffer[piece.start..piece.end];
            found.push((String::from_utf8_lossy(bytes).into_owned(), piece.line, piece.byte));
        }
        buffer.drain(..consumed);
        if at_end {
            return found;
        }
    }
}

fn log_line(src: u8, port: u8, id: u8, denied: bool) -> String {
    let disposition = if denied { "DENIED" } else { "ALLOWED" };
    json!({
        // The same id always means the same entry.
        "insertId": format!("{src}-{port}-{id}-{denied}{}", "-and-much-more".repeat(usize::from(id))),
        "timestamp": format!("2026-10-14T09:00:{:02}.{id}Z", src * 10 + port),
        "logName": "projects/p/logs/compute.googleapis.com%2Ffirewall",
        "jsonPayload": {
            "connection": {
                "src_ip": format!("10.0.0.{src}"), "src_port": 1000 + u32::from(id),
                "dest_ip": "10.0.1.1", "dest_port": port, "protocol": 6,
            },
            "disposition": disposition,
            "instance": {"project_id": "p", "vm_name": format!("vm-{id}")},
            "rule_details": {"reference": "network:n/firewall:r", "direction": "INGRESS"},
        }
    })
    .to_string()
}

fn ledger(parts: &[Vec<String>]) -> Ledger {
    let mut ledger = Ledger::default();
    for part in parts {
        let mut partial = Ledger::default();
        for line in part {
            match read_piece(line).0 {
                Found::Entry(record) => partial.add(&record, &Window::default()),
                other => panic!("{other:?}"),
            }
        }
        ledger.absorb(partial);
    }
    // Once more changes nothing.
    ledger.settle();
    ledger.settle();
    ledger
}

/// Boxes of connections over a few addresses, ports and names, of both families.
fn flow_box() -> impl Strategy<Value = FlowBox> {
    let ranges = |all: &'static [&'static str]| {
        proptest::sample::subsequence(all.to_vec(), 1..=2).prop_map(|texts| {
            let ranges: Vec<_> =
                texts.iter().map(|text| vpcwhy::net::parse_cidr(text).unwrap()).collect();
            AddressSet::of(&ranges)
        })
    };
    let traffic = prop_oneof![
        Just(TrafficSet::all()),
        Just(TrafficSet::of_protocol(Some(Protocol::TCP))),
        Just(TrafficSet::of_ports(Some(Protocol::TCP), &PortSet::of([22, 443]))),
        Just(TrafficSet::of_protocol(Some(Protocol::ICMP))),
    ];
    let names = |words: &[&str]| -> Identities {
        words.iter().map(|word| Identity::Tag((*word).to_owned())).collect()
    };
    let bearers = || {
        prop_oneof![
            Just(Bearers::all()),
            Just(Bearers::all().with_any(&names(&["a"])).unwrap()),
            Just(Bearers::all().with_none(&names(&["a"])).unwrap()),
            Just(Bearers::all().with_any(&names(&["a", "b"])).unwrap()),
        ]
    };
    let all = &["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "::/0", "fd00::/8"];
    (ranges(all), ranges(all), traffic, bearers(), bearers()).prop_map(
        |(source, destination, traffic, target, peer)| FlowBox {
            source,
            destination,
            traffic,
            target,
            peer,
        },
    )
}

fn holds(boxes: &[FlowBox], point: &Witness) -> usize {
    let inside = |one: &&FlowBox| {
        one.source.contains(point.source)
            && one.destination.contains(point.destination)
            && one.traffic.contains(point.protocol, point.port)
            && one.target.contains(&point.target)
            && one.peer.contains(&point.peer)
    };
    boxes.iter().filter(inside).count()
}

/// Every point at which two such boxes may differ: the edges of their ranges, ports and names.
fn points() -> Vec<Witness> {
    let v4 = ["9.9.9.9", "10.0.0.0", "10.1.0.0", "10.1.2.3", "10.1.2.4", "11.0.0.0"];
    let v6 = ["::1", "fd00::", "fdff::1", "fe00::"];
    let tags = [vec![], vec!["a"], vec!["b"], vec!["a", "b"]];
    let carried = |words: &[&str]| -> Identities {
        words.iter().map(|word| Identity::Tag((*word).to_owned())).collect()
    };
    let mut all = Vec::new();
    for family in [&v4[..], &v6[..]] {
        for source in family {
            for destination in family {
                for (protocol, port) in [(6, 22), (6, 23), (6, 443), (1, 0), (17, 22)] {
                    for target in &tags {
                        for peer in [&tags[0], &tags[1]] {
                            all.push(Witness {
                                source: source.parse().unwrap(),
                                destination: destination.parse().unwrap(),
                                protocol: Protocol(protocol),
                                port,
                                target: carried(target),
                                peer: carried(peer),
                            });
                        }
                    }
                }
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// Union, intersection and difference hold at every point, their boxes are disjoint, and the
    /// fewest boxes say the same set; a set is empty where it has no witness.
    #[test]
    fn sets_of_connections_are_sets(
        a in proptest::collection::vec(flow_box(), 0..4),
        b in proptest::collection::vec(flow_box(), 0..4),
    ) {
        let (left, right) = (FlowSet::of_all(a.clone()), FlowSet::of_all(b.clone()));
        let union = left.union(&right);
        let both = left.intersection(&right);
        let only = left.difference(&right);
        let fewest = left.fewest();
        for point in points() {
            let (in_a, in_b) = (holds(&a, &point) > 0, holds(&b, &point) > 0);
            prop_assert_eq!(holds(left.boxes(), &point), usize::from(in_a), "{:?}", point);
            prop_assert_eq!(holds(union.boxes(), &point), usize::from(in_a || in_b), "{:?}", point);
            prop_assert_eq!(holds(both.boxes(), &point), usize::from(in_a && in_b), "{:?}", point);
            prop_assert_eq!(holds(only.boxes(), &point), usize::from(in_a && !in_b), "{:?}", point);
            prop_assert_eq!(holds(&fewest, &point) > 0, in_a, "{:?}", point);
        }
        for set in [&left, &union, &both, &only] {
            let found = set.witness();
            prop_assert_eq!(found.is_none(), set.is_empty());
            if let Some(point) = found {
                prop_assert_eq!(holds(set.boxes(), &point), 1);
            }
        }
        prop_assert!(fewest.len() <= left.boxes().len());
        prop_assert!(union.covers(&left) && union.covers(&right));
        prop_assert_eq!(left.covers(&right), right.difference(&left).is_empty());
    }
}
