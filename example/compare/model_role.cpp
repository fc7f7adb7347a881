#include "model_role.hpp"

#include <exception>

#include "channel.hpp"
#include "collector.hpp"
#include "models/models.hpp"
#include "work.hpp"

namespace compare {
namespace {

void run(const work& w, collector& done) {
    switch (w.order.model) {
        case model_id::sequential:
            return models::sequential(w, done);
        case model_id::thread_each:
            return models::thread_each(w, done);
        case model_id::thread_pool:
            return models::thread_pool(w, done);
        case model_id::process_pool:
            return models::process_pool(w, done);
        case model_id::green:
            return models::green_threads(w, done);
        case model_id::keep_alive:
            return models::keep_alive(w, done);
        case model_id::boost_fibers:
            return models::boost_fibers(w, done);
    }
}

}  // namespace

int run_model_role(std::string_view order) {
    channel parent;
    try {
        const work w(work_order::parse(order));
        collector done(parent);
        done.start();
        run(w, done);
        done.finish();
        return 0;
    } catch (const std::exception& error) {
        parent.send_line(std::string("failed ") + error.what());
        return 1;
    }
}

}  // namespace compare
