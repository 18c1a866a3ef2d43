//! The C interface of capalloc as it is: names, types and meaning are those of the headers in `include/capalloc`, which
//! say what each function does, what it costs and who owns what. The crate `capalloc` is made of this one.
//!
//! Left out is what only C needs or has: boxes, counted owners and arenas, and the generic names of C11. What is inline in
//! the headers is in the library as well, made of the same text. Structs that their user must begin with `struct_size` want
//! `core::mem::size_of` of themselves there.
//!
//! In the C headers the member `self` of a trait object is called so; here it is `this`.
#![no_std]
#![allow(non_camel_case_types)]

mod heap;
pub use heap::*;
mod observe;
pub use observe::*;
mod kit;
pub use kit::*;
mod cap;
pub use cap::*;

/// The suite for allocators (`<capalloc/conformance.h>`), with the feature `conformance`.
#[cfg(feature = "conformance")]
pub mod conformance {
    use super::ca_allocator;
    use core::ffi::{c_char, c_uint, c_void};

    #[repr(C)]
    #[derive(Clone, Copy, Debug)]
    pub struct ca_conformance_options {
        pub struct_size: usize,
        pub bytes: usize,
        pub steps: c_uint,
        pub no_peek: c_uint,
        pub seed: u64,
        pub report: Option<unsafe extern "C" fn(context: *mut c_void, rule: *const c_char, sentence: *const c_char)>,
        pub reset: Option<unsafe extern "C" fn(context: *mut c_void)>,
        pub live: Option<unsafe extern "C" fn(context: *mut c_void) -> usize>,
        pub context: *mut c_void,
    }

    extern "C" {
        pub fn ca_conformance_check(allocator: ca_allocator, options: *const ca_conformance_options) -> c_uint;
    }
}
