//! `Allocator` and `IntentAllocator` in both directions.
use super::{checked, got, Imported, NOTHING};
use crate::error::{layout, result, Error};
use crate::intent::{IntentAllocator, MustZero, NoCaps};
use capalloc_sys as c;
use core::alloc::{AllocError, Allocator, Layout};
use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// The two words of a result: a block's, or an error's.
fn words(block: Result<NonNull<[u8]>, AllocError>) -> (*mut c_void, usize) {
    match block {
        Ok(block) => (block.as_ptr().cast(), block.len()),
        Err(AllocError) => (core::ptr::null_mut(), c::CA_ERROR_OUT_OF_MEMORY as usize),
    }
}

fn block(block: Result<NonNull<[u8]>, AllocError>) -> c::ca_block_result {
    let (ptr, size_or_error) = words(block);
    c::ca_block_result { ptr, size_or_error }
}

/// Safety: a block, which the C interface has checked.
unsafe fn start(block: *mut c_void) -> NonNull<u8> {
    NonNull::new_unchecked(block.cast())
}

/// `Allocator` behind the methods of the C trait. `grow_zeroed` is not among them: in older compilers it promises less than
/// the C trait does, which makes it of `grow`. Safety of all of them: what the C trait promises its methods.
pub(super) struct Plain<A>(PhantomData<A>);

macro_rules! resize {
    ($name:ident, $method:ident) => {
        unsafe extern "C" fn $name(
            this: *mut c_void,
            old: c::ca_block,
            old_layout: c::ca_layout,
            new_layout: c::ca_layout,
        ) -> c::ca_block_result {
            block((*this.cast::<A>()).$method(start(old.ptr), checked(old_layout), checked(new_layout)))
        }
    };
}

impl<A: Allocator> Plain<A> {
    pub(super) const VTABLE: c::ca_allocator_vtable = c::ca_allocator_vtable {
        allocate: Some(Self::allocate),
        deallocate: Some(Self::deallocate),
        allocate_zeroed: Some(Self::allocate_zeroed),
        grow: Some(Self::grow),
        shrink: Some(Self::shrink),
        ..NOTHING
    };

    unsafe extern "C" fn allocate(this: *mut c_void, want: c::ca_layout) -> c::ca_block_result {
        block((*this.cast::<A>()).allocate(checked(want)))
    }

    unsafe extern "C" fn allocate_zeroed(this: *mut c_void, want: c::ca_layout) -> c::ca_block_result {
        block((*this.cast::<A>()).allocate_zeroed(checked(want)))
    }

    unsafe extern "C" fn deallocate(this: *mut c_void, block: c::ca_block, stated: c::ca_layout) {
        (*this.cast::<A>()).deallocate(start(block.ptr), checked(stated));
    }

    resize!(grow, grow);
    resize!(shrink, shrink);
}

/// The same with the intentions of an `IntentAllocator`.
pub(super) struct Intent<A>(PhantomData<A>);

impl<A: IntentAllocator> Intent<A> {
    pub(super) const VTABLE: c::ca_allocator_vtable = c::ca_allocator_vtable {
        allocate_nocaps: Some(Self::allocate_nocaps),
        deallocate_nocaps: Some(Self::deallocate_nocaps),
        allocate_mustzero: Some(Self::allocate_mustzero),
        deallocate_zeroed: Some(Self::deallocate_zeroed),
        ..Plain::<A>::VTABLE
    };

    unsafe extern "C" fn allocate_nocaps(this: *mut c_void, want: c::ca_layout) -> c::ca_nocaps_result {
        let made = (*this.cast::<A>()).allocate_nocaps(checked(want));
        let (ptr, size_or_error) = words(made.map(|block| block.as_non_null()));
        c::ca_nocaps_result { ptr, size_or_error }
    }

    unsafe extern "C" fn deallocate_nocaps(this: *mut c_void, block: c::ca_nocaps, stated: c::ca_layout) {
        (*this.cast::<A>()).deallocate_nocaps(NoCaps::from_non_null(start(block.ptr)), checked(stated));
    }

    unsafe extern "C" fn allocate_mustzero(this: *mut c_void, want: c::ca_layout) -> c::ca_mustzero_result {
        let made = (*this.cast::<A>()).allocate_mustzero(checked(want));
        let (ptr, size_or_error) = words(made.map(|block| block.as_non_null()));
        c::ca_mustzero_result { ptr, size_or_error }
    }

