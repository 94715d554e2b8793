//! Errors that kubectl prints, which are put together with the rules that were given.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::small::{TAG, cluster, denied, deny_all, own_rules, rule, subnet};
use common::{findings, folder, json};
use serde_json::{Value, json as value};

fn triage(resources: &[Value], error: &str) -> Value {
    let text: String = resources.iter().map(|one| format!("{one}\n")).collect();
    let scratch = folder(&[("all.ndjson", text.as_bytes()), ("err.txt", error.as_bytes())]);
    json(&["triage", scratch.path().to_str().unwrap()])
}

/// The only finding about kubelets.
fn of_kubelet(resources: &[Value], error: &str) -> Value {
    let report = triage(resources, error);
    let found = findings(&report, "control-plane-ingress-blocked");
    assert_eq!(found.len(), 1, "{error}: {report:#}");
    found[0].clone()
}

const LOGS: &str = "Error from server: Get \"https://10.0.0.7:10250/containerLogs/shop/web-0/web\": \
                    dial tcp 10.0.0.7:10250: i/o timeout\n";

/// `kubectl logs`, `exec` and the like go from the control plane to the kubelet.
#[test]
fn a_kubelet_that_is_not_reached_is_told_with_its_deny() {
    let [master, inside] = own_rules();
    let closed = deny_all(value!({"priority": 900}));
    let world = [master, inside, closed, cluster("c", value!({})), subnet(value!({}))];
    for error in [
        LOGS,
        "error: error dialing backend: dial tcp 10.0.0.7:10250: i/o timeout\n",
        "Error from server: error dialing backend: dial timeout, backstop\n",
    ] {
        let found = of_kubelet(&world, error);
        assert_eq!(found["decision"]["decider"]["name"], "deny-all", "{error}: {found:#}");
        assert!(found["explanation"].to_string().contains("seen: "), "{error}: {found:#}");
    }
}

#[test]
fn a_kubelet_that_the_rules_let_be_reached_is_not_the_firewalls() {
    let [master, inside] = own_rules();
    let world = [master, inside, cluster("c", value!({})), subnet(value!({}))];
    let found = of_kubelet(&world, LOGS);
    let why = found["no_fix"].as_str().unwrap();
    assert!(why.starts_with("not the firewall: the simulation lets it pass"), "{found:#}");
    assert!(found["title"].as_str().unwrap().contains("the kubelet of 10.0.0.7"), "{found:#}");
    let refused =
        "error: error dialing backend: dial tcp 10.0.0.7:10250: connect: connection refused";
    assert!(of_kubelet(&world, refused)["no_fix"].as_str().unwrap().contains("connection refused"));
    let certificate = "Error from server: error dialing backend: remote error: tls: internal error";
    let why = of_kubelet(&world, certificate)["no_fix"].as_str().unwrap().to_owned();
    assert!(why.contains("certificate"), "{why}");
}

/// Without resources it is said what they would tell.
#[test]
fn a_kubelet_of_nobody_knows_which_cluster_lacks_it() {
    let found = of_kubelet(&[], LOGS);
    let why = found["no_fix"].as_str().unwrap();
    assert!(why.contains("gcloud container clusters describe"), "{why}");
    assert!(!why.contains("kubectl get services"), "{why}");
}

/// Who scrapes a kubelet is a pod, not the API server.
#[test]
fn metrics_are_not_asked_for_by_the_api_server() {
    let scraped = "E1123 scraper.go:149] \"Failed to scrape node\" err=\"Get \
                   \\\"https://10.0.0.7:10250/metrics/resource\\\": dial tcp 10.0.0.7:10250: i/o \
                   timeout\"\n";
    let [master, inside] = own_rules();
    let world = [master, inside, cluster("c", value!({})), subnet(value!({}))];
    let report = triage(&world, scraped);
    assert!(findings(&report, "control-plane-ingress-blocked").is_empty(), "{report:#}");
}

/// Who called is not in the error, and authorized networks leave no trace in any log.
#[test]
fn a_client_that_is_not_answered_is_told_where_to_look() {
    let world = [own_rules().to_vec(), vec![cluster("c", value!({})), subnet(value!({}))]].concat();
    let client = |failure: &str| {
        let error =
            format!("Unable to connect to the server: dial tcp 172.16.0.2:443: {failure}\n");
        let report = triage(&world, &error);
        let found = findings(&report, "control-plane-egress-blocked");
        assert_eq!(found.len(), 1, "{report:#}");
        found[0].clone()
    };
    let found = client("i/o timeout");
    assert_eq!(found["title"], "a client did not reach the control plane of c at 172.16.0.2:443");
    assert!(found["no_fix"].as_str().unwrap().starts_with("cannot tell: who called"), "{found:#}");
    assert!(found["explanation"].to_string().contains("authorized networks"), "{found:#}");
    let found = client("connect: connection refused");
    assert!(found["no_fix"].as_str().unwrap().starts_with("not the firewall"), "{found:#}");
    assert!(!found["explanation"].to_string().contains("authorized networks"), "{found:#}");
}

