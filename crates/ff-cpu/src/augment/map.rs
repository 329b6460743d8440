//! This module computes the place from which each pixel of a changed image comes. Then it reads the image there, once.
//!
//! ```text
//! from(p) = M (p - c) + t + d(p) + c
//! out(p)  = image(from(p)), bilinear
//! ```
//!
//! Each loop goes over one row without branches, so that the compiler works on several pixels at once. Only the four
//! neighbours are fetched one pixel after the other.

use ff_tensor::Augmentation;

use super::draws::Draws;

/// The array `[a, b, c, d]` stands for the matrix `[a, b; c, d]`.
pub(super) type Matrix = [f32; 4];

pub(super) const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0];

pub(super) fn times([a, b, c, d]: Matrix, x: f32, y: f32) -> (f32, f32) {
    (a * x + b * y, c * x + d * y)
}

/// The first of four neighbouring points of the grid, and the weights of the four.
type Tap = (usize, [f32; 4]);

/// The place from which each pixel comes, and the buffers for its computation. One map serves a thread for all its
/// images.
pub(super) struct Map {
    width: usize,
    height: usize,
    pub(super) m: Matrix,
    pub(super) t: (f32, f32),
    /// Says whether there is a displacement. If there is none, `dx` and `dy` are not used.
    pub(super) bent: bool,
    pub(super) dx: Vec<f32>, // [height, width]
    pub(super) dy: Vec<f32>, // [height, width]
    /// The image with a border, so that the code can read neighbours without a check.
    framed: Vec<f32>, // [height + 3, width + 3]
    at: Vec<u32>,            // [width]
    u: Vec<f32>,             // [width]
    v: Vec<f32>,             // [width]
    across: Vec<Tap>,        // [width]
    down: Vec<Tap>,          // [height]
    grid: Vec<f32>,          // [rows, columns]
    lines: Vec<f32>,         // [rows, width]
}

impl Map {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            m: IDENTITY,
            t: (0.0, 0.0),
            bent: false,
            dx: vec![0.0; width * height],
            dy: vec![0.0; width * height],
            framed: vec![0.0; (width + 3) * (height + 3)],
            at: vec![0; width],
            u: vec![0.0; width],
            v: vec![0.0; width],
            across: Vec::with_capacity(width),
            down: Vec::with_capacity(height),
            grid: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Draws the map of the whole list. The map leads back from the finished image, so the last change comes first.
    pub(super) fn draw(&mut self, list: &[Augmentation], draws: &mut Draws) {
        (self.m, self.t, self.bent) = (IDENTITY, (0.0, 0.0), false);
        for augmentation in list.iter().rev() {
            match *augmentation {
                Augmentation::Shift { pixels } => {
                    let (x, y) = (draws.whole(pixels), draws.whole(pixels));
                    self.then(IDENTITY, (x, y));
                }
                Augmentation::Affine { rotate, scale, shear, shift } => {
                    let (rotate, shear) = (draws.within(rotate), draws.within(shear));
                    let (width, height) = (1.0 + draws.within(scale), 1.0 + draws.within(scale));
                    let shift = (draws.within(shift), draws.within(shift));
                    self.then(backward(rotate, shear, width, height), shift);
                }
                Augmentation::Elastic { strength, smoothness } => self.bend(strength, smoothness, draws),
            }
        }
    }

    /// Extends the map: where it led to `q`, it now leads to `back (q - shift)`.
    pub(super) fn then(&mut self, back: Matrix, shift: (f32, f32)) {
        let [a, b, c, d] = self.m;
        let ((a, c), (b, d)) = (times(back, a, c), times(back, b, d));
        self.m = [a, b, c, d];
        self.t = times(back, self.t.0 - shift.0, self.t.1 - shift.1);
        if self.bent && back != IDENTITY {
            for (x, y) in self.dx.iter_mut().zip(&mut self.dy) {
                (*x, *y) = times(back, *x, *y);
            }
        }
    }

