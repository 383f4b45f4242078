#include "platforms/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "models/base/bdf.h"
#include "models/base/config/fields.h"
#include "models/base/text.h"
#include "platforms/config/platform_config.h"

namespace iommusim::platforms {
namespace {

using base::Bdf;
using Kind = TopologyNode::Kind;

constexpr unsigned kBuses = 256;
/// Switches on the way to a root port: what a request remembers of its way (tlm::DmaExtension::kMaxHops) holds twice as
/// many, there and back to a peer, and the host side.
constexpr unsigned kMaxDepth = 12;

/// Builds a topology step by step: who is behind whom, then bus numbers, then groups.
class Builder {
 public:
  Builder(const PlatformConfig& config, base::Report* report) : c_(config), report_(report) {}

  Topology build() {
    add_nodes();
    connect();
    check_redirects();
    check_links();
    number_buses();
    add_functions();
    make_groups();
    return std::move(t_);
  }

 private:
  struct Wanted {
    TopologyNode node;
    std::string behind;
  };

  void error(const std::string& path, const std::string& what) {
    failed_ = true;
    if (report_ != nullptr) report_->error(path, what);
  }

  void add_nodes() {
    const auto add = [&](Kind kind, std::size_t i, const char* list, const std::string& name,
                         const std::string& behind) {
      TopologyNode node;
      node.kind = kind;
      node.index = i;
      node.name = name;
      node.path = fmt::format("{}[{}]", list, i);
      wanted_.push_back({node, behind});
    };
    for (std::size_t i = 0; i < c_.switches.size(); ++i)
      add(Kind::pcie_switch, i, "switches", c_.switches[i].name, c_.switches[i].behind);
    for (std::size_t i = 0; i < c_.bridges.size(); ++i)
      add(Kind::bridge, i, "bridges", c_.bridges[i].name, c_.bridges[i].behind);
    for (std::size_t i = 0; i < c_.endpoints.size(); ++i)
      add(Kind::endpoint, i, "endpoints", c_.endpoints[i].name, c_.endpoints[i].behind);
  }

