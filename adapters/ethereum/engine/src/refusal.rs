//! Why an operation was refused: a status code and its figures. The binding words them.

use crate::host::HostFailure;
use crate::mailbox::Writer;
use alloy_primitives::U256;
use revm::context::result::{EVMError, InvalidTransaction};

/// The codes stand in docs/formats/engine-abi.md; each carries u256 figures, a text, or nothing.
#[derive(Debug)]
pub enum Refusal {
    Malformed(String),
    TypeUnsupported(u8),
    BlobUnsupported,
    SignatureInvalid(&'static str),
    TooLarge,
    Invalid(InvalidTransaction),
    AuthorizationCreates,
    /// Another rule of the machine failed; never expected.
    Other(String),
    /// A host import failed; the binding knows why and throws that.
    HostFailed,
    /// The state gave code that is not that of its hash: a bug of the state.
    CodeMismatch,
    /// The binding wrote a message that does not parse: its bug.
    InputMalformed,
}

impl From<EVMError<HostFailure>> for Refusal {
    fn from(error: EVMError<HostFailure>) -> Self {
        match error {
            EVMError::Transaction(invalid) => Self::Invalid(invalid),
            EVMError::Database(HostFailure::Import) => Self::HostFailed,
            EVMError::Database(HostFailure::CodeMismatch) => Self::CodeMismatch,
            EVMError::Header(header) => Self::Other(header.to_string()),
            EVMError::Custom(text) => Self::Other(text),
            EVMError::CustomAny(error) => Self::Other(error.to_string()),
        }
    }
}

impl Refusal {
    /// Replaces what was written so far by this refusal's figures and returns its code.
    pub fn write(self, result: &mut Writer) -> u32 {
        result.clear();
        match self {
            Self::Malformed(reason) => text(result, 1, &reason),
            Self::TypeUnsupported(type_byte) => figures(result, 2, [U256::from(type_byte)]),
            Self::BlobUnsupported => figures(result, 3, []),
            Self::SignatureInvalid(reason) => text(result, 4, reason),
            Self::TooLarge => figures(result, 5, []),
            Self::Invalid(invalid) => write_invalid(invalid, result),
            Self::AuthorizationCreates => figures(result, 29, []),
            Self::Other(reason) => text(result, 31, &reason),
            Self::HostFailed => figures(result, 64, []),
            Self::InputMalformed => figures(result, 65, []),
            Self::CodeMismatch => figures(result, 66, []),
        }
    }
}

fn figures<const N: usize>(result: &mut Writer, code: u32, values: [U256; N]) -> u32 {
    for value in values {
        result.u256(value);
    }
    code
}

fn text(result: &mut Writer, code: u32, reason: &str) -> u32 {
    result.bytes(reason.as_bytes());
    code
}

fn write_invalid(invalid: InvalidTransaction, result: &mut Writer) -> u32 {
    use InvalidTransaction as Invalid;
    let big = |value: u64| U256::from(value);
    match invalid {
        Invalid::InvalidChainId | Invalid::MissingChainId => figures(result, 16, []),
        Invalid::NonceTooLow { tx, state } => figures(result, 17, [big(tx), big(state)]),
        Invalid::NonceTooHigh { tx, state } => figures(result, 18, [big(tx), big(state)]),
        Invalid::NonceOverflowInTransaction => figures(result, 19, []),
        Invalid::LackOfFundForMaxFee { fee, balance } => figures(result, 20, [*balance, *fee]),
        Invalid::OverflowPaymentInTransaction => figures(result, 20, []),
        Invalid::CallGasCostMoreThanGasLimit { initial_gas, gas_limit } => {
            figures(result, 21, [big(gas_limit), big(initial_gas)])
        }
        Invalid::GasFloorMoreThanGasLimit { gas_floor, gas_limit } => {
            figures(result, 22, [big(gas_limit), big(gas_floor)])
        }
        Invalid::GasPriceLessThanBasefee => figures(result, 23, []),
        Invalid::PriorityFeeGreaterThanMaxFee => figures(result, 24, []),
        Invalid::CallerGasLimitMoreThanBlock => figures(result, 25, []),
        Invalid::TxGasLimitGreaterThanCap { gas_limit, cap } => {
            figures(result, 26, [big(cap), big(gas_limit)])
        }
        Invalid::CreateInitCodeSizeLimit => figures(result, 27, []),
        Invalid::RejectCallerWithCode => figures(result, 28, []),
        Invalid::AuthorizationListInvalidFields => figures(result, 29, []),
        Invalid::EmptyAuthorizationList => figures(result, 30, []),
        other => text(result, 31, &other.to_string()),
    }
}
