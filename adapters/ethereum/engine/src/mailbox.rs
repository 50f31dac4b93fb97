//! Flat bytes in and out: little-endian u32 and u64, big-endian u128 and u256, u32 lengths.

use crate::refusal::Refusal;
use alloy_primitives::{Address, B256, Bytes, U256};

/// Reads the binding's message. Running out of bytes is a bug of the binding, refused as such.
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(Refusal::InputMalformed)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }

    pub fn end(&self) -> Result<(), Refusal> {
        if self.bytes.is_empty() { Ok(()) } else { Err(Refusal::InputMalformed) }
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        self.take(N)?.try_into().map_err(|_| Refusal::InputMalformed)
    }

    pub fn u8(&mut self) -> Result<u8, Refusal> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u32(&mut self) -> Result<u32, Refusal> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, Refusal> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn u128(&mut self) -> Result<u128, Refusal> {
        Ok(u128::from_be_bytes(self.array()?))
    }

    pub fn u256(&mut self) -> Result<U256, Refusal> {
        Ok(U256::from_be_bytes(self.array::<32>()?))
    }

    pub fn address(&mut self) -> Result<Address, Refusal> {
        Ok(Address::from(self.array::<20>()?))
    }

    pub fn hash(&mut self) -> Result<B256, Refusal> {
        Ok(B256::from(self.array::<32>()?))
    }

    pub fn sized(&mut self) -> Result<&'a [u8], Refusal> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    pub fn sized_bytes(&mut self) -> Result<Bytes, Refusal> {
        Ok(Bytes::copy_from_slice(self.sized()?))
    }

    /// A u32 count, then so many items. Memory follows the bytes, never the count alone.
    pub fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Refusal>,
    ) -> Result<Vec<T>, Refusal> {
        let count = self.u32()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }
}

/// Writes the result.
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    pub fn u128(&mut self, value: u128) {
        self.bytes(&value.to_be_bytes());
    }

    pub fn u256(&mut self, value: U256) {
        self.bytes(&value.to_be_bytes::<32>());
    }

    pub fn length(&mut self, length: usize) {
        // wasm32 addresses 4 GiB, so a length in memory always fits.
        self.u32(length as u32);
    }

    pub fn sized(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.bytes(bytes);
    }
}
