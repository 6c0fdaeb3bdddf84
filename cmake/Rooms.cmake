# ray_room(NAME SOURCES ... LINKS ...): one room, one static library ray_NAME.
# LINKS names rooms below (bare) and third-party targets (dep_...). CONVERSION adds -Wconversion,
# for the rooms that read outside bytes.
function(ray_room name)
    cmake_parse_arguments(ROOM "CONVERSION" "" "SOURCES;LINKS" ${ARGN})
    add_library(ray_${name} STATIC ${ROOM_SOURCES})
    target_link_libraries(ray_${name} PUBLIC ray_settings)
    if(ROOM_CONVERSION)
        target_compile_options(ray_${name} PRIVATE -Wconversion)
    endif()
    foreach(link IN LISTS ROOM_LINKS)
        if(link MATCHES "^dep_")
            target_link_libraries(ray_${name} PRIVATE ${link})
        else()
            target_link_libraries(ray_${name} PUBLIC ray_${link})
        endif()
    endforeach()
endfunction()

# ray_unit_test(ROOM NOUN [LINKS ...] [LABELS threads]): tests/unit/ROOM/NOUN_test.c, one program,
# one ctest entry "unit/ROOM/NOUN". Linked with its room and cmocka; LINKS adds more.
function(ray_unit_test room noun)
    cmake_parse_arguments(TEST "" "" "LINKS;LABELS" ${ARGN})
    set(target test_${room}_${noun})
    add_executable(${target} ${CMAKE_SOURCE_DIR}/tests/unit/${room}/${noun}_test.c)
    target_link_libraries(${target} PRIVATE ray_${room} ${TEST_LINKS} dep_cmocka)
    target_compile_definitions(${target} PRIVATE RAY_TEST_DATA="${CMAKE_SOURCE_DIR}/tests")
    add_test(NAME unit/${room}/${noun} COMMAND ${target})
    set_tests_properties(unit/${room}/${noun} PROPERTIES TIMEOUT 120 LABELS "unit;${TEST_LABELS}")
endfunction()

# ray_fuzz_target(NAME LINKS ...): tests/fuzz/NAME_fuzz.c. With SPANBRIDGE_FUZZ a libFuzzer
# program; otherwise a program that runs the seeds of tests/fuzz/corpus/NAME once, as a test.
function(ray_fuzz_target name)
    cmake_parse_arguments(FUZZ "" "" "LINKS" ${ARGN})
    set(target fuzz_${name})
    if(SPANBRIDGE_FUZZ)
        add_executable(${target} ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}_fuzz.c)
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(${target} ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}_fuzz.c
            ${CMAKE_SOURCE_DIR}/tests/fuzz/run_corpus.c)
        add_test(NAME fuzz/${name}
            COMMAND ${target} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
        set_tests_properties(fuzz/${name} PROPERTIES TIMEOUT 120 LABELS "fuzz")
    endif()
    target_link_libraries(${target} PRIVATE ${FUZZ_LINKS})
endfunction()
