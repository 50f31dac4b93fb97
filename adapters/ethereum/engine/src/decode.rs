//! Signed transactions (EIP-2718 types 0, 1, 2 and 4), decoded strictly by alloy-consensus.

use crate::crypto::is_canonical_signature;
use crate::mailbox::{Reader, Writer};
use crate::refusal::Refusal;
use alloy_consensus::{Signed, Transaction, TxEnvelope, TxLegacy};
use alloy_eips::Typed2718;
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_eips::eip2930::AccessList;
use alloy_eips::eip7702::SignedAuthorization;
use alloy_primitives::{TxKind, keccak256};

/// geth's limit of a transaction in its pool (core/txpool/legacypool).
const TRANSACTION_BYTES_MAX: usize = 128 * 1024;

const BLOB_TYPE: u8 = 3;
/// RLP's first byte of a string, which a transaction never is, and of a list: a legacy transaction
/// has no type byte.
const STRING_FIRST: u8 = 0x80;
const LIST_FIRST: u8 = 0xc0;

pub fn decode_transaction(input: &mut Reader<'_>, result: &mut Writer) -> Result<(), Refusal> {
    let raw = input.rest();
    let transaction = parse(raw)?;
    write(&transaction, raw, result);
    Ok(())
}

fn parse(raw: &[u8]) -> Result<TxEnvelope, Refusal> {
    if raw.len() > TRANSACTION_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    match raw.first() {
        None => return Err(Refusal::Malformed("the transaction is empty".into())),
        Some(&BLOB_TYPE) => return Err(Refusal::BlobUnsupported),
        Some(1 | 2 | 4 | LIST_FIRST..) => {}
        Some(STRING_FIRST..LIST_FIRST) => {
            return Err(Refusal::Malformed("the transaction is a string".into()));
        }
        Some(&other) => return Err(Refusal::TypeUnsupported(other)),
    }
    // A list goes to the legacy decoder at once, whose errors name the fault.
    let decoded = match raw[0] {
        LIST_FIRST.. => Signed::<TxLegacy>::decode_2718_exact(raw).map(TxEnvelope::Legacy),
        _ => TxEnvelope::decode_2718_exact(raw),
    };
    let transaction = decoded.map_err(|error| Refusal::Malformed(error.to_string()))?;
    // Writing it again must give the same bytes: so no second encoding of one transaction, and
    // none of the decoder's leniencies (v as 0 or 1, wrapped forms), can pass.
    if transaction.encoded_2718() != raw {
        return Err(Refusal::Malformed("the encoding is not canonical".into()));
    }
    let signature = transaction.signature();
    if !is_canonical_signature(signature.r(), signature.s()) {
        return Err(Refusal::SignatureInvalid("r or s is out of range (EIP-2)"));
    }
    Ok(transaction)
}

fn write(transaction: &TxEnvelope, raw: &[u8], result: &mut Writer) {
    let signature = transaction.signature();
    let to = transaction.kind();
    let tip = transaction.max_priority_fee_per_gas();
    let has_to = matches!(to, TxKind::Call(_));
    result.u8(transaction.ty());
    result.u8(u8::from(has_to)
        | u8::from(transaction.chain_id().is_some()) << 1
        | u8::from(tip.is_some()) << 2);
    result.u8(u8::from(signature.v()));
    result.u64(transaction.chain_id().unwrap_or_default());
    result.u64(transaction.nonce());
    result.u64(transaction.gas_limit());
    result.u128(transaction.max_fee_per_gas());
    result.u128(tip.unwrap_or_default());
    result.bytes(to.to().copied().unwrap_or_default().as_slice());
    result.u256(transaction.value());
    result.u256(signature.r());
    result.u256(signature.s());
    result.bytes(keccak256(raw).as_slice());
    result.bytes(transaction.signature_hash().as_slice());
    result.sized(transaction.input());
    write_access_list(transaction.access_list(), result);
    let authorizations = transaction.authorization_list().unwrap_or_default();
    result.length(authorizations.len());
    for authorization in authorizations {
        write_authorization(authorization, result);
    }
}

fn write_access_list(access_list: Option<&AccessList>, result: &mut Writer) {
    let items = access_list.map(|list| list.0.as_slice()).unwrap_or_default();
    result.length(items.len());
    for item in items {
        result.bytes(item.address.as_slice());
        result.length(item.storage_keys.len());
        for key in &item.storage_keys {
            result.bytes(key.as_slice());
        }
    }
}

fn write_authorization(authorization: &SignedAuthorization, result: &mut Writer) {
    result.u256(authorization.chain_id);
    result.bytes(authorization.address.as_slice());
    result.u64(authorization.nonce);
    result.u8(authorization.y_parity());
    result.u256(authorization.r());
    result.u256(authorization.s());
    result.bytes(authorization.signature_hash().as_slice());
}
