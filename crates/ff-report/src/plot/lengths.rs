//! Lengths: on the page, and in the drawing, which has more pixels.

/// Pixels of the drawing in one pixel of the page.
pub const SCALE: i32 = 2;
/// On a page that is narrower than this, things stand below each other.
const NARROW: i32 = 800;

/// A length on the page, in pixels of the drawing.
pub const fn px(length: i32) -> i32 {
    length * SCALE
}

/// A length in the drawing, in pixels of the page, rounded up.
pub const fn on_page(length: i32) -> i32 {
    (length + SCALE - 1) / SCALE
}

/// Whether a page of this width is so narrow that things have to stand below each other.
pub fn is_narrow(page: i32) -> bool {
    page < NARROW
}

/// The empty border at the sides of a page of this width.
pub fn margin(page: i32) -> i32 {
    if is_narrow(page) { 10 } else { 36 }
}

/// By how much text of `size`, a length on the page, is moved down, in pixels of the drawing. This centres it for the eye:
/// the library centres a box that reaches further below the baseline than letters do.
pub const fn sink(size: i32) -> i32 {
    sink_of(px(size))
}

/// The same for a size in pixels of the drawing.
pub const fn sink_of(size: i32) -> i32 {
    size / 7
}
