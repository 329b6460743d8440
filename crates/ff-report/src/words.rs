//! This module writes numbers as people read them.

/// Writes a whole number with a comma between thousands: `12,345`.
pub fn thousands(n: f64) -> String {
    let digits = format!("{:.0}", n.abs());
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    format!("{}{}", if n < 0.0 { "-" } else { "" }, groups.join(","))
}

/// Writes a duration in seconds, or in minutes and seconds.
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{:.0} min {:02.0} s", (seconds / 60.0).floor(), (seconds % 60.0).floor())
    }
}

/// Writes a percentage that no line break divides: `1.23 %`.
pub(crate) fn percent(error: f64) -> String {
    format!("{error:.2}\u{a0}%")
}

/// Writes a whole number, or a dash if there is none.
pub(crate) fn number(n: Option<f64>) -> String {
    n.map_or("–".into(), thousands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(1_234_567.4), "1,234,567");
        assert_eq!(thousands(999.0), "999");
        assert_eq!(duration(59.94), "59.9 s");
        assert_eq!(duration(125.9), "2 min 05 s");
        assert_eq!((number(Some(1e3)), number(None)), ("1,000".into(), "–".into()));
    }
}
