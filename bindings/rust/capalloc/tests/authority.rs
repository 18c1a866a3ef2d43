//! Heaps and authorities.
use capalloc::cap::Cap;
use capalloc::{Authority, Error, Heap, HeapOptions, Rights};
use std::alloc::Layout;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 16).unwrap()
}

#[test]
fn test_rs3_rights_are_passed_on_or_not() {
    let heap = HeapOptions::new().name("tested").quota(1 << 20).create().unwrap();
    let root = heap.authority();
    let info = root.describe().unwrap();
    assert_eq!(
        (info.name(), info.rights(), info.quota()),
        ("tested", Rights::ALL | Rights::CLAIM_ZERO | Rights::WALK, Some(1 << 20))
    );

    let lesser = root.derive(Rights::ALLOCATE | Rights::DERIVE, 4096).unwrap();
    let block = Cap::allocate(lesser, bytes(100)).unwrap();
    let refused = block.grow(lesser, bytes(200)).unwrap_err();
    assert_eq!(refused.error, Error::NotPermitted);
    let block = refused.block.grow(root, bytes(200)).unwrap();
    assert_eq!(block.len(), 200);
    assert_eq!(lesser.derive(Rights::GROW, 1).unwrap_err(), Error::NotPermitted);
    assert_eq!(lesser.derive(Rights::ALLOCATE, 8192).unwrap_err(), Error::Quota);
    assert!(lesser.derive(Rights::ALLOCATE, 4096).is_ok());
    assert!(!lesser.describe().unwrap().rights().contains(Rights::GROW));
}

#[test]
fn test_rs3_a_quota_is_kept_and_comes_back() {
    let heap = HeapOptions::new().quota(4096).create().unwrap();
    let block = Cap::allocate(heap.authority(), bytes(4096)).unwrap();
    assert_eq!(heap.authority().quota_remaining(), 0);
    assert_eq!(Cap::allocate(heap.authority(), bytes(1)).unwrap_err(), Error::Quota);
    drop(block);
    assert_eq!(heap.authority().quota_remaining(), 4096);
}

#[test]
fn test_rs3_what_is_revoked_allocates_no_more() {
    let heap = Heap::new().unwrap();
    let authority =
        heap.authority().derive(Rights::ALL & heap.authority().describe().unwrap().rights(), 1 << 20).unwrap();
    let block = Cap::allocate(authority, bytes(64)).unwrap();
    authority.revoke().unwrap();
    assert_eq!(Cap::allocate(authority, bytes(64)).unwrap_err(), Error::NotPermitted);
    assert!(authority.describe().is_none());
    assert_eq!(format!("{authority:?}"), "Authority(none)");
    block.deallocate().unwrap();
    assert_eq!(Authority::default().revoke().unwrap_err(), Error::NotPermitted);
}

#[test]
fn test_rs3_a_heap_ends_when_it_is_dropped() {
    let raw = {
        let heap = Heap::new().unwrap();
        std::mem::forget(Cap::allocate_mustzero(heap.authority(), bytes(1 << 20)).unwrap());
        heap.authority().as_raw()
    };
    // Safety: of an ended heap nothing is used.
    let ended = unsafe { Authority::from_raw(raw) };
    assert!(ended.describe().is_none());
}

#[test]
fn test_rs3_errors_are_those_of_c() {
    for (error, text) in [
        (Error::OutOfMemory, "out of memory"),
        (Error::Layout, "layout"),
        (Error::Quota, "quota"),
        (Error::NotPermitted, "permit"),
        (Error::Stale, ""),
        (Error::Invalid, ""),
        (Error::Unknown(77), "unknown"),
    ] {
        assert_eq!(Error::from_raw(error.as_raw()), Err(error));
        assert!(error.to_string().contains(text), "{error}");
    }
    assert_eq!(Error::from_raw(capalloc_sys::CA_OK), Ok(()));
}

#[test]
fn test_rs3_names_are_cut_at_a_character() {
    let name = |ascii: usize| format!("{}\u{e4}", "n".repeat(ascii)); // the last has two bytes, of 31
    let kept = |name: &str| {
        let heap = HeapOptions::new().name(name).create().unwrap();
        heap.authority().describe().unwrap().name().to_string()
    };
    assert_eq!(kept(&name(29)), name(29));
    assert_eq!(kept(&name(30)), "n".repeat(30));
    assert_eq!(kept(&"n".repeat(40)), "n".repeat(31));
    assert_eq!(kept(""), "");
}
