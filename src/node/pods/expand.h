// $(NAME) references in commands, arguments and values. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sampan::node {

// Replaces $(NAME) by what `find` knows; unknown references stay as they are, $$ is one dollar sign.
std::string ExpandReferences(std::string_view text,
                             const std::function<std::optional<std::string>(std::string_view name)>& find);

}  // namespace sampan::node
