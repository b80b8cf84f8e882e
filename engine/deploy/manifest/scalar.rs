//! The types of unquoted scalars.
//!
//! `kubectl` reads manifests with `sigs.k8s.io/yaml`, whose parser is go-yaml v2: YAML 1.1, in which `y`, `no` and
//! `off` are booleans and `0777` is octal, but dates and `1:30` are strings. The cases in the tests were compared with
//! kubectl 1.32 (`kubectl annotate --local`).

use serde_json::{Number, Value as Json};

/// The value of the unquoted scalar `text`; `None` if it is infinite or not a number, which JSON does not have.
pub(super) fn resolve(text: &str) -> Option<Json> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => Json::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            Json::Bool(false)
        }
        _ => match text.strip_prefix(['+', '-']).unwrap_or(text) {
            ".inf" | ".Inf" | ".INF" => return None,
            ".nan" | ".NaN" | ".NAN" if text.starts_with('.') => return None,
            _ => number(text).map_or_else(|| Json::String(text.to_owned()), Json::Number),
        },
    })
}

/// `number` as the API server receives it: Go writes floating-point numbers without a fraction as integers.
pub(super) fn normalized(number: Number) -> Number {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float) => {
            #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is in range")]
            let integer = float as i64;
            integer.into()
        }
        _ => number,
    }
}

fn number(text: &str) -> Option<Number> {
    match text.as_bytes().first()? {
        b'.' => float(text),
        b'0'..=b'9' | b'+' | b'-' => {
            let plain = text.replace('_', "");
            integer(&plain).or_else(|| float(&plain))
        }
        _ => None,
    }
}

/// An integer as Go's `strconv.ParseInt` reads it with base 0.
fn integer(text: &str) -> Option<Number> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` accepts a sign.
    let magnitude =
        u64::from_str_radix(digits.strip_prefix(['+', '-']).map_or(digits, |_| ""), radix).ok()?;
    if is_negative { 0_i64.checked_sub_unsigned(magnitude).map(Number::from) } else { Some(magnitude.into()) }
}

/// A floating-point number: digits with an optional fraction and exponent.
fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => is_number(fraction),
        Some((whole, "")) => is_number(whole),
        Some((whole, fraction)) => is_number(whole) && is_number(fraction),
        None => is_number(mantissa),
    };
    if !is_mantissa || !exponent.is_none_or(is_number) {
        return None;
    }
    Number::from_f64(text.parse().ok()?).map(normalized)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unquoted_scalars_have_the_types_of_kubectl() {
        for (text, expected) in [
            ("y", json!(true)),
            ("n", json!(false)),
            ("yes", json!(true)),
            ("on", json!(true)),
            ("Off", json!(false)),
            ("TRUE", json!(true)),
            ("tRue", json!("tRue")),
            ("0777", json!(511)),
            ("0_7", json!(7)),
            ("08", json!(8)),
            ("0o17", json!(15)),
            ("0o8", json!("0o8")),
            ("0x1F", json!(31)),
            ("-0x1f", json!(-31)),
            ("0b11", json!(3)),
            ("1_000", json!(1000)),
            ("1__0", json!(10)),
            ("_1", json!("_1")),
            ("1e3", json!(1000)),
            ("1.0", json!(1)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("5.", json!(5)),
            ("4_.5", json!(4.5)),
            ("0.1e-7", json!(1e-8)),
            ("-0.0", json!(0)),
            ("+5", json!(5)),
            ("-5", json!(-5)),
            ("12345678901234567890", json!(12_345_678_901_234_567_890_u64)),
            ("123456789012345678901", json!(123_456_789_012_345_678_901.0)),
            ("1e30", json!(1e30)),
            ("1e999", json!("1e999")),
            ("2001-01-01", json!("2001-01-01")),
            ("2001-12-14t21:59:43.10-05:00", json!("2001-12-14t21:59:43.10-05:00")),
            ("1:30", json!("1:30")),
            ("=", json!("=")),
            ("+", json!("+")),
            ("-", json!("-")),
            ("0x", json!("0x")),
            ("0x-1", json!("0x-1")),
            ("+-1", json!("+-1")),
            ("1.2.3", json!("1.2.3")),
            (".", json!(".")),
            ("1e", json!("1e")),
            ("-9223372036854775808", json!(i64::MIN)),
            ("~", json!(null)),
            ("", json!(null)),
            ("NULL", json!(null)),
            ("nULL", json!("nULL")),
        ] {
            assert_eq!(resolve(text), Some(expected), "{text}");
        }
        for text in [".inf", "-.Inf", "+.INF", ".nan", ".NaN"] {
            assert_eq!(resolve(text), None, "{text}");
        }
    }
}