    unsafe extern "C" fn deallocate_zeroed(this: *mut c_void, block: c::ca_mustzero, stated: c::ca_layout) {
        (*this.cast::<A>()).deallocate_zeroed(MustZero::from_non_null(start(block.ptr)), checked(stated));
    }
}

// Safety: the rules of the C trait are those of Rust's; where it fails to shrink to a larger alignment, this moves.
unsafe impl Allocator for Imported<'_> {
    fn allocate(&self, want: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // Safety: a trait object, as `new` was told.
        Ok(got(unsafe { c::ca_allocator_allocate(self.raw, layout(want)) })?)
    }

    fn allocate_zeroed(&self, want: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // Safety: a trait object, as `new` was told.
        Ok(got(unsafe { c::ca_allocator_allocate_zeroed(self.raw, layout(want)) })?)
    }

    unsafe fn deallocate(&self, ptr: NonNull<u8>, stated: Layout) {
        c::ca_allocator_deallocate(self.raw, Self::block(ptr.as_ptr(), stated), layout(stated));
    }

    unsafe fn grow(&self, ptr: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Ok(got(c::ca_allocator_grow(self.raw, Self::block(ptr.as_ptr(), old), layout(old), layout(new)))?)
    }

    unsafe fn grow_zeroed(&self, ptr: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Ok(got(c::ca_allocator_grow_zeroed(self.raw, Self::block(ptr.as_ptr(), old), layout(old), layout(new)))?)
    }

    unsafe fn shrink(&self, ptr: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
        match got(c::ca_allocator_shrink(self.raw, Self::block(ptr.as_ptr(), old), layout(old), layout(new))) {
            Err(Error::Layout) if ptr.as_ptr() as usize & (new.align() - 1) != 0 => {
                let moved = self.allocate(new)?;
                moved.cast::<u8>().copy_from_nonoverlapping(ptr, new.size());
                self.deallocate(ptr, old);
                Ok(moved)
            }
            other => Ok(other?),
        }
    }
}

// Safety: the C trait's functions for intentions.
unsafe impl IntentAllocator for Imported<'_> {
    fn allocate_nocaps(&self, want: Layout) -> Result<NoCaps<[u8]>, AllocError> {
        // Safety: a trait object, as `new` was told.
        let made = unsafe { c::ca_allocator_allocate_nocaps(self.raw, layout(want)) };
        Ok(unsafe { NoCaps::from_non_null(result(made.ptr, made.size_or_error)?) })
    }

    unsafe fn deallocate_nocaps(&self, ptr: NoCaps<u8>, stated: Layout) {
        let block = c::ca_nocaps { ptr: ptr.as_ptr().cast(), size: stated.size() };
        c::ca_allocator_deallocate_nocaps(self.raw, block, layout(stated));
    }

    unsafe fn grow_nocaps(&self, ptr: NoCaps<u8>, old: Layout, new: Layout) -> Result<NoCaps<[u8]>, AllocError> {
        self.moved(ptr, old, new, old.size())
    }

    unsafe fn shrink_nocaps(&self, ptr: NoCaps<u8>, old: Layout, new: Layout) -> Result<NoCaps<[u8]>, AllocError> {
        self.moved(ptr, old, new, new.size())
    }

    fn allocate_mustzero(&self, want: Layout) -> Result<MustZero<[u8]>, AllocError> {
        // Safety: a trait object, as `new` was told.
        let made = unsafe { c::ca_allocator_allocate_mustzero(self.raw, layout(want)) };
        let made = NonNull::slice_from_raw_parts(result(made.ptr, made.size_or_error)?.cast(), want.size());
        Ok(unsafe { MustZero::from_non_null(made) })
    }

    unsafe fn deallocate_zeroed(&self, ptr: MustZero<u8>, stated: Layout) {
        let block = c::ca_mustzero { ptr: ptr.as_ptr().cast(), size: stated.size() };
        c::ca_allocator_deallocate_zeroed(self.raw, block, layout(stated));
    }
}

impl Imported<'_> {
    /// Another block of memory without pointers, with the first `bytes` bytes.
    ///
    /// Safety: a block of `allocate_nocaps` of this allocator that `old` fits; both have `bytes` bytes.
    unsafe fn moved(
        &self,
        ptr: NoCaps<u8>,
        old: Layout,
        new: Layout,
        bytes: usize,
    ) -> Result<NoCaps<[u8]>, AllocError> {
        let moved = self.allocate_nocaps(new)?;
        moved.cast::<u8>().as_ptr().copy_from_nonoverlapping(ptr.as_ptr(), bytes);
        self.deallocate_nocaps(ptr, old);
        Ok(moved)
    }
}