/// There is no agent where agents cannot reach the control plane.
#[test]
fn no_agent_is_the_firewalls_doing_where_agents_are_kept_out() {
    let closed = common::small::rule(
        "closed",
        value!({"direction": "EGRESS", "priority": 65000, "destinationRanges": ["172.16.0.0/12"],
            "denied": [{"IPProtocol": "all"}]}),
    );
    let world = [own_rules().to_vec(), vec![cluster("c", value!({})), subnet(value!({}))]].concat();
    let error = "Error from server: error dialing backend: No agent available\n";
    assert!(of_kubelet(&world, error)["no_fix"].as_str().unwrap().starts_with("not the firewall"));
    let report = triage(&[world, vec![closed]].concat(), error);
    assert!(findings(&report, "control-plane-ingress-blocked").is_empty(), "{report:#}");
    let found = findings(&report, "control-plane-egress-blocked");
    assert!(found[0]["explanation"].to_string().contains("No agent available"), "{report:#}");
}

/// What the API server passes on to a pod goes from the control plane to the pod's port.
#[test]
fn calls_by_the_proxy_of_the_api_server_are_the_control_planes() {
    let world = [own_rules().to_vec(), vec![cluster("c", value!({})), subnet(value!({}))]].concat();
    let told = |error: &str, more: &[Value]| {
        let report = triage(&[&world[..], more].concat(), error);
        let found = findings(&report, "control-plane-ingress-blocked");
        assert_eq!(found.len(), 1, "{report:#}");
        found[0].clone()
    };
    let error = "Error trying to reach service: 'dial tcp 10.1.0.9:9090: i/o timeout'\n";
    let found = told(error, &[]);
    assert_eq!(found["decision"]["decider"]["name"], "implied deny ingress", "{found:#}");
    let layers = value!([{"protocol": "tcp", "ports": ["9090"]}]);
    assert_eq!(found["fixes"][0]["rule"]["layer4"], layers, "{found:#}");
    let open = common::small::rule(
        "proxy",
        value!({"sourceRanges": ["172.16.0.0/28"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["9090"]}]}),
    );
    let found = told(error, &[open]);
    assert!(found["no_fix"].as_str().unwrap().starts_with("not the firewall"), "{found:#}");
    let refused = error.replace("i/o timeout", "connect: connection refused");
    let found = told(&refused, &[]);
    assert!(found["no_fix"].as_str().unwrap().contains("connection refused"), "{found:#}");
}

/// kubectl's first question, over and over; equal lines are not one that a terminal broke.
#[test]
fn a_client_that_cannot_list_the_groups_is_a_client() {
    let line = |time: &str| {
        format!(
            "E1226 18:51:{time}      24 memcache.go:265] couldn't get current server API group \
             list: Get \"https://172.16.0.2/api?timeout=32s\": dial tcp 172.16.0.2:443: i/o timeout\n"
        )
    };
    let world = [own_rules().to_vec(), vec![cluster("c", value!({})), subnet(value!({}))]].concat();
    let report = triage(&world, &[line("18.798792"), line("48.801921")].concat());
    let found = findings(&report, "control-plane-egress-blocked");
    assert_eq!(found.len(), 1, "{report:#}");
    assert!(found[0]["explanation"].to_string().contains("seen 2 times"), "{found:#?}");
}

/// A path of some version is not yet a registry's.
#[test]
fn any_version_of_an_api_is_no_registry() {
    let pulls = |url: &str| {
        let error = format!("Get \"{url}\": dial tcp 203.0.113.5:443: i/o timeout\n");
        findings(&triage(&[cluster("c", value!({}))], &error), "image-pull-failing").len()
    };
    for url in [
        "https://r.example/v2/",
        "https://r.example/v2/a/b/manifests/1",
        "https://r.example/v2/a/blobs/sha256:0",
        "https://r.example/v1/_ping",
    ] {
        assert_eq!(pulls(url), 1, "{url}");
    }
    let bare = "Get https://r.example/v2/: dial tcp 203.0.113.5:443: i/o timeout\n";
    let report = triage(&[cluster("c", value!({}))], bare);
    assert_eq!(findings(&report, "image-pull-failing").len(), 1);
    for url in ["https://api.example/v1/charges", "https://api.example/v2/users/7"] {
        assert_eq!(pulls(url), 0, "{url}");
    }
}

