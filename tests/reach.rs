//! What clusters need and what people paste, on resources of our own and on real ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::small::denied;
use common::{corpus, findings, folder, json};
use serde_json::{Value, json as value};

fn network() -> &'static str {
    "projects/p/global/networks/n"
}

/// A cluster whose control plane is joined as `private` says.
fn cluster(private: &Value) -> Value {
    value!({
        "name": "blue", "id": "5f0c2a9e4d1b4c7f8a6e0d3c", "location": "europe-west1",
        "selfLink": "https://container.googleapis.com/v1/projects/p/locations/europe-west1/clusters/blue",
        "network": "n", "subnetwork": "nodes", "endpoint": "203.0.113.9",
        "networkConfig": {"network": network(), "subnetwork": "projects/p/regions/europe-west1/subnetworks/nodes"},
        "ipAllocationPolicy": {"useIpAliases": true, "clusterIpv4CidrBlock": "10.24.0.0/14",
                               "servicesIpv4CidrBlock": "10.28.0.0/20"},
        "privateClusterConfig": private, "status": "RUNNING", "currentMasterVersion": "1.30",
        "nodePools": [{"name": "a", "status": "RUNNING", "config": {"tags": []}}],
    })
}

fn peered() -> Value {
    value!({"enablePrivateNodes": true, "masterIpv4CidrBlock": "172.20.0.16/28",
            "peeringName": "gke-x-peer", "privateEndpoint": "172.20.0.18"})
}

fn subnetwork() -> Value {
    value!({"kind": "compute#subnetwork", "name": "nodes", "ipCidrRange": "10.20.0.0/22",
            "network": network(), "region": "europe-west1",
            "selfLink": "https://www.googleapis.com/compute/v1/projects/p/regions/europe-west1/subnetworks/nodes"})
}

fn rule(name: &str, more: &Value) -> Value {
    let mut made = value!({"kind": "compute#firewall", "name": name, "network": network(),
                           "direction": "INGRESS", "priority": 1000, "disabled": false,
                           "logConfig": {"enable": false}});
    for (key, field) in more.as_object().unwrap() {
        made[key] = field.clone();
    }
    made
}

/// The rules that GKE writes for a peered cluster.
fn own_rules() -> Vec<Value> {
    let to = |name: &str, sources: &str, allowed: Value| {
        rule(
            &format!("gke-blue-5f0c2a9e-{name}"),
            &value!({"sourceRanges": [sources], "allowed": allowed,
                     "targetTags": ["gke-blue-5f0c2a9e-node"]}),
        )
    };
    let all = ["tcp", "udp", "icmp", "esp", "ah", "sctp"].map(|one| value!({"IPProtocol": one}));
    vec![
        to("master", "172.20.0.16/28", value!([{"IPProtocol": "tcp", "ports": ["10250", "443"]}])),
        to(
            "vms",
            "10.20.0.0/22",
            value!([{"IPProtocol": "icmp"},
            {"IPProtocol": "tcp", "ports": ["1-65535"]}, {"IPProtocol": "udp", "ports": ["1-65535"]}]),
        ),
        to("all", "10.24.0.0/14", value!(all)),
    ]
}

fn service(name: &str, spec: &Value) -> Value {
    value!({"apiVersion": "v1", "kind": "Service", "spec": spec,
            "metadata": {"namespace": "policy", "name": name, "uid": "u"}})
}

fn webhook(name: &str, service: &Value, more: &Value) -> Value {
    let mut hook = value!({"name": name, "clientConfig": {"service": service},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                   "resources": ["pods"]}]});
    for (key, field) in more.as_object().unwrap() {
        hook[key] = field.clone();
    }
    value!({"apiVersion": "admissionregistration.k8s.io/v1", "webhooks": [hook],
            "kind": "ValidatingWebhookConfiguration", "metadata": {"name": name}})
}

fn asked(command: &str, resources: &[Value], text: &str) -> Value {
    let all = Value::from(resources.to_vec()).to_string();
    let folder = folder(&[("resources.json", all.as_bytes()), ("errors.txt", text.as_bytes())]);
    let path = folder.path().to_str().unwrap();
    json(&[command, path, "--fail-on", "never"])
}

/// The base of every case: a peered cluster with the rules that GKE writes.
fn base() -> Vec<Value> {
    let mut all = vec![cluster(&peered()), subnetwork()];
    all.extend(own_rules());
    all
}

fn needs(resources: &[Value]) -> Vec<Value> {
    asked("reach", resources, "")["needs"].as_array().unwrap().clone()
}

#[track_caller]
fn need(resources: &[Value], reason: &str) -> Value {
    let all = needs(resources);
    let found: Vec<_> =
        all.iter().filter(|need| need["reason"].as_str().unwrap().contains(reason)).collect();
    assert!(!found.is_empty(), "{reason}: {all:#?}");
    found[0].clone()
}

#[test]
fn a_cluster_with_its_own_rules_needs_nothing_more() {
    for need in needs(&base()) {
        assert_eq!(need["verdict"], "ALLOWED", "{need}");
    }
    assert_eq!(asked("check", &base(), "")["findings"], value!([]));
}

/// GKE's own rules, one after the other: missing, disabled, altered, outranked.
#[test]
fn what_became_of_gkes_own_rules_is_said() {
    let told = |change: &dyn Fn(&mut Vec<Value>), check: &str, text: &str| {
        let mut all = base();
        change(&mut all);
        let report = asked("check", &all, "");
        let found = findings(&report, check);
        assert_eq!(found.len(), 1, "{report:#}");
        assert_eq!(found[0]["basis"], "silent");
        let explained = found[0]["explanation"].to_string();
        assert!(explained.contains(text), "{explained}");
    };
    let (ingress, inside) = ("control-plane-ingress-blocked", "cluster-internal-blocked");
    told(&|all| drop(all.remove(2)), ingress, "gke-blue-HASH-master is missing");
    told(&|all| all[2]["disabled"] = value!(true), ingress, "-master is disabled");
    told(
        &|all| all[2]["sourceRanges"] = value!(["172.20.0.32/28"]),
        ingress,
        "-master does not allow all of this",
    );
    told(&|all| drop(all.remove(4)), inside, "gke-blue-HASH-all is missing");
    let deny = rule(
        "lockdown",
        &value!({"denied": [{"IPProtocol": "all"}], "priority": 500,
        "sourceRanges": ["172.20.0.0/16"]}),
    );
    told(&|all| all.push(deny.clone()), ingress, "-master is outranked by lockdown");
}

#[test]
fn the_port_is_the_pods() {
    let hook = |port: Value| {
        let mut target = value!({"namespace": "policy", "name": "guard"});
        if !port.is_null() {
            target["port"] = port;
        }
        webhook("guard.example.com", &target, &value!({}))
    };
    let with = |more: &[Value]| {
        let mut all = base();
        all.extend(more.iter().cloned());
        let found = need(&all, "guard.example.com");
        (found["port"].clone(), found["to"]["role"].clone(), found["verdict"].clone())
    };
    let denied = |port: u16| (value!(port), value!("pod"), value!("DENIED"));
    let ports = |ports: Value| value!({"selector": {"app": "guard"}, "ports": ports});
    let by_number = service("guard", &ports(value!([{"port": 443, "targetPort": 9443}])));
    assert_eq!(with(&[by_number, hook(value!(null))]), denied(9443));
    // The Service's own port, and not the first of its ports.
    let two = service("guard", &ports(value!([{"port": 80}, {"port": 8443}])));
    assert_eq!(with(&[two, hook(value!(8443))]), denied(8443));
    // A name: of the endpoints, of the containers.
    let by_name =
        service("guard", &ports(value!([{"name": "https", "port": 443, "targetPort": "tls"}])));
    let slice = value!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"namespace": "policy", "name": "guard-x",
                     "labels": {"kubernetes.io/service-name": "guard"}},
        "ports": [{"name": "https", "port": 7443}],
        "endpoints": [{"addresses": ["10.24.1.2"], "conditions": {"ready": true}}]});
    assert_eq!(with(&[by_name.clone(), slice.clone(), hook(value!(443))]), denied(7443));
    // They are what is dialled, whatever number the Service has.
    let written = service("guard", &ports(value!([{"port": 443, "targetPort": 443}])));
    assert_eq!(with(&[written.clone(), slice.clone(), hook(value!(443))]), denied(7443));
    // Pods that do not agree are called at the port of each.
    let mut other = slice.clone();
    other["metadata"]["name"] = value!("guard-y");
    other["ports"][0]["port"] = value!(7444);
    let objects = [by_name.clone(), slice.clone(), other, hook(value!(443))];
    let all = needs(&[base(), objects.to_vec()].concat());
    let called = all.iter().filter(|need| need["to"]["name"] == "policy/guard");
    let called: Vec<_> = called.map(|need| need["port"].as_u64().unwrap()).collect();
    assert_eq!(called, [7443, 7444]);
    // Endpoints that somebody wrote are not the cluster's pods.
    let mut elsewhere = slice;
    elsewhere["endpoints"][0]["addresses"] = value!(["10.60.0.5"]);
    let answer = with(&[written, elsewhere, hook(value!(443))]);
    assert_eq!(answer, (value!(7443), value!("unknown"), value!("UNDETERMINED")));
    let pod = |extra: Value| {
        let mut spec = value!({"containers": [{"name": "c", "image": "i",
            "ports": [{"name": "tls", "containerPort": 6443}]}]});
        for (key, field) in extra.as_object().unwrap() {
            spec[key] = field.clone();
        }
        value!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": "policy", "name": "guard"},
            "spec": {"template": {"metadata": {"labels": {"app": "guard", "v": "1"}}, "spec": spec}}})
    };
    let deployment = pod(value!({}));
    assert_eq!(with(&[by_name.clone(), deployment, hook(value!(443))]), denied(6443));
    // On the node's own address it is the node's.
    let on_node = pod(value!({"hostNetwork": true}));
    let answer = with(&[by_name.clone(), on_node, hook(value!(443))]);
    assert_eq!(answer, (value!(6443), value!("node"), value!("DENIED")));
    // Nobody resolves the name: then nobody knows the port.
    let answer = with(&[by_name, hook(value!(443))]);
    assert_eq!(answer, (value!(null), value!("pod"), value!("UNDETERMINED")));
    // What GKE opens by itself is fine.
    let fine = service("guard", &ports(value!([{"port": 443, "targetPort": 10250}])));
    assert_eq!(with(&[fine, hook(value!(443))]).2, "ALLOWED");
}

