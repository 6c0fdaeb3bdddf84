# The language, the warnings, hardening and sanitizers: one INTERFACE library that every room links.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # _GNU_SOURCE: memmem, recvmmsg, pthread names
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_package(Threads REQUIRED)

add_library(ray_settings INTERFACE)
target_include_directories(ray_settings INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(ray_settings INTERFACE _GNU_SOURCE
    SPANBRIDGE_VERSION="${PROJECT_VERSION}")
target_compile_options(ray_settings INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual
    -Wwrite-strings -Wformat=2 -Wno-format-zero-length -Wvla -Wundef -Wimplicit-fallthrough -Wswitch-enum
    $<$<BOOL:${SPANBRIDGE_WERROR}>:-Werror>
    -fno-delete-null-pointer-checks -fno-strict-overflow -fno-common
    -ffunction-sections -fdata-sections
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_link_options(ray_settings INTERFACE -Wl,--gc-sections)
target_link_libraries(ray_settings INTERFACE Threads::Threads m)

if(SPANBRIDGE_HARDEN)
    include(CheckPIESupported)
    check_pie_supported()
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    target_compile_options(ray_settings INTERFACE
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
        -ftrivial-auto-var-init=zero)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        target_compile_options(ray_settings INTERFACE -fcf-protection=full)
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
        target_compile_options(ray_settings INTERFACE -mbranch-protection=standard)
    endif()
    target_link_options(ray_settings INTERFACE
        -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code)
endif()

if(SPANBRIDGE_SANITIZE STREQUAL "address")
    target_compile_options(ray_settings INTERFACE
        -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    target_link_options(ray_settings INTERFACE -fsanitize=address,undefined)
elseif(SPANBRIDGE_SANITIZE STREQUAL "thread")
    target_compile_options(ray_settings INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
    target_link_options(ray_settings INTERFACE -fsanitize=thread)
endif()
if(SPANBRIDGE_FUZZ)
    # instrumented for coverage everywhere; the fuzzer's main comes in at each target's link
    target_compile_options(ray_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
