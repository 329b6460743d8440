//! This module explains why a setting cannot have a value. It puts what the TOML library says into words for the user.

/// Explains an error such as `` invalid type: string "many", expected usize `` with `` in `epochs` `` on another line.
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

/// Turns `` string "many", expected usize `` into `` is "many", but must be a whole number, 0 or more ``.
fn in_words(rest: &str) -> Option<String> {
    let (got, expected) = rest.rsplit_once(", expected ")?;
    let got = match got {
        "sequence" => "a list",
        "map" => "a table",
        // In `integer `3`` and `string "many"`, this is the value without its type.
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
