//! Copies of few bytes, without a call: keys are mostly numbers of eight bytes.
//!
//! Knows bytes. Does not know what they are.

/// Appends `bytes` to `out`.
#[inline(always)]
pub(crate) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    match <&[u8; 8]>::try_from(bytes) {
        Ok(eight) => out.extend_from_slice(eight),
        Err(_) => out.extend_from_slice(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn bytes_of_any_number_are_appended() {
        for len in 0..20u8 {
            let mut out = vec![255];
            let bytes: Vec<u8> = (0..len).collect();
            append(&mut out, &bytes);
            assert_eq!(out, [&[255], &bytes[..]].concat());
        }
    }
}
