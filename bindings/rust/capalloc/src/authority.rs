//! Authorities: who may take memory from which heap, how much, and what else.
//!
//! ```
//! use capalloc::{Error, HeapOptions, Rights};
//!
//! let heap = HeapOptions::new().name("plugins").quota(64 << 20).create()?;
//! let one = heap.authority().derive(Rights::ALLOCATE, 1 << 20)?; // may allocate 1 MiB, may not grow blocks
//! assert_eq!(one.derive(Rights::ALLOCATE, 1).unwrap_err(), Error::NotPermitted);
//! assert_eq!(heap.authority().derive(Rights::ALL, usize::MAX >> 1).unwrap_err(), Error::Quota);
//! one.revoke()?;
//! # Ok::<(), Error>(())
//! ```
use crate::error::Error;
use capalloc_sys as c;
use core::ffi::{c_char, CStr};
use core::fmt;
use core::marker::PhantomData;
use core::mem::size_of;
use core::ops::{BitAnd, BitOr};
use core::ptr;

/// What an authority may allow: a set of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rights(u32);

impl Rights {
    /// Nothing at all.
    pub const NONE: Rights = Rights(0);
    /// Take new blocks.
    pub const ALLOCATE: Rights = Rights(c::CA_RIGHT_ALLOCATE);
    /// Grow blocks of its heap.
    pub const GROW: Rights = Rights(c::CA_RIGHT_GROW);
    /// Have freed memory swept for pointers.
    pub const SWEEP: Rights = Rights(c::CA_RIGHT_SWEEP);
    /// Make lesser authorities.
    pub const DERIVE: Rights = Rights(c::CA_RIGHT_DERIVE);
    /// Give everything back at once.
    pub const DESTROY: Rights = Rights(c::CA_RIGHT_DESTROY);
    /// Say that memory is zero and be believed, within its heap. Roots have it; [`Rights::ALL`] does not name it.
    pub const CLAIM_ZERO: Rights = Rights(c::CA_RIGHT_CLAIM_ZERO);
    /// See its blocks, and have them whole. Roots have it; [`Rights::ALL`] does not name it.
    pub const WALK: Rights = Rights(c::CA_RIGHT_WALK);
    /// What `CA_RIGHT_ALL` has.
    pub const ALL: Rights = Rights(c::CA_RIGHT_ALL);

    /// Are all of `rights` in this set?
    pub const fn contains(self, rights: Rights) -> bool {
        self.0 & rights.0 == rights.0
    }

    /// The number of the C interface.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl BitOr for Rights {
    type Output = Rights;
    fn bitor(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }
}

impl BitAnd for Rights {
    type Output = Rights;
    fn bitand(self, other: Rights) -> Rights {
        Rights(self.0 & other.0)
    }
}

/// The right to allocate: which heap, which rights, how much quota. A value that names what stands in the library's own
/// memory; one that was altered is refused. It cannot outlive its heap:
///
/// ```compile_fail,E0505
/// let heap = capalloc::Heap::new().unwrap();
/// let authority = heap.authority();
/// drop(heap); // E0505
/// authority.quota_remaining();
/// ```
/// ```
/// let heap = capalloc::Heap::new().unwrap();
/// let authority = heap.authority();
/// drop(authority);
/// # let authority = heap.authority();
/// authority.quota_remaining();
/// ```
#[derive(Clone, Copy)]
pub struct Authority<'heap> {
    raw: c::ca_authority,
    heap: PhantomData<&'heap Heap>,
}

impl Authority<'static> {
    /// The authority over the process's own heap, the one that [`crate::CapAlloc`] uses: every right but `DESTROY`, no
    /// quota, cannot be revoked.
    pub fn process() -> Self {
        // Safety: no arguments.
        Authority { raw: unsafe { c::ca_default_authority() }, heap: PhantomData }
    }
}

/// The process's own.
impl Default for Authority<'_> {
    fn default() -> Self {
        Authority::process()
    }
}

