#include <algorithm>
#include <vector>

#include "models/base/config/variants.h"
#include "models/base/random/distributions.h"
#include "models/endpoints/workload/size_distribution.h"

namespace iommusim::ep {
namespace {

struct TableRow {
  base::Bytes bytes{64};
  double weight = 1;
  static const base::Fields<TableRow>& fields() {
    static const auto f = base::Fields<TableRow>("size_table_row", "One size and how often it occurs")
                              .field("bytes", &TableRow::bytes, "Size of a DMA")
                              .range("1 B", "1 GiB")
                              .required()
                              .field("weight", &TableRow::weight, "Relative frequency")
                              .range(0.0, 1e9);
    return f;
  }
};

std::vector<double> weights_of(const std::vector<TableRow>& rows) {
  std::vector<double> weights;
  weights.reserve(rows.size());
  for (const TableRow& row : rows) weights.push_back(row.weight);
  return weights;
}

class Table final : public SizeDistribution {
 public:
  explicit Table(const std::vector<TableRow>& rows) : choose_(weights_of(rows)) {
    for (const TableRow& row : rows) bytes_.push_back(static_cast<std::uint32_t>(row.bytes.value()));
  }
  std::uint32_t draw(base::RandomStream& random) const override { return bytes_[choose_(random)]; }
  std::uint32_t largest() const override { return *std::max_element(bytes_.begin(), bytes_.end()); }

 private:
  base::Discrete choose_;
  std::vector<std::uint32_t> bytes_;
};

struct TableConfig final : SizeDistributionConfig {
  std::vector<TableRow> rows;
  static const base::Fields<TableConfig>& fields() {
    static const auto f = base::Fields<TableConfig>("table", "Some sizes, each with a relative frequency")
                              .list("rows", &TableConfig::rows, "The sizes")
                              .items_between(1, 1024)
                              .required()
                              .check([](const TableConfig& c, base::Report& r) {
                                double sum = 0;
                                for (const TableRow& row : c.rows) sum += row.weight;
                                if (!(sum > 0)) r.error("rows", "all weights are zero: give one size a weight above 0");
                              });
    return f;
  }
  std::shared_ptr<const SizeDistribution> make() const override { return std::make_shared<Table>(rows); }
};

const base::Variants<SizeDistributionConfig>::Entry<TableConfig> entry("table",
                                                                       "some sizes, each with a relative frequency");

}  // namespace
}  // namespace iommusim::ep