    /// Adds a random displacement to each pixel's place.
    pub(super) fn bend(&mut self, strength: f32, smoothness: f32, draws: &mut Draws) {
        if strength == 0.0 {
            return;
        }
        if !self.bent {
            self.dx.fill(0.0);
            self.dy.fill(0.0);
        }
        self.bent = true;
        let step = smoothness * 3.0f32.sqrt();
        let columns = taps(&mut self.across, self.width, step, draws);
        let rows = taps(&mut self.down, self.height, step, draws);
        // Each axis has half of the mean square. A uniform draw has the variance bound^2 / 3. The four weights keep
        // 151/315 of it along each of the two axes, which is the integral of the squared spline.
        let bound = strength * 1.5f32.sqrt() * (315.0 / 151.0);
        self.grid.resize(rows * columns, 0.0);
        self.lines.resize(rows * self.width, 0.0);
        for displacement in [&mut self.dx, &mut self.dy] {
            self.grid.iter_mut().for_each(|v| *v = draws.within(bound));
            for (line, grid) in self.lines.chunks_exact_mut(self.width).zip(self.grid.chunks_exact(columns)) {
                for (v, &(first, [a, b, c, d])) in line.iter_mut().zip(&self.across) {
                    let g = &grid[first..first + 4];
                    *v = a * g[0] + b * g[1] + c * g[2] + d * g[3];
                }
            }
            for (row, &(first, [a, b, c, d])) in displacement.chunks_exact_mut(self.width).zip(&self.down) {
                let line = |i| &self.lines[(first + i) * self.width..][..self.width];
                let (p, q, r, s) = (line(0), line(1), line(2), line(3));
                for x in 0..row.len() {
                    row[x] += a * p[x] + b * q[x] + c * r[x] + d * s[x];
                }
            }
        }
    }

    /// Writes `image`, seen through the map, to `out`.
    pub(super) fn read(&mut self, out: &mut [u8], image: &[u8]) {
        let (x, y) = self.t;
        if !self.bent && self.m == IDENTITY && x.fract() == 0.0 && y.fract() == 0.0 {
            return self.copy(out, image, x as isize, y as isize);
        }
        let (width, stride) = (self.width, self.width + 3);
        for (framed, row) in self.framed[stride..].chunks_exact_mut(stride).zip(image.chunks_exact(width)) {
            framed[1..=width].iter_mut().zip(row).for_each(|(f, &p)| *f = f32::from(p));
        }
        for (y, out) in out.chunks_exact_mut(width).enumerate() {
            self.find_row(y);
            self.read_row(out);
        }
    }

    /// Sets `at`, `u` and `v` for row `y`. `at` is the neighbour above and to the left, and `u` and `v` are the parts
    /// of a pixel from there.
    fn find_row(&mut self, y: usize) {
        let (width, stride) = (self.width, self.width + 3);
        let (cx, cy) = ((width as f32 - 1.0) / 2.0, (self.height as f32 - 1.0) / 2.0);
        let (x0, y0) = times(self.m, -cx, y as f32 - cy);
        // The place is one more than in the equation, because row and column 0 are the frame. Places beyond the frame
        // are as dark as the frame.
        let (x0, y0) = (x0 + self.t.0 + cx + 1.0, y0 + self.t.1 + cy + 1.0);
        let (right, bottom) = (width as f32 + 1.0, self.height as f32 + 1.0);
        let ([a, _, c, _], bent) = (self.m, if self.bent { 1.0 } else { 0.0 });
        // All slices have the same length, so no index needs a check.
        let (at, u, v) = (&mut self.at[..width], &mut self.u[..width], &mut self.v[..width]);
        let (dx, dy) = (&self.dx[y * width..][..width], &self.dy[y * width..][..width]);
        for x in 0..width {
            let column = between(x0 + a * x as f32 + bent * dx[x], right);
            let row = between(y0 + c * x as f32 + bent * dy[x], bottom);
            let (whole_column, whole_row) = (floor(column), floor(row));
            at[x] = round(whole_row * stride as f32 + whole_column);
            (u[x], v[x]) = (column - whole_column, row - whole_row);
        }
    }