/// A time-out that names nothing is of the webhook that another error names.
#[test]
fn a_time_out_of_nobody_is_of_the_webhook_that_is_named() {
    let errors = "Error from server (Timeout): Timeout: request did not complete within requested \
                  timeout 30s\nfailed calling webhook \"guard.example.com\": Post \
                  https://guard.policy.svc:443/check: dial tcp 10.1.0.9:8443: i/o timeout\n";
    let world = [own_rules().to_vec(), vec![cluster("c", value!({})), subnet(value!({}))]].concat();
    let report = triage(&world, errors);
    let found = findings(&report, "webhook-port-blocked");
    let [found] = found.as_slice() else { panic!("{report:#}") };
    assert!(found["explanation"].to_string().contains("did not complete"), "{found:#}");
}

/// Of several clusters nobody says whose node an error is of: the way is walked from each, and what
/// breaks it is possible.
#[test]
fn an_error_is_walked_from_each_of_several_clusters() {
    let private = |name: &str, pods: &str| {
        let fields = value!({"clusterIpv4Cidr": pods, "privateClusterConfig": {
            "masterIpv4CidrBlock": "172.16.0.0/28", "enablePrivateNodes": true}});
        cluster(name, fields)
    };
    let route = value!({"kind": "compute#route", "name": "default", "destRange": "0.0.0.0/0",
        "network": "projects/p/global/networks/n", "priority": 1000,
        "nextHopGateway": "projects/p/global/gateways/default-internet-gateway"});
    let router = value!({"kind": "compute#router", "name": "r", "region": "regions/r",
        "network": "projects/p/global/networks/n", "nats": []});
    let error = "Failed to pull image \"quay.io/a/b:1\": Get \"https://quay.io/v2/\": dial tcp \
                 203.0.113.5:443: i/o timeout\n";
    let told = |clusters: &[Value]| {
        let rest = [subnet(value!({})), route.clone(), router.clone()];
        let report = triage(&[clusters, &rest].concat(), error);
        let found = findings(&report, "nat-missing");
        assert!(!found.is_empty(), "{report:#}");
        assert_eq!(found[0]["confidence"], "possible");
        found[0]["explanation"].to_string().contains("not of which cluster it is")
    };
    assert!(!told(&[private("c", "10.1.0.0/16")]));
    assert!(told(&[private("c", "10.1.0.0/16"), private("d", "10.2.0.0/16")]));
}

/// `gcloud compute ssh --tunnel-through-iap` says which port, and not which VM.
#[test]
fn what_iap_could_not_reach_is_judged_for_the_vms_that_were_given() {
    let vm = |name: &str, address: &str| {
        value!({"kind": "compute#instance", "name": name, "tags": {"items": ["web"]},
            "networkInterfaces": [{"network": "projects/p/global/networks/n",
                                   "networkIP": address}],
            "selfLink": format!("https://x/projects/p/zones/z/instances/{name}")})
    };
    let error = "ERROR: (gcloud.compute.start-iap-tunnel) Error while connecting [4003: 'failed to \
                 connect to backend']. (Failed to connect to port 22)\n";
    let bastion = vm("bastion", "10.0.0.9");
    let told = |all: &[Value], error: &str| {
        let report = triage(all, error);
        let found = findings(&report, "iap-blocked");
        let [only] = found.as_slice() else { panic!("{report:#}") };
        (*only).clone()
    };
    let closed = [deny_all(value!({})), subnet(value!({})), bastion.clone()];
    let found = told(&closed, error);
    assert_eq!((&found["confidence"], &found["basis"]), (&value!("proven"), &value!("symptom")));
    assert_eq!(found["fixes"][0]["rule"]["source_ranges"], value!(["35.235.240.0/20"]));
    assert_eq!(found["flow"]["ports"], value!(["22"]));
    let iap = rule(
        "iap",
        value!({"allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
        "sourceRanges": ["35.235.240.0/20"]}),
    );
    let open = [&closed[..], &[iap]].concat();
    let why = |found: Value| found["no_fix"].as_str().unwrap().to_owned();
    assert!(why(told(&open, error)).starts_with("not the firewall: the rules let IAP reach"));
    // Port 3389 is another one.
    let windows = error.replace("port 22", "port 3389");
    assert_eq!(told(&open, &windows)["confidence"], "proven");
    // Of many VMs nobody knows which one it was, nor without any.
    let many: Vec<Value> =
        (0..9).map(|at| vm(&format!("vm-{at}"), &format!("10.0.0.{at}"))).collect();
    for vms in [many, Vec::new()] {
        let all = [&[deny_all(value!({}))][..], &vms].concat();
        assert!(why(told(&all, error)).starts_with("cannot tell"), "{vms:?}");
    }
    let refused = "Error while connecting [4033: 'not authorized'].\n";
    assert!(why(told(&closed, refused)).contains("iap.tunnelResourceAccessor"));
}

