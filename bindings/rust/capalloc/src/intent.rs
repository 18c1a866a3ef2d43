//! Intentions in the types of pointers, as the article has them: [`NoCaps`] leads to memory that holds no pointers,
//! [`MustZero`] to memory that must be cleared before it goes back, and the trait `IntentAllocator` (nightly) hands
//! them out.
//!
//! The two are pointers as `NonNull` is one: they own nothing, and who has one keeps count himself. Owners that keep
//! count are [`NoCapsBox`](crate::NoCapsBox), [`SecretBox`](crate::SecretBox) and [`Block`](crate::Block).
//!
//! **What `deallocate_zeroed` means.** As in the article, the *allocator* clears, so that nobody can forget it.
//! Elsewhere the same name was proposed for the opposite, a promise by the caller that the memory *is* zero; that is
//! [`Block<Zeroed>`](crate::Block) here, where the type knows.
use crate::no_pointers::NoPointers;
use core::fmt;
use core::ptr::NonNull;

macro_rules! pointer {
    ($(#[$meta:meta])* $name:ident $(: $bound:ident)?) => {
        $(#[$meta])*
        pub struct $name<T: ?Sized $(+ $bound)?>(NonNull<T>);

        impl<T: ?Sized $(+ $bound)?> $name<T> {
            /// Says of a pointer what its type will say from now on.
            ///
            /// # Safety
            /// It leads to memory that was allocated with this intention.
            pub const unsafe fn from_non_null(pointer: NonNull<T>) -> Self {
                $name(pointer)
            }

            /// Forgets the intention.
            ///
            /// # Safety
            /// The pointer goes to no function that takes memory back, and the promise is kept all the same.
            pub const unsafe fn as_non_null(self) -> NonNull<T> {
                self.0
            }

            /// The address, to read and write.
            pub const fn as_ptr(self) -> *mut T {
                self.0.as_ptr()
            }

            /// A pointer to another type at the same address, as `NonNull::cast`.
            pub const fn cast<U $(: $bound)?>(self) -> $name<U> {
                $name(self.0.cast())
            }

            /// # Safety
            /// As for `NonNull::as_ref`.
            pub unsafe fn as_ref<'a>(&self) -> &'a T {
                self.0.as_ref()
            }

            /// # Safety
            /// As for `NonNull::as_mut`.
            pub unsafe fn as_mut<'a>(&mut self) -> &'a mut T {
                self.0.as_mut()
            }
        }

        impl<T $(: $bound)?> $name<[T]> {
            /// A slice of so many elements, as `NonNull::slice_from_raw_parts`.
            pub fn slice_from_raw_parts(data: $name<T>, len: usize) -> Self {
                $name(NonNull::slice_from_raw_parts(data.0, len))
            }

            /// The number of elements, as `NonNull::len`.
            pub const fn len(self) -> usize {
                self.0.len()
            }

            /// Is there none?
            pub const fn is_empty(self) -> bool {
                self.0.len() == 0
            }
        }

        impl<T: ?Sized $(+ $bound)?> Clone for $name<T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T: ?Sized $(+ $bound)?> Copy for $name<T> {}

        impl<T: ?Sized $(+ $bound)?> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:p})"), self.0)
            }
        }
    };
}

pointer! {
    /// A pointer to memory that holds no pointers: `NonNull`, and the type says so.
    ///
    /// ```compile_fail,E0277
    /// fn take(memory: capalloc::NoCaps<[u8]>) -> capalloc::NoCaps<*const u8> {
    ///     memory.cast()
    /// }
    /// ```
    /// ```
    /// fn take(memory: capalloc::NoCaps<[u8]>) -> capalloc::NoCaps<u8> {
    ///     memory.cast()
    /// }
    /// ```
    /// It is no `NonNull`, and becomes one by `unsafe` alone:
    /// ```compile_fail,E0133
    /// fn take(memory: capalloc::NoCaps<u8>) -> core::ptr::NonNull<u8> {
    ///     memory.as_non_null()
    /// }
    /// ```
    /// ```
    /// fn take(memory: capalloc::NoCaps<u8>) -> core::ptr::NonNull<u8> {
    ///     unsafe { memory.as_non_null() }
    /// }
    /// ```
    NoCaps: NoPointers
}

pointer! {
    /// A pointer to memory that must be cleared before it goes back: `NonNull`, and no function that does not clear takes
    /// it.
    ///
    /// ```compile_fail,E0308
    /// fn take(memory: capalloc::MustZero<u8>) -> core::ptr::NonNull<u8> {
    ///     memory
    /// }
    /// ```
    /// ```
    /// fn take(memory: capalloc::MustZero<u8>) -> capalloc::MustZero<u8> {
    ///     memory
    /// }
    /// ```
    /// ```compile_fail,E0133
    /// fn take(memory: capalloc::MustZero<u8>) -> core::ptr::NonNull<u8> {
    ///     memory.as_non_null()
    /// }
    /// ```
    /// ```
    /// fn take(memory: capalloc::MustZero<u8>) -> core::ptr::NonNull<u8> {
    ///     unsafe { memory.as_non_null() }
    /// }
    /// ```
    MustZero
}

#[cfg(feature = "nightly")]
mod allocator;
#[cfg(feature = "nightly")]
pub use allocator::IntentAllocator;
