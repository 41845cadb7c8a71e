//! Right variants: servers that keep every rule and look different.

use super::super::wire::{AS_IS, Cut, Wire};
use super::{Member, variant};

pub(super) const VARIANTS: &[Member] = &[
    variant("plain", "The reference, with nothing changed."),
    variant("one-octet-writes", "Everything is written an octet at a time.").wire(Wire { cut: Cut::Octets, ..AS_IS }),
];
