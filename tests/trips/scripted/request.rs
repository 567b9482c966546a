//! Reads one request from a socket, as far as an upstream in a test needs it.

use std::io::Result;

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Where it goes, and its JSON.
pub struct Request {
    pub path: String,
    pub body: Value,
}

/// `None` where it is no HTTP, such as the greeting of TLS.
pub async fn read(socket: &mut TcpStream) -> Result<Option<Request>> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
        if !bytes[0].is_ascii_uppercase() {
            return Ok(None);
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().unwrap());
    while bytes.len() < head_end + length {
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = serde_json::from_slice(&bytes[head_end..]).unwrap_or_default();
    Ok(Some(Request { path, body }))
}
