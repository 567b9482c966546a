//! Tries that engines count together. Keys are digests: no Redis holds an e-mail or an address of ours.

use std::fmt::Write;
use std::time::Duration;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::ports::{Trier, TryCounter, TryKey, Waits};
use redis::{Script, ScriptInvocation};

use crate::connection::Connection;

/// Counts in a Redis.
pub struct RedisTries {
    connection: Connection,
    begin: Script,
    forgive: Script,
}

impl RedisTries {
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            begin: Script::new(include_str!("tries/begin.lua")),
            forgive: Script::new(include_str!("tries/forgive.lua")),
        }
    }

    fn key_of(&self, key: &TryKey) -> String {
        let mut name = self.connection.name("tries:");
        for byte in key {
            // Writing to a text cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }

    fn about<'s>(
        &self,
        script: &'s Script,
        account: Trier,
        address: Option<Trier>,
    ) -> ScriptInvocation<'s> {
        let mut script = script.key(self.key_of(&account.key));
        if let Some(address) = address {
            script.key(self.key_of(&address.key));
        }
        script
    }
}

#[async_trait]
impl TryCounter for RedisTries {
    async fn begin(
        &self,
        account: Trier,
        address: Option<Trier>,
        waits: Waits,
    ) -> Result<Option<Duration>> {
        let mut script = self.about(&self.begin, account, address);
        script
            .arg(as_ms(waits.first))
            .arg(as_ms(waits.longest))
            .arg(as_ms(waits.forget_after))
            .arg(account.free)
            .arg(address.map_or(0, |address| address.free));
        let mut commands = self.connection.commands();
        let work = script.invoke_async::<u64>(&mut commands);
        let wait_ms = self.connection.ask(work).await?;
        Ok((wait_ms > 0).then(|| Duration::from_millis(wait_ms)))
    }

    async fn forgive(&self, account: Trier, address: Option<Trier>) -> Result<()> {
        let mut script = self.about(&self.forgive, account, address);
        script.arg(address.map_or(0, |address| address.free));
        let mut commands = self.connection.commands();
        let work = script.invoke_async::<redis::Value>(&mut commands);
        self.connection.ask(work).await?;
        Ok(())
    }
}

fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
