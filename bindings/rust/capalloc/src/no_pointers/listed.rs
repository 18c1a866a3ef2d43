//! Without the compiler: the types of `core` that hold no pointers.
use core::cell::{Cell, RefCell, UnsafeCell};
use core::mem::{ManuallyDrop, MaybeUninit};
use core::sync::atomic;

/// Types whose values hold no pointers: those that memory may hold which is never searched for any.
///
/// With the feature `nightly` an automatic trait: raw pointers, references and pointers to functions do not have it, nor
/// does what is made of them. On stable the plain types of `core` have it, and [`no_pointers!`](crate::no_pointers)
/// defines structs and enums that do.
///
/// ```compile_fail,E0277
/// use capalloc::NoCapsBox;
/// static NUMBER: u32 = 7;
/// let _ = NoCapsBox::new(&NUMBER);
/// ```
/// ```
/// use capalloc::NoCapsBox;
/// static NUMBER: u32 = 7;
/// let _ = NoCapsBox::new(NUMBER);
/// ```
///
/// # Safety
/// No value of the type holds a pointer or a reference: neither in the open, nor as a number that is turned back into
/// one. A pointer in such memory is not seen by a sweep, which may then hand out again what it points to.
pub unsafe trait NoPointers {}

// Nothing is in it, whatever it speaks of.
unsafe impl<T: ?Sized> NoPointers for core::marker::PhantomData<T> {}

macro_rules! plain {
    ($($type:ty),* $(,)?) => { $(unsafe impl NoPointers for $type {})* };
}
plain!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, bool, char, str, ());
plain!(atomic::AtomicBool, atomic::AtomicU8, atomic::AtomicU16, atomic::AtomicU32, atomic::AtomicU64);
plain!(atomic::AtomicUsize, atomic::AtomicI8, atomic::AtomicI16, atomic::AtomicI32, atomic::AtomicI64);
plain!(atomic::AtomicIsize, core::cmp::Ordering, core::time::Duration, core::convert::Infallible);
plain!(core::net::IpAddr, core::net::Ipv4Addr, core::net::Ipv6Addr, core::net::SocketAddr);
plain!(core::net::SocketAddrV4, core::net::SocketAddrV6, core::alloc::Layout);
plain!(core::num::NonZeroU8, core::num::NonZeroU16, core::num::NonZeroU32, core::num::NonZeroU64);
plain!(core::num::NonZeroU128, core::num::NonZeroUsize, core::num::NonZeroI8, core::num::NonZeroI16);
plain!(core::num::NonZeroI32, core::num::NonZeroI64, core::num::NonZeroI128, core::num::NonZeroIsize);

unsafe impl<T: NoPointers> NoPointers for [T] {}
unsafe impl<T: NoPointers, const N: usize> NoPointers for [T; N] {}
unsafe impl<T: NoPointers> NoPointers for Option<T> {}
unsafe impl<T: NoPointers, E: NoPointers> NoPointers for Result<T, E> {}
unsafe impl<T: NoPointers> NoPointers for MaybeUninit<T> {}
unsafe impl<T: NoPointers + ?Sized> NoPointers for ManuallyDrop<T> {}
unsafe impl<T: NoPointers + ?Sized> NoPointers for UnsafeCell<T> {}
unsafe impl<T: NoPointers + ?Sized> NoPointers for Cell<T> {}
unsafe impl<T: NoPointers + ?Sized> NoPointers for RefCell<T> {}
unsafe impl<T: NoPointers> NoPointers for core::num::Wrapping<T> {}
unsafe impl<T: NoPointers> NoPointers for core::cmp::Reverse<T> {}
unsafe impl<T: NoPointers> NoPointers for core::num::Saturating<T> {}
unsafe impl<T: NoPointers> NoPointers for core::ops::Range<T> {}
unsafe impl<T: NoPointers> NoPointers for core::ops::RangeInclusive<T> {}
unsafe impl<T: NoPointers> NoPointers for core::ops::Bound<T> {}
unsafe impl<B: NoPointers, C: NoPointers> NoPointers for core::ops::ControlFlow<B, C> {}
unsafe impl<T: NoPointers> NoPointers for core::task::Poll<T> {}

macro_rules! tuples {
    () => {};
    ($first:ident $($rest:ident)*) => {
        unsafe impl<$first: NoPointers, $($rest: NoPointers),*> NoPointers for ($first, $($rest),*) {}
        tuples!($($rest)*);
    };
}
tuples!(A B C D E F G H I J K L);
