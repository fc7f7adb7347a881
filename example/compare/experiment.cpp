#include "experiment.hpp"

#include <algorithm>
#include <crocus/thread_pool.hpp>
#include <optional>

#include "flag_set.hpp"
#include "model_run.hpp"
#include "preflight.hpp"
#include "progress_bar.hpp"
#include "server_process.hpp"

namespace compare {
namespace {

constexpr std::size_t title_width = 29;  // so that the bars of all models stand in one place

class experiment {
public:
    explicit experiment(const options& of) : options_(of) {
        require_descriptors(of.concurrency);
        result_.cores = crocus::usable_processors();
        if (of.base_url) {
            base_ = order_for_base_url(of, flag_set());
        } else {
            server_.emplace(of);
            base_.port = server_->port();
            base_.host = base_.address + ':' + std::to_string(base_.port);
            base_.latency = of.latency;
        }
        base_.urls = of.urls;
        base_.seed = of.seed;
        base_.nums = of.nums;
        result_.server = of.base_url ? of.base_url->to_string() : "http://" + base_.host;
    }

    results run() {
        const std::vector<work_order> orders = all_orders();
        for (std::size_t i = 0; i < orders.size(); ++i) {
            const model& m = find_model(orders[i].model);
            const std::size_t items = orders[i].items().size();
            std::string title =
                std::to_string(i + 1) + '/' + std::to_string(orders.size()) + ' ' + std::string(m.title);
            if (orders[i].work == workload::cpu) title += ", computing";
            title.resize(std::max(title.size(), title_width), ' ');
            progress_bar bar(title, items);
            result_.all.push_back(run_model(orders[i], [&](std::size_t done) { bar.show(done); }));
            if (server_) server_->check();
        }
        return result_;
    }

private:
    [[nodiscard]] std::vector<work_order> all_orders() const {
        std::vector<work_order> orders;
        for (const workload work : {workload::downloads, workload::cpu}) {
            for (const model_id id : options_.models) {
                if (work == workload::cpu && !find_model(id).computes) continue;
                work_order order = base_;
                order.work = work;
                order.model = id;
                order.concurrency = work == workload::cpu ? result_.cores : std::min(options_.concurrency, base_.urls);
                if (find_model(id).several_processes) order.concurrency = std::min(order.concurrency, most_processes);
                orders.push_back(order);
            }
        }
        return orders;
    }

    const options& options_;
    std::optional<server_process> server_;
    work_order base_;
    results result_;
};

}  // namespace

results run_experiment(const options& of) { return experiment(of).run(); }

}  // namespace compare
