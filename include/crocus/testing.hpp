// For tests of programs that use crocus (IsolatedAsyncioTestCase, trio.testing): a loop whose time passes only when
// everybody waits, orders that are drawn from a seed and can be seen again, and what helps to hit a certain one.
#pragma once

#include <crocus/testing/lifetimes.hpp>
#include <crocus/testing/schedule.hpp>
#include <crocus/testing/sequencer.hpp>
#include <crocus/testing/virtual_time.hpp>
