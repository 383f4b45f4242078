#include "models/endpoints/trace/codec.h"

#include <limits>
#include <stdexcept>

#include "models/endpoints/trace/fields.h"

namespace iommusim::ep {
namespace {

constexpr std::uint64_t max_time = std::uint64_t{1} << 53;  // ns, 104 days: 64 bits still hold it in picoseconds

void put(std::string& out, std::uint64_t value) {
  char digits[20];
  int n = 0;
  do digits[n++] = static_cast<char>('0' + value % 10);
  while (value /= 10);
  out += ' ';
  while (n) out += digits[--n];
}

void put_signed(std::string& out, std::int64_t value) {
  if (value >= 0) return put(out, static_cast<std::uint64_t>(value));
  put(out, static_cast<std::uint64_t>(-value));
  out.insert(out.rfind(' ') + 1, 1, '-');
}

void put_hex(std::string& out, std::uint64_t value) {
  char digits[16];
  int n = 0;
  do digits[n++] = "0123456789abcdef"[value & 15];
  while (value >>= 4);
  out += ' ';
  while (n) out += digits[--n];
}

void put_letter(std::string& out, char letter) {
  out += ' ';
  out += letter;
}

void put_domain(std::string& out, base::DomainId domain) {
  if (domain == no_domain)
    put_letter(out, '-');
  else
    put(out, domain.value());
}

/// Takes the fields of one line; remembers the first that is wrong.
class Fields {
 public:
  explicit Fields(std::string_view line) : words_(line) {}

  std::string_view tag() { return words_.next(); }
  template <class T>
  void number(T& out, const char* name, std::uint64_t max = std::numeric_limits<T>::max()) {
    out = static_cast<T>(take(name, 10, max));
  }
  void step(std::int64_t& out, const char* name) {
    auto word = words_.next();
    const bool negative = !word.empty() && word[0] == '-';
    if (negative) word.remove_prefix(1);
    out = static_cast<std::int64_t>(convert(word, name, 10, max_time));
    if (negative) out = -out;
  }
  void address(std::uint64_t& out, const char* name) { out = take(name, 16, ~std::uint64_t{0}); }
  void iova(TraceRecord& r) { r.iova = base::Iova(take("IOVA", 16, ~std::uint64_t{0})); }
  void paddr(TraceRecord& r) { r.paddr = base::Hpa(take("physical address", 16, ~std::uint64_t{0})); }
  void requester(TraceRecord& r) { r.requester = base::Bdf(static_cast<std::uint16_t>(take("requester", 16, 0xffff))); }
  void domain(TraceRecord& r) {
    const auto word = words_.next();
    if (word == "-")
      r.domain = no_domain;
    else
      r.domain = base::DomainId(static_cast<std::uint32_t>(convert(word, "domain", 10, 0xfffffffe)));
  }
  /// One letter out of `allowed`.
  char letter(const char* name, std::string_view allowed) {
    const auto word = words_.next();
    if (word.size() == 1 && allowed.find(word[0]) != std::string_view::npos) return word[0];
    wrong(name, word);
    return allowed[0];
  }
  std::string_view rest() {
    auto rest = words_.rest();
    if (!rest.empty()) rest.remove_prefix(1);
    return rest;
  }
  void end() {
    if (!words_.done() && !error_) error_ = "more fields than this kind of record has";
  }
  const std::optional<std::string>& error() const { return error_; }

 private:
  void wrong(const char* name, std::string_view word) {
    if (error_) return;
    error_ = word.empty() ? std::string("the field '") + name + "' is missing"
                          : std::string("'") + std::string(word.substr(0, 40)) + "' is no valid " + name;
  }
  std::uint64_t convert(std::string_view word, const char* name, unsigned base, std::uint64_t max) {
    const auto value = parse_number(word, base);
    if (value && *value <= max) return *value;
    wrong(name, word);
    return 0;
  }
  std::uint64_t take(const char* name, unsigned base, std::uint64_t max) {
    return convert(words_.next(), name, base, max);
  }

