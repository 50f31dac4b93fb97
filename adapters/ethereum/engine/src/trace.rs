//! What happened within one execution: frames, instructions, and every account and slot that was
//! read. Recording never changes the execution; what exceeds its bound is forgotten as a whole and
//! said so, and the execution goes on to its end, bounded by its gas.

use crate::mailbox::{Reader, Writer};
use crate::refusal::Refusal;
use alloy_primitives::{Address, Log, U256};
use revm::bytecode::opcode;
use revm::context::ContextTr;
use revm::inspector::Inspector;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::{Jumps, LoopControl, MemoryTr, ReturnData};
use revm::interpreter::{
    CallInputs, CallOutcome, CallScheme, CreateInputs, CreateOutcome, FrameInput,
    InstructionResult, Interpreter, InterpreterAction, InterpreterResult,
};
use revm::context::CreateScheme;
use revm::state::EvmState;

const FRAMES: u8 = 1;
const STEPS: u8 = 2;
const STATE: u8 = 4;
const STACK: u8 = 8;
const MEMORY: u8 = 16;
const STORAGE: u8 = 32;
const RETURN_DATA: u8 = 64;

/// Events of the list of frames.
const ENTER: u8 = 1;
const LEAVE: u8 = 2;
const LOG: u8 = 3;
const DESTROY: u8 = 4;

/// What the caller wants to know.
#[derive(Clone, Copy)]
pub struct Wish {
    flags: u8,
    /// Instructions that are recorded; the others are left out.
    steps_max: u32,
    bytes_max: usize,
}

pub fn read_wish(input: &mut Reader<'_>) -> Result<Wish, Refusal> {
    let flags = input.u8()?;
    let steps_max = input.u32()?;
    let bytes_max = input.u32()? as usize;
    Ok(Wish { flags, steps_max, bytes_max })
}

/// An instruction that has begun.
struct Begun {
    gas: u64,
    opcode: u8,
    /// The slot that SLOAD or SSTORE names, and what SSTORE writes.
    slot: Option<(U256, Option<U256>)>,
}

pub struct Recorder {
    wish: Wish,
    events: Writer,
    event_count: u32,
    steps: Writer,
    step_count: u32,
    begun: Option<Begun>,
    /// Of each open frame, as its last instruction left it.
    refunds: Vec<i64>,
    is_exceeded: bool,
}

impl Recorder {
    pub fn new(wish: Wish) -> Self {
        Self {
            wish,
            events: Writer::new(Vec::new()),
            event_count: 0,
            steps: Writer::new(Vec::new()),
            step_count: 0,
            begun: None,
            refunds: Vec::new(),
            is_exceeded: false,
        }
    }

    /// Whether all was recorded, then what was.
    pub fn write(self, state: &EvmState, result: &mut Writer) {
        let mut accounts = Writer::new(Vec::new());
        if self.has(STATE) {
            write_accounts(state, &mut accounts);
        }
        let bytes = self.events.len() + self.steps.len() + accounts.len();
        let is_exceeded = self.is_exceeded || bytes > self.wish.bytes_max;
        result.u8(u8::from(is_exceeded));
        if is_exceeded {
            return;
        }
        result.u32(self.event_count);
        result.bytes(&self.events.into_bytes());
        result.u32(self.step_count);
        result.bytes(&self.steps.into_bytes());
        result.bytes(&accounts.into_bytes());
    }

    fn has(&self, flag: u8) -> bool {
        self.wish.flags & flag != 0
    }

    /// Begins an event of the frames, if they are wanted.
    fn event(&mut self, kind: u8) -> Option<&mut Writer> {
        if !self.has(FRAMES) || self.is_full() {
            return None;
        }
        self.event_count += 1;
        self.events.u8(kind);
        Some(&mut self.events)
    }

    /// Forgets everything at the bound, so that memory is bounded, too.
    fn is_full(&mut self) -> bool {
        if self.events.len() + self.steps.len() > self.wish.bytes_max {
            self.is_exceeded = true;
            self.events.clear();
            self.steps.clear();
        }
        self.is_exceeded
    }

    fn enter(&mut self, frame: &Entered<'_>) {
        self.refunds.push(0);
        let Some(events) = self.event(ENTER) else { return };
        events.u8(frame.kind);
        events.bytes(frame.from.as_slice());
        events.bytes(frame.to.as_slice());
        events.u256(frame.value);
        events.u64(frame.gas);
        events.sized(frame.input);
    }

