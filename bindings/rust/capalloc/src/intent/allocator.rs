//! The article's trait, on any allocator and on the library's own.
use super::{MustZero, NoCaps};
use crate::authority::Own;
use crate::place::{MustZeroPlace, NoCapsPlace, Place};
use crate::wipe;
use crate::{Authority, CapAlloc, Heap};
use core::alloc::{AllocError, Allocator, Layout};
use core::ptr::NonNull;

/// An allocator that can be told what memory is for: listings 3 and 4 of the article.
///
/// Every method is provided, so any `Allocator` has the trait by an empty `impl`; memory without pointers then lies among
/// the rest, and must-zero memory is cleared all the same. The library's own ([`CapAlloc`], [`Authority`], [`Heap`]) have
/// places for both. Grown and shrunk must-zero memory leaves zeros where it was.
///
/// ```
/// #![feature(allocator_api)]
/// use capalloc::{CapAlloc, IntentAllocator};
/// use std::alloc::{Allocator, Layout};
///
/// let layout = Layout::new::<[u8; 32]>();
/// let key = CapAlloc.allocate_mustzero(layout)?;
/// unsafe { key.cast::<u8>().as_ptr().write(7) };
/// unsafe { CapAlloc.deallocate_zeroed(key.cast(), layout) }; // cleared
/// # Ok::<(), std::alloc::AllocError>(())
/// ```
/// No other deallocator takes it:
/// ```compile_fail,E0308
/// #![feature(allocator_api)]
/// use capalloc::{CapAlloc, IntentAllocator};
/// use std::alloc::{Allocator, Layout};
///
/// let layout = Layout::new::<[u8; 32]>();
/// let key = CapAlloc.allocate_mustzero(layout)?;
/// unsafe { CapAlloc.deallocate(key.cast(), layout) }; // E0308
/// # Ok::<(), std::alloc::AllocError>(())
/// ```
/// ```
/// #![feature(allocator_api)]
/// use capalloc::{CapAlloc, IntentAllocator};
/// use std::alloc::{Allocator, Layout};
///
/// let layout = Layout::new::<[u8; 32]>();
/// let key = CapAlloc.allocate(layout)?;
/// unsafe { CapAlloc.deallocate(key.cast(), layout) };
/// # Ok::<(), std::alloc::AllocError>(())
/// ```
/// And `deallocate_zeroed` takes no other memory:
/// ```compile_fail,E0308
/// #![feature(allocator_api)]
/// use capalloc::{CapAlloc, IntentAllocator};
/// use std::alloc::{Allocator, Layout};
///
/// let layout = Layout::new::<[u8; 32]>();
/// let key = CapAlloc.allocate(layout)?;
/// unsafe { CapAlloc.deallocate_zeroed(key.cast(), layout) }; // E0308
/// # Ok::<(), std::alloc::AllocError>(())
/// ```
///
/// # Safety
/// As for `Allocator`. Memory of `allocate_mustzero` is zero from `deallocate_zeroed` on until somebody writes to it, and
/// nobody else sees it before.
pub unsafe trait IntentAllocator: Allocator {
    /// Memory that will hold no pointers.
    ///
    /// # Errors
    /// As for `allocate`.
    fn allocate_nocaps(&self, layout: Layout) -> Result<NoCaps<[u8]>, AllocError> {
        // Safety: allocated with this intention.
        self.allocate(layout).map(|block| unsafe { NoCaps::from_non_null(block) })
    }

    /// Gives memory of `allocate_nocaps` back.
    ///
    /// # Safety
    /// As for `deallocate`.
    unsafe fn deallocate_nocaps(&self, ptr: NoCaps<u8>, layout: Layout) {
        self.deallocate(ptr.as_non_null(), layout);
    }

    /// `grow` for memory of `allocate_nocaps`.
    ///
    /// # Safety
    /// As for `grow`.
    ///
    /// # Errors
    /// As for `grow`.
    unsafe fn grow_nocaps(&self, ptr: NoCaps<u8>, old: Layout, new: Layout) -> Result<NoCaps<[u8]>, AllocError> {
        self.grow(ptr.as_non_null(), old, new).map(|block| NoCaps::from_non_null(block))
    }

    /// `shrink` for memory of `allocate_nocaps`.
    ///
    /// # Safety
    /// As for `shrink`.
    ///
    /// # Errors
    /// As for `shrink`.
    unsafe fn shrink_nocaps(&self, ptr: NoCaps<u8>, old: Layout, new: Layout) -> Result<NoCaps<[u8]>, AllocError> {
        self.shrink(ptr.as_non_null(), old, new).map(|block| NoCaps::from_non_null(block))
    }

    /// Memory that is zero and will be cleared when it goes back: by [`deallocate_zeroed`](Self::deallocate_zeroed), which
    /// alone takes it. Exactly `layout.size()` bytes, unless an allocator says otherwise.
    ///
    /// # Errors
    /// As for `allocate`.
    fn allocate_mustzero(&self, layout: Layout) -> Result<MustZero<[u8]>, AllocError> {
        let block = self.allocate_zeroed(layout)?;
        // What is cleared on the way back is `layout.size()` bytes: the caller may write no more than that.
        let block = NonNull::slice_from_raw_parts(block.cast(), layout.size());
        // Safety: allocated with this intention.
        Ok(unsafe { MustZero::from_non_null(block) })
    }

    /// Clears memory of `allocate_mustzero` and gives it back. The allocator clears; the caller promises nothing.
    ///
    /// # Safety
    /// As for `deallocate`, for memory of `allocate_mustzero`.
    unsafe fn deallocate_zeroed(&self, ptr: MustZero<u8>, layout: Layout) {
        let block = ptr.as_non_null();
        wipe::clear(block, layout.size());
        self.deallocate(block, layout);
    }