/// Kubelets that do not register, and clients that cannot watch, tell of nodes and control plane.
#[test]
fn who_cannot_ask_the_api_server_is_kept_from_it() {
    let closed = rule(
        "out",
        value!({"direction": "EGRESS", "denied": [{"IPProtocol": "all"}],
        "destinationRanges": ["0.0.0.0/0"]}),
    );
    let [master, inside] = own_rules();
    let world = [master, inside, closed, cluster("c", value!({})), subnet(value!({}))];
    for error in [
        r#"kubelet_node_status.go:92] "Unable to register node with API server" err="Post \"https://172.16.0.2:443/api/v1/nodes\": dial tcp 172.16.0.2:443: i/o timeout" node="v""#,
        r#"Failed to watch *v1.Node: failed to list *v1.Node: Get "https://172.16.0.2:443/api/v1/nodes?limit=500": dial tcp 172.16.0.2:443: i/o timeout"#,
        r#"connection error: desc = \"transport: Error while dialing: dial tcp 172.16.0.2:8132: i/o timeout\""#,
    ] {
        let report = triage(&world, error);
        let found = findings(&report, "control-plane-egress-blocked");
        let seen = found.iter().filter(|one| one["explanation"].to_string().contains("seen: "));
        assert_eq!(seen.count(), 1, "{error}: {report:#}");
    }
    // Who is answered is kept from nothing.
    let answered = r#"failed to list *v1.Pod: pods is forbidden: User "x" cannot list resource"#;
    let report = triage(&world[3..], answered);
    assert_eq!(findings(&report, "control-plane-egress-blocked").len(), 0, "{report:#}");
}

/// The log names a policy, or a rule, that nobody gave: that is what denied it, whatever the given
/// ones say, and the error of the same call is no riddle beside it.
#[test]
fn who_the_log_names_and_nobody_gave_is_named() {
    let [master, inside] = own_rules();
    let hooks = rule(
        "hooks",
        value!({"allowed": [{"IPProtocol": "tcp", "ports": ["8443"]}],
        "sourceRanges": ["172.16.0.0/28"]}),
    );
    let service = value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "g",
        "namespace": "g"}, "spec": {"selector": {"app": "g"},
            "ports": [{"port": 443, "targetPort": 8443}]}});
    let mut entry = denied("172.16.0.3", "10.1.0.7", 8443, "x", "INGRESS", "gke-c-pool-1");
    let error = "Error from server (InternalError): Internal error occurred: failed calling webhook \
                 \"g.x.io\": failed to call webhook: Post \"https://g.g.svc:443/v?timeout=10s\": \
                 context deadline exceeded\n";
    for (reference, named) in [
        ("organizations/1/firewallPolicy:4829", "policy 4829"),
        ("network:n/firewall:deny-xyz", "rule deny-xyz"),
    ] {
        entry["jsonPayload"]["rule_details"]["reference"] = value!(reference);
        let world = [
            master.clone(),
            inside.clone(),
            hooks.clone(),
            service.clone(),
            entry.clone(),
            cluster("c", value!({})),
            subnet(value!({})),
        ];
        let report = triage(&world, error);
        let found = findings(&report, "snapshot-disagrees");
        let [only] = found.as_slice() else { panic!("{report:#}") };
        let title = only["title"].as_str().unwrap();
        assert!(title.starts_with(named) && title.contains("which was not given"), "{title}");
        assert!(only["explanation"].to_string().contains("seen: "), "{only:#}");
        assert!(only["no_fix"].as_str().unwrap().contains("get-effective-firewalls n"), "{only:#}");
        assert_eq!(findings(&report, "webhook-backend-missing").len(), 0, "{report:#}");
    }
    // A rule that was given is no stranger.
    entry["jsonPayload"]["rule_details"]["reference"] = value!("network:n/firewall:hooks");
    let world =
        [master, inside, hooks, service, entry, cluster("c", value!({})), subnet(value!({}))];
    let report = triage(&world, error);
    let title = findings(&report, "snapshot-disagrees")[0]["title"].as_str().unwrap().to_owned();
    assert!(title.starts_with("the log denies"), "{title}");
}

