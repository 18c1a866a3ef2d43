//! The trait `Allocator` for the process's heap and for authorities, so that `Box`, `Vec` and the like may live in a heap
//! with a quota.
//!
//! ```
//! #![feature(allocator_api)]
//! let heap = capalloc::HeapOptions::new().quota(1 << 20).create()?;
//! let mut numbers = Vec::new_in(&heap);
//! numbers.extend(0..1000u32);
//! assert!(numbers.try_reserve(1 << 20).is_err()); // the quota
//! # Ok::<(), capalloc::Error>(())
//! ```
//!
//! `grow_zeroed` keeps the stronger promise of newer compilers: all bytes from the old layout's size to the returned length
//! are zero. Blocks are exactly as long as asked for.
use crate::authority::Own;
use crate::place::{Ordinary, Place};
use crate::{Authority, CapAlloc, Heap};
use core::alloc::{AllocError, Allocator, GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

/// A pointer of the malloc family, or its dangling one for size 0, as a block.
fn block(start: *mut u8, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    NonNull::new(start).map(|start| NonNull::slice_from_raw_parts(start, layout.size())).ok_or(AllocError)
}

/// The block of size 0.
fn nothing(layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    block(layout.align() as *mut u8, layout)
}

impl CapAlloc {
    /// Another block with the first `bytes` bytes: where `realloc` will not do.
    ///
    /// Safety: a block of this allocator that `old` fits; both have `bytes` bytes.
    unsafe fn moved(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        bytes: usize,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let made = self.allocate(new)?;
        ptr::copy_nonoverlapping(ptr.as_ptr(), made.cast::<u8>().as_ptr(), bytes);
        self.deallocate(ptr, old);
        Ok(made)
    }
}

// Safety: what `GlobalAlloc` gives and takes; size 0 is answered here.
unsafe impl Allocator for CapAlloc {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return nothing(layout);
        }
        // Safety: not of size 0.
        block(unsafe { self.alloc(layout) }, layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return nothing(layout);
        }
        // Safety: not of size 0.
        block(unsafe { self.alloc_zeroed(layout) }, layout)
    }

    #[inline]
    unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            self.dealloc(ptr.as_ptr(), layout);
        }
    }

    unsafe fn grow(&self, ptr: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 || old.align() != new.align() {
            return self.moved(ptr, old, new, old.size());
        }
        block(self.realloc(ptr.as_ptr(), old, new.size()), new)
    }

    unsafe fn grow_zeroed(&self, ptr: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 {
            return self.allocate_zeroed(new);
        }
        let grown = self.grow(ptr, old, new)?;
        grown.cast::<u8>().add(old.size()).write_bytes(0, new.size() - old.size());
        Ok(grown)
    }

    unsafe fn shrink(&self, ptr: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() == 0 || old.align() != new.align() {
            return self.moved(ptr, old, new, new.size());
        }
        block(self.realloc(ptr.as_ptr(), old, new.size()), new)
    }
}

/// Blocks of an authority go back by themselves: whose they are stands in the heap.
macro_rules! own {
    ($($type:ty),*) => { $(
        // Safety: blocks of the library, valid as long as their heap, which the value owns or borrows.
        unsafe impl Allocator for $type {
            #[inline]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                Ok(Ordinary::allocate(self.own(), layout)?)
            }

            #[inline]
            fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                Ok(Ordinary::allocate_zeroed(self.own(), layout)?)
            }

            #[inline]
            unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
                Ordinary::deallocate(ptr, layout.size());
            }

            unsafe fn grow(&self, ptr: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                Ok(Ordinary::grow(self.own(), ptr, old.size(), new)?)
            }

            unsafe fn grow_zeroed(&self, ptr: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                Ok(Ordinary::grow_zeroed(self.own(), ptr, old.size(), new)?)
            }

            unsafe fn shrink(&self, ptr: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                Ok(Ordinary::shrink(self.own(), ptr, old.size(), new)?)
            }
        }
    )* };
}
own!(Authority<'_>, Heap);
