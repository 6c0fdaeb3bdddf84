# Third-party libraries, each as an imported target dep_NAME. Which room may use which stands in
# docs/architecture.md; gRPC is linked statically (half the start-up time, one file to ship) except under
# ThreadSanitizer, which only stays quiet about a shared one.
find_package(PkgConfig REQUIRED)

function(ray_dependency name package)
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${package})
    add_library(dep_${name} INTERFACE IMPORTED GLOBAL)
    target_link_libraries(dep_${name} INTERFACE PkgConfig::${name})
endfunction()

ray_dependency(curl libcurl)
ray_dependency(microhttpd libmicrohttpd)
ray_dependency(openssl openssl)
ray_dependency(jsonc json-c)
ray_dependency(yaml yaml-0.1)
ray_dependency(sqlite sqlite3)
ray_dependency(zstd libzstd)
ray_dependency(zlib zlib)
ray_dependency(protobufc libprotobuf-c)
ray_dependency(cmocka cmocka)

# One call of pkg-config, de-duplicated: pkg_check_modules asks fifteen times, a second each.
function(ray_grpc_dependency)
    execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --static --libs grpc
        OUTPUT_VARIABLE words OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    separate_arguments(words)
    list(REMOVE_DUPLICATES words)
    add_library(dep_grpc INTERFACE IMPORTED GLOBAL)
    if(SPANBRIDGE_SANITIZE STREQUAL "thread")
        target_link_libraries(dep_grpc INTERFACE grpc gpr)
        return()
    endif()
    # These stay shared: the system's own, and what libcurl brings as shared objects anyway (two
    # copies of OpenSSL in one process would be mixed up).
    set(shared_ones dl rt pthread m ssl crypto z)
    foreach(word IN LISTS words)
        if(NOT word MATCHES "^-l(.+)$")
            continue()
        endif()
        set(library ${CMAKE_MATCH_1})
        execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=lib${library}.a
            OUTPUT_VARIABLE archive OUTPUT_STRIP_TRAILING_WHITESPACE)
        if(library IN_LIST shared_ones OR NOT IS_ABSOLUTE "${archive}")
            list(APPEND shared_found ${library})
        else()
            list(APPEND archives ${archive})
        endif()
    endforeach()
    execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libstdc++.a
        OUTPUT_VARIABLE stdcxx OUTPUT_STRIP_TRAILING_WHITESPACE)
    list(APPEND archives ${stdcxx})
    list(JOIN archives "," group)
    target_link_libraries(dep_grpc INTERFACE "$<LINK_GROUP:RESCAN,${group}>" ${shared_found} m)
    target_link_options(dep_grpc INTERFACE -static-libgcc)
endfunction()
ray_grpc_dependency()
