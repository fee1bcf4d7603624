//! Where a task is to be done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Invalid, Name};

/// Where a task is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The place in words: an address, a room.
    pub name: Name,
    /// Where it is on the globe, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// A point on the globe (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
#[serde(try_from = "RawPosition")]
pub struct Position {
    /// Degrees north.
    #[schema(minimum = -90.0, maximum = 90.0)]
    latitude: f64,
    /// Degrees east.
    #[schema(minimum = -180.0, maximum = 180.0)]
    longitude: f64,
}

/// A position as it comes in, before its bounds are checked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Position")]
struct RawPosition {
    /// Degrees north.
    #[schemars(range(min = -90.0, max = 90.0))]
    latitude: f64,
    /// Degrees east.
    #[schemars(range(min = -180.0, max = 180.0))]
    longitude: f64,
}

impl Position {
    /// The point at these degrees north and east, kept to seven decimals (a centimetre).
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, Invalid> {
        Ok(Self { latitude: Self::north(latitude)?, longitude: Self::east(longitude)? })
    }

    /// These degrees north, as a position keeps them.
    pub fn north(latitude: f64) -> Result<f64, Invalid> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(Invalid::Form("the latitude must be between -90 and 90 degrees"));
        }
        Ok(rounded(latitude))
    }

    /// These degrees east, as a position keeps them.
    pub fn east(longitude: f64) -> Result<f64, Invalid> {
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(Invalid::Form("the longitude must be between -180 and 180 degrees"));
        }
        Ok(rounded(longitude))
    }

    /// Degrees north.
    pub const fn latitude(&self) -> f64 {
        self.latitude
    }

    /// Degrees east.
    pub const fn longitude(&self) -> f64 {
        self.longitude
    }
}

fn rounded(degrees: f64) -> f64 {
    // Adding zero turns -0.0, which has no canonical JSON of its own, into 0.
    (degrees * 1e7).round() / 1e7 + 0.0
}

impl TryFrom<RawPosition> for Position {
    type Error = Invalid;
    fn try_from(raw: RawPosition) -> Result<Self, Invalid> {
        Self::new(raw.latitude, raw.longitude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_lies_on_the_globe() {
        let position = Position::new(-0.000_000_001, 179.123_456_78).unwrap();
        assert_eq!(serde_json::to_string(&position).unwrap(), r#"{"latitude":0.0,"longitude":179.1234568}"#);
        for (text, refusal) in [
            (r#"{"latitude":91,"longitude":0}"#, "the latitude must be between -90 and 90 degrees"),
            (r#"{"latitude":0,"longitude":-180.5}"#, "the longitude must be between -180 and 180 degrees"),
        ] {
            assert_eq!(serde_json::from_str::<Position>(text).unwrap_err().to_string(), refusal);
        }
        assert_eq!((Position::north(-90.0), Position::east(180.0)), (Ok(-90.0), Ok(180.0)));
    }
}
