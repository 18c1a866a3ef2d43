//! Owners of secrets: [`SecretBox`], [`SecretVec`] and [`SecretString`]. Their content lies in a place of its own that is
//! left out of core dumps, is cleared when they are dropped, also by a panic, and where they were when they grow.
//!
//! What they cannot do: a value that is passed in by value has been somewhere else before, in registers and on the stack,
//! and those copies stay. [`SecretBox::init`] and [`SecretVec::extend_from_slice`] write where the secret will stay. There
//! is no `Clone`, and comparing takes as long whatever the content is.
//!
//! ```compile_fail,E0277
//! let key = capalloc::SecretBox::new([7u8; 32]);
//! let copy: capalloc::SecretBox<[u8; 32]> = capalloc::SecretBox::clone(&key); // E0277
//! ```
//! ```compile_fail,E0277
//! let key: capalloc::SecretVec<u8> = [7u8; 32].into_iter().collect();
//! let copy: capalloc::SecretVec<u8> = capalloc::SecretVec::clone(&key); // E0277
//! ```
//! ```
//! let key = capalloc::NoCapsBox::new([7u8; 32]);
//! let copy: capalloc::NoCapsBox<[u8; 32]> = capalloc::NoCapsBox::clone(&key);
//! let key: capalloc::NoCapsVec<u8> = [7u8; 32].into_iter().collect();
//! let copy: capalloc::NoCapsVec<u8> = capalloc::NoCapsVec::clone(&key);
//! ```
use crate::buffer::{Buffer, Single};
use crate::error::Error;
use crate::global::CapAlloc;
use crate::no_pointers::NoPointers;
use crate::owners::{box_type, handle, vec_type};
use crate::place::SecretPlace;
use crate::state::Origin;
use crate::wipe::{self, PlainBytes};
use alloc::string::String;
use core::alloc::Layout;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::slice;

box_type! {
    /// A secret. `Debug` prints neither content nor address.
    ///
    /// ```
    /// use capalloc::SecretBox;
    ///
    /// let key = SecretBox::init(|key: &mut [u8; 32]| key.fill(7)); // nowhere else
    /// assert!(key == SecretBox::new([7; 32])); // takes as long whatever is in them
    /// assert_eq!(format!("{key:?}"), "SecretBox(..)");
    /// ```
    SecretBox, SecretPlace
}

vec_type! {
    /// Secrets, in an array that grows. `Debug` prints their number alone.
    SecretVec, SecretPlace
}

impl<T: PlainBytes> SecretBox<T> {
    /// A value that begins as zero and is written where it will stay; without memory, `handle_alloc_error`.
    pub fn init(write: impl FnOnce(&mut T)) -> Self {
        Self::init_in(write, CapAlloc)
    }

    /// The same.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], and nothing was written.
    pub fn try_init(write: impl FnOnce(&mut T)) -> Result<Self, Error> {
        Self::try_init_in(write, CapAlloc)
    }
}

impl<T: PlainBytes, A: Origin> SecretBox<T, A> {
    /// A value in the authority's heap that begins as zero and is written where it will stay; without memory or quota,
    /// `handle_alloc_error`.
    pub fn init_in(write: impl FnOnce(&mut T), origin: A) -> Self {
        match Self::try_init_in(write, origin) {
            Ok(made) => made,
            Err(error) => handle(error, Ok(Layout::new::<T>())),
        }
    }

    /// The same.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Quota`], [`Error::NotPermitted`], and nothing was written.
    pub fn try_init_in(write: impl FnOnce(&mut T), origin: A) -> Result<Self, Error> {
        let mut made = SecretBox(Single::try_zero_in(origin)?);
        write(&mut made);
        Ok(made)
    }
}

impl<T: PlainBytes, A: Origin> PartialEq for SecretBox<T, A> {
    fn eq(&self, other: &Self) -> bool {
        wipe::is_equal(slice::from_ref(&**self), slice::from_ref(&**other))
    }
}

impl<T: PlainBytes + Eq, A: Origin> Eq for SecretBox<T, A> {}

impl<T: PlainBytes, A: Origin> PartialEq for SecretVec<T, A> {
    fn eq(&self, other: &Self) -> bool {
        wipe::is_equal(self, other)
    }
}

impl<T: PlainBytes + Eq, A: Origin> Eq for SecretVec<T, A> {}

