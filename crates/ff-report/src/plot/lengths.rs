//! This module converts lengths on the page to lengths in the drawing, which has more pixels.

/// The number of pixels of the drawing in one pixel of the page, along each axis.
pub const SCALE: i32 = 2;
/// On a page that is narrower than this, things are below each other.
const NARROW: i32 = 800;

/// Converts a length on the page to pixels of the drawing.
pub const fn px(length: i32) -> i32 {
    length * SCALE
}

/// Converts a length in the drawing to pixels of the page, rounded up.
pub const fn on_page(length: i32) -> i32 {
    (length + SCALE - 1) / SCALE
}

/// Returns whether a page of this width is so narrow that things have to be below each other.
pub fn is_narrow(page: i32) -> bool {
    page < NARROW
}

/// Returns the empty border at the sides of a page of this width.
pub fn margin(page: i32) -> i32 {
    if is_narrow(page) { 10 } else { 36 }
}

/// Returns by how much text of `size`, a length on the page, is moved down, in pixels of the drawing. This centres it for the
/// eye, because the library centres a box that reaches further below the baseline than letters do.
pub const fn sink(size: i32) -> i32 {
    sink_of(px(size))
}

/// Returns the same for a size in pixels of the drawing.
pub const fn sink_of(size: i32) -> i32 {
    size / 7
}
