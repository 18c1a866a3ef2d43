//! Intentions: of the library's own allocators, and provided for any other (nightly).
#![cfg(feature = "nightly")]
#![feature(allocator_api)]
use capalloc::{Authority, CapAlloc, Heap, IntentAllocator, MustZero, NoCaps, Rights};
use capalloc_sys as c;
use std::alloc::{AllocError, Allocator, Layout, System};
use std::cell::Cell;
use std::ptr::NonNull;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// Hands out a little more than asked for, not zero behind that, and looks at what comes back.
struct Loose {
    dirty: Cell<usize>,
}

unsafe impl Allocator for Loose {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let more = Layout::from_size_align(layout.size() + 24, layout.align()).unwrap();
        let block = System.allocate(more)?;
        unsafe { block.cast::<u8>().write_bytes(0x5a, more.size()) };
        Ok(block)
    }
    unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
        let content = NonNull::slice_from_raw_parts(ptr, layout.size()).as_ref();
        self.dirty.set(self.dirty.get() + content.iter().filter(|&&byte| byte != 0).count());
        System.deallocate(ptr, Layout::from_size_align(layout.size() + 24, layout.align()).unwrap());
    }
}

unsafe impl IntentAllocator for Loose {}

#[test]
fn test_rs4_provided_must_zero_is_exact_and_cleared() {
    let loose = Loose { dirty: Cell::new(0) };
    let mut block = loose.allocate_mustzero(bytes(40)).unwrap();
    assert_eq!(block.len(), 40);
    unsafe {
        assert_eq!(block.as_ref(), [0; 40]);
        block.as_mut().fill(7);
        let mut block = loose.grow_mustzero(block.cast(), bytes(40), bytes(100)).unwrap();
        assert_eq!(block.as_ref()[38..42], [7, 7, 0, 0]);
        block.as_mut().fill(7);
        let block = loose.shrink_mustzero(block.cast(), bytes(100), bytes(20)).unwrap();
        assert_eq!(block.as_ref(), [7; 20]);
        loose.deallocate_zeroed(block.cast(), bytes(20));
    }
    assert_eq!(loose.dirty.get(), 0);
}

#[test]
fn test_rs4_provided_nocaps_goes_there_and_back() {
    let loose = Loose { dirty: Cell::new(0) };
    unsafe {
        let mut block = loose.allocate_nocaps(bytes(40)).unwrap();
        assert_eq!(block.len(), 64);
        block.as_mut()[..40].fill(7);
        let block = loose.grow_nocaps(block.cast(), bytes(40), bytes(80)).unwrap();
        let block = loose.shrink_nocaps(block.cast(), bytes(80), bytes(10)).unwrap();
        assert_eq!(block.as_ref()[..10], [7; 10]);
        loose.deallocate_nocaps(block.cast(), bytes(10));
    }
    assert_ne!(loose.dirty.get(), 0); // nobody has to clear it
}

fn check_own(allocator: &(impl IntentAllocator + ?Sized)) {
    unsafe {
        let mut block: NoCaps<[u8]> = allocator.allocate_nocaps(bytes(100)).unwrap();
        let place = c::ca_nocaps { ptr: block.cast::<u8>().as_ptr().cast(), size: 100 };
        assert_eq!(c::ca_nocaps_check(place), c::CA_OK);
        block.as_mut().fill(7);
        let block = allocator.grow_nocaps(block.cast(), bytes(100), bytes(5000)).unwrap();
        assert_eq!(block.as_ref()[..100], [7; 100]);
        let block = allocator.shrink_nocaps(block.cast(), bytes(5000), bytes(10)).unwrap();
        allocator.deallocate_nocaps(block.cast(), bytes(10));

        let mut block: MustZero<[u8]> = allocator.allocate_mustzero(bytes(100)).unwrap();
        assert_eq!(block.as_ref(), [0; 100]);
        let old = block.cast::<u8>();
        let place = c::ca_mustzero { ptr: old.as_ptr().cast(), size: 100 };
        assert_eq!(c::ca_mustzero_check(place), c::CA_OK);
        block.as_mut().fill(7);
        let block = allocator.grow_mustzero(block.cast(), bytes(100), bytes(5000)).unwrap();
        assert_eq!(block.as_ref()[99..102], [7, 0, 0]);
        assert_eq!(old.as_ptr().read_volatile(), 0); // where it was
        let far = Layout::from_size_align(50, 1 << 14).unwrap();
        let block = allocator.shrink_mustzero(block.cast(), bytes(5000), far).unwrap();
        assert_eq!(block.cast::<u8>().as_ptr() as usize % far.align(), 0);
        assert_eq!(block.as_ref(), [7; 50]);
        allocator.deallocate_zeroed(block.cast(), far);
    }
}

