//! The ports of EXPOSE.

/// How many ports a range may have in all.
const MOST: usize = 65_536;

/// `8080`, `53/udp`, `8000-8003` and what `docker run -p` takes, as `8080/tcp`, sorted, each once.
///
/// # Errors
/// What is no port, as a phrase.
pub(super) fn ports(words: &[String]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for word in words.iter().flat_map(|word| word.split_whitespace()) {
        let bad = || format!("`{word}` is no port such as 8080 or 53/udp");
        let (numbers, protocol) = match word.split_once('/') {
            Some((numbers, protocol)) => (numbers, protocol.to_lowercase()),
            None => (word, "tcp".to_owned()),
        };
        if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
            return Err(bad());
        }
        // Of `address:host:container` only the last counts.
        let numbers = numbers.rsplit(':').next().unwrap_or_default();
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let (first, last): (u16, u16) = (first.parse().map_err(|_| bad())?, last.parse().map_err(|_| bad())?);
        if first > last || found.len() > MOST {
            return Err(bad());
        }
        found.extend((first..=last).map(|port| (port, protocol.clone())));
    }
    let mut found: Vec<String> =
        found.into_iter().map(|(port, protocol)| format!("{port}/{protocol}")).collect();
    found.sort();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_docker_reads_them() {
        let check = |words: &str, expected: Result<&[&str], ()>| {
            let found = ports(&[words.to_owned()]).map_err(|_| ());
            assert_eq!(
                found,
                expected.map(|ports| ports.iter().map(|port| port.to_string()).collect()),
                "{words}"
            );
        };
        check("80", Ok(&["80/tcp"]));
        check("53/UDP 80", Ok(&["53/udp", "80/tcp"]));
        check("8000-8002", Ok(&["8000/tcp", "8001/tcp", "8002/tcp"]));
        check("127.0.0.1:80:8080/tcp", Ok(&["8080/tcp"]));
        check("", Ok(&[]));
        check("http", Err(()));
        check("80/icmp", Err(()));
        check("9-8", Err(()));
    }
}
