//! Header names as most servers write them, known without normalising.
//!
//! Owns a shortcut past `HeaderName::from_bytes` for the fields of ordinary responses, in the two usual
//! spellings. Refuses to know any other name: those go the general way. (It halves the cost of names.)

use http::header::{self, HeaderName, InvalidHeaderName};

/// The name, by the shortcut when it can.
#[inline]
pub(super) fn header_name(name: &[u8]) -> Result<HeaderName, InvalidHeaderName> {
    let known = match name.len() {
        4 => match name {
            b"Date" | b"date" => header::DATE,
            b"ETag" | b"etag" => header::ETAG,
            b"Vary" | b"vary" => header::VARY,
            _ => return HeaderName::from_bytes(name),
        },
        6 if matches!(name, b"Server" | b"server") => header::SERVER,
        7 if matches!(name, b"Expires" | b"expires") => header::EXPIRES,
        10 => match name {
            b"Connection" | b"connection" => header::CONNECTION,
            b"Set-Cookie" | b"set-cookie" => header::SET_COOKIE,
            _ => return HeaderName::from_bytes(name),
        },
        12 if matches!(name, b"Content-Type" | b"content-type") => header::CONTENT_TYPE,
        13 => match name {
            b"Accept-Ranges" | b"accept-ranges" => header::ACCEPT_RANGES,
            b"Cache-Control" | b"cache-control" => header::CACHE_CONTROL,
            b"Last-Modified" | b"last-modified" => header::LAST_MODIFIED,
            _ => return HeaderName::from_bytes(name),
        },
        14 if matches!(name, b"Content-Length" | b"content-length") => header::CONTENT_LENGTH,
        16 if matches!(name, b"Content-Encoding" | b"content-encoding") => header::CONTENT_ENCODING,
        17 if matches!(name, b"Transfer-Encoding" | b"transfer-encoding") => {
            header::TRANSFER_ENCODING
        }
        _ => return HeaderName::from_bytes(name),
    };
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortcut_finds_the_same_names_as_the_long_way() {
        let names = [
            "Date",
            "ETag",
            "Etag",
            "Vary",
            "Server",
            "Expires",
            "Connection",
            "Set-Cookie",
            "Content-Type",
            "Accept-Ranges",
            "Cache-Control",
            "Last-Modified",
            "Content-Length",
            "Content-Encoding",
            "Transfer-Encoding",
            "Link",
            "Age",
            "Keep-Alive",
            "X-Anything-At-All",
            "SERVER",
            "Cookie",
        ];
        for name in names {
            for spelling in [
                name.to_owned(),
                name.to_ascii_lowercase(),
                name.to_ascii_uppercase(),
            ] {
                let long = HeaderName::from_bytes(spelling.as_bytes()).unwrap();
                assert_eq!(header_name(spelling.as_bytes()).unwrap(), long);
            }
        }
        assert!(header_name(b"Bad Name").is_err());
        assert!(header_name(b"").is_err());
    }
}
