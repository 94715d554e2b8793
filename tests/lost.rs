//! What is lost on the way decides nothing: what a shell or a person put around an export, files
//! that were cut or packed, fields that became text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::small::{Inputs, cluster, denied, deny_all, own_rules, rule, subnet};
use common::{findings, folder, json, run, ssh, stderr};
use serde_json::{Value, json as value};

/// A rule that lets ssh in, which a deny of a higher rank takes back.
fn allow() -> String {
    let fields = value!({"priority": 900, "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
        "sourceRanges": ["203.0.113.0/24"]});
    format!("{:#}", rule("ssh", fields))
}

fn deny() -> Value {
    deny_all(value!({"priority": 100}))
}

#[track_caller]
fn check(files: &[(&str, &str)], verdict: &str) {
    let allow = allow();
    let mut all: Vec<(&str, &[u8])> = vec![("allow.json", allow.as_bytes())];
    all.extend(files.iter().map(|(name, text)| (*name, text.as_bytes())));
    let scratch = folder(&all);
    let answer = ssh("203.0.113.7", &["-c", scratch.path().to_str().unwrap()]);
    assert_eq!(answer["verdict"], verdict, "{files:?}: {answer:#}");
}

/// A banner of gcloud's, a prompt, a survey: what stands around an export is none of it.
#[test]
fn what_a_shell_put_around_an_export_is_none_of_it() {
    let deny = format!("{:#}", deny());
    let list = format!("[\n{deny}\n]");
    check(&[], "ALLOWED");
    for text in [
        format!("Your active configuration is: [prod]\n{list}\n"),
        format!("$ gcloud compute firewall-rules list --format=json\n{list}\n$ \n"),
        format!("Your active configuration is: [prod]\n{deny}\n"),
        format!("{list}\n\nTo take a quick anonymous survey, run:\n  $ gcloud survey\n"),
        format!("WARNING: Some requests did not succeed.\n{list}\n"),
    ] {
        check(&[("deny.json", &text)], "DENIED");
    }
    // Rules a line each, too.
    let line =
        format!("{}\n\nTo take a quick anonymous survey, run:\n  $ gcloud survey\n", self::deny());
    check(&[("deny.ndjson", &line)], "DENIED");
    // What stands behind the entries of a log, too.
    let log = value!([logged()]).to_string();
    for text in [
        format!("{log}\n{deny}\n"),
        format!("{log}\n$ gcloud compute firewall-rules describe deny-all\n{deny}\n"),
        format!("{log}\nfirewall rules:\n{list}\n"),
    ] {
        check(&[("paste.json", &text)], "DENIED");
    }
}

fn logged() -> Value {
    denied("10.0.0.1", "10.0.0.2", 22, "r", "INGRESS", "v")
}

/// What cannot be read and names rules may be of any network that is known, where nothing of it was
/// read; what names none is no rule that is lost.
#[test]
fn what_names_rules_and_cannot_be_read_may_decide() {
    let deny = format!("{:#}", deny());
    let quoted: String = deny.lines().map(|line| format!("> {line}\n")).collect();
    check(&[("mail.txt", &quoted)], "UNDETERMINED");
    let coloured = deny.replace(": ", "\u{1b}[0m: ").replace("{\n", "\u{1b}[1;39m{\n");
    check(&[("deny.json", &coloured)], "UNDETERMINED");
    let end = deny.len() / 2;
    check(&[("deny.json", deny.get(..end).unwrap())], "UNDETERMINED");
    // Behind a rule that is whole another one is cut.
    let other = rule(
        "other",
        value!({"sourceRanges": ["10.0.0.0/8"],
        "allowed": [{"IPProtocol": "tcp"}]}),
    );
    let banner = "Your active configuration is: [prod]";
    let cut = format!("{banner}\n{other:#}\n{}", deny.get(..end).unwrap());
    check(&[("rules.txt", &cut)], "UNDETERMINED");
    check(
        &[("notes.md", "# Runbook\n\nAsk who owns the firewall before you touch it.\n")],
        "ALLOWED",
    );
    check(
        &[("cut.json", "[{\"kind\": \"compute#route\", \"name\": \"r\"},\n{\"kind\": \"comp")],
        "ALLOWED",
    );
    // Lines in brackets are no lists, and however many begin a value none is looked at twice.
    let lines = format!("notes\n{}", "[INFO] started\n".repeat(3)) + &"{\n".repeat(200_000);
    let scratch = folder(&[("allow.json", allow().as_bytes()), ("notes.txt", lines.as_bytes())]);
    let report = json(&["check", scratch.path().to_str().unwrap()]);
    let told = report["complaints"].to_string();
    assert!(!told.contains("syntax error") && told.len() < 1_000, "{told}");
    // An entry of the log that holds a rule is an entry.
    let entry = value!({"logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity",
        "protoPayload": {"request": {"targetTags": ["x"], "sourceRanges": ["0.0.0.0/0"]}}});
    let entry = entry.to_string();
    let cut = entry.get(..entry.len() - 9).unwrap();
    check(&[("log.json", &format!("{}\n{cut}\n", logged()))], "ALLOWED");
}

/// Several files in one are not read as one.
#[test]
fn archives_are_named_and_not_read() {
    let mut tar = vec![0_u8; 1024];
    tar[..9].copy_from_slice(b"rules.txt");
    tar[257..262].copy_from_slice(b"ustar");
    tar.extend(deny().to_string().bytes());
    let zip = b"PK\x03\x04rest".to_vec();
    for (bytes, what) in [(tar, "a tar archive"), (zip, "a zip archive")] {
        let allow = allow();
        let scratch = folder(&[("allow.json", allow.as_bytes()), ("all.bin", &bytes)]);
        let output = run(&["why", "203.0.113.7", "10.0.0.5:22", scratch.path().to_str().unwrap()]);
        let told = stderr(&output);
        assert!(told.contains(what) && told.contains("unpack it"), "{told}");
        let report = json(&["check", scratch.path().to_str().unwrap()]);
        let complaints = report["complaints"].to_string();
        assert!(complaints.contains(what), "{complaints}");
    }
}

/// Answers that have no place for what could not be read say it beside.
#[test]
fn what_could_not_be_read_is_told_by_every_command() {
    let allow = allow();
    let scratch = folder(&[("allow.json", allow.as_bytes()), ("cut.json", b"[{\"kind\": \"x")]);
    let path = scratch.path().to_str().unwrap();
    for command in [
        &["why", "203.0.113.7", "10.0.0.5:22", path][..],
        &["reach", path],
        &["stats", "--rules", path],
        &["inventory", path],
        &["path", "10.0.0.5", "gcr.io", path],
        &["triage", "--format", "csv", path],
    ] {
        let told = stderr(&run(command));
        assert!(told.contains("cut.json:1: the value has no end"), "{command:?}: {told}");
    }
    let told = stderr(&run(&["triage", "--format", "json", path]));
    assert!(!told.contains("cut.json"), "{told}");
}

/// Selected by `--format="json(targetTags.list())"`, a list is one text; a table has empty ones.
#[test]
fn lists_that_became_text_are_lists() {
    let tagged = |tags: Value| {
        let fields = value!({"priority": 100, "denied": [{"IPProtocol": "all"}],
            "sourceRanges": ["0.0.0.0/0"], "targetTags": tags});
        rule("tagged", fields).to_string()
    };
    let asked = |text: &str, tags: &str| {
        let allow = allow();
        let scratch = folder(&[("allow.json", allow.as_bytes()), ("t.json", text.as_bytes())]);
        let tags = format!("--target-tags={tags}");
        let path = scratch.path().to_str().unwrap();
        let asked = ["sim", "--direction", "INGRESS", "--from", "203.0.113.7", "--to", "10.0.0.5"];
        let rest = ["--protocol", "tcp", "--port", "22", "--network", "n", "-c", path, &tags];
        let output = run(&[&asked[..], &rest, &["--format", "json"]].concat());
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["verdict"].clone()
    };
    for tags in [value!(["a", "b"]), value!("a,b"), value!("a, b"), value!(["a,b"])] {
        assert_eq!(asked(&tagged(tags.clone()), "b"), "DENIED", "{tags}");
        assert_eq!(asked(&tagged(tags), "c"), "ALLOWED");
    }
    for none in [value!([]), value!(""), value!([""]), Value::Null] {
        assert_eq!(asked(&tagged(none.clone()), "c"), "DENIED", "{none}");
    }
    // An empty text beside what the rule allows denies nothing.
    let both = rule(
        "both",
        value!({"priority": 50, "denied": "", "sourceRanges": ["0.0.0.0/0"],
        "allowed": [{"IPProtocol": "tcp"}]}),
    );
    assert_eq!(asked(&both.to_string(), "c"), "ALLOWED");
}

