//! Receipts, roots and headers, encoded by alloy.

use crate::mailbox::{Reader, Writer};
use crate::refusal::Refusal;
use alloy_consensus::proofs::calculate_receipt_root;
use alloy_consensus::{Eip658Value, Header, Receipt, ReceiptEnvelope, TxType};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B64, Bloom, Log, keccak256};
use alloy_trie::root::ordered_trie_root_with_encoder;

fn read_log(input: &mut Reader<'_>) -> Result<Log, Refusal> {
    let address = input.address()?;
    let topics = input.list(|input| input.hash())?;
    let data = input.sized_bytes()?;
    Log::new(address, topics, data).ok_or(Refusal::InputMalformed)
}

fn read_receipt(input: &mut Reader<'_>) -> Result<ReceiptEnvelope, Refusal> {
    let receipt_type = TxType::try_from(input.u8()?).map_err(|_| Refusal::InputMalformed)?;
    let receipt = Receipt {
        status: Eip658Value::Eip658(input.u8()? != 0),
        cumulative_gas_used: input.u64()?,
        logs: input.list(read_log)?,
    };
    Ok(ReceiptEnvelope::from_typed(receipt_type, receipt))
}

pub fn encode_receipt(input: &mut Reader<'_>, result: &mut Writer) -> Result<(), Refusal> {
    let receipt = read_receipt(input)?;
    input.end()?;
    result.bytes(receipt.logs_bloom().as_slice());
    result.bytes(&receipt.encoded_2718());
    Ok(())
}

pub fn block_roots(input: &mut Reader<'_>, result: &mut Writer) -> Result<(), Refusal> {
    let transactions = input.list(|input| input.sized())?;
    let receipts = input.list(read_receipt)?;
    input.end()?;
    let transactions_root =
        ordered_trie_root_with_encoder(&transactions, |raw, out| out.extend_from_slice(raw));
    let mut bloom = Bloom::ZERO;
    for receipt in &receipts {
        bloom |= *receipt.logs_bloom();
    }
    result.bytes(transactions_root.as_slice());
    result.bytes(calculate_receipt_root(&receipts).as_slice());
    result.bytes(bloom.as_slice());
    Ok(())
}

pub fn encode_header(input: &mut Reader<'_>, result: &mut Writer) -> Result<(), Refusal> {
    let header = read_header(input)?;
    input.end()?;
    let mut bytes = Vec::new();
    alloy_rlp::Encodable::encode(&header, &mut bytes);
    result.bytes(keccak256(&bytes).as_slice());
    result.bytes(&bytes);
    Ok(())
}

/// The count of optional fields present, 0 to 6, precedes them.
fn read_header(input: &mut Reader<'_>) -> Result<Header, Refusal> {
    let mut header = Header {
        parent_hash: input.hash()?,
        ommers_hash: input.hash()?,
        beneficiary: input.address()?,
        state_root: input.hash()?,
        transactions_root: input.hash()?,
        receipts_root: input.hash()?,
        logs_bloom: Bloom::from(input.array::<256>()?),
        difficulty: input.u256()?,
        number: input.u64()?,
        gas_limit: input.u64()?,
        gas_used: input.u64()?,
        timestamp: input.u64()?,
        extra_data: input.sized_bytes()?,
        mix_hash: input.hash()?,
        nonce: B64::from(input.array::<8>()?),
        ..Default::default()
    };
    let count = input.u8()?;
    if count > 6 {
        return Err(Refusal::InputMalformed);
    }
    header.base_fee_per_gas = if count > 0 { Some(input.u64()?) } else { None };
    header.withdrawals_root = if count > 1 { Some(input.hash()?) } else { None };
    header.blob_gas_used = if count > 2 { Some(input.u64()?) } else { None };
    header.excess_blob_gas = if count > 3 { Some(input.u64()?) } else { None };
    header.parent_beacon_block_root = if count > 4 { Some(input.hash()?) } else { None };
    header.requests_hash = if count > 5 { Some(input.hash()?) } else { None };
    Ok(header)
}
