//! The entry point and the four system calls of Linux that the pause program makes.
//!
//! The only file of the project with assembly and `unsafe`.

use core::arch::{asm, naked_asm};

#[cfg(target_arch = "x86_64")]
mod number {
    pub const RT_SIGPROCMASK: usize = 14;
    pub const RT_SIGTIMEDWAIT: usize = 128;
    pub const WAIT4: usize = 61;
    pub const EXIT_GROUP: usize = 231;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub const RT_SIGPROCMASK: usize = 135;
    pub const RT_SIGTIMEDWAIT: usize = 137;
    pub const WAIT4: usize = 260;
    pub const EXIT_GROUP: usize = 94;
}

const SIG_BLOCK: usize = 0;
const WNOHANG: usize = 1;

/// Adds to the signals that wait until they are asked for.
pub fn block_signals(set: &u64) {
    // SAFETY: the kernel reads the eight bytes of `set` and writes nothing.
    unsafe { call(number::RT_SIGPROCMASK, [SIG_BLOCK, address(set), 0, size_of::<u64>()]) };
}

/// Sleeps until one of the signals in `set` is there, and takes it; negative when interrupted.
pub fn wait_for_signal(set: &u64) -> isize {
    // SAFETY: the kernel reads the eight bytes of `set`; with no place for details it writes nothing.
    unsafe { call(number::RT_SIGTIMEDWAIT, [address(set), 0, 0, size_of::<u64>()]) }
}

/// Collects one ended child; whether there was one.
pub fn reap_one() -> bool {
    const ANY_CHILD: usize = usize::MAX;
    // SAFETY: with no place for status and usage the kernel writes nothing.
    unsafe { call(number::WAIT4, [ANY_CHILD, 0, WNOHANG, 0]) > 0 }
}

/// Ends the program.
pub fn exit(code: usize) -> ! {
    loop {
        // SAFETY: touches no memory; does not return.
        unsafe { call(number::EXIT_GROUP, [code, 0, 0, 0]) };
    }
}

fn address(set: &u64) -> usize {
    core::ptr::from_ref(set) as usize
}

/// The first instructions: mark the outermost frame, align the stack, call `run`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "C" fn _start() -> ! {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("xor ebp, ebp", "and rsp, -16", "call run", "ud2");
    #[cfg(target_arch = "aarch64")]
    naked_asm!("mov x29, xzr", "mov x30, xzr", "bl run", "brk #1");
}

/// Calls the kernel.
///
/// # Safety
/// What the system call `number` reads or writes through `arguments` must be this program's to read or write.
#[cfg(target_arch = "x86_64")]
unsafe fn call(number: usize, arguments: [usize; 4]) -> isize {
    let [first, second, third, fourth] = arguments;
    let result;
    // SAFETY: the kernel's convention: rax holds number and result, rcx and r11 are lost.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") first, in("rsi") second, in("rdx") third, in("r10") fourth,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Calls the kernel.
///
/// # Safety
/// What the system call `number` reads or writes through `arguments` must be this program's to read or write.
#[cfg(target_arch = "aarch64")]
unsafe fn call(number: usize, arguments: [usize; 4]) -> isize {
    let [first, second, third, fourth] = arguments;
    let result;
    // SAFETY: the kernel's convention: x8 holds the number, x0 the result.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number,
            inlateout("x0") first => result, in("x1") second, in("x2") third, in("x3") fourth,
            options(nostack),
        );
    }
    result
}
