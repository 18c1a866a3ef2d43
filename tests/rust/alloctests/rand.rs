//! As much of the crate rand, version 0.9, as Rust's own tests of its library `alloc` call; numbers as good as those tests need.
use std::ops::Range;

/// A source of numbers.
pub trait RngCore {
    fn next_u64(&mut self) -> u64;

    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
}

impl<R: RngCore + ?Sized> RngCore for &mut R {
    fn next_u64(&mut self) -> u64 {
        (**self).next_u64()
    }
}

/// Values that any 64 bits make.
pub trait Standard {
    fn from_bits(bits: u64) -> Self;
}

macro_rules! integers {
    ($($type:ty),*) => { $(
        impl Standard for $type {
            fn from_bits(bits: u64) -> Self {
                bits as $type
            }
        }
    )* };
}
integers!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl Standard for f64 {
    fn from_bits(bits: u64) -> Self {
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Standard for bool {
    fn from_bits(bits: u64) -> Self {
        bits & 1 == 1
    }
}

pub trait Rng: RngCore {
    fn random<T: Standard>(&mut self) -> T {
        T::from_bits(self.next_u64())
    }

    fn random_range<T>(&mut self, range: Range<T>) -> T
    where
        distr::Uniform<T>: TryFrom<Range<T>> + distr::Distribution<T>,
    {
        match distr::Uniform::try_from(range) {
            Ok(uniform) => distr::Distribution::sample(&uniform, self),
            Err(_) => panic!("an empty range"),
        }
    }

    fn random_iter<T: Standard>(mut self) -> impl Iterator<Item = T>
    where
        Self: Sized,
    {
        std::iter::repeat_with(move || self.random())
    }

    fn sample_iter<T, D: distr::Distribution<T>>(mut self, distribution: D) -> impl Iterator<Item = T>
    where
        Self: Sized,
    {
        std::iter::repeat_with(move || distribution.sample(&mut self))
    }
}

impl<R: RngCore + ?Sized> Rng for R {}

pub trait SeedableRng: Sized {
    type Seed;
    fn from_seed(seed: Self::Seed) -> Self;
    fn seed_from_u64(seed: u64) -> Self;
}

pub mod distr {
    use super::{Range, Rng};

    pub trait Distribution<T> {
        fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> T;
    }

    /// Each value of a range as likely as every other, nearly.
    pub struct Uniform<T> {
        start: T,
        width: u64,
    }

    macro_rules! uniform {
        ($($type:ty),*) => { $(
            impl TryFrom<Range<$type>> for Uniform<$type> {
                type Error = ();
                fn try_from(range: Range<$type>) -> Result<Self, ()> {
                    let width = (range.end as i128) - (range.start as i128);
                    if width > 0 { Ok(Uniform { start: range.start, width: width as u64 }) } else { Err(()) }
                }
            }
            impl TryFrom<std::ops::RangeInclusive<$type>> for Uniform<$type> {
                type Error = ();
                fn try_from(range: std::ops::RangeInclusive<$type>) -> Result<Self, ()> {
                    let width = (*range.end() as i128) - (*range.start() as i128) + 1;
                    if width > 0 { Ok(Uniform { start: *range.start(), width: width as u64 }) } else { Err(()) }
                }
            }
            impl Distribution<$type> for Uniform<$type> {
                fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> $type {
                    (self.start as i128 + (rng.next_u64() % self.width) as i128) as $type
                }
            }
        )* };
    }
    uniform!(u8, u16, u32, usize, i8, i16, i32, i64, isize);
}

pub mod seq {
    use super::Rng;

    pub trait SliceRandom {
        fn shuffle<R: Rng + ?Sized>(&mut self, rng: &mut R);
    }

    impl<T> SliceRandom for [T] {
        fn shuffle<R: Rng + ?Sized>(&mut self, rng: &mut R) {
            for i in (1..self.len()).rev() {
                self.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
            }
        }
    }
}

pub mod prelude {
    pub use super::distr::Distribution;
    pub use super::seq::SliceRandom;
    pub use super::{Rng, RngCore, SeedableRng};
}