/// Only who is asked about every new pod stops all of them.
#[test]
fn what_stands_still_depends_on_what_it_is_asked_about() {
    let radius = |more: Value| {
        let ports =
            value!({"selector": {"app": "g"}, "ports": [{"port": 443, "targetPort": 9443}]});
        let target = value!({"namespace": "policy", "name": "guard"});
        let all =
            [base(), vec![service("guard", &ports), webhook("a.example.com", &target, &more)]];
        let report = asked("check", &all.concat(), "");
        let found = findings(&report, "webhook-port-blocked");
        assert_eq!(found.len(), 1, "{report:#}");
        found[0]["explanation"].to_string()
    };
    let rules = |groups: &[&str], resources: &[&str], operations: &[&str]| {
        value!({"rules": [{"apiGroups": groups, "apiVersions": ["v1"], "operations": operations,
            "resources": resources}]})
    };
    for (more, told) in [
        (rules(&["*"], &["*"], &["*"]), "nothing can start"),
        (rules(&["apps", ""], &["deployments", "pods"], &["CREATE"]), "nothing can start"),
        (rules(&["cert-manager.io"], &["*/*"], &["CREATE"]), "*/*.cert-manager.io CREATE"),
        (rules(&["metrics.k8s.io"], &["pods"], &["CREATE"]), "pods.metrics.k8s.io CREATE"),
        (rules(&[""], &["pods"], &["UPDATE"]), "refused while it is unreachable: pods UPDATE"),
        (rules(&[""], &["pods/exec"], &["CONNECT"]), "unreachable: pods/exec CONNECT"),
        (value!({"objectSelector": {"matchLabels": {"a": "b"}}}), "none that it selects can start"),
        (
            value!({"namespaceSelector": {"matchExpressions": [
                {"key": "inject", "operator": "In", "values": ["true"]}]}}),
            "none that it selects can start",
        ),
        (value!({"namespaceSelector": {}, "objectSelector": null}), "nothing can start"),
    ] {
        let explanation = radius(more);
        assert!(explanation.contains(told), "{told}: {explanation}");
    }
}

#[test]
fn failure_policy_and_blast_radius() {
    let mut all = base();
    let ports = value!({"selector": {"app": "g"}, "ports": [{"port": 443, "targetPort": 9443}]});
    all.push(service("guard", &ports));
    let target = value!({"namespace": "policy", "name": "guard"});
    all.push(webhook("a.example.com", &target, &value!({"failurePolicy": "Ignore"})));
    let report = asked("check", &all, "");
    let found = findings(&report, "webhook-port-blocked");
    assert_eq!((found.len(), &found[0]["severity"]), (1, &value!("warning")));
    assert!(found[0]["explanation"].to_string().contains("silently skipped"));
    all.push(webhook("b.example.com", &target, &value!({})));
    let report = asked("check", &all, "");
    let found = findings(&report, "webhook-port-blocked");
    assert_eq!((found.len(), &found[0]["severity"]), (1, &value!("error")));
    assert!(found[0]["explanation"].to_string().contains("nothing can start"));
    // Old manifests that say nothing mean Ignore.
    all.last_mut().unwrap()["apiVersion"] = value!("admissionregistration.k8s.io/v1beta1");
    let found = need(&all, "b.example.com");
    assert_eq!(
        (&found["failure_policy"], &found["scope"]),
        (&value!("Ignore"), &value!("pods CREATE"))
    );
    let fixes = asked("check", &all, "")["findings"][0]["fixes"].clone();
    assert_eq!(fixes[0]["rule"]["source_ranges"], value!(["172.20.0.16/28"]));
    assert_eq!(fixes[0]["rule"]["target_tags"], value!(["gke-blue-5f0c2a9e-node"]));
    assert_eq!(fixes[0]["rule"]["layer4"], value!([{"protocol": "tcp", "ports": ["9443"]}]));
    assert_eq!(fixes[1]["kind"], "advice");
}

/// All blocked ports of a cluster are one new rule.
#[test]
fn one_rule_for_all_webhooks() {
    let mut all = base();
    for (name, port) in [("one", 9443), ("two", 8443), ("three", 15017)] {
        let ports =
            value!({"selector": {"app": name}, "ports": [{"port": 443, "targetPort": port}]});
        all.push(service(name, &ports));
        let target = value!({"namespace": "policy", "name": name});
        all.push(webhook(&format!("{name}.example.com"), &target, &value!({})));
    }
    let report = asked("reach", &all, "");
    let found = findings(&report, "webhook-port-blocked");
    assert_eq!(found.len(), 3);
    for finding in found {
        let fix = &finding["fixes"][0];
        assert_eq!(fix["rule"]["layer4"][0]["ports"], value!(["8443", "9443", "15017"]), "{fix:#}");
        assert_eq!(fix["rule"]["name"], report["findings"][0]["fixes"][0]["rule"]["name"]);
    }
}

/// One rule for all webhooks opens none that somebody closed on purpose.
#[test]
fn a_rule_for_many_opens_nothing_denied_on_purpose() {
    let mut all = base();
    for (name, port) in [("one", 9443), ("two", 8443)] {
        let ports =
            value!({"selector": {"app": name}, "ports": [{"port": 443, "targetPort": port}]});
        all.push(service(name, &ports));
        let target = value!({"namespace": "policy", "name": name});
        all.push(webhook(&format!("{name}.example.com"), &target, &value!({})));
    }
    // Both are denied by one catch-all; the rule by name comes after it, and is meant all the same.
    all.push(rule(
        "deny-all",
        &value!({"priority": 50000, "sourceRanges": ["0.0.0.0/0"],
                 "denied": [{"IPProtocol": "all"}]}),
    ));
    all.push(rule(
        "no-legacy-webhook",
        &value!({"priority": 60000, "sourceRanges": ["172.20.0.16/28"],
                 "denied": [{"IPProtocol": "tcp", "ports": ["8443"]}]}),
    ));
    let report = asked("reach", &all, "");
    let found = findings(&report, "webhook-port-blocked");
    let (open, closed): (Vec<&Value>, Vec<&Value>) =
        found.iter().partition(|finding| finding["flow"]["ports"] == value!(["9443"]));
    let fix = &open[0]["fixes"][0];
    assert_eq!(fix["rule"]["layer4"][0]["ports"], value!(["9443"]), "{fix:#}");
    assert!(fix["proof"].is_object(), "{fix:#}");
    // The other one is told, with the rule that somebody wrote, and not opened.
    assert_eq!((open.len(), closed.len()), (1, 1), "{report:#}");
    let fixes = closed[0]["fixes"].as_array().unwrap();
    assert!(fixes.iter().all(|fix| fix["rule"].is_null()), "{:#}", closed[0]);
    assert!(closed[0]["no_fix"].as_str().unwrap().contains("no-legacy-webhook"), "{:#}", closed[0]);
}

/// Who does not say whom it calls is told to be left out.
#[test]
fn calls_without_a_target_are_told() {
    let mut hook =
        webhook("guard.example.com", &value!({"namespace": "policy", "name": "g"}), &value!({}));
    let told = |hook: &Value| {
        let all = [base(), vec![hook.clone()]].concat();
        asked("check", &all, "")["complaints"].to_string().contains("whom it calls")
    };
    assert!(!told(&hook));
    hook["webhooks"][0].as_object_mut().unwrap().remove("clientConfig");
    assert!(told(&hook));
    let api = |service: Value| {
        value!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": "v1.x"}, "spec": {"group": "x", "version": "v1", "service": service}})
    };
    assert!(told(&api(value!({"namespace": "policy"}))));
    assert!(!told(&api(Value::Null)));
}

#[test]
fn a_control_plane_without_a_range_is_given_none() {
    let ports = value!({"selector": {"app": "g"}, "ports": [{"port": 443, "targetPort": 9443}]});
    let target = value!({"namespace": "policy", "name": "guard"});
    let psc = value!({"enablePrivateNodes": true, "privateEndpoint": "10.20.0.5",
        "privateEndpointSubnetwork": "projects/p/regions/europe-west1/subnetworks/nodes"});
    let mut all = base();
    all[0] = cluster(&psc);
    all.remove(2);
    all.push(service("guard", &ports));
    all.push(webhook("guard.example.com", &target, &value!({})));
    let found = need(&all, "guard.example.com");
    assert_eq!((&found["verdict"], &found["doubtful"]), (&value!("ALLOWED"), &value!(true)));
    assert!(found["because"].to_string().contains("konnectivity"), "{found}");
    assert_eq!(findings(&asked("check", &all, ""), "webhook-port-blocked").len(), 0);
    let registers = need(&all, "nodes register");
    assert_eq!(registers["to"]["ranges"], value!(["10.20.0.5/32"]));
    // With a range beside it, the log tells who speaks: one cause, in one place.
    all[0] = cluster(&value!({"enablePrivateNodes": true, "privateEndpoint": "172.20.0.18",
        "masterIpv4CidrBlock": "172.20.0.16/28",
        "privateEndpointSubnetwork": "projects/p/regions/europe-west1/subnetworks/pe"}));
    assert_eq!(need(&all, "guard.example.com")["from"]["role"], "pod");
    for (network, role) in [("n", "control-plane"), ("another", "pod")] {
        let mut entry = denied("172.20.0.18", "10.24.0.9", 9443, "r", "INGRESS", "v");
        entry["jsonPayload"]["vpc"]["vpc_name"] = value!(network);
        let with_log = [&all[..], &[entry]].concat();
        assert_eq!(need(&with_log, "guard.example.com")["from"]["role"], role, "{network}");
    }
    // Peered, but the range was cut off the export: it is asked for, not made up.
    let mut all = base();
    all[0] = cluster(&value!({"enablePrivateNodes": true, "peeringName": "gke-x-peer"}));
    all.push(service("guard", &ports));
    all.push(webhook("guard.example.com", &target, &value!({})));
    let found = need(&all, "guard.example.com");
    assert_eq!(
        (&found["verdict"], &found["from"]["ranges"]),
        (&value!("UNDETERMINED"), &value!([]))
    );
    assert!(found["because"].to_string().contains("masterIpv4CidrBlock"), "{found}");
}

