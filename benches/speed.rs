//! What reading, judging and the whole cost. Figures are throughput; nothing is asserted.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod support;

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use vpcwhy::correlate::Directory;
use vpcwhy::correlate::Scope;
use vpcwhy::correlate::{Ledger, Window};
use vpcwhy::diagnose::{Gathered, diagnose};
use vpcwhy::engine::{EffectiveRules, Endpoint, Facts, Flow, Verdict, evaluate};
use vpcwhy::ingest::document::Place;
use vpcwhy::ingest::log::{Form, Found, Framer, Piece, read_piece};
use vpcwhy::ingest::reader::{Reader, finish};
use vpcwhy::model::firewall::Layer4;
use vpcwhy::model::{Action, FirewallRule, Inventory, Reference};
use vpcwhy::net::{Direction, FiveTuple, PortSet, Protocol, parse_cidr};

const RULES: &str = include_str!("../samples/cluster-internal-blocked/inputs/firewall-rules.json");
const CLUSTERS: &str = include_str!("../samples/cluster-internal-blocked/inputs/clusters.json");
const SUBNETS: &str = include_str!("../samples/cluster-internal-blocked/inputs/subnetworks.json");

fn inventory() -> Inventory {
    let mut reader = Reader::default();
    let place = Place { path: Arc::from("bench"), line: 1, byte: 0 };
    for text in [RULES, CLUSTERS, SUBNETS] {
        reader.piece(text, Form::Json, &place);
    }
    finish(vec![reader]).0
}

fn read(text: &str) -> Ledger {
    let mut framer = Framer::default();
    let mut ledger = Ledger::default();
    let mut pieces: Vec<Piece> = Vec::new();
    framer.cut(text.as_bytes(), true, &mut pieces);
    for piece in pieces {
        let piece = text.get(piece.start..piece.end).unwrap_or("");
        if let (Found::Entry(record), _) = read_piece(piece) {
            ledger.add(&record, &Window::default());
        }
    }
    ledger.settle();
    ledger
}

fn ingest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ingest, one thread");
    for denied_percent in [5, 50, 100] {
        let plan = support::Plan { entries: 20_000, denied_percent, connections: 10_000 };
        let text = support::log(&plan);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("{denied_percent} % denied"), |bencher| {
            bencher.iter(|| black_box(read(&text)));
        });
    }
    group.finish();
}

fn judge(criterion: &mut Criterion) {
    let inventory = inventory();
    let directory = Directory::of(&inventory);
    let network = Reference::new(Some("shop-prod"), "shop");
    let rules = EffectiveRules::of(&inventory, &network);
    let Ok(tuple) = "tcp 10.24.0.4:40000 > 10.25.1.6:8080".parse() else { return };
    let flow = directory.flow(tuple, Direction::Egress, &network, None);
    criterion.bench_function("evaluate one flow", |bencher| {
        bencher.iter(|| black_box(evaluate(&rules, black_box(&flow), &mut ())));
    });
}

/// 10,000 rules that differ in range, port and target, and connections that each ask for others.
fn decide(criterion: &mut Criterion) {
    let network = Reference::new(Some("p"), "n");
    let mut inventory = Inventory::default();
    for number in 0..10_000_u32 {
        let mut rule = FirewallRule::new(
            network.clone(),
            Direction::Ingress,
            900 + number % 200,
            if number % 5 == 0 { Action::Deny } else { Action::Allow },
        );
        let range = Ipv4Addr::from_bits(0x0A00_0000 | number.wrapping_mul(2_654_435_761) >> 8);
        let length = [16, 20, 24, 28, 32].get(number as usize % 5).copied().unwrap_or(32);
        rule.set_source_ranges(parse_cidr(&format!("{range}/{length}")).into_iter().collect());
        let port = u16::try_from(number * 7 % 9_000).unwrap_or(0);
        let ports = Some(PortSet::of([22, 443, port]));
        rule.layer4 = vec![Layer4 { protocol: Some(Protocol::TCP), ports }];
        if number % 3 > 0 {
            rule.targets.tags.insert(format!("t{}", number % 500));
        }
        inventory.firewall_rules.push(rule);
    }
    let rules = EffectiveRules::of(&inventory, &network);
    let flows: Vec<Flow> = (0..10_000_u32)
        .map(|number| Flow {
            tuple: FiveTuple {
                src: Ipv4Addr::from_bits(0x0A00_0000 | number.wrapping_mul(40_503) & 0xFF_FFFF)
                    .into(),
                src_port: 40_000,
                dst: Ipv4Addr::new(10, 2, 0, 7).into(),
                dst_port: [22, 443, 8080, 5432].get(number as usize % 4).copied().unwrap_or(1),
                protocol: Protocol::TCP,
            },
            direction: Direction::Ingress,
            network: network.clone(),
            region: None,
            endpoint: Endpoint {
                tags: Facts::exactly([format!("t{}", number % 700).as_str()]),
                ..Endpoint::outside()
            },
            peer: Endpoint::outside(),
            peer_is_external: false,
            peer_place: vpcwhy::engine::Place::Unknown,
        })
        .collect();
    let mut group = criterion.benchmark_group("10,000 rules");
    group.throughput(Throughput::Elements(flows.len() as u64));
    group.bench_function("10,000 distinct connections", |bencher| {
        bencher.iter(|| {
            flows
                .iter()
                .filter(|flow| evaluate(&rules, flow, &mut ()).verdict == Verdict::Allowed)
                .count()
        });
    });
    group.finish();
}

fn whole(criterion: &mut Criterion) {
    let plan = support::Plan { entries: 20_000, denied_percent: 50, connections: 2_000 };
    let gathered = Gathered {
        inventory: inventory(),
        ledger: read(&support::log(&plan)),
        ..Gathered::default()
    };
    criterion.bench_function("diagnose 2,000 connections", |bencher| {
        bencher.iter(|| black_box(diagnose(&gathered, &Scope::default())));
    });
}

criterion_group!(benches, ingest, judge, decide, whole);
criterion_main!(benches);
