//! The ports of EXPOSE.

use std::net::IpAddr;

/// The maximum total number of exposed ports.
const MOST: usize = 65_536;

/// The ports in `words`, in order, each as `8080/tcp`. A word is `8080`, `53/udp`, `8000-8003`, or any format of
/// `docker run -p`.
///
/// # Errors
/// An invalid port, as a phrase.
pub(super) fn ports(words: &[String]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for word in words.iter().flat_map(|word| word.split_whitespace()) {
        let wrong = || format!("invalid port `{word}` (try 8080 or 53/udp)");
        let (first, last, protocol) = container_ports(word).ok_or_else(wrong)?;
        if found.len() > MOST {
            return Err(wrong());
        }
        found.extend((first..=last).map(|port| format!("{port}/{protocol}")));
    }
    Ok(found)
}

/// The first and last port and the protocol of `address:host:container/protocol`, of which only the last part is
/// used; the others must be valid all the same.
fn container_ports(word: &str) -> Option<(u16, u16, String)> {
    let (before, container) = match word.rsplit_once(':') {
        Some((before, container)) => (Some(before), container),
        None => (None, word),
    };
    let (container, protocol) = container.split_once('/').unwrap_or((container, ""));
    let protocol = if protocol.is_empty() { "tcp".to_owned() } else { protocol.to_lowercase() };
    let (first, last) = range(container)?;
    let (address, host) = match before {
        Some(before) => before.rsplit_once(':').unwrap_or(("", before)),
        None => ("", ""),
    };
    let bare = address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address);
    let is_address = bare.is_empty() || bare.parse::<IpAddr>().is_ok();
    // A single container port may map to a range of host ports.
    let fits = match host {
        "" => true,
        host => range(host).is_some_and(|(begin, end)| first == last || end - begin == last - first),
    };
    let is_protocol = ["tcp", "udp", "sctp"].contains(&protocol.as_str());
    (is_address && fits && is_protocol).then_some((first, last, protocol))
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
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
        check("80/", Ok(&["80/tcp"]));
        check("53/UDP 80", Ok(&["53/udp", "80/tcp"]));
        check("8000-8002", Ok(&["8000/tcp", "8001/tcp", "8002/tcp"]));
        check("127.0.0.1:80:8080/tcp", Ok(&["8080/tcp"]));
        check("[::1]:80:8080", Ok(&["8080/tcp"]));
        check("1-3:5", Ok(&["5/tcp"]));
        check("", Ok(&[]));
        for wrong in ["http", "80/icmp", "9-8", "65536", "1-3:5-6", "x:80:80", "1:2:3:4"] {
            check(wrong, Err(()));
        }
    }
}
