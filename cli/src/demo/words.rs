//! What the demo team's tasks say.

use muster_domain::task::Priority;

/// A kind of job: how its title begins, what is done, what it is labelled, how urgent it is as a rule.
pub(super) struct Job {
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) labels: &'static [&'static str],
    pub(super) priority: Priority,
}

const fn job(
    title: &'static str,
    description: &'static str,
    labels: &'static [&'static str],
    priority: Priority,
) -> Job {
    Job { title, description, labels, priority }
}

use Priority::{Critical, High, Low, Medium};

/// The jobs of each team, in the teams' order.
pub(super) const JOBS: [&[Job]; 4] = [
    &[
        job(
            "Lift stuck between floors",
            "Passengers are out. Find the cause in the controller log, test ten full runs before handing over.",
            &["lift", "breakdown"],
            Critical,
        ),
        job(
            "Lift door does not close",
            "Door reopens at the second floor. Check the light curtain and the closing force.",
            &["lift", "door"],
            High,
        ),
        job(
            "Yearly lift inspection",
            "- safety gear\n- buffers\n- emergency call\n- emergency light\n\nProtocol to the owner.",
            &["lift", "inspection"],
            Medium,
        ),
        job(
            "Escalator handrail worn",
            "Replace the handrail on the up side. Spare part is in the depot.",
            &["escalator", "wear"],
            Medium,
        ),
        job("Replace lift car lighting", "Old tubes against LED panels, all landings too.", &["lift", "upgrade"], Low),
        job(
            "Emergency call of the lift silent",
            "The call centre gets no voice. Check battery and line.",
            &["lift", "safety"],
            High,
        ),
    ],
    &[
        job(
            "No heating",
            "Whole building without heat since last night. Residents include two over eighty.",
            &["boiler", "breakdown"],
            Critical,
        ),
        job(
            "Boiler pressure drops",
            "Loses about 0.3 bar a day. Look for a leak at the expansion vessel.",
            &["boiler"],
            High,
        ),
        job(
            "Boiler service",
            "Yearly service with flue gas measurement; note the values in a comment.",
            &["boiler", "service"],
            Medium,
        ),
        job("Bleed radiators", "Third floor stays cold, bleed and rebalance the riser.", &["heating"], Low),
        job(
            "Heat pump noise",
            "Neighbour reports humming at night. Measure at the property line.",
            &["heat-pump", "complaint"],
            Medium,
        ),
        job(
            "District heating station leaks",
            "Water under the exchanger. Isolate first.",
            &["district-heating", "leak"],
            High,
        ),
    ],
    &[
        job(
            "Exchange electricity meter",
            "Calibration runs out this quarter. Customer is told of the time.",
            &["electricity", "exchange"],
            Medium,
        ),
        job(
            "Exchange water meter",
            "Meter runs backwards at low flow. Seal and photograph.",
            &["water", "exchange"],
            Medium,
        ),
        job(
            "Read meters by hand",
            "The radio module does not answer. Read all meters in the cellar.",
            &["reading"],
            Low,
        ),
        job(
            "Smell of gas at the meter",
            "Reported by the caretaker. Ventilate, measure, shut off if above the limit.",
            &["gas", "safety"],
            Critical,
        ),
        job(
            "Fit smart meter",
            "New connection, cabinet is ready. Activate the gateway before leaving.",
            &["electricity", "smart-meter"],
            Medium,
        ),
        job(
            "Meter cabinet broken open",
            "Lock forced, seals missing. Photographs for the police report.",
            &["damage"],
            High,
        ),
    ],
    &[
        job("Street light dark", "Single light out; lamp or ballast.", &["light", "lamp"], Low),
        job(
            "Row of street lights dark",
            "Eight lights in a row, probably the cable at the cabinet.",
            &["light", "cable"],
            High,
        ),
        job(
            "Street light pole hit by a car",
            "Pole leans over the footpath. Secure first, replace after.",
            &["light", "damage", "safety"],
            Critical,
        ),
        job("Lights on by day", "Twilight switch stuck. Clean or replace.", &["light", "control"], Low),
        job(
            "Traffic signal flashes yellow",
            "Controller is in fault mode since 06:40.",
            &["signal", "breakdown"],
            Critical,
        ),
        job(
            "Replace luminaires with LED",
            "Whole street, 24 luminaires, road closure is granted.",
            &["light", "upgrade"],
            Medium,
        ),
    ],
];

