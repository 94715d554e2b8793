//! Every form in which people have logs and resources, whole and damaged, with what must be counted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::{folder, json};
use serde_json::{Value, json as value};

fn entry(id: &str) -> Value {
    value!({
        "insertId": id,
        "logName": "projects/p/logs/compute.googleapis.com%2Ffirewall",
        "resource": {"labels": {"project_id": "p"}, "type": "gce_subnetwork"},
        "timestamp": "2026-10-14T09:00:00.5Z",
        "jsonPayload": {
            "connection": {"src_ip": "10.0.0.1", "src_port": 4000, "dest_ip": "10.0.0.2",
                           "dest_port": 443, "protocol": 6},
            "disposition": "DENIED",
            "rule_details": {"reference": "network:n/firewall:r", "priority": 1000,
                             "direction": "INGRESS"},
        },
    })
}

fn pretty(id: &str) -> String {
    serde_json::to_string_pretty(&entry(id)).unwrap()
}

fn line(id: &str) -> String {
    entry(id).to_string()
}

/// (denied, other, unparsable) of one input.
#[track_caller]
fn counts(name: &str, text: &str) -> (u64, u64, u64) {
    counts_of(name, text.as_bytes())
}

#[track_caller]
fn counts_of(name: &str, bytes: &[u8]) -> (u64, u64, u64) {
    let scratch = folder(&[("input", bytes)]);
    let path = scratch.path().join("input");
    let output = common::run(&["triage", path.to_str().unwrap(), "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{name}: {}", common::stderr(&output)));
    let log = &report["log"];
    let sum = |keys: [&str; 2]| keys.iter().map(|key| log[*key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum(["firewall", "other"]), log["entries"].as_u64().unwrap(), "{name}");
    let number = |key: &str| log[key].as_u64().unwrap();
    (number("denied"), number("other"), number("unparsable"))
}

#[test]
fn sound_logs_of_every_form() {
    let (a, b) = (line("a"), line("b"));
    let yaml = |id: &str| {
        format!(
            "---\ninsertId: {id}\njsonPayload:\n  connection:\n    dest_ip: 10.0.0.2\n    \
             dest_port: 443\n    protocol: 6\n    src_ip: 10.0.0.1\n    src_port: 4000\n  \
             disposition: DENIED\n  rule_details:\n    direction: INGRESS\n    ip_port_info:\n    \
             - ip_protocol: ALL\n    reference: network:n/firewall:r\nlogName: \
             projects/p/logs/compute.googleapis.com%2Ffirewall\ntimestamp: \
             '2026-10-14T09:00:00.5Z'\n"
        )
    };
    let paste = "insertId: \"a\"\njsonPayload: {\n  connection: {\n    dest_ip: \"10.0.0.2\"\n    \
                 dest_port: 443\n    protocol: 6\n    src_ip: \"10.0.0.1\"\n    src_port: 4000\n  \
                 }\n  disposition: \"DENIED\"\n}\n";
    let short = "connection: { dest_ip: \"172.16.0.34\" dest_port: 443 protocol: 6 src_ip: \
                 \"10.10.10.31\" src_port: 60556 } disposition: \"DENIED\"\n";
    let base64 = |text: &str| {
        use base64::Engine as _;
        base64::prelude::BASE64_STANDARD.encode(text)
    };
    let pub_sub = |id: &str| value!({"ackId": "x", "message": {"data": base64(&line(id))}});
    let elastic = value!({
        "@timestamp": "2026-10-14T09:00:00.500Z", "source": {"ip": "10.0.0.1", "port": 4000},
        "destination": {"ip": "10.0.0.2", "port": 443}, "network": {"iana_number": "6"},
        "rule": {"name": "network:n/firewall:r"}, "event": {"id": "a"},
        "log": {"logger": "projects/p/logs/compute.googleapis.com%2Ffirewall"},
        "gcp": {"firewall": {"rule_details": {"action": "DENY", "direction": "INGRESS"}}},
    });
    let as_text = value!({"insertId": "a", "timestamp": "2026-10-14T09:00:00Z",
        "jsonPayload": entry("a")["jsonPayload"].to_string()});
    for (name, text, denied) in [
        ("lines", format!("{a}\n{b}\n"), 2),
        ("lines with CRLF", format!("{a}\r\n{b}\r\n"), 2),
        ("byte order mark", format!("\u{feff}{a}\n{b}\n"), 2),
        ("no line break at the end", format!("{a}\n{b}"), 2),
        ("array", format!("[{a},{b}]"), 2),
        ("pretty array", format!("[\n{},\n{}\n]\n", pretty("a"), pretty("b")), 2),
        ("concatenated pretty objects", format!("{}\n{}\n", pretty("a"), pretty("b")), 2),
        ("several on a line", format!("{a}{b}\n"), 2),
        ("several on a line, with commas", format!("{a}, {b}, {}\n", line("c")), 3),
        ("an array without brackets", format!("{a},\n{b},\n"), 2),
        ("documents with marks", format!("{a}\n---\n{b}\n"), 2),
        ("entries", format!("{{\"entries\":[{a},{b}],\"nextPageToken\":\"x\"}}"), 2),
        (
            "entries last",
            format!("{{\"nextPageToken\":\"x\",\n\"entries\": [\n{a},\n{b}\n]\n}}\n"),
            2,
        ),
        ("pages", format!("[{{\"entries\":[{a}]}},{{\"entries\":[{b}]}}]"), 2),
        ("YAML documents", format!("{}{}", yaml("a"), yaml("b")), 2),
        ("YAML sequence", format!("- {a}\n- {b}\n"), 2),
        ("paste", paste.to_owned(), 1),
        ("pastes", format!("{paste}\n{}", paste.replace("\"a\"", "\"b\"")), 2),
        (
            "paste in braces",
            format!("{{\n{paste}}}\n{{\n{}}}\n", paste.replace("\"a\"", "\"b\"")),
            2,
        ),
        ("paste on a line", short.to_owned(), 1),
        ("Pub/Sub pull", format!("[{},{}]", pub_sub("a"), pub_sub("b")), 2),
        ("Pub/Sub answer", value!({"receivedMessages": [pub_sub("a")]}).to_string(), 1),
        ("shipper", value!({"integration": "gcp", "gcp": entry("a")}).to_string(), 1),
        ("shipper with events", value!({"events": [{"json": entry("a")}]}).to_string(), 1),
        ("shipper with text", value!({"@timestamp": "x", "message": a}).to_string(), 1),
        ("Elastic Common Schema", elastic.to_string(), 1),
        ("Elasticsearch", value!({"_source": elastic}).to_string(), 1),
        ("payload as text", as_text.to_string(), 1),
        (
            "snake case",
            a.replace("jsonPayload", "json_payload").replace("insertId", "insert_id"),
            1,
        ),
        ("escapes", a.replace("DENIED", "\\u0044ENIED"), 1),
        ("lower-case escape in the name", a.replace("%2F", "%2f"), 1),
        ("decoded name", a.replace("%2F", "/"), 1),
        ("numbers as text", a.replace("443", "\"443\"").replace(":6}", ":\"TCP\"}"), 1),
        ("floats", a.replace("443", "443.0").replace(":6,", ":6.0,"), 1),
        ("mapped addresses", a.replace("10.0.0.1", "::ffff:10.0.0.1"), 1),
        ("grep -n", format!("1:{a}\n20:{b}\n"), 2),
        ("a banner first", format!("WARNING: something\n{a}\n{b}\n"), 2),
    ] {
        let (seen, other, unparsable) = counts(name, &text);
        assert_eq!((seen, other), (denied, 0), "{name}");
        assert_eq!(unparsable, u64::from(name == "a banner first"), "{name}");
    }
}

const COLUMNS: &str = "insertId,jsonPayload.connection.dest_ip,jsonPayload.connection.dest_port,\
                       jsonPayload.connection.protocol,jsonPayload.connection.src_ip,\
                       jsonPayload.connection.src_port,jsonPayload.disposition,\
                       jsonPayload.rule_details.direction,jsonPayload.rule_details.priority,\
                       jsonPayload.rule_details.reference,logName,\
                       resource.labels.project_id,timestamp";

fn row(id: &str) -> String {
    format!(
        "{id},10.0.0.2,443,6,10.0.0.1,4000,DENIED,INGRESS,1000,network:n/firewall:r,\
         projects/p/logs/compute.googleapis.com%2Ffirewall,p,2026-10-14T09:00:00.5Z"
    )
}

#[test]
fn tables_of_entries_say_what_their_entries_say() {
    let report = |text: &str| {
        let scratch = folder(&[("log", text.as_bytes())]);
        let mut report = json(&["triage", scratch.path().join("log").to_str().unwrap()]);
        report["inputs"] = Value::Null;
        report
    };
    let expected = report(&format!("{}\n{}\n", line("a"), line("b")));
    let (a, b) = (row("a"), row("b"));
    let quoted = |row: &str| format!("\"{}\"", row.replace(',', "\",\""));
    let by = |delimiter: &str| format!("{COLUMNS}\n{a}\n{b}\n").replace(',', delimiter);
    let mut flat = by(",");
    for path in ["jsonPayload.", "connection.", "rule_details."] {
        flat = flat.replace(path, &path.replace('.', "_"));
    }
    let payload = entry("a")["jsonPayload"].to_string().replace('"', "\"\"");
    let more = "p,projects/p/logs/compute.googleapis.com%2Ffirewall";
    let of_log_analytics = format!(
        "insert_id,timestamp,json_payload,text,log_name\n\
         a,2026-10-14T09:00:00.5Z,\"{payload}\",{more}\n\
         b,2026-10-14 09:00:00.5 UTC,\"{payload}\",{more}\n"
    );
    for text in [
        by(","),
        by(";"),
        by("\t"),
        format!("\u{feff}{COLUMNS}\r\n{a}\r\n\r\n{b}"),
        format!("{}\n{}\n{}\n", quoted(COLUMNS), quoted(&a), quoted(&b)),
        // Pages, one after the other.
        format!("{COLUMNS}\n{a}\n{COLUMNS}\n{b}\n"),
        flat,
        of_log_analytics,
    ] {
        assert_eq!(report(&text), expected, "{text}");
    }
}

#[test]
fn rows_that_are_broken_are_counted_and_their_neighbours_kept() {
    let (a, b, c) = (row("a"), row("b"), row("c"));
    let short = format!("{COLUMNS}\n{a}\n10.0.0.1,443\n{c}\n");
    assert_eq!(counts("a row of other columns", &short), (2, 0, 1));
    let open = format!("{COLUMNS}\n{a}\n\"{b}\n{c}\n");
    assert_eq!(counts("a quote without an end", &open), (1, 0, 1));
    // Longer than a row may be: only the line is given up.
    let many: Vec<String> = (0..12_000).map(|at| row(&at.to_string())).collect();
    let long = format!("{COLUMNS}\n{a}\n\"{b}\n{}\n", many.join("\n"));
    assert_eq!(counts("a quote without an end, long before it", &long), (12_001, 0, 1));
    // Its entries are as many whichever way it is cut.
    let whole = format!("{COLUMNS}\n{}\n", many.join("\n"));
    assert_eq!(counts("a long table", &whole), (12_000, 0, 0));
}

#[test]
fn other_logs_are_other() {
    let audit = value!({"insertId": "x", "logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity",
        "protoPayload": {"methodName": "v1.compute.firewalls.patch"}, "timestamp": "2026-10-14T09:00:00Z"});
    let flow = value!({"insertId": "y", "logName": "projects/p/logs/compute.googleapis.com%2Fvpc_flows",
        "jsonPayload": {"connection": {"src_ip": "10.0.0.1"}}, "timestamp": "2026-10-14T09:00:00Z"});
    let text = format!("{audit}\n{flow}\n{}\n", line("a"));
    assert_eq!(counts("others", &text), (1, 2, 0));
}

/// Manifests and rules quote entries; entries are enriched with what is known of their machines.
#[test]
fn what_a_resource_quotes_was_not_logged_and_what_is_beside_entries_is_read() {
    let manifest = value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"},
        "data": {"log": line("a"), "event": entry("b")}});
    assert_eq!(counts("manifest", &manifest.to_string()), (0, 0, 0));
    let machine = value!({"selfLink": "x", "asset_type": "y", "description": line("b")});
    let enriched = value!({"asset": machine, "record": {"inner": entry("a")}});
    assert_eq!(counts("enriched", &enriched.to_string()), (1, 0, 0));
    let both = value!({"firewalls": [rule("one")], "found": [{"record": entry("a")}]}).to_string();
    assert_eq!((counts("both", &both), rules(&both)), ((1, 0, 0), 1));
}

