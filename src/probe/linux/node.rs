//! One node out of its answer: every section goes to its parser, and what they say of the same thing is joined.

use super::{
    bonding, clock, cluster, disks, dlm, dmi, drbd, ethtool, firewall, firewalld, hba, health, interfaces,
    interfaces_text, iscsi_config, iscsi_sessions, lldp, lvm, mounts, multipath, multipath_config, names, os,
    packages, processes, processor, reboot, reservations, routes, security, services, services_text, sysctls,
    sysfs_block, sysfs_net, team, text,
};
use crate::facts::{
    Bond, Disk, Firewall, Hardware, Iscsi, IscsiSession, Multipath, NameLookup, Nic, NicKind, Node, Os,
    Package, Service, Time,
};
use crate::probe::answer::{Answer, Section, Status};

/// What an answer comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The facts, without the node's name.
    pub node: Node,
    /// Sections that came whole and yet could not be read, with what is wrong.
    pub unread: Vec<(String, String)>,
    /// What it says of the cluster as a whole.
    pub cluster: cluster::ClusterReading,
}

/// Reads the answer of a Linux host that was asked for the addresses of `names`.
pub fn read(answer: &Answer, names: &[String]) -> Reading {
    let daemons = answer.text("daemons").map(std::borrow::Cow::into_owned);
    let daemons = daemons.or_else(|| processes::names(&answer.text("processes")?));
    let listing = answer
        .text("packages-rpm-list")
        .and_then(|text| packages::rpm_list(&text))
        .or_else(|| packages::rpm_columns(&answer.text("packages-rpm-columns")?))
        .or_else(|| packages::dpkg_list(&answer.text("packages-dpkg-list")?));
    let mut reader = Reader { answer, daemons, listing, unread: Vec::new() };
    let mut node = Node::default();
    reader.system(&mut node);
    reader.network(&mut node);
    reader.storage(&mut node);
    reader.iscsi(&mut node);
    node.reservations = reservations::read(answer, node.disks.as_deref());
    node.drbd = drbd::read(answer, reader.installed(&["drbdadm"], &["drbd-utils", "drbd9x-utils"]));
    node.dlm = dlm::read(answer, reader.runs("dlm_controld"));
    node.lvm = lvm::read(answer, reader.installed(&["vgs"], &["lvm2"]));
    node.security = security::read(answer);
    node.health = health::read(answer);
    node.sysctls = answer
        .any_text("sysctl")
        .map(|text| sysctls::files(&text))
        .or_else(|| Some(sysctls::all(&answer.text("sysctl-all")?)).filter(|all| !all.is_empty()));
    node.hbas = answer.any_text("hba").or_else(|| reader.empty_listing("hba")).map(|values| {
        let modules = answer.any_text("modules").unwrap_or_default();
        hba::hbas(&values, &hba::module_versions(&modules))
    });
    reader.drivers(&mut node);
    node.names = reader.names(names);
    node.hosts_file = match answer.section("hosts") {
        Some(section) if section.status == Status::Absent => Some(Vec::new()),
        _ => answer.text("hosts").map(|text| names::hosts_file(&text)),
    };
    node.firewall = reader.firewall();
    node.time = reader.time();
    let pacemaker = cluster::Seen {
        installed: reader.installed(&["pacemakerd"], &["pacemaker"]),
        runs: reader.runs("pacemakerd"),
    };
    let mut unread = reader.unread;
    let cluster = cluster::read(answer, pacemaker, &mut node, &mut unread);
    Reading { node, unread, cluster }
}

struct Reader<'a> {
    answer: &'a Answer,
    /// Names of the processes that run, a line for each, where processes can be seen.
    daemons: Option<String>,
    /// All packages of the system, where a bundle lists them.
    listing: Option<packages::Listing>,
    unread: Vec<(String, String)>,
}

