/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The management network of a cluster, built from ns-3's point-to-point
 * devices, channels, drop-tail queues and error models.
 *
 * A box is a node with a device to each management switch; a switch is a node
 * with a device to each box.  A switch forwards what a device of it received,
 * after its latency, to the device of the box that has the address.
 */
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ns3/core-module.h>
#include <ns3/network-module.h>
#include <ns3/point-to-point-module.h>

#include "sim/world/ns3/helper/core.h"

using namespace ns3;

namespace {

constexpr uint32_t PPP_BYTES = 2;
constexpr uint16_t PROTOCOL = 0x86dd; /* IPv6 */
constexpr uint32_t LABEL_BYTES = 5;   /* u32 copy, u8 lane */
constexpr uint32_t ON_ITS_WAY = UINT32_MAX;

/* ---- packets carry the number of a copy, and its lane ---- */

struct Label {
    uint32_t copy;
    unsigned lane;
};

Ptr<Packet>
MakePacket(const Label &label, uint32_t bytes)
{
    uint8_t buffer[LABEL_BYTES];

    for (unsigned i = 0; i < 4; i++)
        buffer[i] = static_cast<uint8_t>(label.copy >> (8 * i));
    buffer[4] = static_cast<uint8_t>(label.lane);
    Ptr<Packet> packet = Create<Packet>(buffer, LABEL_BYTES);
    packet->AddPaddingAtEnd(bytes - LABEL_BYTES);
    return packet;
}

Label
ReadLabel(const Ptr<const Packet> &packet, uint32_t offset)
{
    uint8_t buffer[PPP_BYTES + LABEL_BYTES];
    Label label = {0, 0};

    packet->CopyData(buffer, offset + LABEL_BYTES);
    for (unsigned i = 0; i < 4; i++)
        label.copy |= static_cast<uint32_t>(buffer[offset + i]) << (8 * i);
    label.lane = buffer[offset + 4];
    return label;
}

/* ---- four drop-tail queues in strict priority ---- */

class LaneQueue : public Queue<Packet> {
  public:
    static TypeId
    GetTypeId()
    {
        static TypeId id = TypeId("sixnines::LaneQueue")
                               .SetParent<Queue<Packet>>()
                               .AddConstructor<LaneQueue>();
        return id;
    }

    void
    Bound(uint32_t bytes)
    {
        for (auto &lane : m_lanes) {
            lane = CreateObject<DropTailQueue<Packet>>();
            lane->SetMaxSize(QueueSize(QueueSizeUnit::BYTES, bytes));
        }
    }

    bool
    Enqueue(Ptr<Packet> packet) override
    {
        unsigned lane = ReadLabel(packet, PPP_BYTES).lane;
        bool taken = m_lanes[lane]->Enqueue(packet);

        if (m_lanes[lane]->GetNBytes() > m_peak[lane])
            m_peak[lane] = m_lanes[lane]->GetNBytes();
        return taken;
    }

    Ptr<Packet>
    Dequeue() override
    {
        for (auto &lane : m_lanes) {
            Ptr<Packet> packet = lane->Dequeue();

            if (packet)
                return packet;
        }
        return nullptr;
    }

    Ptr<Packet>
    Remove() override
    {
        return Dequeue();
    }

    Ptr<const Packet>
    Peek() const override
    {
        for (auto &lane : m_lanes) {
            Ptr<const Packet> packet = lane->Peek();

            if (packet)
                return packet;
        }
        return nullptr;
    }

    uint32_t
    Peak(unsigned lane) const
    {
        return m_peak[lane];
    }

