//! Numbers by their exact decimal value, whatever their size: no float rounds, no exponent is too
//! long. Work and memory are linear in the spelling.

use std::cmp::Ordering;
use std::fmt;

use super::scan;

/// A JSON number, exactly as spelled.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Box<str>);

impl Number {
    /// The number of a JSON spelling; none for anything else, blanks around it included.
    pub fn parse(spelling: &str) -> Option<Number> {
        let bytes = spelling.as_bytes();
        if !matches!(bytes.first()?, b'-' | b'0'..=b'9') {
            return None;
        }
        (scan::number(bytes, 0).ok()? == bytes.len()).then(|| Number(spelling.into()))
    }

    /// A number from bytes that the scanner took for one.
    pub(super) fn from_scanned(spelling: &[u8]) -> Number {
        Number(String::from_utf8_lossy(spelling).into())
    }

    /// The number as it was spelled.
    pub fn spelling(&self) -> &str {
        &self.0
    }

    /// Whether the value is an integer: `2`, `2.0`, `20e-1` and `1e400` are.
    pub fn is_integer(&self) -> bool {
        self.decimal().is_integer()
    }

    /// The value, if it is an integer from 0 to 2^64-1 (`-0` is 0).
    pub fn to_u64(&self) -> Option<u64> {
        match self.decimal().integer() {
            Integer::Is(value) => Some(value),
            _ => None,
        }
    }