impl<T: PlainBytes, A: Origin> PartialEq<[T]> for SecretVec<T, A> {
    fn eq(&self, other: &[T]) -> bool {
        wipe::is_equal(self, other)
    }
}

/// Copies; the source is the caller's to clear.
impl<T: PlainBytes> From<&[T]> for SecretVec<T> {
    fn from(values: &[T]) -> Self {
        let mut made = SecretVec::with_capacity(values.len());
        made.extend_from_slice(values);
        made
    }
}

/// A secret text. It does not become a `&str` by itself, so that printing it takes an [`as_str`](SecretString::as_str).
///
/// ```
/// use capalloc::SecretString;
///
/// let mut password = SecretString::from(String::from("correct horse")); // the String is cleared
/// password.push_str(" battery staple");
/// assert_eq!(password.as_str().len(), 28);
/// assert_eq!(format!("{password:?}"), "SecretString(..)");
/// ```
/// ```compile_fail,E0277
/// let password = capalloc::SecretString::from("correct horse");
/// println!("{}", password); // E0277
/// ```
/// ```
/// let password = capalloc::SecretString::from("correct horse");
/// println!("{}", password.as_str());
/// ```
///
/// `A` is where it comes from: the process's own heap unless an [`Authority`](crate::Authority) says otherwise.
pub struct SecretString<A: Origin = CapAlloc>(SecretVec<u8, A>);

impl SecretString {
    /// An empty one, which takes no memory.
    pub const fn new() -> Self {
        Self::new_in(CapAlloc)
    }

    /// With room for so many bytes; without memory, `handle_alloc_error`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self::with_capacity_in(bytes, CapAlloc)
    }
}

impl Default for SecretString {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Origin> SecretString<A> {
    /// An empty one, which takes no memory yet, and then the authority's.
    pub const fn new_in(origin: A) -> Self {
        SecretString(SecretVec::new_in(origin))
    }

    /// With room for so many bytes in the authority's heap; without memory or quota, `handle_alloc_error`.
    pub fn with_capacity_in(bytes: usize, origin: A) -> Self {
        SecretString(SecretVec::with_capacity_in(bytes, origin))
    }

    /// Adds a character at the end; without memory, `handle_alloc_error`.
    pub fn push(&mut self, character: char) {
        let mut bytes = [0; 4];
        self.push_str(character.encode_utf8(&mut bytes));
        // Safety: a local variable.
        unsafe { wipe::clear(NonNull::from(&mut bytes).cast(), bytes.len()) };
    }

    /// Adds a text at the end; without memory, `handle_alloc_error`.
    pub fn push_str(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// The same.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; the text is as it was.
    pub fn try_push_str(&mut self, text: &str) -> Result<(), Error> {
        self.0.try_extend_from_slice(text.as_bytes())
    }

    /// Takes the last character.
    pub fn pop(&mut self) -> Option<char> {
        let last = self.as_str().chars().next_back()?;
        self.0.truncate(self.0.len() - last.len_utf8());
        Some(last)
    }

    /// The text, empty and cleared.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The secret itself.
    pub fn as_str(&self) -> &str {
        // Safety: made of whole characters.
        unsafe { core::str::from_utf8_unchecked(&self.0) }
    }

    /// The bytes of the secret.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// In bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is it empty?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<A: Origin> PartialEq for SecretString<A> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<A: Origin> Eq for SecretString<A> {}

impl<A: Origin> PartialEq<str> for SecretString<A> {
    fn eq(&self, other: &str) -> bool {
        self.0 == *other.as_bytes()
    }
}

/// Copies; the source is the caller's to clear.
impl From<&str> for SecretString {
    fn from(text: &str) -> Self {
        SecretString(SecretVec::from(text.as_bytes()))
    }
}

/// Copies, and clears the source, all of its room.
impl From<String> for SecretString {
    fn from(text: String) -> Self {
        let mut bytes = text.into_bytes();
        let made = SecretString(SecretVec::from(&bytes[..]));
        let room = bytes.capacity();
        if let Some(start) = NonNull::new(bytes.as_mut_ptr()) {
            // Safety: the room of the vector is its own.
            unsafe { wipe::clear(start, room) };
        }
        made
    }
}

impl<A: Origin> fmt::Debug for SecretString<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretString(..)")
    }
}
