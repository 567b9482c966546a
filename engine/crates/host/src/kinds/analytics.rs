//! Analytics plugins: reports and their blocks.

use std::time::Duration;

use async_trait::async_trait;
use inkstone_bindings::latest::analytics::exports::inkstone::plugin::analytics as wit;
use inkstone_domain::ports::{Analytics, GuestCall, Probe};
use inkstone_domain::report::{Block, Cell, Chart, Metric, Point, ReportInfo, Series, Table};
use inkstone_domain::{Result, codes};
use serde_json::Value;

use super::declared::{Declared, schema_text};
use crate::call::{Guest, Shape};
use crate::observe::Function;
use crate::versions::AnalyticsWorld;

/// A loaded analytics plugin.
pub(crate) struct WasmAnalytics {
    guest: Guest<AnalyticsWorld>,
    declared: Declared<ReportInfo>,
    run: Function,
}

impl WasmAnalytics {
    /// Asks the guest for its reports.
    pub async fn prepare(guest: Guest<AnalyticsWorld>) -> Result<Self> {
        let declared = ask(&guest).await?;
        Ok(Self {
            run: Function::new(&guest.plugin, "run"),
            declared,
            guest,
        })
    }
}

/// What the guest says it offers, checked.
async fn ask(guest: &Guest<AnalyticsWorld>) -> Result<Declared<ReportInfo>> {
    let call = GuestCall::default();
    let asked = Function::new(&guest.plugin, "reports").begin_own(&call);
    let instruments = asked.instruments();
    let work = async {
        let mut session = guest.open(&call, instruments, Shape::Plain).await?;
        let step = session.instance.reports(&mut session.store);
        let outcome = session.watch.bound(step).await;
        let reports = session.ended(outcome)?;
        reports
            .into_iter()
            .map(report)
            .collect::<Result<_, String>>()
            .and_then(Declared::new)
            .map_err(|why| session.bad_answer(why))
    };
    asked.around_own(work).await
}

#[async_trait]
impl Probe for WasmAnalytics {
    async fn check(&self) -> Result<()> {
        ask(&self.guest).await.map(drop)
    }

    fn retire(&self, grace: Duration) {
        self.guest.plugin.retire(grace);
    }
}

#[async_trait]
impl Analytics for WasmAnalytics {
    fn reports(&self) -> &[ReportInfo] {
        self.declared.offers()
    }

    async fn run(&self, call: &GuestCall, report: &str, input: Value) -> Result<Vec<Block>> {
        let plugin = &self.guest.plugin.id;
        self.declared
            .check_input(plugin, report, &input, &codes::UNKNOWN_REPORT)?;
        let observation = self.run.begin(call, &(report, &input));
        let instruments = observation.instruments();
        let work = async {
            let input = input.to_string();
            let mut session = self.guest.open(call, instruments, Shape::Plain).await?;
            let step = session.instance.run(&mut session.store, report, &input);
            let outcome = session.watch.bound(step).await;
            let blocks = session.settle(outcome)?;
            blocks
                .into_iter()
                .map(block)
                .collect::<Result<_, String>>()
                .map_err(|why| session.bad_answer(why))
        };
        observation.around(work).await
    }
}

fn report(report: wit::ReportInfo) -> Result<ReportInfo, String> {
    Ok(ReportInfo {
        input_schema: schema_text("report", &report.id, &report.input_schema)?,
        id: report.id,
        title: report.title,
        description: report.description,
    })
}

fn block(block: wit::Block) -> Result<Block, String> {
    Ok(match block {
        wit::Block::Metric(metric) => Block::Metric(Metric {
            id: metric.id,
            title: metric.title,
            value: metric.value,
            unit: metric.unit,
            note: metric.note,
        }),
        wit::Block::Series(series) => Block::Series(Series {
            id: series.id,
            title: series.title,
            points: series
                .points
                .into_iter()
                .map(|point| Point {
                    x: point.x,
                    y: point.y,
                })
                .collect(),
        }),
        wit::Block::Table(table) => Block::Table(Table {
            id: table.id,
            title: table.title,
            columns: table.columns,
            rows: table
                .rows
                .into_iter()
                .map(|row| row.into_iter().map(cell).collect())
                .collect(),
        }),
        wit::Block::Chart(chart) => Block::Chart(Chart {
            spec: serde_json::from_str(&chart.spec).map_err(|error| {
                format!(
                    "the specification of the chart `{}` is not valid JSON: {error}",
                    chart.id
                )
            })?,
            id: chart.id,
            title: chart.title,
        }),
    })
}

fn cell(cell: wit::Cell) -> Cell {
    match cell {
        wit::Cell::Text(text) => Cell::Text(text),
        wit::Cell::Number(number) => Cell::Number(number),
        wit::Cell::Empty => Cell::Empty,
    }
}