  // Repeatedly takes what is behind something taken already; what is left is behind nothing or in a circle.
  void connect() {
    std::vector<std::string> names;
    for (const Wanted& w : wanted_) {
      if (w.node.kind != Kind::endpoint) names.push_back(w.node.name);
    }
    std::vector<bool> taken(wanted_.size());
    std::map<std::string, std::size_t> node_of;
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t i = 0; i < wanted_.size(); ++i) {
        const Wanted& w = wanted_[i];
        if (taken[i] || (!w.behind.empty() && node_of.count(w.behind) == 0)) continue;
        taken[i] = moved = true;
        TopologyNode node = w.node;
        const std::size_t number = t_.nodes.size();
        if (w.behind.empty()) {
          node.port = static_cast<unsigned>(t_.roots.size());
          t_.roots.push_back(number);
        } else {
          TopologyNode& above = t_.nodes[node_of[w.behind]];
          if (above.kind == Kind::bridge && node.kind != Kind::endpoint)
            error(node.path + ".behind",
                  fmt::format("'{}' is a bridge to conventional PCI: only endpoints can be behind it", w.behind));
          node.above = node_of[w.behind];
          node.port = static_cast<unsigned>(above.below.size());
          above.below.push_back(number);
        }
        if (node.kind != Kind::endpoint) node_of[node.name] = number;
        t_.nodes.push_back(std::move(node));
      }
    }
    for (const TopologyNode& node : t_.nodes) {
      if (node.kind != Kind::endpoint && node.below.empty())
        error(node.path,
              fmt::format("nothing is behind '{}': give an endpoint `behind: {}`, or remove it", node.name, node.name));
    }
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      if (taken[i]) continue;
      const Wanted& w = wanted_[i];
      if (std::find(names.begin(), names.end(), w.behind) == names.end()) {
        error(
            w.node.path + ".behind",
            fmt::format("the platform has no switch or bridge '{}'.{}{}", w.behind, base::did_you_mean(w.behind, names),
                        names.empty() ? " It has none at all; leave `behind` out for a root port of its own"
                                      : " Known: " + base::join(names)));
      } else {
        error(w.node.path + ".behind",
              fmt::format("'{}' is behind '{}', which does not lead to a root port", w.node.name, w.behind));
      }
    }
  }

  // What a port sends up for a peer comes back to the same port of the switch above, which must pass it on.
  void check_redirects() {
    for (const TopologyNode& node : t_.nodes) {
      if (node.kind != Kind::pcie_switch || !node.above) continue;
      const bool redirects = std::any_of(node.below.begin(), node.below.end(), [&](std::size_t child) {
        const pcie::AcsConfig acs = port_of(c_, t_, t_.nodes[child]).acs;
        return acs.p2p_request_redirect || acs.p2p_completion_redirect;
      });
      if (!redirects || port_of(c_, t_, node).acs.upstream_forwarding) continue;
      error(
          node.path,
          fmt::format("its ports send requests to peers up, and '{}' above does not forward them: set `isolate: true` "
                      "there too (or port: {{acs: {{upstream_forwarding: true}}}} here), or `isolate: false` here",
                      t_.nodes[*node.above].name));
    }
  }

  const pcie::LinkConfig& link_of(const TopologyNode& node) const {
    return node.kind == Kind::pcie_switch ? c_.switches[node.index].link
           : node.kind == Kind::bridge    ? c_.bridges[node.index].link
                                          : c_.endpoints[node.index].link;
  }

  // Every TLP must fit each link on its way, and each buffer.
  void check_links() {
    for (const TopologyNode& node : t_.nodes) {
      if (node.above && t_.nodes[*node.above].kind == Kind::bridge) continue;  // it has no link
      const base::Bytes mps = link_of(node).mps;
      unsigned depth = 0;
      for (std::optional<std::size_t> at = node.above; at; at = t_.nodes[*at].above) ++depth;
      if (depth > kMaxDepth)
        error(node.path, fmt::format("is behind {} switches, at most {} can be", depth, kMaxDepth));
      if (node.above && link_of(t_.nodes[*node.above]).mps != mps) {
        error(node.path + ".link.mps",
              fmt::format(
                  "{} differs from the {} of '{}' above: firmware sets one size for a whole tree (the smallest of "
                  "all), as no TLP is cut on its way",
                  base::to_text(mps), base::to_text(link_of(t_.nodes[*node.above]).mps), t_.nodes[*node.above].name));
      }
      const auto check = [&](const pcie::ReceiveBuffer& buffer, const std::string& path) {
        const auto too_small = [&](base::Bytes data) { return data.value() != 0 && data < mps; };
        if (too_small(buffer.posted.data))
          error(path + ".posted.data",
                fmt::format("must hold one TLP of {} (mps of '{}')", base::to_text(mps), node.name));
        if (too_small(buffer.completion.data))
          error(path + ".completion.data",
                fmt::format("must hold one TLP of {} (mps of '{}')", base::to_text(mps), node.name));
      };
      if (!node.above) check(c_.root_complex.buffer, "root_complex.buffer");
      if (node.above)
        check(c_.switches[t_.nodes[*node.above].index].settings.buffer,
              t_.nodes[*node.above].path + ".settings.buffer");
      if (node.kind == Kind::pcie_switch)
        check(c_.switches[node.index].settings.buffer, node.path + ".settings.buffer");
      if (node.kind == Kind::bridge) check(c_.bridges[node.index].settings.buffer, node.path + ".settings.buffer");
      if (node.kind == Kind::endpoint) check(c_.endpoints[node.index].buffer, node.path + ".buffer");
    }
  }

  unsigned buses_of(const TopologyNode& node, Bdf first) {
    unsigned last = first.value();
    for (const pcie::FunctionPlace& place : pcie::places_of(first, c_.endpoints[node.index].device)) {
      if (place.bdf < first) {
        error(node.path + ".device", "a virtual function would lie beyond bus ff");
        break;
      }
      last = std::max<unsigned>(last, place.bdf.value());
    }
    return base::bus_of(Bdf(static_cast<std::uint16_t>(last))) - base::bus_of(first) + 1;
  }

  void number_buses() {
    unsigned next = 1;
    for (const std::size_t root : t_.roots) {
      const TopologyNode& node = t_.nodes[root];
      if (node.kind != Kind::endpoint || c_.endpoints[node.index].bdf == kAutoBdf) continue;
      const Bdf bdf = c_.endpoints[node.index].bdf;
      next = std::max(next, base::bus_of(bdf) + buses_of(node, bdf));
    }
    for (const std::size_t root : t_.roots) {
      TopologyNode& node = t_.nodes[root];
      if (node.kind == Kind::endpoint && c_.endpoints[node.index].bdf != kAutoBdf) {
        node.bdf = c_.endpoints[node.index].bdf;
        node.first_bus = base::bus_of(node.bdf);
        node.last_bus = node.first_bus + buses_of(node, node.bdf) - 1;
      } else {
        number(root, next);
      }
    }
    if (next > kBuses)
      error(t_.nodes[t_.roots.back()].path, fmt::format("the platform needs {} buses, PCIe has 256", next));
  }

  void number(std::size_t at, unsigned& next) {
    TopologyNode& node = t_.nodes[at];
    node.first_bus = next++;
    node.bdf = base::make_bdf(node.first_bus, 0, 0);
    switch (node.kind) {
      case Kind::endpoint: {
        const Bdf written = c_.endpoints[node.index].bdf;
        if (written != kAutoBdf) {
          if (base::bus_of(written) < node.first_bus) {
            error(
                node.path + ".bdf",
                fmt::format(
                    "bus {:02x} belongs to something above or before '{}': buses are numbered depth first. Use {:02x} "
                    "or more, or leave bdf out",
                    base::bus_of(written), node.name, node.first_bus));
          } else {
            node.first_bus = base::bus_of(written);
            node.bdf = written;
          }
        }
        next = node.first_bus + buses_of(node, node.bdf);
        break;
      }
      case Kind::pcie_switch:
        ++next;  // the bus its downstream ports are on
        for (const std::size_t child : node.below) number(child, next);
        break;
      case Kind::bridge: {
        const unsigned bus = next++;
        unsigned device = 0;
        for (const std::size_t child : node.below) {
          TopologyNode& n = t_.nodes[child];
          if (n.kind != Kind::endpoint) continue;  // reported
          n.first_bus = n.last_bus = bus;
          n.bdf = base::make_bdf(bus, device++, 0);
          const EndpointConfig& e = c_.endpoints[n.index];
          if (e.bdf != kAutoBdf)
            error(n.path + ".bdf", "devices behind a bridge get their numbers from it: leave bdf out");
          if (pcie::places_of(n.bdf, e.device).size() > 1)
            error(n.path + ".device", "a conventional PCI device behind a bridge has one function here");
        }
        if (device > 32) error(node.path, "a PCI bus has 32 devices at most");
        break;
      }
    }
    t_.nodes[at].last_bus = next - 1;
  }

  Bdf alias_of(const TopologyNode& node) const { return base::make_bdf(t_.nodes[*node.above].first_bus + 1, 0, 0); }

  void add_functions() {
    std::map<std::uint16_t, std::string> used;
    for (std::size_t i = 0; i < t_.nodes.size(); ++i) {
      const TopologyNode& node = t_.nodes[i];
      if (node.kind != Kind::endpoint) {
        used.emplace(node.bdf.value(), node.name);
        continue;
      }
      const EndpointConfig& e = c_.endpoints[node.index];
      const bool bridged = node.above && t_.nodes[*node.above].kind == Kind::bridge;
      unsigned number = 0;
      for (const pcie::FunctionPlace& place : pcie::places_of(node.bdf, e.device)) {
        TopologyFunction f;
        f.name = place.physical == 0 ? e.name : fmt::format("{}.f{}", e.name, place.physical);
        if (place.is_virtual) f.name += fmt::format(".vf{}", place.vf - 1);
        f.endpoint = node.index;
        f.number = number++;
        f.bdf = place.bdf;
        f.requester = bridged ? alias_of(node) : f.bdf;
        const auto [it, fresh] = used.emplace(f.bdf.value(), f.name);
        if (!fresh && !failed_)  // else numbers are not final
          error(node.path + ".bdf", fmt::format("{} is already the BDF of '{}'", base::to_text(f.bdf), it->second));
        t_.functions.push_back(f);
      }
    }
    std::stable_sort(t_.functions.begin(), t_.functions.end(),
                     [](const TopologyFunction& a, const TopologyFunction& b) {
                       return std::tie(a.endpoint, a.number) < std::tie(b.endpoint, b.number);
                     });
  }

  // Two functions are in one group when a request can get from one to the other without passing the remapping unit, or
  // when the unit cannot tell them apart. Root ports send everything to the unit. Numbers follow the order of
  // functions.
  void make_groups() {
    std::vector<std::size_t> leader(t_.nodes.size());
    std::iota(leader.begin(), leader.end(), std::size_t{0});
    const std::function<std::size_t(std::size_t)> find = [&](std::size_t i) {
      return leader[i] == i ? i : leader[i] = find(leader[i]);
    };
    const auto join = [&](std::size_t a, std::size_t b) { leader[find(b)] = find(a); };
    const std::function<void(std::size_t, std::size_t)> join_all = [&](std::size_t top, std::size_t at) {
      join(top, at);
      for (const std::size_t child : t_.nodes[at].below) join_all(top, child);
    };
    for (std::size_t i = 0; i < t_.nodes.size(); ++i) {
      const TopologyNode& node = t_.nodes[i];
      if (node.kind == Kind::bridge) join_all(i, i);
      if (node.kind != Kind::pcie_switch) continue;
      // A port that does not send peer-to-peer requests up lets what is below it reach everything below the switch.
      for (const std::size_t child : node.below) {
        if (isolates(port_of(c_, t_, t_.nodes[child]).acs)) continue;
        for (const std::size_t peer : node.below) join_all(child, peer);
        break;
      }
    }
    std::vector<std::size_t> node_of(c_.endpoints.size());
    std::vector<unsigned> endpoints(t_.nodes.size());  // of each group, by its leader
    for (std::size_t i = 0; i < t_.nodes.size(); ++i) {
      if (t_.nodes[i].kind != Kind::endpoint) continue;
      node_of[t_.nodes[i].index] = i;
      ++endpoints[find(i)];
    }
    // Functions of one device do not reach each other inside it (models/pcie/device.h): each has a group of its own
    // unless the device shares its group with another.
    std::map<std::pair<std::size_t, unsigned>, unsigned> numbers;
    for (TopologyFunction& f : t_.functions) {
      const std::size_t group = find(node_of[f.endpoint]);
      const auto [it, fresh] = numbers.emplace(std::make_pair(group, endpoints[group] == 1 ? f.number : 0), t_.groups);
      if (fresh) ++t_.groups;
      f.group = it->second;
    }
  }

  static bool isolates(const pcie::AcsConfig& acs) {
    // With egress control, ports that are not barred are reached directly, redirect or not.
    return acs.source_validation && acs.p2p_request_redirect && acs.p2p_completion_redirect &&
           acs.upstream_forwarding && !acs.p2p_egress_control;
  }

  const PlatformConfig& c_;
  base::Report* report_;
  bool failed_ = false;
  std::vector<Wanted> wanted_;
  Topology t_;
};

}  // namespace