#[test]
fn probes_of_every_kind_of_balancer() {
    let mut all = base();
    let neg = value!({"cloud.google.com/neg": "{\"ingress\": true}",
        "cloud.google.com/backend-config": "{\"default\": \"slow\"}"});
    let mut web = service(
        "web",
        &value!({"type": "ClusterIP", "selector": {"app": "web"},
        "ports": [{"port": 80, "targetPort": 8080}]}),
    );
    web["metadata"]["annotations"] = neg;
    let old = service(
        "old",
        &value!({"type": "NodePort", "selector": {"app": "old"},
        "ports": [{"port": 80, "targetPort": 8081, "nodePort": 31234}]}),
    );
    let local = service(
        "local",
        &value!({"type": "LoadBalancer", "externalTrafficPolicy": "Local",
        "healthCheckNodePort": 32100, "ports": [{"port": 5432}]}),
    );
    let shared = service("shared", &value!({"type": "LoadBalancer", "ports": [{"port": 5433}]}));
    let backend = |name: &str| value!({"path": "/", "backend": {"service": {"name": name, "port": {"number": 80}}}});
    let ingress = value!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": "policy", "name": "shop"},
        "spec": {"rules": [{"http": {"paths": [backend("web"), backend("old")]}}]}});
    let config = value!({"apiVersion": "cloud.google.com/v1", "kind": "BackendConfig",
        "metadata": {"namespace": "policy", "name": "slow"}, "spec": {"healthCheck": {"port": 9999}}});
    let nginx = value!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": "policy", "name": "other"},
        "spec": {"ingressClassName": "nginx", "rules": [{"http": {"paths": [backend("web")]}}]}});
    all.extend([web, old, local, shared, ingress, config, nginx]);
    let probes: Vec<_> = needs(&all)
        .iter()
        .filter(|need| need["from"]["role"] == "health-check")
        .map(|need| {
            assert_eq!(need["verdict"], "DENIED");
            let ranges = need["from"]["ranges"].as_array().unwrap().len();
            (
                need["to"]["role"].as_str().unwrap().to_owned(),
                need["port"].as_u64().unwrap(),
                ranges,
            )
        })
        .collect();
    let expected = [
        ("node", 31234, 2),
        ("pod", 8080, 2),
        ("pod", 9999, 2),
        ("node", 32100, 3),
        ("node", 10256, 3),
    ];
    assert_eq!(probes, expected.map(|(role, port, ranges)| (role.to_owned(), port, ranges)));
    // An internal balancer is probed on the same port from other ranges: one rule is missing.
    let mut inner = service("inner", &value!({"type": "LoadBalancer", "ports": [{"port": 5434}]}));
    inner["metadata"]["annotations"] = value!({"networking.gke.io/load-balancer-type": "Internal"});
    let report = asked("check", &[&all[..], &[inner]].concat(), "");
    let found = findings(&report, "health-check-blocked");
    let of_port: Vec<&&Value> =
        found.iter().filter(|one| one["flow"]["ports"] == value!(["10256"])).collect();
    let [only] = of_port.as_slice() else { panic!("{of_port:#?}") };
    assert_eq!(only["flow"]["source"]["ranges"].as_array().unwrap().len(), 4, "{only:#}");
    // A rule of the right ranges and ports ends it.
    all.push(rule(
        "probes",
        &value!({"allowed": [{"IPProtocol": "tcp", "ports": ["8080", "9999", "31234"]}],
        "sourceRanges": ["35.191.0.0/16", "130.211.0.0/22"]}),
    ));
    let left = needs(&all).iter().filter(|need| need["verdict"] == "DENIED").count();
    assert_eq!(left, 2);
}

/// Instance groups are probed on a node port, whichever the BackendConfig names; balancers of
/// somebody else's class are not GKE's, and an internal class is inner.
#[test]
fn probes_go_where_the_objects_say() {
    let with = |object: Value, more: Vec<Value>| {
        let all = [base(), vec![object], more].concat();
        let probes = needs(&all);
        let probes = probes.iter().filter(|need| need["from"]["role"] == "health-check");
        let count = |need: &Value| need["from"]["ranges"].as_array().unwrap().len();
        let role = |need: &Value| need["to"]["role"].as_str().unwrap().to_owned();
        probes
            .map(|need| (role(need), need["port"].as_u64().unwrap(), count(need)))
            .collect::<Vec<_>>()
    };
    let mut old = service(
        "old",
        &value!({"type": "NodePort", "selector": {"app": "old"},
        "ports": [{"port": 80, "targetPort": 8081, "nodePort": 31234}]}),
    );
    old["metadata"]["annotations"] =
        value!({"cloud.google.com/backend-config": "{\"default\": \"own\"}"});
    let front = value!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": "policy", "name": "shop"},
        "spec": {"defaultBackend": {"service": {"name": "old", "port": {"number": 80}}}}});
    let config = value!({"apiVersion": "cloud.google.com/v1", "kind": "BackendConfig",
        "metadata": {"namespace": "policy", "name": "own"}, "spec": {"healthCheck": {"port": 30999}}});
    assert_eq!(
        with(old.clone(), vec![front.clone(), config.clone()]),
        [("node".to_owned(), 31234, 2), ("node".to_owned(), 30999, 2)]
    );
    // Where requests go is not known with what is probed.
    old["spec"]["ports"][0].as_object_mut().unwrap().remove("nodePort");
    let all = [base(), vec![old, front, config]].concat();
    let open: Vec<_> = needs(&all)
        .into_iter()
        .filter(|need| need["port"].is_null() && need["from"]["role"] == "health-check")
        .collect();
    let [front_ends] = open.as_slice() else { panic!("{open:#?}") };
    assert!(front_ends["reason"].as_str().unwrap().starts_with("front ends of"), "{front_ends:#}");
    assert!(front_ends["because"].to_string().contains("the node port"), "{front_ends:#}");
    let balancer = |class: &str| {
        service(
            "inner",
            &value!({"type": "LoadBalancer", "loadBalancerClass": class, "ports": [{"port": 5432}]}),
        )
    };
    let inner = with(balancer("networking.gke.io/l4-regional-internal"), Vec::new());
    assert_eq!(inner, [("node".to_owned(), 10256, 2)]);
    let outer = with(balancer("networking.gke.io/l4-regional-external"), Vec::new());
    assert_eq!(outer, [("node".to_owned(), 10256, 3)]);
    assert_eq!(with(balancer("tailscale"), Vec::new()), []);
}

/// A rule for one pool's tag decides for that pool, and what is known of all pools is known.
#[test]
fn a_regional_gateway_needs_its_probes_and_its_proxies() {
    let mut resources = base();
    let proxies = value!({"kind": "compute#subnetwork", "name": "proxies", "network": network(),
        "region": "europe-west1", "ipCidrRange": "10.129.0.0/23", "purpose": "REGIONAL_MANAGED_PROXY"});
    let gateway = value!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": "inner", "namespace": "policy"},
        "spec": {"gatewayClassName": "gke-l7-rilb",
                 "listeners": [{"port": 80, "protocol": "HTTP"}]}});
    let route = value!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "api", "namespace": "policy"},
        "spec": {"parentRefs": [{"name": "inner"}],
                 "rules": [{"backendRefs": [{"name": "api", "port": 80}]}]}});
    let ports = value!({"ports": [{"port": 80, "targetPort": 8080}]});
    // Of another region, whose name begins alike, and for balancers across regions.
    let mut elsewhere = proxies.clone();
    (elsewhere["name"], elsewhere["ipCidrRange"]) = (value!("other"), value!("10.130.0.0/23"));
    elsewhere["region"] = value!("europe-west12");
    let mut across = proxies.clone();
    (across["name"], across["ipCidrRange"]) = (value!("across"), value!("10.131.0.0/23"));
    across["purpose"] = value!("GLOBAL_MANAGED_PROXY");
    resources.extend([elsewhere, across, proxies, gateway, route, service("api", &ports)]);
    let all = needs(&resources);
    let of = |who: &str| {
        let reason = format!("{who} of HTTPRoute policy/api to pods of policy/api");
        let found = all.iter().find(|need| need["reason"] == reason);
        let found = found.unwrap_or_else(|| panic!("no {reason}: {all:#?}"));
        (found["from"]["ranges"].clone(), found["port"].clone())
    };
    let probes = value!(["35.191.0.0/16", "130.211.0.0/22"]);
    assert_eq!(of("probes"), (probes, value!(8080)));
    assert_eq!(of("proxies"), (value!(["10.129.0.0/23"]), value!(8080)));
    // Proxies carry the traffic and probe nothing: to look at the probes would lead astray.
    let report = asked("check", &resources, "");
    let title = |role: &str| {
        let mut found = findings(&report, "health-check-blocked").into_iter();
        found.find(|one| one["flow"]["source"]["role"] == role).expect("one")["title"].clone()
    };
    assert_eq!(title("health-check"), "health checks cannot reach pods of policy/api on tcp 8080");
    assert_eq!(
        title("proxy-subnet"),
        "the load balancer's proxies cannot reach pods of policy/api on tcp 8080"
    );
    // A health check of its own port is for the probes alone, and requests are none of theirs.
    resources.push(value!({"apiVersion": "networking.gke.io/v1", "kind": "HealthCheckPolicy",
        "metadata": {"name": "api", "namespace": "policy"}, "spec": {
            "targetRef": {"group": "", "kind": "Service", "name": "api"},
            "default": {"config": {"type": "HTTP", "httpHealthCheck": {"port": 8081}}}}}));
    let told = |all: &[Value]| {
        let mut told: Vec<_> = needs(all)
            .iter()
            .filter(|need| need["reason"].as_str().unwrap().contains("HTTPRoute"))
            .map(|need| (need["from"]["role"].clone(), need["port"].clone()))
            .collect();
        told.sort_by_key(|(role, port)| format!("{role} {port}"));
        told
    };
    let (probes, proxies) = (value!("health-check"), value!("proxy-subnet"));
    assert_eq!(told(&resources), [(probes.clone(), value!(8081)), (proxies, value!(8080))]);
    // Front ends of an external one bring requests from the ranges of the probes.
    let of_class = |one: &&mut Value| one["kind"] == "Gateway";
    let gateway = resources.iter_mut().find(of_class).unwrap();
    gateway["spec"]["gatewayClassName"] = value!("gke-l7-global-external-managed");
    let both = [(probes.clone(), value!(8080)), (probes, value!(8081))];
    assert_eq!(told(&resources), both);
    resources.push(rule(
        "probes",
        &value!({"allowed": [{"IPProtocol": "tcp", "ports": ["8081"]}],
        "sourceRanges": ["35.191.0.0/16", "130.211.0.0/22"]}),
    ));
    let report = asked("check", &resources, "");
    let found = findings(&report, "health-check-blocked");
    let [only] = found.as_slice() else { panic!("{found:#?}") };
    let title = "the load balancer's front ends cannot reach pods of policy/api on tcp 8080";
    assert_eq!(only["title"], title);
}

