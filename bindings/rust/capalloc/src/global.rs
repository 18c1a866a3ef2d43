//! The global allocator: one line in a program, and every `Box`, `Vec` and `String` of it comes from capalloc.
//!
//! ```
//! #[global_allocator]
//! static GLOBAL: capalloc::CapAlloc = capalloc::CapAlloc;
//!
//! let greeting = String::from("checked when it goes back");
//! # assert_eq!(greeting.len(), 25);
//! ```
use capalloc_sys as c;
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;
use core::ptr;

/// What the malloc family aligns every block to.
const MALLOC_ALIGN: usize = 16;

/// The process's own heap as Rust's global allocator, and on nightly as an `Allocator`.
///
/// It calls the malloc family of the library (`ca_malloc`, `ca_free`, `ca_realloc`, `ca_calloc`), the shortest way in:
/// blocks that go to C may be given back there with `ca_free`. An address that is not a live block ends the program
/// with one line that says what was found there. Works before `main`, in destructors of threads and at exit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapAlloc;

impl CapAlloc {
    #[cold]
    fn allocate_aligned(layout: Layout) -> *mut c_void {
        // Safety: any layout will do.
        unsafe { c::ca_aligned_alloc(layout.align(), layout.size()) }
    }

    /// `realloc` of C knows no alignment: where one above its own is wanted, the block moves.
    #[cold]
    unsafe fn move_aligned(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // The caller of `realloc` says that the size is valid with this alignment.
        let moved = Self::allocate_aligned(Layout::from_size_align_unchecked(new_size, layout.align())).cast::<u8>();
        if !moved.is_null() {
            ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size));
            c::ca_free(block.cast());
        }
        moved
    }
}

// Safety: the library's blocks are as long and as aligned as asked for, and nobody else's until they are given back; no
// function of C unwinds.
unsafe impl GlobalAlloc for CapAlloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= MALLOC_ALIGN {
            c::ca_malloc(layout.size()).cast()
        } else {
            Self::allocate_aligned(layout).cast()
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        c::ca_free(block.cast());
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= MALLOC_ALIGN {
            return c::ca_calloc(1, layout.size()).cast();
        }
        let block = Self::allocate_aligned(layout).cast::<u8>();
        if !block.is_null() {
            ptr::write_bytes(block, 0, layout.size());
        }
        block
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.align() <= MALLOC_ALIGN {
            c::ca_realloc(block.cast(), new_size).cast()
        } else {
            self.move_aligned(block, layout, new_size)
        }
    }
}
