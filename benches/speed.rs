//! What reading, judging and the whole cost. Figures are throughput; nothing is asserted.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod support;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use vpcwhy::correlate::Directory;
use vpcwhy::correlate::causes::Scope;
use vpcwhy::correlate::rollup::{Ledger, Partial, Window};
use vpcwhy::diagnose::{Gathered, diagnose};
use vpcwhy::engine::{EffectiveRules, evaluate};
use vpcwhy::ingest::document::Place;
use vpcwhy::ingest::log::{Form, Found, Framer, read_piece};
use vpcwhy::ingest::reader::Reader;
use vpcwhy::model::{Inventory, Reference};
use vpcwhy::net::Direction;

const RULES: &str = include_str!("../samples/cluster-internal-blocked/inputs/firewall-rules.json");
const CLUSTERS: &str = include_str!("../samples/cluster-internal-blocked/inputs/clusters.json");
const SUBNETS: &str = include_str!("../samples/cluster-internal-blocked/inputs/subnetworks.json");

fn inventory() -> Inventory {
    let mut reader = Reader::default();
    let input = reader.open();
    let place = Place { path: Arc::from("bench"), line: 1, byte: 0 };
    for text in [RULES, CLUSTERS, SUBNETS] {
        reader.piece(input, text, Form::Json, &place);
    }
    reader.finish().0
}

fn read(text: &str) -> Ledger {
    let mut framer = Framer::default();
    let mut partial = Partial::default();
    for piece in framer.cut(text.as_bytes(), true).pieces {
        let piece = text.get(piece.start..piece.end).unwrap_or("");
        if let (Found::Entry(record), _) = read_piece(piece) {
            partial.add(&record, &Window::default());
        }
    }
    let mut ledger = Ledger::default();
    ledger.absorb(partial);
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

criterion_group!(benches, ingest, judge, whole);
criterion_main!(benches);
