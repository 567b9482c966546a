//! Takes up a new certificate while the engine runs.

use std::sync::Arc;

use inkstone_api::Tls;
use inkstone_config::watch::{FileWatch, WatchError, Watched};
use tokio_util::sync::CancellationToken;

pub(crate) struct CertificateWatch {
    tls: Arc<Tls>,
    watch: FileWatch,
}

impl CertificateWatch {
    /// From now on nothing is missed.
    pub(crate) fn start(tls: Arc<Tls>) -> Result<Self, WatchError> {
        Ok(Self {
            watch: FileWatch::start(watched(&tls))?,
            tls,
        })
    }

    /// Reads the pair at every change, until `stop`. One file is written before the other: half a new pair
    /// is wrong for a moment, and changes nothing.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let changed = tokio::select! {
                changed = self.watch.changed() => changed,
                () = stop.cancelled() => return,
            };
            if changed.is_none() {
                tracing::warn!(
                    "changes of the certificate are no longer told; restart to take them up"
                );
                return;
            }
            match self.tls.reload() {
                Ok(()) => tracing::info!("new connections see the certificate as it is now"),
                Err(error) => {
                    tracing::error!(%error, "the certificate is wrong; the one before goes on being shown");
                }
            }
            // Links may lead elsewhere now.
            if let Err(error) = self.watch.follow(watched(&self.tls)) {
                tracing::warn!(%error, "some changes of the certificate will not be told");
            }
        }
    }
}

fn watched(tls: &Tls) -> Watched {
    let settings = tls.settings();
    Watched {
        files: [settings.certificate.clone(), settings.key.clone()].into(),
        ..Watched::default()
    }
}
