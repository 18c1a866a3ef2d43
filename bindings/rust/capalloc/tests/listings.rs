//! The four listings of the article. They cannot stand here word for word, as they define `Allocator` anew and leave bodies
//! out: so each signature is that of a method, by a coercion to its type, and the listing without its bodies is a trait that
//! is implemented by forwarding.
#![allow(clippy::missing_safety_doc, clippy::type_complexity)] // they are as they are
#![cfg_attr(feature = "nightly", feature(allocator_api))]
use capalloc::CapAlloc;
use std::alloc::Layout;

/// Calls what a listing declares, so that nothing is declared in vain.
const LAYOUT: Layout = Layout::new::<[u64; 8]>();

mod listing_1 {
    use std::alloc::Layout;

    pub unsafe trait GlobalAlloc {
        // Required methods
        unsafe fn alloc(&self, layout: Layout) -> *mut u8;
        unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout);

        // Provided methods
        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8;
        unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8;
    }
}

unsafe impl listing_1::GlobalAlloc for CapAlloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        std::alloc::GlobalAlloc::alloc(self, layout)
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        std::alloc::GlobalAlloc::dealloc(self, ptr, layout)
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        std::alloc::GlobalAlloc::alloc_zeroed(self, layout)
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        std::alloc::GlobalAlloc::realloc(self, ptr, layout, new_size)
    }
}

#[test]
fn test_rs4_listing_1_global_alloc() {
    use listing_1::GlobalAlloc;

    let _: unsafe fn(&CapAlloc, Layout) -> *mut u8 = <CapAlloc as std::alloc::GlobalAlloc>::alloc;
    let _: unsafe fn(&CapAlloc, *mut u8, Layout) = <CapAlloc as std::alloc::GlobalAlloc>::dealloc;
    let _: unsafe fn(&CapAlloc, Layout) -> *mut u8 = <CapAlloc as std::alloc::GlobalAlloc>::alloc_zeroed;
    let _: unsafe fn(&CapAlloc, *mut u8, Layout, usize) -> *mut u8 = <CapAlloc as std::alloc::GlobalAlloc>::realloc;
    unsafe {
        CapAlloc.dealloc(CapAlloc.alloc(LAYOUT), LAYOUT);
        let block = CapAlloc.realloc(CapAlloc.alloc_zeroed(LAYOUT), LAYOUT, 128);
        assert_eq!(*block.cast::<u64>(), 0);
        CapAlloc.dealloc(block, Layout::from_size_align(128, 8).unwrap());
    }
}

/// The fields of `struct Layout` in the article: `size`, and `align`, a power of two. They are private in Rust.
#[test]
fn test_rs4_layout_size_and_align() {
    let size: fn(&Layout) -> usize = Layout::size;
    let align: fn(&Layout) -> usize = Layout::align;
    assert_eq!((size(&LAYOUT), align(&LAYOUT)), (64, 8));
    let new: fn(usize, usize) -> Result<Layout, std::alloc::LayoutError> = Layout::from_size_align;
    assert!(new(1, 3).is_err());
    let c::ca_layout { size, align } = c::ca_layout { size: 64, align: 8 };
    let _: (usize, usize) = (size, align);
}

use capalloc_sys as c;

#[cfg(feature = "nightly")]
mod nightly {
    use super::{Layout, LAYOUT};
    use capalloc::{CapAlloc, IntentAllocator, MustZero, NoCaps};
    use std::alloc::{AllocError, Allocator};
    use std::ptr::NonNull;

    type Block = Result<NonNull<[u8]>, AllocError>;

    mod listing_2 {
        use super::{AllocError, Layout, NonNull};

        #[rustfmt::skip]
        pub unsafe trait Allocator {
            // Required methods
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError>;
            unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout);