  private:
    Ptr<DropTailQueue<Packet>> m_lanes[NS3_LANES];
    uint32_t m_peak[NS3_LANES] = {};
};

NS_OBJECT_ENSURE_REGISTERED(LaneQueue);

/* ---- the network ---- */

/* One copy of a frame. */
struct Flight {
    core_frame frame;
    uint32_t to_box;      /* ON_ITS_WAY: to the switch */
    uint64_t life;        /* of the sender, or of the switch */
    uint64_t earliest_ps; /* that it can be delivered, as things stand */
    bool queued;          /* in a queue: not before another hop from now */
};

struct Port {
    uint32_t box;
    unsigned plane;
    bool up; /* of the box, towards the switch */
    Ptr<PointToPointNetDevice> device;
    Ptr<LaneQueue> queue;
};

struct Leg {
    core_link link;
    Ptr<PointToPointChannel> channel;
    Ptr<RateErrorModel> loss[2]; /* of what arrives at switch, at box */
    Port nic, port;
};

struct Station {
    uint64_t address;
    bool powered;
    uint64_t life;
    Leg legs[NS3_PLANES];
};

struct Mgmt {
    core_mgmt_options options;
    DataRate rate;
    std::vector<Station> stations;
    bool plane_on[NS3_PLANES];
    uint64_t plane_life[NS3_PLANES];
    std::vector<uint8_t> blocked;
    uint64_t blocks;
    std::map<uint32_t, Flight> copies;
    std::map<uint32_t, uint32_t> refs; /* copies of each frame */
    uint32_t last_copy;
    core_lane_stats stats[NS3_LANES];
    std::vector<core_delivery> deliveries;
    std::vector<uint32_t> ended;
};

std::unique_ptr<Mgmt> mgmt;

uint64_t
NowPs()
{
    return static_cast<uint64_t>(Simulator::Now().GetTimeStep());
}

uint64_t
HopPs(uint32_t wire_bytes)
{
    return static_cast<uint64_t>(
               mgmt->rate.CalculateBytesTxTime(wire_bytes).GetTimeStep()) +
           mgmt->options.link_delay_ps;
}

/* ---- copies ---- */

uint32_t
FlightAdd(const Flight &copy)
{
    uint32_t number = ++mgmt->last_copy;

    mgmt->copies[number] = copy;
    mgmt->refs[copy.frame.name]++;
    return number;
}

void
FlightEnd(uint32_t number)
{
    auto found = mgmt->copies.find(number);

    if (found == mgmt->copies.end())
        return;
    uint32_t name = found->second.frame.name;
    mgmt->copies.erase(found);
    if (--mgmt->refs[name] == 0) {
        mgmt->refs.erase(name);
        mgmt->ended.push_back(name);
    }
}

void
PortSend(Port &port, uint32_t number)
{
    Flight &copy = mgmt->copies.at(number);
    Ptr<Packet> packet = MakePacket({number, copy.frame.lane},
                                    copy.frame.wire_bytes - PPP_BYTES);

    copy.queued = true;
    if (!port.device->Send(packet, port.device->GetBroadcast(), PROTOCOL)) {
        mgmt->stats[copy.frame.lane].dropped++;
        FlightEnd(number);
    }
}

/* On the wire from now on. */
void
OnTxBegin(Port *port, Ptr<const Packet> packet)
{
    auto found = mgmt->copies.find(ReadLabel(packet, PPP_BYTES).copy);
    const core_link &link = mgmt->stations[port->box].legs[port->plane].link;

    if (found == mgmt->copies.end())
        return;
    Flight &copy = found->second;
    uint64_t hop_ps = HopPs(copy.frame.wire_bytes);

    copy.queued = false;
    copy.earliest_ps = NowPs() + hop_ps + link.added_delay_ps;
    if (port->up)
        copy.earliest_ps += mgmt->options.switch_latency_ps + hop_ps;
}

/* Lost on the wire, as the error model wants it. */
void
OnRxDrop(Ptr<const Packet> packet)
{
    FlightEnd(ReadLabel(packet, PPP_BYTES).copy);
}

void
Flush(Port &port)
{
    while (Ptr<Packet> packet = port.queue->Dequeue())
        FlightEnd(ReadLabel(packet, PPP_BYTES).copy);
}

/* ---- the switch ---- */

uint8_t &
Blocked(uint32_t from, uint32_t to, unsigned plane)
{
    size_t pair = static_cast<size_t>(from) * mgmt->options.box_count + to;

    return mgmt->blocked[pair * NS3_PLANES + plane];
}

void
Forwarded(uint32_t number)
{
    Flight &copy = mgmt->copies.at(number);

    if (copy.life != mgmt->plane_life[copy.frame.plane]) {
        FlightEnd(number);
        return;
    }
    PortSend(mgmt->stations[copy.to_box].legs[copy.frame.plane].port, number);
}

void
Forward(const Flight &in, uint32_t to)
{
    const Station &station = mgmt->stations[to];
    const core_link &link = station.legs[in.frame.plane].link;

    if (!station.powered || (link.bits & (NS3_LINK_DEAF | NS3_LINK_DOWN)) ||
        (mgmt->blocks > 0 && Blocked(in.frame.box, to, in.frame.plane) > 0))
        return;
    Flight out = in;
    out.to_box = to;
    out.life = mgmt->plane_life[in.frame.plane];
    out.queued = false;
    out.earliest_ps = NowPs() + mgmt->options.switch_latency_ps +
                      HopPs(in.frame.wire_bytes);
    Simulator::Schedule(PicoSeconds(mgmt->options.switch_latency_ps),
                        &Forwarded, FlightAdd(out));
}

void
SwitchArrival(const Flight &copy)
{
    const Station &from = mgmt->stations[copy.frame.box];
    const core_link &link = from.legs[copy.frame.plane].link;

    if (!mgmt->plane_on[copy.frame.plane] ||
        (link.bits & (NS3_LINK_MUTE | NS3_LINK_DOWN)))
        return;
    mgmt->stats[copy.frame.lane].frames++;
    for (uint32_t to = 0; to < mgmt->options.box_count; to++) {
        if (to == copy.frame.box)
            continue;
        if (copy.frame.to == NS3_TO_ALL) {
            Forward(copy, to);
        } else if (mgmt->stations[to].address == copy.frame.to &&
                   mgmt->stations[to].powered) {
            Forward(copy, to);
            break;
        }
    }
}

void
BoxArrival(const Flight &copy)
{
    const Station &to = mgmt->stations[copy.to_box];

    if (to.powered && mgmt->plane_on[copy.frame.plane] &&
        !(to.legs[copy.frame.plane].link.bits & NS3_LINK_DOWN))
        mgmt->deliveries.push_back({NowPs(), copy.frame.name, copy.to_box});
}

bool
OnReceive(Ptr<NetDevice>, Ptr<const Packet> packet, uint16_t, const Address &)
{
    uint32_t number = ReadLabel(packet, 0).copy;
    auto found = mgmt->copies.find(number);

    if (found == mgmt->copies.end())
        return false;
    Flight copy = found->second;
    if (copy.to_box == ON_ITS_WAY)
        SwitchArrival(copy);
    else
        BoxArrival(copy);
    FlightEnd(number);
    return true;
}

/* ---- building it ---- */

void
PortMake(Port &port, uint32_t box, unsigned plane, bool up, Ptr<Node> node,
         Ptr<PointToPointChannel> channel)
{
    port.box = box;
    port.plane = plane;
    port.up = up;
    port.device = CreateObject<PointToPointNetDevice>();
    port.device->SetAddress(Mac48Address::Allocate());
    port.device->SetDataRate(mgmt->rate);
    port.queue = CreateObject<LaneQueue>();
    port.queue->Bound(mgmt->options.queue_bytes);
    port.device->SetQueue(port.queue);
    node->AddDevice(port.device);
    port.device->SetReceiveCallback(MakeCallback(&OnReceive));
    port.device->TraceConnectWithoutContext(
        "PhyTxBegin", MakeBoundCallback(&OnTxBegin, &port));
    port.device->TraceConnectWithoutContext("PhyRxDrop",
                                            MakeCallback(&OnRxDrop));
    port.device->Attach(channel);
}

void
LegMake(Leg &leg, uint32_t box, unsigned plane, Ptr<Node> node,
        Ptr<Node> hub)
{
    leg.link = {0, 0, 0};
    leg.channel = CreateObject<PointToPointChannel>();
    leg.channel->SetAttribute(
        "Delay", TimeValue(PicoSeconds(mgmt->options.link_delay_ps)));
    PortMake(leg.nic, box, plane, true, node, leg.channel);
    PortMake(leg.port, box, plane, false, hub, leg.channel);
    for (int end = 0; end < 2; end++) {
        leg.loss[end] = CreateObject<RateErrorModel>();
        leg.loss[end]->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
        leg.loss[end]->SetRate(0);
        leg.loss[end]->AssignStreams(4 * box + 2 * plane + end);
    }
    leg.port.device->SetReceiveErrorModel(leg.loss[0]);
    leg.nic.device->SetReceiveErrorModel(leg.loss[1]);
}

} // namespace

