//! `diff`: two sets of resources, each over what is common to both, compared network by network.

use std::collections::HashMap;

use crate::cli::{Format, Options};
use crate::correlate::Window;
use crate::correlate::causes::judge_all;
use crate::correlate::difference::between;
use crate::correlate::rollup::Slot;
use crate::correlate::{Directory, Ledger, Question};
use crate::diagnose::Gathered;
use crate::engine::{Decider, EffectiveRules};
use crate::ingest::settle;
use crate::model::{Inventory, complaint};
use crate::render::diff::{self, Difference, Logged};
use crate::shell::output::Progress;
use crate::shell::prepare::prepare;
use crate::shell::{Error, answer, gather, input};

/// Compares and prints.
pub fn diff(options: &Options, common: &Gathered, old: &str, new: &str) -> Result<(), Error> {
    let before = side(options, common, old, &[])?;
    let after = side(options, common, new, &options.what_if)?;
    let (old_directory, new_directory) = (Directory::of(&before), Directory::of(&after));
    let mut notes = Vec::new();
    let mut changed = Vec::new();
    let mut networks = after.known_networks();
    for network in before.known_networks() {
        if !networks.iter().any(|known| known.agrees(&network)) {
            networks.push(network);
        }
    }
    networks.retain(|network| options.scope.holds(network));
    let states: Vec<_> = networks
        .iter()
        .map(|network| {
            let pair = [(&before, old), (&after, new)].map(|(inventory, name)| {
                let mut rules = EffectiveRules::of(inventory, network);
                if before.is_amazon(network) || after.is_amazon(network) {
                    rules.take_as_amazons();
                }
                if rules.take_as_complete() {
                    notes.push(format!(
                        "{name} has no VPC firewall rule of network {network}: compared as if \
                         there were none"
                    ));
                }
                rules
            });
            (pair, new_directory.geography(network))
        })
        .collect();
    for ([old, new], geography) in &states {
        changed.extend(between(old, new, geography));
    }
    if networks.is_empty() {
        let name = options.scope.network.as_ref().map_or("any network", |one| one.name.as_str());
        return Err(Error::Nothing(format!("{old} and {new} hold no firewall rule of {name}")));
    }
    let (logged, judged) = changes(&common.ledger, [&old_directory, &new_directory], options);
    let directory = &new_directory;
    let difference = Difference { changed, logged, judged, notes, directory };
    match options.format {
        Format::Json | Format::Ndjson => answer::print_json(options, &diff::json(&difference)),
        _ => answer::print(options, &diff::document(&difference)),
    }
}

/// The resources of one side, over those of both; rules are tried on the new one.
fn side(
    options: &Options,
    common: &Gathered,
    path: &str,
    what_if: &[String],
) -> Result<Inventory, Error> {
    let sources = input::expand(&[path.to_owned()])?;
    let mut gathered = gather::gather(&sources, Window::default(), &Progress::hidden())?;
    // An empty list of rules is one; a text that is nothing is not.
    gathered.complaints.retain(|one| one.did != complaint::LEFT_OUT_NOTHING);
    answer::tell(&gathered.complaints);
    let nothing_in_it =
        gathered.complaints.is_empty() && gathered.inputs.iter().all(|one| one.items == 0);
    if gathered.inventory.is_empty() && !nothing_in_it {
        return Err(Error::Nothing(format!("{path} holds no resource")));
    }
    gathered.inventory.absorb(common.inventory.clone());
    settle::settle(&mut gathered.inventory);
    let options = Options { what_if: what_if.to_vec(), ..options.clone() };
    prepare(&options, &mut gathered)?;
    Ok(gathered.inventory)
}

/// Logged connections that both sides judge, and differently, and how many both judge.
fn changes(ledger: &Ledger, sides: [&Directory<'_>; 2], options: &Options) -> (Vec<Logged>, u64) {
    let [old, new] = sides.map(|side| judge_all(side, ledger.roll_up(), &options.scope));
    let by_slot: HashMap<Slot, &Question<'_>> =
        old.iter().flat_map(|one| one.connections().map(move |c| (c.slot(), one))).collect();
    let mut logged = Vec::new();
    let mut judged = 0;
    let pairs = new.iter().flat_map(|new| new.connections().map(move |group| (new, group)));
    for (new, group) in pairs {
        let Some(old) = by_slot.get(&group.slot()) else { continue };
        let Some(flow) = new.flow.as_ref().or(old.flow.as_ref()) else { continue };
        // Of a network that nobody described nothing is judged.
        let missing = |one: &Question<'_>| one.decision.decider == Decider::Missing;
        if missing(old) && missing(new) {
            continue;
        }
        judged += 1;
        if old.decision.verdict == new.decision.verdict {
            continue;
        }
        logged.push(Logged {
            tuple: group.tuple(),
            network: flow.network.name.clone(),
            direction: flow.direction,
            count: group.count(),
            before: old.decision.verdict,
            after: new.decision.verdict,
        });
    }
    logged.sort_by_key(|one| (std::cmp::Reverse(one.count), one.tuple));
    (logged, judged)
}
