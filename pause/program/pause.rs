//! The program that holds a pod's namespaces open: it sleeps until it is told to stop, and as PID 1 of a
//! shared PID namespace it reaps the zombies that its pod leaves behind.
//!
//! Built by `build.rs` on its own, without the standard library; not a part of the `bireme-pause` library.

#![no_std]
#![no_main]

mod system;

/// SIGINT, SIGTERM and SIGCHLD: bit n-1 stands for signal n.
const AWAITED: u64 = 1 << (2 - 1) | 1 << (15 - 1) | 1 << (SIGCHLD - 1);
const SIGCHLD: isize = 17;

/// Called by the entry point with the stack in order.
#[unsafe(no_mangle)]
extern "C" fn run() -> ! {
    // Blocked signals wait until they are asked for; PID 1 would not even be sent unblocked ones.
    system::block_signals(&AWAITED);
    loop {
        // Before the first wait too: a child may have ended before its signal was blocked.
        while system::reap_one() {}
        let signal = system::wait_for_signal(&AWAITED);
        if signal != SIGCHLD && signal > 0 {
            system::exit(0);
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    system::exit(1)
}
