//! The pause program: the first process of every sandbox, which holds the pod's namespaces open while its
//! containers come and go.
//!
//! It blocks until SIGTERM or SIGINT, exits with code 0 then, and reaps orphans where it is PID 1. It is a
//! static Linux executable of about a kilobyte, built from `program/` for this crate's own target and
//! loaded into a container engine from memory; no image is ever pulled for it.

#![forbid(unsafe_code)]

/// The program: a static ELF executable without an interpreter.
pub const PAUSE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pause"));

/// Where the program lies in [`layer`].
pub const PATH: &str = "/pause";

const BLOCK: usize = 512;

/// An image layer, as an uncompressed tar archive, that holds [`PAUSE`] at [`PATH`] and nothing else.
///
/// The same bytes every time, so that a layer's digest tells whether an engine has this very program.
pub fn layer() -> Vec<u8> {
    let padding = PAUSE.len().next_multiple_of(BLOCK) - PAUSE.len();
    // Two blocks of zeros end an archive.
    [&header()[..], PAUSE, &vec![0; padding], &[0; 2 * BLOCK]].concat()
}

/// The archive's entry for the program (POSIX ustar): owned by root, mode 0755, at the epoch.
fn header() -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |offset: usize, field: &[u8]| block[offset..offset + field.len()].copy_from_slice(field);
    put(0, PATH.trim_start_matches('/').as_bytes());
    put(100, b"0000755\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", PAUSE.len()).as_bytes());
    put(136, b"00000000000\0");
    // The sum is taken with its own field full of spaces.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
