//! As much of the crate rand_xorshift, version 0.4, as Rust's own tests call. The numbers are of splitmix64.
use rand::{RngCore, SeedableRng};

#[derive(Clone, Debug)]
pub struct XorShiftRng(u64);

impl SeedableRng for XorShiftRng {
    type Seed = [u8; 16];
    fn from_seed(seed: [u8; 16]) -> Self {
        let halves = u128::from_le_bytes(seed);
        XorShiftRng((halves ^ halves >> 64) as u64)
    }
    fn seed_from_u64(seed: u64) -> Self {
        XorShiftRng(seed)
    }
}

impl RngCore for XorShiftRng {
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }
}
