//! Reports: blocks that carry their kind in `type`.

use inkstone_domain::report::{Block, Cell, Point};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A report that was run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportReply {
    /// Its parts, in the order to show them.
    pub blocks: Vec<BlockReply>,
}

/// A part of a report.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum BlockReply {
    /// A number.
    Metric {
        id: String,
        title: String,
        value: f64,
        unit: Option<String>,
        note: Option<String>,
    },
    /// A row of points.
    Series {
        id: String,
        title: String,
        points: Vec<PointReply>,
    },
    /// A table; cells are texts, numbers or null.
    Table {
        id: String,
        title: String,
        columns: Vec<String>,
        #[schema(value_type = Vec<Vec<Value>>)]
        rows: Vec<Vec<CellReply>>,
    },
    /// A plot as a Vega-Lite specification with its data inline.
    Chart {
        id: String,
        title: String,
        #[schema(value_type = Object)]
        spec: Value,
    },
}

/// A point of a series.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PointReply {
    pub x: String,
    pub y: f64,
}

/// A cell of a table.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum CellReply {
    Text(String),
    Number(f64),
    Empty,
}

impl From<Vec<Block>> for ReportReply {
    fn from(blocks: Vec<Block>) -> Self {
        Self {
            blocks: blocks.into_iter().map(BlockReply::from).collect(),
        }
    }
}

impl From<Block> for BlockReply {
    fn from(block: Block) -> Self {
        match block {
            Block::Metric(metric) => Self::Metric {
                id: metric.id,
                title: metric.title,
                value: metric.value,
                unit: metric.unit,
                note: metric.note,
            },
            Block::Series(series) => Self::Series {
                id: series.id,
                title: series.title,
                points: series.points.into_iter().map(PointReply::from).collect(),
            },
            Block::Table(table) => Self::Table {
                id: table.id,
                title: table.title,
                columns: table.columns,
                rows: table
                    .rows
                    .into_iter()
                    .map(|row| row.into_iter().map(CellReply::from).collect())
                    .collect(),
            },
            Block::Chart(chart) => Self::Chart {
                id: chart.id,
                title: chart.title,
                spec: chart.spec,
            },
        }
    }
}

impl From<Point> for PointReply {
    fn from(point: Point) -> Self {
        Self {
            x: point.x,
            y: point.y,
        }
    }
}

impl From<Cell> for CellReply {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Text(text) => Self::Text(text),
            Cell::Number(number) => Self::Number(number),
            Cell::Empty => Self::Empty,
        }
    }
}
