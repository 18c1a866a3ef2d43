//! Owners of memory that holds no pointers: [`NoCapsBox`] and [`NoCapsVec`]. Their content lies in a place of its own,
//! which a sweep for pointers does not read.
//!
//! What comes from a heap of one's own ends before that heap:
//! ```compile_fail,E0505
//! let heap = capalloc::Heap::new()?;
//! let number = capalloc::NoCapsBox::new_in(7, heap.authority());
//! drop(heap); // E0505
//! drop(number);
//! # Ok::<(), capalloc::Error>(())
//! ```
//! ```
//! let heap = capalloc::Heap::new()?;
//! let number = capalloc::NoCapsBox::new_in(7, heap.authority());
//! drop(number);
//! drop(heap);
//! # Ok::<(), capalloc::Error>(())
//! ```
use crate::buffer::{Buffer, Single};
use crate::error::Error;
use crate::global::CapAlloc;
use crate::no_pointers::NoPointers;
use crate::owners::{box_type, handle, vec_type};
use crate::place::NoCapsPlace;
use crate::state::Origin;
use core::alloc::Layout;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::{Deref, DerefMut};

box_type! {
    /// A value without pointers, in the place for such, as `Box<T>` has it. `Debug` prints neither content nor address.
    ///
    /// ```
    /// let mut pixel = capalloc::NoCapsBox::new([0u8; 4]);
    /// pixel[3] = 255;
    /// assert_eq!(*pixel, [0, 0, 0, 255]);
    /// assert_eq!(format!("{pixel:?}"), "NoCapsBox(..)");
    /// ```
    NoCapsBox, NoCapsPlace
}

vec_type! {
    /// An array without pointers that grows, in the place for such, as `Vec<T>` has it. `Debug` prints its length alone.
    ///
    /// ```
    /// let mut samples: capalloc::NoCapsVec<f32> = (0..3).map(|i| i as f32).collect();
    /// samples.push(0.5);
    /// assert_eq!(samples.as_slice(), [0.0, 1.0, 2.0, 0.5]);
    /// ```
    NoCapsVec, NoCapsPlace
}

/// In the same heap.
impl<T: NoPointers + Clone, A: Origin> Clone for NoCapsBox<T, A> {
    fn clone(&self) -> Self {
        NoCapsBox::new_in(T::clone(self), self.origin())
    }
}

impl<T: NoPointers + PartialEq, A: Origin> PartialEq for NoCapsBox<T, A> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: NoPointers + Eq, A: Origin> Eq for NoCapsBox<T, A> {}

impl<T: NoPointers + PartialOrd, A: Origin> PartialOrd for NoCapsBox<T, A> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: NoPointers + Ord, A: Origin> Ord for NoCapsBox<T, A> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: NoPointers + Hash, A: Origin> Hash for NoCapsBox<T, A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: NoPointers, A: Origin> NoCapsBox<T, A> {
    /// The value; its memory goes back.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

/// In the same heap.
impl<T: NoPointers + Clone, A: Origin> Clone for NoCapsVec<T, A> {
    fn clone(&self) -> Self {
        let mut made = NoCapsVec::with_capacity_in(self.len(), self.origin());
        made.extend(self.iter().cloned());
        made
    }
}

impl<T: NoPointers + PartialEq, A: Origin> PartialEq for NoCapsVec<T, A> {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl<T: NoPointers + Eq, A: Origin> Eq for NoCapsVec<T, A> {}

impl<T: NoPointers + PartialOrd, A: Origin> PartialOrd for NoCapsVec<T, A> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self[..].partial_cmp(&other[..])
    }
}

impl<T: NoPointers + Ord, A: Origin> Ord for NoCapsVec<T, A> {
    fn cmp(&self, other: &Self) -> Ordering {
        self[..].cmp(&other[..])
    }
}

impl<T: NoPointers + Hash, A: Origin> Hash for NoCapsVec<T, A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

impl<T: NoPointers + Clone> From<&[T]> for NoCapsVec<T> {
    fn from(values: &[T]) -> Self {
        values.iter().cloned().collect()
    }
}

impl<T: NoPointers, A: Origin> NoCapsVec<T, A> {
    /// Takes the element out; the last one comes into its place.
    ///
    /// # Panics
    /// There is no such element.
    pub fn swap_remove(&mut self, index: usize) -> T {
        self.0.swap_remove(index)
    }
}
