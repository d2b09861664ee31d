/* SPDX-License-Identifier: GPL-2.0-only
 *
 * A leaf-spine of plain queues: hosts, leaves and spines are nodes, links are
 * point-to-point channels, each device has one drop-tail queue bounded in
 * packets.  No stack: a node sends what a device received by the device that
 * leads to the destination.  From leaf a to leaf b the way is by spine
 * (a + b) mod spines.
 */
#include <memory>
#include <vector>

#include <ns3/core-module.h>
#include <ns3/network-module.h>
#include <ns3/point-to-point-module.h>

#include "sim/world/ns3/helper/core.h"

using namespace ns3;

namespace
{

constexpr uint32_t PPP_BYTES = 2;
constexpr uint16_t PROTOCOL = 0x86dd; /* IPv6 */
constexpr uint32_t LABEL_BYTES = 8;   /* u32 packet, u32 to */
constexpr uint32_t NO_BOUND = UINT32_C(1) << 31;

struct Label {
    uint32_t number;
    uint32_t to;
};

Ptr<Packet>
MakePacket(const Label &label, uint32_t bytes)
{
    uint8_t buffer[LABEL_BYTES];

    for (unsigned i = 0; i < 4; i++) {
        buffer[i] = static_cast<uint8_t>(label.number >> (8 * i));
        buffer[4 + i] = static_cast<uint8_t>(label.to >> (8 * i));
    }
    Ptr<Packet> packet = Create<Packet>(buffer, LABEL_BYTES);
    packet->AddPaddingAtEnd(bytes - LABEL_BYTES);
    return packet;
}

Label
ReadLabel(const Ptr<const Packet> &packet)
{
    uint8_t buffer[LABEL_BYTES];
    Label label = {0, 0};

    packet->CopyData(buffer, LABEL_BYTES);
    for (unsigned i = 0; i < 4; i++) {
        label.number |= static_cast<uint32_t>(buffer[i]) << (8 * i);
        label.to |= static_cast<uint32_t>(buffer[4 + i]) << (8 * i);
    }
    return label;
}

using Device = Ptr<PointToPointNetDevice>;

struct LeafSpine {
    core_leaf_spine shape;
    std::vector<Device> hosts;             /* towards the leaf */
    std::vector<Device> to_hosts;          /* of leaves */
    std::vector<std::vector<Device>> up;   /* [leaf][spine] */
    std::vector<std::vector<Device>> down; /* [spine][leaf] */
    std::vector<uint64_t> due_ps;          /* of each packet */
    core_spine_totals totals;
    std::vector<core_arrival> arrivals;
};

std::unique_ptr<LeafSpine> network;

void
Send(const Device &device, Ptr<Packet> packet)
{
    if (!device->Send(packet, device->GetBroadcast(), PROTOCOL))
        network->totals.dropped++;
}

bool
AtHost(Ptr<NetDevice>, Ptr<const Packet> packet, uint16_t, const Address &)
{
    uint32_t number = ReadLabel(packet).number;
    uint64_t now_ps = static_cast<uint64_t>(Simulator::Now().GetTimeStep());

    network->arrivals.push_back({number, now_ps - network->due_ps[number]});
    return true;
}

bool
AtLeaf(uint32_t leaf, Ptr<NetDevice>, Ptr<const Packet> packet, uint16_t,
       const Address &)
{
    uint32_t to = ReadLabel(packet).to;
    uint32_t to_leaf = to / network->shape.hosts_per_leaf;

    Send(to_leaf == leaf
             ? network->to_hosts[to]
             : network->up[leaf][(leaf + to_leaf) % network->shape.spines],
         packet->Copy());
    return true;
}

bool
AtSpine(uint32_t spine, Ptr<NetDevice>, Ptr<const Packet> packet, uint16_t,
        const Address &)
{
    uint32_t to = ReadLabel(packet).to;

    Send(network->down[spine][to / network->shape.hosts_per_leaf],
         packet->Copy());
    return true;
}

Device
DeviceMake(Ptr<Node> node, Ptr<PointToPointChannel> channel,
           const core_spine_link &link, NetDevice::ReceiveCallback received)
{
    Device device = CreateObject<PointToPointNetDevice>();
    Ptr<DropTailQueue<Packet>> queue = CreateObject<DropTailQueue<Packet>>();

    queue->SetMaxSize(
        QueueSize(QueueSizeUnit::PACKETS,
                  link.queue_packets > 0 ? link.queue_packets : NO_BOUND));
    device->SetAddress(Mac48Address::Allocate());
    device->SetDataRate(DataRate(link.bps));
    device->SetQueue(queue);
    node->AddDevice(device);
    device->SetReceiveCallback(received);
    device->Attach(channel);
    return device;
}

Ptr<PointToPointChannel>
ChannelMake(const core_spine_link &link)
{
    Ptr<PointToPointChannel> channel = CreateObject<PointToPointChannel>();

    channel->SetAttribute("Delay", TimeValue(PicoSeconds(link.delay_ps)));
    return channel;
}

bool
Possible(const core_leaf_spine &shape)
{
    return shape.leaves > 0 && shape.leaves <= 1024 && shape.spines > 0 &&
           shape.spines <= 1024 && shape.hosts_per_leaf > 0 &&
           shape.hosts_per_leaf <= 1024 && shape.host_link.bps > 0 &&
           shape.spine_link.bps > 0;
}

/* A packet's first bit is on the sender's wire, or waits for it. */
void
Due(uint32_t from, Label label, uint32_t bytes)
{
    network->totals.sent++;
    Send(network->hosts[from], MakePacket(label, bytes));
}

} // namespace

