//! What the scripted upstream can be told, a model's name each. `carry_out` has the list of them.

use std::io::Result;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{BEGINNING, State, TEXT, TOKENS};

/// What one request is to be answered with.
pub struct Order<'a> {
    /// The whole name.
    pub model: &'a str,
    pub is_stream: bool,
}

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";

/// No HTTP is answered as most servers answer it.
pub async fn refuse(socket: &mut TcpStream) -> Result<()> {
    let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await
}

pub async fn list_models(socket: &mut TcpStream) -> Result<()> {
    let models = json!({ "object": "list", "data": [{ "id": "good", "object": "model" }] });
    whole(socket, "200 OK", JSON, "", &models.to_string()).await
}

impl Order<'_> {
    pub async fn carry_out(
        &self,
        mut socket: TcpStream,
        state: &State,
        number: usize,
    ) -> Result<()> {
        let name = self.model.split("--").next().unwrap_or_default();
        let to = &mut socket;
        match name {
            "good" => self.answer(to).await,
            // Nothing at all until it is released.
            "hold" => {
                state.wait_for_release(self.model).await;
                self.answer(to).await
            }
            "status-429-after-1" => status(to, 429, "retry-after: 1\r\n").await,
            "status-429-after-60" => status(to, 429, "retry-after: 60\r\n").await,
            _ if name.starts_with("status-") => {
                status(to, name["status-".len()..].parse().unwrap(), "").await
            }
            "slow-headers" => left(to).await,
            "malformed-sse" if !self.is_stream => {
                whole(to, "200 OK", EVENTS, "", "\u{0}: \n\nno event at all\n\n").await
            }
            "malformed-json" if !self.is_stream => {
                whole(to, "200 OK", JSON, "", r#"{"choices": [{"message": {"#).await
            }
            "wrong-type" => {
                let page = "<html><body>Please log in</body></html>";
                whole(to, "200 OK", "text/html", "", page).await
            }
            _ => {
                self.begin(to).await?;
                if self.is_stream && name != "stall" && name != "endless" {
                    // What was said is with the client before it fails.
                    let held = state.wait_for_release(self.model);
                    tokio::select! { () = held => {}, _ = left(to) => {} }
                }
                match name {
                    "stall" => {
                        left(to).await?;
                        state.note_end(number);
                        Ok(())
                    }
                    "reset" => socket.set_zero_linger(),
                    "truncated" => to.shutdown().await,
                    "malformed-json" => chunk(to, "data: {\"choices\": [{\"delta\": {\n\n").await,
                    "malformed-sse" => {
                        chunk(to, "\u{0}\u{1}: no event at all\n\n").await?;
                        end(to).await
                    }
                    "endless" => self.never_end(to).await,
                    other => panic!("`{other}` is no order"),
                }
            }
        }
    }

    /// The right answer.
    async fn answer(&self, socket: &mut TcpStream) -> Result<()> {
        let (prompt, completion) = TOKENS;
        let usage = json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        });
        if !self.is_stream {
            let message = json!({ "role": "assistant", "content": TEXT });
            let answer = json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
                "usage": usage,
            });
            return whole(socket, "200 OK", JSON, "", &answer.to_string()).await;
        }
        head(socket, EVENTS).await?;
        for word in TEXT.split_inclusive(' ') {
            chunk(socket, &text_event(word)).await?;
        }
        let finish = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
        chunk(socket, &event(&finish)).await?;
        let usage = json!({ "choices": [], "usage": usage });
        chunk(socket, &event(&usage)).await?;
        chunk(socket, "data: [DONE]\n\n").await?;
        end(socket).await
    }

    /// A good beginning.
    async fn begin(&self, socket: &mut TcpStream) -> Result<()> {
        if self.is_stream {
            head(socket, EVENTS).await?;
            return chunk(socket, &text_event(BEGINNING)).await;
        }
        head(socket, JSON).await?;
        let beginning = r#"{"choices": [{"index": 0, "message": {"content": ""#;
        chunk(socket, &format!("{beginning}{BEGINNING}")).await
    }

    async fn never_end(&self, socket: &mut TcpStream) -> Result<()> {
        let much = " and so on".repeat(2000);
        let more = match self.is_stream {
            true => text_event(&much),
            false => much,
        };
        loop {
            chunk(socket, &more).await?;
        }
    }
}

/// Waits until the client closes the connection.
async fn left(socket: &mut TcpStream) -> Result<()> {
    let mut rest = [0; 64];
    // An error is an end, too.
    while socket.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    Ok(())
}

async fn status(socket: &mut TcpStream, status: u16, headers: &str) -> Result<()> {
    let error = json!({ "error": { "message": "as ordered", "type": null, "code": null } });
    let line = format!("{status} As Ordered");
    whole(socket, &line, JSON, headers, &error.to_string()).await
}

async fn whole(
    socket: &mut TcpStream,
    status: &str,
    kind: &str,
    headers: &str,
    body: &str,
) -> Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n{headers}connection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body.as_bytes()).await?;
    socket.shutdown().await
}

async fn head(socket: &mut TcpStream, kind: &str) -> Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await
}

async fn chunk(socket: &mut TcpStream, data: &str) -> Result<()> {
    let chunk = format!("{:x}\r\n{data}\r\n", data.len());
    socket.write_all(chunk.as_bytes()).await
}

async fn end(socket: &mut TcpStream) -> Result<()> {
    socket.write_all(b"0\r\n\r\n").await?;
    socket.shutdown().await
}

fn text_event(text: &str) -> String {
    event(&json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }))
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}