/// What the log shows of a balancer's proxies is what they are known to need.
#[test]
fn logged_requests_of_proxies_are_the_balancers() {
    let mut all = base();
    let subnet = value!({"kind": "compute#subnetwork", "name": "proxies", "network": network(),
        "region": "europe-west1", "ipCidrRange": "10.129.0.0/23", "purpose": "REGIONAL_MANAGED_PROXY"});
    let ingress = value!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": "policy", "name": "in",
            "annotations": {"kubernetes.io/ingress.class": "gce-internal"}},
        "spec": {"defaultBackend": {"service": {"name": "api", "port": {"number": 80}}}}});
    let ports = value!({"ports": [{"port": 80, "targetPort": 8080}]});
    let entry =
        common::small::denied("10.129.0.7", "10.24.0.9", 8080, "deny", "INGRESS", "gke-blue");
    let mut entry = entry;
    entry["jsonPayload"]["vpc"] = value!({"project_id": "p", "vpc_name": "n"});
    all.push(subnet);
    all.push(entry.clone());
    let checks = |all: &[Value]| {
        let report = asked("triage", all, "");
        let of_proxies = |one: &&Value| one["flow"]["source"]["role"] == "proxy-subnet";
        let found = report["findings"].as_array().unwrap().iter().filter(of_proxies);
        found.map(|one| one["check"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(checks(&all), ["unexplained-denial"]);
    all.extend([ingress, service("api", &ports)]);
    assert_eq!(checks(&all), ["health-check-blocked"]);
}

#[test]
fn pools_are_told_apart_by_their_tags() {
    let mut all = base();
    let pool = |name: &str, tag: &str| value!({"name": name, "config": {"tags": [tag]}});
    all[0]["nodePools"] = value!([pool("a", "spot"), pool("b", "steady")]);
    let deny = |tag: &str| {
        rule(
            "quarantine",
            &value!({"denied": [{"IPProtocol": "all"}],
        "priority": 10, "sourceRanges": ["172.20.0.16/28"], "targetTags": [tag]}),
        )
    };
    all.push(deny("nobodys"));
    assert_eq!(need(&all, "kubelet")["verdict"], "ALLOWED");
    *all.last_mut().unwrap() = deny("spot");
    assert_eq!(need(&all, "kubelet")["verdict"], "MIXED");
}

/// Without the subnetwork, Nodes tell their own addresses.
#[test]
fn nodes_tell_their_addresses() {
    let mut all = base();
    all.remove(1);
    assert_eq!(need(&all, "nodes reach pods")["verdict"], "UNDETERMINED");
    all.push(value!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "gke-blue-a-1"},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.20.0.7"},
                                 {"type": "Hostname", "address": "x"}]}}));
    let found = need(&all, "nodes reach pods");
    assert_eq!(
        (&found["verdict"], &found["from"]["ranges"]),
        (&value!("ALLOWED"), &value!(["10.20.0.7/32"]))
    );
}

#[test]
fn conversions_and_urls_are_called_too() {
    let mut all = base();
    let client = value!({"service": {"namespace": "policy", "name": "conv"}});
    all.push(value!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "carts.shop.example"},
        "spec": {"names": {"plural": "carts"}, "conversion": {"strategy": "Webhook",
                 "webhook": {"clientConfig": client}}}}));
    all.push(service(
        "conv",
        &value!({"selector": {"a": "b"}, "ports": [{"port": 443, "targetPort": 9876}]}),
    ));
    let found = need(&all, "conversion webhook of carts.shop.example");
    assert_eq!((&found["port"], &found["verdict"]), (&value!(9876), &value!("DENIED")));
    let mut by_url = webhook("far.example.com", &value!({}), &value!({}));
    by_url["webhooks"][0]["clientConfig"] = value!({"url": "https://far.example.com:8443/x"});
    all.push(by_url);
    let found = need(&all, "far.example.com");
    assert_eq!((&found["port"], &found["verdict"]), (&value!(8443), &value!("UNDETERMINED")));
    let policy = value!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "p"}, "spec": {}});
    let before = needs(&all).len();
    all.push(policy);
    assert_eq!(needs(&all).len(), before);
}

/// Backend services as gcloud describes them: the health check's port, the group's named port, the
/// endpoints' own, and proxies of a regional balancer.
#[test]
fn backend_services_of_gcloud() {
    let link = |what: &str| format!("https://www.googleapis.com/compute/v1/projects/p/{what}");
    let backend = |name: &str, scheme: &str, group: &str, check: &str| {
        value!({"kind": "compute#backendService", "name": name, "loadBalancingScheme": scheme,
            "protocol": "HTTP", "portName": "web", "region": link("regions/europe-west1"),
            "backends": [{"group": link(group)}], "healthChecks": [link(check)]})
    };
    let mut all = base();
    all.extend([
        backend("ig", "EXTERNAL", "zones/z/instanceGroups/vms", "global/healthChecks/fixed"),
        backend("neg", "INTERNAL_MANAGED", "zones/z/networkEndpointGroups/pods", "global/healthChecks/serving"),
        value!({"kind": "compute#healthCheck", "name": "fixed", "type": "HTTP", "httpHealthCheck": {"port": 88}}),
        value!({"kind": "compute#healthCheck", "name": "serving", "type": "HTTP",
                "httpHealthCheck": {"portSpecification": "USE_SERVING_PORT"}}),
        value!({"kind": "compute#instanceGroup", "name": "vms", "network": network(),
                "namedPorts": [{"name": "web", "port": 8000}]}),
        value!({"kind": "compute#networkEndpointGroup", "name": "pods", "network": network(),
                "networkEndpointType": "GCE_VM_IP_PORT", "defaultPort": 9000}),
        value!({"kind": "compute#subnetwork", "name": "proxies", "ipCidrRange": "10.9.0.0/23",
                "network": network(), "region": "europe-west1", "purpose": "REGIONAL_MANAGED_PROXY"}),
    ]);
    let asked_for = |all: &[Value]| -> Vec<(String, u64)> {
        needs(all)
            .iter()
            .filter(|need| need["reason"].as_str().unwrap().contains("backend service"))
            .map(|need| {
                (need["from"]["role"].as_str().unwrap().to_owned(), need["port"].as_u64().unwrap())
            })
            .collect()
    };
    let found = asked_for(&all);
    let expected = [
        ("health-check", 88),
        ("health-check", 8000),
        ("health-check", 9000),
        ("proxy-subnet", 9000),
    ];
    assert_eq!(found, expected.map(|(role, port)| (role.to_owned(), port)));
    // The requests of a mesh come from the clients' own proxies.
    let of_name = |one: &&mut Value| one["name"] == "ig";
    all.iter_mut().find(of_name).unwrap()["loadBalancingScheme"] = value!("INTERNAL_SELF_MANAGED");
    let of_mesh = ("health-check".to_owned(), 8000);
    assert_eq!(
        asked_for(&all),
        found.into_iter().filter(|one| *one != of_mesh).collect::<Vec<_>>()
    );
}

