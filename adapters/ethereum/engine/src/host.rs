//! The host's imports and the state that revm reads through them. An import answers 0 (absent),
//! 1 (present) or negative (it failed: the execution ends and the binding throws what happened).

use crate::code_cache::CodeCache;
use alloy_primitives::{Address, B256, U256, keccak256};
use revm::Database;
use revm::database_interface::DBErrorMarker;
use revm::state::{AccountInfo, Bytecode};
use std::fmt;
use std::panic::PanicHookInfo;

mod imports {
    #[link(wasm_import_module = "host")]
    unsafe extern "C" {
        pub fn get_account(address: *const u8, account: *mut u8) -> i32;
        pub fn get_code(hash: *const u8) -> i32;
        pub fn take_code(code: *mut u8);
        pub fn get_storage(address: *const u8, slot: *const u8, value: *mut u8) -> i32;
        pub fn get_block_hash(number: *const u8, hash: *mut u8) -> i32;
        pub fn ecrecover(hash: *const u8, signature: *const u8, parity: u32, key: *mut u8) -> i32;
        pub fn panicked(text: *const u8, length: usize);
    }
}

/// Why the state could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostFailure {
    /// An import answered that it failed; the binding knows why.
    Import,
    /// The code is not that of its hash: cached, it would run in every account with that hash.
    CodeMismatch,
}

impl fmt::Display for HostFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Import => "an import failed",
            Self::CodeMismatch => "the code has another hash",
        })
    }
}

impl std::error::Error for HostFailure {}
impl DBErrorMarker for HostFailure {}

/// nonce u64 little-endian, balance u256 big-endian, code hash.
const ACCOUNT_BYTES: usize = 72;

/// The state of one execution.
pub struct HostState<'a> {
    pub codes: &'a mut CodeCache,
}

impl Database for HostState<'_> {
    type Error = HostFailure;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, HostFailure> {
        let mut account = [0u8; ACCOUNT_BYTES];
        // SAFETY: the host reads 20 bytes and writes 72.
        let answer =
            unsafe { imports::get_account(address.as_slice().as_ptr(), account.as_mut_ptr()) };
        match answer {
            0 => Ok(None),
            1 => {
                let (nonce, rest) = account.split_at(8);
                let (balance, code_hash) = rest.split_at(32);
                Ok(Some(AccountInfo {
                    nonce: u64::from_le_bytes(nonce.try_into().map_err(|_| HostFailure::Import)?),
                    balance: U256::from_be_slice(balance),
                    code_hash: B256::from_slice(code_hash),
                    // Asked for by hash when the machine needs it.
                    code: None,
                    account_id: None,
                }))
            }
            _ => Err(HostFailure::Import),
        }
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, HostFailure> {
        if let Some(code) = self.codes.get(&code_hash) {
            return Ok(code);
        }
        // SAFETY: the host reads 32 bytes, then writes as many as it announced.
        let length = unsafe { imports::get_code(code_hash.as_slice().as_ptr()) };
        let length = usize::try_from(length).map_err(|_| HostFailure::Import)?;
        let mut bytes = vec![0u8; length];
        unsafe { imports::take_code(bytes.as_mut_ptr()) };
        if keccak256(&bytes) != code_hash {
            return Err(HostFailure::CodeMismatch);
        }
        let bytes = revm::primitives::Bytes::from(bytes);
        // Code that looks like a delegation but is none can only come from before London: it is
        // ordinary code that starts with an invalid opcode.
        let code = Bytecode::new_raw_checked(bytes.clone())
            .unwrap_or_else(|_| Bytecode::new_legacy(bytes));
        self.codes.insert(code_hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, HostFailure> {
        let slot = slot.to_be_bytes::<32>();
        let mut value = [0u8; 32];
        // SAFETY: the host reads 20 and 32 bytes and writes 32.
        let answer = unsafe {
            imports::get_storage(address.as_slice().as_ptr(), slot.as_ptr(), value.as_mut_ptr())
        };
        match answer {
            0 => Ok(U256::ZERO),
            1 => Ok(U256::from_be_bytes(value)),
            _ => Err(HostFailure::Import),
        }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, HostFailure> {
        let number = number.to_le_bytes();
        let mut hash = [0u8; 32];
        // SAFETY: the host reads 8 bytes and writes 32.
        match unsafe { imports::get_block_hash(number.as_ptr(), hash.as_mut_ptr()) } {
            0 => Ok(B256::ZERO),
            1 => Ok(B256::from(hash)),
            _ => Err(HostFailure::Import),
        }
    }
}

/// The 64 bytes of the public key (x, y) that made the signature (r, s), if any did.
pub fn recover_key(hash: &[u8; 32], signature: &[u8; 64], parity: u8) -> Option<[u8; 64]> {
    let mut key = [0u8; 64];
    // SAFETY: the host reads 32 and 64 bytes and writes 64.
    let answer = unsafe {
        imports::ecrecover(hash.as_ptr(), signature.as_ptr(), parity.into(), key.as_mut_ptr())
    };
    (answer == 1).then_some(key)
}

/// Tells the host where a panic was: the place only, for the message may hold private values.
pub fn report_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    // SAFETY: the host reads the text's bytes.
    unsafe { imports::panicked(place.as_ptr(), place.len()) };
}
