//! Blocks as capabilities.
use capalloc::cap::{Cap, Fault};
use capalloc::{Authority, Error, Heap};
use std::alloc::Layout;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 16).unwrap()
}

#[test]
fn test_rs7_goes_back_and_shrinks_alone_and_grows_with_an_authority() {
    let heap = Heap::new().unwrap();
    let before = heap.authority().describe().unwrap().charged();
    let text = Cap::allocate(heap.authority(), bytes(100)).unwrap();
    text.write(0, &[7; 100]).unwrap();
    let refused = text.shrink(bytes(101)).unwrap_err();
    assert_eq!(refused.error, Error::Layout);
    let text = refused.block.shrink(bytes(10)).unwrap();
    assert_eq!(text.len(), 10);
    assert_eq!(text.write(0, &[1; 11]), Err(Fault::BOUNDS));
    let text = text.grow(heap.authority(), bytes(1000)).unwrap();
    let mut content = [0; 10];
    text.read(0, &mut content).unwrap();
    assert_eq!(content, [7; 10]);
    let refused = text.grow(Authority::default(), bytes(2000)).unwrap_err(); // another heap's
    assert_eq!(refused.error, Error::NotPermitted);
    refused.block.deallocate().unwrap();
    assert_eq!(heap.authority().describe().unwrap().charged(), before);
}

#[test]
fn test_rs7_dropping_gives_back() {
    let heap = Heap::new().unwrap();
    drop(Cap::allocate_secret(heap.authority(), bytes(100)).unwrap());
    assert_eq!(heap.authority().describe().unwrap().charged(), 0);
    drop(Cap::allocate(heap.authority(), bytes(0)).unwrap());
}

#[test]
fn test_rs7_memory_for_data_takes_no_capabilities() {
    let authority = Authority::default();
    let data = Cap::allocate_nocaps(authority, bytes(64)).unwrap();
    let cell = Cap::allocate(authority, bytes(64)).unwrap();
    assert_eq!(data.store_cap(0, &cell), Err(Fault::PERMIT_STORE_CAPABILITY));
    assert_eq!(cell.store_cap(0, &data), Ok(()));
    assert_eq!(cell.store_cap(8, &data), Err(Fault::ALIGNMENT));
    assert_eq!(Fault::PERMIT_STORE_CAPABILITY.to_string(), "permit-store-capability");
}

#[test]
fn test_rs7_must_zero_arrives_zero_and_offsets_are_checked() {
    let block = Cap::allocate_mustzero(Authority::default(), bytes(64)).unwrap();
    let mut content = [1; 64];
    block.read(0, &mut content).unwrap();
    assert_eq!(content, [0; 64]);
    assert_eq!(block.read(usize::MAX, &mut content), Err(Fault::BOUNDS));
    assert_eq!(block.write(64, &[1]), Err(Fault::BOUNDS));
}