#[test]
fn manifests_alone_assume_what_gke_writes() {
    let manifest = |kind: &str, name: &str, spec: Value| {
        value!({"apiVersion": "compute.cnrm.cloud.google.com/v1beta1", "kind": kind,
                "metadata": {"name": name}, "spec": spec})
    };
    let mut all = vec![
        value!({"apiVersion": "container.cnrm.cloud.google.com/v1beta1", "kind": "ContainerCluster",
            "metadata": {"name": "blue"}, "spec": {"location": "europe-west1",
            "networkRef": {"name": "n"}, "subnetworkRef": {"name": "nodes"},
            "ipAllocationPolicy": {"clusterSecondaryRangeName": "pods"},
            "privateClusterConfig": {"masterIpv4CidrBlock": "172.20.0.16/28"}}}),
        manifest(
            "ComputeSubnetwork",
            "nodes",
            value!({"ipCidrRange": "10.20.0.0/22",
            "region": "europe-west1", "networkRef": {"name": "n"},
            "secondaryIpRange": [{"rangeName": "pods", "ipCidrRange": "10.24.0.0/14"}]}),
        ),
        manifest(
            "ComputeFirewall",
            "ssh",
            value!({"networkRef": {"name": "n"},
            "allow": [{"protocol": "tcp", "ports": ["22"]}], "sourceRanges": ["10.0.0.0/8"]}),
        ),
    ];
    let kubelet = need(&all, "kubelet");
    assert_eq!((&kubelet["verdict"], &kubelet["assumed"]), (&value!("ALLOWED"), &value!(true)));
    assert_eq!(asked("check", &all, "")["findings"], value!([]));
    // A rule that somebody described beside them is no list of all; where the network's rules were
    // exported, and they are missing there, the export is believed.
    let other = |name: &str| {
        let fields = value!({"network": "n", "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}],
            "sourceRanges": ["10.0.0.0/8"]});
        rule(name, &fields)
    };
    all.push(other("other"));
    assert_eq!(need(&all, "kubelet")["verdict"], "ALLOWED");
    let mut exported = all.clone();
    exported.push(other("another"));
    assert_eq!(need(&exported, "kubelet")["verdict"], "DENIED");
    // What the manifests keep is in the export, too: that is all of them.
    exported.pop();
    exported.push(rule(
        "ssh",
        &value!({"network": "n", "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}],
            "sourceRanges": ["10.0.0.0/8"]}),
    ));
    assert_eq!(need(&exported, "kubelet")["verdict"], "DENIED");
}

/// One error text, three answers.
#[test]
fn an_error_is_the_firewalls_or_not_or_nobody_can_tell() {
    let text = r#"Error: Internal error occurred: failed calling webhook "guard.example.com": failed to call webhook: Post "https://guard.policy.svc:443/c?timeout=10s": context deadline exceeded"#;
    let ports = value!({"selector": {"app": "g"}, "ports": [{"port": 443, "targetPort": 9443}]});
    let target = value!({"namespace": "policy", "name": "guard"});
    let mut all = base();
    all.push(service("guard", &ports));
    all.push(webhook("guard.example.com", &target, &value!({})));
    let report = asked("triage", &all, text);
    let found = findings(&report, "webhook-port-blocked");
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "one cause: {report:#}");
    assert!(found[0]["explanation"].to_string().contains("seen: failed calling webhook"));
    assert_eq!(found[0]["fixes"][0]["rule"]["layer4"][0]["ports"], value!(["9443"]));
    // The rule is there: the cause is elsewhere, and the simulation says so.
    let open = rule(
        "open",
        &value!({"allowed": [{"IPProtocol": "tcp", "ports": ["9443"]}],
        "sourceRanges": ["172.20.0.16/28"]}),
    );
    all.push(open);
    let report = asked("triage", &all, text);
    let found = findings(&report, "webhook-backend-missing");
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report:#}");
    assert_eq!(found[0]["confidence"], "proven");
    assert!(found[0]["no_fix"].as_str().unwrap().starts_with("not the firewall"));
    assert!(found[0]["explanation"].to_string().contains("rule open (priority 1000) allows it"));
    // Nothing but the text.
    let report = asked("triage", &[], text);
    let found = findings(&report, "webhook-port-blocked");
    assert_eq!(
        (&found[0]["basis"], &found[0]["confidence"]),
        (&value!("symptom"), &value!("possible"))
    );
    assert!(found[0]["no_fix"].as_str().unwrap().starts_with("cannot tell"));
    // Refused means that the packet arrived, whatever the rules say.
    let refused = text.replace(
        "context deadline exceeded",
        "dial tcp 10.24.3.4:9443: connect: connection refused",
    );
    let report = asked("triage", &[], &refused);
    assert_eq!(findings(&report, "webhook-port-blocked").len(), 0);
    let found = findings(&report, "webhook-backend-missing");
    assert!(found[0]["no_fix"].as_str().unwrap().contains("connection refused"));
}

/// The log and an error speak of one connection, whatever else was given.
#[test]
fn an_error_and_the_log_are_one_cause() {
    let entry = value!({"insertId": "i", "timestamp": "2026-10-14T09:00:00Z",
        "logName": "projects/p/logs/compute.googleapis.com%2Ffirewall",
        "jsonPayload": {"disposition": "DENIED",
            "connection": {"src_ip": "172.20.0.18", "src_port": 4000, "dest_ip": "10.24.3.4",
                           "dest_port": 9443, "protocol": 6},
            "rule_details": {"reference": "network:n/firewall:deny-all", "direction": "INGRESS"}}});
    let text = r#"failed calling webhook "g.example.com": Post https://g.policy.svc:443/c: dial tcp 10.24.3.4:9443: i/o timeout"#;
    for resources in [base(), Vec::new()] {
        let mut all = resources;
        all.push(entry.clone());
        let report = asked("triage", &all, text);
        let of_calls: Vec<_> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["explanation"].to_string().contains("seen: failed calling"))
            .collect();
        assert_eq!(of_calls.len(), 1, "{report:#}");
        assert_eq!(of_calls[0]["basis"], "observed");
    }
    assert_eq!(asked("check", &base(), text)["findings"], value!([]), "check reads no errors");
}

/// Pods that an error names by their address need no Service to be found.
#[test]
fn an_address_in_an_error_is_enough() {
    let text = "failing or missing response from https://10.24.6.9:6443/apis/custom.metrics.k8s.io/v1beta1: context deadline exceeded";
    let report = asked("triage", &base(), text);
    let found = findings(&report, "aggregated-api-blocked");
    assert_eq!((found.len(), &found[0]["basis"]), (1, &value!("symptom")));
    assert_eq!(found[0]["fixes"][0]["rule"]["layer4"][0]["ports"], value!(["6443"]));
    assert_eq!(found[0]["fixes"][0]["rule"]["source_ranges"], value!(["172.20.0.16/28"]));
}

/// The API server dials a Service's own address too, and of that the port is not the pod's: that
/// 443 is open says nothing about the port that the pods listen on.
#[test]
fn an_address_outside_of_the_cluster_is_no_pods() {
    for dialled in ["10.28.0.77", "10.243.1.1"] {
        let text = format!(
            r#"failed calling webhook "g.example.com": Post https://g.policy.svc:443/c: dial tcp {dialled}:443: i/o timeout"#
        );
        let report = asked("triage", &base(), &text);
        let found = report["findings"].as_array().unwrap();
        assert_eq!(found.len(), 1, "{report:#}");
        assert_eq!(found[0]["check"], "webhook-port-blocked", "{:#}", found[0]);
        assert_eq!(found[0]["confidence"], "possible", "{:#}", found[0]);
        assert!(found[0]["no_fix"].as_str().unwrap().starts_with("cannot tell"), "{:#}", found[0]);
    }
    // A pod's address is believed.
    let text = r#"failed calling webhook "g.example.com": Post https://g.policy.svc:443/c: dial tcp 10.24.6.9:443: i/o timeout"#;
    let report = asked("triage", &base(), text);
    let found = findings(&report, "webhook-backend-missing");
    assert!(found[0]["no_fix"].as_str().unwrap().starts_with("not the firewall"), "{report:#}");
}

#[test]
fn errors_come_by_standard_input_too() {
    let text = "failed calling webhook \"g.example.com\": Post https://g.policy.svc:443/c: dial tcp 10.1.2.3:8443: i/o timeout";
    let output = common::run_with(&["triage", "-", "--format", "json"], Some(text.as_bytes()));
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(findings(&report, "webhook-port-blocked")[0]["flow"]["ports"], value!(["8443"]));
}

/// Outputs of kubectl as people posted them: descriptions, tables of events, hard-wrapped too.
#[test]
fn real_outputs_of_kubectl() {
    let Some(corpus) = corpus() else { return };
    for (file, check, subject) in [
        ("kubectl-describe-apiservice.txt", "aggregated-api-blocked", "10.44.12.6:6443"),
        ("kubectl-describe-pod-events.txt", "image-pull-failing", "docker.elastic.co"),
        (
            "kubectl-describe-rs-events.txt",
            "webhook-port-blocked",
            "istio-system/istio-sidecar-injector",
        ),
        ("kubectl-describe-svc-events.txt", "exposure-blocked", "asks for a firewall rule"),
    ] {
        let path = corpus.join("issue-outputs").join(file);
        let report = json(&["triage", path.to_str().unwrap()]);
        let found = findings(&report, check);
        assert!(!found.is_empty(), "{file}: {report:#}");
        assert!(found[0]["title"].as_str().unwrap().contains(subject), "{}", found[0]["title"]);
        assert!(found[0]["no_fix"].as_str().unwrap().starts_with("cannot tell"), "{file}");
        assert_eq!(report["inputs"][0]["kind"], "error-texts");
    }
}

