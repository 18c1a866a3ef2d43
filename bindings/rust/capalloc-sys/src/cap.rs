//! Capabilities: the model "soft".
use super::{ca_authority, ca_error, ca_layout, ca_walk};
use core::ffi::{c_char, c_long, c_uint, c_void};

// --- cap_model.h ---

pub const CA_CAP_PERM_GLOBAL: usize = 1 << 0;
pub const CA_CAP_PERM_EXECUTE: usize = 1 << 1;
pub const CA_CAP_PERM_LOAD: usize = 1 << 2;
pub const CA_CAP_PERM_STORE: usize = 1 << 3;
pub const CA_CAP_PERM_LOAD_CAP: usize = 1 << 4;
pub const CA_CAP_PERM_STORE_CAP: usize = 1 << 5;
pub const CA_CAP_PERM_STORE_LOCAL: usize = 1 << 6;
pub const CA_CAP_PERM_SEAL: usize = 1 << 7;
pub const CA_CAP_PERM_UNSEAL: usize = 1 << 9;
pub const CA_CAP_PERM_INVOKE: usize = 1 << 8;
pub const CA_CAP_PERM_SYSTEM_REGS: usize = 1 << 10;
pub const CA_CAP_UNSEALED: c_long = -1;
pub const CA_CAP_SENTRY: c_long = -2;

pub type ca_cap_fault = c_uint;
pub const CA_CAP_FAULT_NONE: ca_cap_fault = 0;
pub const CA_CAP_FAULT_BOUNDS: ca_cap_fault = 1;
pub const CA_CAP_FAULT_TAG: ca_cap_fault = 2;
pub const CA_CAP_FAULT_SEAL: ca_cap_fault = 3;
pub const CA_CAP_FAULT_TYPE: ca_cap_fault = 4;
pub const CA_CAP_FAULT_PERMIT_EXECUTE: ca_cap_fault = 17;
pub const CA_CAP_FAULT_PERMIT_LOAD: ca_cap_fault = 18;
pub const CA_CAP_FAULT_PERMIT_STORE: ca_cap_fault = 19;
pub const CA_CAP_FAULT_PERMIT_LOAD_CAPABILITY: ca_cap_fault = 20;
pub const CA_CAP_FAULT_PERMIT_STORE_CAPABILITY: ca_cap_fault = 21;
pub const CA_CAP_FAULT_PERMIT_STORE_LOCAL: ca_cap_fault = 22;
pub const CA_CAP_FAULT_ALIGNMENT: ca_cap_fault = 32;
pub const CA_CAP_FAULT_TAG_MEMORY: ca_cap_fault = 33;
pub const CA_CAP_FAULT_OTHER: ca_cap_fault = 63;
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_cap {
    pub address: usize,
    pub high: usize,
    pub tag: usize,
}

// --- cap.h ---