    /// The nearest double; infinite beyond its range.
    pub fn to_f64(&self) -> f64 {
        // Each JSON number is in the grammar of Rust's floats.
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// Whether two numbers mean the same: exactly the same value, or the same finite double.
    pub fn same_as(&self, other: &Number) -> bool {
        if self.0 == other.0 {
            return true;
        }
        let (a, b) = (self.to_f64(), other.to_f64());
        (a.is_finite() && a == b) || self.cmp_value(other) == Ordering::Equal
    }

    /// The order of the exact values.
    pub fn cmp_value(&self, other: &Number) -> Ordering {
        self.decimal().cmp_value(&other.decimal())
    }

    fn decimal(&self) -> Decimal<'_> {
        Decimal::of(self.0.as_bytes())
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Number {
        Number(value.to_string().into())
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Number {
        Number(value.to_string().into())
    }
}

/// The spelling.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The spelling.
impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a number is, seen as an integer that is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integer {
    /// It has a fraction.
    Not,
    /// An integer below zero.
    Negative,
    /// This integer.
    Is(u64),
    /// An integer of 2^64 or more.
    Beyond,
}

/// The integer that a scanned number is by value.
pub(super) fn integer(spelling: &[u8]) -> Integer {
    // Nearly every number that matters is a few digits.
    if spelling.len() <= 19 && spelling.iter().all(u8::is_ascii_digit) {
        return Integer::Is(
            spelling
                .iter()
                .fold(0, |value, digit| value * 10 + u64::from(digit - b'0')),
        );
    }
    Decimal::of(spelling).integer()
}

/// A number taken apart: 0.d₁d₂d₃… × 10^(point + exponent), d₁ and the last digit not zero.
struct Decimal<'a> {
    negative: bool,
    /// The digits before the point and behind it, without the zeros at either end of the whole.
    /// Both empty: the value is zero.
    digits: [&'a [u8]; 2],
    /// Where the point stands, counted from the first digit, before the exponent moves it.
    point: i64,
    exponent_negative: bool,
    /// The exponent's digits without leading zeros.
    exponent: &'a [u8],
}

impl<'a> Decimal<'a> {
    fn of(spelling: &'a [u8]) -> Decimal<'a> {
        let (negative, rest) = match spelling {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (mantissa, exponent) = split(rest, |byte| matches!(byte, b'e' | b'E'));
        let (exponent_negative, exponent) = match exponent {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (whole, fraction) = split(mantissa, |byte| byte == b'.');
        let (whole, fraction, point) = match (trim_start(whole), trim_start(fraction)) {
            ([], shortened) => (
                &[][..],
                shortened,
                shortened.len() as i64 - fraction.len() as i64,
            ),
            (whole, _) => (whole, fraction, whole.len() as i64),
        };
        let fraction = trim_end(fraction);
        let whole = if fraction.is_empty() {
            trim_end(whole)
        } else {
            whole
        };
        Decimal {
            negative,
            digits: [whole, fraction],
            point,
            exponent_negative,
            exponent: trim_start(exponent),
        }
    }

    fn is_zero(&self) -> bool {
        self.digits.iter().all(|part| part.is_empty())
    }

    fn count(&self) -> i64 {
        (self.digits[0].len() + self.digits[1].len()) as i64
    }

    fn all_digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.digits[0].iter().chain(self.digits[1]).copied()
    }

    /// Where the point stands behind the first digit, or a bound where that is beyond 10^18 (no
    /// spelling has that many digits, so no comparison with a count of digits can tell).
    fn place(&self) -> i64 {
        let exponent = if self.exponent.len() > 18 {
            i64::MAX / 4
        } else {
            self.exponent
                .iter()
                .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'))
        };
        self.point
            + if self.exponent_negative {
                -exponent
            } else {
                exponent
            }
    }

    fn is_integer(&self) -> bool {
        self.is_zero() || self.place() >= self.count()
    }

    fn integer(&self) -> Integer {
        if self.is_zero() {
            return Integer::Is(0);
        }
        if !self.is_integer() {
            return Integer::Not;
        }
        if self.negative {
            return Integer::Negative;
        }
        if self.place() > 20 {
            return Integer::Beyond;
        }
        let zeros = std::iter::repeat_n(b'0', (self.place() - self.count()) as usize);
        let value = self
            .all_digits()
            .chain(zeros)
            .try_fold(0u64, |value, digit| {
                value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
            });
        value.map_or(Integer::Beyond, Integer::Is)
    }

    fn cmp_value(&self, other: &Decimal<'_>) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => {
                return if other.negative {
                    Ordering::Greater
                } else {
                    Ordering::Less
                };
            }
            (false, true) => {
                return if self.negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                };
            }
            (false, false) => {}
        }
        match (self.negative, other.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.cmp_magnitude(other),
            (true, true) => other.cmp_magnitude(self),
        }
    }

    fn cmp_magnitude(&self, other: &Decimal<'_>) -> Ordering {
        let places = if self.exponent.len() <= 18 && other.exponent.len() <= 18 {
            self.place().cmp(&other.place())
        } else {
            self.long_place().cmp(&other.long_place())
        };
        places.then_with(|| self.all_digits().cmp(other.all_digits()))
    }

    /// The exact place of the point, for exponents of any length.
    fn long_place(&self) -> Long {
        if self.exponent.len() <= 18 {
            let place = self.place();
            return Long {
                negative: place < 0,
                digits: place.unsigned_abs().to_string().into_bytes(),
            };
        }
        let mut place = Long {
            negative: self.exponent_negative,
            digits: self.exponent.to_vec(),
        };
        place.grow(if self.exponent_negative {
            -self.point
        } else {
            self.point
        });
        place
    }
}

/// An integer of any length in decimal digits, without leading zeros.
#[derive(PartialEq, Eq)]
struct Long {
    negative: bool,
    digits: Vec<u8>,
}

impl Long {
    /// Adds to the magnitude, which has more digits than what is added or taken away.
    fn grow(&mut self, by: i64) {
        let mut carry = by;
        // From the right; a negative carry borrows.
        for digit in self.digits.iter_mut().rev() {
            if carry == 0 {
                break;
            }
            let sum = i64::from(*digit - b'0') + carry;
            *digit = b'0' + sum.rem_euclid(10) as u8;
            carry = sum.div_euclid(10);
        }
        if carry > 0 {
            self.digits.splice(0..0, carry.to_string().into_bytes());
        }
        let zeros = self.digits.iter().take_while(|digit| **digit == b'0');
        let zeros = zeros.count();
        self.digits.drain(..zeros);
    }

    fn cmp_magnitude(&self, other: &Long) -> Ordering {
        self.digits
            .len()
            .cmp(&other.digits.len())
            .then_with(|| self.digits.cmp(&other.digits))
    }
}

impl PartialOrd for Long {
    fn partial_cmp(&self, other: &Long) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Long {
    fn cmp(&self, other: &Long) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.cmp_magnitude(other),
            (true, true) => other.cmp_magnitude(self),
        }
    }
}

/// What stands before the first such byte and what behind it.
fn split(bytes: &[u8], at: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| at(*byte)) {
        Some(index) => (&bytes[..index], &bytes[index + 1..]),
        None => (bytes, &[]),
    }
}

fn trim_start(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

fn trim_end(digits: &[u8]) -> &[u8] {
    let zeros = digits
        .iter()
        .rev()
        .take_while(|digit| **digit == b'0')
        .count();
    &digits[..digits.len() - zeros]
}
