//! Allocators across the border: a Rust allocator as a trait object of the C interface ([`Exported`]), and a C allocator
//! for Rust ([`Imported`]), so that code of either language can be handed either.
//!
//! ```
//! use capalloc::export::{Exported, Imported};
//! use std::alloc::{GlobalAlloc, Layout, System};
//!
//! let system = Exported::from_global(&System);
//! // `system.as_raw()` goes to C; here it comes back.
//! let back = unsafe { Imported::new(system.as_raw()) };
//! let layout = Layout::new::<u64>();
//! unsafe { back.dealloc(back.alloc(layout), layout) };
//! ```
use crate::error::{layout, result};
use capalloc_sys as c;
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use core::mem::size_of;
use core::ptr::NonNull;

/// A Rust allocator as a trait object of the C interface, for as long as the allocator is borrowed.
///
/// The C interface checks the layouts before a method is called and answers size 0 itself; the Rust allocator is asked for
/// what is valid only. It makes no promise but to be thread-safe, as it is `Sync`.
#[derive(Clone, Copy)]
pub struct Exported<'a> {
    raw: c::ca_allocator,
    allocator: PhantomData<&'a ()>,
}

// Safety: only a reference to what is `Sync` is in it.
unsafe impl Send for Exported<'_> {}
unsafe impl Sync for Exported<'_> {}

impl<'a> Exported<'a> {
    /// Of what could be the global allocator. Its blocks are as long as asked for.
    pub fn from_global<A: GlobalAlloc + Sync>(allocator: &'a A) -> Self {
        Self::new(allocator, &Global::<A>::VTABLE)
    }

    /// Of an `Allocator`. Memory without pointers lies among the rest, must-zero memory is cleared by the C interface.
    #[cfg(feature = "nightly")]
    pub fn from_allocator<A: core::alloc::Allocator + Sync>(allocator: &'a A) -> Self {
        Self::new(allocator, &nightly::Plain::<A>::VTABLE)
    }

    /// Of an `IntentAllocator`, which keeps its intentions.
    #[cfg(feature = "nightly")]
    pub fn from_intent_allocator<A: crate::IntentAllocator + Sync>(allocator: &'a A) -> Self {
        Self::new(allocator, &nightly::Intent::<A>::VTABLE)
    }

    fn new<A>(allocator: &'a A, vtable: &'static c::ca_allocator_vtable) -> Self {
        let this = allocator as *const A as *mut c_void;
        Exported { raw: c::ca_allocator { vtable, this }, allocator: PhantomData }
    }

    /// The trait object for the C interface, to be used no longer than the allocator is borrowed.
    pub const fn as_raw(self) -> c::ca_allocator {
        self.raw
    }
}

impl fmt::Debug for Exported<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exported")
    }
}

/// A vtable without methods.
const NOTHING: c::ca_allocator_vtable = c::ca_allocator_vtable {
    struct_size: size_of::<c::ca_allocator_vtable>(),
    promises: c::CA_PROMISE_THREAD_SAFE,
    allocate: None,
    deallocate: None,
    allocate_zeroed: None,
    grow: None,
    grow_zeroed: None,
    shrink: None,
    allocate_nocaps: None,
    deallocate_nocaps: None,
    allocate_mustzero: None,
    deallocate_zeroed: None,
    promises_now: None,
    allocate_secret: None,
    deallocate_secret: None,
    allocate_at_least: None,
    grow_nocaps: None,
    shrink_nocaps: None,
    grow_mustzero: None,
    shrink_mustzero: None,
    grow_secret: None,
    shrink_secret: None,
};

/// Safety: the C interface has checked it.
unsafe fn checked(layout: c::ca_layout) -> Layout {
    Layout::from_size_align_unchecked(layout.size, layout.align)
}

fn made(start: *mut u8, layout: c::ca_layout) -> c::ca_block_result {
    let size_or_error = if start.is_null() { c::CA_ERROR_OUT_OF_MEMORY as usize } else { layout.size };
    c::ca_block_result { ptr: start.cast(), size_or_error }
}

/// `GlobalAlloc` behind the methods of the C trait. Safety of all of them: what the C trait promises its methods.
struct Global<A>(PhantomData<A>);

