//! The stated limits: what is refused although it is JSON, and why.

/// How many lists and objects may be open at once, the packet's own object included.
///
/// Ten packets' worth of honest nesting, and few enough that 256 bits on the stack are all the
/// memory the scanner needs and that a tree of this depth can be compared and dropped by recursion.
pub const MAX_DEPTH: usize = 256;

/// How long a packet may be, in bytes, where nobody says otherwise: 1 MiB.
///
/// Well above what the protocol is used for (nonces and arguments), and low enough that a peer which
/// always sends the longest packet costs a known amount of memory a connection.
pub const MAX_SIZE: usize = 1 << 20;