            // Provided methods
            fn allocate_zeroed(
                &self,
                layout: Layout
            ) -> Result<NonNull<[u8]>, AllocError>;
            unsafe fn grow(
                &self,
                ptr: NonNull<u8>,
                old_layout: Layout,
                new_layout: Layout
            ) -> Result<NonNull<[u8]>, AllocError>;
            unsafe fn grow_zeroed(
                &self,
                ptr: NonNull<u8>,
                old_layout: Layout,
                new_layout: Layout
            ) -> Result<NonNull<[u8]>, AllocError>;
            unsafe fn shrink(
                &self,
                ptr: NonNull<u8>,
                old_layout: Layout,
                new_layout: Layout
            ) -> Result<NonNull<[u8]>, AllocError>;
            fn by_ref(&self) -> &Self
               where Self: Sized;
        }
    }

    unsafe impl listing_2::Allocator for CapAlloc {
        fn allocate(&self, layout: Layout) -> Block {
            Allocator::allocate(self, layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            Allocator::deallocate(self, ptr, layout);
        }
        fn allocate_zeroed(&self, layout: Layout) -> Block {
            Allocator::allocate_zeroed(self, layout)
        }
        unsafe fn grow(&self, ptr: NonNull<u8>, old_layout: Layout, new_layout: Layout) -> Block {
            Allocator::grow(self, ptr, old_layout, new_layout)
        }
        unsafe fn grow_zeroed(&self, ptr: NonNull<u8>, old_layout: Layout, new_layout: Layout) -> Block {
            Allocator::grow_zeroed(self, ptr, old_layout, new_layout)
        }
        unsafe fn shrink(&self, ptr: NonNull<u8>, old_layout: Layout, new_layout: Layout) -> Block {
            Allocator::shrink(self, ptr, old_layout, new_layout)
        }
        fn by_ref(&self) -> &Self {
            self // newer compilers have none in their trait; a reference is an allocator by itself
        }
    }

    #[test]
    fn test_rs4_listing_2_allocator() {
        let _: fn(&CapAlloc, Layout) -> Block = <CapAlloc as Allocator>::allocate;
        let _: unsafe fn(&CapAlloc, NonNull<u8>, Layout) = <CapAlloc as Allocator>::deallocate;
        let _: fn(&CapAlloc, Layout) -> Block = <CapAlloc as Allocator>::allocate_zeroed;
        let _: unsafe fn(&CapAlloc, NonNull<u8>, Layout, Layout) -> Block = <CapAlloc as Allocator>::grow;
        let _: unsafe fn(&CapAlloc, NonNull<u8>, Layout, Layout) -> Block = <CapAlloc as Allocator>::grow_zeroed;
        let _: unsafe fn(&CapAlloc, NonNull<u8>, Layout, Layout) -> Block = <CapAlloc as Allocator>::shrink;

        use listing_2::Allocator as Listing;
        let larger = Layout::from_size_align(1000, 64).unwrap();
        unsafe {
            let block = Listing::allocate(Listing::by_ref(&CapAlloc), LAYOUT).unwrap();
            block.cast::<u8>().write_bytes(7, block.len());
            let block = Listing::grow_zeroed(&CapAlloc, block.cast(), LAYOUT, larger).unwrap();
            assert_eq!(block.as_ref()[60..70], [7, 7, 7, 7, 0, 0, 0, 0, 0, 0]);
            let block = Listing::shrink(&CapAlloc, block.cast(), larger, LAYOUT).unwrap();
            let block = Listing::grow(&CapAlloc, block.cast(), LAYOUT, larger).unwrap();
            Listing::deallocate(&CapAlloc, block.cast(), larger);
            let block = Listing::allocate_zeroed(&CapAlloc, LAYOUT).unwrap();
            assert_eq!(block.as_ref(), [0; 64]);
            Listing::deallocate(&CapAlloc, block.cast(), LAYOUT);
        }
    }

    mod listing_3 {
        use super::{AllocError, Layout, NoCaps};

        #[rustfmt::skip]
        pub unsafe trait Allocator {

            // [...]
            fn allocate_nocaps(
                &self,
                layout: Layout
            ) -> Result<NoCaps<[u8]>, AllocError>;
            // [...]
        }
    }

    unsafe impl listing_3::Allocator for CapAlloc {
        fn allocate_nocaps(&self, layout: Layout) -> Result<NoCaps<[u8]>, AllocError> {
            IntentAllocator::allocate_nocaps(self, layout)
        }
    }

    #[test]
    fn test_rs4_listing_3_allocate_nocaps() {
        let _: fn(&CapAlloc, Layout) -> Result<NoCaps<[u8]>, AllocError> =
            <CapAlloc as IntentAllocator>::allocate_nocaps;
        let block = listing_3::Allocator::allocate_nocaps(&CapAlloc, LAYOUT).unwrap();
        assert_eq!(block.len(), 64);
        unsafe { CapAlloc.deallocate_nocaps(block.cast(), LAYOUT) };
    }

    mod listing_4 {
        use super::{AllocError, Layout, MustZero, NonNull};

        #[rustfmt::skip]
        pub unsafe trait Allocator {
            // [...]
            unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout);
            // [...]

            fn allocate_mustzero(
                &self,
                layout: Layout
            ) -> Result<MustZero<[u8]>, AllocError>;

            unsafe fn deallocate_zeroed(&self, ptr: MustZero<u8>, layout: Layout);

            // [...]
        }
    }

    unsafe impl listing_4::Allocator for CapAlloc {
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            Allocator::deallocate(self, ptr, layout);
        }
        fn allocate_mustzero(&self, layout: Layout) -> Result<MustZero<[u8]>, AllocError> {
            IntentAllocator::allocate_mustzero(self, layout)
        }
        unsafe fn deallocate_zeroed(&self, ptr: MustZero<u8>, layout: Layout) {
            IntentAllocator::deallocate_zeroed(self, ptr, layout);
        }
    }

    #[test]
    fn test_rs4_listing_4_allocate_mustzero() {
        let _: fn(&CapAlloc, Layout) -> Result<MustZero<[u8]>, AllocError> =
            <CapAlloc as IntentAllocator>::allocate_mustzero;
        let _: unsafe fn(&CapAlloc, MustZero<u8>, Layout) = <CapAlloc as IntentAllocator>::deallocate_zeroed;
        let mut block = listing_4::Allocator::allocate_mustzero(&CapAlloc, LAYOUT).unwrap();
        unsafe {
            assert_eq!(block.as_ref(), [0; 64]);
            block.as_mut().fill(7);
            listing_4::Allocator::deallocate_zeroed(&CapAlloc, block.cast(), LAYOUT);
            let plain = Allocator::allocate(&CapAlloc, LAYOUT).unwrap();
            listing_4::Allocator::deallocate(&CapAlloc, plain.cast(), LAYOUT);
        }
    }
}
