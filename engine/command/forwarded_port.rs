//! A port as `windlass forward` accepts it.

use std::str::FromStr;

use crate::connect::ForwardSpec;

/// A port to forward: `80`, `8080:80`, `0.0.0.0:8080:80`, `[::1]:8080:80`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedPort(ForwardSpec);

impl ForwardedPort {
    /// The port.
    pub(super) fn spec(&self) -> ForwardSpec {
        self.0.clone()
    }
}

impl FromStr for ForwardedPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number =
            |text: &str| text.parse::<u16>().map_err(|_| format!("`{text}` is not a port: 1 to 65535"));
        let (rest, remote) = text.rsplit_once(':').unwrap_or((text, text));
        let (address, local) = match rest.rsplit_once(':') {
            Some((address, local)) => (Some(address.trim_matches(['[', ']']).to_owned()), local),
            None => (None, rest),
        };
        let (port, remote_port) = (number(local)?, number(remote)?);
        if remote_port == 0 {
            return Err("the port in the container cannot be 0".to_owned());
        }
        let key = format!(
            "the argument `{text}`, such as `{}:{remote_port}`",
            if port < 1024 { 8000 + port } else { port + 1 }
        );
        Ok(Self(ForwardSpec { port, remote_port, bind_address: address, key }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_has_up_to_three_parts() {
        let parse = |text: &str| {
            let spec = text.parse::<ForwardedPort>().map(|port| port.spec());
            spec.map(|spec| (spec.bind_address, spec.port, spec.remote_port))
        };
        assert_eq!(parse("80"), Ok((None, 80, 80)));
        assert_eq!(parse("0:80"), Ok((None, 0, 80)));
        assert_eq!(parse("8080:80"), Ok((None, 8080, 80)));
        assert_eq!(parse("0.0.0.0:8080:80"), Ok((Some("0.0.0.0".to_owned()), 8080, 80)));
        assert_eq!(parse("[::1]:8080:80"), Ok((Some("::1".to_owned()), 8080, 80)));
        for wrong in ["", "x", "80:", ":80", "0", "8080:0", "70000", "-1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
