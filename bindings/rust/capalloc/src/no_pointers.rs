//! Which types hold no pointers. On nightly the compiler finds out; on stable the types of `core` are listed here and a
//! macro looks at the fields of others.

#[cfg(feature = "nightly")]
mod auto;
#[cfg(feature = "nightly")]
pub use auto::NoPointers;

#[cfg(not(feature = "nightly"))]
mod listed;
#[cfg(not(feature = "nightly"))]
pub use listed::NoPointers;

/// Defines a struct or an enum that holds no pointers, if all of its fields hold none: what
/// `#[derive(NoPointers)]` would be. Generic types name plain type parameters.
///
/// ```
/// capalloc::no_pointers! {
///     #[derive(Clone, Copy, Debug, PartialEq)]
///     pub struct Sample { pub at: u64, pub value: [f32; 4] }
///     pub struct Pair<A, B>(pub A, pub B);
///     enum Shape { Circle(f64), Square { side: f64 }, None }
/// }
/// let samples = capalloc::NoCapsVec::from_iter([Sample { at: 1, value: [0.5; 4] }]);
/// assert_eq!(samples[0].at, 1);
/// # let _ = capalloc::NoCapsBox::new(Pair(1, 'x'));
/// # let _ = [Shape::Circle(1.0), Shape::Square { side: 1.0 }, Shape::None].map(capalloc::NoCapsBox::new);
/// ```
/// ```compile_fail,E0277
/// capalloc::no_pointers! {
///     struct Named { name: &'static str }
/// }
/// ```
/// ```
/// capalloc::no_pointers! {
///     struct Named { name: [u8; 8] }
/// }
/// ```
#[macro_export]
macro_rules! no_pointers {
    () => {};
    ($(#[$meta:meta])* $vis:vis struct $name:ident $(<$($param:ident),+ $(,)?>)? {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
    } $($rest:tt)*) => {
        $(#[$meta])* $vis struct $name $(<$($param),+>)? { $($(#[$field_meta])* $field_vis $field: $type),* }
        // Safety: all that is in it holds none.
        unsafe impl $(<$($param),+>)? $crate::NoPointers for $name $(<$($param),+>)?
            where $($type: $crate::NoPointers),* {}
        $crate::no_pointers! { $($rest)* }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident $(<$($param:ident),+ $(,)?>)? (
        $($(#[$field_meta:meta])* $field_vis:vis $type:ty),* $(,)?
    ); $($rest:tt)*) => {
        $(#[$meta])* $vis struct $name $(<$($param),+>)? ($($(#[$field_meta])* $field_vis $type),*);
        // Safety: all that is in it holds none.
        unsafe impl $(<$($param),+>)? $crate::NoPointers for $name $(<$($param),+>)?
            where $($type: $crate::NoPointers),* {}
        $crate::no_pointers! { $($rest)* }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident; $($rest:tt)*) => {
        $(#[$meta])* $vis struct $name;
        // Safety: nothing is in it.
        unsafe impl $crate::NoPointers for $name {}
        $crate::no_pointers! { $($rest)* }
    };
    ($(#[$meta:meta])* $vis:vis enum $name:ident $(<$($param:ident),+ $(,)?>)? {
        $($(#[$variant_meta:meta])* $variant:ident
            $(($($tuple:ty),* $(,)?))? $({ $($field:ident: $type:ty),* $(,)? })? $(= $number:expr)?),* $(,)?
    } $($rest:tt)*) => {
        $(#[$meta])* $vis enum $name $(<$($param),+>)? {
            $($(#[$variant_meta])* $variant $(($($tuple),*))? $({ $($field: $type),* })? $(= $number)?),*
        }
        // Safety: all that is in it holds none.
        unsafe impl $(<$($param),+>)? $crate::NoPointers for $name $(<$($param),+>)?
            where $($($($tuple: $crate::NoPointers,)*)? $($($type: $crate::NoPointers,)*)?)* {}
        $crate::no_pointers! { $($rest)* }
    };
}