/// What the API server answers as an object, and what controllers say in their conditions, is the
/// same as what kubectl prints.
#[test]
fn answers_and_conditions_tell_what_texts_do() {
    let world = [own_rules().to_vec(), vec![cluster("c", value!({})), subnet(value!({}))]].concat();
    let hook = "failed calling webhook \"h.example.com\": failed to call webhook: Post \
                \"https://h.hooks.svc:443/m?timeout=10s\": dial tcp 10.1.0.5:8443: i/o timeout";
    let conditions = value!({"conditions": [{"type": "ReplicaFailure", "status": "True",
        "message": format!("Error creating: Internal error occurred: {hook}")}]});
    let named = value!({"name": "web", "namespace": "shop"});
    for object in [
        value!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("Internal error occurred: {hook}"), "code": 500}),
        value!({"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": named,
            "status": conditions}),
        value!({"kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1", "metadata": named,
            "status": conditions}),
    ] {
        let report = triage(&[&world[..], std::slice::from_ref(&object)].concat(), "");
        let found = findings(&report, "webhook-port-blocked");
        assert_eq!(found.len(), 1, "{object:#}: {report:#}");
        assert_eq!(found[0]["flow"]["ports"], value!(["8443"]));
    }
    let dial = value!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 503,
        "message": "error trying to reach service: dial TCP 10.1.0.7:9093: i/o timeout"});
    let report = triage(&[&world[..], &[dial]].concat(), "");
    let found = findings(&report, "control-plane-ingress-blocked");
    assert_eq!(found[0]["flow"]["ports"], value!(["9093"]), "{report:#}");
}

/// A control plane that asks for its agents calls through agents: what they need is no guess then,
/// and without the rules nobody can tell.
#[test]
fn without_agents_it_may_be_the_firewall() {
    let error = "error dialing backend: No agent available (expected 3, found 0)";
    let psc = value!({"privateClusterConfig": {"enablePrivateNodes": true,
        "privateEndpointSubnetwork": "projects/p/regions/r/subnetworks/s",
        "privateEndpoint": "10.0.0.2"}});
    let closed = rule(
        "no-8132",
        value!({"direction": "EGRESS", "priority": 900, "destinationRanges": ["10.0.0.2/32"],
            "denied": [{"IPProtocol": "tcp", "ports": ["8132"]}]}),
    );
    let world = [own_rules().to_vec(), vec![cluster("c", psc), subnet(value!({}))]].concat();
    let open = triage(&world, error);
    let found = findings(&open, "control-plane-ingress-blocked");
    assert!(found[0]["no_fix"].as_str().unwrap().starts_with("not the firewall"), "{open:#}");
    let report = triage(&[&world[..], &[closed]].concat(), error);
    let found = findings(&report, "control-plane-egress-blocked");
    assert_eq!(found[0]["flow"]["ports"], value!(["8132"]), "{report:#}");
    assert_eq!(found[0]["severity"], "warning");
    assert!(found[0]["explanation"].to_string().contains("No agent available"), "{report:#}");
    assert!(findings(&report, "control-plane-ingress-blocked").is_empty(), "{report:#}");
    let alone = of_kubelet(&[], error);
    assert!(alone["no_fix"].as_str().unwrap().starts_with("cannot tell"), "{alone:#}");
}

