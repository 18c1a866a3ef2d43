//! Blocks as capabilities: they go back and shrink by the capability alone, and grow with an authority that allows it, as
//! the article proposes for CHERI. A capability carries its bounds, so no layout has to be stated again:
//!
//! ```
//! use capalloc::cap::{Cap, Fault};
//! use capalloc::Authority;
//! use std::alloc::Layout;
//!
//! let heap = Authority::default();
//! let text = Cap::allocate_nocaps(heap, Layout::new::<[u8; 4]>())?;
//! text.write(0, b"abcd").unwrap();
//! assert_eq!(text.write(1, b"abcd"), Err(Fault::BOUNDS)); // refused, and nothing has changed
//! let text = text.shrink(Layout::new::<[u8; 2]>()).unwrap();
//! assert_eq!(text.len(), 2);
//! let text = text.grow(heap, Layout::new::<[u8; 100]>()).unwrap();
//! text.deallocate().unwrap();
//! # Ok::<(), capalloc::Error>(())
//! ```
//! What went back is gone for the type system, too:
//! ```compile_fail,E0382
//! # use capalloc::{cap::Cap, Authority};
//! # use std::alloc::Layout;
//! let cell = Cap::allocate(Authority::default(), Layout::new::<u64>()).unwrap();
//! cell.deallocate().unwrap();
//! cell.deallocate().unwrap(); // E0382
//! ```
//! ```
//! # use capalloc::{cap::Cap, Authority};
//! # use std::alloc::Layout;
//! let cell = Cap::allocate(Authority::default(), Layout::new::<u64>()).unwrap();
//! cell.len();
//! cell.deallocate().unwrap(); // E0382
//! ```
//!
//! Writing takes no `&mut`, so a block is one thread's at a time:
//! ```compile_fail,E0277
//! # use capalloc::{cap::Cap, Authority};
//! # use std::alloc::Layout;
//! let cell = Cap::allocate(Authority::default(), Layout::new::<u64>()).unwrap();
//! std::thread::scope(|threads| threads.spawn(|| cell.write(0, b"text")).join()).unwrap().unwrap(); // E0277
//! ```
//! ```
//! # use capalloc::{cap::Cap, Authority};
//! # use std::alloc::Layout;
//! let cell = Cap::allocate(Authority::default(), Layout::new::<u64>()).unwrap();
//! std::thread::scope(|threads| threads.spawn(move || cell.write(0, b"text")).join()).unwrap().unwrap(); // E0277
//! ```
//!
//! The capabilities are those of `<capalloc/cap.h>`: CHERI-RISC-V's in software on this machine, a model and not a wall.
//! On this model an access is checked by the library; [`Cap::as_ptr`] leads around it.
use crate::authority::Authority;
use crate::error::{layout, Error, Refused};
use capalloc_sys as c;
use core::alloc::Layout;
use core::cell::Cell;
use core::ffi::CStr;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;

/// A block and the capability to it: whoever has it may use the block, and give it back. Dropped, it goes back, cleared
/// where its intention wants that.
pub struct Cap<'heap> {
    raw: c::ca_cap,
    heap: PhantomData<Authority<'heap>>,
    /// `write` takes `&self`, as that of a `Cell` does: not `Sync`, or two threads could write at once.
    content: PhantomData<Cell<u8>>,
}