/// Assets keep their resource as an object, or, in BigQuery, as a text of JSON; not all say their
/// kind inside.
#[test]
fn assets_are_read_in_both_forms() {
    let mut data = deny();
    let bare = data.as_object_mut().unwrap();
    bare.remove("kind");
    let asset = |data: Value| {
        value!({"name": "//compute.googleapis.com/projects/p/global/firewalls/deny-all",
            "asset_type": "compute.googleapis.com/Firewall", "resource": {"data": data}})
        .to_string()
    };
    check(&[("assets.ndjson", &asset(data.clone()))], "DENIED");
    check(&[("assets.ndjson", &asset(Value::from(data.to_string())))], "DENIED");
    let service = value!({"name": "//container.googleapis.com/…/services/s",
        "asset_type": "k8s.io/Service", "resource": {"data": {
            "metadata": {"name": "s", "namespace": "d"}, "spec": {"ports": [{"port": 80}]}}}});
    assert_eq!(Inputs::of(&[service]).triage()["inventory"]["services"], 1);
}

/// What was not selected is not known: the network of a VM's interface, and the tags of a pool.
#[test]
fn what_was_not_selected_is_not_known() {
    let web = rule(
        "web",
        value!({"sourceRanges": ["192.168.0.0/16"], "targetTags": ["web"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}]}),
    );
    let vm = value!({"kind": "compute#instance", "name": "vm-1", "tags": {"items": ["web"]},
        "networkInterfaces": [{"networkIP": "10.0.0.9"}]});
    let inputs = Inputs::of(&[web.clone(), deny_all(value!({})), subnet(value!({})), vm]);
    assert_eq!(inputs.why("192.168.1.5", "10.0.0.9:443", "INGRESS").0, "ALLOWED");
    let pools = |pool: Value| {
        let own = cluster("c", value!({"nodePools": [pool]}));
        let all = [own, subnet(value!({})), web.clone(), deny_all(value!({}))];
        let inputs = Inputs::of(&all);
        let answer = json(&["why", "192.168.1.5", "10.0.0.7:443", inputs.path()]);
        let asked = answer["asked"].as_array().unwrap();
        let own = asked.iter().find(|side| side["direction"] == "INGRESS").unwrap();
        own["decision"]["verdict"].clone()
    };
    assert_eq!(pools(value!({"name": "pool", "config": {"tags": ["web"]}})), "ALLOWED");
    assert_eq!(pools(value!({"name": "pool", "config": {}})), "DENIED");
    assert_eq!(pools(value!({"name": "pool"})), "UNDETERMINED");
}

/// The log names a rule that may be the one: nothing disagrees.
#[test]
fn what_may_be_so_is_no_disagreement() {
    let web = rule(
        "deny-web",
        value!({"priority": 500, "denied": [{"IPProtocol": "tcp"}],
        "sourceRanges": ["0.0.0.0/0"], "targetTags": ["web"]}),
    );
    let log = denied("10.9.0.1", "10.0.0.11", 22, "deny-web", "INGRESS", "vm-1");
    let vm = |tags: &[&str]| {
        value!({"kind": "compute#instance", "name": "vm-1", "tags": {"items": tags},
            "networkInterfaces": [{"network": "projects/p/global/networks/n",
                                   "networkIP": "10.0.0.11"}],
            "selfLink": "https://x/projects/p/zones/z/instances/vm-1"})
    };
    let told = |more: &[Value]| {
        let all = [&[web.clone(), log.clone(), deny_all(value!({}))][..], more].concat();
        findings(&Inputs::of(&all).triage(), "snapshot-disagrees").len()
    };
    assert_eq!(told(&[]), 0);
    assert_eq!(told(&[vm(&["web"])]), 0);
    assert_eq!(told(&[vm(&[])]), 1);
}

/// The rule that lets ssh in, in a list of the API's that says this besides.
fn list(around: Value) -> String {
    let mut list = value!({"kind": "compute#firewallList", "id": "projects/p/global/firewalls",
        "items": [serde_json::from_str::<Value>(&allow()).unwrap()]});
    list.as_object_mut().unwrap().extend(around.as_object().unwrap().clone());
    format!("{list:#}")
}

/// What a page of a list does not hold may be on the next one. Elements that tell their kind are
/// read one by one, others are not.
#[test]
fn a_page_of_a_list_is_not_the_list() {
    let asked = |files: &[&str]| {
        let scratch = texts(files);
        let path = scratch.path().to_str().unwrap();
        let verdict = ssh("203.0.113.7", &["-c", path])["verdict"].clone();
        let report = json(&["check", path]);
        let rest = |what: &str| report[what].to_string().contains("a list");
        let told = (rest("complaints"), rest("blind_spots"));
        assert_eq!(told.0, told.1, "{report:#}");
        (verdict.as_str().unwrap().to_owned(), told.0)
    };
    let (allowed, open) = (("ALLOWED".to_owned(), false), ("UNDETERMINED".to_owned(), true));
    let bare = |text: &str| text.replace("\"kind\": \"compute#firewall\",", "");
    // The token may stand before the list, too, and a whole list may have empty ones.
    let first = list(value!({"nextPageToken": "CkgK"}));
    let head = list(value!({})).replacen('{', "{\"nextPageToken\": \"CkgK\",", 1);
    let empty = list(value!({"nextPageToken": "", "unreachables": []}));
    for shape in [str::to_owned, bare] {
        assert_eq!(asked(&[&shape(&list(value!({})))]), allowed);
        assert_eq!(asked(&[&shape(&empty)]), allowed);
        assert_eq!(asked(&[&shape(&first)]), open);
        assert_eq!(asked(&[&shape(&head)]), open);
        assert_eq!(asked(&[&shape(&format!("[{first},\n{first}]"))]), open);
        // With the last page it is whole, in one file or in two.
        let last = list(value!({}));
        assert_eq!(asked(&[&shape(&first), &shape(&last)]), allowed);
        assert_eq!(asked(&[&shape(&format!("[{first},\n{last}]"))]), allowed);
        let other = last.replace("projects/p/global/firewalls\"", "projects/q/global/firewalls\"");
        assert_eq!(asked(&[&shape(&first), &shape(&other)]), open);
    }
    // What could not be reached is on no other page.
    let cut = list(value!({"warning": {"code": "UNREACHABLE", "message": "x"}}));
    assert_eq!(asked(&[&cut]), open);
    assert_eq!(asked(&[&cut, &list(value!({}))]), open);
    let none = list(value!({"warning": {"code": "NO_RESULTS_ON_PAGE"}}));
    assert_eq!(asked(&[&none]), allowed);
    let scopes = |code: &str| {
        value!({"kind": "compute#firewallPolicyAggregatedList", "items": {
            "regions/r": {"warning": {"code": code}}}})
        .to_string()
    };
    assert_eq!(asked(&[&allow(), &scopes("UNREACHABLE")]), open);
    assert_eq!(asked(&[&allow(), &scopes("NO_RESULTS_ON_PAGE")]), allowed);
    // Another warning is of what is there.
    assert_eq!(asked(&[&list(value!({"warning": {"code": "DEPRECATED_RESOURCE_USED"}}))]), allowed);
    // Without an id nobody knows whether two files are of one answer; in one file they are.
    let bare = |text: &str| text.replace("\"id\": \"projects/p/global/firewalls\",", "");
    let last = list(value!({}));
    assert_eq!(asked(&[&bare(&first), &bare(&last)]), open);
    assert_eq!(asked(&[&bare(&format!("[{first},\n{last}]"))]), allowed);
    // Lists of other things, whether they say so or not.
    for other in [
        value!({"kind": "storage#objects", "items": [{"kind": "storage#object", "name": "a"}]}),
        value!({"items": [{"kind": "storage#object", "name": "a"}]}),
        value!({"items": [{"name": "a"}]}),
    ] {
        let mut page = other.clone();
        page["nextPageToken"] = value!("x");
        check(&[("other.json", &page.to_string())], "ALLOWED");
    }
    // A list of what decides nothing.
    let disks = value!({"kind": "compute#diskList", "items": [], "nextPageToken": "x"}).to_string();
    check(&[("disks.json", &disks)], "ALLOWED");
}

fn texts(of: &[impl AsRef<str>]) -> tempfile::TempDir {
    let name = |at: usize| format!("{at}.json");
    let named: Vec<(String, &[u8])> =
        of.iter().enumerate().map(|(at, text)| (name(at), text.as_ref().as_bytes())).collect();
    folder(&named.iter().map(|(name, text)| (name.as_str(), *text)).collect::<Vec<_>>())
}

