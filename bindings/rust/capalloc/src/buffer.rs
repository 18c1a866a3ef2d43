//! A growing array in one of the places: what the vectors are made of.
use crate::error::Error;
use crate::place::Place;
use crate::state::Origin;
use crate::wipe;
use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::{self, size_of};
use core::ptr::{self, NonNull};

/// Like `Vec<T>`, in the place `P` of the heap that `A` leads to. What leaves a place that is cleared leaves zeros behind.
pub(crate) struct Buffer<T, P: Place, A: Origin> {
    start: NonNull<T>,
    capacity: usize,
    length: usize,
    origin: A,
    owns: PhantomData<(T, P)>,
}

// Safety: owns its elements, as Vec does.
unsafe impl<T: Send, P: Place, A: Origin + Send> Send for Buffer<T, P, A> {}
unsafe impl<T: Sync, P: Place, A: Origin + Sync> Sync for Buffer<T, P, A> {}

impl<T, P: Place, A: Origin> Buffer<T, P, A> {
    pub(crate) const fn new_in(origin: A) -> Self {
        let capacity = if size_of::<T>() == 0 { usize::MAX } else { 0 };
        Buffer { start: NonNull::dangling(), capacity, length: 0, origin, owns: PhantomData }
    }

    pub(crate) fn origin(&self) -> A {
        self.origin
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Room for `more` elements behind those that are there.
    pub(crate) fn try_reserve(&mut self, more: usize) -> Result<(), Error> {
        let wanted = self.length.checked_add(more).ok_or(Error::Layout)?;
        if wanted <= self.capacity {
            return Ok(());
        }
        let capacity = if self.capacity == 0 { wanted } else { wanted.max(self.capacity.saturating_mul(2)) };
        self.resize(Layout::array::<T>(capacity).map_err(|_| Error::Layout)?, capacity)
    }

    /// Exactly for `capacity` elements, which is more than there is room for.
    pub(crate) fn try_with_capacity_in(capacity: usize, origin: A) -> Result<Self, Error> {
        let mut made = Self::new_in(origin);
        if capacity > made.capacity {
            made.resize(Layout::array::<T>(capacity).map_err(|_| Error::Layout)?, capacity)?;
        }
        Ok(made)
    }

    fn resize(&mut self, want: Layout, capacity: usize) -> Result<(), Error> {
        let authority = self.origin.raw();
        let got = if self.capacity == 0 {
            P::allocate(authority, want)?
        } else {
            // Safety: the block of this buffer, of exactly this size, which is not used below.
            unsafe { P::grow(authority, self.start.cast(), self.capacity * size_of::<T>(), want)? }
        };
        self.start = got.cast();
        self.capacity = capacity;
        Ok(())
    }

    /// The value comes back when there is no memory.
    pub(crate) fn try_push(&mut self, value: T) -> Result<(), (Error, T)> {
        if self.length == self.capacity {
            if let Err(error) = self.try_reserve(1) {
                return Err((error, value));
            }
        }
        // Safety: there is room for one more.
        unsafe { self.start.add(self.length).write(value) };
        self.length += 1;
        Ok(())
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.length = self.length.checked_sub(1)?;
        // Safety: the last element, which the length does not cover any more.
        unsafe {
            let last = self.start.add(self.length);
            let value = last.read();
            leave::<T, P>(last, 1);
            Some(value)
        }
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        let gone = self.length.saturating_sub(length);
        if gone == 0 {
            return;
        }
        // Cleared in any case, also when an element panics as it is dropped.
        struct Leaving<T, P: Place>(NonNull<T>, usize, PhantomData<P>);
        impl<T, P: Place> Drop for Leaving<T, P> {
            fn drop(&mut self) {
                // Safety: as said where it is made.
                unsafe { leave::<T, P>(self.0, self.1) }
            }
        }
        self.length = length;
        // Safety: the elements behind the length are dropped once, and then nobody's.
        unsafe {
            let first = self.start.add(length);
            let _leaving = Leaving::<T, P>(first, gone, PhantomData);
            ptr::drop_in_place(NonNull::slice_from_raw_parts(first, gone).as_ptr());
        }
    }

    /// The last element comes into its place.
    pub(crate) fn swap_remove(&mut self, index: usize) -> T {
        let last = self.as_slice().len() - 1;
        self.as_mut_slice().swap(index, last);
        match self.pop() {
            Some(value) => value,
            None => unreachable!("swap has found the element"),
        }
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        // Safety: so many are there.
        unsafe { NonNull::slice_from_raw_parts(self.start, self.length).as_ref() }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        // Safety: so many are there.
        unsafe { NonNull::slice_from_raw_parts(self.start, self.length).as_mut() }
    }
}

/// Safety: `count` elements at `from` are nobody's any more.
unsafe fn leave<T, P: Place>(from: NonNull<T>, count: usize) {
    if P::CLEARS {
        wipe::clear(from.cast(), count * size_of::<T>());
    }
}

impl<T: Copy, P: Place, A: Origin> Buffer<T, P, A> {
    pub(crate) fn try_extend(&mut self, values: &[T]) -> Result<(), Error> {
        self.try_reserve(values.len())?;
        // Safety: there is room for them, and they lie elsewhere: this buffer is borrowed mutably.
        unsafe { self.start.add(self.length).as_ptr().copy_from_nonoverlapping(values.as_ptr(), values.len()) };
        self.length += values.len();
        Ok(())
    }
}

impl<T, P: Place, A: Origin> Drop for Buffer<T, P, A> {
    fn drop(&mut self) {
        struct Block<T, P: Place>(NonNull<T>, usize, PhantomData<P>);
        impl<T, P: Place> Drop for Block<T, P> {
            fn drop(&mut self) {
                if self.1 != 0 && size_of::<T>() != 0 {
                    // Safety: the buffer's block, for the last time; its place clears it where it has to be.
                    unsafe { P::deallocate(self.0.cast(), self.1 * size_of::<T>()) };
                }
            }
        }
        let _block = Block::<T, P>(self.start, self.capacity, PhantomData);
        if mem::needs_drop::<T>() {
            // Safety: each element once; the block goes also when one of them panics.
            unsafe { ptr::drop_in_place(self.as_mut_slice()) };
        }
    }
}

/// One value in a block of the place `P`: what the boxes are made of.
pub(crate) struct Single<T, P: Place, A: Origin> {
    at: NonNull<T>,
    origin: A,
    owns: PhantomData<(T, P)>,
}

// Safety: owns its value, as Box does.
unsafe impl<T: Send, P: Place, A: Origin + Send> Send for Single<T, P, A> {}
unsafe impl<T: Sync, P: Place, A: Origin + Sync> Sync for Single<T, P, A> {}

impl<T, P: Place, A: Origin> Single<T, P, A> {
    /// Memory without a value, zero where the place is.
    fn allocate(origin: A) -> Result<NonNull<T>, Error> {
        if size_of::<T>() == 0 {
            return Ok(NonNull::dangling());
        }
        Ok(P::allocate(origin.raw(), Layout::new::<T>())?.cast())
    }