macro_rules! allocate {
    ($($(#[$meta:meta])* $name:ident = $function:ident),* $(,)?) => { $(
        $(#[$meta])*
        ///
        /// # Errors
        /// [`Error::OutOfMemory`], [`Error::Quota`], [`Error::NotPermitted`], [`Error::Layout`].
        pub fn $name(authority: Authority<'heap>, want: Layout) -> Result<Self, Error> {
            // Safety: any authority and layout will do.
            Self::from_result(unsafe { c::$function(authority.as_raw(), layout(want)) })
        }
    )* };
}

impl<'heap> Cap<'heap> {
    allocate! {
        /// Memory for anything; its content is whatever was there.
        allocate = ca_cap_allocate,
        /// The same, all zero.
        allocate_zeroed = ca_cap_allocate_zeroed,
        /// Memory for data only: the capability can neither load nor store capabilities.
        allocate_nocaps = ca_cap_allocate_nocaps,
        /// The same, all zero.
        allocate_nocaps_zeroed = ca_cap_allocate_nocaps_zeroed,
        /// Memory that is zero now and is cleared when it goes back.
        allocate_mustzero = ca_cap_allocate_mustzero,
        /// Both: data only, and cleared.
        allocate_secret = ca_cap_allocate_secret,
    }

    fn from_result(result: c::ca_cap_result) -> Result<Self, Error> {
        Error::from_raw(result.error)?;
        Ok(Cap { raw: result.cap, heap: PhantomData, content: PhantomData })
    }

    /// The block goes back by the capability alone.
    ///
    /// # Errors
    /// What a handler of violations refused.
    pub fn deallocate(self) -> Result<(), Error> {
        let this = ManuallyDrop::new(self);
        // Safety: the block's last use.
        Error::from_raw(unsafe { c::ca_cap_deallocate(this.raw) })
    }

    /// Narrowed, in place, to the size of `want`; 0 gives the block back.
    ///
    /// # Errors
    /// [`Error::Layout`]: a larger size, or an alignment that the address lacks; the block comes back as it was.
    pub fn shrink(self, want: Layout) -> Result<Self, Refused<Self>> {
        // Safety: on success the capability is replaced.
        let result = unsafe { c::ca_cap_shrink(self.raw, layout(want)) };
        self.replaced(result)
    }

    /// Longer, which no capability can make itself: `authority` allows it, over the block's heap and with the right to
    /// grow. May move the block.
    ///
    /// # Errors
    /// [`Error::NotPermitted`], [`Error::Quota`], [`Error::OutOfMemory`], [`Error::Layout`]: a smaller size. The block comes
    /// back as it was.
    pub fn grow(self, authority: Authority<'heap>, want: Layout) -> Result<Self, Refused<Self>> {
        // Safety: on success the capability is replaced.
        let result = unsafe { c::ca_cap_grow(authority.as_raw(), self.raw, layout(want)) };
        self.replaced(result)
    }

    fn replaced(self, result: c::ca_cap_result) -> Result<Self, Refused<Self>> {
        match Self::from_result(result) {
            Ok(made) => {
                core::mem::forget(self); // what it named is dead, or what `made` names
                Ok(made)
            }
            Err(error) => Err(Refused { error, block: self }),
        }
    }

    /// The length of the block in bytes.
    pub fn len(&self) -> usize {
        // Safety: looks only.
        unsafe { c::ca_cap_length_get(self.raw) }
    }

    /// Is it a block of size 0?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its `CA_CAP_PERM_` bits.
    pub fn permissions(&self) -> usize {
        // Safety: looks only.
        unsafe { c::ca_cap_perms_get(self.raw) }
    }

    /// The address of the block, past all checks.
    pub fn as_ptr(&self) -> *mut u8 {
        // Safety: looks only.
        unsafe { c::ca_cap_base_get(self.raw) as *mut u8 }
    }

    /// The capability for the C interface; a copy.
    pub fn as_raw(&self) -> c::ca_cap {
        self.raw
    }

    /// Reads bytes from `offset` on, all of them or none.
    ///
    /// # Errors
    /// The cause that the hardware would give.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result<(), Fault> {
        let offset = isize::try_from(offset).map_err(|_| Fault::BOUNDS)?;
        // Safety: `to` may be written; what may be read is checked. Memory with indeterminate content is copied by C.
        Fault::from_raw(unsafe { c::ca_cap_load_bytes(self.raw, offset, to.as_mut_ptr().cast(), to.len()) })
    }

    /// Writes bytes from `offset` on, all of them or none. Capabilities there lose their tags.
    ///
    /// # Errors
    /// The cause that the hardware would give.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<(), Fault> {
        let offset = isize::try_from(offset).map_err(|_| Fault::BOUNDS)?;
        // Safety: `from` may be read; what may be written is checked.
        Fault::from_raw(unsafe { c::ca_cap_store_bytes(self.raw, offset, from.as_ptr().cast(), from.len()) })
    }

    /// Stores a copy of another capability at `offset`, a multiple of 16.
    ///
    /// # Errors
    /// The cause that the hardware would give, such as [`Fault::PERMIT_STORE_CAPABILITY`] into memory for data only.
    pub fn store_cap(&self, offset: usize, value: &Cap<'_>) -> Result<(), Fault> {
        let offset = isize::try_from(offset).map_err(|_| Fault::BOUNDS)?;
        // Safety: what may be written is checked; a capability in memory is data to Rust.
        Fault::from_raw(unsafe { c::ca_cap_store_cap(self.raw, offset, value.raw) })
    }
}

impl Drop for Cap<'_> {
    fn drop(&mut self) {
        // Safety: the block's last use. Refusing is for a handler of violations; the block then stays.
        let _ = unsafe { c::ca_cap_deallocate(self.raw) };
    }
}

/// Its length; no address.
impl fmt::Debug for Cap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cap({} bytes)", self.len())
    }
}

/// Why an access was refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault(c::ca_cap_fault);

impl Fault {
    /// Not all of it lies inside.
    pub const BOUNDS: Fault = Fault(c::CA_CAP_FAULT_BOUNDS);
    /// No permission to store capabilities.
    pub const PERMIT_STORE_CAPABILITY: Fault = Fault(c::CA_CAP_FAULT_PERMIT_STORE_CAPABILITY);
    /// A capability in memory is aligned to its size.
    pub const ALIGNMENT: Fault = Fault(c::CA_CAP_FAULT_ALIGNMENT);

    fn from_raw(fault: c::ca_cap_fault) -> Result<(), Fault> {
        if fault == c::CA_CAP_FAULT_NONE {
            Ok(())
        } else {
            Err(Fault(fault))
        }
    }

    /// The cause code.
    pub const fn as_raw(self) -> c::ca_cap_fault {
        self.0
    }

    /// Its name, such as `permit-store-capability`.
    pub fn name(self) -> &'static str {
        // Safety: static text, never null.
        unsafe { CStr::from_ptr(c::ca_cap_fault_name(self.0)) }.to_str().unwrap_or("other")
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({})", self.name())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for Fault {}
