//! What the command line says about resources, put into what was read.

use crate::cli::Options;
use crate::correlate::Window;
use crate::diagnose::Gathered;
use crate::ingest::{reader, terraform_show};
use crate::model::Inventory;
use crate::shell::output::Progress;
use crate::shell::{Error, gather, input};

/// What the command line adds to the resources: the name of a network whose export does not say
/// it, the order of its stages, and rules that are tried.
pub struct Additions<'o> {
    options: &'o Options,
    tried: Option<Gathered>,
}

impl<'o> Additions<'o> {
    /// Reads the rules that are tried.
    pub fn read(options: &'o Options) -> Result<Self, Error> {
        if options.what_if.is_empty() {
            return Ok(Self { options, tried: None });
        }
        let sources = input::expand(&options.what_if)?;
        let tried = gather::gather(&sources, Window::default(), &Progress::hidden())?;
        if tried.inventory.firewall_rules.is_empty() && tried.inventory.policies.is_empty() {
            let files = options.what_if.join(", ");
            return Err(Error::Usage(format!("{files}: no firewall rule to try")));
        }
        // Rules that name a group hold its ranges by now.
        if !tried.inventory.address_groups.is_empty() {
            let files = options.what_if.join(", ");
            return Err(Error::Usage(format!(
                "{files}: an address group cannot be tried, only rules: compare two folders with \
                 diff"
            )));
        }
        Ok(Self { options, tried: Some(tried) })
    }

    /// Puts them into an inventory.
    pub fn add(&self, inventory: &mut Inventory) {
        inventory.assumed_policies_first = self.options.policies_first;
        if let Some(name) = &self.options.scope.network {
            inventory.name_effective_firewalls(name);
        }
        if let Some(tried) = &self.tried {
            terraform_show::take_out(inventory, &tried.inventory.planned);
            inventory.overlay(tried.inventory.clone());
            reader::settle(inventory);
        }
    }

    /// Puts them into everything that was read.
    pub fn complete(self, gathered: &mut Gathered) {
        self.add(&mut gathered.inventory);
        gathered.complaints.extend(self.tried.into_iter().flat_map(|tried| tried.complaints));
    }
}

/// Reads and adds at once.
pub fn prepare(options: &Options, gathered: &mut Gathered) -> Result<(), Error> {
    Additions::read(options)?.complete(gathered);
    Ok(())
}