impl<'heap> Authority<'heap> {
    /// An authority of the C interface.
    ///
    /// # Safety
    /// Its heap is not destroyed, and its blocks are not freed at once, for as long as `'heap`.
    pub const unsafe fn from_raw(raw: c::ca_authority) -> Self {
        Authority { raw, heap: PhantomData }
    }

    /// The authority for the C interface.
    pub const fn as_raw(self) -> c::ca_authority {
        self.raw
    }

    /// A lesser authority over the same heap: some of these rights, and at most `quota` bytes of this quota
    /// (`usize::MAX`: all of it). What it takes counts against both.
    ///
    /// # Errors
    /// [`Error::NotPermitted`]: no right to derive, or a right that this one lacks. [`Error::Quota`]: more than this one
    /// has. [`Error::OutOfMemory`].
    pub fn derive(self, rights: Rights, quota: usize) -> Result<Authority<'heap>, Error> {
        let mut raw = c::ca_authority { opaque: [0; 2] };
        // Safety: `raw` is written.
        Error::from_raw(unsafe { c::ca_authority_derive(self.raw, rights.0, quota, &mut raw) })?;
        Ok(Authority { raw, heap: PhantomData })
    }

    /// From here on this authority, its copies, and all that were derived from it are refused everywhere. Their blocks
    /// stay, and go back as before.
    ///
    /// To drop a long [`Block`](crate::Block)`<Zeroed>` of it in another thread at the same moment may be the violation
    /// `denied`, which ends the program: revoke it when those who have its blocks are done.
    ///
    /// # Errors
    /// [`Error::NotPermitted`]: the process's own, or none any more.
    pub fn revoke(self) -> Result<(), Error> {
        // Safety: blocks stay.
        Error::from_raw(unsafe { c::ca_authority_revoke(self.raw) })
    }

    /// Bytes that it can still take, in bytes of slots; `usize::MAX`: no limit.
    pub fn quota_remaining(self) -> usize {
        // Safety: looks only.
        unsafe { c::ca_authority_quota_remaining(self.raw) }
    }

    /// What it is; `None`: none any more.
    pub fn describe(self) -> Option<AuthorityInfo> {
        let mut info = c::ca_authority_info {
            struct_size: size_of::<c::ca_authority_info>(),
            rights: 0,
            quota_bytes: 0,
            charged_bytes: 0,
            name: [0; c::CA_HEAP_NAME_MAX as usize + 1],
        };
        // Safety: struct_size says how much there is to write.
        Error::from_raw(unsafe { c::ca_authority_describe(self.raw, &mut info) }).ok().map(|()| AuthorityInfo(info))
    }

    /// Searches all memory of the process, now, for pointers to what was freed. What had been given back before and
    /// nothing points to is free when it returns.
    ///
    /// # Errors
    /// [`Error::NotPermitted`]: no right to sweep. [`Error::Invalid`]: nothing was released, as in every process that
    /// does not run under `capalloc run --revoke`.
    pub fn sweep(self) -> Result<(), Error> {
        // Safety: only what nobody has a pointer to any more is handed out again.
        Error::from_raw(unsafe { c::ca_sweep(self.raw) })
    }

    /// Gives back every block that was allocated by this authority and those derived from it, must-zero ones cleared
    /// first. The authorities stay.
    ///
    /// # Safety
    /// Nobody uses these blocks any more.
    ///
    /// # Errors
    /// [`Error::NotPermitted`]: no right to destroy, which the process's own lacks.
    pub unsafe fn free_all(self) -> Result<(), Error> {
        Error::from_raw(c::ca_free_all(self.raw))
    }
}

impl fmt::Debug for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.describe() {
            Some(info) => info.fmt(f),
            None => f.write_str("Authority(none)"),
        }
    }
}

/// What an authority is.
#[derive(Clone, Copy)]
pub struct AuthorityInfo(c::ca_authority_info);

impl AuthorityInfo {
    /// What it may.
    pub fn rights(&self) -> Rights {
        Rights(self.0.rights)
    }