/// A cluster whose network has lost the peering with its control plane: no rule is in the way.
#[test]
fn a_lost_peering_is_told() {
    let peered = cluster(
        "c",
        value!({"privateClusterConfig": {"enablePrivateNodes": true, "peeringName": "gke-n1-peer",
            "masterIpv4CidrBlock": "172.16.0.0/28"}}),
    );
    let network = |peerings: Value| {
        value!({"kind": "compute#network", "name": "n", "peerings": peerings,
            "selfLink": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"})
    };
    let asked = |network: Value, error: &str| {
        let world = [own_rules().to_vec(), vec![peered.clone(), subnet(value!({})), network]];
        let report = triage(&world.concat(), error);
        let found = findings(&report, "cluster-stuck");
        found.iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let there = value!([{"name": "gke-n1-peer", "network": "projects/g/global/networks/x"}]);
    assert!(asked(network(there), "").is_empty());
    let gone = asked(network(value!([{"name": "other"}])), "");
    assert!(gone[0].contains("has no peering gke-n1-peer"), "{gone:?}");
    // Without a sign that nodes are cut off it is only told; and the log may show that they are not.
    let world = [own_rules().to_vec(), vec![peered.clone(), subnet(value!({}))]].concat();
    let other = network(value!([{"name": "other"}]));
    let report = triage(&[&world[..], std::slice::from_ref(&other)].concat(), "");
    assert_eq!(findings(&report, "cluster-stuck")[0]["severity"], "note");
    let mut seen = denied("172.16.0.2", "10.0.0.5", 10250, "r", "INGRESS", "v");
    seen["jsonPayload"]["disposition"] = value!("ALLOWED");
    let report = triage(&[&world[..], &[other, seen]].concat(), "");
    assert!(findings(&report, "cluster-stuck").is_empty(), "{report:#}");
    // The error is the same cause.
    let error = "All cluster resources were brought up, but: only 0 nodes out of 3 have registered";
    assert_eq!(asked(network(value!([{"name": "other"}])), error).len(), 1);
    // Nothing is said of a network whose export does not tell its peerings; a whole one that shows
    // none has none.
    let mut bare = network(Value::Null);
    assert!(asked(bare.clone(), "").is_empty());
    for key in ["id", "creationTimestamp"] {
        bare[key] = value!("7");
    }
    bare["routingConfig"] = value!({"routingMode": "REGIONAL"});
    assert_eq!(asked(bare, "").len(), 1);
}

/// A table of APIs that are not available, and clients that ask the API server by its address.
#[test]
fn tables_of_apis_and_requests_by_address_are_errors() {
    let world = [own_rules().to_vec(), vec![cluster("c", value!({})), subnet(value!({}))]].concat();
    // Rows may be as long as each other: no terminal broke them.
    let table = "NAME                      SERVICE               AVAILABLE                      AGE\n\
                 v1alpha1.tap.linkerd.io   linkerd/linkerd-tap   False (FailedDiscoveryCheck)   97m\n\
                 v1.apps                   Local                 True                           97m\n";
    let report = triage(&world, table);
    let found = findings(&report, "aggregated-api-blocked");
    assert_eq!(found.len(), 1, "{report:#}");
    assert!(found[0].to_string().contains("linkerd/linkerd-tap"), "{report:#}");
    let asked = |line: &str| {
        let report = triage(&world, line);
        let found = findings(&report, "control-plane-egress-blocked");
        found.iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let of_client = asked(
        "Error: Post \"https://172.16.0.2/api/v1/namespaces\": dial tcp 172.16.0.2:443: i/o timeout",
    );
    assert_eq!(of_client, ["a client did not reach the control plane of c at 172.16.0.2:443"]);
    let of_pod = asked(
        "panic: Get \"https://10.30.0.1:443/apis/apps/v1\": dial tcp 10.30.0.1:443: i/o timeout",
    );
    assert_eq!(of_pod, ["nodes cannot reach the API server"]);
    for other in [
        "Get \"https://172.16.0.2/api/v1/pods\": 403 Forbidden",
        "Get \"https://10.30.0.9/metrics\": dial tcp 10.30.0.9:443: i/o timeout",
    ] {
        assert!(asked(other).is_empty(), "{other}");
    }
}

/// An answer is one, whatever the rules that were given say to its way: they are of another time.
#[test]
fn what_answered_was_not_denied() {
    use common::small::{Inputs, cluster, own_rules, subnet};
    let hook = value!({"apiVersion": "admissionregistration.k8s.io/v1", "kind":
        "ValidatingWebhookConfiguration", "metadata": {"name": "g"}, "webhooks": [{"name": "g.x.io",
            "rules": [{"operations": ["CREATE"], "resources": ["pods"], "apiGroups": [""],
                "apiVersions": ["v1"]}], "clientConfig": {"service": {"name": "g", "namespace": "k",
                    "port": 443}}}]});
    let service = value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "g",
        "namespace": "k"}, "spec": {"selector": {"app": "g"}, "ports": [{"port": 443,
            "targetPort": 8443}]}});
    let asked = |how: &str| {
        let mut all = vec![cluster("c", value!({})), subnet(value!({})), hook.clone()];
        all.push(service.clone());
        all.extend(own_rules());
        let inputs = Inputs::of(&all);
        let error = format!(
            "failed calling webhook \"g.x.io\": failed to call webhook: Post \
             \"https://g.k.svc:443/x?timeout=10s\": dial tcp 10.1.1.17:8443: {how}\n"
        );
        std::fs::write(std::path::Path::new(inputs.path()).join("error.txt"), error).unwrap();
        let report = inputs.triage();
        let found = findings(&report, "webhook-port-blocked");
        let text = |key: &str| found[0][key].as_str().unwrap().to_owned();
        let safe = found[0]["fixes"].as_array().unwrap().iter().any(|fix| fix["safety"] == "safe");
        (text("severity"), text("confidence"), safe)
    };
    let told =
        |severity: &str, confidence: &str, safe| (severity.to_owned(), confidence.to_owned(), safe);
    assert_eq!(asked("i/o timeout"), told("error", "proven", true));
    assert_eq!(asked("connect: connection refused"), told("warning", "possible", false));
    // One answer of before outweighs no waiting in vain.
    let again = "failed calling webhook \"g.x.io\": failed to call webhook: Post \
                 \"https://g.k.svc:443/x?timeout=10s\": context deadline exceeded";
    let both = format!("connect: connection refused\n{again}");
    assert_eq!(asked(&both), told("error", "proven", true));
}

/// The aggregator says itself where nobody is behind a Service.
#[test]
fn apis_without_endpoints_are_no_matter_of_the_firewall() {
    use common::small::{Inputs, cluster, own_rules, subnet};
    let asked = |reason: &str| {
        let mut all = vec![cluster("c", value!({})), subnet(value!({}))];
        all.extend(own_rules());
        let inputs = Inputs::of(&all);
        let table = format!(
            "NAME   SERVICE   AVAILABLE   AGE\nv1beta1.metrics.k8s.io   \
                             kube-system/metrics-server   False ({reason})   3d\n"
        );
        std::fs::write(std::path::Path::new(inputs.path()).join("apis.txt"), table).unwrap();
        let report = inputs.triage();
        let found = report["findings"].as_array().unwrap().clone();
        found.iter().map(|one| one["check"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for reason in ["MissingEndpoints", "ServiceNotFound", "EndpointsNotFound"] {
        assert_eq!(asked(reason), ["webhook-backend-missing"], "{reason}");
    }
    assert_eq!(asked("FailedDiscoveryCheck"), ["aggregated-api-blocked"]);
}

/// An error tells where nobody answered, and not who asked: the way from the pods is walked, as far
/// as the receiver's own rules.
#[test]
fn where_nobody_answered_is_walked_to() {
    use common::small::{Inputs, cluster, own_rules, rule, subnet};
    let told = |error: &str, more: &[Value]| {
        let mut all = vec![cluster("c", value!({})), subnet(value!({}))];
        all.extend(own_rules());
        all.extend(more.iter().cloned());
        let inputs = Inputs::of(&all);
        std::fs::write(std::path::Path::new(inputs.path()).join("error.txt"), error).unwrap();
        let report = inputs.triage();
        let found = report["findings"].as_array().unwrap().clone();
        let own = found.iter().find(|one| one["check"] == "unexplained-denial");
        own.map(|one| (one["explanation"].to_string(), one["no_fix"].as_str().unwrap().to_owned()))
    };
    let deny = rule(
        "out",
        value!({"direction": "EGRESS", "destinationRanges": ["10.127.0.0/16"],
        "denied": [{"IPProtocol": "tcp", "ports": ["3307"]}]}),
    );
    let open = rule(
        "db",
        value!({"sourceRanges": ["10.0.0.0/8"], "targetTags": ["db"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["5432"]}]}),
    );
    let database = |tag: &str| {
        value!({"kind": "compute#instance", "name": "db", "zone": "zones/r-a", "id": "7",
            "tags": {"items": [tag]}, "networkInterfaces": [{"networkIP": "10.5.0.9",
                "network": "projects/p/global/networks/n"}]})
    };
    let own = subnet(value!({"name": "t", "ipCidrRange": "10.5.0.0/24"}));
    let dial = "failed to connect to instance: dial tcp 10.127.0.4:3307: i/o timeout\n";
    let (why, _) = told(dial, std::slice::from_ref(&deny)).unwrap();
    assert!(why.contains("from c/pods: firewall broken: rule out: EGRESS to tcp 3307"), "{why}");
    let libpq = "psql: error: connection to server at \"10.5.0.9\", port 5432 failed: Connection \
                 timed out\n";
    let receiver = [open.clone(), database("other"), own.clone()];
    let (why, no_fix) = told(libpq, &receiver).unwrap();
    assert!(why.contains("implied deny ingress"), "{why}");
    assert!(no_fix.contains("vpcwhy path FROM 10.5.0.9:5432 INPUT"), "{no_fix}");
    let route = value!({"kind": "compute#route", "name": "out", "destRange": "0.0.0.0/0",
        "network": "projects/p/global/networks/n", "priority": 1000,
        "nextHopGateway": "projects/p/global/gateways/default-internet-gateway"});
    let (_, no_fix) = told(libpq, &[open, database("db"), own, route]).unwrap();
    assert!(no_fix.starts_with("not the firewall, where it was one of these"), "{no_fix}");
    // What answered, and a probe, are none of it.
    for other in [
        "dial tcp 10.127.0.4:3307: connect: connection refused\n",
        "dial tcp 127.0.0.1:9090: i/o timeout\n",
        "dial tcp 169.254.169.254:80: i/o timeout\n",
        "Readiness probe errored: dial tcp 10.1.0.4:3309: i/o timeout\n",
        "Readiness probe failed: Get \"http://10.1.0.4:80/\": dial tcp 10.1.0.4:80: i/o timeout\n",
    ] {
        assert_eq!(told(other, std::slice::from_ref(&deny)), None, "{other}");
    }
}

/// Agents of konnectivity dial a port of their own: who failed to dial it needs it, whichever
/// version this is, and it is one finding with the denials of the log.
#[test]
fn agents_that_cannot_dial_are_told_with_their_port() {
    let error = "E0505 clientset.go:204] \"cannot connect once\" err=\"rpc error: code = Unavailable \
                 desc = \\\"transport: Error while dialing: dial tcp 172.16.0.2:8132: i/o timeout\\\"\"\n";
    let lock = deny_all(value!({"name": "deny-out", "direction": "EGRESS", "sourceRanges": null,
        "destinationRanges": ["0.0.0.0/0"]}));
    let opened = |ports: &[&str]| {
        rule(
            "out",
            value!({"direction": "EGRESS", "destinationRanges": ["172.16.0.0/28"],
            "allowed": [{"IPProtocol": "tcp", "ports": ports}]}),
        )
    };
    let asked = |ports: &[&str], more: &[Value]| {
        let [master, inside] = own_rules();
        let world = [
            master,
            inside,
            lock.clone(),
            opened(ports),
            cluster("c", value!({})),
            subnet(value!({})),
        ];
        let report = triage(&[&world[..], more].concat(), error);
        let found = findings(&report, "control-plane-egress-blocked");
        let of_port = found.iter().filter(|one| one["flow"]["ports"] == value!(["8132"]));
        let told = of_port.map(|one| (one["confidence"].clone(), one["no_fix"].to_string()));
        told.collect::<Vec<_>>()
    };
    let found = asked(&["443"], &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "proven");
    let log = denied("10.1.0.4", "172.16.0.2", 8132, "deny-out", "EGRESS", "gke-c-pool-1");
    assert_eq!(asked(&["443"], &[log]).len(), 1);
    let found = asked(&["443", "8132"], &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.contains("not the firewall"), "{found:?}");
}

/// Where the pods of a webhook stand now the rules let it be called: that they would not elsewhere
/// explains no error of today.
#[test]
fn what_depends_on_the_node_is_no_error_where_it_passes() {
    let hook = value!({"apiVersion": "admissionregistration.k8s.io/v1", "kind":
        "ValidatingWebhookConfiguration", "metadata": {"name": "g"}, "webhooks": [{"name": "g.x.io",
            "failurePolicy": "Fail",
            "clientConfig": {"service": {"name": "g", "namespace": "g", "port": 443}}}]});
    let service = value!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "g",
        "namespace": "g", "uid": "u"}, "spec": {"selector": {"app": "g"},
        "ports": [{"port": 443, "targetPort": 8443}]}});
    let slice = |address: &str| {
        value!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "g-1", "namespace": "g", "labels": {"kubernetes.io/service-name": "g"}},
            "addressType": "IPv4", "ports": [{"port": 8443, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": true}}]})
    };
    let node = |name: &str, address: &str, pods: &str, tags: &[&str]| {
        value!({"kind": "compute#instance", "name": name, "tags": {"items": tags},
            "labels": {"goog-k8s-cluster-name": "c"}, "networkInterfaces": [{"network":
                "projects/p/global/networks/n", "networkIP": address,
                "aliasIpRanges": [{"ipCidrRange": pods}]}],
            "selfLink": format!("https://x/projects/p/zones/r-a/instances/{name}")})
    };
    let webhooks = rule(
        "wh",
        value!({"sourceRanges": ["172.16.0.0/28"], "targetTags": ["user"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["8443"]}]}),
    );
    let asked = |address: &str| {
        let [master, inside] = own_rules();
        let world = [
            master,
            inside,
            webhooks.clone(),
            cluster("c", value!({})),
            subnet(value!({})),
            node("gke-c-a-1", "10.0.0.5", "10.1.0.0/24", &[TAG, "user"]),
            node("gke-c-spot-1", "10.0.0.6", "10.1.1.0/24", &[TAG]),
            hook.clone(),
            service.clone(),
            slice(address),
        ];
        let report = triage(&world, "");
        let found = findings(&report, "webhook-port-blocked");
        let one = found.first().unwrap_or_else(|| panic!("{report:#}"));
        (one["severity"].as_str().unwrap().to_owned(), one["explanation"].to_string())
    };
    let (severity, why) = asked("10.1.0.5");
    assert_eq!(severity, "note", "{why}");
    assert!(why.contains("where its pods are now (10.1.0.5) it is allowed"), "{why}");
    assert_eq!(asked("10.1.1.5").0, "error");
}