#[test]
fn the_ports_of_real_webhooks() {
    let Some(corpus) = corpus() else { return };
    let table =
        std::fs::read_to_string(corpus.join("webhooks/expected-webhook-ports.tsv")).unwrap();
    let mut checked = 0;
    for line in table.lines().skip(2) {
        let cells: Vec<&str> = line.split('\t').collect();
        let Some(port) = cells.get(7).and_then(|port| port.parse::<u64>().ok()) else { continue };
        let file = corpus.join("webhooks").join(cells[0]);
        let report = json(&["reach", file.to_str().unwrap()]);
        let name = if cells[1] == "APIService" { cells[2] } else { cells[3] };
        let own = |need: &&Value| need["reason"].as_str().unwrap().ends_with(&format!(" {name}"));
        let found: Vec<_> = report["needs"].as_array().unwrap().iter().filter(own).collect();
        assert!(!found.is_empty(), "{line}");
        for need in found {
            assert_eq!(need["port"], port, "{line}");
            assert_eq!(
                need["failure_policy"].as_str().unwrap_or(""),
                match (cells[1], cells[4]) {
                    ("APIService", _) => "",
                    // The API server's default.
                    (_, "") => "Fail",
                    (_, said) => said,
                },
                "{line}"
            );
        }
        checked += 1;
    }
    assert_eq!(checked, 44);
}

#[test]
fn the_guides_cluster_and_real_webhooks() {
    let Some(corpus) = corpus() else { return };
    let set = corpus.join("kubeflow-private-gke/v1.1-branch");
    let webhooks = corpus.join("webhooks");
    let report = json(&["reach", set.to_str().unwrap(), webhooks.to_str().unwrap()]);
    let mut by_port: std::collections::BTreeMap<u64, Vec<&str>> = Default::default();
    for need in report["needs"].as_array().unwrap() {
        let of_webhook = need["scope"].is_string() && need["to"]["role"] == "pod";
        if let Some(port) = need["port"].as_u64().filter(|_| of_webhook) {
            by_port.entry(port).or_default().push(need["verdict"].as_str().unwrap());
        }
    }
    for (port, verdicts) in &by_port {
        let wanted =
            if [443, 6443, 9443, 10250, 15017].contains(port) { "ALLOWED" } else { "DENIED" };
        assert!(verdicts.iter().all(|verdict| *verdict == wanted), "{port}: {verdicts:?}");
    }
    assert_eq!(by_port.keys().copied().collect::<Vec<_>>(), [6443, 8443, 9443, 10250, 15017]);
    let fixes = findings(&report, "webhook-port-blocked")[0]["fixes"].as_array().unwrap();
    let added = fixes.iter().find(|fix| fix["kind"] == "add-firewall-rule").unwrap();
    assert_eq!(added["rule"]["layer4"][0]["ports"], value!(["8443"]));
    assert_eq!(added["rule"]["source_ranges"], value!(["172.16.0.32/28"]));
}

/// gcpdiag's answers on its own set, where they are right; it takes tags that are not known for
/// none, and calls pods cut off that are not.
#[test]
fn real_clusters_and_their_rules() {
    let Some(corpus) = corpus() else { return };
    let set = corpus.join("gcpdiag/gke1");
    let report = json(&["reach", set.to_str().unwrap()]);
    let verdict = |cluster: &str, reason: &str, protocol: &str| {
        let own = |need: &&Value| {
            need["cluster"] == cluster
                && need["reason"].as_str().unwrap().contains(reason)
                && need["protocol"] == protocol
        };
        let needs = report["needs"].as_array().unwrap();
        needs.iter().find(own).unwrap_or_else(|| panic!("{cluster} {reason}"))["verdict"].clone()
    };
    for cluster in ["gke4", "autopilot-gke2"] {
        assert_eq!(verdict(cluster, "kubelet", "tcp"), "ALLOWED", "{cluster}");
    }
    for cluster in ["gke1", "gke3", "gke4", "gke6"] {
        assert_eq!(verdict(cluster, "nodes reach pods", "tcp"), "ALLOWED", "{cluster}");
        assert_eq!(verdict(cluster, "pods reach pods", "tcp"), "ALLOWED", "{cluster}");
        assert_eq!(verdict(cluster, "nodes register", "tcp"), "ALLOWED", "{cluster}");
    }
    // The control planes of these have no range of their own: none is made up.
    for need in report["needs"].as_array().unwrap() {
        if ["gke1", "gke3", "gke6"].contains(&need["cluster"].as_str().unwrap_or("")) {
            assert_ne!(need["from"]["role"], "control-plane", "{need}");
        }
    }
}

/// What each real error text is: the kind, who was called, the port of the pods where it is told or
/// known, and whether a firewall may have done it.
const TEXTS: [(&str, &str, &str, Option<u16>, bool); 45] = [
    ("webhook", "dial tcp 10.228.0.5:15017", "istio-system/istiod", Some(15017), true),
    ("webhook", "inject?timeout=30s: net/http", "istio-system/istiod", Some(15017), true),
    (
        "webhook",
        "replicaset/test-c7fc56544",
        "istio-system/istio-sidecar-injector",
        Some(15017),
        true,
    ),
    (
        "webhook",
        "dial tcp 10.243.225.152:443",
        "istio-system/istio-sidecar-injector",
        Some(15017),
        true,
    ),
    ("webhook", "namespace.sidecar-injector.istio.io", "istio-system/istiod", Some(15017), true),
    (
        "webhook",
        "dial tcp 10.2.0.3:8443",
        "gatekeeper-system/gatekeeper-webhook-service",
        Some(8443),
        true,
    ),
    ("webhook", "dial tcp 10.20.2.5:8443", "knative-serving/webhook", Some(8443), true),
    ("webhook", "dial tcp 10.4.1.7:9443", "cnrm-system/cnrm-validating-webhook", Some(9443), true),
    (
        "webhook",
        "minstrumentation.kb.io",
        "opentelemetry-operator-system/opentelemetry-operator-webhook-service",
        Some(9443),
        true,
    ),
    (
        "webhook",
        "mtemporalc.kb.io",
        "temporal-system/temporal-operator-webhook-service",
        None,
        true,
    ),
    (
        "webhook",
        "prometheus-operator-operator",
        "monitoring/prometheus-operator-operator",
        Some(8443),
        true,
    ),
    (
        "webhook",
        "validate.nginx.ingress.kubernetes.io",
        "ingress-nginx/ingress-nginx-controller-admission",
        Some(8443),
        true,
    ),
    (
        "webhook",
        "clusterissuers.admission.certmanager.k8s.io",
        "clusterissuers.admission.certmanager.k8s.io",
        None,
        true,
    ),
    ("webhook", "kout520652292", "webhook.cert-manager.io", None, true),
    (
        "webhook",
        "dial tcp 10.152.183.134:443",
        "cert-manager/cert-manager-webhook",
        Some(10250),
        false,
    ),
    (
        "webhook",
        "inferenceservice.kserve-webhook-server.defaulter",
        "kserve/kserve-webhook-server-service",
        Some(9443),
        true,
    ),
    (
        "webhook",
        "msecretagentconfiguration.kb.io",
        "secret-agent-system/secret-agent-webhook-service",
        None,
        false,
    ),
    ("webhook", "validate.kyverno.svc-fail", "kyverno/kyverno-svc", Some(9443), true),
    ("webhook", "default.podmonitorings.gmp-operator", "gmp-system/gmp-operator", Some(8443), true),
    ("api", "https://172.24.4.22:6443", "172.24.4.22:6443", Some(6443), true),
    ("api", "https://10.44.12.6:6443", "10.44.12.6:6443", Some(6443), true),
    ("webhook", "warden-mutating.common-webhooks", "::1:5443", Some(5443), false),
    ("webhook", "Response Body", "a webhook", None, true),
    ("webhook", "Kind=ClusterIssuer", "cert-manager/cert-manager-webhook", Some(10250), false),
    (
        "webhook",
        "admission-webhook.cstor.openebs.io",
        "openebs/openebs-cstor-admission-server",
        None,
        true,
    ),
    ("image", "44.206.77.171", "quay.io", Some(443), true),
    ("image", "44.207.51.64", "registry-1.docker.io", Some(443), true),
    ("image", "108.177.97.82", "k8s.gcr.io", Some(443), true),
    ("image", "64.233.189.82", "gcr.io", Some(443), true),
    ("image", "Failed to pull image \"docker.elastic.co", "docker.elastic.co", None, true),
    ("image", "173.194.205.82", "us-east1-docker.pkg.dev", Some(443), true),
    ("image", "network is unreachable", "gcr.io", None, false),
    ("image", "192.168.65.2:53", "quay.io", None, false),
    ("image", "TLS handshake timeout", "registry-1.docker.io", None, false),
    ("image", "maloney-scratch", "gcr.io", None, false),
    ("image", "74.125.204.82", "gcr.io", Some(443), true),
    ("image", "52.215.109.161", "registry.opensource.zalan.do", Some(443), true),
    ("image", "localhost:7439", "localhost", Some(7439), false),
    ("image", "remedy-intrepid", "us.gcr.io", None, false),
    ("backends", "HTTP response: ", "", None, true),
    ("change", "LoadBalancerManualChange", "", None, true),
    ("backends", "k8s-be-30167", "k8s-be-32416--01177f64ec764488", None, true),
    ("nodes", "11 nodes out of 12", "11 of 12", None, true),
    ("nothing", "releaseChannel.0.Channel", "", None, false),
    ("nothing", "hub-fgt-primary-log-disk", "", None, false),
];

/// The kind of an error, who was called, and the port of the pods where it is told or known.
fn told(symptom: &vpcwhy::model::Symptom) -> (&'static str, String, Option<u16>) {
    use vpcwhy::checks::pasted::{callee, port_of};
    use vpcwhy::model::symptom::SymptomKind;
    match &symptom.kind {
        SymptomKind::Webhook(call) => ("webhook", callee(call), port_of(call)),
        SymptomKind::AggregatedApi(call) => ("api", callee(call), port_of(call)),
        SymptomKind::Kubelet(call) => ("kubelet", callee(call), port_of(call)),
        SymptomKind::Proxied(call) => ("proxied", callee(call), port_of(call)),
        SymptomKind::Client(call) => ("client", callee(call), port_of(call)),
        SymptomKind::ImagePull { host, address, .. } => {
            ("image", host.clone().unwrap_or_default(), address.map(|(_, port)| port))
        }
        SymptomKind::UnhealthyBackends(names) => ("backends", names.join(", "), None),
        SymptomKind::FirewallChange { .. } => ("change", String::new(), None),
        SymptomKind::NodesMissing(counts) => {
            let counts = counts.map(|(some, all)| format!("{some} of {all}"));
            ("nodes", counts.unwrap_or_default(), None)
        }
        SymptomKind::NodeEgress(host) => ("node", host.clone(), Some(443)),
        SymptomKind::Iap(port) => ("iap", String::new(), *port),
        SymptomKind::Dialled(address, port) => ("dialled", address.to_string(), Some(*port)),
    }
}

