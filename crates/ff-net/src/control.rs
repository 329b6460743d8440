//! One way of being told of progress, of pausing and of stopping, for whatever takes long.

use std::ops::ControlFlow;

/// How far something has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Steps, or images, that are done.
    pub done: usize,
    /// Of so many.
    pub all: usize,
}

/// What is called after each step: it may show progress, wait, or say with [`ControlFlow::Break`] that it is enough.
///
/// ```
/// use std::ops::ControlFlow;
/// use ff_net::{Control, Progress};
///
/// let mut stop_half_way = |at: Progress| match at.done < at.all / 2 {
///     true => ControlFlow::Continue(()),
///     false => ControlFlow::Break(()),
/// };
/// let control: Control = &mut stop_half_way;
/// assert!(control(Progress { done: 5, all: 10 }).is_break());
/// ```
pub type Control<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Goes on to the end without telling anybody.
pub fn to_the_end(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
