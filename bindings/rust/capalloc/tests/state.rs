//! Blocks that know whether they are zero. What does not compile is in the documentation of `state`.
use capalloc::{Block, Dirty, Heap, HeapOptions, Rights, Zeroed};
use capalloc_sys as c;
use std::alloc::Layout;
use std::sync::Mutex;

/// The counters are the process's.
static ALONE: Mutex<()> = Mutex::new(());

/// Bytes that the library cleared while this ran.
fn cleared(run: impl FnOnce()) -> u64 {
    fn read() -> u64 {
        let mut stats: Box<c::ca_stats> = unsafe { Box::new(std::mem::zeroed()) };
        stats.struct_size = std::mem::size_of::<c::ca_stats>();
        unsafe { c::ca_stats_read(&mut *stats) };
        stats.bytes_cleared
    }
    let before = read();
    run();
    read() - before
}

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 16).unwrap()
}

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Below 32 KiB clearing once more costs less than telling the heap; what is in the block is zero either way.
const TOLD: [usize; 3] = [32768, 65536, 1 << 20];
const NOT_TOLD: [usize; 4] = [16, 64, 512, 4096];

#[test]
fn test_rs8_what_was_cleared_is_not_cleared_again() {
    let _alone = alone();
    for size in TOLD {
        let cleared = cleared(|| {
            for _ in 0..10 {
                let zero = Block::<Zeroed>::allocate(bytes(size)).unwrap();
                assert!(zero.iter().all(|&byte| byte == 0));
                let mut dirty = zero.into_dirty();
                dirty.fill(7);
                drop(dirty.wipe()); // goes back, and the next one comes, as it is
            }
        });
        assert_eq!(cleared, 0, "{size}");
    }
    for size in NOT_TOLD {
        assert_eq!(cleared(|| drop(Block::<Zeroed>::allocate(bytes(size)).unwrap())), size as u64);
    }
}

#[test]
fn test_rs8_what_is_still_zero_goes_back_as_it_is() {
    let _alone = alone();
    for size in TOLD {
        let cleared = cleared(|| {
            for _ in 0..10 {
                let dirty = Block::<Zeroed>::allocate(bytes(size)).unwrap().into_dirty();
                drop(unsafe { dirty.assume_zero() }); // it was not written to
            }
        });
        assert_eq!(cleared, 0, "{size}");
    }
}

#[test]
fn test_rs8_transitions_are_types_alone() {
    let _alone = alone();
    assert_eq!(std::mem::size_of::<Block<Zeroed>>(), std::mem::size_of::<Block<Dirty>>());
    for size in [16, 4096, 65536] {
        let block = Block::<Zeroed>::allocate(bytes(size)).unwrap();
        let cleared = cleared(|| {
            let mut block = unsafe { block.into_dirty().assume_zero() }.into_dirty();
            block.fill(7);
            std::mem::forget(block.wipe()); // by the program, not by the heap
        });
        assert_eq!(cleared, 0, "{size}");
    }
}

#[test]
fn test_rs8_there_and_back_again() {
    let _alone = alone();
    let heap = Heap::new().unwrap();
    let block = Block::<Zeroed, _>::allocate_in(bytes(100), heap.authority()).unwrap();
    let mut block = block.into_dirty();
    for round in 1..10 {
        let address = block.as_ptr();
        block.fill(round);
        let zero = block.wipe();
        assert_eq!((zero.as_ptr(), zero.len()), (address, 100));
        assert_eq!(*zero, [0; 100]);
        block = zero.into_dirty();
        block[99] = round;
        assert_eq!(block[99], round);
    }
    drop(block);
    assert_eq!(heap.authority().describe().unwrap().charged(), 0);
}

#[test]
fn test_rs8_dirty_is_cleared_when_dropped() {
    let _alone = alone();
    let mut block = Block::<Dirty>::allocate(bytes(64)).unwrap();
    block.fill(7);
    let address = block.as_ptr();
    drop(block);
    assert!((0..64).all(|i| unsafe { address.add(i).read_volatile() } == 0));
}

#[test]
fn test_rs8_without_the_right_to_claim_it_is_cleared() {
    let _alone = alone();
    let heap = HeapOptions::new().quota(1 << 20).create().unwrap();
    assert!(heap.authority().describe().unwrap().rights().contains(Rights::CLAIM_ZERO));
    let lesser = heap.authority().derive(Rights::ALLOCATE, 1 << 16).unwrap();
    let cleared = cleared(|| {
        drop(Block::<Zeroed, _>::allocate_in(bytes(65536), lesser).unwrap());
    });
    assert_eq!(cleared, 65536);
    let zero = Block::<Zeroed, _>::allocate_in(bytes(65536), lesser).unwrap();
    lesser.revoke().unwrap();
    drop(zero);
    assert_eq!(heap.authority().describe().unwrap().charged(), 0);
}

#[test]
fn test_rs8_blocks_of_no_size_and_debug() {
    let _alone = alone();
    let block: Block<Zeroed> = Block::allocate(bytes(0)).unwrap();
    let block: Block<Dirty> = block.into_dirty();
    assert_eq!(
        format!("{block:?} {:?}", Block::<Zeroed>::allocate(bytes(7)).unwrap()),
        "Block<Dirty>(0 bytes) Block<Zeroed>(7 bytes)"
    );
    let block = block.wipe().into_dirty();
    drop(block);
}