impl Reader<'_> {
    /// What a parser makes of the JSON of a section; `None` where there is none or it cannot be read.
    fn json<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, serde_json::Error>) -> Option<T> {
        let section = self.answer.section(name).filter(|section| section.is_whole())?;
        match parse(&section.json()) {
            Ok(value) => Some(value),
            Err(error) => {
                self.unread
                    .push((name.to_owned(), format!("its answer is no JSON that can be read: {error}")));
                None
            }
        }
    }

    /// An empty text where the listing of files ran and found none: `grep` then ends with 1 or 2.
    fn empty_listing(&self, name: &str) -> Option<std::borrow::Cow<'static, str>> {
        let ran = matches!(self.answer.section(name)?.status, Status::Exit(0..=2));
        ran.then(|| "".into())
    }

    /// Whether a command is installed, where that was looked at, or one of the packages that bring it.
    fn installed(&self, commands: &[&str], packages: &[&str]) -> Option<bool> {
        if let Some(known) = self.answer.text("commands") {
            return Some(commands.iter().any(|command| known.lines().any(|line| line == *command)));
        }
        let listing = self.listing.as_ref()?;
        Some(listing.names.iter().any(|name| packages.contains(&name.as_str())))
    }

    /// Whether a daemon runs, where processes can be seen.
    fn runs(&self, daemon: &str) -> Option<bool> {
        let known = self.daemons.as_deref()?;
        Some(known.lines().any(|line| line == daemon))
    }

    fn system(&mut self, node: &mut Node) {
        let answer = self.answer;
        let line = |name: &str| answer.text(name).and_then(|text| text::filled(&text));
        node.privileged = line("id").map(|id| id == "0");
        node.hostname = line("hostname").map(|name| name.split('.').next().unwrap_or_default().to_owned());
        node.machine_id = line("machine-id");
        let uname = answer.text("uname").map(|text| os::uname(&text));
        let uname = uname.or_else(|| Some(os::uname_all(&answer.text("uname-all")?))).unwrap_or_default();
        let release = answer.text("os-release").map(|text| os::os_release(&text)).unwrap_or_default();
        node.os = Os {
            family: uname.family.or(release.family),
            kernel: uname.kernel,
            architecture: uname.architecture,
            ..release
        };
        if node.os.family.is_some() {
            // Linux counts packages instead, has no roles to install, and binds no volumes.
            node.updates = Some(Vec::new());
            node.features = Some(Vec::new());
            node.iscsi.bound_volumes = Some(Vec::new());
        }
        let (cpu, hypervisor) = answer.text("lscpu").map(|text| processor::lscpu(&text)).unwrap_or_default();
        let first = answer.text("cpuinfo").map(|text| processor::cpuinfo(&text)).unwrap_or_default();
        node.cpu = crate::facts::Cpu {
            vendor: cpu.vendor.or(first.vendor),
            model: cpu.model.or(first.model),
            family: cpu.family.or(first.family),
            model_number: cpu.model_number.or(first.model_number),
            stepping: cpu.stepping.or(first.stepping),
            features: cpu.features.or(first.features),
            microcode: first.microcode,
            ..cpu
        };
        node.memory = answer.text("meminfo").map(|text| processor::meminfo(&text)).unwrap_or_default();
        let (mut hardware, mut firmware) = answer
            .any_text("dmi")
            .map(|text| dmi::sysfs(&text))
            .or_else(|| answer.text("dmidecode").map(|text| dmi::dmidecode(&text)))
            .unwrap_or_default();
        if let Some(tree) = answer.text("device-tree") {
            hardware = Hardware { model: dmi::device_tree(&tree).model, ..hardware };
        }
        let flag = node.cpu.features.as_ref().map(|all| all.iter().any(|flag| flag == "hypervisor"));
        // It ends with 1 where it says `none`.
        let detected = answer.any_text("virtualization");
        (hardware.virtual_machine, hardware.hypervisor) =
            dmi::virtualization(detected.as_deref(), hypervisor.as_deref(), &hardware, flag);
        if let Some(boot) = answer.any_text("boot").map(|text| dmi::boot(&text)) {
            (firmware.uefi, firmware.secure_boot) = (boot.uefi, boot.secure_boot);
        }
        (node.hardware, node.firmware) = (hardware, firmware);
        node.reboot_pending =
            answer.text("reboot").and_then(|text| reboot::pending(&text, node.os.kernel.as_deref()));
        node.packages = self.packages();
        node.services = self.services();
    }

    fn services(&self) -> Option<Vec<Service>> {
        let answer = self.answer;
        let mut shown = answer.text("services").map(|text| services::systemctl(&text)).unwrap_or_default();
        // A bundle shows all services; those that are not loaded are only among the files.
        let known: Vec<&str> = services_text::SERVICES.split_whitespace().collect();
        shown.retain(|service| known.contains(&service.name.as_str()));
        let status: Vec<_> = answer.items("services-status").map(Section::text).collect();
        let status: Vec<&str> = status.iter().map(AsRef::as_ref).collect();
        let (files, units) = (answer.text("services-unit-files"), answer.text("services-units"));
        shown.extend(services_text::parse(files.as_deref(), units.as_deref(), &status));
        text::unique_by_key(&mut shown, |service| &service.name);
        (!shown.is_empty()).then_some(shown).or_else(|| {
            let files = answer.text("services-files")?;
            Some(services::files(&files, self.daemons.as_deref()))
        })
    }

    fn packages(&self) -> Option<Vec<Package>> {
        // dpkg-query ends with 1 where one of the names is not installed.
        let dpkg = self.answer.section("packages-dpkg");
        if let Some(section) = dpkg.filter(|one| matches!(one.status, Status::Exit(0 | 1)) && !one.truncated)
        {
            return Some(packages::dpkg(&section.text()));
        }
        if let Some(text) = self.answer.text("packages-rpm") {
            return Some(packages::rpm(&text));
        }
        let listed = self.listing.as_ref().map(|listing| listing.packages.clone());
        let report =
            || Some(packages::report(&self.answer.text("packages-report")?)).filter(|all| !all.is_empty());
        listed.or_else(report)
    }

    fn network(&mut self, node: &mut Node) {
        let answer = self.answer;
        let found = self
            .json("ip-addr", interfaces::parse)
            .or_else(|| answer.text("ip-addr-text").map(|text| interfaces_text::parse(&text)))
            .or_else(|| answer.text("ip-link-text").map(|text| interfaces_text::parse_link(&text)));
        let found = match answer.text("ip-addr-oneline") {
            Some(text) => {
                let mut found = found.unwrap_or_default();
                interfaces_text::add_oneline(&mut found, &text);
                Some(found).filter(|found| !found.nics.is_empty())
            }
            None => found,
        };
        let values = answer.any_text("net");
        if found.is_some() || values.is_some() {
            let found = found.unwrap_or_default();
            let (mut nics, mut bonds) = (found.nics, found.bonds);
            let symbolic = answer.any_text("links").unwrap_or_default();
            sysfs_net::add(&mut nics, &values.unwrap_or_default(), &symbolic);
            self.bonds(&mut nics, &mut bonds);
            self.cards(&mut nics);
            node.nics = Some(nics);
            node.bonds = Some(bonds);
        }
        let routes = |reader: &mut Self, json: &str, text: &str| {
            let found = reader.json(json, routes::parse);
            found.or_else(|| {
                let text = answer.text(text)?;
                // What is no listing and yet says something is a message.
                Some(routes::parse_text(&text)).filter(|all| !all.is_empty() || text.trim().is_empty())
            })
        };
        if let Some(mut all) = routes(self, "ip-route", "ip-route-text") {
            all.extend(routes(self, "ip-route6", "ip-route6-text").unwrap_or_default());
            node.routes = Some(all);
        }
        if let Some(text) = answer.text("resolv") {
            node.resolver = names::resolver(&text);
            if names::is_local_stub(&node.resolver)
                && let Some(upstream) = answer.text("resolv-upstream")
            {
                node.resolver.servers = names::resolver(&upstream).servers;
            }
        }
    }

    /// What the drivers of bonds and teams say goes before what `ip` says of them.
    fn bonds(&mut self, nics: &mut [Nic], bonds: &mut Vec<Bond>) {
        let mut put = |bond: Bond| match bonds.iter_mut().find(|known| known.name == bond.name) {
            Some(known) => {
                *known = Bond {
                    active: bond.active.or(known.active.take()),
                    mode: bond.mode.or(known.mode.take()),
                    members: bond.members.or(known.members.take()),
                    miimon_ms: bond.miimon_ms.or(known.miimon_ms),
                    lacp_rate: bond.lacp_rate.or(known.lacp_rate.take()),
                    ports: bond.ports.or(known.ports),
                    name: bond.name,
                }
            }
            None => bonds.push(bond),
        };
        for section in self.answer.items("bonding").filter(|section| section.is_whole()) {
            let status = bonding::parse(&section.item, &section.text());
            put(status.bond);
            for (member, address) in status.permanent {
                if let Some(nic) = nics.iter_mut().find(|nic| nic.name == member) {
                    nic.permanent_mac.get_or_insert(address);
                }
            }
        }
        for section in self.answer.items("team").filter(|section| section.is_whole()) {
            match team::parse(&section.item, &section.json()) {
                Ok(team) => put(team),
                Err(error) => self.unread.push(("team".to_owned(), error.to_string())),
            }
        }
        let named: Vec<String> = nics
            .iter()
            .filter(|nic| matches!(nic.kind, Some(NicKind::Bond | NicKind::Team)))
            .map(|nic| nic.name.clone())
            .collect();
        for name in named {
            put(Bond { name, ..Bond::default() });
        }
        text::unique_by_key(bonds, |bond| &bond.name);
    }

    /// Driver and firmware of the cards, and what is at the other end of their cables.
    fn cards(&mut self, nics: &mut [Nic]) {
        let answer = self.answer;
        let of = |item: &str, nics: &mut [Nic], act: &mut dyn FnMut(&mut Nic)| {
            nics.iter_mut().filter(|nic| nic.name == item).for_each(act);
        };
        for section in answer.items("ethtool").filter(|section| section.is_whole()) {
            of(&section.item, nics, &mut |nic| ethtool::add_driver_info(nic, &section.text()));
        }
        for section in answer.items("ethtool-link").filter(|section| section.is_whole()) {
            of(&section.item, nics, &mut |nic| ethtool::add_link(nic, &section.text()));
        }
        for section in answer.items("permanent-address").filter(|section| section.is_whole()) {
            of(&section.item, nics, &mut |nic| {
                if nic.permanent_mac.is_none() {
                    nic.permanent_mac = ethtool::permanent_address(&section.text());
                }
            });
        }
        let neighbours = self
            .json("lldp", lldp::parse)
            .or_else(|| answer.text("lldp-keyvalue").map(|text| lldp::parse_keyvalue(&text)))
            .or_else(|| answer.text("lldp-networkd").map(|text| lldp::parse_networkctl(&text)));
        for neighbour in neighbours.into_iter().flatten() {
            of(&neighbour.nic, nics, &mut |nic| {
                nic.switch_name = Some(neighbour.switch.clone());
                nic.switch_port = Some(neighbour.port.clone());
            });
        }
    }

    fn storage(&mut self, node: &mut Node) {
        let answer = self.answer;
        let mut disks = self
            .json("lsblk", disks::parse)
            .or_else(|| {
                answer.text("lsblk-pairs").map(|text| disks::parse_pairs(&text)).filter(|all| !all.is_empty())
            })
            .or_else(|| {
                answer.text("lsblk-text").map(|text| disks::parse_tree(&text)).filter(|all| !all.is_empty())
            });
        let values = answer.any_text("block");
        if disks.is_some() || values.is_some() {
            let hexadecimal = answer.any_text("vpd").unwrap_or_default();
            let drivers = hba::drivers_of_hosts(&answer.any_text("hba").unwrap_or_default());
            sysfs_block::add(
                disks.get_or_insert_default(),
                &values.unwrap_or_default(),
                &answer.any_text("links").unwrap_or_default(),
                &sysfs_block::pages(&hexadecimal),
                &drivers,
            );
        }
        node.mounts = match answer.section("fstab") {
            Some(section) if section.status == Status::Absent => Some(Vec::new()),
            _ => answer.text("fstab").map(|text| mounts::fstab(&text)),
        };
        node.multipath = self.multipath(disks.as_deref(), node.packages.as_deref());
        for disk in disks.iter_mut().flatten() {
            let maps = node.multipath.maps.iter().flatten();
            let map = maps.into_iter().find(|map| map.device.as_deref() == Some(&disk.name));
            if disk.identity.as_ref().is_none_or(String::is_empty)
                && let Some(identity) = map.and_then(|map| map.identity.clone())
            {
                disk.identity = Some(identity);
            }
        }
        node.disks = disks;
    }

    fn multipath(&mut self, disks: Option<&[Disk]>, packages: Option<&[Package]>) -> Multipath {
        let answer = self.answer;
        let installed =
            self.installed(&["multipath", "multipathd"], &["multipath-tools", "device-mapper-multipath"]);
        let parts: Vec<&Section> = answer.items("multipath-conf.d").collect();
        let main = answer.section("multipath-conf");
        // A configuration of which a part cannot be read is not known.
        let known = main.is_some_and(|main| main.is_whole() || main.status == Status::Absent)
            && parts.iter().all(|part| part.is_whole());
        let texts: Vec<_> =
            main.into_iter().chain(parts).filter(|one| one.is_whole()).map(Section::text).collect();
        let files: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let config = known.then(|| match files.as_slice() {
            [] => String::new(),
            files => multipath::config_sha256(files),
        });
        let running = answer.text("multipath-config").and_then(|text| multipath_config::running(&text));
        let settings = match running {
            _ if installed == Some(false) => None,
            Some(running) => Some(running),
            None if known && (installed == Some(true) || !files.is_empty()) => {
                Some(multipath_config::files(&files))
            }
            None => None,
        };
        let version = packages.zip(installed).map(|(packages, installed)| {
            let named = |package: &&Package| {
                matches!(package.name.as_str(), "multipath-tools" | "device-mapper-multipath")
            };
            let found = packages.iter().find(named).and_then(|package| package.version.clone());
            found.filter(|_| installed).unwrap_or_default()
        });
        let mut maps = self.json("multipath-json", multipath::parse_json).or_else(|| {
            let text = answer.text("multipath")?;
            Some(multipath::parse(&text)).filter(|maps| !maps.is_empty() || multipath::says_none(&text))
        });
        let is_map = |disk: &Disk| disk.kind.as_deref() == Some("mpath");
        if maps.is_none()
            && (installed == Some(false) || disks.is_some_and(|disks| !disks.iter().any(is_map)))
        {
            maps = Some(Vec::new());
        }
        for map in maps.iter_mut().flatten() {
            let disk = |name: &str| disks.into_iter().flatten().find(|disk| disk.name == name);
            map.size_bytes = map.device.as_deref().and_then(disk).and_then(|disk| disk.size_bytes);
            for path in map.paths.iter_mut().flatten() {
                path.hctl = path.hctl.take().or_else(|| disk(&path.device)?.hctl.clone());
            }
        }
        Multipath {
            installed,
            active: if installed == Some(false) { Some(false) } else { self.runs("multipathd") },
            version: if installed == Some(false) {
                Some(String::new())
            } else {
                version.filter(|text| !text.is_empty())
            },
            config_sha256: config,
            settings: settings.unwrap_or_default(),
            maps,
        }
    }

    fn iscsi(&mut self, node: &mut Node) {
        let answer = self.answer;
        let installed = self.installed(&["iscsiadm"], &["open-iscsi", "iscsi-initiator-utils"]);
        let sessions: Option<Vec<IscsiSession>> =
            if answer.section("iscsi-sysfs").is_some_and(|section| section.status == Status::Skipped) {
                Some(Vec::new())
            } else {
                let symbolic = answer.any_text("links").unwrap_or_default();
                let drivers = hba::drivers_of_hosts(&answer.any_text("hba").unwrap_or_default());
                let sysfs = answer
                    .any_text("iscsi-sysfs")
                    .map(|text| iscsi_sessions::sysfs(&text, &symbolic, &drivers));
                let listed = answer.text("iscsi-sessions").and_then(|text| {
                    // A message is no listing, but for the one that says that there is none.
                    let none = text.contains("No active sessions");
                    Some(iscsi_sessions::parse(&text)).filter(|all| !all.is_empty() || none)
                });
                match (listed, sysfs) {
                    (Some(listed), Some(sysfs)) => Some(iscsi_sessions::join_lists(listed, sysfs)),
                    (listed, sysfs) => listed.or(sysfs),
                }
            };
        let initiator_name = match answer.section("initiatorname").map(|section| section.status) {
            Some(Status::Absent) => Some(String::new()),
            Some(Status::Exit(0)) => {
                answer.text("initiatorname").map(|text| iscsi_config::initiator_name(&text))
            }
            // Only root may read the file, but everybody may see under which name the sessions are.
            _ => sessions.iter().flatten().find_map(|session| session.initiator_name.clone()),
        };
        let settings = match answer.section("iscsid-conf").map(|section| section.status) {
            Some(Status::Absent) if installed == Some(true) => iscsi_config::iscsid_conf(""),
            _ => answer.text("iscsid-conf").map(|text| iscsi_config::iscsid_conf(&text)).unwrap_or_default(),
        };
        let records = match answer.section("iscsi-records").map(|section| section.status) {
            Some(Status::Absent) => Some(Vec::new()),
            _ => answer.text("iscsi-records").and_then(|text| {
                let none = text.trim().is_empty() || text.contains("No records found");
                Some(iscsi_config::records(&text)).filter(|all| !all.is_empty() || none)
            }),
        };
        node.iscsi = Iscsi {
            installed,
            initiator_name,
            sessions,
            records,
            bound_volumes: node.iscsi.bound_volumes.take(),
            ..settings
        };
    }

    fn drivers(&self, node: &mut Node) {
        let (Some(nics), Some(hbas)) = (&node.nics, &node.hbas) else { return };
        let modules = self.answer.any_text("modules").unwrap_or_default();
        let hosts = hba::drivers_of_hosts(&self.answer.any_text("hba").unwrap_or_default());
        node.drivers = Some(hba::drivers(nics, hbas, &hosts, &hba::module_versions(&modules)));
    }

    fn names(&self, asked: &[String]) -> Option<Vec<NameLookup>> {
        let all = self.answer.section("names")?;
        let asked: Vec<&str> = asked
            .iter()
            .map(String::as_str)
            .filter(|name| crate::probe::script::is_host_name(name))
            .collect();
        if all.is_whole()
            && let Some(found) = names::getent_all(&asked, &all.text())
        {
            return Some(found);
        }
        let hosts = self.answer.text("hosts");
        let mut found: Vec<NameLookup> = asked
            .iter()
            .map(|name| {
                let own = self.answer.items("name").find(|section| section.item == *name);
                match own.map(|section| (section.status, section)) {
                    // 2: it does not resolve.
                    Some((Status::Exit(0 | 2), section)) => names::getent_one(name, &section.text()),
                    _ if all.status == Status::Exit(127) => hosts
                        .as_deref()
                        .and_then(|hosts| names::in_hosts(name, hosts))
                        .unwrap_or_else(|| NameLookup { name: (*name).to_owned(), addresses: None }),
                    _ => NameLookup { name: (*name).to_owned(), addresses: None },
                }
            })
            .collect();
        text::unique_by_key(&mut found, |lookup| &lookup.name);
        Some(found)
    }

    fn firewall(&self) -> Firewall {
        let answer = self.answer;
        // The script sends a megabyte of rules at most; a listing that long has lost its end.
        let listing =
            |name: &str| answer.text(name).filter(|text| text.len() < 1 << 20 && firewall::is_listing(text));
        let nft = listing("nft");
        let iptables = listing("iptables");
        let rules = nft.as_deref().or(iptables.as_deref()).map(firewall::rules);
        let ufw = answer.text("ufw").map(|text| firewall::ufw_enabled(&text));
        let by_rules = |rules: &firewall::Rules| match (rules.any, nft.is_some()) {
            (false, _) => String::new(),
            (true, true) => "nftables".to_owned(),
            (true, false) => "iptables".to_owned(),
        };
        // Nobody can have set rules where the kernel has neither filter.
        let none = answer.text("netfilter").is_some_and(|text| text.trim().is_empty());
        let manager = if self.runs("firewalld") == Some(true) {
            Some("firewalld".to_owned())
        } else if ufw == Some(true) {
            Some("ufw".to_owned())
        } else {
            rules.as_ref().map(by_rules).or_else(|| none.then(String::new))
        };
        let managed = manager.as_deref().is_some_and(|name| matches!(name, "firewalld" | "ufw"));
        // Where nothing can be turned away, everything is let in.
        let open = rules.as_ref().map_or(none, |rules| !rules.filters);
        let open_ports = match manager.as_deref() {
            Some("firewalld") => firewalld::open_ports(answer),
            Some("ufw") | None => None,
            Some(_) => open.then(|| ["tcp/1-65535", "udp/1-65535"].map(str::to_owned).into()),
        };
        Firewall {
            active: rules
                .as_ref()
                .map(|rules| rules.filters)
                .or_else(|| if managed { Some(true) } else { none.then_some(false) }),
            rules_sha256: rules.map(|rules| rules.sha256).or_else(|| none.then(|| text::sha256_of_lines([]))),
            manager,
            cluster_allowed: None,
            open_ports,
            shut: None,
        }
    }

    fn time(&self) -> Time {
        let answer = self.answer;
        let timezone = answer.any_text("links").and_then(|links| hba::timezone(&links));
        // Where processes are hidden, the one that answers is the one that runs.
        let answers = |section: &str| self.daemons.is_none() && answer.text(section).is_some();
        let runs = |daemon: &str, section: &str| self.runs(daemon) == Some(true) || answers(section);
        let time = if runs("chronyd", "chrony-tracking") {
            clock::chrony(answer.text("chrony-tracking").as_deref(), answer.text("chrony-sources").as_deref())
        } else if runs("systemd-timesyn", "timesync") {
            let flag = answer.text("timesync-flag").map(|text| text.contains("synchronized"));
            clock::timesync(&answer.text("timesync").unwrap_or_default(), flag)
        } else if runs("ntpd", "ntp-peers") {
            clock::ntpq(&answer.text("ntp-peers").unwrap_or_default())
        } else if self.runs("ptp4l") == Some(true) {
            Time { service: Some("ptp4l".to_owned()), ..Time::default() }
        } else if self.daemons.is_some() {
            // No service runs that could say that the clock is in step.
            Time {
                service: Some(String::new()),
                synchronised: Some(false),
                source: Some(String::new()),
                sources: Some(Vec::new()),
                ..Time::default()
            }
        } else {
            Time::default()
        };
        let time = Time { timezone, ..time };
        match answer.text("timedatectl") {
            Some(text) => clock::timedatectl(&text, time),
            None => time,
        }
    }
}