impl<A: GlobalAlloc> Global<A> {
    const VTABLE: c::ca_allocator_vtable = c::ca_allocator_vtable {
        allocate: Some(Self::allocate),
        deallocate: Some(Self::deallocate),
        allocate_zeroed: Some(Self::allocate_zeroed),
        grow: Some(Self::resize),
        shrink: Some(Self::resize),
        ..NOTHING
    };

    unsafe extern "C" fn allocate(this: *mut c_void, layout: c::ca_layout) -> c::ca_block_result {
        made((*this.cast::<A>()).alloc(checked(layout)), layout)
    }

    unsafe extern "C" fn allocate_zeroed(this: *mut c_void, layout: c::ca_layout) -> c::ca_block_result {
        made((*this.cast::<A>()).alloc_zeroed(checked(layout)), layout)
    }

    unsafe extern "C" fn deallocate(this: *mut c_void, block: c::ca_block, layout: c::ca_layout) {
        (*this.cast::<A>()).dealloc(block.ptr.cast(), checked(layout));
    }

    unsafe extern "C" fn resize(
        this: *mut c_void,
        block: c::ca_block,
        old: c::ca_layout,
        new: c::ca_layout,
    ) -> c::ca_block_result {
        let allocator = &*this.cast::<A>();
        if old.align == new.align {
            return made(allocator.realloc(block.ptr.cast(), checked(old), new.size), new);
        }
        let moved = allocator.alloc(checked(new));
        if !moved.is_null() {
            moved.copy_from_nonoverlapping(block.ptr.cast(), old.size.min(new.size));
            allocator.dealloc(block.ptr.cast(), checked(old));
        }
        made(moved, new)
    }
}

/// An allocator of the C interface for Rust: `GlobalAlloc`, and on nightly `Allocator` and `IntentAllocator`.
#[derive(Clone, Copy)]
pub struct Imported<'a> {
    raw: c::ca_allocator,
    allocator: PhantomData<&'a ()>,
}

impl<'a> Imported<'a> {
    /// # Safety
    /// The allocator keeps the rules of the C trait and lives as long as `'a`; its blocks stay valid as long. Where it is not
    /// thread-safe (`CA_PROMISE_THREAD_SAFE`), it is used from one thread alone.
    pub const unsafe fn new(allocator: c::ca_allocator) -> Self {
        Imported { raw: allocator, allocator: PhantomData }
    }

    /// `CA_PROMISE_` bits of what it keeps beyond the trait's rules.
    pub fn promises(self) -> u32 {
        // Safety: a trait object, as `new` was told.
        unsafe { c::ca_allocator_promises(self.raw) }
    }

    fn block(start: *mut u8, layout: Layout) -> c::ca_block {
        c::ca_block { ptr: start.cast(), size: layout.size() }
    }
}

// Safety: `new` was told how it will be used.
unsafe impl Send for Imported<'_> {}
unsafe impl Sync for Imported<'_> {}

impl fmt::Debug for Imported<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Imported")
    }
}

// Safety: the rules of the C trait are those of Rust's.
unsafe impl GlobalAlloc for Imported<'_> {
    unsafe fn alloc(&self, want: Layout) -> *mut u8 {
        c::ca_allocator_allocate(self.raw, layout(want)).ptr.cast()
    }

    unsafe fn dealloc(&self, block: *mut u8, stated: Layout) {
        c::ca_allocator_deallocate(self.raw, Self::block(block, stated), layout(stated));
    }

    unsafe fn alloc_zeroed(&self, want: Layout) -> *mut u8 {
        c::ca_allocator_allocate_zeroed(self.raw, layout(want)).ptr.cast()
    }

    unsafe fn realloc(&self, block: *mut u8, old: Layout, new_size: usize) -> *mut u8 {
        let new = Layout::from_size_align_unchecked(new_size, old.align());
        let block = Self::block(block, old);
        if new_size >= old.size() {
            c::ca_allocator_grow(self.raw, block, layout(old), layout(new)).ptr.cast()
        } else {
            c::ca_allocator_shrink(self.raw, block, layout(old), layout(new)).ptr.cast()
        }
    }
}

/// A result of the C interface.
#[cfg_attr(not(feature = "nightly"), allow(dead_code))]
fn got(block: c::ca_block_result) -> Result<NonNull<[u8]>, crate::Error> {
    result(block.ptr, block.size_or_error)
}

#[cfg(feature = "nightly")]
mod nightly;
