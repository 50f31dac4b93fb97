//! The execution engine: revm and alloy's Ethereum formats behind a flat interface of bytes.
//! `docs/formats/engine-abi.md` has the byte tables; `adapters/ethereum/src/engine.ts` is the one
//! caller. One instance serves one thread and holds no state between calls but a code cache.
//! A panic traps; the binding then throws the instance away.

mod block;
mod code_cache;
mod crypto;
mod decode;
mod execute;
mod host;
mod mailbox;
mod outcome;
mod refusal;
mod trace;

use code_cache::CodeCache;
use mailbox::{Reader, Writer};
use refusal::Refusal;
use std::cell::RefCell;

/// Raised when the layout of any message changes; the binding refuses another number.
const INTERFACE_VERSION: u32 = 2;

/// A larger input or result buffer is given back after the call, so that one big block does not
/// hold memory for ever.
const BUFFER_BYTES_KEPT: usize = 1 << 20;

struct Engine {
    input: Vec<u8>,
    result: Vec<u8>,
    codes: CodeCache,
}

thread_local! {
    // WebAssembly has one thread here; the RefCell traps on a re-entrant call, which the binding
    // also refuses.
    static ENGINE: RefCell<Engine> = const {
        RefCell::new(Engine { input: Vec::new(), result: Vec::new(), codes: CodeCache::new() })
    };
}

#[unsafe(no_mangle)]
pub extern "C" fn interface_version() -> u32 {
    crypto::install();
    std::panic::set_hook(Box::new(host::report_panic));
    INTERFACE_VERSION
}

/// Reserves `length` bytes of input and returns their address. Valid until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn input_buffer(length: usize) -> *mut u8 {
    ENGINE.with_borrow_mut(|engine| {
        engine.input.clear();
        engine.input.resize(length, 0);
        if engine.input.capacity() > BUFFER_BYTES_KEPT && length <= BUFFER_BYTES_KEPT {
            engine.input.shrink_to(BUFFER_BYTES_KEPT);
        }
        engine.input.as_mut_ptr()
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn result_buffer() -> *const u8 {
    ENGINE.with_borrow(|engine| engine.result.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn result_length() -> usize {
    ENGINE.with_borrow(|engine| engine.result.len())
}

/// Runs one operation over the input; its status is 0 or a refusal's code, its bytes the result.
fn run(operation: fn(&mut Reader<'_>, &mut Writer, &mut CodeCache) -> Result<(), Refusal>) -> u32 {
    ENGINE.with_borrow_mut(|engine| {
        let mut bytes = std::mem::take(&mut engine.result);
        bytes.clear();
        bytes.shrink_to(BUFFER_BYTES_KEPT);
        let mut writer = Writer::new(bytes);
        let outcome = operation(&mut Reader::new(&engine.input), &mut writer, &mut engine.codes);
        let status = match outcome {
            Ok(()) => 0,
            Err(refusal) => refusal.write(&mut writer),
        };
        engine.result = writer.into_bytes();
        status
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn decode_transaction() -> u32 {
    run(|input, result, _| decode::decode_transaction(input, result))
}

#[unsafe(no_mangle)]
pub extern "C" fn execute() -> u32 {
    run(execute::execute)
}

/// `execute` that also tells what happened within (trace.rs).
#[unsafe(no_mangle)]
pub extern "C" fn trace() -> u32 {
    run(execute::trace)
}

#[unsafe(no_mangle)]
pub extern "C" fn block_roots() -> u32 {
    run(|input, result, _| block::block_roots(input, result))
}

#[unsafe(no_mangle)]
pub extern "C" fn encode_receipt() -> u32 {
    run(|input, result, _| block::encode_receipt(input, result))
}

#[unsafe(no_mangle)]
pub extern "C" fn encode_header() -> u32 {
    run(|input, result, _| block::encode_header(input, result))
}

#[unsafe(no_mangle)]
pub extern "C" fn keccak256() -> u32 {
    run(|input, result, _| {
        result.bytes(alloy_primitives::keccak256(input.rest()).as_slice());
        Ok(())
    })
}

/// hash, r, s (32 bytes each), y parity (1) to the address of the signer.
#[unsafe(no_mangle)]
pub extern "C" fn recover() -> u32 {
    run(|input, result, _| crypto::recover(input, result))
}