#[test]
fn what_real_error_texts_are() {
    use vpcwhy::ingest::document::Place;
    use vpcwhy::ingest::symptom;
    let Some(corpus) = corpus() else { return };
    let files = ["webhook-errors", "image-pull-errors", "other-errors"];
    let all: String = files
        .iter()
        .map(|name| std::fs::read_to_string(corpus.join(format!("errors/{name}.txt"))).unwrap())
        .collect();
    for (kind, needle, subject, port, firewall) in TEXTS {
        let at = all.find(needle).unwrap_or_else(|| panic!("{needle}"));
        let start = all[..at].rfind('\n').map_or(0, |at| at + 1);
        let line = all[start..].lines().next().unwrap();
        let place = Place { path: "errors".into(), line: 1, byte: 0 };
        let found = symptom::read(line, &place);
        if kind == "nothing" {
            assert!(found.is_empty(), "{found:?}");
            continue;
        }
        let [only] = found.as_slice() else { panic!("{needle}: {found:?}") };
        assert_eq!(told(only), (kind, subject.to_owned(), port), "{line}");
        assert_eq!(only.failure.may_be_firewall(), firewall, "{line}: {:?}", only.failure);
    }
}

/// The failures of real people that this project began with: the text of each row that holds one,
/// with what it is and the port. Their sentences are not repeated here, only where they stand.
#[test]
fn the_failures_of_real_people() {
    use vpcwhy::ingest::document::Place;
    use vpcwhy::ingest::symptom;
    let Some(corpus) = corpus() else { return };
    let cases = std::fs::read_to_string(corpus.join("../cases.md")).unwrap();
    // Row, kind, subject, port, whether a firewall may have done it.
    let rows = [
        ("2", "webhook", "monitoring/prometheus-operator-operator", Some(8443), true),
        ("4", "webhook", "a webhook", None, true),
        (
            "5",
            "webhook",
            "opentelemetry-operator-system/opentelemetry-operator-webhook-service",
            Some(9443),
            true,
        ),
        ("6", "webhook", "ingress-nginx/ingress-nginx-controller-admission", Some(8443), true),
        ("7", "webhook", "istio-system/istiod", Some(15017), true),
        ("9", "webhook", "cnrm-system/cnrm-validating-webhook", Some(9443), true),
        ("10", "webhook", "mtemporalc.kb.io", None, true),
        ("15", "api", "172.24.4.22:6443", Some(6443), true),
        ("22", "webhook", "webhook.cert-manager.io", None, true),
        ("24", "image", "quay.io", Some(443), true),
        ("27", "nodes", "0 of 1", None, true),
        ("30", "backends", "", None, true),
    ];
    for (number, kind, subject, port, firewall) in rows {
        let row = cases.lines().find(|line| line.starts_with(&format!("| {number} |"))).unwrap();
        let text = row.split('`').nth(1).unwrap();
        let place = Place { path: "cases".into(), line: 1, byte: 0 };
        let found = symptom::read(text, &place);
        let [only] = found.as_slice() else { panic!("{number}: {found:?}") };
        assert_eq!(told(only), (kind, subject.to_owned(), port), "{number}");
        assert_eq!(only.failure.may_be_firewall(), firewall, "{number}");
    }
}

/// What a controller asks for may be there already, under another name.
#[test]
fn rules_that_controllers_ask_for_are_judged() {
    let text = "  Normal  XPN  2m  loadbalancer-controller  Firewall change required by security admin: \
                `gcloud compute firewall-rules create k8s-fw-l7--1 --network n --allow tcp:8080 \
                --source-ranges 130.211.0.0/22,35.191.0.0/16 --target-tags gke-blue-5f0c2a9e-node \
                --project p`";
    let found = |all: &[Value]| {
        let report = asked("triage", all, text);
        let found = findings(&report, "exposure-blocked");
        assert_eq!(found.len(), 1, "{report:#}");
        found[0].clone()
    };
    let missing = found(&base());
    assert_eq!(
        (&missing["severity"], &missing["confidence"]),
        (&value!("error"), &value!("proven"))
    );
    let asked_for = missing["explanation"].to_string();
    assert!(asked_for.contains("--rules=tcp:8080 --source-ranges=130.211.0.0/22,35.191.0.0/16"));
    let mut all = base();
    let wide = value!({"allowed": [{"IPProtocol": "tcp", "ports": ["8000-8999"]}],
        "sourceRanges": ["35.191.0.0/16", "130.211.0.0/22"]});
    all.push(rule("probes", &wide));
    let covered = found(&all);
    assert_eq!(covered["severity"], "note");
    assert!(covered["explanation"].to_string().contains("allowed by rule probes"));
    assert!(covered["no_fix"].as_str().unwrap().contains("already covered"));
    // One of its two ranges only.
    all.last_mut().unwrap()["sourceRanges"] = value!(["35.191.0.0/16"]);
    assert_eq!(found(&all)["severity"], "error");
}

/// To change a rule the controller says all of it but its network: it is where the rule is.
#[test]
fn changes_that_controllers_ask_for_are_of_the_rule_that_is_there() {
    let text = "Firewall change required by security admin: `gcloud compute firewall-rules update \
                k8s-fw-l7--1 --description \"GCE L7 firewall rule\" --allow tcp:8080,tcp:9090 \
                --source-ranges 130.211.0.0/22,35.191.0.0/16 --target-tags gke-blue-5f0c2a9e-node \
                --project p`";
    let own = |ports: &[&str]| {
        rule(
            "k8s-fw-l7--1",
            &value!({"allowed": [{"IPProtocol": "tcp", "ports": ports}], "priority": 900,
            "sourceRanges": ["35.191.0.0/16", "130.211.0.0/22"],
            "targetTags": ["gke-blue-5f0c2a9e-node"]}),
        )
    };
    let told = |more: Value| {
        let report = asked("triage", &[base(), vec![more]].concat(), text);
        let found = findings(&report, "exposure-blocked");
        assert_eq!(found.len(), 1, "{report:#}");
        let text = |key: &str| found[0][key].to_string();
        (text("severity"), text("title"), text("explanation"))
    };
    let (severity, title, explanation) = told(own(&["8080"]));
    assert!(severity.contains("error") && title.contains("is too narrow"), "{title}");
    let command = "gcloud compute firewall-rules update k8s-fw-l7--1 --project=p \
                   --rules=tcp:8080,tcp:9090";
    assert!(explanation.contains(command), "{explanation}");
    assert!(told(own(&["8080", "9090"])).0.contains("note"));
    // Without it nobody knows on which network it would be.
    let (severity, title, _) = told(value!({"kind": "compute#disk", "name": "d"}));
    assert!(title.contains("may be missing") && severity.contains("warning"), "{title}");
}

/// VMs carry more than the one target that a rule is asked for by.
#[test]
fn what_is_open_already_is_open_to_the_vms_as_they_are() {
    let text = "Firewall change required by security admin: `gcloud compute firewall-rules create \
                k8s-fw-l7--1 --network n --allow tcp:8080 --source-ranges 35.191.0.0/16 \
                --target-tags gke-blue-5f0c2a9e-node --project p`";
    let by_tag = |name: &str, priority: u32, key: &str, tag: &str| {
        rule(
            name,
            &value!({"priority": priority, "sourceRanges": ["35.191.0.0/16"],
            key: [{"IPProtocol": "tcp", "ports": ["8080"]}], "targetTags": [tag]}),
        )
    };
    let told = |tags: &[&str], rules: &[Value]| {
        let mut all = base();
        all[0]["nodePools"] = value!([{"name": "a", "config": {"tags": tags}}]);
        all.extend_from_slice(rules);
        let report = asked("triage", &all, text);
        let found = findings(&report, "exposure-blocked")[0].clone();
        (found["severity"].clone(), found["confidence"].clone())
    };
    let open = by_tag("open", 1000, "allowed", "corp");
    let closed = by_tag("closed", 500, "denied", "corp");
    let answer = |severity: &str, confidence: &str| (value!(severity), value!(confidence));
    assert_eq!(told(&["corp"], std::slice::from_ref(&open)), answer("note", "proven"));
    assert_eq!(told(&[], std::slice::from_ref(&open)), answer("error", "proven"));
    let own = by_tag("own", 1000, "allowed", "gke-blue-5f0c2a9e-node");
    assert_eq!(told(&["corp"], &[own.clone(), closed.clone()]), answer("error", "proven"));
    assert_eq!(told(&[], &[own, closed]), answer("note", "proven"));
}

