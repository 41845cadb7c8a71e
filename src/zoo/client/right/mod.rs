//! Right variants: clients that keep every rule and look different.

use super::{Member, variant};

pub(super) const VARIANTS: &[Member] = &[variant(
    "plain-client",
    "The reference, with nothing changed.",
)];
