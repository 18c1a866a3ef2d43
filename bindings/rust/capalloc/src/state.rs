//! Memory whose type knows whether it is zero: the article's motivating scenario. Memory that was cleared when it went back
//! is not cleared again when it comes, and the compiler keeps count, not the program.
//!
//! ```text
//!                        into_dirty
//!     Block<Zeroed>  -------------------->  Block<Dirty>
//!     lends &[u8]    <--------------------  lends &mut [u8]
//!                     wipe, assume_zero
//! ```
//!
//! ```
//! use capalloc::{Block, Dirty, Zeroed};
//! use std::alloc::Layout;
//!
//! let block = Block::<Zeroed>::allocate(Layout::new::<[u8; 4096]>())?; // zero, and nobody cleared it for that
//! let mut block: Block<Dirty> = block.into_dirty();
//! block[100] = 7;
//! let block: Block<Zeroed> = block.wipe(); // cleared: the one time
//! assert_eq!(block[100], 0);
//! drop(block); // goes back as it is
//! # Ok::<(), capalloc::Error>(())
//! ```
//!
//! Memory that is zero cannot be written to:
//! ```compile_fail,E0594
//! # use capalloc::{Block, Dirty, Zeroed};
//! # use std::alloc::Layout;
//! let mut block: Block<Zeroed> = Block::allocate(Layout::new::<[u8; 64]>()).unwrap();
//! block[0] = 7; // E0594
//! ```
//! ```
//! # use capalloc::{Block, Dirty, Zeroed};
//! # use std::alloc::Layout;
//! let mut block: Block<Dirty> = Block::allocate(Layout::new::<[u8; 64]>()).unwrap();
//! block[0] = 7; // E0594
//! ```
//! What was lent ends with the transition:
//! ```compile_fail,E0505
//! # use capalloc::{Block, Dirty, Zeroed};
//! # use std::alloc::Layout;
//! let mut block: Block<Dirty> = Block::allocate(Layout::new::<[u8; 64]>()).unwrap();
//! let inside = &mut block[0];
//! let block = block.wipe(); // E0505
//! *inside = 7;
//! ```
//! ```
//! # use capalloc::{Block, Dirty, Zeroed};
//! # use std::alloc::Layout;
//! let mut block: Block<Dirty> = Block::allocate(Layout::new::<[u8; 64]>()).unwrap();
//! let inside = &mut block[0];
//! *inside = 7;
//! let block = block.wipe();
//! ```
//! And a transition takes the block:
//! ```compile_fail,E0382
//! # use capalloc::{Block, Dirty, Zeroed};
//! # use std::alloc::Layout;
//! let block: Block<Dirty> = Block::allocate(Layout::new::<[u8; 64]>()).unwrap();
//! let wiped = block.wipe();
//! block.len(); // E0382
//! ```
//! ```
//! # use capalloc::{Block, Dirty, Zeroed};
//! # use std::alloc::Layout;
//! let block: Block<Dirty> = Block::allocate(Layout::new::<[u8; 64]>()).unwrap();
//! let wiped = block.wipe();
//! wiped.len();
//! ```
use crate::authority::{Authority, Rights};
use crate::error::{layout, result, Error};
use crate::global::CapAlloc;
use capalloc_sys as c;
use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// A must-zero block of which the type says whether it is zero: nothing else does, so that a transition costs nothing but the
/// clearing. Dropped, it goes back: [`Dirty`] is cleared first; [`Zeroed`] is not, where telling the heap costs less, and the
/// authority has [`Rights::CLAIM_ZERO`], as the process's own and roots of heaps do.
///
/// `A` is the authority that it comes from, the process's own unless said otherwise.
pub struct Block<S: State, A: Origin = Authority<'static>> {
    memory: NonNull<[u8]>,
    authority: A,
    state: PhantomData<S>,
}

/// Where memory comes from: an [`Authority`], for as long as its heap lives, or [`CapAlloc`], the process's own, which takes
/// no room in what has it.
pub trait Origin: Copy + sealed::Sealed {
    #[doc(hidden)]
    fn raw(self) -> c::ca_authority;
    #[doc(hidden)]
    fn may_claim(self) -> bool;
}

impl Origin for Authority<'_> {
    fn raw(self) -> c::ca_authority {
        self.as_raw()
    }
    fn may_claim(self) -> bool {
        self.describe().is_some_and(|info| info.rights().contains(Rights::CLAIM_ZERO))
    }
}