/// What is not on a page is not missing.
#[test]
fn nothing_is_missing_that_may_be_on_the_next_page() {
    let network = value!({"kind": "compute#network", "name": "n",
        "selfLink": "https://x/projects/p/global/networks/n"});
    let route = |to: &str, gateway: &str| {
        value!({"name": format!("to-{}", to.len()), "destRange": to, "priority": 1000,
            "network": "https://x/projects/p/global/networks/n",
            "nextHopGateway": format!("https://x/projects/p/global/gateways/{gateway}")})
    };
    let zone = value!({"name": "gcr", "dnsName": "gcr.io.", "visibility": "private",
        "privateVisibilityConfig": {"networks": [{"networkUrl": "projects/p/global/networks/n"}]}});
    let record =
        |name: &str| value!({"name": name, "type": "A", "ttl": 300, "rrdatas": ["199.36.153.8"]});
    let router = value!({"name": "far", "network": "projects/p/global/networks/n",
        "region": "regions/far", "nats": [{"name": "nat", "natIpAllocateOption": "AUTO_ONLY",
            "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}]});
    let own = subnet(value!({"privateIpGoogleAccess": false}));
    let default = route("0.0.0.0/0", "default-internet-gateway");
    let lists = [
        ("route", "route", "8.8.8.8", vec![route("9.9.9.0/24", "default-internet-gateway")]),
        ("nat", "router", "8.8.8.8", vec![router]),
        ("name", "", "gcr.io", vec![record("other.gcr.io.")]),
    ];
    for (link, kind, host, items) in lists {
        for (token, state) in [("", "broken"), ("x", "not-given")] {
            let list = match kind {
                "" => value!({"rrsets": items, "nextPageToken": token}),
                _ => value!({"kind": format!("compute#{kind}List"), "items": items,
                    "nextPageToken": token}),
            };
            let mut all = vec![network.clone(), own.clone(), list];
            match link {
                "nat" => all.push(value!([default])),
                "name" => all.push(value!({"managedZones": [zone]})),
                _ => {}
            }
            let inputs = texts(&all.iter().map(Value::to_string).collect::<Vec<_>>());
            let path = json(&["path", "10.0.0.5", host, inputs.path().to_str().unwrap()]);
            let links = path["links"].as_array().unwrap();
            let found = links.iter().find(|one| one["kind"] == link).unwrap();
            assert_eq!(found["state"], state, "{path:#}");
        }
    }
    // Nor does anybody know that no zone answers for a name.
    for (token, state) in [("", "ok"), ("x", "not-given")] {
        let zones = value!({"managedZones": [zone], "nextPageToken": token}).to_string();
        let inputs = texts(&[network.to_string(), own.to_string(), zones]);
        let path = json(&["path", "10.0.0.5", "example.com", inputs.path().to_str().unwrap()]);
        assert_eq!(path["links"][0]["state"], state, "{path:#}");
    }
    // A Service whose pods may be on it has them, for all that is known.
    let hook = value!({"apiVersion": "admissionregistration.k8s.io/v1", "kind":
        "ValidatingWebhookConfiguration", "metadata": {"name": "g"}, "webhooks": [{"name": "g.x.io",
            "clientConfig": {"service": {"name": "g", "namespace": "g", "port": 443}}}]});
    let service = value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "g",
        "namespace": "g"}, "spec": {"selector": {"app": "g"}, "ports": [{"port": 443}]}});
    let pod = |name: &str| {
        value!({"metadata": {"name": name, "namespace": "g", "labels": {"app": name}},
            "spec": {"containers": []}})
    };
    for (metadata, count) in
        [(value!({}), 1), (value!({"continue": "x"}), 0), (value!({"remainingItemCount": 7}), 0)]
    {
        let pods = value!({"apiVersion": "v1", "kind": "PodList", "metadata": metadata,
            "items": [pod("h"), pod("i")]});
        let all = [cluster("c", value!({})), hook.clone(), service.clone(), pods];
        let report = Inputs::of(&all).triage();
        assert_eq!(findings(&report, "webhook-backend-missing").len(), count, "{report:#}");
    }
}

/// Objects of Kubernetes are asked for by name, by label, by namespace, and blackened before they
/// are passed on: what is not among them, or could not be read, is not missing.
#[test]
fn a_part_of_the_objects_is_not_all_of_them() {
    let hook = value!({"apiVersion": "admissionregistration.k8s.io/v1", "kind":
        "ValidatingWebhookConfiguration", "metadata": {"name": "g"}, "webhooks": [{"name": "g.x.io",
            "clientConfig": {"service": {"name": "g", "namespace": "g", "port": 443}}}]});
    let service = |name: &str, labels: Value, spec: Value| {
        let mut one = value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name,
            "namespace": "g", "uid": name, "labels": labels},
            "spec": {"selector": {"app": name}, "ports": [{"port": 443, "targetPort": 8443}]}});
        for (key, value) in spec.as_object().unwrap() {
            one["spec"][key] = value.clone();
        }
        one
    };
    let pod = |name: &str, labels: Value| {
        value!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "g",
            "labels": labels}, "spec": {"containers": []}})
    };
    let slice = |fields: Value| {
        let mut one = value!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "g-1", "namespace": "g", "labels": {"kubernetes.io/service-name": "g"}},
            "addressType": "IPv4", "ports": [{"port": 8443, "protocol": "TCP"}]});
        one.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        one
    };
    let missing = |objects: &[Value]| {
        let all = [&[cluster("c", value!({})), subnet(value!({})), hook.clone()], objects].concat();
        let report = Inputs::of(&all).triage();
        let found = findings(&report, "webhook-backend-missing");
        found.iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let own = || service("g", value!({}), value!({}));
    // Pods.
    let unlike = [pod("a", value!({"app": "a"})), pod("b", value!({"app": "b"}))];
    let alike = [pod("a", value!({"app": "a"})), pod("b", value!({"app": "a"}))];
    assert_eq!(missing(&[&[own()][..], &unlike].concat()).len(), 1);
    assert_eq!(missing(&[&[own()][..], &alike].concat()), [""; 0], "by a label");
    assert_eq!(missing(&[own(), unlike[0].clone()]), [""; 0], "by a name");
    // Endpoints.
    assert_eq!(missing(&[own(), slice(value!({"endpoints": null}))]).len(), 1);
    for unread in [
        value!({}),
        value!({"endpoints": [{"addresses": ["10.x.x.5"], "conditions": {"ready": true}}]}),
        value!({"addressType": "FQDN", "endpoints": [{"addresses": ["gate.example.com"]}]}),
    ] {
        assert_eq!(missing(&[own(), slice(unread.clone())]), [""; 0], "{unread}");
    }
    // Ports.
    let with = |ports: Value| missing(&[service("g", value!({}), value!({ "ports": ports }))]);
    assert_eq!(with(value!([{"port": 80}])).len(), 1);
    for ports in [value!(null), value!([{"port": "44x"}]), value!([{"port": 80}, {"name": "x"}])] {
        assert_eq!(with(ports.clone()), [""; 0], "{ports}");
    }
    // Services.
    let other = |name: &str, labels: Value| service(name, labels, value!({}));
    let unlike = [other("a", value!({})), other("b", value!({"x": "y"}))];
    assert_eq!(missing(&unlike).len(), 1);
    assert_eq!(missing(&unlike[..1]), [""; 0]);
    let alike = [other("a", value!({"x": "y"})), other("b", value!({"x": "y"}))];
    assert_eq!(missing(&alike), [""; 0], "by a label");
    let mut manifests = unlike;
    for one in &mut manifests {
        one["metadata"].as_object_mut().unwrap().remove("uid");
    }
    assert_eq!(missing(&manifests), [""; 0], "manifests are what somebody put together");
}

/// What a cluster has counts, and not what a manifest beside it would have it be; two answers that
/// are not alike are none.
#[test]
fn the_clusters_own_object_goes_before_a_manifest() {
    let hook = value!({"apiVersion": "admissionregistration.k8s.io/v1", "kind":
        "ValidatingWebhookConfiguration", "metadata": {"name": "g"}, "webhooks": [{"name": "g.x.io",
            "clientConfig": {"service": {"name": "g", "namespace": "g", "port": 443}}}]});
    let service = |port: u16, uid: Value| {
        value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "g", "namespace": "g",
            "uid": uid}, "spec": {"selector": {"app": "g"}, "ports": [{"port": 443, "targetPort": port}]}})
    };
    let ports = |objects: &[Value]| {
        let all = [&[cluster("c", value!({})), subnet(value!({})), hook.clone()], objects].concat();
        let inputs = Inputs::of(&[&all[..], &own_rules()].concat());
        let needs = json(&["reach", inputs.path()])["needs"].as_array().unwrap().clone();
        let own = needs.iter().find(|one| one["reason"].as_str().unwrap().contains("g.x.io"));
        own.unwrap()["port"].clone()
    };
    let (live, manifest) = (service(9443, value!("u")), service(8443, value!(null)));
    assert_eq!(ports(&[live.clone(), manifest.clone()]), 9443);
    assert_eq!(ports(&[manifest.clone(), live.clone()]), 9443);
    assert_eq!(ports(&[live, service(7443, value!("u"))]), Value::Null);
    assert_eq!(ports(&[manifest, service(7443, value!(null))]), Value::Null);
}