/// The clock of a host when it answered, as `(nanoseconds since 1970, how coarse it is)`.
pub fn host_clock(answer: &Answer) -> Option<(i128, i128)> {
    answer.text("clock").and_then(|text| clock::date(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Document, Places, Value};
    use crate::probe::collectors;
    use crate::probe::explain::{Ending, explain};
    use proptest::prelude::*;

    /// Real and written outputs by section.
    const OUTPUTS: &[(&str, &str, &str)] = &[
        ("id", "", "0\n"),
        ("uname", "", "Linux 6.1.0-25-amd64 x86_64\n"),
        ("hostname", "", "hv1.example.net\n"),
        ("commands", "", "iscsiadm\nmultipath\nmultipathd\ncorosync\nvgs\n"),
        ("daemons", "", "chronyd\nmultipathd\niscsid\nfirewalld\n"),
        ("os-release", "", include_str!("../../../fixtures/linux/os-release.debian12")),
        ("lscpu", "", include_str!("../../../fixtures/linux/lscpu.kvm")),
        ("cpuinfo", "", include_str!("../../../fixtures/linux/cpuinfo.kvm")),
        ("meminfo", "", include_str!("../../../fixtures/linux/meminfo.kvm")),
        ("dmidecode", "", include_str!("../../../fixtures/linux/dmidecode.server")),
        ("ip-addr", "", include_str!("../../../fixtures/linux/ip-addr.bond.json")),
        ("ip-addr-text", "", include_str!("../../../fixtures/linux/ip-addr.bond.txt")),
        ("net", "", include_str!("../../../fixtures/linux/sysfs-net.server")),
        ("links", "", include_str!("../../../fixtures/linux/links.server")),
        ("bonding", "bond0", include_str!("../../../fixtures/linux/bonding.active-backup")),
        ("ethtool", "ens1f0", include_str!("../../../fixtures/linux/ethtool-i.virtio")),
        ("lsblk", "", include_str!("../../../fixtures/linux/lsblk.multipath.json")),
        ("block", "", include_str!("../../../fixtures/linux/sysfs-block.server")),
        ("hba", "", include_str!("../../../fixtures/linux/sysfs-hba.server")),
        ("multipath-json", "", include_str!("../../../fixtures/linux/multipathd-maps.json")),
        ("multipath", "", include_str!("../../../fixtures/linux/multipath-ll")),
        ("iscsi-sysfs", "", include_str!("../../../fixtures/linux/sysfs-iscsi.server")),
        ("iscsi-sessions", "", include_str!("../../../fixtures/linux/iscsiadm-session-P3")),
        ("iscsi-records", "", include_str!("../../../fixtures/linux/iscsi-node-records")),
        ("initiatorname", "", "InitiatorName=iqn.1993-08.org.debian:01:3f1c2a4b5d6e\n"),
        ("fstab", "", include_str!("../../../fixtures/linux/fstab")),
        ("services", "", include_str!("../../../fixtures/linux/systemctl-show")),
        ("packages-dpkg", "", "ii \tcorosync\t3.1.7-1\tamd64\nii \tmultipath-tools\t0.9.4-3\tamd64\n"),
        ("chrony-tracking", "", include_str!("../../../fixtures/linux/chronyc-tracking")),
        ("chrony-sources", "", include_str!("../../../fixtures/linux/chronyc-sources")),
        ("corosync", "", include_str!("../../../fixtures/linux/corosync.conf")),
        (
            "corosync-authkey",
            "",
            "256 400 root:root\nabababababababababababababababababababababababababababababababab  -\n",
        ),
        ("corosync-cmap", "", include_str!("../../../fixtures/linux/corosync-cmapctl.knet")),
        ("corosync-cfgtool", "", include_str!("../../../fixtures/linux/corosync-cfgtool-s.knet")),
        ("corosync-cfgtool-nodes", "", include_str!("../../../fixtures/linux/corosync-cfgtool-n.knet")),
        ("corosync-quorumtool", "", include_str!("../../../fixtures/linux/corosync-quorumtool-s")),
        ("cluster-log", "", "12 retransmit\n3 latency\n"),
        ("booth-keys", "", ""),
        ("cib", "", include_str!("../../../fixtures/linux/cib.xml")),
        ("cib-stat", "", "4711 600 hacluster:haclient\n"),
        ("crm-mon", "", include_str!("../../../fixtures/linux/crm-mon.xml")),
        ("crm-verify", "", include_str!("../../../fixtures/linux/crm-verify")),
        ("agents", "", "ocf:heartbeat:Filesystem\nocf:pacemaker:Dummy\nfence_ipmilan\nexternal/sbd\n"),
        ("corosync-settings", "", "COROSYNC_INIT_TIMEOUT=60\n"),
        ("pacemaker-settings", "", "PCMK_ipc_buffer=131072\n"),
        ("sbd-config", "", include_str!("../../../fixtures/linux/sysconfig-sbd")),
        ("sbd-service", "", "TimeoutStartUSec=1min 30s\n"),
        ("sbd-paths", "", "/dev/disk/by-id/scsi-1 /dev/sdb\n"),
        (
            "sbd-dump",
            "/dev/disk/by-id/scsi-1",
            "Header version     : 2.1\nTimeout (watchdog) : 15\nTimeout (msgwait)  : 30\n",
        ),
        ("sbd-list", "/dev/disk/by-id/scsi-1", "0\thv1\tclear\t\n1\thv2\tclear\t\n"),
        (
            "watchdogs",
            "",
            "/sys/class/watchdog/watchdog0/identity:Software Watchdog\n/sys/class/watchdog/watchdog0/timeout:15\n",
        ),
        ("watchdog-users", "", "/dev/watchdog sbd\n"),
        ("modules-boot", "", "softdog\n"),
        ("modules-blacklist", "", "blacklist iTCO_wdt\n"),
        ("modules-loaded", "", "softdog 16384 2 - Live 0x0\n"),
        ("hosts", "", include_str!("../../../fixtures/linux/hosts")),
        ("multipath-config", "", include_str!("../../../fixtures/linux/multipathd-show-config")),
        ("drbd-conf", "", include_str!("../../../fixtures/linux/drbd.conf")),
        ("pr-keys", "dm-0", "  PR generation=0x1, 1 registered reservation key follows:\n    0xfdfe0001\n"),
        ("lvm-conf", "", "global {\n\tsystem_id_source = \"uname\"\n}\n"),
        (
            "lvm-groups",
            "",
            r#"{"report":[{"vg":[{"vg_name":"sap","vg_systemid":"n1","pv_name":"/dev/sdc"}]}]}"#,
        ),
        ("dlm-ls", "", "dlm lockspaces\nname          data\n"),
        (
            "df",
            "",
            "Filesystem Type 1024-blocks Used Available Capacity Mounted on\n/dev/vda ext4 2 1 1 66% /\n",
        ),
        ("sysctl", "", "/proc/sys/net/ipv4/tcp_retries2:15\n"),
        (
            "firewalld",
            "",
            "public (active)\n  target: default\n  services: ssh\n  ports: 5405/udp\n  rich rules: \n",
        ),
        ("names", "", "10.20.0.11 STREAM hv1\n10.20.0.11 DGRAM \n"),
    ];

    fn answer(outputs: impl IntoIterator<Item = (String, String, Vec<u8>)>) -> Answer {
        Answer::of_outputs(outputs)
    }

    fn whole() -> Answer {
        answer(
            OUTPUTS
                .iter()
                .map(|(name, item, text)| ((*name).to_owned(), (*item).to_owned(), text.as_bytes().to_vec())),
        )
    }

    /// What is known of a value: type path and value of every leaf, with its path.
    fn leaves(value: Value<'_>, ty: &str, at: &str, out: &mut Vec<(String, String)>) {
        match value {
            Value::Missing => {}
            Value::Record(record) => {
                for (index, field) in record.record_type().fields.iter().enumerate() {
                    let below = |path: &str| format!("{path}.{}", field.name);
                    leaves(record.field(index), &below(ty), &below(at), out);
                }
            }
            Value::List(list) => {
                // An empty list is known too.
                out.push((ty.to_owned(), format!("{at}: {}", list.is_empty())));
                for (position, element) in (0..list.len()).filter_map(|at| Some((at, list.get(at)?))) {
                    leaves(element, ty, &crate::facts::element_path(at, element, position), out);
                }
            }
            plain => out.push((ty.to_owned(), format!("{at}: {plain:?}"))),
        }
    }

    fn facts_without(section: &str) -> Vec<(String, String)> {
        let kept = OUTPUTS.iter().filter(|(name, ..)| *name != section);
        let answer =
            answer(kept.map(|(name, item, text)| {
                ((*name).to_owned(), (*item).to_owned(), text.as_bytes().to_vec())
            }));
        let mut reading = read(&answer, &["hv1".to_owned()]);
        reading.node.name = "hv1".to_owned();
        let mut out = Vec::new();
        leaves(crate::facts::Fact::value(&reading.node), "nodes", "nodes", &mut out);
        if let Some(found) = crate::probe::cluster::join(&[("hv1".to_owned(), reading.cluster)]) {
            leaves(
                crate::facts::Fact::value(&found.facts),
                "cluster.pacemaker",
                "cluster.pacemaker",
                &mut out,
            );
        }
        out
    }

    /// Drops each section in turn: what changes is what the list of collectors says of it, so that explanations,
    /// provenance, gaps and manifests name the right command.
    #[test]
    fn a_section_changes_only_the_facts_that_are_said_of_it() {
        let whole = facts_without("");
        let mut sections: Vec<&str> = OUTPUTS.iter().map(|(name, ..)| *name).collect();
        sections.dedup();
        let mut wrong = Vec::new();
        for section in sections {
            let collector = collectors::all().find(|one| one.section == section).expect("listed");
            let without = facts_without(section);
            let mut changed: Vec<&str> = whole
                .iter()
                .filter(|leaf| !without.contains(leaf))
                .chain(without.iter().filter(|leaf| !whole.contains(leaf)))
                .map(|(ty, _)| ty.as_str())
                .collect();
            changed.sort_unstable();
            changed.dedup();
            let is_named = |fact: &str| {
                collector.facts.iter().chain(collector.also).any(|path| {
                    fact.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                })
            };
            let strange: Vec<&str> = changed.iter().copied().filter(|fact| !is_named(fact)).collect();
            if !strange.is_empty() {
                wrong.push(format!("{section}: {strange:?}"));
            }
            // Another section tells the same here.
            let doubled = ["ip-addr", "ip-addr-text", "multipath", "iscsi-sysfs", "initiatorname"];
            if changed.is_empty() && !doubled.contains(&section) {
                wrong.push(format!("{section}: nothing"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn outputs_of_a_node_become_one_picture() {
        let node = read(&whole(), &["hv1".to_owned()]).node;
        assert_eq!((node.hostname.as_deref(), node.privileged), (Some("hv1"), Some(true)));
        let nic = |name: &str| node.nics.iter().flatten().find(|nic| nic.name == name).unwrap();
        assert_eq!(nic("ens2f0").permanent_mac.as_deref(), Some("3c:fd:fe:0a:00:11"));
        assert_eq!(nic("ens1f0").bus.as_deref(), Some("0000:3b:00.0"));
        assert_eq!(nic("bond0.20").vlan, Some(20));
        let map = &node.multipath.maps.as_ref().unwrap()[0];
        assert_eq!(map.size_bytes, Some(crate::facts::Bytes(1_073_741_824)), "as its disk has it");
        assert_eq!(map.paths.as_ref().unwrap()[0].hctl.as_deref(), Some("7:0:0:1"), "as its disk has it");
        assert_eq!((node.multipath.version.as_deref(), node.multipath.active), (Some("0.9.4-3"), Some(true)));
        assert_eq!(node.iscsi.sessions.as_ref().map(Vec::len), Some(3));
        assert_eq!(node.corosync.links, Some(1));
        assert_eq!(node.corosync.authkey_mode.as_deref(), Some("0400"));
        assert_eq!(node.corosync.runtime.token_ms, Some(crate::facts::Millis(3650)));
        let links = node.corosync.link_states.as_ref().unwrap();
        assert_eq!(
            links[0].status.as_deref(),
            Some("hv2 connected, 3 connected"),
            "names are those of the file"
        );
        assert_eq!((node.corosync.retransmit_lines, node.corosync.token_warning_lines), (Some(12), Some(0)));
        assert_eq!((node.corosync.quorum.quorate, node.corosync.qdevice_state.as_ref()), (Some(true), None));
        assert_eq!((node.pacemaker.answers, node.pacemaker.verify_status), (Some(true), Some(78)));
        assert_eq!(node.pacemaker.cib_owner.as_deref(), Some("hacluster:haclient"));
        assert_eq!(node.pacemaker.fence_agents.as_ref().map(Vec::len), Some(2));
        assert_eq!(
            (node.pacemaker.booth_key, node.pacemaker.agents.as_ref().map(Vec::len)),
            (Some(false), Some(2))
        );
        assert_eq!(node.pacemaker.online.as_ref().map(Vec::len), Some(3));
        let headers = node.sbd.headers.as_ref().unwrap();
        assert_eq!(
            (headers.len(), headers[0].device.as_deref(), headers[0].readable),
            (3, Some("sdb"), Some(true))
        );
        assert_eq!((headers[0].holders.as_ref().map(Vec::len), headers[1].readable), (Some(2), None));
        assert_eq!(
            (node.sbd.latency_lines, node.sbd.start_timeout_s),
            (Some(3), Some(crate::facts::Seconds(90)))
        );
        let watchdog = &node.watchdogs.as_ref().unwrap()[0];
        assert_eq!(
            (watchdog.driver.as_deref(), watchdog.users.as_deref()),
            (Some("softdog"), Some(&["sbd".to_owned()][..]))
        );
        assert_eq!((node.firewall.manager.as_deref(), node.firewall.active), (Some("firewalld"), Some(true)));
        assert_eq!(node.time.timezone.as_deref(), Some("Europe/Berlin"));
        assert_eq!(node.firewall.open_ports, Some(vec!["tcp/22".into(), "udp/5405".into()]));
        let identity = node.reservations.as_ref().unwrap()[0].identity.as_deref();
        assert_eq!(identity, Some("naa.60014055d4a9c3b1e2f40aa8b6c7d001"), "as its disk has it");
        assert_eq!(node.lvm.groups.as_ref().map(Vec::len), Some(1));
        assert_eq!(node.drbd.resources.as_ref().map(Vec::len), Some(2));
        assert_eq!(node.multipath.settings.no_path_retry.as_deref(), Some("12"));
        assert_eq!(node.names.as_ref().map(Vec::len), Some(1));
    }

    #[test]
    fn an_empty_answer_says_nothing() {
        let reading = read(&Answer::default(), &["hv1".to_owned()]);
        assert_eq!(reading, Reading::default());
    }

    /// Whether every missing fact of a node is covered by a gap, derived facts aside.
    fn is_explained(node: &Node, gaps: &[crate::facts::Gap]) -> Result<(), String> {
        fn walk(record: &dyn crate::facts::Record, at: &str, places: &Places<'_>) -> Result<(), String> {
            for (index, field) in record.record_type().fields.iter().enumerate() {
                let at = format!("{at}.{}", field.name);
                match record.field(index) {
                    _ if field.doc.trim_start().starts_with("Derived:") => {}
                    Value::Missing if !matches!(field.name, "site" | "physical_host") => {
                        places.gap(&at).ok_or(at)?;
                    }
                    Value::Record(inner) => walk(inner, &at, places)?,
                    Value::List(list) => {
                        for position in 0..list.len() {
                            if let Some(element @ Value::Record(inner)) = list.get(position) {
                                walk(inner, &crate::facts::element_path(&at, element, position), places)?;
                            }
                        }
                    }
                    _ => {}
                }
            }
            Ok(())
        }
        let document = Document { gaps: gaps.to_vec(), ..Document::default() };
        walk(node, &format!("nodes[{}]", node.name), &Places::new(&document))
    }

    fn check(answer: &Answer, ending: &Ending) {
        let reading = read(answer, &["hv1".to_owned(), "hv2".to_owned()]);
        let node = Node { name: "hv1".into(), ..reading.node };
        let (gaps, sources) = explain(&node, answer, ending, &reading.unread, "hv1");
        assert_eq!(is_explained(&node, &gaps), Ok(()));
        // What was gathered can be recorded and read again: keys are there and unique.
        let document = Document { nodes: vec![node], gaps, sources, ..Document::empty() };
        let json = document.to_json();
        assert!(!json.chars().any(|c| c.is_control() && c != '\n'));
        Document::parse(json.as_bytes(), "recorded").unwrap();
    }

    #[test]
    fn a_whole_answer_can_be_recorded() {
        check(&whole(), &Ending::Whole);
        check(&Answer::default(), &Ending::Broken(crate::facts::GapReason::TimedOut, "late".into()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn damaged_outputs_do_no_harm(
            damage in proptest::collection::vec((0..OUTPUTS.len(), 0usize..4000, any::<u8>(), 0usize..40), 1..12),
        ) {
            let mut outputs: Vec<_> = OUTPUTS
                .iter()
                .map(|(name, item, text)| ((*name).to_owned(), (*item).to_owned(), text.as_bytes().to_vec()))
                .collect();
            for (which, at, byte, length) in damage {
                let text = &mut outputs[which].2;
                if text.is_empty() {
                    continue;
                }
                let at = at % text.len();
                match length % 3 {
                    0 => text[at] = byte,
                    1 => text.truncate(at),
                    _ => {
                        let end = (at + length).min(text.len());
                        let again = text[at..end].to_vec();
                        text.splice(at..at, again);
                    }
                }
            }
            check(&answer(outputs), &Ending::Whole);
        }

        #[test]
        fn outputs_of_another_command_do_no_harm(shift in 1..OUTPUTS.len(), noise in ".{0,80}") {
            let names = collectors::all().map(|one| one.section);
            let outputs = names.enumerate().map(|(at, name)| {
                let (_, item, text) = OUTPUTS[(at + shift) % OUTPUTS.len()];
                (name.to_owned(), item.to_owned(), format!("{noise}\n{text}").into_bytes())
            });
            check(&answer(outputs), &Ending::Whole);
        }
    }
}
