//! IDX files, written by hand.

/// An IDX file of unsigned bytes: `dims` in the header, `payload` after it, whether or not they agree.
pub fn idx(dims: &[u32], payload: &[u8]) -> Vec<u8> {
    idx_of(0x08, dims, payload)
}

/// The same with elements of another type: 0x0c are integers of 32 bits.
pub fn idx_of(element: u8, dims: &[u32], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, element, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|dim| dim.to_be_bytes()));
    bytes.extend(payload);
    bytes
}