/// Of an export that lacks what the API always writes nobody knows what else was not selected; of a
/// rule without direction, whether it is one for this direction.
#[test]
fn fields_that_were_not_selected_are_not_their_defaults() {
    let asked = |gone: &[&str], more: Value| {
        let fields = value!({"priority": 100, "denied": [{"IPProtocol": "all"}], "disabled": false,
            "sourceRanges": ["0.0.0.0/0"]});
        let mut deny = rule("deny", fields);
        let members = deny.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        members.retain(|key, _| !gone.contains(&key.as_str()));
        let inputs = Inputs::of(&[serde_json::from_str(&allow()).unwrap(), deny]);
        let verdict = ssh("203.0.113.7", &["-c", inputs.path()])["verdict"].clone();
        let report = json(&["check", inputs.path()]);
        (verdict.as_str().unwrap().to_owned(), report["complaints"].to_string())
    };
    let id = value!({"id": "7011"});
    assert_eq!(asked(&[], id.clone()), ("DENIED".to_owned(), "[]".to_owned()));
    // Cloud Asset Inventory leaves it out where it is false.
    assert_eq!(asked(&["disabled"], id.clone()).0, "DENIED");
    for gone in ["direction", "priority", "sourceRanges"] {
        let (verdict, complaints) = asked(&[gone], id.clone());
        assert_eq!(verdict, "UNDETERMINED", "{gone}");
        assert!(complaints.contains("not said"), "{gone}: {complaints}");
    }
    // A link, or the kind, is enough to tell that a priority was not selected.
    assert_eq!(asked(&["priority"], value!({})).0, "UNDETERMINED");
    assert_eq!(asked(&["priority", "kind"], value!({"selfLink": "x/deny"})).0, "UNDETERMINED");
    // Written by hand the API's defaults hold, but for a rule that may be either way.
    assert_eq!(asked(&["priority", "kind"], value!({})).0, "ALLOWED");
    for gone in ["direction", "disabled", "sourceRanges"] {
        assert_eq!(asked(&[gone], value!({})).0, "DENIED", "{gone}");
    }
    // A link tells that whom it is for was not selected.
    let linked = value!({"selfLink": "x/deny"});
    assert_eq!(asked(&["sourceRanges"], linked).0, "UNDETERMINED");
    // What cannot be read is no default.
    for more in [value!({"direction": ["INGRESS"]}), value!({"targetServiceAccounts": [null]})] {
        assert_eq!(asked(&[], more.clone()).0, "UNDETERMINED", "{more}");
    }
    let to = value!({"destinationRanges": ["10.0.0.0/8"]});
    assert_eq!(asked(&["direction"], to.clone()).0, "UNDETERMINED");
    assert_eq!(asked(&["direction", "sourceRanges"], to.clone()).0, "UNDETERMINED");
    assert_eq!(asked(&["direction", "sourceRanges"], value!({})).0, "UNDETERMINED");
    assert_eq!(asked(&[], to).0, "DENIED");
}

/// Beside the whole export a selection of its fields says nothing new.
#[test]
fn a_selection_beside_the_whole_doubts_nothing() {
    let fields = value!({"id": "7011", "direction": "EGRESS", "priority": 100, "disabled": false,
        "denied": [{"IPProtocol": "all"}], "destinationRanges": ["0.0.0.0/0"]});
    let whole = rule("out", fields);
    let mut part = whole.clone();
    part.as_object_mut()
        .unwrap()
        .retain(|key, _| !["direction", "disabled"].contains(&key.as_str()));
    let asked = |rules: &[Value]| {
        let inputs = Inputs::of(rules);
        let answer = inputs.why("10.0.0.5", "8.8.8.8:53", "EGRESS");
        (answer.0, json(&["check", inputs.path()])["complaints"].as_array().unwrap().len())
    };
    assert_eq!(asked(&[whole.clone(), part.clone()]), ("DENIED".to_owned(), 0));
    assert_eq!(asked(&[part.clone(), whole.clone()]), ("DENIED".to_owned(), 0));
    assert_eq!(asked(std::slice::from_ref(&part)).0, "UNDETERMINED");
    // Another port is another day's.
    part["denied"] = value!([{"IPProtocol": "tcp"}]);
    assert_eq!(asked(&[whole, part]).0, "UNDETERMINED");
}

/// What no rule of an input says is told.
#[test]
fn what_no_rule_says_is_a_blind_spot() {
    let spots = |rules: &[Value]| {
        let report = json(&["check", Inputs::of(rules).path()]);
        let spots = report["blind_spots"].as_array().unwrap();
        let told = spots.iter().filter_map(|spot| spot["detail"].as_str());
        told.filter(|detail| detail.contains("no firewall rule there")).count()
    };
    let fields = |more: Value| {
        let mut rule = rule(
            "r",
            value!({"sourceRanges": ["10.0.0.0/8"],
            "allowed": [{"IPProtocol": "tcp"}]}),
        );
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rule
    };
    let mut unsaid = fields(value!({"name": "s"}));
    unsaid.as_object_mut().unwrap().remove("priority");
    let said = fields(value!({"disabled": false}));
    // Old exports leave that out, and Cloud Asset Inventory where it is false.
    assert_eq!(spots(&[fields(value!({}))]), 0);
    assert_eq!(spots(std::slice::from_ref(&unsaid)), 1);
    assert_eq!(spots(std::slice::from_ref(&said)), 0);
    assert_eq!(spots(&[unsaid, said]), 0);
}

/// A route without next hop leads nobody knows where, and a private zone of which nobody says who
/// sees it is not unseen.
#[test]
fn routes_and_zones_without_what_decides_are_open() {
    let network = value!({"kind": "compute#network", "name": "n",
        "selfLink": "https://x/projects/p/global/networks/n"});
    let route = |more: Value| {
        let mut route = value!({"kind": "compute#route", "name": "r", "destRange": "0.0.0.0/0",
            "network": "projects/p/global/networks/n", "priority": 1000});
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        route
    };
    let zone = |more: Value| {
        let mut zone = value!({"name": "gcr", "dnsName": "gcr.io."});
        zone.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value!({"managedZones": [zone]})
    };
    let state = |kind: &str, host: &str, more: Value| {
        let own = subnet(value!({"privateIpGoogleAccess": true}));
        let all = [network.clone(), own, more].map(|one| one.to_string());
        let inputs = texts(&all);
        let path = json(&["path", "10.0.0.5", host, inputs.path().to_str().unwrap()]);
        let links = path["links"].as_array().unwrap();
        links.iter().find(|one| one["kind"] == kind).unwrap()["state"].clone()
    };
    let gateway = value!({"nextHopGateway": "projects/p/global/gateways/default-internet-gateway"});
    assert_eq!(state("route", "199.36.153.9", route(gateway)), "ok");
    assert_eq!(state("route", "199.36.153.9", route(value!({"nextHopIp": "10.0.0.9"}))), "broken");
    assert_eq!(state("route", "199.36.153.9", route(value!({}))), "not-given");
    let private = value!({"visibility": "private"});
    let whole = value!({"visibility": "private", "id": "1"});
    let elsewhere = value!({"visibility": "private", "privateVisibilityConfig": {"networks": []}});
    for (zone, expected) in [
        (zone(private), "undetermined"),
        (zone(value!({})), "undetermined"),
        (zone(whole), "broken"),
        (zone(elsewhere), "broken"),
        (zone(value!({"visibility": "public"})), "ok"),
    ] {
        assert_eq!(state("name", "gcr.io", zone.clone()), expected, "{zone}");
    }
}

/// A rule that says neither what it allows nor what it denies, or both, may do either.
#[test]
fn rules_of_unknown_action_may_do_either() {
    let ssh_rule = |fields: Value| {
        let mut rule = rule("x", value!({"priority": 100, "sourceRanges": ["0.0.0.0/0"]}));
        rule.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        rule
    };
    let ssh = value!([{"IPProtocol": "tcp", "ports": ["22"]}]);
    let cases = [
        (value!({}), "UNDETERMINED"),
        (value!({"allowed": []}), "UNDETERMINED"),
        (value!({"allowed": ssh, "denied": ssh}), "UNDETERMINED"),
        (value!({"allowed": ssh, "denied": []}), "ALLOWED"),
        (value!({"denied": ssh}), "DENIED"),
        // Of equal rank it may be the deny that wins.
        (value!({"priority": 900}), "UNDETERMINED"),
    ];
    for (fields, verdict) in cases {
        let own = ssh_rule(fields.clone()).to_string();
        check(&[("own.json", &own)], verdict);
        // Alone, too: what it may let pass is not denied for certain.
        let inputs = Inputs::of(&[
            ssh_rule(fields),
            rule(
                "other",
                value!({"priority": 2000,
            "allowed": [{"IPProtocol": "udp"}], "sourceRanges": ["10.0.0.0/8"]}),
            ),
        ]);
        let alone = common::ssh("203.0.113.7", &["-c", inputs.path()])["verdict"].clone();
        assert_eq!(alone, verdict);
    }
}

/// Names that are made when a plan is applied are not known, and the rules are.
#[test]
fn rules_without_a_name_decide() {
    let mut nameless = deny();
    nameless.as_object_mut().unwrap().remove("name");
    check(&[("deny.json", &nameless.to_string())], "DENIED");
    // Two of them are two.
    let mut other = nameless.clone();
    other["denied"] = value!([{"IPProtocol": "udp"}]);
    check(&[("two.json", &value!([other, nameless]).to_string())], "DENIED");
    let values = value!({"project": "p", "network": "projects/p/global/networks/n",
        "direction": "INGRESS", "priority": 100, "disabled": false, "allow": [],
        "deny": [{"protocol": "tcp", "ports": ["22"]}], "source_ranges": ["0.0.0.0/0"]});
    let plan = value!({"format_version": "1.2", "planned_values": {"root_module": {"resources": [
        {"address": "google_compute_firewall.d", "mode": "managed", "name": "d",
         "type": "google_compute_firewall", "values": values}]}},
        "resource_changes": [{"address": "google_compute_firewall.d", "mode": "managed",
            "type": "google_compute_firewall", "name": "d", "change": {"actions": ["create"],
                "before": null, "after": values, "after_unknown": {"name": true}}}]});
    check(&[("plan.json", &plan.to_string())], "DENIED");
    let scratch = texts(&[allow(), plan.to_string()]);
    let told = common::stdout(&run(&[
        "why",
        "203.0.113.7",
        "10.0.0.5:22",
        "--network",
        "n",
        scratch.path().to_str().unwrap(),
    ]));
    assert!(told.contains("without a name at"), "{told}");
}

