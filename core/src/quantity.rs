//! Amounts of resources: `500m` of a CPU, `64Mi` of memory.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

const NANOS: i128 = 1_000_000_000;
/// Kubernetes caps every amount at what 64 bits hold.
const CAP: i128 = i64::MAX as i128 * NANOS;

/// An exact amount with nine decimal places, as Kubernetes' `resource.Quantity`.
///
/// It compares by amount alone: `1` equals `1000m`. The family of suffixes it was written with decides how it
/// prints, which is always in the canonical form that the API server stores (`0.5` → `500m`, `1024Mi` → `1Gi`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

/// The family of suffixes that an amount is printed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Powers of a thousand: `m`, `k`, `M`, …
    #[default]
    DecimalSi,
    /// Powers of 1024: `Ki`, `Mi`, …
    BinarySi,
    /// `e` and a power of ten.
    DecimalExponent,
}

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a number followed by letters.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Syntax,
    /// The number has two decimal points, or no digit.
    #[error("unable to parse numeric part of quantity")]
    Number,
    /// The letters are no known suffix.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity { nanos: 0, format: Format::DecimalSi };

    /// A number of whole units (CPUs, pods) that prints with decimal suffixes.
    pub fn units(units: i64) -> Self {
        Self { nanos: i128::from(units) * NANOS, format: Format::DecimalSi }
    }

    /// A number of thousandths of a unit (of a CPU, mostly).
    pub fn from_millis(millis: i64) -> Self {
        Self { nanos: i128::from(millis) * (NANOS / 1000), format: Format::DecimalSi }
    }

    /// A number of bytes, which prints with binary suffixes.
    pub fn bytes(bytes: i64) -> Self {
        Self { nanos: i128::from(bytes) * NANOS, format: Format::BinarySi }
    }

    /// The amount in billionths of a unit: exact.
    pub fn nanos(self) -> i128 {
        self.nanos
    }

    /// The amount in thousandths of a unit, rounded up; capped at the range of the type.
    pub fn millis(self) -> i64 {
        saturate(divide_up(self.nanos, NANOS / 1000))
    }

    /// The amount in whole units (bytes, for memory), rounded up.
    pub fn value(self) -> i64 {
        saturate(divide_up(self.nanos, NANOS))
    }

    /// Whether the amount is a number of whole units.
    pub fn is_integer(self) -> bool {
        self.nanos % NANOS == 0
    }

    /// Whether the amount is nothing.
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// Whether the amount is less than nothing.
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        if number.is_empty() || !suffix.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-".contains(&b)) {
            return Err(QuantityError::Syntax);
        }
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || whole.len() + fraction.len() == 0 {
            return Err(QuantityError::Number);
        }
        let Suffix { format, unit, exponent } = Suffix::parse(suffix)?;
        let nanos = Digits { whole, fraction }.times(unit, exponent);
        let nanos = if text.starts_with('-') { -nanos } else { nanos };
        Ok(Self { nanos, format })
    }
}

impl TryFrom<&Text> for Quantity {
    type Error = QuantityError;

    fn try_from(text: &Text) -> Result<Self, QuantityError> {
        text.0.parse()
    }
}

impl From<Quantity> for Text {
    fn from(quantity: Quantity) -> Text {
        Text(quantity.to_string())
    }
}

/// What a suffix means: one unit in nanos, times a power of ten.
struct Suffix {
    format: Format,
    unit: i128,
    exponent: i32,
}

impl Suffix {
    fn parse(text: &str) -> Result<Suffix, QuantityError> {
        let decimal = |unit| Suffix { format: Format::DecimalSi, unit, exponent: 0 };
        let binary = |power| Suffix { format: Format::BinarySi, unit: NANOS << (10 * power), exponent: 0 };
        Ok(match text {
            "n" => decimal(1),
            "u" => decimal(1_000),
            "m" => decimal(1_000_000),
            "" => decimal(NANOS),
            "k" => decimal(NANOS * 1_000),
            "M" => decimal(NANOS * 1_000_000),
            "G" => decimal(NANOS * 1_000_000_000),
            "T" => decimal(NANOS * 1_000_000_000_000),
            "P" => decimal(NANOS * 1_000_000_000_000_000),
            "E" => decimal(NANOS * 1_000_000_000_000_000_000),
            "Ki" => binary(1),
            "Mi" => binary(2),
            "Gi" => binary(3),
            "Ti" => binary(4),
            "Pi" => binary(5),
            "Ei" => binary(6),
            _ => {
                let power = text.strip_prefix(['e', 'E']).ok_or(QuantityError::Suffix)?;
                let exponent = power.parse().map_err(|_| QuantityError::Suffix)?;
                Suffix { format: Format::DecimalExponent, unit: NANOS, exponent }
            }
        })
    }
}

