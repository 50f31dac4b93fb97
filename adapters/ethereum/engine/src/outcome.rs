//! What an execution did, as bytes: status, gas, output, logs and the changes of state.

use crate::mailbox::Writer;
use alloy_primitives::{Address, Log};
use revm::context::result::{ExecutionResult, HaltReason, OutOfGasError, Output};
use revm::state::{Account, EvmState};

pub fn write(executed: &ExecutionResult, state: &EvmState, result: &mut Writer) {
    let (status, reason, logs) = match executed {
        ExecutionResult::Success { logs, .. } => (0, 0, logs.as_slice()),
        // What was logged before a revert or halt did not happen.
        ExecutionResult::Revert { .. } => (1, 0, [].as_slice()),
        ExecutionResult::Halt { reason, .. } => (2, halt_code(reason), [].as_slice()),
    };
    let created = match executed {
        ExecutionResult::Success { output: Output::Create(_, created), .. } => *created,
        _ => None,
    };
    let gas = executed.gas();
    result.u8(status);
    result.u8(reason);
    result.u8(u8::from(created.is_some()));
    result.u64(gas.tx_gas_used());
    result.u64(gas.final_refunded());
    result.u64(gas.total_gas_spent().max(gas.floor_gas()));
    result.bytes(created.unwrap_or_default().as_slice());
    result.sized(executed.output().map(AsRef::as_ref).unwrap_or_default());
    result.length(logs.len());
    for log in logs {
        write_log(log, result);
    }
    write_changes(state, result);
}

fn write_log(log: &Log, result: &mut Writer) {
    result.bytes(log.address.as_slice());
    result.length(log.data.topics().len());
    for topic in log.data.topics() {
        result.bytes(topic.as_slice());
    }
    result.sized(&log.data.data);
}

/// The codes stand in docs/formats/engine-abi.md.
fn halt_code(reason: &HaltReason) -> u8 {
    match reason {
        HaltReason::OutOfGas(OutOfGasError::MemoryLimit) => 2,
        HaltReason::OutOfGas(_) => 1,
        HaltReason::OpcodeNotFound | HaltReason::NotActivated => 3,
        HaltReason::InvalidFEOpcode => 4,
        HaltReason::InvalidJump => 5,
        HaltReason::StackUnderflow => 6,
        HaltReason::StackOverflow => 7,
        HaltReason::OutOfOffset => 8,
        HaltReason::CreateCollision => 9,
        HaltReason::PrecompileError | HaltReason::PrecompileErrorWithContext(_) => 10,
        HaltReason::NonceOverflow => 11,
        HaltReason::CreateContractSizeLimit => 12,
        HaltReason::CreateInitCodeSizeLimit => 13,
        HaltReason::CreateContractStartingWithEF => 14,
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => 15,
        HaltReason::CallTooDeep => 16,
        HaltReason::OutOfFunds => 17,
        HaltReason::OverflowPayment => 18,
    }
}

/// What becomes of an account.
enum Change {
    None,
    Removed,
    Kept,
}

fn change_of(account: &Account) -> Change {
    let existed = !account.is_loaded_as_not_existing();
    // EIP-6780: the flag is set only for an account created in this transaction.
    let is_gone = account.is_selfdestructed() || (account.is_touched() && account.is_empty());
    if is_gone {
        return if existed { Change::Removed } else { Change::None };
    }
    if !account.is_touched() {
        return Change::None;
    }
    let has_changed = account.info != account.original_info()
        || account.is_created()
        || account.changed_storage_slots().next().is_some();
    if has_changed { Change::Kept } else { Change::None }
}

fn write_changes(state: &EvmState, result: &mut Writer) {
    let mut changes: Vec<(&Address, &Account, bool)> = state
        .iter()
        .filter_map(|(address, account)| match change_of(account) {
            Change::None => None,
            Change::Removed => Some((address, account, true)),
            Change::Kept => Some((address, account, false)),
        })
        .collect();
    changes.sort_unstable_by_key(|(address, ..)| **address);
    result.length(changes.len());
    for (address, account, is_removed) in changes {
        result.bytes(address.as_slice());
        if is_removed {
            result.u8(IS_REMOVED | IS_STORAGE_RESET);
        } else {
            write_kept(account, result);
        }
    }
}

const IS_REMOVED: u8 = 1;
const IS_STORAGE_RESET: u8 = 2;
const HAS_CODE: u8 = 4;

fn write_kept(account: &Account, result: &mut Writer) {
    let info = &account.info;
    let code = (info.code_hash != account.original_info().code_hash)
        .then(|| info.code.as_ref().map(|code| code.original_bytes()).unwrap_or_default());
    result.u8(if account.is_created() { IS_STORAGE_RESET } else { 0 }
        | if code.is_some() { HAS_CODE } else { 0 });
    result.u64(info.nonce);
    result.u256(info.balance);
    result.bytes(info.code_hash.as_slice());
    if let Some(code) = code {
        result.sized(&code);
    }
    let mut slots: Vec<_> = account.changed_storage_slots().collect();
    slots.sort_unstable_by_key(|(slot, _)| **slot);
    result.length(slots.len());
    for (slot, value) in slots {
        result.u256(*slot);
        result.u256(value.present_value());
    }
}