  Words words_;
  std::optional<std::string> error_;
};

}  // namespace

void TraceCodec::encode(const TraceRecord& r, std::string& out) {
  const bool kernel = r.side == TraceSide::kernel;
  auto& line = kernel ? kernel_line_ : unit_line_;
  if (r.time < time_) throw std::logic_error("trace records must be written in order of time");
  out += static_cast<char>(r.kind);
  out += static_cast<char>(r.side);
  put(out, r.time - time_);
  put_signed(out, static_cast<std::int64_t>(r.line) - static_cast<std::int64_t>(line));
  if (kernel) put_signed(out, static_cast<std::int64_t>(r.origin - kernel_origin_));
  time_ = r.time;
  line = r.line;
  if (kernel) kernel_origin_ = r.origin;
  switch (r.kind) {
    case TraceKind::mark:
      put(out, r.number);
      out += ' ';
      for (char c : r.text) out += c == '\n' || c == '\0' ? ' ' : c;
      break;
    case TraceKind::attach:
      put_hex(out, r.requester.value());
      out += ' ';
      out += domain_type_name(r.type);
      put_domain(out, r.domain);
      put(out, r.flags);
      break;
    case TraceKind::translation: put(out, r.enable); break;
    case TraceKind::call:
      put(out, r.mapping);
      put_letter(out, static_cast<char>(r.call));
      put_hex(out, r.requester.value());
      put(out, static_cast<unsigned>(r.direction));
      put(out, r.size);
      put(out, r.number);
      break;
    case TraceKind::map:
    case TraceKind::unmap:
      put(out, r.flags);
      put(out, r.mapping);
      put_hex(out, r.requester.value());
      put_domain(out, r.domain);
      put_hex(out, r.iova.value());
      put_hex(out, r.size);
      if (r.kind == TraceKind::unmap) break;
      put(out, r.permissions);
      put_hex(out, r.paddr.value());
      break;
    case TraceKind::invalidate:
      put_letter(out, static_cast<char>(r.invalidate));
      put(out, r.flags);
      put(out, r.mask);
      put_hex(out, r.requester.value());
      put_domain(out, r.domain);
      put_hex(out, r.iova.value());
      break;
    case TraceKind::request:
      put_letter(out, static_cast<char>(r.request));
      put_domain(out, r.domain);
      put(out, r.permissions);
      put_hex(out, r.iova.value());
      put_hex(out, r.paddr.value());
      put_hex(out, r.size);
      break;
    case TraceKind::access:
      put_letter(out, static_cast<char>(r.outcome));
      put_letter(out, static_cast<char>(r.access));
      put_letter(out, r.write ? 'w' : 'r');
      put(out, r.flags);
      put(out, r.mapping);
      put(out, r.io);
      put_hex(out, r.requester.value());
      put_domain(out, r.domain);
      put_hex(out, r.iova.value());
      put_hex(out, r.paddr.value());
      put(out, r.size);
      break;
    case TraceKind::doorbell:
      put(out, r.flags);
      put_hex(out, r.requester.value());
      put(out, r.number);
      put(out, r.value);
      break;
    case TraceKind::msi:
      put_hex(out, r.requester.value());
      put(out, r.number);
      put(out, r.io);
      break;
    case TraceKind::interrupt:
      put(out, r.flags);
      put_hex(out, r.requester.value());
      put_hex(out, r.iova.value());
      put_hex(out, r.value);
      break;
    case TraceKind::fault:
      put_hex(out, r.requester.value());
      put(out, r.number);
      put_letter(out, r.write ? 'w' : 'r');
      put_hex(out, r.iova.value());
      break;
    case TraceKind::iotlb_reset: break;
    case TraceKind::passthrough: put_hex(out, r.requester.value()); break;
  }
  out += '\n';
}

std::optional<std::string> TraceCodec::decode(std::string_view text, TraceRecord& r) {
  r = TraceRecord{};
  Fields f(text);
  const auto tag = f.tag();
  if (tag.size() != 2 || std::string_view("MATCPUIVDBSRFXN").find(tag[0]) == std::string_view::npos)
    return "'" + std::string(tag.substr(0, 40)) + "' is no kind of record of version 1";
  if (tag[1] != 'k' && tag[1] != 'u') return "'" + std::string(tag) + "' names no side (k or u)";
  r.kind = static_cast<TraceKind>(tag[0]);
  r.side = static_cast<TraceSide>(tag[1]);
  const bool kernel = r.side == TraceSide::kernel;
  auto& line = kernel ? kernel_line_ : unit_line_;
  std::uint64_t step = 0;
  std::int64_t origin_step = 0, line_step = 0;
  f.number(step, "time step", max_time);
  f.step(line_step, "line step");
  if (kernel) f.step(origin_step, "kernel time step");
  if (f.error()) return f.error();
  const std::uint64_t origin = kernel_origin_ + static_cast<std::uint64_t>(origin_step);
  if (time_ + step > max_time || origin > max_time) return "the time leaves the range of 2^53 ns";
  const std::int64_t at_line = line + line_step;
  if (at_line < 0 || at_line > std::numeric_limits<std::uint32_t>::max()) return "the line number leaves its range";
  r.time = time_ += step;
  r.line = line = static_cast<std::uint32_t>(at_line);
  if (kernel) kernel_origin_ = origin;
  r.origin = kernel ? origin : r.time;
  std::uint8_t bit = 0;
  switch (r.kind) {
    case TraceKind::mark:
      f.number(r.number, "mark number");
      r.text = std::string(f.rest());
      return f.error();
    case TraceKind::attach: {
      f.requester(r);
      const std::string name(f.tag());
      r.type = domain_type_from(name);
      if (r.type == DomainType::unknown && name != "unknown") return "'" + name.substr(0, 40) + "' is no domain type";
      f.domain(r);
      f.number(r.flags, "flags");
      break;
    }
    case TraceKind::translation:
      f.number(bit, "enable bit", 1);
      r.enable = bit;
      break;
    case TraceKind::call: {
      f.number(r.mapping, "mapping id");
      r.call = static_cast<CallKind>(f.letter("call", "psa"));
      f.requester(r);
      std::uint8_t direction = 0;
      f.number(direction, "direction", 2);
      r.direction = static_cast<Direction>(direction);
      f.number(r.size, "size");
      f.number(r.number, "offset or count");
      break;
    }
    case TraceKind::map:
    case TraceKind::unmap:
      f.number(r.flags, "flags", 1);
      f.number(r.mapping, "mapping id");
      f.requester(r);
      f.domain(r);
      f.iova(r);
      f.address(r.size, "size");
      if (!f.error() && (r.size == 0 || (r.size | r.iova.value()) & 0xfff))
        return "a mapping is not made of whole 4 KiB pages";
      if (!f.error() && r.iova.value() + r.size - 1 < r.iova.value()) return "a mapping wraps around the address space";
      if (r.kind == TraceKind::unmap) break;
      f.number(r.permissions, "permissions", 3);
      f.paddr(r);
      break;
    case TraceKind::invalidate:
      r.invalidate = static_cast<InvalidateKind>(f.letter("kind of invalidation", "gdptGDFiwo"));
      f.number(r.flags, "flags", 1);
      f.number(r.mask, "mask", 63);
      f.requester(r);
      f.domain(r);
      f.iova(r);
      break;
    case TraceKind::request:
      r.request = static_cast<RequestKind>(f.letter("request", "mu"));
      f.domain(r);
      f.number(r.permissions, "permissions", 3);
      f.iova(r);
      f.paddr(r);
      f.address(r.size, "size");
      break;
    case TraceKind::access:
      r.outcome = static_cast<Outcome>(f.letter("outcome", "hftpn"));
      r.access = static_cast<AccessClass>(f.letter("class of access", "?scdlbrtwq"));
      r.write = f.letter("direction", "rw") == 'w';
      f.number(r.flags, "flags", 7);
      f.number(r.mapping, "mapping id");
      f.number(r.io, "I/O id");
      f.requester(r);
      f.domain(r);
      f.iova(r);
      f.paddr(r);
      f.number(r.size, "size", 4096);
      if (!f.error() && (r.iova.value() & 0xfff) + r.size > 4096) return "an access crosses a 4 KiB page";
      break;
    case TraceKind::doorbell:
      f.number(r.flags, "flags", 1);
      f.requester(r);
      f.number(r.number, "queue");
      f.number(r.value, "doorbell value");
      break;
    case TraceKind::msi:
      f.requester(r);
      f.number(r.number, "vector");
      f.number(r.io, "I/O id");
      break;
    case TraceKind::interrupt: {
      f.number(r.flags, "flags", 1);
      f.requester(r);
      f.iova(r);
      std::uint64_t data = 0;
      f.address(data, "message data");
      if (data > 0xffffffff) return "message data beyond 32 bits";
      r.value = static_cast<std::uint32_t>(data);
      break;
    }
    case TraceKind::fault:
      f.requester(r);
      f.number(r.number, "fault reason", 255);
      r.write = f.letter("direction", "rw") == 'w';
      f.iova(r);
      break;
    case TraceKind::iotlb_reset: break;
    case TraceKind::passthrough: f.requester(r); break;
  }
  f.end();
  return f.error();
}

}  // namespace iommusim::ep