/// What is broken is counted once and its neighbours are kept.
#[test]
fn neighbours_of_broken_entries_survive() {
    let broken_quote = pretty("b").replacen("\"insertId", "insertId", 1);
    let open_quote = pretty("b").replacen("10.0.0.1\"", "10.0.0.1", 1);
    let no_brace = pretty("b").rsplit_once('}').unwrap().0.to_owned();
    for (name, broken) in [("key", broken_quote), ("string", open_quote), ("brace", no_brace)] {
        let array =
            format!("[\n{},\n{broken},\n{},\n{}\n]\n", pretty("a"), pretty("c"), pretty("d"));
        assert_eq!(counts(name, &array), (3, 0, 1), "{name} in an array");
        let lines = format!("{}\n{}\n{}\n", line("a"), broken.replace('\n', ""), line("c"));
        assert_eq!(counts(name, &lines), (2, 0, 1), "{name} in lines");
    }
    let cut = format!("[\n{},\n{}", pretty("a"), &pretty("b")[..200]);
    assert_eq!(counts("cut", &cut), (1, 0, 1));
    let first = format!("{}\n{}\n{}\n", &line("a")[40..], line("b"), line("c"));
    assert_eq!(counts("cut at its front", &first), (2, 0, 1));
}

#[test]
fn a_paste_without_a_brace_leaves_the_next_one_alone() {
    let paste = |id: &str| {
        format!(
            "insertId: \"{id}\"\njsonPayload: {{\n  connection: {{\n    dest_ip: \"10.0.0.2\"\n    \
             dest_port: 443\n    protocol: 6\n    src_ip: \"10.0.0.1\"\n  }}\n  disposition: \
             \"DENIED\"\n}}\n"
        )
    };
    let broken = paste("b").replacen("  }\n", "", 1);
    let text = format!("{}{broken}{}", paste("a"), paste("c"));
    assert_eq!(counts("middle", &text), (2, 0, 1));
    let text = format!("{broken}{}", paste("c"));
    assert_eq!(counts("first", &text), (1, 0, 1));
}

