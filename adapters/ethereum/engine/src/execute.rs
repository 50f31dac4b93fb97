//! One transaction or call through revm, against the host's state. Nothing is applied: the result
//! is the receipt's figures and the state's changes.

use crate::code_cache::CodeCache;
use crate::host::HostState;
use crate::mailbox::{Reader, Writer};
use crate::outcome;
use crate::refusal::Refusal;
use crate::trace::{Recorder, read_wish};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_eips::eip7702::{Authorization, RecoveredAuthority, RecoveredAuthorization};
use revm::context::either::Either;
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::primitives::TxKind;
use revm::primitives::hardfork::SpecId;
use revm::{Context, ExecuteEvm, InspectEvm, MainBuilder, MainContext, SystemCallEvm};

/// Of all frames of one execution together. Gas bounds it first unless the limit is above some
/// hundred million; then the frame halts out of gas instead of the instance trapping out of memory.
const MEMORY_BYTES_MAX: u64 = 512 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Transaction,
    Call,
    System,
}

const HAS_TO: u8 = 1;
const HAS_CHAIN_ID: u8 = 2;
const HAS_TIP: u8 = 4;
const HAS_GAS_CAP: u8 = 8;

const SET_CODE_TYPE: u8 = 4;

/// What is executed, and under which rules.
struct Request {
    mode: Mode,
    config: CfgEnv,
    block: BlockEnv,
    transaction: TxEnv,
}

fn read_request(input: &mut Reader<'_>) -> Result<Request, Refusal> {
    let mode = match input.u8()? {
        0 => Mode::Transaction,
        1 => Mode::Call,
        2 => Mode::System,
        _ => return Err(Refusal::InputMalformed),
    };
    let spec = match input.u8()? {
        0 => SpecId::PRAGUE,
        1 => SpecId::OSAKA,
        2 => SpecId::CANCUN,
        _ => return Err(Refusal::InputMalformed),
    };
    let flags = input.u8()?;
    let config = read_config(input, mode, spec, flags)?;
    let mut block = read_block(input)?;
    let transaction = read_transaction(input, mode, flags)?;
    input.end()?;
    if transaction.tx_type == SET_CODE_TYPE && transaction.kind.is_create() {
        return Err(Refusal::AuthorizationCreates);
    }
    if mode == Mode::Call && transaction.gas_price == 0 {
        // As geth: a call that names no fee sees a base fee of zero.
        block.basefee = 0;
    }
    Ok(Request { mode, config, block, transaction })
}

pub fn execute(
    input: &mut Reader<'_>,
    result: &mut Writer,
    codes: &mut CodeCache,
) -> Result<(), Refusal> {
    let Request { mode, config, block, transaction } = read_request(input)?;
    let mut machine = Context::mainnet()
        .with_db(HostState { codes })
        .with_cfg(config)
        .with_block(block)
        .build_mainnet();
    let executed = match (mode, transaction.kind) {
        (Mode::System, TxKind::Call(to)) => {
            machine.system_call_with_caller(transaction.caller, to, transaction.data)
        }
        (Mode::System, TxKind::Create) => return Err(Refusal::InputMalformed),
        _ => machine.transact(transaction),
    }?;
    outcome::write(&executed.result, &executed.state, result);
    Ok(())
}

/// As `execute`, and what happened within it. System calls are not traced.
pub fn trace(
    input: &mut Reader<'_>,
    result: &mut Writer,
    codes: &mut CodeCache,
) -> Result<(), Refusal> {
    let wish = read_wish(input)?;
    let Request { mode, config, block, transaction } = read_request(input)?;
    if mode == Mode::System {
        return Err(Refusal::InputMalformed);
    }
    let mut machine = Context::mainnet()
        .with_db(HostState { codes })
        .with_cfg(config)
        .with_block(block)
        .build_mainnet_with_inspector(Recorder::new(wish));
    let executed = machine.inspect_tx(transaction)?;
    let mut written = Writer::new(Vec::new());
    outcome::write(&executed.result, &executed.state, &mut written);
    result.sized(&written.into_bytes());
    machine.inspector.write(&executed.state, result);
    Ok(())
}

fn read_config(
    input: &mut Reader<'_>,
    mode: Mode,
    spec: SpecId,
    flags: u8,
) -> Result<CfgEnv, Refusal> {
    let mut config = CfgEnv::new_with_spec(spec);
    config.chain_id = input.u64()?;
    let gas_cap = input.u64()?;
    config.memory_limit = MEMORY_BYTES_MAX;
    if flags & HAS_GAS_CAP != 0 {
        config.tx_gas_limit_cap = Some(gas_cap);
    }
    if mode == Mode::Call {
        config.disable_nonce_check = true;
        config.disable_eip3607 = true;
        config.disable_block_gas_limit = true;
        config.tx_gas_limit_cap = Some(u64::MAX);
    }
    Ok(config)
}

fn read_block(input: &mut Reader<'_>) -> Result<BlockEnv, Refusal> {
    let mut block = BlockEnv::default();
    block.number = revm::primitives::U256::from(input.u64()?);
    block.timestamp = revm::primitives::U256::from(input.u64()?);
    block.gas_limit = input.u64()?;
    block.basefee = input.u64()?;
    block.beneficiary = input.address()?;
    block.prevrandao = Some(input.hash()?);
    Ok(block)
}

fn read_transaction(input: &mut Reader<'_>, mode: Mode, flags: u8) -> Result<TxEnv, Refusal> {
    let mut transaction = TxEnv::default();
    transaction.tx_type = input.u8()?;
    if !matches!(transaction.tx_type, 0 | 1 | 2 | SET_CODE_TYPE) {
        return Err(Refusal::InputMalformed);
    }
    transaction.caller = input.address()?;
    let to = input.address()?;
    transaction.kind = if flags & HAS_TO != 0 { TxKind::Call(to) } else { TxKind::Create };
    let chain_id = input.u64()?;
    transaction.chain_id = (flags & HAS_CHAIN_ID != 0).then_some(chain_id);
    let nonce = input.u64()?;
    transaction.nonce = if mode == Mode::Call { 0 } else { nonce };
    transaction.gas_limit = input.u64()?;
    transaction.gas_price = input.u128()?;
    let tip = input.u128()?;
    transaction.gas_priority_fee = (flags & HAS_TIP != 0).then_some(tip);
    transaction.value = input.u256()?;
    transaction.data = input.sized_bytes()?;
    transaction.access_list = AccessList(input.list(read_access_item)?);
    transaction.authorization_list = input.list(read_authorization)?;
    Ok(transaction)
}

fn read_access_item(input: &mut Reader<'_>) -> Result<AccessListItem, Refusal> {
    let address = input.address()?;
    let storage_keys = input.list(|input| input.hash())?;
    Ok(AccessListItem { address, storage_keys })
}

/// revm skips an authorization without authority, as EIP-7702 does one whose signature is invalid.
fn read_authorization<Signed>(
    input: &mut Reader<'_>,
) -> Result<Either<Signed, RecoveredAuthorization>, Refusal> {
    let chain_id = input.u256()?;
    let address = input.address()?;
    let nonce = input.u64()?;
    let has_authority = input.u8()? != 0;
    let authority = input.address()?;
    let authorization = Authorization { chain_id, address, nonce };
    let authority = if has_authority {
        RecoveredAuthority::Valid(authority)
    } else {
        RecoveredAuthority::Invalid
    };
    Ok(Either::Right(RecoveredAuthorization::new_unchecked(authorization, authority)))
}
