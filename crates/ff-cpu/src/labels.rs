//! This module finds the row of a label.

/// Returns the row of shares that belongs to a label. A label beyond the last one counts as the last one.
pub(crate) fn label_row(of_labels: &[f32], label: u32, n: usize) -> &[f32] {
    let last = of_labels.len() / n - 1;
    &of_labels[(label as usize).min(last) * n..][..n]
}