#[test]
fn complaints_say_where() {
    let text = format!("{}\n{{\"insertId\": oops}}\n{}\n", line("a"), line("b"));
    let scratch = folder(&[("log.ndjson", text.as_bytes())]);
    let report = json(&["triage", scratch.path().to_str().unwrap()]);
    let complaint = &report["complaints"][0];
    assert_eq!(complaint["line"], 2);
    assert_eq!(complaint["byte"], line("a").len() + 1 + 13);
    assert_eq!(complaint["did"], "skipped this entry");
}

/// Text that is made to be slow is given up soon.
#[test]
fn nothing_takes_quadratic_time() {
    for text in
        ["{".repeat(200_000), "{\"a\":".repeat(60_000), "[{".repeat(200_000), "{\n".repeat(100_000)]
    {
        let scratch = folder(&[("slow.json", text.as_bytes()), ("log.json", line("a").as_bytes())]);
        let report = json(&["triage", scratch.path().to_str().unwrap()]);
        assert_eq!(report["log"]["denied"], 1);
    }
}

fn rule(name: &str) -> Value {
    value!({"kind": "compute#firewall", "name": name, "network":
        "https://www.googleapis.com/compute/v1/projects/p/global/networks/n", "direction": "INGRESS",
        "priority": 1000, "sourceRanges": ["10.0.0.0/8"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}], "logConfig": {"enable": true},
        "selfLink": format!("https://www.googleapis.com/compute/v1/projects/p/global/firewalls/{name}")})
}

