//! Maps of strings, vectors that grow and boxes, as a program has them: what the global allocator costs. bench/rust.
use std::collections::BTreeMap;

#[cfg(ours)]
#[global_allocator]
static GLOBAL: capalloc::CapAlloc = capalloc::CapAlloc;

fn main() {
    let rounds: u64 = std::env::args().nth(1).map_or(20, |argument| argument.parse().expect("a number"));
    let mut sum = 0u64;

    for round in 0..rounds {
        let mut texts: BTreeMap<u64, String> = BTreeMap::new();
        let mut lists: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let mut random = round * 7919 + 1;
        for i in 0..20_000u64 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            texts.insert(random % 5000, format!("value {random} {i}"));
            lists.entry(format!("{}", random % 3000)).or_default().push(random);
            sum = sum.wrapping_add(*std::hint::black_box(Box::new(random)));
        }
        sum = sum.wrapping_add(texts.values().map(|text| text.len() as u64).sum::<u64>());
        sum = sum.wrapping_add(lists.values().map(|list| list.len() as u64).sum::<u64>());
    }
    println!("{sum}");
}
