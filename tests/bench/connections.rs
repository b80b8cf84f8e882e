//! Forwarded connections to a pod of the cluster of the tests, compared with kubectl.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;

use super::deploy::program;
use super::harness::{Cluster, Daemon, container, wait_for};
use super::measure::Cost;
use super::options::Options;
use super::sync;
use super::table::Table;

/// The call in the table.
const NAME: &str = "`windlass forward`";
/// The limit of everything that is waited for.
const LIMIT: Duration = Duration::from_secs(120);
/// The size of the data that a pod sends, in MiB.
const SIZE: usize = 256;
/// The bytes that go to and fro on one connection.
const TRIPS: usize = 200;

/// `kubectl port-forward`.
struct Kubectl(Child);

impl Drop for Kubectl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Adds the rows of opening a connection, of one round trip, and of throughput.
pub fn connections(options: &Options, table: &mut Table) {
    let Some(kubectl) = program("WINDLASS_TEST_KUBECTL") else { return };
    let (Some(cluster), Some(daemon)) = (Cluster::with_node(), Daemon::acquire()) else { return };
    eprintln!("dev: forwarded connections");
    let bytes = SIZE << 20;
    let script = format!(
        "busybox nc -ll -p 80 -e cat & busybox nc -ll -p 81 -e sh -c 'head -c {bytes} /dev/zero' & sleep 36000"
    );
    cluster.create_pod("web", "web", &[container(&daemon, "app", &script)]);
    let address = wait_for("a running pod", LIMIT, || {
        let status = cluster.find::<Pod>("web")?.status?;
        (status.phase? == "Running").then_some(())?;
        status.pod_ip?.parse().ok()
    });
    let project = cluster.project().limit(Duration::from_secs(3600));
    let running = project.spawn(["forward", "0:80", "0:81", "--pod", "web"]);
    let ours = wait_for("forwarded ports", LIMIT, || {
        let (text, _) = running.output_so_far();
        ports(&text)
    });
    let mut command = Command::new(&kubectl);
    command.args(["port-forward", "pod/web", ":80", ":81"]).env("KUBECONFIG", project.path("kubeconfig"));
    let mut child = Kubectl(command.stdout(Stdio::piped()).spawn().expect("kubectl can be started"));
    let mut lines = BufReader::new(child.0.stdout.take().expect("stdout is piped")).lines();
    let mut text = String::new();
    let theirs = loop {
        let line = lines.next().expect("kubectl runs").expect("a line");
        text += &format!("{line}\n");
        if let Some(ports) = ports(&text) {
            break ports;
        }
    };
    let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let direct = |port| SocketAddr::new(address, port);
    let ways =
        [(local(ours[0]), local(ours[1])), (local(theirs[0]), local(theirs[1])), (direct(80), direct(81))];
    wait_for("an answer", LIMIT, || ways.iter().all(|(echo, _)| open(*echo).is_some()).then_some(()));
    let mut opened: [Vec<Cost>; 3] = Default::default();
    let mut trips: [Vec<Cost>; 3] = Default::default();
    let mut received: [Vec<Cost>; 3] = Default::default();
    for _ in 0..options.rounds {
        for (index, (echo, zeros)) in ways.into_iter().enumerate() {
            opened[index].extend((0..10).map(|_| open(echo).expect("an answer").1));
            trips[index].extend(round_trips(echo));
            received[index].push(receive(zeros));
        }
    }
    sync::stop(running);
    for (case, costs) in [
        ("a forwarded connection is opened, and a byte comes back", &opened),
        ("a byte goes to and fro on a forwarded connection", &trips),
        ("256 MiB are received over a forwarded connection", &received),
    ] {
        let compared = [("`kubectl port-forward`", &costs[1][..]), ("direct connection", &costs[2])];
        table.add(case, NAME, &costs[0], &compared);
    }
}

/// The local ports in lines such as `127.0.0.1:4711 -> 80`, with the one for 80 first; `None` until both are open.
fn ports(text: &str) -> Option<[u16; 2]> {
    let port = |remote: &str| {
        text.lines().find_map(|line| {
            let (local, to) = line.split_once(" -> ")?;
            let is_wanted = to.split([' ', ':']).any(|word| word == remote);
            is_wanted.then(|| local.rsplit(':').next()?.trim().parse().ok())?
        })
    };
    Some([port("80")?, port("81")?])
}

/// Opens a connection, and waits for a byte that it sends to come back.
fn open(address: SocketAddr) -> Option<(TcpStream, Cost)> {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    stream.write_all(b"x").ok()?;
    stream.read_exact(&mut [0]).ok()?;
    Some((stream, Cost { wall: start.elapsed(), ..Cost::default() }))
}

fn round_trips(address: SocketAddr) -> Vec<Cost> {
    let (mut stream, _) = open(address).expect("an answer");
    let mut trip = || {
        let start = Instant::now();
        stream.write_all(b"x").expect("a byte can be sent");
        stream.read_exact(&mut [0]).expect("a byte comes back");
        Cost { wall: start.elapsed(), ..Cost::default() }
    };
    (0..TRIPS).map(|_| trip()).collect()
}

fn receive(address: SocketAddr) -> Cost {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).expect("the port is open");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    while size < SIZE << 20 {
        let length = stream.read(&mut buffer).expect("more arrives");
        assert!(length > 0, "the connection ended after {size} bytes");
        size += length;
    }
    Cost { wall: start.elapsed(), ..Cost::default() }
}
