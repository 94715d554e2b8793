//! What the command line says about resources, put into what was read.

use crate::cli::Options;
use crate::correlate::Window;
use crate::diagnose::Gathered;
use crate::ingest::{settle, terraform_show};
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
        let mut tried = gather::gather(&sources, Window::default(), &Progress::hidden())?;
        let inventory = &mut tried.inventory;
        inventory.planned.retain(|one| terraform_show::is_of_firewalls(&one.kind));
        if inventory.firewall_rules.is_empty()
            && inventory.policies.is_empty()
            && inventory.planned.is_empty()
        {
            let files = options.what_if.join(", ");
            return Err(Error::Usage(format!("{files}: no firewall rule to try")));
        }
        Ok(Self { options, tried: Some(tried) })
    }

    /// Puts them into an inventory. Its rules hold the ranges of their address groups by now, so a
    /// group cannot be changed.
    pub fn add(&self, inventory: &mut Inventory) -> Result<(), Error> {
        inventory.assumed_policies_first = self.options.policies_first;
        if let Some(name) = &self.options.scope.network {
            inventory.name_effective_firewalls(name);
        }
        if let Some(tried) = &self.tried {
            let changed = tried.inventory.address_groups.iter().find(|group| {
                let mut known = inventory.address_groups.iter();
                known.any(|one| one.id == group.id && one.ranges != group.ranges)
            });
            if let Some(group) = changed {
                return Err(Error::Usage(format!(
                    "{}: the address group {} has other ranges in the folder, and only rules can \
                     be tried: compare two folders with diff",
                    group.origin.path, group.id
                )));
            }
            terraform_show::take_out(inventory, &tried.inventory.planned);
            inventory.overlay(tried.inventory.clone());
            settle::settle(inventory);
        }
        Ok(())
    }

    /// Puts them into everything that was read.
    pub fn complete(self, gathered: &mut Gathered) -> Result<(), Error> {
        self.add(&mut gathered.inventory)?;
        gathered.complaints.extend(self.tried.into_iter().flat_map(|tried| tried.complaints));
        Ok(())
    }
}

/// Reads and adds at once.
pub fn prepare(options: &Options, gathered: &mut Gathered) -> Result<(), Error> {
    Additions::read(options)?.complete(gathered)
}
