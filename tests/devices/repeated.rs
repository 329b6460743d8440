//! Recorded steps, when a program does not keep to what `Device::repeat` asks for.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use ff_tensor::{Advance, Device};

use crate::shim::{Schedule, Shim};

/// The recorded launches use the old tensor to the end. Sanitizers would say so if it were gone.
#[test]
fn shim_a_tensor_that_is_dropped_meanwhile_stays_as_long_as_the_recording() {
    let dev = Shim::device(Schedule::Forward);
    let (clock, done) = (RefCell::new(dev.zeros::<u32>(1, 2).unwrap()), Cell::new(0));
    let mut step = || Advance { clock: &mut clock.borrow_mut() }.on(&dev);
    let mut after = || {
        done.set(done.get() + 1);
        if done.get() == 2 {
            *clock.borrow_mut() = dev.zeros(1, 2).unwrap();
        }
        ControlFlow::Continue(())
    };
    assert_eq!(dev.repeat(5, &mut step, &mut after), Ok(5));
    assert_eq!(dev.download(&clock.borrow()), Ok(vec![0, 0]));
}

#[test]
fn shim_another_thread_adds_nothing_to_a_step_that_is_recorded() {
    let dev = Shim::device(Schedule::Forward);
    let (mut clock, steps) = (dev.zeros::<u32>(1, 2).unwrap(), Cell::new(0));
    let mut step = || {
        steps.set(steps.get() + 1);
        if steps.get() == 2 {
            let said = std::thread::scope(|scope| {
                let other = || Advance { clock: &mut dev.clone().zeros(1, 2)? }.on(&dev);
                scope.spawn(other).join().unwrap()
            });
            assert!(said.unwrap_err().to_string().contains("step"));
        }
        Advance { clock: &mut clock }.on(&dev)
    };
    assert_eq!(dev.repeat(3, &mut step, &mut || ControlFlow::Continue(())), Ok(3));
    assert_eq!(dev.download(&clock), Ok(vec![3, 3]));
}

/// Whoever catches the panic can go on with the device, also from another thread.
#[test]
fn shim_a_step_that_panics_ends_its_recording() {
    let dev = Shim::device(Schedule::Forward);
    let (mut clock, steps) = (dev.zeros::<u32>(1, 2).unwrap(), Cell::new(0));
    let panicking = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut step = || {
            steps.set(steps.get() + 1);
            assert!(steps.get() < 2, "the recorded step");
            Ok(())
        };
        dev.repeat(3, &mut step, &mut || ControlFlow::Continue(()))
    }));
    assert!(panicking.is_err());
    std::thread::scope(|scope| {
        let other = || {
            let mut step = || Advance { clock: &mut clock }.on(&dev);
            dev.repeat(3, &mut step, &mut || ControlFlow::Continue(()))
        };
        assert_eq!(scope.spawn(other).join().unwrap(), Ok(3));
    });
    assert_eq!(dev.download(&clock), Ok(vec![3, 3]));
}
