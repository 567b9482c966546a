//! Files in bodies, read as they come and never whole: the body itself, or a field of a form.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use inkstone_domain::ports::ByteStream;
use inkstone_domain::{Error, codes};
use multer::{Constraints, Field, Multipart, SizeLimit};

use super::broken_off::broken_off;
use crate::error::ApiError;

/// Of a field that is no file.
const LONGEST_TEXT: usize = 16 * 1024;

/// The bytes of a body.
pub(crate) fn bytes_of(body: Body) -> ByteStream {
    let pieces = body.into_data_stream();
    pieces.map(|piece| piece.map_err(broken_off)).boxed()
}

/// The bytes of a form's field.
pub(crate) fn bytes_of_field(field: Field<'static>) -> ByteStream {
    field
        .map(|piece| piece.map_err(|error| not_a_form(error).0))
        .boxed()
}

/// The media type of a body, as it was sent.
pub(crate) fn type_of(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?;
    value.to_str().ok().map(str::to_owned)
}

/// The fields of `multipart/form-data`, one after the other.
pub(crate) fn form_of(headers: &HeaderMap, body: Body) -> Result<Multipart<'static>, ApiError> {
    let media_type = type_of(headers).unwrap_or_default();
    let boundary = multer::parse_boundary(media_type).map_err(|error| {
        ApiError(
            Error::new(
                &codes::UNSUPPORTED_MEDIA_TYPE,
                "send a form: `content-type: multipart/form-data` with a field `file`",
            )
            .with_source(error),
        )
    })?;
    let limits = SizeLimit::new()
        .for_field("alt", LONGEST_TEXT as u64)
        .for_field("name", LONGEST_TEXT as u64);
    let constraints = Constraints::new().size_limit(limits);
    let pieces = PieceByPiece {
        body: body.into_data_stream(),
        gave_one: false,
    };
    Ok(Multipart::with_constraints(pieces, boundary, constraints))
}

/// A body that says it must be waited for after each piece: the reader of forms takes whatever is there into
/// memory before it gives any of it, and from a fast sender that is everything.
struct PieceByPiece {
    body: BodyDataStream,
    gave_one: bool,
}

impl Stream for PieceByPiece {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.gave_one) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = self.body.poll_next_unpin(cx);
        self.gave_one = matches!(polled, Poll::Ready(Some(Ok(_))));
        polled
    }
}

/// `invalid_input` for a form that breaks the rules of forms.
pub(crate) fn not_a_form(error: multer::Error) -> ApiError {
    if let multer::Error::StreamReadFailed(cause) = error {
        return ApiError(broken_off(axum::Error::new(cause)));
    }
    let detail = match &error {
        multer::Error::FieldSizeExceeded { field_name, .. } => format!(
            "the field `{}` is longer than {LONGEST_TEXT} bytes",
            field_name.as_deref().unwrap_or_default()
        ),
        _ => "the form is not valid, or ended before it was read to its end".to_owned(),
    };
    ApiError(Error::new(&codes::INVALID_INPUT, detail).with_source(error))
}
