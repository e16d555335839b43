# A room of the house: an object library of its own, that sees its own headers, those of the rooms it needs, and what
# these need. A header of another room is not found, so an arrow that is not written down does not compile.
#
#   compactor_room(NAME SOURCES FILE… [NEEDS ROOM…] [LIBRARIES TARGET…])
#
# Headers are included by the name of their room ("wire/parser.h"). That each room can have an include path of its own,
# it is reached by a link in a folder of the build where nothing else is.
function(compactor_room name)
  cmake_parse_arguments(R "" "" "SOURCES;NEEDS;LIBRARIES" ${ARGN})
  set(path ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${path})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${path}/${name} SYMBOLIC)
  add_library(room_${name} OBJECT ${R_SOURCES})
  target_include_directories(room_${name} PUBLIC ${path})
  list(TRANSFORM R_NEEDS PREPEND room_)
  target_link_libraries(room_${name} PUBLIC ${R_NEEDS} ${R_LIBRARIES} PRIVATE compactor_flags)
  set_property(GLOBAL APPEND PROPERTY COMPACTOR_ROOMS ${name})
endfunction()

# The rooms in these folders as one library, for the program and the tests: what all of them have in common is read
# once, into a precompiled header of the first, which therefore links the libraries that are in it.
#
#   compactor_rooms(TARGET ROOMS ROOM… HEADERS HEADER…)
function(compactor_rooms target)
  cmake_parse_arguments(F "" "" "ROOMS;HEADERS" ${ARGN})
  list(POP_FRONT F_ROOMS first)
  add_subdirectory(${first})
  target_precompile_headers(room_${first} PRIVATE ${F_HEADERS})
  foreach(room ${F_ROOMS})
    add_subdirectory(${room})
    target_precompile_headers(room_${room} REUSE_FROM room_${first})
  endforeach()
  list(TRANSFORM F_ROOMS PREPEND room_)
  add_library(${target} STATIC)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${target} PUBLIC room_${first} ${F_ROOMS})
endfunction()
