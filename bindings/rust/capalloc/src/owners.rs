//! What the owners of memory without pointers and those of secrets have in common, word for word.
use crate::error::Error;
use core::alloc::Layout;

/// As Rust's own containers do where there is no memory and no Result.
#[cold]
pub(crate) fn handle(error: Error, layout: Result<Layout, core::alloc::LayoutError>) -> ! {
    match layout {
        Ok(layout) if error != Error::Layout => alloc::alloc::handle_alloc_error(layout),
        _ => panic!("capacity overflow"),
    }
}

macro_rules! box_type {
    ($(#[$meta:meta])* $name:ident, $place:ident) => {
        $(#[$meta])*
        ///
        /// `A` is where it comes from: the process's own heap unless an [`Authority`](crate::Authority) says otherwise.
        pub struct $name<T: NoPointers, A: Origin = CapAlloc>(Single<T, $place, A>);

        impl<T: NoPointers> $name<T> {
            /// Puts the value there; without memory, `handle_alloc_error`.
            pub fn new(value: T) -> Self {
                Self::new_in(value, CapAlloc)
            }

            /// Puts the value there.
            ///
            /// # Errors
            /// [`Error::OutOfMemory`]: there is no memory, and the value is dropped.
            pub fn try_new(value: T) -> Result<Self, Error> {
                Self::try_new_in(value, CapAlloc)
            }
        }

        impl<T: NoPointers, A: Origin> $name<T, A> {
            /// Puts the value into the authority's heap; without memory or quota, `handle_alloc_error`.
            pub fn new_in(value: T, origin: A) -> Self {
                match Self::try_new_in(value, origin) {
                    Ok(made) => made,
                    Err(error) => handle(error, Ok(Layout::new::<T>())),
                }
            }

            /// Puts the value into the authority's heap.
            ///
            /// # Errors
            /// [`Error::OutOfMemory`], [`Error::Quota`], [`Error::NotPermitted`]: there is no memory, and the value is dropped.
            pub fn try_new_in(value: T, origin: A) -> Result<Self, Error> {
                Single::try_new_in(value, origin).map($name).map_err(|(error, _)| error)
            }

            /// Where it comes from.
            pub fn origin(&self) -> A {
                self.0.origin()
            }
        }

        impl<T: NoPointers, A: Origin> Deref for $name<T, A> {
            type Target = T;
            fn deref(&self) -> &T {
                self.0.get()
            }
        }

        impl<T: NoPointers, A: Origin> DerefMut for $name<T, A> {
            fn deref_mut(&mut self) -> &mut T {
                self.0.get_mut()
            }
        }

        impl<T: NoPointers, A: Origin> AsRef<T> for $name<T, A> {
            fn as_ref(&self) -> &T {
                self.0.get()
            }
        }

        impl<T: NoPointers, A: Origin> AsMut<T> for $name<T, A> {
            fn as_mut(&mut self) -> &mut T {
                self.0.get_mut()
            }
        }

        impl<T: NoPointers> From<T> for $name<T> {
            fn from(value: T) -> Self {
                $name::new(value)
            }
        }

        impl<T: NoPointers + Default> Default for $name<T> {
            fn default() -> Self {
                $name::new(T::default())
            }
        }

        impl<T: NoPointers, A: Origin> fmt::Debug for $name<T, A> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}
pub(crate) use box_type;

macro_rules! vec_type {
    ($(#[$meta:meta])* $name:ident, $place:ident) => {
        $(#[$meta])*
        ///
        /// `A` is where it comes from: the process's own heap unless an [`Authority`](crate::Authority) says otherwise.
        pub struct $name<T: NoPointers, A: Origin = CapAlloc>(Buffer<T, $place, A>);

        impl<T: NoPointers> $name<T> {
            /// An empty one, which takes no memory.
            pub const fn new() -> Self {
                Self::new_in(CapAlloc)
            }

            /// With room for so many elements; without memory, `handle_alloc_error`.
            pub fn with_capacity(capacity: usize) -> Self {
                Self::with_capacity_in(capacity, CapAlloc)
            }

            /// With room for so many elements.
            ///
            /// # Errors
            /// [`Error::Layout`]: more than there can be. [`Error::OutOfMemory`].
            pub fn try_with_capacity(capacity: usize) -> Result<Self, Error> {
                Self::try_with_capacity_in(capacity, CapAlloc)
            }
        }

        impl<T: NoPointers, A: Origin> $name<T, A> {
            /// An empty one, which takes no memory yet, and then the authority's.
            pub const fn new_in(origin: A) -> Self {
                $name(Buffer::new_in(origin))
            }

            /// With room for so many elements in the authority's heap; without memory or quota, `handle_alloc_error`.
            pub fn with_capacity_in(capacity: usize, origin: A) -> Self {
                match Self::try_with_capacity_in(capacity, origin) {
                    Ok(made) => made,
                    Err(error) => handle(error, Layout::array::<T>(capacity)),
                }
            }

            /// With room for so many elements in the authority's heap.
            ///
            /// # Errors
            /// [`Error::Layout`]: more than there can be. [`Error::OutOfMemory`], [`Error::Quota`], [`Error::NotPermitted`].
            pub fn try_with_capacity_in(capacity: usize, origin: A) -> Result<Self, Error> {
                Buffer::try_with_capacity_in(capacity, origin).map($name)
            }

            /// Where its memory comes from.
            pub fn origin(&self) -> A {
                self.0.origin()
            }

            /// Room for so many more elements; without memory, `handle_alloc_error`.
            pub fn reserve(&mut self, more: usize) {
                if let Err(error) = self.0.try_reserve(more) {
                    handle(error, Layout::array::<T>(self.len().saturating_add(more)));
                }
            }

            /// Room for so many more elements.
            ///
            /// # Errors
            /// As for `try_with_capacity`; the elements are as they were.
            pub fn try_reserve(&mut self, more: usize) -> Result<(), Error> {
                self.0.try_reserve(more)
            }

            /// Adds an element at the end; without memory, `handle_alloc_error`.
            pub fn push(&mut self, value: T) {
                if let Err(error) = self.try_push(value) {
                    handle(error, Layout::array::<T>(self.len().saturating_add(1)));
                }
            }

            /// Adds an element at the end.
            ///
            /// # Errors
            /// As for `try_with_capacity`: the elements are as they were, the new one is dropped.
            pub fn try_push(&mut self, value: T) -> Result<(), Error> {
                self.0.try_push(value).map_err(|(error, _)| error)
            }

            /// Takes the last element.
            pub fn pop(&mut self) -> Option<T> {
                self.0.pop()
            }

            /// Drops the elements from this one on.
            pub fn truncate(&mut self, length: usize) {
                self.0.truncate(length);
            }

            /// Drops all elements; the memory stays.
            pub fn clear(&mut self) {
                self.0.truncate(0);
            }

            /// The number of elements that there is room for.
            pub fn capacity(&self) -> usize {
                self.0.capacity()
            }

            /// The number of elements.
            pub fn len(&self) -> usize {
                self.as_slice().len()
            }

            /// Is there none?
            pub fn is_empty(&self) -> bool {
                self.as_slice().is_empty()
            }

            /// The elements.
            pub fn as_slice(&self) -> &[T] {
                self.0.as_slice()
            }

            /// The elements, to be changed.
            pub fn as_mut_slice(&mut self) -> &mut [T] {
                self.0.as_mut_slice()
            }
        }

        impl<T: NoPointers + Copy, A: Origin> $name<T, A> {
            /// Adds copies of these at the end; without memory, `handle_alloc_error`.
            pub fn extend_from_slice(&mut self, values: &[T]) {
                if let Err(error) = self.0.try_extend(values) {
                    handle(error, Layout::array::<T>(self.len().saturating_add(values.len())));
                }
            }

            /// Adds copies of these at the end.
            ///
            /// # Errors
            /// As for `try_with_capacity`; the elements are as they were.
            pub fn try_extend_from_slice(&mut self, values: &[T]) -> Result<(), Error> {
                self.0.try_extend(values)
            }
        }

        impl<T: NoPointers> Default for $name<T> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<T: NoPointers, A: Origin> Deref for $name<T, A> {
            type Target = [T];
            fn deref(&self) -> &[T] {
                self.as_slice()
            }
        }

        impl<T: NoPointers, A: Origin> DerefMut for $name<T, A> {
            fn deref_mut(&mut self) -> &mut [T] {
                self.as_mut_slice()
            }
        }

        impl<T: NoPointers, A: Origin> AsRef<[T]> for $name<T, A> {
            fn as_ref(&self) -> &[T] {
                self.as_slice()
            }
        }

        impl<T: NoPointers, A: Origin> AsMut<[T]> for $name<T, A> {
            fn as_mut(&mut self) -> &mut [T] {
                self.as_mut_slice()
            }
        }

        impl<T: NoPointers, A: Origin> Extend<T> for $name<T, A> {
            fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
                let values = values.into_iter();
                self.reserve(values.size_hint().0);
                values.for_each(|value| self.push(value));
            }
        }

        impl<T: NoPointers> FromIterator<T> for $name<T> {
            fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
                let mut made = Self::new();
                made.extend(values);
                made
            }
        }

        impl<'a, T: NoPointers, A: Origin> IntoIterator for &'a $name<T, A> {
            type Item = &'a T;
            type IntoIter = core::slice::Iter<'a, T>;
            fn into_iter(self) -> Self::IntoIter {
                self.as_slice().iter()
            }
        }

        impl<'a, T: NoPointers, A: Origin> IntoIterator for &'a mut $name<T, A> {
            type Item = &'a mut T;
            type IntoIter = core::slice::IterMut<'a, T>;
            fn into_iter(self) -> Self::IntoIter {
                self.as_mut_slice().iter_mut()
            }
        }

        impl<T: NoPointers, A: Origin> fmt::Debug for $name<T, A> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} elements)"), self.len())
            }
        }
    };
}
pub(crate) use vec_type;
