//! Allocators in front of others, and one over memory that the caller has.
use super::ca_allocator;
use core::ffi::{c_char, c_uint, c_void};

// --- adapters.h ---

pub type ca_method = c_uint;
pub const CA_METHOD_ALLOCATE: ca_method = 0;
pub const CA_METHOD_DEALLOCATE: ca_method = 1;
pub const CA_METHOD_ALLOCATE_ZEROED: ca_method = 2;
pub const CA_METHOD_GROW: ca_method = 3;
pub const CA_METHOD_GROW_ZEROED: ca_method = 4;
pub const CA_METHOD_SHRINK: ca_method = 5;
pub const CA_METHOD_ALLOCATE_NOCAPS: ca_method = 6;
pub const CA_METHOD_DEALLOCATE_NOCAPS: ca_method = 7;
pub const CA_METHOD_ALLOCATE_MUSTZERO: ca_method = 8;
pub const CA_METHOD_DEALLOCATE_ZEROED: ca_method = 9;
pub const CA_METHODS: ca_method = 10;
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_limit {
    pub inner: ca_allocator,
    pub budget: usize,
    pub used: usize,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_counts {
    pub struct_size: usize,
    pub live_bytes: u64,
    pub live_bytes_peak: u64,
    pub live_blocks: u64,
    pub calls: [u64; CA_METHODS as usize],
    pub failures: [u64; CA_METHODS as usize],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_counting {
    pub inner: ca_allocator,
    pub counts: ca_counts,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_failing {
    pub inner: ca_allocator,
    pub calls: u64,
    pub failures: u64,
    pub fail_at: u64,
    pub seed: u64,
    pub per_million: u32,
}

extern "C" {
    pub fn ca_limit_init(limit: *mut ca_limit, inner: ca_allocator, budget: usize);
    pub fn ca_limit_allocator(limit: *mut ca_limit) -> ca_allocator;
    pub fn ca_limit_used(limit: *const ca_limit) -> usize;
    pub fn ca_counting_init(counting: *mut ca_counting, inner: ca_allocator);
    pub fn ca_counting_allocator(counting: *mut ca_counting) -> ca_allocator;
    pub fn ca_counting_read(counting: *const ca_counting, out: *mut ca_counts);
    pub fn ca_failing_init(failing: *mut ca_failing, inner: ca_allocator);
    pub fn ca_failing_nth(failing: *mut ca_failing, n: u64);
    pub fn ca_failing_chance(failing: *mut ca_failing, per_million: u32, seed: u64);
    pub fn ca_failing_calls(failing: *const ca_failing) -> u64;
    pub fn ca_failing_failures(failing: *const ca_failing) -> u64;
    pub fn ca_failing_allocator(failing: *mut ca_failing) -> ca_allocator;
}

// --- fixed.h ---

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_fixed {
    pub start: *mut c_char,
    pub top: *mut c_char,
    pub end: *mut c_char,
}

extern "C" {
    pub fn ca_fixed_init(fixed: *mut ca_fixed, buffer: *mut c_void, size: usize);
    pub fn ca_fixed_allocator(fixed: *mut ca_fixed) -> ca_allocator;
    pub fn ca_fixed_reset(fixed: *mut ca_fixed);
    pub fn ca_fixed_remaining(fixed: *const ca_fixed) -> usize;
}