/// How many firewall rules an input describes, and their lines as near misses show them.
#[track_caller]
fn rules(text: &str) -> u64 {
    let scratch = folder(&[("input", text.as_bytes())]);
    let report = json(&["inventory", scratch.path().to_str().unwrap()]);
    report["inventory"]["firewall_rules"].as_u64().unwrap()
}

#[test]
fn resources_of_every_form() {
    let (a, b) = (rule("a"), rule("b"));
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    // gcloud writes lists inside of mappings without indentation.
    let yaml = |name: &str| {
        format!(
            "allowed:\n- IPProtocol: tcp\n  ports:\n  - '443'\ndirection: INGRESS\nkind: \
             compute#firewall\nname: {name}\nnetwork: projects/p/global/networks/n\npriority: \
             1000\nsourceRanges:\n- 10.0.0.0/8\n"
        )
    };
    let manifest = |name: &str| {
        format!(
            "apiVersion: compute.cnrm.cloud.google.com/v1beta1\nkind: ComputeFirewall\nmetadata:\n  \
             name: {name} # {{\"$kpt-set\":\"name\"}}\nspec:\n  allow:\n  - protocol: tcp\n    \
             ports:\n    - \"443\"\n  networkRef:\n    name: n\n"
        )
    };
    let indented = manifest("a").replace('\n', "\n  ");
    for (name, text, count) in [
        ("one", a.to_string(), 1),
        ("one, pretty", pretty(&a), 1),
        ("array", value!([a, b]).to_string(), 2),
        ("pretty array", pretty(&value!([a, b])), 2),
        ("items", pretty(&value!({"kind": "compute#firewallList", "items": [a, b]})), 2),
        ("lines", format!("{a}\n{b}\n"), 2),
        ("effective firewalls", pretty(&value!({"firewalls": [a, b], "firewallPolicys": []})), 2),
        (
            "asset inventory",
            value!({"asset_type": "compute.googleapis.com/Firewall",
            "resource": {"data": a}})
            .to_string(),
            1,
        ),
        ("YAML", yaml("a"), 1),
        ("YAML documents", format!("---\n{}---\n{}", yaml("a"), yaml("b")), 2),
        ("manifests", format!("{}---\n{}", manifest("a"), manifest("b")), 2),
        ("kind: List", format!("apiVersion: v1\nitems:\n- {indented}\nkind: List\n"), 1),
        (
            "without kind",
            value!({"name": "a", "network": "n", "allowed": [{"IPProtocol": "all"}]}).to_string(),
            1,
        ),
        (
            "broken in the middle",
            format!(
                "[\n{},\n{},\n{}\n]",
                pretty(&a),
                pretty(&b).replacen('"', "", 1),
                pretty(&rule("c"))
            ),
            2,
        ),
    ] {
        assert_eq!(rules(&text), count, "{name}");
    }
}

