//! What the command line says about resources, put into what was read.

use crate::cli::Options;
use crate::correlate::ledger::Window;
use crate::diagnose::Gathered;
use crate::ingest::reader;
use crate::shell::output::Progress;
use crate::shell::{Error, gather, input};

/// What the command line adds to the resources: the name of a network whose export does not say
/// it, the order of its stages, and rules that are tried.
pub fn prepare(options: &Options, gathered: &mut Gathered) -> Result<(), Error> {
    let inventory = &mut gathered.inventory;
    inventory.assumed_policies_first = options.policies_first;
    if let Some(name) = &options.scope.network {
        inventory.name_effective_firewalls(name);
    }
    if options.what_if.is_empty() {
        return Ok(());
    }
    let sources = input::expand(&options.what_if)?;
    let window = Window::default();
    let tried = gather::gather(&sources, window, &Progress::hidden())?;
    if tried.inventory.firewall_rules.is_empty() && tried.inventory.policies.is_empty() {
        let files = options.what_if.join(", ");
        return Err(Error::Usage(format!("{files}: no firewall rule to try")));
    }
    gathered.complaints.extend(tried.complaints);
    gathered.inventory.overlay(tried.inventory);
    reader::settle(&mut gathered.inventory);
    Ok(())
}