/// The digits before and behind the decimal point.
struct Digits<'a> {
    whole: &'a str,
    fraction: &'a str,
}

impl Digits<'_> {
    /// The number times `unit` nanos times ten to the `exponent`: rounded up, and capped.
    fn times(&self, unit: i128, exponent: i32) -> i128 {
        let count = self.whole.len() + self.fraction.len();
        let point = self.whole.len() as i64 + i64::from(exponent);
        let significant = (0..count).any(|index| self.at(index) != 0);
        // More places than these in front of the point are beyond the cap, as many behind it are below a nano.
        if !significant || point < -64 {
            return i128::from(significant);
        }
        let mut whole = 0i128;
        for index in 0..point {
            whole = whole * 10 + self.at(index as usize);
            if whole > CAP / unit {
                return CAP;
            }
        }
        // Horner's rule from the last digit. Flooring at each step is exact; `rest` remembers what it cut off.
        let (mut part, mut rest) = (0i128, false);
        for index in (point..count as i64).rev() {
            let next = part + usize::try_from(index).map_or(0, |index| self.at(index)) * unit;
            rest |= next % 10 != 0;
            part = next / 10;
        }
        (whole * unit + part + i128::from(rest)).min(CAP)
    }

    fn at(&self, index: usize) -> i128 {
        let (whole, fraction) = (self.whole.as_bytes(), self.fraction.as_bytes());
        let digit = whole.get(index).or_else(|| fraction.get(index - whole.len().min(index)));
        digit.map_or(0, |digit| i128::from(digit - b'0'))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let large = self.nanos.abs() >= 1024 * NANOS;
        if self.format == Format::BinarySi && self.is_integer() && large {
            let (number, power) = reduce(self.nanos / NANOS, 1024, BINARY.len() - 1);
            return write!(f, "{number}{}", BINARY[power]);
        }
        let (number, power) = reduce(self.nanos, 1000, DECIMAL.len() - 1);
        match self.format {
            Format::DecimalExponent if power != 3 => write!(f, "{number}e{}", power as i32 * 3 - 9),
            _ => write!(f, "{number}{}", DECIMAL[power]),
        }
    }
}

/// Takes as many factors of `base` out of `number` as there are, at most `most`.
fn reduce(mut number: i128, base: i128, most: usize) -> (i128, usize) {
    let mut power = 0;
    while power < most && number % base == 0 {
        number /= base;
        power += 1;
    }
    (number, power)
}

/// Rounds away from zero, as Kubernetes does: a promise of a part of a unit is one of the unit.
fn divide_up(number: i128, by: i128) -> i128 {
    number / by + if number % by == 0 { 0 } else { number.signum() }
}

