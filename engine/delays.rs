//! Delays that double.

use std::time::Duration;

/// The delays between attempts: each is twice the last one, up to the longest.
#[derive(Debug, Clone)]
pub struct Delays {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Delays {
    /// Delays that begin with `first`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The next delay.
    pub fn advance(&mut self) -> Duration {
        let following = (self.next * 2).min(self.longest);
        std::mem::replace(&mut self.next, following)
    }

    /// Begins with the first one again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_begin_again() {
        let seconds = Duration::from_secs;
        let mut delays = Delays::new(seconds(2), seconds(7));
        assert_eq!([(); 4].map(|()| delays.advance()), [2, 4, 7, 7].map(seconds));
        delays.reset();
        assert_eq!(delays.advance(), seconds(2));
    }
}