/// What lacks its kind, its version or its name, and speaks as a rule does, may be one.
#[test]
fn what_speaks_as_a_rule_may_be_one() {
    let manifest = "apiVersion: compute.cnrm.cloud.google.com/v1beta1\nkind: ComputeFirewall\n\
         metadata: {name: deny}\nspec:\n  networkRef: {external: projects/p/global/networks/n}\n  \
         priority: 100\n  deny: [{protocol: tcp}]\n  sourceRanges: [0.0.0.0/0]\n";
    check(&[("m.yaml", manifest)], "DENIED");
    for line in [
        "apiVersion: compute.cnrm.cloud.google.com/v1beta1\n",
        "kind: ComputeFirewall\n",
        "metadata: {name: deny}\n",
    ] {
        let cut = manifest.replace(line, "");
        assert_ne!(cut, manifest);
        check(&[("m.yaml", &cut)], "UNDETERMINED");
    }
    // Cut in its middle, a manifest is one of its kind still.
    for end in ["metadata", "name: deny", "spec", "  deny"] {
        let cut = manifest.split_once(end).map_or(manifest, |(before, _)| before);
        check(&[("m.yaml", cut)], "UNDETERMINED");
    }
    let damaged = "{\"apiVersion\": \"compute.cnrm.cloud.google.com/v1beta1\", \"kind\": \
                   \"ComputeFirewall\", \"metadata\": {\"name\": \"deny\"}, \"spec\": {\"priority\": 1,,";
    check(&[("m.json", damaged)], "UNDETERMINED");
    check(&[("m.json", &damaged.replace("ComputeFirewall", "ComputeNetwork"))], "ALLOWED");
    let of_policy = manifest.replace("ComputeFirewall", "ComputeNetworkFirewallPolicyRule");
    check(&[("m.yaml", &of_policy)], "UNDETERMINED");
    let bare = value!({"name": "x", "network": "projects/p/global/networks/n", "priority": 100,
        "sourceRanges": ["0.0.0.0/0"]});
    check(&[("bare.json", &bare.to_string())], "UNDETERMINED");
    // YAML that ends within a rule.
    let cut = format!(
        "{}- allowed:\n  - IPProtocol: tcp\n    ports:\n    -",
        "- name: other\n  \
         network: projects/p/global/networks/n\n  direction: INGRESS\n  priority: 2000\n  \
         sourceRanges: [10.0.0.0/8]\n  allowed: [{IPProtocol: udp}]\n"
    );
    check(&[("cut.yaml", &cut)], "UNDETERMINED");
    // Words that others use, too.
    for other in [
        "service:\n  loadBalancerSourceRanges: [10.0.0.0/8]\n",
        "name: my-app\nsourceRanges: [10.0.0.0/8]\n",
        "name: pol\nallowed: [docker.io, gcr.io]\n",
    ] {
        check(&[("values.yaml", other)], "ALLOWED");
    }
    check(&[("app.json", "{\"id\":\"req-1\",\"allowed\":true,\"user\":\"x\"}\n")], "ALLOWED");
}

/// A port that the entry does not say is not port 0.
#[test]
fn an_entry_without_port_is_not_judged() {
    let mut entry = denied("10.9.0.1", "10.0.0.5", 22, "deny-all", "INGRESS", "v");
    let inputs = |entry: &Value| Inputs::of(&[entry.clone(), deny_all(value!({}))]).triage();
    assert_eq!(inputs(&entry)["complaints"], value!([]));
    entry["jsonPayload"]["connection"].as_object_mut().unwrap().remove("dest_port");
    let report = inputs(&entry);
    assert_eq!(report["log"]["denied"], 1);
    assert!(report["complaints"].to_string().contains("dest_port is missing"), "{report:#}");
    assert_eq!(report["findings"].as_array().unwrap().len(), 0, "{report:#}");
    // Nor where it fits the shape of others.
    let log: Vec<Value> = (0..40)
        .map(|at| {
            let mut one =
                denied(&format!("10.9.0.{at}"), "10.0.0.5", 22, "deny-all", "INGRESS", "v");
            one["jsonPayload"]["connection"].as_object_mut().unwrap().remove("dest_port");
            one
        })
        .collect();
    let report = Inputs::of(&log).triage();
    assert_eq!((&report["log"]["denied"], &report["findings"]), (&value!(40), &value!([])));
}

/// Zones of another project's networks are another list.
#[test]
fn zones_of_other_projects_are_not_this_ones() {
    let network = value!({"kind": "compute#network", "name": "n",
        "selfLink": "https://x/projects/p/global/networks/n"});
    for (project, state) in [("p", "ok"), ("q", "not-given")] {
        let zone = value!({"kind": "dns#managedZone", "name": "z", "dnsName": "zz.internal.",
            "visibility": "private", "privateVisibilityConfig": {"networks": [
                {"networkUrl": format!("https://x/projects/{project}/global/networks/other")}]}});
        let all = [network.clone(), subnet(value!({})), zone].map(|one| one.to_string());
        let inputs = texts(&all);
        let path = json(&["path", "10.0.0.5", "gcr.io", inputs.path().to_str().unwrap()]);
        assert_eq!(path["links"][0]["state"], state, "{path:#}");
    }
}

/// A file that was given twice tells nothing twice.
#[test]
fn a_copy_of_a_file_changes_nothing() {
    let record = value!({"kind": "dns#resourceRecordSet", "name": "gcr.io.", "type": "A",
        "ttl": 300, "rrdatas": ["10.9.9.9"]});
    let service = value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s",
        "namespace": "d"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}});
    let ingress = value!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "i", "namespace": "d"},
        "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}});
    let hook = value!({"apiVersion": "admissionregistration.k8s.io/v1", "kind":
        "ValidatingWebhookConfiguration", "metadata": {"name": "g"}, "webhooks": [{"name": "g.x.io",
            "clientConfig": {"service": {"name": "s", "namespace": "d", "port": 80}}}]});
    let zone = value!({"kind": "dns#managedZone", "name": "gcr", "dnsName": "gcr.io.",
        "visibility": "private", "privateVisibilityConfig": {"networks": [
            {"networkUrl": "projects/p/global/networks/n"}]}});
    let all: String = [
        record,
        service,
        ingress,
        hook,
        zone,
        cluster("c", value!({})),
        subnet(value!({})),
        deny_all(value!({})),
    ]
    .iter()
    .map(|one| format!("{one}\n"))
    .collect();
    let report = |files: &[&str]| {
        let scratch = texts(files);
        let report = json(&["check", "--fail-on", "never", scratch.path().to_str().unwrap()]);
        let told = |one: &Value| {
            (
                one["id"].clone(),
                one["title"].clone(),
                one["resources"].as_array().unwrap().len(),
                one["explanation"].as_array().unwrap().len(),
            )
        };
        let findings: Vec<_> = report["findings"].as_array().unwrap().iter().map(told).collect();
        (findings, report["inventory"]["services"].clone())
    };
    let once = report(&[&all]);
    assert!(once.0.len() > 2, "{once:#?}");
    assert_eq!(once, report(&[&all, &all]));
}

/// A cluster that does not say whose its network is is on the one that holds GKE's rules for it.
#[test]
fn a_cluster_is_on_the_network_that_holds_its_rules() {
    let shared = cluster("c", value!({"network": "n", "subnetwork": "s"}));
    let of = |project: &str, rule: &mut Value| {
        rule["network"] = value!(format!("projects/{project}/global/networks/n"));
    };
    let network = |project: &str| {
        value!({"kind": "compute#network", "name": "n",
            "selfLink": format!("https://x/projects/{project}/global/networks/n")})
    };
    let needed = |host: &str| {
        let mut rules = common::small::own_rules();
        rules.iter_mut().for_each(|rule| of(host, rule));
        let mut lone = rule(
            "lone",
            value!({"allowed": [{"IPProtocol": "icmp"}],
            "sourceRanges": ["10.0.0.0/8"]}),
        );
        of("p", &mut lone);
        let all = [&rules[..], &[lone, network("p"), network("host"), shared.clone()]].concat();
        let reach = json(&["reach", Inputs::of(&all).path()]);
        let needs = reach["needs"].as_array().unwrap().clone();
        let kubelet = needs.iter().find(|need| need["port"] == 10_250).unwrap();
        kubelet["verdict"].clone()
    };
    assert_eq!(needed("host"), "ALLOWED");
    assert_eq!(needed("p"), "ALLOWED");
    // Rules of another project's cluster of that name have another id.
    let mut other = common::small::own_rules();
    for rule in &mut other {
        of("host", rule);
        rule["name"] = value!(rule["name"].as_str().unwrap().replace("aaaaaaaa", "bbbbbbbb"));
    }
    let all = [&other[..], &[network("p"), network("host"), shared.clone()]].concat();
    let reach = json(&["reach", Inputs::of(&all).path()]);
    let kubelet = reach["needs"].as_array().unwrap().iter().find(|need| need["port"] == 10_250);
    assert_eq!(kubelet.unwrap()["verdict"], "UNDETERMINED");
}

