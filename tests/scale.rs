//! What must hold at any size: shapes never change what is read, threads never change the answer,
//! and what is given up for want of memory does not depend on the order of things.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails says where, and writes the files it reads"
)]

use std::collections::BTreeMap;
use std::process::Command;

use proptest::prelude::*;
use serde_json::{Value, json};

use vpcwhy::correlate::Scope;
use vpcwhy::correlate::Window;
use vpcwhy::correlate::causes::judge_all;
use vpcwhy::correlate::{Directory, Ledger, Limits, LogCounts};
use vpcwhy::engine::{EffectiveRules, Verdict, evaluate};
use vpcwhy::ingest::document::Place;
use vpcwhy::ingest::log::{Form, Found, Shapes, read_piece};
use vpcwhy::ingest::reader::{Reader, finish};
use vpcwhy::model::Inventory;

/// One entry with everything in it that may differ, spelled in hostile ways.
#[derive(Debug, Clone)]
struct Spelling {
    id: String,
    src: String,
    port: String,
    disposition: String,
    reference: String,
    vm: String,
    time: String,
    extra: String,
    reordered: bool,
    blanks: bool,
}

fn spelling() -> impl Strategy<Value = Spelling> {
    let ids =
        prop_oneof![Just("a1"), Just("b2"), Just(""), Just("é"), Just(r"\u0061"), Just("x y")];
    let sources = prop_oneof![
        Just("10.0.0.1"),
        Just("10.0.0.200"),
        Just("::ffff:10.0.0.3"),
        Just("fd00::7"),
        Just("010.0.0.1"),
        Just("nowhere"),
        Just("256.0.0.1"),
    ];
    let ports = prop_oneof![
        Just("443"),
        Just("0"),
        Just("65535"),
        Just("65536"),
        Just("4.43e2"),
        Just("\"443\""),
        Just("null"),
        Just("-1"),
        Just("00443"),
    ];
    let dispositions = prop_oneof![
        Just("DENIED"),
        Just("ALLOWED"),
        Just("denied"),
        Just("INTERCEPTED"),
        Just(r"\u0044ENIED"),
        Just("D\\u0045NIED"),
        Just("REFUSED"),
        Just(""),
    ];
    let references = prop_oneof![
        Just("network:n/firewall:a"),
        Just("network:n/firewall:b"),
        Just("network:m/firewallPolicy:7"),
        Just(""),
    ];
    let vms = prop_oneof![Just("gke-a-1"), Just("vm-2"), Just(""), Just(r"vm\n3")];
    let times = prop_oneof![
        Just("2026-10-14T09:00:00.5Z"),
        Just("2026-10-14T09:00:00.25Z"),
        Just("2026-10-14T11:00:00+02:00"),
        Just("yesterday"),
    ];
    let extras = prop_oneof![
        Just(r#""note":"x""#),
        Just(r#""note":"y \" z""#),
        Just(r#""note":[1,2,{"a":"b"}]"#),
        Just(r#""disposition":"ALLOWED""#),
        Just(r#""note":tru"#),
    ];
    let first = (ids, sources, ports, dispositions, references);
    let rest = (vms, times, extras, any::<bool>(), any::<bool>());
    (first, rest).prop_map(|((id, src, port, disposition, reference), rest)| {
        let (vm, time, extra, reordered, blanks) = rest;
        let own = str::to_owned;
        Spelling {
            id: own(id),
            src: own(src),
            port: own(port),
            disposition: own(disposition),
            reference: own(reference),
            vm: own(vm),
            time: own(time),
            extra: own(extra),
            reordered,
            blanks,
        }
    })
}

impl Spelling {
    fn text(&self) -> String {
        let Self { id, src, port, disposition, reference, vm, time, extra, .. } = self;
        let connection = format!(
            r#""connection":{{"src_ip":"{src}","src_port":{port},"dest_ip":"10.0.1.1","dest_port":{port},"protocol":6}}"#
        );
        let rest = format!(
            r#""disposition":"{disposition}","instance":{{"project_id":"p","vm_name":"{vm}"}},"rule_details":{{"reference":"{reference}","direction":"INGRESS","priority":1000}},{extra}"#
        );
        let payload = if self.reordered {
            format!("{rest},{connection}")
        } else {
            format!("{connection},{rest}")
        };
        let text = format!(
            r#"{{"insertId":"{id}","jsonPayload":{{{payload}}},"logName":"projects/p/logs/compute.googleapis.com%2Ffirewall","timestamp":"{time}"}}"#
        );
        if self.blanks { text.replace("\":", "\" : ") } else { text }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever the shapes learned, and from whatever: a text that fits one reads as the full
    /// reader reads it.
    #[test]
    fn shapes_read_what_the_full_reader_reads(
        spellings in proptest::collection::vec(spelling(), 1..60),
    ) {
        let mut shapes = Shapes::default();
        for spelling in spellings {
            let text = spelling.text();
            let (full, length) = read_piece(&text);
            if let Some(fit) = shapes.fit(text.as_bytes()) {
                prop_assert_eq!(fit.length, length);
                if let Some(mut record) = shapes.record(fit, text.as_bytes()) {
                    record.kin = None;
                    match full {
                        Found::Entry(full) => prop_assert_eq!(record, full),
                        other => prop_assert!(false, "{text} is {other:?}"),
                    }
                }
            } else if matches!(full, Found::Entry(_)) {
                shapes.learn(text.get(..length).unwrap());
            }
        }
    }

    /// A whole log, in a file, on any number of threads: the counts are those of entries read one
    /// by one, in full.
    #[test]
    fn a_log_is_the_sum_of_its_entries(
        spellings in proptest::collection::vec(spelling(), 1..80),
    ) {
        let lines: Vec<String> = spellings.iter().map(Spelling::text).collect();
        let mut ledger = Ledger::default();
        let mut unparsable = 0;
        for line in &lines {
            match read_piece(line).0 {
                Found::Entry(record) | Found::Incomplete(record, _) => {
                    ledger.add(&record, &Window::default());
                }
                _ => unparsable += 1,
            }
        }
        ledger.settle();
        let counts = ledger.counts();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log.ndjson"), lines.join("\n")).unwrap();
        let log = &triage(folder.path(), &[])["log"];
        let of = |key: &str| log[key].as_u64().unwrap();
        prop_assert_eq!(of("denied"), counts.denied);
        prop_assert_eq!(of("allowed"), counts.allowed);
        prop_assert_eq!(of("intercepted"), counts.intercepted);
        prop_assert_eq!(of("duplicates"), counts.duplicates);
        prop_assert_eq!(of("unparsable"), unparsable);
    }
}

fn triage(path: &std::path::Path, more: &[&str]) -> Value {
    let program = env!("CARGO_BIN_EXE_vpcwhy");
    let mut command = Command::new(program);
    let output = command.arg(path).args(["--format", "json"]).args(more).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        // A folder without anything usable is a failure of its own, with its counts unsaid.
        json!({"log": {"denied": 0, "allowed": 0, "intercepted": 0, "duplicates": 0, "unparsable":
            std::fs::read_dir(path).map_or(0, |_| u64::MAX)}})
    })
}

/// `count` lines of a log: internal and external sources, several rules, copies, broken lines.
fn log(count: u64) -> String {
    let mut text = String::new();
    for number in 0..count {
        let dice = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let denied = if dice % 3 == 0 { "DENIED" } else { "ALLOWED" };
        let src = if dice % 2 == 0 {
            format!("10.0.0.{}", dice / 7 % 4)
        } else {
            format!(
                "{}.{}.{}.{}",
                20 + dice / 3 % 90,
                dice / 5 % 256,
                dice / 13 % 256,
                dice / 17 % 256
            )
        };
        // Every tenth entry is a copy of the one before.
        let id = if number % 10 == 9 { number - 1 } else { number };
        let second = id / 4;
        let entry = json!({
            "insertId": format!("{id:x}"),
            "timestamp": format!("2026-10-14T{:02}:{:02}:{:02}.{id:09}Z",
                second / 3600 % 24, second / 60 % 60, second % 60),
            "logName": "projects/p/logs/compute.googleapis.com%2Ffirewall",
            "jsonPayload": {
                "connection": {"src_ip": src, "src_port": 1024 + dice % 60_000,
                    "dest_ip": format!("10.1.0.{}", dice % 5), "dest_port": 8000 + dice % 9,
                    "protocol": 6},
                "disposition": denied,
                "instance": {"project_id": "p", "vm_name": format!("vm-{}", dice % 30)},
                "rule_details": {"reference": format!("network:n/firewall:r{}", dice % 12),
                    "direction": "INGRESS", "priority": 1000},
            },
        });
        text.push_str(&entry.to_string());
        text.push_str(if dice % 997 == 0 { "}\n" } else { "\n" });
    }
    text
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    // Long enough to be read in parts.
    std::fs::write(folder.path().join("a.ndjson"), log(60_000)).unwrap();
    std::fs::write(folder.path().join("b.ndjson"), log(3_000)).unwrap();
    let size = std::fs::metadata(folder.path().join("a.ndjson")).unwrap().len();
    assert!(size > 16 << 20, "{size} bytes are not read in parts");
    for memory in ["1G", "2M"] {
        let with = |threads| triage(folder.path(), &["--threads", threads, "--max-memory", memory]);
        let one = with("1");
        assert!(one["log"]["denied"].as_u64() > Some(1_000), "{}", one["log"]);
        for threads in ["2", "3", "8"] {
            assert_eq!(with(threads), one, "{threads} threads, {memory}");
        }
    }
}

/// Resources enough for many threads, and among them what each has to remember of the others: rules
/// that are described twice, objects that refer to later ones, what cannot be used and where.
#[test]
fn resources_read_on_any_number_of_threads_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let network = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n";
    let manifest = |kind: &str, name: &str, spec: Value| {
        json!({"apiVersion": "compute.cnrm.cloud.google.com/v1beta1", "kind": kind,
            "metadata": {"name": name, "namespace": "p"}, "spec": spec})
    };
    let mut items = Vec::new();
    for number in 0..4_000 {
        let mut rule = json!({
            "kind": "compute#firewall", "name": format!("r{}", number % 3_990), "network": network,
            "direction": "INGRESS", "priority": 1_000 + number / 3_990, "sourceRanges": ["10.0.0.0/8"],
            "allowed": [{"IPProtocol": "tcp", "ports": [(number % 3_990).to_string()]}],
        });
        if number % 500 == 7 {
            rule["sourceRanges"] = json!(["nowhere"]);
        }
        items.push(rule);
        match number % 1_000 {
            1 => items.push(json!({"kind": "compute#firewall", "direction": "EGRESS"})),
            2 => items.push(json!({"something": "else"})),
            3 => items.push(json!({"kind": "compute#image", "name": "i"})),
            4 => items.push(manifest(
                "ComputeFirewall",
                &format!("m{number}"),
                json!({"networkRef": {"name": "later"}, "allow": [{"protocol": "tcp"}],
                    "sourceRanges": ["10.0.0.0/8"]}),
            )),
            _ => {}
        }
    }
    items.push(manifest("ComputeNetwork", "later", json!({"resourceID": "n"})));
    let text = serde_json::to_string_pretty(&items).unwrap();
    assert!(text.len() > 1 << 20, "{} bytes are not shared among threads", text.len());
    // Its brace is two lines above.
    let first_bad = text.lines().position(|line| line.contains("EGRESS")).unwrap() - 1;
    std::fs::write(folder.path().join("a.json"), text).unwrap();
    let with = |threads: &str| triage(folder.path(), &["--threads", threads]);
    let one = with("1");
    assert_eq!(one["inputs"][0]["items"], 4_000 + 4 * 4 + 1);
    // Ten are described twice, and not alike: both count. The manifests' network is named last.
    assert_eq!(one["inventory"]["firewall_rules"], 4_004);
    assert_eq!(one["inventory"]["networks"], 1);
    let line_of = |start: &str| {
        let all = one["complaints"].as_array().unwrap().iter();
        let told =
            |one: &&Value| one["message"].as_str().is_some_and(|text| text.starts_with(start));
        all.filter(told).map(|one| one["line"].as_u64().unwrap() as usize).collect::<Vec<_>>()
    };
    assert_eq!(line_of("it lacks its name")[0], first_bad);
    assert_eq!(line_of("8 items of no known kind").len(), 1);
    assert_eq!(line_of("rule r0: not understood: described otherwise, too").len(), 2);
    assert_eq!(line_of("rule r507: not understood: sourceRanges: 1 that are no ranges").len(), 1);
    for threads in ["2", "3", "8"] {
        assert_eq!(with(threads), one, "{threads} threads");
    }
}

#[test]
fn a_form_that_changes_in_the_middle_of_a_large_file_is_read_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let lines = log(50_000);
    let pretty: Vec<Value> =
        log(20).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let more = serde_json::to_string_pretty(&pretty).unwrap();
    let half = lines.len() / 2 + lines[lines.len() / 2..].find('\n').unwrap() + 1;
    let (first, second) = lines.split_at(half);
    let text = format!("{first}{more}\n{second}");
    std::fs::write(folder.path().join("log.ndjson"), &text).unwrap();
    let (one, two) =
        (triage(folder.path(), &["--threads", "1"]), triage(folder.path(), &["--threads", "2"]));
    assert_eq!(one, two);
    let sum = |log: &Value| log["entries"].as_u64().unwrap() + log["duplicates"].as_u64().unwrap();
    let expected = lines.lines().count() + pretty.len();
    assert_eq!(sum(&one["log"]), expected as u64, "{}", one["log"]);
}

#[test]
fn past_the_budget_external_addresses_are_rolled_up_and_counts_stay_exact() {
    let text = log(40_000);
    let read = |limits: Limits, parts: usize| {
        let window = Window { limits, ..Window::default() };
        let lines: Vec<&str> = text.lines().collect();
        let mut whole = Ledger::within(limits);
        for part in lines.chunks(lines.len().div_ceil(parts)).rev() {
            let mut own = Ledger::within(limits);
            for line in part {
                if let Found::Entry(record) = read_piece(line).0 {
                    own.add(&record, &window);
                }
            }
            whole.absorb(own);
        }
        whole.settle();
        whole
    };
    let exact = read(Limits::default(), 1);
    let few = Limits { groups: 5_000, ..Limits::default() };
    let rolled = read(few, 1);
    let by_parts = read(few, 7);
    let sums = |ledger: &Ledger| {
        let mut sums: BTreeMap<_, u64> = BTreeMap::new();
        for group in ledger.groups() {
            *sums.entry((group.disposition(), group.tuple().dst_port)).or_default() +=
                group.count();
        }
        sums
    };
    assert_eq!(sums(&exact), sums(&rolled));
    assert!(exact.groups().len() > 15_000, "{}", exact.groups().len());
    let counts = rolled.counts();
    let said = counts.rolled_up.unwrap();
    assert_eq!((said.left, said.more_than), (rolled.groups().len(), 5_000));
    assert!(said.left <= 5_000 && said.v4 < 24, "{said:?}");
    assert_eq!(rolled.groups(), by_parts.groups());
    assert_eq!(counts, by_parts.counts());
    let internal = |ledger: &Ledger| {
        let own = |group: &&vpcwhy::correlate::Group<'_>| {
            group.tuple().src.to_string().starts_with("10.")
        };
        ledger.groups().iter().filter(own).map(|group| group.tuple()).collect::<Vec<_>>()
    };
    assert_eq!(internal(&exact), internal(&rolled), "addresses inside are never rolled up");
    assert_eq!(LogCounts { rolled_up: None, ..counts }, exact.counts());
}

#[test]
fn past_its_share_copies_are_found_within_a_window_that_is_told() {
    let text = log(40_000);
    let limits = Limits { prints: 12_000, ..Limits::default() };
    let read = |limits: Limits, parts: usize, backwards: bool| {
        let mut lines: Vec<&str> = text.lines().collect();
        if backwards {
            lines.reverse();
        }
        let mut whole = Ledger::within(limits);
        for part in lines.chunks(lines.len().div_ceil(parts)) {
            let mut own = Ledger::within(limits);
            for line in part {
                if let Found::Entry(record) = read_piece(line).0 {
                    own.add(&record, &Window::default());
                }
            }
            whole.absorb(own);
        }
        whole.settle();
        whole.counts()
    };
    let exact = read(Limits::default(), 1, false);
    assert_eq!(exact.copies_from, None);
    let bounded = read(limits, 1, false);
    let from = bounded.copies_from.unwrap();
    assert!(bounded.duplicates > 0 && bounded.duplicates < exact.duplicates);
    assert!(Some(from) > exact.first && Some(from) < exact.last);
    // Every copy from then on is found, and nothing else is taken for one.
    let late = text.lines().filter_map(|line| match read_piece(line).0 {
        Found::Entry(record) if record.timestamp >= Some(from) => {
            Some(record.insert_id.into_owned())
        }
        _ => None,
    });
    let late: Vec<String> = late.collect();
    let distinct: std::collections::BTreeSet<&String> = late.iter().collect();
    assert_eq!(bounded.duplicates, (late.len() - distinct.len()) as u64);
    for (parts, backwards) in [(5, false), (1, true), (9, true)] {
        assert_eq!(read(limits, parts, backwards), bounded, "{parts} parts, {backwards}");
    }
}

/// Rules, a cluster, a subnetwork and VMs whose ranges have many edges near the logged addresses.
fn surroundings() -> Inventory {
    let mut rules = Vec::new();
    for number in 0_u32..60 {
        let ingress = number % 2 == 0;
        let range = match number % 6 {
            0 => format!("10.0.0.{}/31", number % 4),
            1 => "10.1.0.0/30".to_owned(),
            2 => format!("{}.0.0.0/7", 20 + number),
            3 => format!("{}.128.0.0/9", 20 + number),
            4 => "10.0.0.0/8".to_owned(),
            _ => "0.0.0.0/0".to_owned(),
        };
        let key = if number % 5 == 0 { "denied" } else { "allowed" };
        let ranges = if ingress { "sourceRanges" } else { "destinationRanges" };
        let mut rule = json!({
            "kind": "compute#firewall", "name": format!("r{number}"),
            "network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
            "direction": if ingress { "INGRESS" } else { "EGRESS" },
            "priority": 100 + number * 7 % 60 * 10, ranges: [range],
            key: [{"IPProtocol": "tcp", "ports": [format!("{}-{}", 8000 + number % 5, 8003 + number % 6)]}],
            "logConfig": {"enable": true}, "disabled": false,
        });
        if number % 3 == 0 {
            rule["targetTags"] = json!([format!("t{}", number % 4)]);
        }
        rules.push(rule);
    }
    let network = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n";
    let resources = json!([
        {"kind": "compute#network", "name": "n", "selfLink": network},
        {"kind": "compute#subnetwork", "name": "s", "network": network, "ipCidrRange": "10.0.0.0/30",
            "selfLink": "https://www.googleapis.com/compute/v1/projects/p/regions/r/subnetworks/s"},
        {"kind": "compute#instance", "name": "vm-3", "tags": {"items": ["t0"]},
            "networkInterfaces": [{"network": network, "networkIP": "10.1.0.2"}],
            "selfLink": "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/vm-3"},
    ]);
    let mut reader = Reader::default();
    let place = Place { path: "test".into(), line: 1, byte: 0 };
    for text in [Value::from(rules).to_string(), resources.to_string()] {
        reader.piece(&text, Form::Json, &place);
    }
    finish(vec![reader]).0
}

/// Connections that ask one question get the answer that each would get alone.
#[test]
fn what_is_asked_once_is_answered_for_all() {
    let inventory = surroundings();
    assert!(inventory.firewall_rules.len() == 60 && !inventory.instances.is_empty());
    let directory = Directory::of(&inventory);
    let mut ledger = Ledger::default();
    for line in log(12_000).lines() {
        if let Found::Entry(record) = read_piece(line).0 {
            ledger.add(&record, &Window::default());
        }
    }
    ledger.settle();
    let questions = judge_all(&directory, ledger.roll_up(), &Scope::default());
    let (mut connections, mut denied, mut allowed) = (0, 0, 0);
    for question in &questions {
        let flow = question.flow.as_ref().unwrap();
        let rules = EffectiveRules::of(&inventory, &flow.network);
        for group in question.connections() {
            let vm = group.vm().map(|(_, name)| name);
            let alone = directory.flow(group.tuple(), flow.direction, &flow.network, vm);
            let decision = evaluate(&rules, &alone, &mut ());
            assert_eq!(decision, question.decision, "{} and {}", group.tuple(), flow.tuple);
            connections += 1;
            denied += u32::from(decision.verdict == Verdict::Denied);
            allowed += u32::from(decision.verdict == Verdict::Allowed);
        }
        assert_eq!(question.entries, question.connections().map(|one| one.count()).sum::<u64>());
    }
    assert_eq!(connections, ledger.groups().len());
    assert!(questions.len() * 2 < connections, "{} of {connections}", questions.len());
    assert!(denied > 100 && allowed > 100, "{denied} denied, {allowed} allowed");
}
