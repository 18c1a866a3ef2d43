//! Which types hold no pointers. What does not compile is in the documentation of `NoPointers`.
use capalloc::{no_pointers, NoPointers};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

fn accepts<T: NoPointers + ?Sized>() {}

no_pointers! {
    /// With attributes, visibilities and a trailing comma.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Named { pub(crate) a: u8, #[allow(missing_docs)] b: [f64; 3], }
    struct Empty();
    pub struct Tuple<A, B>(A, pub B);
    #[allow(dead_code)]
    pub enum Choice<T> { None, Some(T, u8), Named { t: T } }
    #[allow(dead_code)]
    #[derive(Clone, Copy)]
    enum Numbered { One = 1, Two = 2 }
    struct Unit;
    struct Last { c: Named }
}

#[test]
fn test_rs5_types_of_the_macro() {
    accepts::<Named>();
    accepts::<Empty>();
    accepts::<Unit>();
    accepts::<Tuple<u8, [char; 2]>>();
    accepts::<Choice<f32>>();
    accepts::<Numbered>();
    accepts::<Last>();
    let _ = Unit;
    let last = Last { c: Named { a: 1, b: [0.5; 3] } };
    assert_eq!((last.c.clone().a, last.c.b[2], Tuple(1, 2).1, Numbered::Two as u8), (1, 0.5, 2, 2));
}

/// On nightly the compiler finds out by itself, also for closures.
#[cfg(feature = "nightly")]
#[test]
fn test_rs5_types_without_the_macro() {
    #[allow(dead_code)]
    struct Plain {
        a: u8,
        b: Option<[f64; 3]>,
    }
    fn accepts_value<T: NoPointers>(_: &T) {}
    accepts::<Plain>();
    let number = 7u64;
    accepts_value(&move || number);
}

#[test]
fn test_rs5_types_of_core() {
    accepts::<(u8, [f32; 7], Option<char>, Result<bool, u128>)>();
    accepts::<[u16]>();
    accepts::<str>();
    accepts::<MaybeUninit<u64>>();
    accepts::<std::sync::atomic::AtomicU64>();
    accepts::<std::num::NonZeroU32>();
    accepts::<PhantomData<*const u8>>();
    accepts::<std::time::Duration>();
    accepts::<std::net::IpAddr>();
    accepts::<(std::net::SocketAddrV4, std::net::SocketAddrV6)>();
    accepts::<std::alloc::Layout>();
    accepts::<(std::task::Poll<u8>, std::ops::ControlFlow<u8, u16>, std::ops::Bound<u8>)>();
    accepts::<(std::ops::RangeInclusive<u8>, std::num::Saturating<u8>)>();
}