/// A rule that is tried in the place of an exported one leaves the export whole.
#[test]
fn what_is_tried_is_no_export_and_ends_none() {
    let open =
        rule("a", value!({"allowed": [{"IPProtocol": "udp"}], "sourceRanges": ["10.0.0.0/8"]}));
    let all = [open.clone(), deny_all(value!({})), cluster("c", value!({})), subnet(value!({}))];
    let inputs = Inputs::of(&all);
    let mut tried = open;
    tried["priority"] = value!(800);
    let change = folder(&[("try.json", tried.to_string().as_bytes())]);
    let told = |more: &[&str]| {
        let report = json(&[&["check", "--fail-on", "never", inputs.path()], more].concat());
        let all = report["findings"].as_array().unwrap();
        all.iter().map(|one| one["check"].clone()).collect::<Vec<_>>()
    };
    let before = told(&[]);
    assert!(!before.is_empty());
    assert_eq!(told(&["--what-if", change.path().to_str().unwrap()]), before);
}

/// Names that are the same in thousands of namespaces are no copies, and cost no more.
#[test]
fn names_of_many_namespaces_are_many() {
    let service = |at: usize| {
        value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web",
            "namespace": format!("tenant-{at}")}, "spec": {"ports": [{"port": 80}]}})
    };
    let all: Vec<Value> = (0..3_000).map(service).collect();
    assert_eq!(Inputs::of(&all).triage()["inventory"]["services"], 3_000);
}

fn log() -> Vec<Value> {
    (1..=3)
        .map(|at| denied(&format!("10.9.0.{at}"), "10.0.0.5", 22, "deny-all", "INGRESS", "v"))
        .collect()
}