    /// `grow_zeroed` for memory of `allocate_mustzero`; where it was is cleared.
    ///
    /// # Safety
    /// As for `grow`.
    ///
    /// # Errors
    /// As for `grow`.
    unsafe fn grow_mustzero(&self, ptr: MustZero<u8>, old: Layout, new: Layout) -> Result<MustZero<[u8]>, AllocError> {
        move_mustzero(self, ptr, old, new, old.size())
    }

    /// `shrink` for memory of `allocate_mustzero`; what is cut off is cleared.
    ///
    /// # Safety
    /// As for `shrink`.
    ///
    /// # Errors
    /// As for `shrink`.
    unsafe fn shrink_mustzero(
        &self,
        ptr: MustZero<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<MustZero<[u8]>, AllocError> {
        move_mustzero(self, ptr, old, new, new.size())
    }
}

/// A new block with the first `bytes` bytes of the old one, which is cleared and given back: an allocator's own `grow` would
/// leave it as it is.
///
/// Safety: a block of `allocate_mustzero` of this allocator that `old` fits; both layouts have `bytes` bytes.
unsafe fn move_mustzero<A: IntentAllocator + ?Sized>(
    allocator: &A,
    ptr: MustZero<u8>,
    old: Layout,
    new: Layout,
    bytes: usize,
) -> Result<MustZero<[u8]>, AllocError> {
    let moved = allocator.allocate_mustzero(new)?;
    moved.cast::<u8>().as_ptr().copy_from_nonoverlapping(ptr.as_ptr(), bytes);
    allocator.deallocate_zeroed(ptr, old);
    Ok(moved)
}

// Safety: forwards.
unsafe impl<A: IntentAllocator + ?Sized> IntentAllocator for &A {
    fn allocate_nocaps(&self, layout: Layout) -> Result<NoCaps<[u8]>, AllocError> {
        (**self).allocate_nocaps(layout)
    }
    unsafe fn deallocate_nocaps(&self, ptr: NoCaps<u8>, layout: Layout) {
        (**self).deallocate_nocaps(ptr, layout);
    }
    unsafe fn grow_nocaps(&self, ptr: NoCaps<u8>, old: Layout, new: Layout) -> Result<NoCaps<[u8]>, AllocError> {
        (**self).grow_nocaps(ptr, old, new)
    }
    unsafe fn shrink_nocaps(&self, ptr: NoCaps<u8>, old: Layout, new: Layout) -> Result<NoCaps<[u8]>, AllocError> {
        (**self).shrink_nocaps(ptr, old, new)
    }
    fn allocate_mustzero(&self, layout: Layout) -> Result<MustZero<[u8]>, AllocError> {
        (**self).allocate_mustzero(layout)
    }
    unsafe fn deallocate_zeroed(&self, ptr: MustZero<u8>, layout: Layout) {
        (**self).deallocate_zeroed(ptr, layout);
    }
    unsafe fn grow_mustzero(&self, ptr: MustZero<u8>, old: Layout, new: Layout) -> Result<MustZero<[u8]>, AllocError> {
        (**self).grow_mustzero(ptr, old, new)
    }
    unsafe fn shrink_mustzero(
        &self,
        ptr: MustZero<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<MustZero<[u8]>, AllocError> {
        (**self).shrink_mustzero(ptr, old, new)
    }
}

// Safety: all of it provided.
unsafe impl IntentAllocator for alloc::alloc::Global {}

macro_rules! own {
    ($($type:ty),*) => { $(
        // Safety: blocks of the library in the places for them, which it clears where they must be.
        unsafe impl IntentAllocator for $type {
            fn allocate_nocaps(&self, layout: Layout) -> Result<NoCaps<[u8]>, AllocError> {
                Ok(unsafe { NoCaps::from_non_null(NoCapsPlace::allocate(self.own(), layout)?) })
            }
            unsafe fn deallocate_nocaps(&self, ptr: NoCaps<u8>, layout: Layout) {
                NoCapsPlace::deallocate(ptr.as_non_null(), layout.size());
            }
            unsafe fn grow_nocaps(&self, ptr: NoCaps<u8>, old: Layout, new: Layout) -> Result<NoCaps<[u8]>, AllocError> {
                Ok(NoCaps::from_non_null(NoCapsPlace::grow(self.own(), ptr.as_non_null(), old.size(), new)?))
            }
            unsafe fn shrink_nocaps(&self, ptr: NoCaps<u8>, old: Layout, new: Layout) -> Result<NoCaps<[u8]>, AllocError> {
                Ok(NoCaps::from_non_null(NoCapsPlace::shrink(self.own(), ptr.as_non_null(), old.size(), new)?))
            }
            fn allocate_mustzero(&self, layout: Layout) -> Result<MustZero<[u8]>, AllocError> {
                Ok(unsafe { MustZero::from_non_null(MustZeroPlace::allocate(self.own(), layout)?) })
            }
            unsafe fn deallocate_zeroed(&self, ptr: MustZero<u8>, layout: Layout) {
                MustZeroPlace::deallocate(ptr.as_non_null(), layout.size());
            }
            unsafe fn grow_mustzero(
                &self,
                ptr: MustZero<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<MustZero<[u8]>, AllocError> {
                Ok(MustZero::from_non_null(MustZeroPlace::grow(self.own(), ptr.as_non_null(), old.size(), new)?))
            }
            unsafe fn shrink_mustzero(
                &self,
                ptr: MustZero<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<MustZero<[u8]>, AllocError> {
                Ok(MustZero::from_non_null(MustZeroPlace::shrink(self.own(), ptr.as_non_null(), old.size(), new)?))
            }
        }
    )* };
}
own!(CapAlloc, Authority<'_>, Heap);
