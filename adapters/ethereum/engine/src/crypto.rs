//! The one primitive that the host does better: secp256k1 recovery runs in its native library,
//! four times as fast as Rust compiled to WebAssembly. All other precompiles are pure Rust here.

use crate::host::recover_key;
use crate::mailbox::{Reader, Writer};
use crate::refusal::Refusal;
use alloy_primitives::{Address, U256, keccak256, uint};
use revm::precompile::{Crypto, PrecompileHalt};

/// The order of secp256k1 and its half (EIP-2).
const ORDER: U256 = uint!(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141_U256);
const ORDER_HALF: U256 =
    uint!(0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0_U256);

#[derive(Debug)]
struct HostCrypto;

impl Crypto for HostCrypto {
    fn secp256k1_ecrecover(
        &self,
        signature: &[u8; 64],
        parity: u8,
        hash: &[u8; 32],
    ) -> Result<[u8; 32], PrecompileHalt> {
        let (r, s) = signature.split_at(32);
        let in_range = |value: &[u8]| {
            let value = U256::from_be_slice(value);
            !value.is_zero() && value < ORDER
        };
        // The precompile takes high s values; ranges are checked here so that nothing depends on
        // how the host's library treats them.
        if !in_range(r) || !in_range(s) || parity > 1 {
            return Err(PrecompileHalt::Secp256k1RecoverFailed);
        }
        let address = recover_address(hash, signature, parity)
            .ok_or(PrecompileHalt::Secp256k1RecoverFailed)?;
        Ok(address.into_word().0)
    }
}

pub fn install() {
    revm::install_crypto(HostCrypto);
}

/// Whether (r, s) may stand in a transaction: in range and s in the lower half (EIP-2).
pub fn is_canonical_signature(r: U256, s: U256) -> bool {
    !r.is_zero() && r < ORDER && !s.is_zero() && s <= ORDER_HALF
}

fn recover_address(hash: &[u8; 32], signature: &[u8; 64], parity: u8) -> Option<Address> {
    let key = recover_key(hash, signature, parity)?;
    Some(Address::from_slice(&keccak256(key)[12..]))
}

/// The signer of a transaction or authorization.
pub fn recover(input: &mut Reader<'_>, result: &mut Writer) -> Result<(), Refusal> {
    let hash = input.array::<32>()?;
    let signature = input.array::<64>()?;
    let parity = input.u8()?;
    input.end()?;
    let (r, s) = signature.split_at(32);
    if !is_canonical_signature(U256::from_be_slice(r), U256::from_be_slice(s)) || parity > 1 {
        return Err(Refusal::SignatureInvalid("the signature is out of range"));
    }
    let address = recover_address(&hash, &signature, parity)
        .ok_or(Refusal::SignatureInvalid("no key made the signature"))?;
    result.bytes(address.as_slice());
    Ok(())
}