/// What a log holds: denied, unparsable, complaints.
fn counted(text: &str) -> (u64, u64, usize) {
    let scratch = texts(&[text]);
    let output = run(&["triage", "--format", "json", scratch.path().to_str().unwrap()]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = |key: &str| report["log"][key].as_u64().unwrap();
    (count("denied"), count("unparsable"), report["complaints"].as_array().unwrap().len())
}

/// A prompt, a notice, a title before a log is none of it, in whatever form the log is.
#[test]
fn what_stands_before_a_log_is_none_of_it() {
    let list = Value::from(log()).to_string();
    let yaml: String = log()
        .iter()
        .map(|entry| {
            format!(
                "---\ninsertId: {}\njsonPayload: {}\nlogName: {}\ntimestamp: {}\n",
                entry["insertId"], entry["jsonPayload"], entry["logName"], entry["timestamp"]
            )
        })
        .collect();
    let rows: String = (1..=3)
        .map(|at| format!("i{at},2026-10-14T09:00:00Z,10.9.0.{at},4000,10.0.0.5,22,6,DENIED\n"))
        .collect();
    let table = format!(
        "insertId,timestamp,jsonPayload.connection.src_ip,jsonPayload.connection.src_port,\
         jsonPayload.connection.dest_ip,jsonPayload.connection.dest_port,\
         jsonPayload.connection.protocol,jsonPayload.disposition\n{rows}"
    );
    for text in [&list, &yaml, &table] {
        assert_eq!(counted(text), (3, 0, 0), "{text}");
        for before in [
            "Your active configuration is: [cloudshell-1234]\n",
            "$ gcloud logging read 'resource.type=gce_subnetwork' --limit 3\n",
            "# denied, last hour\n",
            "Denied connections of the node pool:\n",
            "To take a quick anonymous survey, run:\n  $ gcloud survey\n\n",
        ] {
            assert_eq!(counted(&format!("{before}{text}")), (3, 0, 0), "{before}{text}");
        }
    }
    // Another table of the same entries, in another order of its columns.
    let other = "jsonPayload.connection.dest_ip,jsonPayload.connection.src_ip,\
                 jsonPayload.connection.dest_port,jsonPayload.connection.protocol,\
                 jsonPayload.disposition,insertId,timestamp,jsonPayload.connection.src_port\n\
                 10.0.0.5,10.9.0.9,22,6,DENIED,i9,2026-10-14T09:00:00Z,4000\n";
    assert_eq!(counted(&format!("{table}{other}")), (4, 0, 0));
    // Lines of JSON behind a table, which have as many commas as its rows or not.
    let lines: String = log().iter().map(|entry| format!("{entry}\n")).collect();
    assert_eq!(counted(&format!("{table}{lines}")), (6, 0, 0));
    // Counts of entries are none.
    let counts =
        "src_ip,dest_ip,dest_port,protocol,disposition,count\n10.9.0.1,10.0.0.5,22,6,DENIED,4000\n";
    assert_eq!(counted(counts), (1, 0, 1));
}

/// Errors and logs are pasted together, in any order and however many lines each has: both are read.
#[test]
fn errors_and_logs_are_read_beside_one_another() {
    let error = "Internal error occurred: failed calling webhook \"gate.example.com\": Post \
                 \"https://gate.gate.svc:443/v?timeout=10s\": context deadline exceeded\n";
    let status = "Response Body: {\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\
                  \"status\":\"Failure\",\"message\":\"Timeout\",\"reason\":\"Timeout\",\"code\":504}\n";
    let lines: String = log().iter().map(|entry| format!("{entry}\n")).collect();
    let list = serde_json::to_string_pretty(&Value::from(log())).unwrap() + "\n";
    let yaml: String = log()
        .iter()
        .map(|entry| {
            let (payload, id) = (&entry["jsonPayload"], &entry["insertId"]);
            format!(
                "---\ninsertId: {id}\njsonPayload: {payload}\ntimestamp: '2026-10-14T09:00:00Z'\n"
            )
        })
        .collect();
    let read = |text: &str| {
        let scratch = texts(&[text]);
        let report = json(&["triage", scratch.path().to_str().unwrap()]);
        let found = findings(&report, "webhook-port-blocked");
        let (denied, lost) = (&report["log"]["denied"], &report["log"]["unparsable"]);
        (denied.as_u64().unwrap(), lost.as_u64().unwrap(), found.len())
    };
    for log in [&lines, &list, &yaml] {
        assert_eq!(read(log), (3, 0, 0), "{log}");
        for errors in [
            error.to_owned(),
            error.repeat(40),
            format!("{error}{status}{error}"),
            error.repeat(800),
        ] {
            assert_eq!(read(&format!("{errors}{log}")), (3, 0, 1), "before {log}");
            assert_eq!(read(&format!("{log}{errors}")), (3, 0, 1), "behind {log}");
        }
    }
    // What a shell or a ticket puts behind the last document is none of it.
    for behind in ["me@host:~$\n", "```\n\nand so on\n", "Error: it failed\n"] {
        assert_eq!(read(&format!("$ gcloud logging read\n{yaml}{behind}")), (3, 0, 0), "{behind}");
    }
    // One line of JSON among errors makes no log of them.
    assert_eq!(read(&format!("{error}{status}{error}")), (0, 0, 1));
    // What was cut while it was written to begins with a hole.
    assert_eq!(read(&format!("{}{lines}", "\0".repeat(5_000))).0, 3);
}

/// Entries that were pasted one behind another on a line, and JSON behind them.
#[test]
fn what_stands_behind_a_pasted_entry_is_read() {
    let paste = |at: u8| {
        format!(
            "{{\n  insertId: \"p{at}\"\n  timestamp: \"2026-10-14T09:00:00Z\"\n  jsonPayload: {{\n    \
             connection: {{\n      src_ip: \"10.8.0.{at}\"\n      src_port: 4000\n      dest_ip: \
             \"10.0.0.5\"\n      dest_port: 22\n      protocol: 6\n    }}\n    disposition: \
             \"DENIED\"\n  }}\n}}"
        )
    };
    assert_eq!(counted(&paste(1)), (1, 0, 0));
    assert_eq!(counted(&format!("{}, {}\n", paste(1), paste(2))).0, 2);
    assert_eq!(counted(&format!("{}\n{}\n", paste(1), paste(2))).0, 2);
    assert_eq!(counted(&format!("{}\n{}\n", paste(1), Value::from(log()))).0, 4);
}

/// Selections that leave out what was done with a connection are not taken for other logs.
#[test]
fn entries_without_disposition_are_said_to_lack_it() {
    let without = |gone: &str| -> String {
        let cut = |mut entry: Value| {
            entry.as_object_mut().unwrap().remove("logName");
            entry["jsonPayload"].as_object_mut().unwrap().remove(gone);
            format!("{entry}\n")
        };
        log().into_iter().map(cut).collect()
    };
    assert_eq!(counted(&without("vpc")), (3, 0, 0));
    for gone in ["disposition", "connection"] {
        let (denied, unparsable, complaints) = counted(&without(gone));
        assert_eq!((denied, unparsable), (0, 3), "{gone}");
        assert!(complaints > 0, "{gone}");
    }
    // Flows are of connections, too, and nothing denied them.
    let flow = "{\"insertId\":\"a\",\"timestamp\":\"2026-10-14T09:00:00Z\",\"jsonPayload\":{\
                \"connection\":{\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\",\"protocol\":6},\
                \"bytes_sent\":\"10\",\"reporter\":\"DEST\"}}\n";
    assert_eq!(counted(&format!("{flow}{}", without("vpc"))), (3, 0, 0));
}

/// An entry of which a selection of fields does not say the project is a copy of the whole entry,
/// and the whole one is kept; entries of two projects are two, whatever their ids.
#[test]
fn a_selection_of_an_entry_is_a_copy_of_it() {
    let whole = logged();
    let mut selected = whole.clone();
    for field in ["instance", "rule_details", "vpc"] {
        selected["jsonPayload"].as_object_mut().unwrap().remove(field);
    }
    let mut nameless = selected.clone();
    nameless.as_object_mut().unwrap().remove("logName");
    let mut elsewhere = whole.clone();
    elsewhere["logName"] = value!("projects/q/logs/compute.googleapis.com%2Ffirewall");
    let ask = |entries: &[&Value]| {
        let all: Vec<Value> = entries.iter().map(|entry| (*entry).clone()).collect();
        let report = Inputs::of(&all).triage();
        let of = |key: &str| report["log"][key].as_u64().unwrap();
        (of("denied"), of("duplicates"), report.to_string().contains("the log names r;"))
    };
    assert_eq!(ask(&[&nameless]), (1, 0, false));
    assert_eq!(ask(&[&whole]), (1, 0, true));
    for copies in [[&whole, &nameless, &selected], [&nameless, &selected, &whole]] {
        assert_eq!(ask(&copies), (1, 2, true));
    }
    let (denied, duplicates, _) = ask(&[&nameless, &whole, &elsewhere]);
    assert_eq!((denied, duplicates), (2, 1));
    let (denied, duplicates, _) = ask(&[&nameless, &nameless]);
    assert_eq!((denied, duplicates), (1, 1));
}

/// A list of nothing tells that there is none, where it says of what; another one is told to be
/// nobody knows what.
#[test]
fn a_list_of_nothing_tells_that_there_is_none() {
    let node = value!({"kind": "compute#instance", "name": "gke-c-pool-1-aaaaaaaa-x",
        "networkInterfaces": [{"network": "projects/p/global/networks/n", "networkIP": "10.0.0.5",
            "subnetwork": "projects/p/regions/r/subnetworks/s"}],
        "selfLink": "https://x/projects/p/zones/z/instances/gke-c-pool-1-aaaaaaaa-x"});
    let out = value!({"kind": "compute#route", "name": "out", "destRange": "0.0.0.0/0",
        "network": "projects/p/global/networks/n", "priority": 1000,
        "nextHopGateway": "projects/p/global/gateways/default-internet-gateway"});
    let pull = "Failed to pull image \"quay.io/a/b:1\": dial tcp 3.221.13.191:443: i/o timeout\n";
    let private = value!({"privateClusterConfig":
        {"enablePrivateNodes": true, "masterIpv4CidrBlock": "172.16.0.0/28"}});
    let asked = |routers: &str, routes: &Value| {
        let mut all = vec![cluster("c", private.clone()), subnet(value!({})), node.clone()];
        all.extend(common::small::own_rules());
        let text: String = all.iter().map(|one| format!("{one}\n")).collect();
        let scratch = folder(&[
            ("all.ndjson", text.as_bytes()),
            ("routes.json", routes.to_string().as_bytes()),
            ("error.txt", pull.as_bytes()),
            ("routers.json", routers.as_bytes()),
        ]);
        let report = json(&["triage", scratch.path().to_str().unwrap()]);
        let checks = report["findings"].as_array().unwrap().iter();
        let checks: Vec<String> =
            checks.map(|one| one["check"].as_str().unwrap().to_owned()).collect();
        let told = report["complaints"].to_string().contains("an empty list");
        let lacks = report["not_given"].as_array().unwrap().contains(&value!("nats"));
        (checks.contains(&"nat-missing".to_owned()), lacks, told, checks)
    };
    let typed = |more: &str| format!("{{\"kind\": \"compute#routerList\"{more}, \"items\": []}}\n");
    let of = |routers: &str| {
        let (found, lacks, told, _) = asked(routers, &out);
        (found, lacks, told)
    };
    assert_eq!(of("[]\n"), (false, true, true));
    assert_eq!(of(&typed("")), (true, false, false));
    assert_eq!(of(&typed(", \"id\": \"projects/p/aggregated/routers\"")), (true, false, false));
    // Of one region it tells nothing of the others.
    assert_eq!(of(&typed(", \"id\": \"projects/p/regions/q/routers\"")), (false, true, false));
    // Of another project it tells nothing; nor does a page of a list.
    assert_eq!(of(&typed(", \"id\": \"projects/q/aggregated/routers\"")), (false, true, false));
    assert!(!of(&typed(", \"nextPageToken\": \"x\"")).0);
    // Where several projects are known, one that does not say its own may be of any.
    let second = value!({"kind": "compute#network", "name": "m",
        "selfLink": "https://www.googleapis.com/compute/v1/projects/q/global/networks/m"});
    let list: Value = serde_json::from_str(&typed("")).unwrap();
    for (more, lacks) in [(vec![], false), (vec![second], true)] {
        let all = [vec![cluster("c", value!({})), subnet(value!({})), list.clone()], more].concat();
        let not_given = Inputs::of(&all).triage()["not_given"].to_string();
        assert_eq!(not_given.contains("nats"), lacks, "{not_given}");
    }
    let none = value!({"kind": "compute#routeList", "items": []});
    let (.., checks) = asked(&typed(""), &none);
    assert!(checks.contains(&"image-pull-failing".to_owned()), "{checks:?}");
}

/// What the script exports says what it lists, also where that is nothing.
#[test]
fn the_script_writes_lists_that_say_what_they_are() {
    let script = common::stdout(&run(&["collect", "--project", "p", "--cluster", "c"]));
    let scratch = folder(&[
        ("script.sh", script.as_bytes()),
        ("bin/gcloud", b"#!/bin/sh\ncase \"$*\" in *get-effective*) exit 1;; esac\necho '[]'\n"),
        ("bin/kubectl", b"#!/bin/sh\nexit 1\n"),
    ]);
    let bin = scratch.path().join("bin");
    for tool in ["gcloud", "kubectl"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(bin.join(tool), mode).unwrap();
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let ran = std::process::Command::new("sh")
        .arg(scratch.path().join("script.sh"))
        .current_dir(scratch.path())
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let incident = scratch.path().join("incident");
    let routers: Value =
        serde_json::from_slice(&std::fs::read(incident.join("routers.json")).unwrap()).unwrap();
    assert_eq!(routers["kind"], "compute#routerList");
    assert_eq!(routers["items"], value!([]));
    let rule = rule("a", value!({"allowed": [{"IPProtocol": "tcp"}]})).to_string();
    std::fs::write(incident.join("rule.json"), rule).unwrap();
    let report = json(&["check", incident.to_str().unwrap()]);
    for key in ["routes", "nats", "dns_zones"] {
        assert!(!report["not_given"].to_string().contains(key), "{report:#}");
    }
    assert!(!incident.join("routers.json.part").exists());
}

/// Of a list that was cut, or cannot be read, nobody knows what else is in it: nothing is concluded
/// from what is not.
#[test]
fn what_is_not_in_a_damaged_list_may_be_there() {
    let network = "projects/p/global/networks/n";
    let private = value!({"privateClusterConfig": {"masterIpv4CidrBlock": "172.16.0.0/28",
        "enablePrivateNodes": true}});
    let gateway = "projects/p/global/gateways/default-internet-gateway";
    let route = |to: &str| {
        value!({"kind": "compute#route", "name": format!("r-{}", to.len()), "network": network,
            "destRange": to, "priority": 1000, "nextHopGateway": gateway})
    };
    let router = value!({"kind": "compute#router", "name": "r", "region": "regions/r",
        "network": network, "nats": []});
    let zone = value!({"kind": "dns#managedZone", "name": "z", "dnsName": "gcr.io.",
        "visibility": "private", "privateVisibilityConfig": {"networks": [{"networkUrl": network}]}});
    let apex = value!({"kind": "dns#resourceRecordSet", "name": "*.gcr.io.", "type": "CNAME",
        "rrdatas": ["gcr.io."]});
    let checks = |files: &[(&str, String)]| {
        let pod = value!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a",
            "namespace": "b"}, "spec": {"containers": [{"name": "a", "image": "quay.io/x/y"}]}});
        let rule = own_rules()[0].clone();
        let own = [cluster("c", private.clone()), subnet(value!({})), rule, pod];
        let own = Value::from(own.to_vec()).to_string();
        let mut all = vec![("own.json", own.as_bytes())];
        all.extend(files.iter().map(|(name, text)| (*name, text.as_bytes())));
        let scratch = folder(&all);
        let report = json(&["check", "--fail-on", "never", scratch.path().to_str().unwrap()]);
        let found = report["findings"].as_array().unwrap();
        found.iter().map(|one| one["check"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let list = |items: &[Value]| Value::from(items.to_vec()).to_string();
    let cut = |text: String| text[..text.len() - 60].to_owned();
    let has = |found: &[String], check: &str| found.iter().any(|one| one == check);
    let zones = || {
        (
            "zones.json",
            list(&[value!({"kind": "dns#managedZone", "name": "o",
        "dnsName": "corp.example.", "visibility": "private", "privateVisibilityConfig":
            {"networks": [{"networkUrl": network}]}})]),
        )
    };
    // Routes.
    let routes = list(&[route("192.0.2.0/24"), route("0.0.0.0/0")]);
    let few = list(&[route("192.0.2.0/24")]);
    assert!(has(&checks(&[zones(), ("routes.json", few)]), "default-route-missing"));
    assert!(!has(&checks(&[zones(), ("routes.json", cut(routes))]), "default-route-missing"));
    // Routers.
    let nats = |nats: Value| {
        let mut one = router.clone();
        one["nats"] = nats;
        checks(&[zones(), ("routes.json", list(&[route("0.0.0.0/0")])), ("r.json", list(&[one]))])
    };
    assert!(has(&nats(value!([])), "nat-missing"));
    for damaged in [Value::Null, value!("none")] {
        assert!(!has(&nats(damaged.clone()), "nat-missing"), "{damaged}");
    }
    let listed = value!({"name": "n", "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS"});
    let mut with_list = listed.clone();
    with_list["subnetworks"] = value!([]);
    assert!(has(&nats(value!([with_list])), "nat-range-uncovered"));
    assert!(!has(&nats(value!([listed])), "nat-range-uncovered"));
    // Records, and zones that nobody knows who sees.
    let records = |records: String, zone: &Value| {
        checks(&[("zone.json", list(std::slice::from_ref(zone))), ("records.json", records)])
    };
    let few = list(std::slice::from_ref(&apex));
    assert!(has(&records(few.clone(), &zone), "dns-record-missing"));
    let mut second = apex.clone();
    second["name"] = value!("gcr.io.");
    let both = cut(list(&[apex, second]));
    assert!(!has(&records(both, &zone), "dns-record-missing"));
    let page = format!(
        "{{\"kind\":\"dns#resourceRecordSetsListResponse\",\"rrsets\":{few},\
                        \"nextPageToken\":\"x\"}}"
    );
    assert!(!has(&records(page, &zone), "dns-record-missing"));
    for damaged in [Value::Null, value!("all")] {
        let mut unseen = zone.clone();
        unseen["privateVisibilityConfig"] = damaged.clone();
        assert!(!has(&records(few.clone(), &unseen), "dns-zone-not-attached"), "{damaged}");
    }
}

/// Records of Config Connector's by reference: what they come to is told only by those outside.
#[test]
fn records_by_reference_are_not_empty() {
    let manifest = |kind: &str, refs: Value| {
        value!({"apiVersion": "dns.cnrm.cloud.google.com/v1beta1", "kind": "DNSRecordSet",
            "metadata": {"name": "a", "namespace": "x"}, "spec": {"name": "gcr.io.", "type": kind,
                "ttl": 300, "managedZoneRef": {"external": "z"}, "rrdatasRefs": refs}})
    };
    let zone = value!({"kind": "dns#managedZone", "name": "z", "dnsName": "gcr.io.",
        "visibility": "private", "privateVisibilityConfig": {"networks":
            [{"networkUrl": "projects/p/global/networks/n"}]}});
    let state = |kind: &str, refs: Value| {
        let all =
            [zone.clone(), manifest(kind, refs), cluster("c", value!({})), subnet(value!({}))];
        let inputs = Inputs::of(&all);
        json(&["path", "c", "gcr.io", inputs.path()])["links"][0]["state"].clone()
    };
    let object = value!([{"kind": "ComputeAddress", "name": "vip"}]);
    assert_eq!(state("A", value!([{"external": "199.36.153.8"}])), "ok");
    for kind in ["A", "CNAME"] {
        assert_eq!(state(kind, object.clone()), "not-given", "{kind}");
    }
}

/// An object of Config Connector's that was damaged is there all the same: what is concluded from
/// none being there is not.
#[test]
fn damaged_manifests_are_not_missing() {
    let object = |kind: &str, name: &str, spec: Value| {
        let group = kind.split_at(if kind.starts_with("DNS") { 3 } else { 7 }).0.to_lowercase();
        value!({"apiVersion": format!("{group}.cnrm.cloud.google.com/v1beta1"), "kind": kind,
            "metadata": {"name": name, "namespace": "p"}, "spec": spec})
    };
    let network = object("ComputeNetwork", "n", value!({"deleteDefaultRoutesOnCreate": true}));
    let of = |name: &str| value!({ "name": name });
    let nodes = object(
        "ComputeSubnetwork",
        "s",
        value!({"ipCidrRange": "10.0.0.0/24", "region": "r", "networkRef": of("n"),
            "privateIpGoogleAccess": true}),
    );
    let state = |more: &[Value], host: &str, kind: &str| {
        let all: Vec<String> = [&[network.clone(), nodes.clone()], more]
            .concat()
            .iter()
            .map(Value::to_string)
            .collect();
        let inputs = texts(&all);
        let path = json(&["path", "10.0.0.5", host, inputs.path().to_str().unwrap()]);
        let links = path["links"].as_array().unwrap();
        let found =
            links.iter().find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("{path:#}"));
        found["state"].as_str().unwrap().to_owned()
    };
    let route = |spec: Value| {
        let mut whole =
            value!({"networkRef": of("n"), "nextHopGateway": "default-internet-gateway"});
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        object("ComputeRoute", "r", whole)
    };
    let out = "203.0.113.9";
    assert_eq!(state(&[route(value!({"destRange": "0.0.0.0/0"}))], out, "route"), "ok");
    assert_eq!(state(&[route(value!({"destRange": "192.0.2.0/24"}))], out, "route"), "broken");
    assert_eq!(state(&[route(value!({}))], out, "route"), "not-given");
    // NATs.
    let exit = |nat: Value| {
        let router = object("ComputeRouter", "ro", value!({"networkRef": of("n"), "region": "r"}));
        let default = route(value!({"destRange": "0.0.0.0/0"}));
        let mut whole = value!({"routerRef": of("ro"), "region": "r",
            "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
            "subnetwork": [{"subnetworkRef": of("other"), "sourceIpRangesToNat": ["ALL_IP_RANGES"]}]});
        whole.as_object_mut().unwrap().extend(nat.as_object().unwrap().clone());
        state(&[default, router, object("ComputeRouterNAT", "nat", whole)], out, "nat")
    };
    assert_eq!(exit(value!({})), "broken");
    for damaged in [value!({"routerRef": {}}), value!({"subnetwork": [{"subnetworkRef": {}}]})] {
        assert_ne!(exit(damaged.clone()), "broken", "{damaged}");
    }
    // Zones and records.
    let zone = |networks: Value| {
        object(
            "DNSManagedZone",
            "z",
            value!({"dnsName": "gcr.io.", "visibility": "private",
            "privateVisibilityConfig": {"networks": networks}}),
        )
    };
    let record = |name: &str, spec: Value| {
        let mut whole =
            value!({"type": "A", "managedZoneRef": of("z"), "rrdatas": ["199.36.153.4"]});
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        object("DNSRecordSet", name, whole)
    };
    let seen = zone(value!([{"networkRef": of("n")}]));
    let here = record("a", value!({"name": "gcr.io."}));
    let other = record("b", value!({"name": "x.gcr.io."}));
    assert_eq!(state(&[seen.clone(), here.clone()], "gcr.io", "name"), "ok");
    assert_eq!(state(&[seen.clone(), other.clone()], "gcr.io", "name"), "broken");
    let nameless = record("c", value!({}));
    let empty = record("c", value!({"name": "y.gcr.io.", "rrdatas": null}));
    for damaged in [nameless, empty] {
        let all = [seen.clone(), other.clone(), damaged];
        assert_ne!(state(&all, "gcr.io", "name"), "broken");
    }
    let elsewhere = zone(value!([{"networkRef": of("m")}]));
    assert_eq!(state(&[elsewhere, here.clone()], "gcr.io", "name"), "broken");
    for networks in [value!([{"networkRef": {}}]), value!([{"foo": "bar"}])] {
        assert_eq!(state(&[zone(networks), here.clone()], "gcr.io", "name"), "undetermined");
    }
}

/// What stands in the middle of a rule breaks it: what follows is not left out of it in silence.
#[test]
fn a_rule_that_is_interrupted_is_lost() {
    let rule = |middle: &str| {
        format!(
            "allowed:\n- IPProtocol: all\ndirection: INGRESS\ndisabled: false\nkind: compute#firewall\n\
             name: office\nnetwork: projects/p/global/networks/n\npriority: 10\n\
             selfLink: https://x/projects/p/global/firewalls/office\nsourceRanges:\n- 0.0.0.0/0\n{middle}\
             targetTags:\n- office\n"
        )
    };
    let asked = |middle: &str| {
        let scratch = texts(&[rule(middle)]);
        ssh("203.0.113.7", &["-c", scratch.path().to_str().unwrap()])["verdict"].clone()
    };
    assert_eq!(asked(""), "DENIED");
    for middle in ["Updates are available for some components\n", "me@host:~$\n"] {
        assert_eq!(asked(middle), "UNDETERMINED", "{middle}");
    }
}
