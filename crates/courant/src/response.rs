//! What every response is made of.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// A response's body.
#[derive(Debug)]
pub(crate) enum Body {
    /// Whole, in memory.
    Whole(Full<Bytes>),
    /// On its way from an upstream, passed on as it comes.
    Passing(UnsyncBoxBody<Bytes, Cut>),
}

/// A body that ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the upstream ended its answer before it was whole")]
    Broken,
    #[error("the upstream sent nothing more of its answer in time (idle_timeout_ms)")]
    Slow,
}

impl Body {
    pub(crate) fn new(bytes: Bytes) -> Body {
        Body::Whole(Full::new(bytes))
    }

    pub(crate) fn passing(body: impl HttpBody<Data = Bytes, Error = Cut> + Send + 'static) -> Body {
        Body::Passing(body.boxed_unsync())
    }
}

impl Default for Body {
    fn default() -> Body {
        Body::new(Bytes::new())
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Body::new(Bytes::from(text))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Body::Whole(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Body::Passing(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(body) => body.is_end_stream(),
            Body::Passing(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(body) => body.size_hint(),
            Body::Passing(body) => body.size_hint(),
        }
    }
}

/// A response of JSON that was made here.
pub(crate) fn json(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}