    /// Its own quota in bytes; `None`: none.
    pub fn quota(&self) -> Option<usize> {
        Some(self.0.quota_bytes).filter(|&bytes| bytes != usize::MAX)
    }

    /// Taken by it and those derived from it, in bytes of slots.
    pub fn charged(&self) -> usize {
        self.0.charged_bytes
    }

    /// The name of its heap; empty: none. What is not UTF-8 counts as none.
    pub fn name(&self) -> &str {
        // Safety: the library ends the name with a zero.
        unsafe { CStr::from_ptr(self.0.name.as_ptr()) }.to_str().unwrap_or("")
    }
}

impl fmt::Debug for AuthorityInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("heap", &self.name())
            .field("rights", &self.rights())
            .field("quota", &self.quota())
            .field("charged", &self.charged())
            .finish()
    }
}

/// A heap of its own, destroyed when it is dropped: every block of it goes back at once, must-zero ones cleared first.
/// What lends from it cannot outlive it.
pub struct Heap {
    root: c::ca_authority,
}

impl Heap {
    /// A heap without name and quota.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new() -> Result<Heap, Error> {
        HeapOptions::new().create()
    }

    /// Its root authority, which has every right.
    pub fn authority(&self) -> Authority<'_> {
        Authority { raw: self.root, heap: PhantomData }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // Safety: what borrows from the heap has ended. It is a root, so nothing can refuse; were it to, memory leaks.
        let _ = unsafe { c::ca_heap_destroy(self.root) };
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Heap").field(&self.authority()).finish()
    }
}

/// How a heap should be.
#[derive(Clone, Copy, Debug)]
pub struct HeapOptions<'a> {
    quota: usize,
    name: &'a str,
}

impl<'a> HeapOptions<'a> {
    /// No quota, no name.
    pub const fn new() -> Self {
        HeapOptions { quota: usize::MAX, name: "" }
    }

    /// At most so many bytes out at a time, counted in slots.
    pub const fn quota(self, bytes: usize) -> Self {
        HeapOptions { quota: bytes, ..self }
    }

    /// For reports; what is longer than 31 bytes is cut, and so is what follows a zero byte.
    pub const fn name(self, name: &'a str) -> Self {
        HeapOptions { name, ..self }
    }

    /// Makes the heap.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn create(self) -> Result<Heap, Error> {
        let mut name: [c_char; c::CA_HEAP_NAME_MAX as usize + 1] = [0; c::CA_HEAP_NAME_MAX as usize + 1];
        let mut end = self.name.len().min(name.len() - 1);
        while !self.name.is_char_boundary(end) {
            end -= 1;
        }
        for (to, &from) in name.iter_mut().zip(&self.name.as_bytes()[..end]) {
            *to = from as c_char;
        }
        let options = c::ca_heap_options {
            struct_size: size_of::<c::ca_heap_options>(),
            policy: c::CA_HEAP_POLICY_DEFAULT,
            quota_bytes: self.quota,
            name: if end == 0 { ptr::null() } else { name.as_ptr() },
        };
        let mut root = c::ca_authority { opaque: [0; 2] };
        // Safety: the name is copied, `root` is written.
        Error::from_raw(unsafe { c::ca_heap_create(&options, &mut root) })?;
        Ok(Heap { root })
    }
}

impl Default for HeapOptions<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// The authority that stands behind an allocator of this crate.
#[cfg(feature = "nightly")]
pub(crate) trait Own {
    fn own(&self) -> c::ca_authority;
}

#[cfg(feature = "nightly")]
impl Own for crate::CapAlloc {
    fn own(&self) -> c::ca_authority {
        Authority::process().raw
    }
}

#[cfg(feature = "nightly")]
impl Own for Authority<'_> {
    fn own(&self) -> c::ca_authority {
        self.raw
    }
}

#[cfg(feature = "nightly")]
impl Own for Heap {
    fn own(&self) -> c::ca_authority {
        self.root
    }
}