std::string TopologyFunction::path() const {
  std::string text = name;
  const std::size_t first = text.find('.');
  if (first != std::string::npos)
    std::replace(text.begin() + static_cast<std::ptrdiff_t>(first) + 1, text.end(), '.', '_');
  return text;
}

std::size_t Topology::node_of_endpoint(std::size_t endpoint) const {
  const auto it = std::find_if(nodes.begin(), nodes.end(), [&](const TopologyNode& n) {
    return n.kind == TopologyNode::Kind::endpoint && n.index == endpoint;
  });
  return static_cast<std::size_t>(it - nodes.begin());
}

const TopologyFunction* Topology::find(const std::string& name) const {
  const auto it =
      std::find_if(functions.begin(), functions.end(), [&](const TopologyFunction& f) { return f.name == name; });
  return it == functions.end() ? nullptr : &*it;
}

unsigned Topology::root_port_of(std::size_t node) const {
  while (nodes[node].above) node = *nodes[node].above;
  return nodes[node].port;
}

pcie::SwitchPortConfig port_of(const PlatformConfig& config, const Topology& topology, const TopologyNode& node) {
  pcie::SwitchPortConfig port = node.kind == Kind::pcie_switch ? config.switches[node.index].port
                                : node.kind == Kind::bridge    ? config.bridges[node.index].port
                                                               : config.endpoints[node.index].port;
  if (config.has_iommu() && config.switches[topology.nodes[*node.above].index].isolate) {
    port.acs.source_validation = port.acs.p2p_request_redirect = true;
    port.acs.p2p_completion_redirect = port.acs.upstream_forwarding = true;
  }
  return port;
}

bool reaches_directly(const PlatformConfig& config, const Topology& topology, const TopologyFunction& from,
                      const TopologyFunction& to) {
  std::vector<std::size_t> way;  // of `to`, upward
  for (std::optional<std::size_t> at = topology.node_of_endpoint(to.endpoint); at; at = topology.nodes[*at].above)
    way.push_back(*at);
  for (std::size_t at = topology.node_of_endpoint(from.endpoint); topology.nodes[at].above;
       at = *topology.nodes[at].above) {
    const std::size_t above = *topology.nodes[at].above;
    if (std::find(way.begin(), way.end(), above) == way.end()) continue;
    if (topology.nodes[above].kind != Kind::pcie_switch) return false;
    const pcie::AcsConfig acs = port_of(config, topology, topology.nodes[at]).acs;
    if (!acs.p2p_egress_control) return !acs.p2p_request_redirect;
    const unsigned egress = topology.nodes[*(std::find(way.begin(), way.end(), above) - 1)].port;
    return std::find(acs.egress_blocked.begin(), acs.egress_blocked.end(), egress) == acs.egress_blocked.end();
  }
  return false;
}

Topology topology_of(const PlatformConfig& config, base::Report* report) { return Builder(config, report).build(); }

}  // namespace iommusim::platforms