/// Names of objects and texts of errors are anybody's: none reaches a terminal as it is, nor a command.
#[test]
fn hostile_names_and_errors_stay_text() {
    for evil in ["x; rm -rf ~", "$(touch /tmp/owned)", "a\u{1b}[2Jb\u{7}", "`id`", "\u{202e}txt"] {
        let mut all = base();
        all[0]["name"] = value!(evil);
        let ports =
            value!({"selector": {"app": evil}, "ports": [{"port": 443, "targetPort": 9443}]});
        all.push(service(evil, &ports));
        all.push(webhook(evil, &value!({"namespace": "policy", "name": evil}), &value!({})));
        let text = format!(
            "failed calling webhook \"{evil}\": Post https://guard.policy.svc:443/c: i/o timeout\n\
             Firewall change required by security admin: `gcloud compute firewall-rules create {evil} \
             --network n --allow tcp:80 --source-ranges 10.0.0.0/8 --project {evil}`\n"
        );
        let resources = Value::from(all).to_string();
        let folder = folder(&[("r.json", resources.as_bytes()), ("e.txt", text.as_bytes())]);
        let path = folder.path().to_str().unwrap();
        for command in ["triage", "reach"] {
            let shown = common::stdout(&common::run(&[command, path, "-v"]));
            let plain = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
            assert!(shown.chars().all(plain), "{command} {shown:?}");
        }
        let fixes = common::stdout(&common::run(&["fix", path, "--all"]));
        for line in fixes.lines().filter(|line| line.starts_with("gcloud")) {
            let fine = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@ '".contains(c);
            assert!(line.chars().all(fine), "{line}");
        }
    }
}

/// A Service that nobody exported is not missing for the export of another namespace.
#[test]
fn services_are_missing_only_where_all_were_given() {
    let live = |namespace: &str, name: &str| {
        let mut one = service(name, &value!({"clusterIP": "10.28.0.9", "ports": [{"port": 443}]}));
        one["metadata"]["namespace"] = value!(namespace);
        one["metadata"]["uid"] = value!("1");
        one
    };
    let hook = value!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "g"},
        "webhooks": [{"name": "g.example.com", "failurePolicy": "Fail",
            "clientConfig": {"service": {"namespace": "gates", "name": "g", "path": "/"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"],
                       "operations": ["CREATE"]}]}]});
    let missing = |services: &[Value]| {
        let all = [base(), vec![hook.clone()], services.to_vec()].concat();
        let text: String = all.iter().map(|one| format!("{one}\n")).collect();
        let scratch = common::folder(&[("all.json", text.as_bytes())]);
        let report = json(&["triage", scratch.path().to_str().unwrap()]);
        common::findings(&report, "webhook-backend-missing").len()
    };
    let (system, own) = (live("kube-system", "kube-dns"), live("default", "kubernetes"));
    assert_eq!(missing(&[live("shop", "a"), live("trade", "b")]), 0);
    assert_eq!(missing(std::slice::from_ref(&system)), 0);
    assert_eq!(missing(std::slice::from_ref(&own)), 0);
    assert_eq!(missing(&[live("gates", "other")]), 0);
    assert_eq!(missing(&[system, own]), 1);
    assert_eq!(missing(&[live("gates", "other"), live("gates", "more")]), 1);
}

/// What cannot be judged is no all-clear: the report says how much of it there is.
#[test]
fn needs_that_nobody_can_judge_are_counted() {
    let spots = |resources: &[Value]| {
        let text: String = resources.iter().map(|one| format!("{one}\n")).collect();
        let scratch = common::folder(&[("all.json", text.as_bytes())]);
        let report = json(&["triage", scratch.path().to_str().unwrap()]);
        let all = report["blind_spots"].as_array().unwrap().clone();
        let detail = |spot: &Value| spot["detail"].as_str().unwrap().to_owned();
        all.iter().map(detail).filter(|one| one.contains("cannot be judged")).collect::<Vec<_>>()
    };
    let mut all = base();
    assert_eq!(spots(&all), [""; 0]);
    // Rules of another project's network say nothing of this one's.
    all[0]["networkConfig"]["network"] = value!("projects/host/global/networks/other");
    let [only] = &spots(&all)[..] else { panic!("{:?}", spots(&all)) };
    assert!(only.starts_with("cluster blue: of "), "{only}");
}

/// Whatever DNS answers: where no address of Google's is let out to, nodes do not boot.
#[test]
fn without_zones_a_closed_egress_is_doubtful_and_told() {
    let closed = rule(
        "closed",
        &value!({"direction": "EGRESS", "priority": 65000, "denied": [{"IPProtocol": "all"}],
            "destinationRanges": ["0.0.0.0/0"]}),
    );
    let vip = rule(
        "vip",
        &value!({"direction": "EGRESS", "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}],
            "destinationRanges": ["199.36.153.8/30"]}),
    );
    let boots = |more: &[Value]| {
        let all = needs(&[&base(), more].concat());
        let own = all.iter().filter(|need| need["to"]["role"] == "google-public");
        own.map(|need| (need["verdict"].clone(), need["doubtful"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(boots(&[]), []);
    let told = boots(std::slice::from_ref(&closed));
    assert!(!told.is_empty());
    assert!(told.iter().all(|one| *one == (value!("DENIED"), value!(true))), "{told:?}");
    assert_eq!(boots(&[closed, vip]), []);
}

/// What a cluster needs over IPv6 is not computed: nobody is told that it is fine. And nothing is
/// advised that is denied, too.
#[test]
fn what_is_not_judged_is_said_and_what_is_denied_is_not_advised() {
    let dual = value!({"stackType": "IPV4_IPV6", "useIpAliases": true});
    let spots = |policy: Value| {
        let mut all = base();
        all[0]["ipAllocationPolicy"] = policy;
        asked("check", &all, "")["blind_spots"].to_string()
    };
    assert!(spots(dual).contains("IPv6"), "{}", spots(value!({})));
    assert!(!spots(value!({})).contains("IPv6"));
    let ports = value!({"selector": {"app": "g"}, "ports": [{"port": 443, "targetPort": 9443}]});
    let target = value!({"namespace": "policy", "name": "guard"});
    let advised = |own: bool| {
        let mut all = vec![cluster(&peered()), subnetwork()];
        if own {
            all.extend(own_rules());
        }
        all.push(service("guard", &ports));
        all.push(webhook("a.example.com", &target, &value!({})));
        let report = asked("check", &all, "");
        let found = findings(&report, "webhook-port-blocked");
        found
            .iter()
            .map(|one| one["fixes"].to_string() + &one["explanation"].to_string())
            .collect::<String>()
    };
    assert!(advised(true).contains("10250"));
    assert!(!advised(false).contains("listen on 10250"), "{}", advised(false));
}

/// A name that a private zone leaves out: the pull that fails on it says which record, and offers it.
#[test]
fn a_name_that_is_not_resolved_is_told_with_its_record() {
    let zone = value!({"kind": "dns#managedZone", "name": "pkg", "dnsName": "pkg.dev.",
        "visibility": "private", "privateVisibilityConfig": {"networks": [
            {"networkUrl": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"}]}});
    let record = |name: &str, kind: &str, data: Value| {
        value!({"kind": "dns#resourceRecordSet", "name": name, "type": kind, "ttl": 300,
            "rrdatas": data})
    };
    let text = "Failed to pull image \"eu-docker.pkg.dev/a/b:1\": dial tcp: lookup \
                eu-docker.pkg.dev on 169.254.169.254:53: no such host";
    let told = |more: &[Value]| {
        let report = asked("triage", &[&base()[..], more].concat(), text);
        findings(&report, "image-pull-failing")[0].clone()
    };
    assert!(told(&[])["no_fix"].as_str().unwrap().contains("give the zones"));
    let found = told(&[zone, record("*.pkg.dev.", "CNAME", value!(["pkg.dev."]))]);
    let explained = found["explanation"].to_string();
    assert!(explained.contains("there is no record of pkg.dev"), "{found:#}");
    assert!(explained.contains("the same cause as dns-record-missing"), "{found:#}");
}

/// A cluster that does not come up, and a way to Google's services that may be closed.
#[test]
fn what_may_keep_nodes_from_google_is_named_with_the_cluster() {
    let closed = rule(
        "closed",
        &value!({"direction": "EGRESS", "priority": 65000,
        "denied": [{"IPProtocol": "all"}], "destinationRanges": ["0.0.0.0/0"]}),
    );
    let open = rule(
        "inner",
        &value!({"direction": "EGRESS", "priority": 900,
        "allowed": [{"IPProtocol": "all"}], "destinationRanges": ["10.0.0.0/8", "172.16.0.0/12"]}),
    );
    let told = |rules: &[Value]| {
        let mut all = base();
        all[0]["status"] = value!("ERROR");
        all.extend_from_slice(rules);
        let report = asked("check", &all, "");
        findings(&report, "cluster-stuck")[0].clone()
    };
    let found = told(&[closed, open]);
    let explained = found["explanation"].to_string();
    assert!(explained.contains("perhaps blocked: nodes boot from"), "{found:#}");
    assert!(explained.contains("DENIED by rule closed"), "{found:#}");
    assert!(found["no_fix"].as_str().unwrap().contains("may not reach Google's services"));
    assert!(told(&[])["no_fix"].as_str().unwrap().contains("no path that nodes need"));
}

/// What is denied for certain, of what is not decided otherwise, is no part that is allowed.
#[test]
fn a_part_that_is_not_decided_is_not_called_allowed() {
    let mut all = base();
    all[0]["nodePools"] = value!([{"name": "a"}]);
    let deny = |name: &str, fields: &Value| {
        let mut all = value!({"priority": 500, "denied": [{"IPProtocol": "tcp", "ports": ["1024-65535"]}],
            "sourceRanges": ["0.0.0.0/0"]});
        for (key, value) in fields.as_object().unwrap() {
            all[key] = value.clone();
        }
        rule(name, &all)
    };
    all.push(deny("ports", &value!({})));
    let told = |all: &[Value]| {
        let report = asked("check", all, "");
        findings(&report, "cluster-internal-blocked")[0]["explanation"].to_string()
    };
    assert!(told(&all).contains("a part of it is allowed"), "{}", told(&all));
    // Everything else is perhaps denied, by a tag that nobody gave.
    all.push(deny("perhaps", &value!({"denied": [{"IPProtocol": "tcp"}], "targetTags": ["x"]})));
    let explained = told(&all);
    assert!(explained.contains("does not decide the rest"), "{explained}");
}
