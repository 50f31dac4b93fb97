//! Contract code by hash, analysed once, bounded in bytes. Two generations stand in for an LRU:
//! when the young one is full it becomes the old one and the old one is dropped; a hit in the old
//! one moves the code to the young one.

use alloy_primitives::B256;
use revm::state::Bytecode;
use std::collections::BTreeMap;

/// Of one generation: about 680 contracts of the largest size (24 KiB, EIP-170).
const GENERATION_BYTES_MAX: usize = 16 << 20;

/// What an entry costs beyond its code: the analysis is an eighth of it, and tables.
const ENTRY_BYTES: usize = 256;

pub struct CodeCache {
    young: BTreeMap<B256, Bytecode>,
    old: BTreeMap<B256, Bytecode>,
    young_bytes: usize,
}

impl CodeCache {
    pub const fn new() -> Self {
        Self { young: BTreeMap::new(), old: BTreeMap::new(), young_bytes: 0 }
    }

    pub fn get(&mut self, hash: &B256) -> Option<Bytecode> {
        if let Some(code) = self.young.get(hash) {
            return Some(code.clone());
        }
        let code = self.old.remove(hash)?;
        self.insert(*hash, code.clone());
        Some(code)
    }

    pub fn insert(&mut self, hash: B256, code: Bytecode) {
        let bytes = code.len() + code.len() / 8 + ENTRY_BYTES;
        if self.young_bytes + bytes > GENERATION_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if self.young.insert(hash, code).is_none() {
            self.young_bytes += bytes;
        }
    }
}
