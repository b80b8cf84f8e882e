//! The keys that leave a container to itself: Ctrl-P Ctrl-Q, as with Docker.

const FIRST: u8 = 0x10;
const SECOND: u8 = 0x11;

/// Finds the keys in typed blocks. A Ctrl-P is kept back until the next key.
#[derive(Debug, Default)]
pub(super) struct DetachKeys {
    has_first: bool,
}

impl DetachKeys {
    /// The part of `block` to send, and whether the keys follow.
    pub(super) fn filter(&mut self, block: &[u8]) -> (Vec<u8>, bool) {
        let mut sent = Vec::with_capacity(block.len() + 1);
        for &byte in block {
            if std::mem::take(&mut self.has_first) {
                if byte == SECOND {
                    return (sent, true);
                }
                sent.push(FIRST);
            }
            if byte == FIRST {
                self.has_first = true;
            } else {
                sent.push(byte);
            }
        }
        (sent, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_both_keys_detach() {
        let check = |blocks: &[&[u8]], expected: &[u8], detaches: bool| {
            let (mut keys, mut sent) = (DetachKeys::default(), Vec::new());
            let found = blocks.iter().any(|block| {
                let (more, found) = keys.filter(block);
                sent.extend(more);
                found
            });
            assert_eq!((sent.as_slice(), found), (expected, detaches), "{blocks:?}");
        };
        check(&[b"ab"], b"ab", false);
        check(&[b"a\x10\x11b"], b"a", true);
        check(&[b"a\x10", b"\x11"], b"a", true);
        check(&[b"\x10", b"x", b"\x11"], b"\x10x\x11", false);
        check(&[b"\x10\x10\x11"], b"\x10", true);
    }
}