impl Origin for CapAlloc {
    fn raw(self) -> c::ca_authority {
        Authority::process().as_raw()
    }
    fn may_claim(self) -> bool {
        true
    }
}

/// [`Dirty`] or [`Zeroed`].
pub trait State: sealed::Sealed {
    /// Safety: a must-zero block of this authority for the last time; what the state says of it is true.
    #[doc(hidden)]
    unsafe fn deallocate(memory: NonNull<[u8]>, authority: impl Origin);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Dirty {}
    impl Sealed for super::Zeroed {}
    impl Sealed for crate::Authority<'_> {}
    impl Sealed for crate::CapAlloc {}
}

/// May hold anything.
#[derive(Debug)]
pub enum Dirty {}

/// Every byte is zero.
#[derive(Debug)]
pub enum Zeroed {}

fn mustzero(memory: NonNull<[u8]>) -> c::ca_mustzero {
    c::ca_mustzero { ptr: memory.as_ptr().cast(), size: memory.len() }
}

/// From so many bytes on, telling the heap that a block is zero costs less than having it cleared once more.
const WORTH_TELLING: usize = 32768;

impl State for Dirty {
    unsafe fn deallocate(memory: NonNull<[u8]>, _: impl Origin) {
        c::ca_mustzero_deallocate_zeroed(mustzero(memory));
    }
}

impl State for Zeroed {
    unsafe fn deallocate(memory: NonNull<[u8]>, authority: impl Origin) {
        if memory.len() >= WORTH_TELLING && authority.may_claim() {
            c::ca_wiped_deallocate(c::ca_mustzero_assume_zero(authority.raw(), &mut mustzero(memory)));
        } else {
            c::ca_mustzero_deallocate_zeroed(mustzero(memory));
        }
    }
}

impl<S: State> Block<S> {
    /// So many bytes from the process's own heap, all zero.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Layout`].
    pub fn allocate(want: Layout) -> Result<Self, Error> {
        Self::allocate_in(want, Authority::process())
    }
}

impl<S: State, A: Origin> Block<S, A> {
    /// So many bytes by this authority, all zero.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Layout`], [`Error::Quota`], [`Error::NotPermitted`].
    pub fn allocate_in(want: Layout, authority: A) -> Result<Self, Error> {
        // Safety: any authority and layout will do.
        let got = unsafe { c::ca_allocate_mustzero(authority.raw(), layout(want)) };
        Ok(Block { memory: result(got.ptr, got.size_or_error)?, authority, state: PhantomData })
    }

    /// The same memory in another state.
    fn turn<T: State>(self) -> Block<T, A> {
        let this = ManuallyDrop::new(self);
        Block { memory: this.memory, authority: this.authority, state: PhantomData }
    }
}

impl<A: Origin> Block<Dirty, A> {
    /// Clears it, by stores that no compiler removes.
    pub fn wipe(self) -> Block<Zeroed, A> {
        // Safety: the memory is this block's; then it is zero.
        unsafe {
            crate::wipe::clear(self.memory.cast(), self.memory.len());
            self.assume_zero()
        }
    }

    /// Takes the caller's word for it, and clears nothing.
    ///
    /// # Safety
    /// Every byte is zero.
    pub unsafe fn assume_zero(self) -> Block<Zeroed, A> {
        self.turn()
    }
}

impl<A: Origin> Block<Zeroed, A> {
    /// To be written to.
    pub fn into_dirty(self) -> Block<Dirty, A> {
        self.turn()
    }
}

impl<S: State, A: Origin> Deref for Block<S, A> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // Safety: the block's memory, which has arrived zero and is therefore no indeterminate content.
        unsafe { self.memory.as_ref() }
    }
}

impl<A: Origin> DerefMut for Block<Dirty, A> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // Safety: the block's memory.
        unsafe { self.memory.as_mut() }
    }
}

impl<S: State, A: Origin> Drop for Block<S, A> {
    fn drop(&mut self) {
        // Safety: for the last time, and the state is true.
        unsafe { S::deallocate(self.memory, self.authority) };
    }
}

// Safety: owns its memory, as Box does.
unsafe impl<S: State, A: Origin> Send for Block<S, A> {}
unsafe impl<S: State, A: Origin> Sync for Block<S, A> {}

/// Its state and length; neither content nor address.
impl<S: State + fmt::Debug, A: Origin> fmt::Debug for Block<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = core::any::type_name::<S>().rsplit(':').next().unwrap_or_default();
        write!(f, "Block<{state}>({} bytes)", self.len())
    }
}