fn saturate(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl Hash for Quantity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nanos.hash(state);
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Add for Quantity {
    type Output = Quantity;

    /// The sum; nothing takes on the format of what is added to it.
    fn add(self, rhs: Quantity) -> Quantity {
        let format = if self.is_zero() { rhs.format } else { self.format };
        Quantity { nanos: self.nanos.saturating_add(rhs.nanos), format }
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, rhs: Quantity) {
        *self = *self + rhs;
    }
}

impl Neg for Quantity {
    type Output = Quantity;

    fn neg(self) -> Quantity {
        Quantity { nanos: -self.nanos, format: self.format }
    }
}

impl Sub for Quantity {
    type Output = Quantity;

    fn sub(self, rhs: Quantity) -> Quantity {
        self + -rhs
    }
}

impl SubAssign for Quantity {
    fn sub_assign(&mut self, rhs: Quantity) {
        *self = *self - rhs;
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Quantity>>(quantities: I) -> Quantity {
        quantities.fold(Quantity::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_suffix_is_read_exactly() {
        for (text, nanos) in [
            ("0", 0),
            ("1n", 1),
            ("1u", 1_000),
            ("100m", 100_000_000),
            ("2", 2 * NANOS),
            ("-3", -3 * NANOS),
            ("+.5", NANOS / 2),
            ("1.", NANOS),
            ("1k", 1_000 * NANOS),
            ("0.1Ki", 102_400_000_000),
            ("1.5Gi", 1_610_612_736 * NANOS),
            ("12e3", 12_000 * NANOS),
            ("12E-3", 12_000_000),
            ("1.5e-1", 150_000_000),
            ("7E", 7_000_000_000_000_000_000 * NANOS),
        ] {
            assert_eq!(quantity(text).nanos(), nanos, "{text}");
        }
    }

    #[test]
    fn what_is_finer_than_a_nano_is_rounded_up() {
        for text in ["0.0000000001", "0.1n", "1e-300", "0.00000000000000001Ki", "1e-70"] {
            assert_eq!(quantity(text).nanos(), 1, "{text}");
        }
        assert_eq!(quantity("0e-300").nanos(), 0);
        assert_eq!(quantity("1.0000000001").nanos(), NANOS + 1);
    }

    #[test]
    fn what_is_larger_than_64_bits_is_capped() {
        for text in ["1e2147483647", "100E", "9223372036854775808", "9".repeat(400).as_str(), "8Ei", "1e19"] {
            assert_eq!(quantity(text).value(), i64::MAX, "{text}");
            assert_eq!(quantity(&format!("-{text}")).value(), -i64::MAX, "-{text}");
        }
        assert_eq!(quantity("9E").millis(), i64::MAX);
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "+", "m", "1 ", " 1", "1é", "0x1:", "one"] {
            assert_eq!(text.parse::<Quantity>(), Err(QuantityError::Syntax), "{text:?}");
        }
        for text in ["1..2", ".", "1.2.3Mi"] {
            assert_eq!(text.parse::<Quantity>(), Err(QuantityError::Number), "{text:?}");
        }
        for text in ["1K", "1mi", "1e", "1ee3", "1e99999999999", "1i", "1GiB"] {
            assert_eq!(text.parse::<Quantity>(), Err(QuantityError::Suffix), "{text:?}");
        }
    }

    #[test]
    fn printing_is_canonical() {
        for (text, canonical) in [
            ("0", "0"),
            ("0Mi", "0"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("2000", "2k"),
            ("1024Mi", "1Gi"),
            ("1536Mi", "1536Mi"),
            ("512", "512"),
            ("0.5Ki", "512"),
            ("0.0005Ki", "512m"),
            ("1023Ki", "1023Ki"),
            ("-2048Ki", "-2Mi"),
            ("12000e0", "12e3"),
            ("5e0", "5"),
            ("1e-3", "1e-3"),
            ("3300000000n", "3300m"),
        ] {
            assert_eq!(quantity(text).to_string(), canonical, "{text}");
            assert_eq!(quantity(canonical).to_string(), canonical);
        }
    }

    #[test]
    fn amounts_compare_add_and_round_up_whatever_their_suffix() {
        assert_eq!(quantity("1"), quantity("1000m"));
        assert!(quantity("1Gi") > quantity("1G"));
        assert_eq!((quantity("0") + quantity("64Mi") + quantity("64Mi")).to_string(), "128Mi");
        assert_eq!((quantity("1") - quantity("100m")).to_string(), "900m");
        assert_eq!(["1", "250m"].map(quantity).into_iter().sum::<Quantity>().millis(), 1250);
        assert_eq!((quantity("1500m").value(), quantity("-1500m").value()), (2, -2));
        assert_eq!(quantity("1u").millis(), 1);
        assert_eq!(Quantity::bytes(1 << 20).to_string(), "1Mi");
        assert_eq!((Quantity::units(3), Quantity::from_millis(3000)), (quantity("3"), quantity("3")));
    }
}
