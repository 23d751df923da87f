use super::*;
use crate::facts::{Address, Disk, Fact, Gap, Nic, Node};
use proptest::prelude::*;
use std::net::IpAddr;

fn salt() -> Salt {
    Salt::new(b"a salt for tests only").expect("long enough")
}

fn of(text: &str) -> Redacted {
    let text = format!(r#"{{"schema":"quorate/1",{text}}}"#);
    let document = Document::parse(text.as_bytes(), "facts.json").unwrap_or_else(|error| panic!("{error}"));
    redact(&document, &salt()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_field_that_is_listed_exists_and_is_a_text() {
    for (path, _) in fields::FIELDS {
        let mut ty = Document::fact_type();
        for name in path.split('.') {
            while let Type::List(inner) = ty {
                ty = *inner;
            }
            let Type::Record(record) = ty else { panic!("{path}") };
            ty = (record.find(name).unwrap_or_else(|| panic!("{path} is no fact")).1.ty)();
        }
        while let Type::List(inner) = ty {
            ty = *inner;
        }
        assert_eq!(ty, Type::Str, "{path}");
    }
}

#[test]
fn one_name_is_one_token_wherever_it_stands() {
    let redacted = of(
        r#""nodes":[{"name":"hv1","hostname":"hv1","nics":[{"name":"eth0","mtu":1500}]},{"name":"HV1.corp.example.com"}],
        "links":[{"name":"hv1 > hv2 cluster icmp","from":"hv1","trouble":"ssh: connect to host hv1.corp.example.com port 22"}],
        "gaps":[{"path":"nodes[hv1].nics[eth0].mtu","detail":"hv1: no (hv1-a, /dev/hv1x)"}]"#,
    );
    let document = &redacted.document;
    let name = &document.nodes[0].name;
    assert!(name.starts_with("node-") && Some(name) == document.nodes[0].hostname.as_ref(), "{name}");
    let link = &document.links.as_ref().expect("links")[0];
    assert_eq!(link.name, format!("{name} > hv2 cluster icmp"), "hv2 is no name that is known");
    assert_eq!(link.from.as_ref(), Some(name));
    let trouble = link.trouble.as_deref().expect("there");
    assert!(trouble.contains(&format!("{name}.dom-")) && trouble.contains(".example port 22"), "{trouble}");
    let gap = &document.gaps[0];
    assert_eq!(gap.path, format!("nodes[{name}].nics[eth0].mtu"));
    assert_eq!(gap.detail.as_deref(), Some(format!("{name}: no ({name}-a, /dev/hv1x)").as_str()));
    assert_eq!(redacted.path("nodes[hv1].os.build"), format!("nodes[{name}].os.build"));
    assert!(!document.to_json().to_lowercase().contains("corp"), "{}", document.to_json());
}

#[test]
fn forms_stay_what_they_are() {
    let redacted = of(
        r#""nodes":[{"name":"a1","machine_id":"0123456789abcdef0123456789abcdef","hardware":{"serial":"CZ3-12AB","uuid":"4C4C4544-0043-3510-8052-B4C04F4A4E31","asset_tag":"7783-7084-3265-9085-8269-3286-77"},
        "os":{"release":"10.0.0.1"},"nics":[{"name":"eth0","mac":"3c:fd:fe:0a:00:10","permanent_mac":"","addresses":[{"address":"10.1.2.11","prefix":24},{"address":"fe80::3efd:feff:fe0a:10","prefix":64}]}],
        "disks":[{"name":"sda","identity":"naa.6001405aabbccddeeff0011223344556","serial":""},{"name":"dm-0","mapper_name":"36001405aabbccddeeff0011223344556"}],
        "reservations":[{"device":"sda","keys":["0x00000000fdfe0001","0xfdfe0001"],"holder":"0x00000000fdfe0001"}],
        "hbas":[{"name":"host1","port_name":"0x21000024ff7a8b9c"}],
        "iscsi":{"initiator_name":"iqn.1993-08.org.debian:01:3f1c2a4b5d6e"},
        "membership":{"service_account":"EXAMPLE\\cluster"}}],
        "attestations":[{"subject":"x","by":"Jane Doe","reason":"seen by jane.doe@example.com, Jane Doe, at 10.1.2.11"}]"#,
    );
    let node = &redacted.document.nodes[0];
    let text = |text: &Option<String>| text.clone().expect("there");
    let hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(hexadecimal(&text(&node.machine_id)) && text(&node.machine_id).len() == 32);
    let serial = text(&node.hardware.serial);
    assert!(serial.len() == 8 && serial != "CZ3-12AB" && serial.as_bytes()[3] == b'-', "{serial}");
    assert_eq!(text(&node.hardware.uuid).len(), 36);
    assert_eq!(
        text(&node.hardware.asset_tag),
        "7783-7084-3265-9085-8269-3286-77",
        "the cloud is known by it"
    );
    assert_eq!(text(&node.os.release), "10.0.0.1", "a version is no address");
    let nic = &node.nics.as_ref().expect("nics")[0];
    let mac = text(&nic.mac);
    assert!(mac.starts_with("02:") && mac.len() == 17, "{mac}");
    assert_eq!(nic.permanent_mac.as_deref(), Some(""));
    let addresses = nic.addresses.as_ref().expect("addresses");
    assert!(
        addresses[0].address.starts_with("10.") && addresses[0].address.ends_with(".11"),
        "{addresses:?}"
    );
    assert_ne!(addresses[0].address, "10.1.2.11");
    // The address of the link is made of the MAC still.
    let octets: Vec<u8> = mac.split(':').map(|pair| u8::from_str_radix(pair, 16).expect("a pair")).collect();
    let IpAddr::V6(link) = addresses[1].address.parse().expect("an address") else { panic!() };
    assert_eq!(link.octets()[8..11], [octets[0] ^ 2, octets[1], octets[2]]);
    let disks = node.disks.as_ref().expect("disks");
    let identity = text(&disks[0].identity);
    assert!(
        identity.starts_with("naa.6") && identity.len() == 36 && hexadecimal(&identity[4..]),
        "{identity}"
    );
    assert_eq!(text(&disks[1].mapper_name), format!("3{}", &identity[4..]));
    assert_eq!(disks[0].serial.as_deref(), Some(""));
    let reservation = &node.reservations.as_ref().expect("there")[0];
    let keys = reservation.keys.as_ref().expect("keys");
    assert_eq!(reservation.holder.as_ref(), Some(&keys[0]));
    assert_eq!(
        keys[0].trim_start_matches("0x").trim_start_matches('0'),
        keys[1].trim_start_matches("0x"),
        "one number is one key"
    );
    assert!(keys[0].len() == 18 && !keys[0].contains("fdfe0001"));
    let port = text(&node.hbas.as_ref().expect("hbas")[0].port_name);
    assert!(port.starts_with("0x") && hexadecimal(&port[2..]) && port.len() == 18, "{port}");
    assert!(text(&node.iscsi.initiator_name).starts_with("iqn.2001-04.com.example:"));
    let account = text(&node.membership.service_account);
    assert!(account.contains('\\') && !account.to_lowercase().contains("cluster"), "{account}");
    let reason = text(&redacted.document.attestations[0].reason);
    assert!(
        !reason.contains("Jane") && !reason.contains("jane") && reason.contains(&addresses[0].address),
        "{reason}"
    );
}

#[test]
fn settings_of_the_plan_keep_what_chooses_rules() {
    let settings = "[cluster]\\nname = \\\"Prod\\\"\\nplatform = \\\"generic\\\"\\nprofile = \\\"generic\\\"\\n[[node]]\\nname = \\\"hv1\\\"\\nprobe = \\\"none\\\"\\n[params]\\n\\\"min_nodes\\\" = 2\\n[rules]\\nselect = [\\\"node\\\"]\\n[[waive]]\\nrule = \\\"node/same-os\\\"\\nsubject = \\\"hv1\\\"\\nreason = \\\"hv1 is old\\\"\\nowner = \\\"jane\\\"\\nuntil = \\\"2027-01-31\\\"\\n";
    let redacted = of(&format!(
        r#""run":{{"settings":"{settings}"}},"cluster":{{"name":"Prod"}},"nodes":[{{"name":"hv1"}}]"#
    ));
    let text = redacted.document.run.settings.expect("there");
    let name = &redacted.document.nodes[0].name;
    for wanted in [
        format!("name = \"{name}\""),
        format!("subject = \"{name}\""),
        format!("{name} is old"),
        "platform = \"generic\"".to_owned(),
        "node/same-os".to_owned(),
        "min_nodes = 2".to_owned(),
        "2027-01-31".to_owned(),
    ] {
        assert!(text.contains(&wanted), "{wanted}: {text}");
    }
    assert!(!text.contains("jane") && !text.contains("Prod") && !text.contains("hv1"), "{text}");
    let damaged =
        Document::parse(br#"{"schema":"quorate/1","run":{"settings":"[cluster"}}"#, "x").expect("facts");
    assert!(redact(&damaged, &salt()).expect_err("no TOML").to_string().contains("run.settings"));
}

#[test]
fn another_salt_makes_other_tokens() {
    let document =
        Document::parse(br#"{"schema":"quorate/1","nodes":[{"name":"hv1"}]}"#, "x").expect("facts");
    let with =
        |text: &[u8]| redact(&document, &Salt::new(text).expect("long enough")).expect("sound").document;
    assert_eq!(with(b"one salt for these"), with(b"one salt for these\n"));
    assert_ne!(with(b"one salt for these"), with(b"another one for these"));
    assert!(Salt::new(b"short").is_none());
    assert_eq!(format!("{:?}", salt()), "Salt");
}

/// The address that stands for another.
fn mapped(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let document = Document {
        nodes: vec![Node {
            name: "a1".to_owned(),
            nics: Some(vec![Nic {
                name: "eth0".to_owned(),
                addresses: Some(
                    addresses
                        .iter()
                        .map(|address| Address { address: address.to_string(), ..Address::default() })
                        .collect(),
                ),
                ..Nic::default()
            }]),
            ..Node::default()
        }],
        ..Document::empty()
    };
    let redacted = redact(&document, &salt()).expect("sound").document;
    let nic = &redacted.nodes[0].nics.as_ref().expect("nics")[0];
    nic.addresses
        .as_ref()
        .expect("addresses")
        .iter()
        .map(|one| one.address.parse().expect("an address"))
        .collect()
}

fn common(a: IpAddr, b: IpAddr) -> u32 {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u32::from(a) ^ u32::from(b)).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a) ^ u128::from(b)).leading_zeros(),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn prefixes_of_private_addresses_stay(a in any::<[u8; 3]>(), b in any::<[u8; 3]>()) {
        let address = |[x, y, z]: [u8; 3]| IpAddr::from([10, x, y, z]);
        let (a, b) = (address(a), address(b));
        prop_assume!(a != b);
        let now = mapped(&[a, b]);
        // The last octet stays, so that beyond 24 bits nothing is to be compared but it.
        prop_assert_eq!(common(now[0], now[1]), common(a, b));
        prop_assert!(now[0] != a && now[1] != b);
    }

    #[test]
    fn prefixes_of_public_addresses_stay(first in 1_u8..9, a in any::<[u8; 3]>(), b in any::<[u8; 3]>()) {
        let address = |[x, y, z]: [u8; 3]| IpAddr::from([first, x, y, z]);
        let (a, b) = (address(a), address(b));
        prop_assume!(a != b);
        let now = mapped(&[a, b]);
        prop_assert_eq!(common(now[0], now[1]), common(a, b));
        prop_assert!(matches!(now[0], IpAddr::V4(one) if one.octets()[0] >= 240));
    }

    #[test]
    fn prefixes_of_ipv6_addresses_stay(a in any::<[u16; 7]>(), b in any::<[u16; 7]>(), top in prop::sample::select(vec![0xfd00_u16, 0x2a01, 0xfe80])) {
        let address = |[b, c, d, e, f, g, h]: [u16; 7]| {
            let (b, c, d) = if top == 0xfe80 { (0, 0, 0) } else { (b, c, d) };
            IpAddr::from([top, b, c, d, e, f, g, h])
        };
        let (a, b) = (address(a), address(b));
        prop_assume!(a != b);
        let made_of_mac = |address: IpAddr| matches!(address, IpAddr::V6(one) if one.octets()[11..13] == [0xff, 0xfe]);
        prop_assume!(!made_of_mac(a) && !made_of_mac(b));
        let now = mapped(&[a, b]);
        prop_assert_eq!(common(now[0], now[1]), common(a, b));
        prop_assert!(now[0] != a && now[1] != b);
    }

    #[test]
    fn names_never_become_one_and_are_never_left(
        names in prop::collection::btree_set("[a-z][a-z0-9-]{2,10}[a-z0-9]", 2..8),
        serial in "[A-Z0-9]{8,12}",
        words in "[ -~]{0,40}",
    ) {
        prop_assume!(names.iter().all(|name| !words.contains(name.as_str())));
        let names: Vec<&String> = names.iter().collect();
        let said = format!("{} and {}: {words} {serial}", names[0], names[1]);
        let document = Document {
            nodes: names.iter().map(|name| Node { name: (*name).clone(), disks: Some(vec![Disk { name: "sda".to_owned(), serial: Some(serial.clone()), ..Disk::default() }]), ..Node::default() }).collect(),
            gaps: vec![Gap { path: format!("nodes[{}].os", names[0]), detail: Some(said), ..Gap::default() }],
            ..Document::empty()
        };
        let redacted = redact(&document, &salt()).expect("sound");
        let told: std::collections::BTreeSet<&str> = redacted.document.nodes.iter().map(|node| node.name.as_str()).collect();
        prop_assert_eq!(told.len(), names.len());
        let gap = &redacted.document.gaps[0];
        prop_assert_eq!(&gap.path, &format!("nodes[{}].os", redacted.document.nodes[0].name));
        let detail = gap.detail.as_deref().unwrap_or_default();
        for name in names.iter().take(2) {
            prop_assert!(!detail.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == name.as_str()), "{} in {}", name, detail);
        }
        prop_assert!(redacted.document.nodes[0].disks.as_ref().is_some_and(|disks| disks[0].serial.as_deref() != Some(serial.as_str())));
        // What is redacted once more is another document of the same form.
        prop_assert!(redact(&redacted.document, &salt()).is_ok());
    }

    #[test]
    fn hostile_texts_are_borne(text in "\\PC{0,80}") {
        let document = Document {
            nodes: vec![Node { name: "hv1".to_owned(), hostname: Some(text.clone()), ..Node::default() }],
            gaps: vec![Gap { path: text.clone(), detail: Some(format!("hv1 {text}")), ..Gap::default() }],
            ..Document::empty()
        };
        let redacted = redact(&document, &salt());
        prop_assert!(redacted.is_ok(), "{:?}", redacted.err());
    }
}