    pub(crate) fn origin(&self) -> A {
        self.origin
    }

    /// The value comes back when there is no memory.
    pub(crate) fn try_new_in(value: T, origin: A) -> Result<Self, (Error, T)> {
        match Self::allocate(origin) {
            Ok(at) => {
                // Safety: it is memory for a T.
                unsafe { at.write(value) };
                Ok(Single { at, origin, owns: PhantomData })
            }
            Err(error) => Err((error, value)),
        }
    }

    /// The value zero, in a place whose memory arrives so.
    pub(crate) fn try_zero_in(origin: A) -> Result<Self, Error>
    where
        T: wipe::PlainBytes,
    {
        const { assert!(P::CLEARS) };
        Ok(Single { at: Self::allocate(origin)?, origin, owns: PhantomData })
    }

    pub(crate) fn get(&self) -> &T {
        // Safety: there is a value.
        unsafe { self.at.as_ref() }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        // Safety: there is a value.
        unsafe { self.at.as_mut() }
    }

    pub(crate) fn into_inner(self) -> T {
        let this = mem::ManuallyDrop::new(self);
        // Safety: the value is moved out, the block goes back without it.
        unsafe {
            let value = this.at.read();
            give_back::<T, P>(this.at);
            value
        }
    }
}

/// Safety: the block ends here, its value has.
unsafe fn give_back<T, P: Place>(at: NonNull<T>) {
    if size_of::<T>() != 0 {
        P::deallocate(at.cast(), size_of::<T>());
    }
}

impl<T, P: Place, A: Origin> Drop for Single<T, P, A> {
    fn drop(&mut self) {
        struct Block<T, P: Place>(NonNull<T>, PhantomData<P>);
        impl<T, P: Place> Drop for Block<T, P> {
            fn drop(&mut self) {
                // Safety: as said below.
                unsafe { give_back::<T, P>(self.0) };
            }
        }
        let _block = Block::<T, P>(self.at, PhantomData);
        // Safety: the value ends once, then its block, also when it panics.
        unsafe { ptr::drop_in_place(self.at.as_ptr()) };
    }
}
