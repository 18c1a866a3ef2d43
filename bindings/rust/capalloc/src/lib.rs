#![no_std]
#![cfg_attr(feature = "nightly", feature(allocator_api, auto_traits, negative_impls))]
#![warn(missing_docs)]
//! Memory for what it is meant for: capalloc's intentions, authorities and secrets as Rust types, and its checking heap as
//! the global allocator.
//!
//! ```
//! use capalloc::{CapAlloc, NoCapsVec, SecretBox};
//!
//! #[global_allocator]
//! static GLOBAL: CapAlloc = CapAlloc; // what goes back is checked
//!
//! let samples: NoCapsVec<f32> = (0..4).map(|i| i as f32).collect(); // will hold no pointers
//! let key = SecretBox::init(|key: &mut [u8; 32]| key.fill(7)); // zero when it goes; in no core dump
//! assert_eq!(samples[3] as usize + key.len(), 35);
//! ```
//!
//! | module | what for | needs |
//! |---|---|---|
//! | [`global`] | [`CapAlloc`]: every `Box`, `Vec` and `String` on capalloc | stable |
//! | [`authority`] | [`Heap`], [`Authority`], [`Rights`]: who may take how much from where | stable |
//! | [`nocaps`], [`secret`] | [`NoCapsBox`], [`NoCapsVec`], [`SecretBox`], [`SecretVec`], [`SecretString`] | stable |
//! | [`state`] | [`Block`]`<`[`Dirty`]`>`, [`Block`]`<`[`Zeroed`]`>`: the type knows whether it is zero | stable |
//! | [`cap`] | [`Cap`]: blocks as capabilities, which go back and shrink by themselves | stable |
//! | [`intent`] | [`NoCaps`] and [`MustZero`]; the article's trait `IntentAllocator` | stable; nightly |
//! | `allocator` | `Allocator` for [`CapAlloc`], [`Authority`] and [`Heap`] | nightly |
//! | [`export`] | Rust's allocators for C, and C's for Rust | stable; more on nightly |
//!
//! *Nightly* is the feature `nightly` and a nightly compiler. The guide is docs/rust.md of the repository; what the calls
//! promise in detail stands in the C headers.

extern crate alloc;

#[cfg(feature = "nightly")]
pub mod allocator;
pub mod authority;
mod buffer;
pub mod cap;
pub mod error;
pub mod export;
pub mod global;
pub mod intent;
mod no_pointers;
pub mod nocaps;
mod owners;
mod place;
pub mod secret;
pub mod state;
pub mod wipe;

pub use authority::{Authority, AuthorityInfo, Heap, HeapOptions, Rights};
pub use cap::Cap;
pub use error::{Error, Refused};
pub use export::{Exported, Imported};
pub use global::CapAlloc;
#[cfg(feature = "nightly")]
pub use intent::IntentAllocator;
pub use intent::{MustZero, NoCaps};
pub use no_pointers::NoPointers;
pub use nocaps::{NoCapsBox, NoCapsVec};
pub use secret::{SecretBox, SecretString, SecretVec};
pub use state::{Block, Dirty, Origin, Zeroed};
pub use wipe::PlainBytes;