    fn leave(&mut self, result: &InterpreterResult, created: Option<Address>) {
        self.refunds.pop();
        let (status, reason) = status_of(result.result);
        let spent = result.gas.total_gas_spent();
        let Some(events) = self.event(LEAVE) else { return };
        events.u8(status);
        events.u8(reason);
        events.u64(spent);
        events.bytes(created.unwrap_or_default().as_slice());
        events.sized(&result.output);
    }
}

struct Entered<'a> {
    kind: u8,
    from: Address,
    /// Of a creation: zero, the address comes with its end.
    to: Address,
    value: U256,
    gas: u64,
    input: &'a [u8],
}

impl<Ctx: ContextTr> Inspector<Ctx, EthInterpreter> for Recorder {
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _: &mut Ctx) {
        self.begun = None;
        if let Some(refund) = self.refunds.last_mut() {
            *refund = interpreter.gas.refunded();
        }
        if !self.has(STEPS) || self.step_count >= self.wish.steps_max || self.is_full() {
            return;
        }
        self.step_count += 1;
        let opcode = interpreter.bytecode.opcode();
        let gas = interpreter.gas.remaining();
        let stack = interpreter.stack.data();
        let from_top = |depth: usize| stack.len().checked_sub(depth).map(|at| stack[at]);
        let slot = match opcode {
            opcode::SLOAD => from_top(1).map(|slot| (slot, None)),
            opcode::SSTORE => from_top(1).map(|slot| (slot, from_top(2))),
            _ => None,
        };
        self.begun = Some(Begun { gas, opcode, slot });
        let refund: i64 = self.refunds.iter().sum();
        self.steps.u32(interpreter.bytecode.pc() as u32);
        self.steps.u8(opcode);
        self.steps.u64(gas);
        self.steps.u32(self.refunds.len() as u32);
        self.steps.u64(u64::try_from(refund).unwrap_or(0));
        let stack: &[U256] = if self.has(STACK) { stack } else { &[] };
        self.steps.length(stack.len());
        for value in stack {
            self.steps.u256(*value);
        }
        if self.has(MEMORY) {
            self.steps.sized(&interpreter.memory.slice(0..interpreter.memory.size()));
        } else {
            self.steps.length(0);
        }
        let returned: &[u8] =
            if self.has(RETURN_DATA) { interpreter.return_data.buffer() } else { &[] };
        self.steps.sized(returned);
    }

    fn step_end(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _: &mut Ctx) {
        let Some(Begun { gas, opcode, slot }) = self.begun.take() else { return };
        let mut cost = gas.saturating_sub(interpreter.gas.remaining());
        let mut failed = (0, 0);
        match interpreter.bytecode.action() {
            // geth counts what a creation hands over as used within it.
            Some(InterpreterAction::NewFrame(FrameInput::Create(inputs))) => {
                cost = cost.saturating_sub(inputs.gas_limit());
            }
            Some(InterpreterAction::Return(result)) => failed = status_of(result.result),
            _ => {}
        }
        self.steps.u64(cost);
        self.steps.u8(failed.0);
        self.steps.u8(failed.1);
        let slot = if self.has(STORAGE) && failed.0 == 0 { slot } else { None };
        self.steps.u8(u8::from(slot.is_some()));
        if let Some((slot, written)) = slot {
            let read = interpreter.stack.data().last().copied().unwrap_or_default();
            let value = if opcode == opcode::SSTORE { written.unwrap_or_default() } else { read };
            self.steps.u256(slot);
            self.steps.u256(value);
        }
    }

    fn log(&mut self, _: &mut Ctx, log: Log) {
        let Some(events) = self.event(LOG) else { return };
        events.bytes(log.address.as_slice());
        events.length(log.data.topics().len());
        for topic in log.data.topics() {
            events.bytes(topic.as_slice());
        }
        events.sized(&log.data.data);
    }

    fn call(&mut self, context: &mut Ctx, inputs: &mut CallInputs) -> Option<CallOutcome> {
        let input = inputs.input.bytes(context);
        let (kind, to) = match inputs.scheme {
            CallScheme::Call => (opcode::CALL, inputs.target_address),
            CallScheme::StaticCall => (opcode::STATICCALL, inputs.target_address),
            CallScheme::CallCode => (opcode::CALLCODE, inputs.bytecode_address),
            CallScheme::DelegateCall => (opcode::DELEGATECALL, inputs.bytecode_address),
        };
        // Whose code makes the call; for a delegated one the account that it runs as.
        let from = match inputs.scheme {
            CallScheme::DelegateCall => inputs.target_address,
            _ => inputs.caller,
        };
        let value = inputs.value.get();
        let gas = inputs.gas_limit;
        self.enter(&Entered { kind, from, to, value, gas, input: &input });
        None
    }

    fn call_end(&mut self, _: &mut Ctx, _: &CallInputs, outcome: &mut CallOutcome) {
        self.leave(&outcome.result, None);
    }

    fn create(&mut self, _: &mut Ctx, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        let kind = match inputs.scheme() {
            CreateScheme::Create2 { .. } => opcode::CREATE2,
            _ => opcode::CREATE,
        };
        self.enter(&Entered {
            kind,
            from: inputs.caller(),
            to: Address::ZERO,
            value: inputs.value(),
            gas: inputs.gas_limit(),
            input: inputs.init_code(),
        });
        None
    }

    fn create_end(&mut self, _: &mut Ctx, _: &CreateInputs, outcome: &mut CreateOutcome) {
        let address = outcome.address;
        self.leave(&outcome.result, address);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        let Some(events) = self.event(DESTROY) else { return };
        events.bytes(contract.as_slice());
        events.bytes(target.as_slice());
        events.u256(value);
    }
}

