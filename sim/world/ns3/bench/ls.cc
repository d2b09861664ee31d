/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The workload LS (models/queues) on ns-3: 48 leaves, 13 spines, 4 hosts per
 * leaf, 100 Gb/s, 1 us, 1460-byte packets at half load, for 'sixnines bench
 * ls'.
 *
 * usage: sixnines-ns3-ls bare|ip SCHEDULER PICOSECONDS
 *
 * bare   point-to-point devices, and a callback that looks the next one up in
 *        an array: the least that forwarding can cost ns-3.
 * ip     UDP sockets and Ipv4 with a static route for each leaf.
 *
 * Prints one line: hops, packets delivered, sum of their latencies in ps, CPU
 * seconds of the run itself (without building), peak memory in kB.
 */
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <ns3/core-module.h>
#include <ns3/internet-module.h>
#include <ns3/network-module.h>
#include <ns3/point-to-point-module.h>

using namespace ns3;

namespace
{

constexpr uint32_t LEAVES = 48;
constexpr uint32_t SPINES = 13;
constexpr uint32_t HOSTS = 4; /* per leaf */
constexpr uint32_t ENDS = LEAVES * HOSTS;
constexpr uint32_t BYTES = 1460;
constexpr uint32_t UDP_IP_BYTES = 28;
constexpr uint16_t UDP_PORT = 9;
constexpr uint16_t PROTOCOL = 0x0800;
constexpr int64_t GAP_PS = 2 * 116960; /* half load of 1462 bytes */

struct Count {
    uint64_t hops = 0;
    uint64_t delivered = 0;
    int64_t latency_ps = 0;
};

Count count;

uint32_t
Destination(uint32_t end)
{
    uint32_t leaf = (end / HOSTS + 1 + end % HOSTS) % LEAVES;

    return leaf * HOSTS + end % HOSTS;
}

Time
Begin(uint32_t end)
{
    return PicoSeconds(37 * end % 1000 * 1000);
}

/* ---- nodes and links, of both kinds ---- */

struct Network {
    NodeContainer ends, leaves, spines;
    std::vector<NetDeviceContainer> down; /* [end]: host's, leaf's */
    std::vector<NetDeviceContainer> up;   /* [leaf][spine]: leaf's, spine's */
};

void
Build(Network &network)
{
    PointToPointHelper link;

    link.SetDeviceAttribute("DataRate", StringValue("100Gbps"));
    link.SetDeviceAttribute("Mtu", UintegerValue(9000));
    link.SetChannelAttribute("Delay", StringValue("1us"));
    link.SetQueue("ns3::DropTailQueue", "MaxSize", StringValue("1000000B"));
    network.ends.Create(ENDS);
    network.leaves.Create(LEAVES);
    network.spines.Create(SPINES);
    for (uint32_t i = 0; i < ENDS; i++)
        network.down.push_back(
            link.Install(network.ends.Get(i), network.leaves.Get(i / HOSTS)));
    for (uint32_t l = 0; l < LEAVES; l++) {
        for (uint32_t s = 0; s < SPINES; s++)
            network.up.push_back(
                link.Install(network.leaves.Get(l), network.spines.Get(s)));
    }
}

const NetDeviceContainer &
Uplink(const Network &network, uint32_t leaf, uint32_t spine)
{
    return network.up[leaf * SPINES + spine];
}

/* ---- bare devices ---- */

struct Sent {
    uint32_t to;
    int64_t at_ps;
};

std::vector<Sent> sent;                        /* by number of the packet */
std::vector<std::vector<Ptr<NetDevice>>> next; /* [switch][end] */

bool
Forward(uint32_t node, Ptr<const Packet> packet)
{
    count.hops++;
    next[node][sent[packet->GetUid()].to]->Send(packet->Copy(), Address(),
                                                PROTOCOL);
    return true;
}

bool
Deliver(Ptr<NetDevice>, Ptr<const Packet> packet, uint16_t, const Address &)
{
    count.hops++;
    count.delivered++;
    count.latency_ps +=
        Simulator::Now().GetPicoSeconds() - sent[packet->GetUid()].at_ps;
    return true;
}

void
BareSend(Ptr<NetDevice> device, uint32_t end)
{
    Ptr<Packet> packet = Create<Packet>(BYTES);

    if (sent.size() <= packet->GetUid())
        sent.resize(2 * packet->GetUid() + 1024);
    sent[packet->GetUid()] = {Destination(end),
                              Simulator::Now().GetPicoSeconds()};
    device->Send(packet, Address(), PROTOCOL);
    Simulator::Schedule(PicoSeconds(GAP_PS), &BareSend, device, end);
}

void
Hear(const Ptr<NetDevice> &device, uint32_t node)
{
    device->SetReceiveCallback(
        [node](Ptr<NetDevice>, Ptr<const Packet> packet, uint16_t,
               const Address &) { return Forward(node, packet); });
}

void
BareStart(const Network &network)
{
    next.assign(LEAVES + SPINES, std::vector<Ptr<NetDevice>>(ENDS));
    for (uint32_t l = 0; l < LEAVES; l++) {
        for (uint32_t i = 0; i < ENDS; i++) {
            uint32_t spine = (l + i / HOSTS) % SPINES;

            next[l][i] = i / HOSTS == l ? network.down[i].Get(1)
                                        : Uplink(network, l, spine).Get(0);
        }
    }
    for (uint32_t s = 0; s < SPINES; s++) {
        for (uint32_t i = 0; i < ENDS; i++)
            next[LEAVES + s][i] = Uplink(network, i / HOSTS, s).Get(1);
    }
    for (uint32_t i = 0; i < ENDS; i++) {
        network.down[i].Get(0)->SetReceiveCallback(MakeCallback(&Deliver));
        Hear(network.down[i].Get(1), i / HOSTS);
        Simulator::Schedule(Begin(i), &BareSend, network.down[i].Get(0), i);
    }
    for (uint32_t l = 0; l < LEAVES; l++) {
        for (uint32_t s = 0; s < SPINES; s++) {
            Hear(Uplink(network, l, s).Get(0), l);
            Hear(Uplink(network, l, s).Get(1), LEAVES + s);
        }
    }
}

/* ---- IP ---- */

void
OnMacRx(Ptr<const Packet>)
{
    count.hops++;
}

void
IpSend(Ptr<Socket> socket)
{
    int64_t now_ps = Simulator::Now().GetPicoSeconds();
    Ptr<Packet> stamped = Create<Packet>(
        reinterpret_cast<const uint8_t *>(&now_ps), sizeof(now_ps));

    stamped->AddPaddingAtEnd(BYTES - UDP_IP_BYTES - sizeof(now_ps));
    socket->Send(stamped);
    Simulator::Schedule(PicoSeconds(GAP_PS), &IpSend, socket);
}

void
IpReceive(Ptr<Socket> socket)
{
    Ptr<Packet> packet;

    while ((packet = socket->Recv()) != nullptr) {
        int64_t at_ps = 0;

        packet->CopyData(reinterpret_cast<uint8_t *>(&at_ps), sizeof(at_ps));
        count.delivered++;
        count.latency_ps += Simulator::Now().GetPicoSeconds() - at_ps;
    }
}

/* 10.leaf.4 x host.1 and .2: the leaf's side and the host's. */
std::string
AddressOf(uint32_t end, uint32_t side)
{
    return "10." + std::to_string(end / HOSTS) + "." +
           std::to_string(end % HOSTS) + "." + std::to_string(side);
}

std::string
LeafNetwork(uint32_t leaf)
{
    return "10." + std::to_string(leaf) + ".0.0";
}

uint32_t
Attach(const Ptr<NetDevice> &device, const std::string &address)
{
    Ptr<Ipv4> ip = device->GetNode()->GetObject<Ipv4>();
    uint32_t interface = ip->AddInterface(device);

    ip->AddAddress(interface,
                   Ipv4InterfaceAddress(Ipv4Address(address.c_str()),
                                        Ipv4Mask("255.255.255.0")));
    ip->SetUp(interface);
    device->TraceConnectWithoutContext("MacRx", MakeCallback(&OnMacRx));
    return interface;
}

void
Route(const Ptr<Node> &node, const std::string &prefix, const char *mask,
      uint32_t interface)
{
    Ipv4StaticRoutingHelper helper;

    helper.GetStaticRouting(node->GetObject<Ipv4>())
        ->AddNetworkRouteTo(Ipv4Address(prefix.c_str()), Ipv4Mask(mask),
                            interface);
}

void
IpUplinks(const Network &network)
{
    std::vector<uint32_t> leaf_if(LEAVES * SPINES);

    for (uint32_t l = 0; l < LEAVES; l++) {
        for (uint32_t s = 0; s < SPINES; s++) {
            std::string base =
                std::to_string(100 + s) + "." + std::to_string(l) + ".0.";
            const NetDeviceContainer &link = Uplink(network, l, s);

            leaf_if[l * SPINES + s] = Attach(link.Get(0), base + "1");
            Route(network.spines.Get(s), LeafNetwork(l), "255.255.0.0",
                  Attach(link.Get(1), base + "2"));
        }
    }
    for (uint32_t l = 0; l < LEAVES; l++) {
        for (uint32_t to = 0; to < LEAVES; to++) {
            if (to != l)
                Route(network.leaves.Get(l), LeafNetwork(to), "255.255.0.0",
                      leaf_if[l * SPINES + (l + to) % SPINES]);
        }
    }
}

void
IpEnd(const Network &network, uint32_t end)
{
    Ptr<Node> node = network.ends.Get(end);
    Ptr<Socket> receiver =
        Socket::CreateSocket(node, UdpSocketFactory::GetTypeId());
    Ptr<Socket> sender =
        Socket::CreateSocket(node, UdpSocketFactory::GetTypeId());

    receiver->Bind(InetSocketAddress(Ipv4Address::GetAny(), UDP_PORT));
    receiver->SetRecvCallback(MakeCallback(&IpReceive));
    sender->Connect(InetSocketAddress(
        Ipv4Address(AddressOf(Destination(end), 2).c_str()), UDP_PORT));
    Simulator::Schedule(Begin(end), &IpSend, sender);
}

void
IpStart(const Network &network)
{
    Ipv4StaticRoutingHelper routing;
    InternetStackHelper stack;

    stack.SetRoutingHelper(routing);
    stack.SetIpv6StackInstall(false);
    stack.Install(network.ends);
    stack.Install(network.leaves);
    stack.Install(network.spines);
    for (uint32_t i = 0; i < ENDS; i++) {
        uint32_t own = Attach(network.down[i].Get(0), AddressOf(i, 2));

        Attach(network.down[i].Get(1), AddressOf(i, 1));
        Route(network.ends.Get(i), "0.0.0.0", "0.0.0.0", own);
    }
    IpUplinks(network);
    for (uint32_t i = 0; i < ENDS; i++)
        IpEnd(network, i);
}

double
CpuSeconds()
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) +
           static_cast<double>(now.tv_nsec) * 1e-9;
}

} // namespace

int
main(int argc, char **argv)
{
    Network network;
    struct rusage usage;

    if (argc != 4 || (std::strcmp(argv[1], "bare") != 0 &&
                      std::strcmp(argv[1], "ip") != 0)) {
        std::fputs("usage: sixnines-ns3-ls bare|ip SCHEDULER PICOSECONDS\n",
                   stderr);
        return 64;
    }
    Time::SetResolution(Time::PS);
    ObjectFactory scheduler;

    scheduler.SetTypeId("ns3::" + std::string(argv[2]));
    Simulator::SetScheduler(scheduler);
    Build(network);
    if (std::strcmp(argv[1], "bare") == 0)
        BareStart(network);
    else
        IpStart(network);
    Simulator::Stop(PicoSeconds(std::strtoll(argv[3], nullptr, 10)));
    double begun = CpuSeconds();

    Simulator::Run();
    double seconds = CpuSeconds() - begun;

    getrusage(RUSAGE_SELF, &usage);
    std::printf("%" PRIu64 " %" PRIu64 " %" PRId64 " %.6f %ld\n", count.hops,
                count.delivered, count.latency_ps, seconds, usage.ru_maxrss);
    return 0;
}