const char *
core_ns3_version(void)
{
    return NS3_VERSION;
}

const char *
core_mgmt_create(const struct core_mgmt_options *options)
{
    if (mgmt != nullptr)
        return "there is a network already";
    if (options->box_count == 0 || options->box_count > NS3_BOXES_MAX ||
        options->link_bps == 0 || options->queue_bytes == 0)
        return "a network like that cannot be";
    Time::SetResolution(Time::PS);
    RngSeedManager::SetSeed(
        static_cast<uint32_t>(options->seed % 0xfffffffeu) + 1);
    RngSeedManager::SetRun(options->seed >> 32);
    mgmt = std::make_unique<Mgmt>();
    mgmt->options = *options;
    mgmt->rate = DataRate(options->link_bps);
    mgmt->stations.resize(options->box_count);
    mgmt->blocked.resize(static_cast<size_t>(options->box_count) *
                         options->box_count * NS3_PLANES);
    Ptr<Node> hubs[NS3_PLANES];
    for (unsigned plane = 0; plane < NS3_PLANES; plane++) {
        hubs[plane] = CreateObject<Node>();
        mgmt->plane_on[plane] = true;
    }
    for (uint32_t box = 0; box < options->box_count; box++) {
        Ptr<Node> node = CreateObject<Node>();

        for (unsigned plane = 0; plane < NS3_PLANES; plane++)
            LegMake(mgmt->stations[box].legs[plane], box, plane, node,
                    hubs[plane]);
    }
    return nullptr;
}

