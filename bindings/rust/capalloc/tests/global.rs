//! `CapAlloc` as the global allocator of this very program.
use capalloc::CapAlloc;
use std::alloc::{GlobalAlloc, Layout};
use std::collections::BTreeMap;

#[global_allocator]
static GLOBAL: CapAlloc = CapAlloc;

fn is_a_block(address: *const u8) -> bool {
    // The library's places begin at 32 TiB where the address space has room, and nothing else lies there: it knows.
    unsafe { capalloc_sys::ca_malloc_usable_size(address.cast()) > 0 }
}

#[test]
fn test_rs2_boxes_come_from_the_library() {
    let number = Box::new(7u64);
    assert!(is_a_block(std::ptr::from_ref(&*number).cast()));
    let text = String::from("some text");
    assert!(is_a_block(text.as_ptr()));
}

#[test]
fn test_rs2_every_size_and_alignment() {
    for align in (0..16).map(|bits| 1usize << bits) {
        for size in [1, 2, 7, 8, 15, 16, 17, 40, 100, 511, 512, 513, 4096, 32768, 32769, 1 << 20] {
            let layout = Layout::from_size_align(size, align).unwrap();
            unsafe {
                let block = GLOBAL.alloc(layout);
                assert!(!block.is_null());
                assert_eq!(block as usize % align, 0, "{layout:?}");
                block.write_bytes(0x5a, size);
                for new_size in [size * 3, size / 2 + 1, size] {
                    let grown = GLOBAL.alloc(layout);
                    grown.write_bytes(0x5a, size);
                    let grown = GLOBAL.realloc(grown, layout, new_size);
                    assert!(!grown.is_null());
                    assert_eq!(grown as usize % align, 0, "{layout:?} to {new_size}");
                    for i in 0..size.min(new_size) {
                        assert_eq!(*grown.add(i), 0x5a);
                    }
                    GLOBAL.dealloc(grown, Layout::from_size_align(new_size, align).unwrap());
                }
                GLOBAL.dealloc(block, layout);
                let zeroed = GLOBAL.alloc_zeroed(layout);
                assert_eq!(zeroed as usize % align, 0);
                assert!((0..size).all(|i| *zeroed.add(i) == 0));
                GLOBAL.dealloc(zeroed, layout);
            }
        }
    }
}

#[test]
fn test_rs2_no_memory_is_null() {
    let layout = Layout::from_size_align(isize::MAX as usize & !4095, 4096).unwrap();
    unsafe {
        assert!(GLOBAL.alloc(layout).is_null());
        assert!(GLOBAL.alloc_zeroed(layout).is_null());
        let small = Layout::new::<u64>();
        let block = GLOBAL.alloc(small);
        assert!(GLOBAL.realloc(block, small, isize::MAX as usize & !7).is_null());
        GLOBAL.dealloc(block, small); // still there
    }
}

#[test]
fn test_rs2_threads_hand_blocks_to_each_other_and_end() {
    thread_local!(static LATE: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) });
    let (send, receive) = std::sync::mpsc::channel::<Vec<BTreeMap<u32, String>>>();
    let threads: Vec<_> = (0..8u32)
        .map(|thread| {
            let send = send.clone();
            std::thread::spawn(move || {
                // Dropped by a destructor of the thread.
                LATE.with(|late| late.borrow_mut().push(format!("thread {thread}")));
                let maps = (0..20).map(|i| (0..200).map(|j| (j, format!("{thread} {i} {j}"))).collect());
                send.send(maps.collect()).unwrap();
            })
        })
        .collect();
    drop(send);
    let total: usize = receive.iter().flatten().map(|map| map.len()).sum();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(total, 8 * 20 * 200);
}
