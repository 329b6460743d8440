//! This module compiles the kernels' text to an image for one architecture, with NVRTC.

use std::ffi::{CStr, CString, c_char};

use cudarc::nvrtc::result;
use cudarc::nvrtc::sys;

use crate::error::OpenError;

/// Compiles a program for `arch`, such as `sm_90`. It needs NVRTC, but neither driver nor GPU.
///
/// # Errors
/// Fails if NVRTC is not installed, or if the program has an error. It names the first one, with file and line.
pub fn compile(program: &str, arch: &str) -> Result<Vec<u8>, OpenError> {
    // SAFETY: this opens the library and closes it again.
    if !unsafe { sys::is_culib_present() } {
        return Err(OpenError::NoCompiler);
    }
    let fail = |log: String| {
        let error = log.lines().find(|line| line.contains("error")).or(log.lines().next());
        OpenError::Compile {
            arch: arch.into(),
            first: error.unwrap_or_default().trim().into(),
            log: log.clone(),
        }
    };
    let text = CString::new(program).map_err(|e| fail(e.to_string()))?;
    let handle = result::create_program(&text, Some(c"kernels")).map_err(|e| fail(e.to_string()))?;
    let mut options: Vec<String> = ff_kernels::OPTIONS.iter().map(ToString::to_string).collect();
    options.push(format!("--gpu-architecture={arch}"));
    // SAFETY: the handle has just been made. Only this thread uses it, and it is destroyed at the end.
    let image = unsafe { result::compile_program(handle, &options) }.map_err(|e| {
        // SAFETY: the handle is open, and only this thread uses it.
        let log = unsafe { result::get_program_log(handle) }.unwrap_or_default();
        let log = in_words(&log);
        fail(if log.is_empty() { e.to_string() } else { log })
    });
    // SAFETY: the handle is open, only this thread uses it, and the program has just been compiled.
    let image = image.and_then(|()| unsafe { image_of(handle) }.map_err(|e| fail(e.to_string())));
    // SAFETY: the handle is open, and nothing uses it afterwards. A failure here is not an error of the program.
    let _ = unsafe { result::destroy_program(handle) };
    image
}

/// Returns the image of a compiled program.
///
/// # Safety
/// The program must have been compiled for a real architecture.
unsafe fn image_of(handle: sys::nvrtcProgram) -> Result<Vec<u8>, result::NvrtcError> {
    let mut size = 0;
    // SAFETY: NVRTC writes one number.
    unsafe { sys::nvrtcGetCUBINSize(handle, &mut size) }.result()?;
    let mut image = vec![0u8; size];
    // SAFETY: the buffer has the size that NVRTC has just given.
    unsafe { sys::nvrtcGetCUBIN(handle, image.as_mut_ptr().cast::<c_char>()) }.result()?;
    Ok(image)
}

fn in_words(log: &[c_char]) -> String {
    let bytes: Vec<u8> = log.iter().map(|&c| c as u8).collect();
    CStr::from_bytes_until_nul(&bytes).map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    #[ignore = "needs NVRTC: tests/cuda/compile.sh brings it along"]
    fn nvrtc_compiles_the_kernels_and_names_file_and_line_of_an_error() {
        assert!(compile(&ff_kernels::fixed(), "sm_90").unwrap().starts_with(b"\x7fELF"));
        let broken = ff_kernels::fixed()
            .replace("float a = amplitude * scale[b];", "float a = amplitude * scales[b];");
        let Err(OpenError::Compile { arch, first, log }) = compile(&broken, "sm_90") else {
            panic!("it compiled")
        };
        assert_eq!(arch, "sm_90");
        assert!(first.contains("kernels/label_current.cu(") && first.contains("\"scales\""), "{first}");
        assert!(log.contains("kernels/share_grad.cu("), "{log}");
        let Err(OpenError::Compile { first, .. }) = compile(&broken, "sm_1") else { panic!("it compiled") };
        assert!(first.contains("gpu-architecture"), "{first}");
    }
}
