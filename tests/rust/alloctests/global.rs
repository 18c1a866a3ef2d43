//! Linked to Rust's own tests: makes capalloc their allocator.
#[global_allocator]
static GLOBAL: capalloc::CapAlloc = capalloc::CapAlloc;

/// For a look whether it is in the program.
#[no_mangle]
pub static CAPALLOC_IS_THE_GLOBAL_ALLOCATOR: u8 = 1;
