//! Owners of memory that holds no pointers: [`NoCapsBox`] and [`NoCapsVec`]. Their content lies in a place of its own,
//! which a sweep for pointers does not read.
use crate::buffer::{Buffer, Single};
use crate::error::Error;
use crate::no_pointers::NoPointers;
use crate::owners::{box_type, handle, vec_type};
use crate::place::NoCapsPlace;
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

impl<T: NoPointers + Clone> Clone for NoCapsBox<T> {
    fn clone(&self) -> Self {
        NoCapsBox::new(T::clone(self))
    }
}

impl<T: NoPointers + PartialEq> PartialEq for NoCapsBox<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: NoPointers + Eq> Eq for NoCapsBox<T> {}

impl<T: NoPointers + PartialOrd> PartialOrd for NoCapsBox<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: NoPointers + Ord> Ord for NoCapsBox<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: NoPointers + Hash> Hash for NoCapsBox<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: NoPointers> NoCapsBox<T> {
    /// The value; its memory goes back.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: NoPointers + Clone> Clone for NoCapsVec<T> {
    fn clone(&self) -> Self {
        self.iter().cloned().collect()
    }
}

impl<T: NoPointers + PartialEq> PartialEq for NoCapsVec<T> {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl<T: NoPointers + Eq> Eq for NoCapsVec<T> {}

impl<T: NoPointers + PartialOrd> PartialOrd for NoCapsVec<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self[..].partial_cmp(&other[..])
    }
}

impl<T: NoPointers + Ord> Ord for NoCapsVec<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self[..].cmp(&other[..])
    }
}

impl<T: NoPointers + Hash> Hash for NoCapsVec<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

impl<T: NoPointers + Clone> From<&[T]> for NoCapsVec<T> {
    fn from(values: &[T]) -> Self {
        values.iter().cloned().collect()
    }
}

impl<T: NoPointers> NoCapsVec<T> {
    /// Takes the element out; the last one comes into its place.
    ///
    /// # Panics
    /// There is no such element.
    pub fn swap_remove(&mut self, index: usize) -> T {
        self.0.swap_remove(index)
    }
}
