//! A suggestion is minimal: whatever narrower change is tried in its place fails a connection that
//! was wanted. And what a suggestion says it opens is what becomes reachable.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that fails says where, and reads what it likes"
)]

mod common;

use common::root;
use vpcwhy::checks::Finding;
use vpcwhy::correlate::Directory;
use vpcwhy::correlate::Scope;
use vpcwhy::correlate::Window;
use vpcwhy::diagnose::diagnose;
use vpcwhy::engine::{EffectiveRules, Flow, Verdict, evaluate};
use vpcwhy::model::{FirewallRule, Inventory};
use vpcwhy::net::{AddressSet, Direction, FiveTuple, IpNet, PortSet};
use vpcwhy::shell::gather::gather;
use vpcwhy::shell::input::expand;
use vpcwhy::shell::output::Progress;
use vpcwhy::suggest::Suggestion;

/// Connections at both ends of every range that was asked for.
fn wanted(directory: &Directory<'_>, finding: &Finding) -> Vec<Flow> {
    let flow = finding.flow.as_ref().unwrap();
    let direction = flow.direction.unwrap();
    let (_, sample) = finding.observed.as_ref().unwrap().sample.as_ref().unwrap();
    let peer = match direction {
        Direction::Ingress => &flow.source,
        Direction::Egress => &flow.destination,
    };
    let network = directory.networks.iter().find(|one| Some(&one.name) == flow.network.as_ref());
    let ends = peer.ranges.iter().flat_map(|range| [range.network(), range.broadcast()]);
    ends.map(|address| {
        let tuple = match direction {
            Direction::Ingress => FiveTuple { src: address, ..*sample },
            Direction::Egress => FiveTuple { dst: address, ..*sample },
        };
        directory.flow(tuple, direction, network.unwrap(), None)
    })
    .collect()
}

fn all_pass(inventory: &Inventory, flows: &[Flow]) -> bool {
    flows.iter().all(|flow| {
        let rules = EffectiveRules::of(inventory, &flow.network);
        evaluate(&rules, flow, &mut ()).verdict == Verdict::Allowed
    })
}

/// The list without each of its fresh elements, and with each halved.
fn narrower(list: &[IpNet], before: &[IpNet]) -> Vec<Vec<IpNet>> {
    let mut all = Vec::new();
    for (at, range) in list.iter().enumerate() {
        if before.contains(range) {
            continue;
        }
        let rest =
            || list.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, one)| *one);
        all.push(rest().collect());
        let halves = range.prefix_len() + 1;
        if let Ok(halves) = range.subnets(halves) {
            all.extend(halves.map(|half| rest().chain([half]).collect::<Vec<_>>()));
        }
    }
    all
}

fn variants(suggestion: &Suggestion) -> Vec<FirewallRule> {
    let after = suggestion.change().rule();
    let before = suggestion.change().before();
    let none = FirewallRule {
        layer4: Vec::new(),
        source_ranges: Vec::new(),
        destination_ranges: Vec::new(),
        ..after.clone()
    };
    let old = before.unwrap_or(&none);
    let mut all = Vec::new();
    // An empty list would mean everybody.
    for ranges in narrower(&after.source_ranges, &old.source_ranges) {
        let mut rule = after.clone();
        rule.disabled |= ranges.is_empty();
        rule.set_source_ranges(ranges);
        all.push(rule);
    }
    if after.direction == Direction::Egress {
        for ranges in narrower(&after.destination_ranges, &old.destination_ranges) {
            let mut rule = after.clone();
            rule.disabled |= ranges.is_empty();
            rule.set_destination_ranges(ranges);
            all.push(rule);
        }
    }
    for (at, part) in after.layer4.iter().enumerate() {
        let fresh = match (&part.ports, old.ports_of(part.protocol.unwrap())) {
            (Some(ports), Some(had)) => ports.difference(&had),
            (Some(ports), None) => ports.clone(),
            (None, _) => continue,
        };
        for (low, high) in fresh.parts() {
            let mut rule = after.clone();
            let gone = PortSet::of_ranges([(low, high)]);
            let rest = part.ports.as_ref().unwrap().difference(&gone);
            rule.disabled |= rest.is_empty() && after.layer4.len() == 1;
            rule.layer4[at].ports = Some(rest);
            all.push(rule);
        }
    }
    if let Some(before) = before {
        all.push(FirewallRule { disabled: before.disabled, ..after.clone() });
        all.push(FirewallRule { priority: before.priority, ..after.clone() });
        all.push(FirewallRule { targets: before.targets.clone(), ..after.clone() });
        all.retain(|rule| rule != after);
    }
    all
}

#[test]
fn every_narrower_variant_fails_a_wanted_connection() {
    let mut tried = 0;
    let mut fixed = 0;
    let mut names: Vec<_> = std::fs::read_dir(root().join("samples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    for sample in names {
        let path = sample.join("inputs").to_str().unwrap().to_owned();
        let sources = expand(&[path]).unwrap();
        let gathered = gather(&sources, Window::default(), &Progress::hidden()).unwrap();
        let report = diagnose(&gathered, &Scope::default());
        let directory = Directory::of(&gathered.inventory);
        // What a rule is tried on answers as all of it does.
        let of_rules = gathered.inventory.of_rules();
        for network in &directory.networks {
            let [whole, alone] = [&gathered.inventory, &of_rules]
                .map(|one| format!("{:?}", EffectiveRules::of(one, network)));
            assert_eq!(whole, alone, "{}", sample.display());
        }
        for finding in report.findings.iter().filter(|one| one.observed.is_some()) {
            if finding.fixes.is_empty() {
                continue;
            }
            let wanted = wanted(&directory, finding);
            for suggestion in &finding.fixes {
                let change = suggestion.change();
                let after = change.apply(gathered.inventory.clone(), change.rule());
                let name = sample.display();
                assert!(all_pass(&after, &wanted), "{name}: {:#?}", change.rule());
                fixed += 1;
                for variant in variants(suggestion) {
                    let narrower = change.apply(gathered.inventory.clone(), &variant);
                    assert!(!all_pass(&narrower, &wanted), "{name}: {variant:#?}");
                    tried += 1;
                }
                opens_what_it_says(suggestion, finding);
            }
        }
    }
    assert!(fixed >= 10 && tried >= 40, "{fixed} fixes, {tried} variants");
}

/// Nothing is opened to anybody but the ranges that were asked for.
fn opens_what_it_says(suggestion: &Suggestion, finding: &Finding) {
    let flow = finding.flow.as_ref().unwrap();
    let ingress = flow.direction == Some(Direction::Ingress);
    let peer = if ingress { &flow.source } else { &flow.destination };
    let asked = AddressSet::of(&peer.ranges);
    let opens = &suggestion.proof().opens;
    assert!(!opens.is_empty());
    for row in opens {
        let ends = if ingress { &row.sources } else { &row.destinations };
        let ranges: Vec<IpNet> = ends.iter().map(|text| text.parse().unwrap()).collect();
        assert!(asked.covers(&AddressSet::of(&ranges)), "{row:?}\n{asked:?}");
    }
}
