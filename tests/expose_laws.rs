//! Laws of the ways into applications: what may change in what was given without a word changing
//! in the answer, and what can only open, or only close.
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
use proptest::prelude::*;
use serde_json::{Value, json as value};
use vpcwhy::net::{AddressSet, parse_cidr};

const NETWORK: &str = "projects/p/global/networks/n";

#[derive(Debug, Clone)]
struct Rule {
    priority: u32,
    is_allow: bool,
    range: usize,
    ports: usize,
    disabled: bool,
}

const RANGES: [&str; 5] =
    ["0.0.0.0/0", "203.0.113.0/24", "203.0.113.128/25", "198.51.100.0/24", "10.0.0.0/8"];
const PORTS: [&str; 3] = ["30000-32767", "30080", "443"];

fn rule() -> impl Strategy<Value = Rule> {
    (1_u32..5, prop::bool::weighted(0.7), 0_usize..5, 0_usize..3, prop::bool::weighted(0.2))
        .prop_map(|(priority, is_allow, range, ports, disabled)| Rule {
            priority: priority * 100,
            is_allow,
            range,
            ports,
            disabled,
        })
}

fn export(number: usize, rule: &Rule) -> Value {
    let key = if rule.is_allow { "allowed" } else { "denied" };
    value!({"kind": "compute#firewall", "name": format!("r{number}"), "network": NETWORK,
        "direction": "INGRESS", "priority": rule.priority, "disabled": rule.disabled,
        "sourceRanges": [RANGES[rule.range]],
        key: [{"IPProtocol": "tcp", "ports": [PORTS[rule.ports]]}]})
}

/// A public cluster with a node port, a load balancer and an Ingress behind nginx.
fn world() -> Vec<Value> {
    let service = |name: &str, kind: &str, port: Value| {
        value!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"type": kind, "selector": {"app": name}, "ports": [port]},
            "status": {"loadBalancer": {"ingress": [{"ip": "34.1.2.3"}]}}})
    };
    vec![
        value!({"name": "blue", "id": "5f0c2a9e4d1b4c7f8a6e0d3c", "location": "r1",
            "network": "n", "subnetwork": "nodes", "currentMasterVersion": "1.30",
            "networkConfig": {"network": NETWORK, "subnetwork": "projects/p/regions/r1/subnetworks/nodes"},
            "nodePools": [{"name": "a", "config": {"tags": ["t"]}}]}),
        value!({"kind": "compute#subnetwork", "name": "nodes", "region": "r1",
            "network": NETWORK, "ipCidrRange": "10.0.0.0/24"}),
        service("web", "NodePort", value!({"name": "http", "port": 80, "nodePort": 30080})),
        service("ingress-nginx-controller", "LoadBalancer", value!({"name": "https", "port": 443})),
        value!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "front", "namespace": "shop"},
            "spec": {"ingressClassName": "nginx", "tls": [{"secretName": "cert"}],
                "rules": [{"host": "shop.example.com", "http": {"paths": [{"path": "/",
                    "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}),
    ]
}

/// The ways, told without the places where they were read.
fn ways(files: &[Vec<Value>], clients: &[&str]) -> Vec<Value> {
    let texts: Vec<(String, String)> = files
        .iter()
        .enumerate()
        .map(|(at, all)| (format!("{at}.json"), Value::from(all.clone()).to_string()))
        .collect();
    let files: Vec<(&str, &[u8])> =
        texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let folder = folder(&files);
    let answer = json(&[&["expose", folder.path().to_str().unwrap()][..], clients].concat());
    let mut ways = answer["ways"].as_array().unwrap().clone();
    for way in &mut ways {
        let decider = &way["decision"]["decider"];
        *way = value!({"kind": way["kind"], "name": way["name"], "host": way["host"],
                       "clients": way["clients"], "verdict": way["verdict"], "tls": way["tls"],
                       "ports": way["ports"], "decider": [decider["kind"], decider["name"]]});
    }
    ways
}

fn clients(way: &Value) -> AddressSet {
    let texts = way["clients"].as_array().unwrap().iter();
    AddressSet::of(&texts.filter_map(|text| parse_cidr(text.as_str()?)).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn ways_depend_on_what_is_given_and_not_on_how(
        rules in prop::collection::vec(rule(), 1..6),
        added in rule(),
        turn in 1_usize..8,
    ) {
        let exports: Vec<Value> =
            rules.iter().enumerate().map(|(at, rule)| export(at, rule)).collect();
        let all: Vec<Value> = world().into_iter().chain(exports.clone()).collect();
        let before = ways(std::slice::from_ref(&all), &[]);
        prop_assert_eq!(before.len(), 3, "{:#?}", before);

        // Neither order nor files matter.
        let mut turned = all.clone();
        turned.rotate_left(turn % all.len());
        prop_assert_eq!(&ways(std::slice::from_ref(&turned), &[]), &before);
        let (first, second) = turned.split_at(turn % all.len());
        prop_assert_eq!(&ways(&[second.to_vec(), first.to_vec()], &[]), &before);

        // What is switched off changes nothing.
        let off = Rule { disabled: true, ..added.clone() };
        let with_off: Vec<Value> = all.iter().cloned().chain([export(99, &off)]).collect();
        prop_assert_eq!(&ways(&[with_off], &[]), &before);

        // Another allow lets in more, if anything, and another deny less.
        let on = Rule { disabled: false, ..added };
        let with: Vec<Value> = all.iter().cloned().chain([export(99, &on)]).collect();
        for (was, is) in before.iter().zip(&ways(&[with], &[])) {
            let (was, is) = (clients(was), clients(is));
            let (more, less) = if on.is_allow { (is, was) } else { (was, is) };
            prop_assert!(more.covers(&less), "{more:?} {less:?}");
        }

        // Who is named is asked about, and changes nothing of who could come.
        let named = ways(std::slice::from_ref(&all), &["--clients", "203.0.113.192/26"]);
        for (was, is) in before.iter().zip(&named) {
            prop_assert_eq!(&was["clients"], &is["clients"]);
            let asked = AddressSet::of(&[parse_cidr("203.0.113.192/26").unwrap()]);
            let covered = clients(is).covers(&asked);
            prop_assert!(is["verdict"] != "ALLOWED" || covered, "{is:#}");
        }
    }
}