#[test]
fn every_item_knows_its_line() {
    let effective =
        serde_json::to_string_pretty(&value!({"firewalls": [rule("a"), rule("b")]})).unwrap();
    let expected =
        1 + effective.lines().position(|line| line.contains("\"name\": \"b\"")).unwrap() as u64;
    let scratch = folder(&[("fw.json", effective.as_bytes())]);
    let answer = json(&[
        "why",
        "10.9.9.9",
        "10.0.0.2:444",
        scratch.path().to_str().unwrap(),
        "--network",
        "n",
    ]);
    let near = answer["asked"][1]["decision"]["near_misses"].as_array().unwrap();
    let line = near.iter().find(|miss| miss["rule"] == "b").unwrap()["line"].as_u64().unwrap();
    assert!(line <= expected && expected - line < 20 && line > 10, "{line} for {expected}");
}

/// Also in aggregated lists of YAML, where the line that names the item has to do.
#[test]
fn items_of_aggregated_yaml_know_their_lines() {
    let text = "items:\n  regions/a:\n    subnetworks:\n    - ipCidrRange: 10.0.0.0/24\n      kind: compute#subnetwork\n      name: one\n      network: n\n    - ipCidrRange: 10.0.1.0/24\n      kind: compute#subnetwork\n      name: two\n      network: n\nkind: compute#subnetworkAggregatedList\n";
    let scratch = folder(&[("subnets.yaml", text.as_bytes())]);
    let report = json(&["inventory", scratch.path().to_str().unwrap()]);
    let line = |name: &str| {
        let ranges = report["ranges"].as_array().unwrap();
        ranges.iter().find(|range| range["name"] == name).unwrap()["line"].clone()
    };
    assert_eq!((line("one"), line("two")), (value!(6), value!(10)));
}