pub type ca_cap_fault_handler = Option<unsafe extern "C" fn(_: *const ca_cap_fault_info)>;
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_cap_fault_info {
    pub struct_size: usize,
    pub fault: ca_cap_fault,
    pub name: *const c_char,
    pub function: *const c_char,
    pub address: usize,
    pub bytes: usize,
    pub via: *const ca_cap,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_cap_result {
    pub cap: ca_cap,
    pub error: ca_error,
}

extern "C" {
    pub fn ca_cap_address_get(cap: ca_cap) -> usize;
    pub fn ca_cap_base_get(cap: ca_cap) -> usize;
    pub fn ca_cap_length_get(cap: ca_cap) -> usize;
    pub fn ca_cap_offset_get(cap: ca_cap) -> usize;
    pub fn ca_cap_perms_get(cap: ca_cap) -> usize;
    pub fn ca_cap_type_get(cap: ca_cap) -> c_long;
    pub fn ca_cap_is_sealed(cap: ca_cap) -> bool;
    pub fn ca_cap_flags_get(cap: ca_cap) -> usize;
    pub fn ca_cap_tag_get(cap: ca_cap) -> bool;
    pub fn ca_cap_high_get(cap: ca_cap) -> usize;
    pub fn ca_cap_address_set(cap: ca_cap, address: usize) -> ca_cap;
    pub fn ca_cap_offset_set(cap: ca_cap, offset: usize) -> ca_cap;
    pub fn ca_cap_increment(cap: ca_cap, bytes: isize) -> ca_cap;
    pub fn ca_cap_bounds_set(cap: ca_cap, length: usize) -> ca_cap;
    pub fn ca_cap_bounds_set_exact(cap: ca_cap, length: usize) -> ca_cap;
    pub fn ca_cap_perms_and(cap: ca_cap, perms: usize) -> ca_cap;
    pub fn ca_cap_flags_set(cap: ca_cap, flags: usize) -> ca_cap;
    pub fn ca_cap_tag_clear(cap: ca_cap) -> ca_cap;
    pub fn ca_cap_seal(cap: ca_cap, key: ca_cap) -> ca_cap;
    pub fn ca_cap_unseal(cap: ca_cap, key: ca_cap) -> ca_cap;
    pub fn ca_cap_conditional_seal(cap: ca_cap, key: ca_cap) -> ca_cap;
    pub fn ca_cap_type_copy(authority: ca_cap, typed: ca_cap) -> ca_cap;
    pub fn ca_cap_seal_entry(cap: ca_cap) -> ca_cap;
    pub fn ca_cap_high_set(cap: ca_cap, high: usize) -> ca_cap;
    pub fn ca_cap_build(authority: ca_cap, cap: ca_cap) -> ca_cap;
    pub fn ca_cap_null() -> ca_cap;
    pub fn ca_cap_sealer(out: *mut ca_cap) -> ca_error;
    pub fn ca_cap_is_equal_exact(cap: ca_cap, other: ca_cap) -> bool;
    pub fn ca_cap_is_subset(cap: ca_cap, other: ca_cap) -> bool;
    pub fn ca_cap_representable_length(length: usize) -> usize;
    pub fn ca_cap_representable_alignment_mask(length: usize) -> usize;
    pub fn ca_cap_load(via: ca_cap, offset: isize, bytes: c_uint, value: *mut u64) -> ca_cap_fault;
    pub fn ca_cap_store(via: ca_cap, offset: isize, bytes: c_uint, value: u64) -> ca_cap_fault;
    pub fn ca_cap_load_bytes(via: ca_cap, offset: isize, to: *mut c_void, bytes: usize) -> ca_cap_fault;
    pub fn ca_cap_store_bytes(via: ca_cap, offset: isize, from: *const c_void, bytes: usize) -> ca_cap_fault;
    pub fn ca_cap_load_cap(via: ca_cap, offset: isize, out: *mut ca_cap) -> ca_cap_fault;
    pub fn ca_cap_store_cap(via: ca_cap, offset: isize, value: ca_cap) -> ca_cap_fault;
    pub fn ca_cap_tags_load(via: ca_cap, tags: *mut usize) -> ca_cap_fault;
    pub fn ca_cap_tags_load_range(via: ca_cap, offset: isize, bytes: usize, tags: *mut u64) -> ca_cap_fault;
    pub fn ca_cap_atomic_load(via: ca_cap, offset: isize, out: *mut ca_cap) -> ca_cap_fault;
    pub fn ca_cap_atomic_store(via: ca_cap, offset: isize, value: ca_cap) -> ca_cap_fault;
    pub fn ca_cap_atomic_exchange(via: ca_cap, offset: isize, value: ca_cap, old: *mut ca_cap) -> ca_cap_fault;
    pub fn ca_cap_atomic_compare_exchange(
        via: ca_cap,
        offset: isize,
        expected: *mut ca_cap,
        desired: ca_cap,
        exchanged: *mut bool,
    ) -> ca_cap_fault;
    pub fn ca_cap_load_u8(via: ca_cap, offset: isize, value: *mut u8) -> ca_cap_fault;
    pub fn ca_cap_store_u8(via: ca_cap, offset: isize, value: u8) -> ca_cap_fault;
    pub fn ca_cap_load_u16(via: ca_cap, offset: isize, value: *mut u16) -> ca_cap_fault;
    pub fn ca_cap_store_u16(via: ca_cap, offset: isize, value: u16) -> ca_cap_fault;
    pub fn ca_cap_load_u32(via: ca_cap, offset: isize, value: *mut u32) -> ca_cap_fault;
    pub fn ca_cap_store_u32(via: ca_cap, offset: isize, value: u32) -> ca_cap_fault;
    pub fn ca_cap_load_u64(via: ca_cap, offset: isize, value: *mut u64) -> ca_cap_fault;
    pub fn ca_cap_store_u64(via: ca_cap, offset: isize, value: u64) -> ca_cap_fault;
    pub fn ca_cap_fault_name(fault: ca_cap_fault) -> *const c_char;
    pub fn ca_cap_set_fault_handler(handler: ca_cap_fault_handler) -> ca_cap_fault_handler;
    pub fn ca_cap_is_ok(result: ca_cap_result) -> bool;
    pub fn ca_cap_error_of(result: ca_cap_result) -> ca_error;
    pub fn ca_cap_unwrap(result: ca_cap_result) -> ca_cap;
    pub fn ca_cap_allocate(authority: ca_authority, layout: ca_layout) -> ca_cap_result;
    pub fn ca_cap_allocate_zeroed(authority: ca_authority, layout: ca_layout) -> ca_cap_result;
    pub fn ca_cap_allocate_nocaps(authority: ca_authority, layout: ca_layout) -> ca_cap_result;
    pub fn ca_cap_allocate_nocaps_zeroed(authority: ca_authority, layout: ca_layout) -> ca_cap_result;
    pub fn ca_cap_allocate_mustzero(authority: ca_authority, layout: ca_layout) -> ca_cap_result;
    pub fn ca_cap_allocate_secret(authority: ca_authority, layout: ca_layout) -> ca_cap_result;
    pub fn ca_cap_deallocate(cap: ca_cap) -> ca_error;
    pub fn ca_cap_shrink(cap: ca_cap, layout: ca_layout) -> ca_cap_result;
    pub fn ca_cap_grow(authority: ca_authority, cap: ca_cap, layout: ca_layout) -> ca_cap_result;
    pub fn ca_cap_check(cap: ca_cap) -> ca_error;
    pub fn ca_cap_walk_next(authority: ca_authority, at: *mut ca_walk, out: *mut ca_cap) -> ca_error;
    pub fn ca_cap_whole(authority: ca_authority, address: usize) -> ca_cap_result;
    pub fn ca_cap_guess(authority: ca_authority, address: usize) -> ca_cap_result;
}

// --- cap_derived.h ---

extern "C" {
    pub fn ca_cap_is_valid(cap: ca_cap) -> bool;
    pub fn ca_cap_is_invalid(cap: ca_cap) -> bool;
    pub fn ca_cap_is_unsealed(cap: ca_cap) -> bool;
    pub fn ca_cap_perms_check(cap: ca_cap, perms: usize) -> bool;
    pub fn ca_cap_perms_clear(cap: ca_cap, perms: usize) -> ca_cap;
    pub fn ca_cap_is_aligned(cap: ca_cap, align: usize) -> bool;
    pub fn ca_cap_align_down(cap: ca_cap, align: usize) -> ca_cap;
    pub fn ca_cap_align_up(cap: ca_cap, align: usize) -> ca_cap;
    pub fn ca_cap_top_get(cap: ca_cap) -> usize;
    pub fn ca_cap_is_sentry(cap: ca_cap) -> bool;
    pub fn ca_cap_jump_check(target: ca_cap) -> ca_cap_fault;
    pub fn ca_cap_from_raw(address: usize, high: usize) -> ca_cap;
    pub fn ca_cap_memmove(to: ca_cap, to_offset: isize, from: ca_cap, from_offset: isize, bytes: usize)
        -> ca_cap_fault;
}
