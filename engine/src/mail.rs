//! The mailers: one over SMTP, one that leaves a file for each mail. `lettre` writes the messages, and encodes
//! or refuses whatever could become a header of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use inkstone_config::EngineConfig;
use inkstone_config::engine::{MailTransport, SmtpConfig, SmtpTls};
use inkstone_domain::people::Mail;
use inkstone_domain::ports::Mailer;
use inkstone_domain::{Error, Result, codes};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use ulid::Ulid;

use crate::state::write_private;

/// For one mail.
const SMTP_DEADLINE: Duration = Duration::from_secs(30);

/// What `[mail]` asks for.
pub(crate) fn mailer(config: &EngineConfig) -> Result<Arc<dyn Mailer>> {
    let mail = &config.mail;
    let from = mail.from.parse::<Mailbox>().map_err(|error| {
        let from = &mail.from;
        Error::new(
            &codes::INVALID_CONFIG,
            format!("`from` in [mail] is `{from}`, which is no sender"),
        )
        .with_source(error)
    })?;
    match mail.transport {
        MailTransport::File => Ok(Arc::new(FileOutbox {
            folder: mail
                .outbox
                .clone()
                .unwrap_or_else(|| config.data_dir.join("outbox")),
            from,
        })),
        MailTransport::Smtp => Ok(Arc::new(SmtpMailer {
            transport: transport(&mail.smtp)?,
            from,
        })),
    }
}

/// Leaves each mail as a file for its owner alone.
struct FileOutbox {
    folder: PathBuf,
    from: Mailbox,
}

#[async_trait]
impl Mailer for FileOutbox {
    async fn send(&self, mail: &Mail) -> Result<()> {
        let message = message(&self.from, mail)?.formatted();
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            write_private(&folder.join(format!("{}.eml", Ulid::new())), &message)
        });
        let written = written.await.map_err(not_sent)?;
        written.map_err(not_sent)
    }
}

/// Hands mails to a server.
struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<()> {
        let message = message(&self.from, mail)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(not_sent(error)),
            Err(error) => Err(Error::new(
                &codes::UPSTREAM_UNREACHABLE,
                "the mail server did not take the mail; look at [mail.smtp]",
            )
            .with_source(error)),
        }
    }
}

fn transport(smtp: &SmtpConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    type Smtp = AsyncSmtpTransport<Tokio1Executor>;
    let builder = match smtp.tls {
        SmtpTls::Tls => Smtp::relay(&smtp.host),
        SmtpTls::StartTls => Smtp::starttls_relay(&smtp.host),
        SmtpTls::Off => Ok(Smtp::builder_dangerous(&smtp.host)),
    };
    let mut builder = builder.map_err(|error| {
        Error::new(
            &codes::INVALID_CONFIG,
            "[mail.smtp] names no server that can be used",
        )
        .with_source(error)
    })?;
    builder = builder.timeout(Some(SMTP_DEADLINE));
    if let Some(port) = smtp.port {
        builder = builder.port(port);
    }
    if let (Some(username), Some(password)) = (&smtp.username, &smtp.password) {
        let username = username.expose().to_owned();
        let password = password.expose().to_owned();
        builder = builder.credentials(Credentials::new(username, password));
    }
    Ok(builder.build())
}

fn message(from: &Mailbox, mail: &Mail) -> Result<Message> {
    let to = mail.to.parse().map_err(not_sent)?;
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(&mail.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(mail.text.clone())
        .map_err(not_sent)
}

fn not_sent(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(&codes::INTERNAL, "the mail could not be sent").with_source(source)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    fn mail(to: &str, subject: &str) -> Mail {
        Mail {
            to: to.to_owned(),
            subject: subject.to_owned(),
            text: "Täglich grüßt\r\n.\r\nBcc: eve@example.org\n".to_owned(),
        }
    }

    fn config(folder: &tempfile::TempDir) -> EngineConfig {
        EngineConfig {
            data_dir: folder.path().to_owned(),
            ..EngineConfig::default()
        }
    }

    #[tokio::test]
    async fn each_mail_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = mailer(&config(&folder)).unwrap();
        let sent = mail("ada@example.org", "Set a new password");
        mailer.send(&sent).await.unwrap();
        mailer.send(&sent).await.unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path().join("outbox"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(files.len(), 2);
        let text = std::fs::read_to_string(&files[0]).unwrap();
        assert!(text.contains("To: ada@example.org\r\n"), "{text}");
        assert!(text.contains("Subject: Set a new password\r\n"), "{text}");
    }

    /// What stands in a field never becomes a header.
    #[test]
    fn headers_cannot_be_injected() {
        let from: Mailbox = "Inkstone <no-reply@localhost>".parse().unwrap();
        for to in [
            "ada@example.org\r\nBcc: eve@example.org",
            "ada@example.org, eve@example.org",
            "ada@example.org\nBcc: eve@example.org",
        ] {
            assert!(message(&from, &mail(to, "Hello")).is_err(), "{to}");
        }
        for subject in [
            "Hi\r\nBcc: eve@example.org",
            "Hi\nBcc: eve@example.org\r\n\r\nx",
        ] {
            let message = message(&from, &mail("ada@example.org", subject)).unwrap();
            let text = String::from_utf8(message.formatted()).unwrap();
            let (head, _) = text.split_once("\r\n\r\n").unwrap();
            let is_injected = head.lines().any(|line| line.starts_with("Bcc"));
            assert!(!is_injected, "{head}");
            assert_eq!(message.envelope().to().len(), 1);
        }
    }

    /// A server of four commands.
    #[tokio::test]
    async fn a_mail_server_gets_the_mail() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"220 ready\r\n").await.unwrap();
            let (mut heard, mut in_data) = (Vec::new(), false);
            while let Some(line) = lines.next_line().await.unwrap() {
                let reply: &[u8] = match line.as_str() {
                    "." if in_data => {
                        in_data = false;
                        b"250 taken\r\n"
                    }
                    _ if in_data => b"",
                    "DATA" => {
                        in_data = true;
                        b"354 go on\r\n"
                    }
                    "QUIT" => break,
                    _ => b"250 ok\r\n",
                };
                heard.push(line);
                write.write_all(reply).await.unwrap();
                if heard.last().is_some_and(|line| line == ".") {
                    break;
                }
            }
            heard
        });
        let mut config = EngineConfig::default();
        config.mail.transport = MailTransport::Smtp;
        config.mail.smtp.host = "127.0.0.1".to_owned();
        config.mail.smtp.port = Some(port);
        config.mail.smtp.tls = SmtpTls::Off;
        let mailer = mailer(&config).unwrap();
        mailer
            .send(&mail("ada@example.org", "Confirm"))
            .await
            .unwrap();
        let heard = server.await.unwrap();
        for line in [
            "MAIL FROM:<no-reply@localhost>",
            "RCPT TO:<ada@example.org>",
            "Subject: Confirm",
        ] {
            assert!(heard.iter().any(|it| it.starts_with(line)), "{heard:?}");
        }
    }
}
