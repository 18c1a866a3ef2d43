//! The four kinds of blocks as types, so that what is built on them is written once.
use crate::error::{layout, result, Error};
use capalloc_sys as c;
use core::alloc::Layout;
use core::ptr::NonNull;

/// One of the four places, and the functions of the C interface that belong to it.
// Without `Allocator`, nobody asks for some of it.
#[cfg_attr(not(feature = "nightly"), allow(dead_code))]
pub(crate) trait Place {
    /// Memory there is cleared when it goes back, and arrives zero.
    const CLEARS: bool;

    fn allocate(authority: c::ca_authority, want: Layout) -> Result<NonNull<[u8]>, Error>;
    fn allocate_zeroed(authority: c::ca_authority, want: Layout) -> Result<NonNull<[u8]>, Error>;

    /// Safety: a block of this place of exactly `size` bytes, which ends here.
    unsafe fn deallocate(block: NonNull<u8>, size: usize);

    /// Safety: a block of this place of exactly `size` bytes, which ends when there is another.
    unsafe fn grow(
        authority: c::ca_authority,
        block: NonNull<u8>,
        size: usize,
        want: Layout,
    ) -> Result<NonNull<[u8]>, Error>;

    /// The same; everything that is added is zero.
    unsafe fn grow_zeroed(
        authority: c::ca_authority,
        block: NonNull<u8>,
        size: usize,
        want: Layout,
    ) -> Result<NonNull<[u8]>, Error>;

    /// In place: an alignment that the address lacks is `Error::Layout`. Safety: as for `grow`.
    unsafe fn shrink_in_place(block: NonNull<u8>, size: usize, want: Layout) -> Result<NonNull<[u8]>, Error>;

    /// The same; moves where the alignment wants it. Safety: as for `grow`.
    unsafe fn shrink(
        authority: c::ca_authority,
        block: NonNull<u8>,
        size: usize,
        want: Layout,
    ) -> Result<NonNull<[u8]>, Error> {
        if block.as_ptr() as usize & (want.align() - 1) == 0 {
            return Self::shrink_in_place(block, size, want);
        }
        let moved = Self::allocate(authority, want)?;
        moved.cast::<u8>().as_ptr().copy_from_nonoverlapping(block.as_ptr(), want.size());
        Self::deallocate(block, size);
        Ok(moved)
    }
}

macro_rules! place {
    ($name:ident, $type:ident, $clears:literal, $allocate:ident, $zeroed:ident, $deallocate:ident, $grow:ident,
     $grow_zeroed:ident, $shrink:ident) => {
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl $name {
            fn block(block: NonNull<u8>, size: usize) -> c::$type {
                c::$type { ptr: block.as_ptr().cast(), size }
            }
        }

        // Safety of the calls: what the functions of the trait ask for is what the library wants; the rest it checks.
        impl Place for $name {
            const CLEARS: bool = $clears;

            #[inline]
            fn allocate(authority: c::ca_authority, want: Layout) -> Result<NonNull<[u8]>, Error> {
                let got = unsafe { c::$allocate(authority, layout(want)) };
                result(got.ptr, got.size_or_error)
            }

            #[inline]
            fn allocate_zeroed(authority: c::ca_authority, want: Layout) -> Result<NonNull<[u8]>, Error> {
                let got = unsafe { c::$zeroed(authority, layout(want)) };
                result(got.ptr, got.size_or_error)
            }

            #[inline]
            unsafe fn deallocate(block: NonNull<u8>, size: usize) {
                c::$deallocate(Self::block(block, size));
            }

            #[inline]
            unsafe fn grow(
                authority: c::ca_authority,
                block: NonNull<u8>,
                size: usize,
                want: Layout,
            ) -> Result<NonNull<[u8]>, Error> {
                let got = c::$grow(authority, Self::block(block, size), layout(want));
                result(got.ptr, got.size_or_error)
            }

            #[inline]
            unsafe fn grow_zeroed(
                authority: c::ca_authority,
                block: NonNull<u8>,
                size: usize,
                want: Layout,
            ) -> Result<NonNull<[u8]>, Error> {
                let got = c::$grow_zeroed(authority, Self::block(block, size), layout(want));
                result(got.ptr, got.size_or_error)
            }

            #[inline]
            unsafe fn shrink_in_place(block: NonNull<u8>, size: usize, want: Layout) -> Result<NonNull<[u8]>, Error> {
                let got = c::$shrink(Self::block(block, size), layout(want));
                result(got.ptr, got.size_or_error)
            }
        }
    };
}
#[cfg(feature = "nightly")]
place!(
    Ordinary,
    ca_block,
    false,
    ca_allocate,
    ca_allocate_zeroed,
    ca_block_deallocate,
    ca_block_grow,
    ca_block_grow_zeroed,
    ca_block_shrink
);
place!(
    NoCapsPlace,
    ca_nocaps,
    false,
    ca_allocate_nocaps,
    ca_allocate_nocaps_zeroed,
    ca_nocaps_deallocate,
    ca_nocaps_grow,
    ca_nocaps_grow_zeroed,
    ca_nocaps_shrink
);
#[cfg(feature = "nightly")]
place!(
    MustZeroPlace,
    ca_mustzero,
    true,
    ca_allocate_mustzero,
    ca_allocate_mustzero,
    ca_mustzero_deallocate_zeroed,
    ca_mustzero_grow,
    ca_mustzero_grow_zeroed,
    ca_mustzero_shrink
);
place!(
    SecretPlace,
    ca_secret,
    true,
    ca_allocate_secret,
    ca_allocate_secret,
    ca_secret_deallocate_zeroed,
    ca_secret_grow,
    ca_secret_grow_zeroed,
    ca_secret_shrink
);
