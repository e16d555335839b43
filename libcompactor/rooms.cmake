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
endfunction()
