//! Calls into libraries that may panic at damaged data.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What the call gives, or nothing where it panicked; no message of the panic is printed.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let printing = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                printing(panic);
            }
        }));
    });
    IS_GUARDED.set(true);
    let given = catch_unwind(AssertUnwindSafe(call)).ok();
    IS_GUARDED.set(false);
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing() {
        assert_eq!(guarded(|| 1), Some(1));
        let empty: &[u8] = std::hint::black_box(&[]);
        assert_eq!(guarded(|| empty[0]), None);
    }
}
