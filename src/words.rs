//! Words from people and for people: seeds, durations and names that are read, counts and times that are shown.
//!
//! What does not read is answered with what would have: never with a guess, never with a default.

use std::ops::Range;
use std::time::Duration;

/// Reads a count of seeds, `1000`, or a range, `5..9`.
///
/// # Errors
/// What would do.
pub(crate) fn seeds(text: &str) -> Result<Range<u64>, String> {
    let expected = || "a count, such as 1000, or a range with its end left out, such as 5..9".to_owned();
    let Some((from, to)) = text.split_once("..") else {
        return Ok(0..text.parse().map_err(|_| expected())?);
    };
    let number = |text: &str| text.parse::<u64>().map_err(|_| expected());
    let range = number(from)?..number(to)?;
    if range.start > range.end {
        let (from, to) = (range.start, range.end);
        return Err(format!("a range that rises, such as {to}..{from}"));
    }
    Ok(range)
}

/// Reads one seed.
///
/// # Errors
/// What would do.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|seed| *seed < u64::MAX).ok_or_else(|| format!("a number from 0 to {}", u64::MAX - 1))
}

/// Reads a duration: `30s`, `500ms`, `1.5m`.
///
/// # Errors
/// What would do.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "a duration, such as 500ms, 30s or 5m".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(expected)?;
    let (number, unit) = text.split_at(digits);
    let nanos: u64 = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(expected()),
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(nanos).map(Duration::from_nanos).ok_or_else(expected);
    }
    let seconds = number.parse::<f64>().map_err(|_| expected())? * nanos as f64 / 1e9;
    Duration::try_from_secs_f64(seconds).map_err(|_| expected())
}

/// Says that there is no `what` of this name, and what there is.
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match (nearest(name, &known), known.as_slice()) {
        (_, []) => format!("there is no {what} `{name}`, nor any other"),
        (None, [only]) => format!("there is no {what} `{name}`: there is only `{only}`"),
        (None, _) => format!("there is no {what} `{name}`: there are {}", known.join(", ")),
        (Some(near), [_]) => format!("there is no {what} `{name}`: did you mean `{near}`?"),
        (Some(near), _) => {
            format!("there is no {what} `{name}`: did you mean `{near}`? (there are {})", known.join(", "))
        }
    }
}

/// The known name that was most likely meant, if one is near.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let far = name.chars().count().max(3) / 3;
    let edits = known.iter().map(|known| (distance(name, known), *known)).filter(|(edits, _)| *edits <= far);
    let part = || known.iter().copied().find(|known| name.len() >= 3 && known.contains(name));
    edits.min_by_key(|(edits, _)| *edits).map(|(_, known)| known).or_else(part)
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
            };
        }
    }
    rows[a.len()][b.len()]
}

/// A number with its thousands apart: `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of these: `1 run`, `12,345 runs`.
pub(crate) fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// How long something took: `3.1 us`, `0.4 ms`, `430 ms`, `2.7 s`, `3 min 5 s`.
#[cfg(any(feature = "cli", test))]
pub(crate) fn took(time: Duration) -> String {
    match time.as_millis() {
        0..10 if time < Duration::from_micros(100) => format!("{:.1} us", time.as_secs_f64() * 1e6),
        0..10 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        ms @ 10..1_000 => format!("{ms} ms"),
        1_000..100_000 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60),
    }
}

/// So many a second, with two digits that mean something: `31,000`.
#[cfg(any(feature = "cli", test))]
pub(crate) fn rate(number: u64, time: Duration) -> String {
    let each = number as f64 / time.as_secs_f64().max(1e-9);
    let unit = 10_f64.powi(each.max(1.0).log10() as i32 - 1).max(1.0);
    count(((each / unit).round() * unit) as u64)
}

/// A part of a whole.
pub(crate) fn percent(part: f64) -> String {
    match 100.0 * part {
        percent if percent > 0.0 && percent < 1.0 => "less than 1 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

/// A number of which only the size is known.
pub(crate) fn about(number: f64) -> String {
    let unit = 10_f64.powi(number.max(1.0).log10() as i32 - 1).max(1.0);
    if number < 1e15 { count(((number / unit).round() * unit) as u64) } else { format!("{number:.0e}") }
}

/// Breaks a text between words.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_counts_or_rising_ranges() {
        assert_eq!(seeds("1000"), Ok(0..1000));
        assert_eq!(seeds("5..9"), Ok(5..9));
        assert_eq!(seeds("9..3"), Err("a range that rises, such as 3..9".to_owned()));
        for nonsense in ["", "many", "-1", "3..", "..3", "1..2..3", "1e3"] {
            assert!(seeds(nonsense).is_err(), "{nonsense}");
        }
        assert!(seed("18446744073709551615").is_err() && seed("18446744073709551614").is_ok());
    }

    #[test]
    fn durations_have_units() {
        for (text, nanos) in [("5ns", 5), ("500ms", 500_000_000), ("30s", 30_000_000_000), ("1.5m", 90_000_000_000)] {
            assert_eq!(duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
        for nonsense in ["", "5", "s", "5 s", "-5s", "5d", "1.2.3s", "99999999999999h"] {
            assert!(duration(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn a_wrong_name_is_helped() {
        let known = ["chain", "ring", "triangle"];
        let check = |name, expected| assert_eq!(unknown("system", name, known), expected);
        check("rnig", "there is no system `rnig`: did you mean `ring`? (there are chain, ring, triangle)");
        check("tri", "there is no system `tri`: did you mean `triangle`? (there are chain, ring, triangle)");
        check("ledger", "there is no system `ledger`: there are chain, ring, triangle");
        assert_eq!(unknown("law", "x", []), "there is no law `x`, nor any other");
        assert_eq!(unknown("law", "fif", ["fifo"]), "there is no law `fif`: did you mean `fifo`?");
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "run"), "1 run");
        assert_eq!(rate(1_234, Duration::from_secs(1)), "1,200");
        assert_eq!(rate(3, Duration::from_secs(1)), "3");
        assert_eq!(
            [400, 30_000, 185_000_000].map(|us| took(Duration::from_micros(us))),
            ["0.4 ms", "30 ms", "3 min 5 s"]
        );
    }
}
