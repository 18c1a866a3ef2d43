//! Boxes and vectors of memory without pointers and of secrets.
use capalloc::{CapAlloc, Error, HeapOptions, NoCapsBox, NoCapsVec, Rights, SecretBox, SecretString, SecretVec};
use capalloc_sys as c;
use std::alloc::{GlobalAlloc, Layout};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What free memory of a secret was: read past Rust's rules, as who looks for secrets does.
fn leftovers(address: *const u8, bytes: usize) -> usize {
    (0..bytes).filter(|&i| unsafe { address.add(i).read_volatile() } != 0).count()
}

fn lies_in_nocaps<T>(values: &[T], bytes: usize) -> bool {
    let block = c::ca_nocaps { ptr: values.as_ptr().cast_mut().cast(), size: bytes };
    unsafe { c::ca_nocaps_check(block) == c::CA_OK }
}

fn lies_in_secret<T>(values: &[T], bytes: usize) -> bool {
    let block = c::ca_secret { ptr: values.as_ptr().cast_mut().cast(), size: bytes };
    unsafe { c::ca_secret_check(block) == c::CA_OK }
}

#[test]
fn test_rs6_owners_lie_in_their_places() {
    assert!(lies_in_nocaps(std::slice::from_ref(&*NoCapsBox::new(7u64)), 8));
    assert!(lies_in_secret(&*SecretBox::new([7u8; 32]), 32));
    let vec: NoCapsVec<u32> = NoCapsVec::with_capacity(10);
    assert!(lies_in_nocaps(&vec, 40));
    let vec: SecretVec<u32> = SecretVec::with_capacity(10);
    assert!(lies_in_secret(&vec, 40));
    assert!(!lies_in_nocaps(&vec, 40));
}

/// Who pays is who was named; what comes of the process's own heap has no room for that.
#[test]
fn test_rs6_owners_in_a_heap() {
    let heap = HeapOptions::new().quota(4096).create().unwrap();
    let root = heap.authority();
    let left = || root.quota_remaining();
    {
        let key = SecretBox::init_in(|key: &mut [u8; 32]| key.fill(7), root);
        assert!(lies_in_secret(&*key, 32) && left() == 4096 - 32);
        let pixel = NoCapsBox::new_in([1u8; 16], root);
        let copy = pixel.clone();
        assert!(lies_in_nocaps(&*copy, 16) && copy == pixel && left() == 4096 - 64);
        let mut samples = NoCapsVec::with_capacity_in(16, root);
        samples.extend([1u32, 2, 3]);
        assert!(lies_in_nocaps(&samples, 64) && left() == 4096 - 128);
        let copy = samples.clone();
        assert!(copy == samples && left() < 4096 - 128 && copy.origin().quota_remaining() == left());
        let mut text = SecretString::with_capacity_in(64, root);
        text.push_str("correct horse");
        assert_eq!((text.as_str(), text.len()), ("correct horse", 13));
        let mut letters = SecretVec::new_in(root);
        letters.extend_from_slice(b"abc");
        assert_eq!(letters.try_reserve(8192).unwrap_err(), Error::Quota);
        assert!(letters == b"abc"[..]);
        assert_eq!(SecretBox::try_new_in([0u8; 8192], root).unwrap_err(), Error::Quota);
        assert_eq!(NoCapsVec::<u8, _>::try_with_capacity_in(8192, root).unwrap_err(), Error::Quota);
    }
    assert_eq!(left(), 4096);
    let may_grow = root.derive(Rights::GROW, 4096).unwrap();
    assert_eq!(NoCapsBox::try_new_in(1u8, may_grow).unwrap_err(), Error::NotPermitted);
    assert_eq!(SecretBox::try_init_in(|_: &mut u8| unreachable!(), may_grow).unwrap_err(), Error::NotPermitted);
    assert_eq!(std::mem::size_of::<SecretBox<u64>>(), std::mem::size_of::<usize>());
    assert_eq!(NoCapsBox::new(1u8).origin(), CapAlloc);
}

#[test]
fn test_rs6_vectors_are_vectors() {
    let mut ours = NoCapsVec::new();
    let mut theirs = Vec::new();
    for i in 0..5000u64 {
        if i % 7 == 3 {
            assert_eq!(ours.pop(), theirs.pop());
        } else if i % 11 == 5 && !theirs.is_empty() {
            assert_eq!(ours.swap_remove(0), theirs.swap_remove(0));
        } else if i % 1000 == 999 {
            ours.truncate(100);
            theirs.truncate(100);
        } else {
            ours.push(i);
            theirs.push(i);
        }
        assert_eq!(ours.as_slice(), theirs);
    }
    ours.extend_from_slice(&[1, 2, 3]);
    theirs.extend_from_slice(&[1, 2, 3]);
    ours.as_mut_slice().sort_unstable();
    theirs.sort_unstable();
    assert_eq!(ours.clone(), theirs.iter().copied().collect());
    assert!(ours.capacity() >= ours.len());
    ours.clear();
    assert!(ours.is_empty() && ours.pop().is_none());
    assert_eq!(NoCapsVec::from([1u8, 2].as_slice()).iter().sum::<u8>(), 3);
}

#[test]
fn test_rs6_elements_of_no_size_and_too_many() {
    let mut units = NoCapsVec::new();
    (0..100).for_each(|_| units.push(()));
    assert_eq!((units.len(), units.capacity()), (100, usize::MAX));
    assert_eq!(*NoCapsBox::new(()), ());
    let mut bytes = SecretVec::from([1u8].as_slice());
    assert_eq!(SecretVec::<u64>::try_with_capacity(usize::MAX).unwrap_err(), capalloc::Error::Layout);
    assert!(bytes.try_reserve(isize::MAX as usize - 4096).is_err());
    assert_eq!(bytes.as_slice(), [1]);
}

