//! What the library tells: misuse, numbers, pointers where there should be none, protection of secrets.
use super::{ca_authority, ca_error};
use core::ffi::{c_char, c_uint, c_void};

// --- violation.h ---

pub type ca_violation_kind = c_uint;
pub const CA_VIOLATION_DOUBLE_FREE: ca_violation_kind = 1;
pub const CA_VIOLATION_INVALID_FREE: ca_violation_kind = 2;
pub const CA_VIOLATION_WRONG_DEALLOCATOR: ca_violation_kind = 3;
pub const CA_VIOLATION_SIZE_MISMATCH: ca_violation_kind = 4;
pub const CA_VIOLATION_MISMATCHED_DELETE: ca_violation_kind = 5;
pub const CA_VIOLATION_UNWRAP_ERROR: ca_violation_kind = 6;
pub const CA_VIOLATION_ARENA_ORDER: ca_violation_kind = 7;
pub const CA_VIOLATION_NOT_WIPED: ca_violation_kind = 8;
pub const CA_VIOLATION_STALE: ca_violation_kind = 9;
pub const CA_VIOLATION_DENIED: ca_violation_kind = 10;
pub type ca_violation_handler = Option<unsafe extern "C" fn(_: *const ca_violation) -> bool>;
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_violation {
    pub struct_size: usize,
    pub kind: ca_violation_kind,
    pub code: *const c_char,
    pub function: *const c_char,
    pub address: *const c_void,
    pub size: usize,
    pub place: *const c_char,
    pub stated: *const c_char,
    pub found: *const c_char,
}

extern "C" {
    pub fn ca_set_violation_handler(handler: ca_violation_handler) -> ca_violation_handler;
}

// --- stats.h ---

pub const CA_PLACE_COUNT: c_uint = 4;
pub const CA_STATS_CLASSES_MAX: c_uint = 112;
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_place_stats {
    pub live_bytes: u64,
    pub live_blocks: u64,
    pub used_bytes: u64,
    pub used_bytes_peak: u64,
    pub committed_bytes: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_class_stats {
    pub slot_bytes: u64,
    pub live_blocks: u64,
    pub allocations: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_stats {
    pub struct_size: usize,
    pub live_bytes: u64,
    pub live_blocks: u64,
    pub quarantined_bytes: u64,
    pub bytes_cleared: u64,
    pub bytes_clear_skipped: u64,
    pub sweeps: u64,
    pub sweep_bytes_scanned: u64,
    pub violations: u64,
    pub allocations: u64,
    pub committed_bytes: u64,
    pub committed_bytes_peak: u64,
    pub metadata_bytes: u64,
    pub returned_bytes: u64,
    pub threads: u64,
    pub place: [ca_place_stats; CA_PLACE_COUNT as usize],
    pub size_class: [ca_class_stats; CA_STATS_CLASSES_MAX as usize],
    pub frees: u64,
    pub failed_requests: u64,
    pub live_bytes_peak: u64,
    pub requested_bytes: u64,
    pub threads_peak: u64,
}

extern "C" {
    pub fn ca_stats_read(out: *mut ca_stats);
}

// --- audit.h ---

pub type ca_audit_handler =
    Option<unsafe extern "C" fn(finding: *const ca_audit_finding, context: *mut c_void) -> bool>;
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_audit_finding {
    pub struct_size: usize,
    pub block: *const c_void,
    pub block_size: usize,
    pub offset: usize,
    pub value: usize,
    pub target: *const c_void,
    pub target_size: usize,
    pub place: *const c_char,
    pub target_place: *const c_char,
}

extern "C" {
    pub fn ca_audit_nocaps(handler: ca_audit_handler, context: *mut c_void) -> usize;
}

// --- describe.h ---

pub type ca_block_state = c_uint;
pub const CA_BLOCK_STATE_NONE: ca_block_state = 0;
pub const CA_BLOCK_STATE_LIVE: ca_block_state = 1;
pub const CA_BLOCK_STATE_FREED: ca_block_state = 2;
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_block_info {
    pub struct_size: usize,
    pub state: ca_block_state,
    pub heap: u32,
    pub place: *const c_char,
    pub block: *const c_void,
    pub slot_bytes: usize,
    pub exact_bytes: usize,
}

extern "C" {
    pub fn ca_describe(address: *const c_void, out: *mut ca_block_info) -> ca_error;
}

// --- walk.h ---

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_walk {
    pub opaque: [u64; 2],
}

extern "C" {
    pub fn ca_walk_next(authority: ca_authority, at: *mut ca_walk, out: *mut ca_block_info) -> ca_error;
}

// --- protect.h ---

pub const CA_PROTECT_NO_DUMP: c_uint = 1;
pub const CA_PROTECT_WIPE_ON_FORK: c_uint = 2;
pub const CA_PROTECT_LOCK: c_uint = 4;
pub const CA_PROTECT_HIDE: c_uint = 8;
pub const CA_PROTECT_ALL: c_uint = 15;
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ca_protection {
    pub struct_size: usize,
    pub wanted: c_uint,
    pub obtained: c_uint,
    pub refused: c_uint,
    pub error: ca_error,
    pub mapped_bytes: u64,
    pub no_dump_bytes: u64,
    pub wipe_on_fork_bytes: u64,
    pub lock_bytes: u64,
    pub hide_bytes: u64,
}

extern "C" {
    pub fn ca_protect(wanted: c_uint, obtained: *mut ca_protection) -> ca_error;
    pub fn ca_protection_read(out: *mut ca_protection);
}