#[test]
fn test_rs4_own_allocators_have_places_for_both() {
    let heap = Heap::new().unwrap();
    check_own(&CapAlloc);
    check_own(&heap);
    check_own(&&heap.authority());
    check_own(&heap as &dyn IntentAllocator);
    assert_eq!(heap.authority().describe().unwrap().charged(), 0);
}

#[test]
fn test_rs4_containers_live_in_heaps() {
    let heap = Heap::new().unwrap();
    let mut numbers: Vec<u64, &Heap> = Vec::new_in(&heap);
    numbers.extend(0..1000);
    let boxed = Box::new_in([7u8; 100], heap.authority());
    let mut deque = std::collections::VecDeque::new_in(CapAlloc);
    (0..1000).for_each(|i| deque.push_front(i));
    numbers.shrink_to_fit();
    assert_eq!(numbers.iter().sum::<u64>() + boxed.len() as u64, 999 * 500 + 100);
    drop((numbers, boxed));
    assert_eq!(heap.authority().describe().unwrap().charged(), 0);
    let own: Vec<u8, Heap> = Vec::with_capacity_in(100, heap);
    assert_eq!(own.allocator().authority().describe().unwrap().charged(), 112);
}

#[test]
fn test_rs4_resizing_keeps_content_and_alignment() {
    let heap = Heap::new().unwrap();
    let allocators: [&dyn Allocator; 3] = [&CapAlloc, &heap, &heap.authority()];
    for allocator in allocators {
        for (old, new) in [(0, 0), (0, 40), (40, 0), (1, 32), (24, 24), (100, 100_000), (100_000, 10), (3000, 40)] {
            for (old_align, new_align) in [(1, 64), (4096, 1), (16, 16), (8, 4096)] {
                let old = Layout::from_size_align(old, old_align).unwrap();
                let new = Layout::from_size_align(new, new_align).unwrap();
                unsafe {
                    let block = allocator.allocate(old).unwrap();
                    block.cast::<u8>().write_bytes(7, old.size());
                    let block = if new.size() >= old.size() {
                        allocator.grow_zeroed(block.cast(), old, new).unwrap()
                    } else {
                        allocator.shrink(block.cast(), old, new).unwrap()
                    };
                    assert_eq!(block.cast::<u8>().as_ptr() as usize % new_align, 0, "{old:?} {new:?}");
                    let kept = old.size().min(new.size());
                    assert!(block.as_ref()[..kept].iter().all(|&byte| byte == 7));
                    assert!(block.as_ref()[kept..].iter().all(|&byte| byte == 0));
                    allocator.deallocate(block.cast(), new);
                }
            }
        }
    }
    assert_eq!(heap.authority().describe().unwrap().charged(), 0);
}

#[test]
fn test_rs4_a_quota_is_an_alloc_error() {
    let heap = Heap::new().unwrap();
    let small = heap.authority().derive(Rights::ALLOCATE, 1000).unwrap();
    assert!(Allocator::allocate(&small, bytes(2000)).is_err());
    assert!(small.allocate_nocaps(bytes(2000)).is_err());
    assert!(Authority::default().allocate_mustzero(bytes(isize::MAX as usize - 7)).is_err());
}
