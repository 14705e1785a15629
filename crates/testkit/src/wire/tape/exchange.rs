//! A request and its answer, as a tape holds them.

use std::io;

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName};
use hyper::{HeaderMap, Request, StatusCode};
use serde::{Deserialize, Serialize};

use super::super::answer::Answer;
use super::canonical::{Form, canonical, shown};

/// What an answer's headers say of the moment, not of the answer.
const PASSING: [HeaderName; 3] = [CONTENT_LENGTH, DATE, HeaderName::from_static("x-request-id")];

/// What tells a request from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) content_type: String,
    #[serde(skip)]
    pub(super) body: Bytes,
}

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Exchange {
    /// The case.
    pub(super) part: String,
    pub(super) asked: Asked,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    #[serde(skip)]
    pub(super) body: Bytes,
    pub(super) trailers: Vec<(String, String)>,
}

impl Asked {
    pub(super) fn of(request: &Request<Bytes>) -> Self {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        Self {
            method: request.method().to_string(),
            path: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
            content_type: content_type.to_owned(),
            body: canonical(Form::of(content_type), request.body()),
        }
    }

    pub(super) fn form(&self) -> Form {
        Form::of(&self.content_type)
    }

    /// The request for people.
    pub(super) fn shown(&self) -> String {
        format!("{} {}\n{}", self.method, self.path, shown(self.form(), &self.body))
    }
}

impl Exchange {
    pub(super) fn new(part: &str, asked: Asked, answer: &Answer) -> Self {
        Self {
            part: part.to_owned(),
            asked,
            status: answer.status.as_u16(),
            headers: pairs(&answer.headers),
            body: answer.body.clone(),
            trailers: pairs(&answer.trailers),
        }
    }

    pub(super) fn answer(&self) -> io::Result<Answer> {
        Ok(Answer {
            status: StatusCode::from_u16(self.status).map_err(io::Error::other)?,
            headers: map(&self.headers)?,
            body: self.body.clone(),
            trailers: map(&self.trailers)?,
        })
    }
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let lasting = headers.iter().filter(|(name, _)| !PASSING.contains(name));
    lasting
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect()
}

fn map(pairs: &[(String, String)]) -> io::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().map_err(io::Error::other)?;
        headers.append(name, value.parse().map_err(io::Error::other)?);
    }
    Ok(headers)
}
