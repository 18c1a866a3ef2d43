//! Allocators across the border, each through the suite that the library's own pass.
#![cfg_attr(feature = "nightly", feature(allocator_api))]
use capalloc::{Authority, CapAlloc, Exported, Heap, Imported};
use capalloc_sys as c;
use capalloc_sys::conformance::{ca_conformance_check, ca_conformance_options};
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{c_char, c_void, CStr};
use std::sync::Mutex;

/// The suite has the process's violation handler for itself while it runs.
static ALONE: Mutex<()> = Mutex::new(());

/// What breaks a rule, for this allocator.
fn findings(allocator: c::ca_allocator) -> Vec<String> {
    unsafe extern "C" fn report(context: *mut c_void, rule: *const c_char, sentence: *const c_char) {
        let [rule, sentence] = [rule, sentence].map(|text| CStr::from_ptr(text).to_string_lossy());
        (*context.cast::<Vec<String>>()).push(format!("{rule}: {sentence}"));
    }
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut found: Vec<String> = Vec::new();
    let options = ca_conformance_options {
        struct_size: std::mem::size_of::<ca_conformance_options>(),
        bytes: 0,
        steps: 0,
        no_peek: 0,
        seed: 20,
        report: Some(report),
        reset: None,
        live: None,
        context: (&raw mut found).cast(),
    };
    let number = unsafe { ca_conformance_check(allocator, &options) };
    assert_eq!(number as usize, found.len());
    found
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn test_rs9_global_allocators_pass_as_trait_objects() {
    assert_eq!(findings(Exported::from_global(&System).as_raw()), none());
    assert_eq!(findings(Exported::from_global(&CapAlloc).as_raw()), none());
}

#[test]
fn test_rs9_c_allocators_pass_after_there_and_back() {
    let heap = Heap::new().unwrap();
    for authority in [Authority::default(), heap.authority()] {
        let imported = unsafe { Imported::new(c::ca_heap_allocator(authority.as_raw())) };
        assert_ne!(imported.promises() & c::CA_PROMISE_NOCAPS_PLACE, 0);
        assert_eq!(findings(Exported::from_global(&imported).as_raw()), none());
    }
}

/// Forgets that it has to be zero.
struct Wrong;
unsafe impl GlobalAlloc for Wrong {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = System.alloc(layout);
        if !block.is_null() {
            block.write_bytes(1, layout.size());
        }
        block
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.alloc(layout)
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        System.dealloc(block, layout);
    }
}

#[test]
fn test_rs9_a_wrong_allocator_is_found() {
    let found = findings(Exported::from_global(&Wrong).as_raw());
    assert!(found.iter().any(|finding| finding.starts_with("A6")), "{found:?}");
}

#[cfg(feature = "nightly")]
mod nightly {
    use super::*;

    #[test]
    fn test_rs9_allocators_pass_as_trait_objects() {
        let heap = Heap::new().unwrap();
        assert_eq!(findings(Exported::from_allocator(&std::alloc::Global).as_raw()), none());
        assert_eq!(findings(Exported::from_allocator(&System).as_raw()), none());
        assert_eq!(findings(Exported::from_allocator(&CapAlloc).as_raw()), none());
        assert_eq!(findings(Exported::from_allocator(&heap).as_raw()), none());
        assert_eq!(heap.authority().describe().unwrap().charged(), 0);
    }

    #[test]
    fn test_rs9_intent_allocators_pass_as_trait_objects() {
        let heap = Heap::new().unwrap();
        let imported = unsafe { Imported::new(c::ca_heap_allocator(heap.authority().as_raw())) };
        assert_eq!(findings(Exported::from_intent_allocator(&std::alloc::Global).as_raw()), none());
        assert_eq!(findings(Exported::from_intent_allocator(&CapAlloc).as_raw()), none());
        assert_eq!(findings(Exported::from_intent_allocator(&heap).as_raw()), none());
        assert_eq!(findings(Exported::from_intent_allocator(&heap.authority()).as_raw()), none());
        assert_eq!(findings(Exported::from_intent_allocator(&imported).as_raw()), none());
        assert_eq!(heap.authority().describe().unwrap().charged(), 0);
    }

    #[test]
    fn test_rs9_vectors_live_in_c_allocators() {
        let heap = Heap::new().unwrap();
        let imported = unsafe { Imported::new(c::ca_heap_allocator(heap.authority().as_raw())) };
        let mut numbers = Vec::new_in(imported);
        numbers.extend(0..10_000u32);
        numbers.truncate(10);
        numbers.shrink_to_fit();
        assert_eq!(numbers.iter().sum::<u32>(), 45);
        drop(numbers);
        assert_eq!(heap.authority().describe().unwrap().charged(), 0);
    }
}
