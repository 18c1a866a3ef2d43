//! The compiler finds out: an automatic trait, which pointers do not have.

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
/// What is refused, each with what is taken in its place:
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<fn()>(); // a pointer to a function
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<()>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<for<'a> fn(&'a u8) -> &'a u8>(); // one of a higher rank
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<u8>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<unsafe extern "C" fn(u8, u8)>(); // one of C
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<u8>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<fn(u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8)>(); // one with 26 arguments
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<u8>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<core::task::RawWakerVTable>(); // a table of such
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<core::task::Poll<u8>>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<*mut u8>(); // a pointer
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<u8>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<core::ptr::NonNull<u8>>(); // a pointer that is not null
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<core::num::NonZero<u8>>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<core::mem::MaybeUninit<*const u8>>(); // a pointer, perhaps
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<core::mem::MaybeUninit<u8>>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<&'static dyn Sync>(); // a reference to anything
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<()>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<&'static mut u8>(); // a reference that may write
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<u8>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<dyn Sync>(); // anything
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<str>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<Vec<u8>>(); // what owns by pointers: a vector
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<[u8; 8]>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<String>(); // a text
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<str>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<std::sync::Arc<u8>>(); // a counted owner
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<u8>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<Box<u8>>(); // a box
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<u8>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<capalloc::SecretBox<u8>>(); // our own owners
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<u8>();
/// ```
/// ```compile_fail,E0277
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<capalloc::Cap<'static>>(); // a capability, whose address is a number in it
/// ```
/// ```
/// fn accepts<T: capalloc::NoPointers + ?Sized>() {}
/// accepts::<u8>();
/// ```
///
/// # Safety
/// No value of the type holds a pointer or a reference: neither in the open, nor as a number that is turned back into
/// one. A pointer in such memory is not seen by a sweep, which may then hand out again what it points to.
pub unsafe auto trait NoPointers {}

// Nothing is in it, whatever it speaks of.
unsafe impl<T: ?Sized> NoPointers for core::marker::PhantomData<T> {}

impl<T: ?Sized> !NoPointers for *const T {}
impl<T: ?Sized> !NoPointers for *mut T {}
impl<T: ?Sized> !NoPointers for &T {}
impl<T: ?Sized> !NoPointers for &mut T {}
// Its address is a number to the compiler.
impl !NoPointers for capalloc_sys::ca_cap {}

// One for each number of arguments: it also takes the automatic answer from pointers to functions of that number that
// are unsafe, extern or of a higher rank.
macro_rules! functions {
    () => {
        impl<R> !NoPointers for fn() -> R {}
    };
    ($first:ident $($rest:ident)*) => {
        impl<R, $first, $($rest),*> !NoPointers for fn($first, $($rest),*) -> R {}
        functions!($($rest)*);
    };
}
functions!(A B C D E F G H I J K L M N O P Q S T U V W X Y Z Z1);