const char *
core_leaf_spine_create(const struct core_leaf_spine *shape)
{
    std::vector<Ptr<Node>> leaves, spines;

    if (network != nullptr)
        return "there is a network already";
    if (!Possible(*shape))
        return "a leaf-spine like that cannot be";
    Time::SetResolution(Time::PS);
    network = std::make_unique<LeafSpine>();
    network->shape = *shape;
    network->up.resize(shape->leaves);
    network->down.resize(shape->spines);
    for (uint32_t spine = 0; spine < shape->spines; spine++)
        spines.push_back(CreateObject<Node>());
    for (uint32_t leaf = 0; leaf < shape->leaves; leaf++) {
        leaves.push_back(CreateObject<Node>());
        for (uint32_t host = 0; host < shape->hosts_per_leaf; host++) {
            auto channel = ChannelMake(shape->host_link);

            network->hosts.push_back(DeviceMake(CreateObject<Node>(), channel,
                                                shape->host_link,
                                                MakeCallback(&AtHost)));
            network->to_hosts.push_back(
                DeviceMake(leaves[leaf], channel, shape->host_link,
                           MakeBoundCallback(&AtLeaf, leaf)));
        }
        for (uint32_t spine = 0; spine < shape->spines; spine++) {
            auto channel = ChannelMake(shape->spine_link);

            network->up[leaf].push_back(
                DeviceMake(leaves[leaf], channel, shape->spine_link,
                           MakeBoundCallback(&AtLeaf, leaf)));
            network->down[spine].push_back(
                DeviceMake(spines[spine], channel, shape->spine_link,
                           MakeBoundCallback(&AtSpine, spine)));
        }
    }
    return nullptr;
}

const char *
core_packet(const struct core_packet *packet)
{
    uint64_t now_ps = static_cast<uint64_t>(Simulator::Now().GetTimeStep());
    uint32_t hosts = network->shape.leaves * network->shape.hosts_per_leaf;

    if (packet->from >= hosts || packet->to >= hosts ||
        packet->number != network->due_ps.size() || packet->due_ps < now_ps ||
        packet->wire_bytes < LABEL_BYTES + PPP_BYTES ||
        packet->wire_bytes > 65000)
        return "no such packet";
    network->due_ps.push_back(packet->due_ps);
    Simulator::Schedule(PicoSeconds(packet->due_ps - now_ps), &Due,
                        packet->from, Label{packet->number, packet->to},
                        packet->wire_bytes - PPP_BYTES);
    return nullptr;
}

void
core_leaf_spine_totals(struct core_spine_totals *totals)
{
    *totals = network->totals;
    totals->events = Simulator::GetEventCount();
}

const struct core_arrival *
core_arrivals(size_t *count)
{
    *count = network->arrivals.size();
    return network->arrivals.data();
}

void
core_arrivals_forget(void)
{
    network->arrivals.clear();
}
