//! Errors, layouts, blocks, authorities, the trait, and the three ways to ask for memory.
use core::ffi::{c_char, c_int, c_uint, c_void};

// --- error.h ---

pub type ca_error = c_uint;
pub const CA_OK: ca_error = 0;
pub const CA_ERROR_OUT_OF_MEMORY: ca_error = 1;
pub const CA_ERROR_LAYOUT: ca_error = 2;
pub const CA_ERROR_QUOTA: ca_error = 3;
pub const CA_ERROR_NOT_PERMITTED: ca_error = 4;
pub const CA_ERROR_STALE: ca_error = 5;
pub const CA_ERROR_INVALID: ca_error = 6;

extern "C" {
    pub fn ca_error_string(error: ca_error) -> *const c_char;
}

// --- layout.h ---

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_layout {
    pub size: usize,
    pub align: usize,
}

extern "C" {
    pub fn ca_layout_new(size: usize, align: usize, out: *mut ca_layout) -> ca_error;
    pub fn ca_layout_array_or_refused(element: ca_layout, count: usize) -> ca_layout;
    pub fn ca_layout_is_valid(layout: ca_layout) -> c_int;
    pub fn ca_layout_array(element: ca_layout, count: usize, out: *mut ca_layout) -> ca_error;
    pub fn ca_layout_repeat(element: ca_layout, count: usize, out: *mut ca_layout, stride: *mut usize) -> ca_error;
    pub fn ca_layout_repeat_packed(element: ca_layout, count: usize, out: *mut ca_layout) -> ca_error;
    pub fn ca_layout_extend(first: ca_layout, next: ca_layout, out: *mut ca_layout, offset: *mut usize) -> ca_error;
    pub fn ca_layout_extend_packed(first: ca_layout, next: ca_layout, out: *mut ca_layout) -> ca_error;
    pub fn ca_layout_pad_to_align(layout: ca_layout) -> ca_layout;
    pub fn ca_layout_align_to(layout: ca_layout, align: usize, out: *mut ca_layout) -> ca_error;
    pub fn ca_layout_padding_for(layout: ca_layout, align: usize) -> usize;
}