/// Success 0, revert 1, halt 2 with the code of outcome.rs.
fn status_of(result: InstructionResult) -> (u8, u8) {
    use InstructionResult as R;
    let halt = match result {
        R::Stop | R::Return | R::SelfDestruct | R::Suspend => return (0, 0),
        R::Revert => return (1, 0),
        R::OutOfGas | R::MemoryOOG | R::PrecompileOOG | R::InvalidOperandOOG => 1,
        R::ReentrancySentryOOG => 1,
        R::MemoryLimitOOG => 2,
        R::OpcodeNotFound | R::NotActivated | R::InvalidImmediateEncoding => 3,
        R::InvalidFEOpcode => 4,
        R::InvalidJump => 5,
        R::StackUnderflow => 6,
        R::StackOverflow => 7,
        R::OutOfOffset => 8,
        R::CreateCollision => 9,
        R::PrecompileError => 10,
        R::NonceOverflow => 11,
        R::CreateContractSizeLimit => 12,
        R::CreateInitCodeSizeLimit => 13,
        R::CreateContractStartingWithEF | R::CreateInitCodeStartingEF00 => 14,
        R::StateChangeDuringStaticCall | R::CallNotAllowedInsideStatic => 15,
        R::CallTooDeep => 16,
        R::OutOfFunds => 17,
        R::OverflowPayment => 18,
        R::InvalidEOFInitCode | R::InvalidExtDelegateCallTarget | R::FatalExternalError => 3,
    };
    (2, halt)
}

const EXISTED: u8 = 1;
const IS_CREATED: u8 = 2;
const IS_GONE: u8 = 4;

/// Every account that was loaded, before and after, with the slots that were read or written.
fn write_accounts(state: &EvmState, result: &mut Writer) {
    let mut accounts: Vec<_> = state.iter().collect();
    accounts.sort_unstable_by_key(|(address, _)| **address);
    result.length(accounts.len());
    for (address, account) in accounts {
        let existed = !account.is_loaded_as_not_existing();
        let is_gone = account.is_selfdestructed() || (account.is_touched() && account.is_empty());
        result.bytes(address.as_slice());
        result.u8(if existed { EXISTED } else { 0 }
            | if account.is_created() { IS_CREATED } else { 0 }
            | if is_gone { IS_GONE } else { 0 });
        for info in [&account.original_info(), &account.info] {
            result.u64(info.nonce);
            result.u256(info.balance);
            result.bytes(info.code_hash.as_slice());
        }
        let mut slots: Vec<_> = account.storage.iter().collect();
        slots.sort_unstable_by_key(|(slot, _)| **slot);
        result.length(slots.len());
        for (slot, value) in slots {
            result.u256(*slot);
            result.u256(value.original_value());
            result.u256(value.present_value());
        }
    }
}
