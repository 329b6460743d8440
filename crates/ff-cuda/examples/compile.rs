//! The kernels' text on stdout, `compile text`; or compiled by NVRTC for an architecture, `compile sm_90`.
//!
//! For the checks that need a compiler but no GPU: tests/cuda/compile.sh.

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let what = std::env::args().nth(1).unwrap_or_default();
    let program = ff_kernels::program();
    let output = if what == "text" { program.into_bytes() } else { ff_cuda::compile(&program, &what)? };
    std::io::stdout().write_all(&output)?;
    Ok(())
}