// --- block.h ---

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_block {
    pub ptr: *mut c_void,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_nocaps {
    pub ptr: *mut c_void,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_mustzero {
    pub ptr: *mut c_void,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_secret {
    pub ptr: *mut c_void,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_wiped {
    pub ptr: *mut c_void,
    pub size: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_block_result {
    pub ptr: *mut c_void,
    pub size_or_error: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_nocaps_result {
    pub ptr: *mut c_void,
    pub size_or_error: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_mustzero_result {
    pub ptr: *mut c_void,
    pub size_or_error: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_secret_result {
    pub ptr: *mut c_void,
    pub size_or_error: usize,
}

extern "C" {
    pub fn ca_unwrap_failed(error: ca_error);
    pub fn ca_block_is_ok(result: ca_block_result) -> bool;
    pub fn ca_block_error_of(result: ca_block_result) -> ca_error;
    pub fn ca_block_unwrap(result: ca_block_result) -> ca_block;
    pub fn ca_nocaps_is_ok(result: ca_nocaps_result) -> bool;
    pub fn ca_nocaps_error_of(result: ca_nocaps_result) -> ca_error;
    pub fn ca_nocaps_unwrap(result: ca_nocaps_result) -> ca_nocaps;
    pub fn ca_mustzero_is_ok(result: ca_mustzero_result) -> bool;
    pub fn ca_mustzero_error_of(result: ca_mustzero_result) -> ca_error;
    pub fn ca_mustzero_unwrap(result: ca_mustzero_result) -> ca_mustzero;
    pub fn ca_secret_is_ok(result: ca_secret_result) -> bool;
    pub fn ca_secret_error_of(result: ca_secret_result) -> ca_error;
    pub fn ca_secret_unwrap(result: ca_secret_result) -> ca_secret;
}

// --- authority.h ---

pub const CA_RIGHT_ALLOCATE: c_uint = 1;
pub const CA_RIGHT_GROW: c_uint = 2;
pub const CA_RIGHT_SWEEP: c_uint = 4;
pub const CA_RIGHT_DERIVE: c_uint = 8;
pub const CA_RIGHT_DESTROY: c_uint = 16;
pub const CA_RIGHT_ALL: c_uint = 31;
pub const CA_RIGHT_CLAIM_ZERO: c_uint = 32;
pub const CA_RIGHT_WALK: c_uint = 64;
pub type ca_heap_policy = c_uint;
pub const CA_HEAP_POLICY_DEFAULT: ca_heap_policy = 0;
pub const CA_HEAP_POLICY_STANDARD: ca_heap_policy = 1;
pub const CA_HEAP_POLICY_HARDENED: ca_heap_policy = 2;
pub const CA_HEAP_NAME_MAX: c_uint = 31;
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_authority {
    pub opaque: [u64; 2],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_heap_options {
    pub struct_size: usize,
    pub policy: ca_heap_policy,
    pub quota_bytes: usize,
    pub name: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_authority_info {
    pub struct_size: usize,
    pub rights: c_uint,
    pub quota_bytes: usize,
    pub charged_bytes: usize,
    pub name: [c_char; (CA_HEAP_NAME_MAX + 1) as usize],
}

extern "C" {
    pub fn ca_default_authority() -> ca_authority;
    pub fn ca_heap_create(options: *const ca_heap_options, root: *mut ca_authority) -> ca_error;
    pub fn ca_heap_destroy(root: ca_authority) -> ca_error;
    pub fn ca_free_all(authority: ca_authority) -> ca_error;
    pub fn ca_authority_derive(
        parent: ca_authority,
        rights: c_uint,
        quota_bytes: usize,
        out: *mut ca_authority,
    ) -> ca_error;
    pub fn ca_authority_revoke(authority: ca_authority) -> ca_error;
    pub fn ca_sweep(authority: ca_authority) -> ca_error;
    pub fn ca_authority_quota_remaining(authority: ca_authority) -> usize;
    pub fn ca_authority_describe(authority: ca_authority, out: *mut ca_authority_info) -> ca_error;
}

// --- allocator.h ---

pub const CA_PROMISE_NOCAPS_PLACE: c_uint = 1;
pub const CA_PROMISE_MUSTZERO_PLACE: c_uint = 2;
pub const CA_PROMISE_VALIDATES: c_uint = 4;
pub const CA_PROMISE_THREAD_SAFE: c_uint = 8;
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_allocator_vtable {
    pub struct_size: usize,
    pub promises: c_uint,
    pub allocate: Option<unsafe extern "C" fn(this: *mut c_void, layout: ca_layout) -> ca_block_result>,
    pub deallocate: Option<unsafe extern "C" fn(this: *mut c_void, block: ca_block, layout: ca_layout)>,
    pub allocate_zeroed: Option<unsafe extern "C" fn(this: *mut c_void, layout: ca_layout) -> ca_block_result>,
    pub grow: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            block: ca_block,
            old_layout: ca_layout,
            new_layout: ca_layout,
        ) -> ca_block_result,
    >,
    pub grow_zeroed: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            block: ca_block,
            old_layout: ca_layout,
            new_layout: ca_layout,
        ) -> ca_block_result,
    >,
    pub shrink: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            block: ca_block,
            old_layout: ca_layout,
            new_layout: ca_layout,
        ) -> ca_block_result,
    >,
    pub allocate_nocaps: Option<unsafe extern "C" fn(this: *mut c_void, layout: ca_layout) -> ca_nocaps_result>,
    pub deallocate_nocaps: Option<unsafe extern "C" fn(this: *mut c_void, block: ca_nocaps, layout: ca_layout)>,
    pub allocate_mustzero: Option<unsafe extern "C" fn(this: *mut c_void, layout: ca_layout) -> ca_mustzero_result>,
    pub deallocate_zeroed: Option<unsafe extern "C" fn(this: *mut c_void, block: ca_mustzero, layout: ca_layout)>,
    pub promises_now: Option<unsafe extern "C" fn(this: *mut c_void) -> c_uint>,
    pub allocate_secret: Option<unsafe extern "C" fn(this: *mut c_void, layout: ca_layout) -> ca_secret_result>,
    pub deallocate_secret: Option<unsafe extern "C" fn(this: *mut c_void, block: ca_secret, layout: ca_layout)>,
    pub allocate_at_least: Option<unsafe extern "C" fn(this: *mut c_void, layout: ca_layout) -> ca_block_result>,
    pub grow_nocaps: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            block: ca_nocaps,
            old_layout: ca_layout,
            new_layout: ca_layout,
        ) -> ca_nocaps_result,
    >,
    pub shrink_nocaps: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            block: ca_nocaps,
            old_layout: ca_layout,
            new_layout: ca_layout,
        ) -> ca_nocaps_result,
    >,
    pub grow_mustzero: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            block: ca_mustzero,
            old_layout: ca_layout,
            new_layout: ca_layout,
        ) -> ca_mustzero_result,
    >,
    pub shrink_mustzero: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            block: ca_mustzero,
            old_layout: ca_layout,
            new_layout: ca_layout,
        ) -> ca_mustzero_result,
    >,
    pub grow_secret: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            block: ca_secret,
            old_layout: ca_layout,
            new_layout: ca_layout,
        ) -> ca_secret_result,
    >,
    pub shrink_secret: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            block: ca_secret,
            old_layout: ca_layout,
            new_layout: ca_layout,
        ) -> ca_secret_result,
    >,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_allocator {
    pub vtable: *const ca_allocator_vtable,
    pub this: *mut c_void,
}

extern "C" {
    pub fn ca_allocator_allocate(allocator: ca_allocator, layout: ca_layout) -> ca_block_result;
    pub fn ca_allocator_deallocate(allocator: ca_allocator, block: ca_block, layout: ca_layout);
    pub fn ca_allocator_allocate_zeroed(allocator: ca_allocator, layout: ca_layout) -> ca_block_result;
    pub fn ca_allocator_grow(
        allocator: ca_allocator,
        block: ca_block,
        old_layout: ca_layout,
        new_layout: ca_layout,
    ) -> ca_block_result;
    pub fn ca_allocator_grow_zeroed(
        allocator: ca_allocator,
        block: ca_block,
        old_layout: ca_layout,
        new_layout: ca_layout,
    ) -> ca_block_result;
    pub fn ca_allocator_shrink(
        allocator: ca_allocator,
        block: ca_block,
        old_layout: ca_layout,
        new_layout: ca_layout,
    ) -> ca_block_result;
    pub fn ca_allocator_allocate_nocaps(allocator: ca_allocator, layout: ca_layout) -> ca_nocaps_result;
    pub fn ca_allocator_deallocate_nocaps(allocator: ca_allocator, block: ca_nocaps, layout: ca_layout);
    pub fn ca_allocator_allocate_mustzero(allocator: ca_allocator, layout: ca_layout) -> ca_mustzero_result;
    pub fn ca_allocator_deallocate_zeroed(allocator: ca_allocator, block: ca_mustzero, layout: ca_layout);
    pub fn ca_allocator_allocate_secret(allocator: ca_allocator, layout: ca_layout) -> ca_secret_result;
    pub fn ca_allocator_deallocate_secret(allocator: ca_allocator, block: ca_secret, layout: ca_layout);
    pub fn ca_allocator_allocate_at_least(allocator: ca_allocator, layout: ca_layout) -> ca_block_result;
    pub fn ca_allocator_grow_nocaps(
        allocator: ca_allocator,
        block: ca_nocaps,
        old_layout: ca_layout,
        new_layout: ca_layout,
    ) -> ca_nocaps_result;
    pub fn ca_allocator_shrink_nocaps(
        allocator: ca_allocator,
        block: ca_nocaps,
        old_layout: ca_layout,
        new_layout: ca_layout,
    ) -> ca_nocaps_result;
    pub fn ca_allocator_grow_mustzero(
        allocator: ca_allocator,
        block: ca_mustzero,
        old_layout: ca_layout,
        new_layout: ca_layout,
    ) -> ca_mustzero_result;
    pub fn ca_allocator_shrink_mustzero(
        allocator: ca_allocator,
        block: ca_mustzero,
        old_layout: ca_layout,
        new_layout: ca_layout,
    ) -> ca_mustzero_result;
    pub fn ca_allocator_grow_secret(
        allocator: ca_allocator,
        block: ca_secret,
        old_layout: ca_layout,
        new_layout: ca_layout,
    ) -> ca_secret_result;
    pub fn ca_allocator_shrink_secret(
        allocator: ca_allocator,
        block: ca_secret,
        old_layout: ca_layout,
        new_layout: ca_layout,
    ) -> ca_secret_result;
    pub fn ca_allocator_promises(allocator: ca_allocator) -> c_uint;
    pub fn ca_by_ref(allocator: *const ca_allocator) -> ca_allocator;
}

// --- heap.h ---

extern "C" {
    pub fn ca_allocate(authority: ca_authority, layout: ca_layout) -> ca_block_result;
    pub fn ca_allocate_zeroed(authority: ca_authority, layout: ca_layout) -> ca_block_result;
    pub fn ca_allocate_at_least(authority: ca_authority, layout: ca_layout) -> ca_block_result;
    pub fn ca_allocate_nocaps(authority: ca_authority, layout: ca_layout) -> ca_nocaps_result;
    pub fn ca_allocate_nocaps_zeroed(authority: ca_authority, layout: ca_layout) -> ca_nocaps_result;
    pub fn ca_allocate_mustzero(authority: ca_authority, layout: ca_layout) -> ca_mustzero_result;
    pub fn ca_allocate_secret(authority: ca_authority, layout: ca_layout) -> ca_secret_result;
    pub fn ca_block_deallocate(block: ca_block);
    pub fn ca_nocaps_deallocate(block: ca_nocaps);
    pub fn ca_wiped_deallocate(block: ca_wiped);
    pub fn ca_mustzero_deallocate_zeroed(block: ca_mustzero);
    pub fn ca_secret_deallocate_zeroed(block: ca_secret);
    pub fn ca_mustzero_wipe(block: *mut ca_mustzero) -> ca_wiped;
    pub fn ca_mustzero_assume_zero(authority: ca_authority, block: *mut ca_mustzero) -> ca_wiped;
    pub fn ca_secret_assume_zero(authority: ca_authority, block: *mut ca_secret) -> ca_wiped;
    pub fn ca_mustzero_reuse(wiped: *mut ca_wiped) -> ca_mustzero;
    pub fn ca_secret_reuse(wiped: *mut ca_wiped) -> ca_secret;
    pub fn ca_deallocate_known_zero(authority: ca_authority, block: ca_block);
    pub fn ca_wiped_check(block: ca_wiped) -> ca_error;
    pub fn ca_secret_wipe(block: *mut ca_secret) -> ca_wiped;
    pub fn ca_block_shrink(block: ca_block, layout: ca_layout) -> ca_block_result;
    pub fn ca_nocaps_shrink(block: ca_nocaps, layout: ca_layout) -> ca_nocaps_result;
    pub fn ca_mustzero_shrink(block: ca_mustzero, layout: ca_layout) -> ca_mustzero_result;
    pub fn ca_secret_shrink(block: ca_secret, layout: ca_layout) -> ca_secret_result;
    pub fn ca_block_grow(authority: ca_authority, block: ca_block, layout: ca_layout) -> ca_block_result;
    pub fn ca_nocaps_grow(authority: ca_authority, block: ca_nocaps, layout: ca_layout) -> ca_nocaps_result;
    pub fn ca_mustzero_grow(authority: ca_authority, block: ca_mustzero, layout: ca_layout) -> ca_mustzero_result;
    pub fn ca_secret_grow(authority: ca_authority, block: ca_secret, layout: ca_layout) -> ca_secret_result;
    pub fn ca_block_grow_zeroed(authority: ca_authority, block: ca_block, layout: ca_layout) -> ca_block_result;
    pub fn ca_nocaps_grow_zeroed(authority: ca_authority, block: ca_nocaps, layout: ca_layout) -> ca_nocaps_result;
    pub fn ca_mustzero_grow_zeroed(
        authority: ca_authority,
        block: ca_mustzero,
        layout: ca_layout,
    ) -> ca_mustzero_result;
    pub fn ca_secret_grow_zeroed(authority: ca_authority, block: ca_secret, layout: ca_layout) -> ca_secret_result;
    pub fn ca_block_check(block: ca_block) -> ca_error;
    pub fn ca_nocaps_check(block: ca_nocaps) -> ca_error;
    pub fn ca_mustzero_check(block: ca_mustzero) -> ca_error;
    pub fn ca_secret_check(block: ca_secret) -> ca_error;
    pub fn ca_heap_allocator(authority: ca_authority) -> ca_allocator;
}

// --- global.h ---

extern "C" {
    pub fn ca_global_register(allocator: ca_allocator) -> ca_error;
    pub fn ca_alloc(layout: ca_layout) -> *mut c_void;
    pub fn ca_alloc_zeroed(layout: ca_layout) -> *mut c_void;
    pub fn ca_dealloc(ptr: *mut c_void, layout: ca_layout);
    pub fn ca_global_realloc(ptr: *mut c_void, layout: ca_layout, new_size: usize) -> *mut c_void;
}

// --- malloc.h ---

extern "C" {
    pub fn ca_free(block: *mut c_void);
    pub fn ca_malloc(size: usize) -> *mut c_void;
    pub fn ca_calloc(count: usize, size: usize) -> *mut c_void;
    pub fn ca_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    pub fn ca_reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void;
    pub fn ca_free_sized(block: *mut c_void, size: usize);
    pub fn ca_free_aligned_sized(block: *mut c_void, alignment: usize, size: usize);
    pub fn ca_aligned_alloc(alignment: usize, size: usize) -> *mut c_void;
    pub fn ca_posix_memalign(block: *mut *mut c_void, alignment: usize, size: usize) -> c_int;
    pub fn ca_memalign(alignment: usize, size: usize) -> *mut c_void;
    pub fn ca_valloc(size: usize) -> *mut c_void;
    pub fn ca_pvalloc(size: usize) -> *mut c_void;
    pub fn ca_malloc_usable_size(block: *const c_void) -> usize;
    pub fn ca_trim() -> usize;
}