    fn read_row(&mut self, out: &mut [u8]) {
        let (width, stride) = (self.width, self.width + 3);
        let (framed, at) = (&self.framed[..], &self.at[..width]);
        let (u, v) = (&mut self.u[..width], &self.v[..width]);
        for x in 0..width {
            let at = at[x] as usize;
            let (p, q) = (&framed[at..at + 2], &framed[at + stride..at + stride + 2]);
            let (above, below) = (p[0] + u[x] * (p[1] - p[0]), q[0] + u[x] * (q[1] - q[0]));
            u[x] = above + v[x] * (below - above);
        }
        out.iter_mut().zip(u).for_each(|(out, u)| *out = round(*u) as u8);
    }

    /// Copies the image by whole pixels: the pixel at `p` is the one at `p + (x, y)`.
    fn copy(&self, out: &mut [u8], image: &[u8], x: isize, y: isize) {
        let (width, height) = (self.width as isize, self.height as isize);
        let (first, end) = ((-x).clamp(0, width), (width - x).clamp(0, width));
        for (row, out) in (y..).zip(out.chunks_exact_mut(self.width)) {
            if first >= end || !(0..height).contains(&row) {
                out.fill(0);
                continue;
            }
            out[..first as usize].fill(0);
            out[end as usize..].fill(0);
            let from = (row * width + x + first) as usize;
            let inside = &mut out[first as usize..end as usize];
            inside.copy_from_slice(&image[from..from + inside.len()]);
        }
    }
}

/// From this number on, neighbouring `f32` numbers are 1 apart. So the addition of it rounds a number, and the whole
/// number is then in the lowest 23 bits. A cast would also test for numbers that are too large and for NaN, one pixel
/// at a time.
const WHOLE: f32 = 8_388_608.0;

/// Returns the whole number that is nearest to `x`, for `x` in `0..WHOLE`.
#[inline]
fn round(x: f32) -> u32 {
    (x + WHOLE).to_bits() - WHOLE.to_bits()
}

/// Returns the whole number below `x`, for `x` in `0..WHOLE`.
#[inline]
fn floor(x: f32) -> f32 {
    let near = (x + WHOLE) - WHOLE;
    near - if near > x { 1.0 } else { 0.0 }
}

/// Returns `x`, or the nearest end of `0..=most` if `x` is outside. It returns 0 for NaN, which a list of very many
/// changes can produce.
#[inline]
fn between(x: f32, most: f32) -> f32 {
    let x = if x > 0.0 { x } else { 0.0 };
    if x < most { x } else { most }
}

/// Returns the inverse of `R(rotate) K(shear) diag(width, height)`. Positive angles turn x towards y, which the eye
/// sees as clockwise.
pub(super) fn backward(rotate: f32, shear: f32, width: f32, height: f32) -> Matrix {
    let ((sin, cos), (rise, run)) = (sin_cos(rotate), sin_cos(shear));
    let slant = rise / run;
    [(slant * sin + cos) / width, (sin - cos * slant) / width, -sin / height, cos / height]
}

/// Returns sine and cosine of an angle of up to 180 degrees. They come from the series, so the last bit is the same on
/// all systems.
pub(super) fn sin_cos(degrees: f32) -> (f32, f32) {
    let x = f64::from(degrees).to_radians();
    let (mut sin, mut cos, mut term) = (0.0, 1.0, 1.0);
    for k in 1..=28u8 {
        term *= x / f64::from(k);
        match k % 4 {
            0 => cos += term,
            1 => sin += term,
            2 => cos -= term,
            _ => sin -= term,
        }
    }
    (sin as f32, cos as f32)
}

/// Computes the cubic B-spline's weights at each of `n` pixels, on a grid that begins at a random place. Returns the
/// number of the grid's points.
fn taps(taps: &mut Vec<Tap>, n: usize, step: f32, draws: &mut Draws) -> usize {
    let start = draws.within(0.5) + 0.5;
    taps.clear();
    taps.extend((0..n).map(|pixel| {
        let place = start + pixel as f32 / step;
        let first = floor(place);
        let f = place - first;
        let e = 1.0 - f;
        let inner = |f: f32| (3.0 * f * f * f - 6.0 * f * f + 4.0) / 6.0;
        (round(first) as usize, [e * e * e / 6.0, inner(f), inner(e), f * f * f / 6.0])
    }));
    (n as f32 / step) as usize + 5
}
