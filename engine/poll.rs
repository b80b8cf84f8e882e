//! Repeats an attempt until its result is final or its time is up.

use std::time::Duration;

use tokio::time::Instant;

/// Calls `attempt` until its result `is_final` or `limit` has passed, with a `pause` between the calls, and returns the
/// last result.
pub async fn poll<T, F: Future<Output = T>>(
    pause: Duration,
    limit: Duration,
    mut attempt: impl FnMut() -> F,
    is_final: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + limit;
    loop {
        let result = attempt().await;
        if is_final(&result) || Instant::now() >= end {
            return result;
        }
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn attempts_end_with_a_final_result_or_after_the_limit() {
        let mut count = 0;
        let mut attempt = || {
            count += 1;
            std::future::ready(count)
        };
        let hour = Duration::from_secs(3600);
        assert_eq!(poll(Duration::ZERO, hour, &mut attempt, |count| *count == 3).await, 3);
        assert_eq!(poll(hour, Duration::ZERO, &mut attempt, |_| false).await, 4);
    }
}
