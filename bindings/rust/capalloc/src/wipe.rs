//! Clearing that no compiler removes, comparing that takes no hint from the content, and the types that are only bytes.
use core::mem::size_of_val;
use core::ptr::{self, NonNull};

/// Types without padding of which every bit pattern, zero too, is a value: numbers, and arrays of them.
///
/// # Safety
/// As said.
pub unsafe trait PlainBytes: Copy + crate::NoPointers {}

macro_rules! plain {
    ($($type:ty),*) => { $(unsafe impl PlainBytes for $type {})* };
}
plain!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);
unsafe impl<T: PlainBytes, const N: usize> PlainBytes for [T; N] {}

/// Overwrites with zeros.
///
/// Safety: `bytes` bytes from `start` on may be written.
pub(crate) unsafe fn clear(start: NonNull<u8>, bytes: usize) {
    start.as_ptr().write_bytes(0, bytes);
    // To the compiler these instructions, which are none, may read whatever the pointer leads to: the stores before them stay.
    core::arch::asm!("/* {0} */", in(reg) start.as_ptr(), options(nostack, preserves_flags));
}

/// The bytes of a value.
fn bytes_of<T: PlainBytes>(values: &[T]) -> &[u8] {
    // Safety: no padding.
    unsafe { core::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// Equal? Takes as long whatever is in them; the lengths are no secret.
pub(crate) fn is_equal<T: PlainBytes>(left: &[T], right: &[T]) -> bool {
    let (left, right) = (bytes_of(left), bytes_of(right));
    if left.len() != right.len() {
        return false;
    }
    let mut differences = 0u8;
    for (&l, &r) in left.iter().zip(right) {
        // Read as if it were new each time, so that nothing is concluded from what is known so far.
        // Safety: a local variable.
        differences = unsafe { ptr::read_volatile(&differences) } | (l ^ r);
    }
    differences == 0
}