/// Places of each team, with where they are (degrees north and east).
pub(super) const PLACES: [&[(&str, f64, f64)]; 4] = [
    &[
        ("Lindenallee 14, Berlin", 52.5612, 13.3790),
        ("Town hall Pankow, Berlin", 52.5690, 13.4020),
        ("Seestrasse 88, Berlin", 52.5520, 13.3540),
        ("Library at the Luisenbad, Berlin", 52.5527, 13.3837),
        ("Osloer Strasse station, Berlin", 52.5570, 13.3735),
        ("Clinic Nordend, Berlin", 52.5904, 13.4079),
    ],
    &[
        ("Harbour View House, Bristol", 51.4480, -2.6010),
        ("12 Clifton Vale, Bristol", 51.4517, -2.6170),
        ("St Luke's Primary School, Bristol", 51.4410, -2.5700),
        ("Whiteladies Court, Bristol", 51.4640, -2.6110),
        ("Filton Avenue 203, Bristol", 51.4890, -2.5790),
        ("Redcliffe Care Home, Bristol", 51.4470, -2.5880),
    ],
    &[
        ("ul. Brzozowa 7, Warsaw", 52.2480, 21.0130),
        ("ul. Targowa 41, Warsaw", 52.2550, 21.0360),
        ("Housing estate Sady, Warsaw", 52.2660, 20.9800),
        ("Bakery at Plac Wilsona, Warsaw", 52.2690, 20.9850),
        ("ul. Kwiatowa 22, Warsaw", 52.2050, 21.0190),
        ("School no. 64, Warsaw", 52.2720, 20.9720),
    ],
    &[
        ("Rua das Flores 31, Lisbon", 38.7090, -9.1430),
        ("Avenida da Liberdade, cabinet 17, Lisbon", 38.7200, -9.1460),
        ("Largo do Carmo, Lisbon", 38.7121, -9.1405),
        ("Campo Grande crossing, Lisbon", 38.7580, -9.1550),
        ("Rua do Salitre 102, Lisbon", 38.7210, -9.1530),
        ("Parque das Nações, pier 2, Lisbon", 38.7680, -9.0930),
    ],
];

pub(super) const CUSTOMERS: [&str; 8] = [
    "Caretaker on site until 16:00.",
    "Key is at the reception.",
    "Call the customer half an hour before.",
    "Parking in the yard, code at the office.",
    "Customer works nights, please not before ten.",
    "Access only with a second person.",
    "The owner wants photographs before and after.",
    "Dog on the premises.",
];

pub(super) const COMMENTS: [&str; 12] = [
    "On my way, there by half past.",
    "Looked at it: worse than reported, will take the afternoon.",
    "Photographs are with the office.",
    "Customer was not at home, left a card.",
    "Spare part ordered, number is on the delivery note.",
    "Measured twice, values are within the limits now.",
    "The caretaker asks whether we can come earlier.",
    "Done so far; cleaning up tomorrow.",
    "Please check the stairwell too while you are there.",
    "Second pair of hands would help.",
    "Told the residents that it will be loud until noon.",
    "Same fault as in spring, see the last protocol.",
];

pub(super) const HOLDS: [(&str, &str); 6] = [
    ("Waiting for a spare part.", "The part has arrived."),
    ("Customer is away until next week.", "Customer is back and has agreed to a time."),
    ("No access: the cellar is locked.", "The key is here."),
    ("Weather: too windy for the platform.", "The wind has dropped."),
    ("Waiting for the road closure to be granted.", "The closure is granted."),
    ("Waiting for the owner's approval of the costs.", "The owner has approved."),
];

pub(super) const REOPENED: [&str; 4] = [
    "The fault is back, customer called this morning.",
    "Protocol is missing the measured values.",
    "Worked for two days, now the same noise again.",
    "The seal was not photographed, please go again.",
];

pub(super) const ADDENDA: [&str; 4] = [
    "Update: the customer adds that it began last Thursday.",
    "Update: take the long ladder.",
    "Update: two more units in the same building have it too.",
    "Update: the owner pays only after a written estimate.",
];
