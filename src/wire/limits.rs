//! How much of a peer's output we are willing to hold.

/// Limits on what a peer can make us keep. They are ours, not the protocol's: what is over them is
/// reported as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message in bytes.
    pub message: usize,
    /// The longest upgrade request or response in bytes, without a body.
    pub head: usize,
    /// The most header lines of an upgrade request or response.
    pub headers: usize,
    /// The most frames of one message.
    pub fragments: u32,
    /// How many bytes are read at once.
    pub read_buffer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 4 << 20,
            head: 64 << 10,
            headers: 200,
            fragments: 262_144,
            read_buffer: 4096,
        }
    }
}
