//! Limits that engines count together: one hash for each subject, one script for each step, the time of the Redis.
//! What an engine has reserved stands under its own name, and counts as long as that name shows signs of life.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::allowance::{Allowance, DaySpend, RateInfo, RateLeft, Spend, Subject};
use inkstone_domain::money::Money;
use inkstone_domain::ports::{Admittance, LimitCounter, Refusal, Reservation, Reserved, Shortage};
use redis::{Script, ScriptInvocation, Value};
use ulid::Ulid;

use crate::connection::Connection;
use crate::error::Fault;

/// Without a sign of life for so long an engine has died.
const LIFE: Duration = Duration::from_secs(15);

/// Counts in a Redis.
pub struct RedisLimits {
    connection: Connection,
    life: Duration,
    /// In whose name this engine reserves. Where it is not known whether a step was taken, another name is
    /// taken up, and what stands under the old one is forgotten with it.
    holder: Mutex<String>,
    reserve: Script,
    release: Script,
    spend: Script,
    raise: Script,
}

impl RedisLimits {
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            life: LIFE,
            holder: Mutex::new(Ulid::new().to_string()),
            reserve: Script::new(include_str!("limits/reserve.lua")),
            release: Script::new(include_str!("limits/release.lua")),
            spend: Script::new(include_str!("limits/spend.lua")),
            raise: Script::new(include_str!("limits/raise.lua")),
        }
    }

    /// Who gives no sign of life for so long has died; 15 seconds by default.
    pub fn with_life(self, life: Duration) -> Self {
        Self { life, ..self }
    }

    fn holder(&self) -> String {
        let holder = self.holder.lock();
        holder.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nobody knows what stands under this name.
    fn give_up(&self, holder: &str) {
        let mut present = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        if *present == holder {
            *present = Ulid::new().to_string();
        }
    }

    fn engines(&self) -> String {
        self.connection.name("engines")
    }

    fn key_of(&self, subject: &Subject) -> String {
        self.connection.name(&format!("limits:{subject}"))
    }

    async fn run(&self, script: &ScriptInvocation<'_>) -> Result<Value, Fault> {
        let mut commands = self.connection.commands();
        self.connection
            .ask(script.invoke_async(&mut commands))
            .await
    }
}

#[async_trait]
impl LimitCounter for RedisLimits {
    async fn reserve(&self, reservation: &Reservation) -> Result<Admittance> {
        let holder = self.holder();
        let Spend { money, tokens } = reservation.estimate;
        let mut script = self.reserve.key(self.engines());
        script
            .arg(&holder)
            .arg(as_ms(self.life))
            .arg(money.0)
            .arg(tokens)
            .arg(reservation.today.to_string());
        for bound in &reservation.bounds {
            let allowance = &bound.allowance;
            let budget = allowance.budget;
            let first = budget.map(|budget| budget.period.first_day(reservation.today));
            script
                .key(self.key_of(&bound.subject))
                .arg(word(allowance.requests_per_minute))
                .arg(word(allowance.tokens_per_minute))
                .arg(word(allowance.max_parallel))
                .arg(word(budget.and_then(|budget| budget.money.map(|it| it.0))))
                .arg(word(budget.and_then(|budget| budget.tokens)))
                .arg(word(first));
        }
        match self.run(&script).await {
            Ok(value) => Ok(admittance(value, reservation, holder)?),
            Err(fault) => {
                if !matches!(fault, Fault::Resting) {
                    self.give_up(&holder);
                }
                Err(fault.into())
            }
        }
    }

    async fn release(&self, holder: &str, reservation: &Reservation, used: Spend) -> Result<()> {
        let Spend { money, tokens } = reservation.estimate;
        let mut script = self.release.prepare_invoke();
        for bound in &reservation.bounds {
            script.key(self.key_of(&bound.subject));
        }
        script.arg(holder).arg(money.0).arg(tokens).arg(used.tokens);
        if let Err(fault) = self.run(&script).await {
            self.give_up(holder);
            return Err(fault.into());
        }
        Ok(())
    }

