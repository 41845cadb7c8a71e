//! How bytes are cut into pieces: one byte of an input says it.

/// The pieces of `bytes`. Up to 63, `how` is the size of each piece (0 counts as 1); above, the sizes
/// differ from piece to piece, between 1 and 128, in one of many ways.
pub fn pieces(bytes: &[u8], how: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    let mut rng = fastrand::Rng::with_seed(u64::from(how));
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let size = match how {
            0..64 => usize::from(how).max(1),
            // Small ones often: between two bytes of a length is where readers go wrong.
            64.. => 1 << rng.u32(0..8),
        };
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        rest = behind;
        Some(piece)
    })
}
