//! A device's memory, as far as a tensor and an op have to know it.

/// Something that has memory: every [`Device`](crate::Device).
pub trait Memory: Sized + 'static {
    /// Storage for elements of type `T`.
    type Buffer<T: Element>: Storage<T>;
}

/// A number that a tensor can hold: pixels are `u8`, labels and indices `u32`, all else `f32`.
pub trait Element: Copy + Default + Send + Sync + std::fmt::Debug + sealed::Sealed + 'static {}
impl Element for u8 {}
impl Element for u32 {}
impl Element for f32 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u32 {}
    impl Sealed for f32 {}
}

/// A device's memory for elements of type `T`. Its length never changes.
pub trait Storage<T: Element>: Send + Sync {
    /// What an op reads from: a slice on the CPU, the buffer with its address on a GPU.
    type Ref<'a>
    where
        Self: 'a;
    /// What an op writes to. It cannot change the length.
    type Mut<'a>
    where
        Self: 'a;

    /// Number of elements.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// To read.
    fn get(&self) -> Self::Ref<'_>;

    /// To write.
    fn get_mut(&mut self) -> Self::Mut<'_>;
}

impl<T: Element> Storage<T> for Vec<T> {
    type Ref<'a> = &'a [T];
    type Mut<'a> = &'a mut [T];

    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self) -> &[T] {
        self
    }

    fn get_mut(&mut self) -> &mut [T] {
        self
    }
}
