//! A buffer that must be zero when it comes and when it goes, over and over: by hand, and by a type that knows. bench/rust.
//!     zeroed hand|block|kept SIZE COUNT
use capalloc::{Block, Dirty, Zeroed};
use std::alloc::{alloc_zeroed, dealloc, Layout};
use std::hint::black_box;

#[global_allocator]
static GLOBAL: capalloc::CapAlloc = capalloc::CapAlloc;

/// Zeroed on the way out, cleared by the caller, so that no compiler leaves it out, on the way back.
fn hand(layout: Layout) {
    // Safety: a block of its own, used as far as it goes.
    unsafe {
        let block = alloc_zeroed(layout);
        assert!(!block.is_null());
        block.write_bytes(7, layout.size());
        black_box(block).write_bytes(0, layout.size());
        dealloc(black_box(block), layout);
    }
}

/// Cleared once in a round, when it has been used.
fn block(layout: Layout) {
    let mut block: Block<Dirty> = Block::<Zeroed>::allocate(layout).expect("memory").into_dirty();
    black_box(&mut *block).fill(7);
    black_box(&*block.wipe());
}

/// The same block in every round: cleared by the transition, and zero when it is asked for next.
fn kept(layout: Layout, count: usize) {
    let mut block: Block<Zeroed> = Block::allocate(layout).expect("memory");
    for _ in 0..count {
        let mut dirty = block.into_dirty();
        black_box(&mut *dirty).fill(7);
        block = dirty.wipe();
    }
    black_box(&*block);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, size, count] = &arguments[..] else { panic!("MODE SIZE COUNT") };
    let layout = Layout::from_size_align(size.parse().expect("a size"), 16).expect("a layout");
    let count: usize = count.parse().expect("a count");

    match mode.as_str() {
        "hand" => (0..count).for_each(|_| hand(layout)),
        "block" => (0..count).for_each(|_| block(layout)),
        "kept" => kept(layout, count),
        _ => panic!("no such mode: {mode}"),
    }
}
