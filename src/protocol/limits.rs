//! The stated limits: what is refused although it is JSON, and why.

/// How many lists and objects may be open at once, the packet's own object included.
///
/// Far more than arguments and answers need, twice what serde_json's own tree takes, and few enough
/// that the scanner's whole stack is 256 bits and that a tree can be compared, printed and dropped
/// by recursion.
pub const MAX_DEPTH: usize = 256;

/// How long a packet may be, in bytes, where nobody says otherwise: 1 MiB.
///
/// A nonce of a million characters fits. A connection that only ever gets the longest packet still
/// costs little enough memory to serve a hundred of them on a small machine.
pub const MAX_SIZE: usize = 1 << 20;