#[test]
fn references_are_resolved_over_all_spellings() {
    let network = "apiVersion: compute.cnrm.cloud.google.com/v1beta1\nkind: ComputeNetwork\nmetadata:\n  name: obj\n  namespace: ns\n  annotations:\n    cnrm.cloud.google.com/project-id: p\nspec:\n  resourceID: real\n";
    let firewall = "apiVersion: compute.cnrm.cloud.google.com/v1beta1\nkind: ComputeFirewall\nmetadata:\n  name: fw\n  namespace: ns\n  annotations:\n    cnrm.cloud.google.com/project-id: p\nspec:\n  deny:\n  - protocol: all\n  networkRef:\n    name: obj\n";
    let live = value!({"kind": "compute#firewall", "name": "live", "network": "projects/p/global/networks/real",
        "allowed": [{"IPProtocol": "tcp"}], "priority": 500});
    let scratch = folder(&[
        ("fw.yaml", firewall.as_bytes()),
        ("network.yaml", network.as_bytes()),
        ("live.json", live.to_string().as_bytes()),
    ]);
    let path = scratch.path().to_str().unwrap();
    let answer = json(&["why", "10.0.0.1", "10.0.0.2:1/udp", path, "--network", "real"]);
    assert_eq!(answer["asked"][1]["decision"]["decider"]["name"], "fw");
}

/// What a container's log, a shell or grep puts before an entry is no entry that is broken, whatever
/// it begins like.
#[test]
fn what_stands_before_an_entry_is_no_problem() {
    let all: Vec<String> = (0..4).map(|at| line(&format!("id{at}"))).collect();
    for before in [
        "2026-10-14T09:00:00.1Z stdout F ",
        "[2026-10-14 09:00] ",
        "[INFO] ",
        "12:",
        "3\t",
        "web-0 ",
    ] {
        let text: String = all.iter().map(|one| format!("{before}{one}\n")).collect();
        assert_eq!(counts(before, &text), (4, 0, 0), "{before}");
        let later: String = all.iter().skip(1).map(|one| format!("{before}{one}\n")).collect();
        assert_eq!(counts(before, &format!("{}\n{later}", all[0])), (4, 0, 0), "{before}");
    }
    // A number alone, and a list of them, are none.
    assert_eq!(counts("list", &format!("[\n{},\n{}\n]\n", all[0], all[1])), (2, 0, 0));
    assert_eq!(counts("row", &format!("[{},{}]\n{}\n", all[0], all[1], all[2])), (3, 0, 0));
}
