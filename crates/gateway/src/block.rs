//! Addresses and networks that are kept out, for good or for a time, and those that never are.
//!
//! What the configuration says stays; what is added later ends with its time or with the process. Knows no clock, and
//! not why somebody is blocked beyond the words that are given.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use ipnet::IpNet;
use parking_lot::RwLock;

/// Why and how long a network is kept out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Until when, in seconds since 1970; none for good.
    pub until_s: Option<u64>,
    /// For whoever reads the list.
    pub reason: String,
    /// Whether the node decided it by itself.
    pub automatic: bool,
}

/// A network and its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whom it keeps out.
    pub network: IpNet,
    /// Why, and how long.
    pub block: Block,
    /// Whether the configuration says it: then nothing but the configuration ends it.
    pub configured: bool,
}

/// Why a block was not made or not ended.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BlockError {
    /// The configuration says that it is never blocked.
    #[error("{0} holds {1}, which block.allow keeps open")]
    Allowed(IpNet, IpNet),
    /// The configuration blocks it.
    #[error("{0} is blocked by the configuration (block.deny)")]
    Configured(IpNet),
    /// There are as many blocks as there may be.
    #[error("there are {0} blocks already (block.entries_max)")]
    Full(usize),
}

/// Who is kept out.
#[derive(Debug)]
pub struct Blocks {
    allow: Vec<IpNet>,
    entries_max: usize,
    /// How many there are: none, mostly, which costs no lock.
    count: AtomicUsize,
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_network: HashMap<IpNet, Standing>,
    /// Which prefix lengths occur, of IPv4 and IPv6: an address is looked up once for each.
    lengths: [Vec<u8>; 2],
}

impl Blocks {
    /// What the configuration says, and room for so many more.
    pub fn new(deny: &[IpNet], allow: &[IpNet], entries_max: usize) -> Blocks {
        let blocks = Blocks {
            allow: allow.to_vec(),
            entries_max: entries_max + deny.len(),
            count: AtomicUsize::new(0),
            entries: RwLock::default(),
        };
        {
            let mut entries = blocks.entries.write();
            for network in deny.iter().map(IpNet::trunc) {
                let block = Block { until_s: None, reason: String::new(), automatic: false };
                entries.insert(Standing { network, block, configured: true });
            }
            blocks.count.store(entries.by_network.len(), Ordering::Release);
        }
        blocks
    }

    /// Whether nobody is kept out, which costs no lock to know.
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Whether an address is kept out.
    pub fn holds(&self, address: IpAddr, now_s: u64) -> bool {
        if self.is_empty() || self.is_allowed(address) {
            return false;
        }
        self.entries.read().covering(address).any(|standing| standing.block.is_on(now_s))
    }

    /// Whether the configuration keeps the door open for an address.
    pub fn is_allowed(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|network| network.contains(&address))
    }

    /// Keeps a network out; a block that is there is replaced.
    pub fn block(&self, network: IpNet, block: Block, now_s: u64) -> Result<(), BlockError> {
        let network = network.trunc();
        // A wider block is sound: those inside who are allowed stay so.
        if let Some(open) = self.allow.iter().find(|open| open.contains(&network)) {
            return Err(BlockError::Allowed(*open, network));
        }
        let mut entries = self.entries.write();
        if entries.by_network.get(&network).is_some_and(|standing| standing.configured) {
            return Err(BlockError::Configured(network));
        }
        if entries.by_network.len() >= self.entries_max {
            entries.by_network.retain(|_, standing| standing.block.is_on(now_s));
            entries.count_lengths();
        }
        if entries.by_network.len() >= self.entries_max && !entries.by_network.contains_key(&network) {
            return Err(BlockError::Full(self.entries_max));
        }
        entries.insert(Standing { network, block, configured: false });
        self.count.store(entries.by_network.len(), Ordering::Release);
        Ok(())
    }

    /// Forgets the blocks that are over.
    pub fn sweep(&self, now_s: u64) {
        let is_over = |standing: &Standing| !standing.block.is_on(now_s);
        if self.is_empty() || !self.entries.read().by_network.values().any(is_over) {
            return;
        }
        let mut entries = self.entries.write();
        entries.by_network.retain(|_, standing| !is_over(standing));
        entries.count_lengths();
        self.count.store(entries.by_network.len(), Ordering::Release);
    }

    /// Lets a network in again; whether it was kept out.
    pub fn unblock(&self, network: IpNet) -> Result<bool, BlockError> {
        let network = network.trunc();
        let mut entries = self.entries.write();
        if entries.by_network.get(&network).is_some_and(|standing| standing.configured) {
            return Err(BlockError::Configured(network));
        }
        let was_there = entries.by_network.remove(&network).is_some();
        entries.count_lengths();
        self.count.store(entries.by_network.len(), Ordering::Release);
        Ok(was_there)
    }

    /// Who is kept out now, in order.
    pub fn list(&self, now_s: u64) -> Vec<Standing> {
        let entries = self.entries.read();
        let standing = entries.by_network.values().filter(|standing| standing.block.is_on(now_s));
        let mut all: Vec<Standing> = standing.cloned().collect();
        all.sort_by_key(|standing| standing.network);
        all
    }
}

impl Block {
    fn is_on(&self, now_s: u64) -> bool {
        self.until_s.is_none_or(|until_s| now_s < until_s)
    }
}

impl Entries {
    fn insert(&mut self, standing: Standing) {
        let lengths = &mut self.lengths[family(&standing.network)];
        if !lengths.contains(&standing.network.prefix_len()) {
            lengths.push(standing.network.prefix_len());
        }
        self.by_network.insert(standing.network, standing);
    }

    fn count_lengths(&mut self) {
        self.lengths = Default::default();
        for network in self.by_network.keys() {
            let lengths = &mut self.lengths[family(network)];
            if !lengths.contains(&network.prefix_len()) {
                lengths.push(network.prefix_len());
            }
        }
    }

    fn covering(&self, address: IpAddr) -> impl Iterator<Item = &Standing> {
        let lengths = &self.lengths[usize::from(address.is_ipv6())];
        let networks = lengths.iter().filter_map(move |length| IpNet::new(address, *length).ok());
        networks.filter_map(|network| self.by_network.get(&network.trunc()))
    }
}

fn family(network: &IpNet) -> usize {
    usize::from(network.addr().is_ipv6())
}

#[cfg(test)]
mod tests;