void
core_run(uint64_t to_ps)
{
    uint64_t now_ps = NowPs();

    Simulator::Stop(PicoSeconds(to_ps > now_ps ? to_ps - now_ps : 0));
    Simulator::Run();
}

uint64_t
core_quiet_until(void)
{
    uint64_t least_ps = NS3_NEVER;

    for (const auto &[number, copy] : mgmt->copies) {
        uint64_t hop_ps = HopPs(copy.frame.wire_bytes);
        uint64_t at_ps = copy.earliest_ps;

        if (copy.queued && copy.to_box == ON_ITS_WAY)
            at_ps = NowPs() + 2 * hop_ps + mgmt->options.switch_latency_ps;
        else if (copy.queued)
            at_ps = NowPs() + hop_ps;
        least_ps = std::min(least_ps, at_ps);
    }
    return least_ps;
}

void
core_address(uint32_t box, uint64_t address)
{
    mgmt->stations[box].address = address;
}

void
core_box_power(uint32_t box, bool on)
{
    Station &station = mgmt->stations[box];

    station.powered = on;
    if (on)
        return;
    station.life++;
    for (Leg &leg : station.legs)
        Flush(leg.nic);
}

void
core_plane_power(unsigned plane, bool on)
{
    mgmt->plane_on[plane] = on;
    if (on)
        return;
    mgmt->plane_life[plane]++;
    for (Station &station : mgmt->stations)
        Flush(station.legs[plane].port);
}

void
core_link_set(uint32_t box, unsigned plane, const struct core_link *link)
{
    Leg &leg = mgmt->stations[box].legs[plane];

    leg.link = *link;
    leg.channel->SetAttribute(
        "Delay", TimeValue(PicoSeconds(mgmt->options.link_delay_ps +
                                       link->added_delay_ps)));
    for (auto &loss : leg.loss)
        loss->SetRate(link->loss_ppm / 1e6);
}

void
core_block(uint32_t from, uint32_t to, unsigned planes, bool on)
{
    for (unsigned plane = 0; plane < NS3_PLANES; plane++) {
        uint8_t &count = Blocked(from, to, plane);

        if (((planes >> plane) & 1) == 0 || count == (on ? UINT8_MAX : 0))
            continue;
        on ? count++ : count--;
        on ? mgmt->blocks++ : mgmt->blocks--;
    }
}

void
core_unblock_all(void)
{
    std::fill(mgmt->blocked.begin(), mgmt->blocked.end(), 0);
    mgmt->blocks = 0;
}

/* It reaches the sending end, unless the box died before. */
static void
Departed(uint32_t number)
{
    Flight &copy = mgmt->copies.at(number);
    Station &station = mgmt->stations[copy.frame.box];

    if (copy.life != station.life) {
        FlightEnd(number);
        return;
    }
    PortSend(station.legs[copy.frame.plane].nic, number);
}

void
core_send(const struct core_frame *frame)
{
    uint64_t now_ps = NowPs();
    Flight copy = {};

    copy.frame = *frame;
    copy.to_box = ON_ITS_WAY;
    copy.life = mgmt->stations[frame->box].life;
    copy.earliest_ps = frame->departs_ps + 2 * HopPs(frame->wire_bytes) +
                       mgmt->options.switch_latency_ps;
    Simulator::Schedule(PicoSeconds(frame->departs_ps > now_ps
                                        ? frame->departs_ps - now_ps
                                        : 0),
                        &Departed, FlightAdd(copy));
}

void
core_stats(struct core_lane_stats stats[NS3_LANES])
{
    for (unsigned lane = 0; lane < NS3_LANES; lane++) {
        stats[lane] = mgmt->stats[lane];
        for (const Station &station : mgmt->stations) {
            for (const Leg &leg : station.legs)
                stats[lane].peak_bytes = std::max(
                    {stats[lane].peak_bytes, leg.nic.queue->Peak(lane),
                     leg.port.queue->Peak(lane)});
        }
    }
}

const struct core_delivery *
core_deliveries(size_t *count)
{
    *count = mgmt->deliveries.size();
    return mgmt->deliveries.data();
}

const uint32_t *
core_ended(size_t *count)
{
    *count = mgmt->ended.size();
    return mgmt->ended.data();
}

void
core_forget(void)
{
    mgmt->deliveries.clear();
    mgmt->ended.clear();
}
