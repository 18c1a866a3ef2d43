//! Why a call gave nothing: the errors of the C interface under their names, `CA_ERROR_QUOTA` as [`Error::Quota`].
use capalloc_sys as c;
use core::alloc::Layout;
use core::ffi::{c_void, CStr};
use core::fmt;
use core::ptr::NonNull;

/// Why a call gave nothing. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// No memory, or no more of it for this process.
    OutOfMemory,
    /// No valid layout, or one that this call cannot meet.
    Layout,
    /// The authority has less than that left.
    Quota,
    /// The authority lacks the right, or is none any more.
    NotPermitted,
    /// The block was given back.
    Stale,
    /// The address is no block of this kind, or the size not the block's.
    Invalid,
    /// What a newer library says.
    Unknown(u32),
}

impl Error {
    /// The error of a number of the C interface; `CA_OK` is none.
    pub fn from_raw(error: c::ca_error) -> Result<(), Error> {
        Err(match error {
            c::CA_OK => return Ok(()),
            c::CA_ERROR_OUT_OF_MEMORY => Error::OutOfMemory,
            c::CA_ERROR_LAYOUT => Error::Layout,
            c::CA_ERROR_QUOTA => Error::Quota,
            c::CA_ERROR_NOT_PERMITTED => Error::NotPermitted,
            c::CA_ERROR_STALE => Error::Stale,
            c::CA_ERROR_INVALID => Error::Invalid,
            other => Error::Unknown(other),
        })
    }

    /// The number of the C interface.
    pub fn as_raw(self) -> c::ca_error {
        match self {
            Error::OutOfMemory => c::CA_ERROR_OUT_OF_MEMORY,
            Error::Layout => c::CA_ERROR_LAYOUT,
            Error::Quota => c::CA_ERROR_QUOTA,
            Error::NotPermitted => c::CA_ERROR_NOT_PERMITTED,
            Error::Stale => c::CA_ERROR_STALE,
            Error::Invalid => c::CA_ERROR_INVALID,
            Error::Unknown(other) => other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Safety: static text, never null.
        let text = unsafe { CStr::from_ptr(c::ca_error_string(self.as_raw())) };
        f.write_str(text.to_str().unwrap_or("unknown error"))
    }
}

impl core::error::Error for Error {}

#[cfg(feature = "nightly")]
impl From<Error> for core::alloc::AllocError {
    fn from(_: Error) -> Self {
        core::alloc::AllocError
    }
}

/// What was refused, and why: the block is the caller's as before.
pub struct Refused<T> {
    /// Why.
    pub error: Error,
    /// As it was.
    pub block: T,
}

impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("error", &self.error).finish_non_exhaustive()
    }
}

pub(crate) fn layout(layout: Layout) -> c::ca_layout {
    c::ca_layout { size: layout.size(), align: layout.align() }
}

/// The two words of a result of the C interface: a pointer and its size, or none and an error.
pub(crate) fn result(ptr: *mut c_void, size_or_error: usize) -> Result<NonNull<[u8]>, Error> {
    match NonNull::new(ptr.cast::<u8>()) {
        Some(start) => Ok(NonNull::slice_from_raw_parts(start, size_or_error)),
        None => {
            Error::from_raw(c::ca_error::try_from(size_or_error).unwrap_or(c::CA_ERROR_INVALID))?;
            Err(Error::Invalid)
        }
    }
}
