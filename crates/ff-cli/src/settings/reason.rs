//! Why a value cannot be a setting's: what the library that reads it says, in words for who has typed it.

/// Of an error such as `` invalid type: string "many", expected usize `` with `` in `epochs` `` on another line.
pub fn of(e: &toml::de::Error) -> String {
    let text = e.to_string();
    let (message, key) = text.rsplit_once("\nin `").unwrap_or((&text, ""));
    let (message, key) = (message.trim().replace('\n', " "), key.trim().trim_end_matches('`'));
    let forms = ["invalid type: ", "invalid value: ", "unknown variant "];
    let said = forms.iter().find_map(|form| in_words(message.strip_prefix(form)?));
    match (said, key) {
        (Some(said), "") => said,
        (Some(said), key) => format!("`{key}` {said}"),
        (None, "") => message,
        (None, key) => format!("`{key}`: {message}"),
    }
}

/// From `` string "many", expected usize `` to `` is "many", but must be a whole number ``.
fn in_words(rest: &str) -> Option<String> {
    let (got, expected) = rest.rsplit_once(", expected ")?;
    let got = match got {
        "sequence" => "a list",
        "map" => "a table",
        // `integer `3``, `string "many"`: the value without its type.
        _ => got.find(['`', '"']).map_or(got, |at| &got[at..]),
    };
    let expected = match expected {
        "usize" | "u64" => "a whole number, 0 or more",
        "f32" => "a number",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") => "a table",
        _ => expected,
    };
    Some(format!("is {got}, but must be {expected}"))
}
