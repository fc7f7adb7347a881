#include "models.hpp"

#include <algorithm>

namespace compare {

std::span<const model> all_models() {
    static constexpr model table[] = {
        {model_id::sequential, "sequential", "sequential", true, false, true},
        {model_id::thread_each, "thread-each", "native thread each", false, false, false},
        {model_id::thread_pool, "thread-pool", "thread pool", false, false, true},
        {model_id::process_pool, "process-pool", "process pool", false, true, true},
        {model_id::green, "green", "green threads", false, false, true},
        {model_id::keep_alive, "keep-alive", "green, keep-alive", false, false, false},
        {model_id::boost_fibers, "boost-fibers", "boost fibers", true, false, false},
    };
    return table;
}

const model& find_model(model_id id) { return all_models()[static_cast<std::size_t>(id) - 1]; }

std::optional<model_id> model_named(std::string_view name_or_number) {
    const auto models = all_models();
    const auto found = std::ranges::find_if(models, [&](const model& m) {
        return m.name == name_or_number || std::to_string(m.number()) == name_or_number;
    });
    if (found == models.end()) return std::nullopt;
    return found->id;
}

std::string model_names() {
    std::string names;
    for (const model& m : all_models()) names += (names.empty() ? "" : ", ") + std::string(m.name);
    return names;
}

}  // namespace compare