#[test]
fn test_rs6_secrets_leave_zeros_when_dropped() {
    let secret = SecretBox::new([0x5au8; 64]);
    let address = secret.as_ptr();
    assert_eq!(leftovers(address, 64), 64);
    drop(secret);
    assert_eq!(leftovers(address, 64), 0);

    let secret: SecretVec<u8> = [0x5a; 500].into_iter().collect();
    let address = secret.as_ptr();
    drop(secret);
    assert_eq!(leftovers(address, 500), 0);
}

#[test]
fn test_rs6_secrets_leave_zeros_when_they_grow_or_end() {
    let mut secret: SecretVec<u32> = SecretVec::with_capacity(8);
    (0..8).for_each(|_| secret.push(0x5a5a_5a5a));
    let address = secret.as_ptr().cast::<u8>();
    secret.try_reserve(100_000).unwrap();
    assert_ne!(secret.as_ptr().cast(), address);
    assert_eq!(leftovers(address, 32), 0);

    let address = secret.as_ptr().cast::<u8>();
    assert_eq!(secret.pop(), Some(0x5a5a_5a5a));
    assert_eq!(leftovers(address, 32), 28);
    secret.truncate(3);
    assert_eq!(leftovers(address, 32), 12);
    secret.clear();
    assert_eq!(leftovers(address, 32), 0);
}

#[test]
fn test_rs6_secrets_leave_zeros_when_something_panics() {
    let mut address = std::ptr::null();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let secret = SecretBox::new([0x5au8; 64]);
        address = secret.as_ptr();
        panic!("on purpose");
    }));
    assert!(result.is_err());
    assert_eq!(leftovers(address, 64), 0);
}

/// A value whose end panics.
struct Bomb([u8; 64]);
unsafe impl capalloc::NoPointers for Bomb {}
impl Drop for Bomb {
    fn drop(&mut self) {
        assert_ne!(self.0[0], 0x5a, "on purpose");
    }
}

#[test]
fn test_rs6_secrets_leave_zeros_when_their_own_end_panics() {
    let secret = SecretBox::new(Bomb([0x5a; 64]));
    let address = secret.0.as_ptr();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(secret))).is_err());
    assert_eq!(leftovers(address, 64), 0);

    let mut secrets = SecretVec::with_capacity(2);
    secrets.push(Bomb([1; 64]));
    secrets.push(Bomb([0x5a; 64]));
    let address = secrets[1].0.as_ptr();
    assert!(catch_unwind(AssertUnwindSafe(|| secrets.truncate(1))).is_err());
    assert_eq!(leftovers(address, 64), 0);
    assert_eq!(secrets.len(), 1);
}

#[test]
fn test_rs6_debug_tells_nothing() {
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        NoCapsBox::new(123_456u32),
        SecretBox::new(123_456u32),
        NoCapsVec::from([123_456u32].as_slice()),
        SecretVec::from([123_456u32].as_slice()),
        SecretString::from("123456"),
    );
    assert_eq!(shown, "NoCapsBox(..) SecretBox(..) NoCapsVec(1 elements) SecretVec(1 elements) SecretString(..)");
}

#[test]
fn test_rs6_secrets_are_compared_in_all_of_their_bytes() {
    let key = SecretBox::init(|key: &mut [u8; 32]| {
        assert_eq!(*key, [0; 32]);
        key.fill(7);
    });
    for i in 0..32 {
        let mut other = SecretBox::new([7u8; 32]);
        assert!(key == other);
        other[i] ^= 0x10;
        assert!(key != other);
    }
    let longer: SecretVec<u16> = [1, 2, 3].into_iter().collect();
    let shorter = SecretVec::from([1, 2].as_slice());
    assert!(longer != shorter);
    assert!(longer == [1, 2, 3][..]);
}

#[test]
fn test_rs6_secret_strings() {
    let mut text = SecretString::with_capacity(4);
    "h\u{e4}\u{df}lich".chars().for_each(|character| text.push(character));
    text.push_str("!");
    assert_eq!(text.as_str(), "h\u{e4}\u{df}lich!");
    assert_eq!(text.pop(), Some('!'));
    assert_eq!(text.len(), text.as_bytes().len());
    assert!(text == SecretString::from(String::from("h\u{e4}\u{df}lich")));
    assert!(text == *"h\u{e4}\u{df}lich");
    assert!(lies_in_secret(SecretString::from("12345").as_bytes(), 5));
    text.clear();
    assert!(text.is_empty() && text.pop().is_none());
}

/// The room of the one String that is watched.
const WATCHED: usize = 7771;
static LEFT_IN_IT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Looks at what the watched String leaves behind.
struct Watch;
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        capalloc::CapAlloc.alloc(layout)
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() == WATCHED {
            LEFT_IN_IT.store(leftovers(block, layout.size()), Ordering::Relaxed);
        }
        capalloc::CapAlloc.dealloc(block, layout);
    }
}
#[global_allocator]
static GLOBAL: Watch = Watch;

#[test]
fn test_rs6_a_string_that_becomes_secret_is_cleared() {
    let mut source = String::with_capacity(WATCHED);
    source.extend(std::iter::repeat('x').take(WATCHED));
    source.truncate(34); // what lies behind is the secret's, too
    let secret = SecretString::from(source);
    assert_eq!(LEFT_IN_IT.load(Ordering::Relaxed), 0);
    assert_eq!(secret.len(), 34);
}

#[test]
fn test_rs6_owners_go_to_other_threads() {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    let key = SecretBox::new([7u8; 32]);
    is_send_and_sync(&key);
    is_send_and_sync(&NoCapsVec::<u8>::new());
    assert_eq!(std::thread::spawn(move || key[31]).join().unwrap(), 7);
}
