//! What somebody who has just read docs/rust.md may write: built outside of the checkout by test_crates.sh.
use capalloc::{CapAlloc, HeapOptions, NoCapsBox, NoCapsVec, SecretBox, SecretString, SecretVec};

#[global_allocator]
static GLOBAL: CapAlloc = CapAlloc;

fn main() {
    let heap = HeapOptions::new().name("user").quota(1 << 20).create().expect("a heap");
    let block = capalloc::Cap::allocate(heap.authority(), std::alloc::Layout::new::<[u64; 4]>()).expect("a block");
    let boxed = NoCapsBox::new([1u8, 2, 3]);
    let samples: NoCapsVec<u32> = (0..100).collect();
    let key = SecretBox::new([7u8; 32]);
    let mut keys = SecretVec::new();
    keys.push(7u64);
    let password = SecretString::from(String::from("correct horse"));

    // Each remembers what it was given, and text comes from the global allocator.
    let words = vec![
        (block.len(), 32),
        (boxed.len(), 3),
        (samples.iter().sum::<u32>() as usize, 4950),
        (key.iter().map(|&byte| usize::from(byte)).sum(), 224),
        (keys[0] as usize, 7),
        (password.as_str().len(), 13),
    ];
    let wrong = words.iter().filter(|(is, should)| is != should).count();
    println!("user: {} places, {wrong} words wrong", words.len());
}