    async fn spend(
        &self,
        day: chrono::NaiveDate,
        subjects: &[Subject],
        spend: Spend,
    ) -> Result<()> {
        let mut script = self.spend.prepare_invoke();
        for subject in subjects {
            script.key(self.key_of(subject));
        }
        script
            .arg(day.to_string())
            .arg(spend.money.0)
            .arg(spend.tokens);
        self.run(&script).await?;
        Ok(())
    }

    async fn raise(&self, subject: &Subject, days: &[DaySpend]) -> Result<()> {
        let mut script = self.raise.key(self.key_of(subject));
        for DaySpend { day, spend, .. } in days {
            script
                .arg(day.to_string())
                .arg(spend.money.0)
                .arg(spend.tokens);
        }
        self.run(&script).await?;
        Ok(())
    }

    async fn keep(&self) -> Result<()> {
        // Reserving nothing is a sign of life, too, and by the same clock.
        let nothing = Reservation {
            bounds: Vec::new(),
            estimate: Spend::default(),
            today: chrono::NaiveDate::default(),
        };
        self.reserve(&nothing).await.map(drop)
    }
}

/// What the script says, in our words.
fn admittance(value: Value, asked: &Reservation, holder: String) -> Result<Admittance, Fault> {
    let told = format!("{value:?}");
    let nonsense = || Fault::Nonsense(told.clone());
    let Value::Array(parts) = value else {
        return Err(nonsense());
    };
    if let [_, Value::Array(numbers)] = parts.as_slice() {
        let subjects = numbers.iter().filter_map(|number| match number {
            Value::Int(number) => usize::try_from(number - 1).ok(),
            _ => None,
        });
        let subjects = subjects.filter_map(|at| asked.bounds.get(at));
        let subjects = subjects.map(|bound| bound.subject.clone()).collect();
        return Ok(Admittance::Unknown(subjects));
    }
    let parts: Vec<String> = parts.into_iter().map(text).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["reserved", levels @ ..] => {
            let mut rate = RateInfo::default();
            for (bound, levels) in asked.bounds.iter().zip(levels.chunks(2)) {
                rate = rate.tighter(rate_of(&bound.allowance, levels));
            }
            Ok(Admittance::Reserved(Reserved { holder, rate }))
        }
        ["refused", at, why, one, other, levels @ ..] => {
            let bound = at.parse::<usize>().map_err(|_| nonsense())? - 1;
            let asked = asked.bounds.get(bound).ok_or_else(nonsense)?;
            let number = |text: &str| text.parse::<u64>().map_err(|_| nonsense());
            let shortage = match *why {
                "parallel" => Shortage::Parallel,
                "requests" => Shortage::Requests {
                    wait: Duration::from_millis(number(one)?),
                },
                "tokens" => Shortage::Tokens {
                    wait: Duration::from_millis(number(one)?),
                },
                "budget" => Shortage::Budget {
                    used: Spend {
                        money: Money(number(one)?),
                        tokens: number(other)?,
                    },
                },
                _ => return Err(nonsense()),
            };
            Ok(Admittance::Refused(Refusal {
                bound,
                shortage,
                rate: rate_of(&asked.allowance, levels),
            }))
        }
        _ => Err(nonsense()),
    }
}

/// `levels` of requests and tokens; empty where they are not bounded.
fn rate_of(allowance: &Allowance, levels: &[&str]) -> RateInfo {
    let left = |limit: Option<u64>, at: usize| {
        let (limit, level) = (limit?, levels.get(at)?.parse::<f64>().ok()?);
        let missing = (limit as f64 - level).max(0.0);
        let seconds = missing * 60.0 / (limit as f64).max(f64::MIN_POSITIVE);
        Some(RateLeft {
            limit,
            // What floats leave over is no missing token.
            remaining: (level + 1e-6).max(0.0) as u64,
            reset: Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(86_400)),
        })
    };
    RateInfo {
        requests: left(allowance.requests_per_minute.map(u64::from), 0),
        tokens: left(allowance.tokens_per_minute, 1),
    }
}

fn text(value: Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::SimpleString(text) => text,
        Value::Int(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// Empty where there is no such bound.
fn word<T: ToString>(bound: Option<T>) -> String {
    bound.map(|bound| bound.to_string()).unwrap_or_default()
}

fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
