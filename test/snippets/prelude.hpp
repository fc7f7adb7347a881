// What stands above a declaration or a fragment on a page.
#pragma once

#include <algorithm>
#include <cassert>
#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <crocus.hpp>

using namespace std::chrono_literals;
